"""The fields of a session, as data: what each is called in Python and on the wire, and which models have it.

The table has three readers and no copy: `LiveConfig` checks itself with it before anything is dialed, the
stand-in refuses with it what the service would, and the widget's settings and `livewidget models` are made
from it. Source of the wire's names, ranges and defaults: the reference of `BidiGenerateContentSetup` on
ai.google.dev and docs.cloud.google.com, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from livewidget.models.table import VOICES, Model

Kind = Literal["switch", "choice", "number", "text", "names", "json"]
Support = Literal["supported", "ignored", "refused"]

#: Largest int32, the type of the wire's numbers: the limit of a number that the documentation does not limit.
INT32: Final = 2**31 - 1

_EMPTY: Final[dict[Kind, Any]] = {"switch": False, "names": (), "json": {}}


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One field: where it is in Python and on the wire, what it may hold, and which models have it.

    Attributes:
        name: Its name here; a field of a part has the part's name before it: "turn_detection.silence_ms".
        label: A few words for people.
        wire: Where it is in `setup`, in the wire's spelling: "generationConfig.temperature".
        about: What it does, in one line.
        kind: "switch" (bool), "choice" (one of some words), "number", "text", "names" (a list of words),
            "json" (an object).
        group: The heading under which it is shown; that of its row in the table.
        config_path: Where it is in `LiveConfig`; by default its name.
        default: What `LiveConfig` holds if nothing is set; the field is then left to the service. By default
            False for a switch, an empty tuple or dict for names and JSON, else None.
        default_note: What the service does then, in a few words.
        choices: What a choice may be, with what it is on the wire.
        choices_of: Name of the model's attribute that lists its choices, where models differ.
        notes: A word about a choice, for people.
        lowest: Smallest number.
        highest: Largest number; `INT32` where there is no limit but the wire's.
        whole: Whether the number has no fraction.
        unit: Of the number.
        requires: Name of the model's attribute that tells whether the model accepts it; "": every model does.
        honored_by: Name of the model's attribute that tells whether it has an effect; "": it always has. It
            may be sent to models that ignore it.
        otherwise: What a model without it does instead; for errors.
        update_requires: Name of the model's attribute that tells whether it can change while the session
            runs; "": it cannot.
    """

    name: str
    label: str
    wire: str
    about: str
    kind: Kind
    group: str = ""
    config_path: str = ""
    default: Any = None
    default_note: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    choices_of: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    lowest: float = 0
    highest: float = INT32
    whole: bool = False
    unit: str = ""
    requires: str = ""
    honored_by: str = ""
    otherwise: str = ""
    update_requires: str = ""

    def __post_init__(self) -> None:
        if not self.config_path:
            object.__setattr__(self, "config_path", self.name)
        if self.default is None:
            object.__setattr__(self, "default", _EMPTY.get(self.kind))

    def supported_by(self, model: Model) -> bool:
        """Return whether `model` accepts it; of an agent, whether it passes it on to its model."""
        if model.takes is not None and self.name not in model.takes:
            return False
        return not self.requires or bool(getattr(model, self.requires))

    def support(self, model: Model) -> Support:
        """Return what the service does with it for `model`: honors it, ignores it, or refuses the session."""
        if not self.supported_by(model):
            return "refused"
        return "ignored" if self.honored_by and not getattr(model, self.honored_by) else "supported"

    def can_update(self, model: Model) -> bool:
        """Return whether it can change while a session with `model` runs."""
        return bool(self.update_requires) and bool(getattr(model, self.update_requires))

    def choices_for(self, model: Model) -> tuple[str, ...]:
        """Return what a choice may be on `model`, as in `LiveConfig`; () where anything may be."""
        if not self.choices_of:
            return tuple(self.choices)
        listed: tuple[str, ...] = getattr(model, self.choices_of)
        if not self.choices:
            return listed
        return tuple(name for name, wire in self.choices.items() if wire in listed)

    def to_wire(self, value: Any) -> Any:
        """Return a value of `LiveConfig` as it is on the wire."""
        return self.choices.get(value, value) if isinstance(value, str) else value


_DETECTION: Final = "realtimeInputConfig.automaticActivityDetection"
_SENSITIVITY: Final = ("low", "high")

#: The rows, by the heading under which they are shown.
_GROUPS: Final[dict[str, tuple[Feature, ...]]] = {
    "Voice and style": (
        Feature(
            name="voice",
            label="Voice",
            wire="generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName",
            about="Who speaks. Each voice has a character of its own.",
            kind="choice",
            choices_of="voices",
            notes=VOICES,
            default_note="the model's own",
            requires="voices",
            otherwise="its voice cannot be chosen",
        ),
        Feature(
            name="system_instruction",
            label="System instruction",
            wire="systemInstruction",
            about="Who the model is, and how it should behave.",
            kind="text",
            requires="system_instruction",
            otherwise="it follows no instructions",
            update_requires="context_update",
        ),
        Feature(
            name="language",
            label="Language",
            wire="generationConfig.speechConfig.languageCode",
            about="Language to speak. Newer models follow the conversation; "
            "ask them in the system instruction.",
            kind="text",
            default_note="follows the conversation",
            honored_by="languages",
            otherwise="it follows the language of the conversation; ask for one in system_instruction",
        ),
        Feature(
            name="modalities",
            label="Answers in",
            wire="generationConfig.responseModalities",
            about="Sound, or text from models that write.",
            kind="choice",
            choices_of="modalities",
            default=("AUDIO",),
        ),
        Feature(
            name="temperature",
            label="Temperature",
            wire="generationConfig.temperature",
            about="How varied the answers are: 0 always the likeliest, 2 wild.",
            kind="number",
            highest=2,
        ),
        Feature(
            name="top_p",
            label="Top P",
            wire="generationConfig.topP",
            about="Share of the likely words to choose from.",
            kind="number",
            highest=1,
        ),
        Feature(
            name="top_k",
            label="Top K",
            wire="generationConfig.topK",
            about="Number of likely words to choose from.",
            kind="number",
            lowest=1,
            whole=True,
        ),
        Feature(
            name="max_output_tokens",
            label="Longest answer",
            wire="generationConfig.maxOutputTokens",
            about="Length at which an answer is cut; a second of speech is some 25 tokens.",
            kind="number",
            lowest=1,
            whole=True,
            unit="tokens",
        ),
        Feature(
            name="presence_penalty",
            label="Presence penalty",
            wire="generationConfig.presencePenalty",
            about="Above 0: rather new words than those already said.",
            kind="number",
            lowest=-2,
            highest=2,
        ),
        Feature(
            name="frequency_penalty",
            label="Frequency penalty",
            wire="generationConfig.frequencyPenalty",
            about="Above 0: the oftener a word was said, the rarer it gets.",
            kind="number",
            lowest=-2,
            highest=2,
        ),
        Feature(
            name="seed",
            label="Seed",
            wire="generationConfig.seed",
            about="For answers that can be repeated, as far as the service can.",
            kind="number",
            lowest=-INT32 - 1,
            whole=True,
        ),
        Feature(
            name="affective_dialog",
            label="Affective dialog",
            wire="generationConfig.enableAffectiveDialog",
            about="The model heeds the tone of voice and answers in kind.",
            kind="switch",
            requires="affective_dialog",
            otherwise="it has no such mode",
        ),
        Feature(
            name="proactive_audio",
            label="Proactive audio",
            wire="proactivity.proactiveAudio",
            about="The model may stay silent where it was not meant.",
            kind="switch",
            requires="proactive_audio",
            otherwise="since 3.8 models decide by themselves when to answer, older ones always answer",
        ),
    ),
    "Thinking": (
        Feature(
            name="thinking_level",
            config_path="thinking",
            label="Thinking",
            wire="generationConfig.thinkingConfig.thinkingLevel",
            about="How long the model thinks before it answers.",
            kind="choice",
            choices={level: level.upper() for level in ("minimal", "low", "medium", "high", "xhigh")},
            choices_of="thinking_levels",
            requires="thinks_by_level",
            otherwise="it does not think",
        ),
        Feature(
            name="thinking_budget",
            config_path="thinking",
            label="Thinking",
            wire="generationConfig.thinkingConfig.thinkingBudget",
            about="How many tokens the model may think: 0 none, -1 as many as it likes.",
            kind="number",
            lowest=-1,
            whole=True,
            unit="tokens",
            requires="thinks_by_budget",
            otherwise="it does not think",
        ),
        Feature(
            name="include_thoughts",
            label="Show thoughts",
            wire="generationConfig.thinkingConfig.includeThoughts",
            about="Summaries of the thinking come before the answer.",
            kind="switch",
            requires="thinks",
            otherwise="it does not think",
        ),
    ),
    "Turn detection": (
        Feature(
            name="turn_detection.mode",
            label="Turns",
            wire=f"{_DETECTION}.disabled",
            about="The service hears when you begin and end, or you say so by a key.",
            kind="choice",
            choices={"automatic": "false", "push_to_talk": "true"},
            default="automatic",
            requires="manual_activity",
            otherwise="it always listens",
        ),
        Feature(
            name="turn_detection.start_sensitivity",
            label="Start of speech",
            wire=f"{_DETECTION}.startOfSpeechSensitivity",
            about="High takes more sounds for speech, low fewer.",
            kind="choice",
            choices={name: f"START_SENSITIVITY_{name.upper()}" for name in _SENSITIVITY},
            default_note="the service's own",
        ),
        Feature(
            name="turn_detection.prefix_padding_ms",
            label="Prefix padding",
            wire=f"{_DETECTION}.prefixPaddingMs",
            about="Speech needed before a turn begins.",
            kind="number",
            whole=True,
            unit="ms",
        ),
        Feature(
            name="turn_detection.end_sensitivity",
            label="End of speech",
            wire=f"{_DETECTION}.endOfSpeechSensitivity",
            about="High ends speech sooner, low later.",
            kind="choice",
            choices={name: f"END_SENSITIVITY_{name.upper()}" for name in _SENSITIVITY},
            default_note="the service's own",
        ),
        Feature(
            name="turn_detection.silence_ms",
            label="Silence",
            wire=f"{_DETECTION}.silenceDurationMs",
            about="Silence that ends your turn. Shorter answers sooner, longer lets you think.",
            kind="number",
            whole=True,
            unit="ms",
            default_note="about 800 ms",
        ),
        Feature(
            name="turn_detection.interrupts",
            label="You may interrupt",
            wire="realtimeInputConfig.activityHandling",
            about="Your voice stops the model's; off: it finishes what it says.",
            kind="switch",
            default=True,
        ),
        Feature(
            name="turn_detection.turn_coverage",
            label="A turn holds",
            wire="realtimeInputConfig.turnCoverage",
            about="Only your speech, all sound, or your speech with every picture.",
            kind="choice",
            choices={
                "only_activity": "TURN_INCLUDES_ONLY_ACTIVITY",
                "all_input": "TURN_INCLUDES_ALL_INPUT",
                "audio_activity_and_all_video": "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO",
            },
            default_note="as the model does",
        ),
        Feature(
            name="vad_signal",
            label="Signal of speech",
            wire="explicitVadSignal",
            about="The service says when it hears speech begin and end, in messages of their own.",
            kind="switch",
            requires="vad_signal",
            otherwise="only Vertex AI knows it",
        ),
    ),
    "Transcripts": (
        Feature(
            name="input_transcript",
            label="Write down what you say",
            wire="inputAudioTranscription",
            about="By another model than the one that answers: an approximation.",
            kind="switch",
            default=True,
        ),
        Feature(
            name="input_transcript.languages",
            label="Languages you speak",
            wire="inputAudioTranscription.languageCodes",
            about="A hint for the transcript, as language codes.",
            kind="names",
            honored_by="transcript_hints",
            otherwise="it finds out the language by itself",
        ),
        Feature(
            name="input_transcript.vocabulary",
            label="Words hard to guess",
            wire="inputAudioTranscription.customVocabulary",
            about="Names and terms; at most 1000, best below 100.",
            kind="names",
            honored_by="vocabulary",
            otherwise="it knows no vocabulary but its own",
        ),
        Feature(
            name="input_transcript.mode",
            label="Way of writing",
            wire="inputAudioTranscription.mode",
            about="Every word as it was said, or made readable.",
            kind="choice",
            choices={"VERBATIM": "VERBATIM", "SMART": "SMART"},
            choices_of="transcript_modes",
            requires="transcript_modes",
            otherwise="only models that just write down have it",
        ),
        Feature(
            name="output_transcript",
            label="Write down what it says",
            wire="outputAudioTranscription",
            about="The words come a little before their sound.",
            kind="switch",
            default=True,
        ),
        Feature(
            name="output_transcript.languages",
            label="Languages it speaks",
            wire="outputAudioTranscription.languageCodes",
            about="A hint for the transcript, as language codes.",
            kind="names",
            honored_by="transcript_hints",
            otherwise="it finds out the language by itself",
        ),
    ),
    "Built-in tools": (
        Feature(
            name="google_search",
            label="Google Search",
            wire="tools.googleSearch",
            about="The model may search, and names its sources.",
            kind="switch",
            requires="search",
            otherwise="it cannot search",
        ),
        Feature(
            name="code_execution",
            label="Code execution",
            wire="tools.codeExecution",
            about="The model may write a program and run it where it lives.",
            kind="switch",
            requires="code_execution",
            otherwise="it runs no code",
        ),
        Feature(
            name="url_context",
            label="URL context",
            wire="tools.urlContext",
            about="The model may read pages whose addresses it is told.",
            kind="switch",
            requires="url_context",
            otherwise="it reads no pages",
        ),
        Feature(
            name="hold_while_calling",
            label="Wait for your functions",
            wire="",
            about="What you say while it waits for one is kept, and sent after the result.",
            kind="switch",
            default=True,
            honored_by="undisturbed_calls",
            otherwise="it can be spoken to meanwhile",
        ),
    ),
    "Seeing": (
        Feature(
            name="media_resolution",
            label="Resolution of pictures",
            wire="generationConfig.mediaResolution",
            about="How closely it looks: 64 tokens a picture for low, 256 for medium.",
            kind="choice",
            choices={name: f"MEDIA_RESOLUTION_{name.upper()}" for name in ("low", "medium", "high")},
            default_note="the model's own",
            requires="video",
            otherwise="it takes no pictures",
        ),
    ),
    "Translation": (
        Feature(
            name="translation.target",
            label="Translate to",
            wire="generationConfig.translationConfig.targetLanguageCode",
            about="One language a session; what you speak is found out.",
            kind="text",
            requires="translation",
            otherwise="it is not made for translating",
        ),
        Feature(
            name="translation.echo",
            label="Repeat what is in it already",
            wire="generationConfig.translationConfig.echoTargetLanguage",
            about="Speech in the target language is said again instead of being left out.",
            kind="switch",
            requires="translation_by_config",
            otherwise="it takes a target and nothing else",
        ),
    ),
    "Long sessions": (
        Feature(
            name="resumption",
            label="Resumption",
            wire="sessionResumption",
            about="The service gives handles with which the talk goes on over a new connection.",
            kind="switch",
            default=True,
        ),
        Feature(
            name="transparent_resumption",
            label="Transparent resumption",
            wire="sessionResumption.transparent",
            about="The service says which of your messages it has taken in.",
            kind="switch",
            requires="transparent_resumption",
            otherwise="only Vertex AI knows it",
        ),
        Feature(
            name="compression",
            label="Compression",
            wire="contextWindowCompression",
            about="The oldest turns go before the context is full; "
            "without it a talk ends after some 15 minutes.",
            kind="switch",
            requires="compression",
            otherwise="its context is never shortened",
        ),
        Feature(
            name="compression.trigger_tokens",
            label="Compress from",
            wire="contextWindowCompression.triggerTokens",
            about="Length of the context at which that happens.",
            kind="number",
            lowest=1,
            whole=True,
            unit="tokens",
            default_note="80 % of the window",
        ),
        Feature(
            name="compression.target_tokens",
            label="Compress to",
            wire="contextWindowCompression.slidingWindow.targetTokens",
            about="Length of the context that is kept.",
            kind="number",
            whole=True,
            unit="tokens",
            default_note="half of that",
        ),
        Feature(
            name="seed_history",
            label="History first",
            wire="historyConfig.initialHistoryInClientContent",
            about="What is sent first is history and no question; some models must be told so, all may be.",
            kind="switch",
        ),
    ),
    "Everything else": (
        Feature(
            name="safety",
            label="Safety",
            wire="safetySettings",
            about='Harm category to threshold, such as {"HARASSMENT": "BLOCK_NONE"}.',
            kind="json",
        ),
        Feature(
            name="extra",
            label="Other fields",
            wire="",
            about="Fields of the setup that have no name here, sent as they are.",
            kind="json",
        ),
    ),
}
#: Every field of `LiveConfig`, in the order in which people look for them.
FEATURES: Final[tuple[Feature, ...]] = tuple(
    replace(feature, group=group) for group, features in _GROUPS.items() for feature in features
)
#: The same, each by its name.
FEATURES_BY_NAME: Final = {feature.name: feature for feature in FEATURES}
