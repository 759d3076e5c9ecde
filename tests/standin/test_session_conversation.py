"""Typed turns, and the ways of the models' families."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

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


# --- What else is in `clientContent` ------------------------------------------------------------------------


def shown(colour, kind="JPEG"):
    """A part that is a picture."""
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, kind)
    data = base64.b64encode(file.getvalue()).decode()
    return {"inlineData": {"mimeType": f"image/{kind.lower()}", "data": data}}


def images(turn):
    details = turn[-1]["usageMetadata"].get("promptTokensDetails", [])
    return sum(one["tokenCount"] for one in details if one["modality"] == "IMAGE")


@pytest.mark.parametrize(
    "model", ["offline-tutor", "gemini-3.8-live", "gemini-2.5-flash-native-audio-latest"]
)
@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([shown("red"), {"text": "what color is it"}], "red"),
        ([{"text": "what color is it"}, shown("blue", "PNG")], "blue"),
        ([shown("red"), shown("green"), {"text": "has it changed"}], "has changed"),
        ([shown("green")], "picture of 64 by 48 pixels"),
        ([shown("green"), {"text": "how many pictures have you seen"}], "one picture"),
    ],
)
async def test_pictures_in_typed_turns_are_seen_and_counted(bench, model, parts, words):
    """Kind: a part of a message that is accepted and thrown away. google-genai, ADK and Firebase send them so."""
    client = await bench(model=model, tutor=True).client()
    turns = [{"role": "user", "parts": parts}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    turn = await client.turn()
    assert words in said(turn)
    assert images(turn) == 258 * sum("inlineData" in part for part in parts)


async def test_pictures_of_a_seeded_history_are_seen_and_counted(bench):
    one = bench(model="gemini-3.1-flash-live-preview", tutor=True)
    client = await one.client(historyConfig={"initialHistoryInClientContent": True})
    turns = [{"role": "user", "parts": [shown("red")]}, {"role": "model", "parts": [{"text": "Nice."}]}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    await client.send(realtimeInput={"text": "what color is it"})
    turn = await client.turn()
    assert "red" in said(turn)
    assert images(turn) == 258


async def test_pictures_in_several_messages_and_turns_are_of_one_question(bench):
    client = await bench(tutor=True).client()
    await client.send(clientContent={"turns": [{"role": "user", "parts": [shown("red")]}]})
    turns = [
        {"role": "user", "parts": [shown("blue")]},
        {"role": "user", "parts": [{"text": "has it changed"}]},
    ]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    turn = await client.turn()
    assert "has changed" in said(turn)
    assert images(turn) == 2 * 258


@pytest.mark.parametrize("part", [shown("red"), {"inlineData": {"mimeType": "IMAGE/JPEG", "data": "AAAA"}}])
async def test_a_model_that_does_not_see_is_shown_nothing(bench, part):
    one = bench(model="gemini-3.5-live-translate-preview")
    client = await one.client(generationConfig={"translationConfig": {"targetLanguageCode": "es"}})
    await client.send(clientContent={"turns": [{"role": "user", "parts": [part]}], "turnComplete": True})
    assert await closed(client) == (1007, "Request contains an invalid argument.")


# --- "Say that again" ---------------------------------------------------------------------------------------

EARLIER = [
    {"role": "user", "parts": [{"text": "who wrote Faust"}]},
    {"role": "model", "parts": [{"text": "Goethe wrote it."}]},
]


@pytest.mark.parametrize("model", ["offline-tutor", "gemini-3.8-live", "gemini-3.1-flash-live-preview"])
async def test_what_the_model_said_in_a_seeded_history_can_be_said_again(bench, model):
    """Kind: what the model knows of what it said, whichever way it came."""
    one = bench(model=model, tutor=True)
    client = await one.client(historyConfig={"initialHistoryInClientContent": True})
    await client.send(clientContent={"turns": EARLIER, "turnComplete": True})
    await client.send(realtimeInput={"text": "say that again please"})
    assert said(await client.turn()) == "Goethe wrote it."
    await client.ask("what is seven plus five")
    assert await client.ask("can you repeat that") == "Seven plus five is twelve."


async def test_what_is_added_to_the_history_later_can_be_said_again(bench):
    client = await bench(tutor=True).client()
    await client.ask("what is seven plus five")
    await client.send(clientContent={"turns": EARLIER})
    await settle()
    assert await client.ask("say that again please") == "Goethe wrote it."


async def test_what_was_said_can_be_said_again_with_other_tools(bench):
    client = await bench(tutor=True).client()
    await client.ask("what is seven plus five")
    light = {"functionDeclarations": [{"name": "set_light"}]}
    await client.send(contextUpdate={"tools": {"tools": [light]}})
    assert await client.ask("say that again please") == "Seven plus five is twelve."


async def test_what_was_said_can_be_said_again_after_resuming_with_other_tools(bench):
    one = bench(tutor=True)
    client = await one.client(sessionResumption={})
    await client.ask("what is seven plus five")
    handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    await client.transport.close()
    light = [{"functionDeclarations": [{"name": "set_light"}]}]
    again = await one.client(sessionResumption={"handle": handle}, tools=light)
    assert await again.ask("say that again please") == "Seven plus five is twelve."


# --- What users report --------------------------------------------------------------------------------------

NAMELESS = {"turns": [{"parts": [{"text": "hello"}]}], "turnComplete": True}


@pytest.mark.parametrize(
    ("model", "closes"),
    [
        ("gemini-3.8-live", True),
        ("gemini-3.8-live-extended-thinking", True),
        ("gemini-3.1-flash-live-preview", True),
        ("gemini-2.5-flash-native-audio-latest", False),
        ("offline-tutor", False),
    ],
)
@pytest.mark.parametrize("lenient", [False, True])
async def test_a_turn_without_a_role_ends_the_sessions_of_some_models(bench, model, closes, lenient):
    """By reports only, so that it can be turned off."""
    level = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}} if "extended" in model else {}
    client = await bench(model=model, lenient=lenient).client(**level)
    await client.send(clientContent=NAMELESS)
    if closes and not lenient:
        assert await closed(client) == (1007, "Request contains an invalid argument.")
    else:
        while "echo hello" not in said(await client.turn()):
            pass


async def test_a_seeded_turn_needs_its_role_as_well(bench):
    client = await bench(model="gemini-3.1-flash-live-preview").client(
        historyConfig={"initialHistoryInClientContent": True}
    )
    await client.send(clientContent=NAMELESS)
    assert await closed(client) == (1007, "Request contains an invalid argument.")


@pytest.mark.parametrize("lenient", [False, True])
async def test_text_in_client_content_in_mid_session_where_it_only_seeds(bench, lenient):
    """LiveKit's agents type so into every model; the service is reported to close."""
    client = await bench(model="gemini-3.1-flash-live-preview", lenient=lenient).client()
    turns = [{"role": "user", "parts": [{"text": "hello"}]}]
    await client.send(clientContent={"turns": turns, "turnComplete": True})
    if lenient:
        assert said(await client.turn()) == "echo hello"
        assert await client.ask("now") == "echo now"
    else:
        assert await closed(client) == (1007, "Request contains an invalid argument.")


# --- Whose model a path names -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "vertex"),
    [
        ("models/gemini-3.8-live", False),
        ("projects/p/models/gemini-3.8-live", False),  # Firebase's Google AI backend
        ("projects/locations/models/gemini-3.8-live", False),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-live", True),
        ("projects/p/locations/l/models/gemini-3.8-live", True),
        ("publishers/google/models/gemini-3.8-live", True),
    ],
)
async def test_a_model_of_a_project_without_a_place_is_the_gemini_apis(bench, path, vertex):
    client = await bench(model="gemini-3.8-live").dial()
    done = await client.setup(path, outputAudioTranscription={})
    assert ("sessionId" in done["setupComplete"]) is vertex
    await client.send(realtimeInput={"text": "hello"})
    usage = (await client.turn())[-1]["usageMetadata"]
    assert ("candidatesTokenCount" in usage) is vertex


@pytest.mark.parametrize("model", ["gemini-3.1-flash-live-preview", "gemini-2.5-flash-native-audio-latest"])
async def test_models_that_vertex_does_not_have_are_found_by_firebases_path(bench, model):
    client = await bench().dial()
    assert await client.setup(f"projects/p/models/{model}") == {"setupComplete": {}}
