"""How fast the wire is read and written, beside google-genai in the same run.

Each pair runs in turns: ours, theirs, ours, theirs …; the ratio is of the medians. Theirs is what the real
`google.genai.live.AsyncSession` does around its socket, which is replaced: `_receive` below `receive()`, and
`send_realtime_input`. Ours is `ServerDecoder.decode` (typed decoding and dispatch to events) and
`audio_message`. "odd" frames leave our short way: an unknown field, names in snake_case.

Usage: python benchmarks/codec.py [--repeats 15] [--check]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gc
import json
import os
import statistics
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from google import genai
from google.genai import live, types

from livewidget.protocol import ServerDecoder, audio_message

GOALS = {"decode 240 ms of audio": 5.0, "small": 30.0, "encode": 5.0}


class Socket:
    """A socket that always has the same frame, and throws away what is sent."""

    def __init__(self) -> None:
        self.frame: bytes = b"{}"

    async def recv(self, decode: bool = True) -> bytes:
        return self.frame

    async def send(self, frame: str) -> None:
        pass


def pretty(message: dict[str, Any]) -> bytes:
    """A frame as the service writes it."""
    return (json.dumps(message, indent=2) + "\n").encode()


def audio_frame(ms: int) -> bytes:
    data = base64.b64encode(os.urandom(24 * 2 * ms)).decode()
    blob = {"mimeType": "audio/pcm;rate=24000", "data": data}
    return pretty({"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}})


FRAMES = {
    "decode 40 ms of audio": audio_frame(40),
    "decode 240 ms of audio": audio_frame(240),
    "small: output transcript": pretty(
        {"serverContent": {"outputTranscription": {"text": " anything you like."}}}
    ),
    "small: turn complete": pretty({"serverContent": {"turnComplete": True}}),
    "small: turn complete + usage": pretty(
        {
            "serverContent": {"turnComplete": True},
            "usageMetadata": {
                "promptTokenCount": 10,
                "responseTokenCount": 5,
                "totalTokenCount": 15,
                "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
                "responseTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
            },
        }
    ),
    "small: tool call": pretty(
        {"toolCall": {"functionCalls": [{"name": "f", "args": {"city": "Oslo"}, "id": "function-call-1"}]}}
    ),
    "odd: unknown field": pretty(
        {
            "serverContent": {
                "outputTranscription": {"text": " anything", "hue": 1},
                "modelTurn": {"parts": []},
            }
        }
    ),
    "small: resumption update": pretty(
        {"sessionResumptionUpdate": {"newHandle": "h" * 40, "resumable": True}}
    ),
}


def timed(work: Callable[[], object], count: int) -> float:
    """Seconds per call."""
    start = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - start) / count


async def timed_async(work: Callable[[], Awaitable[object]], count: int) -> float:
    """Seconds per call, without the loop's own overhead: nothing in it waits."""
    start = time.perf_counter()
    for _ in range(count):
        await work()
    return (time.perf_counter() - start) / count


async def compare(
    name: str, ours: Callable[[], object], theirs: Callable[[], Awaitable[object]], repeats: int
) -> tuple[str, float]:
    timed(ours, 200)
    await timed_async(theirs, 50)
    mine: list[float] = []
    other: list[float] = []
    for _ in range(repeats):
        mine.append(timed(ours, 2_000))
        other.append(await timed_async(theirs, 150))
    ours_us, theirs_us = statistics.median(mine) * 1e6, statistics.median(other) * 1e6
    print(f"{name:32} {ours_us:9.2f} us {theirs_us:9.1f} us {theirs_us / ours_us:8.1f} x")
    return name, theirs_us / ours_us


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--check", action="store_true", help="fail if a ratio is below its goal")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    socket = Socket()
    client = genai.Client(api_key="none", http_options=types.HttpOptions(api_version="v1beta"))
    session = live.AsyncSession(api_client=client._api_client, websocket=socket)  # type: ignore[arg-type]
    gc.disable()
    print(
        f"{'':32} {'livewidget':>12} {'google-genai':>12} {'ratio':>10}   (google-genai {genai.__version__})"
    )
    ratios: list[tuple[str, float]] = []
    for name, frame in FRAMES.items():
        decoder = ServerDecoder()
        assert decoder.decode(frame), name
        socket.frame = frame
        ratios.append(
            await compare(
                name, lambda frame=frame, d=decoder: d.decode(frame), session._receive, options.repeats
            )
        )
    for ms in (20, 40, 100):
        pcm = os.urandom(16 * 2 * ms)
        blob = types.Blob(data=pcm, mime_type="audio/pcm;rate=16000")
        ratios.append(
            await compare(
                f"encode {ms} ms of audio",
                lambda pcm=pcm: audio_message(pcm),
                lambda blob=blob: session.send_realtime_input(audio=blob),
                options.repeats,
            )
        )
    missed = [
        name
        for name, ratio in ratios
        for goal, least in GOALS.items()
        if name.startswith(goal) and ratio < least
    ]
    for name in missed:
        print(f"below its goal: {name}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
