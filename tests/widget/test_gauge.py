"""The meter on the pages of a widget."""

import pytest

from livewidget.widget import messages as m
from livewidget.widget.gauge import PERIOD_MS, Gauge

from .jupyter import comms
from .test_explorer import AWAY, made, pages, talk

__all__ = ["comms", "made", "pages"]
pytestmark = pytest.mark.usefixtures("comms")


def test_a_page_that_looks_is_told_what_the_talk_has_used(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    meter = page.wait_for(m.Meter, lambda meter: meter.response_tokens > 0)
    assert meter.total_tokens == meter.prompt_tokens + meter.response_tokens
    assert sum(meter.by_modality.values()) == meter.total_tokens
    assert meter.cost_usd == 0
    assert (meter.ending, meter.time_limit_ms) == ("connection", 600_000)
    assert 0 < meter.time_left_ms <= 600_000
    assert meter.link_ms == 0
    assert live.meter.usage.total_tokens == meter.total_tokens


def test_before_the_talk_there_is_no_meter(made):
    assert made().meter is None


def test_a_page_that_does_not_look_is_told_nothing(made, pages):
    live = made()
    page = pages(live, look=False)
    page.send(AWAY)
    talk(live, "one")
    talk(live, "two")
    assert page.of(m.Meter) == []


class Open:
    """A session that is open, and counts how often its meter is read."""

    def __init__(self, live):
        self.is_open, self.read, self._live = True, 0, live

    @property
    def meter(self):
        self.read += 1
        return self._live.meter


def test_it_is_told_at_most_once_a_second(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    page.wait_for(m.Meter)
    session = Open(live)
    sessions = type("Sessions", (), {"current": session})()
    gauge = Gauge(sessions, live._talk.bridge)

    async def ticks():
        start = max(page.seen_ms for page in live._talk.bridge.pages)
        for step in range(20):
            gauge.tick(start + step * PERIOD_MS / 10)

    live._background.submit(ticks()).result(5)
    assert session.read == 2
