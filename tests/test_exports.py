import subprocess
import sys

import pytest

import livewidget

HEAVY = ("matplotlib", "ipywidgets", "anywidget", "IPython", "numpy", "websockets", "google", "asyncio")


def in_a_new_python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_there_are_at_most_thirty_names():
    assert len(livewidget.__all__) <= 30
    assert sorted(livewidget.__all__) == livewidget.__all__


@pytest.mark.parametrize("name", livewidget.__all__)
def test_every_name_leads_somewhere(name):
    assert getattr(livewidget, name).__name__ == name
    assert name in dir(livewidget)


def test_importing_the_package_loads_nothing_heavy():
    code = f"import livewidget, sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert in_a_new_python(code) == "[]"


def test_a_session_needs_no_jupyter():
    code = "import sys; from livewidget import connect, Turn; print([n for n in ('anywidget', 'IPython') if n in sys.modules])"
    assert in_a_new_python(code) == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'LiveWigdet'"):
        livewidget.LiveWigdet  # noqa: B018
