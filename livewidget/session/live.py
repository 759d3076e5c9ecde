"""`LiveSession`: what a person can do with one talk with one model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Final, Self

from livewidget import events
from livewidget.errors import AnswerTimeout, StateError
from livewidget.events import Event
from livewidget.pictures import Picture, to_picture
from livewidget.protocol import ClientContent, ClientMessage, Empty, RealtimeInput, audio_message
from livewidget.session.core import Core, Phase
from livewidget.session.meter import Meter, cost_of
from livewidget.session.sending import BYTES_PER_MS, image_message, need_sight, text_message
from livewidget.turns import Floor, Turn

_SOUND_ENDS: Final = ClientMessage(realtime_input=RealtimeInput(audio_stream_end=True))


class LiveSession(Core):
    """One talk with one model: what is said, who may speak, tools; on the event loop that opened it.

    Every event goes first into `turns`, whose changes are told to the sinks of `on_turn`; then to the sinks
    of `subscribe`, in the order of their subscription; then to the streams of `async for`. A stream holds
    1024 events: a slower reader loses the oldest, which `dropped_events` counts, and holds nobody up.

    When a connection ends, the talk goes on over a new one, and `SessionMoved` tells of it; what is sent
    meanwhile waits. Only where that fails, or the server refuses the session for good, `SessionEnded` says
    why, `error` is set, and whoever waits in `ask` or `async for` gets it raised.

    Attributes:
        provider: Whom it talks with.
        config: What the session is asked to be.
        error: Why it ended, where `close` was not called.
        wire: The last frames both ways, without sound, pictures and secrets.
    """

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        await self.close()

    # --- What is known --------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._phase is Phase.OPEN

    @property
    def turns(self) -> list[Turn]:
        """The turns so far, oldest first; a new list each time."""
        return self._conversation.turns

    @property
    def floor(self) -> Floor:
        """Who may speak."""
        return self._conversation.floor

    @property
    def usage(self) -> events.Usage:
        """Token counts of the whole session. The service counts all that is retained again in each turn."""
        return self._totals.usage

    @property
    def context_tokens(self) -> int:
        """What the service retained in the last turn, as it reported it."""
        return self._totals.context_tokens

    @property
    def time_left_ms(self) -> float | None:
        """How long the connection is expected to last still, in ms; None while there is none."""
        ends_ms = self._line.ends_ms
        return None if ends_ms is None else max(0.0, ends_ms - self._clock.now_ms())

    @property
    def meter(self) -> Meter:
        """What the talk has used so far, about what it cost, and how long the connection lasts."""
        return Meter(
            usage=self.usage,
            context_tokens=self.context_tokens,
            context_limit=self._model.context_tokens,
            cost_usd=cost_of(self._model, self.usage),
            time_left_ms=self.time_left_ms,
            time_limit_ms=self._model.connection_ms,
            ending=None if self._line.ends_ms is None else self._line.ending,
            link_ms=self.link_ms,
            moves=self._line.moves,
            paused=self._idle.paused,
        )

    @property
    def link_ms(self) -> float | None:
        """Round trip of the link to the server, in ms; None where it is not known (yet)."""
        return self._line.link_ms

    @property
    def audio_turn(self) -> int | None:
        """Index of the turn to which the `OutputAudio` now being told to sinks belongs."""
        return self._conversation.model_turn

    @property
    def dropped_events(self) -> int:
        """Events lost by readers of `async for` that were too slow."""
        return self._streams.dropped

    def subscribe(self, sink: Callable[[Event], object]) -> Callable[[], None]:
        """Call `sink` with every event, on the loop; returns a function that ends it.

        It must not block. What it raises becomes a `Notice` with the code "callback-failed"; others run.
        """
        self._streams.keep_none()
        return self._sinks.add(sink)

    def on_turn(self, sink: Callable[[Turn], object]) -> Callable[[], None]:
        """Call `sink` with every new state of a turn, on the loop; returns a function that ends it."""
        return self._turn_sinks.add(sink)

    def __aiter__(self) -> AsyncIterator[Event]:
        """Iterate over the events until the session ends; the first to do so gets earlier ones as well.

        Raises:
            LiveError: At the end, if the session did not end by `close`.
        """
        return self._streams.open()

    # --- Sending --------------------------------------------------------------------------------------------

    async def ask(self, text: str, timeout: float = 30.0) -> Turn:  # noqa: ASYNC109
        """Send text, and return the model's answer when it is complete.

        Raises:
            AnswerTimeout: If it is not within `timeout` seconds.
            LiveError: If the session ends before.
        """
        self._need_open()
        message = text_message(text, self._model)
        answer = self._answers.expect(self._take(events.TextSent(text=text))[-1].index)
        try:
            await self._hold.send(message)
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise AnswerTimeout(f"The answer was not complete within {timeout:g} s.") from None
        finally:
            self._answers.forget(answer)

    async def send_text(self, text: str) -> None:
        """Send what the user typed; the model answers, and interrupts itself for it where it can.

        Raises:
            UsageError: If the text is empty or too long, or the model takes none.
        """
        self._need_open()
        message = text_message(text, self._model)
        self._take(events.TextSent(text=text))
        await self._hold.send(message)

    async def send_audio(self, pcm: Any, sample_rate: int = 16_000) -> None:
        """Send the user's sound. It goes out in pieces of at most 100 ms, at 16 kHz.

        Args:
            pcm: PCM16 little-endian mono bytes; or an array of integers or floats, shape `(n,)` or
                `(n, channels)`.
            sample_rate: Its rate in Hz. Calls with one rate continue one stream.

        Raises:
            AudioError: If it is no such sound.
        """
        self._need_open()  # before the resampler takes it in
        for piece in self._microphone.pieces(pcm, sample_rate):
            await self._send_sound(piece)

    async def send_image(self, image: Any, mime_type: str | None = None) -> None:
        """Send one picture; the model looks at it when it answers next. A picture alone is not answered.

        It is made a JPEG of at most 768 pixels in a thread meanwhile: leave what you show as it is until
        then. The service takes one picture a second; this does not slow you down.

        Args:
            image: Whatever `livewidget.pictures.to_picture` takes: a path, an image, an array, a figure, a
                table. What that function returns goes out as it is.
            mime_type: For bytes that shall go out as they are, such as "image/png".

        Raises:
            PictureError: If it is no picture, or too large.
            UsageError: If the model takes none.
        """
        picture = await self._picture(image, mime_type)
        await self._hold.send(image_message(picture))
        self._take(events.ImageSent(mime_type=picture.mime_type, size=len(picture.data)))

    async def activity_start(self) -> None:
        """Push-to-talk: the user begins to speak.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._need_push_to_talk()
        await self._hold.send(ClientMessage(realtime_input=RealtimeInput(activity_start=Empty())))
        self._take(events.ActivityStart())

    async def activity_end(self) -> None:
        """Push-to-talk: the user has spoken.

        Raises:
            StateError: If the session was opened with automatic turn detection.
        """
        self._need_push_to_talk()
        await self._send_rest()
        self._take(events.ActivityEnd())
        await self._hold.send(ClientMessage(realtime_input=RealtimeInput(activity_end=Empty())))

    async def end_audio(self) -> None:
        """Say that the microphone pauses: what was heard so far is all there is. Nothing in push-to-talk."""
        if not self._push_to_talk:
            await self._send_rest()
            if not self._idle.paused:
                await self._hold.send(_SOUND_ENDS)
            self._idle.awake()

    async def send_tool_result(self, id: str, result: Any) -> None:
        """Answer a call of a tool that was declared without a function.

        Raises:
            UsageError: If no such call waits, or the result cannot be sent.
        """
        self._need_open()
        await self._toolbox.answer(id, result)

    def allow(self, id: str, allowed: bool = True) -> bool:
        """Say whether a call that asks (`ToolAsking`) may run.

        Returns:
            Whether it was waiting for that: a call that is over, or unknown, is not, and nothing happens.
        """
        return self._toolbox.allow(id, allowed)

    async def interrupt(self) -> None:
        """Stop the model's turn. Where the service cannot be told, the rest of it is dropped here."""
        self._need_open()
        speaking = self._conversation.model_turn is not None
        working = speaking or self.floor in (Floor.THINKING, Floor.TOOL)
        # A translation has no turn whose end would let its sound through again.
        self._dropping = (self._dropping or speaking) and self._model.completes_turns
        self._take(events.Interrupted())
        if working and self._model.text_by_client_content:
            # Any clientContent interrupts; this one asks for nothing.
            await self._send(ClientMessage(client_content=ClientContent(turn_complete=False)))

    def heard(self, turn_index: int, sample: int) -> None:
        """Say where playback of a turn stopped: the last sample heard, at 24 kHz. Its text is cut there."""
        self._tell_turns(self._conversation.heard(turn_index, sample, self._clock.now_ms()))

    def played(self, turn_index: int, sample: int) -> None:
        """Say how far playback of a turn is, a few times a second: the last sample heard, at 24 kHz.

        Its `timing` then says how long it was heard.
        """
        self._tell_turns(self._conversation.played(turn_index, sample, self._clock.now_ms()))

    async def _picture(self, image: Any, mime_type: str | None) -> Picture:
        self._need_open()
        need_sight(self._model)  # before anything is drawn or read
        if isinstance(image, Picture):
            return image
        if mime_type is None or not isinstance(image, bytes | bytearray | memoryview):
            return await asyncio.to_thread(to_picture, image)
        return Picture(bytes(image), mime_type, 0, 0)

    def _need_push_to_talk(self) -> None:
        if not self._push_to_talk:
            raise StateError(
                "Start and end of speech are found automatically; "
                'open the session with turn_detection="push_to_talk".'
            )

    async def _send_rest(self) -> None:
        """Send what the resampler held back."""
        self._need_open()
        rest = self._microphone.rest()
        if rest:
            await self._send_sound(rest)

    async def _send_sound(self, piece: bytes) -> None:
        """Send a piece of sound, or keep it back while nobody speaks."""
        voiced, was_paused = self._levels.voiced(piece), self._idle.paused
        ms = len(piece) / BYTES_PER_MS
        for out in self._idle.take(piece, ms, voiced=voiced, busy=self._needs_silence):
            await self._hold.send(audio_message(out), len(out) / BYTES_PER_MS, voiced)
        if self._idle.paused and not was_paused:
            await self._hold.send(_SOUND_ENDS)

    @property
    def _needs_silence(self) -> bool:
        """Whether silence means something to the model now."""
        turns = self.config.turn_detection
        return self._push_to_talk or turns.turn_coverage == "all_input" or self.floor is not Floor.LISTENING
