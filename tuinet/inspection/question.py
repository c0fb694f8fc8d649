"""What is asked of a model: which layer, for which inputs, which part of it. Every view is an answer to one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from tuinet.data.dataset import Split
from tuinet.errors import TuinetError
from tuinet.inspection.loss import Loss, loss_of
from tuinet.inspection.passes import Back, Pass, back, context, run_model
from tuinet.inspection.view import Seen
from tuinet.model.decoding import Search, decode
from tuinet.model.model import Model
from tuinet.nn import stack
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.params import Array, Params
from tuinet.nn.seq2seq import Seq2Seq
from tuinet.nn.sequence import Ragged


class Node(NamedTuple):
    """A layer of a model at rest: its path, itself, its own parameters, the shape before and after it."""

    path: str
    layer: Layer
    params: Params
    before: Shape
    after: Shape


class Samples(NamedTuple):
    """The inputs that are asked about, raw as a data set holds them.

    targets  what should come out, raw; None if nobody knows
    names    what each is called: `test:17`, a file's name, the text itself
    """

    inputs: Array | Ragged
    targets: Array | Ragged | None
    names: tuple[str, ...]


class Choice(NamedTuple):
    """Which part of a layer is meant. Places count from 0; None: all, or what shows most.

    units    units, maps, filters or kernels: the last axis
    at       the axes before the unit: row and column of a map; the input of a weight
    step     of a sequence
    gate     `forget`, `input` …
    order    units as they are numbered, or those that change most over the steps first
    decoder  what it is fed: the target, its own answer, or both to compare
    """

    units: tuple[int, ...] | None = None
    at: tuple[int, ...] | None = None
    step: int | None = None
    gate: str | None = None
    order: Literal["index", "change"] | None = None
    decoder: Literal["forced", "free", "both"] | None = None


class NoDataError(TuinetError):
    """There are no data to look through: none were named, and the model's own are not known or not there."""


@dataclass(frozen=True, eq=False)
class Question:
    """What views are given.

    layer    a path in `nodes(model)`; "" for the model as a whole
    samples  the inputs asked about; None if there are none
    part     gives a part of a data set, for views that look through many samples; None if there is none
    masks    the seed of dropout and noise, to look at the model as it trains; None: as it predicts
    """

    model: Model
    layer: str = ""
    samples: Samples | None = None
    part: Callable[[], Split] | None = None
    choice: Choice = field(default=Choice())
    masks: int | None = None

    @cached_property
    def node(self) -> Node | None:
        return nodes(self.model)[self.layer] if self.layer else None

    def need_samples(self) -> Samples:
        """Raises TuinetError if there are no inputs."""
        if self.samples is None:
            hint = "Name one: --sample test:0, --file PATH, or --text TEXT."
            raise TuinetError("this is seen for an input, and none is named", hint)
        return self.samples

    def need_part(self) -> Split:
        """Raises NoDataError if there are no data to look through, TuinetError if those that are named are wrong."""
        if self.part is None:
            raise NoDataError("this is seen over many samples, and no data are named", "Name some: --data NAME.")
        return self.part()

    @cached_property
    def fed(self) -> Array | Ragged | None:
        """What a decoder is fed: the targets, or where nobody knows them, the model's own answers, which a layer of the
        encoder needs none of; None without a decoder. Raises TuinetError if what a decoder says are no numbers."""
        samples = self.need_samples()
        if self.model.meta.task != "seq2seq" or (samples.targets is not None and self.choice.decoder != "free"):
            return samples.targets
        if "encoder" in self.layer.split("/"):
            return no_targets(self.model, len(samples.names))
        vocabulary = self.model.meta.target_vocabulary
        assert vocabulary is not None
        found = [np.asarray(answer.ids, vocabulary.dtype) for answer in decode(self.model, samples.inputs, Search())]
        return Ragged.of(found, vocabulary.dtype)

    @cached_property
    def run(self) -> Pass:
        """One pass of the inputs. Raises TuinetError if there are none."""
        return run_model(self.model, self.need_samples().inputs, self.fed, self.masks)

    @cached_property
    def loss(self) -> Loss:
        """Raises TuinetError if there are no inputs, nobody knows their targets, or a decoder is not fed them."""
        samples = self.need_samples()
        if samples.targets is None:
            raise TuinetError("a loss needs to know the right answer", "Take a sample of the data: --sample test:0.")
        if self.fed is not samples.targets:
            hint = "Feed it the target: --decoder forced."
            raise TuinetError("a decoder that goes its own way cannot be compared with the target step by step", hint)
        return loss_of(self.model, self.run, samples.inputs, samples.targets)

    @cached_property
    def back(self) -> Back:
        """The gradients of the loss. Raises as `loss`."""
        with np.errstate(all="ignore"):
            return back(self.run, self.loss.dy, context(self.masks))


def no_targets(model: Model, count: int) -> Ragged:
    """Targets without a symbol: a decoder is fed the start alone."""
    vocabulary = model.meta.target_vocabulary
    assert vocabulary is not None
    return Ragged(np.empty(0, vocabulary.dtype), np.zeros(count + 1, np.intp))


OPTIONS = {
    "units": "--unit", "at": "--at", "step": "--step", "gate": "--gate", "order": "--order", "decoder": "--decoder",
    "masks": "--masks", "axes": "--axes",
}  # fmt: skip
"""What of a question may be chosen, as people write it."""


def refuse_untaken(given: Mapping[str, object], what: str, takes: Several[str]) -> None:
    """Raises TuinetError if something is given that `what` does not look at."""
    for name, option in OPTIONS.items():
        if given.get(name) is not None and name not in takes:
            known = " and ".join(OPTIONS[each] for each in takes)
            raise TuinetError(f"{what} takes no {option}", f"It takes {known}." if known else "Leave it out.")


def check_choice(question: Question, what: str, takes: Several[str]) -> None:
    """Raises TuinetError if something is chosen that `what` does not look at."""
    refuse_untaken({**question.choice._asdict(), "masks": question.masks}, what, takes)
    if question.choice.decoder is not None and question.model.meta.task != "seq2seq":
        raise TuinetError(f"{question.model.meta.name} has no decoder", "Leave out --decoder.")


Needs = Literal["nothing", "input", "target", "data", "input and data"]


class Offer(NamedTuple):
    """A view that can be asked for.

    name   what it is called: `kernels`
    about  what it shows, in a few words
    needs  what the question must bring: nothing, an input, an input whose target is known, data to look through, both
    fits   whether the layer (None: the model as a whole) has it
    make   makes it
    takes  what of a choice it looks at ("masks" for those of the question); the rest is refused, not passed over
    uses   what it looks at where the question brings it, and does without where not
    """

    name: str
    about: str
    needs: Needs
    fits: Callable[[Model, Node | None], bool]
    make: Callable[[Question], tuple[Seen, ...]]
    takes: tuple[str, ...] = ()
    uses: Literal["", "input", "data"] = ""

    @property
    def looks_at_input(self) -> bool:
        return self.needs not in ("nothing", "data") or self.uses == "input"

    @property
    def looks_at_data(self) -> bool:
        return self.needs.endswith("data") or self.uses == "data"


def nodes(model: Model) -> Mapping[str, Node]:
    """Every layer by its path, those inside an encoder or a decoder behind the layer that holds them."""
    return dict(_nodes(model.network.layers, model.params, model.prepared_shape, ""))


def _nodes(layers: stack.Layers, params: Params, shape: Shape, prefix: str) -> dict[str, Node]:
    found: dict[str, Node] = {}
    shapes = stack.shapes(layers, shape)
    for name, layer, before, after in zip(stack.names(layers), layers, shapes[:-1], shapes[1:], strict=True):
        path, own = prefix + name, params.scope(name)
        found[path] = Node(path, layer, own, before, after)
        if isinstance(layer, Seq2Seq):
            found |= _nodes(layer.encoder, own.scope("encoder"), before, f"{path}/encoder/")
            found |= _nodes(layer.decoder, own.scope("decoder"), layer.target_shape(), f"{path}/decoder/")
    return found


def base_name(path: str) -> str:
    """`forward/input_weight` is an input_weight, `recurrent_weight2` a recurrent_weight."""
    return path.rpartition("/")[2].rstrip("0123456789")


def own_parameters(node: Node) -> tuple[str, ...]:
    """The names of a layer's parameters, without those of the layers inside it that have paths of their own."""
    inner = ("encoder/", "decoder/") if isinstance(node.layer, Seq2Seq) else ()
    return tuple(path for path in node.params if not path.startswith(inner)) if inner else tuple(node.params)


def find_layer(model: Model, name: str) -> str:
    """The path of the layer that `name` means: the path itself, or the end of only one (`decoder/lstm1`).

    Raises TuinetError that lists the layers.
    """
    paths = list(nodes(model))
    if name in paths:
        return name
    ends = [path for path in paths if path.endswith("/" + name)]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise TuinetError(f"{model.meta.name} has several layers {name!r}", f"Name one: {', '.join(ends)}")
    near = difflib.get_close_matches(name, paths, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise TuinetError(f"{model.meta.name} has no layer {name!r}", f"{hint}Layers: {', '.join(paths)}")
