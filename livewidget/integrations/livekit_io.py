"""What takes the place of LiveKit's room: this page's microphone, camera, captions and loudspeaker.

LiveKit reads the user's audio and pictures here, and writes the agent's text and audio. It wants to know how
much of the audio was heard: it says nothing new before, and writes no more than that into its history.
"""

from __future__ import annotations

import asyncio
import contextlib
import io as files
import time
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from PIL import Image

from livewidget.integrations.agent import RATE, AgentClient
from livewidget.turns.turn import Span, Turn, spaced_after

try:
    from livekit import rtc
    from livekit.agents.voice.io import (
        AudioInput,
        AudioOutput,
        AudioOutputCapabilities,
        TextOutput,
        VideoInput,
    )
except ImportError:
    rtc = None
    AudioInput = AudioOutput = AudioOutputCapabilities = TextOutput = VideoInput = object

#: Frames of the microphone that may wait for LiveKit. Chosen: 20 s of 40 ms each, while a session starts.
FRAMES_WAITING: Final = 500
#: Seconds to wait, after an interruption, for the page to tell where it stopped. Chosen: LiveKit says nothing
#: more until it knows, and a page that has not answered by then is held up.
STOP_S: Final = 0.4
#: A page that has told its last position says so once more within this time, in seconds. Chosen.
SETTLE_S: Final = 0.1
#: Milliseconds of a segment that may be unreported when it counts as played. Chosen: what rounding leaves.
TOLERANCE_MS: Final = 10.0
#: Seconds without any progress after which audio that was sent counts as played. Chosen: a page that plays
#: nothing must not keep LiveKit from its next answer.
STALLED_S: Final = 5.0
#: Seconds between the end of audio and text and the end of the answer, in which a function may be called.
#: Chosen: LiveKit does so within a few rounds of the loop.
TURN_END_S: Final = 0.05
#: The default `video_sampler` of a session takes a picture every 1/0.3 s while nobody speaks.
SAMPLER_S: Final = 3.4


class Microphone(AudioInput):
    """The user's audio, as LiveKit reads it. What it does not read in time is lost, the oldest first."""

    def __init__(self) -> None:
        super().__init__(label="livewidget microphone")
        self._frames: asyncio.Queue[Any] = asyncio.Queue(FRAMES_WAITING)
        self._read = asyncio.Event()
        self._attached = True

    async def __anext__(self) -> Any:
        if self._frames.empty():
            self._read.set()
        return await self._frames.get()

    def on_attached(self) -> None:
        """LiveKit reads."""
        self._attached = True

    def on_detached(self) -> None:
        """LiveKit does not read: what comes is lost."""
        self._attached = False

    def put(self, pcm: bytes, sample_rate: int) -> None:
        """Add audio: PCM16, mono."""
        if not self._attached or len(pcm) < 2:
            return
        if self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(rtc.AudioFrame(pcm[: len(pcm) & ~1], sample_rate, 1, len(pcm) // 2))

    async def read(self) -> None:
        """Return once LiveKit has read what there is."""
        self._read.clear()
        if self._attached and not self._frames.empty():
            await self._read.wait()


class Camera(VideoInput):
    """Pictures, as LiveKit reads them.

    A session's `video_sampler` leaves out what comes too soon after the last one, and tells nobody. So the
    latest picture is offered once more if it may have been left out.
    """

    def __init__(self) -> None:
        super().__init__(label="livewidget camera")
        self._latest: Any = None
        self._changed = asyncio.Event()
        self._taken_at = float("-inf")

    def put(self, data: bytes) -> None:
        """Add a picture, as a file."""
        with Image.open(files.BytesIO(data)) as picture:
            rgba = picture.convert("RGBA")
        kind = rtc.VideoBufferType.RGBA
        self._latest = rtc.VideoFrame(rgba.width, rgba.height, kind, rgba.tobytes())
        self._changed.set()

    async def __anext__(self) -> Any:
        left_out_until = self._taken_at + SAMPLER_S
        wait = max(0.0, left_out_until - time.monotonic()) if self._latest is not None else None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait()
        self._changed.clear()
        frame, now = self._latest, time.monotonic()
        if now >= left_out_until:
            self._taken_at, self._latest = now, None
        return frame


class AnswerEnd:
    """Finds out when an answer is over, which LiveKit does not tell.

    It is over when its audio was heard and its text was shown, as with the Live API: until then it can be
    interrupted. If a function was called in it, what is said of the result belongs to it. Where the agent
    speaks while the function runs, that is complete before it goes on, as with the Live API too.
    """

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._open = False
        self._streams: set[str] = set()
        self._awaits_reply = False
        self._owes_reply = False
        self._said: tuple[Span, ...] = ()
        self._between = False  # Its text so far has ended, as a message of LiveKit's.
        self._timer: asyncio.Task[None] | None = None

    async def open(self, stream: str) -> None:
        """Audio or text has come."""
        self.stop()
        if self._owes_reply and not self._streams:
            await self._complete()
        if stream not in self._streams:
            self._streams.add(stream)
            self._awaits_reply = False
        self._open = True

    def join(self, text: str) -> str:
        """Return a fragment of the text, with a space where it begins another message of the same answer."""
        if self._between:
            text = spaced_after(self._said, text)
        self._said, self._between = (Span(text),), False
        return text

    def close(self, stream: str) -> None:
        """The audio was heard, or the text has ended."""
        self._between = self._between or stream == "text"
        self._streams.discard(stream)
        self._check()

    def tool(self) -> None:
        """A function was called."""
        self._open = self._awaits_reply = True
        self.stop()

    def result(self) -> None:
        """A function has returned, of which the agent will speak."""
        self._owes_reply = self._open and not self._awaits_reply

    def idle(self) -> None:
        """LiveKit listens, and nothing is to come."""
        self._streams.clear()
        self._awaits_reply = False
        self._check()

    async def interrupt(self) -> None:
        """What was sent is not heard to its end."""
        self.stop()
        self._open = self._awaits_reply = self._owes_reply = False
        self._streams.clear()
        self._said = ()
        await self._client.interrupted()

    def _check(self) -> None:
        self.stop()
        if self._open and not self._streams and not self._awaits_reply:
            self._timer = asyncio.create_task(self._complete_soon())

    async def _complete_soon(self) -> None:
        await asyncio.sleep(TURN_END_S)
        self._timer = None
        await self._complete()

    async def _complete(self) -> None:
        self._open = self._owes_reply = False
        self._said = ()
        await self._client.turn_complete()

    def stop(self) -> None:
        """Complete nothing: there is more to come, or nobody to tell it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Captions(TextOutput):
    """What the agent says, as text; it comes as the model writes it, before it is heard."""

    def __init__(self, client: AgentClient, answer: AnswerEnd, speaker: Speaker | None) -> None:
        """Show text of an agent; `speaker` speaks it, None: nobody does."""
        super().__init__(label="livewidget captions", next_in_chain=None)
        self._client = client
        self._answer = answer
        self._speaker = speaker

    async def capture_text(self, text: str) -> None:
        """Show a fragment."""
        text = str(text)  # LiveKit may note its time in it.
        await self._answer.open("text")
        shown = self._answer.join(text)
        if self._speaker is None:
            await self._client.agent_wrote(shown)
        else:
            self._speaker.add_text(text)
            await self._client.agent_said(shown)

    def flush(self) -> None:
        """That was all of an answer's text."""
        self._answer.close("text")


@dataclass
class _Segment:
    """Audio between two calls of `flush`, which LiveKit wants to know the playback of.

    Attributes:
        begins_ms: How much the run's listener had heard when it began.
        length_ms: Length of the audio so far.
        started: Whether LiveKit was told that it is heard.
        flushed: Whether it has all its audio.
        reported: Set when the page has told how much was heard.
        cut: Ends it where the listener was cut off.
    """

    begins_ms: float
    length_ms: float = 0.0
    started: bool = False
    flushed: bool = False
    reported: asyncio.Event = field(default_factory=asyncio.Event)
    cut: asyncio.Task[None] | None = None


class Speaker(AudioOutput):
    """The agent's audio. LiveKit is told what was heard of it in the page, for its history."""

    def __init__(self, client: AgentClient, answer: AnswerEnd) -> None:
        super().__init__(
            label="livewidget speaker",
            sample_rate=RATE,
            next_in_chain=None,
            capabilities=AudioOutputCapabilities(pause=False),
        )
        self._client = client
        self._answer = answer
        self._heard_ms = 0.0
        self._segment: _Segment | None = None
        self._words = Turn(index=0, speaker="model")
        self._stalled: asyncio.TimerHandle | None = None
        self._closed = False

    def add_text(self, text: str) -> None:
        """Note what is being said; it comes before its audio, or after it."""
        self._words = replace(self._words, spans=(*self._words.spans, Span(text, self._words.next_sample)))

    async def capture_frame(self, frame: Any) -> None:
        """Play audio after what was given before."""
        if self._segment is not None and self._segment.cut is not None:
            await asyncio.wait([self._segment.cut])
        await super().capture_frame(frame)
        await self._answer.open("audio")
        if self._segment is None:
            self._segment = _Segment(self._heard_ms)
        self._segment.length_ms += frame.duration * 1000
        samples = round(self._segment.length_ms * RATE / 1000)
        self._words = replace(self._words, audio_samples=samples)
        pcm = np.frombuffer(frame.data, dtype=np.int16).reshape(-1, frame.num_channels)
        await self._client.play(pcm, frame.sample_rate)

    def flush(self) -> None:
        """That was all of a segment."""
        super().flush()
        if self._segment is not None:
            self._segment.flushed = True
            self._check()

    def clear_buffer(self) -> None:
        """Stop at once."""
        segment = self._segment
        if segment is None:
            self._words = Turn(index=0, speaker="model")
        elif segment.cut is None:
            segment.cut = asyncio.get_running_loop().create_task(self._cut(segment))

    async def _cut(self, segment: _Segment) -> None:
        """Stop the playback, and tell LiveKit where it stopped once that is known."""
        await self._answer.interrupt()
        # The first report after the stop may have been under way before it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                while not self._closed:
                    segment.reported.clear()
                    await segment.reported.wait()
                    await asyncio.sleep(SETTLE_S)
                    if not segment.reported.is_set():
                        break
        self._finish(segment, interrupted=True)

    def on_played(self, heard_ms: float) -> None:
        """Note how much of the run's audio was heard, in ms."""
        self._heard_ms = heard_ms
        if (segment := self._segment) is not None:
            segment.reported.set()
            if heard_ms > segment.begins_ms:
                self._start(segment)
            self._check()

    def end(self) -> None:
        """Nobody listens any more: whatever comes counts as cut off where it is."""
        self._closed = True
        if (segment := self._segment) is not None:
            if segment.cut is not None:
                segment.cut.cancel()
            self._finish(segment, interrupted=True)
        self._answer.stop()

    def _check(self) -> None:
        """End the segment if it was heard, or if nothing is reported of it for long."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        segment = self._segment
        if segment is None or not segment.flushed or segment.cut is not None:
            return
        if self._closed:
            self._finish(segment, interrupted=True)
        elif self._heard_ms - segment.begins_ms >= segment.length_ms - TOLERANCE_MS:
            self._finish(segment, interrupted=False)
        else:
            loop = asyncio.get_running_loop()
            self._stalled = loop.call_later(STALLED_S, self._finish, segment, False)

    def _start(self, segment: _Segment) -> None:
        if not segment.started:
            segment.started = True
            self.on_playback_started(created_at=time.time())

    def _finish(self, segment: _Segment, interrupted: bool) -> None:
        if self._segment is not segment:
            return
        self._segment = None
        position_ms = min(segment.length_ms, max(0.0, self._heard_ms - segment.begins_ms))
        words, self._words = self._words, Turn(index=0, speaker="model")
        heard = None
        if interrupted:
            # Cut as the transcript of the page is.
            heard = replace(words, interrupted=True, heard_sample=round(position_ms * RATE / 1000)).text
        else:
            self._start(segment)
        self._answer.close("audio")
        self.on_playback_finished(
            playback_position=position_ms / 1000, interrupted=interrupted, synchronized_transcript=heard
        )
