"""Work that nobody waits for: owned until it ends, and its failure said under the widget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from livewidget.errors import StateError
from livewidget.widget.background import Background
from livewidget.widget.wording import code_of, sentence_of


class Chores:
    """Starts work on the background loop, from its thread."""

    def __init__(self, background: Background, notice: Callable[[str, str, str], object]) -> None:
        self._background = background
        self._notice = notice
        self._told: BaseException | None = None

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start `work`; what it raises becomes a notice."""

        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # it has nowhere else to go than under the widget
                self.failed(error)

        return self._background.spawn(guarded(), "livewidget")

    def failed(self, error: Exception) -> None:
        """Say what went wrong, once. That it was too early or too late for it is not worth a notice."""
        if not isinstance(error, StateError) and error is not self._told:
            self._told = error
            self._notice("error", code_of(error), sentence_of(error))
