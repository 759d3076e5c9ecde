"""Runs the tools that a model calls: each in a thread or as a coroutine, with an end to every wait."""

from livewidget.session.toolbox.asking import Confirm
from livewidget.session.toolbox.box import REMEMBERED, Toolbox
from livewidget.session.toolbox.call import CALLS
from livewidget.session.toolbox.manner import offer

__all__ = ["CALLS", "REMEMBERED", "Confirm", "Toolbox", "offer"]
