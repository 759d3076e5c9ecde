"""A frame as a person may see it: what it is, how large, and its JSON without sound, pictures and secrets.

Pure, and never wrong-footed: whatever comes over the wire gets an `Anatomy`.

How wide and high a picture is, from the first bytes of its file; nothing is decoded.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from livewidget.protocol.lenient import camel, decode_base64

#: Markers of a JPEG that carry its size: start of frame, of every coding there is.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_size(data: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a JPEG, PNG or WebP file; (0, 0) where they cannot be read."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            width, height = struct.unpack_from(">II", data, 16)
            return width, height
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _webp(data)
    except (struct.error, IndexError):
        pass  # Cut off, or something else behind a name that fits.
    return 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        # Fill bytes and markers without a length of their own move on by what they are.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    form = data[12:16]
    if form == b"VP8X" and len(data) >= 30:
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return 0, 0


#: What stands in the place of a secret.
HIDDEN: Final = "…hidden"
#: Most values in a waveform.
PEAKS: Final = 48
#: Longest name of a kind, in characters.
KIND_LENGTH: Final = 120

#: Names whose values are never shown, in lower case and without underscores and hyphens. A voice that is to
#: be cloned and the consent to it are as personal as a key.
SECRET_NAMES: Final = frozenset(
    {
        "accesstoken",
        "apikey",
        "authorization",
        "clientsecret",
        "consentaudio",
        "credentials",
        "handle",
        "idtoken",
        "newhandle",
        "password",
        "refreshtoken",
        "secret",
        "thoughtsignature",
        "token",
        "voiceconsentsignature",
        "voicesampleaudio",
        "xgoogapikey",
    }
)
#: What looks like a key or a token of Google's, wherever it stands.
_SECRET: Final = re.compile(r"AIza[\w-]{10,}|ya29\.[\w.-]+|auth_tokens/[\w./-]+", re.ASCII)
_RATE: Final = re.compile(r"rate\s*=\s*\"?([0-9]{1,6})", re.ASCII)
#: Messages that are told apart by their fields.
_DETAILED: Final = ("serverContent", "realtimeInput")

_decoder = msgspec.json.Decoder()


class Anatomy(NamedTuple):
    """What a frame is made of.

    Attributes:
        kind: The message and, where it is told apart by its fields, those: "setup", "realtimeInput.audio",
            "serverContent.modelTurn+outputTranscription"; "unreadable" where it is no JSON object.
        size: Of the whole frame, in bytes.
        json: The message. Sound is `{"audio": {"ms", "rate", "peaks"}}` with at most 48 peaks from 0 to 1; a
            picture `{"image": {"mime", "bytes", "width", "height"}}`, its size 0 where it cannot be read;
            other media `{"media": {"mime", "bytes"}}`; a secret "…hidden". None where it is unreadable.
    """

    kind: str
    size: int
    json: Any


def without_secrets(text: str) -> str:
    """Return `text` without what looks like a key or a token."""
    return _SECRET.sub("…", text)


def anatomy(frame: str | bytes, hide: Callable[[str], str] = without_secrets) -> Anatomy:
    """Take a frame of either side apart. Never raises, whatever the frame.

    Args:
        frame: As it was sent or received.
        hide: Takes secrets out of a text. It is given every text and every name in the frame.
    """
    size = len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode(errors="replace"))
    try:
        message = _decoder.decode(frame)
        if not isinstance(message, dict):
            return Anatomy("unreadable", size, None)
        return Anatomy(hide(_kind(message))[:KIND_LENGTH], size, _shown(message, "", hide))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return Anatomy("unreadable", size, None)


def is_secret(name: str) -> bool:
    """Tell whether the value of a field with this name is never shown."""
    return name.replace("_", "").replace("-", "").lower() in SECRET_NAMES


def _kind(message: Mapping[str, Any]) -> str:
    names = []
    for key, value in message.items():
        name = camel(key)
        if name == "usageMetadata" and len(message) > 1:
            continue  # It rides along with anything.
        if name in _DETAILED and isinstance(value, dict) and value:
            name += "." + "+".join(camel(field) for field in value)
        names.append(name)
    return "+".join(names) or "empty"


def _shown(value: Any, name: str, hide: Callable[[str], str]) -> Any:
    if is_secret(name) and value not in (None, "", {}):
        return HIDDEN
    if isinstance(value, dict):
        data = value.get("data")
        if isinstance(data, str) and (name in _MEDIA or "mimeType" in value or "mime_type" in value):
            mime = str(value.get("mimeType") or value.get("mime_type") or "")
            return _media(data, hide(mime)[:80], name)
        return {hide(key): _shown(item, key, hide) for key, item in value.items()}
    if isinstance(value, list):
        return [_shown(item, name, hide) for item in value]
    return hide(value) if isinstance(value, str) else value


#: Where bytes may stand without a MIME type.
_MEDIA: Final = frozenset({"audio", "video", "inlineData", "inline_data", "mediaChunks", "media_chunks"})


def _media(data: str, mime: str, name: str) -> dict[str, Any]:
    kind = mime.partition(";")[0].strip().lower() or {"audio": "audio/pcm"}.get(name, "")
    found = _bytes(data)
    if found is None:
        return {"media": {"mime": mime, "bytes": 0, "problem": "not base64"}}
    if kind in ("audio/pcm", "audio/l16"):
        rate = _RATE.search(mime.lower())
        return {"audio": _sound(found, int(rate[1]) if rate else 16_000 if name == "audio" else 24_000)}
    if kind.startswith("image/"):
        width, height = picture_size(found)
        return {"image": {"mime": mime, "bytes": len(found), "width": width, "height": height}}
    return {"media": {"mime": mime, "bytes": len(found)}}


def _bytes(text: str) -> bytes | None:
    try:
        return decode_base64(text)
    except ValueError:
        return None


def _sound(pcm: bytes, rate: int) -> dict[str, Any]:
    import numpy as np

    samples = np.abs(np.frombuffer(pcm[: len(pcm) & ~1], "<i2").astype(np.int32))
    peaks: list[float] = []
    if len(samples):
        count = min(PEAKS, len(samples))
        starts = np.arange(count) * len(samples) // count
        peaks = np.round(np.maximum.reduceat(samples, starts) / 32_768, 3).tolist()
    return {"ms": round(len(samples) * 1000 / max(rate, 1)), "rate": rate, "peaks": peaks}
