"""The user's side of a session: audio in, transcripts out, and who has the floor."""

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
from livewidget.standin.behavior import SessionParts
from livewidget.standin.interfaces import (
    INPUT_RATE,
    PartialTranscript,
    Recognition,
    RecognitionEvent,
    SpeechEnded,
    SpeechStarted,
)
from livewidget.standin.turn_runner import TurnRunner
from livewidget.standin.tutor.patterns import smart_transcript

log = logging.getLogger(__name__)

ALL_INPUT = "TURN_INCLUDES_ALL_INPUT"

#: Sample rates in Hz that are accepted. Chosen: below there is no speech, above no sound card.
_RATES = range(4_000, 192_001)
#: Samples that are recognized at once: 50 ms. Recognition blocks the event loop for some 5 % of that.
_SLICE = INPUT_RATE // 20
#: Samples from the beginning of speech to its detection: 200 ms. The detector takes 90 to 310 ms.
_ONSET = INPUT_RATE // 5
#: Messages among which the beginning of speech is looked for. Chosen: 4 s of 20 ms messages.
_MESSAGES = 200
#: Utterances that may wait for slow recognition; then the client waits. Chosen: more than anybody says
#: meanwhile.
_UTTERANCES = 8
#: What the recognizer understands.
_LANGUAGE = "en"
#: Written by a model that only transcribes, instead of words that match nothing known.
_UNCLEAR = "[unclear]"


class Listener:
    """Recognizes one client's speech, and hands it to the turn runner."""

    def __init__(self, parts: SessionParts, turns: TurnRunner, recognition: Recognition) -> None:
        self._link, self._behavior, self._context = parts.link, parts.behavior, parts.state.context
        self._late, self._hears = parts.components.late_transcripts, parts.components.hears
        self._turns = turns
        self._recognition = recognition
        self._base = 0  # samples heard by recognitions that were replaced
        self._samples = 0
        self._resampler: Resampler | None = None
        self._rate = INPUT_RATE
        self._padding = self._behavior.vad.prefix_padding_ms * INPUT_RATE // 1000
        self._lead = 0  # samples before speech that belong to it, should it begin now
        self._messages: deque[tuple[int, int]] = deque(maxlen=_MESSAGES)  # index and samples of each
        self.speaking = False
        self.utterances = 0  # how often the user has begun to speak
        self._pending: asyncio.Queue[Callable[[], str]] = asyncio.Queue(_UTTERANCES)
        self._transcriber: asyncio.Task[None] | None = None

    async def feed(self, pcm: bytes, rate: int) -> None:
        """Take PCM16 little-endian mono at `rate` Hz, of any length; an odd last byte is ignored.

        Raises:
            Refusal: 1007, for a rate out of range.
        """
        if rate not in _RATES:
            raise rules.Refusal(1007, rules.INVALID)
        samples = self._resampled(pcm[: len(pcm) & ~1], rate)
        self._messages.append((self._link.consumed, len(samples) // 2))
        for start in range(0, len(samples), 2 * _SLICE):
            piece = samples[start : start + 2 * _SLICE]
            self._samples += len(piece) // 2
            spoke = self.speaking
            await self._handle(self._recognition.feed(piece))
            self._count(len(piece) // 2, spoke or self.speaking)
            if len(samples) > 2 * _SLICE:
                await asyncio.sleep(0)

    async def mark_activity(self, *, active: bool) -> None:
        """Start or end an utterance: the client detects speech itself."""
        if active:
            await self._begin()
        await self._handle(self._recognition.start() if active else self._recognition.end())

    async def flush(self) -> None:
        """End the current utterance: the client's microphone is off."""
        await self._handle(self._recognition.flush())

    def replace(self, recognition: Recognition) -> None:
        """Go on with another recognition."""
        self._recognition.close()
        self._recognition, self._base, self.speaking = recognition, self._samples, False
        self._link.speech_start = None

    async def close(self) -> None:
        """Stop listening."""
        if self._transcriber:
            self._transcriber.cancel()
            await asyncio.wait([self._transcriber])
        self._recognition.close()

    def _resampled(self, pcm: bytes, rate: int) -> bytes:
        if rate != self._rate:
            self._rate = rate
            self._resampler = None if rate == INPUT_RATE else Resampler(rate, INPUT_RATE)
        if self._resampler is None:
            return pcm
        return to_pcm16(self._resampler.process(to_float(np.frombuffer(pcm, "<i2"))))

    def _count(self, samples: int, active: bool) -> None:
        """Count the audio of a turn: speech with its padding, or everything, by the turn coverage."""
        if active or self._behavior.turn_coverage == ALL_INPUT:
            self._context.count_audio_in(self._lead + samples)
            self._lead = 0
        else:
            self._lead = min(self._lead + samples, self._padding)

    async def _handle(self, events: Sequence[RecognitionEvent]) -> None:
        for event in events:
            if isinstance(event, SpeechStarted):
                await self._on_started(event)
            elif isinstance(event, SpeechEnded):
                await self._on_ended(event)
            elif isinstance(event, PartialTranscript) and self._behavior.interim_transcripts:
                await self._link.send_content(interim_input_transcription=Transcription(text=event.text))

    async def _on_started(self, speech: SpeechStarted) -> None:
        if self._behavior.vad.manual:
            return
        await self._signal("ACTIVITY_START", "VAD_SIGNAL_TYPE_SOS", speech.at_sample)
        await self._begin()

    async def _begin(self) -> None:
        self.speaking = self._turns.user_speaks = True
        self.utterances += 1
        self._link.speech_start = self._messages_before_speech()
        if self._behavior.transcribes_input and self._behavior.model.translation:
            await self._link.send_content(input_transcription=Transcription(language_code=_LANGUAGE))
        if self._behavior.interrupts:
            await self._turns.interrupt()

    def _messages_before_speech(self) -> int:
        """Return how many messages came before the one in which the speech detected now began."""
        missing = self._padding + _ONSET
        first = self._link.consumed
        for index, samples in reversed(self._messages):
            if missing <= 0:
                break
            first, missing = index, missing - samples
        return first

    async def _on_ended(self, speech: SpeechEnded) -> None:
        self.speaking = self._turns.user_speaks = False
        self._link.speech_start = None
        if not self._behavior.vad.manual:
            # The offset of the end itself, not of its detection: clients measure the difference.
            ended = speech.at_sample - speech.silent_samples
            await self._signal("ACTIVITY_END", "VAD_SIGNAL_TYPE_EOS", ended)
        if not self._hears:
            await self._on_unheard()
            return
        if speech.transcribe is None:
            await self._on_transcript(speech.text, speech.confident)
            return
        if self._transcriber is None:
            self._transcriber = asyncio.create_task(self._transcribe(), name="stand-in understands")
        await self._pending.put(speech.transcribe)

    async def _transcribe(self) -> None:
        """Run slow recognition in a thread, one utterance after the other."""
        while True:
            transcribe = await self._pending.get()
            try:
                text = await asyncio.to_thread(transcribe)
            except (asyncio.CancelledError, GeneratorExit):
                raise
            except BaseException:
                # Most likely a user's function: the session goes on without this utterance.
                log.exception("the stand-in's ears failed")
                text = ""
            await self._on_transcript(text, True)

    async def _on_unheard(self) -> None:
        """Tell the user that speech is not recognized here."""
        if self._behavior.answers:
            await self._turns.ask("", confident=False)
        elif self._behavior.transcribes_input:
            await self._send_transcript("", False, late=False)

    async def _on_transcript(self, text: str, confident: bool) -> None:
        if not text.strip():
            self._turns.deliver_results()
            return
        # With slow recognition the user may speak again by now, which interrupts the answer before it begins.
        answers = self._behavior.answers and not (self.speaking and self._behavior.interrupts)
        if self._behavior.transcribes_input:
            await self._send_transcript(text, confident, late=self._late and answers)
        if answers:
            await self._turns.ask(text, confident=confident)

    async def _send_transcript(self, text: str, confident: bool, *, late: bool) -> None:
        behavior = self._behavior
        if not behavior.answers and not confident:
            text = _UNCLEAR
        elif not behavior.answers and behavior.smart_transcripts:
            text = smart_transcript(text, behavior.vocabulary)
        transcript = Transcription(
            text=text,
            finished=True if behavior.marks_finished and not late else None,
            language_code=_LANGUAGE if behavior.model.translation else None,
        )
        message = ServerMessage(server_content=ServerContent(input_transcription=transcript))
        if late:
            self._link.hold(message)
        else:
            await self._link.send(message)

    async def _signal(self, activity: str, signal: str, at_sample: int) -> None:
        offset = f"{(self._base + at_sample) / INPUT_RATE:.3f}s"
        voice_activity = VoiceActivity(type=activity, audio_offset=offset)
        await self._link.send(ServerMessage(voice_activity=voice_activity))
        if self._behavior.signals_vad:
            vad_signal = VoiceActivityDetectionSignal(vad_signal_type=signal)
            await self._link.send(ServerMessage(voice_activity_detection_signal=vad_signal))
