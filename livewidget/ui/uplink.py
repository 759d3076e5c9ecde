"""What goes from the user to the session, in one order: sound, pictures, text, and the marks between them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from livewidget.pictures import Picture
from livewidget.session import LiveSession
from livewidget.ui.channels import STALE_MS

MOST_SOUND = int(STALE_MS / 40)  # chunks of 40 ms: all that the gate lets through may come at once
MOST_OTHER = 1000

#: What becomes of a picture; it is "cut off" where its session is exchanged for another meanwhile.
Fate = Literal["sent", "failed", "cut off"]
Step = Callable[[LiveSession], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class _Item:
    kind: str
    step: Step


class Uplink:
    """A bounded queue in front of a session. Old sound gives way.

    Attributes:
        dropped: How many chunks of sound were dropped because the session could not take them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._items: deque[_Item] = deque()
        self._sounds = 0
        self._more = asyncio.Event()

    def sound(self, pcm: bytes) -> None:
        """Queue a chunk of the user's voice: PCM16 mono at 16 kHz."""
        if self._sounds >= MOST_SOUND:
            self._drop_first("sound")
            self.dropped += 1
        self._sounds += 1
        self._put("sound", lambda session: session.send_audio(pcm))

    def picture(self, picture: Picture, text: str, done: Callable[[Fate], object]) -> None:
        """Queue a picture, with text right after it if there is any; `done` hears how that went."""

        async def step(session: LiveSession) -> None:
            try:
                await session.send_image(picture)
                if text:
                    await session.send_text(text)
            except BaseException as error:
                done("cut off" if isinstance(error, asyncio.CancelledError) else "failed")
                raise
            done("sent")

        if not self._put("picture", step):
            done("failed")

    def text(self, text: str) -> None:
        """Queue what was typed."""
        self._put("text", lambda session: session.send_text(text))

    def activity(self, active: bool) -> None:
        """Queue the beginning or end of push-to-talk."""
        self._put("mark", lambda session: session.activity_start() if active else session.activity_end())

    def pause(self) -> None:
        """Queue the news that the microphone pauses."""
        self._put("mark", lambda session: session.end_audio())

    async def drained(self) -> None:
        """Wait until all that is queued now has been handed to the session, or failed."""
        passed = asyncio.Event()

        async def step(session: LiveSession) -> None:
            passed.set()

        if self._put("mark", step):
            await passed.wait()

    async def run(self, session: LiveSession, failed: Callable[[Exception], object]) -> None:
        """Hand everything to `session`, one after the other, until cancelled."""
        while True:
            while self._items:
                item = self._items.popleft()
                self._sounds -= item.kind == "sound"
                try:
                    await item.step(session)
                except Exception as error:  # one thing that cannot be sent must not end the others
                    failed(error)
            self._more.clear()
            await self._more.wait()

    def _put(self, kind: str, step: Step) -> bool:
        if len(self._items) >= MOST_OTHER + MOST_SOUND:
            return False
        self._items.append(_Item(kind, step))
        self._more.set()
        return True

    def _drop_first(self, kind: str) -> None:
        for item in self._items:
            if item.kind == kind:
                self._items.remove(item)
                self._sounds -= kind == "sound"
                return
