"""A key goes through everything the product can print, save or show, and turns up nowhere.

The kind: a secret that a tool shows which nobody thinks of while a key is typed. Many tools print the local
variables of all frames of an error, those of other people's libraries too, and the errors that led to it.
"""

import asyncio
import contextlib
import http
import importlib
import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as websockets_connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget import LiveWidget, connect, web
from livewidget.config import LiveConfig
from livewidget.connection import Connection, Gemini, VertexAI
from livewidget.connection.gemini import mint
from livewidget.connection.keys import Key, find_key, require_key
from livewidget.connection.tokens import Token
from livewidget.errors import ConnectFailed, LiveError
from livewidget.integrations.mcp import McpServer
from livewidget.integrations.voximplant import answer_calls
from livewidget.protocol.ephemeral_token import AuthToken
from livewidget.protocol.messages import SessionResumptionConfig, SessionResumptionUpdate
from livewidget.secret import Secret, cut, reveal_all, secrets_of
from livewidget.session import LiveSession, ReconnectPolicy, WireLog
from livewidget.session.client import prepare
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.transports.websocket import dial, post
from livewidget.ui import messages as m
from livewidget.ui.controller import Controller
from tests.ports import without_ports
from tests.ui.direct_page import ServicePage

#: Looks like a Google API key. Secrets of other kinds contain the middle of it.
CANARY = "AIzaSyCANARY-hushhush-000000000000000000"
PART = "hushhush"
HERE = Path(__file__).parent


def everything(error):
    """All that tools show of an error: frames of tests are left out, since they hold the key themselves."""
    seen, shown = set(), []

    def look(one):
        if one is None or id(one) in seen:
            return
        seen.add(id(one))
        shown.extend([str(one), repr(one), *getattr(one, "__notes__", ())])
        found = traceback.TracebackException.from_exception(one, capture_locals=True)
        for frame in found.stack:
            if not Path(frame.filename).is_relative_to(HERE):
                shown.append(f"{frame.filename}:{frame.lineno} {frame.locals}")
        shown.append(verbose_of_ipython(one))
        shown.append(rich_of(one))
        look(one.__cause__)
        look(one.__context__)  # Also where `from None` only keeps it from being printed.
        for inner in getattr(one, "exceptions", ()):
            look(inner)

    look(error)
    return "\n".join(shown)


def from_the_library(trace):
    """A traceback without the frames of tests in front of it."""
    while trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(HERE):
        trace = trace.tb_next
    return trace


def verbose_of_ipython(error):
    from IPython.core.ultratb import VerboseTB

    trace = from_the_library(error.__traceback__)
    if trace is None:
        return ""
    # Each error by itself: IPython would go on to its cause, with the frames of tests.
    alone = type("Alone", (Exception,), {})()
    return VerboseTB(theme_name="nocolor").text(type(alone), alone, trace, 5)


def rich_of(error):
    console, tracebacks = pytest.importorskip("rich.console"), pytest.importorskip("rich.traceback")
    trace = from_the_library(error.__traceback__)
    if trace is None:
        return ""
    shown = tracebacks.Traceback.from_exception(
        Exception, Exception(), trace, show_locals=True, locals_max_length=None, locals_max_string=None
    )
    with open(os.devnull, "w") as nowhere:
        printed = console.Console(file=nowhere, width=400, record=True)
        printed.print(shown)
        return printed.export_text()


async def error_of(action):
    """What an action raises. It is called here, in a frame of tests."""
    try:
        result = action()
        if asyncio.iscoroutine(result):
            await result
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def check_hidden(error):
    shown = everything(error)
    assert PART not in shown, shown[max(0, shown.index(PART) - 300) :][:600]


async def ignore(connection):
    await connection.wait_closed()


def refusing(status, words=""):
    return lambda connection, request: connection.respond(http.HTTPStatus(status), f"{words}\n")


def at(server):
    return f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# --- The detector itself, without the defence ---------------------------------------------------------------


async def test_the_detector_sees_a_key_in_each_place(tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text(
        "def use(key):\n    text = key[:]\n    raise ValueError(len(text))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    use = importlib.import_module("elsewhere").use
    for look in (everything, verbose_of_ipython, rich_of):
        assert PART in look(await error_of(lambda: use(CANARY))), look
    # Other people's frames hold a header, and `from None` only keeps them from being printed.
    async with serve(ignore, "127.0.0.1", 0, process_request=refusing(401)) as server:

        async def dialled():
            await websockets_connect(at(server), additional_headers={"k": CANARY})

        async def caught(way):
            try:
                await dialled()
            except InvalidStatus as error:
                if way == "from it":
                    raise ConnectFailed("no") from error
                if way == "from None":
                    raise ConnectFailed("no") from None
            raise cut(ConnectFailed("no"))

        assert PART in everything(await error_of(dialled))
        assert PART in everything(await error_of(lambda: caught("from it")))
        assert PART in everything(await error_of(lambda: caught("from None")))
        assert PART not in everything(await error_of(lambda: caught("afterwards")))


# --- Dialling -----------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def saying(answer):
    """A TCP server that says `answer` once it has been asked, or b"": nothing; gives its address."""
    answering = []

    async def handle(reader, writer):
        answering.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            await (reader.read(1) if answer else reader.read())
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listener:
        yield at(listener)
        await asyncio.gather(*answering)


class Credentials:
    """As those of google-auth are used."""

    quota_project_id = None

    def __init__(self, token=CANARY, valid=True, fault=None):
        self.token, self.valid, self.fault = token, valid, fault

    def refresh(self, request, secret=CANARY):
        raise self.fault


def providers(base_url):
    return [
        Gemini(api_key=CANARY, base_url=base_url),
        Gemini(token=f"auth_tokens/{CANARY}", base_url=base_url),
        VertexAI("gemini-3.8-live", "p", credentials=Credentials(), base_url=base_url),
    ]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 429, 500, 503])
async def test_a_server_that_refuses(status):
    async with serve(ignore, "127.0.0.1", 0, process_request=refusing(status, CANARY)) as server:
        for provider in providers(at(server)):
            error = await error_of(provider.dial)
            assert isinstance(error, LiveError)
            check_hidden(error)


async def test_nobody_there_and_something_else_there():
    async with saying(b"SSH-2.0-OpenSSH\r\n\r\n") as url:
        for base_url in ("ws://127.0.0.1:1", url, "wss" + url[2:]):
            for provider in providers(base_url):
                check_hidden(await error_of(provider.dial))


async def test_a_server_that_says_nothing_and_somebody_who_does_not_wait():
    async with saying(b"") as url:
        headers = {"Authorization": f"Bearer {CANARY}"}
        check_hidden(await error_of(lambda: dial(url, headers=headers, open_timeout=0.05)))
        for provider in providers(url):

            async def impatient(provider=provider):
                async with asyncio.timeout(0.05):
                    await provider.dial()

            error = await error_of(impatient)
            assert isinstance(error, TimeoutError)
            check_hidden(error)
            task = asyncio.create_task(provider.dial())
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
            check_hidden(caught.value)


async def test_a_proxy_with_a_password(monkeypatch):
    async with serve(ignore, "127.0.0.1", 0, process_request=refusing(407)) as server:
        proxy = at(server).replace("ws://", f"http://user:{CANARY}@")
        check_hidden(await error_of(lambda: dial("wss://nowhere.invalid", proxy=proxy)))
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        for make in (
            lambda: dial("wss://nowhere.invalid", headers={"x-goog-api-key": CANARY}),
            lambda: post("wss://nowhere.invalid/x", b"{}", headers={"x-goog-api-key": CANARY}),
        ):
            check_hidden(await error_of(make))
    for proxy in (
        f"http://user:{CANARY}@127.0.0.1:1",
        f"socks5://user:{CANARY}@127.0.0.1:1",
        f"{CANARY}://x",
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        check_hidden(await error_of(lambda: dial("wss://nowhere.invalid")))


@pytest.mark.parametrize(
    "url",
    [
        f"ws://127.0.0.1:1/ws?key={CANARY}",
        f"wss://user:{CANARY}@127.0.0.1:1",
        f"ws://example.org/?access_token={CANARY}",
        f"ftp://user:{CANARY}@host",
        f"wss://[{CANARY}",
        f"wss://{CANARY}:99999999",
    ],
)
async def test_an_address_that_holds_one(url):
    if not url.startswith(f"wss://{CANARY}"):  # The name of a host is shown, whatever it is.
        check_hidden(await error_of(lambda: dial(url)))
        check_hidden(await error_of(lambda: post(url, b"", headers={})))
    if "127.0.0.1:1/ws?" not in url:
        check_hidden(await error_of(lambda: Gemini("offline-tutor", base_url=url).dial()))


async def test_a_session_that_is_refused():
    async with Server(StandIn(brain=str), wss_port=None, key="another") as server:
        provider = Gemini("offline-tutor", api_key=CANARY, base_url=server.ws)
        session = connect(provider)
        check_hidden(await error_of(session.start))
    session = connect(Gemini(api_key=CANARY, base_url="ws://127.0.0.1:1"))
    check_hidden(await error_of(session.start))
    assert PART not in repr(session) + repr(session.stats) + repr(vars(session))


async def test_a_handle_that_resumes_a_conversation():
    """Whoever has it, and a key, goes on with somebody else's conversation."""
    async with serve(ignore, "127.0.0.1", 0, process_request=refusing(400)) as server:
        provider = Gemini("offline-tutor", base_url=at(server))
        check_hidden(await error_of(lambda: Connection.open(provider, LiveConfig(), handle=CANARY)))
        check_hidden(await error_of(LiveSession(provider, handle=CANARY).start))
    check_hidden(await error_of(lambda: LiveSession(provider, handle=CANARY, tools=[5])))
    check_hidden(await error_of(lambda: Connection.open(provider, LiveConfig(top_k=-1), handle=CANARY)))
    session = LiveSession(StandIn(brain=str), handle=CANARY)
    check_hidden(await error_of(session.start))  # There is no such conversation.
    assert PART not in repr(session) + repr(vars(session))


# --- Tokens, keys and credentials ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, '{"error": {"message": "API key not valid: %s"}}' % CANARY),  # noqa: UP031
        (403, CANARY),
        (200, '{"token": "%s"}' % CANARY),  # noqa: UP031
        (200, CANARY),
        (302, ""),
        (500, "{"),
    ],
)
async def test_a_token_that_is_not_made(status, body):
    answer = (
        f"HTTP/1.1 {status} x\r\nLocation: http://127.0.0.1:1/{CANARY}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    )
    async with saying(answer.encode()) as url:
        check_hidden(await error_of(lambda: mint(Gemini(api_key=CANARY, base_url=url))))


async def test_a_token_that_is_made_hides_itself():
    async with Server(StandIn(brain=str), wss_port=None, key=CANARY) as server:
        gemini = Gemini("offline-tutor", api_key=CANARY, base_url=server.ws)
        token = await mint(gemini)
        shown = f"{token} {token!r} {[token]} {vars(gemini)} {vars(server)}"
        assert PART not in shown
        assert token.reveal() not in shown
    check_hidden(await error_of(lambda: mint(gemini)))


async def test_what_is_no_key_and_no_token(monkeypatch):
    for variable in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    for action in (
        lambda: Gemini(api_key=f"two {CANARY}"),
        lambda: Gemini(api_key=f"{CANARY}\n{CANARY}"),
        lambda: Gemini(token=CANARY),
        lambda: Gemini(api_key=f"auth_tokens/{CANARY}"),
        lambda: Gemini(api_key=CANARY, token=f"auth_tokens/{CANARY}"),
        lambda: Gemini(CANARY),
        lambda: Gemini("gemini-3.8-live", api_key=CANARY).with_model(CANARY),
        lambda: Gemini("no-such-model", api_key=CANARY),
        lambda: Gemini("", api_key=CANARY),
        lambda: VertexAI(CANARY, "p"),
        lambda: Token(CANARY),
        lambda: Key(f"two {CANARY}", "here"),
        lambda: find_key(f"two {CANARY}"),
        lambda: find_key(environ={"GEMINI_API_KEY": f"two {CANARY}"}),
        lambda: require_key(f"two {CANARY}", "gemini-3.8-live"),
        lambda: connect(CANARY),
        lambda: connect("gemini-3.8-live", api_key=f"two {CANARY}"),
        lambda: connect("gemini-3.8-live", apikey=CANARY),
        lambda: connect("gemini-3.8-live", key=CANARY, token=CANARY),
        lambda: connect(Gemini(api_key=CANARY), api_key=CANARY),
        lambda: connect("gemini-3.8-live", model=CANARY),
        lambda: LiveWidget(CANARY),
        lambda: LiveWidget("no-such-model", api_key=CANARY),
        lambda: LiveWidget("gemini-3.8-live", api_key=CANARY, reconnect=1),
        lambda: LiveWidget("gemini-3.8-live", apikey=CANARY),
        lambda: LiveWidget("gemini-3.8-live", api_key=CANARY, temperature=99),
    ):
        error = await error_of(action)
        assert isinstance(error, LiveError), error
        check_hidden(error)


async def test_what_stands_in_place_of_a_widget():
    """On a server and on the phone: a mapping of a widget's arguments holds the key in each frame it passes."""
    for given in (
        {"api_key": f"two {CANARY}"},
        {"model": CANARY},
        {"provider_or_model": CANARY},
        {"model": "no-such-model", "api_key": CANARY},
        {"model": "gemini-3.8-live", "apikey": CANARY},
        {"model": "gemini-3.8-live", "api_key": CANARY, "temperature": 99},
        {"model": "gemini-3.8-live", "api_key": CANARY, "direct": True},
        CANARY,
    ):
        for action in (
            lambda given=given: web._controller(given, ()),
            lambda given=given: answer_calls(given, port=0),
        ):
            error = await error_of(action)
            assert isinstance(error, LiveError), error
            check_hidden(error)


async def test_a_variable_with_a_bad_key_among_all_the_others(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", f"two {CANARY}")
    for action in (find_key, lambda: Gemini(), lambda: LiveWidget(), lambda: LiveWidget("gemini-3.8-live")):
        check_hidden(await error_of(action))


@pytest.mark.parametrize(
    "fault", ["RefreshError", "DefaultCredentialsError", "TransportError", "ValueError", "CancelledError"]
)
async def test_credentials_of_google_cloud(fault):
    faults = pytest.importorskip("google.auth.exceptions")
    pytest.importorskip("requests")
    others = {"ValueError": ValueError, "CancelledError": asyncio.CancelledError}
    kind = others.get(fault) or getattr(faults, fault)
    error = kind() if fault == "CancelledError" else kind(f"answer with {CANARY}")
    credentials = Credentials(valid=False, fault=error)
    check_hidden(await error_of(VertexAI("gemini-3.8-live", "p", credentials=credentials).dial))


# --- MCP servers --------------------------------------------------------------------------------------------


async def test_mcp_servers():
    pytest.importorskip("mcp")
    env = {"SERVICE_TOKEN": CANARY}
    echo = "import os, sys; sys.stderr.write('no such key: ' + os.environ['SERVICE_TOKEN'] + chr(10)); sys.exit(1)"
    for action in (
        lambda: McpServer("a", url=f"https://u:{CANARY}@h/mcp?key={CANARY}"),
        lambda: McpServer("a", timeout=-1, env=env),
        lambda: McpServer("a", object(), f"--key={CANARY}", env=env),
        lambda: McpServer("no-such-command", "--api-key", CANARY, env=env).open(),
        lambda: McpServer(sys.executable, "-c", echo, env=env).open(),
        lambda: McpServer(url=f"http://127.0.0.1:1/mcp?key={CANARY}").open(),
    ):
        error = await error_of(action)
        assert isinstance(error, LiveError), error
        check_hidden(error)
    for server in (
        McpServer("npx", "-y", "server", "--api-key", CANARY),
        McpServer("npx", f"--api-key={CANARY}", "server"),
        McpServer("docker", "run", "-e", f"TOKEN={CANARY}", "-H", f"Authorization: Bearer {CANARY}"),
        McpServer("npx", "mcp-remote", f"https://h/mcp?apiKey={CANARY}", env=env),
        McpServer(url=f"https://h/mcp?key={CANARY}"),
        McpServer(url=f"https://{CANARY}:x@h/mcp"),
    ):
        shown = f"{server!r} {server.name} {vars(server)} {server.expression()}"
        assert PART not in shown
        live = LiveWidget(StandIn(brain=str), tools=[server])
        assert PART not in live.code()
        live.close()
    assert "'--verbose'" in repr(McpServer("npx", "server", "--verbose").expression())


# --- Logs, and what is printed by itself --------------------------------------------------------------------


async def test_logs_at_debug_and_the_wire_log(caplog, capfd):
    caplog.set_level(logging.DEBUG)
    for name in ("websockets", "websockets.client", "urllib3", "asyncio", "uvicorn", "uvicorn.error"):
        caplog.set_level(logging.DEBUG, name)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    try:
        async with Server(
            StandIn(brain=str, ears=lambda pcm: "", voice=lambda text: b""), key=CANARY
        ) as server:
            for base_url, cafile in ((server.ws, None), (server.wss, server.cert)):
                there = {"base_url": base_url, "cafile": cafile}
                gemini = Gemini("offline-tutor", api_key=CANARY, **there)
                token = await mint(gemini)
                for provider in (gemini, Gemini("offline-tutor", token=token, **there)):
                    async with connect(provider) as session:
                        await session.ask(f"my key is {CANARY}", 10)
                        wire = "".join(frame.line() for frame in session.wire.frames)
                        assert "my key is" in wire
                        assert PART not in wire + repr(session.wire.frames)
                        assert isinstance(session.wire, WireLog)
                check_hidden(await error_of(lambda: mint(Gemini("offline-tutor", api_key="no", **there))))  # noqa: B023
    finally:
        loop.set_debug(False)
    out = capfd.readouterr()
    assert PART not in caplog.text + out.out + out.err
    assert "auth_tokens/" not in caplog.text


def test_objects_show_none_of_it_in_repr_and_in_rich():
    rich = pytest.importorskip("rich.console")
    headers = secrets_of({"Authorization": f"Bearer {CANARY}"})
    objects = [
        Secret(CANARY),
        Key(CANARY, "here"),
        Token(f"auth_tokens/{CANARY}"),
        headers,
        AuthToken(name=f"auth_tokens/{CANARY}"),
        SessionResumptionConfig(handle=CANARY),
        SessionResumptionUpdate(new_handle=CANARY),
        Gemini(api_key=CANARY),
    ]
    assert reveal_all(headers) == {"Authorization": f"Bearer {CANARY}"}
    for one in objects:
        with open(os.devnull, "w") as nowhere:
            console = rich.Console(file=nowhere, record=True, width=300)
            console.print(one)
            shown = console.export_text()
        assert PART not in f"{one} {one!r} {shown}"


async def test_the_server_shows_no_tool_the_key_of_a_client(caplog):
    """An error while a request is answered: the frames of Starlette and of ours hold the request."""
    seen = []

    def frames(frame):
        # Up to the loop: below it are the test runner's frames, which name tests by their parameters.
        while frame is not None and frame.f_code.co_filename != asyncio.events.__file__:
            if not Path(frame.f_code.co_filename).is_relative_to(HERE):
                yield f"{frame.f_code.co_name} {frame.f_locals!r}"
            frame = frame.f_back

    class Watching(StandIn):
        async def serve(self, *args, **options):
            seen.extend(frames(sys._getframe()))
            raise RuntimeError("broken on purpose")

    async with Server(Watching(brain=str), wss_port=None, key=CANARY) as server:
        path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
        for url, headers in (
            (f"{server.ws}{path}?key={CANARY}", {}),
            (f"{server.ws}{path}?access_token={CANARY}", {}),
            (f"{server.ws}{path}", {"x-goog-api-key": CANARY}),
            (f"{server.ws}{path}", {"Authorization": f"Bearer {CANARY}"}),
        ):
            seen.clear()
            async with websockets_connect(url, additional_headers=headers, proxy=None) as socket:
                with pytest.raises(ConnectionClosed):
                    await socket.recv()
            assert any(one.startswith("_session") for one in seen)
            assert PART not in "".join(seen)
    assert "broken on purpose" in caplog.text
    assert PART not in caplog.text


# --- A notebook, what is saved of it, and the command line --------------------------------------------------

#: What is run where the environment holds the key. The last line of each cell must fail with the error named.
CELLS = [
    (None, "%xmode Verbose"),
    (None, "import logging, sys\nlogging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)"),
    (None, "import asyncio, os\nfrom livewidget import *\nfrom livewidget.connection.gemini import mint"),
    (None, "live = LiveWidget('gemini-3.8-live', explorer=True)\nlive"),
    (
        None,
        "live, vars(live), live.config, live.code(), live.stats, live.get_state(), live._controller.provider",
    ),
    ("ConnectFailed", "gemini = Gemini('offline-tutor', base_url=os.environ['OTHER'])\nawait mint(gemini)"),
    (
        "TimeoutError",
        "gemini = Gemini('m', base_url=os.environ['SILENT'])\nawait asyncio.wait_for(gemini.dial(), 0.1)",
    ),
    ("ConfigError", "LiveWidget(os.environ['GEMINI_API_KEY'], voice='Kore')"),
    ("KeyRefused", "await Gemini('offline-tutor', base_url=os.environ['REFUSING']).dial()"),
    (None, "there = LiveWidget(Gemini('offline-tutor', base_url=os.environ['SERVED']))\nthere"),
    (None, "there.ask('good morning', 30), there.wire, there.turns, there.meter"),
    (None, "there.save_wire('wire.jsonl')\nprint(open('wire.jsonl').read())\nthere.stop()"),
    ("ConnectFailed", "LiveWidget(Gemini('offline-tutor', base_url=os.environ['OTHER'])).ask('hello', 30)"),
    (None, "!{sys.executable} -m livewidget doctor\n!{sys.executable} -m livewidget doctor --json"),
    (None, "!{sys.executable} -m livewidget ask hello --server $OTHER"),
]


@pytest.mark.notebook
async def test_a_notebook_with_verbose_errors_what_is_saved_and_what_is_exported(tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(HERE.parent))
    monkeypatch.setenv("GEMINI_API_KEY", CANARY)
    said = b"HTTP/1.1 400 x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    standin = StandIn(ears=lambda pcm: "", brain=str, voice=lambda text: bytes(4800))
    cells = [nbformat.v4.new_code_cell(code) for _, code in CELLS]
    notebook = nbformat.v4.new_notebook(cells=cells)
    async with (
        saying(said) as other,
        saying(b"") as silent,
        serve(ignore, "127.0.0.1", 0, process_request=refusing(401, CANARY)) as refuser,
        Server(standin, wss_port=None, key=CANARY) as served,
    ):
        monkeypatch.setenv("SILENT", silent)
        monkeypatch.setenv("OTHER", other)
        monkeypatch.setenv("REFUSING", at(refuser))
        monkeypatch.setenv("SERVED", served.ws)
        client = NotebookClient(
            notebook, allow_errors=True, timeout=60, store_widget_state=True, config=without_ports(tmp_path)
        )
        await client.async_execute()
    for (error, _), cell in zip(CELLS, notebook.cells, strict=True):
        failed = [output.ename for output in cell.outputs if output.output_type == "error"]
        assert failed == ([error] if error else []), cell
    assert "widgets" in notebook.metadata
    saved, page = nbformat.writes(notebook), HTMLExporter().from_notebook_node(notebook)[0]
    assert "good morning" in page
    for text in (saved, page, (tmp_path / "wire.jsonl").read_text()):
        assert PART not in text, text[max(0, text.index(PART) - 1500) :][:1800]


def test_the_list_of_processes_and_what_serve_prints(tmp_path):
    file = tmp_path / "key.txt"
    file.write_text(f"{CANARY}\n")
    for options, env in (
        (["--key-file", str(file)], {}),
        ([], {"LIVEWIDGET_SERVE_KEY": CANARY}),
    ):
        with subprocess.Popen(
            [sys.executable, "-m", "livewidget", "serve", "--no-tls", *options],
            env=os.environ | {"PYTHONPATH": str(HERE.parent)} | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                ready = process.stdout.readline()
                url = json.loads(ready)["ws"]
                shown = subprocess.run(
                    ["ps", "-ww", "-o", "args=", "-p", str(process.pid)],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
                assert "serve" in shown
                wrong = asyncio.run(error_of(lambda: mint(Gemini("m", api_key="wrong", base_url=url))))  # noqa: B023
                assert isinstance(wrong, LiveError)
                asyncio.run(mint(Gemini("m", api_key=CANARY, base_url=url)))
            finally:
                process.terminate()
                out, err = process.communicate(timeout=20)
        assert PART not in shown + ready + out + err


# --- A page that holds the socket -----------------------------------------------------------------------------


def conversation(server, post):
    """A conversation whose page gets the canary as its token."""
    gemini = Gemini(base_url=server.ws, token=f"auth_tokens/{CANARY}", direct=True)
    return Controller(
        prepare(gemini, (), (), {}),
        post=post,
        publish=lambda *_: None,
        dispatch=lambda _: None,
        callback_kinds=(),
        busy=lambda: "",
        reconnect=ReconnectPolicy(enabled=False),
    )


@pytest.mark.parametrize("cause", ["", "blocked", "mixed", "offline", "token", "unsupported"])
async def test_a_page_that_may_not_connect_with_its_token(cause):
    async with Server(StandIn(brain=str), wss_port=None, key=CANARY) as server:
        page = ServicePage(refuses=m.ServiceClosed(at_ms=0.0, code=1006, reason=CANARY, cause=cause))
        controller = conversation(server, page.receive)
        await page.show(controller)
        check_hidden(await error_of(controller.sessions.open))
        assert any(isinstance(asked, m.ServiceOpen) for asked in page.asked)
        shown = [page.seen, page.notices, vars(controller), vars(controller.bridge), vars(controller.state)]
        assert PART not in repr(shown)
        await controller.close()
        await page.leave()


async def test_a_page_whose_token_is_refused():
    async with Server(StandIn(brain=str), wss_port=None, key="another") as server:
        page = ServicePage()
        controller = conversation(server, page.receive)
        await page.show(controller)
        error = await error_of(controller.sessions.open)
        assert "token" in str(error)
        check_hidden(error)
        assert PART not in repr([page.seen, page.notices])
        await controller.close()
        await page.leave()


async def test_a_host_that_cannot_send_a_page_its_token():
    async with Server(StandIn(brain=str), wss_port=None, key=CANARY) as server:
        page = ServicePage()

        def post(content, buffers):
            if content["lane"] == "service":
                raise OSError("the comm is closed")
            page.receive(content, buffers)

        controller = conversation(server, post)
        await page.show(controller)
        error = await error_of(controller.sessions.open)
        assert "comm is closed" in str(error) + str(error.__cause__)
        check_hidden(error)
        await controller.close()
        await page.leave()
