"""What a session of the stand-in hears, thinks and speaks with."""

from __future__ import annotations

from dataclasses import dataclass

from livewidget.clock import Clock
from livewidget.standin.memory import Memories
from livewidget.standin.seams import Brain, Ears, Voice


@dataclass(frozen=True, slots=True)
class Senses:
    """Shared by all sessions of one stand-in.

    Attributes:
        ears: What listens.
        brain: What thinks.
        voice: What speaks.
        clock: What it goes by.
        memories: Where resumption handles lead.
        own: The tutor's own brain is at work, which looks at pictures and remembers the talk.
        late: What the user said is told when the answer has begun, as the service may do it.
    """

    ears: Ears
    brain: Brain
    voice: Voice
    clock: Clock
    memories: Memories
    own: bool = True
    late: bool = False
