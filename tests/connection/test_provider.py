"""A provider of one's own: the example of CONTRIBUTING, and the defaults."""

import asyncio
import re
from pathlib import Path

import pytest

from livewidget import Gemini, LiveWidget, VertexAI, connect
from livewidget.config import LiveConfig
from livewidget.config.code import program
from livewidget.connection import KEY_NAMES, Connection, Provider
from livewidget.errors import ConfigError, LinkLost, UsageError
from livewidget.models import find
from livewidget.transports.memory import pair
from tests.peer import Peer

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
URL = "ws://127.0.0.1:8080"


def example():
    """The class that CONTRIBUTING shows."""
    section = CONTRIBUTING.read_text(encoding="utf-8").partition("**One more provider**")[2]
    names = {}
    exec(re.search(r"```python\n(.*?)```", section, re.DOTALL)[1], names)
    return names["OwnServer"]


class Least(Provider):
    """The five members that have no default, and a server that answers every text."""

    model = "gemini-3.8-live"
    service = "gemini"
    label = "A server"

    def model_path(self):
        return "models/mine"

    async def dial(self):
        self.peer = Peer()
        client = await self.peer.dial()
        self.task = asyncio.create_task(self.serve())
        return client

    async def serve(self):
        await self.peer.end.receive()
        while "Hello" not in await self.peer.end.receive():
            pass
        await self.peer.answer("Good day.")


async def test_the_five_members_are_enough_for_a_session():
    async with connect(Least(), voice="Kore") as session:
        assert (await session.ask("Hello")).text == "Good day."


def test_the_five_members_are_enough_for_a_widget():
    live = LiveWidget(Least())
    assert live.ask("Hello", timeout=20).text == "Good day."
    assert "LiveWidget(provider)" in live.code()
    live.close()


def test_the_defaults():
    least = Least()
    assert least.capabilities == find("gemini-3.8-live", "gemini")
    assert (least.catalogue_service, least.is_local) == ("gemini", False)
    assert (least.speaker, least.badge) == ("a", "A server · gemini-3.8-live")
    assert least.suggestions(LiveConfig()) == ()
    assert "LiveWidget(provider)" in program(least, LiveConfig())
    assert least.for_config(LiveConfig()) is least
    assert least.redact("AIzaSyCANARY0000000000000000000000000000") == "…"
    assert isinstance(least.error_for_close(1006, ""), LinkLost)
    with pytest.raises(ConfigError, match="this model only"):
        least.with_model("gemini-2.5")


async def test_the_example_of_contributing_brings_its_own_capabilities():
    provider = example()(URL)
    assert not provider.capabilities.video
    with pytest.raises(ConfigError, match="does not take voice"):
        connect(provider, voice="Kore")
    with pytest.raises(ConfigError, match="does not take voice"):
        await Connection.open(provider, LiveConfig(voice="Kore"))
    assert connect(provider)


async def test_the_example_of_contributing_is_what_is_dialled():
    class Joined(example()):
        async def dial(self):
            client, self.end = pair()
            await self.end.send('{"setupComplete": {}}')
            return client

    provider = Joined(URL)
    connection = await Connection.open(provider, LiveConfig())
    assert '"model":"models/small-live"' in await provider.end.receive()
    assert connection.model is provider.capabilities
    await connection.close()


class Nameless(Least):
    label = property()


class Unfinished(Provider):
    async def dial(self):
        raise AssertionError


def test_what_is_missing_is_named():
    with pytest.raises(UsageError, match="Nameless sets no label"):
        connect(Nameless())
    with pytest.raises(TypeError, match="model_path"):
        Unfinished()


class LooksLikeOne:
    model, service, label = "gemini-3.8-live", "gemini", "Nobody"
    model_path = dial = None


def test_what_only_looks_like_a_provider_is_none():
    with pytest.raises(UsageError, match="a Provider of your own"):
        connect(LooksLikeOne())


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("gemini-3.8-liv", "There is no model gemini-3.8-liv; did you mean gemini-3.8-live?"),
        ("Gemini 3.8 Live", "did you mean gemini-3.8-live?"),
        ("models/gemini-3.8-liv", "did you mean gemini-3.8-live?"),
        ("a-model-of-somebody", "there are gemini-3.8-live, "),
        ("puck", 'Puck is a voice, not a model: pass it as voice="Puck".'),
        ("You are a patient teacher.", "an instruction goes in system_instruction"),
        ("AIzaSyCANARY0000000000000000000000000000", "looks like a key"),
        ("offline-tutor", 'use LiveWidget("offline-tutor") or StandIn()'),
    ],
)
def test_a_model_that_does_not_exist_is_named_before_a_missing_key(monkeypatch, model, sentence):
    for name in KEY_NAMES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=re.escape(sentence)) as caught:
        Gemini(model)
    assert "CANARY" not in str(caught.value)


def test_a_model_newer_than_the_table_can_be_used_all_the_same():
    gemini = Gemini("gemini-9-live", api_key="k", check_model=False)
    assert gemini.model == "gemini-9-live"
    assert gemini.expression().keywords == {"check_model": False}
    assert gemini.with_model("gemini-10-live").model == "gemini-10-live"
    assert Gemini("mine", api_key="k", base_url="ws://127.0.0.1:1").model == "mine"
    with pytest.raises(ConfigError, match=r"did you mean gemini-3\.8-live"):
        Gemini(api_key="k").with_model("gemini-3.8-liv")
    with pytest.raises(ConfigError, match="There is no model"):
        VertexAI("gemini-9-live", "project")
    assert VertexAI("gemini-9-live", "project", check_model=False).model == "gemini-9-live"
