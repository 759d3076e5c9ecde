"""Encoding and decoding undo each other, in both directions, however the other side spells."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings

from livewidget.protocol import ServerDecoder, decode_client, encode_client, encode_server
from livewidget.protocol.messages import ClientMessage, ServerMessage
from tests.protocol.strategies import (
    awkward_client,
    awkward_server,
    client_messages,
    server_messages,
)

many = settings(max_examples=150)


@many
@given(client_messages)
def test_client_messages_survive_the_wire(message: ClientMessage) -> None:
    frame = encode_client(message)
    assert decode_client(frame) == message
    assert decode_client(frame.encode()) == message


@many
@given(awkward_client)
def test_client_messages_are_read_in_every_spelling(pair: tuple[ClientMessage, dict[str, Any]]) -> None:
    message, frame = pair
    assert decode_client(json.dumps(frame)) == message


@many
@given(server_messages)
def test_server_messages_survive_the_wire(message: ServerMessage) -> None:
    frame = encode_server(message)
    assert frame.endswith(b"\n")
    assert msgspec.json.decode(frame, type=ServerMessage) == message
    assert json.loads(frame) == json.loads(msgspec.json.encode(message))


@many
@given(awkward_server)
def test_server_messages_are_read_in_every_spelling(pair: tuple[ServerMessage, dict[str, Any]]) -> None:
    message, frame = pair
    for is_agent in (False, True):
        expected = ServerDecoder(is_agent=is_agent).events(message)
        assert ServerDecoder(is_agent=is_agent).decode(encode_server(message)) == expected
        assert ServerDecoder(is_agent=is_agent).decode(json.dumps(frame)) == expected
