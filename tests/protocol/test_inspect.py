"""Frames taken apart for people: no sound, no picture, no secret."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import livewidget
from livewidget.protocol import audio_message, encode_client, encode_server
from livewidget.protocol.codec import page_audio_frame, page_image_frame
from livewidget.protocol.inspect import HIDDEN, SECRET_NAMES, redact, summarize_frame
from livewidget.protocol.messages import (
    Blob,
    ClientMessage,
    Content,
    Part,
    ServerContent,
    ServerMessage,
    SessionResumptionConfig,
    SessionResumptionUpdate,
    Setup,
    SetupComplete,
    Transcription,
    UsageMetadata,
)

CANARY = "canary-0123456789-canary"


def test_sound_is_a_waveform():
    pcm = np.concatenate([np.zeros(800, "<i2"), np.full(800, -16_384, "<i2")]).tobytes()
    frame = audio_message(pcm)
    kind, size, shown = summarize_frame(frame)
    assert (kind, size) == ("realtimeInput.audio", len(frame))
    sound = shown["realtimeInput"]["audio"]["audio"]
    assert (sound["ms"], sound["rate"], len(sound["peaks"])) == (100, 16_000, 48)
    assert sound["peaks"] == [0.0] * 24 + [0.5] * 24
    assert base64.b64encode(pcm).decode()[:40] not in json.dumps(shown)


@pytest.mark.parametrize("samples", [0, 1, 5, 48, 49, 100])
def test_short_sound_has_as_many_peaks_as_samples(samples):
    frame = audio_message(np.full(samples, 32_767, "<i2").tobytes())
    peaks = summarize_frame(frame).json["realtimeInput"]["audio"]["audio"]["peaks"]
    assert peaks == [1.0] * min(samples, 48)


def test_media_that_stayed_with_a_page_are_shown_by_their_size():
    """The frame counts as long as it was on the page's socket."""
    pcm = bytes(3200)
    sent = summarize_frame(page_audio_frame(1600))
    assert sent.kind == "realtimeInput.audio"
    assert abs(sent.size - len(audio_message(pcm))) < 20
    assert sent.json["realtimeInput"]["audio"]["audio"] == {"ms": 100, "rate": 16_000, "peaks": []}
    part = {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "", "samples": 2400, "peak": 0.51234}}
    kind, size, shown = summarize_frame(json.dumps({"serverContent": {"modelTurn": {"parts": [part]}}}))
    assert kind == "serverContent.modelTurn"
    assert size > 4800 * 4 / 3
    (part,) = shown["serverContent"]["modelTurn"]["parts"]
    assert part["inlineData"]["audio"] == {"ms": 100, "rate": 24_000, "peaks": [0.512]}
    picture = summarize_frame(page_image_frame("image/png", 3000))
    assert picture.json["realtimeInput"]["video"] == {
        "image": {"mime": "image/png", "bytes": 3000, "width": 0, "height": 0}
    }
    assert picture.size > 4000


@pytest.mark.parametrize("samples", ["9", True, -1, 0, 2**60, 1.5, None])
def test_a_size_that_is_none_changes_nothing(samples):
    frame = json.dumps({"realtimeInput": {"audio": {"data": "", "samples": samples}}})
    assert summarize_frame(frame).size == len(frame)
    assert summarize_frame(frame).json["realtimeInput"]["audio"]["audio"]["ms"] == 0


@pytest.mark.parametrize(
    "token", ["auth_tokens/abc-DEF_1", "auth_tokens%2Fabc-DEF_1", "auth_tokens%2fabc%2D1"]
)
def test_a_token_is_hidden_as_an_address_quotes_it(token):
    assert redact(f"wss://host/ws?access_token={token}&x=1") == "wss://host/ws?access_token=…&x=1"


def test_what_the_service_sends_together_is_one_kind():
    part = Part(inline_data=Blob(data=bytes(4800), mime_type="audio/pcm;rate=24000"))
    message = ServerMessage(
        server_content=ServerContent(
            model_turn=Content(parts=[part]), output_transcription=Transcription(text="Hi")
        ),
        usage_metadata=UsageMetadata(total_token_count=3),
    )
    kind, _, shown = summarize_frame(encode_server(message))
    assert kind == "serverContent.modelTurn+outputTranscription"
    sound = shown["serverContent"]["modelTurn"]["parts"][0]["inlineData"]["audio"]
    assert (sound["ms"], sound["rate"]) == (100, 24_000)
    assert shown["serverContent"]["outputTranscription"] == {"text": "Hi"}
    assert shown["usageMetadata"] == {"totalTokenCount": 3}


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (encode_server(ServerMessage(setup_complete=SetupComplete())), "setupComplete"),
        ('{"setup": {"model": "m"}}', "setup"),
        ('{"client_content": {"turns": []}}', "clientContent"),
        ('{"realtime_input": {"activity_start": {}}}', "realtimeInput.activityStart"),
        ('{"usageMetadata": {"totalTokenCount": 1}}', "usageMetadata"),
        ('{"serverContent": {}}', "serverContent"),
        ('{"agentEvent": {"toolCall": {"id": "1"}}}', "agentEvent.toolCall"),
        ("{}", "empty"),
        ("[1]", "unreadable"),
        ("not json", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        ("[" * 5000, "unreadable"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "unreadable"),
        ('{"serverContent": "\ud800"}', "unreadable"),
    ],
)
def test_kinds(frame, kind):
    assert summarize_frame(frame).kind == kind


def test_a_name_from_outside_cannot_be_endless():
    assert len(summarize_frame(json.dumps({"x" * 10_000: 1})).kind) <= 120


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_its_size(form):
    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (37, 21), (200, 10, 10)).save(file, form)
    data = file.getvalue()
    blob = {"data": base64.urlsafe_b64encode(data).decode(), "mime_type": f"image/{form.lower()}"}
    shown = summarize_frame(json.dumps({"realtime_input": {"video": blob}})).json["realtime_input"]["video"]
    expected = {"mime": f"image/{form.lower()}", "bytes": len(data), "width": 37, "height": 21}
    assert shown == {"image": expected}
    for cut in range(len(data)):  # whatever is missing, it is a size or none
        blob["data"] = base64.b64encode(data[:cut]).decode()
        summarize_frame(json.dumps({"realtimeInput": {"video": blob}}))


def test_other_media_and_what_is_no_base64():
    parts = [
        {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
        {"inlineData": {"mimeType": "audio/pcm", "data": "?"}},
    ]
    shown = summarize_frame(json.dumps({"serverContent": {"modelTurn": {"parts": parts}}})).json
    one, two = (part["inlineData"]["media"] for part in shown["serverContent"]["modelTurn"]["parts"])
    assert one == {"mime": "video/mp4", "bytes": 3}
    assert two["problem"] == "not base64"


def test_data_of_a_tool_is_no_media():
    call = {"id": "a", "name": "plot", "args": {"data": "1,2,3", "title": "t"}}
    frame = json.dumps({"toolCall": {"functionCalls": [call]}})
    assert summarize_frame(frame).json["toolCall"]["functionCalls"][0]["args"] == {
        "data": "1,2,3",
        "title": "t",
    }


# --- Secrets ------------------------------------------------------------------------------------------------


def test_handles_are_hidden_both_ways():
    setup = Setup(model="models/m", session_resumption=SessionResumptionConfig(handle=CANARY))
    shown = summarize_frame(encode_client(ClientMessage(setup=setup))).json
    assert shown["setup"]["sessionResumption"] == {"handle": HIDDEN}
    update = SessionResumptionUpdate(new_handle=CANARY, resumable=True)
    shown = summarize_frame(encode_server(ServerMessage(session_resumption_update=update))).json
    assert shown["sessionResumptionUpdate"] == {"newHandle": HIDDEN, "resumable": True}


def test_an_empty_secret_is_no_secret():
    shown = summarize_frame('{"sessionResumptionUpdate": {"newHandle": "", "resumable": false}}').json
    assert shown["sessionResumptionUpdate"]["newHandle"] == ""


@pytest.mark.parametrize("text", ["AIza" + "x" * 35, "ya29.a0Af_canary-1", "auth_tokens/abc.def/ghi"])
def test_what_looks_like_a_key_is_hidden_wherever_it_stands(text):
    for message in ({"error": {"message": f"key {text} is bad"}}, {text: 1}, {"a": [{"b": text}]}):
        shown = summarize_frame(json.dumps(message))
        assert text not in json.dumps(shown.json)
        assert text not in shown.kind


def test_known_secrets_and_long_words_are_redacted_on_request():
    uuid = "123e4567-e89b-12d3-a456-426614174000"
    assert redact(f"a {CANARY} b {uuid}") == f"a {CANARY} b {uuid}"
    assert redact(f"a {CANARY} b AIza{'x' * 35}", [CANARY]) == "a … b …"
    assert redact(f"a {'x' * 45} b {uuid}", long_words=True) == f"a … b {uuid}"


def test_what_a_key_looks_like_is_defined_once():
    package = Path(livewidget.__file__).parent
    places = [path for path in package.rglob("*.py") if re.search(r"AIza|ya29", path.read_text("utf-8"))]
    assert places == [package / "protocol" / "inspect.py"]


def respelled(name):
    """`accesstoken` as the wire might spell it."""
    return st.sampled_from([name, name.upper(), f"{name[:3]}_{name[3:]}", f"{name[:4]}-{name[4:]}"])


trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=12,
)
secrets = st.sampled_from([CANARY, [CANARY], {"value": CANARY}, [{"deep": [CANARY]}]])


def planted(tree, name, secret):
    """The tree, with a secret in every object."""
    if isinstance(tree, dict):
        return {key: planted(value, name, secret) for key, value in tree.items()} | {name: secret}
    if isinstance(tree, list):
        return [planted(value, name, secret) for value in tree]
    return tree


@given(
    tree=st.dictionaries(st.text(min_size=1, max_size=8), trees, max_size=4),
    name=st.sampled_from(sorted(SECRET_NAMES)).flatmap(respelled),
    secret=secrets,
)
def test_a_secret_is_hidden_under_every_name_at_every_depth(tree, name, secret):
    frame = json.dumps(planted(tree, name, secret))
    assert CANARY in frame
    found = summarize_frame(frame)
    assert CANARY not in json.dumps(found.json) + found.kind


@given(st.text(max_size=200) | st.binary(max_size=200) | trees.map(json.dumps))
def test_nothing_raises(frame):
    kind, size, _ = summarize_frame(frame)
    assert kind
    assert size == len(frame) or isinstance(frame, str)
