"""What pages are shown of a talk's insides: only while they look, and never what they missed."""

import json

import pytest

from livewidget.clock import ManualClock
from livewidget.config import TurnDetection
from livewidget.session.wire_log import WireLog
from livewidget.ui import messages as m
from livewidget.ui.inspector import Inspector
from tests.ui.page import Link

LOOKS = m.ExplorerState(open=True, wire=False, tuner=True)
AWAY = m.ExplorerState(open=True, wire=False, tuner=False)
QUIET = bytes(1280)  # 40 ms


@pytest.fixture
def link():
    return Link()


def talk(link, inspector, ms, turns=TurnDetection()):  # noqa: B008
    for _ in range(0, ms, 40):
        if inspector.listens:
            inspector.listen(QUIET, turns)
        link.run(40, step=40)
        inspector.tick(link.now)


def test_the_microphone_is_shown_to_those_who_look(link):
    page = link.page("a")
    inspector = Inspector(link.bridge, remote=False)
    talk(link, inspector, 1000)
    assert page.insights == []
    page.send(LOOKS)
    assert ("explorer", LOOKS) in link.host.calls
    talk(link, inspector, 1000)
    shown = [message for message, _ in page.insights]
    assert 3 <= len(shown) <= 5
    assert sum(len(one.levels) for one in shown) >= 20
    assert [one.from_ms for one in shown] == sorted(one.from_ms for one in shown)
    page.send(AWAY)
    before = len(page.insights)
    talk(link, inspector, 1000)
    assert len(page.insights) == before


def test_a_page_that_has_fallen_silent_is_shown_nothing(link):
    page = link.page("a")
    inspector = Inspector(link.bridge, remote=False)
    page.send(LOOKS)
    page.reporting = False
    link.run(2500)
    talk(link, inspector, 1000)
    assert page.insights == []


def test_other_settings_begin_anew(link):
    page = link.page("a")
    inspector = Inspector(link.bridge, remote=True)
    page.send(LOOKS)
    talk(link, inspector, 500)
    talk(link, inspector, 500, TurnDetection(silence_ms=300))
    shown = [message for message, _ in page.insights]
    assert [shown[0].silence_ms, shown[-1].silence_ms] == [800, 300]


def test_what_is_lost_is_not_repeated_and_holds_nothing_up(link):
    page = link.page("a")
    inspector = Inspector(link.bridge, remote=False)
    page.send(LOOKS)
    page.deaf = True
    talk(link, inspector, 500)
    page.deaf = False
    before = len(page.insights)
    link.run(3000)
    assert len(page.insights) == before
    link.bridge.notice("info", "here", "Here.")
    assert page.of(m.NoticeView)[-1].code == "here"


# --- The wire ---------------------------------------------------------------------------------------------------

WIRE = m.ExplorerState(open=True, wire=True, tuner=False)


def watch(link, inspector, log, ms=300):
    link.run(ms)
    inspector.tick(link.now, log)


def shown(page):
    return [frame for message, _ in page.insights for frame in message.frames]


def text_frame(number):
    return json.dumps({"realtimeInput": {"text": str(number)}})


def test_who_looks_at_the_wire_is_shown_every_frame_once(link):
    page, inspector, log = link.page("a"), Inspector(link.bridge, remote=False), WireLog(ManualClock())
    for number in range(5):
        log.on_frame(True, text_frame(number))
    watch(link, inspector, log)
    assert page.insights == []
    page.send(WIRE)
    inspector.watch(WIRE)
    watch(link, inspector, log)
    log.on_frame(False, b'{"serverContent": {"turnComplete": true}}')
    watch(link, inspector, log)
    watch(link, inspector, log)
    assert [frame.number for frame in shown(page)] == [1, 2, 3, 4, 5, 6]
    assert [frame.kind for frame in shown(page)][-2:] == ["realtimeInput.text", "serverContent.turnComplete"]
    assert [message.lost for message, _ in page.insights] == [0, 0]


def test_many_frames_come_in_several_messages_and_the_oldest_not_at_all(link):
    page, inspector, log = link.page("a"), Inspector(link.bridge, remote=False), WireLog(ManualClock())
    for number in range(1000):
        log.on_frame(True, text_frame(number))
    inspector.tick(link.now, log)
    page.send(WIRE)
    inspector.watch(WIRE)
    for _ in range(8):
        watch(link, inspector, log)
    assert [frame.number for frame in shown(page)] == list(range(601, 1001))
    assert max(len(message.frames) for message, _ in page.insights) == 100


def test_numbers_and_times_go_on_over_sessions(link):
    page, inspector = link.page("a"), Inspector(link.bridge, remote=False)
    page.send(WIRE)
    for name in ("first", "second"):
        log = WireLog(ManualClock())
        log.on_frame(True, json.dumps({"setup": {"model": f"models/{name}"}}))
        watch(link, inspector, log, 1000)
    assert [frame.number for frame in shown(page)] == [1, 2]
    assert shown(page)[1].at_ms - shown(page)[0].at_ms >= 1000


def test_secrets_stay_out_of_it(link):
    page, inspector, log = link.page("a"), Inspector(link.bridge, remote=False), WireLog(ManualClock())
    page.send(WIRE)
    log.on_frame(True, '{"setup": {"sessionResumption": {"handle": "canary"}}}')
    watch(link, inspector, log)
    assert "canary" not in repr(page.insights)
    assert "handle" in repr(page.insights)
