"""How often, and how long between."""

import math

import pytest

from livewidget.errors import ConfigError
from livewidget.session import ReconnectPolicy


def test_waits_double_up_to_a_limit_and_are_spread():
    longest = ReconnectPolicy(random=lambda: 1.0)
    assert [longest.delay_ms(failed) for failed in range(8)] == [0, 500, 1000, 2000, 4000, 8000, 8000, 8000]
    assert longest.delay_ms(10_000) == 8000
    assert ReconnectPolicy(random=lambda: 0.25).delay_ms(3) == 500
    waits = {ReconnectPolicy().delay_ms(3) for _ in range(50)}
    assert len(waits) > 40
    assert all(0 <= wait <= 2000 for wait in waits)


@pytest.mark.parametrize("tries", [0, -1])
def test_at_least_one_connection_is_tried(tries):
    with pytest.raises(ConfigError, match="1 or more"):
        ReconnectPolicy(max_attempts=tries)


LENGTHS = ["initial_delay_ms", "max_delay_ms", "min_interval_ms", "stable_s", "max_wait_s", "silent_link_s"]


@pytest.mark.parametrize(
    "name", [*LENGTHS, "answer_timeout_s", "idle_pause_s", "max_attempts", "dials_per_hour"]
)
@pytest.mark.parametrize("value", ["5", True, math.nan, -1, math.inf, [1]])
def test_every_number_is_checked_in_one_sentence(name, value):
    with pytest.raises(ConfigError, match=rf"^{name} is [^.]*\.$"):
        ReconnectPolicy(**{name: value})
    ReconnectPolicy(**{name: 7})


def test_a_number_beyond_all_floats_is_too_large():
    with pytest.raises(ConfigError, match="answer_timeout_s is a number"):
        ReconnectPolicy(answer_timeout_s=10**400)
