"""The meter on the pages of a widget."""

from dataclasses import replace

import pytest

from livewidget.ui import messages as m
from livewidget.ui.inspector import PERIOD_MS, UsagePublisher, meter_view
from tests.widget.jupyter import comms, until

from .exploring import made, pages, talk

__all__ = ["comms", "made", "pages"]
pytestmark = pytest.mark.usefixtures("comms")


def test_a_page_that_looks_is_told_what_the_talk_has_used(made, pages):
    live = made()
    page = pages(live)
    talk(live, "one")
    meter = page.wait_for(m.MeterView, lambda meter: meter.response_tokens > 0)
    assert meter.total_tokens == meter.prompt_tokens + meter.response_tokens
    assert sum(meter.by_modality.values()) == meter.total_tokens
    assert meter.cost_usd == 0
    assert (meter.ending, meter.time_limit_ms) == ("connection", 600_000)
    assert 0 < meter.time_left_ms <= 600_000
    assert meter.link_ms == 0
    assert live.meter.usage.total_tokens == meter.total_tokens
    assert (live.stats.session.reconnects, live.stats.session.dropped_audio_ms) == (0, 0)


def test_before_the_talk_there_is_no_meter(made):
    assert made().meter is None


def test_a_page_that_comes_later_is_told_too_and_after_the_end(made, pages):
    live = made()
    talk(live, "one")
    live.stop()
    assert live.wait(10)
    meter = pages(live, look=False).wait_for(m.MeterView)
    assert meter.total_tokens > 0
    assert (meter.time_left_ms, meter.ending) == (None, None)


def test_what_all_sessions_of_the_talk_have_used_is_added_up(made, pages):
    live = made()
    page = pages(live, look=False)
    talk(live, "one")
    one = page.wait_for(m.MeterView, lambda meter: meter.response_tokens > 0)
    live.stop()
    assert live.wait(10)
    talk(live, "two")
    two = page.wait_for(m.MeterView, lambda meter: meter.total_tokens > one.total_tokens)
    assert two.total_tokens == one.total_tokens + live.meter.usage.total_tokens
    assert sum(two.by_modality.values()) == two.total_tokens
    live.configure(model="gemini-3.8-live")
    until(lambda: "gemini-3.8-live" in repr(live))
    talk(live, "three")
    # A tutor that stands in for it costs what it would.
    assert page.wait_for(m.MeterView, lambda meter: meter.total_tokens > two.total_tokens).cost_usd > 0


class Open:
    """A session that is open, whose meter says what the test wants, and counts how often it is read."""

    is_open = True

    def __init__(self, meter):
        self.read, self.says = 0, meter

    @property
    def meter(self):
        self.read += 1
        return self.says


class Told:
    """Takes down what the pages are told."""

    def __init__(self):
        self.front_ends, self.told = ["a page"], []

    def send(self, message):
        self.told.append(message)


@pytest.fixture
def publisher(made):
    live = made()
    talk(live, "one")
    session, bridge = Open(live.meter), Told()
    return UsagePublisher(type("Sessions", (), {"current": session})(), bridge), session, bridge


def test_it_is_read_at_most_once_a_second(publisher):
    publisher, session, _ = publisher
    for step in range(20):
        publisher.tick(step * PERIOD_MS / 10)
    assert session.read == 2


def test_it_is_told_only_when_there_is_news(publisher):
    publisher, session, bridge = publisher
    first = session.says
    for second in range(10):  # Time passes, as the page knows itself.
        session.says = replace(first, time_left_ms=first.time_left_ms - 1000 * second)
        publisher.tick(1000.0 * second)
    assert len(bridge.told) == 1
    session.says = replace(first, time_left_ms=50_000, ending="go_away")
    publisher.tick(10_000)
    assert (bridge.told[1].time_left_ms, bridge.told[1].ending) == (50_000, "go_away")
    session.says = replace(session.says, time_left_ms=600_000)  # A new connection.
    publisher.tick(11_000)
    assert len(bridge.told) == 3
    publisher.forget()
    publisher.tick(11_050)
    assert len(bridge.told) == 4


def test_a_price_that_is_not_known_is_none(publisher):
    _, session, _ = publisher
    assert meter_view([session.says, replace(session.says, cost_usd=None)]).cost_usd is None
    assert meter_view([session.says, replace(session.says, cost_usd=0.5)]).cost_usd == 0.5
