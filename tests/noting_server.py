"""`livewidget serve` that notes what passes on its sockets, and lets faults happen when it is told to.

    python -m tests.noting_server [--deaf] [--voice tone|noise] [--tls CERTIFICATE KEY] [--connection-s S]
                                   [--ws-port N] ORIGIN…

It takes the key `KEY`, and tokens made with it, from pages of these origins. It prints the line of `livewidget serve`, and
then answers each line on its input: a fault of `livewidget.standin.FAULTS`, "mint" or "do not mint" with one empty line,
and an empty line with one of JSON, of what came since the last, times being the wall clock's in ms:

* `sound`: [time, base64 of PCM16 at 16 kHz] of each frame of the microphone's;
* `frames`: [time, number of the connection, kind] of every frame: "setup", "activityStart", "interrupted", …;
* `tokens`: for each connection the token that it was opened with, or ""; `minted`: the tokens that were made.

Deaf, it recognizes nothing, and takes no time for it. Its voice is the tutor's, or long answers are an unbroken tone of
20 s, or noise of 20 s, of which each 40 ms are like no others; what interrupts them is answered with silence.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from livewidget import StandIn
from livewidget.protocol import ClientMessageError
from livewidget.standin.serve import Server
from livewidget.standin.tokens import TokenGrants

KEY = "a-key-made-for-the-tests"
STORY_S = 20
RATE = 24_000
ROOT = Path(__file__).parent.parent


def tone() -> npt.NDArray[np.float32]:
    """An unbroken tone: float32, in [-1, 1], at `RATE`."""
    return (0.3 * np.sin(np.arange(RATE * STORY_S) * 2 * np.pi * 440 / RATE)).astype(np.float32)


def noise() -> npt.NDArray[np.float32]:
    """Noise that is like itself nowhere, and always the same: float32, at `RATE`."""
    return (0.1 * np.random.default_rng(1).standard_normal(RATE * STORY_S)).astype(np.float32)


VOICES = {"tone": tone, "noise": noise}


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

    def __init__(self, inner: Any, notes: Notes, number: int) -> None:
        self._inner, self._notes, self._number = inner, notes, number

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def receive(self) -> str | bytes:
        frame: str | bytes = await self._inner.receive()
        now = time.time() * 1000
        message = json.loads(frame)
        self._notes.frames.append((now, self._number, kind_of(message)))
        audio = message.get("realtimeInput", {}).get("audio")
        if audio:
            self._notes.sound.append((now, audio["data"]))
        return frame

    async def send(self, frame: str | bytes) -> None:
        now = time.time() * 1000
        self._notes.frames.append((now, self._number, kind_of(json.loads(frame))))
        await self._inner.send(frame)


def kind_of(message: dict[str, Any]) -> str:
    """What a frame is, in one word of the wire's."""
    for outer in ("realtimeInput", "serverContent"):
        inner = message.get(outer)
        if inner:
            return "interrupted" if "interrupted" in inner else next(iter(inner))
    return next((name for name in message if name != "usageMetadata"), "")


class Notes(StandIn):
    """The stand-in, and what passed."""

    def __init__(self, *, deaf: bool, voice: str, connection_s: float | None) -> None:
        given: dict[str, Any] = {"ears": Deaf()} if deaf else {}
        if voice:
            given |= {"brain": self._answer, "voice": self._speak}
        super().__init__("gemini-3.8-live", connection_s=connection_s, **given)
        self._story = VOICES[voice]() if voice else None
        self._asked = ""
        self._connections = 0
        self.mints = True
        self.names: dict[int, str] = {}
        self.forget()

    def forget(self) -> None:
        self.sound: list[tuple[float, str]] = []
        self.frames: list[tuple[float, int, str]] = []
        self.tokens: list[str] = []
        self.minted: list[str] = []

    def _answer(self, text: str) -> str:
        self._asked = text
        return "This is the answer to " + text

    def _speak(self, text: str) -> Any:
        return self._story if "story" in self._asked else np.zeros(7200, np.float32)

    async def serve(self, transport: Any, *, admission: Any, abort: Any = None) -> None:
        self.tokens.append("" if admission.grant is None else self.names[id(admission.grant)])
        self._connections += 1
        await super().serve(Noted(transport, self, self._connections), admission=admission, abort=abort)


def watch_tokens(notes: Notes) -> None:
    """Note the tokens that are made and those that are used, and make none while that is wanted."""

    def create(self: TokenGrants, body: bytes, create: Any = TokenGrants.create) -> Any:
        if not notes.mints:
            raise ClientMessageError("The service makes no tokens just now.")
        token = create(self, body)
        notes.minted.append(token.name)
        return token

    def find(self: TokenGrants, name: str, find: Any = TokenGrants.find) -> Any:
        grant = find(self, name)
        notes.names[id(grant)] = name
        return grant

    TokenGrants.create = create  # type: ignore[method-assign]
    TokenGrants.find = find  # type: ignore[method-assign]


async def main(options: argparse.Namespace) -> None:
    """Serve until the input ends."""
    notes = Notes(deaf=options.deaf, voice=options.voice, connection_s=options.connection_s)
    watch_tokens(notes)
    server = Server(notes, ws_port=options.ws_port, key=KEY, origins=options.origins, **tls(options))
    async with server:
        print(server.ready_line(), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            command = line.strip()
            if command in ("mint", "do not mint"):
                notes.mints = command == "mint"
            elif command:
                notes.simulate(command)
            passed = {name: getattr(notes, name) for name in ("sound", "frames", "tokens", "minted")}
            if not command:
                notes.forget()
            print("" if command else json.dumps(passed), flush=True)


def tls(options: argparse.Namespace) -> dict[str, Any]:
    """What the server is told of certificates."""
    if options.tls is None:
        return {"wss_port": None}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*options.tls)
    return {"tls": context}


class NotingServer:
    """That server in a process of its own.

    Attributes:
        url: Its ws address; `wss` that with TLS, where it has a certificate.
    """

    def __init__(self, *arguments: str) -> None:
        """Start it with these arguments, and wait until it serves."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.noting_server", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        ready = json.loads(self._read())
        self.url, self.wss = str(ready["ws"]), str(ready["wss"])

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def tell(self, command: str) -> str:
        """Tell it something, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._read()

    def take(self) -> dict[str, Any]:
        """What has passed since the last time."""
        passed: dict[str, Any] = json.loads(self.tell(""))
        return passed

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=10)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--voice", choices=VOICES, default="")
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--connection-s", type=float)
    parser.add_argument("--ws-port", type=int, default=0)
    parser.add_argument("origins", nargs="*")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    asyncio.run(main(parse(sys.argv[1:])))
