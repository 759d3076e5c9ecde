"""Functions that are called: the order of each family, results, and what becomes of a call without one."""

import pytest

from livewidget.standin import ManualClock
from tests.standin.puppets import DECLARED, LOUD, kinds, said, settle


@pytest.mark.parametrize("model", ["gemini-3.8-live", "gemini-2.5-flash-native-audio-latest"])
async def test_a_tool_call_in_the_order_of_its_family(bench, model):
    old = "2.5" in model
    client = await bench(model=model).client(tools=DECLARED)
    await client.send(clientContent={"turns": [{"parts": [{"text": "call weather"}]}], "turnComplete": True})
    asked = await client.until("serverContent", "turnComplete") if old else await client.until("toolCall")
    assert kinds(asked) == ["toolCall", "turnComplete", "usageMetadata"][: 3 if old else 1]
    call = asked[0]["toolCall"]["functionCalls"][0]
    assert call["name"] == "weather"
    assert call["args"] == {"city": "Paris"}
    result = {"id": call["id"], "name": "weather", "response": {"sky_now": "blue"}}
    await client.send(toolResponse={"functionResponses": [result]})
    assert said(await client.turn()) == 'weather gave {"sky_now": "blue"}'


async def test_vertex_clients_may_leave_the_id_out(bench):
    client = await bench(model="gemini-live-2.5-flash-native-audio").client(tools=DECLARED)
    await client.send(clientContent={"turns": [{"parts": [{"text": "call weather"}]}], "turnComplete": True})
    await client.turn()
    await client.send(toolResponse={"functionResponses": [{"name": "weather", "response": {"a": 1}}]})
    assert said(await client.turn()) == 'weather gave {"a": 1}'


async def test_a_result_nobody_asked_for_is_ignored(bench):
    client = await bench().client()
    await client.send(toolResponse={"functionResponses": [{"id": "x", "name": "y", "response": {}}]})
    await client.send(realtimeInput={"text": "on"})
    assert said(await client.turn()) == "echo on"


async def test_a_silent_result_is_not_spoken_of(bench):
    client = await bench().client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    response = {"id": call["id"], "name": "weather", "response": {}, "scheduling": "SILENT"}
    await client.send(toolResponse={"functionResponses": [response]})
    assert kinds(await client.turn()) == ["turnComplete", "usageMetadata"]


async def test_a_function_that_takes_too_long_is_given_up(bench):
    one = bench(clock=ManualClock())
    client = await one.client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    one.clock.advance(10_001)
    cancelled = await client.until("toolCallCancellation")
    assert cancelled[-1]["toolCallCancellation"]["ids"] == [call["id"]]
    await one.advance(3000, step=50)
    assert "no result within 10 seconds" in said(await client.turn())


async def test_speaking_cancels_a_pending_call(bench):
    one = bench("never mind", clock=ManualClock())
    client = await one.client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call weather"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    await client.audio(LOUD)
    turn = await client.turn()
    assert kinds(turn) == [
        "voiceActivity", "toolCallCancellation", "interrupted", "turnComplete", "usageMetadata",
    ]  # fmt: skip
    assert turn[1]["toolCallCancellation"]["ids"] == [call["id"]]


async def test_tools_can_be_replaced(bench):
    one = bench(model="offline-tutor")
    client = await one.client(tools=DECLARED)
    new = [{"functionDeclarations": [{"name": "lamp"}]}]
    await client.send(contextUpdate={"tools": {"tools": new}})
    await client.send(realtimeInput={"text": "call lamp"})
    await client.until("toolCall")
    assert [one["name"] for one in one.brain.minds[-1].declarations] == ["lamp"]
    assert one.ears.phrases.sentences == ("lamp",)
    await client.send(contextUpdate={"tools": {"tools": []}})
    await settle()
    assert one.brain.minds[-1].declarations == []
    assert one.ears.open == 1
