"""Words that come a second time, mended, in place of those that came first."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Final

#: A shorter fragment is a piece of what is being said, also where it repeats a word.
FEWEST_WORDS: Final = 3.0
#: So much of the words must be the same, and in the same order.
ALIKE: Final = 0.75

#: Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without spaces: there each sign counts.
SIGN: Final = "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
_WORD: Final = re.compile(rf"{SIGN}|(?:(?!{SIGN})\w)+")
_SIGNS_A_WORD: Final = 2


def revises(texts: Sequence[str], fragment: str) -> int | None:
    """Return from which of `texts` on a fragment says them again, or None if it goes on from them.

    Some models send fragments to be appended, and now and then all of the sentence again with words changed.
    The wire does not say which it is. Taken for a revision is what begins with the same words as one of the
    texts and either goes on from all that follows it, or is like it for the most part: a speaker who begins
    two sentences alike is left alone.

    Args:
        texts: The fragments so far.
        fragment: The one that has just come.
    """
    new = _words(fragment)
    if _count(new) < FEWEST_WORDS:
        return None
    old: list[str] = []
    found = None
    for start in range(len(texts) - 1, -1, -1):
        old = [*_words(texts[start]), *old]
        if _again(old, new):
            found = start
    return found


def _again(old: list[str], new: list[str]) -> bool:
    if _count(old) < 2 or old[:2] != new[:2]:
        return False
    if new[: len(old)] == old:
        return True
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() >= ALIKE


def _count(words: list[str]) -> float:
    return sum(1 / _SIGNS_A_WORD if re.fullmatch(SIGN, word) else 1 for word in words)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
