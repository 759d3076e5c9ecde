"""A session holds the conversation: tasks, queues, tool calls. Plain asyncio, on any event loop."""

from livewidget.session.live import LiveSession
from livewidget.session.resolve import connect, resolve
from livewidget.session.toolbox import offer
from livewidget.session.wire import Frame, WireLog

__all__ = ["Frame", "LiveSession", "WireLog", "connect", "offer", "resolve"]
