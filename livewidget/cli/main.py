"""The command `livewidget`: which subcommand, and what its errors become."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

import livewidget
from livewidget.cli import ask, demo, doctor, models, serve
from livewidget.errors import LiveError, UsageError

# What scripts can rely on; `livewidget --help` prints it.
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
    """Return the parser of the whole command line."""
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
    """Run one command and return its exit code.

    Args:
        argv: The arguments after the command's name; None means those of this process.
    """
    arguments = parser().parse_args(argv)
    return ended(lambda: arguments.run(arguments))


def ended(run: Callable[[], int]) -> int:
    """Run a command; what it raises becomes an exit code and one sentence on stderr."""
    try:
        code = run()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _sorry("Interrupted.", INTERRUPTED)
    except UsageError as error:
        return _sorry(str(error), BAD_USE)
    except LiveError as error:
        return _sorry(str(error), FAILED)
    except BrokenPipeError:
        # Who read this command's output has gone: nothing can be said to anyone, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _sorry(sentence: str, code: int) -> int:
    """Print one sentence on stderr and return `code`."""
    print(f"livewidget: {' '.join(sentence.split())}", file=sys.stderr)
    return code
