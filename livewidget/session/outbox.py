"""Keeps back what the user sends while the model waits for a tool and must not be disturbed.

What the user sends, remembered until the model has taken it in: so that it outlives a connection.

The service remembers a talk as it was when the last turn was complete. What was sent since then, and not
answered, is sent again over the next connection: typed text, pictures, the sound of a question. What was
answered is not, or the model would hear it twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from livewidget.errors import LiveError, StateError
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


Kind = Literal["sound", "text", "picture", "mark", "result", "other"]

#: Sound remembered at most, and of it that which has been taken in already: a start of speech is told late.
REPLAY_SOUND_MS: Final = 60_000.0
TAKEN_MS: Final = 3_000.0
#: Sound before a voice that goes with it.
BEFORE_MS: Final = 500.0
#: So far a transcript is behind what is said.
BEHIND_MS: Final = 1_000.0
#: Silence that parts one utterance from the next.
PAUSE_MS: Final = 1_000.0
#: Nobody is heard to speak who has been silent so long.
RECENT_MS: Final = 3_000.0
#: Texts, marks and results that may wait.
REPLAY_OTHERS: Final = 200


@dataclass(slots=True)
class Item:
    """One message to the model.

    Attributes:
        number: Order of sending.
        kind: "sound"; "text" that asks for an answer; "picture"; "mark": start or end of speech, or of the
            sound; "result" of a call; "other" messages are not sent again.
        message: As it is sent.
        ms: Length of a sound.
        voiced: Whether somebody may be speaking in it.
        call: Id of the call whose result it is.
        due: Whether it is still to be sent.
    """

    number: int
    kind: Kind
    message: ClientMessage | str
    ms: float = 0.0
    voiced: bool = False
    call: str | None = None
    due: bool = True


class Upstream:
    """Messages in order: those that wait to be sent, and those that may have to be sent again.

    Attributes:
        lost_ms: Sound that waited and had to give way.
        faults: How often the server failed since it last took anything in; set by who knows.
    """

    def __init__(self) -> None:
        self.lost_ms = 0.0
        self.faults = 0
        self._items: deque[Item] = deque()
        self._sound_ms = 0.0
        self._others = 0
        self._next = 0
        self._mark = 0  # What has a lower number was taken in.
        self._spoken = 0  # Sound with a lower number needs no answer any more.

    def add(
        self,
        kind: Kind,
        message: ClientMessage | str,
        *,
        ms: float = 0.0,
        voiced: bool = False,
        call: str | None = None,
    ) -> Item:
        """Take in one message; it is due.

        Raises:
            StateError: If too much waits already.
        """
        if kind != "sound" and self._others >= REPLAY_OTHERS:
            self._trim()
            if self._others >= REPLAY_OTHERS:
                raise StateError("Too much waits to be sent; wait until the connection is back.")
        item = Item(self._next, kind, message, ms, voiced, call)
        self._next += 1
        self._items.append(item)
        if kind == "sound":
            self._sound_ms += ms
            while self._sound_ms > REPLAY_SOUND_MS:
                self._drop_sound()
        else:
            self._others += 1
        return item

    def due(self) -> Item | None:
        """Return the first message that is still to be sent."""
        return next((item for item in self._items if item.due), None)

    # --- What the model has taken in ------------------------------------------------------------------------

    def taken(self) -> None:
        """The model answers, or has chosen not to: it has heard all that was sent."""
        self.faults = 0
        self._mark = next((item.number for item in self._items if item.due), self._next)
        self._trim()

    def typed(self) -> None:
        """Text is sent next, which is answered in place of what was said before it."""
        self._spoken = self._next

    def speaking(self) -> None:
        """A start of speech was announced, some time after it: what is being said is not taken in."""
        self._mark = min(self._mark, self._before(self._utterance()))

    def written(self) -> None:
        """What was said is in a transcript, but for the last moment: that takes its time."""
        behind_ms, first = 0.0, self._next
        for item in reversed(self._items):
            behind_ms += item.ms
            if behind_ms > BEHIND_MS:
                break
            first = item.number
        self._mark = max(self._mark, first)
        self._trim()

    def settled(self) -> None:
        """The model's turn is over and nobody has asked: only what may be being said now is not taken in."""
        self.faults = 0
        self._mark = max(self._mark, self._before(self._utterance()))
        self._trim()

    # --- Another connection ---------------------------------------------------------------------------------

    def again(self, *, asked: bool) -> bool:
        """What was sent is lost where it has not been taken in: let that be due which is worth it.

        Args:
            asked: Whether the model is known to have noticed that somebody spoke or typed.

        Returns:
            Whether words are among it.
        """
        heard = max(self._mark, self._spoken)
        sounds = [item for item in self._items if item.kind == "sound" and item.number >= heard]
        first = next((item.number for item in sounds if item.voiced), None) if asked else None
        if asked and first is None and sounds and not any(item.kind == "text" for item in self._items):
            first = sounds[0].number  # Too soft to be noticed here.
        if not asked and sounds:
            first = self._utterance()
        start = self._next if first is None else max(self._before(max(first, heard)), heard)
        pictures = [item.number for item in self._items if item.kind == "picture"]
        words = False
        for item in self._items:
            if item.number < self._mark or item.due:
                continue
            match item.kind:
                case "sound":
                    item.due = item.number >= start
                    words = words or (item.due and item.voiced)
                case "text":
                    item.due = words = True
                case "picture":
                    item.due = item.number == pictures[-1]
                case "mark":
                    item.due = item.number >= start or _begins(item)
        return words or any(item.due and item.kind == "text" for item in self._items)

    def drop_results(self, kept: Iterable[str]) -> list[str]:
        """Forget results that wait, but those of the calls `kept`; returns the ids of the others."""
        kept = set(kept)
        dropped = [
            item for item in self._items if item.kind == "result" and item.due and item.call not in kept
        ]
        for item in dropped:
            item.due = False
        return [item.call for item in dropped if item.call]

    # --- Inner ----------------------------------------------------------------------------------------------

    def _utterance(self) -> int:
        """Return the number of the first sound of what is being said now; the next one where nothing is."""
        silent_ms, first = 0.0, self._next
        for item in reversed(self._items):
            if item.kind != "sound":
                continue
            silent_ms = 0.0 if item.voiced else silent_ms + item.ms
            if item.voiced:
                first = item.number
            if silent_ms >= (RECENT_MS if first == self._next else PAUSE_MS):
                break
        return first

    def _before(self, number: int) -> int:
        """Return the number of the sound that comes a little before that one; of none, the same."""
        before, first = 0.0, number
        if number == self._next:
            return number
        for item in reversed(self._items):
            if item.kind == "sound" and item.number < number:
                before += item.ms
                if before > BEFORE_MS:
                    break
                first = item.number
        return first

    def _trim(self) -> None:
        """Forget what was taken in, but for a little sound."""
        taken = 0.0
        kept: deque[Item] = deque()
        for item in reversed(self._items):
            sound = item.kind == "sound"
            if item.number < self._mark and not item.due:
                taken += item.ms
                if not sound or taken > TAKEN_MS:
                    self._sound_ms -= item.ms
                    self._others -= not sound
                    continue
            kept.appendleft(item)
        self._items = kept

    def _drop_sound(self) -> None:
        """Let the oldest sound give way."""
        oldest = next(item for item in self._items if item.kind == "sound")
        self._items.remove(oldest)
        self._sound_ms -= oldest.ms
        self.lost_ms += oldest.ms * oldest.due


def kind_of(message: ClientMessage | str) -> Kind:
    """Return what kind of message it is; one that is encoded already is sound."""
    if isinstance(message, str):
        return "sound"
    sent = message.realtime_input
    if sent is not None:
        if sent.text is not None:
            return "text"
        return "picture" if sent.video is not None else "mark"
    content = message.client_content
    if content is not None and content.turns and content.turn_complete:
        return "text"
    return "result" if message.tool_response is not None else "other"


def _begins(item: Item) -> bool:
    """Tell whether a mark says that the user begins to speak."""
    sent = item.message.realtime_input if isinstance(item.message, ClientMessage) else None
    return sent is not None and sent.activity_start is not None
