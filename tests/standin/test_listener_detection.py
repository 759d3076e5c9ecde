"""Turn detection on real speech: every setting on the wire does something that can be heard or seen."""

import asyncio
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import resample, to_float, to_pcm16
from livewidget.clock import ManualClock
from livewidget.standin import StandIn
from tests.standin.puppets import Brain, Client, VirtualClock, Voice, kinds, said, settle

pytestmark = pytest.mark.voice

pytest.importorskip("espeakng_loader")

RATE = 16_000
PERSON = Path("/usr/share/pocketsphinx/test/data/goforward.raw")


def spoken(text, voice="Charon"):
    """Synthetic speech, float32 at 16 kHz."""
    from livewidget.standin.tutor.voice import TutorTextToSpeech

    async def speak():
        return b"".join([piece.pcm async for piece in TutorTextToSpeech().speak(text, voice)])

    return resample(to_float(asyncio.run(speak())), 24_000, RATE)


@pytest.fixture(scope="module")
def halves():
    return spoken("what is the capital"), spoken("of the country France")


@pytest.fixture(scope="module")
def word():
    return spoken("no")


@pytest.fixture(scope="module")
def person():
    """Somebody's "go forward ten meters", recorded."""
    if not PERSON.exists():
        pytest.skip("Debian's pocketsphinx-testdata is not installed")
    return to_float(PERSON.read_bytes())


def room(*pieces, level=0.001):
    """Join sounds and pauses (in seconds), with a room's noise under all of it."""
    parts = [np.zeros(int(one * RATE), np.float32) if isinstance(one, int | float) else one for one in pieces]
    sound = np.concatenate(parts)
    return sound + np.random.default_rng(5).normal(0, level, len(sound)).astype(np.float32)


async def listen(sound, *, manual=False, realtime=None, **detection):
    """Play a sound to the stand-in's real detector; return all that it sent."""
    tutor = StandIn(ears=lambda utterance: "heard", brain=Brain(), voice=Voice(), clock=VirtualClock())
    client = Client(await tutor.dial())
    config = {"automaticActivityDetection": detection, **(realtime or {})}
    await client.setup(realtimeInputConfig=config, inputAudioTranscription={}, outputAudioTranscription={})
    if manual:
        await client.send(realtimeInput={"activityStart": {}})
    pcm = to_pcm16(sound)
    for start in range(0, len(pcm), 3200):
        await client.audio(pcm[start : start + 3200])
    if manual:
        await client.send(realtimeInput={"activityEnd": {}})
    client.log.clear()
    await client.send(realtimeInput={"text": "the end"})
    while "echo the end" not in said(client.log[-8:]):
        await client.next()
    await client.turn()
    await client.transport.close()
    return client.log


def told(messages, kind):
    """When speech started or ended, in seconds."""
    found = [message["voiceActivity"] for message in messages if "voiceActivity" in message]
    return [float(one["audioOffset"][:-1]) for one in found if one["type"] == f"ACTIVITY_{kind}"]


@pytest.mark.parametrize(("pause", "silence_ms", "turns"), [(0.7, 400, 2), (0.7, 1200, 1), (0.2, 400, 1)])
async def test_silence_ends_a_turn(halves, pause, silence_ms, turns):
    sound = room(0.5, halves[0], pause, halves[1], 1.5)
    messages = await listen(sound, silenceDurationMs=silence_ms)
    assert len(told(messages, "START")) == len(told(messages, "END")) == turns


@pytest.mark.parametrize(
    ("sensitivity", "turns"), [("END_SENSITIVITY_HIGH", 2), (None, 1), ("END_SENSITIVITY_LOW", 1)]
)
async def test_the_sensitivity_of_the_end_decides_how_long_a_pause_for_thought_may_be(
    halves, sensitivity, turns
):
    sound = room(0.5, halves[0], 0.42, halves[1], 1.5)
    detection = {"endOfSpeechSensitivity": sensitivity} if sensitivity else {}
    assert len(told(await listen(sound, **detection), "END")) == turns


async def test_and_a_longer_one(halves):
    sound = room(0.5, halves[0], 0.6, halves[1], 1.5)
    ends = [
        len(told(await listen(sound, endOfSpeechSensitivity=f"END_SENSITIVITY_{word}"), "END"))
        for word in ("HIGH", "LOW")
    ]
    assert ends == [2, 1]


@pytest.mark.parametrize(("prefix_ms", "starts"), [(20, 1), (600, 0)])
async def test_speech_must_last_the_prefix(word, prefix_ms, starts):
    assert len(told(await listen(room(0.5, word, 1.0), prefixPaddingMs=prefix_ms), "START")) == starts


async def test_the_longer_the_prefix_the_later_a_start_is_known(person):
    sound = room(0.5, person, 1.5)
    starts = [told(await listen(sound, prefixPaddingMs=ms), "START")[0] for ms in (20, 200, 400)]
    assert starts[0] < starts[1] < starts[2]
    assert starts[2] - starts[0] == pytest.approx(0.38, abs=0.15)


async def test_the_sensitivity_of_the_start_decides_what_is_loud_enough_to_be_meant(halves, word):
    noisy = room(0.5, *halves, 1.5, level=0.15)
    starts = {
        kind: told(await listen(noisy, startOfSpeechSensitivity=f"START_SENSITIVITY_{kind}"), "START")[0]
        for kind in ("HIGH", "LOW")
    }
    assert starts["HIGH"] + 0.1 < starts["LOW"]
    blip = room(0.5, word[: int(0.16 * RATE)], 1.0)
    counts = [
        len(told(await listen(blip, startOfSpeechSensitivity=f"START_SENSITIVITY_{kind}"), "START"))
        for kind in ("HIGH", "LOW")
    ]
    assert counts == [1, 0]


@pytest.mark.parametrize(
    ("handling", "interrupted"),
    [("START_OF_ACTIVITY_INTERRUPTS", True), ("NO_INTERRUPTION", False), (None, True)],
)
async def test_speaking_over_an_answer_stops_it_or_not(halves, handling, interrupted):
    clock = ManualClock()
    tutor = StandIn(ears=lambda utterance: "heard", brain=Brain(), voice=Voice(), clock=clock)
    client = Client(await tutor.dial())
    await client.setup(realtimeInputConfig={"activityHandling": handling} if handling else {})
    await client.send(realtimeInput={"text": " ".join(["word"] * 40)})
    await client.until("serverContent", "modelTurn")
    pcm = to_pcm16(room(0.2, *halves, 0.8))
    for start in range(0, len(pcm), 3200):
        await client.audio(pcm[start : start + 3200])
    turn = asyncio.ensure_future(client.turn())
    while not turn.done():
        clock.advance(20)
        await settle()
    assert ("interrupted" in kinds(await turn)) == interrupted
    await client.transport.close()


async def test_with_manual_activity_only_the_client_says_who_speaks(halves):
    sound = room(0.5, halves[0], 2.0, halves[1], 1.5)
    manual = await listen(sound, manual=True, disabled=True)
    assert told(manual, "START") == []
    texts = [
        m["serverContent"]["inputTranscription"]
        for m in manual
        if "inputTranscription" in m.get("serverContent", {})
    ]
    assert [one["text"] for one in texts] == ["heard"], "two seconds of silence end nothing"
    assert len(told(await listen(sound), "END")) == 2, "the control"


@pytest.mark.parametrize(
    ("coverage", "silence_counts"),
    [("TURN_INCLUDES_ALL_INPUT", True), ("TURN_INCLUDES_ONLY_ACTIVITY", False)],
)
async def test_coverage_decides_what_silence_costs(halves, coverage, silence_counts):
    sound = room(10, *halves, 1.5)
    messages = await listen(sound, realtime={"turnCoverage": coverage})
    usage = next(message["usageMetadata"] for message in messages if "usageMetadata" in message)
    audio = {one["modality"]: one["tokenCount"] for one in usage["promptTokensDetails"]}["AUDIO"]
    assert (audio > 250) == silence_counts
    assert audio >= 25 * len(np.concatenate(halves)) / RATE - 15


TOOLS = [
    {"name": "set_light", "parameters": {"type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}, "required": ["on"]}},
    {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}, "required": ["city"]}},
]  # fmt: skip


async def test_two_functions_that_are_asked_for_in_one_breath_are_called_in_one_message():
    """With the tutor's own ears and brain."""
    pytest.importorskip("pocketsphinx")
    client = Client(await StandIn(voice=Voice(), clock=VirtualClock()).dial())
    await client.setup(inputAudioTranscription={}, tools=[{"functionDeclarations": TOOLS}])
    sound = await asyncio.to_thread(spoken, "turn on the light and what is the weather in Paris", "Kore")
    pcm = to_pcm16(room(0.5, sound, 1.2))
    for start in range(0, len(pcm), 3200):
        await client.audio(pcm[start : start + 3200])
    calls = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"]
    assert [(call["name"], call["args"]) for call in calls] == [
        ("set_light", {"on": True}),
        ("get_weather", {"city": "Paris"}),
    ]
    responses = [
        {"id": call["id"], "name": call["name"], "response": {"result": f"{call['name']} done"}}
        for call in calls
    ]
    await client.send(toolResponse={"functionResponses": responses})
    await client.turn()
    await client.transport.close()
