"""The floor: who may speak, as a table from floor and event to the next floor."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    ConnectionReplaced,
    Event,
    Interrupted,
    OutputAudio,
    OutputText,
    SessionEnded,
    TextSent,
    ToolCall,
    ToolCallCancelled,
    ToolResult,
    TurnComplete,
    WaitingForInput,
)


class Floor(enum.Enum):
    """Who may speak. Changed only by `FLOOR`, and by silence for models that do not complete turns."""

    LISTENING = "listening"
    USER = "user"
    THINKING = "thinking"
    MODEL = "model"
    TOOL = "tool"


#: Floor → event → next floor. An event missing in a row leaves the floor unchanged: servers differ in what
#: they send and when, so no order of events is treated as an error.
FLOOR: Final[Mapping[Floor, Mapping[type, Floor]]] = {
    Floor.LISTENING: {
        ActivityStart: Floor.USER,
        TextSent: Floor.THINKING,
        OutputAudio: Floor.MODEL,
        OutputText: Floor.MODEL,
        ToolCall: Floor.TOOL,
    },
    Floor.USER: {
        ActivityEnd: Floor.THINKING,
        TextSent: Floor.THINKING,
        OutputAudio: Floor.MODEL,
        OutputText: Floor.MODEL,
        ToolCall: Floor.TOOL,
        ConnectionReplaced: Floor.LISTENING,
        SessionEnded: Floor.LISTENING,
    },
    Floor.THINKING: {
        ActivityStart: Floor.USER,
        OutputAudio: Floor.MODEL,
        OutputText: Floor.MODEL,
        ToolCall: Floor.TOOL,
        WaitingForInput: Floor.LISTENING,
        TurnComplete: Floor.LISTENING,
        ConnectionReplaced: Floor.LISTENING,
        SessionEnded: Floor.LISTENING,
    },
    Floor.MODEL: {
        ActivityStart: Floor.USER,
        TextSent: Floor.THINKING,
        ToolCall: Floor.TOOL,
        Interrupted: Floor.LISTENING,
        TurnComplete: Floor.LISTENING,
        ConnectionReplaced: Floor.LISTENING,
        SessionEnded: Floor.LISTENING,
    },
    # TurnComplete is missing: 2.5 models complete their turn before they receive the tool's result.
    Floor.TOOL: {
        ActivityStart: Floor.USER,
        TextSent: Floor.THINKING,
        OutputAudio: Floor.MODEL,
        OutputText: Floor.MODEL,
        ToolResult: Floor.THINKING,
        ToolCallCancelled: Floor.LISTENING,
        Interrupted: Floor.LISTENING,
        ConnectionReplaced: Floor.LISTENING,
        SessionEnded: Floor.LISTENING,
    },
}


class FloorState:
    """The current floor, and the user's input that the model has not begun to answer.

    Attributes:
        floor: Who may speak.
        pending: Unanswered input: the start and end of speech, or typed text.
        is_alone: Whether nothing else was unanswered or being answered when that input began, so that it has
            interrupted nothing.
    """

    def __init__(self) -> None:
        self.floor = Floor.LISTENING
        self.pending: list[Event] = []
        self.is_alone = True

    def begin_input(self, event: Event) -> None:
        """The user begins to speak, or has typed: `event` awaits an answer."""
        self.is_alone = self.floor is Floor.LISTENING
        self.pending = [event]

    @property
    def end_is_unannounced(self) -> bool:
        """Whether the user has spoken and nothing will say when that ends, as transcripts alone do not."""
        return self.floor is Floor.USER and any(
            isinstance(event, ActivityStart) and event.inferred for event in self.pending
        )

    def step(self, event: Event) -> None:
        """Move the floor."""
        self.floor = FLOOR[self.floor].get(type(event), self.floor)

    def reset(self) -> None:
        """Give the floor to nobody and forget pending input."""
        self.floor = Floor.LISTENING
        self.pending = []

    def forget_pending(self) -> None:
        """Forget pending input; nobody thinks about it any more."""
        self.pending = []
        if self.floor is Floor.THINKING:
            self.floor = Floor.LISTENING

    def step_and_replay_pending(self, event: Event) -> None:
        """Move the floor at the end of a model turn. Input made during that turn still awaits an answer."""
        self.step(event)
        for pending in self.pending:
            self.step(pending)


def diagram() -> str:
    """Return `FLOOR` as a Mermaid state diagram, for CONTRIBUTING.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {Floor.LISTENING.name}"]
    for floor, row in FLOOR.items():
        arrows: dict[Floor, list[str]] = {}
        for event, target in row.items():
            arrows.setdefault(target, []).append(event.__name__)
        for target, names in arrows.items():
            lines.append(f"    {floor.name} --> {target.name}: {', '.join(names)}")
    return "\n".join(lines) + "\n"
