"""The kernel's half of the bridge to the page, without Jupyter: messages in and out, time as an argument.

The page's half is `js/src/bridge.ts`. Everything here runs on the background loop's thread, and only there.

The pages that show a widget: who they are, when last heard of, which one has microphone and voice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from livewidget.ui import messages as m
from livewidget.ui.channels import JitterBuffer, PlaybackQueue, ReliableReceiver, ReliableSender
from livewidget.ui.messages import Envelope, ExplorerState

LEASE_MS = 10_000.0
HOLD_MS = 2000.0
MOST_PAGES = 16
NOT_LOOKING = ExplorerState(open=False, wire=False, tuner=False)


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
    control: ReliableReceiver[Envelope]
    seen_ms: float
    acked: int = 0
    camera: int = 0
    looks: ExplorerState = field(default=NOT_LOOKING)
    catalogued: bool = False
    microphone: JitterBuffer = field(default_factory=JitterBuffer)


class FrontEnds:
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
            page = self._pages[client] = Page(client, ReliableReceiver(last=seq - 1), now_ms, acked=last_seq)
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


HEARTBEAT_MS = 500.0
TURNS_MS = 50.0
HEARD_MS = 500.0


class Host(Protocol):
    """What a page may ask for, and what it is told when it arrives. Nothing here blocks."""

    def start(self) -> None:
        """Begin to talk; a page asked for it."""

    def stop(self) -> None:
        """End the session."""

    def text(self, text: str) -> None:
        """The user typed."""

    def interrupt(self) -> None:
        """Let the model fall silent."""

    def activity(self, active: bool) -> None:
        """Push-to-talk was pressed or let go."""

    def turn_taking(self, mode: m.TurnTakingMode) -> None:
        """Change how turns are taken."""

    def confirm(self, id: str, allowed: bool) -> None:
        """A person says whether a call of a tool may run."""

    def microphone(self, state: str) -> None:
        """The microphone of the owning page changed its state."""

    def voice(self, pcm: bytes) -> None:
        """The user's voice: PCM16 at 16 kHz."""

    def camera(self, message: m.CameraStatus) -> None:
        """Camera or screen of the owning page changed its state."""

    def frame(self, message: m.CameraFrame, number: int, data: bytes, age_ms: float) -> None:
        """A picture of the owning page's, which it took so long ago."""

    def explore(self, message: m.ExplorerState | m.Configure | m.Apply | m.Revert) -> None:
        """A page looks at other parts of the explorer than before, or changes settings in it."""

    def heard(self, turn: int, sample: int) -> None:
        """So much of an interrupted turn was heard."""

    def played(self, turn: int, sample: int) -> None:
        """So much of a turn has been heard so far."""

    def page_gone(self) -> None:
        """The page that had microphone and voice has not been heard of for its lease."""

    def welcome(self) -> dict[str, Any]:
        """Return the fields of `Welcome` that the host knows."""

    def state(self) -> dict[str, Any]:
        """Return the fields of `State` but `owner`."""

    def blocked(self) -> bool:
        """Whether the kernel is busy in a way that keeps the page's messages from arriving."""


class Bridge:
    """Keeps every page that shows the widget up to date, and the owning page's voice and ears connected.

    Attributes:
        epoch: Raised by every interruption; voids older audio.
        ignored: How many messages from pages could not be read.
    """

    def __init__(self, post: Callable[[dict[str, Any], list[bytes]], None], host: Host) -> None:
        self.pages = FrontEnds()
        self.speaker = PlaybackQueue()
        self.epoch = 0
        self.ignored = 0
        self._post = post
        self._host = host
        self._outbox: ReliableSender[m.Envelope] = ReliableSender()
        self._dirty: dict[int, m.TurnView] = {}
        self._turns_ms = self._heartbeat_ms = float("-inf")
        self._flushed = -1
        self._awaiting: dict[int, tuple[float, int]] = {}
        self._told: dict[str, Any] = {}
        self._insights = 0
        self._now_ms = 0.0

    # --- In -------------------------------------------------------------------------------------------------

    def receive(self, content: object, buffers: Sequence[bytes], origin: str, now_ms: float) -> None:
        """Take one message from a page. One that cannot be read is counted, and said once."""
        self._now_ms = now_ms
        try:
            envelope = m.decode(content)
        except m.BridgeMessageError:
            self.ignored += 1
            if self.ignored == 1:
                self.notice(
                    "warning", "page-message", "The page sent something that cannot be read; reload it."
                )
            return
        if isinstance(envelope.message, m.Hello):
            self._greet(envelope, origin)
            return
        page = self.pages.of(origin) or self._welcome_back(envelope, origin)
        if page is None:
            return  # it will say hello: its first message is repeated until it is acknowledged
        page.seen_ms = now_ms
        if envelope.lane == "microphone":
            self._voice(page, envelope, buffers)
        elif envelope.lane == "camera":
            self._camera(page, envelope, buffers)
        else:
            self._acknowledge(page, envelope.ack)
            for ready in page.control.receive(envelope.seq, envelope):
                self._act(page, ready.message)

    def _greet(self, envelope: m.Envelope, origin: str) -> None:
        hello = envelope.message
        page = self.pages.greet(hello.client, origin, envelope.seq, hello.last_seq, self._now_ms)
        self._acknowledge(page, hello.last_seq)
        waiting = page.control.receive(envelope.seq, envelope)
        if hello.last_seq and not self._outbox.overflowed:
            for seq, sent in self._outbox.after(hello.last_seq):
                self._emit(seq, sent.message, sent.epoch)
        self._welcome(page)
        for ready in waiting:
            if ready is not envelope:
                self._act(page, ready.message)

    def _welcome_back(self, envelope: m.Envelope, origin: str) -> Page | None:
        # A page that slept past its lease does not know that it was given up.
        client = self.pages.lost(origin)
        if client is None or envelope.lane != "control":
            return None
        page = self.pages.greet(client, origin, envelope.seq, 0, self._now_ms)
        self._welcome(page)
        return page

    def _welcome(self, page: Page) -> None:
        fields = self._host.welcome() | self._state_fields()
        page.looks, page.catalogued = NOT_LOOKING, False  # it will say so again
        page.acked = self._outbox.seq  # what was under way to this page is in the welcome as well
        self._control(m.Welcome(client=page.client, speaker_seq=self.speaker.seq, **fields))

    def _acknowledge(self, page: Page, ack: int) -> None:
        page.acked = max(page.acked, min(ack, self._outbox.seq))
        self._outbox.acknowledge(self.pages.acked, self._now_ms)
        if self._outbox.overflowed and page.acked + 1 < self._outbox.oldest:
            self._welcome(page)

    def _voice(self, page: Page, envelope: m.Envelope, buffers: Sequence[bytes]) -> None:
        data = buffers[0] if buffers else b""
        ready = page.microphone.receive(envelope.seq, envelope.message, data, self._now_ms)
        if page.client == self.pages.owner:
            for pcm in ready:
                self._host.voice(pcm)

    def _camera(self, page: Page, envelope: m.Envelope, buffers: Sequence[bytes]) -> None:
        if page.client == self.pages.owner and buffers and envelope.seq > page.camera:
            age_ms = page.microphone.age_ms(envelope.message.captured_ms, self._now_ms)
            self._host.frame(envelope.message, envelope.seq, buffers[0], age_ms)
        page.camera = max(page.camera, envelope.seq)

    def _act(self, page: Page, message: Any) -> None:
        owning = page.client == self.pages.owner
        match message:
            case m.Start():
                if not self.pages.owner or self._host.state()["phase"] not in ("live", "connecting"):
                    self._take_audio(page.client)
                self._host.start()
            case m.Stop():
                self._host.stop()
            case m.Text(text=text):
                self._host.text(text)
            case m.Interrupt():
                self._host.interrupt()
            case m.TurnTaking(mode=mode):
                self._host.turn_taking(mode)
            case m.ExplorerState() if message != page.looks:
                page.looks = message
                self._host.explore(message)
            case m.Configure() | m.Apply() | m.Revert():
                self._host.explore(message)
            case m.Approve(id=id, allowed=allowed) if owning or not self.pages.owner:
                self._host.confirm(id, allowed)
            case m.Activity(active=active) if owning:
                self._host.activity(active)
            case m.MicrophoneStatus(state=state) if owning:
                if state == "on":
                    page.microphone.reset()
                self._host.microphone(state)
            case m.CameraStatus() if owning:
                self._host.camera(message)
            case m.Flushed(turn=turn, sample=sample) if owning:
                if self._awaiting.pop(turn, None) is not None:
                    self._host.heard(turn, sample)
            case m.PlaybackReport():
                page.microphone.saw(message.page_ms, self._now_ms)
                if owning:
                    self.speaker.played(message, self._now_ms)
                    self._host.played(message.turn, message.played_sample)
                    self._pump()

    # --- Out ------------------------------------------------------------------------------------------------

    def turn(self, view: m.TurnView) -> None:
        """A turn changed. Changes are put together: at most twenty messages a second."""
        self._dirty[view.index] = view
        if self._now_ms - self._turns_ms >= TURNS_MS:
            self._send_turns()

    def notice(self, level: Any, code: str, text: str) -> None:
        """Show a sentence under the widget."""
        self._control(m.NoticeView(level=level, code=code, text=text))

    def clear_notice(self, code: str) -> None:
        """That notice no longer holds."""
        self._control(m.ClearNotice(code=code))

    def tell(self, message: m.Catalogue | m.Settings | m.MeterView) -> None:
        """Tell the pages something of the explorer."""
        self._control(message)

    def state(self) -> None:
        """Tell the pages where the session stands, if that has changed."""
        fields = self._state_fields()
        told = {key: value for key, value in fields.items() if key != "elapsed_ms"}
        if told != self._told:
            self._told = told
            self._control(m.State(**fields))

    def audio(self, turn: int, data: bytes, sample_rate: int, now_ms: float) -> None:
        """A chunk of the model's voice has come."""
        self._now_ms = now_ms
        if turn > self._flushed:
            self.speaker.push(turn, data, sample_rate)
            self._pump()

    def audio_end(self, turn: int) -> None:
        """That turn has no more audio."""
        self.speaker.end(turn)
        self._pump()

    def flush(self, turn: int, now_ms: float) -> None:
        """`turn` was cut off: silence, now. How much of it was heard goes to `host.heard`."""
        self._now_ms = now_ms
        if turn <= self._flushed:
            return
        self._flushed = turn
        sent, heard = self.speaker.sent_turn == turn, self.speaker.heard_of(turn)
        listening = self.speaker.open
        self.speaker.flush()
        self.epoch += 1
        if sent:
            self._awaiting[turn] = (now_ms + HEARD_MS, heard)
            self._control(m.Flush(turn=turn))
        elif listening:
            self._host.heard(turn, 0)

    def insight(self, part: str, message: m.WireView | m.SpeechView) -> None:
        """Show something to those who look at this part of the explorer; it may be lost."""
        if self.pages.looking(part, self._now_ms):
            self._look(message)

    def picture(self, message: m.PictureView, data: bytes = b"") -> None:
        """Tell every page what became of a picture; it may be lost."""
        if len(self.pages):
            self._look(message, data)

    def playing(self, turn: int) -> bool:
        """Whether sound of `turn` is still waiting, under way or in the player."""
        return self.left(turn) is not None

    def left(self, turn: int) -> tuple[int, float] | None:
        """Return how many messages of `turn` wait, and how many ms of it are sent and not heard, if any."""
        left = (self.speaker.waiting, self.speaker.ahead_ms)
        return left if turn > self._flushed and any(left) else None

    def tick(self, now_ms: float) -> None:
        """Let time pass; to be called about twenty times a second while there is anything to do."""
        self._now_ms = now_ms
        if self._host.blocked():
            self.pages.renew(now_ms)
        for client in self.pages.lapsed(now_ms):
            self._lose(client)
        for turn, (deadline, heard) in list(self._awaiting.items()):
            if now_ms >= deadline:
                del self._awaiting[turn]
                self._host.heard(turn, heard)
        owning = self.pages.owning
        if owning is not None:
            for pcm in owning.microphone.tick(now_ms):
                self._host.voice(pcm)
        self.state()
        self._send_turns()
        self._pump()
        if len(self.pages) and now_ms - self._heartbeat_ms >= HEARTBEAT_MS:
            self._heartbeat(owning)
        if self.pages.attentive(now_ms):  # what a silent page does not read would only pile up on the way
            for seq, sent in self._outbox.stalled(now_ms):
                self._emit(seq, sent.message, sent.epoch)

    def take_audio_by_default(self) -> None:
        """If no page has the voice, give it to the one that has been here longest."""
        if not self.pages.owner:
            for page in self.pages:
                self._take_audio(page.client)
                return

    def restart(self) -> None:
        """A new session begins: what is left of the last one is void."""
        self.speaker.flush()
        self._awaiting.clear()

    # --- Inner ----------------------------------------------------------------------------------------------

    def _take_audio(self, client: str) -> None:
        if self.pages.owner == client:
            return
        self.pages.owner = client
        self.speaker.page_lost()
        self.speaker.page_found(self._now_ms)
        self.epoch += 1
        self.state()

    def _lose(self, client: str) -> None:
        owner = client == self.pages.owner
        self.pages.forget(client)
        if not len(self.pages):
            self._outbox.begin_anew()
        if owner:
            self.speaker.page_lost()
            self._awaiting.clear()
            self._host.page_gone()
            self.state()

    def _heartbeat(self, owning: Page | None) -> None:
        self._heartbeat_ms = self._now_ms
        microphone = owning.microphone if owning else None
        self._control(
            m.Heartbeat(
                microphone_ack=microphone.ack if microphone else 0,
                microphone_resend=microphone.resend if microphone else False,
                acks=self.pages.acks,
            )
        )

    def _state_fields(self) -> dict[str, Any]:
        return self._host.state() | {"owner": self.pages.owner}

    def _send_turns(self) -> None:
        if self._dirty:
            self._turns_ms = self._now_ms
            dirty, self._dirty = self._dirty, {}
            for index in sorted(dirty):
                self._control(dirty[index])

    def _pump(self) -> None:
        for sent in self.speaker.ready(self._now_ms):
            self._emit(sent.seq, sent.message, self.epoch, [sent.data] if sent.data else [])

    def _look(self, message: Any, data: bytes = b"") -> None:
        self._insights += 1
        self._emit(self._insights, message, self.epoch, [data] if data else [])

    def _control(self, message: Any) -> None:
        if not len(self.pages):
            return  # nobody is there: a welcome will say it all
        envelope = m.Envelope(epoch=self.epoch, seq=1, ack=0, message=message)
        seq = self._outbox.add(envelope, self._now_ms)
        self._emit(seq, message, self.epoch)

    def _emit(self, seq: int, message: Any, epoch: int, buffers: list[bytes] | None = None) -> None:
        ack = self.pages.ack if m.lane_of(message) == "control" else 0
        envelope = m.Envelope(epoch=epoch, seq=seq, ack=ack, message=message)
        self._post(m.encode(envelope), buffers or [])
