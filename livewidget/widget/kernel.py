"""What the widget asks of its kernel. Everything is feature-tested: there may be no kernel at all."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

SWITCH = "LIVEWIDGET_SUBSHELL_LANE"


def shell() -> Any:
    """Return the running IPython shell, or None. Imports nothing."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None


def kernel() -> Any:
    """Return the running ipykernel, or None."""
    return getattr(shell(), "kernel", None)


def keep_subshell_lane(comm: Any) -> bool:
    """Let the page's messages go to the subshell they are addressed to, whoever sent last on `comm`.

    ipykernel 7.4 routes a comm's messages to the shell that sent on it last: one message sent from a cell
    would move the microphone to the main shell, where it waits until the cell is done. Earlier versions have
    no such routing. Private to ipykernel, and so feature-tested; `LIVEWIDGET_SUBSHELL_LANE=0` leaves it
    alone.

    Returns:
        Whether there was a routing to put aside.
    """
    if os.environ.get(SWITCH) == "0" or not hasattr(comm, "_reply_subshell_for"):
        return False
    comm._reply_subshell_for = lambda data, default: default
    return True


def has_subshells() -> bool:
    """Whether the kernel can answer the page while a cell runs, if the front end asks for a subshell."""
    running = kernel()
    return bool(running is not None and getattr(running, "_supports_kernel_subshells", False))


def running_cell() -> tuple[str, str]:
    """Return the id of the cell that is being executed and of this execution of it; "" where not known."""
    running = kernel()
    if running is None:
        return "", ""
    try:
        parent = running.get_parent("shell")
        cell = (parent.get("metadata") or {}).get("cellId") or ""
        return str(cell), str(parent["header"]["msg_id"])
    except (AttributeError, KeyError, LookupError, TypeError):
        return "", ""


class CellWatch:
    """Knows whether a cell is running. A widget is mostly made by one, so it begins by assuming so.

    Attributes:
        running: True from the start of a cell to its end.
    """

    def __init__(self) -> None:
        self._shell = shell()
        self.running = False
        if self._shell is not None and kernel() is not None:
            self.running = True
            self._shell.events.register("pre_run_cell", self._began)
            self._shell.events.register("post_run_cell", self._ended)

    def _began(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self.running = True

    def _ended(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            self.running = False

    def close(self) -> None:
        """Stop watching; twice is allowed."""
        if self._shell is not None and kernel() is not None:
            for event, callback in (("pre_run_cell", self._began), ("post_run_cell", self._ended)):
                if callback in self._shell.events.callbacks.get(event, []):
                    self._shell.events.unregister(event, callback)
        self._shell = None
