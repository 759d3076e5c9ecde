"""A stand-in that plays a part: exact messages at exact times, for tests.

A `Script` is a list of steps. Each waits for something that the client does, then sends its messages::

    script = Script([
        When("text", Script.answer(pcm, words=[("Hello ", 0), ("world.", 4800)])),
        When("audio", [Script.heard("stop"), *Script.interrupted()], samples=16_000),
    ])
    live = LiveWidget(StandIn(script=script))

The setup is checked and answered as always, and no ears, brain or voice are needed. Steps are played in
order; what the client did before a step was reached counts for it, once. With the clock of the stand-in in
the test's hand (`StandIn(script=script, clock=ManualClock())`), not a millisecond is left to chance.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from livewidget.clock import Clock
from livewidget.protocol.messages import (
    Blob,
    ClientMessage,
    Content,
    FunctionCall,
    GoAway,
    Part,
    ServerContent,
    ServerMessage,
    ToolCall,
    Transcription,
    UsageMetadata,
)
from livewidget.standin.interfaces import SPEAKING_RATE
from livewidget.standin.outlet import Outlet
from livewidget.transports.base import TransportClosed

Deed = Literal[
    "setup",
    "text",
    "audio",
    "audio_end",
    "image",
    "activity_start",
    "activity_end",
    "tool_result",
    "content",
    "context",
]
"""What a client does. `text` is typed text of either kind that asks for an answer; `content` is
`clientContent` that does not; `audio` is counted in samples as they were sent, at whatever rate."""


@dataclass(frozen=True, slots=True)
class Close:
    """In the place of a message: close the link."""

    code: int = 1000
    reason: str = ""


Line = ServerMessage | bytes | str | Close
"""What a step sends: a message, a frame as it is (also one that is no JSON), or the close."""


@dataclass(frozen=True, slots=True)
class When:
    """One step: after `deed`, `delay_ms` later, send `lines`, `every_ms` apart.

    `samples` is for "audio": how much of it must have come since the last step that waited for audio.
    """

    deed: Deed
    lines: Sequence[Line] = ()
    delay_ms: float = 0
    every_ms: float = 0
    samples: int = 1


class Script:
    """Steps, and what the client was seen to do."""

    def __init__(self, steps: Iterable[When], *, repeat: bool = False) -> None:
        """Play `steps` in each session, once, or with `repeat` again and again."""
        self.steps = tuple(steps)
        self.repeat = repeat
        #: What clients sent, all sessions together; the oldest are forgotten.
        self.received: deque[ClientMessage] = deque(maxlen=10_000)

    @staticmethod
    def audio(
        pcm24k: bytes, words: Sequence[tuple[str, int]] = (), *, chunk_ms: int = 200
    ) -> list[ServerMessage]:
        """Return sound as the service sends it, with its words in the messages in which they begin.

        Args:
            pcm24k: PCM16 little-endian mono at 24 kHz.
            words: Pieces of the transcript, each with its first sample; a message ends where one begins.
            chunk_ms: Length of a message.
        """
        whole, step = len(pcm24k) // 2, SPEAKING_RATE * chunk_ms // 1000
        cuts = sorted({*range(0, whole, step), *(at for _, at in words if at < whole), whole})
        messages = []
        for start, end in pairwise(cuts):
            text = "".join(word for word, at in words if start <= at < end)
            blob = Blob(data=pcm24k[2 * start : 2 * end], mime_type=f"audio/pcm;rate={SPEAKING_RATE}")
            content = ServerContent(
                model_turn=Content(parts=[Part(inline_data=blob)]),
                output_transcription=Transcription(text=text) if text else None,
            )
            messages.append(ServerMessage(server_content=content))
        return messages

    @staticmethod
    def answer(
        pcm24k: bytes, words: Sequence[tuple[str, int]] = (), *, chunk_ms: int = 200
    ) -> list[ServerMessage]:
        """Return a whole turn: the sound, `generationComplete`, `turnComplete` with its token counts."""
        return [
            *Script.audio(pcm24k, words, chunk_ms=chunk_ms),
            ServerMessage(server_content=ServerContent(generation_complete=True)),
            Script.turn_complete(len(pcm24k) * 25 // (2 * SPEAKING_RATE)),
        ]

    @staticmethod
    def turn_complete(response_tokens: int = 0) -> ServerMessage:
        """Return the end of a turn."""
        usage = UsageMetadata(response_token_count=response_tokens, total_token_count=response_tokens)
        return ServerMessage(server_content=ServerContent(turn_complete=True), usage_metadata=usage)

    @staticmethod
    def interrupted() -> list[ServerMessage]:
        """Return what an interruption looks like."""
        return [ServerMessage(server_content=ServerContent(interrupted=True)), Script.turn_complete()]

    @staticmethod
    def heard(text: str, *, finished: bool = True) -> ServerMessage:
        """Return what the user said; unfinished, it is a preview that the next one replaces."""
        if finished:
            content = ServerContent(input_transcription=Transcription(text=text, finished=True))
        else:
            content = ServerContent(interim_input_transcription=Transcription(text=text))
        return ServerMessage(server_content=content)

    @staticmethod
    def tool_call(name: str, args: dict[str, Any] | None = None, *, id: str = "fc_1") -> ServerMessage:
        """Return the call of one function."""
        return ServerMessage(
            tool_call=ToolCall(function_calls=[FunctionCall(id=id, name=name, args=args or {})])
        )

    @staticmethod
    def go_away(time_left_ms: int) -> ServerMessage:
        """Return the warning that the connection will be closed."""
        return ServerMessage(go_away=GoAway(time_left=f"{time_left_ms / 1000:g}s"))


class Performance:
    """One session's run through a script."""

    def __init__(self, script: Script, outlet: Outlet, clock: Clock) -> None:
        self._script = script
        self._outlet = outlet
        self._clock = clock
        self._done: Counter[str] = Counter({"setup": 1})
        self._more = asyncio.Event()
        self._task = asyncio.create_task(self._play(), name="stand-in plays a script")

    #: A script knows no rules about history.
    seeding = True

    async def handle(self, message: ClientMessage) -> None:
        """Take note of what the client did."""
        self._script.received.append(message)
        self._done.update(_deeds(message))
        self._more.set()

    async def close(self) -> None:
        """Stop playing."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _play(self) -> None:
        try:
            await self._steps()
            while self._script.repeat and self._script.steps:
                await self._steps()
        except TransportClosed:
            pass

    async def _steps(self) -> None:
        for step in self._script.steps:
            needed = step.samples if step.deed == "audio" else 1
            while self._done[step.deed] < needed:
                self._more.clear()
                await self._more.wait()
            # Audio is a stream: what came beyond the need belongs to this step too.
            self._done[step.deed] -= self._done[step.deed] if step.deed == "audio" else 1
            began = self._clock.now_ms() + step.delay_ms
            for count, line in enumerate(step.lines):
                await self._clock.sleep_until(began + count * step.every_ms)
                if isinstance(line, Close):
                    await self._outlet.close(line.code, line.reason)
                else:
                    await self._outlet.send(line)


def _deeds(message: ClientMessage) -> Counter[str]:
    deeds: Counter[str] = Counter()
    if message.client_content is not None:
        deeds["text" if message.client_content.turn_complete else "content"] += 1
    deeds["tool_result"] = len((message.tool_response and message.tool_response.function_responses) or ())
    deeds["context"] = message.context_update is not None
    sent = message.realtime_input
    if sent is not None:
        deeds["text"] += sent.text is not None
        deeds["audio_end"] = bool(sent.audio_stream_end)
        deeds["activity_start"] = sent.activity_start is not None
        deeds["activity_end"] = sent.activity_end is not None
        for blob in filter(None, [sent.audio, sent.video, *(sent.media_chunks or [])]):
            if (blob.mime_type or "").startswith("image/"):
                deeds["image"] += 1
            else:
                deeds["audio"] += len(blob.data) // 2
    return deeds
