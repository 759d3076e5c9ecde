"""Which widgets a cell has made: running the cell again closes those of its last run."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol

from livewidget.widget.kernel import running_cell


class Closable(Protocol):
    """What can be closed."""

    def close(self) -> None:
        """Close it; twice is allowed."""


_lock = threading.Lock()
_made: dict[str, tuple[str, list[weakref.ref[Closable]]]] = {}


def enter(widget: Closable) -> None:
    """Note that the running cell made `widget`, and close what an earlier run of the same cell made.

    Without a cell (a script, a front end that names none) nothing is closed: there the page's lease ends a
    session.
    """
    cell, execution = running_cell()
    if not cell:
        return
    with _lock:
        before, widgets = _made.get(cell, (execution, []))
        old = [] if before == execution else widgets
        kept = widgets if before == execution else []
        _made[cell] = (execution, [*(ref for ref in kept if ref() is not None), weakref.ref(widget)])
    for ref in old:
        if (former := ref()) is not None:
            former.close()
