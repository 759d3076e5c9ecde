"""Ears, brain and voice that do as a test says, and a client that reads the wire as it is."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque

import numpy as np

from livewidget.models import find
from livewidget.standin import StandIn
from livewidget.standin.interfaces import (
    FunctionRequest,
    PartialTranscript,
    Phrases,
    Reply,
    SpeechChunk,
    SpeechEnded,
    SpeechStarted,
)
from livewidget.transports.base import TransportClosed

LOUD = np.full(1600, 8000, "<i2").tobytes()  # 100 ms at 16 kHz
QUIET = bytes(3200)
SECOND = [QUIET] * 10
DECLARED = [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT"}}]}]
TRANSCRIPTS = {"inputAudioTranscription": {}, "outputAudioTranscription": {}}


class Ears:
    """Loud is speech, quiet ends it after the silence asked for; each utterance is the next of `texts`."""

    def __init__(self, *texts: str, confident: bool = True, later: bool = False) -> None:
        self.texts, self.confident, self.later = deque(texts), confident, later
        self.open = 0
        self.heard = bytearray()
        self.phrases = None
        self.settings = None

    def understood(self, text):
        """What is understood `later`; a test may take its time."""
        return text

    def session(self, settings, phrases):
        self.open += 1
        self.phrases, self.settings = phrases, settings
        return Hearing(self, settings)


class Hearing:
    def __init__(self, ears, settings):
        self.ears, self.settings = ears, settings
        self.at = self.quiet = 0
        self.speaking = self.closed = False

    def feed(self, pcm16k):
        self.ears.heard += pcm16k
        samples = np.frombuffer(pcm16k, "<i2").astype(int)
        self.at += len(samples)
        if self.settings.manual:
            return []
        if len(samples) and abs(samples).max() > 1000:
            self.quiet = 0
            if not self.speaking:
                return self.start()
            return [PartialTranscript("so far")]
        self.quiet += len(samples)
        if self.speaking and self.quiet >= 16 * self.settings.silence_ms:
            return self.end()
        return []

    def start(self):
        self.speaking = True
        return [SpeechStarted(self.at)]

    def end(self):
        if not self.speaking:
            return []
        self.speaking = False
        text = self.ears.texts.popleft() if self.ears.texts else ""
        if self.ears.later:
            return [SpeechEnded("", self.at, transcribe=lambda: self.ears.understood(text))]
        return [SpeechEnded(text, self.at, self.ears.confident, silent_samples=self.quiet)]

    flush = end

    def close(self):
        if not self.closed:
            self.closed = True
            self.ears.open -= 1


class Brain:
    """Says `echo …`, or what `answers` has for a text; "call NAME" calls that function."""

    def __init__(self):
        self.minds, self.answers = [], {}

    def suggestions(self, declarations, skills):
        return ("try me", *(f"call {one['name']}" for one in declarations))

    def session(self, declarations, skills):
        self.minds.append(Mind(declarations, skills, self.answers))
        return self.minds[-1]


class Mind:
    def __init__(self, declarations, skills, answers):
        self.declarations, self.skills, self.answers = declarations, skills, answers
        self.asked = []

    @property
    def phrases(self):
        return Phrases(tuple(one["name"] for one in self.declarations))

    async def reply(self, text, *, confident=True):
        self.asked.append((text, confident))
        if text in self.answers:
            return self.answers[text]
        if text == "break":
            raise ZeroDivisionError("secret")
        if text.startswith("call "):
            return FunctionRequest(text[5:], {"city": "Paris"})
        return Reply(f"echo {text}")

    async def result(self, name, result):
        return Reply(f"{name} gave {json.dumps(result)}")


class Voice:
    """100 ms of a constant for each word."""

    def __init__(self):
        self.voices, self.languages, self.running = [], [], 0

    async def speak(self, text, voice=None, language=None, mood=None):
        self.voices.append(voice)
        self.languages.append(language)
        self.running += 1
        try:
            words = text.split(" ")
            for n, word in enumerate(words):
                yield SpeechChunk(np.full(2400, n + 1, "<i2").tobytes(), word + " " * (n + 1 < len(words)))
                await asyncio.sleep(0)
        finally:
            self.running -= 1


class Client:
    """The other end: sends dicts, reads dicts."""

    def __init__(self, transport):
        self.transport = transport
        self.log = []
        self.by_content = False

    async def send(self, **message):
        await self.transport.send(json.dumps(message))

    async def setup(self, model="models/offline-tutor", **fields):
        await self.send(setup={"model": model, **fields})
        return await self.next()

    async def audio(self, *pieces, rate=16_000, field="audio"):
        for piece in pieces:
            blob = {"data": base64.b64encode(piece).decode(), "mimeType": f"audio/pcm;rate={rate}"}
            await self.send(realtimeInput={field: [blob] if field == "mediaChunks" else blob})

    async def next(self, within_s=5):
        frame = await asyncio.wait_for(self.transport.receive(), within_s)
        assert isinstance(frame, bytes)
        message = json.loads(frame)
        self.log.append(message)
        return message

    async def until(self, *path):
        """Read on to the first message that has this path; return all read."""
        read = []
        while True:
            message = await self.next()
            read.append(message)
            at = message
            for name in path:
                at = at.get(name) if isinstance(at, dict) else None
            if at is not None:
                return read

    async def ask(self, text):
        """Type something, and return what is said to it."""
        if self.by_content:
            turn = {"role": "user", "parts": [{"text": text}]}
            await self.send(clientContent={"turns": [turn], "turnComplete": True})
        else:
            await self.send(realtimeInput={"text": text})
        return said(await self.turn())

    async def turn(self):
        return await self.until("serverContent", "turnComplete")


def kinds(messages):
    """The names of what is in each message, in order: a reading of a sequence at a glance."""
    found = []
    for message in messages:
        for name, value in message.items():
            found += list(value) if name == "serverContent" else [name]
    return found


def sound(messages):
    parts = [p for m in messages for p in m.get("serverContent", {}).get("modelTurn", {}).get("parts", [])]
    return b"".join(base64.b64decode(part["inlineData"]["data"]) for part in parts)


def said(messages):
    return "".join(
        m.get("serverContent", {}).get("outputTranscription", {}).get("text", "") for m in messages
    )


class VirtualClock:
    """Time passes by itself, at once: who sleeps is there."""

    def __init__(self):
        self.now = 0.0

    def now_ms(self):
        return self.now

    async def sleep_until(self, at_ms):
        # A long wait (a deadline) is not a pace: it must not pull the clock ahead of those who work.
        if at_ms - self.now > 8000:
            await asyncio.get_running_loop().create_future()
        self.now = max(self.now, at_ms)
        await asyncio.sleep(0)


async def settle():
    """Let everything run that can run without time passing."""
    for _ in range(60):
        await asyncio.sleep(0)


class Bench:
    """One stand-in with puppets in it, and the clients that dialled it."""

    def __init__(
        self,
        *texts,
        clock=None,
        model="offline-tutor",
        late=False,
        connection_s=None,
        tutor=False,
        lenient=False,
        **ears,
    ):
        """`tutor`: with the tutor's own brain in the puppet's place."""
        self.ears, self.brain, self.voice = Ears(*texts, **ears), Brain(), Voice()
        self.clock = clock or VirtualClock()
        self.standin = StandIn(
            ears=self.ears,
            brain=None if tutor else self.brain,
            voice=self.voice,
            clock=self.clock,
            model=model,
            late_transcripts=late,
            connection_s=connection_s,
            lenient=lenient,
        )
        self.clients = []

    async def dial(self):
        self.clients.append(Client(await self.standin.dial()))
        return self.clients[-1]

    async def client(self, **fields):
        client = await self.dial()
        client.by_content = find(self.standin.model, self.standin.service).text == "client_content"
        assert await client.setup(self.standin.model_path(), **{**TRANSCRIPTS, **fields}) in (
            {"setupComplete": {}},
            *({"setupComplete": {"sessionId": session}} for session in _ids(client)),
        )
        return client

    async def advance(self, ms, step=5):
        for _ in range(int(ms / step)):
            await settle()
            self.clock.advance(step)
        await settle()


def _ids(client):
    return [m["setupComplete"]["sessionId"] for m in client.log if m.get("setupComplete")]


async def closed(client):
    """Read to the end; return how it was closed."""
    try:
        while True:
            await client.next()
    except TransportClosed as end:
        return end.code, end.reason
