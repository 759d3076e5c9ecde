"""MCP servers as sources of tools: started for the talk, on its loop, and stopped with it.

MCP is the Model Context Protocol. A session that is open already needs nothing of this: it can stand among
the tools as it is.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

from livewidget.config.code import Call, Name
from livewidget.errors import ConnectFailed, ExtraMissing, LiveError, StateError, ToolError, UsageError
from livewidget.tools import ERROR_LENGTH, Behavior, McpServerClosed, Tool, list_mcp_tools, mcp_error_text

#: Seconds that a server may take to start and to say what it can do.
START_TIMEOUT: Final = 30.0
#: Lines kept of what a server says beside the protocol.
LINES: Final = 20


class McpServer:
    """An MCP server whose tools the model may call: `LiveWidget(tools=[McpServer(…)])`.

    ::

        McpServer("python", "-m", "my_server")       # a program that speaks the protocol on its pipes
        McpServer(url="http://localhost:8000/mcp")   # one that is up already
        McpServer(server)                            # an `MCPServer` of this kernel, without a pipe

    It is started when a talk that needs it starts, once for all of them, and stopped after the last. What it
    reads of the environment is what `mcp` hands on (PATH, HOME and their like) and `env`: no keys.

    Attributes:
        name: What it is called in errors.
        patience: Seconds that it may take to start, and to say what it can do.
    """

    def __init__(
        self,
        *server: Any,
        url: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        only: Collection[str] | None = None,
        prefix: str = "",
        require_approval: bool | float = False,
        timeout: float = 30.0,
        behavior: Behavior | None = None,
    ) -> None:
        """Name a server; nothing is started.

        Args:
            *server: The command and its arguments; or what else the `mcp` package's `Client` connects to.
            url: Where it is, if it runs elsewhere and speaks HTTP.
            env: What else the command finds in its environment.
            cwd: Where the command is run.
            only: Names of the tools that are offered, as the server has them; None: all.
            prefix: Put before their names, to tell the tools of two servers apart.
            require_approval: Whether a person is asked before each call; see `Tool.of`.
            timeout: Seconds that a call may take.
            behavior: Whether the model waits for results; see `Tool.of`.

        Raises:
            UsageError: If it is not said which server, or said twice.
            ToolError: If an option makes no sense.
        """
        if bool(server) == (url is not None):
            raise UsageError(
                'Say which MCP server: McpServer("python", "-m", "my_server") or McpServer(url=…).'
            )
        is_command = all(isinstance(word, str) for word in server)
        if not is_command and len(server) > 1:
            raise UsageError("The command of an MCP server is given word by word, each of them text.")
        self.name = _called(server, url) if is_command else str(getattr(server[0], "name", ""))[:60]
        self.patience = START_TIMEOUT
        self._command = tuple(server) if is_command else ()
        self._other: Any = url if url is not None else None if is_command else server[0]
        self._env = dict(env) if env is not None else None
        self._cwd = cwd
        self._only = frozenset(only) if only is not None else None
        self._options: dict[str, Any] = {
            "require_approval": require_approval,
            "timeout": timeout,
            "behavior": behavior,
        }
        Tool.of(_nothing, **self._options)
        self._prefix = prefix
        self._users = 0
        self._run: _Run | None = None

    def __repr__(self) -> str:
        return f"<McpServer {self.name}, {'running' if self._run else 'not running'}>"

    def expression(self) -> Call:
        """Return the call that makes it, without `env`: what stands there may be secret."""
        usual: dict[str, Any] = {"require_approval": False, "timeout": 30.0, "behavior": None}
        said = {name: value for name, value in self._options.items() if value != usual[name]}
        said |= {"cwd": self._cwd} if self._cwd is not None else {}
        said |= {"only": sorted(self._only)} if self._only is not None else {}
        said |= {"prefix": self._prefix} if self._prefix else {}
        if self._command:
            return Call("McpServer", self._command, said)
        if isinstance(self._other, str):
            return Call("McpServer", (), {"url": self._other} | said)
        return Call("McpServer", (Name("server"),), said)

    async def open(self) -> list[Tool]:
        """Start it unless it runs, and return its tools. Each `open` that returned is followed by a `close`.

        Raises:
            ExtraMissing: If the `mcp` package is not installed.
            ConnectFailed: If the server does not start or answer, and why.
            ToolError: If a tool cannot be told to a model.
            StateError: If it runs on another event loop.
        """
        run = self._run
        if run is not None and run.loop is not asyncio.get_running_loop():
            if self._users and run.loop.is_running():
                raise StateError(
                    f"{self.name} runs for a talk on another event loop; make an McpServer for each."
                )
            run, self._users = None, 0
        if run is None or run.gone:
            run = self._run = _Run(self)
        self._users += 1
        try:
            return await asyncio.shield(run.tools)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop it, unless another talk needs it."""
        self._users = max(0, self._users - 1)
        if self._users == 0 and self._run is not None:
            run, self._run = self._run, None
            await run.stop()

    async def list_tools(self, session: Any) -> list[Tool]:
        """Return the tools of a session with this server that are to be offered.

        Raises:
            ToolError: If one cannot be told to a model, or one of `only` is not there.
        """
        found = await list_mcp_tools(session, prefix=self._prefix, only=self._only, **self._options)
        missing = len(self._only) - len(found) if self._only is not None else 0
        if missing > 0:
            raise ToolError(f"The MCP server {self.name} lacks {missing} of the tools that only names.")
        return found

    async def connect(self, stack: AsyncExitStack, said: deque[str]) -> Any:
        """Return a session with this server, which ends with `stack`.

        Args:
            stack: What its connection, and its process, belong to.
            said: Takes the last lines that its process says beside the protocol.

        Raises:
            ExtraMissing: If the `mcp` package is not installed.
        """
        try:
            from mcp import Client, StdioServerParameters
            from mcp.client.stdio import stdio_client
        except ImportError:
            raise ExtraMissing(
                'MCP servers need the package mcp, in version 2 or newer: pip install "livewidget[mcp]".'
            ) from None
        if not self._command:
            return await stack.enter_async_context(Client(self._other))
        command, *args = self._command
        parameters = StdioServerParameters(command=command, args=args, env=self._env, cwd=self._cwd)
        errors = await stack.enter_async_context(_listening(said))
        return await stack.enter_async_context(Client(stdio_client(parameters, errlog=errors)))


class _Run:
    """One run of a server, in a task of its own: whoever opens a connection of `mcp` must close it too.

    Attributes:
        loop: Where it runs.
        tools: What the server has, or why it does not run.
        gone: It has ended, or does not answer any more.
    """

    def __init__(self, server: McpServer) -> None:
        self.loop = asyncio.get_running_loop()
        self.tools: asyncio.Future[list[Tool]] = self.loop.create_future()
        self.gone = False
        self._stop = asyncio.Event()
        self._server = server
        self._task = asyncio.create_task(self._live(), name="MCP server")

    async def stop(self) -> None:
        """End it, and wait until it has ended; `mcp` gives a process a few seconds."""
        self._stop.set()
        if not self.tools.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if self.tools.done() and not self.tools.cancelled():
            self.tools.exception()  # Seen: who opened it may have given up.

    async def _live(self) -> None:
        said: deque[str] = deque(maxlen=LINES)
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._server.patience):
                    session = await self._server.connect(stack, said)
                    found = await self._server.list_tools(session)
                self.tools.set_result([self._watched(tool) for tool in found])
                await self._stop.wait()
        except asyncio.CancelledError:
            self.tools.cancel()
            raise
        except BaseException as error:
            # What fails while it is being stopped is nobody's concern any more.
            if not self.tools.done():
                self.tools.set_exception(_explained(error, self._server, said))
        finally:
            self.gone = True

    def _watched(self, tool: Tool) -> Tool:
        async def call(**args: Any) -> Any:
            try:
                return await tool.function(**args)
            except McpServerClosed:
                self.gone = True  # The next talk starts it again.
                raise

        return replace(tool, function=call)


def _explained(error: BaseException, server: McpServer, said: Sequence[str]) -> LiveError:
    """Return why a server does not run, in one sentence."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, LiveError):
        return error
    name = f"The MCP server {server.name}"
    if isinstance(error, TimeoutError):
        return ConnectFailed(f"{name} has not said within {server.patience:g} s what it can do.")
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        return ConnectFailed(f"{name} cannot be started: there is no such command, or no such folder for it.")
    last = next((line for line in reversed(said) if line.strip()), "")
    why = _without_paths(last) or mcp_error_text(error)
    return ConnectFailed(f"{name} cannot be used: {why.rstrip('.')}.")


@asynccontextmanager
async def _listening(said: deque[str]) -> AsyncIterator[TextIO]:
    """Open a pipe for what a process says, of which the last lines are kept in `said`."""
    reading, writing = os.pipe()

    def listen() -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                said.append(line[:ERROR_LENGTH])

    listener = threading.Thread(target=listen, name="MCP server's errors", daemon=True)
    listener.start()
    try:
        with os.fdopen(writing, "w") as pipe:
            yield pipe
    finally:
        # Its last words are on their way; a process that it left behind may hold the pipe open for ever.
        await asyncio.to_thread(listener.join, 1.0)


def _called(command: Sequence[str], url: str | None) -> str:
    """Return a name for errors, without what may be secret: options, paths, what stands in an address."""
    if url is not None:
        return f"at {urlsplit(url).hostname or 'that address'}"
    words = list(itertools.takewhile(lambda word: not word.startswith("--"), command))[:3]
    return " ".join(_without_paths(word)[:40] for word in words)


def _without_paths(line: str) -> str:
    """Return a line of which each path is only its last part."""
    return re.sub(r"[^\s'\"(]*[\\/](?=[^\s\\/])", "", line).strip()


def _nothing() -> None: ...
