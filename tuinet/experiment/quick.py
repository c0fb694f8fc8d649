"""A network in one line: `conv 16 3 same relu, pool 2, dense 10`, and back.

Layers are parted by commas. A layer is its name, its numbers in order, then words in any order, some with a number of
their own (`stride 2`); dense and conv can name the activation behind them. `bi` before a recurrent layer reads it in
both directions. A translator is `encoder(…) decoder(…)`. A flatten layer is put in where a dense one meets images.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, cast

import msgspec
import msgspec.inspect as inspect

from tuinet.errors import TuinetError
from tuinet.experiment.decode import to_raw
from tuinet.experiment.problem import did_you_mean, show_text
from tuinet.experiment.quick_words import (
    ACTIVATED,
    ACTIVATIONS,
    BOTH_WAYS,
    BY_LAYER,
    BY_NAME,
    TRANSLATOR,
    Kind,
    Word,
    from_value,
    to_value,
)
from tuinet.experiment.schema import first_problem
from tuinet.nn.layer import Layer, Shape
from tuinet.nn.layers.bidirectional import Bidirectional, Cell
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.dense import Dense
from tuinet.nn.layers.dropout import Dropout, GaussianNoise
from tuinet.nn.layers.flatten import Flatten
from tuinet.nn.layers.pool import AveragePool, MaxPool, SumPool
from tuinet.nn.network import AnyLayer
from tuinet.nn.parts import Part
from tuinet.nn.seq2seq import Seq2Seq

LONGEST = 20_000
"""Characters of a line: twenty for each of the thousand layers a network may have."""

IMAGES = (Conv2D, MaxPool, AveragePool, SumPool)
"""Behind these are images."""
SAME = (*map(type, ACTIVATIONS.values()), Dropout, GaussianNoise)
"""Behind these is what was before them."""

_TOKEN = re.compile(r"[(),]|[^\s(),]+")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,3})?")
_PAIR = re.compile(r"([0-9]{1,18})[x×]([0-9]{1,18})")


class Token(NamedTuple):
    text: str
    column: int  # from 1


def parse_layers(line: str, shape: Shape | None = None) -> tuple[AnyLayer, ...]:
    """The layers that a line names; `shape`: of what goes into the first, so that a dense layer on images gets its
    flatten. Raises TuinetError with the column, the reason and the nearest word."""
    if len(line) > LONGEST:
        raise TuinetError(f"the line has over {LONGEST:,} characters", "write an experiment file")
    tokens = [Token(found[0], found.start() + 1) for found in _TOKEN.finditer(line)]
    if not tokens:
        raise TuinetError("no layer is named", "such as: conv 16 3 same relu, pool 2, dense 10")
    images = shape is not None and shape.kind == "number" and len(shape.sizes) > 1
    return _stack(tokens, images, lambda item: _item(item, images))


def written(layers: Sequence[AnyLayer]) -> str | None:
    """The shortest line that gives exactly these layers again; None if it cannot say one of their settings."""
    line = ", ".join(_written(layers))
    try:
        return line if parse_layers(line) == tuple(layers) else None
    except TuinetError:
        return None


# ── from a line ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _stack(
    tokens: Sequence[Token], images: bool, read: Callable[[Sequence[Token]], tuple[AnyLayer, ...]]
) -> tuple[Any, ...]:
    """The layers of all items, and a flatten layer before a dense one on images."""
    found: list[AnyLayer] = []
    for item in _items(tokens):
        for layer in read(item):
            if images and isinstance(layer, Dense):
                found.append(Flatten())
            found.append(layer)
            images = isinstance(layer, IMAGES) or (images and isinstance(layer, SAME))
    return tuple(found)


def _items(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The tokens between commas that are in no brackets; one between encoder(…) and decoder(…) may be left out, and so
    may what would follow the last."""
    depth, item = 0, list[Token]()
    for place, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth < 0:
            _refuse(token, "this bracket closes none")
        if token.text != "," or depth:
            item.append(token)
            continue
        if not item:
            _refuse(token, "a layer is missing before this comma")
        if item[0].text != "encoder" or [each.text for each in tokens[place + 1 : place + 2]] != ["decoder"]:
            yield item
            item = []
    if depth:
        _refuse(tokens[-1], "a bracket is not closed")
    if item:
        yield item


def _item(item: Sequence[Token], images: bool) -> tuple[AnyLayer, ...]:
    """The layer that an item names; of a dense one or a convolution, the activation too."""
    if item[0].text in ("encoder", "decoder"):
        return (_translator(item, images),)
    return _part(item)


def _part(item: Sequence[Token]) -> tuple[Part, ...]:
    head, *rest = item
    if head.text in BOTH_WAYS:
        if not rest:
            _refuse(head, "which layer?", "such as: bi lstm 64")
        cell = _part(rest)[0]
        if not isinstance(cell, Cell):
            _refuse(rest[0], f"{rest[0].text} cannot be read in both directions", "rnn, lstm, gru and clockwork can")
        return (Bidirectional(cell),)
    kind = BY_NAME.get(head.text)
    if kind is None:
        names = [*(each.names[0] for each in BY_LAYER.values()), "bi", "encoder"]
        _refuse(head, f"there is no layer {show_text(head.text)}", did_you_mean(head.text, names, "layers"))
    raw: dict[str, object] = {"kind": kind.layer.__struct_config__.tag}
    numbers = _numbers(rest)
    for field, token in zip(kind.numbers, numbers, strict=False):
        raw[field] = _number(token)
    further = numbers[len(kind.numbers) :]
    if further and not kind.rest:
        _refuse(further[0], f"{head.text} takes {_some(len(kind.numbers), 'number')}")
    if further:
        raw[kind.rest] = [_number(token) for token in further]
    activation: Part | None = None
    words = iter(rest[len(numbers) :])
    for token in words:
        if kind.layer in ACTIVATED and token.text in ACTIVATIONS:
            if activation is not None:
                _refuse(token, "one activation is enough", "part them with a comma")
            activation = ACTIVATIONS[token.text]
        else:
            _say(raw, kind.words, token, words, head.text, *(ACTIVATIONS if kind.layer in ACTIVATED else ()))
    layer = _made(raw, kind.layer, head)
    return (layer,) if activation is None else (layer, activation)


def _translator(item: Sequence[Token], images: bool) -> Seq2Seq:
    """encoder(…) decoder(…) and words."""
    raw: dict[str, object] = {}
    place = 0
    for half in ("encoder", "decoder"):
        texts = [token.text for token in item[place : place + 2]]
        if texts != [half, "("]:
            token = item[min(place, len(item) - 1)]
            _refuse(token, f"{half}(…) belongs here", "encoder(embed 64, lstm 128) decoder(embed 64, lstm 128, dense)")
        stop = next(index for index in range(place, len(item)) if item[index].text == ")")
        inside = item[place + 2 : stop]
        if not inside:
            _refuse(item[place], f"the {half} has no layers")
        raw[half] = _stack(inside, images and half == "encoder", _part)
        place = stop + 1
    settings: dict[str, object] = {}
    words = iter(item[place:])
    for token in words:
        _say(settings, TRANSLATOR, token, words, "encoder(…) decoder(…)")
    made = {"kind": "seq2seq", **{half: to_raw(layers, complete=False) for half, layers in raw.items()}, **settings}
    return _made(made, Seq2Seq, item[0])


def _say(
    raw: dict[str, object], words: Mapping[str, Word], token: Token, following: Iterator[Token], of: str, *extra: str
) -> None:
    """Set in `raw` what the word `token` says, with the number that follows it, if it takes one."""
    word = words.get(token.text)
    if word is None:
        if token.text in "()":
            _refuse(token, "a bracket stands only behind encoder and decoder")
        _refuse(
            token, f"{show_text(token.text)} is no word of {of}", did_you_mean(token.text, [*words, *extra], "words")
        )
    if word.field in raw:
        _refuse(token, f"{word.field.replace('_', ' ')} is set twice")
    value = word.value
    if value is None:
        number = next(following, None)
        if number is None or not _is_number(number.text):
            _refuse(token, f"a number is missing behind {token.text}")
        value = to_value(word.field, _number(number))
    raw[word.field] = to_raw(value, complete=False)


def _made(raw: dict[str, object], cls: type[Any], head: Token) -> Any:
    """The layer, held to what its fields may be."""
    problem = first_problem(raw, _type(cls))
    if problem is not None and problem.path not in raw:
        _refuse(head, f"{head.text} needs {problem.path}", problem.hint)
    if problem is not None:
        _refuse(head, f"{head.text}: {problem}", problem.hint)
    return msgspec.convert(raw, cls)


@functools.cache
def _type(cls: type[Any]) -> inspect.Type:
    return inspect.type_info(cls)


def _numbers(tokens: Sequence[Token]) -> Sequence[Token]:
    """Those at the beginning that are numbers."""
    stop = next((index for index, token in enumerate(tokens) if not _is_number(token.text)), len(tokens))
    return tokens[:stop]


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text) or _PAIR.fullmatch(text))


def _number(token: Token) -> object:
    pair = _PAIR.fullmatch(token.text)
    if pair:
        return [int(pair[1]), int(pair[2])]
    return int(token.text) if token.text.lstrip("+-").isdecimal() else float(token.text)


def _some(count: int, what: str) -> str:
    return f"{('no', 'one', 'two')[count]} {what}{'s' * (count != 1)}"


def _refuse(token: Token, message: str, hint: str = "") -> NoReturn:
    raise TuinetError(f"column {token.column}: {message}", hint)


# ── to a line ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _written(layers: Sequence[Layer]) -> list[str]:
    """An item a layer; a setting that cannot be said is left out, which reading the line again shows."""
    items: list[str] = []
    images = False
    for index, layer in enumerate(layers):
        before = layers[index - 1] if index else None
        after = layers[index + 1] if index + 1 < len(layers) else None
        kind = BY_LAYER.get(cast("type[Part]", type(layer)))
        if isinstance(layer, Seq2Seq):
            items.append(_written_translator(layer))
        elif isinstance(layer, Bidirectional):
            items.append(f"bi {' '.join(_said(layer.layer, BY_LAYER[type(layer.layer)]))}")
        elif isinstance(layer, Flatten) and images and isinstance(after, Dense):
            pass
        elif kind is not None and layer in ACTIVATIONS.values() and isinstance(before, ACTIVATED):
            items[-1] += f" {kind.names[0]}"
        elif kind is not None:
            items.append(" ".join(_said(cast("Part", layer), kind)))
        images = isinstance(layer, IMAGES) or (images and isinstance(layer, SAME))
    return items


def _said(layer: Part, kind: Kind) -> Iterator[str]:
    """The name of a layer, its numbers, and the words for what is not as usual."""
    yield kind.names[0]
    for field in kind.numbers:
        if getattr(layer, field) is not None:
            yield _figure(getattr(layer, field))
    defaults = {field.name: field.default for field in msgspec.structs.fields(layer)}
    if kind.rest and getattr(layer, kind.rest) != defaults[kind.rest]:
        yield from map(_figure, getattr(layer, kind.rest))
    said = {*kind.numbers, kind.rest}
    for text, word in kind.words.items():
        value = getattr(layer, word.field)
        if word.field in said or value == defaults[word.field]:
            continue
        number = from_value(word.field, value)
        if word.value is not None and value == word.value:
            yield text
            said.add(word.field)
        elif word.value is None and (isinstance(number, tuple) or type(number) in (int, float)):
            yield f"{text} {_figure(cast('object', number))}"
            said.add(word.field)


def _written_translator(layer: Seq2Seq) -> str:
    line = f"encoder({', '.join(_written(layer.encoder))}) decoder({', '.join(_written(layer.decoder))})"
    line += " dense" * (layer.bridge == "dense") + " reversed" * layer.reverse_source
    return line + (f" symbols {layer.symbols}" if layer.symbols is not None else "")


def _figure(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, cast("tuple[object, ...]", value)))
    return str(value)
