"""What the tutor remembers of the talk, and what shows it."""

import asyncio

import numpy as np
import pytest

from livewidget.audio import resample, to_float, to_pcm16
from livewidget.standin import StandIn, recall
from livewidget.standin.context import Context
from tests.standin.puppets import Client, Voice


def asked(text, *lines, instruction=""):
    context = Context()
    context.instruction = instruction
    for number, line in enumerate(lines):
        context.add(("user", "model")[number % 2], line)
    context.add("user", text)
    said = recall.answer(text, context)
    return said and said.text


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My name is Ada", "Ada"),
        ("hi, my name is ada.", "Ada"),
        ("my name is mary ann", "Mary Ann"),
        ("Hello! My name is O’Brien!", "O’Brien"),
    ],
)
def test_a_name_is_remembered(text, name):
    assert asked(text) == f"Nice to meet you, {name}."
    assert asked("What’s my name?", text, "Nice.") == f"Your name is {name}."
    assert asked("do you remember my name", text, "a", "my name is Tom", "b") == "Your name is Tom."


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("what is my name", "you have not told me"),
        ("What did I ask before?", "nothing"),
        ("what did I ask first", "nothing"),
        ("what are your instructions?", "no instruction"),
    ],
)
def test_what_was_not_said_is_not_made_up(text, words):
    assert words in asked(text)


def test_what_was_said_before():
    lines = ("hello", "Hi!", "what is one plus one", "Two.")
    assert asked("what did i ask before", *lines).endswith(": what is one plus one")
    assert asked("what did i say first", *lines).endswith(": hello")


def test_the_instruction_is_told_and_a_name_in_it_is_taken():
    given = {"instruction": "You are a sailor. Your name is Captain Ahab, and you are brief."}
    assert asked("what is your instruction", **given) == f"My instruction is: {given['instruction']}"
    assert (
        asked("what is your name?", **given) == "My name is Captain Ahab. I am still a small offline tutor."
    )
    assert asked("who are you", instruction="Be brief.") is None
    long = asked("what are your instructions", instruction="word " * 500)
    assert len(long) < 250
    assert long.endswith("…")


@pytest.mark.parametrize(
    "text",
    ["what is seven plus five", "my name", "what is a name", "who is ada", "", "my name is " + "x" * 99],
)
def test_everything_else_is_left_to_the_mind(text):
    assert asked(text) is None


async def test_a_seeded_history_is_remembered(bench):
    history = {"historyConfig": {"initialHistoryInClientContent": True}}
    turns = [
        {"role": "user", "parts": [{"text": "My name is Ada."}]},
        {"role": "model", "parts": [{"text": "Hello Ada."}]},
    ]
    for model in ("gemini-3.1-flash-live-preview", "gemini-3.8-live", "offline-tutor"):
        one = bench(tutor=True, model=model)
        client = await one.client(**history)
        await client.send(clientContent={"turns": turns, "turnComplete": True})
        assert await client.ask("what is my name") == "Your name is Ada."
        without = await one.client()
        assert "not told me" in await without.ask("what is my name"), "the control"


async def test_a_brain_of_ones_own_answers_for_itself(bench):
    client = await bench().client()
    await client.ask("my name is Ada")
    assert await client.ask("what is my name") == "echo what is my name"


@pytest.mark.voice
async def test_a_name_that_is_spoken_is_heard():
    """With the tutor's real ears."""
    from livewidget.standin.tutor.voice import TutorTextToSpeech

    async def spoken(text):
        pcm = b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, "Kore")])
        sound = resample(to_float(pcm), 24_000, 16_000)
        noise = np.random.default_rng(1).normal(0, 0.002, len(sound) + 24_000).astype(np.float32)
        noise[8_000 : 8_000 + len(sound)] += sound
        return to_pcm16(noise)

    pytest.importorskip("pocketsphinx")
    client = Client(await StandIn(voice=Voice()).dial())
    await client.setup(outputAudioTranscription={})
    for question, answer in (
        ("my name is Ada", "Nice to meet you, Ada."),
        ("what is my name", "Your name is Ada."),
        ("what did I ask before", "is: what is my name"),
    ):
        sound = await spoken(question)
        for start in range(0, len(sound), 3200):
            await client.audio(sound[start : start + 3200])
            await asyncio.sleep(0)
        said = ""
        while True:
            message = await client.next()
            content = message.get("serverContent", {})
            said += content.get("outputTranscription", {}).get("text", "")
            if "turnComplete" in content:
                break
        assert said.endswith(answer)
    await client.transport.close()
