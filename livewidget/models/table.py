"""`MODELS`, the table of what each model accepts: one `Model` a row, and `find` to look one up.

The rows decide what may be sent (text in mid-session, thinking, modalities, behavior of tools) and how a turn
ends. Sources: the model pages and migration notes of ai.google.dev and docs.cloud.google.com,
November 2026, and published measurements. If nothing is published about a field, a row has the default.
`PRICES` has the prices of those whose prices are published.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

#: The prebuilt voices: name to character. Source: the Live API page of Vertex AI and the speech page of the
#: Gemini API, November 2026.
VOICES: Final = {
    "Zephyr": "bright",
    "Puck": "upbeat",
    "Charon": "informative",
    "Kore": "firm",
    "Fenrir": "excitable",
    "Leda": "youthful",
    "Orus": "firm",
    "Aoede": "breezy",
    "Callirrhoe": "easy-going",
    "Autonoe": "bright",
    "Enceladus": "breathy",
    "Iapetus": "clear",
    "Umbriel": "easy-going",
    "Algieba": "smooth",
    "Despina": "smooth",
    "Erinome": "clear",
    "Algenib": "gravelly",
    "Rasalgethi": "informative",
    "Laomedeia": "upbeat",
    "Achernar": "soft",
    "Alnilam": "firm",
    "Schedar": "even",
    "Gacrux": "mature",
    "Pulcherrima": "forward",
    "Achird": "friendly",
    "Zubenelgenubi": "casual",
    "Vindemiatrix": "gentle",
    "Sadachbia": "lively",
    "Sadaltager": "knowledgeable",
    "Sulafat": "warm",
}
#: The voices of the older models, which write an answer first and then read it out.
HALF_CASCADE_VOICES: Final = ("Puck", "Charon", "Kore", "Fenrir", "Aoede", "Leda", "Orus", "Zephyr")

Service = Literal["gemini", "vertex", "standin", "agent"]
Status = Literal["stable", "preview", "private", "shut down", "unknown"]
MidSessionText = Literal["both", "client_content", "realtime_text", "none"]

BLOCKING = "BLOCKING"
NON_BLOCKING = "NON_BLOCKING"
ACTIVITY_AND_VIDEO = "TURN_INCLUDES_AUDIO_ACTIVITY_AND_ALL_VIDEO"
ONLY_ACTIVITY = "TURN_INCLUDES_ONLY_ACTIVITY"

HOUR_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model on one service. A bool tells whether the service accepts the feature for this model.

    Attributes:
        id: The bare name, without `models/` or a project's path.
        service: Where it runs: "gemini" (Gemini Developer API), "vertex" (Vertex AI), "standin" (here) or
            "agent" (somebody's agent, here).
        status: "shut down" models are refused by the service; "private" ones need an allow-list.
        successor: What to use instead of a model that was shut down.
        modalities: What it can answer in; exactly one is chosen for a session.
        text: How text is sent once the session runs: as `clientContent`, as `realtimeInput.text`, as either,
            or not at all.
        roles_required: Whether it ends the session on a turn of `clientContent` without a role.
        seeds_history: Whether `clientContent` only seeds the history at the start, and needs `historyConfig`.
        video: Whether it accepts pictures.
        thinking: Which field of `thinkingConfig` it accepts: "budget", "level", or None: the object must be
            absent.
        thinking_levels: The levels it accepts, lowest first.
        thinking_required: Whether a level must be given.
        tool_behaviors: Behaviors that a function may be declared with; empty: no functions. The first is the
            default.
        scheduling: Whether a tool's result may say when the model speaks of it.
        will_continue: Whether a tool may answer in several results.
        turn_completes_before_result: Whether `turnComplete` comes after a blocking tool call, before its
            result; the answer is then a turn of its own.
        undisturbed_calls: Whether it ends the session if audio or text is sent while it waits for the result
            of a blocking call.
        search: Whether Google Search can be declared.
        code_execution: Whether it can run code that it writes.
        url_context: Whether it can read pages whose addresses it is given.
        system_instruction: Whether it accepts one.
        voices: The prebuilt voices; empty: the voice cannot be chosen.
        languages: Whether it honors `speechConfig.languageCode`; native audio models ignore it and follow the
            conversation.
        language_count: How many languages it speaks, if that is documented.
        transcript_hints: Whether it honors the languages expected in a transcript; it ignores them otherwise.
        vocabulary: Whether it honors words that are hard to guess in a transcript.
        transcript_modes: Styles of transcription, on models that only transcribe.
        proactive_audio: Whether it accepts `proactivity`.
        always_proactive: Whether it may always choose to stay silent; `proactivity` is refused then.
        affective_dialog: Whether it accepts `enableAffectiveDialog`.
        manual_activity: Whether automatic detection can be turned off (push-to-talk).
        stream_end_ends_turn: Whether `audioStreamEnd` alone ends the user's turn; else it is ended by silence
            only, which has to be sent first.
        silence_ms: Silence that ends the user's turn unless the session sets another, as measured.
        vad_signal: Whether it accepts `explicitVadSignal`.
        compression: Whether the context window can be compressed.
        resumption: Whether a session can be resumed.
        transparent_resumption: Whether the service can report which of the client's messages it has consumed.
        translation: Whether it translates; such a model never completes a turn.
        translation_by_language: Whether its target language is `speechConfig.languageCode`, announced by
            `enableSpeechToSpeechTranslation`, instead of `translationConfig`.
        context_update: Whether instructions and tools can change while the session runs.
        media_chunks: Whether it accepts audio in the deprecated `mediaChunks`.
        one_part_per_event: Whether a word and its audio come in two messages, as from models before 3.
        turn_coverage: What belongs to a turn by default.
        api_version: The version to dial.
        alpha_version: The version to dial for affective dialog and proactive audio.
        context_tokens: Length of the context window.
        connection_ms: How long one connection lasts; `goAway` comes before its end. 0: without end.
        handle_ms: How long a resumption handle is valid after the connection.
        known: False for the permissive row of a model that is not in the table.
        takes: Names of the features of `FEATURES` that an agent passes on to its model, in place of what the
            other columns say; None: this is no agent, and they say it.
        settings_of: Whose all other settings are, where `takes` is not None: "the ADK agent lamp".
    """

    id: str
    service: Service
    status: Status = "stable"
    successor: str | None = None
    modalities: tuple[str, ...] = ("AUDIO",)
    text: MidSessionText = "both"
    roles_required: bool = False
    seeds_history: bool = False
    video: bool = True
    thinking: Literal["budget", "level"] | None = None
    thinking_levels: tuple[str, ...] = ()
    thinking_required: bool = False
    tool_behaviors: tuple[str, ...] = (BLOCKING, NON_BLOCKING)
    scheduling: bool = False
    will_continue: bool = False
    turn_completes_before_result: bool = False
    undisturbed_calls: bool = False
    search: bool = True
    code_execution: bool = False
    url_context: bool = False
    system_instruction: bool = True
    voices: tuple[str, ...] = tuple(VOICES)
    languages: bool = False
    language_count: int | None = None
    transcript_hints: bool = True
    vocabulary: bool = False
    transcript_modes: tuple[str, ...] = ()
    proactive_audio: bool = False
    always_proactive: bool = False
    affective_dialog: bool = False
    manual_activity: bool = True
    stream_end_ends_turn: bool = True
    silence_ms: int = 800
    vad_signal: bool = False
    compression: bool = True
    resumption: bool = True
    transparent_resumption: bool = False
    translation: bool = False
    translation_by_language: bool = False
    context_update: bool = False
    media_chunks: bool = True
    one_part_per_event: bool = False
    turn_coverage: str = ONLY_ACTIVITY
    api_version: str = "v1beta"
    alpha_version: str | None = None
    context_tokens: int = 131_072
    connection_ms: int = 600_000
    handle_ms: int = 2 * HOUR_MS
    known: bool = True
    takes: frozenset[str] | None = None
    settings_of: str = ""

    @property
    def tools(self) -> bool:
        """Whether functions can be declared."""
        return bool(self.tool_behaviors)

    @property
    def text_by_client_content(self) -> bool:
        """Whether `clientContent` may be sent once the session runs; it interrupts the model."""
        return self.text in ("both", "client_content")

    @property
    def thinks(self) -> bool:
        """Whether it thinks before it answers, and can send its thoughts."""
        return self.thinking is not None

    @property
    def thinks_by_level(self) -> bool:
        """Whether the amount of thinking is set as a level."""
        return self.thinking == "level"

    @property
    def thinks_by_budget(self) -> bool:
        """Whether the amount of thinking is set as a number of tokens."""
        return self.thinking == "budget"

    @property
    def translation_by_config(self) -> bool:
        """Whether it accepts `translationConfig`."""
        return self.translation and not self.translation_by_language

    @property
    def completes_turns(self) -> bool:
        """Whether its turns have an end; a translation has none, and is divided by silence."""
        return not self.translation

    @property
    def dictates(self) -> bool:
        """Whether it only transcribes, and never answers."""
        return bool(self.transcript_modes)


_LIVE_3_8 = Model(
    id="gemini-3.8-live",
    service="gemini",
    tool_behaviors=(NON_BLOCKING, BLOCKING),
    scheduling=True,
    always_proactive=True,
    stream_end_ends_turn=False,  # As users report; it was not measured.
    roles_required=True,  # The same.
    media_chunks=False,
    turn_coverage=ACTIVITY_AND_VIDEO,
)
_NATIVE_2_5 = Model(
    id="gemini-2.5-flash-native-audio-latest",
    service="gemini",
    status="preview",
    text="client_content",
    thinking="budget",
    scheduling=True,
    will_continue=True,
    turn_completes_before_result=True,
    undisturbed_calls=True,
    proactive_audio=True,
    affective_dialog=True,
    transcript_hints=False,
    one_part_per_event=True,
    language_count=97,
    alpha_version="v1alpha",
)
_TRANSLATE_3_5 = Model(
    id="gemini-3.5-live-translate-preview",
    service="gemini",
    status="preview",
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    system_instruction=False,
    voices=(),
    translation=True,
    language_count=70,
)
_TRANSCRIBE_3_5 = Model(
    id="gemini-3.5-transcribe-live",
    service="gemini",
    modalities=("TEXT",),
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    voices=(),
    vocabulary=True,
    transcript_modes=("VERBATIM", "SMART"),
    language_count=85,
)
_HALF_CASCADE = Model(
    id="gemini-live-2.5-flash-preview",
    service="gemini",
    status="shut down",
    successor="gemini-3.8-live",
    modalities=("AUDIO", "TEXT"),
    text="client_content",
    voices=HALF_CASCADE_VOICES,
    languages=True,
    scheduling=True,
    turn_completes_before_result=True,
    code_execution=True,
    url_context=True,
    one_part_per_event=True,
)
_S2ST_2_5 = Model(
    id="gemini-2.5-flash-s2st-exp-11-2025",
    service="vertex",
    status="private",
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    system_instruction=False,
    voices=(),
    languages=True,
    translation=True,
    translation_by_language=True,
    one_part_per_event=True,
    api_version="v1beta1",
    handle_ms=24 * HOUR_MS,
)


def _on_vertex(model: Model, id: str | None = None, /, **changes: object) -> Model:
    """The same model on Vertex AI, which has no v1alpha and puts `turnComplete` before a tool's result."""
    base = replace(
        model,
        id=id or model.id,
        service="vertex",
        api_version="v1beta1",
        alpha_version=None,
        roles_required=False,
        will_continue=False,
        turn_completes_before_result=model.tools,
        vad_signal=True,
        transparent_resumption=True,
        handle_ms=24 * HOUR_MS,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


#: Every model known here; those of one service have different ids.
MODELS: tuple[Model, ...] = (
    _LIVE_3_8,
    replace(
        _LIVE_3_8,
        id="gemini-3.8-live-extended-thinking",
        thinking="level",
        thinking_levels=("LOW", "MEDIUM", "HIGH"),
        thinking_required=True,
        tool_behaviors=(NON_BLOCKING,),
        scheduling=False,
    ),
    Model(
        id="gemini-3.1-flash-live-preview",
        service="gemini",
        status="preview",
        text="realtime_text",
        roles_required=True,  # As users report; it was not measured.
        seeds_history=True,
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
        tool_behaviors=(BLOCKING,),
        turn_coverage=ACTIVITY_AND_VIDEO,
    ),
    _NATIVE_2_5,
    replace(_NATIVE_2_5, id="gemini-2.5-flash-native-audio-preview-12-2025"),
    replace(_NATIVE_2_5, id="gemini-2.5-flash-native-audio-preview-09-2025"),
    _TRANSLATE_3_5,
    _TRANSCRIBE_3_5,
    _HALF_CASCADE,
    replace(_HALF_CASCADE, id="gemini-2.0-flash-live-001"),
    _on_vertex(_LIVE_3_8, modalities=("AUDIO", "VIDEO"), context_update=True, vocabulary=True),
    _on_vertex(
        _NATIVE_2_5,
        "gemini-live-2.5-flash-native-audio",
        status="stable",
        thinking=None,
        language_count=24,
    ),
    _on_vertex(_NATIVE_2_5, "gemini-live-2.5-flash-preview-native-audio-09-2025", language_count=24),
    _on_vertex(_HALF_CASCADE, "gemini-live-2.5-flash", status="private", successor=None),
    _on_vertex(
        _HALF_CASCADE,
        "gemini-2.0-flash-live-preview-04-09",
        status="preview",
        successor=None,
        context_tokens=32_768,
    ),
    _on_vertex(_TRANSLATE_3_5),
    _on_vertex(_TRANSCRIBE_3_5, "gemini-3.5-transcribe-live-preview", status="preview"),
    _S2ST_2_5,
    replace(_S2ST_2_5, id="gemini-2.5-flash-s2st-11-2025-exp"),  # The documentation prints both names.
    Model(
        id="offline-tutor",
        service="standin",
        scheduling=True,
        will_continue=True,
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
        code_execution=True,
        url_context=True,
        vocabulary=True,
        proactive_audio=True,
        affective_dialog=True,
        context_update=True,
        turn_coverage=ACTIVITY_AND_VIDEO,
        language_count=1,
    ),
)

_BY_NAME: dict[tuple[str, str], Model] = {(model.service, model.id): model for model in MODELS}


def bare_id(model_id: str) -> str:
    """Return the id without a path: "x" for `models/x`, `publishers/google/models/x` and the like."""
    return model_id.rpartition("/")[2]


def find(model_id: str, service: str) -> Model:
    """Return the row of `model_id` on `service`; the id may have `models/` or a project's path before it.

    A model that is not in the table gets a row that permits everything, with `known=False`.
    """
    name = bare_id(model_id)
    return _BY_NAME.get((service, name)) or _permissive(name, service)


def _permissive(model_id: str, service: str) -> Model:
    vertex = service == "vertex"
    return Model(
        id=model_id,
        service=service,  # type: ignore[arg-type]
        status="unknown",
        modalities=("AUDIO", "TEXT", "VIDEO"),
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"),
        scheduling=True,
        will_continue=True,
        code_execution=True,
        url_context=True,
        languages=True,
        vocabulary=True,
        proactive_audio=True,
        affective_dialog=True,
        stream_end_ends_turn=False,  # Silence harms nobody.
        vad_signal=vertex,
        transparent_resumption=vertex,
        context_update=vertex,
        api_version="v1beta1" if vertex else "v1beta",
        known=False,
    )


def agent_model(
    name: str,
    *,
    settings_of: str,
    takes: Collection[str] = (),
    text: bool = True,
    images: bool = True,
    tools: bool = True,
    push_to_talk: bool = False,
    takes_new_tools: bool = False,
) -> Model:
    """Return the row of somebody's agent: what it does by itself is no setting here.

    Args:
        name: Its name.
        settings_of: Whose the settings are, in a sentence: "the ADK agent lamp".
        takes: Names of the features of `FEATURES` that it passes on to its model.
        text: Whether it can be typed to.
        images: Whether it looks at pictures.
        tools: Whether it calls the notebook's functions.
        push_to_talk: Whether the user may say when speech begins and ends.
        takes_new_tools: Whether the notebook's functions may change while it runs.
    """
    return Model(
        id=name,
        service="agent",
        text="client_content" if text else "none",
        video=images,
        tool_behaviors=(BLOCKING, NON_BLOCKING) if tools else (),
        search=False,
        system_instruction="system_instruction" in takes,
        voices=tuple(VOICES) if "voice" in takes else (),
        transcript_hints=False,
        manual_activity=push_to_talk,
        stream_end_ends_turn=False,  # Silence harms nobody, and ends a turn wherever silence does.
        compression=False,
        resumption=False,
        context_update=takes_new_tools,
        context_tokens=0,
        connection_ms=0,
        takes=frozenset(takes) | ({"turn_detection.mode"} if push_to_talk else frozenset()),
        settings_of=settings_of,
    )


def suggest(model_id: str, service: str | None = None) -> str | None:
    """Return the id in the table that is spelled most like `model_id`, or None if none is similar."""
    names = [
        model.id
        for model in MODELS
        if model.status != "shut down" and (service is None or model.service == service)
    ]
    # Ids have much in common, so that difflib's default, 0.6, finds slips of the finger and little else.
    near = difflib.get_close_matches(bare_id(model_id).lower(), names, n=1, cutoff=0.6)
    return near[0] if near else None


#: Names of languages in English, and what their speakers call them, by BCP-47 code. Chosen: what people ask a
#: model to speak; it need not be all, since a code is taken as it is.
_LANGUAGE_NAMES: Final = {
    "af": "Afrikaans",
    "ak": "Akan",
    "am": "Amharic",
    "ar": "Arabic, العربية",
    "as": "Assamese",
    "az": "Azerbaijani, Azeri",
    "be": "Belarusian",
    "bg": "Bulgarian, български",
    "bn": "Bengali, Bangla, বাংলা",
    "bs": "Bosnian",
    "ca": "Catalan, Català",
    "ceb": "Cebuano",
    "cmn": "Mandarin, Mandarin Chinese",
    "cs": "Czech, Čeština",
    "cy": "Welsh, Cymraeg",
    "da": "Danish, Dansk",
    "de": "German, Deutsch",
    "de-AT": "Austrian German, German (Austria)",
    "de-CH": "Swiss German, German (Switzerland)",
    "de-DE": "German (Germany)",
    "el": "Greek, Ελληνικά",
    "en": "English",
    "en-AU": "Australian English, English (Australia)",
    "en-GB": "British English, English (United Kingdom), English (UK)",
    "en-IN": "Indian English, English (India)",
    "en-US": "American English, US English, English (United States), English (US)",
    "eo": "Esperanto",
    "es": "Spanish, Castilian, Español, Castellano",
    "es-419": "Latin American Spanish, Spanish (Latin America)",
    "es-ES": "European Spanish, Spanish (Spain)",
    "es-MX": "Mexican Spanish, Spanish (Mexico)",
    "es-US": "US Spanish, Spanish (United States), Spanish (US)",
    "et": "Estonian, Eesti",
    "eu": "Basque, Euskara",
    "fa": "Persian, Farsi, فارسی",
    "fi": "Finnish, Suomi",
    "fil": "Filipino, Tagalog",
    "fo": "Faroese",
    "fr": "French, Français",
    "fr-CA": "Canadian French, French (Canada)",
    "fr-FR": "French (France)",
    "ga": "Irish, Gaeilge",
    "gl": "Galician, Galego",
    "gu": "Gujarati",
    "ha": "Hausa",
    "he": "Hebrew, עברית",
    "hi": "Hindi, हिन्दी",
    "hr": "Croatian, Hrvatski",
    "ht": "Haitian Creole, Haitian",
    "hu": "Hungarian, Magyar",
    "hy": "Armenian",
    "id": "Indonesian, Bahasa Indonesia",
    "ig": "Igbo",
    "is": "Icelandic, Íslenska",
    "it": "Italian, Italiano",
    "ja": "Japanese, 日本語",
    "jv": "Javanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer, Cambodian",
    "kn": "Kannada",
    "ko": "Korean, 한국어",
    "ku": "Kurdish",
    "ky": "Kyrgyz",
    "la": "Latin",
    "lb": "Luxembourgish",
    "lo": "Lao",
    "lt": "Lithuanian, Lietuvių",
    "lv": "Latvian, Latviešu",
    "mg": "Malagasy",
    "mi": "Maori, Māori",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay, Bahasa Melayu",
    "mt": "Maltese",
    "my": "Burmese, Myanmar",
    "nb": "Norwegian Bokmål, Bokmål",
    "ne": "Nepali",
    "nl": "Dutch, Flemish, Nederlands",
    "nn": "Norwegian Nynorsk, Nynorsk",
    "no": "Norwegian, Norsk",
    "ny": "Chichewa, Nyanja",
    "or": "Odia, Oriya",
    "pa": "Punjabi",
    "pl": "Polish, Polski",
    "ps": "Pashto",
    "pt": "Portuguese, Português",
    "pt-BR": "Brazilian Portuguese, Portuguese (Brazil), Brazilian",
    "pt-PT": "European Portuguese, Portuguese (Portugal)",
    "ro": "Romanian, Română",
    "ru": "Russian, Русский",
    "rw": "Kinyarwanda",
    "sd": "Sindhi",
    "si": "Sinhala, Sinhalese",
    "sk": "Slovak, Slovenčina",
    "sl": "Slovenian, Slovene, Slovenščina",
    "sn": "Shona",
    "so": "Somali",
    "sq": "Albanian, Shqip",
    "sr": "Serbian, Српски",
    "st": "Sesotho, Southern Sotho",
    "su": "Sundanese",
    "sv": "Swedish, Svenska",
    "sw": "Swahili, Kiswahili",
    "ta": "Tamil, தமிழ்",
    "te": "Telugu",
    "tg": "Tajik",
    "th": "Thai, ไทย",
    "tr": "Turkish, Türkçe",
    "uk": "Ukrainian, Українська",
    "ur": "Urdu, اردو",
    "uz": "Uzbek",
    "vi": "Vietnamese, Tiếng Việt",
    "xh": "Xhosa",
    "yi": "Yiddish",
    "yo": "Yoruba",
    "yue": "Cantonese",
    "zh": "Chinese, 中文",
    "zh-Hans": "Simplified Chinese, Chinese (Simplified), 简体中文",
    "zh-Hant": "Traditional Chinese, Chinese (Traditional), 繁體中文",
    "zu": "Zulu",
}
_LANGUAGE_CODES: Final = {
    name.casefold(): code for code, names in _LANGUAGE_NAMES.items() for name in names.split(", ")
}
#: The English name of each, the first of its names.
LANGUAGES: Final = {code: names.split(", ")[0] for code, names in _LANGUAGE_NAMES.items()}
_LANGUAGE_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def language_code(language: str) -> str | None:
    """Return the BCP-47 code of a language given by name ("Spanish") or by code ("es", "pt_br").

    None if it is neither. A code is not looked up, since services know more of them than are listed here.
    """
    text = " ".join(language.split())
    code = _LANGUAGE_CODES.get(text.casefold())
    if code is not None:
        return code
    if not _LANGUAGE_TAG.fullmatch(text):
        return None
    first, *rest = text.replace("_", "-").split("-")
    # BCP-47 writes en-US and zh-Hans.
    return "-".join([first.lower(), *(_cased(part) for part in rest)])


def _cased(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()


# --- Prices ------------------------------------------------------------------------------------------------

#: The day on which the prices below were collected: those published for the Gemini Developer API. Taxes, free
#: tiers and Vertex AI's own prices are not included; a model without a row has no estimate.
PRICES_OF: Final = "2026-11-22"

_MILLION: Final = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens of each kind."""

    text_in: float
    audio_in: float
    picture_in: float
    text_out: float
    audio_out: float

    def of(self, prompt: Mapping[str, int], response: Mapping[str, int]) -> float:
        """Return the price in dollars of tokens by modality ("TEXT", "AUDIO", "IMAGE", "VIDEO").

        Modalities without a price of their own count as text.
        """
        into = {"AUDIO": self.audio_in, "IMAGE": self.picture_in, "VIDEO": self.picture_in}
        out = {"AUDIO": self.audio_out}
        sent = sum(count * into.get(kind, self.text_in) for kind, count in prompt.items())
        got = sum(count * out.get(kind, self.text_out) for kind, count in response.items())
        return (sent + got) / _MILLION


_PRICE_3_8: Final = Price(text_in=0.75, audio_in=3.00, picture_in=1.00, text_out=4.50, audio_out=12.00)
_PRICE_2_5: Final = Price(text_in=0.50, audio_in=3.00, picture_in=3.00, text_out=2.00, audio_out=12.00)
# Only audio goes in and out, with its transcripts.
_PRICE_TRANSLATE: Final = Price(text_in=3.50, audio_in=3.50, picture_in=3.50, text_out=21.00, audio_out=21.00)

#: Prices by model id, on the Gemini Developer API.
PRICES: Final[Mapping[str, Price]] = {
    "gemini-3.8-live": _PRICE_3_8,
    "gemini-2.5-flash-native-audio-latest": _PRICE_2_5,
    "gemini-2.5-flash-native-audio-preview-12-2025": _PRICE_2_5,
    "gemini-2.5-flash-native-audio-preview-09-2025": _PRICE_2_5,
    "gemini-3.5-live-translate-preview": _PRICE_TRANSLATE,
}


def estimate(model: Model, prompt: Mapping[str, int], response: Mapping[str, int]) -> float | None:
    """Return about how many US dollars these tokens cost on `model`, or None if no price is known.

    Args:
        model: The row; only those of the Gemini Developer API have prices here.
        prompt: Tokens sent, by modality; the service counts the whole context again in each turn.
        response: Tokens received, by modality.
    """
    if model.service == "standin":
        return 0.0
    price = PRICES.get(model.id) if model.service == "gemini" else None
    return None if price is None else price.of(prompt, response)
