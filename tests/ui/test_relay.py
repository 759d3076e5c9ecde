"""What a session tells, on its way to the pages."""

from types import SimpleNamespace

from livewidget.clock import ManualClock
from livewidget.events import Interrupted, OutputAudio
from livewidget.turns import Floor
from livewidget.ui import messages as m
from livewidget.ui.relay import EventRelay
from livewidget.ui.state import WidgetState

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
