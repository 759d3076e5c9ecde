"""The pages that show a widget: who they are, when last heard of, which one has microphone and voice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from livewidget.widget.lanes import Inbox
from livewidget.widget.messages import Envelope, Explorer
from livewidget.widget.microphone import MicrophoneGate

LEASE_MS = 10_000.0
HOLD_MS = 2000.0
MOST_PAGES = 16
NOT_LOOKING = Explorer(open=False, wire=False, tuner=False)


@dataclass(slots=True)
class Page:
    """One page, by the client id that it chose for itself.

    Attributes:
        control: Its control lane to the kernel.
        microphone: Its microphone lane.
        camera: Highest number seen on its camera lane.
        looks: What of the explorer it looks at.
        catalogued: Whether it was told the tables of models and features.
        acked: Highest control message from the kernel that it has read.
        seen_ms: When it last gave a sign of life.
    """

    client: str
    control: Inbox[Envelope]
    seen_ms: float
    acked: int = 0
    camera: int = 0
    looks: Explorer = field(default=NOT_LOOKING)
    catalogued: bool = False
    microphone: MicrophoneGate = field(default_factory=MicrophoneGate)


class Pages:
    """All pages of one widget.

    Messages do not name their page; the `origin` that the kernel knows for each (the front end's session)
    does. An origin may show the widget anew and so become another page.

    Attributes:
        owner: Client id of the page with microphone and voice, or "".
        lease_ms: A page not heard of for so long is gone.
    """

    def __init__(self, lease_ms: float = LEASE_MS) -> None:
        self.owner = ""
        self.lease_ms = lease_ms
        self._pages: dict[str, Page] = {}
        self._origins: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Any:
        return iter(list(self._pages.values()))

    def greet(self, client: str, origin: str, seq: int, last_seq: int, now_ms: float) -> Page:
        """A page said hello; it may be known already."""
        page = self._pages.get(client)
        if page is None:
            while len(self._pages) >= MOST_PAGES:
                oldest = min(self._pages.values(), key=lambda known: known.seen_ms)
                self.forget(oldest.client)
            page = self._pages[client] = Page(client, Inbox(last=seq - 1), now_ms, acked=last_seq)
        self._origins.pop(origin, None)
        self._origins[origin] = client
        while len(self._origins) > 4 * MOST_PAGES:
            del self._origins[next(iter(self._origins))]
        page.seen_ms = now_ms
        return page

    def of(self, origin: str) -> Page | None:
        """Return the page behind `origin`, if it has said hello."""
        return self._pages.get(self._origins.get(origin, ""))

    def lost(self, origin: str) -> str | None:
        """Return the client id of a page that was forgotten, and is heard of again."""
        client = self._origins.get(origin)
        return None if client in self._pages else client

    def forget(self, client: str) -> None:
        """That page is gone."""
        self._pages.pop(client, None)
        if self.owner == client:
            self.owner = ""

    def lapsed(self, now_ms: float) -> list[str]:
        """Return the pages whose lease has run out."""
        return [page.client for page in self._pages.values() if now_ms - page.seen_ms > self.lease_ms]

    def attentive(self, now_ms: float) -> bool:
        """Whether a page that lacks messages has been heard of in the last two seconds."""
        behind = [page for page in self._pages.values() if page.acked == self.acked]
        return any(now_ms - page.seen_ms <= HOLD_MS for page in behind)

    def looking(self, part: str, now_ms: float) -> bool:
        """Whether a page that was heard of in the last two seconds looks at this part of the explorer."""
        return any(getattr(page.looks, part) and now_ms - page.seen_ms <= HOLD_MS for page in self)

    def renew(self, now_ms: float) -> None:
        """Begin every lease anew: nothing could arrive until now."""
        for page in self._pages.values():
            page.seen_ms = now_ms

    @property
    def owning(self) -> Page | None:
        """The page with microphone and voice."""
        return self._pages.get(self.owner)

    @property
    def acked(self) -> int:
        """The highest control message that every page has read."""
        return min((page.acked for page in self._pages.values()), default=0)

    @property
    def acks(self) -> dict[str, int]:
        """For each page the highest control message of its own that was acted on."""
        return {page.client: page.control.last for page in self._pages.values()}

    @property
    def ack(self) -> int:
        """What the envelope acknowledges: the owner's lane, or that of the page heard last."""
        page = self.owning or max(self._pages.values(), key=lambda known: known.seen_ms, default=None)
        return page.control.last if page else 0
