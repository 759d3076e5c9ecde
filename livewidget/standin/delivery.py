"""One answer on its way out: its words just before their sound, the sound four times faster than heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from livewidget.clock import Clock
from livewidget.protocol.content import Blob, Content, Part
from livewidget.protocol.server import ServerContent, ServerMessage, Transcription
from livewidget.standin.manners import Manners
from livewidget.standin.outlet import Outlet
from livewidget.standin.seams import SPEAKING_RATE, Speech
from livewidget.standin.tokens import Meter

_SPEED = 4.0  # times real time, as the service's own 3.8 model
_MESSAGE_BYTES = 9600  # 200 ms, as the service's first message
_MIME = f"audio/pcm;rate={SPEAKING_RATE}"


class Delivery:
    """Sends one answer and knows when it will have been heard.

    The first piece goes out at once. A later message starts where a word starts, or after 200 ms: so words
    come before their own sound, and after all the sound before it.
    """

    def __init__(self, outlet: Outlet, manners: Manners, clock: Clock, meter: Meter) -> None:
        self._outlet = outlet
        self._manners = manners
        self._clock = clock
        self._meter = meter
        self._began: float | None = None
        self._samples = 0
        self.text = ""  # what has been sent so far

    async def speak(self, speech: AsyncGenerator[Speech, None]) -> None:
        """Send all of it, paced."""
        words, sound = "", b""
        async with aclosing(speech):
            async for piece in speech:
                if sound and (piece.text or len(sound) >= _MESSAGE_BYTES):
                    await self._send(words, sound)
                    words, sound = "", b""
                words, sound = words + piece.text, sound + piece.pcm
                if self._began is None and sound:
                    await self._send(words, sound)
                    words, sound = "", b""
        if words or sound:
            await self._send(words, sound)

    async def write(self, text: str) -> None:
        """Send an answer as text, for a model that writes."""
        self._meter.wrote(text)
        self.text += text
        await self._outlet.content(model_turn=self._turn(Part(text=text)))

    async def heard(self) -> None:
        """Wait until a client that plays what it gets has played all of it."""
        if self._began is not None:
            await self._clock.sleep_until(self._began + self._samples * 1000 / SPEAKING_RATE)

    async def _send(self, words: str, sound: bytes) -> None:
        now = self._clock.now_ms()
        if self._began is None:
            self._began = now
        due = self._began + self._samples * 1000 / SPEAKING_RATE / _SPEED
        if due > now:
            await self._clock.sleep_until(due)
        transcript = Transcription(text=words) if words and self._manners.transcribes_output else None
        turn = self._turn(Part(inline_data=Blob(data=sound, mime_type=_MIME))) if sound else None
        # Counted before they are sent: an interruption in between finds them already on the way.
        self._samples += len(sound) // 2
        self._meter.said(len(sound) // 2)
        self.text += words
        if transcript and turn and self._manners.one_thing_per_message:
            await self._outlet.content(output_transcription=transcript)
            transcript = None
        if transcript or turn:
            content = ServerContent(output_transcription=transcript, model_turn=turn)
            await self._outlet.send(ServerMessage(server_content=content))

    def _turn(self, part: Part) -> Content:
        return Content(role="model" if self._manners.vertex else None, parts=[part])
