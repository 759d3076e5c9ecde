"""Widgets whose explorer is open in a page, and what is done in it."""

import pytest

from livewidget import LiveWidget
from livewidget.ui import messages as m
from tests.widget.jupyter import WidgetPage, until
from tests.widget.test_live import tutor

LOOK = m.ExplorerState(open=True, wire=False, tuner=False)
AWAY = m.ExplorerState(open=False, wire=False, tuner=False)


@pytest.fixture
def made():
    """Make widgets that are closed in the end."""
    widgets = []

    def make(provider=None, **config):
        widgets.append(LiveWidget(provider or tutor(), **config))
        return widgets[-1]

    yield make
    for widget in widgets:
        widget.close()
    for widget in widgets:
        until(lambda widget=widget: widget._controller.is_closed)


@pytest.fixture
def pages():
    opened = []

    def open_(live, client="page", look=True):
        page = WidgetPage(live, client)
        opened.append(page)
        page.wait_for(m.Welcome)
        if look:
            page.send(LOOK)
            page.wait_for(m.Settings)
        return page

    yield open_
    for page in opened:
        page.leave()


def after(page, message, test=lambda settings: True):
    """Send something; returns the settings that follow it and pass the test."""
    before = len(page.of(m.Settings))
    page.send(message)
    until(lambda: any(test(settings) for settings in page.of(m.Settings)[before:]))
    return next(settings for settings in page.of(m.Settings)[before:] if test(settings))


def change(page, **changes):
    """Change settings in the page; returns what the kernel makes of it."""
    named = {name.replace("__", "."): value for name, value in changes.items()}
    asked = tuple(m.Change(name=name, value=value) for name, value in named.items())
    return after(page, m.Configure(changes=asked))


def apply(page):
    return after(page, m.Apply(), lambda settings: not settings.pending)


def setup(live):
    """The setup frame of the connection that is open, as it passed the wire."""
    return next(frame.json["setup"] for frame in reversed(live.wire) if frame.kind == "setup")


def talk(live, text="hello"):
    assert live.ask(text, 20).text == f"You said {text}"


def len_of(text: str) -> int:
    """Count."""
    return len(text)
