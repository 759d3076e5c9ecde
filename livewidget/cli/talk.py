"""`livewidget talk`: a conversation in a browser, without Jupyter."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import inspect
import ipaddress
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from livewidget.cli import console
from livewidget.cli.agents import FORMS, provider_of, who
from livewidget.cli.demo import has_display
from livewidget.cli.serve import RefusalReporter, load_tls, on_signals, port_number
from livewidget.clock import check_seconds
from livewidget.errors import KeyMissing, UsageError
from livewidget.secret import Secret

if TYPE_CHECKING:
    from livewidget.connection import Provider
    from livewidget.web import TalkApp

LOOPBACK: Final = "127.0.0.1"
#: A fixed port, since browsers remember for each whether it may use the microphone. Chosen: no service that
#: is registered has it.
PORT: Final = 8520
#: Seconds without a page after which it ends. Chosen: a coffee, and not a forgotten process overnight.
KEEP_S: Final = 900.0
#: Seconds after which the file that led the browser here is deleted. Chosen: browsers start within them.
_LEAD_S = 60.0
#: The file that leads the browser to the page.
_LEAD = "<!doctype html><meta charset=utf-8><script>location.replace({address})</script>"
_OPEN = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"
#: Seconds that this may take. Chosen: a browser that is open already answers at once.
_OPEN_S = 10.0
#: What the file of `--tools` is called as a module.
_MODULE = "livewidget_tools_file"

#: The variable that may hold what lets this program have tokens of `--token-url`.
TOKEN_AUTH: Final = "LIVEWIDGET_TOKEN_AUTH"

NO_TOKENS: Final = (
    "--direct needs ephemeral tokens, and there is no key to make them with: set GEMINI_API_KEY, or name a "
    "server that hands them out with --token-url."
)
TUTOR_IS_HERE: Final = (
    "The offline tutor runs inside this process, where no page can connect to it: leave out --direct, or "
    "start livewidget serve --origin {page} and pass its address as --server."
)
SERVER_IS_HERE: Final = (
    "With --direct, pages connect to --server themselves, and pages on other computers cannot reach an "
    "address of this one: give an address that they can reach, or leave out --direct or --host."
)
NEEDS_MORE: Final = (
    "It listens on this computer only, unless --allow-host NAME says by which name others reach it, and "
    "--tls-cert and --tls-key make it https: browsers give a page of another computer no microphone without."
)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "talk",
        help="talk in a browser, without Jupyter",
        description="Open a page to talk with a live model. It prints the page's address, which lets one "
        "browser in, once; loading the page again goes on. It ends with Ctrl+C, with SIGTERM, or when no "
        "page has been open for --keep seconds.",
    )
    command.add_argument(
        "model",
        nargs="?",
        help="a model of the Gemini Live API, such as gemini-3.8-live, or offline-tutor (Gemini if there is "
        "a key, else the offline tutor)",
    )
    command.add_argument(
        "--port", type=port_number, metavar="N", help=f"({PORT}, or any free one if that is taken)"
    )
    command.add_argument("--no-browser", action="store_true", help="print the address, open nothing")
    command.add_argument(
        "--tools",
        type=Path,
        metavar="FILE.py",
        help="let the model call the functions of this file: those with a docstring and without an "
        "underscore that are defined in it, and its Tool objects; where it has __all__, what that names",
    )
    command.add_argument("--title", default="livewidget", metavar="T", help="the page's title (livewidget)")
    command.add_argument(
        "--keep",
        type=_seconds,
        default=KEEP_S,
        metavar="S",
        help=f"end when no page has been open for so many seconds ({KEEP_S:g}); inf: never",
    )
    command.add_argument(
        "--agent",
        metavar="SPEC",
        help=f"talk with an agent of yours, or through a client of the Gen AI SDK: {FORMS}",
    )
    command.add_argument("--voice", help="a voice of the Live API, such as Kore")
    command.add_argument(
        "--server", metavar="URL", help="another server of the Live API, such as that of livewidget serve"
    )
    command.add_argument(
        "--direct",
        action="store_true",
        help="let the page itself hold the socket to the service, with an ephemeral token for each "
        "connection; the conversation stays here",
    )
    command.add_argument(
        "--token-url",
        metavar="URL",
        help="get the tokens there, by POST, instead of making them with a key: an address, or with --direct "
        f"a path of the page's own server; the variable {TOKEN_AUTH} is sent to an address as Bearer",
    )
    command.add_argument(
        "--host",
        default=LOOPBACK,
        metavar="ADDRESS",
        help=f"listen on this address ({LOOPBACK}); any but loopback needs the next three",
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too, such as talk.example (may be repeated)",
    )
    command.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="the address that people see, where a proxy does not pass the host on (may be repeated)",
    )
    command.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate")
    command.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to end, or nobody looks any more."""
    tls = tls_of(arguments)
    tools = load_tools(arguments.tools) if arguments.tools is not None else []
    provider = _provider(arguments)  # No loop runs yet: a module of the user's may run one of its own.
    asyncio.run(serve(arguments, provider, tools, tls))
    return 0


async def serve(
    arguments: argparse.Namespace, provider: Provider, tools: list[Any], tls: ssl.SSLContext | None
) -> None:
    """Serve the page until SIGINT, SIGTERM, or `--keep` seconds without a page.

    Raises:
        UsageError: If the model, an option or the port cannot be used, or a part is not installed.
    """
    from livewidget import web
    from livewidget.session.client import prepare

    ended = asyncio.Event()
    on_signals(ended)
    services = (provider.service_origin,) if provider.direct else ()
    options = {"voice": arguments.voice} if arguments.voice else {}
    prepare(provider, tools, (), options)  # what cannot work is said here, and not on the page
    wanted = {"provider_or_model": provider, "tools": tools, **options}

    def application(port: int) -> TalkApp:
        own = dict.fromkeys((LOOPBACK, "localhost", in_address(arguments.host)))
        return web.app(
            lambda page: wanted,
            title=arguments.title,
            hosts=[*(f"{name}:{port}" for name in own), *arguments.allow_host],
            origins=arguments.origin,
            tokens=True,
            connect=services,
            on_refused=RefusalReporter("--allow-host"),
        )

    async with contextlib.AsyncExitStack() as stack:
        app, port = await _listen(stack, arguments, application, tls)
        place = arguments.allow_host[0] if tls and arguments.allow_host else in_address(arguments.host)
        place = place if re.search(r":\d+$", place) else f"{place}:{port}"
        address = f"{'https' if tls else 'http'}://{place}/#{app.token().reveal()}"
        console.out(address)
        console.say(f"{who(provider, '{}, {}')}. End with Ctrl+C.")
        if provider.direct and arguments.server:
            page = address.partition("/#")[0]
            console.say(
                f"The page connects to {provider.service_origin} itself, so that server has to let pages of "
                f"{page} in; livewidget serve does so with --origin {page}"
            )
        # The tutor's ears and voice load while the page does.
        beside: list[Coroutine[Any, Any, None]] = [asyncio.to_thread(provider.prepare)]
        if not arguments.no_browser:
            beside.append(open_browser(stack, address))
        if not await _until_ended(ended, app, arguments.keep, beside):
            console.say(f"No page was open for {arguments.keep:g} s, so it has ended.")
        await app.close()  # leaving the port would give it two seconds, and a service may take more


def _provider(arguments: argparse.Namespace) -> Provider:
    """Return whom the page talks with.

    Raises:
        UsageError: If the model or the server's address cannot be used, a key is missing, or there is no
            such agent.
    """
    from livewidget.connection import Gemini
    from livewidget.session.client import TUTOR, resolve

    server, token_url, direct = arguments.server, arguments.token_url, arguments.direct
    if arguments.agent:
        if server or token_url or direct:
            raise UsageError("--agent says whom to talk with: leave --server, --direct and --token-url out.")
        return provider_of(arguments.agent, arguments.model)
    if not (server or token_url or direct):
        return resolve(arguments.model)
    if direct and arguments.model == TUTOR and not server:
        raise UsageError(TUTOR_IS_HERE.format(page=f"http://{LOOPBACK}:{arguments.port or PORT}"))
    if token_url and token_url.startswith("/") and not direct:
        raise UsageError("A path as --token-url is asked for by the page itself: add --direct.")
    wanted: dict[str, Any] = {"model": arguments.model, "base_url": server, "token_url": token_url}
    if token_url and not token_url.startswith("/") and os.environ.get(TOKEN_AUTH):
        wanted["token_auth"] = Secret(os.environ[TOKEN_AUTH])
    try:
        provider = Gemini(direct=direct, **{name: value for name, value in wanted.items() if value})
    except KeyMissing:
        if not direct:
            raise
        raise UsageError(NO_TOKENS) from None
    host = urlsplit(provider.service_origin).hostname or ""
    if direct and _is_loopback(host) and not _is_loopback(arguments.host):
        raise UsageError(SERVER_IS_HERE)
    return provider


async def _listen(
    stack: contextlib.AsyncExitStack,
    arguments: argparse.Namespace,
    application: Callable[[int], TalkApp],
    tls: ssl.SSLContext | None,
) -> tuple[TalkApp, int]:
    """Serve until `stack` is closed; return the application and its port.

    Raises:
        UsageError: If the port cannot be used.
    """
    from livewidget.serving import listen
    from livewidget.ui.links import FRAME_BYTES

    made = application(0)  # a name or an origin that is none is said before a port is taken

    def at(port: int) -> TalkApp:
        nonlocal made
        made = application(port)
        return made

    wanted = arguments.port if arguments.port is not None else PORT
    while True:
        served = listen(
            at,
            port=wanted,
            host=arguments.host,
            tls=tls,
            message_bytes=FRAME_BYTES,
            end=lambda: made.close(),
        )
        try:
            bound = await stack.enter_async_context(served)
            return made, bound
        except OSError as error:
            if error.errno == errno.EADDRINUSE and arguments.port is None and wanted:
                wanted = 0
                continue
            raise UsageError(_why_no_port(error, arguments.host, wanted)) from error


def _why_no_port(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken, perhaps by a livewidget that still runs: choose another with --port, or "
            "leave it out."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} is not for this user: choose one above 1023 with --port, or leave it out."
    return f"It cannot listen on {host}, port {port}: {console.reason(error)}."


async def _until_ended(
    ended: asyncio.Event, app: TalkApp, keep_s: float, beside: Sequence[Coroutine[Any, Any, None]]
) -> bool:
    """Wait for the end, and do something beside; return whether somebody asked for the end.

    Raises:
        LiveError: What is done beside fails.
    """
    told, unused = asyncio.create_task(ended.wait()), asyncio.create_task(app.unused(keep_s))
    running = {told, unused, *map(asyncio.create_task, beside)}
    try:
        while not (told.done() or unused.done()):
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            running -= done
        return told.done()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def open_browser(stack: contextlib.AsyncExitStack, address: str) -> None:
    """Open `address` in the user's browser, or say why not.

    The browser is given a file that leads there, and that nobody else can read: what stands in a command,
    every user of this computer sees in the list of processes, and the token could be used before the browser
    has started. Confined browsers read no folder but the user's own.
    """
    if not has_display():
        console.say("There is no display here, so no browser was opened: open the address in one.")
        return
    folder = await asyncio.to_thread(_lead_to, address)
    stack.callback(folder.cleanup)
    asyncio.get_running_loop().call_later(_LEAD_S, folder.cleanup)
    command = [sys.executable, "-c", _OPEN, Path(folder.name, "open.html").as_uri()]
    # In a process of its own, since what a browser prints is not to stand on stdout.
    run = partial(subprocess.run, command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        opened = (await asyncio.to_thread(run, timeout=_OPEN_S)).returncode == 0
    except subprocess.TimeoutExpired:
        opened = True  # it runs as long as its window is open
    if not opened:
        console.say("No browser could be opened: open the address in one.")


def _lead_to(address: str) -> tempfile.TemporaryDirectory[str]:
    """Return a folder for this user's eyes only, with the file open.html."""
    try:
        home: Path | None = Path.home()
    except RuntimeError:  # there is none
        home = None
    if home is not None and not os.access(home, os.W_OK):
        home = None
    folder = tempfile.TemporaryDirectory(prefix="livewidget-", dir=home, ignore_cleanup_errors=True)
    Path(folder.name, "open.html").write_text(_LEAD.format(address=json.dumps(address)), encoding="utf-8")
    return folder


def in_address(host: str) -> str:
    """Return an address to listen on as a browser reaches it from this computer."""
    if host in ("0.0.0.0", "::", ""):
        return LOOPBACK
    return f"[{host}]" if ":" in host else host


def tls_of(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    """Return what TLS is spoken with; None: none is.

    Raises:
        UsageError: If the server would be reached from elsewhere without TLS or a name, or a file is wrong.
    """
    if not _is_loopback(arguments.host) and not (arguments.tls_cert and arguments.allow_host):
        raise UsageError(NEEDS_MORE)
    return load_tls(arguments.tls_cert, arguments.tls_key, "https")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_tools(path: Path) -> list[Any]:
    """Run a Python file, and return what of it the model may call.

    That is what its `__all__` names; without it, every `Tool` and every function that is defined in the file,
    whose name does not begin with an underscore. A function without a docstring is left out: it would not
    tell the model what it does. What the file imports from its own folder is found.

    Raises:
        UsageError: If it cannot be run, or offers nothing.
    """
    name = path.name
    module = _run_file(path)
    listed = getattr(module, "__all__", None)
    if listed is not None:
        missing = [one for one in listed if not hasattr(module, one)]
        if missing:
            raise UsageError(f"{name} names {missing[0]!r} in __all__ and does not define it.")
        return [getattr(module, one) for one in listed]
    public = [value for key, value in vars(module).items() if not key.startswith("_")]
    found = [value for value in public if _is_tool(value, module)]
    if not found:
        raise UsageError(
            f"{name} has no tools: give a function a name without an underscore, and a docstring that tells "
            "the model what it does."
        )
    return found


def _is_tool(value: Any, module: ModuleType) -> bool:
    from livewidget.tools import Tool

    if isinstance(value, Tool):
        return True
    return inspect.isfunction(value) and value.__module__ == module.__name__ and bool(inspect.getdoc(value))


def _run_file(path: Path) -> ModuleType:
    """Return the module that a file makes.

    Raises:
        UsageError: If it does not run to its end.
    """
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise UsageError(f"The tools file {path.name} cannot be read: {console.reason(error)}.") from None
    except (SyntaxError, ValueError) as error:
        where = f" in line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise UsageError(
            f"The tools file {path.name} is not Python: {type(error).__name__}{where}."
        ) from None
    module = ModuleType(_MODULE)
    module.__file__ = str(path)
    sys.modules[_MODULE] = module  # dataclasses and type hints look there
    sys.path.insert(0, str(path.resolve().parent))
    try:
        exec(code, vars(module))
    except (Exception, SystemExit) as error:
        raise UsageError(f"The tools file {path.name} does not run: {_why(error, path)}.") from error
    return module


def _why(error: BaseException, path: Path) -> str:
    """Return what went wrong in a file, and in which of its lines; its own words may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    line = next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
    what = type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name:
        what = f"there is no module {error.name}"
    return f"{what}, line {line}" if line else what


def _seconds(text: str) -> float:
    try:
        return check_seconds(float(text), "--keep")
    except (UsageError, ValueError):
        raise argparse.ArgumentTypeError("it is a number of seconds above 0, such as 900, or inf") from None
