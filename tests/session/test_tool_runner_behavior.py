"""How each family of models treats calls: what a session declares, refuses early, and sends back."""

import asyncio

import pytest

from livewidget.errors import ConfigError
from livewidget.events import ToolResult
from livewidget.protocol.messages import FunctionCall, ToolCall
from livewidget.session import LiveSession, connect
from livewidget.standin import StandIn
from livewidget.tools import Result, Tool
from tests.peer import Peer, until

NATIVE = "gemini-2.5-flash-native-audio-latest"
THINKING = "gemini-3.8-live-extended-thinking"


def light(on: bool) -> str:
    """Turn the light on or off."""
    return "on" if on else "off"


def counts():
    """Count."""
    yield 1


def tool(**options) -> Tool:
    return Tool.of(light, **options)


def declared(session: LiveSession) -> str | None:
    return session._tools.declarations[0].get("behavior")


@pytest.mark.parametrize(
    ("model", "options", "behavior"),
    [
        ("gemini-3.8-live", {}, None),
        ("gemini-3.8-live", {"behavior": "BLOCKING"}, "BLOCKING"),
        ("gemini-3.8-live", {"scheduling": "SILENT"}, None),  # It does not wait, as it is.
        (NATIVE, {}, None),
        (NATIVE, {"behavior": "NON_BLOCKING"}, "NON_BLOCKING"),
        (NATIVE, {"scheduling": "SILENT"}, "NON_BLOCKING"),
        ("gemini-3.1-flash-live-preview", {"behavior": "BLOCKING"}, "BLOCKING"),
        (THINKING, {"behavior": "NON_BLOCKING"}, "NON_BLOCKING"),
        ("gemini-9-live", {"behavior": "NON_BLOCKING", "scheduling": "SILENT"}, "NON_BLOCKING"),
    ],
)
def test_behaviour_is_declared_where_it_is_not_the_models_own(model, options, behavior):
    assert declared(LiveSession(Peer(model), tools=[tool(**options)])) == behavior


def test_a_generator_does_not_block_where_its_values_are_taken():
    assert declared(LiveSession(Peer(NATIVE), tools=[counts])) == "NON_BLOCKING"
    assert declared(LiveSession(Peer("gemini-3.1-flash-live-preview"), tools=[counts])) is None


@pytest.mark.parametrize(
    ("model", "offered", "said"),
    [
        (
            "gemini-3.1-flash-live-preview",
            tool(behavior="NON_BLOCKING"),
            "gemini-3.1-flash-live-preview does not take NON_BLOCKING for the tool light: it accepts "
            "BLOCKING; gemini-3.8-live, gemini-3.8-live-extended-thinking, ",
        ),
        (
            THINKING,
            tool(behavior="BLOCKING"),
            f"{THINKING} does not take BLOCKING for the tool light: it accepts NON_BLOCKING; gemini-3.8-live, ",
        ),
        (
            THINKING,
            tool(scheduling="SILENT"),
            f"{THINKING} does not take scheduling for the tool light: it decides itself when it speaks of a "
            "result; gemini-3.8-live, ",
        ),
        ("gemini-3.1-flash-live-preview", tool(scheduling="SILENT"), "does not take scheduling"),
        ("gemini-3.8-live", {"name": "f", "behavior": "LATER"}, "does not take LATER for the tool f"),
        ("gemini-3.8-live", {"name": "f", "behaviour": "BLOCKING"}, "has no field 'behaviour'"),
        (
            "gemini-3.8-live",
            {"name": "f", "parameters": {"type": "OBJECT", "additionalProperties": False}},
            "put a full JSON Schema in parametersJsonSchema",
        ),
        ("gemini-3.5-live-translate-preview", light, "calls no functions"),
    ],
)
def test_what_a_model_cannot_is_refused_before_anything_is_dialled(model, offered, said):
    peer = Peer(model)
    with pytest.raises(ConfigError) as caught:
        LiveSession(peer, tools=[offered])
    assert said in str(caught.value)
    assert peer.dials == 0


def test_connect_refuses_it_too():
    with pytest.raises(ConfigError, match="does not take NON_BLOCKING"):
        connect(
            StandIn(model="gemini-3.1-flash-live-preview", brain=str.upper),
            tools=[tool(behavior="NON_BLOCKING")],
        )


@pytest.mark.parametrize(
    ("model", "options", "value", "sent"),
    [
        ("gemini-3.8-live", {}, 1, None),
        ("gemini-3.8-live", {"scheduling": "WHEN_IDLE"}, 1, "WHEN_IDLE"),
        ("gemini-3.8-live", {"scheduling": "WHEN_IDLE"}, Result(1, "SILENT"), "SILENT"),
        ("gemini-3.8-live", {}, Result(1, "INTERRUPT"), "INTERRUPT"),
        ("gemini-3.8-live", {"behavior": "BLOCKING"}, Result(1, "INTERRUPT"), None),
        (NATIVE, {}, Result(1, "SILENT"), None),  # Its calls block: the service would ignore it.
        (NATIVE, {"behavior": "NON_BLOCKING"}, Result(1, "SILENT"), "SILENT"),
        (THINKING, {}, Result(1, "SILENT"), None),  # It would close with 1007.
        ("gemini-3.1-flash-live-preview", {}, Result(1, "SILENT"), None),
    ],
)
async def test_when_a_result_is_spoken_of(model, options, value, sent):
    def give():
        return value

    config = {"thinking": "low"} if model == THINKING else {}
    peer = Peer(model)
    async with connect(peer, tools=[Tool.of(give, **options)], **config) as session:
        stream = aiter(session)
        await peer.receive()
        await peer.call("give")
        result = await peer.result()
        assert (result.response, result.scheduling) == ({"result": 1}, sent)
        assert (await until(stream, ToolResult)).scheduling == sent


async def test_calls_of_one_message_run_at_the_same_time_and_are_answered_as_they_end():
    going = {name: asyncio.Event() for name in "abc"}
    running = []

    async def wait_for(name: str):
        running.append(name)
        await going[name].wait()
        return name

    peer = Peer()
    async with LiveSession(peer, tools=[wait_for]) as session:
        await peer.receive()
        calls = [FunctionCall(id=name, name="wait_for", args={"name": name}) for name in "abc"]
        await peer.send(tool_call=ToolCall(function_calls=calls))
        async with asyncio.timeout(5):
            while len(running) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0)
        for name in "cab":
            going[name].set()
            assert (await peer.result()).response == {"result": name}
        assert [use.state for use in session.turns[-1].tools] == ["done"] * 3


async def test_by_hand_a_result_is_scheduled_too():
    peer = Peer()
    async with LiveSession(peer, tools=[{"name": "ask_me"}]) as session:
        await peer.receive()
        await peer.call("ask_me", id="q")
        async with asyncio.timeout(5):
            while not session.turns:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await session.send_tool_result("q", Result({"answer": 42}, "SILENT"))
        result = await peer.result()
        assert (result.response, result.scheduling) == ({"answer": 42}, "SILENT")
