"""Passes on what sessions report: to the pages, the widget's state, the saved transcript and callbacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from math import gcd
from typing import TYPE_CHECKING, Any, Final

from livewidget.clock import Clock
from livewidget.events import (
    ActivityStart,
    ConnectionReplaced,
    Event,
    GenerationComplete,
    Interrupted,
    Notice,
    OutputAudio,
    SessionEnded,
    TextSent,
    TurnComplete,
)
from livewidget.session import LiveSession
from livewidget.turns import Floor, Turn
from livewidget.turns.turn import AUDIO_RATE
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import NoticeView
from livewidget.ui.state import WidgetState, last_lines
from livewidget.ui.transcript import Transcript
from livewidget.ui.views import turn_view

if TYPE_CHECKING:
    from livewidget.audio import Resampler

_log = logging.getLogger(__name__)

#: Who speaks in a turn that was spoken on the phone.
CALLER: Final = "caller"
#: Phases of the filter that brings audio to 24 kHz. Chosen: 44.1 kHz takes 80, 11.025 kHz 320; a rate such as
#: 23,999 Hz would take 24,000, and as many megabytes and seconds as a hostile server likes.
_MAX_PHASES: Final = 480
ODD_RATE: Final = "The service sent sound at {rate:,} Hz, which cannot be played: read its answers."


class PlaybackRate:
    """Brings the model's audio to 24 kHz, at which pages play and positions in a turn are counted."""

    def __init__(self) -> None:
        """Begin with audio that needs no conversion."""
        self._rate = AUDIO_RATE
        self._resampler: Resampler | None = None

    def convert(self, data: bytes, rate: int) -> bytes | None:
        """Return PCM16 of `rate` Hz at 24 kHz, as far as it is ready; None where the rate is too odd."""
        if rate == self._rate and self._resampler is None:
            return data
        rest = b"" if rate == self._rate else self.flush()
        if rate == AUDIO_RATE:
            return rest + data
        if AUDIO_RATE // gcd(rate, AUDIO_RATE) > _MAX_PHASES:
            return rest or None
        # NumPy is imported where it is needed.
        from livewidget.audio import Resampler, to_float, to_pcm16

        self._rate = rate
        if self._resampler is None:
            self._resampler = Resampler(rate, AUDIO_RATE)
        return rest + to_pcm16(self._resampler.process(to_float(data)))

    def flush(self) -> bytes:
        """Return the rest of a stream, and begin another."""
        resampler, self._resampler, self._rate = self._resampler, None, AUDIO_RATE
        if resampler is None:
            return b""
        from livewidget.audio import to_pcm16

        return to_pcm16(resampler.flush())


class EventRelay:
    """Passes on events, turns and notices, and knows to which turn the audio belongs that a page plays."""

    def __init__(
        self,
        state: WidgetState,
        bridge: Bridge,
        transcript: Transcript,
        dispatch: Callable[[Any], object],
        callback_kinds: Collection[type],
        clock: Clock,
        *,
        show_details: bool = True,
    ) -> None:
        """Pass on to these.

        Args:
            state: Is kept up to date.
            bridge: The way to the pages.
            transcript: Is updated when a turn is final.
            dispatch: Calls the user's callbacks with an event or a complete turn.
            callback_kinds: The types that callbacks take; without any, nothing is dispatched.
            clock: The bridge's clock.
            show_details: Whether pages are shown the details of errors; they are logged otherwise.
        """
        self._state = state
        self._bridge = bridge
        self._transcript = transcript
        self._dispatch = dispatch
        self._callback_kinds = callback_kinds
        self._clock = clock
        self._show_details = show_details
        self._on_ended: Callable[[LiveSession, SessionEnded], object] | None = None
        self._audio_turn: int | None = None
        self._audio_complete = True
        self._flushed: dict[int, int] = {}
        self._spoken_by: dict[int, str] = {}
        self._playback_rate = PlaybackRate()
        self._said_odd_rate = False

    def begin(self) -> None:
        """Make sure that a page plays, if there is one: a session is about to be opened."""
        self._bridge.take_audio()

    def attach(self, session: LiveSession, on_ended: Callable[[LiveSession, SessionEnded], object]) -> None:
        """Pass on what `session` reports; `on_ended` is called after its last event."""
        self._on_ended = on_ended
        session.subscribe(partial(self.on_event, session))
        session.on_turn(self.on_turn)

    def end(self) -> None:
        """Forget which turn plays: no session is open any more. The transcript is brought up to date."""
        self._audio_turn = None
        self._transcript.flush()

    def on_event(self, session: LiveSession, event: Event) -> None:
        """Pass on an event of a session."""
        match event:
            case OutputAudio():
                self.clear_notice("no-answer")
                self.clear_notice("unheard")
                if (turn := session.audio_turn) is not None:
                    self._play(turn + self._state.offset, event)
            case GenerationComplete() | TurnComplete():
                if self._audio_turn is not None:
                    self._end_audio(self._audio_turn)
                    self._audio_complete = self._audio_complete or isinstance(event, TurnComplete)
            case Interrupted() if self._audio_turn is not None and not self._audio_complete:
                if self._audio_turn in self._flushed:
                    self.on_flushed(session, self._audio_turn, self._flushed[self._audio_turn])
                self._bridge.flush(self._audio_turn, self._clock.now_ms())
            case Interrupted() | ActivityStart() | TextSent() if self._audio_complete:
                # To the service this turn is over, while the page may still be playing it.
                self.stop_playback()
            case Notice(code="tool-failed"):
                pass  # The call itself says so, where it stands in the transcript.
            case Notice(level=level, code=code, text=text):
                self.notice(level, code, text)
            case ConnectionReplaced() | SessionEnded():
                if self._audio_turn is not None:
                    self._end_audio(self._audio_turn)  # what has arrived is played to its end
                    self._audio_complete = True
                self.clear_notice("reconnecting")
                self.clear_notice("go-away")
                self.clear_notice("token-missing")
        # Audio leaves the floor with a model that has it already; it comes 25 times a second.
        if self._state.floor is not Floor.MODEL or not isinstance(event, OutputAudio):
            self._state.set_floor(session.floor)
        if self._callback_kinds:
            self._dispatch(event)
        if isinstance(event, SessionEnded) and self._on_ended is not None:
            self._on_ended(session, event)

    def on_turn(self, turn: Turn) -> None:
        """Pass on a turn of the session that has changed."""
        if turn.speaker == "user":
            index = turn.index + self._state.offset
            # A turn stays the caller's after the call.
            if self._spoken_by.setdefault(index, CALLER if self._bridge.has_caller else ""):
                turn = replace(turn, agent=CALLER)
        numbered, completed = self._state.put(turn)
        self._bridge.turn(turn_view(numbered))
        if completed and numbered.index == self._audio_turn and not numbered.interrupted:
            self._end_audio(numbered.index)  # where no event completes a turn, its own end does
        if completed:
            self._dispatch(numbered)
        if numbered.final:
            self._transcript.update(self._state.turns)

    def _play(self, turn: int, event: OutputAudio) -> None:
        if turn != self._audio_turn:
            self._playback_rate.flush()  # of a turn that was interrupted
        self._audio_turn, self._audio_complete = turn, False
        rate = event.sample_rate
        if not event.data:  # The page plays it from its own socket.
            samples = event.samples * AUDIO_RATE // max(1, rate)
            self._bridge.count_audio(turn, samples, AUDIO_RATE, self._clock.now_ms())
            return
        pcm = self._playback_rate.convert(event.data, rate)
        if pcm is None and not self._said_odd_rate:
            self._said_odd_rate = True
            self.notice("warning", "audio-rate", ODD_RATE.format(rate=rate))
        elif pcm:
            self._bridge.audio(turn, pcm, AUDIO_RATE, self._clock.now_ms())

    def _end_audio(self, turn: int) -> None:
        rest = self._playback_rate.flush()
        if rest:
            self._bridge.audio(turn, rest, AUDIO_RATE, self._clock.now_ms())
        self._bridge.audio_end(turn)

    def on_flushed(self, session: LiveSession | None, turn: int, sample: int) -> None:
        """Tell the session how much of an interrupted turn was played, in samples at 24 kHz."""
        self._flushed = {turn: sample}
        if session is not None and turn >= self._state.offset:
            session.playback_stopped(turn - self._state.offset, sample)

    def on_played(
        self,
        session: LiveSession | None,
        turn: int,
        sample: int,
        *,
        at_ms: float | None = None,
        round_trip_ms: float | None = None,
    ) -> None:
        """Tell the session how much of a turn has been played by `at_ms`, in samples at 24 kHz."""
        if session is not None and turn >= self._state.offset:
            session.playback_progress(
                turn - self._state.offset, sample, at_ms=at_ms, round_trip_ms=round_trip_ms
            )

    @property
    def unplayed(self) -> tuple[int, float] | None:
        """What the page has yet to play of a complete turn; it becomes less as it plays. None: nothing."""
        turn = self._audio_turn
        return self._bridge.unplayed(turn) if turn is not None and self._audio_complete else None

    def stop_playback(self) -> None:
        """Silence the page, if it is still playing."""
        if self._audio_turn is not None and self._bridge.unplayed(self._audio_turn) is not None:
            self._bridge.flush(self._audio_turn, self._clock.now_ms())

    def notice(self, level: Any, code: str, text: str, details: str = "") -> None:
        """Show a sentence under the widget; `details` are folded away below it, and never saved."""
        details = last_lines(details)
        if details and not self._show_details:
            _log.error("%s\n%s", text, details)
            details = ""
        self._state.add_notice(NoticeView(level=level, code=code, text=text, details=details))
        self._bridge.notice(level, code, text, details)

    def clear_notice(self, code: str) -> None:
        """Take a notice away."""
        if self._state.notices.pop(code, None) is not None:
            self._bridge.clear_notice(code)

    def clear_errors(self) -> None:
        """Take every notice of an error away."""
        for code in [code for code, notice in self._state.notices.items() if notice.level == "error"]:
            self.clear_notice(code)
