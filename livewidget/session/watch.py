"""Notices when a model that was asked says nothing at all."""

from __future__ import annotations

from livewidget.turns import Floor


class Watch:
    """Measures how long the server has been silent while it owes an answer; tells it once a question."""

    def __init__(self, patience_ms: float) -> None:
        self._patience_ms = patience_ms
        self._since: float | None = None
        self._told = False

    @property
    def text(self) -> str:
        """What to tell the person."""
        return (
            f"The model has not answered for {self._patience_ms / 1000:g} s, though there is a connection: "
            "ask again, or stop and start anew. A model that may choose to stay silent may have done so."
        )

    def heard(self, now_ms: float) -> None:
        """The server has said something."""
        self._since = now_ms

    def tick(self, floor: Floor, now_ms: float) -> bool:
        """Time has passed; returns whether there is something to tell now."""
        if floor is not Floor.THINKING:
            self._since, self._told = None, False
            return False
        if self._since is None:
            self._since = now_ms
        late = now_ms - self._since >= self._patience_ms and not self._told
        self._told = self._told or late
        return late
