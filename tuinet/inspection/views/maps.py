"""Views of feature maps: what the layers behind a convolution make of them, what a pooling layer takes from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tuinet.inspection.question import Node, Offer, Question
from tuinet.inspection.view import Axis, Seen, Table
from tuinet.inspection.views.outputs import (
    MAPS,
    as_view,
    chosen,
    each_sample,
    named,
    of_kind,
    of_sample,
    share,
    values_view,
)
from tuinet.inspection.views.places import POOLS, comes_from, is_picture, siblings
from tuinet.inspection.views.receptive import windows_of
from tuinet.nn.layers.conv import Conv2D
from tuinet.nn.layers.pool import MaxPool


def maps(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """The maps of a convolution, then what every layer up to the next one with weights makes of them: rectified,
    pooled. A layer that changes nothing when predicting, such as dropout, is passed over."""
    run = question.run
    stages = [node]
    _, after = siblings(question.model, node)
    for other in after:
        if other.params or other.layer.over_time or other.after.axes != MAPS:
            break
        if run.places[other.path].y is not run.places[other.path].x:
            stages.append(other)
    found: list[Seen] = []
    for stage in stages:
        asked = replace(question, layer=stage.path)
        title = f"the maps of {stage.path}"
        signal = run.places[stage.path].y
        name, axis, of = f"{stage.path}/output", Axis("map"), (stage.path, "output")
        found.append(values_view(asked, name, signal, stage.after, sample, axis, title, picture=False, of=of))
    return tuple(found)


def pooling(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """What goes into the pooling layer, and what comes out, map by map."""
    run, picture = question.run, is_picture(question.model, node, after=False)
    windows = windows_of(node.layer, node.before)
    assert windows is not None
    (rows, columns), stride = windows.kernel, windows.stride
    kind = type(node.layer).__name__.removesuffix("Pool").lower()
    said = {"max": "the greatest value", "average": "the mean", "sum": "the sum"}[kind]
    about = f"{said} of each {rows}×{columns} window, every {stride[0]} rows and {stride[1]} columns"
    place = run.places[node.path]
    axis = Axis("channel") if picture else Axis("map")
    before, after = (
        values_view(question, name, signal, shape, sample, axis, title, picture=picture, of=(of, "output"))
        for name, signal, shape, title, of in (
            ("before", place.x, node.before, f"what goes into {node.path}", comes_from(question.model, node)),
            ("after", place.y, node.after, f"what comes out: {about}", node.path),
        )
    )
    return before, after


def winners(question: Question, node: Node, sample: int) -> tuple[Seen, ...]:
    """Which cells the windows took their greatest value from: how many windows each cell of the input won (the first
    cell, row by row, where several are equal), which cell of its window it was, and how often it was which."""
    windows = windows_of(node.layer, node.before)
    assert windows is not None
    place = question.run.places[node.path]
    shown = chosen(
        named(question, place.x, node.before, sample, Axis("map"), node.path),
        question.choice._replace(at=None),
        node.path,
        "map",
    )
    x = shown.data
    (rows, columns), (down, right), (high, wide) = windows.output, windows.stride, windows.kernel
    cells = np.stack(
        [
            x[i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right]
            for i in range(high)
            for j in range(wide)
        ]
    )  # (cells of a window, Ho, Wo, C)
    won = cells.argmax(axis=0)
    wins = np.zeros(x.shape, np.int64)
    at = np.indices(won.shape)
    np.add.at(wins, (at[0] * down + won // wide, at[1] * right + won % wide, at[2]), 1)
    counts = np.bincount(won.ravel(), minlength=high * wide)
    table = tuple((f"row {i // wide}, column {i % wide}", int(n), float(n / won.size)) for i, n in enumerate(counts))
    where = of_sample(question, sample)
    note = (f"{share(float((wins > 0).mean()))} of the cells are passed on; only they get a gradient",)
    return (
        as_view("winners", shown._replace(data=wins), f"the windows of {node.path} that each cell won{where}", note),
        as_view("cell", shown._replace(data=won), "the cell of each window that won, counted row by row from 0"),
        Table("winners", ("cell of the window", "windows", "share"), table, title="how often each cell won"),
    )


VIEWS: tuple[Offer, ...] = (
    Offer(
        "maps",
        "its maps, rectified and pooled by what follows",
        "input",
        of_kind(Conv2D),
        each_sample(maps),
        ("units", "step", "masks", "decoder"),
    ),
    Offer(
        "winners",
        "which cell of each window won",
        "input",
        of_kind(MaxPool),
        each_sample(winners),
        ("units", "step", "masks", "decoder"),
    ),
    Offer(
        "pooling",
        "what goes in beside what comes out",
        "input",
        of_kind(*POOLS),
        each_sample(pooling),
        ("units", "step", "masks", "decoder"),
    ),
)
