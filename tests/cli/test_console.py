"""What is printed: on consoles of any encoding, and into what is full, closed or odd."""

import io
import json
import os
import subprocess
import sys

import pytest

from livewidget.cli import console
from livewidget.errors import UsageError
from livewidget.text import plain
from tests.cli.conftest import ROOT, environment, livewidget, one_sentence

ENCODINGS = ("cp1252", "cp437", "ascii", "latin-1", "cp932", "utf-8")
HARD = "Café – 東京 ✓ 😀 \udcff"  # The last one is half of a letter, which is printed as U+FFFD.


class Failing(io.RawIOBase):
    """A stream that takes nothing."""

    def __init__(self, error):
        self.error = error

    def writable(self):
        return True

    def write(self, data):
        raise self.error


@pytest.fixture
def stdout(monkeypatch):
    """Make stdout a stream of an encoding; return its bytes."""

    def make(encoding, errors="strict"):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors=errors))
        console.prepare()
        return raw

    return make


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_an_encoding_lacks_is_spelled_and_not_lost(encoding, stdout):
    raw = stdout(encoding)
    console.out(HARD)
    printed = raw.getvalue().decode(encoding)
    back = printed.strip().replace("é", "\\xe9").encode("ascii", "backslashreplace").decode()
    expected = plain(HARD).encode("ascii", "backslashreplace").decode()
    for simple, sign in ("- ", "\\u2013 "), ("+ ", "\\u2713 "):
        expected = expected.replace(sign, simple) if simple in back else expected
    assert back == expected


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_stays_json(encoding, stdout):
    raw = stdout(encoding)
    console.out(console.to_json({"answer": "Café – 東京 ✓ 😀"}))
    assert json.loads(raw.getvalue().decode(encoding)) == {"answer": "Café – 東京 ✓ 😀"}


@pytest.mark.parametrize("encoding", ["cp1252:strict", "cp437", "ascii"])
@pytest.mark.parametrize(
    "arguments", [("doctor",), ("models",), ("models", "gemini-3.8-live"), ("ask", "--help")]
)
def test_no_console_ends_a_command(encoding, arguments):
    codec = encoding.partition(":")[0]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "livewidget", *arguments],
        capture_output=True, timeout=60, cwd=ROOT, env=environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    assert len(done.stdout.decode(codec)) > 200


def test_an_answer_reaches_a_console_that_cannot_write_it():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "livewidget", "ask", "--offline", "what is 東京 ✓"],
        capture_output=True, timeout=60, cwd=ROOT, env=environment(PYTHONIOENCODING="cp437", PYTHONUTF8="0"),
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    you, tutor = done.stdout.decode("cp437").splitlines()
    assert you == "you: what is \\u6771\\u4eac +"
    assert tutor.startswith("tutor: Sorry")


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(5, "Input/output error")])
def test_what_cannot_be_written_is_one_sentence(error, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Failing(error)), "utf-8"))
    with pytest.raises(UsageError, match=f"The output cannot be written: {error.strerror}."):
        console.out("x")
    with pytest.raises(OSError, match=error.strerror):  # what is left in its buffer
        sys.stdout.close()


def test_errors_that_cannot_be_printed_are_no_errors(monkeypatch):
    gone = io.TextIOWrapper(Failing(BrokenPipeError()), "utf-8", write_through=True)
    for stream in (gone, None):
        monkeypatch.setattr(sys, "stderr", stream)
        console.say("No.")
    gone.detach()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux")
@pytest.mark.parametrize(
    "arguments", [("doctor",), ("models", "--json"), ("--help",), ("--version",), ("serve", "--no-tls")]
)
def test_a_full_disk_is_one_sentence(arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "livewidget", *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, cwd=ROOT, env=environment(),
        )  # fmt: skip
    assert done.returncode == 2
    assert one_sentence(done.stderr) == done.stderr.rstrip("\n")
    assert "The output cannot be written: No space left on device." in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="a shell")
@pytest.mark.parametrize("closing", ["1>&-", "2>&-", "1>&- 2>&-", "2>/dev/full"])
def test_closed_streams_are_no_traceback(closing):
    command = f"exec {sys.executable} -W error -m livewidget doctor {closing}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, cwd=ROOT, env=environment())
    assert done.returncode == 0
    assert done.stderr == b""
    assert bool(done.stdout) == ("1>&-" not in closing)


def test_the_sound_is_not_written_and_the_transcripts_are(tmp_path):
    done = livewidget("ask", "what is seven plus five", "-o", "/dev/full")
    assert done.returncode == 2
    assert one_sentence(done.stderr) == "livewidget: full cannot be written: No space left on device."
    assert done.stdout.endswith("tutor: Seven plus five is twelve.\n")


def test_what_is_printed_acts_on_no_terminal(capsys):
    """The kind: words of a server, a file or a device that move the cursor or write to the clipboard."""
    sly = "a\x1b[2J\x1b]52;c;eA==\x07\x9b31mb\u202ec\u200bd\ud800"
    console.out(sly)
    console.say(sly)
    console.out(console.to_json({"said": sly}))
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0] == "ab\\u202Ecd\ufffd"
    assert printed.err == "livewidget: ab\\u202Ecd\ufffd\n"
    assert json.loads(printed.out.splitlines()[1]) == {"said": sly}
    assert {letter for letter in printed.out if not letter.isprintable()} <= {"\n"}
