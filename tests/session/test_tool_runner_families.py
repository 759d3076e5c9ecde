"""Calls of functions in sessions with the stand-in as each family of models: the order is theirs, the turn one."""

import asyncio

import numpy as np
import pytest

from livewidget.events import ActivityStart, InputTranscript, ToolCall, ToolCallCancelled, TurnComplete
from livewidget.session import connect
from livewidget.standin import StandIn
from livewidget.tools import Result, Tool
from livewidget.turns import Floor
from tests.peer import Peer, eventually, until
from tests.session.test_standin import speak, speech

__all__ = ["speech"]
NATIVE = "gemini-2.5-flash-native-audio-latest"
BEFORE = ["toolCall", "turnComplete", "toolResponse", "turnComplete"]
AFTER = ["toolCall", "toolResponse", "turnComplete"]


def light(on: bool) -> str:
    """Turn the light on or off."""
    return f"the light is {'on' if on else 'off'}"


def beep(text: str) -> np.ndarray:
    """A voice that says a letter in 20 ms."""
    return 0.2 * np.sin(np.arange(480 * len(text)) / 10, dtype=np.float32)


def stand_in(model: str, **more) -> StandIn:
    return StandIn(**({"ears": lambda sound: "never mind", "voice": beep} | more), model=model)


def order(session) -> list[str]:
    """Calls, results and completions in the order in which they went over the wire, parts of a kind together."""
    found = [
        word
        for frame in session.wire.frames
        for word in ("toolCall", "toolResponse", "turnComplete")
        if word in frame.kind and "Cancellation" not in frame.kind
    ]
    return [word for place, word in enumerate(found) if place == 0 or word != found[place - 1]]


@pytest.mark.parametrize(
    ("model", "behavior", "wanted"),
    [
        ("offline-tutor", None, AFTER),
        ("gemini-3.8-live", None, AFTER),
        ("gemini-3.8-live", "BLOCKING", AFTER),
        ("gemini-3.1-flash-live-preview", None, AFTER),
        (NATIVE, None, BEFORE),
        (NATIVE, "NON_BLOCKING", BEFORE),
        ("gemini-live-2.5-flash-native-audio", None, BEFORE),  # Vertex AI
        ("publishers/google/models/gemini-3.8-live", None, BEFORE),
    ],
)
@pytest.mark.parametrize("takes_ms", [0, 150])
async def test_a_call_and_its_answer_are_one_turn_in_every_order(model, behavior, wanted, takes_ms):
    async def slowly(on: bool) -> str:
        await asyncio.sleep(takes_ms / 1000)
        return light(on)

    tool = Tool.of(slowly, name="light", behavior=behavior)
    async with connect(stand_in(model), tools=[tool]) as session:
        turn = await session.ask("turn on the light", timeout=20)
        assert turn.text.lower().endswith("the light is on.")
        (use,) = turn.tools
        assert (use.state, dict(use.args), use.result) == (
            "done",
            {"on": True},
            {"result": "the light is on"},
        )
        assert [each.speaker for each in session.turns] == ["user", "model"]
        assert session.floor is Floor.LISTENING
        assert order(session)[-len(wanted) :] == wanted
        # And nothing is left of it for the next question.
        assert "twelve" in (await session.ask("what is seven plus five", timeout=20)).text


async def test_a_model_that_thinks_in_the_background_answers_in_one_turn_too():
    model = "gemini-3.8-live-extended-thinking"
    async with connect(stand_in(model), tools=[light], thinking="low") as session:
        turn = await session.ask("turn on the light", timeout=20)
        assert turn.text == "Let me think. The light is on."
        assert turn.tools[0].state == "done"


@pytest.mark.parametrize("early", [True, False])
async def test_vertex_ai_may_give_no_ids(early):
    peer = Peer("gemini-live-2.5-flash-native-audio", "vertex")
    async with connect(peer, tools=[light]) as session:
        await peer.receive()
        asking = asyncio.create_task(session.ask("turn on the light"))
        await peer.receive()
        await peer.call("light", id=None, on=True)
        await peer.call("light", id=None, on=False)
        if early:
            await peer.turn_complete()
        results = [await peer.result() for _ in range(2)]
        assert [(one.id, one.name) for one in results] == [(None, "light")] * 2
        await peer.answer("Done.")
        turn = await asking
        assert turn.text == "Done."
        assert sorted(use.result["result"] for use in turn.tools) == ["the light is off", "the light is on"]


@pytest.mark.parametrize("model", ["offline-tutor", NATIVE])
async def test_the_values_of_a_generator_are_spoken_one_by_one(model):
    def boil_water():
        """Boil water."""
        for degrees in (50, 80, 100):
            yield f"{degrees} degrees"

    async with connect(stand_in(model), tools=[boil_water]) as session:
        await session.send_text("boil water")
        await eventually(lambda: session.turns and "100 degrees" in session.turns[-1].text)
        said = " ".join(turn.text for turn in session.turns if turn.speaker == "model")
        assert said == "50 degrees. 80 degrees. 100 degrees."


@pytest.mark.parametrize("model", ["offline-tutor", "gemini-3.8-live"])
async def test_a_silent_result_is_known_and_not_spoken_of(model):
    def water_plants():
        """Water the plants."""
        return Result("three pots", scheduling="SILENT")

    tool = Tool.of(water_plants, behavior="NON_BLOCKING")
    async with connect(stand_in(model), tools=[tool]) as session:
        stream = aiter(session)
        await session.send_text("water the plants")
        await until(stream, TurnComplete)
        assert session.turns[-1].tools[0].result == {"result": "three pots"}
        assert "pots" not in session.turns[-1].text
        assert session.turns[-1].final
        assert session.floor is Floor.LISTENING


@pytest.mark.voice
@pytest.mark.parametrize("model", ["offline-tutor", "gemini-3.1-flash-live-preview"])
async def test_speaking_over_a_call_cancels_it_and_stops_the_coroutine(model, speech):
    stopped = asyncio.Event()

    async def light(on: bool) -> str:
        """Turn the light on or off."""
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        return "too late"

    async with connect(stand_in(model), tools=[light]) as session:
        stream = aiter(session)
        await session.send_text("turn on the light")
        await until(stream, ToolCall)
        await speak(session, speech)
        await until(stream, ToolCallCancelled)
        async with asyncio.timeout(5):
            await stopped.wait()
        (use,) = next(turn for turn in session.turns if turn.tools).tools
        assert (use.state, use.result) == ("cancelled", None)
        await until(stream, InputTranscript)
        await until(stream, TurnComplete)
        assert session.turns[-1].tools == ()  # What was said instead is answered.


@pytest.mark.voice
async def test_a_model_that_must_not_be_disturbed_hears_it_after_the_result(speech):
    go = asyncio.Event()

    async def light(on: bool) -> str:
        """Turn the light on or off."""
        await go.wait()
        return "the light is on"

    async with connect(stand_in(NATIVE), tools=[light]) as session:
        stream = aiter(session)
        await session.send_text("turn on the light")
        await until(stream, ToolCall)
        await speak(session, speech)
        assert session.floor is Floor.TOOL
        go.set()
        await until(stream, ActivityStart)
        heard = [frame.kind for frame in session.wire.frames if frame.outgoing]
        assert heard.index("toolResponse") < min(n for n, kind in enumerate(heard) if "audio" in kind)
        assert next(turn for turn in session.turns if turn.tools).tools[0].state == "done"
