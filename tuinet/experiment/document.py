"""docs/experiment-file.md, made from the structs that decode the file, so that it cannot say anything else.

`make docs` writes it anew; a test holds the two together.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator

import msgspec
import msgspec.inspect as types

from tuinet.experiment.decode import experiment_type, to_raw
from tuinet.experiment.foreign import Foreign
from tuinet.experiment.inline import inline
from tuinet.experiment.quick_words import KINDS
from tuinet.experiment.recipes import recipe_text
from tuinet.experiment.schema import in_words, item_type, struct_types

HEAD = """\
# The experiment file

One TOML file says what is learnt from (`data`), what learns (`model`) and how (`training`). `tuinet init RECIPE`
writes one to begin with, `tuinet check FILE` shows what it would do and everything that is wrong with it, and
`tuinet train FILE` does it. A run's folder holds the complete file, defaults and all, as `experiment.toml`.

This page is made from the program (`make docs`); a test holds it to it.

## Rules

- The file is strict: an unknown key, a wrong type or a value out of its limits is an error that names the place
  (`model.layers[4].units`), the reason and the nearest valid name. Lists are counted from 0.
- The first error of this sort ends the reading. Once the file can be read, `check` lists every problem of meaning at
  once (shapes that do not fit, a loss that cannot reach the weights, …) and what is only doubtful as warnings.
- There is no null: an option that is not set is a key that is not there.
- Numbers are finite: `nan` and `inf` are refused. A whole number may stand where any number may, not the reverse.
- Paths in `data.source` and `model.start` begin at the folder of the file; `~/` is your home folder.
- A file has at most 1,000,000 bytes of UTF-8 and lines of at most 20,000 characters.
- Where a table with a `kind` belongs, its other keys depend on the kind.

## Changing settings from the command line

`tuinet train FILE --set KEY=VALUE` changes a setting for this run; it can be given more than once.

| setting | does |
|---|---|
| `training.epochs=5` | sets a value |
| `model.layers[2].units=64` | sets a value in a list |
| `training.optimizer=sgd` | sets the kind; settings that both kinds have and that were changed are kept |
| `training.optimizer={kind="sgd", rate=0.1}` | sets a whole table |
| `training.early_stopping.patience=5` | begins a table that was not there |
| `data.augment[0]={kind="shift", pixels=1}` | the place behind the last item adds one |
| `training.early_stopping=` | takes a key, or an item of a list, away |

A value is TOML; a word that is no TOML value is a text, so quotes can be left out.

"""

QUICK_HEAD = """\
## A network in one line

`tuinet init --layers "conv 16 3 same relu, pool 2, dense 10" --data digits` writes the file of a network that is named
in one line, with usual settings for its data. Layers are parted by commas. A layer is its name, its numbers in order,
then words in any order, some with a number N of their own; `3x5` stands where rows and columns differ. Behind `dense`
and `conv` the activation can be named. A flatten layer is put in where a dense layer meets images; a last `dense`
without a number has as many outputs as the data need. `bi` before a recurrent layer reads it in both directions. A
translator is `encoder(embed 64, lstm 128) decoder(embed 64, lstm 128, dense)`; behind it can stand `dense` (for the
bridge), `reversed` (for the source) and `symbols N`.

| name | numbers | words |
|---|---|---|
"""


def document() -> str:
    """The whole page."""
    (experiment,) = struct_types(experiment_type())
    body = "\n".join(_section(experiment, "", set()))
    example = f"## An example\n\n```toml\n{recipe_text('digits-cnn')}```\n"
    return HEAD + _quick() + example + re.sub(r"\n{3,}", "\n\n", body).rstrip() + "\n"


def _quick() -> str:
    """What can be said of each kind of layer in the quick line."""
    rows = ""
    for kind in KINDS:
        numbers = ", ".join((*kind.numbers, *filter(None, (kind.rest,))))
        words = ", ".join(f"`{text}{' N' * (word.value is None)}`" for text, word in kind.words.items())
        rows += f"| `{kind.names[0]}` | {numbers} | {words} |\n"
    return f"{QUICK_HEAD}{rows}\n"


IMPORT_HEAD = """\
# The file beside foreign weights

`tuinet import WEIGHTS --spec FILE.toml -o MODEL` makes a model of the tensors in a safetensors or .npz file, whoever
wrote it. FILE.toml says what network they belong to, what goes in, and what comes out. It is as strict as
[the experiment file](experiment-file.md), which lists the layers, losses and preparations. Every parameter of the
network gets its tensors and every tensor has its place: if one is missing, left over or of another shape, nothing is
written, and both lists are shown.

This page is made from the program (`make docs`); a test holds it to it.

```toml
name = "digits"
input = { shape = [28, 28], prepare = [{ kind = "scale", divisor = 255.0 }] }
output = { labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] }
model.layers = [
    { kind = "conv2d", filters = 8, kernel = 3 },
    { kind = "relu" },
    { kind = "flatten" },
    { kind = "dense", units = 10 },
]

[names]
"conv1/weight" = "features.0.weight"
"conv1/bias" = "features.0.bias"
"dense1/weight" = "classifier.weight"
"dense1/bias" = "classifier.bias"
```
"""


def import_document() -> str:
    """The whole page on the file of `tuinet import`; what the experiment file has too is told there."""
    known: set[type] = set()
    list(_section(struct_types(experiment_type())[0], "", known))
    (foreign,) = struct_types(types.type_info(Foreign))
    body = "\n".join(_section(foreign, "", known))
    return IMPORT_HEAD + re.sub(r"\n{3,}", "\n\n", body).rstrip() + "\n"


def _section(struct: types.StructType, path: str, seen: set[type]) -> Iterator[str]:
    """The keys of a table, then a section for every table below it."""
    seen.add(struct.cls)
    yield ""
    yield f"## `[{path}]`" if path else "## The keys of the file"
    yield ""
    yield from _keys(struct)
    yield from _tables(struct, path, seen)


def _tables(struct: types.StructType, path: str, seen: set[type]) -> Iterator[str]:
    for field in struct.fields:
        inner = item_type(field.type)
        structs = struct_types(field.type) or (struct_types(inner) if inner else ())
        here = f"{path}.{field.encode_name}" if path else field.encode_name
        new = [each for each in structs if each.cls not in seen]
        if len(structs) == 1 and structs[0].tag is None and new:
            yield from _section(structs[0], here, seen)
        elif new:
            seen.update(each.cls for each in structs)
            yield ""
            yield f"## Items of `{here}`" if inner else f"## `[{here}]`"
            yield ""
            yield f"Kinds: {', '.join(f'`{each.tag}`' for each in structs)}."
            for each in structs:
                yield from ("", f'### `kind = "{each.tag}"`', "")
                yield from _keys(each)
            for each in structs:
                yield from _tables(each, f"{here}[…]" if inner else here, seen)


def _keys(struct: types.StructType) -> Iterator[str]:
    prose, meanings = describe(struct.cls)
    yield _escape(prose)
    if not struct.fields:
        return
    yield ""
    yield "| key | value | default | |"
    yield "|---|---|---|---|"
    for field in struct.fields:
        meaning = meanings.get(field.name, "")
        yield f"| `{field.encode_name}` | {_value(field.type)} | {_default(field)} | {_cell(meaning)} |"


def _value(kind: types.Type) -> str:
    inner = item_type(kind)
    if inner and struct_types(inner):
        return "a list of tables"
    if struct_types(kind):
        tagged = struct_types(kind)[0].tag is not None
        return "a table with a `kind`" if tagged else "a table"
    words = in_words(kind).rstrip(",")
    quoted = re.sub(r'("[^"]*")', r"`\1`", words)
    return _cell(quoted)


def _default(field: types.Field) -> str:
    if field.required:
        return "**needed**"
    default = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        default = field.default_factory()
    return "" if default is None else f"`{inline(to_raw(default, complete=False))}`"


def describe(cls: type) -> tuple[str, dict[str, str]]:
    """A struct's docstring without the lines on its fields, and what is said of each field.

    A field is told of in a line `name  what` of the docstring (two spaces or more between; further lines are
    indented), or in a docstring below it.
    """
    meanings: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if issubclass(each, msgspec.Struct) and each.__module__.startswith("tuinet."):
            meanings |= _attribute_docstrings(each)
    names = set(getattr(cls, "__struct_fields__", ()))
    prose: list[str] = []
    current: list[str] = []
    for line in inspect.cleandoc(cls.__doc__ or "").splitlines():
        found = re.match(r"(\w+(?:, \w+)*) {2,}(\S.*)", line)
        if found and set(found[1].split(", ")) <= names:
            current = found[1].split(", ")
            meanings |= dict.fromkeys(current, found[2])
        elif current and line.startswith("  "):
            meanings |= {name: f"{meanings[name]} {line.strip()}" for name in current}
        else:
            current = []
            prose.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(prose)).strip(), meanings


def _attribute_docstrings(cls: type) -> dict[str, str]:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        match statement, following:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
            case _:
                pass
    return found


def _cell(text: str) -> str:
    return _escape(text).replace("|", "\\|")


def _escape(text: str) -> str:
    return text.replace("*", "\\*").replace("<", "&lt;")
