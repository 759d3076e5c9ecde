"""What a session tells, on its way to the pages."""

from types import SimpleNamespace

import numpy as np
import pytest

from livewidget.audio import to_float, to_pcm16
from livewidget.clock import ManualClock
from livewidget.events import ConnectionReplaced, GenerationComplete, Interrupted, Notice, OutputAudio
from livewidget.turns import Floor, Turn
from livewidget.ui import messages as m
from livewidget.ui.relay import EventRelay
from livewidget.ui.state import MAX_DETAILS, WidgetState

from .page import Link


def test_a_sample_heard_before_the_interruption_cuts_the_turn_once_it_is_over():
    link = Link()
    link.page("a").send(m.Start(microphone=True))
    cuts, clock = [], ManualClock()
    session = SimpleNamespace(
        audio_turn=1, floor=Floor.MODEL, playback_stopped=lambda turn, sample: cuts.append((turn, sample))
    )
    relay = EventRelay(WidgetState(lambda: None, clock), link.bridge, None, None, (), clock)
    relay.on_event(session, OutputAudio(data=bytes(48_000)))
    relay.on_flushed(session, 1, 2400)
    cuts.clear()  # the turn was still open: the session could not cut it
    relay.on_event(session, Interrupted())
    assert cuts == [(1, 2400)]


def test_the_state_is_looked_at_when_it_has_changed_and_not_for_every_piece_of_audio():
    link, clock, looks = Link(), ManualClock(), []
    page = link.page("a")
    page.send(m.Start(microphone=True))

    def changed():
        looks.append(state.floor)
        link.bridge.send_state()

    state = WidgetState(changed, clock)
    relay = EventRelay(state, link.bridge, None, None, (), clock)
    session = SimpleNamespace(audio_turn=1, floor=Floor.MODEL, playback_stopped=lambda turn, sample: None)
    for _ in range(10):
        relay.on_event(session, OutputAudio(data=bytes(960)))
    session.floor = Floor.USER
    relay.on_event(session, Interrupted())
    assert looks == [Floor.MODEL, Floor.USER]


@pytest.mark.parametrize("code", ["unheard", "no-answer"])
def test_what_is_said_of_a_silent_service_is_taken_away_when_it_speaks(code):
    link, clock = Link(), ManualClock()
    link.page("a").send(m.Start(microphone=True))
    state = WidgetState(lambda: None, clock)
    relay = EventRelay(state, link.bridge, None, None, (), clock)
    session = SimpleNamespace(audio_turn=1, floor=Floor.MODEL)
    relay.on_event(session, Notice(level="warning", code=code, text="It is silent."))
    assert list(state.notices) == [code]
    relay.on_event(session, OutputAudio(data=bytes(960)))
    assert list(state.notices) == []


@pytest.mark.parametrize("code", ["reconnecting", "go-away", "token-missing"])
def test_what_is_said_of_a_connection_is_taken_away_once_there_is_another(code):
    link, clock = Link(), ManualClock()
    state = WidgetState(lambda: None, clock)
    relay = EventRelay(state, link.bridge, None, None, (), clock)
    session = SimpleNamespace(audio_turn=None, floor=Floor.LISTENING)
    relay.on_event(session, Notice(level="warning", code=code, text="It ends."))
    assert list(state.notices) == [code]
    relay.on_event(session, ConnectionReplaced(resumed=True, why="go_away", gap_ms=5.0, replayed=False))
    assert list(state.notices) == []


def tone(rate, seconds=1.0):
    """A sine of 440 Hz: float32 `(n,)`."""
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate, dtype=np.float32)


def relayed():
    """A relay, its page, and a session whose first turn has audio."""
    link, clock = Link(), ManualClock()
    page = link.page("a")
    page.send(m.Start(microphone=True))
    state = WidgetState(lambda: None, clock)
    relay = EventRelay(state, link.bridge, None, None, (), clock)
    return relay, page, SimpleNamespace(audio_turn=1, floor=Floor.MODEL, playback_stopped=lambda *_: None)


def played(page):
    """What the page was given to play, as float32, and that it is one piece without a gap."""
    sounds = [(message, data) for message, data in page.heard if isinstance(message, m.SpeakerAudio)]
    place = 0
    for message, (data,) in sounds:
        assert (message.first_sample, message.sample_rate) == (place, 24_000)
        place += len(data) // 2
    return to_float(b"".join(data for _, (data,) in sounds))


@pytest.mark.parametrize(
    "rate", [24_000, 16_000, 8_000, 48_000, 44_100, 22_050, 11_025, 12_000, 32_000, 96_000]
)
def test_a_voice_of_any_usual_rate_is_heard_at_its_pitch(rate):
    """The kind: sound that is not as it usually is, and was dropped in silence."""
    relay, page, session = relayed()
    pcm = to_pcm16(tone(rate))
    step = rate // 25 * 2
    for start in range(0, len(pcm), step):
        relay.on_event(session, OutputAudio(data=pcm[start : start + step], sample_rate=rate))
        page.report()
        page.playhead = (1, 24_000)
    relay.on_event(session, GenerationComplete())
    heard, wanted = played(page), tone(24_000)
    assert len(heard) == len(wanted)
    assert np.abs(heard - wanted)[200:-200].max() < 0.02
    assert page.of(m.NoticeView) == []


def test_a_rate_that_changes_within_an_answer_goes_on_without_a_gap():
    relay, page, session = relayed()
    for rate in (24_000, 16_000, 24_000, 48_000):
        relay.on_event(session, OutputAudio(data=to_pcm16(tone(rate, 0.2)), sample_rate=rate))
    relay.on_event(session, GenerationComplete())
    assert len(played(page)) == 4 * 4800


def test_a_rate_that_nobody_can_mean_is_said_once_and_costs_nothing():
    relay, page, session = relayed()
    for rate in (383_999, 383_999, 23_999, 24_000):
        relay.on_event(session, OutputAudio(data=bytes(960), sample_rate=rate))
    assert [notice.code for notice in page.of(m.NoticeView)] == ["audio-rate"]
    assert "383,999 Hz" in page.of(m.NoticeView)[0].text
    assert len(played(page)) == 480


def test_details_of_an_error_are_shown_short_or_logged_where_pages_are_strangers(caplog):
    link, clock = Link(), ManualClock()
    page = link.page("a")
    state = WidgetState(lambda: None, clock)
    long = "".join(f"line {number}\n" for number in range(10_000))
    EventRelay(state, link.bridge, None, None, (), clock).notice("error", "failed", "It failed.", long)
    (notice,) = page.of(m.NoticeView)
    assert state.notices["failed"] == notice
    assert len(notice.details) <= MAX_DETAILS + 2
    assert notice.details.startswith("…\nline ")
    assert notice.details.endswith("line 9999\n")
    assert caplog.text == ""
    relay = EventRelay(state, link.bridge, None, None, (), clock, show_details=False)
    relay.notice("error", "failed", "It failed.", "Traceback: secret ways")
    assert page.of(m.NoticeView)[-1].details == state.notices["failed"].details == ""
    assert "It failed.\nTraceback: secret ways" in caplog.text


def test_what_a_caller_says_stays_the_callers_after_the_call():
    link, clock = Link(), ManualClock()
    link.page("a").send(m.Start(microphone=True))
    state = WidgetState(lambda: None, clock)
    transcript = SimpleNamespace(update=lambda turns: None)
    relay = EventRelay(state, link.bridge, transcript, lambda event: None, (), clock)
    link.bridge.callers.add("a")
    relay.on_turn(Turn(index=0, speaker="user", interim="Hel"))
    relay.on_turn(Turn(index=1, speaker="model"))
    link.bridge.callers.clear()
    relay.on_turn(Turn(index=0, speaker="user", final=True))
    relay.on_turn(Turn(index=2, speaker="user", final=True))
    assert [turn.agent for turn in state.turns] == ["caller", "", ""]
