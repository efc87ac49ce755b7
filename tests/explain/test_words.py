"""Numbers as people write them."""

from __future__ import annotations

import pytest

from amiss.explain.words import number_word, range_words


@pytest.mark.parametrize(
    ("value", "decimals", "width", "word"),
    [
        (93.14159, 2, None, "93.14"), (93.14159, 6, 10.0, "93.1"), (0.0, 3, None, "0.000"), (-0.0001, 2, None, "0.00"),
        (14657531.0, 0, None, "14657531"), (1e20, 0, None, "1e+20"), (1e-7, 6, None, "1e-07"), (4e-13, 6, 1e6, "0"),
    ],
)  # fmt: skip
def test_number_word(value, decimals, width, word):
    assert number_word(value, decimals, width) == word


def test_range_words():
    assert range_words(61.234, 68.91, 3) == "61.23 to 68.91"
    assert range_words(0, 0, 0) == "0"
    assert range_words(1.0, 1.0000001, 2) == "1.00"
