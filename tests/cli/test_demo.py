"""`livewidget demo`: JupyterLab on the first notebook, with and without a display."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from livewidget.cli import demo
from livewidget.errors import UsageError
from tests.cli.conftest import ROOT, environment, heed_ctrl_c
from tests.ports import free_port


def test_the_notebooks_are_copied_into_a_new_folder(tmp_path):
    folder = demo.prepare(tmp_path / "new" / "folder")
    copied = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert copied == {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert demo.NOTEBOOK in copied


def test_a_notebook_that_is_there_is_kept(tmp_path):
    (tmp_path / demo.NOTEBOOK).write_text("mine")
    demo.prepare(tmp_path)
    assert (tmp_path / demo.NOTEBOOK).read_text() == "mine"
    assert (tmp_path / "02_tools.ipynb").is_file()


def test_a_folder_that_is_a_file_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        demo.prepare(tmp_path / "file")


def test_without_a_folder_it_makes_one(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    first, second = demo.prepare(None), demo.prepare(None)
    assert first != second
    assert first.parent == tmp_path


@pytest.mark.parametrize(
    ("variables", "there"), [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True)]
)
def test_a_display_is_noticed(variables, there, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert demo.has_display() is there


def test_the_browser_is_left_alone_when_asked():
    assert "--no-browser" in demo.command(Path("folder"), 1, browser=False)
    assert "--no-browser" not in demo.command(Path("folder"), 1, browser=True)


#: As JupyterLab does: says where it is to be found, and listens there later.
SLOW_SERVER = """
import json, os, socket, sys
server = {"url": "http://localhost/", "hostname": "127.0.0.1", "port": int(sys.argv[1]), "token": "t"}
with open(f"{os.environ['JUPYTER_RUNTIME_DIR']}/jpserver-{os.getpid()}.json", "w") as note:
    json.dump(server, note)
sys.stdin.readline()
with socket.create_server(("127.0.0.1", server["port"])):
    sys.stdin.read()
"""


def test_the_address_is_not_told_before_somebody_listens(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    words = [sys.executable, "-c", SLOW_SERVER, str(free_port())]
    with (
        ThreadPoolExecutor(1) as thread,
        subprocess.Popen(words, stdin=subprocess.PIPE) as process,
    ):
        waiting = thread.submit(demo.wait_for_address, process)
        with pytest.raises(TimeoutError):
            waiting.result(1)
        assert list(tmp_path.iterdir()) != []
        process.stdin.write(b"listen\n")
        process.stdin.flush()
        assert waiting.result(10) == "http://localhost/lab/tree/01_first_words.ipynb?token=t"
        process.stdin.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_display_it_prints_the_address_and_serves(number, tmp_path):
    port = free_port()
    environ = environment(JUPYTER_RUNTIME_DIR=str(tmp_path / "runtime"), PYTHONUNBUFFERED="1")
    words = ["-m", "livewidget", "demo", "--folder", tmp_path / "demo", "--port", port]
    with subprocess.Popen(
        [sys.executable, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env=environ,
        preexec_fn=heed_ctrl_c,
    ) as process:
        try:
            address = next(line.strip() for line in process.stdout if "/lab/tree/" in line)
            assert re.fullmatch(
                rf"http://localhost:{port}/lab/tree/01_first_words\.ipynb\?token=\w+", address
            )
            with urllib.request.urlopen(address, timeout=20) as page:
                assert page.status == 200
                assert b"JupyterLab" in page.read()
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
