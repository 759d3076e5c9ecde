"""Frames that were sound once, changed in places: nothing is raised but what is documented.

`make fuzz` tries a million of each kind; `make test` fewer. The seed is fixed, so that a failure comes again.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from livewidget.events import Event
from livewidget.protocol import ClientMessageError, ServerDecoder, decode_client
from tests.protocol.test_decode_server import EVERYTHING

FRAMES = int(os.environ.get("LIVEWIDGET_FUZZ", "25000"))
EVENTS = tuple(Event.__subclasses__())
SERVER: list[Any] = [EVERYTHING]
CLIENT: list[Any] = [
    {
        "setup": {
            "model": "models/gemini-3.8-live",
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "temperature": 0.5,
                "seed": 7,
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
                "thinkingConfig": {"thinkingBudget": 128, "includeThoughts": True},
            },
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "tools": [
                {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]},
                {"googleSearch": {}},
            ],
            "realtimeInputConfig": {
                "automaticActivityDetection": {"silenceDurationMs": 500, "prefixPaddingMs": 20},
                "activityHandling": "NO_INTERRUPTION",
            },
            "sessionResumption": {"handle": "h"},
            "contextWindowCompression": {"triggerTokens": "1000", "slidingWindow": {"targetTokens": "500"}},
            "inputAudioTranscription": {},
        }
    },
    {"clientContent": {"turns": [{"role": "user", "parts": [{"text": "hello"}]}], "turnComplete": True}},
    {"realtimeInput": {"audio": {"data": "AAAA", "mimeType": "audio/pcm;rate=16000"}}},
    {"realtimeInput": {"mediaChunks": [{"data": "AAAA", "mimeType": "image/jpeg"}]}},
    {"realtimeInput": {"text": "hello"}},
    {
        "toolResponse": {
            "functionResponses": [{"id": "1", "name": "f", "response": {"output": [1, {"a": 2}]}}]
        }
    },
]
STRANGE: tuple[Any, ...] = (
    None, True, 0, -1, 2**63, 1e308, 0.5, "", "x", "\ud7ff\x00", "AUDIO", "12s", "AAA", "=" * 5, [], [[]], {},
    {"a": {"a": []}}, "k" * 1000, [None] * 20,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a JSON value with each of its keys."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def change(message: Any, chance: random.Random) -> None:
    """Change one place of `message`: its value, its name, its company."""
    found = list(places(message))
    if not found:
        return
    home, key = chance.choice(found)
    other_home, other_key = chance.choice(found)
    kind = chance.randrange(6)
    if kind == 0:
        del home[key]
    elif kind == 1:
        home[key] = deepcopy(other_home[other_key])
    elif kind == 2:
        home[key] = chance.choice(([home[key]], {"parts": home[key]}, json.dumps(home[key])))
    elif kind == 3 and isinstance(home, dict):
        home[chance.choice((str(key).upper(), f"{key}s", "x", "text", str(other_key)))] = home.pop(key)
    elif isinstance(home, list):
        home.insert(key, deepcopy(chance.choice(STRANGE)))
    else:
        home[key] = deepcopy(chance.choice(STRANGE))


def mutants(corpus: list[Any], number: int) -> Iterator[bytes]:
    """Yield `number` frames, each one of `corpus` with one to four changes; one in ten is torn or mixed up too."""
    chance = random.Random(20)
    texts = [json.dumps(message) for message in corpus]
    for _ in range(number):
        message = json.loads(chance.choice(texts))
        for _ in range(chance.randint(1, 4)):
            change(message, chance)
        frame = bytearray(json.dumps(message).encode())
        if chance.random() < 0.1:
            at = chance.randrange(len(frame))
            frame[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
        yield bytes(frame)


def server() -> Callable[[bytes], None]:
    decoder = ServerDecoder(is_agent=True)  # It reads all that others do, and more.

    def take(frame: bytes) -> None:
        assert all(isinstance(event, EVENTS) for event in decoder.decode(frame))

    return take


def client() -> Callable[[bytes], None]:
    def take(frame: bytes) -> None:
        with suppress(ClientMessageError):
            decode_client(frame)

    return take


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("side", "corpus"), [(server, SERVER), (client, CLIENT)], ids=["server", "client"])
def test_nothing_is_raised_but_what_is_documented(
    side: Callable[[], Callable[[bytes], None]], corpus: list[Any]
) -> None:
    take = side()
    for frame in mutants(corpus, FRAMES):
        try:
            take(frame)
        except Exception as error:
            error.add_note(f"The frame: {frame[:2000]!r}")
            raise


def test_the_changes_reach_far() -> None:
    """A control: most frames differ from their origin, and some of each kind are still understood."""
    frames = list(mutants(CLIENT, 2000))
    assert len(set(frames)) > 1000
    understood = 0
    for frame in frames:
        with suppress(ClientMessageError):
            decode_client(frame)
            understood += 1
    assert 100 < understood < 1900
