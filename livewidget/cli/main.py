"""The command `livewidget`: parses the arguments, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import livewidget
from livewidget.cli import ask, demo, doctor, models, serve
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


def parser() -> argparse.ArgumentParser:
    """Return the parser with all subcommands."""
    top = argparse.ArgumentParser(
        prog="livewidget",
        description="Talk with a live model: in a notebook, from a recording, from a script.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"livewidget {livewidget.__version__}")
    commands = top.add_subparsers(
        dest="command", required=True, metavar="ask | demo | doctor | models | serve"
    )
    for command in (ask, demo, doctor, models, serve):
        command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` None: the arguments of this process."""
    arguments = parser().parse_args(argv)
    return run_command(lambda: arguments.run(arguments))


def run_command(run: Callable[[], int]) -> int:
    """Run a command and return its exit code; an error is printed as one sentence on stderr."""
    try:
        code = run()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _print_error("Interrupted.", INTERRUPTED)
    except UsageError as error:
        return _print_error(str(error), BAD_USE)
    except LiveError as error:
        return _print_error(str(error), FAILED)
    except BrokenPipeError:
        # The reader of stdout has closed it. Redirect it, or flushing it at exit would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _print_error(sentence: str, code: int) -> int:
    """Print one sentence on stderr and return `code`."""
    print(f"livewidget: {' '.join(sentence.split())}", file=sys.stderr)
    return code
