"""One answer on its way out: its words just before their sound, the sound four times faster than heard."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from livewidget.clock import Clock
from livewidget.protocol.content import Blob, Content, Part
from livewidget.protocol.server import ServerContent, ServerMessage, Transcription
from livewidget.standin.context import Context
from livewidget.standin.manners import Manners
from livewidget.standin.outlet import Outlet
from livewidget.standin.seams import SPEAKING_RATE, Speech
from livewidget.standin.tokens import AUDIO_PER_SECOND, CHARACTERS_PER_TOKEN

_SPEED = 4.0  # times real time, as the service's own 3.8 model
_MESSAGE_BYTES = 9600  # 200 ms, as the service's first message
_MIME = f"audio/pcm;rate={SPEAKING_RATE}"
_TOKEN = SPEAKING_RATE // AUDIO_PER_SECOND  # samples of speech


class Delivery:
    """Sends one answer and knows when it will have been heard.

    The first piece goes out at once. A later message starts where a word starts, or after 200 ms: so words
    come before their own sound, and after all the sound before it.
    """

    def __init__(self, outlet: Outlet, manners: Manners, clock: Clock, context: Context) -> None:
        self._outlet = outlet
        self._manners = manners
        self._clock = clock
        self._context = context
        self._began: float | None = None
        self._samples = 0
        self._language: str | None = None
        self.text = ""  # what has been sent so far

    async def part(self, part: Part) -> None:
        """Send one part by itself: a thought, a program, its result."""
        await self._outlet.content(model_turn=self._turn(part))

    async def speak(self, speech: AsyncGenerator[Speech, None], language: str | None = None) -> None:
        """Send it, paced: all of it, or as much as the session's most output tokens are.

        Where a language is given, its code goes before the first words, and with all of them.
        """
        self._language = language
        if language and self._manners.transcribes_output:
            await self._outlet.content(output_transcription=Transcription(language_code=language))
        words, sound = "", b""
        limited = _limited(speech, self._manners.most_tokens)
        async with aclosing(speech), aclosing(limited):
            async for piece in limited:
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
        if self._manners.most_tokens is not None:
            text = text[: CHARACTERS_PER_TOKEN * self._manners.most_tokens]
        self._context.wrote(text)
        self.text += text
        await self.part(Part(text=text))

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
        shown = words and self._manners.transcribes_output
        transcript = Transcription(text=words, language_code=self._language) if shown else None
        turn = self._turn(Part(inline_data=Blob(data=sound, mime_type=_MIME))) if sound else None
        # Counted before they are sent: an interruption in between finds them already on the way.
        self._samples += len(sound) // 2
        self._context.said(len(sound) // 2)
        self.text += words
        if transcript and turn and self._manners.one_thing_per_message:
            await self._outlet.content(output_transcription=transcript)
            transcript = None
        if transcript or turn:
            content = ServerContent(output_transcription=transcript, model_turn=turn)
            await self._outlet.send(ServerMessage(server_content=content))
        await self._outlet.release()

    def _turn(self, part: Part) -> Content:
        return Content(role="model" if self._manners.vertex else None, parts=[part])


async def _limited(speech: AsyncGenerator[Speech, None], tokens: int | None) -> AsyncGenerator[Speech, None]:
    """Yield speech up to a length in tokens; the words of a piece that is cut are said to be in it."""
    left = None if tokens is None else _TOKEN * tokens
    async for piece in speech:
        if left is not None and 2 * left <= len(piece.pcm):
            yield Speech(piece.pcm[: 2 * left], piece.text if left else "")
            return
        left = left if left is None else left - len(piece.pcm) // 2
        yield piece
