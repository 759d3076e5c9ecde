"""What the service would accept from a client, and the words it would refuse the rest with."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.protocol import ClientMessageError, audio_message, decode_client, encode_client
from livewidget.protocol.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    Empty,
    FunctionResponse,
    Part,
    RealtimeInput,
    Setup,
    ToolResponse,
)
from tests.protocol.strategies import awkward_client
from tests.protocol.test_junk import mutate

FIXTURES = Path(__file__).parents[1] / "fixtures"


def frames(name: str) -> list[str]:
    return (FIXTURES / f"frames_{name}.jsonl").read_text().splitlines()


# --- Frames captured from the official SDKs -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["python_gemini", "python_vertex", "javascript"])
def test_captured_frames_are_accepted_and_keep_all_they_say(name: str) -> None:
    for frame in frames(name):
        message = decode_client(frame)
        assert decode_client(frame.encode()) == message
        assert decode_client(encode_client(message)) == message
        # Nothing was dropped on the way: every leaf of the frame is somewhere in ours.
        assert leaves(json.loads(frame)) <= leaves(json.loads(encode_client(message)))


def leaves(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(leaves(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(leaves(item) for item in value))
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, str) and set(value) & set("-_") and value[-1] == "=":
        value = value.replace("-", "+").replace("_", "/")
    return {repr(float(value) if isinstance(value, int) else value)}


def test_what_some_captured_frames_say() -> None:
    said = [decode_client(frame) for frame in frames("python_gemini")]
    assert said[2].realtime_input == RealtimeInput(
        video=Blob(data=b"\xff\xd8\xff\xd9", mime_type="image/jpeg")
    )
    assert said[5].realtime_input == RealtimeInput(activity_start=Empty())
    assert said[12].tool_response == ToolResponse(
        function_responses=[
            FunctionResponse(
                id="function-call-1",
                name="get_weather",
                response={"result": "ok"},
                scheduling="INTERRUPT",
                will_continue=True,
            )
        ]
    )
    setup = said[0].setup
    assert setup is not None
    assert setup.generation_config is not None
    assert setup.generation_config.speech_config is not None
    assert setup.generation_config.speech_config.voice_config is not None
    assert setup.generation_config.speech_config.voice_config.prebuilt_voice_config is not None
    assert setup.generation_config.speech_config.voice_config.prebuilt_voice_config.voice_name == "Kore"
    javascript = decode_client(frames("javascript")[0]).setup
    assert javascript is not None
    assert javascript.context_window_compression is not None
    assert javascript.context_window_compression.trigger_tokens == 25_600


# --- Leniency -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["_-8", "/+8=", "_-8=", "/+8"])
def test_both_alphabets_with_and_without_padding(data: str) -> None:
    frame = json.dumps({"realtimeInput": {"audio": {"data": data, "mimeType": "audio/pcm"}}})
    assert decode_client(frame).realtime_input == RealtimeInput(
        audio=Blob(data=b"\xff\xef", mime_type="audio/pcm")
    )


def test_user_data_keeps_its_spelling() -> None:
    response = {"snake_key": 1, "camelKey": {"deep_er": [{"x_y": None}]}}
    frame = {"tool_response": {"function_responses": [{"id": "1", "name": "f", "response": response}]}}
    [result] = decode_client(json.dumps(frame)).tool_response.function_responses  # type: ignore[union-attr, misc]
    assert result.response == response


def test_keywords_of_a_schema_are_respelled_and_names_of_properties_are_not() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"any_of": {"any_of": [{"min_length": 1}]}},
        "required": ["any_of"],
    }
    declaration = {
        "name": "f",
        "parameters": schema,
        "response_json_schema": {"any_of": 1, "$schema": "x", "additionalProperties": False},
    }
    frame = {
        "setup": {"model": "m", "tools": [{"function_declarations": [declaration]}], "labels": {"a_b": "c"}}
    }
    setup = decode_client(json.dumps(frame)).setup
    assert setup is not None
    assert setup.labels == {"a_b": "c"}
    [read] = setup.tools[0].function_declarations  # type: ignore[index, misc]
    assert read.parameters == {
        "type": "OBJECT",
        "properties": {"any_of": {"anyOf": [{"minLength": 1}]}},
        "required": ["any_of"],
    }
    assert read.response_json_schema == declaration["response_json_schema"]


def test_null_is_absence() -> None:
    frame = '{"setup": {"model": "m", "sessionResumption": {"handle": null}}, "clientContent": null}'
    message = decode_client(frame)
    assert encode_client(message) == '{"setup":{"model":"m","sessionResumption":{}}}'


# --- Strictness ---------------------------------------------------------------------------------------------

UNKNOWN = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'
DECLARATION = (
    '{{"setup":{{"model":"m","tools":[{{"functionDeclarations":[{{"name":"f","parameters":{}}}]}}]}}}}'
)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ('{"config":{}}', UNKNOWN.format("config", "")),
        (
            '{"setup":{"model":"m","responseModalities":["AUDIO"]}}',
            UNKNOWN.format("responseModalities", " at 'setup'"),
        ),
        (
            '{"setup":{"model":"m","generation_config":{"inputAudioTranscription":{}}}}',
            UNKNOWN.format("inputAudioTranscription", " at 'setup.generation_config'"),
        ),
        ('{"setup":{"model":"m","extra":{"x":1}}}', UNKNOWN.format("extra", " at 'setup'")),
        (
            DECLARATION.format('{"additionalProperties":false}'),
            UNKNOWN.format(
                "additionalProperties",
                " at 'setup.tools[0].function_declarations[0].parameters': Cannot find field.",
            ),
        ),
        (
            '{"setup":{"model":"m","generationConfig":{"responseModalities":["SMELL"]}}}',
            "Invalid value at 'setup.generation_config.response_modalities[0]' (TYPE_ENUM), \"SMELL\"",
        ),
        (
            '{"setup":{"model":"m","generationConfig":{"temperature":"hot"}}}',
            "Invalid value at 'setup.generation_config.temperature' (TYPE_FLOAT)",
        ),
        (
            '{"setup":{"model":"m","contextWindowCompression":{"triggerTokens":"many"}}}',
            "Invalid value at 'setup.context_window_compression.trigger_tokens' (TYPE_INT64)",
        ),
        (
            '{"realtimeInput":{"audio":{"data":"!","mimeType":"audio/pcm"}}}',
            "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES)",
        ),
        (
            '{"realtimeInput":{"audio":{"data":"AAAAA"}}}',
            "Invalid value at 'realtime_input.audio.data' (TYPE_BYTES)",
        ),
        (
            '{"clientContent":{"turnComplete":"true"}}',
            "Invalid value at 'client_content.turn_complete' (TYPE_BOOL)",
        ),
        ('{"setup":{}}', "Request contains an invalid argument."),
        ("{}", "Request contains an invalid argument."),
        ('{"setup":null}', "Request contains an invalid argument."),
        (
            '{"clientContent":{},"realtimeInput":{"text":"x"}}',
            "Invalid value (oneof), oneof field 'message_type' is already set. Cannot set 'realtime_input'",
        ),
        ("[]", 'Invalid JSON payload received. Unknown name "": Root element must be a message.'),
        ("hello", "Invalid JSON payload received. Unexpected token."),
        (b"\xff\xfe", "Invalid JSON payload received. Unexpected token."),
        ('{"a":' * 10_000, "Invalid JSON payload received. Unexpected token."),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_refusals(frame: str | bytes, reason: str) -> None:
    with pytest.raises(ClientMessageError) as caught:
        decode_client(frame)
    assert caught.value.reason == reason.encode()[:123].decode(errors="ignore")


def test_a_reason_fits_into_a_close_frame() -> None:
    with pytest.raises(ClientMessageError) as caught:
        decode_client(json.dumps({"setup": {"model": "m", "ü" * 200: 1}}))
    assert len(caught.value.reason.encode()) <= 123


def accepted(frame: str | bytes) -> ClientMessage | None:
    """The message, or None where it is refused. Nothing else may happen."""
    try:
        return decode_client(frame)
    except ClientMessageError as error:
        refusal = error
    assert 0 < len(refusal.reason.encode()) <= 123
    return None


@settings(max_examples=150)
@given(awkward_client, st.randoms(use_true_random=False))
def test_bent_messages_are_accepted_or_refused(
    pair: tuple[ClientMessage, dict[str, Any]], chance: random.Random
) -> None:
    message = accepted(json.dumps(mutate(pair[1], chance)))
    if message is not None:
        assert decode_client(encode_client(message)) == message


@settings(max_examples=150)
@given(st.binary(max_size=60) | st.text(alphabet=st.characters(), max_size=60))
def test_any_bytes_and_any_text(frame: bytes | str) -> None:
    accepted(frame)


# --- Encoding -----------------------------------------------------------------------------------------------


def test_frames_are_compact_camel_case_with_standard_base64() -> None:
    message = ClientMessage(realtime_input=RealtimeInput(audio=Blob(data=b"\xfb\xff", mime_type="audio/pcm")))
    assert encode_client(message) == '{"realtimeInput":{"audio":{"data":"+/8=","mimeType":"audio/pcm"}}}'


@pytest.mark.parametrize("pcm", [b"", b"\x01\x02", bytes(range(256)) * 40])
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_short_way_for_audio_says_the_same(pcm: bytes, rate: int) -> None:
    message = ClientMessage(
        realtime_input=RealtimeInput(audio=Blob(data=pcm, mime_type=f"audio/pcm;rate={rate}"))
    )
    assert decode_client(audio_message(pcm, rate)) == message
    if pcm:
        assert audio_message(pcm, rate) == encode_client(message)


def test_what_json_cannot_hold_is_made_fit() -> None:
    content = ClientContent(turns=[Content(parts=[Part(text="a\ud83d b")])], turn_complete=True)
    assert json.loads(encode_client(ClientMessage(client_content=content)))["clientContent"]["turns"] == [
        {"parts": [{"text": "a\ufffd b"}]}
    ]
    result = FunctionResponse(id="1", name="f", response={"big": 2**70, "huge": 10**400, "nan": float("nan")})
    sent = json.loads(encode_client(ClientMessage(tool_response=ToolResponse(function_responses=[result]))))
    assert sent["toolResponse"]["functionResponses"][0]["response"] == {
        "big": float(2**70),
        "huge": None,
        "nan": None,
    }


def test_extra_is_merged_into_setup() -> None:
    setup = Setup(
        model="m",
        labels={"a": "b"},
        extra={"brand_new": {"in_side": 1}, "labels": {"c_d": "e"}, "model": "other"},
    )
    assert json.loads(encode_client(ClientMessage(setup=setup))) == {
        "setup": {"model": "other", "labels": {"a": "b", "c_d": "e"}, "brandNew": {"in_side": 1}}
    }
