"""`TurnTracker`: what every kind of session keeps its turns with, whatever the model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from livewidget.events import ActivityStart, Event, InputTranscript, InterimInputTranscript
from livewidget.turns.floor import Floor, FloorState
from livewidget.turns.store import SPANS_PER_TURN, SentAudioTimeline, TurnStore
from livewidget.turns.turn import Turn, Turns


class TurnTracker(ABC):
    """The turns of one session and who has the floor. Events go in, changed turns come out.

    All times are in milliseconds on one monotonic clock. The methods that report audio and playback do
    nothing where a subclass has no use for them.

    Attributes:
        ends_by_silence: Whether turns end by silence, so that `tick` must be called a few times a second.
        link_ms: Round trip of the link in milliseconds, if known; set by the session.
        model_turn: Index of the model's open turn, to which its audio belongs; None between turns.
    """

    ends_by_silence: ClassVar[bool] = False

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN) -> None:
        """Begin without turns; `spans_per_turn`: pieces of text that one turn keeps, see `Limits`."""
        self.link_ms: float | None = None
        self.model_turn: int | None = None
        self._store = TurnStore(spans_per_turn)
        self._floor_state = FloorState()
        self._sent_audio = SentAudioTimeline()

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._floor_state.floor

    @property
    def has_unanswered_input(self) -> bool:
        """Whether the user has spoken or typed since the model last began to answer."""
        return bool(self._floor_state.pending)

    @property
    def turns(self) -> Turns:
        """The turns, oldest first, as a new list."""
        return self._store.all()

    @abstractmethod
    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Apply an event that happened at `now_ms`.

        Returns:
            The turns that look different now. More audio in a turn does not count as a change.
        """

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that `event` implies, if none was announced.

        With automatic detection most models do not announce the start of speech, so the first transcript
        counts as one. Fold the result before `event`; `fold` does so too.
        """
        if not isinstance(event, InputTranscript | InterimInputTranscript) or not event.text:
            return None
        begins = self.floor is Floor.LISTENING and self._begins_speech(event, now_ms)
        return ActivityStart(inferred=True) if begins else None

    def _begins_speech(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> bool:
        """Return whether a transcript belongs to a new turn, rather than being late."""
        return False

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass. Returns the turns that have ended by silence."""
        return []

    @property
    def may_be_thinking(self) -> bool:
        """Whether the model may be thinking: it is, or nothing will say when the user's speech has ended."""
        return self.floor is Floor.THINKING or self._floor_state.end_is_unannounced

    def is_overdue(self, now_ms: float) -> bool:
        """Whether the model's turn is over, or there will be none, although the service has not said so.

        Fold a `TurnComplete` then.
        """
        return False

    @property
    def is_amid_answer(self) -> bool:
        """Whether the model has begun to answer, and the service has not said that this is all."""
        return False

    @property
    def owes_completion(self) -> bool:
        """Whether an answer was interrupted that the service has not completed since."""
        return False

    def forget_input(self) -> None:
        """Forget the input that has not been answered: it was taken back before it was sent."""
        self._floor_state.forget_pending()

    def audio_sent(self, length_ms: float, now_ms: float, *, is_speech: bool = False) -> None:
        """Record that `length_ms` of the user's audio were sent: the server's offsets count from these.

        `is_speech`: it is as loud as speech, so that the user was still speaking.
        """
        self._sent_audio.add(length_ms, now_ms, is_speech=is_speech)

    def playback_progress(
        self, index: int, sample: int, now_ms: float, round_trip_ms: float | None = None
    ) -> list[Turn]:
        """Record how far a model turn has been played, a few times a second.

        `sample` is the last sample played, counted from the start of the turn at 24 kHz; `round_trip_ms` is
        how long a message takes to who plays it and back, if known. Returns the turns that have now been
        played to their end, with that in their timing.
        """
        return []

    def playback_stopped(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Record how much of a model turn had been played when playback was stopped.

        `sample` is as in `playback_progress`. Returns the turn, if this changed it. A complete turn that was
        played to its end does not count as cut.
        """
        return []
