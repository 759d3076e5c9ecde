"""Plain functions as components: `StandIn(ears=f, brain=g, voice=h)` takes functions as well as objects.

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
    INPUT_RATE,
    OUTPUT_RATE,
    Dialogue,
    FunctionRequest,
    Mood,
    NoReply,
    Phrases,
    Recognition,
    Reply,
    Responder,
    Response,
    Skills,
    SpeechChunk,
    SpeechToText,
    TextToSpeech,
    VadSettings,
)
from livewidget.standin.tutor import recognizer
from livewidget.standin.tutor.brain import TutorResponder
from livewidget.standin.tutor.ears import DeafSpeechToText, SpeechSegmenter, TutorSpeechToText
from livewidget.standin.tutor.patterns import say_result
from livewidget.standin.tutor.voice import TutorTextToSpeech

#: Samples of a chunk of speech: 100 ms.
_CHUNK = OUTPUT_RATE // 10
#: Bytes of an utterance that are kept for a function: a minute, where `SpeechSegmenter` ends it.
_UTTERANCE_LIMIT = 60 * INPUT_RATE * 2


def as_speech_to_text(ears: Any = None) -> SpeechToText:
    """Return the tutor's speech recognition for None, `ears` itself if it has `session`, or wrap a function.

    The tutor's own recognizes nothing where there is no pocketsphinx for this computer.

    The function gets an utterance as float32 `(n,)` in -1 to 1 at 16 kHz and returns its words. Where speech
    starts and ends is detected for it.

    Raises:
        UsageError: If it is none of these.
        ExtraMissing: If the tutor's own is wanted and not installed.
    """
    own = DeafSpeechToText if recognizer.is_missing() else TutorSpeechToText
    return cast(SpeechToText, _component(ears, "ears", "session", own, _FunctionSpeechToText))


def as_responder(brain: Any = None) -> Responder:
    """Return the tutor's responder for None, `brain` itself if it has `session`, or wrap a function.

    The function, plain or `async`, gets what was said or typed and returns the answer. It may have an
    attribute `phrases`, sentences that the recognizer then expects; without it any English is expected.

    Raises:
        UsageError: If it is none of these.
    """
    return cast(Responder, _component(brain, "brain", "session", TutorResponder, _FunctionResponder))


def as_text_to_speech(voice: Any = None) -> TextToSpeech:
    """Return the tutor's speech synthesis for None, `voice` itself if it has `speak`, or wrap a function.

    The function gets a text and returns audio at 24 kHz: PCM16 bytes, or an array of int16 or floats.

    Raises:
        UsageError: If it is none of these.
    """
    return cast(TextToSpeech, _component(voice, "voice", "speak", TutorTextToSpeech, _FunctionTextToSpeech))


def _component(
    given: Any, name: str, method: str, default: Callable[[], Any], wrap: Callable[[Any], Any]
) -> Any:
    if given is None:
        return default()
    if hasattr(given, method):
        return given
    if not callable(given):
        raise UsageError(f"{name} is a function, or an object with the method {method}().")
    return wrap(given)


async def _result(function: Callable[..., Any], *args: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(*args)
    return await asyncio.to_thread(function, *args)


class _FunctionSpeechToText:
    def __init__(self, function: Callable[[Samples], str]) -> None:
        self._function = function

    def session(self, settings: VadSettings, phrases: Phrases) -> Recognition:
        return SpeechSegmenter(settings, _FunctionRecognizer(self._function))


class _FunctionRecognizer:
    """Collects the audio of an utterance for a function."""

    def __init__(self, function: Callable[[Samples], str]) -> None:
        self._function = function
        self._pcm = bytearray()

    def begin(self) -> None:
        self._pcm.clear()

    def feed(self, pcm: bytes, speech: bool) -> str | None:
        if len(self._pcm) < _UTTERANCE_LIMIT:
            self._pcm += pcm
        return None

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        samples = to_float(bytes(self._pcm))
        return "", True, lambda: str(self._function(samples) or "")

    def close(self) -> None:
        self._pcm.clear()


class _FunctionResponder:
    """Keeps no state: it is every session's dialogue, too."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def suggestions(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> tuple[str, ...]:
        return ()

    def session(self, declarations: Sequence[Mapping[str, Any]], skills: Skills) -> Dialogue:
        return self

    @property
    def phrases(self) -> Phrases:
        return Phrases(tuple(str(one) for one in getattr(self._function, "phrases", ())))

    async def reply(self, text: str, *, confident: bool = True) -> Response:
        answer = await _result(self._function, text)
        if isinstance(answer, Reply | FunctionRequest | NoReply):
            return answer
        return Reply(str(answer if answer is not None else ""))

    async def result(self, name: str, result: Mapping[str, Any]) -> Response:
        return Reply(say_result(result))


class _FunctionTextToSpeech:
    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    async def speak(
        self, text: str, voice: str | None = None, language: str | None = None, mood: Mood | None = None
    ) -> AsyncGenerator[SpeechChunk, None]:
        samples = to_float(await _result(self._function, text))
        words = [f"{word} " for word in text.split(" ")]
        words[-1] = words[-1][:-1]
        sent = 0
        # A function does not report when its words begin: they are spread evenly over the audio.
        for start in range(0, len(samples), _CHUNK):
            upto = -(-len(words) * (start + _CHUNK) // max(1, len(samples)))
            yield SpeechChunk(to_pcm16(samples[start : start + _CHUNK]), "".join(words[sent:upto]))
            sent = max(sent, min(upto, len(words)))
        if sent < len(words) and text:
            yield SpeechChunk(b"", "".join(words[sent:]))
