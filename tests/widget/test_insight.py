"""What pages are shown of a talk's insides: only while they look, and never what they missed."""

import pytest

from livewidget.config import TurnDetection
from livewidget.widget import messages as m
from livewidget.widget.insight import Insight
from tests.widget.page import Link

LOOKS = m.Explorer(open=True, wire=False, tuner=True)
AWAY = m.Explorer(open=True, wire=False, tuner=False)
QUIET = bytes(1280)  # 40 ms


@pytest.fixture
def link():
    return Link()


def talk(link, insight, ms, turns=TurnDetection()):  # noqa: B008
    for _ in range(0, ms, 40):
        insight.voice(QUIET, turns, link.now)
        link.run(40, step=40)
        insight.tick(link.now)


def test_the_microphone_is_shown_to_those_who_look(link):
    page = link.page("a")
    insight = Insight(link.bridge, remote=False)
    talk(link, insight, 1000)
    assert page.insights == []
    page.send(LOOKS)
    assert ("explore", LOOKS) in link.host.calls
    talk(link, insight, 1000)
    shown = [message for message, _ in page.insights]
    assert 3 <= len(shown) <= 5
    assert sum(len(one.levels) for one in shown) >= 20
    assert [one.from_ms for one in shown] == sorted(one.from_ms for one in shown)
    page.send(AWAY)
    before = len(page.insights)
    talk(link, insight, 1000)
    assert len(page.insights) == before


def test_a_page_that_has_fallen_silent_is_shown_nothing(link):
    page = link.page("a")
    insight = Insight(link.bridge, remote=False)
    page.send(LOOKS)
    page.reporting = False
    link.run(2500)
    talk(link, insight, 1000)
    assert page.insights == []


def test_other_settings_begin_anew(link):
    page = link.page("a")
    insight = Insight(link.bridge, remote=True)
    page.send(LOOKS)
    talk(link, insight, 500)
    talk(link, insight, 500, TurnDetection(silence_ms=300))
    shown = [message for message, _ in page.insights]
    assert [shown[0].silence_ms, shown[-1].silence_ms] == [800, 300]


def test_what_is_lost_is_not_repeated_and_holds_nothing_up(link):
    page = link.page("a")
    insight = Insight(link.bridge, remote=False)
    page.send(LOOKS)
    page.deaf = True
    talk(link, insight, 500)
    page.deaf = False
    before = len(page.insights)
    link.run(3000)
    assert len(page.insights) == before
    link.bridge.notice("info", "here", "Here.")
    assert page.of(m.NoticeView)[-1].code == "here"
