"""Our frames and google-genai's say the same: both decode to one message.

The SDK's own client runs, into a list instead of a socket; nothing of it is imitated here.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from google.genai import types
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget.config import Compression, LiveConfig, Transcription, Translation, TurnDetection
from livewidget.models import VOICES, find
from livewidget.protocol import audio_message, decode_client, encode_client, setup_message
from livewidget.protocol.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    ContextUpdateTools,
    Empty,
    FunctionDeclaration,
    FunctionResponse,
    Part,
    RealtimeInput,
    Tool,
    ToolResponse,
)
from tests.protocol.sdk import frames_of
from tests.protocol.sdk_config import sdk_config
from tests.protocol.strategies import json_objects, user_keys

MODEL = "gemini-of-tomorrow"  # No row of the table: everything may be sent.
PATHS = {
    "gemini": f"models/{MODEL}",
    "vertex": f"projects/p1/locations/us-central1/publishers/google/models/{MODEL}",
}
#: google-genai takes penalties in this field only, and warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:.*generation_config:DeprecationWarning")

services = pytest.mark.parametrize("service", ["gemini", "vertex"])

words = st.text(min_size=1, max_size=10)
counts = st.integers(0, 100_000)
maybe = lambda values: st.none() | values  # noqa: E731
sensitivities = maybe(st.sampled_from(["low", "high"]))

turn_detections = st.one_of(
    st.builds(
        TurnDetection,
        silence_ms=maybe(counts),
        prefix_padding_ms=maybe(counts),
        start_sensitivity=sensitivities,
        end_sensitivity=sensitivities,
        interrupts=st.booleans(),
        turn_coverage=maybe(st.sampled_from(["only_activity", "all_input", "audio_activity_and_all_video"])),
    ),
    st.builds(TurnDetection, mode=st.just("push_to_talk"), interrupts=st.booleans()),
)
transcripts = st.booleans() | st.builds(
    Transcription,
    languages=st.lists(st.sampled_from(["en-US", "pl"]), max_size=2).map(tuple),
    vocabulary=st.lists(words, max_size=2).map(tuple),
    mode=maybe(st.sampled_from(["VERBATIM", "SMART"])),
)
configs = st.builds(
    LiveConfig,
    system_instruction=maybe(words),
    voice=maybe(st.sampled_from(sorted(VOICES))),
    language=maybe(st.sampled_from(["en-US", "cmn"])),
    temperature=maybe(st.floats(0, 2)),
    top_p=maybe(st.floats(0, 1)),
    top_k=maybe(st.integers(1, 500)),
    max_output_tokens=maybe(st.integers(1, 100_000)),
    presence_penalty=maybe(st.floats(-2, 2)),
    frequency_penalty=maybe(st.floats(-2, 2)),
    seed=maybe(st.integers(-(2**31), 2**31 - 1)),
    modalities=st.sampled_from([("AUDIO",), ("TEXT",), ("VIDEO",)]),
    thinking=maybe(st.sampled_from(["minimal", "low", "medium", "high"]) | st.integers(-1, 9000)),
    include_thoughts=st.booleans(),
    media_resolution=maybe(st.sampled_from(["low", "medium", "high"])),
    turn_detection=turn_detections,
    input_transcript=transcripts,
    output_transcript=transcripts,
    resumption=st.booleans(),
    compression=st.booleans()
    | st.builds(
        Compression, trigger_tokens=maybe(st.integers(1, 10**6)), target_tokens=maybe(st.integers(0, 10**6))
    ),
    proactive_audio=st.booleans(),
    affective_dialog=st.booleans(),
    translation=maybe(st.builds(Translation, target=st.sampled_from(["pl", "en"]), echo=st.booleans())),
    seed_history=st.booleans(),
    safety=st.dictionaries(st.just("HARASSMENT"), st.sampled_from(["BLOCK_NONE", "OFF"])),
    google_search=st.booleans(),
    code_execution=st.booleans(),
    url_context=st.booleans(),
)
handles = maybe(words)
declarations = st.lists(
    st.fixed_dictionaries(
        {"name": st.from_regex(r"\A[a-z_]{1,9}\Z"), "description": words},
        optional={
            "parametersJsonSchema": json_objects(user_keys).map(
                lambda properties: {"type": "object", "properties": properties}
            ),
            "parameters": st.just(
                {
                    "type": "OBJECT",
                    "properties": {
                        "room_name": {"type": "STRING", "anyOf": [{"type": "STRING", "minLength": 1}]}
                    },
                    "propertyOrdering": ["room_name"],
                }
            ),
            "behavior": st.sampled_from(["BLOCKING", "NON_BLOCKING"]),
        },
    ),
    max_size=2,
)


@services
@settings(max_examples=120)
@given(config=configs, functions=declarations, handle=handles)
def test_setup(service: str, config: LiveConfig, functions: list[dict[str, Any]], handle: str | None) -> None:
    frames = asyncio.run(frames_of(service, MODEL, sdk_config(config, functions, handle)))
    message = setup_message(
        config, PATHS[service], find(MODEL, service), declarations=functions, handle=handle
    )
    assert decode_client(encode_client(message)) == decode_client(frames[0])


async def test_a_difference_would_be_seen() -> None:
    frames = await frames_of("gemini", MODEL, sdk_config(LiveConfig(temperature=0.5), [], None))
    for config in (LiveConfig(temperature=0.25), LiveConfig(temperature=0.5, resumption=False)):
        message = setup_message(config, PATHS["gemini"], find(MODEL, "gemini"))
        assert decode_client(encode_client(message)) != decode_client(frames[0])


PICTURE = bytes(range(256))
SOUND = b"\xfb\xff\xfe" * 40


def realtime(**values: Any) -> ClientMessage:
    return ClientMessage(realtime_input=RealtimeInput(**values))


def pcm(mime_type: str = "audio/pcm;rate=16000") -> Blob:
    return Blob(data=SOUND, mime_type=mime_type)


async def send_all(session: Any) -> None:
    """Each kind of message that google-genai's session has a method for."""
    blob = types.Blob(data=SOUND, mime_type="audio/pcm;rate=16000")
    await session.send_realtime_input(audio=blob)
    await session.send_realtime_input(audio=blob)
    await session.send_realtime_input(video=types.Blob(data=PICTURE, mime_type="image/jpeg"))
    await session.send_realtime_input(media=blob)
    await session.send_realtime_input(text="hi \u2603")
    await session.send_realtime_input(audio_stream_end=True)
    await session.send_realtime_input(activity_start=types.ActivityStart())
    await session.send_realtime_input(activity_end=types.ActivityEnd())
    await session.send_client_content(
        turns=[
            types.Content(role="user", parts=[types.Part(text="q")]),
            types.Content(
                role="model",
                parts=[
                    types.Part(inline_data=types.Blob(data=PICTURE, mime_type="image/png")),
                    types.Part(text="t", thought=True, thought_signature=SOUND),
                ],
            ),
        ],
        turn_complete=False,
    )
    await session.send_client_content()
    await session.send_tool_response(
        function_responses=[
            types.FunctionResponse(id="1", name="f", response={"snake_key": {"a_b": [1, None]}}),
            types.FunctionResponse(id="2", name="g", response={}, scheduling="SILENT", will_continue=False),
            types.FunctionResponse(
                id="3",
                name="h",
                response={"ok": True},
                parts=[
                    types.FunctionResponsePart(
                        inline_data=types.FunctionResponseBlob(data=PICTURE, mime_type="image/png")
                    )
                ],
            ),
        ]
    )
    await session.send_context_update(system_instruction="Be brief.", tools=[])
    await session.send_context_update(
        tools=[types.Tool(function_declarations=[types.FunctionDeclaration(name="f")])]
    )


OURS = [
    realtime(audio=pcm()),
    decode_client(audio_message(SOUND)),
    realtime(video=Blob(data=PICTURE, mime_type="image/jpeg")),
    realtime(media_chunks=[pcm()]),
    realtime(text="hi \u2603"),
    realtime(audio_stream_end=True),
    realtime(activity_start=Empty()),
    realtime(activity_end=Empty()),
    ClientMessage(
        client_content=ClientContent(
            turns=[
                Content(role="user", parts=[Part(text="q")]),
                Content(
                    role="model",
                    parts=[
                        Part(inline_data=Blob(data=PICTURE, mime_type="image/png")),
                        Part(text="t", thought=True, thought_signature=SOUND),
                    ],
                ),
            ],
            turn_complete=False,
        )
    ),
    ClientMessage(client_content=ClientContent(turn_complete=True)),
    ClientMessage(
        tool_response=ToolResponse(
            function_responses=[
                FunctionResponse(id="1", name="f", response={"snake_key": {"a_b": [1, None]}}),
                FunctionResponse(id="2", name="g", response={}, scheduling="SILENT", will_continue=False),
                FunctionResponse(
                    id="3",
                    name="h",
                    response={"ok": True},
                    parts=[Part(inline_data=Blob(data=PICTURE, mime_type="image/png"))],
                ),
            ]
        )
    ),
    ClientMessage(
        context_update=ContextUpdate(
            system_instruction=Content(role="user", parts=[Part(text="Be brief.")]),
            tools=ContextUpdateTools(tools=[]),
        )
    ),
    ClientMessage(
        context_update=ContextUpdate(
            tools=ContextUpdateTools(tools=[Tool(function_declarations=[FunctionDeclaration(name="f")])])
        )
    ),
]


@services
async def test_every_other_message(service: str) -> None:
    frames = await frames_of(service, MODEL, use=send_all)
    assert len(frames) == 1 + len(OURS)
    for frame, ours in zip(frames[1:], OURS, strict=True):
        assert decode_client(frame) == ours
        assert decode_client(encode_client(ours)) == ours


async def test_what_only_vertex_takes_goes_through_extra() -> None:
    theirs = types.LiveConnectConfig(
        response_modalities=["AUDIO"],
        explicit_vad_signal=True,
        session_resumption=types.SessionResumptionConfig(transparent=True),
        input_audio_transcription=types.AudioTranscriptionConfig(),
        output_audio_transcription=types.AudioTranscriptionConfig(),
        labels={"a_b": "c"},
    )
    frames = await frames_of("vertex", MODEL, theirs)
    config = LiveConfig(
        extra={
            "explicit_vad_signal": True,
            "sessionResumption": {"transparent": True},
            "labels": {"a_b": "c"},
        }
    )
    message = setup_message(config, PATHS["vertex"], find(MODEL, "vertex"))
    assert decode_client(encode_client(message)) == decode_client(frames[0])
