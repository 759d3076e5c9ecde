"""What was said, as one would write it: "what is seven plus five" → "What is 7 plus 5?"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from livewidget.standin.tutor.numbers import fold, words

_MARKS = {
    "comma": ",", "period": ".", "full stop": ".", "question mark": "?", "exclamation mark": "!",
    "colon": ":", "new line": "\n", "new paragraph": "\n\n",
}  # fmt: skip
_ASKING = frozenset(
    words(
        "what who whose how when where why which do does did can could is are was were am may will would "
        "shall should have has"
    )
)
_BEFORE = frozenset(words("and but so at in on from to for with since until"))
_PROPER = frozenset(
    words(
        "i monday tuesday wednesday thursday friday saturday sunday january february april june july "
        "august september october november december english french german spanish italian france germany "
        "spain italy japan brazil england america china india canada egypt paris berlin madrid rome london "
        "tokyo "
        "anna john maria peter thomas gemini jupiter shakespeare romeo juliet everest european christmas"
    )
)


def smart(text: str, vocabulary: Iterable[str] = ()) -> str:
    """Return a recogniser's bare words with capitals, digits and punctuation.

    Text that has capitals already, or marks, is returned as it is: somebody else's ears have written it.

    Args:
        text: Words in lower case, numbers as words; "question mark" and its like may be said.
        vocabulary: Words and phrases in their own spelling: "GitHub".
    """
    if not text.strip() or re.search(r"[A-Z.,;:?!]", text):
        return text
    said = [f"{word:g}" if isinstance(word, float) else str(word) for word in fold(text.split())]
    line = " ".join(map(_capital, said))
    for term in sorted(vocabulary, key=len, reverse=True):
        spelled = r"\s+".join(map(re.escape, re.findall(r"[\w']+", term)))
        if spelled:
            # Doubled: a backslash in a replacement means something.
            line = re.sub(rf"(?<![\w']){spelled}(?![\w'])", term.replace("\\", "\\\\"), line, flags=re.I)
    line = re.sub(r"(?<=\d) percent\b", "%", line)
    for name, mark in _MARKS.items():
        line = re.sub(rf"\s*\b{name}\b[ \t]*", mark if "\n" in mark else f"{mark} ", line, flags=re.I)
    return _sentences(line.strip(" "))


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:] if re.split(r"'", word)[0] in _PROPER else word


def _sentences(line: str) -> str:
    """Begin each sentence with a capital, and end the last one."""
    pieces: Sequence[str] = re.split(r"((?:[.?!]+\s|\n)\s*)", line)
    written = "".join(piece[:1].upper() + piece[1:] for piece in pieces)
    if re.search(r"[.?!:,\n]$", written):
        return written
    said = [word.lower() for word in pieces[-1].split()]
    if said and said[0] in _BEFORE:  # "at what temperature"
        said = said[1:]
    return f"{written}{'?' if said and said[0] in _ASKING else '.'}"
