"""Bodies of ephemeral tokens, and field masks."""

import json

import msgspec
import pytest

from livewidget.protocol import ClientMessageError
from livewidget.protocol.ephemeral_token import (
    AuthToken,
    decode_auth_token,
    encode_auth_token,
    mask_paths,
    overwrite,
    set_paths,
)
from livewidget.protocol.messages import GenerationConfig, SessionResumptionConfig, Setup

SCHEMA = {"type": "object", "properties": {"some_name": {"type": "string"}}}
# As google-genai sends it: two spellings in one body.
BODY = {
    "expireTime": "2030-01-01T00:00:00+00:00",
    "bidiGenerateContentSetup": {
        "model": "models/gemini-3.8-live",
        "generationConfig": {
            "responseModalities": ["AUDIO"],
            "speechConfig": {"voice_config": {"prebuilt_voice_config": {"voice_name": "Kore"}}},
        },
        "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
        "tools": [{"functionDeclarations": [{"name": "x", "parameters_json_schema": SCHEMA}]}],
        "sessionResumption": {},
    },
    "fieldMask": "model,generationConfig.max_output_tokens",
}


def test_a_body_is_read_in_either_spelling_and_written_in_one():
    token = decode_auth_token(json.dumps(BODY).encode())
    setup = token.bidi_generate_content_setup
    assert setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Kore"
    assert setup.tools[0].function_declarations[0].parameters_json_schema == SCHEMA
    written = json.loads(encode_auth_token(token))
    assert "voiceConfig" in written["bidiGenerateContentSetup"]["generationConfig"]["speechConfig"]
    assert decode_auth_token(json.dumps(written).encode()) == token


def test_a_setup_in_a_token_may_be_without_a_model_and_with_extra():
    token = decode_auth_token(b'{"bidiGenerateContentSetup": {"systemInstruction": {}}}')
    assert token.bidi_generate_content_setup.model == ""
    assert json.loads(encode_auth_token(token)) == {"bidiGenerateContentSetup": {"systemInstruction": {}}}
    more = msgspec.structs.replace(token.bidi_generate_content_setup, extra={"newField": 1})
    sent = json.loads(encode_auth_token(AuthToken(bidi_generate_content_setup=more)))
    assert sent["bidiGenerateContentSetup"] == {"systemInstruction": {}, "newField": 1}


def test_no_body_is_an_empty_one():
    assert decode_auth_token(b"") == AuthToken()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Invalid JSON payload received. Unexpected token."),
        (b"\xff", "Invalid JSON payload received. Unexpected token."),
        (b"[]", "Invalid value"),
        (b'{"users": 1}', 'Unknown name "users"'),
        (b'{"uses": "many"}', "Invalid value at 'uses'"),
        (b'{"bidiGenerateContentSetup": {"voice": "Kore"}}', "at 'bidi_generate_content_setup'"),
        (b'{"bidiGenerateContentSetup": ' + b"[" * 5000 + b"]" * 5000 + b"}", "Invalid"),
    ],
)
def test_what_the_service_would_refuse(body, reason):
    with pytest.raises(ClientMessageError, match=reason.replace("[", r"\[")):
        decode_auth_token(body)


def test_paths_of_a_mask():
    assert mask_paths("model, generationConfig.max_output_tokens,system_instruction,temperature") == (
        ("model",),
        ("generation_config", "max_output_tokens"),
        ("system_instruction",),
        ("generation_config", "temperature"),
    )
    for wrong in ("voice", "generationConfig.voice", "tools.functionDeclarations", "model.name"):
        with pytest.raises(ClientMessageError, match="Cannot find field"):
            mask_paths(wrong)


def test_what_a_setup_sets_is_listed_two_steps_deep():
    setup = decode_auth_token(json.dumps(BODY).encode()).bidi_generate_content_setup
    assert sorted(set_paths(setup)) == sorted(
        [
            "model",
            "generationConfig.responseModalities",
            "generationConfig.speechConfig",
            "systemInstruction.parts",
            "systemInstruction.role",
            "tools",
            "sessionResumption",
        ],
    )


ASKED = Setup(model="mine", generation_config=GenerationConfig(temperature=1.0, top_p=0.5))
FIXED = Setup(
    model="theirs",
    generation_config=GenerationConfig(temperature=0.0),
    session_resumption=SessionResumptionConfig(),
)


@pytest.mark.parametrize(
    ("mask", "setup"),
    [
        ("", ASKED),
        ("model", msgspec.structs.replace(ASKED, model="theirs")),
        (
            "generationConfig.temperature,sessionResumption",
            Setup(
                model="mine",
                generation_config=GenerationConfig(temperature=0.0, top_p=0.5),
                session_resumption=SessionResumptionConfig(),
            ),
        ),
        ("generationConfig", msgspec.structs.replace(ASKED, generation_config=FIXED.generation_config)),
        (
            "top_p",
            Setup(model="mine", generation_config=GenerationConfig(temperature=1.0)),
        ),
        ("systemInstruction.parts", ASKED),
    ],
)
def test_what_is_fixed_takes_the_place_of_what_is_asked_for(mask, setup):
    assert overwrite(ASKED, FIXED, mask_paths(mask)) == setup


def test_a_mask_alone_takes_away():
    assert overwrite(ASKED, None, mask_paths("temperature")).generation_config == GenerationConfig(top_p=0.5)
