"""Typed turns, and the ways of the models' families."""

import numpy as np

from tests.standin.puppets import LOUD, SECOND, closed, kinds, said, settle, sound


async def test_a_typed_turn(bench):
    client = await bench().client()
    await client.send(realtimeInput={"text": "one two"})
    turn = await client.turn()
    assert said(turn) == "echo one two"
    assert np.frombuffer(sound(turn), "<i2").tolist() == [1] * 2400 + [2] * 2400 + [3] * 2400
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    # The words of a message come in it or before it: joined in one message for this family.
    first = turn[0]["serverContent"]
    assert first["outputTranscription"] == {"text": "echo "}
    assert first["modelTurn"]["parts"][0]["inlineData"]["mimeType"] == "audio/pcm;rate=24000"


async def test_speak_now(bench):
    one = bench()
    client = await one.client()
    await client.send(clientContent={"turnComplete": True})
    await client.turn()
    assert one.brain.minds[0].asked == [("hello", True)]
    await client.send(clientContent={"turns": [{"role": "user", "parts": [{"text": "kept"}]}]})
    await client.send(clientContent={"turnComplete": True})
    assert said(await client.turn()) == "echo kept"


async def test_history_may_be_seeded_and_then_only_typed_as_realtime_text(bench):
    one = bench(model="gemini-3.1-flash-live-preview")
    client = await one.client(historyConfig={"initialHistoryInClientContent": True})
    turns = [{"role": "user", "parts": [{"text": "a"}]}, {"role": "model", "parts": [{"text": "b"}]}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    await client.send(realtimeInput={"text": "now"})
    assert said(await client.turn()) == "echo now"
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    assert await closed(client) == (1007, "Request contains an invalid argument.")


async def test_a_turn_without_words_asks_for_the_answer_to_what_stands_before_it(bench):
    """LiveKit's agents add what was typed to the history, and then send "." for the answer."""
    one = bench(model="gemini-2.5-flash-native-audio-latest")
    client = await one.client()
    await client.send(clientContent={"turns": [{"role": "user", "parts": [{"text": "kept"}]}]})
    dot = [{"role": "user", "parts": [{"text": "."}]}]
    await client.send(clientContent={"turns": dot, "turnComplete": True})
    assert said(await client.turn()) == "echo kept"
    await client.send(clientContent={"turns": dot, "turnComplete": True})
    assert said(await client.turn()) == "echo hello"


async def test_realtime_text_without_words_starts_the_answer_to_a_seeded_question(bench):
    """ADK sends "." after the history, and Pipecat " "."""
    one = bench(model="gemini-3.8-live")
    client = await one.client(historyConfig={"initialHistoryInClientContent": True})
    asked = [{"role": "user", "parts": [{"text": "kept"}]}]
    await client.send(clientContent={"turns": asked, "turnComplete": True})
    await client.send(realtimeInput={"text": "."})
    assert said(await client.turn()) == "echo kept"
    await client.send(realtimeInput={"text": " "})
    await client.send(realtimeInput={"text": "now"})
    assert said(await client.turn()) == "echo now"
    assert [text for text, _ in one.brain.minds[0].asked] == ["kept", "now"]


async def test_a_history_that_ends_with_a_question_is_answered_by_the_models_before_3(bench):
    """Pipecat lets its bot begin so."""
    client = await bench(model="gemini-2.5-flash-native-audio-latest").client(
        historyConfig={"initialHistoryInClientContent": True}
    )
    turns = [{"role": "model", "parts": [{"text": "a"}]}, {"role": "user", "parts": [{"text": "kept"}]}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    assert said(await client.turn()) == "echo kept"


async def test_realtime_text_without_words_interrupts_nothing(bench):
    client = await bench().client()
    asked = [{"role": "user", "parts": [{"text": "kept"}]}]
    await client.send(clientContent={"turns": asked, "turnComplete": True})
    await client.send(realtimeInput={"text": " "})
    turn = await client.turn()
    assert said(turn) == "echo kept"
    assert "interrupted" not in kinds(turn)


async def test_extended_thinking_says_that_it_is_idle(bench):
    thinking = {"thinkingConfig": {"thinkingLevel": "LOW"}}
    client = await bench(model="gemini-3.8-live-extended-thinking").client(generationConfig=thinking)
    await client.send(realtimeInput={"text": "hi"})
    assert (await client.turn())[-1]["serverContent"]["interactionStatus"] == "IDLE"


async def test_a_model_that_transcribes_never_answers(bench):
    one = bench("one", "two", model="gemini-3.5-transcribe-live")
    client = await one.client()
    await client.audio(LOUD, *SECOND, LOUD, *SECOND)
    await client.until("serverContent", "inputTranscription")
    await client.until("serverContent", "inputTranscription")
    await settle()
    assert one.brain.minds[0].asked == []
