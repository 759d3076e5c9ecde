"""Other people's clients, each in an environment of its own, against a running `livewidget serve`.

Each is dialled into every family of models: those whose turn ends before a function's result, those whose
turn goes on, and Vertex AI's, with a service account made for the test. The SDK for JavaScript runs in Node and, let in by `--origin`, in a page.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from livewidget import Gemini, models, web
from livewidget.serving import listen
from tests.integrations.account import service_account
from tests.integrations.questions import PICTURE, write
from tests.standin.test_serve_http import exchange, post
from tools import setup

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "made-for-the-test"  # and the token of the service account

DRIVERS = {
    "google-genai": "drive_google_genai",
    "google-genai-node": "drive_google_genai.mjs",
    "google-genai-browser": "drive_in_chromium",
    "google-adk": "drive_google_adk",
    "livekit-agents": "drive_livekit",
    "pipecat-ai": "drive_pipecat",
}
FAMILIES = {
    "2.5": ("gemini-2.5-flash-native-audio-latest", "gemini"),
    "3.8": ("gemini-3.8-live", "gemini"),
    "vertex": ("gemini-live-2.5-flash-native-audio", "vertex"),
}

ALL = (*setup.CLIENTS, *setup.HEAVY_CLIENTS, *setup.NODE_CLIENTS, *setup.BROWSER_CLIENTS)
JAVASCRIPT = ("google-genai-node", "google-genai-browser")

pytestmark = [pytest.mark.clients, pytest.mark.timeout(300)]


def named(*clients):
    return [name for name in ALL if name.split()[0] in clients]


class Quiet(SimpleHTTPRequestHandler):
    """Serves the files of a folder, and says nothing."""

    def log_message(self, *arguments):
        pass


@contextmanager
def page_of(folder):
    """Serve a folder on loopback; give its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving(*options):
    """`livewidget serve` as a process that takes one key; gives the line it printed when it was ready."""
    command = [sys.executable, "-m", "livewidget", "serve", "--key", KEY, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def scenery(tmp_path_factory):
    """A server, what is said and shown to it, and an account for Vertex AI."""
    folder = tmp_path_factory.mktemp("clients")
    write(folder)
    with (
        page_of(folder) as page,
        serving("--origin", page) as ready,
        service_account(folder, KEY) as account,
    ):
        yield {**ready, "key": KEY, "folder": str(folder), "page": page}, account


@pytest.fixture(scope="session", params=ALL)
def runs(request):
    """One client's runs with all families at once: what its driver printed, or why it failed."""
    name = request.param
    if not setup.client(name).exists():
        pytest.skip(f"{name} has no environment here: run make clients")
    scenery = request.getfixturevalue("scenery")
    # In a page the SDK knows no credentials of Vertex AI.
    families = [one for one in FAMILIES if one != "vertex" or name not in setup.BROWSER_CLIENTS]
    with ThreadPoolExecutor(len(families)) as threads:
        started = {family: threads.submit(run, name, family, *scenery) for family in families}
        return {family: one.result() for family, one in started.items()}


def run(name, family, server, account):
    """Run a client's driver for one family; the environment says nothing of the user's own keys."""
    model, service = FAMILIES[family]
    row = models.find(model, service)
    task = {
        **server,
        "model": model,
        "vertex": service == "vertex",
        "ends_first": row.turn_completes_before_result,
    }
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GEMINI_"))}
    return subprocess.run(
        [*driver(name), json.dumps(task)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env=kept | {"GOOGLE_APPLICATION_CREDENTIALS": str(account), "NODE_EXTRA_CA_CERTS": server["cert"]},
    )


def driver(name):
    """Return the command that runs a client's driver where the client is installed."""
    folder, file = setup.client(name), DRIVERS[name.split()[0]]
    if name in setup.BROWSER_CLIENTS:
        return [sys.executable, "-m", f"tests.integrations.{file}", folder]
    if name in setup.NODE_CLIENTS:
        node = shutil.which("node", path=os.pathsep.join([str(setup.BIN), os.environ["PATH"]]))
        return [node, ROOT / "tests" / "integrations" / file, folder]
    return [folder / setup.BIN.name / setup.PYTHON.name, "-m", f"tests.integrations.{file}"]


@pytest.fixture(params=FAMILIES)
def report(request, runs):
    """What a driver noted of its scenes; see `driving`."""
    if request.param not in runs:
        pytest.skip("this client is not for this family")
    done = runs[request.param]
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_the_version_is_the_one_that_is_meant(report, request):
    assert report["version"] == request.node.callspec.params["runs"].split()[1]


def test_a_spoken_turn(report):
    turn = report["spoken_turn"]
    assert turn["heard"] == "what is the capital of france"
    assert turn["said"] == "The capital of France is Paris."
    assert turn["audio_ms"] > 1000
    assert "interrupted" not in turn["order"]


def test_a_function_is_called_and_its_result_spoken_of(report):
    turn = report["tool_call"]
    assert turn["calls"] == [["set_light", {"on": True}]]
    assert turn["said"] == "The light is on."
    assert [kind for kind in turn["order"] if kind != "end"] == ["call", "result", "audio"]


@pytest.mark.parametrize("report", ["2.5", "vertex"], indirect=True)
@pytest.mark.parametrize("runs", named("google-genai", *JAVASCRIPT), indirect=True)
def test_a_turn_ends_before_the_result(report):
    assert report["tool_call"]["order"] == ["call", "end", "result", "audio", "end"]


@pytest.mark.parametrize("report", ["2.5", "vertex"], indirect=True)
@pytest.mark.parametrize("runs", named("google-adk"), indirect=True)
def test_an_agent_that_waits_for_the_end_of_the_turn_gets_it(report):
    """It calls the function when the turn ends, and would wait for ever without."""
    assert report["tool_call"]["order"] == ["call", "result", "end", "audio", "end"]


@pytest.mark.parametrize("report", ["3.8"], indirect=True)
@pytest.mark.parametrize("runs", named("google-genai", *JAVASCRIPT, "google-adk"), indirect=True)
def test_a_turn_goes_on_after_the_result(report):
    assert report["tool_call"]["order"] == ["call", "result", "audio", "end"]


def test_a_typed_turn(report):
    assert report["text_turn"]["said"] == "The capital of Japan is Tokyo."


def test_an_interruption(report):
    before, after = report["interruption"]["before"], report["interruption"]["after"]
    assert before["said"].startswith("Once ")
    assert not before["said"].endswith("to somebody.")
    assert before["order"][-1] == "interrupted"
    assert after["heard"] == "what time is it"
    assert after["said"].startswith("It is ")
    assert "interrupted" not in after["order"]


def test_a_video_frame(report):
    width, height = PICTURE
    assert f"{width} by {height} pixels" in report["video_frame"]["said"]


@pytest.mark.parametrize("runs", named("google-genai", *JAVASCRIPT), indirect=True)
def test_an_earlier_talk_goes_on_with_its_handle_only(report):
    # Whether the handle of the very last turn still reached the client is a matter of moments.
    assert report["resumption"]["said"] in (report["last_said"], report["video_frame"]["said"])
    assert report["without"]["said"] == "I have not said anything yet."


@pytest.mark.parametrize("report", ["2.5", "3.8"], indirect=True)
@pytest.mark.parametrize("runs", named(*JAVASCRIPT), indirect=True)
def test_a_token_is_made_and_talked_with(report):
    assert report["token"]["made"] is True
    assert_talked_with_a_token(report["token"])


def assert_talked_with_a_token(talk):
    """Somebody asked aloud, and heard and read the answer; the token could not be used twice."""
    assert talk["heard"] == "what is the capital of france"
    assert talk["said"] == "The capital of France is Paris."
    assert talk["audio_ms"] > 1000
    assert "too many times" in talk["again"]


def made_by_the_sdk(address):
    genai = pytest.importorskip("google.genai")
    options = {"base_url": address.replace("ws://", "http://"), "api_version": "v1alpha"}
    with genai.Client(api_key=KEY, vertexai=False, http_options=options) as maker:
        return maker.auth_tokens.create(config={"uses": 1}).name


def made_by_a_server_of_ones_own(address):
    async def ask():
        tokens = web.token_app(Gemini(api_key=KEY, base_url=address))
        served = listen(lambda port: tokens, message_bytes=1, end=lambda: asyncio.sleep(0))
        async with served as port:
            status, _, token = await exchange(port, post(port, "/token", extra=["Connection: close"]))
            assert status == 200
            return token["name"]

    return asyncio.run(ask())


@pytest.mark.filterwarnings("ignore:.*token creation implementation is experimental")
@pytest.mark.parametrize("make", [made_by_the_sdk, made_by_a_server_of_ones_own])
@pytest.mark.parametrize("page", setup.BROWSER_CLIENTS)
def test_a_page_talks_with_nothing_but_a_token_that_was_made_elsewhere(page, make, scenery):
    """The key stays with who makes the token: Google's SDK for Python, or `livewidget.web.token_app`."""
    if not setup.client(page).exists():
        pytest.skip(f"{page} has no environment here: run make clients")
    server, account = scenery
    token = make(server["ws"])
    bare = {name: value for name, value in server.items() if name != "key"} | {"token": token}
    done = run(page, "3.8", bare, account)
    assert done.returncode == 0, done.stderr[-4000:]
    talk = json.loads(done.stdout.splitlines()[-1])
    assert_talked_with_a_token(talk)
    service = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
    for address in map(urlsplit, talk["addresses"]):
        assert f"ws://{address.netloc}" == server["ws"] != server["page"].replace("http://", "ws://")
        assert address.path.replace("//", "/") == service
        assert parse_qs(address.query) == {"access_token": [token]}


@pytest.mark.parametrize("runs", named("google-adk", "livekit-agents", "pipecat-ai"), indirect=True)
def test_a_broken_link_is_mended_and_nothing_is_forgotten(report):
    assert report["broken_link"]["before"]["said"] == "The capital of Japan is Tokyo."
    assert report["broken_link"]["after"]["said"].startswith("The capital of Japan is Tokyo.")


@pytest.mark.parametrize("runs", named("google-adk"), indirect=True)
def test_a_tool_that_reports_again_and_again_is_spoken_of_each_time(report):
    said = report["reports"]["said"].lower()
    places = [said.index(words) for words in ("the timer is set", "half of it is over", "it is over now")]
    assert places == sorted(places)


@pytest.mark.parametrize("runs", named("pipecat-ai"), indirect=True)
def test_a_bot_may_begin(report):
    assert report["greeting"]["said"].startswith("Hello! I am the small offline tutor")


def test_a_page_that_nobody_named_gets_no_answer_and_stderr_says_how_to_let_it_in(tmp_path):
    """By WebSocket as by `fetch`: a browser shows the page nothing of a refusal."""
    pytest.importorskip("playwright")
    from tests.browser.lab import chromium

    (tmp_path / "page.html").write_text("<!doctype html>")
    attempts = """async ({ ws, path }) => {
        const socket = new WebSocket(ws + path);
        const opened = await new Promise((done) => { socket.onopen = () => done(true); socket.onerror = () => done(false); });
        const fetched = await fetch(ws.replace("ws://", "http://") + "/v1alpha/auth_tokens", { method: "POST", body: "{}" })
            .then((answer) => answer.status, (error) => error.name);
        return [opened, fetched];
    }"""
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    command = [sys.executable, "-m", "livewidget", "serve", "--no-tls"]
    with page_of(tmp_path) as page, chromium() as browser:
        for option, expected in ([], [False, "TypeError"]), (["--origin", page], [True, 200]):
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
            with subprocess.Popen([*command, *option], **pipes) as server:
                ready = json.loads(server.stdout.readline())
                shown = browser.new_page()
                shown.goto(f"{page}/page.html")
                assert shown.evaluate(attempts, {"ws": ready["ws"], "path": path}) == expected
                server.terminate()
                _, errors = server.communicate(timeout=20)
            assert errors.endswith(f"start with --origin {page}\n") == (not option)
            assert errors.startswith(f"livewidget: Pages of {page} may connect") == bool(option)
            assert len(errors.splitlines()) == 1
