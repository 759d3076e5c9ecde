"""`McpServer`: an MCP (Model Context Protocol) server as a source of tools during a session.

An open session with a server does not need this: it can be listed among the tools as it is.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import threading
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, TextIO
from urllib.parse import urlsplit

from livewidget.config.code import Call, Name
from livewidget.errors import ConnectFailed, ExtraMissing, LiveError, StateError, ToolError, UsageError
from livewidget.protocol.inspect import redact
from livewidget.secret import Secret, cut, reveal_all, secrets_of
from livewidget.tools import ERROR_LENGTH, Behavior, McpServerClosed, Tool, list_mcp_tools, mcp_error_text

#: Seconds that a server may take to start and to list its tools. Chosen: `npx` and `uvx` may download it
#: first.
START_TIMEOUT: Final = 30.0
#: Last lines kept of a server's stderr, to explain why it does not start. Chosen.
LINES: Final = 20
#: Values of `env` that are left out of errors, in characters. Chosen: shorter ones are numbers and switches.
SECRET_LENGTH: Final = 6
#: Options of commands that are followed by a secret, and variables: --api-key, -H Authorization, TOKEN=.
_SECRET_OPTION: Final = re.compile(r"(?i)key|token|secret|passw|credential|auth|^-H$|^--header$")


class McpServer:
    """An MCP server whose tools the model may call: `LiveWidget(tools=[McpServer(…)])`.

    ::

        McpServer("python", "-m", "my_server")       # a command that speaks the protocol on stdin and stdout
        McpServer(url="http://localhost:8000/mcp")   # a server that is running
        McpServer(server)                            # an `MCPServer` object in this process

    It is started with the first session that needs it and stopped after the last. Its environment is what
    `mcp` passes on (PATH, HOME and the like) plus `env`: no keys.

    Attributes:
        name: The name used in errors.
        start_timeout: Seconds that it may take to start and to list its tools.
    """

    def __init__(
        self,
        *server: Any,
        url: str | Secret | None = None,
        env: Mapping[str, str | Secret] | None = None,
        cwd: str | None = None,
        only: Collection[str] | None = None,
        prefix: str = "",
        require_approval: bool | float = False,
        timeout: float = 30.0,
        behavior: Behavior | None = None,
    ) -> None:
        """Describe a server without starting it.

        Args:
            *server: The command and its arguments, or an object that `mcp.Client` connects to.
            url: The address of a server that speaks HTTP.
            env: Additional environment variables for the command.
            cwd: Working directory of the command.
            only: Names, as on the server, of the tools to offer; None: all.
            prefix: Prepended to the names, to tell the tools of two servers apart.
            require_approval: Whether a person must approve each call; see `Tool.of`.
            timeout: Seconds that a call may take.
            behavior: Whether the model waits for results; see `Tool.of`.

        Raises:
            UsageError: If no server is given, or more than one.
            ToolError: If an option is invalid.
        """
        # A command, an address and an environment may each hold a key.
        url = Secret(url) if url is not None else None
        env = secrets_of(env) if env is not None else None
        server = tuple(Secret(word) if isinstance(word, str) else word for word in server)
        self.name = ""
        self._run: _Run | None = None
        if bool(server) == (url is not None):
            raise UsageError(
                'Say which MCP server: McpServer("python", "-m", "my_server") or McpServer(url=…).'
            )
        is_command = all(isinstance(word, Secret) for word in server)
        if not is_command and len(server) > 1:
            raise UsageError("The command of an MCP server is given word by word, each of them text.")
        self.name = _display_name(server, url) if is_command else str(getattr(server[0], "name", ""))[:60]
        self.start_timeout = START_TIMEOUT
        self._command: tuple[Secret, ...] = server if is_command else ()
        self._url = url
        self._other: Any = None if is_command else server[0]
        self._env = env
        self._cwd = cwd
        self._only = frozenset(only) if only is not None else None
        self._options = Tool.of(
            _nothing, timeout=timeout, require_approval=require_approval, behavior=behavior
        ).options
        self._prefix = prefix
        self._users = 0

    @property
    def starting(self) -> str:
        """What is shown while it starts."""
        return f"Starting the MCP server {self.name}…"

    def __repr__(self) -> str:
        return f"<McpServer {self.name}, {'running' if self._run else 'not running'}>"

    def expression(self) -> Call:
        """Return the expression that makes it, without `env` and what else may be secret."""
        keywords = dict(self._options)
        keywords |= {"cwd": self._cwd} if self._cwd is not None else {}
        keywords |= {"only": sorted(self._only)} if self._only is not None else {}
        keywords |= {"prefix": self._prefix} if self._prefix else {}
        if self._command:
            return Call("McpServer", _without_secrets(self._command), keywords)
        if self._url is not None:
            address = self._url.reveal()
            shown = Name("url") if set("?#@") & set(address) else address
            return Call("McpServer", (), {"url": shown} | keywords)
        return Call("McpServer", (Name("server"),), keywords)

    async def open(self) -> list[Tool]:
        """Start the server unless it runs, and return its tools.

        Each successful `open` is followed by a `close`.

        Raises:
            ExtraMissing: If the `mcp` package is not installed.
            ConnectFailed: If the server does not start or answer.
            ToolError: If a tool cannot be declared to a model.
            StateError: If the server runs on another event loop.
        """
        run = self._run
        if run is not None and run.loop is not asyncio.get_running_loop():
            if self._users and run.loop.is_running():
                raise StateError(
                    f"{self.name} runs for a talk on another event loop; make an McpServer for each."
                )
            run, self._users = None, 0
        if run is None or run.has_ended:
            run = self._run = _Run(self)
        self._users += 1
        try:
            return await asyncio.shield(run.tools)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop the server, unless another session uses it."""
        self._users = max(0, self._users - 1)
        if self._users == 0 and self._run is not None:
            run, self._run = self._run, None
            await run.stop()

    async def list_tools(self, session: Any) -> list[Tool]:
        """Return the tools to offer, through a session with this server.

        Raises:
            ToolError: If one cannot be declared to a model, or one of `only` does not exist.
        """
        found = await list_mcp_tools(session, prefix=self._prefix, only=self._only, **self._options)
        missing = len(self._only) - len(found) if self._only is not None else 0
        if missing > 0:
            raise ToolError(f"The MCP server {self.name} lacks {missing} of the tools that only names.")
        return found

    async def connect(self, stack: AsyncExitStack, stderr: deque[str]) -> Any:
        """Return a session with this server, which is closed with `stack`.

        `stderr` receives the last lines of the process' stderr.

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
            server = self._other if self._url is None else self._url.reveal()
            return await stack.enter_async_context(Client(server))
        parameters = StdioServerParameters(
            command=self._command[0].reveal(),
            args=[word.reveal() for word in self._command[1:]],
            env=None if self._env is None else reveal_all(self._env),
            cwd=self._cwd,
        )
        errors = await stack.enter_async_context(_reading(stderr))
        return await stack.enter_async_context(Client(stdio_client(parameters, errlog=errors)))

    def redact(self, text: str) -> str:
        """Return `text` without the values of `env`, and without whatever looks like a secret."""
        known = [value.reveal() for value in (self._env or {}).values()]
        return redact(text, (value for value in known if len(value) >= SECRET_LENGTH), long_words=True)


class _Run:
    """One run of a server, in a task of its own: `mcp` requires that a session is closed where it was opened.

    Attributes:
        loop: The event loop of the task.
        tools: The tools of the server, or why it does not run.
        has_ended: The server has ended or does not answer any more.
    """

    def __init__(self, server: McpServer) -> None:
        self.loop = asyncio.get_running_loop()
        self.tools: asyncio.Future[list[Tool]] = self.loop.create_future()
        self.has_ended = False
        self._stop = asyncio.Event()
        self._server = server
        self._task = asyncio.create_task(self._serve(), name="MCP server")

    async def stop(self) -> None:
        """Stop the server and wait until it has ended; `mcp` gives a process a few seconds."""
        self._stop.set()
        if not self.tools.done():
            self._task.cancel()
        await asyncio.wait([self._task])
        if self.tools.done() and not self.tools.cancelled():
            self.tools.exception()  # Retrieved, or asyncio would log it.

    async def _serve(self) -> None:
        stderr: deque[str] = deque(maxlen=LINES)
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._server.start_timeout):
                    session = await self._server.connect(stack, stderr)
                    found = await self._server.list_tools(session)
                self.tools.set_result([self._with_detection(tool) for tool in found])
                await self._stop.wait()
        except asyncio.CancelledError:
            self.tools.cancel()
            raise
        except BaseException as error:
            # An error while the server is being stopped does not matter.
            if not self.tools.done():
                # Frames of `mcp` hold the environment and the address.
                self.tools.set_exception(cut(_start_error(error, self._server, stderr)))
        finally:
            self.has_ended = True

    def _with_detection(self, tool: Tool) -> Tool:
        async def call(**args: Any) -> Any:
            try:
                return await tool.function(**args)
            except McpServerClosed:
                self.has_ended = True  # The next session starts it again.
                raise

        return replace(tool, function=call)


def _start_error(error: BaseException, server: McpServer, stderr: Sequence[str]) -> LiveError:
    """Return the error for a server that does not run."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    if isinstance(error, LiveError):
        return error
    name = f"The MCP server {server.name}"
    if isinstance(error, TimeoutError):
        return ConnectFailed(f"{name} has not said within {server.start_timeout:g} s what it can do.")
    if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
        return ConnectFailed(f"{name} cannot be started: there is no such command, or no such folder for it.")
    last = next((line for line in reversed(stderr) if line.strip()), "")
    why = server.redact(_without_paths(last) or mcp_error_text(error))
    return ConnectFailed(f"{name} cannot be used: {why.rstrip('.')}.")


@asynccontextmanager
async def _reading(stderr: deque[str]) -> AsyncIterator[TextIO]:
    """Open a pipe for the stderr of a process, whose last lines are kept in `stderr`."""
    reading, writing = os.pipe()

    def listen() -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                stderr.append(line[:ERROR_LENGTH])

    listener = threading.Thread(target=listen, name="MCP server's errors", daemon=True)
    listener.start()
    try:
        with os.fdopen(writing, "w") as pipe:
            yield pipe
    finally:
        # Wait for the last lines, but not forever: a child process may keep the pipe open.
        await asyncio.to_thread(listener.join, 1.0)


def _display_name(command: Sequence[Secret], url: Secret | None) -> str:
    """Return a name for errors, without options, paths and parts of an address, which may be secret."""
    if url is not None:
        return f"at {_host(url) or 'that address'}"
    words = list(itertools.takewhile(lambda word: not word.startswith("--"), _without_secrets(command)))[:3]
    return " ".join(_without_paths(word)[:40] for word in words)


def _host(url: Secret) -> str:
    try:
        return urlsplit(url.reveal()).hostname or ""
    except ValueError:
        return ""


def _without_secrets(command: Iterable[Secret]) -> tuple[str, ...]:
    """Return the words of a command, with "…" for what an option such as --api-key is given."""
    words: list[str] = []
    follows = False
    for word in (word.reveal() for word in command):
        option, equals, _ = word.partition("=")
        names_secret = _SECRET_OPTION.search(option) is not None
        if follows and not word.startswith("-"):
            words.append("…")
        elif names_secret and equals:
            words.append(f"{option}=…")
        else:
            words.append(redact(word, long_words=True))
        follows = names_secret and not equals and word.startswith("-")
    return tuple(words)


def _without_paths(line: str) -> str:
    """Return a line with each path shortened to its last part."""
    return re.sub(r"[^\s'\"(]*[\\/](?=[^\s\\/])", "", line).strip()


def _nothing() -> None: ...
