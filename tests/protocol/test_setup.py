"""The first frame: what is in it, where, and what never is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from livewidget.config import Compression, LiveConfig, Transcription, TurnDetection
from livewidget.errors import ConfigError
from livewidget.models import find
from livewidget.protocol import ClientMessageError, decode_client, encode_client, setup_message
from livewidget.protocol.messages import FunctionDeclaration

LIVE = find("gemini-3.8-live", "gemini")


def setup(config: LiveConfig | None = None, model: Any = LIVE, **options: Any) -> dict[str, Any]:
    frame = json.loads(encode_client(setup_message(config or LiveConfig(), "models/m", model, **options)))
    assert list(frame) == ["setup"]
    return frame["setup"]  # type: ignore[no-any-return]


def test_the_least() -> None:
    config = LiveConfig(input_transcript=False, output_transcript=False, resumption=False)
    assert setup(config) == {"model": "models/m", "generationConfig": {"responseModalities": ["AUDIO"]}}


def test_by_itself_it_asks_for_transcripts_and_handles() -> None:
    assert setup() == {
        "model": "models/m",
        "generationConfig": {"responseModalities": ["AUDIO"]},
        "sessionResumption": {},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }


def test_a_handle_is_there_or_absent_and_never_null() -> None:
    assert setup(handle="h")["sessionResumption"] == {"handle": "h"}
    assert setup(LiveConfig(resumption=False), handle="h")["sessionResumption"] == {"handle": "h"}
    assert "sessionResumption" not in setup(LiveConfig(resumption=False))
    assert "null" not in encode_client(setup_message(LiveConfig(), "models/m", LIVE))


EVERYTHING = LiveConfig(
    system_instruction="Be brief.",
    voice="Kore",
    temperature=0.5,
    top_p=0.9,
    top_k=40,
    max_output_tokens=100,
    seed=7,
    media_resolution="low",
    turn_detection=TurnDetection(
        silence_ms=500,
        prefix_padding_ms=20,
        start_sensitivity="low",
        end_sensitivity="high",
        interrupts=False,
        turn_coverage="all_input",
    ),
    input_transcript=Transcription(languages=("en-US",), vocabulary=("Jupyter",)),
    output_transcript=True,
    compression=Compression(trigger_tokens=25_600, target_tokens=12_800),
    safety={"harassment": "BLOCK_NONE", "HARM_CATEGORY_HATE_SPEECH": "OFF"},
    google_search=True,
)


def test_everything_in_its_place() -> None:
    assert setup(EVERYTHING, declarations=[{"name": "f"}], handle="h") == {
        "model": "models/m",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "temperature": 0.5,
            "topP": 0.9,
            "topK": 40,
            "maxOutputTokens": 100,
            "seed": 7,
            "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
        },
        "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
        "tools": [{"googleSearch": {}}, {"functionDeclarations": [{"name": "f"}]}],
        "realtimeInputConfig": {
            "automaticActivityDetection": {
                "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
                "prefixPaddingMs": 20,
                "silenceDurationMs": 500,
            },
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_ALL_INPUT",
        },
        "sessionResumption": {"handle": "h"},
        "contextWindowCompression": {"triggerTokens": 25_600, "slidingWindow": {"targetTokens": 12_800}},
        "inputAudioTranscription": {"languageCodes": ["en-US"], "customVocabulary": ["Jupyter"]},
        "outputAudioTranscription": {},
        "safetySettings": [
            {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
            {"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "OFF"},
        ],
    }


def test_push_to_talk_turns_detection_off() -> None:
    config = LiveConfig.from_kwargs(turn_detection="push_to_talk")
    assert setup(config)["realtimeInputConfig"] == {"automaticActivityDetection": {"disabled": True}}


@pytest.mark.parametrize(
    ("model_id", "values", "path", "expected"),
    [
        (
            "gemini-3.8-live-extended-thinking",
            {"thinking": "low", "include_thoughts": True},
            "thinkingConfig",
            {"includeThoughts": True, "thinkingLevel": "LOW"},
        ),
        (
            "gemini-2.5-flash-native-audio-latest",
            {"thinking": 0},
            "thinkingConfig",
            {"thinkingBudget": 0},
        ),
        ("gemini-2.5-flash-native-audio-latest", {"affective_dialog": True}, "enableAffectiveDialog", True),
        (
            "gemini-3.5-live-translate-preview",
            {"translation": {"target": "pl", "echo": True}},
            "translationConfig",
            {"targetLanguageCode": "pl", "echoTargetLanguage": True},
        ),
    ],
)
def test_what_only_some_models_take(
    model_id: str, values: dict[str, Any], path: str, expected: object
) -> None:
    frame = setup(LiveConfig.from_kwargs(**values), find(model_id, "gemini"))
    assert frame["generationConfig"][path] == expected


def test_the_model_is_checked_first() -> None:
    with pytest.raises(ConfigError):
        setup(LiveConfig(thinking="low"))


def test_extra_goes_where_it_says_also_when_nobody_knows_it() -> None:
    extra = {
        "generation_config": {"presencePenalty": 0.5},
        "brandNew": {"snake_stays": 1},
        "enable_speech_to_speech_translation": True,
    }
    frame = setup(LiveConfig(temperature=1.0, extra=extra))
    assert frame["generationConfig"] == {
        "responseModalities": ["AUDIO"],
        "temperature": 1.0,
        "presencePenalty": 0.5,
    }
    assert frame["brandNew"] == {"snake_stays": 1}
    assert frame["enableSpeechToSpeechTranslation"] is True
    assert extra["generation_config"] == {"presencePenalty": 0.5}  # The user's dict is not touched.
    with pytest.raises(ClientMessageError, match="Unknown name \"brandNew\" at 'setup'"):
        decode_client(json.dumps({"setup": frame}))


def test_declarations_as_structs_and_in_either_spelling() -> None:
    schema = {"type": "object", "properties": {"a_b": {"type": "string"}}, "additionalProperties": False}
    for declaration in (
        FunctionDeclaration(name="f", parameters_json_schema=schema, behavior="NON_BLOCKING"),
        {"name": "f", "parametersJsonSchema": schema, "behavior": "NON_BLOCKING"},
        {"name": "f", "parameters_json_schema": schema, "behavior": "NON_BLOCKING"},
    ):
        [tool] = setup(declarations=[declaration])["tools"]
        assert tool == {
            "functionDeclarations": [
                {"name": "f", "parametersJsonSchema": schema, "behavior": "NON_BLOCKING"}
            ]
        }


@pytest.mark.parametrize(
    ("model_id", "declaration", "words"),
    [
        (
            "gemini-3.1-flash-live-preview",
            {"name": "f", "behavior": "NON_BLOCKING"},
            "it accepts BLOCKING; gemini-3.8-live, ",
        ),
        (
            "gemini-3.8-live-extended-thinking",
            {"name": "f", "behavior": "BLOCKING"},
            "gemini-3.8-live-extended-thinking does not take BLOCKING for the tool f",
        ),
        ("gemini-3.8-live", {"name": "f", "behaviour": "x"}, "has no field 'behaviour'"),
        ("gemini-3.8-live", {"name": 5}, "must be of another type"),
        (
            "gemini-3.8-live",
            {"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": False}},
            "put a full JSON Schema in parametersJsonSchema",
        ),
    ],
)
def test_declarations_that_a_model_does_not_take(
    model_id: str, declaration: dict[str, Any], words: str
) -> None:
    values: dict[str, Any] = {"thinking": "low"} if "thinking" in model_id else {}
    with pytest.raises(ConfigError) as caught:
        setup(LiveConfig(**values), find(model_id, "gemini"), declarations=[declaration])
    assert words in str(caught.value)


def test_a_model_without_tools() -> None:
    with pytest.raises(ConfigError, match="calls no functions"):
        setup(
            LiveConfig.from_kwargs(translation="pl"),
            find("gemini-3.5-live-translate-preview", "gemini"),
            declarations=[{"name": "f"}],
        )
