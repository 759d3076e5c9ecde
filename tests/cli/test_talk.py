"""`livewidget talk`: one address on stdout, a page behind it, tools from a file, and an orderly end."""

import asyncio
import contextlib
import functools
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from contextlib import asynccontextmanager

import pytest

from livewidget import Gemini, web
from livewidget.cli import talk
from livewidget.errors import UsageError
from livewidget.serving import listen
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from livewidget.tools import Tool
from livewidget.ui.links import FRAME_BYTES
from tests.cli.conftest import ROOT, environment, heed_ctrl_c, livewidget, one_sentence
from tests.ports import free_port
from tests.standin.puppets import Ears, Voice
from tests.talk_page import TalkPage, get

ADDRESS = re.compile(r"(https?://[\w.-]+:\d+/)#([\w-]{32})\n")


@asynccontextmanager
async def talking(*arguments, env=None):
    """`livewidget talk` as a process; gives it, the page's address and the token."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "livewidget", "talk", *map(str, arguments),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT,
        env=environment(**(env or {})), preexec_fn=heed_ctrl_c,
    )  # fmt: skip
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        found = ADDRESS.fullmatch(line)
        assert found, (line, (await process.stderr.read()).decode() if not line else "")
        yield process, found[1], found[2]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def rest(process):
    """What else it printed, once it has ended."""
    out, errors = await asyncio.wait_for(process.communicate(), 30)
    return out.decode(), errors.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_prints_the_address_and_nothing_else_talks_and_ends_cleanly(number):
    async with talking("--port", 0, "--title", "My tutor") as (process, base, token):
        assert base.startswith("http://127.0.0.1:")
        html = await get(base)
        assert "<title>My tutor</title>" in html.text
        page = await TalkPage(base).load(token)
        assert await page.ask("what is seven plus five") == "Seven plus five is twelve."
        again = await page.again().load()  # a reload, by the cookie alone
        assert len(again.turns) == 2
        stranger = TalkPage(base)
        assert (await stranger.let_in(token)).text == web.NEEDS_TOKEN
        assert (await stranger.let_in()).text == web.NEEDS_ADDRESS
        process.send_signal(number)
        out, errors = await rest(process)
        assert (process.returncode, out) == (0, "")
        lines = errors.splitlines()
        assert lines == [
            "livewidget: Offline tutor, no key · on this computer. End with Ctrl+C.",
            "livewidget: There is no display here, so no browser was opened: open the address in one.",
        ]
        for one in (page, again):
            await one.until(lambda one=one: one.closed)
            assert one.closed[0] == 1001
            await one.close()


async def test_it_ends_when_nobody_looks_for_a_while():
    async with talking("--port", 0, "--keep", 1.5, "--no-browser") as (process, base, token):
        page = await TalkPage(base).load(token)
        await asyncio.sleep(2.5)
        assert process.returncode is None
        left = time.monotonic()
        await page.close()
        out, errors = await rest(process)
        assert time.monotonic() - left >= 1.4
        assert (process.returncode, out) == (0, "")
        assert errors.splitlines()[-1] == "livewidget: No page was open for 1.5 s, so it has ended."


async def test_the_usual_port_is_always_the_same_and_another_is_taken_where_that_is_taken():
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else has it already, which does as well
            other.bind(("127.0.0.1", talk.PORT))
            other.listen()
        async with talking("--no-browser") as (_, base, _):
            assert not base.endswith(f":{talk.PORT}/")
            assert (await get(base)).status == 200


def test_a_port_that_is_taken_is_one_sentence():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = livewidget("talk", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert one_sentence(done.stderr) == (
        f"livewidget: Port {port} is taken, perhaps by a livewidget that still runs: choose another with --port, "
        "or leave it out."
    )


# --- The browser --------------------------------------------------------------------------------------------

BROWSER = """#!{python}
import pathlib, sys, urllib.parse
print("what a browser prints")
path = urllib.parse.unquote(urllib.parse.urlsplit(sys.argv[1]).path)
file = pathlib.Path(path)
pathlib.Path({seen!r}).write_text(
    "\\n".join([" ".join(sys.argv[1:]), oct(file.parent.stat().st_mode), file.read_text()])
)
"""


async def test_a_browser_is_opened_and_its_command_does_not_hold_the_token(tmp_path):
    seen, browser, home = tmp_path / "seen", tmp_path / "browser", tmp_path / "home"
    home.mkdir()
    browser.write_text(BROWSER.format(python=sys.executable, seen=str(seen)))
    browser.chmod(0o755)
    env = {"DISPLAY": ":9", "BROWSER": str(browser), "HOME": str(home)}
    async with talking("--port", 0, env=env) as (process, base, token):
        async with asyncio.timeout(20):
            while not seen.exists():  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.2)
        command, mode, file = seen.read_text().split("\n", 2)
        assert command.startswith("file://")
        assert token not in command
        assert f'location.replace("{base}#{token}")' in file
        assert int(mode, 8) & 0o077 == 0  # for nobody else
        process.terminate()
        out, errors = await rest(process)
        assert (process.returncode, out) == (0, "")
        assert "browser" not in errors
    assert list(home.iterdir()) == []


async def test_where_no_browser_can_be_opened_it_says_so(tmp_path):
    env = {"DISPLAY": ":9", "BROWSER": str(tmp_path / "none"), "PATH": str(tmp_path), "HOME": str(tmp_path)}
    async with talking("--port", 0, env=env) as (process, base, _):
        assert (await get(base)).status == 200
        await asyncio.sleep(1.5)
        process.terminate()
        _, errors = await rest(process)
        assert errors.splitlines()[1:] == ["livewidget: No browser could be opened: open the address in one."]


async def test_it_opens_none_when_it_is_told_not_to(tmp_path):
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\ntouch {seen}\n")
    browser.chmod(0o755)
    async with talking("--port", 0, "--no-browser", env={"DISPLAY": ":9", "BROWSER": str(browser)}) as (
        process,
        *_,
    ):
        await asyncio.sleep(1)
        process.terminate()
        assert len((await rest(process))[1].splitlines()) == 1
    assert not seen.exists()


# --- Tools --------------------------------------------------------------------------------------------------

GOOD = '''
"""Lights."""
from json import dumps
import neighbour
from livewidget.tools import Tool
from livewidget.ui.links import FRAME_BYTES

def set_light(on: bool) -> str:
    """Turn the light on or off."""
    return neighbour.state(on)

def helper(on):
    return on

def _private():
    """Not for the model."""

def named(text: str) -> str:
    """Has another name."""
    return text

door = Tool.of(named, name="open_door", require_approval=True)
number = 7

class Lamp:
    """Not a tool."""
'''


@pytest.fixture
def tools_file(tmp_path):
    (tmp_path / "neighbour.py").write_text("def state(on):\n    return f'the light is {on}'\n")

    def write(text, name="lights.py"):
        path = tmp_path / name
        path.write_text(text)
        return path

    before = list(sys.path)
    yield write
    sys.path[:] = before
    sys.modules.pop(talk._MODULE, None)
    sys.modules.pop("neighbour", None)


def test_tools_are_the_files_own_documented_functions_and_its_tool_objects(tools_file):
    tools = talk.load_tools(tools_file(GOOD))
    names = [tool.name if isinstance(tool, Tool) else tool.__name__ for tool in tools]
    assert names == ["set_light", "named", "open_door"]
    assert tools[0](True) == "the light is True"


def test_what_all_names_is_offered_and_nothing_else(tools_file):
    assert talk.load_tools(tools_file(GOOD + "\n__all__ = ['helper']\n"))[0].__name__ == "helper"
    with pytest.raises(UsageError, match=r"^lights\.py names 'nothing' in __all__ and does not define it\.$"):
        talk.load_tools(tools_file("__all__ = ['nothing']"))


BAD = {
    "no file": (None, r"The tools file lights\.py cannot be read: No such file or directory\."),
    "not Python": ("def (", r"The tools file lights\.py is not Python: SyntaxError in line 1\."),
    "not text": ("x = '\0'", r"The tools file lights\.py is not Python: \w+Error.*\."),
    "raises": ("\n\n1 / 0", r"The tools file lights\.py does not run: ZeroDivisionError, line 3\."),
    "ends": ("raise SystemExit(3)", r"The tools file lights\.py does not run: SystemExit, line 1\."),
    "secret": (
        "raise ValueError('AIzaSyCANARY0123456789012345678901234567')",
        r"The tools file lights\.py does not run: ValueError, line 1\.",
    ),
    "missing module": (
        "import no_such_module",
        r"The tools file lights\.py does not run: there is no module no_such_module, line 1\.",
    ),
    "none": ("def f():\n    pass\nfrom json import dumps", r"lights\.py has no tools: give a function .*\."),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_tools_file_that_cannot_be_used_is_one_sentence(kind, tools_file, tmp_path):
    text, sentence = BAD[kind]
    path = tmp_path / "lights.py"
    if text is not None:
        tools_file(text)
    done = livewidget("talk", "--port", 0, "--tools", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch("livewidget: " + sentence, one_sentence(done.stderr)), done.stderr


async def test_the_tools_of_a_file_are_called(tools_file):
    path = tools_file(GOOD)
    async with talking("--port", 0, "--tools", path, "--no-browser") as (_, base, token):
        page = await TalkPage(base).load(token)
        assert any("light" in one for one in page.state.suggestions)
        await page.type("turn the light on")
        called = await page.until(lambda: [use for turn in page.turns.values() for use in turn.tools])
        assert called[0].name == "set_light"
        await page.until(
            lambda: any(
                "the light is True" in (use.result or "") for t in page.turns.values() for use in t.tools
            )
        )
        await page.close()


def test_a_function_that_cannot_be_a_tool_is_said_at_the_start(tools_file):
    done = livewidget("talk", "--port", 0, "--tools", tools_file('def f(*numbers):\n    """Add."""\n'))
    assert done.returncode == 2
    assert one_sentence(done.stderr).startswith("livewidget: The tool f takes *numbers")


# --- Where it listens ---------------------------------------------------------------------------------------


def refused(*arguments):
    done = livewidget("talk", "--port", 0, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    return one_sentence(done.stderr).removeprefix("livewidget: ")


@pytest.fixture
def tls_files(tmp_path):
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "talk.example")
    cert, key, trust = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem"
    leaf.cert_chain_pems[0].write_to_path(cert)
    leaf.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(trust)
    return cert, key, trust


def test_it_listens_on_loopback_only_unless_it_has_a_name_and_tls(tls_files):
    cert, key, _ = tls_files
    tls = ("--tls-cert", cert, "--tls-key", key)
    for arguments in ([], ["--allow-host", "talk.example"], tls):
        for host in ("0.0.0.0", "::", "192.0.2.1", "some.example"):
            assert refused("--host", host, *arguments) == talk.NEEDS_MORE


def test_what_is_wrong_with_a_certificate_is_one_sentence(tls_files, tmp_path):
    cert, key, _ = tls_files
    junk = tmp_path / "junk.pem"
    junk.write_text("junk")
    assert refused("--tls-cert", cert) == "https takes both, --tls-cert and --tls-key."
    assert refused("--tls-cert", cert, "--tls-key", tmp_path / "none.pem") == (
        "https cannot be served with that certificate: there is no file none.pem."
    )
    for files in ((junk, key), (cert, junk), (key, cert)):
        assert refused("--tls-cert", files[0], "--tls-key", files[1]) == (
            "https cannot be served with that certificate: the files are no certificate and its key in PEM format."
        )


async def test_it_serves_https_under_a_name(tls_files):
    cert, key, trust = tls_files
    tls = ssl.create_default_context(cafile=trust)
    port = free_port()
    arguments = ("--tls-cert", cert, "--tls-key", key, "--allow-host", "talk.example")
    async with talking("--host", "127.0.0.1", "--port", port, *arguments, "--no-browser") as (_, base, token):
        assert base == f"https://talk.example:{port}/"
        here = f"https://127.0.0.1:{port}/"
        answer = await get(
            here, "session", tls=tls, Host=f"talk.example:{port}", Authorization=f"Bearer {token}"
        )
        assert answer.status == 204
        assert "Secure" in answer.header("set-cookie")
        page = TalkPage(here, cookie=answer.header("set-cookie").split(";")[0], tls=tls)
        await page.load()
        assert await page.ask("what is seven plus five") == "Seven plus five is twelve."
        await page.close()


async def test_names_that_were_not_allowed_are_refused_and_told_once():
    async with talking("--port", 0, "--no-browser") as (process, base, _):
        for _ in range(3):
            assert (await get(base, Host="talk.example")).status == 403
            assert (await get(base, "session", Origin="http://evil.example")).status == 403
        process.terminate()
        lines = (await rest(process))[1].splitlines()[1:]
        assert len(lines) == 2
        assert lines[0].endswith("start with --allow-host talk.example")
        assert lines[1].endswith("start with --origin http://evil.example")


@pytest.mark.parametrize(
    "arguments",
    [("--keep", "0"), ("--keep", "soon"), ("--port", "70000"), ("--port", "x"), ("--allow-host", "*")],
)
def test_wrong_options_are_refused(arguments):
    done = livewidget("talk", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


def test_a_model_without_a_key_is_one_sentence():
    for arguments in (["gemini-3.8-live"], ["--server", "wss://service.example"]):
        assert refused(*arguments).startswith("gemini-3.8-live needs a key of the Gemini API")


def test_an_unknown_voice_or_model_is_one_sentence():
    assert "Nobody" in refused("--voice", "Nobody")


# --- Straight from the browser -----------------------------------------------------------------------------

KEY = {"GEMINI_API_KEY": "canary-key-0123456789"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--direct"], talk.NO_TOKENS),
        (["--direct", "gemini-3.8-live"], talk.NO_TOKENS),
        (["--direct", "offline-tutor"], talk.TUTOR_IS_HERE.format(page="http://127.0.0.1:8520")),
        (["--token-url", "/token"], "A path as --token-url is asked for by the page itself: add --direct."),
        (
            ["--direct", "--token-url", "http://tokens.example/"],
            "token_url=http://… would send the token unencrypted",
        ),
        (["--direct", "--token-url", "https://u:p@tokens.example/"], "token_url is an address such as"),
    ],
)
def test_what_keeps_the_page_from_connecting_itself_is_one_sentence(arguments, sentence):
    assert sentence in refused(*arguments)
    assert "u:p" not in refused(*arguments)


def test_pages_of_other_computers_are_not_sent_to_an_address_of_this_one(tls_files):
    cert, key, _ = tls_files
    there = ("--host", "0.0.0.0", "--allow-host", "talk.example", "--tls-cert", cert, "--tls-key", key)
    for server in ("ws://127.0.0.1:9", "wss://localhost:9"):
        assert refused("--direct", "--server", server, *there) == talk.SERVER_IS_HERE


@pytest.mark.parametrize(
    ("arguments", "env", "origin", "badge"),
    [
        (
            ["--direct"],
            KEY,
            "wss://generativelanguage.googleapis.com",
            "direct · Gemini API · gemini-3.8-live",
        ),
        (
            ["--direct", "--token-url", "https://tokens.example/token"],
            {"LIVEWIDGET_TOKEN_AUTH": "canary-auth-0123456789"},
            "wss://generativelanguage.googleapis.com",
            "direct · Gemini API · gemini-3.8-live",
        ),
        (
            ["--direct", "--token-url", "/token", "--server", "wss://service.example/api", "small-live"],
            {},
            "wss://service.example",
            "direct · a server of your own · small-live",
        ),
        (
            ["--direct", "--server", "ws://127.0.0.1:9"],
            {},
            "ws://127.0.0.1:9",
            "a server of your own · gemini-3.8-live",
        ),
        ([], KEY, None, "Gemini API · gemini-3.8-live."),
        (["--server", "ws://127.0.0.1:9"], {}, None, "a server of your own · gemini-3.8-live."),
    ],
)
async def test_the_page_may_connect_to_the_service_where_it_is_direct_and_the_badge_says_so(
    arguments, env, origin, badge
):
    async with talking("--port", 0, "--no-browser", *arguments, env=env) as (process, base, token):
        policy = (await get(base)).header("content-security-policy")
        sources = re.search("connect-src ([^;]*)", policy)[1]
        assert sources == ("'self'" if origin is None else f"'self' {origin}")
        page = await TalkPage(base).load(token)
        assert badge.rstrip(".") in page.state.badge
        await page.close()
        process.terminate()
        lines = (await rest(process))[1].splitlines()
        assert badge in lines[0]
        told = [line for line in lines if "--origin" in line]
        assert len(told) == (origin is not None and "--server" in arguments)
        assert all(line.endswith(f"--origin {base.rstrip('/')}") for line in told)
        assert "canary" not in "".join(lines)


async def test_its_tokens_come_from_a_server_that_it_shows_what_lets_it_in():
    auth = "canary-auth-0123456789"

    def may(request):
        return "the class" if request.headers.get("Authorization") == f"Bearer {auth}" else None

    tutor = StandIn(ears=Ears(), brain=lambda text: f"You said {text}", voice=Voice())
    async with Server(tutor, wss_port=None, key=KEY["GEMINI_API_KEY"]) as server:
        tokens = web.token_app(Gemini(api_key=KEY["GEMINI_API_KEY"], base_url=server.ws), may=may)
        end = functools.partial(asyncio.sleep, 0)
        async with listen(lambda port: tokens, message_bytes=FRAME_BYTES, end=end) as port:
            arguments = (
                "offline-tutor",
                "--server",
                server.ws,
                "--token-url",
                f"http://127.0.0.1:{port}/token",
            )
            for env, answer in (({"LIVEWIDGET_TOKEN_AUTH": auth}, "You said hello"), ({}, None)):
                async with talking("--port", 0, "--no-browser", *arguments, env=env) as (
                    process,
                    base,
                    token,
                ):
                    page = await TalkPage(base).load(token)
                    if answer is not None:
                        assert await page.ask("hello") == answer
                    else:
                        await page.type("hello")
                        await page.until(lambda page=page: any(web.NO_TOKEN in text for text in page.notices))
                    await page.close()
                    process.terminate()
                    assert auth not in (await rest(process))[1]
        assert tokens.count("the class") == 1


WITHOUT = "import sys; sys.modules['starlette'] = None; from livewidget.cli import main; sys.exit(main())"


def test_without_the_extra_one_sentence_says_what_to_install():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT, "talk"], capture_output=True, text=True, cwd=ROOT,
        env=environment(), timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert one_sentence(done.stderr).endswith('pip install "livewidget[web]".')
