"""A session holds the conversation: tasks, queues, tool calls. Plain asyncio, on any event loop."""

from livewidget.session.client import connect, resolve
from livewidget.session.session import SAME, LiveSession
from livewidget.session.supervisor import ReconnectPolicy
from livewidget.session.tool_runner import prepare_tools
from livewidget.session.wire_log import Frame, WireLog

__all__ = [
    "SAME",
    "Frame",
    "LiveSession",
    "ReconnectPolicy",
    "WireLog",
    "connect",
    "prepare_tools",
    "resolve",
]
