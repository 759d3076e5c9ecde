"""Tools of MCP servers made with the official package: on pipes, over HTTP, and in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
from pathlib import Path

import pytest
import uvicorn
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from livewidget.errors import ConfigError, ConnectFailed, StateError, ToolError, UsageError
from livewidget.events import ToolApprovalRequested, ToolResult
from livewidget.integrations.mcp import McpServer
from livewidget.protocol.messages import FunctionCall, ToolCall
from livewidget.session import LiveSession
from tests.integrations.mcp_server import make
from tests.peer import Peer, until

COMMAND = (sys.executable, "-m", "tests.integrations.mcp_server")


@pytest.fixture(autouse=True)
def _quiet():
    """The package logs what goes wrong, through a handler of its own."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def on_pipes(**options) -> McpServer:
    return McpServer(*COMMAND, **options)


async def declared(peer: Peer) -> dict[str, dict]:
    (tool,) = (await peer.receive()).setup.tools
    return {one.name: one for one in tool.function_declarations}


async def asked(peer: Peer, tool: str, **args) -> dict:
    call = FunctionCall(id=f"{tool}-{args}", name=tool, args=args)
    await peer.send(tool_call=ToolCall(function_calls=[call]))
    return (await peer.result()).response


def kept_by_servers() -> list[str]:
    """What a server leaves where it is not stopped: its process, and the thread that listens to it."""
    left = [thread.name for thread in threading.enumerate() if "MCP" in thread.name]
    for about in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # It may end while it is looked at.
            parent = int(about.read_text().rpartition(")")[2].split()[1])
            command = about.with_name("cmdline").read_text().split("\0")
            if parent == os.getpid() and COMMAND[-1] in command:
                left.append(about.parent.name)
    return left


@pytest.mark.parametrize("server", [on_pipes, lambda: McpServer(make())], ids=["pipes", "memory"])
async def test_the_tools_of_a_server_are_declared_and_called(server):
    server, peer = server(), Peer()
    async with LiveSession(peer, tools=[server]):
        found = await declared(peer)
        assert found["add"].description == "Add two numbers."
        assert found["add"].parameters_json_schema == {
            "type": "object",
            "required": ["a"],
            "properties": {
                "a": {"type": "integer", "description": "The first."},
                "b": {"type": "integer", "default": 1},
            },
        }
        assert await asked(peer, "add", a=2) == {"result": 3}
        # As models really send them: null for what may be left out, a number for text.
        assert await asked(peer, "add", a=2.0, b=None) == {"result": 3}
        assert await asked(peer, "shop", item=7) == {"result": ["7 at the baker's", "7 at the grocer's"]}
        assert await asked(peer, "visit", place={"name": "attic", "inside": None}) == {"result": "attic"}
        assert await asked(peer, "shop", item="bread") == {
            "result": ["bread at the baker's", "bread at the grocer's"]
        }
        assert await asked(peer, "draw") == {"result": "a red dot\n(image of the type image/png, left out)"}
        burnt = "Error executing tool burn: the toast is black and smokes"
        assert await asked(peer, "burn") == {"error": burnt}
        assert "error" in await asked(peer, "add", a="many")
        # MCP is freer with names: the model knows another one than the server.
        assert await asked(peer, "set_oven_temperature", degrees=200) == {"result": "200 degrees"}
        # A type that refers to itself has an end here.
        assert await asked(peer, "visit", place={"name": "attic"}) == {"result": "attic"}
    assert repr(server).endswith("not running>")


async def test_over_http():
    config = uvicorn.Config(make().streamable_http_app(), port=0, log_level="critical", lifespan="on")
    http = uvicorn.Server(config)
    serving = asyncio.create_task(http.serve())
    while not http.started:  # noqa: ASYNC110
        await asyncio.sleep(0)
    port = http.servers[0].sockets[0].getsockname()[1]
    try:
        peer = Peer()
        async with LiveSession(peer, tools=[McpServer(url=f"http://127.0.0.1:{port}/mcp")]):
            await declared(peer)
            assert await asked(peer, "add", a=1, b=1) == {"result": 2}
    finally:
        http.should_exit = True
        await serving


async def test_a_session_that_is_open_already_stands_among_the_tools():
    parameters = StdioServerParameters(command=COMMAND[0], args=list(COMMAND[1:]))
    async with (
        stdio_client(parameters, errlog=sys.__stderr__) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        peer = Peer()
        async with LiveSession(peer, tools=[session]):
            await declared(peer)
            assert await asked(peer, "add", a=2) == {"result": 3}
        assert (await session.call_tool("add", {"a": 1})).structured_content == {
            "result": 2
        }  # It stays open.


async def test_a_client_is_called_on_the_loop_that_it_was_opened_on():
    """As in a notebook: it was opened in a cell, and the widget talks on a loop of its own."""
    loop, calls = asyncio.get_running_loop(), []
    async with Client(make()) as client:
        inner = client.call_tool

        async def call_tool(*args):
            calls.append(asyncio.get_running_loop())
            return await inner(*args)

        client.call_tool = call_tool
        session = LiveSession(peer := Peer(), tools=[client])

        async def elsewhere():
            async with session:
                await declared(peer)
                return await asked(peer, "add", a=2)

        assert await asyncio.to_thread(asyncio.run, elsewhere()) == {"result": 3}
    assert calls == [loop]


async def test_a_person_is_asked_before_the_tools_of_a_server_run():
    peer = Peer()
    async with LiveSession(peer, tools=[McpServer(make(), require_approval=True)], approve=True) as session:
        stream = aiter(session)
        await declared(peer)
        await peer.call("add", a=1)
        assert session.approve((await until(stream, ToolApprovalRequested)).id)
        assert (await peer.result()).response == {"result": 2}


async def test_options_of_a_server():
    peer = Peer("gemini-2.5-flash-native-audio-latest")
    server = McpServer(
        make(), only=["add", "simmer"], prefix="kitchen.", behavior="NON_BLOCKING", timeout=0.2
    )
    async with LiveSession(peer, tools=[server]):
        found = await declared(peer)
        assert set(found) == {"kitchen.add", "kitchen.simmer"}
        assert found["kitchen.add"].behavior == "NON_BLOCKING"
        assert await asked(peer, "kitchen.add", a=1) == {"result": 2}
        assert await asked(peer, "kitchen.simmer") == {"error": "it took longer than 0.2 s and was given up"}
        assert await asked(peer, "kitchen.add", a=2) == {"result": 3}


async def test_the_environment_is_the_commands_own(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "canary")
    peer = Peer()
    async with LiveSession(peer, tools=[on_pipes(env={"OVEN": "gas"})]):
        await declared(peer)
        assert await asked(peer, "environment", name="OVEN") == {"result": "gas"}
        assert await asked(peer, "environment", name="GEMINI_API_KEY") == {"result": "nothing"}


async def test_a_server_that_ends_in_mid_talk_is_told_and_started_again_for_the_next():
    server, peer = on_pipes(), Peer()
    async with LiveSession(peer, tools=[server]) as session:
        stream = aiter(session)
        await declared(peer)
        assert await asked(peer, "leave") == {"error": "its MCP server has ended"}
        assert (await until(stream, ToolResult)).error == "its MCP server has ended"
        assert await asked(peer, "add", a=1) == {"error": "its MCP server has ended"}
    async with LiveSession(peer := Peer(), tools=[server]):
        await declared(peer)
        assert await asked(peer, "add", a=1) == {"result": 2}


async def test_one_run_serves_all_talks_and_ends_with_the_last():
    server = on_pipes()
    first = await server.open()
    second = await server.open()
    assert first is second
    await server.close()
    (add,) = [tool for tool in first if tool.name == "add"]
    assert await add.function(a=1) == {"result": 2}
    await server.close()
    await server.close()  # Once more than it was opened.
    assert repr(server) == "<McpServer python -m tests.integrations.mcp_server, not running>"
    assert kept_by_servers() == []
    assert len(await server.open()) == len(first)
    await server.close()


async def test_no_task_and_no_process_is_left():
    before = asyncio.all_tasks()
    async with LiveSession(Peer(), tools=[on_pipes(), McpServer(make(), prefix="other_")]):
        assert kept_by_servers() != []
    assert asyncio.all_tasks() == before
    assert kept_by_servers() == []


BROKEN = [
    (
        McpServer("no-such-command"),
        "The MCP server no-such-command cannot be started: there is no such command",
    ),
    (
        McpServer(sys.executable, "-m", "no_such_module"),
        f"The MCP server {os.path.basename(sys.executable)} -m no_such_module cannot be used: ",
    ),
    (McpServer(sys.executable, "--version"), "cannot be used"),
    (McpServer(url="http://user:secret@127.0.0.1:9/mcp"), "The MCP server at 127.0.0.1 cannot be used: "),
]


@pytest.mark.parametrize(("server", "said"), BROKEN, ids=lambda value: getattr(value, "name", None))
async def test_a_server_that_does_not_start_is_said_in_one_sentence(server, said):
    peer = Peer()
    before = asyncio.all_tasks()
    with pytest.raises(ConnectFailed) as caught:
        await LiveSession(peer, tools=[server]).start()
    text = str(caught.value)
    assert text.startswith(said) or said in text
    assert "\n" not in text
    assert os.path.dirname(sys.executable) not in text
    assert "secret" not in text
    assert peer.dials == 0
    assert asyncio.all_tasks() == before


async def test_a_server_that_does_not_answer():
    server = McpServer(sys.executable, "-c", "import time; time.sleep(60)")
    server.start_timeout = 0.3
    with pytest.raises(ConnectFailed, match=r"has not said within 0\.3 s what it can do"):
        await server.open()


async def test_giving_up_while_it_starts_leaves_nothing():
    before = asyncio.all_tasks()
    server = McpServer(sys.executable, "-c", "import time; time.sleep(60)")
    opening = asyncio.create_task(server.open())
    while server._run is None:  # noqa: ASYNC110
        await asyncio.sleep(0)
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await opening
    assert asyncio.all_tasks() == before
    assert repr(server).endswith("not running>")


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ([McpServer(make()), McpServer(make())], "Two tools are called add"),
        ([McpServer(make(), only=["add", "fly"])], "lacks 1 of the tools that only names"),
    ],
)
async def test_tools_that_cannot_be_offered_together(tools, said):
    with pytest.raises(ToolError, match=said):
        await LiveSession(Peer(), tools=tools).start()
    assert all(repr(tool).endswith("not running>") for tool in tools)


async def test_what_the_model_cannot_is_said_before_it_is_dialled():
    peer = Peer("gemini-3.1-flash-live-preview")
    with pytest.raises(ConfigError, match="does not take NON_BLOCKING"):
        await LiveSession(peer, tools=[McpServer(make(), behavior="NON_BLOCKING")]).start()
    assert peer.dials == 0


@pytest.mark.parametrize(
    ("args", "options", "error", "said"),
    [
        ((), {}, UsageError, "Say which MCP server"),
        (("python",), {"url": "http://localhost"}, UsageError, "Say which MCP server"),
        (("python", 3), {}, UsageError, "word by word"),
        (("python",), {"timeout": 0}, ToolError, "number of seconds"),
        (("python",), {"behavior": "LATER"}, ToolError, "behavior"),
    ],
)
def test_servers_that_cannot_be(args, options, error, said):
    with pytest.raises(error, match=said):
        McpServer(*args, **options)


async def test_one_run_is_for_one_loop():
    server = McpServer(make())
    await server.open()
    with pytest.raises(StateError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, server.open())
    await server.close()
