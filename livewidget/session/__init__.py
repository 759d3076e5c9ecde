"""A session holds the conversation: tasks, queues, tool calls. Plain asyncio, on any event loop."""

from livewidget.session.live import LiveSession
from livewidget.session.resolve import connect, resolve

__all__ = ["LiveSession", "connect", "resolve"]
