"""The user's half of the talk: sound in, what was said out, and who has the floor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import numpy as np

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.protocol.server import (
    ServerContent,
    ServerMessage,
    Transcription,
    VoiceActivity,
    VoiceActivityDetectionSignal,
)
from livewidget.standin import rules
from livewidget.standin.answering import Answering
from livewidget.standin.manners import Manners
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.seams import HEARING_RATE, Heard, Hearing, Partial, SpeechEnded, SpeechStarted
from livewidget.standin.tokens import Meter
from livewidget.standin.tutor.writing import smart

log = logging.getLogger(__name__)

_RATES = range(4_000, 192_001)  # Hz
_SLICE = HEARING_RATE // 20  # 50 ms: others on the loop wait no longer than its hearing takes
_LANGUAGE = "en"  # that the ears know
_UNCLEAR = "[unclear]"  # written in the place of what resembles nothing that is known
_UTTERANCES = 8  # that may wait to be understood; beyond that, the client waits


class Listening:
    """Hears one client; hands what it understood to `answering`."""

    def __init__(
        self,
        outlet: Outlet,
        manners: Manners,
        answering: Answering,
        meter: Meter,
        hearing: Hearing,
        *,
        late: bool = False,
    ) -> None:
        """Hear with `hearing`; `late`: what was said is told only when the answer has begun."""
        self._outlet = outlet
        self._manners = manners
        self._answering = answering
        self._meter = meter
        self._hearing = hearing
        self._late = late
        self._base = 0  # samples heard by ears that have been replaced
        self._samples = 0
        self._resampler: Resampler | None = None
        self._rate = HEARING_RATE
        self._speaking = False
        self._utterances: asyncio.Queue[Callable[[], str]] = asyncio.Queue(_UTTERANCES)
        self._understanding: asyncio.Task[None] | None = None

    async def audio(self, pcm: bytes, rate: int) -> None:
        """Hear PCM16 little-endian mono at `rate` Hz, of any length; an odd last byte is no sound.

        Raises:
            Refusal: If nothing sounds at such a rate.
        """
        if rate not in _RATES:
            raise Refusal(1007, rules.INVALID)
        samples = self._resampled(pcm[: len(pcm) & ~1], rate)
        for start in range(0, len(samples), 2 * _SLICE):
            piece = samples[start : start + 2 * _SLICE]
            self._samples += len(piece) // 2
            self._meter.heard(len(piece) // 2)
            await self._tell(self._hearing.feed(piece))
            if len(samples) > 2 * _SLICE:
                await asyncio.sleep(0)

    async def activity(self, begins: bool) -> None:
        """The client says itself that its user begins or ends to speak."""
        if begins:
            await self._begin()
        await self._tell(self._hearing.start() if begins else self._hearing.end())

    async def flush(self) -> None:
        """The client's microphone is off: what was being said has ended."""
        await self._tell(self._hearing.flush())

    def replace(self, hearing: Hearing) -> None:
        """Go on with other ears."""
        self._hearing.close()
        self._hearing, self._base, self._speaking = hearing, self._samples, False

    async def close(self) -> None:
        """Stop listening."""
        if self._understanding:
            self._understanding.cancel()
            await asyncio.wait([self._understanding])
        self._hearing.close()

    def _resampled(self, pcm: bytes, rate: int) -> bytes:
        if rate != self._rate or (self._resampler is None and rate != HEARING_RATE):
            self._rate = rate
            self._resampler = None if rate == HEARING_RATE else Resampler(rate, HEARING_RATE)
        if self._resampler is None:
            return pcm
        return to_pcm16(self._resampler.process(to_float(np.frombuffer(pcm, "<i2"))))

    async def _tell(self, heard: Sequence[Heard]) -> None:
        for one in heard:
            if isinstance(one, SpeechStarted):
                await self._started(one)
            elif isinstance(one, Partial):
                if self._manners.previews:
                    await self._outlet.content(interim_input_transcription=Transcription(text=one.text))
            else:
                await self._ended(one)

    async def _started(self, speech: SpeechStarted) -> None:
        if self._manners.hearing.manual:
            return
        await self._signal("ACTIVITY_START", "VAD_SIGNAL_TYPE_SOS", speech.at_sample)
        await self._begin()

    async def _begin(self) -> None:
        self._speaking = True
        if self._manners.transcribes_input and self._manners.model.translation:
            await self._outlet.content(input_transcription=Transcription(language_code=_LANGUAGE))
        if self._manners.interrupts:
            await self._answering.interrupt()

    async def _ended(self, speech: SpeechEnded) -> None:
        self._speaking = False
        if not self._manners.hearing.manual:
            await self._signal("ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS", speech.at_sample)
        if speech.later is None:
            await self._understood(speech.text, speech.confident)
            return
        if self._understanding is None:
            self._understanding = asyncio.create_task(self._understand(), name="stand-in understands")
        await self._utterances.put(speech.later)

    async def _understand(self) -> None:
        """Run slow ears in a thread, one utterance after the other."""
        while True:
            later = await self._utterances.get()
            try:
                text = await asyncio.to_thread(later)
            except Exception:
                # Most likely a function that a user plugged in: the session goes on without this utterance.
                log.exception("the stand-in's ears failed")
                text = ""
            await self._understood(text, True)

    async def _understood(self, text: str, confident: bool) -> None:
        if not text.strip():
            return
        # Slow ears: the user may have gone on meanwhile, which interrupts an answer before it begins.
        answers = self._manners.answers and not (self._speaking and self._manners.interrupts)
        if self._manners.transcribes_input:
            await self._transcribe(text, confident, late=self._late and answers)
        if answers:
            await self._answering.ask(text, confident=confident)

    async def _transcribe(self, text: str, confident: bool, *, late: bool) -> None:
        manners = self._manners
        if not manners.answers:
            text = (smart(text, manners.vocabulary) if manners.smart else text) if confident else _UNCLEAR
        transcript = Transcription(
            text=text,
            finished=True if manners.marks_finished and not late else None,
            language_code=_LANGUAGE if manners.model.translation else None,
        )
        message = ServerMessage(server_content=ServerContent(input_transcription=transcript))
        if late:
            self._outlet.hold(message)
        else:
            await self._outlet.send(message)

    async def _signal(self, activity: str, signal: str, at_sample: int) -> None:
        offset = f"{(self._base + at_sample) / HEARING_RATE:.3f}s"
        voice_activity = VoiceActivity(type=activity, audio_offset=offset)
        await self._outlet.send(ServerMessage(voice_activity=voice_activity))
        if self._manners.signals_speech:
            said = VoiceActivityDetectionSignal(vad_signal_type=signal)
            await self._outlet.send(ServerMessage(voice_activity_detection_signal=said))
