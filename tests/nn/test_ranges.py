"""Dealing out ranges of the flat vector: every value once, in order, in shares of about the same size."""

import pytest

from tuinet.nn.ranges import divide


@pytest.mark.parametrize("slices", [[slice(0, 10)], [slice(2, 5), slice(7, 8), slice(20, 31)], [slice(3, 4)], []])
@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_every_value_is_dealt_out_once(slices: list[slice], parts: int):
    shares = divide(slices, parts)
    dealt = [value for share in shares for part in share for value in range(part.start, part.stop)]
    assert len(shares) == parts
    assert dealt == [value for part in slices for value in range(part.start, part.stop)]
    sizes = [sum(part.stop - part.start for part in share) for share in shares]
    assert max(sizes) - min(sizes) <= 1
