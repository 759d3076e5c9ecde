"""The user's half of the talk: sound in, what was said out, and who has the floor."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from livewidget.audio import Resampler, to_float, to_pcm16
from livewidget.protocol.messages import (
    ServerContent,
    ServerMessage,
    Transcription,
    VoiceActivity,
    VoiceActivityDetectionSignal,
)
from livewidget.standin import rules
from livewidget.standin.behavior import Manners
from livewidget.standin.context import Context
from livewidget.standin.interfaces import HEARING_RATE, Heard, Hearing, Partial, SpeechEnded, SpeechStarted
from livewidget.standin.outlet import Outlet, Refusal
from livewidget.standin.responder import Answering
from livewidget.standin.tutor.patterns import smart

log = logging.getLogger(__name__)

_RATES = range(4_000, 192_001)  # Hz
_SLICE = HEARING_RATE // 20  # 50 ms: others on the loop wait no longer than its hearing takes
_LANGUAGE = "en"  # that the ears know
_UNCLEAR = "[unclear]"  # written in the place of what resembles nothing that is known
_ONSET = HEARING_RATE // 5  # 200 ms: speech is rarely found sooner than that after it began
_MESSAGES = 200  # that may hold the beginning of speech
ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"
_UTTERANCES = 8  # that may wait to be understood; beyond that, the client waits


class Listening:
    """Hears one client; hands what it understood to `answering`."""

    def __init__(
        self,
        outlet: Outlet,
        manners: Manners,
        answering: Answering,
        context: Context,
        hearing: Hearing,
        *,
        late: bool = False,
    ) -> None:
        """Hear with `hearing`; `late`: what was said is told only when the answer has begun."""
        self._outlet = outlet
        self._manners = manners
        self._answering = answering
        self._context = context
        self._hearing = hearing
        self._late = late
        self._base = 0  # samples heard by ears that have been replaced
        self._samples = 0
        self._resampler: Resampler | None = None
        self._rate = HEARING_RATE
        self._lead = 0  # samples before speech that belong to it, should it begin now
        self._messages: deque[tuple[int, int]] = deque(maxlen=_MESSAGES)
        self.speaking = False
        self.begun = 0  # how often somebody has begun to speak
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
        self._messages.append((self._outlet.consumed, len(samples) // 2))
        for start in range(0, len(samples), 2 * _SLICE):
            piece = samples[start : start + 2 * _SLICE]
            self._samples += len(piece) // 2
            spoke = self.speaking
            await self._tell(self._hearing.feed(piece))
            self._count(len(piece) // 2, spoke or self.speaking)
            if len(samples) > 2 * _SLICE:
                await asyncio.sleep(0)

    def _count(self, samples: int, active: bool) -> None:
        """Count sound that belongs to a turn: what is spoken, or everything, as the coverage says."""
        if active or self._manners.coverage == ALL_INPUT:
            self._context.heard(self._lead + samples)
            self._lead = 0
        else:
            padding = self._manners.hearing.prefix_padding_ms * HEARING_RATE // 1000
            self._lead = min(self._lead + samples, padding)

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
        self._hearing, self._base, self.speaking = hearing, self._samples, False
        self._outlet.unfinished = None

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
        self.speaking = self._answering.user_speaks = True
        self.begun += 1
        self._outlet.unfinished = self._before_speech()
        if self._manners.transcribes_input and self._manners.model.translation:
            await self._outlet.content(input_transcription=Transcription(language_code=_LANGUAGE))
        if self._manners.interrupts:
            await self._answering.interrupt()

    def _before_speech(self) -> int:
        """Return how many messages came before the one in which the speech begins that was found now."""
        missing = self._manners.hearing.prefix_padding_ms * HEARING_RATE // 1000 + _ONSET
        first = self._outlet.consumed
        for index, samples in reversed(self._messages):
            if missing <= 0:
                break
            first, missing = index, missing - samples
        return first

    async def _ended(self, speech: SpeechEnded) -> None:
        self.speaking = self._answering.user_speaks = False
        self._outlet.unfinished = None
        if not self._manners.hearing.manual:
            # Where in the sound it ended, not where that was noticed: the difference is the client's to see.
            ended = speech.at_sample - speech.silent_samples
            await self._signal("ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS", ended)
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
            self._answering.idle()
            return
        # Slow ears: the user may have gone on meanwhile, which interrupts an answer before it begins.
        answers = self._manners.answers and not (self.speaking and self._manners.interrupts)
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
