"""The size of a picture, read from its first bytes; nothing is decoded."""

from __future__ import annotations

import re
import struct

_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the frame headers among the markers
QUESTIONS = ("what do you see", "what can you see", "can you see this", "do you see me")
_QUESTION = re.compile(
    r"(?:tell me )?what (?:can |do )?you (?:can )?see(?: now| here)?"
    r"|(?:can|do) you see (?:me|this|it|anything)"
)


def size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height in pixels of a JPEG or PNG picture, or None for anything else."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return (width, height) if width and height else None
    return _jpeg(data) if data[:2] == b"\xff\xd8" else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_SIZES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return (width, height) if width and height else None
        # Fill bytes and markers without a length of their own move on by what they are.
        if marker == 0xFF:
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return None


class Sight:
    """Counts the pictures of a session, and says honestly how little a program this small sees in them."""

    def __init__(self) -> None:
        self.count = 0
        self.last: tuple[int, int] | None = None

    def look(self, data: bytes) -> None:
        """Take one more picture."""
        self.count += 1
        self.last = size(data)

    def answer(self, text: str) -> str | None:
        """Return what to say to a question about what is seen, or None where `text` is none."""
        if not _QUESTION.fullmatch(" ".join(re.findall(r"[a-z]+", text.lower()))):
            return None
        if not self.count:
            return "I have not been shown a picture."
        if self.last is None:
            return "I was sent a picture, but of a kind that I cannot read."
        width, height = self.last
        return (
            f"I see a picture of {width} by {height} pixels. I am too small a program to tell what is on it."
        )
