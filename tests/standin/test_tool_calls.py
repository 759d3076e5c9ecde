"""Functions that are called: the order of each family, results, and what becomes of a call without one."""

import pytest

from livewidget.clock import ManualClock
from livewidget.standin.interfaces import FunctionRequest, Reply
from tests.standin.puppets import DECLARED, LOUD, SECOND, closed, kinds, said, settle

NATIVE = "gemini-2.5-flash-native-audio-latest"
THINKING = "gemini-3.8-live-extended-thinking"
VERTEX = "gemini-live-2.5-flash-native-audio"
LEVEL = {"generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW"}}}


def declared(behavior=None, *names):
    said = {"behavior": behavior} if behavior else {}
    return [{"functionDeclarations": [{"name": name, **said} for name in names or ("weather",)]}]


async def asks(client, text="call weather"):
    """Ask, and return the calls that come."""
    if client.by_content:
        turn = {"role": "user", "parts": [{"text": text}]}
        await client.send(clientContent={"turns": [turn], "turnComplete": True})
    else:
        await client.send(realtimeInput={"text": text})
    return (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"]


async def answers(client, *calls, **fields):
    """Return from calls with what each is of."""
    responses = [
        {"id": call["id"], "name": call["name"], "response": {"of": call["name"]}, **fields} for call in calls
    ]
    await client.send(toolResponse={"functionResponses": responses})


@pytest.mark.parametrize(
    ("model", "behavior", "early"),
    [
        ("offline-tutor", None, False),
        ("gemini-3.8-live", None, False),
        ("gemini-3.8-live", "BLOCKING", False),
        ("gemini-3.1-flash-live-preview", None, False),
        (NATIVE, None, True),
        (NATIVE, "NON_BLOCKING", True),
        (VERTEX, None, True),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-live", None, True),
    ],
)
async def test_a_tool_call_in_the_order_of_its_family(bench, model, behavior, early):
    one = bench(model=model, clock=ManualClock())
    client = await one.client(tools=declared(behavior))
    (call,) = await asks(client)
    assert (call["name"], call["args"]) == ("weather", {"city": "Paris"})
    if early:
        assert kinds(await client.turn()) == ["turnComplete", "usageMetadata"]
    await answers(client, call)
    await one.advance(1500)
    turn = await client.turn()
    assert said(turn) == 'weather gave {"of": "weather"}'
    assert kinds(turn)[-3:] == ["generationComplete", "turnComplete", "usageMetadata"]


async def test_ids_are_those_of_the_service(bench):
    (call,) = await asks(await bench(model="gemini-3.8-live").client(tools=DECLARED))
    assert call["id"].startswith("fc_")
    (call,) = await asks(await bench(model=VERTEX).client(tools=DECLARED))
    assert len(call["id"].split("-")) == 5


# --- What must be in a result -------------------------------------------------------------------------------


async def test_vertex_clients_may_leave_the_id_out_and_others_not(bench):
    client = await bench(model=VERTEX).client(tools=DECLARED)
    await asks(client)
    await client.turn()
    await client.send(toolResponse={"functionResponses": [{"name": "weather", "response": {"a": 1}}]})
    assert said(await client.turn()) == 'weather gave {"a": 1}'
    client = await bench(model="gemini-3.8-live", clock=ManualClock()).client(tools=DECLARED)
    await asks(client)
    await client.send(toolResponse={"functionResponses": [{"name": "weather", "response": {"a": 1}}]})
    assert await closed(client) == (1007, "Request contains an invalid argument.")


async def test_a_result_without_a_name_is_a_failure_to_the_model_that_thinks(bench):
    for model, words in ((THINKING, "does not say which function"), ("gemini-3.8-live", '"a": 1')):
        one = bench(model=model, clock=ManualClock())
        client = await one.client(tools=DECLARED, **(LEVEL if model == THINKING else {}))
        (call,) = await asks(client)
        await client.send(toolResponse={"functionResponses": [{"id": call["id"], "response": {"a": 1}}]})
        await one.advance(2500)
        assert words in said(await client.turn())


@pytest.mark.parametrize(
    ("model", "fields", "accepted"),
    [
        (NATIVE, {"willContinue": True, "scheduling": "WHEN_IDLE"}, True),
        ("gemini-3.8-live", {"willContinue": True}, False),
        ("gemini-3.8-live", {"scheduling": "SILENT"}, True),
        (THINKING, {"scheduling": "SILENT"}, False),
        ("gemini-3.1-flash-live-preview", {"scheduling": "WHEN_IDLE"}, False),
        (VERTEX, {"willContinue": True}, False),
    ],
)
async def test_what_a_result_may_say_of_itself(bench, model, fields, accepted):
    client = await bench(model=model).client(tools=DECLARED, **(LEVEL if model == THINKING else {}))
    result = {"id": "x", "name": "weather", "response": {}, **fields}
    await client.send(toolResponse={"functionResponses": [result]})
    if accepted:
        if fields["scheduling"] != "SILENT":
            assert said(await client.turn()) == "weather gave {}"
        assert await client.ask("still here") == "echo still here"
    else:
        assert await closed(client) == (1007, "Request contains an invalid argument.")


async def test_a_function_that_reports_again_and_again_is_spoken_of_each_time(bench):
    """Kind: what a client sends is either refused or answered; a result that no call waits for is news.

    ADK's streaming tools answer one call several times, without `willContinue`.
    """
    client = await bench().client(tools=DECLARED)
    (call,) = await asks(client)
    await answers(client, call)
    assert said(await client.turn()) == 'weather gave {"of": "weather"}'
    for number in range(3):
        result = {"id": call["id"], "name": "weather", "response": {"report": number}}
        await client.send(toolResponse={"functionResponses": [result]})
        assert said(await client.turn()) == f'weather gave {{"report": {number}}}'
    assert await client.ask("on") == "echo on"


@pytest.mark.parametrize(
    ("model", "behavior"),
    [
        ("gemini-3.1-flash-live-preview", "BLOCKING"),
        *(
            (model, behavior)
            for model in ("gemini-3.8-live", NATIVE, VERTEX)
            for behavior in ("BLOCKING", "NON_BLOCKING")
        ),
    ],
)
async def test_reports_are_spoken_of_in_every_family(bench, model, behavior):
    one = bench(model=model, clock=ManualClock())
    client = await one.client(tools=declared(behavior))
    (call,) = await asks(client)
    await one.advance(100)
    for number in range(3):
        result = {"id": call["id"], "name": "weather", "response": {"report": number}}
        await client.send(toolResponse={"functionResponses": [result]})
        await one.advance(2000)
        while f'weather gave {{"report": {number}}}' not in said(await client.turn()):
            pass


async def test_all_results_of_one_message_are_spoken_of(bench):
    client = await bench().client(tools=DECLARED)
    (call,) = await asks(client)
    await answers(client, call, call, call)
    heard = [said(await client.turn()) for _ in range(3)]
    assert heard == ['weather gave {"of": "weather"}'] * 3


async def test_news_waits_until_nobody_speaks_unless_it_says_otherwise(bench):
    one = bench(clock=ManualClock())
    client = await one.client(tools=DECLARED)
    (call,) = await asks(client)
    await answers(client, call)
    await one.advance(2000)
    await client.turn()
    await client.send(realtimeInput={"text": "one two three four five"})
    await one.advance(50)
    await answers(client, call)
    await answers(client, call, scheduling="SILENT")
    await one.advance(3000)
    assert said(await client.turn()) == "echo one two three four five"
    assert said(await client.turn()) == 'weather gave {"of": "weather"}'
    await client.send(realtimeInput={"text": "one two three four five"})
    await one.advance(50)
    await answers(client, call, scheduling="INTERRUPT")
    await one.advance(3000)
    assert "interrupted" in kinds(await client.turn())
    assert said(await client.turn()) == 'weather gave {"of": "weather"}'


async def test_a_result_of_a_call_of_an_earlier_connection_is_news(bench):
    one = bench()
    client = await one.client(tools=DECLARED, sessionResumption={})
    await client.ask("first")
    handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    (call,) = await asks(client)
    await client.transport.close()
    again = await one.client(tools=DECLARED, sessionResumption={"handle": handle})
    await answers(again, call)
    assert said(await again.turn()) == 'weather gave {"of": "weather"}'


async def test_a_result_of_a_function_that_nobody_knows_is_ignored(bench):
    client = await bench().client(tools=DECLARED)
    await client.send(toolResponse={"functionResponses": [{"id": "x", "name": "y", "response": {}}]})
    await client.send(
        toolResponse={"functionResponses": [{"id": "x", "response": {}}, {"id": "y", "name": ""}]}
    )
    assert await client.ask("on") == "echo on"


# --- Several at once ----------------------------------------------------------------------------------------


def both(one):
    """Let the puppet's brain call two functions at once, and say what each gave."""

    async def reply(text, *, confident=True):
        return FunctionRequest("weather", {"city": "Paris"}, also=(FunctionRequest("light", {"on": True}),))

    one.brain.minds[0].reply = reply


@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("backwards", [False, True])
async def test_functions_are_called_in_parallel_and_answered_in_one_frame_or_in_several(
    bench, frames, backwards
):
    one = bench()
    client = await one.client(tools=declared(None, "weather", "light"))
    both(one)
    calls = await asks(client, "both")
    assert [call["name"] for call in calls] == ["weather", "light"]
    assert len({call["id"] for call in calls}) == 2
    order = calls[::-1] if backwards else calls
    if frames == 1:
        await answers(client, *order)
    else:
        await answers(client, order[0])
        await settle()
        assert "serverContent" not in client.log[-1], "it waits for both"
        await answers(client, order[1])
    assert said(await client.turn()) == 'weather gave {"of": "weather"} light gave {"of": "light"}'


async def test_one_that_blocks_is_waited_for_and_the_other_is_told_when_it_comes(bench):
    one = bench(clock=ManualClock())
    tools = [*declared("BLOCKING", "weather"), *declared("NON_BLOCKING", "light")]
    client = await one.client(tools=tools)
    both(one)
    weather, light = await asks(client, "both")
    await answers(client, weather)
    await one.advance(1000)
    assert said(await client.turn()) == 'weather gave {"of": "weather"}'
    await answers(client, light)
    await one.advance(1000)
    assert said(await client.turn()) == 'light gave {"of": "light"}'


async def test_a_chain_of_calls_and_one_without_end(bench):
    one = bench()
    client = await one.client(tools=DECLARED)
    gave = iter([FunctionRequest("weather", {"city": "Rome"}), Reply("enough")])

    async def result(name, result):
        return next(gave, FunctionRequest("weather"))

    (call,) = await asks(client)
    one.brain.minds[0].result = result
    await answers(client, call)
    (call,) = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"]
    assert call["args"] == {"city": "Rome"}
    await answers(client, call)
    assert said(await client.turn()) == "enough"
    await client.send(realtimeInput={"text": "call weather"})
    for _ in range(8):
        await answers(client, *(await client.until("toolCall"))[-1]["toolCall"]["functionCalls"])
    end = (await client.turn())[-1]["serverContent"]
    assert end == {"turnComplete": True, "turnCompleteReason": "TOO_MANY_TOOL_CALLS"}


async def test_a_call_of_what_is_not_declared_is_malformed(bench):
    client = await bench().client(tools=DECLARED)
    await client.send(realtimeInput={"text": "call nobody"})
    turn = await client.turn()
    assert turn[-1]["serverContent"] == {
        "turnComplete": True,
        "turnCompleteReason": "MALFORMED_FUNCTION_CALL",
    }
    assert "toolCall" not in kinds(turn)


# --- Without a result ---------------------------------------------------------------------------------------


async def test_a_function_that_holds_the_talk_up_for_too_long_is_given_up(bench):
    one = bench(clock=ManualClock())
    client = await one.client(tools=declared("BLOCKING", "weather", "light"))
    both(one)
    weather, light = await asks(client, "both")
    await answers(client, weather)
    await settle()
    one.clock.advance(60_001)
    cancelled = await client.until("toolCallCancellation")
    assert cancelled[-1]["toolCallCancellation"]["ids"] == [light["id"]]
    await one.advance(3000, step=50)
    heard = said(await client.turn())
    assert heard.startswith('weather gave {"of": "weather"} light gave')
    assert "no result within 60 seconds" in heard


@pytest.mark.parametrize("behavior", ["BLOCKING", "NON_BLOCKING"])
async def test_speaking_cancels_a_pending_call_that_blocks_and_no_other(bench, behavior):
    one = bench("hello", clock=ManualClock())
    client = await one.client(tools=declared(behavior))
    (call,) = await asks(client)
    await client.audio(LOUD)
    turn = await client.turn()
    if behavior == "BLOCKING":
        assert kinds(turn) == [
            "voiceActivity", "toolCallCancellation", "interrupted", "turnComplete", "usageMetadata",
        ]  # fmt: skip
        assert turn[1]["toolCallCancellation"]["ids"] == [call["id"]]
    else:
        assert kinds(turn) == ["voiceActivity", "interrupted", "turnComplete", "usageMetadata"]
    await client.audio(*SECOND)
    await one.advance(500)
    assert said(await client.turn()) == "echo hello"
    await answers(client, call)
    await one.advance(1000)
    if behavior == "BLOCKING":
        await client.send(realtimeInput={"text": "on"})
        await one.advance(500)
        assert said(await client.turn()) == "echo on", "a result that comes too late is ignored"
    else:
        assert said(await client.turn()) == 'weather gave {"of": "weather"}'


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


async def test_scheduling_within_a_response_is_no_part_of_the_result(bench):
    """Older samples of the documentation put it there, and Pipecat sends it in both places."""
    one = bench(model=NATIVE, clock=ManualClock())
    client = await one.client(tools=declared("NON_BLOCKING"))
    (call,) = await asks(client)
    await client.turn()
    response = {"of": call["name"], "scheduling": "WHEN_IDLE"}
    result = {"id": call["id"], "name": call["name"], "response": response, "scheduling": "WHEN_IDLE"}
    await client.send(toolResponse={"functionResponses": [result]})
    await one.advance(1500)
    assert said(await client.turn()) == 'weather gave {"of": "weather"}'
