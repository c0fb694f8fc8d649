"""The arithmetic of recurrent layers: the sums of their gates, their cells, their hidden states, one step at a time.

A gate is worked out from the input of the step and the stored states of the step before; a cell and a hidden state
from the stored gates. In the names, [t] is the step asked for, [t−1] the one before or the state it began with.
"""

from __future__ import annotations

import math

import numpy as np

from tuinet.inspection.sums.cell_parts import Asked, Worked, alone, squashed, stage, term, weighted
from tuinet.inspection.view import Part, Term
from tuinet.nn.layers.gru import GRU
from tuinet.nn.layers.lstm import LSTM
from tuinet.nn.params import Array

_LETTERS = {"forget": "f", "input": "i", "output_gate": "o", "candidate": "C̃"}


def rnn(asked: Asked) -> Worked:
    layer, (_, _, j) = asked.layer, asked.where
    terms = [*_inputs(asked, j, f"{j}"), *_hidden(asked, j, f"{j}"), _bias(asked, j, f"{j}")]
    if layer.activation == "tanh":
        part = stage("sum", terms, "tanh", math.tanh)
    else:
        part = stage("sum", terms, "max(n, 0)", lambda n: n if n > 0 or math.isnan(n) else 0.0)
    name = "tanh" if layer.activation == "tanh" else "max(0, …)"
    equation = f"s⁽ᵗ⁾ = f(U x⁽ᵗ⁾ + W s⁽ᵗ⁻¹⁾ + b), f = {name}"
    return Worked(equation, (part,), notes=_began(asked))


# ── LSTM ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lstm(asked: Asked) -> Worked:
    layer: LSTM = asked.layer
    if asked.name == "output":
        return _lstm_hidden(asked)
    if asked.name == "cell":
        return _lstm_cell(asked)
    return _lstm_gate(asked, layer.gates.index(asked.name))


def _lstm_gate(asked: Asked, gate: int) -> Worked:
    layer: LSTM = asked.layer
    name, (_, _, j) = asked.name, asked.where
    column, label = gate * layer.units + j, f"{name} {j}"
    terms = [*_inputs(asked, column, label), *_hidden(asked, column, label), _bias(asked, column, label)]
    if name == "candidate":
        part = stage(f"{name} sum n", terms, "tanh", math.tanh)
        return Worked("C̃ = tanh(x U + h W + b)", (part,), notes=_began(asked))
    when = "t" if name == "output_gate" else "t−1"  # only o sees the new cells
    cells = _now(asked, "cell") if name == "output_gate" else _before(asked, "cell", 1)
    peeps = ""
    if layer.peephole == "diagonal":
        weight = asked.weight("peephole", gate, j)
        terms.append(term((f"cell[{when}][{j}]", float(cells[j])), (f"peephole[{label}]", weight)))
        peeps = " + C ⊙ P"
    elif layer.peephole == "full":
        weights = asked.params["peephole"][:, column]
        terms += weighted(cells, weights, lambda k: f"cell[{when}][{k}]", lambda k: f"peephole[{k}, {label}]")
        peeps = " + C P"
    equation = f"{_LETTERS[name]} = σ(x U + h W + b{peeps}), σ(n) = ½ tanh(n / 2) + ½"
    return Worked(equation, squashed(f"{name} gate", f"{name} sum n", terms), notes=_began(asked))


def _lstm_cell(asked: Asked) -> Worked:
    *_, j = asked.where
    forget = ("f", asked.stored("forget", *asked.where))
    candidate = ("C̃", asked.stored("candidate", *asked.where))
    old = (f"cell[t−1][{j}]", float(_before(asked, "cell", 1)[j]))
    if not asked.layer.coupled:
        let_in = ("i", asked.stored("input", *asked.where))
        part = stage("cell", (term(forget, old), term(let_in, candidate)))
        return Worked("C ← f ⊙ C + i ⊙ C̃", (part,), notes=_began(asked))
    rest = _rest(forget)
    part = stage("cell", (term(forget, old), term((rest.name, rest.value), candidate)))
    return Worked("C ← f ⊙ C + (1 − f) ⊙ C̃", (rest, part), notes=_began(asked))


def _lstm_hidden(asked: Asked) -> Worked:
    *_, j = asked.where
    inner = alone("cell", term((f"cell[t][{j}]", asked.stored("cell", *asked.where))), "tanh", math.tanh)
    gate = ("o", asked.stored("output_gate", *asked.where))
    return Worked("h = o ⊙ tanh(C)", (inner, alone("hidden", term(gate, ("tanh(C)", inner.value)))))


# ── GRU ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def gru(asked: Asked) -> Worked:
    if asked.name == "output":
        return _gru_hidden(asked)
    if asked.name == "candidate":
        return _gru_candidate(asked)
    layer: GRU = asked.layer
    name, (_, _, j) = asked.name, asked.where
    column, label = ("update", "reset").index(name) * layer.units + j, f"{name} {j}"
    terms = [*_inputs(asked, column, label), *_hidden(asked, column, label), *_gru_bias(asked, column, label)]
    equation = f"{'z' if name == 'update' else 'r'} = σ(x U + h W{_plus(layer)}), σ(n) = ½ tanh(n / 2) + ½"
    return Worked(equation, squashed(f"{name} gate", f"{name} sum n", terms), notes=_began(asked))


def _gru_candidate(asked: Asked) -> Worked:
    layer: GRU = asked.layer
    sample, t, j = asked.where
    column, label = 2 * layer.units + j, f"candidate {j}"
    terms = [*_inputs(asked, column, label), *_gru_bias(asked, column, label)]
    if layer.form == "plain":
        resets = asked.values["reset"].array[sample, t]
        for k, (reset, part) in enumerate(zip(resets.tolist(), _hidden(asked, column, label), strict=True)):
            named = zip(part.names, part.factors, strict=True)
            terms.append(term((f"reset[t][{k}]", reset), *named))
        equation = f"h̃ = tanh(x U + (r ⊙ h) W{_plus(layer)})"
        return Worked(equation, (stage("candidate sum n", terms, "tanh", math.tanh),), notes=_began(asked))
    inner = _hidden(asked, column, label)
    if layer.bias:
        inner.append(term((f"recurrent_bias[{j}]", asked.weight("recurrent_bias", j))))
    within = stage("h W + c" if layer.bias else "h W", inner)
    terms.append(term((f"reset[t][{j}]", asked.stored("reset", *asked.where)), (within.name, within.value)))
    equation = "h̃ = tanh(x U + b + r ⊙ (h W + c))" if layer.bias else "h̃ = tanh(x U + r ⊙ (h W))"
    return Worked(equation, (within, stage("candidate sum n", terms, "tanh", math.tanh)), notes=_began(asked))


def _gru_hidden(asked: Asked) -> Worked:
    *_, j = asked.where
    update = ("z", asked.stored("update", *asked.where))
    new = ("h̃", asked.stored("candidate", *asked.where))
    old = (f"hidden[t−1][{j}]", float(_before(asked, "output", 0)[j]))
    rest = _rest(update)
    plain = asked.layer.form == "plain"
    shares = (term((rest.name, rest.value), old if plain else new), term(update, new if plain else old))
    equation = "h ← (1 − z) ⊙ h + z ⊙ h̃" if plain else "h ← (1 − z) ⊙ h̃ + z ⊙ h"
    return Worked(equation, (rest, stage("hidden", shares)), notes=_began(asked))


def _gru_bias(asked: Asked, column: int, label: str) -> list[Term]:
    return [_bias(asked, column, label)] if asked.layer.bias else []


def _plus(layer: GRU) -> str:
    return " + b" if layer.bias else ""


# ── Clockwork ────────────────────────────────────────────────────────────────────────────────────────────────────────


def clockwork(asked: Asked) -> Worked:
    layer = asked.layer
    sample, t, j = asked.where
    size = layer.units // len(layer.periods)
    k = j if asked.name == "ticked" else j // size
    period = layer.periods[k]
    began = 0.0 if asked.first is None else float(asked.first[1][sample, k])
    clock = stage(
        "clock",
        (term(("the clock at the start", began)), term(("t", float(t)))),
        f"1 where n mod {period} = 0, else 0",
        lambda n: float(n % period == 0),
    )
    if asked.name == "ticked":
        return Worked("group k runs at the steps t with t mod Tₖ = 0", (clock,))
    if not clock.value:
        old = alone("kept", term((f"hidden[t−1][{j}]", float(_before(asked, "output", 0)[j]))))
        notes = (f"group {k} runs every {period} steps, and this is none of them: it keeps its value", *_began(asked))
        return Worked("hₖ ← hₖ", (old,), notes=notes)
    first = k * size
    hidden = _before(asked, "output", 0)[first:]
    weights = asked.params[f"recurrent_weight{k + 1}"][:, j - first]
    seen = weighted(
        hidden, weights, lambda m: f"hidden[t−1][{first + m}]", lambda m: f"recurrent_weight[{first + m},{j}]"
    )
    terms = [*_inputs(asked, j, f"{j}"), *seen, _bias(asked, j, f"{j}")]
    equation = "hₖ ← tanh(x Uₖ + [hₖ, hₖ₊₁, …] Wₖ + bₖ)"
    often = f"every {period} steps, this one among them" if period > 1 else "at every step"
    notes = (f"group {k} runs {often}", *_began(asked))
    return Worked(equation, (stage("sum", terms, "tanh", math.tanh),), notes=notes)


# ── what they have in common ─────────────────────────────────────────────────────────────────────────────────────────


def _inputs(asked: Asked, column: int, label: str) -> list[Term]:
    """x U: the input of the step."""
    weights = asked.params["input_weight"][:, column]
    x = asked.step(asked.where[1])
    return weighted(x, weights, lambda k: f"x[t][{k}]", lambda k: f"input_weight[{k}, {label}]")


def _hidden(asked: Asked, column: int, label: str) -> list[Term]:
    """h W: the hidden state of the step before."""
    weights = asked.params["recurrent_weight"][:, column]
    hidden = _before(asked, "output", 0)
    return weighted(hidden, weights, lambda k: f"hidden[t−1][{k}]", lambda k: f"recurrent_weight[{k}, {label}]")


def _bias(asked: Asked, column: int, label: str) -> Term:
    return term((f"bias[{label}]", asked.weight("bias", column)))


def _rest(share: tuple[str, float]) -> Part:
    """1 − f, or 1 − z."""
    return stage(f"1 − {share[0]}", (term(("1", 1.0)), term(("−1", -1.0), share)))


def _now(asked: Asked, name: str) -> Array:
    return asked.values[name].array[asked.where[0], asked.where[1]]


def _before(asked: Asked, name: str, part: int) -> Array:
    """The stored value of all units one step before; before step 0 that part of the state the layer began in."""
    sample, t, _ = asked.where
    if t:
        return asked.values[name].array[sample, t - 1]
    if asked.first is None:
        return np.zeros(asked.layer.units)
    return asked.first[part][sample]


def _began(asked: Asked) -> tuple[str, ...]:
    if asked.where[1]:
        return ()
    zero = asked.first is None or not any(part[asked.where[0]].any() for part in asked.first)
    return (f"step 0: [t−1] is the state in which the layer began, {'all zero' if zero else 'which it was given'}",)
