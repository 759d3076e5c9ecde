"""Older official clients, each in an environment of its own, against a running `livewidget serve`."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integrations.questions import write

ROOT = Path(__file__).resolve().parent.parent.parent
# Made by tools/setup.py, which `make test` and `make clients` run first.
CLIENTS = Path(sys.prefix) / "clients"

pytestmark = pytest.mark.clients


@contextmanager
def serving():
    """`livewidget serve` as a process; gives the line it printed when it was ready."""
    command = [sys.executable, "-m", "livewidget", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process.stdout.readline()
        finally:
            process.terminate()


@pytest.mark.parametrize("version", ["2.34.0"])
def test_a_spoken_turn_a_tool_call_and_an_interruption(version, tmp_path):
    python = CLIENTS / f"google-genai-{version}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"google-genai {version} is not set up: run make clients")
    write(tmp_path)
    driver = ROOT / "tests" / "integrations" / "drive_google_genai.py"
    with serving() as ready:
        done = subprocess.run(
            [python, driver, ready, tmp_path], capture_output=True, text=True, timeout=90, cwd=tmp_path
        )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["google-genai"] == version
    assert {"spoken_turn", "tool_call", "interruption"} <= set(report)
