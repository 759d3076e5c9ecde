"""What is listened for where speech is only written down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from livewidget.standin.seams import Phrases, Skills, Thought, Wait
from livewidget.standin.tutor import phrasebook
from livewidget.standin.tutor.sentences import sentences

SENTENCES = (
    "this is a test", "dear anna comma", "i am writing to you today", "thank you for your letter",
    "the meeting is on monday", "please send me an answer soon", "that is all for today full stop",
    "how do you like it question mark", "with kind regards", "new paragraph", "new line",
)  # fmt: skip
SUGGESTIONS = (
    "this is a test", "what is seven plus five", "the meeting is on monday", "my name is anna",
    "how do you like it question mark",
)  # fmt: skip
_OFTEN = 8


@cache
def known() -> tuple[str, ...]:
    """Return what can be dictated: the tutor's own phrases, those of its phrasebook, and letters."""
    return (*sentences((), Skills()), *phrasebook.sentences(), *SENTENCES * _OFTEN)


class Dictation:
    """A mind that is never asked."""

    @property
    def phrases(self) -> Phrases:
        """What the ears should listen for."""
        return Phrases(known())

    async def reply(self, text: str, *, confident: bool = True) -> Thought:
        """Say nothing: what was said is written down by who heard it."""
        return Wait()

    async def result(self, name: str, result: Mapping[str, Any]) -> Thought:
        """Say nothing."""
        return Wait()
