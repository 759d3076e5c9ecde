"""Who may speak: a table from floor and event to floor. Everything that moves the floor is in `FLOOR`."""

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
    """Who may speak. Changed only by `FLOOR`, and by silence where a model completes no turns."""

    LISTENING = "listening"
    USER = "user"
    THINKING = "thinking"
    MODEL = "model"
    TOOL = "tool"


#: Floor → event → floor. An event absent from a row leaves the floor as it is: servers differ in what they
#: send and when, and no order of theirs is an error.
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
    # TurnComplete is absent: 2.5 models complete their turn before the tool's result is sent.
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


def step(floor: Floor, event: Event) -> Floor:
    """Return the floor after `event`."""
    return FLOOR[floor].get(type(event), floor)


class FloorState:
    """Gives the floor, and remembers what the user did since the model's open turn began.

    Attributes:
        floor: Who may speak.
        asked: Start and end of speech or typed text that still wait for an answer.
    """

    def __init__(self) -> None:
        self.floor = Floor.LISTENING
        self.asked: list[Event] = []

    def step(self, event: Event) -> None:
        """Move the floor."""
        self.floor = step(self.floor, event)

    def free(self) -> None:
        """Nobody speaks any more, in a talk that has no turns to complete."""
        self.floor = Floor.LISTENING
        self.asked = []

    def step_and_ask_again(self, event: Event) -> None:
        """The model's turn is over; what the user did meanwhile still waits for an answer."""
        self.step(event)
        for asked in self.asked:
            self.step(asked)


def diagram() -> str:
    """Return `FLOOR` as the text of a Mermaid state diagram, for CONTRIBUTING.md."""
    lines = ["stateDiagram-v2", f"    [*] --> {Floor.LISTENING.name}"]
    for floor, row in FLOOR.items():
        arrows: dict[Floor, list[str]] = {}
        for event, target in row.items():
            arrows.setdefault(target, []).append(event.__name__)
        for target, names in arrows.items():
            lines.append(f"    {floor.name} --> {target.name}: {', '.join(names)}")
    return "\n".join(lines) + "\n"
