"""The parts of a `LiveConfig` that have fields of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sensitivity = Literal["low", "high"]
TurnCoverage = Literal["only_activity", "all_input", "audio_activity_and_all_video"]


@dataclass(frozen=True, kw_only=True)
class TurnDetection:
    """How the end of what the user says is found.

    Attributes:
        mode: "automatic": the service listens for speech; "push_to_talk": the user says when.
        silence_ms: Silence that ends the user's turn, in ms; None: the service's own (about 800).
        prefix_padding_ms: Speech needed before a turn begins, in ms; None: the service's own.
        start_sensitivity: "high" takes more sounds for speech, "low" fewer.
        end_sensitivity: "high" ends speech sooner, "low" later.
        interrupts: Whether the user's speech stops the model's.
        turn_coverage: What belongs to the user's turn; None: what the model does by itself.
    """

    mode: Literal["automatic", "push_to_talk"] = "automatic"
    silence_ms: int | None = None
    prefix_padding_ms: int | None = None
    start_sensitivity: Sensitivity | None = None
    end_sensitivity: Sensitivity | None = None
    interrupts: bool = True
    turn_coverage: TurnCoverage | None = None


@dataclass(frozen=True, kw_only=True)
class Transcription:
    """How speech is written down.

    Attributes:
        languages: Languages expected, as BCP-47 codes such as "en-US"; a hint.
        vocabulary: Words that are hard to guess: names, terms; at most 1000, best below 100.
        mode: "VERBATIM" or "SMART", on models that only transcribe.
    """

    languages: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    mode: Literal["VERBATIM", "SMART"] | None = None


@dataclass(frozen=True, kw_only=True)
class Compression:
    """How a context that grows too long is shortened: the oldest turns go.

    Attributes:
        trigger_tokens: Length at which that happens; None: 80 % of the window.
        target_tokens: Length that is kept; None: half the trigger.
    """

    trigger_tokens: int | None = None
    target_tokens: int | None = None


@dataclass(frozen=True, kw_only=True)
class Translation:
    """Live translation, on models made for it.

    Attributes:
        target: Language to translate to, as a BCP-47 code such as "pl".
        echo: Whether speech that is in that language already is repeated.
    """

    target: str
    echo: bool = False
