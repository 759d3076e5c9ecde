"""A scripted stand-in: exact messages at exact times, for tests.

A `Script` is a list of steps. Each waits for an action of the client, then sends its messages::

    script = Script([
        When("text", Script.answer(pcm, words=[("Hello ", 0), ("world.", 4800)])),
        When("audio", [Script.input_transcript("stop"), *Script.interrupted()], samples=16_000),
    ])
    live = LiveWidget(StandIn(script=script))

The setup is checked and answered as always; no ears, brain or voice are needed. Steps are played in order. An
action that came before its step was reached counts for it, once. With `StandIn(script=script,
clock=ManualClock())` a test controls the time as well.
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
from livewidget.standin.interfaces import OUTPUT_RATE
from livewidget.standin.link import ClientLink
from livewidget.transports.base import TransportClosed

#: What a client does. `text` is typed text of either kind that asks for an answer; `content` is
#: `clientContent` that does not. `audio` is counted in samples as they were sent, at any rate.
ClientAction = Literal[
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


@dataclass(frozen=True, slots=True)
class Close:
    """In place of a message: close the link."""

    code: int = 1000
    reason: str = ""


#: What a step sends: a message, a raw frame (valid JSON or not), or the close.
ScriptOutput = ServerMessage | bytes | str | Close


@dataclass(frozen=True, slots=True)
class When:
    """One step: `delay_ms` after `action`, send `outputs`, `every_ms` apart.

    `samples` is for "audio": how much must have come since the last step that waited for audio.
    """

    action: ClientAction
    outputs: Sequence[ScriptOutput] = ()
    delay_ms: float = 0
    every_ms: float = 0
    samples: int = 1


class Script:
    """Steps to play, and the messages that clients sent."""

    def __init__(self, steps: Iterable[When], *, repeat: bool = False) -> None:
        """Play `steps` in each session: once, or forever with `repeat`."""
        self.steps = tuple(steps)
        self.repeat = repeat
        #: The clients' messages, all sessions together; the oldest are dropped.
        self.received: deque[ClientMessage] = deque(maxlen=10_000)

    @staticmethod
    def audio(
        pcm24k: bytes, words: Sequence[tuple[str, int]] = (), *, chunk_ms: int = 200
    ) -> list[ServerMessage]:
        """Return audio as the service sends it, with each word in the message in which it begins.

        Args:
            pcm24k: PCM16 little-endian mono at 24 kHz.
            words: Pieces of the transcript, each with its first sample, where a new message begins.
            chunk_ms: Audio per message.
        """
        whole, step = len(pcm24k) // 2, OUTPUT_RATE * chunk_ms // 1000
        cuts = sorted({*range(0, whole, step), *(at for _, at in words if at < whole), whole})
        messages = []
        for start, end in pairwise(cuts):
            text = "".join(word for word, at in words if start <= at < end)
            blob = Blob(data=pcm24k[2 * start : 2 * end], mime_type=f"audio/pcm;rate={OUTPUT_RATE}")
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
        """Return a whole turn: audio, `generationComplete`, `turnComplete` with token counts."""
        return [
            *Script.audio(pcm24k, words, chunk_ms=chunk_ms),
            ServerMessage(server_content=ServerContent(generation_complete=True)),
            Script.turn_complete(len(pcm24k) * 25 // (2 * OUTPUT_RATE)),
        ]

    @staticmethod
    def turn_complete(response_tokens: int = 0) -> ServerMessage:
        """Return `turnComplete`."""
        usage = UsageMetadata(response_token_count=response_tokens, total_token_count=response_tokens)
        return ServerMessage(server_content=ServerContent(turn_complete=True), usage_metadata=usage)

    @staticmethod
    def interrupted() -> list[ServerMessage]:
        """Return the messages of an interruption."""
        return [ServerMessage(server_content=ServerContent(interrupted=True)), Script.turn_complete()]

    @staticmethod
    def input_transcript(text: str, *, finished: bool = True) -> ServerMessage:
        """Return an input transcript; unfinished, it is an interim one that the next one replaces."""
        if finished:
            content = ServerContent(input_transcription=Transcription(text=text, finished=True))
        else:
            content = ServerContent(interim_input_transcription=Transcription(text=text))
        return ServerMessage(server_content=content)

    @staticmethod
    def tool_call(name: str, args: dict[str, Any] | None = None, *, id: str = "fc_1") -> ServerMessage:
        """Return a function call."""
        return ServerMessage(
            tool_call=ToolCall(function_calls=[FunctionCall(id=id, name=name, args=args or {})])
        )

    @staticmethod
    def go_away(time_left_ms: int) -> ServerMessage:
        """Return `goAway`."""
        return ServerMessage(go_away=GoAway(time_left=f"{time_left_ms / 1000:g}s"))


class ScriptPlayer:
    """Plays a script in one session."""

    def __init__(self, script: Script, link: ClientLink, clock: Clock) -> None:
        self._script = script
        self._link = link
        self._clock = clock
        self._actions: Counter[str] = Counter({"setup": 1})
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._play(), name="stand-in plays a script")

    #: A script may take any `clientContent`.
    seeding = True

    async def handle(self, message: ClientMessage) -> None:
        """Record what the client did."""
        self._script.received.append(message)
        self._actions.update(_actions(message))
        self._changed.set()

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
            needed = step.samples if step.action == "audio" else 1
            while self._actions[step.action] < needed:
                self._changed.clear()
                await self._changed.wait()
            # Audio is a stream: all that has come belongs to this step.
            self._actions[step.action] -= self._actions[step.action] if step.action == "audio" else 1
            began = self._clock.now_ms() + step.delay_ms
            for count, output in enumerate(step.outputs):
                await self._clock.sleep_until(began + count * step.every_ms)
                if isinstance(output, Close):
                    await self._link.close(output.code, output.reason)
                else:
                    await self._link.send(output)


def _actions(message: ClientMessage) -> Counter[str]:
    done: Counter[str] = Counter()
    if message.client_content is not None:
        done["text" if message.client_content.turn_complete else "content"] += 1
    done["tool_result"] = len((message.tool_response and message.tool_response.function_responses) or ())
    done["context"] = message.context_update is not None
    sent = message.realtime_input
    if sent is not None:
        done["text"] += sent.text is not None
        done["audio_end"] = bool(sent.audio_stream_end)
        done["activity_start"] = sent.activity_start is not None
        done["activity_end"] = sent.activity_end is not None
        for blob in filter(None, [sent.audio, sent.video, *(sent.media_chunks or [])]):
            if (blob.mime_type or "").startswith("image/"):
                done["image"] += 1
            else:
                done["audio"] += len(blob.data) // 2
    return done
