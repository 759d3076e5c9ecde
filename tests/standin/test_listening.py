"""Spoken turns: what is heard, at which rates, and when it ends."""

import numpy as np
import pytest

from tests.standin.puppets import LOUD, QUIET, SECOND, closed, kinds, said


async def test_a_spoken_turn(bench):
    one = bench("what is it")
    client = await one.client()
    await client.audio(QUIET, LOUD, LOUD, *SECOND)
    turn = await client.turn()
    assert turn[0] == {"voiceActivity": {"type": "ACTIVITY_START", "audioOffset": "0.150s"}}
    assert turn[1]["serverContent"]["interimInputTranscription"] == {"text": "so far"}
    ended = next(i for i, m in enumerate(turn) if m.get("voiceActivity", {}).get("type") == "ACTIVITY_END")
    assert turn[ended]["voiceActivity"]["audioOffset"] == "0.800s"
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
