"""Whatever comes in place of a frame: `ServerDecoder` never raises, and what it returns are sound events."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import events
from livewidget.events import Event
from livewidget.protocol import ServerDecoder
from livewidget.protocol.messages import ServerMessage
from tests.protocol.strategies import awkward_server
from tests.protocol.test_decode_server import EVERYTHING, audio, decode

EVENTS = tuple(Event.__subclasses__())

DEEP = 10_000


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        "",
        b"\xff\xfe",
        b"\x00" * 64,
        "not JSON",
        "5",
        "null",
        "[]",
        '"text"',
        '{"serverContent":',
        '{"serverContent":{"turnComplete":true}} trailing',
        '{"x":"\ud800"}',
        '{"x":"\\ud800"}',
        '{"a":' * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        '{"toolCall":{"functionCalls":[{"args":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}]}}",
        '{"serverContent":{"groundingMetadata":' + '{"a":' * DEEP + "1" + "}" * DEEP + "}}",
        '{"usageMetadata":{"totalTokenCount":' + "9" * 10_000 + "}}",
        '{"usageMetadata":{"totalTokenCount":1e999}}',
        '{"usageMetadata":{"totalTokenCount":NaN}}',
        b'{"serverContent":{"outputTranscription":{"text":"\xff"}}}',
    ],
    ids=lambda frame: repr(frame[:30]),
)
def test_junk_is_one_malformed(frame: str | bytes) -> None:
    decoder = ServerDecoder()
    [event] = decoder.decode(frame)
    assert isinstance(event, events.Malformed)
    assert event.size == len(frame)
    assert decoder.decode('{"serverContent":{"turnComplete":true}}') == [events.TurnComplete()]


def test_ten_megabytes() -> None:
    sound = bytes(10_000_000)
    [event] = decode(audio(sound))
    assert event == events.OutputAudio(data=sound)
    [event] = ServerDecoder().decode("x" * 10_000_000)
    assert isinstance(event, events.Malformed)
    assert len(repr(event)) < 200
    [event] = decode({"k" * 1_000_000: 1})
    assert isinstance(event, events.Unknown)
    assert len(event.path) <= 200


def test_unknown_names_without_end_are_not_remembered_without_end() -> None:
    decoder = ServerDecoder()
    told = [
        event
        for start in range(0, 3000, 100)
        for event in decoder.decode(json.dumps({f"n{number}": 1 for number in range(start, start + 100)}))
    ]
    assert 0 < len(told) <= 256


NONSENSE = [None, True, -1, 2**70, 1.5, "", "text", "\u0000", [], {}, [[]], {"a_b": {}}, "!!!!", "A", [None]]


def mutate(value: Any, chance: random.Random) -> Any:
    """A message bent somewhere: values of other types, names changed, lists and objects nested."""
    if chance.random() < 0.06:
        return chance.choice(NONSENSE)
    if chance.random() < 0.03:
        return [value, value]
    if chance.random() < 0.03:
        return {"parts": value}
    if isinstance(value, dict):
        bent = {}
        for name, item in value.items():
            if chance.random() < 0.05:
                continue
            if chance.random() < 0.05:
                name = chance.choice(["", "data", name.upper(), name + "_x", "mime_type", "\ud83d"])
            bent[name] = mutate(item, chance)
        return bent
    if isinstance(value, list):
        return [mutate(item, chance) for item in value]
    return value


def check_events(decoded: object) -> None:
    assert isinstance(decoded, list)
    for event in decoded:
        assert isinstance(event, EVENTS)
        if isinstance(event, events.OutputAudio):
            assert event.data
            assert len(event.data) % 2 == 0
            assert 1_000 <= event.sample_rate <= 384_000
        # Every value has its declared type, also after the slow path.
        plain = {name: getattr(event, name) for name in event.__struct_fields__}
        assert msgspec.convert(plain, type(event)) == event


def test_a_thousand_bent_messages() -> None:
    chance = random.Random(20261122)
    decoder = ServerDecoder()
    for _ in range(1000):
        check_events(decoder.decode(json.dumps(mutate(EVERYTHING, chance))))


@settings(max_examples=150)
@given(awkward_server, st.randoms(use_true_random=False))
def test_bent_messages_of_any_shape(
    pair: tuple[ServerMessage, dict[str, Any]], chance: random.Random
) -> None:
    check_events(ServerDecoder().decode(json.dumps(mutate(pair[1], chance))))


@settings(max_examples=150)
@given(st.lists(st.binary(max_size=60) | st.text(alphabet=st.characters(), max_size=60), max_size=3))
def test_any_bytes_and_any_text(frames: list[bytes | str]) -> None:
    decoder = ServerDecoder()
    for frame in frames:
        check_events(decoder.decode(frame))


@settings(max_examples=150)
@given(st.binary(max_size=40), st.integers(0, 500), st.integers(0, 40))
def test_cut_and_patched_frames(patch: bytes, at: int, length: int) -> None:
    frame = json.dumps(EVERYTHING).encode()
    check_events(ServerDecoder().decode(frame[:at] + patch + frame[at + length :]))
    check_events(ServerDecoder().decode(frame[:at]))
