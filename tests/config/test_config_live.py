"""A configuration is refused where it is made, in words that help, and only where the model really cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from livewidget.config import (
    Compression,
    LiveConfig,
    Transcription,
    Translation,
    TurnDetection,
    nearest,
)
from livewidget.config.config import check_tool
from livewidget.errors import ConfigError
from livewidget.models import MODELS, Model, find

LIVE = find("gemini-3.8-live", "gemini")
THINKING = find("gemini-3.8-live-extended-thinking", "gemini")
SEEDED = find("gemini-3.1-flash-live-preview", "gemini")
NATIVE = find("gemini-2.5-flash-native-audio-latest", "gemini")
TRANSLATE = find("gemini-3.5-live-translate-preview", "gemini")
TRANSCRIBE = find("gemini-3.5-transcribe-live", "gemini")
OLD = find("gemini-live-2.5-flash", "vertex")
TUTOR = find("offline-tutor", "standin")
TOMORROW = find("gemini-9-live", "gemini")
AGENT = replace(
    LIVE, id="lamp", takes=frozenset({"turn_detection.silence_ms"}), settings_of="the ADK agent lamp"
)


def test_nothing_asked_for_suits_every_model_that_speaks() -> None:
    for model in (LIVE, SEEDED, NATIVE, OLD, TUTOR, TOMORROW):
        LiveConfig().check(model)


def test_of_takes_what_people_type() -> None:
    config = LiveConfig.from_kwargs(
        voice="Kore",
        modalities="AUDIO",
        turn_detection="push_to_talk",
        translation="pl",
        input_transcript={"languages": "en-US", "vocabulary": ["Jupyter"]},
        compression={"trigger_tokens": 9000},
    )
    assert config == LiveConfig(
        voice="Kore",
        modalities=("AUDIO",),
        turn_detection=TurnDetection(mode="push_to_talk"),
        translation=Translation(target="pl"),
        input_transcript=Transcription(languages=("en-US",), vocabulary=("Jupyter",)),
        compression=Compression(trigger_tokens=9000),
    )
    assert LiveConfig.from_kwargs(modalities=["TEXT"]).modalities == ("TEXT",)
    assert LiveConfig.from_kwargs(turn_detection={"silence_ms": 500}).turn_detection.silence_ms == 500
    assert LiveConfig.from_kwargs() == LiveConfig()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"voise": "Kore"}, "did you mean voice?"),
        ({"systemInstruction": "x"}, "did you mean system_instruction?"),
        ({"Temperature": 1}, "did you mean temperature?"),
        ({"zzz": 1}, "there are system_instruction, voice"),
        ({"instructions": "x"}, "did you mean system_instruction?"),
        ({"key": "x"}, "did you mean api_key?"),
        (
            {"turn_detection": {"silence": 500}},
            "turn_detection has no option 'silence'; did you mean silence_ms?",
        ),
        ({"translation": {"echo": True}}, "translation needs its target language"),
    ],
)
def test_unknown_keywords_name_the_nearest(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(**values)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"temperature": 2.1}, "temperature must be a number from 0 to 2, not 2.1."),
        ({"temperature": "hot"}, "temperature must be a number from 0 to 2, not 'hot'."),
        ({"temperature": float("nan")}, "temperature must be a number from 0 to 2, not nan."),
        ({"temperature": True}, "temperature must be"),
        ({"top_p": -0.1}, "top_p must be a number from 0 to 1"),
        ({"top_k": 0}, "top_k must be a whole number of 1 or more, not 0."),
        ({"top_k": 1.5}, "top_k must be a whole number"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"seed": 2**40}, "seed"),
        ({"turn_detection": {"silence_ms": -1}}, "turn_detection.silence_ms"),
        ({"turn_detection": {"prefix_padding_ms": -1}}, "turn_detection.prefix_padding_ms"),
        ({"turn_detection": "telepathy"}, 'turn_detection.mode must be "automatic" or "push_to_talk"'),
        ({"turn_detection": 5}, "turn_detection must be"),
        ({"turn_detection": {"mode": "push_to_talk", "silence_ms": 5}}, "has no meaning with push_to_talk"),
        ({"turn_detection": {"start_sensitivity": "HIGH"}}, 'must be "low" or "high"'),
        ({"compression": {"trigger_tokens": 0}}, "compression.trigger_tokens"),
        ({"media_resolution": "huge"}, "media_resolution"),
        ({"input_transcript": "yes"}, "input_transcript must be True, False or a Transcription"),
        ({"input_transcript": {"mode": "CLEVER"}}, "input_transcript.mode"),
        ({"input_transcript": {"languages": 5}}, "input_transcript.languages must be a tuple of texts"),
        ({"google_search": "yes"}, "google_search must be True or False, not 'yes'."),
        ({"system_instruction": 5}, "system_instruction must be text, not int."),
        ({"thinking": True}, "thinking must be a level or a number of tokens"),
        ({"modalities": ()}, "modalities must be names"),
        ({"modalities": 5}, "modalities must be names"),
        ({"modalities": [5]}, "modalities must be names"),
        ({"extra": 5}, "extra must be a dict"),
        ({"safety": []}, "safety must be a dict"),
        ({"safety": {"HARASSMENT": 5}}, "safety must name a threshold for each category"),
    ],
)
def test_values_out_of_range(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(**values)
    assert words in str(caught.value)


def test_checked_also_when_built_without_of() -> None:
    with pytest.raises(ConfigError):
        LiveConfig(temperature=3).check(TOMORROW)


def test_long_texts_stay_out_of_errors() -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(temperature="my secret " * 9)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "values", "words"),
    [
        (
            LIVE,
            {"modalities": "TEXT"},
            'gemini-3.8-live does not take modalities ("TEXT",): it answers in "AUDIO"',
        ),
        (LIVE, {"modalities": "TEXT"}, "gemini-3.5-transcribe-live"),
        (LIVE, {"modalities": ["AUDIO", "TEXT"]}, "must name exactly one"),
        (TRANSCRIBE, {}, 'it answers in "TEXT" only'),
        (LIVE, {"thinking": "low"}, "it does not think; gemini-3.8-live-extended-thinking, "),
        (LIVE, {"thinking": 0}, "gemini-2.5-flash-native-audio-latest"),
        (LIVE, {"include_thoughts": True}, "include_thoughts"),
        (THINKING, {}, 'gemini-3.8-live-extended-thinking needs thinking: "low", "medium" or "high".'),
        (THINKING, {"thinking": 100}, 'it takes a level, "low", "medium" or "high"'),
        (THINKING, {"thinking": "minimal"}, "gemini-3.1-flash-live-preview does."),
        (NATIVE, {"thinking": "low"}, "it takes a number of tokens"),
        (NATIVE, {"thinking": -2}, "-1 for automatic"),
        (LIVE, {"proactive_audio": True}, "since 3.8 models decide by themselves"),
        (SEEDED, {"affective_dialog": True}, "gemini-2.5-flash-native-audio-latest"),
        (LIVE, {"voice": "kora"}, "gemini-3.8-live has no voice 'kora'; did you mean Kore?"),
        (LIVE, {"voice": "x"}, "it has Zephyr, Puck"),
        (OLD, {"voice": "Sulafat"}, "gemini-live-2.5-flash does not take voice Sulafat: it has Puck"),
        (TRANSLATE, {"translation": "pl", "voice": "Kore"}, "its voice cannot be chosen"),
        (TRANSLATE, {}, 'needs translation="…"'),
        (TRANSLATE, {"translation": "pl", "system_instruction": "x"}, "it follows no instructions"),
        (TRANSLATE, {"translation": "pl", "google_search": True}, "it cannot search"),
        (LIVE, {"translation": "pl"}, "gemini-3.5-live-translate-preview does."),
        (find("gemini-2.0-flash-live-001", "gemini"), {}, "was shut down; gemini-3.8-live takes its place."),
    ],
)
def test_fields_on_the_wrong_model(model: Model, values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(**values).check(model)
    assert words in str(caught.value)
    assert model.id in str(caught.value) or "-1 for automatic" in words or "exactly one" in words


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (LIVE, {"voice": "Kore", "google_search": True, "turn_detection": "push_to_talk"}),
        (THINKING, {"thinking": "high", "include_thoughts": True}),
        (SEEDED, {"thinking": "MINIMAL", "seed_history": True}),
        (LIVE, {"seed_history": True}),
        (NATIVE, {"thinking": 0, "proactive_audio": True, "affective_dialog": True}),
        (NATIVE, {"thinking": -1}),
        (TRANSLATE, {"translation": {"target": "pl", "echo": True}}),
        (TRANSCRIBE, {"modalities": "TEXT", "input_transcript": {"mode": "SMART"}}),
        (OLD, {"modalities": "TEXT", "language": "en-US", "voice": "Puck"}),
        (TUTOR, {"voice": "Kore", "temperature": 0.5, "compression": True}),
    ],
)
def test_fields_on_the_right_model(model: Model, values: dict[str, Any]) -> None:
    LiveConfig.from_kwargs(**values).check(model)


def test_what_a_model_ignores_is_sent_and_said() -> None:
    config = LiveConfig.from_kwargs(language="pl", input_transcript={"vocabulary": ["Jupyter"]})
    config.check(LIVE)
    assert config.warnings(LIVE) == [
        "gemini-3.8-live ignores language: it follows the language of the conversation; "
        "ask for one in system_instruction.",
        "gemini-3.8-live ignores input_transcript.vocabulary: it knows no vocabulary but its own.",
    ]
    assert LiveConfig.from_kwargs(language="pl").warnings(OLD) == []
    assert LiveConfig().warnings(LIVE) == []
    assert config.warnings(TOMORROW) == []


def test_what_a_refusal_recommends_does_take_the_field() -> None:
    values: list[dict[str, Any]] = [
        {"modalities": "TEXT"},
        {"thinking": "minimal"},
        {"thinking": 5},
        {"proactive_audio": True},
        {"affective_dialog": True},
    ]
    for value in values:
        with pytest.raises(ConfigError) as caught:
            LiveConfig.from_kwargs(**value).check(LIVE)
        named = [
            model for model in MODELS if model.id in str(caught.value).rpartition("; ")[2] and model != LIVE
        ]
        assert named
        assert any(_takes(value, model) for model in named)


def _takes(value: dict[str, Any], model: Model) -> bool:
    try:
        LiveConfig.from_kwargs(**value).check(model)
    except ConfigError:
        return False
    return True


def test_a_model_of_tomorrow_is_left_to_the_service() -> None:
    LiveConfig.from_kwargs(thinking="xhigh", affective_dialog=True, voice="Nova", modalities=["VIDEO"]).check(
        TOMORROW
    )


@pytest.mark.parametrize("name", ["proactive_audio", "affective_dialog"])
def test_fields_of_the_alpha_version_dial_it(name: str) -> None:
    assert LiveConfig.from_kwargs(**{name: True}).api_version(NATIVE) == "v1alpha"
    assert LiveConfig().api_version(NATIVE) == "v1beta"
    assert (
        LiveConfig.from_kwargs(**{name: True}).api_version(
            find("gemini-live-2.5-flash-native-audio", "vertex")
        )
        == "v1beta1"
    )


def test_nearest_knows_no_case_and_does_not_guess_wildly() -> None:
    assert nearest("KORE", ["Kore", "Puck"]) == "Kore"
    assert nearest("quetzalcoatl", ["Kore", "Puck"]) is None


@pytest.mark.parametrize("voice", ["kore", "KORE", " Kore "])
def test_a_voice_is_known_in_any_case(voice):
    config = LiveConfig(voice=voice)
    config.check(LIVE)
    assert config == LiveConfig(voice="Kore")
    assert LiveConfig.from_values({"voice": voice}).kwargs() == {"voice": "Kore"}


@pytest.mark.parametrize("language", ["Spanish", "spanish", "Español", "es", "ES"])
def test_a_language_may_be_named(language):
    config = LiveConfig.from_kwargs(
        language=language, translation=language, input_transcript={"languages": [language, "German"]}
    )
    assert config.language == "es"
    assert config.translation == Translation(target="es")
    assert config.input_transcript.languages == ("es", "de")
    assert config.kwargs() == {
        "language": "es", "input_transcript": {"languages": ["es", "de"]}, "translation": "es",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"language": "Spansh"}, "language cannot be 'Spansh'; did you mean Spanish?"),
        ({"translation": "Polsh"}, "translation cannot be 'Polsh'; did you mean Polish?"),
        ({"translation": "?"}, 'give a name such as "Spanish", or a code such as "es".'),
        (
            {"output_transcript": {"languages": ["Germn"]}},
            "languages cannot be 'Germn'; did you mean German?",
        ),
    ],
)
def test_a_language_that_is_neither_name_nor_code(fields, said):
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(**fields)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"voice": "Kore"}, "voice is a setting of the ADK agent lamp: change it in its code."),
        (
            {"system_instruction": "x"},
            "system_instruction is a setting of the ADK agent lamp: change it in its code.",
        ),
        ({"thinking": 100}, "thinking is a setting of the ADK agent lamp: change it in its code."),
        ({"google_search": True}, "google_search is a setting of the ADK agent lamp: change it in its code."),
        (
            {"turn_detection": "push_to_talk"},
            "push_to_talk does not work with the ADK agent lamp, which finds out by itself when you have "
            "finished speaking: leave it out.",
        ),
    ],
)
def test_a_setting_of_an_agent_is_changed_in_its_own_code(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_kwargs(**values).check(AGENT)
    assert str(caught.value) == words


def test_an_agent_passes_on_what_it_takes() -> None:
    LiveConfig().check(AGENT)
    LiveConfig(turn_detection=TurnDetection(silence_ms=500)).check(AGENT)
    passes = replace(AGENT, takes=frozenset({"voice", "thinking_budget", "turn_detection.mode"}))
    LiveConfig.from_kwargs(voice="Kore", turn_detection="push_to_talk").check(passes)
    LiveConfig(thinking=100).check(replace(passes, thinking="budget"))


def test_an_agent_without_functions_of_the_notebook_says_so() -> None:
    with pytest.raises(ConfigError) as caught:
        check_tool(replace(AGENT, tool_behaviors=()), "set_light", None)
    assert str(caught.value) == (
        "The ADK agent lamp calls no functions of the notebook: leave the tools out."
    )
