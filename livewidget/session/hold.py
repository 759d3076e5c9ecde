"""Keeps back what the user sends while the model waits for a tool and must not be disturbed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from livewidget.errors import LiveError
from livewidget.protocol import ClientMessage

#: Milliseconds of sound that are kept; beyond that the oldest gives way.
SOUND_MS: Final = 15_000.0
#: Messages without sound that are kept.
OTHERS: Final = 100

Send = Callable[[ClientMessage | str, float, bool], Awaitable[object]]


class Hold:
    """A bounded queue between the user and the connection, empty unless a call blocks.

    The models before 3 close with 1008, "Operation is not implemented", when they get sound or text while
    they wait for a result.

    Attributes:
        dropped_ms: Milliseconds of sound that had to give way.
    """

    def __init__(
        self,
        send: Callable[[ClientMessage | str, float, bool], Awaitable[object]],
        blocked: Callable[[], bool],
    ) -> None:
        """Take who sends what `send` gets, and who knows if a call blocks."""
        self.dropped_ms = 0.0
        self._send = send
        self._blocked = blocked
        self._kept: deque[tuple[ClientMessage | str, float, bool]] = deque()
        self._sound_ms = 0.0
        self._letting_go: asyncio.Task[None] | None = None

    async def send(self, message: ClientMessage | str, sound_ms: float = 0.0, voiced: bool = False) -> None:
        """Send a message, now or once no call blocks; in order.

        Args:
            message: For the model.
            sound_ms: How much sound it holds.
            voiced: Whether somebody may be speaking in it.
        """
        if not self._kept and not self._is_letting_go and not self._blocked():
            await self._send(message, sound_ms, voiced)
            return
        self._kept.append((message, sound_ms, voiced))
        self._sound_ms += sound_ms
        if self._sound_ms > SOUND_MS or len(self._kept) > OTHERS + SOUND_MS / 20:
            self._drop()
        self.look()

    def look(self) -> None:
        """Something has ended: if no call blocks any more, let go of what was kept."""
        if self._kept and not self._is_letting_go and not self._blocked():
            self._letting_go = asyncio.create_task(self._let_go(), name="livewidget held sound")

    async def close(self) -> None:
        """Forget what was kept."""
        self._kept.clear()
        if self._letting_go is not None:
            self._letting_go.cancel()
            await asyncio.wait([self._letting_go])

    @property
    def _is_letting_go(self) -> bool:
        return self._letting_go is not None and not self._letting_go.done()

    async def _let_go(self) -> None:
        while self._kept and not self._blocked():
            message, sound_ms, voiced = self._kept.popleft()
            self._sound_ms -= sound_ms
            try:
                await self._send(message, sound_ms, voiced)
            except LiveError:
                self._kept.clear()  # The session has ended, and has said why.

    def _drop(self) -> None:
        """The oldest sound gives way, else the oldest of all."""
        place = next((n for n, (_, sound_ms, _) in enumerate(self._kept) if sound_ms), 0)
        _, sound_ms, _ = self._kept[place]
        del self._kept[place]
        self._sound_ms -= sound_ms
        self.dropped_ms += sound_ms
