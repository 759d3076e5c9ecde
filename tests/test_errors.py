"""The tree in the docstring is the tree of the classes."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from livewidget import errors
from livewidget.errors import LiveError, ServiceError

CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if inspect.isclass(cls) and issubclass(cls, Exception) and cls.__module__ == errors.__name__
}


def drawn() -> dict[str, str | None]:
    """Every class of the drawing, with the class it hangs from."""
    parents: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"    ((?:│   |    )*)(?:[├└]── )?([A-Z]\w+)", line)
        if match is None or ("──" not in line and line.strip() != "LiveError"):
            continue
        depth = len(match[1]) // 4 + ("──" in line)
        del above[depth:]
        parents[match[2]] = above[-1] if above else None
        above.append(match[2])
    return parents


def test_the_drawing_is_the_tree() -> None:
    tree = drawn()
    assert len(tree) >= 18
    assert set(tree) == set(CLASSES)
    for name, parent in tree.items():
        bases = {base.__name__ for base in CLASSES[name].__bases__}
        assert (parent or "Exception") in bases, name


def test_builtins_that_others_catch() -> None:
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.AnswerTimeout, TimeoutError)


@pytest.mark.parametrize("cls", CLASSES.values(), ids=lambda cls: cls.__name__)
def test_every_error_says_what_it_was_told_and_why_it_exists(cls: type[LiveError]) -> None:
    assert str(cls("One sentence.")) == "One sentence."
    assert cls.__doc__


def test_what_the_server_said_is_kept() -> None:
    error = errors.SetupRefused("No.", code=1007, reason="Request contains an invalid argument.")
    assert isinstance(error, ServiceError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.code, again.reason) == (str(error), error.code, error.reason)


def test_a_notebook_shows_one_line_and_no_traceback(capsys) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("%xmode Verbose\nsecret = 'in a local variable'")
    capsys.readouterr()
    shell.run_cell("from livewidget import LiveConfig\n\nLiveConfig.from_kwargs(voise='Puck')")
    shown = capsys.readouterr().out.strip()
    assert shown == "ConfigError in line 3: A session has no option 'voise'; did you mean voice?"
    # Another error shows where it was raised, which is the negative control.
    shell.run_cell("[][1]")
    assert "Traceback" in capsys.readouterr().out


def test_notes_of_an_error_are_shown_as_well() -> None:
    error = LiveError("What happened.")
    error.add_note("In the second cell.")
    assert error._render_traceback_() == ["LiveError: What happened.", "In the second cell."]


def test_a_message_acts_on_no_terminal():
    """The kind: a server's, a tool's or a file's name in an error that is printed."""
    error = LiveError("no: a\x1b]52;c;eA==\x07\x9b2Jb\u202ec\u200bd")
    assert str(error) == "no: ab\\u202Ecd"
    assert error._render_traceback_() == ["LiveError: no: ab\\u202Ecd"]
    assert str(LiveError()) == ""
