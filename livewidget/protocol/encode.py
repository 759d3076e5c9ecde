"""Messages to frames: what a client sends, and what the service sends."""

from __future__ import annotations

import binascii
from typing import Any

import msgspec

from livewidget.protocol.client import ClientMessage, Setup
from livewidget.protocol.server import ServerMessage
from livewidget.protocol.spelling import camel

_encoder = msgspec.json.Encoder()


def encode_client(message: ClientMessage) -> str:
    """The frame for `message`: compact JSON in camelCase, standard base64. Clients send it as a text frame.

    What JSON cannot hold is made fit: a lone surrogate becomes U+FFFD, a number that is not finite becomes
    null.

    Raises:
        RecursionError: If the user's own data (a tool's result) is nested too deep for JSON.
    """
    if message.setup is not None and message.setup.extra:
        return encode_json({"setup": with_extra(message.setup)}).decode()
    if message.tool_response is not None:
        # The service reads results as doubles; an integer beyond them would end the session.
        return _encoder.encode(_fit(msgspec.to_builtins(message))).decode()
    return encode_json(message).decode()


def encode_server(message: ServerMessage) -> bytes:
    """The frame for `message` as the service writes it: JSON indented by two spaces and a newline, binary."""
    return msgspec.json.format(encode_json(message), indent=2) + b"\n"


def audio_message(pcm: bytes, sample_rate: int = 16_000) -> str:
    """The frame of one `realtimeInput.audio`, without building a message first.

    Args:
        pcm: PCM16 little-endian mono.
        sample_rate: In Hz, whatever `pcm` was recorded at; the service resamples.
    """
    data = binascii.b2a_base64(pcm, newline=False).decode("ascii")
    return f'{{"realtimeInput":{{"audio":{{"data":"{data}","mimeType":"audio/pcm;rate={sample_rate:d}"}}}}}}'


def encode_json(message: Any) -> bytes:
    """Return compact JSON of a struct or of plain objects; see `encode_client` on what JSON cannot hold."""
    try:
        return _encoder.encode(message)
    except UnicodeEncodeError:
        return _encoder.encode(_fit(msgspec.to_builtins(message)))


def _fit(value: Any) -> Any:
    """Replace what the other side cannot read: lone surrogates, integers beyond 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, dict):
        return {_fit(key): _fit(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fit(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value) if abs(value) < 2**1023 else None
    return value


def with_extra(setup: Setup) -> dict[str, Any]:
    """Return a setup as plain JSON, with its `extra` merged into it."""
    plain: dict[str, Any] = msgspec.to_builtins(setup)
    merge(plain, plain.pop("extra", None) or {})
    return plain


def merge(target: dict[str, Any], extra: dict[str, Any]) -> None:
    """Put `extra` into `target`, objects into objects, in place; a value in `extra` wins.

    Names may be in either spelling; those of labels are the user's and stay as they are.
    """
    for key, value in extra.items():
        name = camel(key)
        inside = target.get(name)
        if name == "labels" and isinstance(value, dict) and isinstance(inside, dict):
            inside.update(value)
        elif isinstance(value, dict) and isinstance(inside, dict):
            merge(inside, value)
        else:
            target[name] = value
