"""The system's Firefox, driven by Playwright.

Playwright brings a Firefox of its own; the system's it drives over WebDriver BiDi, which takes a command for colour
schemes that Firefox 153 does not know. `python -m tests.hosts.firefox …` therefore stands between the two: it starts Firefox with
the arguments it gets, and answers that one command itself. Nothing else is changed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.lab import ROOT, playwright

UNKNOWN = "emulation.setMediaFeaturesOverride"
NAMES = ("firefox-esr", "firefox")
LISTENS = re.compile(r"WebDriver BiDi listening on (ws://127\.0\.0\.1:\d+)")

#: Sound may begin without a click and the microphone is given without a question. Firefox asks the sound server.
PREFERENCES = {"media.autoplay.default": 0, "media.navigator.permission.disabled": True}


def find_firefox() -> str | None:
    """The system's Firefox, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def firefox(microphone: Path) -> Iterator[Browser]:
    """A Firefox whose microphone plays `microphone`, a WAV, again and again, by a PulseAudio of its own."""
    missing = [program for program in ("pulseaudio", "paplay") if not shutil.which(program)]
    if missing or find_firefox() is None:
        pytest.skip(f"{', '.join(missing) or 'Firefox'} is not installed: run make hosts")
    with _sound_server(microphone) as server, playwright() as driver:
        browser = driver.firefox.launch(
            channel="moz-firefox",
            executable_path=str(_program()),
            headless=True,
            firefox_user_prefs=PREFERENCES,
            env=os.environ | {"PULSE_SERVER": server},
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _sound_server(microphone: Path) -> Iterator[str]:
    """PulseAudio with two devices that are none: what is played into "mouth" is what the default source hears."""
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder, ExitStack() as running:
        server = f"unix:{folder}/socket"
        start = (
            f"load-module module-native-protocol-unix socket={folder}/socket auth-anonymous=1\n"
            "load-module module-null-sink sink_name=speaker\n"
            "load-module module-null-sink sink_name=mouth\n"
            "set-default-sink speaker\nset-default-source mouth.monitor\n"
        )
        (Path(folder) / "start.pa").write_text(start)
        here = os.environ | {"PULSE_RUNTIME_PATH": folder, "PULSE_STATE_PATH": folder, "PULSE_SERVER": server}
        running.enter_context(_process("pulseaudio", "-n", "-F", f"{folder}/start.pa", env=here))
        deadline = time.monotonic() + 20
        while not (Path(folder) / "socket").exists():
            assert time.monotonic() < deadline, "PulseAudio did not come up"
            time.sleep(0.1)  # a server of another process
        again = f"while paplay --device=mouth '{microphone}'; do :; done"
        running.enter_context(_process("sh", "-c", again, env=here))
        yield server


@contextmanager
def _process(*command: str, env: Mapping[str, str]) -> Iterator[None]:
    silent = subprocess.DEVNULL
    process = subprocess.Popen(command, env=env, stdin=silent, stdout=silent, stderr=silent)
    try:
        yield
    finally:
        process.terminate()
        process.wait(10)


def _program() -> Path:
    path = Path(sys.prefix) / "hosts" / "firefox"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tests.hosts.firefox "$@"\n')
    path.chmod(0o755)
    return path


async def relay(arguments: list[str]) -> int:
    """Start Firefox, and stand between it and who connects."""
    from websockets.asyncio.client import connect
    from websockets.asyncio.server import serve

    browser = await asyncio.create_subprocess_exec(
        find_firefox() or "firefox", *arguments, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    address = ""

    async def between(client):
        async with connect(f"{address}{client.request.path}", max_size=None) as server:

            async def to_firefox():
                async for frame in client:
                    command = json.loads(frame)
                    if command["method"] == UNKNOWN:
                        await client.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
                    else:
                        await server.send(frame)
                await server.close()

            async def to_client():
                async for frame in server:
                    await client.send(frame)
                await client.close()

            await asyncio.gather(to_firefox(), to_client())

    async with serve(between, "127.0.0.1", 0, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        assert browser.stderr is not None
        async for line in browser.stderr:
            text = line.decode(errors="replace").rstrip()
            if found := LISTENS.search(text):
                address = found[1]
                text = f"WebDriver BiDi listening on ws://127.0.0.1:{port}"
            print(text, file=sys.stderr, flush=True)
    return await browser.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(relay(sys.argv[1:])))
