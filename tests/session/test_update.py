"""A session whose settings change while it runs."""

import asyncio

import pytest

from livewidget.config import LiveConfig
from livewidget.errors import ConfigError, SetupRefused, StateError, ToolError
from livewidget.events import ConnectionReplaced, ToolResult
from livewidget.session import SAME
from tests.peer import eventually

from .exchange import Exchange, Talk, settle, texts_of

UNKNOWN = (1007, "Invalid JSON payload received. Unknown name \"noSuchField\" at 'setup': Cannot find field.")
AT_ONCE = {"model": "gemini-3.8-live", "service": "vertex"}


def light(on: bool) -> str:
    """Turn the light on or off."""
    return "on" if on else "off"


def names(tools):
    return [one.name for tool in tools or [] for one in tool.function_declarations or []]


async def changed(talk, **changes):
    """Change settings, and let the time pass that it takes."""
    changing = asyncio.create_task(talk.session.update(**changes))
    await settle()
    await talk.until(changing.done)
    return await changing


# --- Where the model takes it -------------------------------------------------------------------------------


async def test_an_instruction_changes_at_once():
    async with Talk(Exchange(**AT_ONCE)) as talk:
        await talk.session.update(system_instruction="Be brief.")
        update = (await talk.peer.receive()).context_update
        assert update.system_instruction.parts[0].text == "Be brief."
        assert update.tools is None
        assert talk.session.config.system_instruction == "Be brief."
        assert talk.peer.dials == 1


async def test_tools_change_at_once_and_can_be_called_and_can_all_go():
    async with Talk(Exchange(**AT_ONCE)) as talk:
        await talk.session.update(tools=[light])
        update = (await talk.peer.receive()).context_update
        assert names(update.tools.tools) == ["light"]
        assert update.system_instruction is None
        await talk.peer.call("light", on=True)
        assert (await talk.peer.result()).response == {"result": "on"}
        await talk.session.update(tools=[])
        assert (await talk.peer.receive()).context_update.tools.tools in (None, [])
        assert talk.peer.dials == 1


async def test_the_next_connection_knows_the_change():
    async with Talk(Exchange(**AT_ONCE)) as talk:
        await talk.session.update(system_instruction="Be brief.", tools=[light])
        await talk.peer.rest()
        await talk.exchange("one", "first")
        await talk.peer.go_away("50s")
        await talk.moved()
        setup = talk.peer.setups[-1]
        assert setup.system_instruction.parts[0].text == "Be brief."
        assert names(setup.tools) == ["light"]


async def test_what_the_model_does_not_take_moves_the_talk_there_too():
    async with Talk(Exchange(**AT_ONCE)) as talk:
        await talk.exchange("one", "first")
        await changed(talk, config=LiveConfig(voice="Puck"))
        assert [moved.why for moved in talk.told(ConnectionReplaced)] == ["settings"]


async def test_having_no_instruction_any_more_takes_a_new_connection():
    async with Talk(Exchange(**AT_ONCE), LiveConfig(system_instruction="Be brief.")) as talk:
        await changed(talk, system_instruction=None)
        await talk.peer.set_up()
        assert talk.peer.setups[-1].system_instruction is None


# --- Where it does not --------------------------------------------------------------------------------------


async def test_elsewhere_the_talk_goes_on_over_a_new_connection():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await changed(talk, system_instruction="Be brief.", tools=[light])
        moved = await talk.moved()
        assert (moved.why, moved.resumed) == ("settings", True)
        setup = talk.peer.setups[-1]
        assert setup.session_resumption.handle == "handle-1"
        assert setup.system_instruction.parts[0].text == "Be brief."
        assert names(setup.tools) == ["light"]
        assert talk.session.config.system_instruction == "Be brief."
        await talk.exchange("two", "second")
        await talk.peer.call("light", on=False)
        await eventually(lambda: talk.told(ToolResult))


async def test_an_answer_is_waited_for_but_not_for_long():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        await talk.session.send_text("two")
        await talk.peer.say("sec")
        changing = asyncio.create_task(talk.session.update(LiveConfig(voice="Puck")))
        await settle()
        await talk.wait(4500)
        assert not changing.done()
        assert talk.session.config.voice is None
        await talk.wait(1000)
        await changing
        assert talk.session.config.voice == "Puck"


async def test_nothing_changes_where_nothing_is_changed():
    async with Talk() as talk:
        await talk.session.update()
        await talk.session.update(LiveConfig(), system_instruction=SAME, tools=SAME)
        assert await talk.peer.rest() == []
        assert talk.peer.dials == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"config": LiveConfig(thinking="high")}, ConfigError),
        ({"config": LiveConfig(voice="Nobody")}, ConfigError),
        ({"tools": [3]}, ToolError),
    ],
)
async def test_what_cannot_be_is_refused_before_anything_is_sent(changes, error):
    async with Talk() as talk:
        with pytest.raises(error):
            await talk.session.update(**changes)
        assert talk.session.config == LiveConfig()
        assert talk.peer.dials == 1


async def test_what_the_service_refuses_leaves_the_talk_as_it_was():
    async with Talk(tools=[light]) as talk:
        await talk.exchange("one", "first")
        talk.peer.refusals = [UNKNOWN]
        with pytest.raises(SetupRefused, match="noSuchField"):
            await changed(talk, config=LiveConfig(extra={"noSuchField": 1}), tools=[])
        moved = await talk.moved()
        assert moved.resumed
        assert talk.session.config == LiveConfig()
        assert names(talk.peer.setups[-1].tools) == ["light"]
        await talk.exchange("two", "second")


async def test_what_is_said_meanwhile_is_not_lost():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        changing = asyncio.create_task(talk.session.update(LiveConfig(voice="Puck")))
        await asyncio.sleep(0)
        await talk.session.send_text("two")
        await talk.until(changing.done)
        await talk.moved()
        (sent,) = await talk.peer.rest()
        assert texts_of(sent.client_content) == [("user", "two")]


async def test_two_changes_follow_each_other():
    async with Talk() as talk:
        await talk.exchange("one", "first")
        one = asyncio.create_task(talk.session.update(LiveConfig(voice="Puck")))
        await settle()
        two = asyncio.create_task(talk.session.update(LiveConfig(voice="Kore")))
        await talk.until(lambda: one.done() and two.done())
        await asyncio.gather(one, two)
        assert talk.session.config.voice == "Kore"


async def test_a_change_that_waits_is_not_lost_with_the_next():
    async with Talk() as talk:
        await talk.session.send_text("one")
        one = asyncio.create_task(talk.session.update(system_instruction="Be brief."))
        await settle()
        two = asyncio.create_task(talk.session.update(tools=[light]))
        await talk.until(lambda: one.done() and two.done())
        await asyncio.gather(one, two)
        await talk.moved()
        setup = talk.peer.setups[-1]
        assert setup.system_instruction.parts[0].text == "Be brief."
        assert names(setup.tools) == ["light"]
        assert talk.peer.dials == 2


async def test_a_session_that_ends_meanwhile_says_so():
    talk = Talk()
    async with talk:
        await talk.session.send_text("one")
        changing = asyncio.create_task(talk.session.update(LiveConfig(voice="Puck")))
        await settle()
    with pytest.raises(StateError, match="closed before its settings"):
        await changing
    with pytest.raises(StateError, match="ended"):
        await talk.session.update(LiveConfig(voice="Puck"))
