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
    relay = EventRelay(WidgetState(lambda: None, clock), link.bridge, None, lambda event: None, clock)
    relay.on_event(session, OutputAudio(data=bytes(48_000)))
    relay.on_flushed(session, 1, 2400)
    cuts.clear()  # the turn was still open: the session could not cut it
    relay.on_event(session, Interrupted())
    assert cuts == [(1, 2400)]
