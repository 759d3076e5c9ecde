"""What sessions tell, on its way to whom it concerns: pages, board, saved transcript, callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from livewidget.turns import Turn
from livewidget.ui.bridge import Bridge
from livewidget.ui.messages import NoticeView
from livewidget.ui.state import WidgetState, now_ms
from livewidget.ui.transcript import Transcript
from livewidget.ui.views import turn_view


class EventRelay:
    """Passes on the events, turns and notices of one talk, and knows which turn the voice belongs to."""

    def __init__(
        self, board: WidgetState, bridge: Bridge, transcript: Transcript, dispatch: Callable[[Any], None]
    ) -> None:
        """Tell the board, the pages and the saved transcript; `dispatch` reaches the user's callbacks."""
        self._board = board
        self._bridge = bridge
        self._transcript = transcript
        self._dispatch = dispatch
        self._audio_turn: int | None = None
        self._audio_over = True
        self._heard: dict[int, int] = {}

    def begin(self) -> None:
        """A session is about to be opened."""
        self._bridge.take_audio_by_default()

    def over(self) -> None:
        """No session runs any more."""
        self._audio_turn = None

    # --- What the session tells -----------------------------------------------------------------------------

    def event(self, session: LiveSession, event: Event) -> None:
        """Something happened in the session."""
        now = now_ms()
        match event:
            case OutputAudio(data=data, sample_rate=rate):
                self.clear_notice("no-answer")
                if (turn := session.audio_turn) is not None:
                    self._audio_turn, self._audio_over = turn + self._board.offset, False
                    self._bridge.audio(self._audio_turn, data, rate, now)
            case GenerationComplete() | TurnComplete():
                if self._audio_turn is not None:
                    self._bridge.audio_end(self._audio_turn)
                    self._audio_over = self._audio_over or isinstance(event, TurnComplete)
            case Interrupted() if self._audio_turn is not None and not self._audio_over:
                if self._audio_turn in self._heard:
                    self.heard(session, self._audio_turn, self._heard[self._audio_turn])
                self._bridge.flush(self._audio_turn, now)
            case Interrupted() | ActivityStart() | TextSent() if self._audio_over:
                # To the service this turn is over, while the page may still be playing it.
                self.stop_playback()
            case Notice(level=level, code=code, text=text):
                self.notice(level, code, text)
            case ConnectionReplaced() | SessionEnded():
                if self._audio_turn is not None:
                    self._bridge.audio_end(self._audio_turn)  # what has come is heard to its end
                    self._audio_over = True
                self.clear_notice("reconnecting")
                self.clear_notice("go-away")
        self._board.floor = session.floor
        self._bridge.state()
        self._dispatch(event)

    def turn(self, turn: Turn) -> None:
        """A turn of the session has changed."""
        told, complete = self._board.put(turn)
        self._bridge.turn(turn_view(told))
        if complete and told.index == self._audio_turn and not told.interrupted:
            self._bridge.audio_end(told.index)  # where no event completes a turn, its own end does
        if complete:
            self._dispatch(told)
        if told.final:
            self._transcript.update(self._board.turns)

    # --- The voice ------------------------------------------------------------------------------------------

    def heard(self, session: LiveSession | None, turn: int, sample: int) -> None:
        """So much of an interrupted turn was heard, the page says."""
        self._heard = {turn: sample}
        if session is not None and turn >= self._board.offset:
            session.playback_stopped(turn - self._board.offset, sample)

    def played(self, session: LiveSession | None, turn: int, sample: int) -> None:
        """So much of a turn was heard so far, the page says."""
        if session is not None and turn >= self._board.offset:
            session.playback_progress(turn - self._board.offset, sample)

    @property
    def unplayed(self) -> tuple[int, float] | None:
        """What the page has yet to play of a turn that is over, which shrinks as it plays; None: nothing."""
        turn = self._audio_turn
        return self._bridge.left(turn) if turn is not None and self._audio_over else None

    def stop_playback(self) -> None:
        """Let the page fall silent, if it is playing still."""
        if self._audio_turn is not None and self._bridge.playing(self._audio_turn):
            self._bridge.flush(self._audio_turn, now_ms())

    # --- Notices --------------------------------------------------------------------------------------------

    def notice(self, level: Any, code: str, text: str) -> None:
        """Show a sentence under the widget."""
        self._board.add_notice(NoticeView(level=level, code=code, text=text))
        self._bridge.notice(level, code, text)

    def clear_notice(self, code: str) -> None:
        """That notice no longer holds."""
        if self._board.notices.pop(code, None) is not None:
            self._bridge.clear_notice(code)

    def clear_errors(self) -> None:
        """Nothing is wrong any more."""
        for code in [code for code, notice in self._board.notices.items() if notice.level == "error"]:
            self.clear_notice(code)
