"""Functions of the stand-in's clients that do not block: the talk goes on, and their results are told in time."""

import pytest

from livewidget.clock import ManualClock
from tests.standin.puppets import LOUD, SECOND, kinds, said
from tests.standin.test_tool_calls import LEVEL, THINKING, answers, asks, declared

FREE = declared("NON_BLOCKING")
GAVE = 'weather gave {"of": "weather"}'
LONG = " ".join(["word"] * 30)


async def waiting(bench, *texts, model="offline-tutor", **fields):
    """A client whose function runs, and the talk has gone on."""
    one = bench(*texts, clock=ManualClock(), model=model)
    client = await one.client(tools=FREE, **fields)
    (call,) = await asks(client)
    await one.advance(1500)
    return one, client, call


async def test_a_result_that_comes_at_once_is_told_in_the_same_turn(bench):
    one = bench(clock=ManualClock())
    client = await one.client(tools=FREE)
    (call,) = await asks(client)
    await one.advance(690)
    await answers(client, call)
    await one.advance(1000)
    assert said(await client.turn()) == GAVE


@pytest.mark.parametrize("scheduling", [None, "WHEN_IDLE", "INTERRUPT"])
async def test_else_something_is_said_meanwhile_and_questions_are_answered(bench, scheduling):
    one, client, call = await waiting(bench)
    turn = await client.turn()
    assert said(turn) == "One moment, please."
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]
    await client.send(realtimeInput={"text": "and you"})
    await one.advance(500)
    assert said(await client.turn()) == "echo and you"
    await answers(client, call, **({"scheduling": scheduling} if scheduling else {}))
    await one.advance(1000)
    assert said(await client.turn()) == GAVE


async def test_when_idle_waits_until_all_is_said(bench):
    one, client, call = await waiting(bench)
    await client.turn()
    await client.send(realtimeInput={"text": LONG})
    await one.advance(500)
    await answers(client, call, scheduling="WHEN_IDLE")
    await one.advance(4000, step=20)
    first = await client.turn()
    assert said(first) == f"echo {LONG}"
    assert "interrupted" not in kinds(first)
    assert said(await client.turn()) == GAVE


async def test_interrupt_does_not_wait(bench):
    one, client, call = await waiting(bench)
    await client.turn()
    await client.send(realtimeInput={"text": LONG})
    await one.advance(500)
    await answers(client, call, scheduling="INTERRUPT")
    await one.advance(1000)
    first = await client.turn()
    assert kinds(first)[-3:] == ["interrupted", "turnComplete", "usageMetadata"]
    assert said(await client.turn()) == GAVE


async def test_interrupt_waits_while_the_user_speaks(bench):
    one, client, call = await waiting(bench, "hello")
    await client.turn()
    await client.audio(LOUD)
    await answers(client, call, scheduling="INTERRUPT")
    await one.advance(1000)
    assert kinds([await client.next()]) == ["voiceActivity"]
    await client.audio(*SECOND)
    await one.advance(1500)
    assert said(await client.turn()) == GAVE
    assert said(await client.turn()) == "echo hello"


@pytest.mark.parametrize("after", ["something", "nothing"])
async def test_when_idle_waits_for_the_user_too(bench, after):
    one, client, call = await waiting(bench, "hello" if after == "something" else "")
    await client.turn()
    await client.audio(LOUD)
    await answers(client, call)
    await one.advance(1000)
    await client.audio(*SECOND)
    await one.advance(1500)
    if after == "something":
        assert said(await client.turn()) == "echo hello"
    assert said(await client.turn()) == GAVE


@pytest.mark.parametrize("soon", [True, False])
async def test_silent_is_known_and_not_told(bench, soon):
    one = bench(clock=ManualClock())
    client = await one.client(tools=FREE)
    (call,) = await asks(client)
    if not soon:
        await one.advance(1500)
        await client.turn()
    await answers(client, call, scheduling="SILENT", response={"much": "x" * 4000})
    await one.advance(1500)
    if soon:
        assert kinds(await client.turn()) == ["turnComplete", "usageMetadata"]
    await client.send(realtimeInput={"text": "and now"})
    await one.advance(500)
    turn = await client.turn()
    assert said(turn) == "echo and now"
    assert turn[-1]["usageMetadata"]["promptTokenCount"] > 1000, "the model has read it"


async def test_scheduling_is_ignored_where_a_function_blocks(bench):
    client = await bench().client(tools=declared("BLOCKING"))
    (call,) = await asks(client)
    await answers(client, call, scheduling="SILENT")
    assert said(await client.turn()) == GAVE


async def test_a_function_may_return_again_and_again(bench):
    one, client, call = await waiting(bench)
    await client.turn()
    for number in range(3):
        await answers(client, call, willContinue=True, response={"n": number})
        await one.advance(1000)
        assert said(await client.turn()) == f'weather gave {{"n": {number}}}'
    await answers(client, call, willContinue=False, response={}, scheduling="SILENT")
    await client.send(realtimeInput={"text": "on"})
    await one.advance(500)
    assert said(await client.turn()) == "echo on"
    await answers(client, call, response={"one": "more"})
    await one.advance(1000)
    assert said(await client.turn()) == 'weather gave {"one": "more"}'


async def test_that_it_will_continue_is_ignored_where_a_function_blocks(bench):
    client = await bench().client(tools=declared("BLOCKING"))
    (call,) = await asks(client)
    await answers(client, call, willContinue=True)
    assert said(await client.turn()) == GAVE
    await answers(client, call, response={"one": "more"})
    assert said(await client.turn()) == 'weather gave {"one": "more"}'
    assert await client.ask("on") == "echo on"


async def test_speaking_over_a_result_does_not_lose_the_next_one(bench):
    one, client, call = await waiting(bench, "")
    await client.turn()
    for number in range(2):
        await answers(client, call, willContinue=True, response={"n": number})
    await one.advance(100)
    await client.audio(LOUD)
    assert "interrupted" in kinds(await client.turn())
    await client.audio(*SECOND)
    await one.advance(1500)
    assert said(await client.turn()) == 'weather gave {"n": 1}'


async def test_the_user_can_call_it_off(bench):
    one = bench(clock=ManualClock(), tutor=True)
    light = [{"functionDeclarations": [{"name": "set_light", "behavior": "NON_BLOCKING", "parameters": {
        "type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}}}]}]  # fmt: skip
    client = await one.client(tools=light)
    (call,) = await asks(client, "turn on the light")
    await one.advance(1500)
    await client.turn()
    await client.send(realtimeInput={"text": "Never mind!"})
    await one.advance(2000)
    turn = await client.turn()
    assert turn[0]["toolCallCancellation"]["ids"] == [call["id"]]
    assert "called it off" in said(turn)
    await answers(client, call)
    await client.send(realtimeInput={"text": "never mind"})
    await one.advance(8000, step=20)
    assert "called it off" not in said(await client.turn()), "there is nothing left to call off"


async def test_what_is_not_over_is_said_by_the_model_that_thinks(bench):
    one, client, call = await waiting(bench, model=THINKING, **LEVEL)
    assert (await client.turn())[-1]["serverContent"]["interactionStatus"] == "IN_PROGRESS"
    await answers(client, call)
    await one.advance(1500)
    turn = await client.turn()
    assert said(turn) == GAVE
    assert turn[-1]["serverContent"]["interactionStatus"] == "IDLE"


async def test_nothing_can_be_resumed_while_a_function_runs(bench):
    one, client, call = await waiting(bench, sessionResumption={})
    await client.turn()
    await answers(client, call)
    await one.advance(1500)
    turn = [*await client.turn(), await client.next()]
    updates = [one["sessionResumptionUpdate"] for one in turn if "sessionResumptionUpdate" in one]
    assert [update["resumable"] for update in updates] == [False, True]


async def test_closing_ends_what_waits_beside_the_talk(bench):
    """The fixture looks for tasks that are left."""
    _, client, _ = await waiting(bench)
    await client.transport.close()
