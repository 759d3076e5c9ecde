"""What `ServerDecoder` makes of every field, of one odd frame, and of junk."""

from __future__ import annotations

import base64
import copy
import json
import random
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from livewidget import events
from livewidget.events import Event
from livewidget.protocol import ServerDecoder, encode_server
from livewidget.protocol.messages import ServerMessage

FIXTURES = Path(__file__).parents[1] / "fixtures"
RECORDED = [json.loads(line) for line in (FIXTURES / "frames_server.jsonl").read_text().splitlines()]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def decode(*frames: dict[str, Any]) -> list[Event]:
    decoder = ServerDecoder()
    return [event for frame in frames for event in decoder.decode(json.dumps(frame))]


def content(**fields: Any) -> dict[str, Any]:
    return {"serverContent": fields}


def audio(data: bytes, mime_type: str | None = "audio/pcm;rate=24000") -> dict[str, Any]:
    blob = {"data": b64(data)} | ({} if mime_type is None else {"mimeType": mime_type})
    return content(modelTurn={"parts": [{"inlineData": blob}]})


# --- Real frames --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["bytes"]))
def test_recorded_frames_are_read_and_written_alike(recorded: dict[str, Any]) -> None:
    as_sent = (json.dumps(recorded["frame"], indent=2) + "\n").encode()
    decoded = ServerDecoder().decode(as_sent)
    assert not [event for event in decoded if isinstance(event, events.Unknown | events.Malformed)]
    written = encode_server(msgspec.json.decode(as_sent, type=ServerMessage))
    assert json.loads(written) == recorded["frame"]
    # The recorder's count is one more than the frame is long, in every recording.
    assert len(written) == recorded["bytes"] - 1


def test_what_the_recorded_frames_say() -> None:
    decoder = ServerDecoder()
    said = [event for recorded in RECORDED for event in decoder.decode(json.dumps(recorded["frame"]))]
    weather = {"location": "Redmond, WA"}
    assert said == [
        events.SessionStarted(),
        events.SessionStarted(session_id="c714f9ce-aa80-413f-b55a-a13609ae9e01"),
        events.OutputTranscript(text="We"),
        events.OutputText(text="Yes"),
        events.ExecutableCode(
            code="print(default_api.get_current_weather(location='Redmond, WA'))", language="PYTHON"
        ),
        events.ToolCall(id="function-call-5831923424298605773", name="get_current_weather", args=weather),
        events.ToolCall(id="8acdafcd-9c55-44be-84da-da3d2612f9d1", name="get_current_weather", args=weather),
        events.GenerationComplete(),
    ]


# --- Every field at once ------------------------------------------------------------------------------------

EVERYTHING = {
    "error": {"code": 13, "message": "Internal\nerror", "status": "INTERNAL"},
    "goAway": {"timeLeft": "1.500s"},
    "sessionResumptionUpdate": {
        "newHandle": "secret",
        "resumable": True,
        "lastConsumedClientMessageIndex": "7",
    },
    "usageMetadata": {
        "promptTokenCount": 1,
        "cachedContentTokenCount": 2,
        "candidatesTokenCount": 3,
        "toolUsePromptTokenCount": 4,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 6,
        "promptTokensDetails": [
            {"modality": "AUDIO", "tokenCount": 1},
            {"modality": "AUDIO", "tokenCount": 1},
        ],
        "candidatesTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
        "trafficType": "ON_DEMAND",
    },
    "toolCallCancellation": {"ids": ["old"]},
    "toolCall": {"functionCalls": [{"id": "1", "name": "f", "args": {"a_b": 1}}, {"name": "g"}]},
    "serverContent": {
        "turnComplete": True,
        "turnCompleteReason": "RESPONSE_REJECTED",
        "interactionStatus": "IDLE",
        "waitingForInput": True,
        "interrupted": True,
        "generationComplete": True,
        "urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "u"}]},
        "groundingMetadata": {"webSearchQueries": ["q"]},
        "modelTurn": {
            "role": "model",
            "parts": [
                {"text": "hmm", "thought": True, "thoughtSignature": "AA=="},
                {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AAEC Aw==".replace(" ", "")}},
                {"text": "written"},
                {"inlineData": {"mimeType": "video/mp4", "data": "AAEC"}},
                {"executableCode": {"code": "1+1", "language": "PYTHON", "id": "c"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2", "id": "c"}},
            ],
        },
        "outputTranscription": {"text": "out", "finished": True},
        "inputTranscription": {"text": "in", "languageCode": "en"},
        "interimInputTranscription": {"text": "i"},
        "speechState": "old",
    },
    "voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "3.080s"},
    "voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"},
    "setupComplete": {"sessionId": "s"},
    "agentEvent": {
        "toolCall": {"id": "a", "name": "set_light", "args": {"on_a": True}},
        "toolResult": {"id": "a", "name": "set_light", "response": {"light_is": "on"}},
        "agent": " the\nexpert ",
        "notice": "The lamp\nis hot.",
    },
}
IN_ORDER = [
    events.SessionStarted(session_id="s"),
    events.ActivityStart(offset_ms=3080),
    events.ActivityEnd(),
    events.InterimInputTranscript(text="i"),
    events.InputTranscript(text="in", language="en"),
    events.OutputTranscript(text="out", finished=True),
    events.Thought(text="hmm"),
    events.OutputAudio(data=b"\x00\x01\x02\x03"),
    events.OutputText(text="written"),
    events.OutputMedia(data=b"\x00\x01\x02", mime_type="video/mp4"),
    events.ExecutableCode(code="1+1", language="PYTHON", id="c"),
    events.CodeResult(outcome="OUTCOME_OK", output="2", id="c"),
    events.Grounding(metadata={"webSearchQueries": ["q"]}),
    events.UrlContext(metadata={"urlMetadata": [{"retrievedUrl": "u"}]}),
    events.ToolCall(id="1", name="f", args={"a_b": 1}),
    events.ToolCall(id="", name="g"),
    events.ToolCallCancelled(ids=("old",)),
    events.GenerationComplete(),
    events.Interrupted(),
    events.Usage(
        prompt_tokens=1,
        cached_tokens=2,
        response_tokens=3,
        tool_use_prompt_tokens=4,
        thoughts_tokens=5,
        total_tokens=6,
        prompt_by_modality={"AUDIO": 2},
        response_by_modality={"TEXT": 3},
        traffic_type="ON_DEMAND",
    ),
    events.WaitingForInput(),
    events.InteractionStatus(status="IDLE"),
    events.ResumptionUpdate(handle="secret", resumable=True),
    events.TurnComplete(reason="RESPONSE_REJECTED"),
    events.GoAway(time_left_ms=1500),
    events.Notice(level="error", code="server-error", text="The server reported an error: Internal error"),
]
#: What only an agent may tell: from a service it is an unknown name.
BY_AN_AGENT = [
    events.ToolCall(id="a", name="set_light", args={"on_a": True}, remote=True),
    events.ToolResult(id="a", name="set_light", result={"light_is": "on"}, remote=True),
    events.AgentChanged(agent="the expert"),
    events.Notice(level="warning", code="agent", text="The lamp is hot."),
]
FROM_A_SERVICE = [*IN_ORDER, events.Unknown(path="agentEvent")]


def test_every_field_of_the_structs_is_in_the_table() -> None:
    def names(struct: type) -> set[str]:
        return {info.encode_name for info in msgspec.structs.fields(struct)}

    assert set(EVERYTHING) == names(ServerMessage)
    server_content = next(i for i in msgspec.structs.fields(ServerMessage) if i.name == "server_content")
    assert set(EVERYTHING["serverContent"]) == names(get_args(server_content.type)[0])


@pytest.mark.parametrize("order", ["given", "reversed", "shuffled"])
def test_events_come_in_one_order_whatever_the_order_of_the_fields(order: str) -> None:
    names = list(EVERYTHING)
    if order == "reversed":
        names.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(names)
    assert decode({name: EVERYTHING[name] for name in names}) == FROM_A_SERVICE
    frame = json.dumps({name: EVERYTHING[name] for name in names})
    assert ServerDecoder(is_agent=True).decode(frame) == [*IN_ORDER, *BY_AN_AGENT]


def snakes(value: Any, key: str = "") -> Any:
    from livewidget.protocol.lenient import snake

    if isinstance(value, dict):
        return {name if key == "args" else snake(name): snakes(item, name) for name, item in value.items()}
    return [snakes(item) for item in value] if isinstance(value, list) else value


def test_snake_case_says_the_same() -> None:
    assert decode(snakes(EVERYTHING)) == FROM_A_SERVICE
    with pytest.raises(msgspec.ValidationError):  # It takes the long way: the typed decoder alone refuses it.
        msgspec.json.decode(json.dumps(snakes(EVERYTHING)), type=ServerMessage)


def test_one_unknown_field_costs_no_other() -> None:
    frame = copy.deepcopy(EVERYTHING) | {"brandNew": {"x": 1}}
    frame["serverContent"]["modelTurn"]["parts"][0]["hue"] = 1  # type: ignore[index]
    frame["serverContent"]["modelTurn"]["parts"][1]["hue"] = 1  # type: ignore[index]
    assert decode(frame) == [
        *FROM_A_SERVICE,
        events.Unknown(path="serverContent.modelTurn.parts[].hue"),
        events.Unknown(path="brandNew"),
    ]


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        (("goAway", "timeLeft"), events.GoAway),
        (("voiceActivity",), events.ActivityStart),
        (("serverContent", "outputTranscription", "text"), None),
        (("serverContent", "turnComplete"), events.TurnComplete),
        (("serverContent", "modelTurn", "parts"), events.OutputAudio),
        (("usageMetadata", "promptTokenCount"), None),
        (("toolCall", "functionCalls"), events.ToolCall),
    ],
)
def test_a_wrong_type_costs_that_field_alone(path: tuple[str, ...], lost: type | None) -> None:
    frame = copy.deepcopy(EVERYTHING)
    inner: Any = frame
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = [{"no": "such"}, 5] if path[-1] != "parts" else "oops"
    decoded = decode(frame)
    malformed = [event for event in decoded if isinstance(event, events.Malformed)]
    assert malformed
    assert all(event.problem.startswith(".".join(path)) for event in malformed)
    kinds = {type(event) for event in decoded}
    expected = {type(event) for event in IN_ORDER} - ({lost} if lost not in (None, events.GoAway) else set())
    if lost is events.OutputAudio:
        expected -= {
            events.Thought,
            events.OutputText,
            events.OutputMedia,
            events.ExecutableCode,
            events.CodeResult,
        }
    assert expected <= kinds


# --- Single fields ------------------------------------------------------------------------------------------


def test_a_tool_of_an_agent_that_failed_gave_no_result() -> None:
    frame = {"agentEvent": {"toolResult": {"id": "a", "response": {"x": 1}, "failure": "no\nlamp"}}}
    (result,) = ServerDecoder(is_agent=True).decode(json.dumps(frame))
    assert result == events.ToolResult(id="a", name="", error="no lamp", remote=True)


def test_unknown_is_told_once_a_decoder() -> None:
    frame = {"brandNew": 1}
    assert decode(frame, frame) == [events.Unknown(path="brandNew")]
    assert decode(frame) == [events.Unknown(path="brandNew")]


def test_known_but_unused_parts_are_told() -> None:
    frame = content(modelTurn={"parts": [{"functionResponse": {"name": "f"}}, {"toolCall": {}}]})
    assert decode(frame) == [
        events.Unknown(path="serverContent.modelTurn.parts[].functionResponse"),
        events.Unknown(path="serverContent.modelTurn.parts[].toolCall"),
    ]
    piece = {
        "toolCall": {"functionCalls": [{"id": "1", "name": "f", "partialArgs": [{}], "willContinue": True}]}
    }
    assert decode(piece) == [events.Unknown(path="toolCall.functionCalls[].partialArgs")]


def in_parts(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return content(modelTurn={"parts": [{"functionCall": call} for call in calls]}, **more)


def as_tool_call(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"toolCall": {"functionCalls": list(calls)}}


F1 = {"id": "1", "name": "f", "args": {"x": 1}}
F2 = {"id": "2", "name": "f", "args": {"x": 2}}
NO_ID = {"name": "f", "args": {"x": 1}}


@pytest.mark.parametrize(
    ("frames", "ids"),
    [
        ([in_parts(F1)], ["1"]),
        ([in_parts(F1, F2)], ["1", "2"]),
        ([in_parts({"name": "f"}, {"name": "g"})], ["", ""]),
        ([in_parts(F1) | as_tool_call(F1)], ["1"]),
        ([in_parts(F1, F2) | as_tool_call(F2)], ["2", "1"]),
        ([in_parts(F1), as_tool_call(F1)], ["1"]),
        ([as_tool_call(F1, F2), in_parts(F1), in_parts(F2)], ["1", "2"]),
        ([in_parts(NO_ID) | as_tool_call(F1)], ["1"]),  # The one with an id, which the answer needs.
        ([as_tool_call(F1), in_parts(NO_ID)], ["1"]),
        ([as_tool_call(F1), in_parts(F1 | {"id": "3"})], ["1", "3"]),  # Twice in parallel.
        ([as_tool_call(NO_ID, NO_ID), in_parts(NO_ID, NO_ID)], ["", ""]),
        ([in_parts(NO_ID, turnComplete=True), as_tool_call(NO_ID)], ["", ""]),  # In another turn, another.
        ([in_parts(F1), content(interrupted=True), as_tool_call(F1)], ["1", "1"]),
    ],
)
def test_a_call_is_reported_once_wherever_the_service_puts_it(frames: list[Any], ids: list[str]) -> None:
    """A call may stand in a `toolCall`, among the model's parts, or in both."""
    found = [event for event in decode(*frames) if isinstance(event, events.ToolCall)]
    assert [call.id for call in found] == ids


def test_a_call_among_the_parts_has_its_place_in_the_order() -> None:
    parts = [{"functionCall": F1}, {"text": "hm", "functionCall": F2}]
    frame = content(modelTurn={"parts": parts}, outputTranscription={"text": "hm"}, turnComplete=True)
    assert [type(event).__name__ for event in decode(frame)] == [
        "OutputTranscript",
        "OutputText",
        "ToolCall",
        "ToolCall",
        "TurnComplete",
    ]


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [
        ("audio/pcm", 24_000),
        ("audio/pcm;rate=24000", 24_000),
        ("audio/pcm;rate=16000", 16_000),
        ("audio/PCM; rate=48000; channels=1", 48_000),
        ("audio/l16;rate=8000", 8_000),
        ("audio/pcm;rate=0", 24_000),
        ("audio/pcm;rate=99999999999", 24_000),
        ("audio/pcm;rate=fast", 24_000),
    ],
)
def test_sample_rates(mime_type: str, rate: int) -> None:
    assert decode(audio(b"\x01\x02", mime_type)) == [events.OutputAudio(data=b"\x01\x02", sample_rate=rate)]


def of_page(**blob: Any) -> dict[str, Any]:
    return content(
        modelTurn={"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "", **blob}}]}
    )


def by_length(frame: dict[str, Any]) -> list[Event]:
    return ServerDecoder(sound_by_length=True).decode(json.dumps(frame))


def test_sound_that_a_page_plays_is_its_length() -> None:
    (event,) = by_length(of_page(samples=960, peak=0.25))
    assert event == events.OutputAudio(data=b"", samples=960, peak=0.25)
    assert event.length_ms == 40
    assert by_length(of_page(samples=480, mimeType="audio/pcm;rate=16000"))[0].length_ms == 30
    assert by_length(of_page(samples=5, peak=7.0))[0].peak == 1.0
    # What the page could not play comes whole.
    assert by_length(audio(b"\x01\x02\x03\x04"))[0] == events.OutputAudio(data=b"\x01\x02\x03\x04")
    assert events.OutputAudio(data=b"\x01\x02\x03\x04").samples == 2


@pytest.mark.parametrize("samples", [None, 0, -1, 2**24 + 1])
def test_a_length_that_no_frame_has_is_no_sound(samples: int | None) -> None:
    assert by_length(of_page(samples=samples)) == []


def test_a_server_cannot_say_so_itself() -> None:
    """The control: over a connection of the kernel's, sound without data is none."""
    assert decode(of_page(samples=960)) == []
    assert (
        decode(
            content(
                modelTurn={
                    "parts": [{"inlineData": {"mimeType": "audio/pcm", "data": b64(b"abcd"), "samples": 9}}]
                }
            )
        )[0].samples
        == 2
    )


def test_bytes_that_are_not_pcm() -> None:
    assert decode(audio(b"ID3", "audio/mpeg")) == [events.OutputMedia(data=b"ID3", mime_type="audio/mpeg")]
    assert decode(audio(b"?", None)) == [events.OutputMedia(data=b"?")]


def test_an_odd_byte_waits_for_the_next_chunk_of_the_turn() -> None:
    assert decode(audio(b"\x01\x02\x03"), audio(b"\x04\x05\x06")) == [
        events.OutputAudio(data=b"\x01\x02"),
        events.OutputAudio(data=b"\x03\x04\x05\x06"),
    ]
    assert decode(audio(b"\x01"), audio(b"\x02")) == [events.OutputAudio(data=b"\x01\x02")]


@pytest.mark.parametrize("end", ["interrupted", "turnComplete"])
def test_an_odd_byte_does_not_outlive_its_turn(end: str) -> None:
    assert decode(audio(b"\x01\x02\x03"), content(**{end: True}), audio(b"\x04\x05"))[
        -1
    ] == events.OutputAudio(data=b"\x04\x05")


@pytest.mark.parametrize(
    ("text", "ms"),
    [("50s", 50_000), ("0s", 0), ("1.5s", 1500), ("0.0004s", 0), ("50", None), ("soon", None), ("", None)],
)
def test_time_left(text: str, ms: int | None) -> None:
    assert decode({"goAway": {"timeLeft": text}}) == [events.GoAway(time_left_ms=ms)]


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"serverContent": {}},
        {"serverContent": None},
        content(outputTranscription={}),
        content(turnComplete=False, interrupted=False, generationComplete=None),
        content(modelTurn={}),
        content(modelTurn={"parts": [{}]}),
        {"toolCall": {}},
        {"voiceActivity": {"type": "TYPE_UNSPECIFIED"}},
        content(groundingMetadata={}),
    ],
)
def test_frames_that_say_nothing(frame: dict[str, Any]) -> None:
    assert decode(frame) == []


def test_both_kinds_of_voice_activity_at_once_are_one_event() -> None:
    frame = {
        "voiceActivity": {"voiceActivityType": "ACTIVITY_END"},
        "voiceActivityDetectionSignal": {"vadSignalType": "VAD_SIGNAL_TYPE_EOS"},
    }
    assert decode(frame) == [events.ActivityEnd()]


def test_secrets_and_sound_stay_out_of_repr() -> None:
    said = decode(audio(b"\x41\x42"), {"sessionResumptionUpdate": {"newHandle": "secret-handle"}})
    assert "secret-handle" not in repr(said)
    assert "AB" not in repr(said)


def test_both_kinds_of_voice_activity_in_two_messages_are_one_event_and_one_kind_alone_is_told_each_time() -> (
    None
):
    activity = [{"voiceActivity": {"type": f"ACTIVITY_{kind}"}} for kind in ("START", "END")]
    signal = [
        {"voiceActivityDetectionSignal": {"vadSignalType": f"VAD_SIGNAL_TYPE_{word}"}}
        for word in ("SOS", "EOS")
    ]
    for messages in (activity, signal, [activity[0], signal[0], activity[1], signal[1]]):
        decoder = ServerDecoder()
        told = [event for _ in range(2) for one in messages for event in decoder.decode(json.dumps(one))]
        assert [type(event) for event in told] == [events.ActivityStart, events.ActivityEnd] * 2


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        (2**31 - 1, 2**31 - 1),
        (2**31, 2**31 - 1),
        (2**53 + 1, 2**31 - 1),
        (10**400, 2**31 - 1),
        (-1, 0),
        (-(10**400), 0),
    ],
)
def test_counts_of_tokens_stay_within_what_the_protocol_has(sent, counted):
    """The kind: a number from outside that later arithmetic, or a page, cannot take."""
    details = [{"modality": "AUDIO", "tokenCount": sent}] * 2
    names = ("promptTokenCount", "responseTokenCount", "totalTokenCount", "thoughtsTokenCount")
    usage = dict.fromkeys(names, sent) | {"promptTokensDetails": details, "responseTokensDetails": details}
    (event,) = decode({"usageMetadata": usage})
    assert (event.prompt_tokens, event.response_tokens, event.total_tokens) == (counted,) * 3
    assert event.thoughts_tokens == counted
    assert event.prompt_by_modality == event.response_by_modality == {"AUDIO": min(2 * counted, 2**31 - 1)}


def test_text_in_many_parts_of_one_message_is_one_event_of_its_kind() -> None:
    """The kind: what a message costs must follow from its bytes, not from how many parts they are in."""
    words = [{"text": f"{number} "} for number in range(2_000)]
    thoughts = [{**word, "thought": True} for word in words]
    found = decode(
        content(modelTurn={"parts": [*words, *thoughts, {"executableCode": {"code": "1"}}, *words]})
    )
    kinds = [events.OutputText, events.Thought, events.ExecutableCode, events.OutputText]
    assert [type(event) for event in found] == kinds
    text = "".join(word["text"] for word in words)
    assert [getattr(event, "text", text) for event in found] == [text] * 4


def test_text_beside_something_else_in_a_part_stays_with_it() -> None:
    part = {"text": "Look: ", "executableCode": {"code": "1"}}
    found = decode(content(modelTurn={"parts": [{"text": "First. "}, part, {"text": "Last."}]}))
    assert [getattr(event, "text", None) or event.code for event in found] == [
        "First. ",
        "Look: ",
        "1",
        "Last.",
    ]
