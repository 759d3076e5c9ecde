"""The command `livewidget`: parses the arguments, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, TextIO

import livewidget
from livewidget.cli import ask, console, demo, doctor, models, serve, talk
from livewidget.errors import LiveError, UsageError

#: Exit codes that scripts can rely on; printed by `livewidget --help`.
FAILED = 1
BAD_USE = 2
INTERRUPTED = 130

EXIT_CODES = """\
exit codes:
    0  done; for `ask`: answered
    1  no answer: the service, the network or the time given
    2  wrong use: an argument, a file, a missing key or a missing part
    3  `ask` only: nothing was heard or understood in the recording
  130  interrupted with Ctrl+C
"""


class _Parser(argparse.ArgumentParser):
    """Prints help as the commands print; argparse would keep silent where it cannot be written."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message and file is sys.stdout:
            console.out(message.removesuffix("\n"))
        elif message:
            console.show(message)


def parser() -> argparse.ArgumentParser:
    """Return the parser with all subcommands."""
    top = _Parser(
        prog="livewidget",
        description="Talk with a live model: in a notebook, from a recording, from a script.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"livewidget {livewidget.__version__}")
    commands = top.add_subparsers(
        dest="command", required=True, metavar="ask | demo | doctor | models | serve | talk"
    )
    for command in (ask, demo, doctor, models, serve, talk):
        command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` None: the arguments of this process."""
    console.prepare()
    return run_command(lambda: _parse_and_run(argv))


def _parse_and_run(argv: Sequence[str] | None) -> int:
    arguments = parser().parse_args(argv)
    code: int = arguments.run(arguments)
    return code


def run_command(run: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error is printed as one sentence on stderr."""
    try:
        try:
            code = run()
        except SystemExit as ended:  # argparse has printed help or an error
            code = ended.code if isinstance(ended.code, int) else FAILED
        console.flush()
        return code
    except KeyboardInterrupt:
        return _print_error("Interrupted.", INTERRUPTED)
    except UsageError as error:
        return _print_error(str(error), BAD_USE)
    except LiveError as error:
        return _print_error(str(error), FAILED)
    except BrokenPipeError:  # the reader of stdout has closed it
        console.silence(sys.stdout)
        return FAILED
    except OSError as error:
        if not _fails(sys.stdout):
            raise
        console.silence(sys.stdout)
        return _print_error(f"The output cannot be written: {console.reason(error)}.", BAD_USE)


def _fails(stream: TextIO | None) -> bool:
    """Return whether a stream cannot be written."""
    try:
        if stream is not None:
            stream.flush()
    except OSError:
        return True
    return False


def _print_error(sentence: str, code: int) -> int:
    """Print one sentence on stderr and return `code`."""
    console.say(sentence)
    return code
