"""Plain functions as seams: `StandIn(ears=f, brain=g, voice=h)` takes functions as well as objects.

A function may take its time: it runs in a thread, and the session goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, cast

from livewidget.audio import Samples, to_float, to_pcm16
from livewidget.errors import UsageError
from livewidget.standin.interfaces import (
    SPEAKING_RATE,
    Brain,
    Call,
    Ears,
    Hearing,
    HearingSettings,
    Mind,
    Mood,
    Phrases,
    Say,
    Skills,
    Speech,
    Thought,
    Voice,
    Wait,
)
from livewidget.standin.tutor.ears import TutorEars, VoiceActivity

_PIECE = SPEAKING_RATE // 10  # samples: 100 ms


def as_ears(ears: Any = None) -> Ears:
    """Return ears: the tutor's for None, `ears` itself where it has `session`, or a function's.

    The function gets an utterance as float32 `(n,)` in -1 to 1 at 16 kHz and returns its words. Where speech
    starts and ends is found for it.

    Raises:
        UsageError: If it is none of these.
        ExtraMissing: If the tutor's ears are wanted and not installed.
    """
    if ears is None:
        return TutorEars()
    if hasattr(ears, "session"):
        return cast(Ears, ears)
    return _FunctionEars(_function(ears, "ears"))


def as_brain(brain: Any = None) -> Brain:
    """Return a brain: the tutor's for None, `brain` itself where it has `session`, or a function's.

    The function, plain or `async`, gets what was said or typed and returns what to answer. It may have an
    attribute `phrases`, sentences that the ears then listen for; without them they listen for any English.

    Raises:
        UsageError: If it is none of these.
    """
    if brain is None:
        from livewidget.standin.tutor.brain import TutorBrain

        return TutorBrain()
    if hasattr(brain, "session"):
        return cast(Brain, brain)
    return _FunctionBrain(_function(brain, "brain"))


def as_voice(voice: Any = None) -> Voice:
    """Return a voice: the tutor's for None, `voice` itself where it has `speak`, or a function's.

    The function gets a text and returns sound at 24 kHz: PCM16 bytes, or an array of int16 or floats.

    Raises:
        UsageError: If it is none of these.
    """
    if voice is None:
        from livewidget.standin.tutor.voice import TutorVoice

        return TutorVoice()
    if hasattr(voice, "speak"):
        return cast(Voice, voice)
    return _FunctionVoice(_function(voice, "voice"))


def _function(thing: Any, seam: str) -> Callable[..., Any]:
    if not callable(thing):
        method = "speak" if seam == "voice" else "session"
        raise UsageError(f"{seam} is a function, or an object with the method {method}().")
    return cast(Callable[..., Any], thing)


async def _result(function: Callable[..., Any], *args: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    return await asyncio.to_thread(function, *args)


class _FunctionEars:
    def __init__(self, function: Callable[[Samples], str]) -> None:
        self._function = function

    def session(self, settings: HearingSettings, phrases: Phrases) -> Hearing:
        return VoiceActivity(settings, _Collector(self._function))


class _Collector:
    """Keeps an utterance's sound for a function; at most a minute of it."""

    _LIMIT = 60 * 16_000 * 2  # bytes

    def __init__(self, function: Callable[[Samples], str]) -> None:
        self._function = function
        self._sound = bytearray()

    def begin(self) -> None:
        self._sound.clear()

    def hear(self, pcm: bytes, speech: bool) -> str | None:
        if len(self._sound) < self._LIMIT:
            self._sound += pcm
        return None

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        sound = to_float(bytes(self._sound))
        return "", True, lambda: str(self._function(sound) or "")

    def close(self) -> None:
        self._sound.clear()


class _FunctionBrain:
    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def suggestions(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> tuple[str, ...]:
        return ()

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> Mind:
        return _FunctionMind(self._function)


class _FunctionMind:
    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function
        self._phrases = Phrases(tuple(str(one) for one in getattr(function, "phrases", ())))

    @property
    def phrases(self) -> Phrases:
        return self._phrases

    async def reply(self, text: str, *, confident: bool = True) -> Thought:
        answer = await _result(self._function, text)
        return (
            answer
            if isinstance(answer, Say | Call | Wait)
            else Say(str(answer if answer is not None else ""))
        )

    async def result(self, name: str, result: Mapping[str, Any]) -> Thought:
        from livewidget.standin.tutor.patterns import say_result

        return Say(say_result(result))


class _FunctionVoice:
    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    async def speak(
        self,
        text: str,
        voice: str | None = None,
        language: str | None = None,
        mood: Mood | None = None,
    ) -> AsyncGenerator[Speech, None]:
        samples = to_float(await _result(self._function, text))
        words = text.split(" ")
        said = 0
        # Nothing tells when a word begins: they are spread evenly over the sound.
        for start in range(0, len(samples), _PIECE):
            upto = -(-len(words) * (start + _PIECE) // max(1, len(samples)))
            piece = [word if at == len(words) - 1 else f"{word} " for at, word in enumerate(words)][said:upto]
            said = max(said, min(upto, len(words)))
            yield Speech(to_pcm16(samples[start : start + _PIECE]), "".join(piece))
        if said < len(words) and text:
            yield Speech(b"", " ".join(words[said:]))
