"""Metrics, standardising and the perceptron with scikit-learn; operators with ONNX's reference evaluator."""

from __future__ import annotations

import numpy as np
import sklearn.linear_model
import sklearn.metrics
import sklearn.preprocessing
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from vectors import put

# Metrics, standardising and the perceptron: scikit-learn


def metrics(rng):
    found = {}
    ids, predicted = rng.integers(0, 5, 60), rng.integers(0, 5, 60)
    scores = rng.normal(size=(60, 5))
    top = [sklearn.metrics.top_k_accuracy_score(ids, scores, k=k, labels=range(5)) for k in range(1, 5)]
    confusion = sklearn.metrics.confusion_matrix(ids, predicted, labels=range(5))
    accuracy = sklearn.metrics.accuracy_score(ids, predicted)
    put(found, "classes", ids=ids, predicted=predicted, scores=scores, top=top, confusion=confusion, accuracy=accuracy)

    y = rng.normal(3, 2, (40, 3))
    y[:, 2] = 1.5  # an output that never varies
    a = y + rng.normal(size=y.shape)
    r2 = [sklearn.metrics.r2_score(y[:, :n], a[:, :n]) for n in (1, 2, 3)]
    put(found, "values", y=y, a=a, r2=r2, mse=sklearn.metrics.mean_squared_error(y, a))

    x = rng.normal(5, [1, 10, 0.1, 3], (50, 4))
    x = np.column_stack([x, np.full(50, 7.0)])  # and a column that never varies
    scaler = sklearn.preprocessing.StandardScaler().fit(x)
    put(found, "standardize", x=x, mean=scaler.mean_, deviation=scaler.scale_, y=scaler.transform(x))

    # From a random start, so that no output is ever exactly 0, where scikit-learn counts either answer as wrong
    x, y = rng.normal(size=(30, 3)), rng.choice([-1, 1], 30)
    w, b = rng.normal(size=(1, 3)), rng.normal(size=1)
    model = sklearn.linear_model.Perceptron(shuffle=False, max_iter=3, tol=None, alpha=0.0)
    model.fit(x, y, coef_init=w.copy(), intercept_init=b.copy())
    put(
        found, "perceptron", x=x, y=y, weight=w, bias=b, weight_after=model.coef_, bias_after=model.intercept_, epochs=3
    )
    return found


# ONNX's reference evaluator: a third opinion, forward only


def onnx_reference(rng):
    found = {}

    def add(case, settings, op, x, *params, **attributes):
        names = ["x", *(f"p{i}" for i in range(len(params)))]
        inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names]
        output = helper.make_tensor_value_info("y", TensorProto.DOUBLE, None)
        graph = helper.make_graph([helper.make_node(op, names, ["y"], **attributes)], "g", inputs, [output])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
        image = x.ndim == 4
        fed = [np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if image else x]
        fed += [p.transpose(3, 2, 0, 1) if p.ndim == 4 else p for p in params]
        (y,) = ReferenceEvaluator(model).run(None, dict(zip(names, fed, strict=True)))
        weights = dict(zip(("weight", "bias"), params, strict=False))
        put(found, case, settings, x=x, y=y.transpose(0, 2, 3, 1) if image else y, **weights)

    x, bias = rng.normal(size=(2, 7, 8, 2)), rng.normal(size=3)
    for name, kernel, stride, padding in [
        ("valid", (3, 3), (1, 1), "valid"),
        ("same", (3, 2), (1, 1), "same"),
        ("same-stride-2", (3, 3), (2, 2), "same"),
        ("same-stride-3-2", (4, 5), (3, 2), "same"),
        ("padding-2", (3, 4), (1, 2), 2),
    ]:
        settings = {"kind": "conv2d", "filters": 3, "kernel": kernel, "stride": stride, "padding": padding}
        attributes = {"pads": [padding] * 4} if isinstance(padding, int) else {"auto_pad": AUTO_PAD[padding]}
        weight = rng.normal(size=(*kernel, 2, 3))
        add(f"conv-{name}", settings, "Conv", x, weight, bias, strides=stride, kernel_shape=kernel, **attributes)
    for kind, op in (("max-pool", "MaxPool"), ("average-pool", "AveragePool")):
        for window, stride in (((2, 2), (2, 2)), ((3, 2), (1, 2)), ((3, 3), (2, 2))):
            settings = {"kind": kind, "window": window, "stride": stride}
            add(
                f"{kind}-{window[0]}{window[1]}-{stride[0]}{stride[1]}",
                settings,
                op,
                x,
                kernel_shape=window,
                strides=stride,
            )
    rows = rng.normal(size=(3, 5)) * 3
    add("dense", {"kind": "dense", "units": 3}, "Gemm", rows, rng.normal(size=(5, 3)), bias)
    for kind, op in (("softmax", "Softmax"), ("sigmoid", "Sigmoid"), ("tanh", "Tanh"), ("relu", "Relu")):
        add(kind, {"kind": kind}, op, rows)
    return found


AUTO_PAD = {"valid": "VALID", "same": "SAME_UPPER"}
