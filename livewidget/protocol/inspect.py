"""Summaries of frames for people: kind, size, and the JSON without audio, pictures and secrets.

A secret is one by the name of its field (`livewidget.secret`), or by what it looks like wherever it stands
(`redact`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from livewidget.protocol.codec import MOST_SAMPLES, OUTPUT_RATE, pcm_rate
from livewidget.protocol.lenient import camel, decode_base64
from livewidget.secret import HIDDEN, is_secret
from livewidget.secret import SECRET_NAMES as SECRET_NAMES

#: Most values in a waveform. Chosen: enough for a small drawing.
PEAKS: Final = 48
#: Longest name of a kind, in characters. Chosen: several times the longest kind that the service sends.
KIND_LENGTH: Final = 120

#: What looks like a Google API key, an OAuth access token, or an ephemeral token.
_SECRET: Final = re.compile(r"AIza[\w-]{10,}|ya29\.[\w.-]+|auth_tokens(?:/|%2[Ff])[\w./%-]+", re.ASCII)
#: What may be a credential of any kind: a word longer than any in a sentence. API keys have 39 characters,
#: which `_SECRET` knows; UUIDs, which are no secrets, have 36.
_LONG_WORD: Final = re.compile(r"[\w-]{45,}")

#: Messages whose kind names their fields, too.
_DETAILED: Final = ("serverContent", "realtimeInput", "agentEvent")
#: Fields in which bytes may stand without a MIME type.
_MEDIA: Final = frozenset({"audio", "video", "inlineData", "inline_data", "mediaChunks", "media_chunks"})
#: Formats of pictures whose size is read: those that the service takes and browsers make.
_PICTURE_FORMATS: Final = ("JPEG", "PNG", "WEBP")

_decoder = msgspec.json.Decoder()


class FrameSummary(NamedTuple):
    """What a frame is, without what must not or need not be seen.

    Attributes:
        kind: The message and, for some, its fields: "setup", "realtimeInput.audio",
            "serverContent.modelTurn+outputTranscription"; "unreadable" if it is not a JSON object.
        size: Of the whole frame, in bytes.
        json: The message. Audio is `{"audio": {"ms", "rate", "peaks"}}` with at most 48 peaks from 0 to 1; a
            picture `{"image": {"mime", "bytes", "width", "height"}}`, its size 0 if it cannot be read; other
            media `{"media": {"mime", "bytes"}}`; a secret "…hidden". None if the frame is unreadable.
    """

    kind: str
    size: int
    json: Any


#: Shortest text that is taken out wherever it stands, in characters. Chosen: a shorter one, such as the "k"
#: that is a key to some server of one's own, stands in words that say what is wrong.
SHORTEST_SECRET: Final = 4


def redact(text: str, known: Iterable[str] = (), *, long_words: bool = False) -> str:
    """Return `text` with an ellipsis in the place of each secret.

    Args:
        text: From outside: a frame's text, a close reason, an error of the service.
        known: Secrets that are known here, which may look like anything.
        long_words: Whether every word of 45 characters or more is taken for a secret, as for a server's free
            text. In frames such words are ids and parts of addresses.
    """
    for secret in known:
        if len(secret) >= SHORTEST_SECRET:
            text = text.replace(secret, "…")
    text = _SECRET.sub("…", text)
    return _LONG_WORD.sub("…", text) if long_words else text


def summarize_frame(frame: str | bytes, redact: Callable[[str], str] = redact) -> FrameSummary:
    """Return the summary of a frame of either side. Never raises, whatever the frame.

    Args:
        frame: As it was sent or received.
        redact: Takes secrets out of a text. It is given every text and every name in the frame.
    """
    size = len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode(errors="replace"))
    try:
        message = _decoder.decode(frame)
        if not isinstance(message, dict):
            return FrameSummary("unreadable", size, None)
        size += _left_out(message)
        return FrameSummary(redact(_kind(message))[:KIND_LENGTH], size, _visible(message, "", redact))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return FrameSummary("unreadable", size, None)


def picture_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a JPEG, PNG or WebP file; (0, 0) if they cannot be read.

    Pillow reads the header only, and none that promises more pixels than it would decode.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=_PICTURE_FORMATS) as picture:
            return picture.size
    except Exception:  # Pillow raises errors of many types for files that are cut off or made up.
        return 0, 0


def _kind(message: Mapping[str, Any]) -> str:
    names = []
    for key, value in message.items():
        name = camel(key)
        if name == "usageMetadata" and len(message) > 1:
            continue  # It comes together with any other message.
        if name in _DETAILED and isinstance(value, dict) and value:
            name += "." + "+".join(camel(field) for field in value)
        names.append(name)
    return "+".join(names) or "empty"


def _visible(value: Any, name: str, redact: Callable[[str], str]) -> Any:
    """Return the value of the field `name` as it may be seen."""
    if is_secret(name) and value not in (None, "", {}):
        return HIDDEN
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, str) and (name in _MEDIA or "mimeType" in value or "mime_type" in value):
            mime = redact(str(value.get("mimeType") or value.get("mime_type") or ""))[:80]
            if samples := _elsewhere(value, "samples"):
                return {"audio": _summarize_length(samples, value.get("peak"), mime, name)}
            if size := _elsewhere(value, "bytes"):
                return {"image": {"mime": mime, "bytes": size, "width": 0, "height": 0}}
            return _summarize_media(data, mime, name)
        return {redact(key): _visible(item, key, redact) for key, item in value.items()}
    if isinstance(value, list):
        return [_visible(item, name, redact) for item in value]
    return redact(value) if isinstance(value, str) else value


def _elsewhere(blob: Mapping[str, Any], name: str) -> int:
    """Return how much of media stayed with a page, in "samples" or "bytes"; 0 if the data is here."""
    much = blob.get(name)
    if not isinstance(much, int) or isinstance(much, bool) or blob.get("data"):
        return 0
    return much if 0 < much <= MOST_SAMPLES else 0


def _left_out(value: Any) -> int:
    """Return how many bytes of media a page has taken out of a frame, as base64."""
    if isinstance(value, list):
        return sum(map(_left_out, value))
    if not isinstance(value, dict):
        return 0
    size = (_elsewhere(value, "samples") * 2 + _elsewhere(value, "bytes")) if "data" in value else 0
    return -(-size // 3) * 4 + sum(map(_left_out, value.values()))


def _summarize_length(samples: int, peak: Any, mime: str, name: str) -> dict[str, Any]:
    rate = pcm_rate(mime or "audio/pcm", _default_rate(name)) or OUTPUT_RATE
    peaks = [round(min(1.0, max(0.0, peak)), 3)] if isinstance(peak, int | float) else []
    return {"ms": round(samples * 1000 / rate), "rate": rate, "peaks": peaks}


def _default_rate(name: str) -> int:
    """Return the rate of audio that names none: what clients send is called "audio", and has 16 kHz."""
    return 16_000 if name == "audio" else OUTPUT_RATE


def _summarize_media(data: str, mime: str, name: str) -> dict[str, Any]:
    try:
        content = decode_base64(data)
    except ValueError:
        return {"media": {"mime": mime, "bytes": 0, "problem": "not base64"}}
    rate = pcm_rate(mime or "audio/pcm" if name == "audio" else mime, _default_rate(name))
    if rate is not None:
        return {"audio": _summarize_pcm(content, rate)}
    if mime.strip().lower().startswith("image/"):
        width, height = picture_size(content)
        return {"image": {"mime": mime, "bytes": len(content), "width": width, "height": height}}
    return {"media": {"mime": mime, "bytes": len(content)}}


def _summarize_pcm(pcm: bytes, rate: int) -> dict[str, Any]:
    import numpy as np

    samples = np.abs(np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.int32))
    peaks: list[float] = []
    if len(samples):
        count = min(PEAKS, len(samples))
        starts = np.arange(count) * len(samples) // count
        peaks = np.round(np.maximum.reduceat(samples, starts) / 32_768, 3).tolist()
    return {"ms": round(len(samples) * 1000 / rate), "rate": rate, "peaks": peaks}
