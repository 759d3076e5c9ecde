"""What happens in a session, folded into its turns and told to everybody who listens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from livewidget import events
from livewidget.clock import Clock
from livewidget.events import Event
from livewidget.models import Model
from livewidget.session.answers import Answers
from livewidget.session.listeners import Sinks, Streams
from livewidget.tools import failure
from livewidget.turns import Record, Turn, record_for

_log = logging.getLogger("livewidget.session")


class Telling:
    """Keeps the turns of a talk, and tells of every event."""

    def __init__(self, model: Model, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self._conversation: Record = record_for(model)
        self._answers = Answers()
        self._sinks: Sinks[Event] = Sinks()
        self._turn_sinks: Sinks[Turn] = Sinks()
        self._streams = Streams()
        self._noticed: set[str] = set()

    def _take(self, event: Event) -> list[Turn]:
        """Fold an event into the turns, tell everybody, and return the turns it changed."""
        inferred = self._conversation.infer(event, self._clock.now_ms())
        if inferred is not None:
            self._take(inferred)
        before = self._conversation.model_turn
        changed = self._conversation.fold(event, self._clock.now_ms())
        self._folded(event, before)
        self._answers.hear(changed)
        self._tell_turns(changed)
        raised = self._sinks.tell(event)
        self._streams.put(event)
        self._callbacks_failed(raised)
        return changed

    def _folded(self, event: Event, before: int | None) -> None:
        """An event has changed the turns; `before` it, that was the model's open turn."""

    def _tell_turns(self, changed: Sequence[Turn]) -> None:
        for turn in changed:
            self._callbacks_failed(self._turn_sinks.tell(turn))

    def _callbacks_failed(self, raised: Sequence[Exception]) -> None:
        """Say that callbacks failed, each kind once: one that fails does so with this notice too."""
        for error in raised:
            text = f"A callback failed: {failure(error).rstrip('.')}."
            if text not in self._noticed:
                _log.warning(text, exc_info=error)
            self._notice_once("error", "callback-failed", text)

    def _notice_once(self, level: Any, code: str, text: str) -> None:
        if text not in self._noticed and len(self._noticed) < 100:
            self._noticed.add(text)
            self._notice(level, code, text)

    def _notice(self, level: Any, code: str, text: str) -> None:
        self._take(events.Notice(level=level, code=code, text=text))
