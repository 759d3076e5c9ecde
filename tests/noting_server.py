"""`livewidget serve` for measurements: it notes when sound comes in and when `interrupted` goes out.

It hears nothing, so that recognizing speech takes no time from what is measured, and its long answers are one unbroken
tone of 20 s. It takes the key `benchmark`, and tokens made with it.

    python -m tests.noting_server ORIGIN…

prints the line of `livewidget serve`, and answers each line on its input with one of JSON, of what came since the last:
{"sound": [[wall clock in ms, base64 of PCM16 at 16 kHz], …], "interrupted": [wall clock in ms, …],
"tokens": [whether the connection was let in by a token, …]}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import numpy as np

from livewidget import StandIn
from livewidget.standin.serve import Server

KEY = "benchmark"


class Deaf:
    """Ears that hear nothing."""

    def session(self, settings: Any, phrases: Any) -> Deaf:
        return self

    def feed(self, pcm16k: bytes) -> list[Any]:
        return []

    def start(self) -> list[Any]:
        return []

    end = flush = start

    def close(self) -> None:
        pass


class Noted:
    """The server's end of a link, which notes what passes."""

    def __init__(self, inner: Any, notes: Notes) -> None:
        self._inner, self._notes = inner, notes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def receive(self) -> str | bytes:
        frame: str | bytes = await self._inner.receive()
        now = time.time() * 1000
        audio = json.loads(frame).get("realtimeInput", {}).get("audio")
        if audio:
            self._notes.sound.append((now, audio["data"]))
        return frame

    async def send(self, frame: str | bytes) -> None:
        if b'"interrupted"' in (frame.encode() if isinstance(frame, str) else frame):
            self._notes.interrupted.append(time.time() * 1000)
        await self._inner.send(frame)


class Notes(StandIn):
    """The stand-in, and what passed."""

    def __init__(self) -> None:
        super().__init__("gemini-3.8-live", ears=Deaf(), brain=self._answer, voice=self._speak)
        self._asked = ""
        self.forget()

    def forget(self) -> None:
        self.sound: list[tuple[float, str]] = []
        self.interrupted: list[float] = []
        self.tokens: list[bool] = []

    def _answer(self, text: str) -> str:
        self._asked = text
        return "This is the answer to " + text

    def _speak(self, text: str) -> Any:
        if "story" not in self._asked:
            return np.zeros(7200, np.float32)
        return (0.3 * np.sin(np.arange(24_000 * 20) * 2 * np.pi * 440 / 24_000)).astype(np.float32)

    async def serve(self, transport: Any, *, admission: Any, abort: Any = None) -> None:
        self.tokens.append(admission.grant is not None)
        await super().serve(Noted(transport, self), admission=admission, abort=abort)


async def main(origins: list[str]) -> None:
    """Serve until the input ends."""
    notes = Notes()
    async with Server(notes, key=KEY, origins=origins, wss_port=None) as server:
        print(server.ready_line(), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            passed = {"sound": notes.sound, "interrupted": notes.interrupted, "tokens": notes.tokens}
            notes.forget()
            print(json.dumps(passed), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
