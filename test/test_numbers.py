import math

import pytest

from mbrl_ros.core.numbers import shown
from mbrl_ros.core.rcl_yaml import plain_value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0166667, "0.0166667"), (4 * 0.0041666667, "0.0166666668"), (2.0, "2"), (-1e-6, "-1e-06"),
     (16628.469, "16628.469"), (16628.46875, "16628.46875"), (math.inf, "inf")],
)  # fmt: skip
def test_what_is_shown_reads_back_as_the_same_number(value, text):
    assert shown(value) == text
    assert float(plain_value(text)) == value
