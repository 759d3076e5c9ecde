"""Text from outside, made fit to be printed, saved and approved.

What a server, a model or a tool says can hold characters that act on whoever shows it: an escape sequence
moves a terminal's cursor or writes to its clipboard, a bidirectional override makes a word read backwards, a
lone surrogate cannot be written to a file. `plain` is for everything that is printed or saved; `visible` is
for what a person decides on, where nothing at all may be hidden.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

# ECMA-48, 5.4 and 5.6: a control sequence ends with a byte from @ to ~; a control string (OSC writes to the
# clipboard, DCS programs keys) at ST or, in xterm, at BEL. Each introducer has a form of 7 bits and one of 8.
# One that never ends loses its introducer only, or the text after it would be lost with it.
_SEQUENCE: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
_LINES: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
# Embeddings, overrides and isolates disguise text; letters that are read from the right need none of them.
_BIDI: Final = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Without width and without a purpose in plain text: words can be told apart by them, or carry a message that
# only programs read. The joiners U+200C and U+200D stay, since scripts and emoji are written with them.
# The flags of England, Scotland and Wales are tags after a black flag (group 1).
_UNSEEN: Final = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f)"
    "|[\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")


def plain(text: str) -> str:
    r"""Return `text` without what acts on a terminal, a page or a file.

    Terminal sequences, control characters and characters without width are left out; line breaks of all
    kinds become a line feed, and tabs stay. Marks that change the direction of writing become escapes that
    can be seen, such as `\u202E`; a surrogate without its other half becomes U+FFFD.
    """
    return plain_characters(_SEQUENCE.sub("", text))


def plain_characters(text: str) -> str:
    """Return `text` as `plain` does, but of a terminal sequence leave out only the control characters.

    It is for HTML, where the rest of a sequence does nothing, and is part of what somebody wrote.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _CONTROLS.sub("", _LINES.sub("\n", text))
    text = _UNSEEN.sub(lambda found: found[1] or "", text)
    return _SURROGATES.sub("\ufffd", _BIDI.sub(lambda mark: f"\\u{ord(mark[0]):04X}", text))


def plain_line(text: str) -> str:
    """Return `text` as `plain` does, on one line."""
    return " ".join(plain(text).split())


def capitalized(words: str) -> str:
    """Return words as a sentence begins with them."""
    return words[:1].upper() + words[1:]


def indented(text: str) -> str:
    """Return `text` made plain, with all lines but the first set in, so that none passes for another's."""
    return plain(text).replace("\n", "\n    ")


def plain_json(text: str) -> str:
    """Return JSON with an escape in the place of each character that `plain` would take out or change.

    It says the same as before: outside of strings JSON has none of them.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNPLAIN.sub(lambda found: json.dumps(found[0])[1:-1], text)


_UNPLAIN: Final = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)

# Printable to Unicode, and yet nothing is seen: fillers, the empty Braille pattern, variation selectors.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
#: Marks on one letter that are drawn; more reach into the lines above and below. Chosen: no script has more.
_MARKS: Final = 4
#: Spaces in a row, and empty lines, that are shown as they are; more are counted, since they would push what
#: follows out of sight.
_SPACES: Final = re.compile(r"[ \u3000]{24,}")
_EMPTY_LINES: Final = re.compile(r"\n(?:[ \u3000]*\n){3,}")


def visible(text: str) -> str:
    """Return `text` so that every character of it is seen: what is not seen by itself becomes an escape.

    Line feeds stay. Many spaces or empty lines in a row are counted in words. Nothing else is left out.
    """
    text = text.replace("\r\n", "\n")
    if not (text.isascii() and text.isprintable()):
        text = "".join(_seen(text))
    text = _EMPTY_LINES.sub(lambda lines: f"\n⟨{lines[0].count(chr(10)) - 1} empty lines⟩\n", text)
    return _SPACES.sub(lambda spaces: f"⟨{len(spaces[0])} spaces⟩", text)


def _seen(text: str) -> list[str]:
    seen, marks = [], 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter)[0] == "M" else 0
        if letter == "\n" or (
            (letter.isprintable() or letter == "\u3000") and marks <= _MARKS and not _BLANK.match(letter)
        ):
            seen.append(letter)
        else:
            seen.append(letter.encode("unicode_escape", "backslashreplace").decode("ascii"))
    return seen
