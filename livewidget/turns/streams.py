"""Folds what a model writes down that only listens: turns of the user's, and nothing else.

A turn ends when the service says that a transcript is finished, or after two seconds without a word: the
first is not promised, and a text that never ends cannot be read.

Folds what a translating model says into pairs of turns: what was said, and what that means.

Such a model begins to translate while the speaker still speaks, and never says that a turn is over: nothing
is complete, nothing interrupts. So a pair ends after two seconds in which neither side had a word or an
audible sound. A translation that lags behind by more than that belongs to the words that still lack one.
"""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    ConnectionReplaced,
    Event,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    OutputAudio,
    OutputText,
    OutputTranscript,
    SessionEnded,
    TurnComplete,
)
from livewidget.turns.floor import Floor
from livewidget.turns.metadata import language_of
from livewidget.turns.tracker import SilenceDelimitedTracker, audible, revises
from livewidget.turns.turn import AUDIO_RATE, Span, Turn, spoken_samples


class DictationTracker(SilenceDelimitedTracker):
    """A talk in which one side only listens."""

    def __init__(self) -> None:
        super().__init__()
        self._turn: int | None = None
        self._language: str | None = None

    @property
    def model_turn(self) -> int | None:
        """None: the model says nothing."""
        return None

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that a transcript implies where none was announced."""
        if not isinstance(event, InputTranscript | InterimInputTranscript) or not event.text:
            return None
        if self._turn is not None or self._transcripts.corrects(event) or self.floor is not Floor.LISTENING:
            return None
        return ActivityStart(inferred=True)

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event; returns the turns that look different now."""
        self._lapse(now_ms)
        match event:
            case InputTranscript() | InterimInputTranscript():
                self._transcript(event, now_ms)
            case ActivityStart():
                self._floor_state.step(event)
            case ActivityEnd() if self._turn is None:
                self._floor_state.free()
            case TurnComplete() | Interrupted() | ConnectionReplaced() | SessionEnded():
                self._close()
        return self._store.changed()

    def _transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if isinstance(event, InputTranscript):
            self._language = language_of(event.language) or self._language
        if event.text:
            if (
                self._turn is None
                and isinstance(event, InputTranscript)
                and self._transcripts.corrects(event)
            ):
                self._transcripts.correct(event)
                return
            inferred = self.infer(event, now_ms)
            if inferred is not None:
                self._floor_state.step(inferred)
            if self._turn is None:
                self._turn = self._store.number()
            self._transcripts.take(self._turn, event, self._language)
            self._silence.broken(now_ms)
        if isinstance(event, InputTranscript) and event.finished:
            self._close()

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        self._silence.settled()
        if turn is not None:
            self._transcripts.close(turn)
        self._floor_state.free()


@dataclass(slots=True)
class _Pair:
    """Two turns, their numbers taken together so that the translation follows its source."""

    source: int
    target: int


class TranslationTracker(SilenceDelimitedTracker):
    """A talk without turns of its own, cut into pairs by silence."""

    def __init__(self) -> None:
        super().__init__()
        self._pair: _Pair | None = None
        self._last: _Pair | None = None
        # Named before the words they are about.
        self._languages: dict[str, str] = {}

    @property
    def model_turn(self) -> int | None:
        """Index of the translation that is open, to which its sound belongs; None between pairs."""
        return None if self._pair is None else self._pair.target

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event; returns the turns that look different now."""
        self._lapse(now_ms)
        match event:
            case InputTranscript() | InterimInputTranscript():
                self._source(event, now_ms)
            case OutputTranscript() | OutputText():
                self._target(event, now_ms)
            case OutputAudio():
                self._sound(event, now_ms)
            case ActivityStart():
                self._floor_state.step(event)
            case ActivityEnd() if self._pair is None:
                self._floor_state.free()
            case TurnComplete() | Interrupted() | ConnectionReplaced() | SessionEnded():
                self._close()
        return self._store.changed()

    def _close(self) -> None:
        pair, self._pair = self._pair, None
        self._silence.settled()
        if pair is not None:
            self._last = pair
            self._transcripts.close(pair.source)
            target = self._store.get(pair.target)
            if target is not None and not target.final:
                self._store.change(pair.target, final=True)
        self._floor_state.free()

    def _open(self) -> _Pair:
        if self._pair is None:
            self._pair = _Pair(self._store.number(), self._store.number())
        return self._pair

    # What was said.

    def _source(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        turn = self._store.get(None if self._pair is None else self._pair.source)
        if isinstance(event, InputTranscript):
            self._name("user", event.language, turn)
        if not event.text:
            return
        if (
            (turn is None or turn.final)
            and isinstance(event, InputTranscript)
            and self._transcripts.corrects(event)
        ):
            self._transcripts.correct(event)
            return
        if turn is not None and turn.final:
            # The pair was opened again for a translation that came late; these are the next words.
            self._close()
        index = self._open().source
        if index not in self._store:
            self._floor_state.step(ActivityStart(inferred=True))
        self._transcripts.take(index, event, self._languages.pop("user", None))
        self._silence.broken(now_ms)

    # What it means.

    def _target(self, event: OutputTranscript | OutputText, now_ms: float) -> None:
        language = event.language if isinstance(event, OutputTranscript) else None
        self._name("model", language, self._store.get(self.model_turn))
        if not event.text:
            return
        index = self._answered()
        turn = self._store[index]
        spans, again = turn.spans, revises([span.text for span in turn.spans], event.text)
        if again is not None:
            sample, spans = spans[again].sample, spans[:again]
        else:
            sample = turn.audio_samples
            if spans:
                sample = max(sample, spans[-1].sample + spoken_samples(spans[-1].text))
        language = self._languages.pop("model", turn.language)
        self._store.change(index, spans=(*spans, Span(event.text, sample)), language=language)
        self._silence.broken(now_ms)

    def _sound(self, event: OutputAudio, now_ms: float) -> None:
        heard = audible(event.data)
        if self._pair is None and not heard:
            return  # Sound goes on without end, and there is nothing in it.
        index = self._answered() if heard else self._open().target
        turn = self._store.get(index)
        if turn is None:
            return
        samples = len(event.data) // 2 * AUDIO_RATE // event.sample_rate
        self._store.patch(index, audio_samples=turn.audio_samples + samples)
        if heard:
            self._silence.broken(now_ms)
            self._floor_state.step(event)

    def _answered(self) -> int:
        """Return the turn of the translation, opened here; of the words before if these still lack one."""
        if self._pair is None and self._last is not None and self._last.target not in self._store:
            self._pair = self._last
        index = self._open().target
        if index not in self._store:
            self._store.add(index, "model")
        return index

    def _name(self, side: str, code: str | None, turn: Turn | None) -> None:
        """A language is named: of the open turn if that has none yet, or else of the words that come next."""
        language = language_of(code)
        if language is None or (turn is not None and turn.language == language):
            return
        if turn is not None and turn.language is None and not turn.final:
            self._store.change(turn.index, language=language)
        else:
            self._languages[side] = language
