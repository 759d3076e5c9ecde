"""Brings pictures to the session that is open, one a second, and tells the pages what became of each."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import Final

from livewidget.errors import UsageError
from livewidget.models import find
from livewidget.pictures import Picture, tokens_of
from livewidget.session.sending import need_sight
from livewidget.widget import messages as m
from livewidget.widget.bridge import Bridge
from livewidget.widget.microphone import STALE_MS
from livewidget.widget.sessions import Sessions
from livewidget.widget.sight import MOST_WAITING, Outcome, Shown, Sight
from livewidget.widget.uplink import Fate
from livewidget.widget.wording import now_ms

#: A page scales its frames down; no honest one is larger.
MOST_BYTES: Final = 4 * 2**20
WAIT_S: Final = 0.05
TOO_MANY: Final = (
    f"{MOST_WAITING} pictures are waiting already, and one a second is sent; wait a little, or put several "
    "into one."
)


class Projector:
    """What `LiveWidget.show` and the page's camera, screen and files have in common.

    `check` and `reserve` may be called from any thread; all else runs on the background loop.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge) -> None:
        """Show to the sessions of one talk; the pages of the bridge are told."""
        self._sessions = sessions
        self._bridge = bridge
        self._sight = Sight()
        self._lock = threading.Lock()
        self._reserved = 0

    def check(self) -> None:
        """Refuse pictures where the model takes none.

        Raises:
            UsageError: If so.
        """
        provider = self._sessions.provider
        need_sight(find(provider.model, provider.service))

    def reserve(self) -> None:
        """Keep a place for a picture that `show` will bring.

        Raises:
            UsageError: If too many wait.
        """
        with self._lock:
            if self._reserved + self._sight.waiting >= MOST_WAITING:
                raise UsageError(TOO_MANY)
            self._reserved += 1

    # --- In -------------------------------------------------------------------------------------------------

    def show(self, picture: Picture, text: str) -> None:
        """Send a picture for which a place is kept, in its turn, and `text` right after it."""
        with self._lock:
            self._reserved -= 1
            self._sight.show(Shown(picture, "python", text=text))

    def say(self, text: str) -> bool:
        """Keep text that belongs after pictures that wait; False where none do."""
        return self._sight.waiting > 0 and self._sight.show(Shown(None, "python", text=text))

    def frame(self, message: m.CameraFrame, number: int, data: bytes, age_ms: float) -> None:
        """Take a picture of the page's: a frame as it comes, a file in its turn."""
        picture = Picture(data, message.mime_type, message.width, message.height)
        shown = Shown(picture, message.source, number)
        if not 0 < len(data) <= MOST_BYTES:
            self._tell(Outcome(shown, False, "unreadable"))
        elif message.source != "file":
            if age_ms > STALE_MS:
                self._tell(Outcome(shown, False, "old"))
            else:
                self._sight.frame(shown)
        elif not self._sight.show(shown):
            self._tell(Outcome(shown, False, "full"))

    def shut(self) -> None:
        """Camera and screen are off."""
        self._sight.shut()

    def clear(self) -> None:
        """The talk has ended."""
        self._sight.clear()

    # --- Out ------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Send what is due, if a session is open; to be called about twenty times a second."""
        uplink = self._sessions.uplink
        if uplink is None or not self._sessions.is_current:
            return
        for outcome in self._sight.due(now_ms()):
            shown = outcome.shown
            if shown.picture is None:
                uplink.text(shown.text)
            elif outcome.sends:
                uplink.picture(shown.picture, shown.text, partial(self._done, outcome))
            else:
                self._tell(outcome)

    async def emptied(self) -> None:
        """Wait until all that was shown on purpose has been sent, in its order."""
        uplink = self._sessions.uplink
        self.pump()
        while self._sight.waiting and self._sessions.uplink is uplink:
            await asyncio.sleep(WAIT_S)
            self.pump()
        if uplink is None:
            return
        drained = asyncio.ensure_future(uplink.drained())
        while not drained.done() and self._sessions.uplink is uplink:
            await asyncio.wait([drained], timeout=WAIT_S)
        drained.cancel()  # where the talk has ended, nothing is handed over any more

    def _done(self, outcome: Outcome, fate: Fate) -> None:
        if fate == "sent":
            self._sight.sent(now_ms())
            self._tell(outcome)
        else:
            self._sight.unsent(again=fate == "cut off")

    def _tell(self, outcome: Outcome) -> None:
        shown = outcome.shown
        assert shown.picture is not None
        tokens = tokens_of(self._sessions.config.media_resolution)
        view = m.Picture(
            source=shown.source,
            number=shown.number,
            mime_type=shown.picture.mime_type,
            width=shown.picture.width,
            height=shown.picture.height,
            tokens=tokens if outcome.sends else 0,
            sent=outcome.sends,
            reason=outcome.reason,
        )
        # A page has the bytes of its own pictures.
        self._bridge.picture(view, shown.picture.data if shown.source == "python" else b"")
