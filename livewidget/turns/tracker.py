"""What is heard of the user where no turn is ever completed: guesses, and the words that replace them.

Words that come a second time, mended, in place of those that came first.

Where a model never says that a turn is over, silence does.

What every kind of talk is remembered by: turns, a floor, and time as an argument.
"""

from __future__ import annotations

import difflib
import re
import sys
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from typing import ClassVar, Final

from livewidget.events import ActivityStart, Event, InputTranscript, InterimInputTranscript
from livewidget.turns.floor import Floor, FloorState
from livewidget.turns.store import Outgoing, TurnStore
from livewidget.turns.turn import Span, Turn

#: A shorter fragment is a piece of what is being said, also where it repeats a word.
FEWEST_WORDS: Final = 3.0
#: So much of the words must be the same, and in the same order.
ALIKE: Final = 0.75

#: Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without spaces: there each sign counts.
SIGN: Final = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_WORD: Final = re.compile(rf"{SIGN}|(?:(?!{SIGN})\w)+")
_SIGNS_A_WORD: Final = 2


def revises(texts: Sequence[str], fragment: str) -> int | None:
    """Return from which of `texts` on a fragment says them again, or None if it goes on from them.

    Some models send fragments to be appended, and now and then all of the sentence again with words changed.
    The wire does not say which it is. Taken for a revision is what begins with the same words as one of the
    texts and either goes on from all that follows it, or is like it for the most part: a speaker who begins
    two sentences alike is left alone.

    Args:
        texts: The fragments so far.
        fragment: The one that has just come.
    """
    new = _words(fragment)
    if _count(new) < FEWEST_WORDS:
        return None
    old: list[str] = []
    found = None
    for start in range(len(texts) - 1, -1, -1):
        old = [*_words(texts[start]), *old]
        if _again(old, new):
            found = start
    return found


def _again(old: list[str], new: list[str]) -> bool:
    if _count(old) < 2 or old[:2] != new[:2]:
        return False
    if new[: len(old)] == old:
        return True
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() >= ALIKE


def _count(words: list[str]) -> float:
    return sum(1 / _SIGNS_A_WORD if re.fullmatch(SIGN, word) else 1 for word in words)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


class TranscriptAssembler:
    """Puts transcripts into user turns; when a turn begins and ends is up to its owner."""

    def __init__(self, store: TurnStore) -> None:
        self._store = store
        # The turn whose last words are a guess, because nothing better had come when it ended.
        self._guessed: int | None = None

    def take(self, index: int, event: InputTranscript | InterimInputTranscript, language: str | None) -> None:
        """Add what was heard to a turn, begun here if need be. `language` None: as before."""
        if index not in self._store:
            self._store.add(index, "user")
            self._guessed = None
        turn = self._store[index]
        if isinstance(event, InterimInputTranscript):
            self._store.change(index, interim=apart(turn.spans, event.text))
            return
        # Words that take a guess's place are a piece of their own; others go on within a word, if need be.
        text = apart(turn.spans, event.text) if turn.interim else event.text
        spans = (*turn.spans, Span(text))
        self._store.change(index, spans=spans, interim="", language=language or turn.language)

    def close(self, index: int) -> None:
        """A turn is over: what was only guessed so far becomes its text."""
        turn = self._store.get(index)
        if turn is None or turn.final:
            return
        spans = turn.spans
        if turn.interim:
            self._guessed, spans = index, (*spans, Span(turn.interim))
        self._store.change(index, spans=spans, interim="", final=True)

    def corrects(self, event: InputTranscript | InterimInputTranscript) -> bool:
        """Return whether `event` has the words for a guess in a turn that is over; nothing came since."""
        return self._guessed is not None and isinstance(event, InputTranscript) and bool(event.text)

    def correct(self, event: InputTranscript) -> None:
        """Put the words in the place of that guess."""
        index, self._guessed = self._guessed, None
        if index is not None:
            spans = self._store[index].spans[:-1]
            self._store.change(index, spans=(*spans, Span(apart(spans, event.text))))


def apart(spans: Sequence[Span], text: str) -> str:
    """Return `text` with a space before it, unless the spans end with one or its script has none."""
    before = spans[-1].text if spans else ""
    joined = not before or not text or before[-1].isspace() or text[0].isspace()
    return text if joined or re.match(SIGN, before[-1]) or re.match(SIGN, text) else f" {text}"


#: So long without a word or an audible sound, and what was being said is over.
SILENCE_MS: Final = 2000.0
#: Peaks below this are no sound: -50 dBFS of 16 bits. A model without anything to say may send all zeros.
AUDIBLE: Final = 104


class Silence:
    """How long it has been quiet. Time is an argument, in milliseconds of one clock."""

    def __init__(self) -> None:
        self._broken_ms: float | None = None

    def broken(self, now_ms: float) -> None:
        """Something was said."""
        self._broken_ms = now_ms

    def long_enough(self, now_ms: float) -> bool:
        """Return whether what was being said is over."""
        return self._broken_ms is not None and now_ms - self._broken_ms >= SILENCE_MS

    def settled(self) -> None:
        """What was being said has been closed: there is nothing to wait for."""
        self._broken_ms = None


def audible(pcm: bytes) -> bool:
    """Return whether PCM16 little-endian sound is more than silence."""
    samples = array("h", pcm[: len(pcm) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return len(samples) > 0 and (max(samples) >= AUDIBLE or min(samples) <= -AUDIBLE)


class TurnTracker(ABC):
    """The turns of one talk and who has the floor. Events go in, turns that look different come out.

    All times are milliseconds of one clock that never goes back. Where a subclass has no use for what it is
    told, that changes nothing.

    Attributes:
        ends_by_silence: Whether turns end by it, and `tick` is to be called a few times a second.
        link_ms: Round trip of the link in milliseconds, where it is known; set by who knows it.
    """

    ends_by_silence: ClassVar[bool] = False

    def __init__(self) -> None:
        self.link_ms: float | None = None
        self._store = TurnStore()
        self._floor_state = FloorState()
        self._outgoing = Outgoing()

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._floor_state.floor

    @property
    def has_unanswered_input(self) -> bool:
        """Whether the user has begun to speak, or typed, since the model last began to answer."""
        return bool(self._floor_state.asked)

    @property
    def turns(self) -> list[Turn]:
        """The turns, oldest first; a new list each time."""
        return self._store.all()

    @property
    @abstractmethod
    def model_turn(self) -> int | None:
        """Index of the model's open turn, to which its sound belongs; None between turns."""

    @abstractmethod
    def fold(self, event: Event, now_ms: float) -> list[Turn]:
        """Take in one event.

        Args:
            event: What happened.
            now_ms: When.

        Returns:
            The turns that look different now, each as it is now. More sound in a turn is not a new look.
        """

    def infer(self, event: Event, now_ms: float) -> ActivityStart | None:
        """Return the start of speech that `event` implies and no one announced.

        Automatic detection announces no start of speech on most models: there the first transcript is taken
        for it. Fold what this returns before `event` itself; `fold` does so too.
        """
        return None

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass: where turns end by silence, return those that have."""
        return []

    def audio_sent(self, length_ms: float, now_ms: float) -> None:
        """So much of the user's sound has gone out: what the server's offsets are counted in."""
        self._outgoing.sent(length_ms, now_ms)

    def playback_progress(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Say how far playback is, a few times a second.

        Args:
            index: The model turn that plays.
            sample: The last sample heard, counted from the turn's beginning at 24 kHz.
            now_ms: When.

        Returns:
            The turns that have now been heard to their end, with that in their timing.
        """
        return []

    def playback_stopped(self, index: int, sample: int, now_ms: float) -> list[Turn]:
        """Say how much of a turn was heard when playback was stopped.

        Args:
            index: The model turn.
            sample: The last sample heard, counted from the turn's beginning at 24 kHz.
            now_ms: When.

        Returns:
            The turn as it is now, if that changed it. A turn that was complete and heard to its end is whole.
        """
        return []


class SilenceDelimitedTracker(TurnTracker):
    """A talk whose turns nobody ends: silence does."""

    ends_by_silence = True

    def __init__(self) -> None:
        super().__init__()
        self._transcripts = TranscriptAssembler(self._store)
        self._silence = Silence()

    def tick(self, now_ms: float) -> list[Turn]:
        """Let time pass; returns the turns that have ended by it."""
        self._lapse(now_ms)
        return self._store.changed()

    def _lapse(self, now_ms: float) -> None:
        if self._silence.long_enough(now_ms):
            self._close()

    @abstractmethod
    def _close(self) -> None:
        """End what is open."""
