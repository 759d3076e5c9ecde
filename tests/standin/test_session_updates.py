"""Instructions and tools that change while the stand-in's session runs."""

import pytest

from tests.standin.puppets import DECLARED, closed, settle

VERTEX = "projects/p/locations/l/publishers/google/models/gemini-3.8-live"
AHAB = {"parts": [{"text": "Your name is Ahab."}]}
WHO = "what is your name"


@pytest.mark.parametrize("model", ["offline-tutor", VERTEX])
async def test_an_instruction_is_replaced_by_an_update(bench, model):
    client = await bench(tutor=True, model=model).client(systemInstruction=AHAB)
    assert (await client.ask(WHO)).startswith("My name is Ahab.")
    before = client.log[-1]["usageMetadata"] if model == "offline-tutor" else None
    await client.send(
        contextUpdate={"systemInstruction": {"parts": [{"text": "You are called Ishmael. " * 40}]}}
    )
    assert (await client.ask(WHO)).startswith("My name is Ishmael.")
    if before:
        assert client.log[-1]["usageMetadata"]["promptTokenCount"] > before["promptTokenCount"] + 200
    await client.send(contextUpdate={"systemInstruction": {"parts": []}})
    assert "Ishmael" not in await client.ask(WHO)
    assert await client.ask("what are your instructions") == "I was given no instruction."


async def test_an_instruction_is_replaced_by_a_turn_of_the_system_on_vertex(bench):
    client = await bench(tutor=True, model=VERTEX).client(systemInstruction=AHAB)
    turn = {"role": "system", "parts": [{"text": "You are called Ishmael."}]}
    await client.send(clientContent={"turns": [turn], "turnComplete": False})
    assert (await client.ask(WHO)).startswith("My name is Ishmael.")
    assert "You are called" not in await client.ask("what did I say first"), (
        "it is nothing that the user said"
    )


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("gemini-3.8-live", {"contextUpdate": {"systemInstruction": AHAB}}),
        ("gemini-live-2.5-flash-native-audio", {"contextUpdate": {"systemInstruction": AHAB}}),
        ("gemini-3.8-live", {"clientContent": {"turns": [{"role": "system", **AHAB}]}}),
        ("offline-tutor", {"clientContent": {"turns": [{"role": "narrator", **AHAB}]}}),
        (VERTEX, {"contextUpdate": {"tools": {"tools": [{"codeExecution": {}}]}}}),
    ],
)
async def test_models_that_take_no_update(bench, model, message):
    client = await bench(model=model).client()
    await client.send(**message)
    assert await closed(client) == (1007, "Request contains an invalid argument.")


async def test_a_tool_can_be_called_once_it_is_declared_and_no_more_when_it_is_gone(bench):
    client = await bench(tutor=True).client()
    light = [{"functionDeclarations": [{"name": "set_light", "parameters": {
        "type": "OBJECT", "properties": {"on": {"type": "BOOLEAN"}}}}]}]  # fmt: skip
    assert "light" not in await client.ask("turn on the light")
    await client.send(contextUpdate={"tools": {"tools": light}})
    await client.send(realtimeInput={"text": "turn on the light"})
    call = (await client.until("toolCall"))[-1]["toolCall"]["functionCalls"][0]
    assert (call["name"], call["args"]) == ("set_light", {"on": True})
    result = {"id": call["id"], "name": "set_light", "response": {"result": "the light is on"}}
    await client.send(toolResponse={"functionResponses": [result]})
    await client.turn()
    # The wrapper alone, as one SDK sends an empty list, is the same message to protobuf.
    await client.send(contextUpdate={"tools": {}})
    assert "light is on" not in await client.ask("turn on the light")
    await client.ask("what is my name")
    assert "toolCall" not in client.log[-1]


async def test_an_instruction_alone_leaves_the_tools(bench):
    one = bench()
    client = await one.client(tools=DECLARED)
    await client.send(contextUpdate={"systemInstruction": AHAB})
    await settle()
    await client.send(realtimeInput={"text": "call weather"})
    await client.until("toolCall")
    assert len(one.brain.minds) == 1
