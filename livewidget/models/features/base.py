"""`Feature`: one field of a session's configuration, as the table describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from livewidget.models.model import Model

Kind = Literal["switch", "choice", "number", "text", "names", "json"]
Taken = Literal["taken", "ignored", "refused"]

INT32: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One field: where it is in Python and on the wire, what it may hold, and which models have it.

    Attributes:
        name: Its name here; a field of a part has the part's name before it: "turn_detection.silence_ms".
        path: Where it is in `LiveConfig`, if not under its name.
        group: Under which heading it is shown.
        label: A few words for people.
        wire: Where it is in `setup`, in the wire's spelling: "generationConfig.temperature".
        about: What it does, in one line.
        kind: "switch" (bool), "choice" (one of some words), "number", "text", "names" (a list of words),
            "json" (an object).
        default: What `LiveConfig` holds where nothing is said; it leaves the field to the service.
        unsaid: What the service does then, in a few words.
        choices: What a choice may be, with what it is on the wire.
        choices_of: Name of the model's attribute that lists its choices, where models differ.
        notes: A word about a choice, for people.
        lowest: Smallest number.
        highest: Largest number; `INT32` where there is no limit but the wire's.
        whole: Whether the number has no fraction.
        unit: Of the number.
        needs: Name of the model's attribute that says whether the model has it; "": every model has.
        heeded: Name of the model's attribute that says whether the model heeds it; it may be sent to others
            all the same.
        instead: What a model without it does instead; for errors.
        live: Name of the model's attribute that says whether it can change while the session runs.
    """

    name: str
    group: str
    label: str
    wire: str
    about: str
    kind: Kind
    path: str = ""
    default: Any = None
    unsaid: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    choices_of: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    lowest: float = 0
    highest: float = INT32
    whole: bool = False
    unit: str = ""
    needs: str = ""
    heeded: str = ""
    instead: str = ""
    live: str = ""

    @property
    def where(self) -> str:
        """Where it is in `LiveConfig`."""
        return self.path or self.name

    def has(self, model: Model) -> bool:
        """Tell whether `model` accepts it."""
        return not self.needs or bool(getattr(model, self.needs))

    def taken(self, model: Model) -> Taken:
        """Tell what the service does with it for `model`: takes it, ignores it, or refuses the session."""
        if not self.has(model):
            return "refused"
        return "ignored" if self.heeded and not getattr(model, self.heeded) else "taken"

    def choices_for(self, model: Model) -> tuple[str, ...]:
        """Return what a choice may be on `model`, as in `LiveConfig`; () where anything may be."""
        if not self.choices_of:
            return tuple(self.choices)
        listed: tuple[str, ...] = getattr(model, self.choices_of)
        if not self.choices:
            return listed
        return tuple(name for name, wire in self.choices.items() if wire in listed)

    def on_the_wire(self, value: Any) -> Any:
        """Return a value of `LiveConfig` as it is on the wire."""
        return self.choices.get(value, value) if isinstance(value, str) else value
