"""What the model has before it: instruction, exchanges, pictures and their tokens; and how it is resumed.

As on the service, everything kept is prompt again in every turn, and compression drops the oldest exchanges
whole, so that the context always begins with the user (`contextWindowCompression` on ai.google.dev).
"""

from __future__ import annotations

import copy
import secrets
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any

from livewidget.clock import Clock
from livewidget.pictures import tokens_of
from livewidget.protocol.messages import ModalityTokenCount, UsageMetadata
from livewidget.standin.interfaces import (
    INPUT_RATE,
    OUTPUT_RATE,
    Dialogue,
    Responder,
    Skills,
    SpeechToText,
    TextToSpeech,
)

#: Tokens of a second of audio, in and out, as the service's pricing pages say.
AUDIO_TOKENS_PER_S = 25
#: The service's own rule of thumb for English.
CHARACTERS_PER_TOKEN = 4
#: Resumption handles kept at a time. Chosen: far beyond what the clients of one computer use.
_HANDLES = 1000

#: Who said what: ("user" or "model", text).
Line = tuple[str, str]


def text_tokens(text: str) -> int:
    """Return the tokens of a text."""
    return ceil(len(text) / CHARACTERS_PER_TOKEN)


def audio_tokens(samples: int, rate: int) -> int:
    """Return the tokens of this many samples at `rate` Hz."""
    return ceil(samples * AUDIO_TOKENS_PER_S / rate)


@dataclass(slots=True)
class _Exchange:
    """What the user said and the model's answer; dropped together."""

    lines: list[Line] = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter)


class Context:
    """Remembers who said what, and counts tokens by modality."""

    def __init__(self) -> None:
        self.instruction = ""
        self._kept: deque[_Exchange] = deque()
        self._current = _Exchange()
        self._answer: Counter[str] = Counter()
        self._thoughts = 0
        self._samples_in = self._samples_out = 0

    @property
    def lines(self) -> list[Line]:
        """Everything that is remembered, oldest first."""
        return [line for exchange in (*self._kept, self._current) for line in exchange.lines]

    @property
    def size(self) -> int:
        """Tokens of everything that is kept now."""
        kept = sum(exchange.tokens.total() for exchange in (*self._kept, self._current))
        return text_tokens(self.instruction) + kept + audio_tokens(self._samples_in, INPUT_RATE)

    def add(self, role: str, text: str) -> None:
        """Remember a line without counting it: spoken lines count as audio.

        A line of the user's after one of the model's begins a new exchange.
        """
        if role == "user" and any(who == "model" for who, _ in self._current.lines):
            self._close_exchange()
        self._current.lines.append((role, text))

    def add_text(self, role: str, text: str) -> None:
        """Remember a line that was written, and count it."""
        self.add(role, text)
        self.count_text(text)

    def last(self) -> Line | None:
        """Return the last line."""
        lines = self._current.lines or (self._kept[-1].lines if self._kept else [])
        return lines[-1] if lines else None

    def pop(self) -> Line | None:
        """Forget the last line, and return it."""
        exchange = self._current if self._current.lines or not self._kept else self._kept[-1]
        return exchange.lines.pop() if exchange.lines else None

    def count_audio_in(self, samples: int) -> None:
        """Count audio from the client, in 16 kHz samples."""
        self._samples_in += samples

    def count_text(self, text: str) -> None:
        """Count text from the client."""
        self._current.tokens["TEXT"] += text_tokens(text)

    def count_picture(self, resolution: str | None) -> None:
        """Count one picture."""
        self._current.tokens["IMAGE"] += tokens_of(resolution)

    def count_audio_out(self, samples: int) -> None:
        """Count speech that was sent, in 24 kHz samples."""
        self._samples_out += samples

    def count_text_out(self, text: str) -> None:
        """Count an answer that was sent as text."""
        self._answer["TEXT"] += text_tokens(text)

    def count_thought(self, text: str) -> None:
        """Count a thought, whether it was sent or not."""
        self._thoughts += text_tokens(text)

    def end_turn(self, *, vertex: bool = False) -> UsageMetadata:
        """Return the turn's token counts, and keep its exchange for the next prompt."""
        self._current.tokens["AUDIO"] += audio_tokens(self._samples_in, INPUT_RATE)
        self._answer["AUDIO"] += audio_tokens(self._samples_out, OUTPUT_RATE)
        prompt = Counter({"TEXT": text_tokens(self.instruction)})
        for exchange in (*self._kept, self._current):
            prompt += exchange.tokens
        usage = _usage(prompt, self._answer, self._thoughts, vertex=vertex)
        self._current.tokens += self._answer
        self._answer.clear()
        self._samples_in = self._samples_out = self._thoughts = 0
        self._close_exchange()
        return usage

    def compress(self, trigger: int, target: int) -> int:
        """Drop the oldest exchanges, down to `target` tokens, if there are more than `trigger`.

        Returns:
            How many were dropped. The current exchange always stays.
        """
        dropped = 0
        while self._kept and self.size > (target if dropped else trigger):
            self._kept.popleft()
            dropped += 1
        return dropped

    def _close_exchange(self) -> None:
        if self._current.lines or self._current.tokens.total():
            self._kept.append(self._current)
        self._current = _Exchange()


def _usage(prompt: Counter[str], answer: Counter[str], thoughts: int, *, vertex: bool) -> UsageMetadata:
    """Return a turn's counts by modality; Vertex AI has its own names for those of the answer."""
    name = "candidates" if vertex else "response"
    counts: dict[str, Any] = {
        f"{name}_token_count": answer.total(),
        f"{name}_tokens_details": _details(answer),
    }
    return UsageMetadata(
        prompt_token_count=prompt.total(),
        thoughts_token_count=thoughts or None,
        total_token_count=prompt.total() + answer.total() + thoughts,
        prompt_tokens_details=_details(prompt),
        traffic_type="ON_DEMAND" if vertex else None,
        **counts,
    )


def _details(counts: Counter[str]) -> list[ModalityTokenCount]:
    return [ModalityTokenCount(modality=name, token_count=n) for name, n in sorted(counts.items()) if n]


class RecentPictures:
    """The last two pictures of a session, encoded as they came, and how many there have been."""

    def __init__(self) -> None:
        self.count = 0
        self.kept: deque[bytes] = deque(maxlen=2)

    def add(self, data: bytes) -> None:
        """Take one more picture."""
        self.count += 1
        self.kept.append(data)


@dataclass(slots=True, kw_only=True)
class SessionState:
    """What a session has in mind; it outlives a connection by its resumption handle.

    Attributes:
        model: Id of the model; the one thing that cannot change when the session is resumed.
        dialogue: The responder's side, with its own state; None until the first setup.
        declarations: The functions that the dialogue may call.
        skills: What else it may do.
        context: Instruction, lines and token counts.
        pictures: The pictures that were shown last.
    """

    model: str = ""
    dialogue: Dialogue | None = None
    declarations: list[dict[str, Any]] = field(default_factory=list)
    skills: Skills = field(default_factory=Skills)
    context: Context = field(default_factory=Context)
    pictures: RecentPictures = field(default_factory=RecentPictures)

    def snapshot(self) -> SessionState:
        """Return a copy that later turns do not change.

        The dialogue is shared: it may be any object that a user has plugged in.
        """
        return replace(self, context=copy.deepcopy(self.context), pictures=copy.deepcopy(self.pictures))


class ResumptionStore:
    """Session states by handle, each as long as its service keeps it; at most the latest thousand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, SessionState]] = OrderedDict()

    def keep(self, state: SessionState, life_ms: float) -> str:
        """Return a new handle to a snapshot of `state`, valid for `life_ms`."""
        handle = secrets.token_urlsafe(24)
        self._kept[handle] = (self._clock.now_ms() + life_ms, state.snapshot())
        while len(self._kept) > _HANDLES:
            self._kept.popitem(last=False)
        return handle

    def find(self, handle: str) -> SessionState | None:
        """Return a copy of the state that a handle leads to; None if it is unknown or expired."""
        until, state = self._kept.get(handle, (0.0, None))
        if state is None or until < self._clock.now_ms():
            self._kept.pop(handle, None)
            return None
        return state.snapshot()


@dataclass(frozen=True, slots=True)
class Components:
    """What all sessions of one stand-in share.

    Attributes:
        speech_to_text: Recognizes speech.
        responder: Decides what to answer.
        text_to_speech: Speaks the answers.
        clock: The stand-in's clock.
        resumptions: The states that handles lead to.
        builtin_responder: The responder is the tutor's own: questions about the session itself are answered
            here.
        late_transcripts: Input transcripts are sent after the answer has begun, as the service may do.
        hears: Speech is recognized; otherwise the user is told to type.
    """

    speech_to_text: SpeechToText
    responder: Responder
    text_to_speech: TextToSpeech
    clock: Clock
    resumptions: ResumptionStore
    builtin_responder: bool = True
    late_transcripts: bool = False
    hears: bool = True
