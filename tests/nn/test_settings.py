"""Layers' settings from outside: what is out of range is refused, with its path."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tuinet.nn.network import Sequential


@pytest.mark.parametrize(
    ("layer", "path"),
    [
        ({"kind": "dense", "units": 0}, "$.layers[0].units"),
        ({"kind": "dense", "units": 2.5}, "$.layers[0].units"),
        ({"kind": "dense", "units": -3}, "$.layers[0].units"),
        ({"kind": "lstm"}, "$.layers[0]"),
        ({"kind": "dense", "units": 3, "size": 4}, "$.layers[0]"),
        ({"kind": "dense", "units": 3, "initializer": {"kind": "normal", "deviation": -1}}, ".initializer.deviation"),
        ({"kind": "conv2d", "filters": 0, "kernel": 3}, "$.layers[0].filters"),
        ({"kind": "conv2d", "filters": 2, "kernel": 0}, "$.layers[0].kernel"),
        ({"kind": "conv2d", "filters": 2, "kernel": [3, 0]}, "$.layers[0].kernel"),
        ({"kind": "conv2d", "filters": 2, "kernel": [3, 3, 3]}, "$.layers[0].kernel"),
        ({"kind": "conv2d", "filters": 2, "kernel": [3]}, "$.layers[0].kernel"),
        ({"kind": "conv2d", "filters": 2, "kernel": 3, "stride": 0}, "$.layers[0].stride"),
        ({"kind": "conv2d", "filters": 2, "kernel": 3, "padding": -1}, "$.layers[0].padding"),
        ({"kind": "conv2d", "filters": 2, "kernel": 3, "padding": "full"}, "$.layers[0].padding"),
        ({"kind": "max-pool", "window": 0}, "$.layers[0].window"),
        ({"kind": "max-pool", "stride": [0, 1]}, "$.layers[0].stride"),
        ({"kind": "dropout", "rate": 1.5}, "$.layers[0].rate"),
        ({"kind": "dropout", "rate": 1.0}, "$.layers[0].rate"),
        ({"kind": "dropout", "rate": -0.1}, "$.layers[0].rate"),
        ({"kind": "gaussian-noise", "deviation": -1}, "$.layers[0].deviation"),
        ({"kind": "danse", "units": 3}, "$.layers[0].kind"),
        ({"kind": "rnn", "units": 3, "activation": "sigmoid"}, "$.layers[0].activation"),
        ({"kind": "lstm", "units": 3, "peephole": True}, "$.layers[0].peephole"),
        ({"kind": "lstm", "units": 3, "chrono": 2}, "$.layers[0].chrono"),
        ({"kind": "gru", "units": 3, "form": "onnx"}, "$.layers[0].form"),
        ({"kind": "clockwork", "units": 4, "periods": []}, "$.layers[0].periods"),
        ({"kind": "clockwork", "units": 4, "periods": [0, 2]}, "$.layers[0].periods"),
        ({"kind": "bidirectional", "layer": {"kind": "dense", "units": 2}}, "$.layers[0].layer.kind"),
    ],
)
def test_settings_out_of_range_are_refused_with_their_path(layer: dict[str, Any], path: str) -> None:
    document = msgspec.json.encode({"kind": "sequential", "layers": [layer]})
    for _ in range(50):  # msgspec 0.22 has crashed on such types: repeat until it would show
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.json.decode(document, type=Sequential)
        assert path in str(caught.value)
