"""What the model is shown, and when: pictures of Python and files in their order, frames as they come.

One picture a second is sent, as the service takes them. Which frames of camera and screen are worth sending
is decided in the page (`ChangeGate` in frames.ts); no picture is decoded here.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from livewidget.clock import Clock
from livewidget.errors import LiveError, UsageError
from livewidget.pictures import INTERVAL_MS, Picture, tokens_of
from livewidget.session import LiveSession
from livewidget.session.outbox import OutboxItem, require_vision
from livewidget.ui.bridge import Bridge, CapturedFrame
from livewidget.ui.channels import STALE_MS
from livewidget.ui.messages import PictureSource, PictureView, ServiceImage
from livewidget.ui.sessions import Sessions
from livewidget.ui.state import BackgroundTasks

#: Pictures that may wait for their second. What is shown on purpose is never dropped.
MAX_WAITING: Final = 8
#: A page scales its pictures down first. Chosen: many times the size of what it makes of them.
MAX_BYTES: Final = 4 * 2**20
#: How often a waiting `emptied` looks again: as often as the controller's tick.
_WAIT_S: Final = 0.05
TOO_MANY: Final = (
    f"{MAX_WAITING} pictures are waiting already, and one a second is sent; wait a little, or put several "
    "into one."
)


@dataclass(frozen=True, slots=True)
class QueuedImage:
    """A picture on its way, or only the text that is to follow the pictures before it.

    Attributes:
        picture: None where there is only text.
        source: Where it comes from.
        number: The page's number for it; 0 from Python.
        text: Sent right after it; "" where nothing is asked.
    """

    picture: Picture | None
    source: PictureSource
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class ImageDecision:
    """What becomes of a picture: it is to be sent now, or is not sent for a reason.

    Attributes:
        image: The picture.
        sends: Whether it is to be sent.
        reason: "shown" for what was shown on purpose, "frame" for a frame; where it is not sent "replaced" (a
            newer frame came within the second), "old", "full" (too many files wait) or "unreadable".
    """

    image: QueuedImage
    sends: bool
    reason: str


class ImageQueue:
    """Sends one picture a second: what was shown on purpose in its order, then the newest frame.

    `check` and `reserve` may be called from any thread; all else runs on the background loop.
    """

    def __init__(self, sessions: Sessions, bridge: Bridge, tasks: BackgroundTasks, clock: Clock) -> None:
        """Send to `sessions`; the pages of `bridge` see what became of each picture."""
        self._sessions = sessions
        self._bridge = bridge
        self._tasks = tasks
        self._clock = clock
        self._waiting: deque[QueuedImage] = deque()
        self._frame: QueuedImage | None = None
        self._replaced: deque[ImageDecision] = deque(maxlen=MAX_WAITING)
        self._under_way: QueuedImage | None = None
        self._sent_ms = float("-inf")
        self._lock = threading.Lock()
        self._reserved = 0

    @property
    def waiting(self) -> int:
        """How many pictures and texts that were shown on purpose wait."""
        return len(self._waiting)

    def check(self) -> None:
        """Make sure that the model takes pictures.

        Raises:
            UsageError: If it takes none.
        """
        require_vision(self._sessions.provider.capabilities)

    def reserve(self) -> None:
        """Keep a place for a picture that `show` will bring.

        Raises:
            UsageError: If too many wait.
        """
        with self._lock:
            if self._reserved + len(self._waiting) >= MAX_WAITING:
                raise UsageError(TOO_MANY)
            self._reserved += 1

    def show(self, picture: Picture, text: str) -> None:
        """Queue a picture for which a place is kept, and `text` right after it."""
        with self._lock:
            self._reserved -= 1
            self.add(QueuedImage(picture, "python", text=text))

    def show_text(self, text: str) -> bool:
        """Queue text that belongs after pictures that wait; return False where none do."""
        return bool(self._waiting) and self.add(QueuedImage(None, "python", text=text))

    def take_frame(self, frame: CapturedFrame) -> None:
        """Take a picture of the page: a frame replaces the one that waits, a file waits its turn."""
        message = frame.message
        picture = Picture(frame.data, message.mime_type, message.width, message.height)
        image = QueuedImage(picture, message.source, frame.number)
        if not 0 < len(frame.data) <= MAX_BYTES or not _is_of_type(frame.data, message.mime_type):
            self._report(ImageDecision(image, False, "unreadable"))
        elif message.source != "file":
            if frame.age_ms > STALE_MS:
                self._report(ImageDecision(image, False, "old"))
            else:
                self.replace_frame(image)
        elif not self.add(image):
            self._report(ImageDecision(image, False, "full"))

    def on_sent_by_page(self, sent: ServiceImage, number: int) -> None:
        """A page has sent a picture by itself: the next may follow in a second.

        Args:
            sent: What it says of it.
            number: Its number there.
        """
        self._sent_ms = self._clock.now_ms()
        self._bridge.send_picture(
            PictureView(
                source=sent.source,
                number=number,
                mime_type=sent.mime_type,
                width=sent.width,
                height=sent.height,
                tokens=tokens_of(self._sessions.config.media_resolution),
                sent=True,
                reason="shown" if sent.source == "file" else "frame",
            )
        )

    def add(self, image: QueuedImage) -> bool:
        """Queue what is shown on purpose. Return False, and do not take it, where too much waits."""
        if len(self._waiting) >= MAX_WAITING:
            return False
        self._waiting.append(image)
        return True

    def replace_frame(self, image: QueuedImage) -> None:
        """Keep a frame of camera or screen instead of the one that waits."""
        if self._frame is not None:
            self._replaced.append(ImageDecision(self._frame, False, "replaced"))
        self._frame = image

    def drop_frame(self) -> None:
        """Forget the frame that waits: camera and screen are off."""
        self._frame = None

    def clear(self) -> None:
        """Forget everything that waits: the conversation has ended."""
        self._waiting.clear()
        self._under_way = None
        self._replaced.clear()
        self._frame = None

    def due(self, now_ms: float) -> list[ImageDecision]:
        """Return what is decided by now, in the order in which it is to be done.

        A picture that is to be sent is under way until `mark_sent` or `mark_unsent`; no other is due before.
        """
        decisions = list(self._replaced)
        self._replaced.clear()
        while self._waiting and (self._waiting[0].picture is None or self._is_ready(now_ms)):
            image = self._waiting.popleft()
            self._under_way = image if image.picture is not None else self._under_way
            decisions.append(ImageDecision(image, True, "shown"))
        if not self._waiting and self._frame is not None and self._is_ready(now_ms):
            self._under_way, self._frame = self._frame, None
            decisions.append(ImageDecision(self._under_way, True, "frame"))
        return decisions

    def mark_sent(self, now_ms: float) -> None:
        """Say that the picture under way has left: the next may follow in a second."""
        self._under_way = None
        self._sent_ms = now_ms

    def mark_unsent(self, *, retry: bool) -> None:
        """Say that the picture under way has not left; `retry`: one shown on purpose is tried once more."""
        image, self._under_way = self._under_way, None
        if image is not None and retry and image.source in ("python", "file"):
            self._waiting.appendleft(image)

    def pump(self) -> None:
        """Send what is due, if a session is open; to be called about twenty times a second."""
        session = self._sessions.current
        if session is None or not self._sessions.is_current:
            return
        for decision in self.due(self._clock.now_ms()):
            if decision.sends:
                self._put(session, decision)
            else:
                self._report(decision)

    async def emptied(self) -> None:
        """Wait until the session has all that was shown on purpose, in its order."""
        self.pump()
        while self._waiting and self._sessions.current is not None:
            await asyncio.sleep(_WAIT_S)
            self.pump()

    def _is_ready(self, now_ms: float) -> bool:
        return self._under_way is None and now_ms - self._sent_ms >= INTERVAL_MS

    def _put(self, session: LiveSession, decision: ImageDecision) -> None:
        """Hand over a picture, and its text right after it."""
        image = decision.image
        try:
            item = session.put_image(image.picture) if image.picture is not None else None
            if image.text:
                session.put_text(image.text)
        except LiveError as error:
            if image.picture is not None:
                self.mark_unsent(retry=False)
            self._tasks.report(error)
        else:
            if item is not None:
                self._tasks.start(self._follow(session, decision, item))

    async def _follow(self, session: LiveSession, decision: ImageDecision, item: OutboxItem) -> None:
        """Wait until a picture has left, so that the next follows in a second, and say so to the pages."""
        try:
            await session.flushed(item)
        except LiveError:
            self.mark_unsent(retry=False)
            raise
        if item.queued and not session.is_open:
            self.mark_unsent(retry=True)  # The session was replaced meanwhile.
        else:
            self.mark_sent(self._clock.now_ms())
            self._report(decision)

    def _report(self, decision: ImageDecision) -> None:
        """Say to the pages what became of a picture; they have the bytes of their own."""
        image = decision.image
        assert image.picture is not None
        tokens = tokens_of(self._sessions.config.media_resolution)
        view = PictureView(
            source=image.source,
            number=image.number,
            mime_type=image.picture.mime_type,
            width=image.picture.width,
            height=image.picture.height,
            tokens=tokens if decision.sends else 0,
            sent=decision.sends,
            reason=decision.reason,
        )
        self._bridge.send_picture(view, image.picture.data if image.source == "python" else b"")


def _is_of_type(data: bytes, mime_type: str) -> bool:
    """Return whether a file begins as one of this type does."""
    match mime_type:
        case "image/jpeg":
            return data.startswith(b"\xff\xd8\xff")
        case "image/png":
            return data.startswith(b"\x89PNG\r\n\x1a\n")
        case "image/webp":
            return data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    return False
