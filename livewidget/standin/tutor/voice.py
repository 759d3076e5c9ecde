"""The tutor's voice: espeak-ng, streamed clause by clause, with the words in step.

It sounds like a robot. It begins in a few milliseconds, and needs neither a model nor a network. espeak-ng is
under the GPL-3: it runs in a process of its own (`espeak_worker`), comes with the `offline` extra only, and
any function can take this voice's place: `StandIn(voice=…)`.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, replace

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.errors import ServerFault
from livewidget.standin.seams import SPEAKING_RATE, Mood, Speech
from livewidget.standin.tutor.espeak import Answer, Espeak, WorkerLost, shared

_CLAUSE_LIMIT = 300  # characters: some 20 s of speech, and the most that is made in vain when interrupted
_CLAUSE_END = re.compile(r"(?<=[.!?;:…])[\"'”’)]*\s+")
_TOKEN = re.compile(r"\S*\s*")


@dataclass(frozen=True, slots=True)
class Style:
    """How espeak-ng speaks: a voice with a variant, words a minute, pitch 0 to 99."""

    voice: str = "en-us"
    rate: int = 160
    pitch: int = 50


DEFAULT_STYLE = Style()
STYLES: dict[str, Style] = {
    name: Style(f"en-us+{variant}" if variant else "en-us", rate, pitch)
    for name, variant, rate, pitch in (
        ("Puck", "", 176, 56), ("Charon", "m6", 160, 50), ("Fenrir", "edward", 180, 60),
        ("Orus", "adam", 152, 44), ("Enceladus", "m3", 146, 48), ("Iapetus", "klatt4", 156, 52),
        ("Umbriel", "", 146, 40), ("Algieba", "paul", 150, 46), ("Algenib", "klatt6", 150, 34),
        ("Rasalgethi", "m1", 160, 66), ("Alnilam", "edward", 154, 40), ("Schedar", "adam", 162, 58),
        ("Achird", "m3", 168, 68), ("Zubenelgenubi", "m6", 174, 42), ("Sadachbia", "klatt4", 182, 62),
        ("Sadaltager", "m1", 150, 38), ("Zephyr", "f2", 168, 62), ("Kore", "f5", 160, 50),
        ("Leda", "f4", 172, 68), ("Aoede", "f2", 176, 50), ("Callirrhoe", "f1", 142, 40),
        ("Autonoe", "f5", 168, 64), ("Despina", "f2", 138, 40), ("Erinome", "linda", 156, 54),
        ("Laomedeia", "f1", 176, 60), ("Achernar", "belinda", 142, 52), ("Gacrux", "f5", 150, 30),
        ("Pulcherrima", "linda", 178, 64), ("Vindemiatrix", "f4", 142, 56), ("Sulafat", "belinda", 156, 42),
    )
}  # fmt: skip
"""The Live API's 30 prebuilt voices, each as a style of its own.

Pace and pitch follow the word by which the service describes the voice: who is lively speaks fast. The
variants are among those that a recogniser understands well.
"""


_MOODS: dict[Mood, tuple[float, int]] = {"gentle": (0.84, -14), "bright": (1.14, 16)}
"""What a mood makes of a style's pace, and adds to its pitch."""
_LANGUAGES = {"en": "en-us", "es": "es", "fr": "fr", "de": "de", "it": "it"}
# espeak-ng's own "en" is British.
_VARIETIES = dict.fromkeys(("en-gb", "en-au", "en-in", "en-ie", "en-nz", "en-za"), "en") | dict.fromkeys(
    ("es-419", "es-us", "es-mx", "es-ar", "es-co", "es-cl", "es-pe"), "es-419"
)


def style_of(voice: str | None, language: str | None = None, mood: Mood | None = None) -> Style:
    """Return the style of a prebuilt voice's name, in any case; the default for None and unknown names.

    Args:
        voice: "Puck", "Kore" …
        language: BCP-47, to speak or as an accent; one that this voice does not know leaves it as it is.
        mood: Changes pace and pitch.
    """
    style = STYLES.get((voice or "").capitalize(), DEFAULT_STYLE)
    if mood is not None:
        pace, pitch = _MOODS[mood]
        style = replace(style, rate=round(style.rate * pace), pitch=min(99, max(0, style.pitch + pitch)))
    code = (language or "").lower().replace("_", "-")
    spoken = _VARIETIES.get(code) or _LANGUAGES.get(code.partition("-")[0])
    if spoken is None:
        return style
    _, plus, variant = style.voice.partition("+")
    return replace(style, voice=f"{spoken}{plus}{variant}")


def clauses(text: str) -> Iterator[str]:
    """Cut `text` where a voice may breathe, into pieces of at most 300 characters that join to `text`."""
    start = 0
    for end in [*(match.end() for match in _CLAUSE_END.finditer(text)), len(text)]:
        while end - start > _CLAUSE_LIMIT:
            cut = text.rfind(" ", start + 1, start + _CLAUSE_LIMIT) + 1 or start + _CLAUSE_LIMIT
            yield text[start:cut]
            start = cut
        if end > start:
            yield text[start:end]
            start = end


class _Caption:
    """Which words of a clause have begun. The voice joins some words ("I am") and splits others ("3:45")."""

    def __init__(self, clause: str) -> None:
        self._clause = clause
        self._shown = 0

    def reached(self, positions: list[int]) -> str:
        """Return what is newly begun when words at these character positions are, up to the next word."""
        first = self._shown
        for position in positions:
            if self._shown <= position < len(self._clause):
                found = _TOKEN.match(self._clause, position)
                self._shown = found.end() if found else self._shown
        return self._clause[first : self._shown]

    def rest(self) -> str:
        first, self._shown = self._shown, len(self._clause)
        return self._clause[first:]


class TutorVoice:
    """Speaks with espeak-ng. One voice serves any number of sessions on any event loops."""

    def __init__(self, espeak: Espeak | None = None) -> None:
        """Use this worker, or the one that the process shares."""
        self._espeak = espeak or shared()

    def prepare(self) -> None:
        """Start the worker now, without waiting for it, so that the first words come as fast as the others.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
        """
        self._espeak.start()

    async def speak(
        self,
        text: str,
        voice: str | None = None,
        language: str | None = None,
        mood: Mood | None = None,
    ) -> AsyncGenerator[Speech, None]:
        """Speak: see `seams.Voice`. Pieces of 60 ms come as fast as they are taken.

        Raises:
            ExtraMissing: If espeak-ng is not installed.
            ServerFault: If the worker ended, and once more after it was started again.
        """
        style, pending, resampler = style_of(voice, language, mood), "", None
        for clause in clauses(text):
            caption, made = _Caption(clause), 0
            for last_try in (False, True):
                answer = Answer(self._espeak, _speakable(clause), style.voice, style.rate, style.pitch)
                passed = 0  # bytes of this answer; those made before a restart are not spoken twice
                try:
                    async for kind, payload in answer:
                        if kind == b"W":
                            pending += caption.reached(json.loads(payload))
                        elif kind == b"A":
                            fresh = payload[max(0, made - passed) :]
                            passed += len(payload)
                            if not fresh:
                                continue
                            made += len(fresh)
                            resampler = resampler or Resampler(self._espeak.sample_rate, SPEAKING_RATE)
                            words, pending = pending, ""
                            yield Speech(to_pcm16(resampler.process(to_float(fresh))), words)
                        elif kind == b"X":
                            raise ServerFault("The offline tutor's voice could not say this text.")
                    break
                except WorkerLost:
                    if last_try:
                        raise ServerFault(
                            "The offline tutor's voice stopped working and did not start again. "
                            'Try: pip install --force-reinstall "livewidget[offline]".'
                        ) from None
                finally:
                    answer.close()
            pending += caption.rest()
        if resampler is not None or pending:
            yield Speech(to_pcm16(resampler.flush()) if resampler else b"", pending)


def _speakable(clause: str) -> str:
    # Position by position the same text: a NUL would end it, and control characters mean something to espeak.
    return "".join(character if character.isprintable() else " " for character in clause)
