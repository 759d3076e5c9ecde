"""A session holds the conversation: tasks, queues, tool calls. Plain asyncio, on any event loop."""

from livewidget.session.endurance import Endurance
from livewidget.session.live import LiveSession
from livewidget.session.moving import SAME
from livewidget.session.resolve import connect, resolve
from livewidget.session.toolbox import offer
from livewidget.session.wire import Frame, WireLog

__all__ = ["SAME", "Endurance", "Frame", "LiveSession", "WireLog", "connect", "offer", "resolve"]
