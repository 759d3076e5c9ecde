"""Trackers for models that never complete a turn, where silence ends turns instead.

A translating model begins to speak while the speaker still speaks, and does not report the end of a turn. So
what was said and its translation form a pair of turns, which ends after two seconds without a word or audible
sound on either side. A translation that lags behind by more belongs to the words that still lack one.

A dictation model only listens: there are user turns alone. One ends when the service reports a finished
transcript, or after two seconds without a word, because the report is not guaranteed.
"""

from __future__ import annotations

import difflib
import re
import sys
from abc import abstractmethod
from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeGuard

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
from livewidget.turns.metadata import language_of
from livewidget.turns.store import SPANS_PER_TURN, TurnStore
from livewidget.turns.tracker import TurnTracker
from livewidget.turns.turn import UNSPACED, Span, Turn, spaced_after

#: Silence that ends a turn, in milliseconds. Chosen: longer than pauses within a sentence, short enough that
#: a text is broken into readable pieces.
SILENCE_MS: Final = 2000.0
#: Lowest peak of PCM16 that counts as sound: -50 dBFS. A model with nothing to say may send zeros without
#: end.
AUDIBLE: Final = 104

#: Fewest words of a fragment that can revise earlier ones; a shorter one may repeat a word. Chosen.
FEWEST_WORDS: Final = 3.0
#: Share of the words that a revision has in common with what it replaces, in the same order. Chosen.
ALIKE: Final = 0.75
#: Characters of an unspaced script that count as one word. Chosen: most words of Chinese and Japanese have
#: two.
_CHARACTERS_A_WORD: Final = 2
_WORD: Final = re.compile(rf"{UNSPACED}|(?:(?!{UNSPACED})\w)+")


def revises(texts: Sequence[str], fragment: str) -> int | None:
    """Return the index in `texts` from which a fragment repeats them, or None if it continues them.

    Some models send fragments to append, but now and then the whole sentence again with some words changed;
    the wire does not tell which. A fragment counts as a revision if it begins with the same two words as one
    of the texts, and either contains everything from there on or resembles it: two sentences that merely
    begin alike are left alone.
    """
    new = _words(fragment)
    if _count(new) < FEWEST_WORDS:
        return None
    old: list[str] = []
    found = None
    for start in range(len(texts) - 1, -1, -1):
        old = [*_words(texts[start]), *old]
        if _repeats(old, new):
            found = start
    return found


def _repeats(old: list[str], new: list[str]) -> bool:
    if _count(old) < 2 or old[:2] != new[:2]:
        return False
    if new[: len(old)] == old:
        return True
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() >= ALIKE


def _count(words: list[str]) -> float:
    return sum(1 / _CHARACTERS_A_WORD if re.fullmatch(UNSPACED, word) else 1 for word in words)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


class TranscriptAssembler:
    """Puts provisional and final transcripts into user turns, which its owner begins and ends."""

    def __init__(self, store: TurnStore) -> None:
        self._store = store
        # The turn that ended with a provisional transcript, because no final one had arrived.
        self._provisional: int | None = None

    def add(self, index: int, event: InputTranscript | InterimInputTranscript, language: str | None) -> None:
        """Add a transcript to a turn, which begins here if necessary. `language` None: unchanged."""
        if index not in self._store:
            self._store.add(index, "user")
            self._provisional = None
        turn = self._store[index]
        if isinstance(event, InterimInputTranscript):
            self._store.update(index, interim=spaced_after(turn.spans, event.text))
            return
        # A fragment that replaces a provisional transcript begins a word; any other may continue one.
        text = spaced_after(turn.spans, event.text) if turn.interim else event.text
        spans = self._store.extended(turn.spans, Span(text))
        self._store.update(index, spans=spans, interim="", language=language or turn.language)

    def close(self, index: int) -> None:
        """End a turn: a provisional transcript becomes its text."""
        turn = self._store.get(index)
        if turn is None or turn.final:
            return
        spans = turn.spans
        if turn.interim:
            self._provisional, spans = index, self._store.extended(spans, Span(turn.interim))
        self._store.update(index, spans=spans, interim="", final=True)

    def corrects(self, event: InputTranscript | InterimInputTranscript) -> TypeGuard[InputTranscript]:
        """Return whether `event` is the final transcript for a turn closed with a provisional one."""
        return self._provisional is not None and isinstance(event, InputTranscript) and bool(event.text)

    def correct(self, event: InputTranscript) -> None:
        """Replace the provisional transcript at the end of that turn."""
        index, self._provisional = self._provisional, None
        if index is not None:
            spans = self._store[index].spans[:-1]
            self._store.update(index, spans=(*spans, Span(spaced_after(spans, event.text))))


def audible(pcm: bytes) -> bool:
    """Return whether PCM16 little-endian audio is louder than `AUDIBLE`."""
    samples = array("h", pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return len(samples) > 0 and (max(samples) >= AUDIBLE or min(samples) <= -AUDIBLE)


class SilenceDelimitedTracker(TurnTracker):
    """A conversation whose turns end by silence."""

    ends_by_silence = True

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN) -> None:
        super().__init__(spans_per_turn)
        self._transcripts = TranscriptAssembler(self._store)
        self._spoken_ms: float | None = None  # When something was last said; None if no turn is open.

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass; returns the turns that have ended."""
        self._close_if_silent(now_ms)
        return self._store.take_changed()

    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Apply an event; returns the turns that look different now."""
        self._close_if_silent(now_ms)
        match event:
            case InputTranscript() | InterimInputTranscript():
                self._input_transcript(event, now_ms)
            case OutputTranscript() | OutputText() | OutputAudio():
                self._output(event, now_ms)
            case ActivityStart():
                self._floor_state.step(event)
            case ActivityEnd() if self._spoken_ms is None:
                self._floor_state.reset()
            case TurnComplete() | Interrupted() | ConnectionReplaced() | SessionEnded():
                self._close()
        return self._store.take_changed()

    def _close_if_silent(self, now_ms: float) -> None:
        if self._spoken_ms is not None and now_ms - self._spoken_ms >= SILENCE_MS:
            self._close()

    def _close(self) -> None:
        """End what is open."""
        self._spoken_ms = None
        self._floor_state.reset()

    @abstractmethod
    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        """Apply a transcript of what the user said."""

    def _output(self, event: OutputTranscript | OutputText | OutputAudio, now_ms: float) -> None:
        """Apply what the model says: nothing, if it only listens."""


class DictationTracker(SilenceDelimitedTracker):
    """Turns of the user alone."""

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN) -> None:
        super().__init__(spans_per_turn)
        self._turn: int | None = None
        self._language: str | None = None

    def _begins_speech(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> bool:
        return self._turn is None and not self._transcripts.corrects(event)

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        if isinstance(event, InputTranscript):
            self._language = language_of(event.language) or self._language
        if event.text:
            if self._turn is None and self._transcripts.corrects(event):
                self._transcripts.correct(event)
                return
            inferred = self.infer(event, now_ms)
            if inferred is not None:
                self._floor_state.step(inferred)
            if self._turn is None:
                self._turn = self._store.reserve()
            self._transcripts.add(self._turn, event, self._language)
            self._spoken_ms = now_ms
        if isinstance(event, InputTranscript) and event.finished:
            self._close()

    def _close(self) -> None:
        turn, self._turn = self._turn, None
        if turn is not None:
            self._transcripts.close(turn)
        super()._close()


class _Pair(NamedTuple):
    """Indexes of two turns, reserved together so that the translation follows its source."""

    source: int
    target: int


class TranslationTracker(SilenceDelimitedTracker):
    """Pairs of turns: what was said, and its translation. `model_turn` is the open translation."""

    def __init__(self, spans_per_turn: int = SPANS_PER_TURN) -> None:
        super().__init__(spans_per_turn)
        self._pair: _Pair | None = None
        self._last: _Pair | None = None
        # Languages, by speaker, that were reported ahead of the words they belong to.
        self._languages: dict[str, str] = {}

    def _output(self, event: OutputTranscript | OutputText | OutputAudio, now_ms: float) -> None:
        if isinstance(event, OutputAudio):
            self._audio(event, now_ms)
        else:
            self._translation(event, now_ms)

    def _close(self) -> None:
        pair, self._pair, self.model_turn = self._pair, None, None
        if pair is not None:
            self._last = pair
            self._transcripts.close(pair.source)
            target = self._store.get(pair.target)
            if target is not None and not target.final:
                self._store.update(pair.target, final=True)
        super()._close()

    def _open_pair(self, reopened: _Pair | None = None) -> _Pair:
        if self._pair is None:
            self._pair = reopened or _Pair(self._store.reserve(), self._store.reserve())
            self.model_turn = self._pair.target
        return self._pair

    def _input_transcript(self, event: InputTranscript | InterimInputTranscript, now_ms: float) -> None:
        turn = self._store.get(None if self._pair is None else self._pair.source)
        if isinstance(event, InputTranscript):
            self._set_language("user", event.language, turn)
        if not event.text:
            return
        if (turn is None or turn.final) and self._transcripts.corrects(event):
            self._transcripts.correct(event)
            return
        if turn is not None and turn.final:
            # The pair was reopened for a late translation; these are the next words.
            self._close()
        index = self._open_pair().source
        if index not in self._store:
            self._floor_state.step(ActivityStart(inferred=True))
        self._transcripts.add(index, event, self._languages.pop("user", None))
        self._spoken_ms = now_ms

    def _translation(self, event: OutputTranscript | OutputText, now_ms: float) -> None:
        language = event.language if isinstance(event, OutputTranscript) else None
        self._set_language("model", language, self._store.get(self.model_turn))
        if not event.text:
            return
        index = self._open_translation()
        turn = self._store[index]
        spans, sample = turn.spans, turn.next_sample
        revised = revises([span.text for span in spans], event.text)
        if revised is not None:
            spans, sample = spans[:revised], spans[revised].sample
        language = self._languages.pop("model", turn.language)
        self._store.update(
            index, spans=self._store.extended(spans, Span(event.text, sample)), language=language
        )
        self._spoken_ms = now_ms

    def _audio(self, event: OutputAudio, now_ms: float) -> None:
        if event.data:
            is_audible = audible(event.data)
        else:  # A page plays it. Where it does not say how loud it is, it is taken for speech.
            is_audible = event.samples > 0 and (event.peak is None or event.peak * 32_768 >= AUDIBLE)
        if self._pair is None and not is_audible:
            return  # The model sends silence without end.
        index = self._open_translation() if is_audible else self._open_pair().target
        if index in self._store:
            self._store.add_audio(index, event)
        if is_audible:
            self._spoken_ms = now_ms
            self._floor_state.step(event)

    def _open_translation(self) -> int:
        """Return the index of the open translation; of the last pair's if that still lacks one."""
        lacks_one = self._last is not None and self._last.target not in self._store
        index = self._open_pair(self._last if lacks_one else None).target
        if index not in self._store:
            self._store.add(index, "model")
        return index

    def _set_language(self, speaker: str, code: str | None, turn: Turn | None) -> None:
        """Apply a reported language to the open turn if that has none yet, else to the words that follow."""
        language = language_of(code)
        if language is None or (turn is not None and turn.language == language):
            return
        if turn is not None and turn.language is None and not turn.final:
            self._store.update(turn.index, language=language)
        else:
            self._languages[speaker] = language
