"""What the drivers of other people's clients share; neither livewidget nor any client is needed here.

Each driver makes one client tell what it reports in the same few words, noted in a `Log`:

=============  ======================================================================
`heard`        what the client says that its user said
`said`         what the client says that the model said
`audio`        milliseconds of the model's sound
`call`         a function that the client asks for, with its arguments
`result`       the client has sent that function's result
`interrupted`  the client has stopped the model's sound
`end`          the client holds the model's turn to be over
=============  ======================================================================

`main` then plays the same scenes through each and prints what was noted in each, as one line of JSON. It fails
where something that must come does not; whether it was right is for the reader of the line to say.
"""

import asyncio
import contextlib
import itertools
import json
import os
import socket
import ssl
import sys
import time
import wave
from dataclasses import dataclass
from pathlib import Path

RATE = 16_000
FRAME_S = 0.04
SPEED = 4  # times as fast as a microphone: the tutor's ears count samples, not seconds
WAIT_S = 30
WORK_S = 0.5
HANDLE_S = 1.0
LOOKS = 8


@dataclass(frozen=True)
class Server:
    """Whom to dial, as whom, and for which model; `folder` holds what is said and shown, see `questions.py`."""

    ws: str
    wss: str
    cert: str
    key: str
    model: str
    vertex: bool
    ends_first: bool  # whether the model's turn ends before a function's result, as documented for the model
    folder: str
    page: str = ""  # the origin that the server lets in, which serves the folder to pages

    project = "made-for-the-test"
    location = "us-central1"

    @property
    def https(self):
        return self.wss.replace("wss://", "https://")

    def http_options(self):
        """Options for google-genai, which is in all of these clients: dial here, trust this certificate only.

        Left to itself, its third version dials v1, where previews of models are not known.
        """
        from google.genai import types

        context = ssl.create_default_context(cafile=self.cert)
        return types.HttpOptions(
            base_url=self.https,
            api_version="v1beta1" if self.vertex else "v1beta",
            async_client_args={"ssl": context},
        )

    def account(self):
        """Whose account to use, as all of these clients take it; on Vertex AI, the one that the environment names."""
        if self.vertex:
            return {"vertexai": True, "project": self.project, "location": self.location}
        return {"vertexai": False, "api_key": self.key}

    def path(self, name):
        return Path(self.folder) / name


class Missing(Exception):
    """What must come did not."""


class Failed(Exception):
    """The client reports an error."""


class Log:
    """What a client reported, in order."""

    def __init__(self):
        self.events = []
        self._more = asyncio.Event()

    def note(self, kind, value=None):
        self.events.append((kind, value))
        self._more.set()

    @property
    def here(self):
        """The place after the last."""
        return len(self.events)

    @contextlib.asynccontextmanager
    async def while_running(self, coroutine):
        """Run what makes a client work, and end it; if it ends by itself before, that is an error of the client."""
        task = asyncio.create_task(coroutine)
        task.add_done_callback(self._ended)
        try:
            yield
        finally:
            task.remove_done_callback(self._ended)
            task.cancel()
            await asyncio.wait([task])

    def _ended(self, task):
        self.note("error", repr(None if task.cancelled() else task.exception()))

    async def until(self, *kinds, since, within_s=WAIT_S):
        """Wait for these kinds, in this order, whatever is in between; return the place after the last."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    at = self._after(kinds, since)
                    if at is not None:
                        return at
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise Missing(f"waited for {kinds}, got {self.report(since)}") from None

    def _after(self, kinds, at):
        for kind in kinds:
            found = (n for n, (one, _) in enumerate(self.events[at:], at) if one in (kind, "error"))
            at = next(found, None)
            if at is None:
                return None
            if self.events[at][0] == "error":
                raise Failed(self.events[at][1])
            at += 1
        return at

    def report(self, since, to=None):
        """Return what came between two places; `order` has each kind once where several came in a row.

        Words stand apart from it: no order between them and sound can be relied on.
        """
        events = self.events[since:to]
        kinds = [kind for kind, _ in events if kind not in ("heard", "said")]
        order = [kind for kind, _ in itertools.groupby(kinds)]
        return {
            "order": order,
            "heard": " ".join(text.strip() for kind, text in events if kind == "heard"),
            "said": "".join(text for kind, text in events if kind == "said"),
            "audio_ms": round(sum(ms for kind, ms in events if kind == "audio")),
            "calls": [call for kind, call in events if kind == "call"],
        }


def milliseconds(pcm, rate=24_000):
    """Return how long PCM16 mono lasts."""
    return len(pcm) * 500 / rate


async def speak(client, path):
    """Let a client's user say a WAV file, in frames of 40 ms, as a microphone that is in a hurry."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        size = int(RATE * FRAME_S)
        frames = [file.readframes(size) for _ in range(0, file.getnframes(), size)]
    began = time.monotonic()
    for count, frame in enumerate(frames):
        await client.hear(frame)
        await asyncio.sleep(max(0.0, began + (count + 1) * FRAME_S / SPEED - time.monotonic()))


async def work(client, server, since):
    """Take the time of a function called at `since`: until the turn has ended, or as long as it might take to."""
    if server.ends_first:
        await client.log.until("end", since=since)
    else:
        await asyncio.sleep(WORK_S)


# --- Scenes -------------------------------------------------------------------------------------------------


async def spoken_turn(client, server):
    since = client.log.here
    await speak(client, server.path("question.wav"))
    return client.log.report(since, await heard_and_answered(client, since))


async def tool_call(client, server):
    since = client.log.here
    await speak(client, server.path("tool.wav"))
    to = await client.log.until("call", "result", "audio", "end", since=since)
    return client.log.report(since, to)


async def text_turn(client, server):
    return await asked(client, "what is the capital of japan")


async def interruption(client, server):
    since = client.log.here
    await client.type("tell me a story")
    await client.log.until("audio", since=since)
    speaking = asyncio.create_task(speak(client, server.path("interruption.wav")))
    stopped = await client.log.until("interrupted", since=since)
    to = await heard_and_answered(client, stopped)
    await speaking
    return {"before": client.log.report(since, stopped), "after": client.log.report(stopped, to)}


async def video_frame(client, server):
    await client.show()
    # Some clients send pictures when they see fit, and tell nobody.
    for _ in range(LOOKS):
        answer = await asked(client, "what do you see")
        if "picture of" in answer["said"]:
            break
    return answer


async def broken_link(client, server):
    """Break the link without a word, as when a cable is pulled; the client must mend it, and nothing be forgotten."""
    before = await asked(client, "what is the capital of japan")
    # The handle to go on by comes after the turn; who has none yet (ADK) gives up. No client tells that it came.
    await asyncio.sleep(HANDLE_S)
    assert cut(server) > 0
    for _ in range(LOOKS):
        # What is typed while the link is being mended, some clients drop.
        with contextlib.suppress(Missing):
            after = await asked(client, "say that again please", within_s=WAIT_S / LOOKS)
            return {"before": before, "after": after}
    raise Missing("the link is not mended")


def cut(server):
    """Shut down every socket of this process that leads to `server`; return how many."""
    port, count = int(server.wss.rpartition(":")[2]), 0
    for number in range(3, 256):
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(number)) as link:
            if link.family == socket.AF_INET and link.getpeername()[1] == port:
                link.shutdown(socket.SHUT_RDWR)
                count += 1
    return count


async def heard_and_answered(client, since):
    """Wait for both; some clients tell what was heard at the end of the answer only.

    Words too: a client on a busy machine plays one more piece after an interruption, and tells that it has ended.
    """
    awaited = (("heard",), ("audio", "end"), ("said", "end"))
    return max([await client.log.until(*kinds, since=since) for kinds in awaited])


async def asked(client, text, *, within_s=WAIT_S):
    """Type a question; return what came of it."""
    since = client.log.here
    await client.type(text)
    to = await client.log.until("audio", "end", since=since, within_s=within_s)
    return client.log.report(since, to)


SCENES = (spoken_turn, tool_call, text_turn, interruption, video_frame)


async def play(client, server, *more):
    """Play the scenes, and more of them; return what came of each, by its name."""
    return {scene.__name__: await scene(client, server) for scene in (*SCENES, *more)}


def main(drive):
    """Run `drive(server)` for the server of the command line, and print what it returns."""
    print(json.dumps(asyncio.run(drive(Server(**json.loads(sys.argv[1]))))))
