"""Which tensor of a file becomes which parameter of a network: by a map of names, or by their order. Never by a guess:
whatever is missing, left over or of another shape is refused, and both lists are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from tuinet.errors import TuinetError
from tuinet.experiment.layouts import Need
from tuinet.experiment.problem import did_you_mean
from tuinet.files.tensors import Tensor, TensorsFile, matching, natural

FLOATS = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")
"""What weights can be."""

MOST_LISTED = 200

OTHERWISE = 'If they only stand in another order: say which is which under [names], or take weights.order = "file".'

_RECURRENT = re.compile(r"(weight|bias)_(ih|hh)_l([0-9]{1,4})(_reverse)?")
_RANKS = {"weight_ih": 0, "weight_hh": 1, "weight": 2, "bias_ih": 3, "bias_hh": 4, "bias": 5}


class Match(NamedTuple):
    """A parameter, and the tensors that it is made of."""

    parameter: str
    tensors: tuple[str, ...]


def matched(
    wanted: Sequence[Need],
    file: TensorsFile,
    names: Mapping[str, str | tuple[str, ...]],
    order: Literal["natural", "file"],
    ignore: Sequence[str],
) -> tuple[Match, ...]:
    """The tensors of each need. Raises TuinetError, with both lists, unless all fit and none is left over."""
    there = _not_ignored(file, order, ignore)
    lists = _both_lists(wanted, [file.tensors[name] for name in there])
    if not names and {need.path for need in wanted} == set(there):
        names = {name: name for name in there}
    pairs = _by_name(wanted, file, names, there, lists) if names else _in_order(wanted, file, there, lists)
    way_out = "" if names else OTHERWISE
    for need, match in zip(wanted, pairs, strict=True):
        for shape, name in zip(need.shapes, match.tensors, strict=True):
            tensor = file.tensors[name]
            if tensor.shape != shape:
                reason = f"{need.path} needs {_sizes(shape)}, but {_shown(name)} is {_sizes(tensor.shape)}"
                raise _mismatch(file, reason, lists, way_out)
            if tensor.dtype not in FLOATS:
                reason = f"{need.path} needs real numbers, but {_shown(name)} holds {_shown(tensor.dtype)}"
                raise _mismatch(file, reason, lists, way_out)
    return pairs


def module_order(name: str) -> tuple[object, ...]:
    """What to sort by so that modules are in natural order, and in each the weights come before the biases; those of a
    recurrent module layer by layer, forward before reverse."""
    module, _, local = name.rpartition("." if "." in name else "/")
    found = _RECURRENT.fullmatch(local)
    if found is not None:
        rank = _RANKS[f"{found[1]}_{found[2]}"]
        return natural(module), int(found[3]), bool(found[4]), rank, ()
    begins = next((kind for kind in ("bias", "weight") if local.startswith(kind)), "weight")
    return natural(module), 0, False, _RANKS[begins], natural(local)


def _not_ignored(file: TensorsFile, order: Literal["natural", "file"], ignore: Sequence[str]) -> list[str]:
    names = list(file.order) if order == "file" else sorted(file.tensors, key=module_order)
    for pattern in ignore:
        left_out = set(matching(file.tensors, pattern))
        if not left_out:
            raise TuinetError(f"weights.ignore: {file.path} has no tensor {pattern!a}", "Leave it out.")
        names = [name for name in names if name not in left_out]
    return names


def _in_order(wanted: Sequence[Need], file: TensorsFile, there: Sequence[str], lists: str) -> tuple[Match, ...]:
    count = sum(len(need.shapes) for need in wanted)
    if count != len(there):
        raise _mismatch(file, f"the network needs {count} tensors, and the file has {len(there)}", lists, OTHERWISE)
    left = iter(there)
    return tuple(Match(need.path, tuple(next(left) for _ in need.shapes)) for need in wanted)


def _by_name(
    wanted: Sequence[Need],
    file: TensorsFile,
    names: Mapping[str, str | tuple[str, ...]],
    there: Sequence[str],
    lists: str,
) -> tuple[Match, ...]:
    given = {path: (name,) if isinstance(name, str) else name for path, name in names.items()}
    paths = [need.path for need in wanted]
    for path in given:
        if path not in paths:
            hint = did_you_mean(path, paths, "parameters")
            if path.endswith("/recurrent_bias"):  # PyTorch's two biases make one parameter, or two, of one entry
                hint = f"It comes with the other bias: {path.replace('recurrent_', '')!a} = [input's, recurrent one's]."
            raise TuinetError(f"names: the network has no parameter {path!a}", hint)
    taken: set[str] = set()
    for need in wanted:
        found = given.get(need.path)
        if found is None:
            raise _mismatch(file, f"[names] does not say which tensor {need.path} is", lists)
        if len(found) != len(need.shapes):
            raise _mismatch(file, f"{need.path} is made of {len(need.shapes)} tensors, not {len(found)}", lists)
        for name in found:
            if name not in there:
                raise _mismatch(file, f"{need.path} should be {_shown(name)}, which the file does not have", lists)
            if name in taken:
                raise _mismatch(file, f"{_shown(name)} is named for two parameters", lists)
            taken.add(name)
    rest = [name for name in there if name not in taken]
    if rest:
        raise _mismatch(
            file, f"{_shown(rest[0])} is named for no parameter", lists, "weights.ignore = [name] leaves it out."
        )
    return tuple(Match(need.path, given[need.path]) for need in wanted)


def _mismatch(file: TensorsFile, reason: str, lists: str, hint: str = "") -> TuinetError:
    return TuinetError(f"{file.path} does not fit the network: {reason}", f"{hint}\n{lists}" if hint else lists)


def _both_lists(wanted: Sequence[Need], tensors: Sequence[Tensor]) -> str:
    ours = [
        (need.path + (f" ({n} of {len(need.shapes)})" if len(need.shapes) > 1 else ""), _sizes(shape))
        for need in wanted
        for n, shape in enumerate(need.shapes, 1)
    ]
    theirs = [(_shown(tensor.name), f"{_sizes(tensor.shape)}  {_shown(tensor.dtype)}") for tensor in tensors]
    return "\n".join([*_list("The network needs:", ours), *_list("The file has:", theirs)])


def _list(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    shown = rows[:MOST_LISTED]
    width = max((len(name) for name, _ in shown), default=0)
    lines = [f"  {name:<{width}}  {about}" for name, about in shown]
    more = [f"  … and {len(rows) - MOST_LISTED} more"] if len(rows) > MOST_LISTED else []
    return [title, *lines, *more]


def _sizes(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "one value"


def _shown(name: str) -> str:
    return ascii(name if len(name) <= 80 else name[:77] + "...")[1:-1]
