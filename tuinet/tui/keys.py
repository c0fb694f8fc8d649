"""All keys, in one table: it makes the bindings, the footer, the help, the palette and docs/keys.md."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from textual.binding import Binding
from textual.keys import KEY_TO_UNICODE_NAME, REPLACED_KEYS, Keys

from tuinet.errors import TuinetError


class Key(NamedTuple):
    """One key, or several that do the same.

    id      `train.pause`: where it works, and what it is called in the file of a person's own keys
    keys    Textual's names of the keys, with commas between
    action  the method `action_…` of the screen or the app
    word    what the footer calls it; "" keeps it out of the footer
    help    what it does, in words
    show    how the footer writes it
    """

    id: str
    keys: str
    action: str
    word: str
    help: str
    show: str

    @property
    def place(self) -> str:
        return self.id.split(".")[0]


KEYS: tuple[Key, ...] = (
    # ── everywhere
    Key("app.home", "1,f2", "go('home')", "", "Home: recipes, runs and models", "1"),
    Key("app.build", "2,f3", "go('build')", "", "Build: an experiment, its layers, data and training", "2"),
    Key("app.train", "3,f4", "go('train')", "", "Train: a run as it goes", "3"),
    Key("app.inspect", "4,f5", "go('inspect')", "", "Inspect: what is inside a model", "4"),
    Key("app.help", "question_mark,f1", "help", "", "this help: all keys, and what the screen shows", "?"),
    Key("app.palette", "colon,ctrl+p", "command_palette", "", "the palette: every action by its name", ":"),
    Key("app.next", "tab", "next_pane", "", "to the next pane", "tab"),
    Key("app.before", "shift+tab", "pane_before", "", "to the pane before", "shift+tab"),
    Key("app.save", "w", "save_view", "", "save what is seen as a picture or text", "w"),
    Key("app.quit", "q,ctrl+q", "leave", "", "quit; runs can go on", "q"),
    # ── Home
    Key("home.open", "enter", "open", "open", "open it: train a recipe, look at a run, look into a model", "enter"),
    Key("home.train", "t", "train", "train", "train the recipe, or the model's recipe, anew", "t"),
    Key("home.build", "b", "build", "build", "open its network in Build, to change it", "b"),
    Key("home.filter", "slash", "filter", "filter", "show only what has these letters in it", "/"),
    Key("home.inspect", "i", "inspect", "look inside", "look inside the run's model", "i"),
    Key("home.resume", "r", "resume", "go on", "go on with a run that has stopped", "r"),
    Key("home.delete", "d", "delete", "delete", "delete the run and all it wrote; asks first", "d"),
    # ── Build
    Key("build.add", "a", "add", "add", "a layer behind the one under the cursor, of those that fit there", "a"),
    Key("build.edit", "enter", "edit", "edit", "the settings of the layer, or the setting, under the cursor", "enter"),
    Key("build.remove", "d", "remove", "delete", "take the layer away; u brings it back", "d"),
    Key("build.later", "J", "move(1)", "move", "the layer one place on", "K J"),
    Key("build.earlier", "K", "move(-1)", "", "the layer one place back", "K"),
    Key("build.duplicate", "c", "duplicate", "", "the same layer once more", "c"),
    Key("build.fix", "F", "fix", "way out", "take the way out of what is wrong here", "F"),
    Key("build.train", "t", "train", "train", "train it; nothing need be saved first", "t"),
    Key("build.undo", "u", "undo", "undo", "take the last change back", "u"),
    Key("build.redo", "U,ctrl+r", "redo", "", "change it again", "U"),
    Key("build.new", "n", "new", "new", "a new experiment: perceptron, MLP, CNN, sequence, or from what there is", "n"),
    Key("build.quick", "i", "quick", "quick line", "all layers in one line: conv 16 3 same relu, pool 2, dense", "i"),
    Key("build.fold", "space", "fold", "", "open or close a layer that is made of layers", "space"),
    Key("build.compare", "m", "compare", "", "this network beside an MLP on the same images", "m"),
    Key("build.copy", "y", "copy", "", "the command that does the same, shown and copied", "y"),
    Key("build.open", "ctrl+o", "open", "", "open a file, a recipe, a run or a model", "ctrl+o"),
    Key("build.save_as", "W", "save_as", "", "save it under another name", "W"),
    # ── Train
    Key("train.pause", "space", "pause", "pause", "hold the run after the step it is in, or let it go on", "space"),
    Key("train.step", "s", "step", "step", "one mini-batch, then hold", "s"),
    Key("train.epoch", "e", "epoch", "epoch", "to the end of the epoch, then hold", "e"),
    Key("train.slower", "less_than_sign", "pace(-1)", "pace", "fewer steps a second, to watch", "< >"),
    Key("train.faster", "greater_than_sign", "pace(1)", "", "more steps a second, at last as fast as it goes",
        ">"),
    Key("train.rate_up", "plus,equals_sign", "rate(1)", "rate", "a learning rate twice as large", "+ -"),
    Key("train.rate_down", "minus", "rate(-1)", "", "half the learning rate", "-"),
    Key("train.stop", "x", "stop", "stop", "end the run: keep the best weights, the last, or nothing", "x"),
    Key("train.inside", "4,f5,i", "look_inside", "inside", "look into the run's model in Inspect", "4"),
    Key("train.build", "b", "build", "", "open the run's network in Build", "b"),
    Key("train.go_on", "r", "go_on", "go on", "go on with a run that has stopped", "r"),
    Key("train.what", "v", "what", "what to see", "the next view of what is inside", "v"),
    Key("train.metric", "a", "metric", "figure", "the loss, or another figure", "a"),
    Key("train.log", "l", "logarithmic", "log", "the chart's height: linear or logarithmic", "l"),
    Key("train.smooth", "m", "smooth", "smooth", "smooth the training curve, more, or not at all", "m"),
    Key("train.overlay", "o", "overlay", "other run", "lay the curves of another run over these", "o"),
    Key("train.set", "t", "settings", "set", "set the rate, the pace, teacher forcing or dropout to a number", "t"),
    Key("train.checkpoint", "c", "checkpoint", "", "save all that going on exactly takes", "c"),
    Key("train.before", "left_square_bracket", "sample(-1)", "", "the sample before", "["),
    Key("train.next", "right_square_bracket", "sample(1)", "", "the next sample", "]"),
    Key("train.refit", "z", "refit", "", "fit the colours' range to what is seen now", "z"),
    Key("train.freeze", "f", "freeze", "", "hold what is inside as it is, or let it move on", "f"),
    # ── Inspect
    Key("inspect.sum", "enter", "explain", "sum", "how the value under the cursor comes about, term by term", "enter"),
    Key("inspect.gradient", "g", "gradient", "gradient", "a weight's gradient, term by term; or the next gate", "g"),
    Key("inspect.off", "space", "off", "off", "switch the unit under the cursor off, or on again", "space"),
    Key("inspect.restore", "R", "restore", "all on", "put all back that is off", "R"),
    Key("inspect.slice_before", "less_than_sign", "slice(-1)", "channel",
        "the input channel of kernels, or the slice of a tensor, before", "< >"),
    Key("inspect.slice", "greater_than_sign", "slice(1)", "", "the next input channel of kernels, or slice of a tensor",
        ">"),
    Key("inspect.axes", "x", "axes", "axes", "other axes of a tensor as rows and columns", "x"),
    Key("inspect.before", "left_square_bracket", "sample(-1)", "sample", "the sample before", "[ ]"),
    Key("inspect.next", "right_square_bracket", "sample(1)", "", "the next sample", "]"),
    Key("inspect.view", "v", "view(1)", "view", "the next view of this layer", "v"),
    Key("inspect.view_before", "V", "view(-1)", "", "the view before", "V"),
    Key("inspect.draw", "d", "draw", "draw", "draw an input with keys or the mouse", "d"),
    Key("inspect.text", "i", "input", "input", "type an input, name a sample or a file", "i"),
    Key("inspect.page_down", "pagedown", "page(1)", "page", "the next page", "pgdn"),
    Key("inspect.page_up", "pageup", "page(-1)", "", "the page before", "pgup"),
    Key("inspect.open", "ctrl+o", "open", "open", "open a model, a run or any file of tensors", "ctrl+o"),
    Key("inspect.build", "b", "build", "", "open the model's network in Build", "b"),
    Key("inspect.zoom_in", "plus,equals_sign", "zoom(1)", "zoom", "larger", "+ -"),
    Key("inspect.zoom_out", "minus", "zoom(-1)", "", "smaller", "-"),
    Key("inspect.older", "comma", "epoch(-1)", "epoch", "the weights of the epoch before", ", ."),
    Key("inspect.newer", "full_stop", "epoch(1)", "", "the weights of the next epoch", "."),
    Key("inspect.order", "o", "order", "order", "units in their order, or those that change most first", "o"),
    Key("inspect.turn", "T", "turn", "turn", "turn it: rows become columns", "T"),
    Key("inspect.refit", "z", "refit", "hold colours", "fit the colours' range, or hold it", "z"),
)  # fmt: skip

SIGNS = {
    "question_mark": "?", "colon": ":", "slash": "/", "less_than_sign": "<", "greater_than_sign": ">", "plus": "+",
    "minus": "-", "equals_sign": "=", "left_square_bracket": "[", "right_square_bracket": "]", "comma": ",",
    "full_stop": ".",
}  # fmt: skip
"""What stands on a key that Textual has a name for."""

_NAMES = {key.value for key in Keys} | set(KEY_TO_UNICODE_NAME) | set(REPLACED_KEYS) | set(SIGNS)

PLACES = {"app": "Everywhere", "home": "Home", "build": "Build", "train": "Train", "inspect": "Inspect"}


def keys_of(place: str) -> tuple[Key, ...]:
    """The keys of a screen, or with "app" those that work everywhere."""
    return tuple(key for key in KEYS if key.place == place)


def bindings(place: str) -> list[Binding]:
    """Textual's bindings of a screen. Each has an id, by which a person can give it other keys."""
    return [Binding(key.keys, key.action, key.word or key.help, show=False, id=key.id) for key in keys_of(place)]


def shown(keys: str) -> str:
    """How a person's own keys are written in the foot and the help: `/ f9` of `slash,f9`."""
    return " ".join(SIGNS.get(name, name) for name in keys.split(","))


def own_keys(path: Path) -> dict[str, str]:
    """A person's own keys: a TOML file with a table `keys`, `"train.pause" = "p"`. {} if there is none.

    Raises TuinetError if it is no such file, names what there is not, or gives two keys of a screen the same.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            found = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TuinetError(f"{path}: {error}", 'It holds a table [keys] with lines like "train.pause" = "p".') from None
    keys = found.get("keys", {})
    known = {key.id for key in KEYS}
    if not isinstance(keys, dict) or not all(isinstance(value, str) for value in keys.values()):
        raise TuinetError(f"{path}: [keys] holds names and keys as words", 'Write "train.pause" = "p".')
    unknown = sorted(set(keys) - known)
    if unknown:
        raise TuinetError(f"{path}: there is no key {unknown[0]!r}", "tuinet's docs/keys.md lists them.")
    keys = {id_: _names(path, value) for id_, value in keys.items()}
    for place in PLACES:
        taken: dict[str, str] = {}
        for key in keys_of(place):
            for name in keys.get(key.id, key.keys).split(","):
                other = taken.setdefault(name, key.id)
                if other != key.id:
                    raise TuinetError(f"{path}: {other} and {key.id} are both {name}", "Give one of them another key.")
    return keys


def _names(path: Path, value: str) -> str:
    """Keys as a person writes them, `p,/,ctrl+t`, by Textual's names. Raises TuinetError."""
    for written in value.split(","):
        base = written.strip().rpartition("+")[2]
        if len(written.strip()) != 1 and base not in _NAMES and not (len(base) == 1 and base.isalnum()):
            raise TuinetError(f"{path}: {written.strip()!r} is no key", "Keys are written p, /, f9, ctrl+t or space.")
    return ",".join(binding.key for binding in Binding.make_bindings([Binding(value, "")]))
