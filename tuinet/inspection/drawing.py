"""Which way a drawing becomes an input of a model: as the data it was trained on were made."""

from __future__ import annotations

from tuinet.data.drawn import DIGITS, MNIST, Drawing, scaled
from tuinet.data.fetched import Mnist
from tuinet.data.shipped_sets import Digits, MnistSmall
from tuinet.data.shipped_text import DigitCaptions
from tuinet.experiment.provenance import said_by
from tuinet.model.inputs import largest_pixel
from tuinet.model.model import Model

TEN = tuple("0123456789")


def drawing_for(model: Model) -> Drawing | None:
    """How a drawing is prepared for the model; None if it takes no single images.

    By the data that the model says it was trained on. Where it says nothing (data of one's own, weights from
    elsewhere), ten digits on 28×28 grey pixels are taken to be like MNIST's, and on 8×8 of 0 … 16 like UCI's.
    """
    meta = model.meta
    shape, maximum = meta.input_shape, largest_pixel(meta)
    if shape.kind == "id" or shape.sequence:
        return None
    trained = said_by(model)
    source = None if trained is None else trained.source
    if shape.sizes == DIGITS.sizes and isinstance(source, Digits):
        return DIGITS
    if shape.sizes == MNIST.sizes and isinstance(source, MnistSmall | DigitCaptions | Mnist):
        return MNIST
    if source is None and meta.labels == TEN:
        for known in (DIGITS, MNIST._replace(maximum=maximum)):
            if (shape.sizes, maximum) == (known.sizes, known.maximum):
                return known
    return scaled(shape.sizes, maximum)
