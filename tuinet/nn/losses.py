"""What a network is to make small. A loss compares the output of the last layer with the target.

B samples, S outputs; n is the output (logits where an activation is fused), a what predicting makes of it, y the
target. Each gives one value per sample and its gradient with respect to the output; the caller divides by the number
of samples in the whole batch, so the gradients of parts of a batch simply add up.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
import numpy as np

from tuinet.nn.context import Context
from tuinet.nn.layers.activation import Sigmoid, Sign, Softmax
from tuinet.nn.params import Array, Params


class _Loss(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    targets: ClassVar[Literal["ids", "values"]] = "values"
    """What a target is: "ids", whole class numbers (B,) from 0 to S − 1, or "values", numbers like the output."""

    activation: ClassVar[Literal["softmax", "sigmoid", "sign"] | None] = None
    """What predicting applies to the output (None: nothing)."""

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        """The loss of each sample (B,) in float64, and dJ/doutput of each sample: shape and dtype of `output`.

        Changes neither. The gradient may lie in the context's arena. Raises ValueError if the shapes do not fit.
        """
        raise NotImplementedError

    def value(self, output: Array, target: Array) -> Array:
        """The loss of each sample (B,) in float64."""
        return self.value_and_gradient(output, target, Context())[0]


class SquaredError(_Loss, frozen=True, tag="squared-error"):
    """J = Σⱼ (yⱼ − aⱼ)², dJ/da = −2 (y − a): the lecture's, a sum over the outputs."""

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        _same_shape(output, target)
        error = np.subtract(output, target, out=ctx.empty(output.shape, output.dtype))  # (B, S) a − y
        flat = error.reshape(len(error), -1)
        values = np.einsum("ij,ij->i", flat, flat).astype(np.float64)
        error *= 2
        return values, error


class MeanSquaredError(_Loss, frozen=True, tag="mean-squared-error"):
    """J = (1/S) Σⱼ (yⱼ − aⱼ)², dJ/da = −(2/S) (y − a): the mean over the outputs."""

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        values, gradient = SquaredError().value_and_gradient(output, target, ctx)
        outputs = max(1, output[0].size)
        values /= outputs
        gradient /= outputs
        return values, gradient


class CrossEntropy(_Loss, frozen=True, tag="cross-entropy"):
    """J = −log a_y with a = softmax(n), dJ/dn = a − y (y as one-hot); softmax is part of the loss.

    Computed as log Σ e^{n − max n} − (n_y − max n), finite for any finite n.
    """

    targets: ClassVar[Literal["ids", "values"]] = "ids"
    activation: ClassVar[Literal["softmax", "sigmoid", "sign"] | None] = "softmax"

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        rows = _rows(output, target)
        # both reductions along the short axis are several times faster this way: across columns, and as a product
        largest = np.maximum.reduce(np.ascontiguousarray(output.T), axis=0)[:, None]  # (B, 1)
        a = np.subtract(output, largest, out=ctx.empty(output.shape, output.dtype))  # (B, S)
        own = a[rows, target].astype(np.float64)  # (B,)
        np.exp(a, out=a)
        total = _sums(a)  # (B,) Σ e^{n − max n}
        np.divide(a, total.astype(a.dtype)[:, None], out=a)
        values = np.log(total) - own
        a[rows, target] = np.expm1(-values)  # a_y − 1 = e^{−J} − 1, without cancellation
        return values, a


class BinaryCrossEntropy(_Loss, frozen=True, tag="binary-cross-entropy"):
    """J = −Σⱼ yⱼ log aⱼ + (1 − yⱼ) log(1 − aⱼ) with a = sigmoid(n), dJ/dn = a − y; sigmoid is part of the loss.

    Targets from 0 to 1. Computed as max(n, 0) − n y + log(1 + e^{−|n|}), finite for any finite n.
    """

    activation: ClassVar[Literal["softmax", "sigmoid", "sign"] | None] = "sigmoid"

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        _same_shape(output, target)
        terms = np.log1p(np.exp(-np.abs(output)))  # (B, S)
        terms += np.maximum(output, 0)
        terms -= output * target
        gradient: Array = Sigmoid().forward(_NO_PARAMS, output, ctx)[0]
        np.subtract(gradient, target, out=gradient)
        return _sums(terms), gradient


class Hinge(_Loss, frozen=True, tag="hinge"):
    """J = Σ_{j≠y} max(0, m + nⱼ − n_y): a linear support vector machine for several classes.

    Every class that comes within the margin m of the true one pulls, with gradient 1 for it and −1 for the true one.
    Weston & Watkins, "Support vector machines for multi-class pattern recognition" (1999).
    """

    margin: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0
    """By how much the true class's output has to be above every other before the loss is 0."""

    targets: ClassVar[Literal["ids", "values"]] = "ids"

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        rows = _rows(output, target)
        reach = output - (output[rows, target] - self.margin)[:, None]  # (B, S) m + nⱼ − n_y
        reach[rows, target] = 0
        np.maximum(reach, 0, out=reach)
        gradient = ctx.empty(output.shape, output.dtype)  # (B, S)
        np.greater(reach, 0, out=gradient, casting="unsafe")
        gradient[rows, target] = -_sums(gradient)
        return _sums(reach), gradient


class Perceptron(_Loss, frozen=True, tag="perceptron"):
    """J = Σⱼ (|nⱼ| − yⱼ nⱼ) on the linear output n, targets ±1; dJ/dn = f(n) − y = −e, f(n) = +1 if n ≥ 0 else −1.

    Gradient descent on it, one sample at a time, is the perceptron rule w ← w + α e x, b ← b + α e, and a right
    answer changes nothing. At n = 0 with y = −1 J is 0 although the answer is wrong (a tie is +1) and the rule acts:
    mistakes are counted by f(n), not by J. Rosenblatt (1958).
    """

    activation: ClassVar[Literal["softmax", "sigmoid", "sign"] | None] = "sign"

    def value_and_gradient(self, output: Array, target: Array, ctx: Context) -> tuple[Array, Array]:
        _same_shape(output, target)
        values = _sums(np.abs(output) - output * target)
        gradient = ctx.empty(output.shape, output.dtype)
        np.greater_equal(output, 0, out=gradient, casting="unsafe")
        gradient *= 2
        gradient -= 1  # f(n); np.sign would give 0 at a tie
        np.subtract(gradient, target, out=gradient, casting="same_kind")
        return values, gradient


Loss = SquaredError | MeanSquaredError | CrossEntropy | BinaryCrossEntropy | Hinge | Perceptron

_ACTIVATIONS = {"softmax": Softmax(), "sigmoid": Sigmoid(), "sign": Sign()}
_NO_PARAMS = Params({}, np.empty(0))


def apply_activation(loss: Loss, output: Array) -> Array:
    """What predicting makes of the last layer's output (B, S): probabilities, signs, or the values themselves."""
    if loss.activation is None:
        return output
    return _ACTIVATIONS[loss.activation].forward(_NO_PARAMS, output, Context())[0]


def _same_shape(output: Array, target: Array) -> None:
    if output.shape != target.shape:
        raise ValueError(f"targets of shape {target.shape} do not fit outputs of shape {output.shape}")


def _rows(output: Array, target: Array) -> Array:
    if output.ndim != 2 or target.shape != output.shape[:1]:
        raise ValueError(f"class ids of shape {target.shape} do not fit outputs of shape {output.shape}")
    return np.arange(len(output))


def _sums(terms: Array) -> Array:
    """The sum over all outputs of each sample, (B,) in float64."""
    flat = terms.reshape(len(terms), -1)  # (B, S)
    sums: Array = flat @ np.ones(flat.shape[1], flat.dtype)
    return sums.astype(np.float64)
