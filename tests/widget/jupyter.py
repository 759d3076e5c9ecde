"""A front end without Jupyter: comms that keep what is sent, and a page on one of them."""

import threading
import time

import comm.base_comm
import pytest

from livewidget.ui import messages as m
from tests.ui.page import Page as PageSide


class Comm(comm.base_comm.BaseComm):
    """Keeps what the kernel sends; hands in what a page sends."""

    def __init__(self, *args, **kwargs):
        self.sent = []
        self.listener = None
        self.closed = False
        super().__init__(*args, **kwargs)

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        self.sent.append((msg_type, data, buffers))
        self.closed = self.closed or msg_type == "comm_close"
        if self.listener is not None and data and data.get("method") == "custom":
            self.listener(data["content"], buffers or [])

    def page_says(self, content, buffers=(), method="custom", **more):
        data = {"method": method, "content": content, **more}
        self.handle_msg({"content": {"data": data}, "buffers": list(buffers)})


class WidgetPage(PageSide):
    """A page on a widget. It reports four times a second from a thread, as a page does."""

    def __init__(self, live, client="page"):
        self.live = live
        self.changed = threading.Condition()
        self._ended = threading.Event()

        class Link:
            bridge = None
            now = 0.0

        super().__init__(Link(), client)
        live.comm.listener = self._deliver
        self.send(m.Hello(client=client, last_seq=0))
        self._reporter = threading.Thread(target=self._report, daemon=True)
        self._reporter.start()

    def send(self, message, buffers=()):
        lane = next(place[0] for place, cls in m.FROM_PAGE.items() if cls is type(message))
        with self.changed:
            self.seq[lane] += 1
            ack = self.control.last if self.control else 0
            envelope = m.Envelope(
                epoch=self.epoch, seq=self.seq[lane], ack=ack, message=message, client=self.client
            )
            self.live.comm.page_says(m.encode(envelope), buffers)

    def _deliver(self, content, buffers):
        with self.changed:
            self.deliver(content, [bytes(buffer) for buffer in buffers])
            self.changed.notify_all()

    def _report(self):
        while not self._ended.wait(0.1):
            if self.reporting and self.live.comm is not None:
                self.report()

    def leave(self):
        self._ended.set()
        self._reporter.join(5)

    def wait_for(self, kind, test=lambda message: True, timeout=10.0):
        """Wait until a message of `kind` was acted on; returns it."""

        def found():
            return next(
                (message for message in self.seen if isinstance(message, kind) and test(message)), None
            )

        with self.changed:
            assert self.changed.wait_for(found, timeout), f"no {kind.__name__} in {timeout} s"
            return found()

    def hear(self, samples, timeout=10.0):
        """Wait until so many samples of voice have come."""

        def enough():
            return sum(len(data[0]) // 2 for message, data in self.heard if data) >= samples

        with self.changed:
            assert self.changed.wait_for(enough, timeout)


@pytest.fixture
def comms(monkeypatch):
    """Comms of this front end instead of none; the package's own way to say so."""
    made = []

    def create(*args, **kwargs):
        made.append(Comm(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr("comm.create_comm", create)
    return made


def until(condition, timeout=10.0):
    """Wait for what no event tells of; fails after `timeout` seconds."""
    deadline, nothing = time.monotonic() + timeout, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        nothing.wait(0.01)


def end(live):
    """Close a widget, and wait until it is."""
    live.close()
    until(lambda: live._controller.is_closed)


def threads():
    """Count the threads that somebody started for a purpose.

    Not those of a loop's own pool: it starts one more whenever a piece of work finds none idle, which depends on
    the machine's load, up to a small number of its own; and keeps them.
    """
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())
