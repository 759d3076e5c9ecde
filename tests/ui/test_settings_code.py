"""The code that the explorer of a page shows makes what the page has set."""

import pytest

from livewidget import StandIn
from livewidget.ui import messages as m
from tests.config.test_code_program import STATES
from tests.widget.jupyter import comms

from .test_settings import apply, made, pages

__all__ = ["comms", "made", "pages"]
pytestmark = pytest.mark.usefixtures("comms")


@pytest.mark.parametrize("number", range(8))
def test_the_code_that_a_page_is_shown_makes_what_the_changes_make(made, pages, number):
    model, values = [one for one in STATES if one[0].service != "vertex"][number]
    live = made(StandIn())
    page = pages(live)
    if model.id != "offline-tutor":
        values = {"model": model.id} | values
    page.send(m.Configure(changes=tuple(m.Change(name=name, value=values[name]) for name in values)))
    settings = page.wait_for(m.Settings, lambda settings: settings.pending)
    assert settings.errors == {}
    names = {}
    exec(settings.code, names)
    applied = apply(page)
    assert names["live"].config == live.config
    assert names["live"].code() == live.code() == applied.code == settings.code
    names["live"].close()
