"""Numbers as other programs keep them in files, and NumPy does not: bfloat16, two kinds of 8-bit floats, truth values.

BF16     1 sign, 8 exponent, 7 mantissa bits: the upper half of a float32
F8_E5M2  1, 5, 2: the upper half of a float16, with its infinities and NaNs
F8_E4M3  1, 4, 3, bias 7: no infinities, one NaN for each sign (S.1111.111), so that it reaches 448
         ("E4M3FN"; Micikevicius et al., "FP8 formats for deep learning", 2022)
"""

from __future__ import annotations

import numpy as np

from tuinet.nn.params import Array

WIDE = ("F16", "BF16", "F8_E4M3", "F8_E5M2")
"""Dtypes whose values are handed out as float32, which holds each of them exactly."""


def decoded(code: str, stored: Array) -> Array:
    """The values of an array of the dtype that a file calls `code`, whose bits are `stored`; exact, in a new array.

    The types of WIDE become float32, BOOL becomes uint8 (0 and 1); all else stays what it is, in this machine's order.
    """
    if code == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    if code == "F8_E4M3":
        return _E4M3[stored]
    if code == "F8_E5M2":
        return _E5M2[stored]
    if code == "F16":
        return stored.astype(np.float32)
    if code == "BOOL":
        return (stored != 0).astype(np.uint8)
    return stored.astype(stored.dtype.newbyteorder("="))


def _e4m3() -> Array:
    """(256,) the value of every byte: 2^(e − 7) · (1 + m/8), and 2⁻⁶ · m/8 where e is 0."""
    byte = np.arange(256)
    exponent, mantissa = (byte >> 3) & 15, byte & 7
    sizes = np.where(exponent > 0, np.exp2(exponent - 7.0) * (1 + mantissa / 8), 2.0**-6 * mantissa / 8)
    sizes[(byte & 127) == 127] = np.nan
    return np.copysign(sizes, np.where(byte < 128, 1.0, -1.0)).astype(np.float32)


_E4M3 = _e4m3()
_E5M2 = (np.arange(256, dtype=np.uint16) << 8).view(np.float16).astype(np.float32)
