"""What a model has before it when it answers: its instruction, who said what, and the tokens of all that.

As on the service, everything kept is prompt again in every turn, and compression drops the oldest exchanges
whole: the context always begins with the user's words (`contextWindowCompression` on ai.google.dev).
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from livewidget.pictures import tokens_of
from livewidget.protocol.server import UsageMetadata
from livewidget.standin import tokens
from livewidget.standin.seams import HEARING_RATE, SPEAKING_RATE

Line = tuple[str, str]
"""Who said what: ("user" or "model", text)."""


@dataclass(slots=True)
class _Exchange:
    """What the user said and what came of it; they go together."""

    lines: list[Line] = field(default_factory=list)
    tokens: Counter[str] = field(default_factory=Counter)


class Context:
    """Keeps what was said, and counts what was heard, shown and said, by modality."""

    def __init__(self) -> None:
        self.instruction = ""
        self._kept: deque[_Exchange] = deque()
        self._now = _Exchange()
        self._answer: Counter[str] = Counter()
        self._thoughts = 0
        self._samples_in = self._samples_out = 0

    # --- Who said what --------------------------------------------------------------------------------------

    @property
    def lines(self) -> list[Line]:
        """Everything that is remembered, oldest first."""
        return [line for exchange in (*self._kept, self._now) for line in exchange.lines]

    def add(self, role: str, text: str) -> None:
        """Remember what somebody said; its tokens are counted by what it was said with.

        The user's words begin a new exchange where the model has spoken in this one.
        """
        if role == "user" and any(who == "model" for who, _ in self._now.lines):
            self._close()
        self._now.lines.append((role, text))

    def write(self, role: str, text: str) -> None:
        """Remember a turn that was written down, and count it."""
        self.add(role, text)
        self._now.tokens["TEXT"] += tokens.of_text(text)

    def last(self) -> Line | None:
        """Return what was said last."""
        lines = self._now.lines or (self._kept[-1].lines if self._kept else [])
        return lines[-1] if lines else None

    def take(self) -> Line | None:
        """Forget what was said last, and return it."""
        exchange = self._now if self._now.lines or not self._kept else self._kept[-1]
        return exchange.lines.pop() if exchange.lines else None

    # --- Tokens ---------------------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Tokens of all that is kept, this moment."""
        heard = tokens.of_sound(self._samples_in, HEARING_RATE)
        kept = sum(exchange.tokens.total() for exchange in self._kept)
        return tokens.of_text(self.instruction) + kept + self._now.tokens.total() + heard

    def heard(self, samples: int) -> None:
        """Count sound from the client, in samples of 16 kHz."""
        self._samples_in += samples

    def read(self, text: str) -> None:
        """Count text from the client."""
        self._now.tokens["TEXT"] += tokens.of_text(text)

    def saw(self, resolution: str | None) -> None:
        """Count one picture."""
        self._now.tokens["IMAGE"] += tokens_of(resolution)

    def unsee(self) -> None:
        """Count no picture that came since the last turn."""
        del self._now.tokens["IMAGE"]

    def said(self, samples: int) -> None:
        """Count speech that was sent, in samples of 24 kHz."""
        self._samples_out += samples

    def wrote(self, text: str) -> None:
        """Count text that was sent as the answer itself."""
        self._answer["TEXT"] += tokens.of_text(text)

    def thought(self, text: str) -> None:
        """Count a thought, whether it was sent or not."""
        self._thoughts += tokens.of_text(text)

    def turn(self, *, vertex: bool = False) -> UsageMetadata:
        """Close the turn: return its counts, and keep what was said for the prompt of the next one."""
        self._now.tokens["AUDIO"] += tokens.of_sound(self._samples_in, HEARING_RATE)
        self._answer["AUDIO"] += tokens.of_sound(self._samples_out, SPEAKING_RATE)
        prompt = Counter({"TEXT": tokens.of_text(self.instruction)})
        for exchange in (*self._kept, self._now):
            prompt += exchange.tokens
        usage = tokens.usage(prompt, self._answer, self._thoughts, vertex=vertex)
        self._now.tokens += self._answer
        self._answer.clear()
        self._samples_in = self._samples_out = self._thoughts = 0
        self._close()
        return usage

    def compress(self, trigger: int, target: int) -> int:
        """Drop the oldest exchanges, down to `target` tokens, if there are more than `trigger`.

        Returns:
            How many were dropped. What is being said now never is.
        """
        dropped = 0
        while self._kept and self.size > (target if dropped else trigger):
            self._kept.popleft()
            dropped += 1
        return dropped

    def _close(self) -> None:
        if self._now.lines or self._now.tokens.total():
            self._kept.append(self._now)
        self._now = _Exchange()
