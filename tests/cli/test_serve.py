"""`livewidget serve`: one line of JSON, loopback only, a clean end."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from livewidget.cli.serve import RefusalReporter
from livewidget.serving import Blocked
from tests.cli.conftest import ROOT, environment, livewidget, one_sentence

SERVICE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP = '{"setup": {"model": "models/offline-tutor"}}'


# The command on a computer for which there is no package of pocketsphinx.
NO_EARS = "import platform; platform.machine = lambda: 'riscv64'; "
# The command with some packages missing, by their names.
WITHOUT = (
    "import sys; sys.modules.update(dict.fromkeys({!r})); from livewidget.cli import main; sys.exit(main())"
)


@contextmanager
def serving(*arguments, without=(), before="", env=None):
    """`livewidget serve` as a process, and what it printed when it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", before + WITHOUT.format(without), "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(**(env or {})),
    )
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_both_and_ends_cleanly(number):
    with serving() as (process, ready):
        assert set(ready) == {"ws", "wss", "cert"}
        with connect(ready["ws"] + SERVICE) as link:
            link.send(SETUP)
            assert json.loads(link.recv(10)) == {"setupComplete": {}}
        trust = ssl.create_default_context(cafile=ready["cert"])
        with connect(ready["wss"] + SERVICE, ssl=trust) as link:
            link.send(SETUP)
            assert "setupComplete" in json.loads(link.recv(10))
            process.send_signal(number)
            rest, errors = process.communicate(timeout=20)
        assert (process.returncode, rest, errors) == (0, "", "")
        assert not Path(ready["cert"]).exists()


def test_connections_can_be_short():
    with serving("--no-tls", "--connection-s", "0.5") as (_, ready), connect(ready["ws"] + SERVICE) as link:
        link.send(SETUP)
        assert "setupComplete" in json.loads(link.recv(10))
        assert json.loads(link.recv(10)) == {"goAway": {"timeLeft": "0.1875s"}}
        with pytest.raises(ConnectionClosed) as closed:
            link.recv(10)
        assert closed.value.rcvd.code == 1011


def test_it_makes_ephemeral_tokens():
    with serving("--no-tls", "--key", "k") as (_, ready):
        request = urllib.request.Request(
            ready["ws"].replace("ws", "http", 1) + "/v1alpha/auth_tokens", b"{}", {"x-goog-api-key": "k"}
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as answer:
            token = json.load(answer)["name"]
        alpha = SERVICE.replace("v1beta", "v1alpha") + f"Constrained?access_token={token}"
        with connect(ready["ws"] + alpha) as link:
            link.send(SETUP)
            assert "setupComplete" in json.loads(link.recv(10))


def test_it_listens_on_loopback_only():
    with serving("--no-tls") as (_, ready):
        host, port = ready["ws"].removeprefix("ws://").split(":")
        assert host == "127.0.0.1"
        assert ready["wss"] is None
        with socket.socket() as other:
            # The same port on every other address is free: nobody else can reach the tutor.
            other.bind(("127.0.0.2", int(port)))


def test_a_key_can_be_demanded():
    with serving("--no-tls", "--key", "right") as (_, ready):
        with connect(ready["ws"] + SERVICE, additional_headers={"x-goog-api-key": "right"}) as link:
            link.send(SETUP)
            assert "setupComplete" in json.loads(link.recv(10))
        with connect(ready["ws"] + SERVICE, additional_headers={"x-goog-api-key": "wrong"}) as link:
            link.send(SETUP)
            with pytest.raises(ConnectionClosed) as closed:
                link.recv(10)
        assert closed.value.rcvd.code == 1007


@pytest.mark.parametrize("way", ["file", "variable", "option"])
def test_a_key_is_told_without_being_shown_and_the_option_that_shows_it_says_so(way, tmp_path):
    """The kind: a secret in the list of processes, which every user of a computer reads."""
    file = tmp_path / "key.txt"
    file.write_text("right\n", encoding="utf-8")
    options = {"file": ["--key-file", str(file)], "option": ["--key", "right"], "variable": []}[way]
    env = {"LIVEWIDGET_SERVE_KEY": "right"} if way == "variable" else {}
    with serving("--no-tls", *options, env=env) as (process, ready):
        shown = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(process.pid)], capture_output=True, text=True, check=True
        ).stdout
        assert ("right" in shown) is (way == "option")
        for key, accepted in (("right", True), ("wrong", False)):
            with connect(ready["ws"] + SERVICE, additional_headers={"x-goog-api-key": key}) as link:
                link.send(SETUP)
                if accepted:
                    assert "setupComplete" in json.loads(link.recv(10))
                else:
                    with pytest.raises(ConnectionClosed):
                        link.recv(10)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert ("list of processes" in errors) is (way == "option")
    assert "right" not in errors


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (None, [], "key.txt cannot be read: No such file"),
        (b"", [], "must hold one key on one line"),
        (b"  \n", [], "must hold one key on one line"),
        (b"one\ntwo\n", [], "must hold one key on one line"),
        (b"\xff\xfe", [], "key.txt cannot be read: it is not text"),
        (b"one", ["--key", "two"], "Give one key"),
    ],
)
def test_a_file_that_holds_no_key(content, options, words, tmp_path):
    file = tmp_path / "key.txt"
    if content is not None:
        file.write_bytes(content)
    done = livewidget("serve", "--no-tls", "--key-file", file, *options)
    assert done.returncode == 2
    assert words in one_sentence(done.stderr)
    assert str(tmp_path) not in done.stderr


def test_without_the_certificates_package_ws_is_served_and_a_sentence_says_so():
    with serving(without=("trustme", "cryptography")) as (process, ready):
        assert ready == {"ws": ready["ws"], "wss": None, "cert": None}
        with connect(ready["ws"] + SERVICE) as link:
            link.send(SETUP)
            assert json.loads(link.recv(10)) == {"setupComplete": {}}
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert one_sentence(errors) == errors.rstrip("\n")
    assert "wss is not served" in errors
    assert 'pip install "livewidget[serve]"' in errors


def test_without_ears_for_this_computer_it_serves_and_says_that_it_is_typed_to():
    with serving("--no-tls", without=("pocketsphinx",), before=NO_EARS) as (process, ready):
        with connect(ready["ws"] + SERVICE) as link:
            link.send(SETUP)
            assert json.loads(link.recv(10)) == {"setupComplete": {}}
        process.terminate()
        _, errors = process.communicate(timeout=20)
    told = (
        "livewidget: The tutor cannot understand speech here, only typed text: pocketsphinx has no ready-made"
    )
    assert one_sentence(errors).startswith(told)
    assert "riscv64" in errors


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("trustme", ("--wss-port", "0"), "serve"),
        ("starlette", (), "tutor"),
        ("uvicorn", ("--no-tls",), "tutor"),
    ],
)
def test_what_is_missing_is_one_sentence(missing, arguments, extra):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WITHOUT.format((missing,)), "serve", *arguments],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert f'pip install "livewidget[{extra}]"' in one_sentence(done.stderr)


def test_a_port_that_is_taken_is_one_sentence():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = livewidget("serve", "--no-tls", "--ws-port", other.getsockname()[1])
    assert done.returncode == 2
    assert "port" in one_sentence(done.stderr)


def shake(ready, **headers):
    """Open a WebSocket with these headers; return its HTTP status."""
    names = {"host": "Host", "origin": "Origin"}
    sent = {names[key]: value for key, value in headers.items()}
    try:
        with connect(ready["ws"] + SERVICE, additional_headers=sent):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_page_of_another_origin_is_let_in_by_name_only():
    with serving("--no-tls", "--origin", "http://localhost:3000/app", "--origin", "null") as (process, ready):
        assert shake(ready, origin="http://localhost:3000") == 101
        assert shake(ready, origin="null") == 101
        assert shake(ready, origin="http://localhost:3001") == 403
        process.terminate()
        _, errors = process.communicate(timeout=20)
    how, refusal = errors.splitlines()
    assert how == (
        "livewidget: Pages of http://localhost:3000/app, null may connect to it themselves, as with "
        f'Gemini("offline-tutor", direct=True, base_url="{ready["ws"]}").'
    )
    assert refusal.startswith("livewidget: A page of http://localhost:3001 was refused.")


@pytest.fixture
def tls_files(tmp_path):
    import trustme

    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "tutor.example")
    leaf.private_key_pem.write_to_path(tmp_path / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path


def test_it_serves_wss_with_a_certificate_of_ones_own_also_where_none_can_be_made(tls_files):
    cert, key = tls_files / "cert.pem", tls_files / "key.pem"
    with serving("--tls-cert", cert, "--tls-key", key, without=("trustme",)) as (process, ready):
        assert (ready["cert"], ready["wss"][:6]) == (None, "wss://")
        trust = ssl.create_default_context(cafile=tls_files / "ca.pem")
        with connect(ready["wss"] + SERVICE, ssl=trust) as link:
            link.send(SETUP)
            assert "setupComplete" in json.loads(link.recv(10))
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(ready["wss"] + SERVICE, ssl=ssl.create_default_context())
        process.terminate()
        assert process.communicate(timeout=20) == ("", "")


def test_what_is_wrong_with_a_certificate_is_one_sentence(tls_files):
    cert, key = tls_files / "cert.pem", tls_files / "key.pem"
    for options, words in (
        (("--tls-cert", cert), "wss takes both, --tls-cert and --tls-key."),
        (("--tls-cert", cert, "--tls-key", tls_files / "none.pem"), "there is no file none.pem."),
        (("--tls-cert", key, "--tls-key", cert), "the files are no certificate and its key in PEM format."),
    ):
        done = livewidget("serve", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert one_sentence(done.stderr).endswith(words)
        assert str(tls_files) not in done.stderr


def test_a_refused_origin_is_named_once_with_the_option_that_would_let_it_in():
    with serving("--no-tls") as (process, ready):
        for _ in range(3):
            assert shake(ready, origin="http://localhost:3000") == 403
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert one_sentence(errors).endswith("start with --origin http://localhost:3000")


def test_what_a_hostile_page_says_of_itself_is_not_shown_and_has_an_end(capsys):
    """Any web site can send a header to a port of this computer."""
    hostile = ["http://x\x1b[2J", "http://x --key stolen", "http://" + "x" * 5000, "<script>"]
    report = RefusalReporter()
    for value in [*hostile, *(f"http://{number}.example" for number in range(100))]:
        report(Blocked("origin", value, ""))
    first, *others, last = capsys.readouterr().err.splitlines()
    assert first == (
        "livewidget: A page of another origin was refused. If it is yours, start with --origin ORIGIN"
    )
    assert others[0].endswith("--origin http://0.example")
    assert len(others) < 25
    assert "not reported any more" in last


def test_names_are_answered_to_when_they_were_given():
    with serving("--no-tls", "--host", "tutor.example") as (process, ready):
        port = ready["ws"].rpartition(":")[2]
        request = urllib.request.Request(ready["ws"].replace("ws", "http", 1) + SERVICE)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for host, status in ("tutor.example", 426), (f"tutor.example:{port}", 426), ("evil.example", 403):
            request.add_header("Host", host)
            with pytest.raises(urllib.error.HTTPError) as refused:
                opener.open(request, timeout=10)
            assert refused.value.code == status
            refused.value.close()
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert one_sentence(errors).endswith("start with --host evil.example")


@pytest.mark.parametrize(
    "arguments", [("--origin", "*"), ("--origin", "localhost:3000"), ("--host", "0.0.0.0")]
)
def test_nobody_is_let_in_by_a_pattern(arguments):
    done = livewidget("serve", "--no-tls", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    one_sentence(done.stderr)
