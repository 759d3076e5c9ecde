"""How an answer goes out: words and sound, their order, their pace, their voice."""

import asyncio

import pytest

from livewidget.standin import ManualClock
from tests.standin.puppets import LOUD, SECOND, kinds, said, settle, sound


async def test_old_families_send_one_thing_at_a_time_and_the_word_first(bench):
    client = await bench(model="gemini-2.5-flash-native-audio-latest").client()
    await client.send(
        clientContent={"turns": [{"role": "user", "parts": [{"text": "one"}]}], "turnComplete": True}
    )
    turn = await client.turn()
    assert kinds(turn)[:4] == ["outputTranscription", "modelTurn", "outputTranscription", "modelTurn"]


async def test_no_transcripts_unless_asked_for(bench):
    one = bench("hello")
    client = await one.dial()
    await client.setup()
    await client.audio(LOUD, LOUD, *SECOND)
    turn = await client.turn()
    assert kinds(turn)[:2] == ["voiceActivity", "voiceActivity"]
    assert set(kinds(turn)[2:]) == {"modelTurn", "generationComplete", "turnComplete", "usageMetadata"}


async def test_the_voice_asked_for_is_used(bench):
    one = bench()
    voice = {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}}
    client = await one.client(generationConfig=voice)
    await client.send(realtimeInput={"text": "hi"})
    await client.turn()
    assert one.voice.voices == ["Kore"]


async def test_sound_comes_four_times_as_fast_as_it_plays_and_the_turn_ends_when_it_was_heard(bench):
    one = bench(clock=ManualClock())
    client = await one.client()
    arrived = []

    async def read():
        while True:
            message = await client.next(60)
            arrived.append((one.clock.now_ms(), kinds([message])[0]))

    reader = asyncio.create_task(read())
    await client.send(realtimeInput={"text": " ".join(["word"] * 19)})  # with its echo, 2 s of sound
    await settle()
    assert [at for at, _ in arrived] == [0], "the first piece goes out at once"
    await one.advance(2500)
    reader.cancel()
    audio = [at for at, kind in arrived if kind in ("modelTurn", "outputTranscription")]
    assert len(audio) == 20
    assert audio == pytest.approx([25 * n for n in range(20)], abs=5)
    ends = {kind: at for at, kind in arrived}
    assert ends["generationComplete"] == pytest.approx(475, abs=5)
    assert ends["turnComplete"] == pytest.approx(2000, abs=5)


@pytest.mark.parametrize(("most", "words", "tokens"), [(5, 2, 5), (6, 3, 6), (100, 3, 8), (None, 3, 8)])
async def test_an_answer_has_no_more_tokens_than_allowed(bench, most, words, tokens):
    client = await bench().client(generationConfig={"maxOutputTokens": most} if most else {})
    await client.send(realtimeInput={"text": "one two"})
    turn = await client.turn()
    assert said(turn).split() == ["echo", "one", "two"][:words]
    assert len(sound(turn)) == 2 * (24_000 * tokens // 25 if most and most < 8 else 7200)
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    assert turn[-1]["usageMetadata"]["responseTokenCount"] == tokens


async def test_the_language_asked_for_goes_to_the_voice_where_the_model_takes_one(bench):
    speech = {"generationConfig": {"speechConfig": {"languageCode": "en-GB"}}}
    for model, language in (("gemini-live-2.5-flash", "en-GB"), ("gemini-3.8-live", None)):
        one = bench(model=model)
        client = await one.client(**speech)
        await client.send(
            clientContent={"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}
        )
        await client.turn()
        assert one.voice.languages == [language]
        assert one.brain.minds[0].skills.language == language


async def test_vertex_marks_the_last_words_as_the_last(bench):
    for model, marked in (("gemini-live-2.5-flash-native-audio", True), ("gemini-3.8-live", False)):
        client = await bench(model=model).client()
        await client.send(
            clientContent={"turns": [{"role": "user", "parts": [{"text": "hi"}]}], "turnComplete": True}
        )
        turn = await client.turn()
        last = [m["serverContent"] for m in turn if "outputTranscription" in m.get("serverContent", {})][-1]
        assert (last["outputTranscription"] == {"finished": True}) == marked


async def test_a_written_answer_is_cut_too(bench):
    for most, text in ((2, "echo one"), (100, "echo one two three")):
        client = await bench(model="gemini-live-2.5-flash").client(
            generationConfig={"responseModalities": ["TEXT"], "maxOutputTokens": most}
        )
        turns = [{"role": "user", "parts": [{"text": "one two three"}]}]
        await client.send(clientContent={"turns": turns, "turnComplete": True})
        turn = await client.turn()
        written = [
            m["serverContent"]["modelTurn"]["parts"]
            for m in turn
            if "modelTurn" in m.get("serverContent", {})
        ]
        assert written == [[{"text": text}]]
