"""Resumption: a talk that outlives its connection."""

import pytest

from livewidget.clock import ManualClock
from livewidget.standin.context import ResumptionStore, SessionState
from tests.standin.puppets import DECLARED, LOUD, QUIET, SECOND, closed, said, settle

HOUR_MS = 3_600_000
AGAIN = {"sessionResumption": {}}
VERTEX = "gemini-live-2.5-flash-native-audio"


async def handle_after(client, text="first"):
    """Ask something, and return the handle that comes after the turn."""
    await client.ask(text)
    update = (await client.next())["sessionResumptionUpdate"]
    assert update["resumable"] is True
    return update["newHandle"]


async def test_a_handle_comes_after_each_turn_and_leads_back(bench):
    one = bench()
    client = await one.client(**AGAIN)
    handle = await handle_after(client)
    await client.transport.close()
    again = await one.client(sessionResumption={"handle": handle})
    await again.ask("second")
    assert [text for text, _ in one.brain.minds[0].asked] == ["first", "second"], "the same mind"


@pytest.mark.parametrize(("model", "hours"), [("offline-tutor", 2), ("gemini-3.8-live", 2), (VERTEX, 24)])
async def test_a_handle_holds_as_long_as_its_service_keeps_it(bench, model, hours):
    one = bench(clock=ManualClock(), model=model)
    client = await one.client(**AGAIN)
    content = {"turns": [{"role": "user", "parts": [{"text": "first"}]}], "turnComplete": True}
    await client.send(clientContent=content)
    await one.advance(400)
    await client.turn()
    handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    one.clock.advance(hours * HOUR_MS - 1000)
    await one.client(sessionResumption={"handle": handle})
    one.clock.advance(2000)
    late = await one.dial()
    resumption = {"handle": handle}
    await late.send(setup={"model": one.standin.model_path(), "sessionResumption": resumption})
    assert await closed(late) == (1008, "BidiGenerateContent session not found")


def test_handles_without_end_are_not_kept_without_end():
    memories = ResumptionStore(ManualClock())
    handles = [memories.keep(SessionState(), 1000) for _ in range(1100)]
    assert [memories.find(handle) is not None for handle in handles] == [False] * 100 + [True] * 1000


async def test_while_an_answer_is_made_there_is_nothing_to_resume(bench):
    client = await bench().client(**AGAIN, tools=DECLARED)
    await client.send(realtimeInput={"text": "hello"})
    turn = [*await client.turn(), await client.next()]
    updates = [m["sessionResumptionUpdate"] for m in turn if "sessionResumptionUpdate" in m]
    assert turn[0] == {"sessionResumptionUpdate": {"resumable": False}}
    assert [update["resumable"] for update in updates] == [False, True]
    await client.send(realtimeInput={"text": "call weather"})
    assert await client.next() == {"sessionResumptionUpdate": {"resumable": False}}
    call = (await client.next())["toolCall"]["functionCalls"][0]
    await client.send(
        toolResponse={"functionResponses": [{"id": call["id"], "name": "weather", "response": {}}]}
    )
    await client.turn()
    assert (await client.next())["sessionResumptionUpdate"]["resumable"] is True


async def test_while_a_function_runs_there_is_nothing_to_resume_even_after_the_turn(bench):
    """On Vertex AI the turn completes before the result."""
    client = await bench(model=VERTEX).client(**AGAIN, tools=DECLARED)
    content = {"turns": [{"role": "user", "parts": [{"text": "call weather"}]}], "turnComplete": True}
    await client.send(clientContent=content)
    await client.turn()
    await client.send(toolResponse={"functionResponses": [{"name": "weather", "response": {"a": 1}}]})
    assert "sessionResumptionUpdate" not in str(await client.turn())
    assert (await client.next())["sessionResumptionUpdate"]["resumable"] is True


async def test_what_came_after_the_handle_is_lost(bench):
    one = bench(tutor=True)
    client = await one.client(**AGAIN)
    await handle_after(client, "my name is Ada")
    handle = await handle_after(client, "hello")
    await handle_after(client, "my name is Tom")
    unfinished = {"turns": [{"role": "user", "parts": [{"text": "my name is Eve"}]}], "turnComplete": False}
    await client.send(clientContent=unfinished)
    await settle()
    for _ in range(2):  # and a handle can be used again
        again = await one.client(sessionResumption={"handle": handle})
        assert await again.ask("what is my name") == "Your name is Ada."
        await again.ask("my name is Zoe")
    new = await one.client(**AGAIN)
    assert "not told me" in await new.ask("what is my name"), "the control"


async def test_everything_but_the_model_may_change(bench):
    one = bench()
    client = await one.client(**AGAIN, systemInstruction={"parts": [{"text": "x" * 400}]})
    handle = await handle_after(client)
    speech = {"speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Puck"}}}}
    again = await one.client(sessionResumption={"handle": handle}, generationConfig=speech, tools=DECLARED)
    await again.send(realtimeInput={"text": "call weather"})
    await again.until("toolCall")
    assert one.brain.minds[-1].declarations[0]["name"] == "weather"
    await again.ask("enough")
    assert one.voice.voices[-1] == "Puck"
    usage = again.log[-1]["usageMetadata"]
    assert usage["promptTokenCount"] < 100, "the instruction is the new setup's, which has none"
    other = await one.dial()
    await other.send(setup={"model": "models/gemini-3.8-live", "sessionResumption": {"handle": handle}})
    assert await closed(other) == (1007, "Request contains an invalid argument.")


async def test_pictures_are_remembered(bench):
    one = bench(tutor=True)
    client = await one.client(**AGAIN)
    png = "iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAC6s0uzAAAAAElFTkSuQmCC"
    await client.send(realtimeInput={"video": {"data": png, "mimeType": "image/png"}})
    handle = await handle_after(client, "hello")
    again = await one.client(sessionResumption={"handle": handle})
    assert "640 by 480" in await again.ask("what do you see")


# --- Transparent --------------------------------------------------------------------------------------------

TRANSPARENT = {"sessionResumption": {"transparent": True}}


def index(update):
    return int(update["sessionResumptionUpdate"]["lastConsumedClientMessageIndex"])


async def asks(client, text="x"):
    await client.send(clientContent={"turns": [{"parts": [{"text": text}]}], "turnComplete": True})
    await client.turn()
    return index(await client.next())


async def test_transparent_resumption_says_which_messages_are_in_it(bench):
    client = await bench(model=VERTEX).client(**TRANSPARENT)
    assert await asks(client) == 1, "the setup is message 0"
    await client.audio(QUIET, QUIET)
    assert await asks(client) == 4
    plain = await bench(model=VERTEX).client(**AGAIN)
    await plain.ask("x")
    assert "lastConsumedClientMessageIndex" not in (await plain.next())["sessionResumptionUpdate"]


async def test_what_is_being_said_is_not_in_it(bench):
    """Messages from the beginning of an unfinished utterance on have to be sent again."""
    one = bench("first", "second", model=VERTEX, clock=ManualClock())
    quietly = {"realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}
    client = await one.client(**TRANSPARENT, **quietly)
    await client.audio(*SECOND)  # messages 1 to 10
    await client.audio(LOUD, *SECOND)  # 11 to 21: an utterance, and its end at 16
    await client.audio(LOUD)  # 22: another one begins, while the first is answered
    await one.advance(1000)
    assert said(await client.turn()) == "echo first"
    assert index(await client.next()) == 19, "22 is speech, and what came 264 ms before it may be"
    await client.audio(*SECOND)  # 23 to 32
    await one.advance(1000)
    assert said(await client.turn()) == "echo second"
    assert index(await client.next()) == 32
