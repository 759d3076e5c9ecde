"""Tools in a widget: calls that a person allows on the page or from a cell, and tools of MCP servers."""

import threading

import pytest
from mcp.server.mcpserver import MCPServer

from livewidget import LiveWidget, StandIn
from livewidget.errors import ConfigError
from livewidget.events import ToolApprovalRequested
from livewidget.integrations.mcp import McpServer
from livewidget.ui import messages as m
from tests.widget.jupyter import WidgetPage, comms, until
from tests.widget.test_live import notices, tone

from .page import Link

__all__ = ["comms"]
pytestmark = pytest.mark.usefixtures("comms")


def quick_tutor(**more):
    """The tutor with its own brain, which calls functions, and a voice that takes no time."""
    return StandIn(ears=lambda sound: "hello", voice=tone, **more)


@pytest.fixture
def lamp():
    return []


@pytest.fixture
def live(lamp):
    widget = LiveWidget(quick_tutor())

    @widget.tool(require_approval=True)
    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        lamp.append(on)
        return "the lamp is on" if on else "the lamp is off"

    yield widget
    widget.close()
    until(lambda: widget._controller.is_closed)


def asking(turn):
    return bool(turn.tools) and turn.tools[-1].state == "asking"


def open_page(live, client="page"):
    page = WidgetPage(live, client)
    page.wait_for(m.Welcome)
    return page


@pytest.mark.parametrize(("allowed", "words"), [(True, "The lamp is on"), (False, "did not allow it")])
def test_a_page_is_asked_and_its_word_counts(live, lamp, allowed, words):
    page = open_page(live)
    page.send(m.Start(microphone=False))
    page.send(m.Text(text="turn on the light"))
    turn = page.wait_for(m.TurnView, asking)
    assert (turn.tools[0].name, turn.tools[0].args) == ("set_light", "on=True")
    assert lamp == []
    page.send(m.Approve(id=turn.tools[0].id, allowed=allowed))
    answer = page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    assert words in "".join(span.text for span in answer.spans)
    assert answer.tools[0].state == ("done" if allowed else "refused")
    assert lamp == ([True] if allowed else [])
    assert "tool-refused" not in notices(live)
    page.leave()


def test_a_word_that_is_forged_or_late_does_nothing(live, lamp):
    page = open_page(live)
    page.send(m.Start(microphone=False))
    page.send(m.Text(text="turn on the light"))
    id = page.wait_for(m.TurnView, asking).tools[0].id
    page.send(m.Approve(id="fc_1", allowed=True))
    page.send(m.Approve(id=id, allowed=False))
    page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    page.send(m.Approve(id=id, allowed=True))
    page.send(m.Text(text="what is seven plus five"))
    page.wait_for(m.TurnView, lambda turn: turn.final and "twelve" in "".join(s.text for s in turn.spans))
    assert lamp == []
    page.leave()


@pytest.mark.parametrize(("owner", "taken"), [("a", ["a"]), ("b", ["b"]), (None, ["a", "b"])])
def test_the_page_with_the_voice_answers_and_without_one_any_page(owner, taken):
    link = Link()
    pages = {client: link.page(client) for client in "ab"}
    if owner:
        pages[owner].send(m.Start(microphone=True))
    for client, page in pages.items():
        page.send(m.Approve(id=client, allowed=True))
    assert [call for call in link.host.calls if call[0] == "confirm"] == [
        ("confirm", m.Approve(id=client, allowed=True)) for client in taken
    ]


def test_a_cell_may_answer_too(live, lamp):
    @live.on(ToolApprovalRequested)
    def allow(event):
        live.approve(event.id)

    assert "The lamp is on" in live.ask("turn on the light", timeout=10).text
    assert lamp == [True]


def test_without_a_page_and_a_callback_nobody_can_be_asked(live, lamp):
    turn = live.ask("turn on the light", timeout=10)
    assert turn.tools[0].state == "refused"
    assert "show the widget" in notices(live)["tool-refused"]
    assert lamp == []


def test_values_on_the_way_reach_the_page():
    live = LiveWidget(quick_tutor())
    go = threading.Event()

    @live.tool
    def boil_water():
        """Boil water."""
        yield {"degrees": 50}
        go.wait(5)
        yield {"degrees": 100}

    page = open_page(live)
    page.send(m.Text(text="boil water"))
    turn = page.wait_for(m.TurnView, lambda turn: turn.tools and turn.tools[0].updates)
    assert (turn.tools[0].updates, turn.tools[0].state) == (('{"degrees": 50}',), "running")
    go.set()
    page.wait_for(m.TurnView, lambda turn: turn.tools and turn.tools[0].state == "done")
    page.leave()
    live.close()
    until(lambda: live._controller.is_closed)


def test_an_async_tool_that_blocks_holds_up_no_widget_and_is_named():
    """As time.sleep or requests do in an async def: the tools have a loop of their own."""
    began, go = threading.Event(), threading.Event()
    live, other = LiveWidget(quick_tutor()), LiveWidget(quick_tutor())

    @live.tool
    async def boil_water():
        """Boil water."""
        began.set()
        go.wait(60)
        return "it boils"

    page = open_page(live)
    page.send(m.Text(text="boil water"))
    assert began.wait(10)
    assert "twelve" in other.ask("what is seven plus five", timeout=20).text
    until(lambda: "tool-blocks" in notices(live))  # While it blocks.
    assert "The tool boil_water is an async def" in notices(live)["tool-blocks"]
    assert "Make it a plain def" in notices(live)["tool-blocks"]
    assert not go.is_set()
    go.set()
    page.wait_for(m.TurnView, lambda turn: turn.tools and turn.tools[0].state == "done")
    page.leave()
    for widget in (live, other):
        widget.close()
        until(lambda widget=widget: widget._controller.is_closed)


def test_what_the_model_cannot_is_said_in_the_cell():
    model = quick_tutor(model="gemini-3.1-flash-live-preview")

    def look_up(word: str) -> str:
        return word

    with pytest.raises(ConfigError, match="NON_BLOCKING for the tool look_up: it accepts BLOCKING"):
        LiveWidget(model).tool(behavior="NON_BLOCKING")(look_up)


# --- MCP ----------------------------------------------------------------------------------------------------


def kitchen(runs):
    """A server that counts how often it is started."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def counted(server):
        runs.append("up")
        yield
        runs.append("down")

    server = MCPServer("kitchen", log_level="CRITICAL", lifespan=counted)

    @server.tool()
    def oven_temperature() -> str:
        """Tell how hot the oven is."""
        return "it is 200 degrees"

    return server


def test_an_mcp_server_is_started_with_the_talk_kept_while_it_goes_on_and_stopped_with_it():
    runs = []
    live = LiveWidget(quick_tutor(), tools=[McpServer(kitchen(runs))])
    assert runs == []
    turn = live.ask("oven temperature", timeout=20)
    assert turn.tools[0].result == {"result": "it is 200 degrees"}
    assert "200 degrees" in turn.text
    assert runs == ["up"]

    @live.tool
    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        return "on"

    # Another session of the same talk: the server does not notice.
    assert live.ask("turn on the light", timeout=20).tools[0].state == "done"
    assert live.ask("oven temperature", timeout=20).tools[0].state == "done"
    assert runs == ["up"]
    live.stop()
    assert live.wait(10)
    until(lambda: runs == ["up", "down"])
    live.close()
    until(lambda: live._controller.is_closed)


def test_an_mcp_server_that_does_not_start_stands_under_the_widget():
    live = LiveWidget(quick_tutor(), tools=[McpServer("no-such-command")])
    live.start()
    until(lambda: notices(live))
    assert live.wait(10)
    assert list(notices(live).values()) == [
        "The MCP server no-such-command cannot be started: there is no such command, or no such folder for it."
    ]
    live.close()
    until(lambda: live._controller.is_closed)


def test_a_tool_that_asks_may_join_a_talk_that_goes_on(lamp):
    live = LiveWidget(quick_tutor())
    page = open_page(live)
    page.send(m.Text(text="what is seven plus five"))
    page.wait_for(m.TurnView, lambda turn: turn.speaker == "model" and turn.final)
    session = live._controller.sessions.current

    @live.tool(require_approval=True)
    def set_light(on: bool) -> str:
        """Turn the light on or off."""
        lamp.append(on)
        return "done"

    until(lambda: any(frame.kind.startswith("contextUpdate") for frame in session.wire.frames))
    page.send(m.Text(text="turn on the light"))
    page.send(m.Approve(id=page.wait_for(m.TurnView, asking).tools[0].id, allowed=True))
    page.wait_for(m.TurnView, lambda turn: turn.tools and turn.tools[0].state == "done")
    assert lamp == [True]
    assert live._controller.sessions.current is session
    page.leave()
    live.close()
    until(lambda: live._controller.is_closed)
