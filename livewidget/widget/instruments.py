"""What a learner reads and turns on a `LiveWidget`: its settings, the meter, the wire."""

from __future__ import annotations

import os
import pathlib
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from livewidget.config import LiveConfig
from livewidget.errors import UsageError
from livewidget.session import Frame
from livewidget.session.meter import Meter
from livewidget.widget.talk import Talk


class Instruments:
    """Settings, meter and wire of the talk that the widget shows. Nothing here waits for the service."""

    _talk: Talk

    @abstractmethod
    def _hop(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the background loop, soon."""

    @abstractmethod
    def _catch_up(self) -> None:
        """Wait the moment until the background loop has begun with all that was asked of it before."""

    # --- Settings -------------------------------------------------------------------------------------------

    @property
    def config(self) -> LiveConfig:
        """What the session is asked to be."""
        self._catch_up()
        return self._talk.sessions.config

    def configure(self, **changes: Any) -> None:
        """Change what the session is asked to be; returns at once.

        The talk goes on, over a new connection where it must. If the service refuses, the reason stands under
        the widget and the talk goes on as it was.

        Args:
            **changes: Keywords as of `LiveWidget`, each in place of what was said before: `voice="Puck"`.
                `model="…"` is another model of the same service; it is told what was said, where it can be.

        Raises:
            ConfigError: It cannot be; the sentence says why, and nothing is changed.
        """
        self._catch_up()  # Or an earlier change would not count in what is checked.
        self._talk.exploration.changed(changes)
        self._hop(self._talk.configure, changes)

    def code(self) -> str:
        """Return the Python that makes exactly this session: what "Copy as code" gives. No key is in it."""
        self._catch_up()
        return self._talk.exploration.code()

    # --- Meter and wire -------------------------------------------------------------------------------------

    @property
    def meter(self) -> Meter | None:
        """What the talk has used, about what it cost, and how long its connection lasts; None before it.

        The price is an estimate, by published prices of the day that it names.
        """
        session = self._talk.sessions.current
        return None if session is None else session.meter

    @property
    def wire(self) -> list[Frame]:
        """The last frames of the session both ways, oldest first: without sound, pictures and secrets."""
        log = self._talk.sessions.wire
        return [] if log is None else log.frames

    def save_wire(self, path: str | os.PathLike[str]) -> None:
        """Write the frames of `wire` to a file, one JSON object a line.

        Raises:
            UsageError: If the file cannot be written.
        """
        text = "".join(f"{frame.line()}\n" for frame in self.wire)
        try:
            pathlib.Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"The frames cannot be saved there ({type(error).__name__}); name a file in your folder."
            ) from None
