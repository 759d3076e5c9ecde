"""The command as a whole: its version, its help, and what errors become."""

import subprocess
import sys

import pytest

import livewidget as package
from livewidget.cli import main
from livewidget.errors import LinkLost, LiveError, UsageError
from tests.cli.conftest import ROOT, environment, livewidget, one_sentence


def test_version():
    done = livewidget("--version")
    assert (done.returncode, done.stdout) == (0, f"livewidget {package.__version__}\n")


def test_help_names_every_command_and_exit_code():
    done = livewidget("--help")
    assert done.returncode == 0
    for word in ("ask", "demo", "doctor", "models", "serve", "exit codes", "130"):
        assert word in done.stdout


@pytest.mark.parametrize("arguments", [(), ("sing",), ("ask",), ("serve", "--ws-port", "70000")])
def test_wrong_use_is_2(arguments):
    done = livewidget(*arguments)
    assert done.returncode == 2
    assert "usage: livewidget" in done.stderr
    assert "Traceback" not in done.stderr


class Command:
    """A command that ends as a test wants it to."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def run(self, arguments: object) -> int:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [(UsageError("No."), 2), (LiveError("No."), 1), (LinkLost("No."), 1), (KeyboardInterrupt(), 130)],
)
def test_errors_become_codes_and_one_sentence(error, code, capsys):
    from livewidget.cli.main import run_command

    assert run_command(lambda: Command(error).run(None)) == code
    assert one_sentence(capsys.readouterr().err) in ("livewidget: No.", "livewidget: Interrupted.")


def test_the_console_script_is_the_module():
    from importlib.metadata import entry_points

    (script,) = entry_points(group="console_scripts", name="livewidget")
    assert script.load() is main


def test_a_reader_that_went_away_is_no_traceback():
    command = [sys.executable, "-m", "livewidget", "doctor"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment()
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
