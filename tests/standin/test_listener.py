"""Spoken turns: what is heard, at which rates, and when it ends."""

import threading

import numpy as np
import pytest

from livewidget.standin import ManualClock
from livewidget.standin.interfaces import FunctionRequest
from tests.standin.puppets import DECLARED, LOUD, QUIET, SECOND, closed, kinds, said


async def test_a_spoken_turn(bench):
    one = bench("what is it")
    client = await one.client()
    await client.audio(QUIET, LOUD, LOUD, *SECOND)
    turn = await client.turn()
    assert turn[0] == {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.150s"}}
    assert turn[1]["serverContent"]["interimInputTranscription"] == {"text": "so far"}
    ended = next(i for i, m in enumerate(turn) if m.get("voiceActivity", {}).get("type") == "ACTIVITY_END")
    assert turn[ended]["voiceActivity"]["audioOffset"] == "0.300s"  # not when that was noticed
    assert turn[ended + 1]["serverContent"]["inputTranscription"] == {"text": "what is it", "finished": True}
    assert said(turn) == "echo what is it"
    assert bytes(one.ears.heard) == QUIET + LOUD * 2 + QUIET * 10


async def test_nothing_understood_makes_no_turn(bench):
    one = bench("", "yes")
    client = await one.client()
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    turn = await client.turn()
    assert kinds(turn).count("voiceActivity") == 4
    assert said(turn) == "echo yes"


async def test_what_was_not_heard_for_sure_is_told_to_the_mind(bench):
    one = bench("mumble", confident=False)
    client = await one.client()
    await client.audio(LOUD, *SECOND)
    turn = await client.turn()
    heard = [m["serverContent"] for m in turn if "inputTranscription" in m.get("serverContent", {})]
    assert [content["inputTranscription"]["text"] for content in heard] == ["mumble"]
    assert one.brain.minds[0].asked == [("mumble", False)]


async def test_slow_ears_run_beside_the_loop(bench):
    one = bench("first", later=True)
    client = await one.client()
    await client.audio(LOUD, *SECOND)
    assert said(await client.turn()) == "echo first"


async def test_slow_ears_are_no_reason_to_answer_somebody_who_goes_on_speaking(bench):
    one = bench("first", "second", later=True)
    understands, held = threading.Event(), one.ears.understood

    def slowly(text):
        understands.wait(5)
        return held(text)

    one.ears.understood = slowly
    client = await one.client()
    await client.audio(LOUD, *SECOND, LOUD)
    for _ in ("the first begins", "it ends", "the second begins"):
        await client.until("voiceActivity")
    understands.set()
    await client.until("serverContent", "inputTranscription")
    await client.audio(*SECOND)
    turn = await client.turn()
    assert said(turn) == "echo second"
    assert [text for text, _ in one.brain.minds[0].asked] == ["second"]


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
async def test_any_declared_rate_is_heard(bench, rate):
    one = bench()
    client = await one.client()
    piece = np.full(rate // 10, 500, "<i2").tobytes()
    await client.audio(*[piece] * 10, rate=rate)
    await client.send(realtimeInput={"text": "done"})
    await client.turn()
    heard = np.frombuffer(bytes(one.ears.heard), "<i2")
    assert abs(len(heard) - 16_000) < 100
    assert abs(np.median(heard) - 500) <= 2


@pytest.mark.parametrize(("mime", "code"), [("audio/pcm;rate=1", 1007), ("audio/opus", 1007)])
async def test_sound_that_cannot_be_heard_is_refused(bench, mime, code):
    client = await bench().client()
    await client.send(realtimeInput={"audio": {"data": "AAAA", "mimeType": mime}})
    assert (await closed(client))[0] == code


async def test_odd_and_empty_and_huge_audio_do_no_harm(bench):
    one = bench()
    client = await one.client()
    await client.audio(b"", b"\x01", b"\x01\x02\x03", bytes(16_000 * 2 * 60))
    await client.send(realtimeInput={"text": "still there"})
    assert said(await client.turn()) == "echo still there"
    assert len(one.ears.heard) == 2 + 16_000 * 2 * 60


async def test_media_chunks_are_heard_by_all_but_the_newest(bench):
    old, new = bench("hi", model="gemini-2.5-flash-native-audio-latest"), bench("hi", model="gemini-3.8-live")
    for one in (old, new):
        client = await one.client()
        await client.audio(LOUD, *SECOND, field="mediaChunks")
        await client.send(realtimeInput={"text": "typed"})
        await client.turn()
    assert len(old.ears.heard) == 11 * 3200
    assert len(new.ears.heard) == 0


async def test_the_end_of_the_stream_ends_the_speech(bench):
    client = await bench("hurry").client()
    await client.audio(LOUD)
    await client.send(realtimeInput={"audioStreamEnd": True})
    assert said(await client.turn()) == "echo hurry"


async def test_the_end_of_the_stream_ends_no_speech_where_only_silence_does(bench):
    one = bench("hurry", model="gemini-3.8-live")
    client = await one.client()
    await client.audio(LOUD)
    await client.send(realtimeInput={"audioStreamEnd": True})
    await client.audio(*SECOND)
    assert said(await client.turn()) == "echo hurry"
    assert len(one.ears.heard) == 3200 + 10 * 3200  # Not before it had heard the silence.


async def test_push_to_talk(bench):
    manual = {"realtimeInputConfig": {"automaticActivityDetection": {"disabled": True}}}
    client = await bench("held").client(**manual)
    await client.send(realtimeInput={"activityStart": {}})
    await client.audio(LOUD, *SECOND)
    await client.send(realtimeInput={"activityEnd": {}})
    turn = await client.turn()
    assert said(turn) == "echo held"
    assert "voiceActivity" not in kinds(turn)


async def test_explicit_activity_beside_detection_is_refused(bench):
    client = await bench().client()
    await client.send(realtimeInput={"activityStart": {}})
    assert await closed(client) == (
        1007,
        "Explicit activity control is not supported when automatic activity detection is enabled.",
    )


async def test_only_those_who_preview_tell_what_they_heard_so_far(bench):
    for model, previews in (
        ("offline-tutor", True),
        ("gemini-3.5-transcribe-live", True),
        ("gemini-2.5-flash-native-audio-latest", False),
    ):
        client = await bench("hello", model=model).client()
        await client.audio(LOUD, LOUD, *SECOND)
        heard = await client.until("serverContent", "inputTranscription")
        assert ("interimInputTranscription" in kinds(heard)) == previews


@pytest.mark.parametrize(
    ("model", "marked"),
    [("offline-tutor", True), ("gemini-live-2.5-flash-native-audio", True), ("gemini-3.8-live", False)],
)
async def test_the_end_of_what_was_said_is_marked_as_on_each_service(bench, model, marked):
    client = await bench("hello", model=model).client()
    await client.audio(LOUD, *SECOND)
    heard = (await client.until("serverContent", "inputTranscription"))[-1]["serverContent"]
    assert heard["inputTranscription"].get("finished", False) == marked


@pytest.mark.parametrize("model", ["offline-tutor", "gemini-2.5-flash-native-audio-latest"])
async def test_what_was_said_may_be_told_late_and_without_a_mark(bench, model):
    for late in (True, False):
        one = bench("hello", model=model, late=late)
        client = await one.client()
        await client.audio(LOUD, *SECOND)
        got = kinds(turn := await client.turn())
        assert (got.index("inputTranscription") > got.index("modelTurn")) == late
        assert got.count("inputTranscription") == 1
        heard = next(m["serverContent"] for m in turn if "inputTranscription" in m.get("serverContent", {}))
        assert heard["inputTranscription"]["text"] == "hello"
        if late:
            assert "finished" not in heard["inputTranscription"]


async def test_what_was_said_is_told_even_where_the_answer_never_began(bench):
    one = bench("first", "second", late=True, clock=ManualClock())
    one.brain.answers["first"] = FunctionRequest("weather")
    client = await one.client(tools=DECLARED)
    await client.audio(LOUD, *SECOND)
    await client.until("toolCall")
    await client.audio(LOUD, LOUD)
    turn = await client.turn()
    assert kinds(turn)[-4:] == ["interrupted", "inputTranscription", "turnComplete", "usageMetadata"]


# --- Dictation ----------------------------------------------------------------------------------------------

DICTATION = "gemini-3.5-transcribe-live"


async def written(bench, *texts, confident=True, **transcription):
    one = bench(*texts, model=DICTATION, confident=confident)
    client = await one.client(
        inputAudioTranscription=transcription, generationConfig={"responseModalities": ["TEXT"]}
    )
    lines = []
    for _ in texts:
        await client.audio(LOUD, *SECOND)
        heard = await client.until("serverContent", "inputTranscription")
        lines.append(heard[-1]["serverContent"]["inputTranscription"]["text"])
    assert {"modelTurn", "turnComplete"}.isdisjoint(kinds(client.log))
    return lines, one


@pytest.mark.parametrize(
    ("mode", "line"),
    [
        ({}, "what is seven plus five"),
        ({"mode": "VERBATIM"}, "what is seven plus five"),
        ({"mode": "SMART"}, "What is 7 plus 5?"),
    ],
)
async def test_dictation_is_written_word_by_word_or_smart(bench, mode, line):
    lines, one = await written(bench, "what is seven plus five", **mode)
    assert lines == [line]
    assert one.brain.minds[0].skills.dictation


async def test_what_was_not_understood_is_not_written_as_if_it_were(bench):
    assert (await written(bench, "bla", confident=False))[0] == ["[unclear]"]
    # Negative control: a talk tells the words themselves, and its mind says that it did not understand.
    client = await bench("bla", confident=False).client()
    await client.audio(LOUD, *SECOND)
    heard = (await client.until("serverContent", "inputTranscription"))[-1]["serverContent"]
    assert heard["inputTranscription"]["text"] == "bla"


async def test_the_vocabulary_helps_the_ears_where_the_model_takes_one(bench):
    lines, one = await written(
        bench, "ask grace hopper", mode="SMART", customVocabulary=["Grace Hopper", "JupyterLab"]
    )
    assert lines == ["Ask Grace Hopper."]
    other = bench(model="gemini-3.8-live")
    await other.client(inputAudioTranscription={"customVocabulary": ["JupyterLab"]})
    tutor = bench()
    await tutor.client(inputAudioTranscription={"customVocabulary": ["JupyterLab"]}, tools=DECLARED)
    assert "JupyterLab" in one.ears.phrases.sentences or one.ears.phrases.sentences == ()
    assert "JupyterLab" not in other.ears.phrases.sentences
    assert "JupyterLab" in tutor.ears.phrases.sentences
