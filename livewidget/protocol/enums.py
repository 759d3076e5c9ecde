"""The words that fields of enum types may hold, by struct and camelCase name; the service refuses others.

Only what a client sends is here. What a server sends stays text: a word of tomorrow is passed on.
"""

from __future__ import annotations

_BEHAVIORS = ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING")
_MODALITIES = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO", "VIDEO")


def _named(prefix: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in ("UNSPECIFIED", *names))


CHOICES: dict[tuple[str, str], frozenset[str]] = {
    key: frozenset(names)
    for key, names in {
        ("GenerationConfig", "responseModalities"): _MODALITIES,
        ("GenerationConfig", "mediaResolution"): _named("MEDIA_RESOLUTION", "LOW", "MEDIUM", "HIGH"),
        ("ThinkingConfig", "thinkingLevel"): (
            "THINKING_LEVEL_UNSPECIFIED",
            "MINIMAL",
            "LOW",
            "MEDIUM",
            "HIGH",
            "XHIGH",
        ),
        ("AutomaticActivityDetection", "startOfSpeechSensitivity"): _named(
            "START_SENSITIVITY", "HIGH", "LOW"
        ),
        ("AutomaticActivityDetection", "endOfSpeechSensitivity"): _named("END_SENSITIVITY", "HIGH", "LOW"),
        ("RealtimeInputConfig", "activityHandling"): (
            "ACTIVITY_HANDLING_UNSPECIFIED",
            "START_OF_ACTIVITY_INTERRUPTS",
            "NO_INTERRUPTION",
        ),
        ("RealtimeInputConfig", "turnCoverage"): (
            "TURN_COVERAGE_UNSPECIFIED",
            "TURN_INCLUDES_ONLY_ACTIVITY",
            "TURN_INCLUDES_ALL_INPUT",
            "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
        ),
        ("AudioTranscriptionConfig", "mode"): ("MODE_UNSPECIFIED", "VERBATIM", "SMART"),
        ("FunctionDeclaration", "behavior"): _BEHAVIORS,
        ("FunctionResponse", "scheduling"): ("SCHEDULING_UNSPECIFIED", "SILENT", "WHEN_IDLE", "INTERRUPT"),
    }.items()
}
