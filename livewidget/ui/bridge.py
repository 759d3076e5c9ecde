"""The kernel's half of the bridge to the pages; the other half is `js/src/bridge.ts`.

In: the content of a page's message (`receive`), the passing of time (`tick`), and from the controller what
pages are to show (`turn`, `notice`, `audio`, `send_state` …). Out: `post` gets the content of each message to
the pages, and `on_message` gets what pages ask for, in order and once, with `UserAudio`, `CapturedFrame` and
`AudioOwnerLost` beside the structs of `messages`. The bridge owns lanes, leases, acknowledgements, playback
credit, epochs, and which page has microphone and speaker. It knows no Jupyter, does no I/O, and takes the
time as an argument, in ms. The controller owns it; everything runs on the thread of the background loop.

Where the owning page holds the socket to the service, the lane "service" takes to it what `direct` has to say
(`send_service`), and its sound is counted and not sent (`count_audio`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import structs

from livewidget.secret import cut
from livewidget.ui import messages as m
from livewidget.ui.channels import (
    CAPACITY,
    STALL_MS,
    JitterBuffer,
    PlaybackQueue,
    ReliableReceiver,
    ReliableSender,
    SpeakerMessage,
    VoicePlaces,
)
from livewidget.ui.messages import Envelope, ExplorerState

#: A page that has not been heard of for this long is gone; the one with microphone and speaker is away, and
#: another may take them. Chosen: browsers slow the timers of hidden tabs down to one a second, so a living
#: page is heard of several times within it.
LEASE_MS: Final = 10_000.0
#: With more time between two ticks the kernel itself stood still. Chosen: forty ticks.
STANDSTILL_MS: Final = 2000.0
#: A page that was heard of within this time is there. Chosen: eight of its reports.
PRESENT_MS: Final = 2000.0
#: Pages of one widget. Chosen: more than a person opens; a hostile page cannot fill the memory.
MAX_FRONT_ENDS: Final = 16
#: Changes of turns are sent together at most this often: twenty messages a second, as a screen reader and a
#: person can follow.
TURNS_MS: Final = 50.0
#: Twice a second, so that a page notices a dead kernel within a few seconds.
HEARTBEAT_MS: Final = 500.0
#: A page answers a flush within this time; else its last report counts. Chosen: two of its reports.
FLUSHED_MS: Final = 500.0

#: After a cell that kept messages from arriving, what is late may still be under way for this long. Chosen:
#: four of a page's reports.
LATE_MS: Final = 1000.0
#: Messages of the service lane that are kept for a page that does not acknowledge them. Chosen: all that a
#: session repeats over a new socket, many times over.
SERVICE_CAPACITY: Final = 4096

NOT_WATCHING: Final = ExplorerState(open=False, wire=False, tuner=False)


@dataclass(frozen=True, slots=True)
class UserAudio:
    """Audio of the owning page's microphone: PCM16 mono at 16 kHz, in order, recent enough to be sent."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A picture of the owning page.

    Attributes:
        message: Where it comes from, its type and size.
        number: Its number on the camera lane.
        data: The picture file.
        age_ms: How long ago it was captured.
    """

    message: m.CameraFrame
    number: int
    data: bytes
    age_ms: float


@dataclass(frozen=True, slots=True)
class AudioOwnerLost:
    """The page with microphone and speaker is gone, or another has taken them.

    Attributes:
        closed: It said that it was being closed; else it has not been heard of for its lease.
        replaced: Another page has microphone and speaker now.
    """

    closed: bool
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class ServiceSocketsLost:
    """The sockets to the service that the owning page held are void: it is gone, or owns no more."""


@dataclass(frozen=True, slots=True)
class AboutSocket:
    """What a page says of its socket.

    Attributes:
        client: The page.
        message: What it asks for or reports.
    """

    client: str
    message: m.SocketRequest | m.SocketClosed


@dataclass(slots=True)
class FrontEnd:
    """One page, by the client id that it chose for itself.

    Attributes:
        control: Receives its control lane.
        microphone: Receives its microphone lane.
        camera: Highest number seen on its camera lane.
        watching: What it shows of the explorer.
        has_catalogue: Whether the tables of models and features were sent to it.
        acked: Highest control message of the kernel that it has read.
        welcomed: The number of its last welcome.
        welcomed_ms: When that was sent.
        plays: Whether it has a player.
        seen_ms: When it was heard of last.
        reported: When its newest report was sent, by its own clock, and when it came, by this one.
    """

    client: str
    control: ReliableReceiver[Envelope]
    seen_ms: float
    acked: int = 0
    welcomed: int = 0
    welcomed_ms: float = 0.0
    camera: int = 0
    plays: bool = True
    watching: ExplorerState = field(default=NOT_WATCHING)
    has_catalogue: bool = False
    reported: tuple[float, float] | None = None
    microphone: JitterBuffer = field(default_factory=JitterBuffer)


class FrontEnds:
    """All pages of one widget, each by the random name that it gave itself.

    The Jupyter session that a message came through says nothing: several outputs of one notebook may share
    it.

    Attributes:
        audio_owner: Client id of the page with microphone and speaker, or "".
        lease_ms: A page that has not been heard of for so long is gone.
        owner_lease_ms: The same for the page with microphone and speaker.
    """

    def __init__(self, owner_lease_ms: float = LEASE_MS, lease_ms: float = LEASE_MS) -> None:
        self.audio_owner = ""
        self.lease_ms = lease_ms
        self.owner_lease_ms = owner_lease_ms
        self._front_ends: dict[str, FrontEnd] = {}
        self._forgotten: dict[str, FrontEnd] = {}

    def __len__(self) -> int:
        return len(self._front_ends)

    @property
    def clients(self) -> Collection[str]:
        """The client ids of all pages."""
        return self._front_ends.keys()

    def __iter__(self) -> Iterator[FrontEnd]:
        return iter(list(self._front_ends.values()))

    def greet(self, client: str, seq: int, last_seq: int, now_ms: float) -> FrontEnd:
        """Return the page that said hello; it may be known already."""
        front_end = self._front_ends.get(client)
        if front_end is None:
            while len(self._front_ends) >= MAX_FRONT_ENDS:
                oldest = min(self._front_ends.values(), key=lambda known: known.seen_ms)
                self.forget(oldest.client)
            # A page that comes back goes on counting.
            front_end = self._forgotten.pop(client, None)
            if front_end is None or seq - front_end.control.last > CAPACITY:
                front_end = FrontEnd(client, ReliableReceiver(last=seq - 1), now_ms, acked=last_seq)
            self._front_ends[client] = front_end
        front_end.seen_ms = now_ms
        return front_end

    def of(self, client: str) -> FrontEnd | None:
        """Return the page of that name, if it has said hello."""
        return self._front_ends.get(client)

    def was_here(self, client: str) -> bool:
        """Return whether a page of that name was given up."""
        return client in self._forgotten

    def forget(self, client: str) -> None:
        """Give up a page."""
        front_end = self._front_ends.pop(client, None)
        if front_end is not None:
            self._forgotten[client] = front_end
            while len(self._forgotten) > 4 * MAX_FRONT_ENDS:
                del self._forgotten[next(iter(self._forgotten))]
        if self.audio_owner == client:
            self.audio_owner = ""

    def expired(self, now_ms: float) -> list[str]:
        """Return the pages whose lease has run out."""
        return [known.client for known in self if now_ms - known.seen_ms > self._lease_of(known)]

    def _lease_of(self, front_end: FrontEnd) -> float:
        owns = front_end.client == self.audio_owner
        return max(self.owner_lease_ms, self.lease_ms) if owns else self.lease_ms

    def successor(self, now_ms: float) -> FrontEnd | None:
        """Return the page that was heard of last, if that was lately; one with a player before others."""
        present = [known for known in self if now_ms - known.seen_ms <= PRESENT_MS]
        return max(present, key=lambda known: (known.plays, known.seen_ms), default=None)

    def present_owner(self, now_ms: float) -> str:
        """Return the page with microphone and speaker, or "" while it is away."""
        owner = self.owner
        return owner.client if owner is not None and now_ms - owner.seen_ms <= self.lease_ms else ""

    def renew(self, now_ms: float, besides: Callable[[str], bool] = lambda client: False) -> None:
        """Begin every lease anew, besides those of some pages: nothing could arrive until now."""
        for front_end in self._front_ends.values():
            if not besides(front_end.client):
                front_end.seen_ms = now_ms

    def can_catch_up(self, now_ms: float) -> list[str]:
        """Return the pages that lack most messages, if one of them has been heard of lately."""
        behind = [known for known in self._front_ends.values() if known.acked == self.acked]
        is_there = any(now_ms - known.seen_ms <= PRESENT_MS for known in behind)
        return [known.client for known in behind] if is_there else []

    def watching(self, part: str, now_ms: float) -> bool:
        """Return whether a page that was heard of lately shows this part of the explorer."""
        return any(getattr(known.watching, part) and now_ms - known.seen_ms <= PRESENT_MS for known in self)

    @property
    def owner(self) -> FrontEnd | None:
        """The page with microphone and speaker."""
        return self._front_ends.get(self.audio_owner)

    @property
    def acked(self) -> int:
        """The highest control message that every page has read."""
        return min((known.acked for known in self._front_ends.values()), default=0)

    @property
    def acks(self) -> dict[str, int]:
        """For each page the highest control message of its own that was acted on."""
        return {known.client: known.control.last for known in self._front_ends.values()}

    @property
    def ack(self) -> int:
        """What an envelope acknowledges: the owner's control lane, or that of the page heard of last."""
        last = max(self._front_ends.values(), key=lambda known: known.seen_ms, default=None)
        front_end = self.owner or last
        return front_end.control.last if front_end else 0


UNPLAYED: Final = "More than ten minutes of the answer wait to be played. What comes after them is left out."


class Bridge:
    """Keeps every page up to date, and the microphone and speaker of the owning page connected.

    Attributes:
        front_ends: The pages.
        speaker: The model's audio on its way to the owning page.
        voices: Which part of what that page plays from its own socket is which of a turn.
        epoch: Raised by every interruption; audio of a lower epoch is void.
        callers: Client ids of phone calls: front ends that have microphone and speaker, and no page.
        unreadable: How many messages from pages could not be read.
    """

    def __init__(
        self,
        post: Callable[[dict[str, Any], list[bytes], str], object],
        on_message: Callable[[Any], object],
        *,
        state: Callable[[], dict[str, Any]],
        welcome: Callable[[], dict[str, Any]],
        busy: Callable[[], m.Busy],
        has_socket: Callable[[str], bool] = lambda client: False,
        owner_lease_ms: float = LEASE_MS,
    ) -> None:
        """Connect pages to a controller.

        Args:
            post: Sends the content and the buffers of one message to a page by its client id; "" is for all.
            on_message: Takes what a page asks for.
            state: Returns the fields of `State` that the bridge does not have.
            welcome: Returns the fields of `Welcome` that neither `State` nor the bridge has.
            busy: Returns what keeps the pages' messages from arriving, or "".
            has_socket: Says whether the messages of a page arrive although the kernel is busy.
            owner_lease_ms: The page with microphone and speaker is gone after so long without a word of it.
        """
        self.front_ends = FrontEnds(owner_lease_ms)
        self.speaker = PlaybackQueue()
        self.voices = VoicePlaces()
        self.epoch = 0
        self.callers: set[str] = set()
        self.unreadable = 0
        self._post = post
        self._on_message = on_message
        self._state = state
        self._welcome_fields = welcome
        self._busy = busy
        self._has_socket = has_socket
        self._owner_seq = 0  # the speaker lane of the owning page begins after it
        self._service: ReliableSender[m.Envelope] = ReliableSender(SERVICE_CAPACITY)
        self._service_seq = 0  # the same for the service lane
        self._busy_ms = float("-inf")  # when the kernel last kept the owner's messages waiting
        self._ticked_ms: float | None = None
        self._control: ReliableSender[m.Envelope] = ReliableSender()
        self._changed_turns: dict[int, m.TurnView] = {}
        self._turns_ms = self._heartbeat_ms = float("-inf")
        self._flushed = -1
        self._flushing: dict[int, tuple[float, int]] = {}
        self._sent_state: dict[str, Any] = {}
        self._insights = 0
        self._now_ms = 0.0

    def receive(self, content: object, buffers: Sequence[bytes], now_ms: float, client: str = "") -> bool:
        """Take one message of a page. Those that cannot be read are counted, with a notice for the first.

        Args:
            content: Its content, or as bytes its JSON text.
            buffers: What came beside it.
            now_ms: The time.
            client: The page whose socket brought it; "" where one way serves all pages.

        Returns:
            False for a message in the name of another page than `client`; it is ignored.
        """
        self._now_ms = now_ms
        try:
            envelope = m.decode(content)
        except m.BridgeMessageError as error:
            self.unreadable += 1
            if self.unreadable == 1:
                self.notice(
                    "warning", "page-message", "The page sent something that cannot be read; reload it."
                )
            if error.envelope is None:
                return True
            envelope = error.envelope  # what comes after it on its lane must not wait for it for ever
        if client not in ("", envelope.client):
            return False
        self._take(envelope, buffers)
        return True

    def _take(self, envelope: m.Envelope, buffers: Sequence[bytes]) -> None:
        now_ms = self._now_ms
        message = envelope.message
        if isinstance(message, m.Hello):
            self._greet(envelope)
            return
        front_end = self.front_ends.of(envelope.client) or self._welcome_back(envelope)
        if front_end is None:
            return  # it will say hello: its first message is repeated until it is acknowledged
        front_end.seen_ms = now_ms
        if isinstance(message, m.MicrophoneAudio):
            data = buffers[0] if buffers else b""
            ready = front_end.microphone.receive(envelope.seq, message, data, now_ms)
            if front_end.client == self.front_ends.audio_owner:
                for pcm in ready:
                    self._on_message(UserAudio(pcm))
        elif isinstance(message, m.CameraFrame):
            self._frame(front_end, envelope, buffers)
        else:
            self._acknowledge(front_end, envelope.ack)
            for ready_envelope in front_end.control.receive(envelope.seq, envelope):
                self._act(front_end, ready_envelope.message)

    def _greet(self, envelope: m.Envelope) -> None:
        hello, seq = envelope.message, envelope.seq
        known = self.front_ends.of(hello.client)
        is_copy = known is not None and known.control.has(seq)
        front_end = self.front_ends.greet(hello.client, seq, hello.last_seq, self._now_ms)
        self._acknowledge(front_end, hello.last_seq)
        if is_copy:
            # It was answered when it came first. Where messages wait, copies come by the dozen, and to answer
            # each with all that the page lacks would make everything else wait longer.
            waits = front_end.acked < front_end.welcomed
            if waits and self._now_ms - front_end.welcomed_ms >= STALL_MS:
                self._welcome(front_end)
            return
        ready = front_end.control.receive(seq, envelope)
        if hello.last_seq and not self._control.overflowed:
            for missed, sent in self._control.after(hello.last_seq):
                self._emit_control(missed, sent)
        self._welcome(front_end)
        for other in ready:
            if other is not envelope:
                self._act(front_end, other.message)

    def _welcome_back(self, envelope: m.Envelope) -> FrontEnd | None:
        # A page that slept past its lease does not know that it was given up.
        if envelope.lane != "control" or not self.front_ends.was_here(envelope.client):
            return None
        front_end = self.front_ends.greet(envelope.client, envelope.seq, 0, self._now_ms)
        self._welcome(front_end)
        return front_end

    def _welcome(self, front_end: FrontEnd) -> None:
        fields = self._welcome_fields() | self._state() | {"owner": self._present_owner()}
        owns = front_end.client == self.front_ends.audio_owner
        fields["speaker_seq"] = self._owner_seq if owns else self.speaker.seq
        fields["service_seq"] = self._service_seq if owns else self._service.seq
        # The page says again what it watches.
        front_end.watching, front_end.has_catalogue = NOT_WATCHING, False
        front_end.acked = self._control.seq  # what was under way to this page is in the welcome as well
        self.send(m.Welcome(client=front_end.client, **fields))
        front_end.welcomed, front_end.welcomed_ms = self._control.seq, self._now_ms

    def _acknowledge(self, front_end: FrontEnd, ack: int) -> None:
        front_end.acked = max(front_end.acked, min(ack, self._control.seq))
        self._control.acknowledge(self.front_ends.acked, self._now_ms)
        if self._control.overflowed and front_end.acked + 1 < self._control.oldest:
            self._welcome(front_end)

    def _frame(self, front_end: FrontEnd, envelope: m.Envelope, buffers: Sequence[bytes]) -> None:
        message, number = envelope.message, envelope.seq
        if front_end.client == self.front_ends.audio_owner and buffers and number > front_end.camera:
            age_ms = front_end.microphone.age_ms(message.captured_ms, self._now_ms)
            self._on_message(CapturedFrame(message, number, buffers[0], age_ms))
        front_end.camera = max(front_end.camera, number)

    def _act(self, front_end: FrontEnd, message: Any) -> None:
        """Pass on a control message, if this page may ask for it."""
        owner = self.front_ends.audio_owner
        owns = front_end.client == owner
        match message:
            case m.Hello():
                return  # It was greeted when it came; what was missing before it has come now.
            case m.Bye():
                self._lose(front_end.client, closed=True)
                return
            case m.Start():
                if not self._present_owner() or self._state()["phase"] not in ("live", "connecting"):
                    # `State` follows with what the start brings about: one that still says "ended" would let
                    # the page release the microphone that it has just taken.
                    self._give_audio_to(front_end.client, tell=False)
            case m.ExplorerState():
                if message == front_end.watching:
                    return
                front_end.watching = message
            case m.Approve():
                # A caller cannot be asked; whoever looks on decides.
                if self._present_owner() and not owns and owner not in self.callers:
                    return
            case m.Unreadable():
                return
            case m.TakeAudio():
                if self._present_owner() in self.callers:
                    return  # The caller would be left on a silent line.
                self._pass_audio_to(front_end)
                return
            case m.SocketRequest() | m.SocketClosed():
                self._on_message(AboutSocket(front_end.client, message))
                return
            case m.PlaybackReport():
                front_end.microphone.observe(message.page_ms, self._now_ms)
                front_end.reported = message.page_ms, self._now_ms
                front_end.plays = message.plays
                if owns:
                    self._service.acknowledge(message.service_ack, self._now_ms)
                    self._on_report(message)
                return
            case m.ServiceReport():
                if not owns:
                    return
                self._service.acknowledge(message.service_ack, self._now_ms)
                if message.items:  # It cannot have come before it was sent.
                    front_end.microphone.observe(message.items[-1].at_ms, self._now_ms)
            case m.Flushed(turn=turn, sample=sample):
                if message.voice:
                    turn, sample = self.voices.turn_of(message.voice, sample) or (-1, 0)
                if not owns or turn not in self._flushing:
                    return
                # A page that took over may not have played any of it yet.
                message = m.Flushed(turn=turn, sample=max(sample, self._flushing.pop(turn)[1]))
            case m.Activity() | m.MicrophoneStatus() | m.CameraStatus():
                if not owns:
                    return
                if isinstance(message, m.MicrophoneStatus) and message.state == "on":
                    front_end.microphone.reset()
        self._on_message(message)

    def _on_report(self, report: m.PlaybackReport) -> None:
        """Take in how far the owning page is. Without a player its answers count as heard as they come."""
        place: tuple[int, int] | None = report.turn, report.played_sample
        if report.voice:
            place = self.voices.turn_of(report.voice, report.played_sample)
            turn, sample = place or (0, 0)
            report = structs.replace(report, turn=turn, played_sample=sample, voice=0)
        if report.plays != self.speaker.open:
            self.speaker.end_playback()
            if report.plays:
                self.speaker.begin_playback(self._now_ms)
        if report.plays:
            self.speaker.on_report(report, self._now_ms)
            if place is not None and report.played_sample >= self.speaker.played_of(report.turn):
                self._on_message(report)
            self._pump()

    def time_of(self, page_ms: float) -> float:
        """Return when the owning page's clock showed `page_ms`, as far as its reports tell; at most now."""
        owner = self.front_ends.owner
        age_ms = 0.0 if owner is None else owner.microphone.age_ms(page_ms, self._now_ms)
        return self._now_ms - max(0.0, age_ms)

    def send(self, message: m.KernelMessage) -> None:
        """Send a message on the control lane: every page gets it, in order and once."""
        if not len(self.front_ends):
            return  # a page that comes later gets a welcome, which has it all
        envelope = m.Envelope(epoch=self.epoch, seq=1, ack=0, message=message)
        self._emit_control(self._control.add(envelope, self._now_ms), envelope)

    def turn(self, view: m.TurnView) -> None:
        """Send a turn that has changed. Changes are put together, to at most twenty messages a second."""
        self._changed_turns[view.index] = view
        if self._now_ms - self._turns_ms >= TURNS_MS:
            self._send_turns()

    def notice(self, level: Any, code: str, text: str, details: str = "") -> None:
        """Show a sentence under the widget, with what is folded away below it."""
        self.send(m.NoticeView(level=level, code=code, text=text, details=details))

    def clear_notice(self, code: str) -> None:
        """Take a notice away."""
        self.send(m.ClearNotice(code=code))

    def send_state(self) -> None:
        """Send `State` if it differs from the last one. To be called when something in it has changed."""
        fields = self._state() | {"owner": self._present_owner()}
        sent = {key: value for key, value in fields.items() if key != "elapsed_ms"}
        sent["calls"] = [structs.replace(call, elapsed_ms=0) for call in fields.get("calls", ())]
        if sent != self._sent_state:
            self._sent_state = sent
            self.send(m.State(**fields, speaker_seq=self._owner_seq, service_seq=self._service_seq))

    def send_service(self, message: m.ServiceMessage) -> None:
        """Tell the owning page what to do with its socket to the service: in order, once, and to no other."""
        if self.front_ends.audio_owner:
            envelope = m.Envelope(epoch=self.epoch, seq=1, ack=0, message=message)
            self._emit_service(self._service.add(envelope, self._now_ms), envelope)

    def is_held_up(self, now_ms: float) -> bool:
        """Whether what the owning page sends does not arrive: a cell runs, or it is silent."""
        owner = self.front_ends.owner
        if owner is None:
            return False
        if self._busy() and not self._has_socket(owner.client):
            self._busy_ms = now_ms
        return now_ms - self._busy_ms <= LATE_MS or now_ms - owner.seen_ms > LATE_MS

    def send_offer(self, offer: m.SocketOffer) -> None:
        """Tell a page where it can open a socket; it asks again if this is lost."""
        self._emit_insight(offer, to=offer.client)

    def repeat(self, client: str) -> None:
        """Send a page again what it has not acknowledged: messages may be lost on the way that it had."""
        front_end = self.front_ends.of(client)
        if front_end is None:
            return  # it will say hello
        for seq, sent in self._control.after(front_end.acked):
            self._emit_control(seq, sent, to=client)
        if client == self.front_ends.audio_owner:
            for spoken in self.speaker.repeat():
                self._emit_audio(spoken)
            for seq, asked in self._service.after(0):
                self._emit_service(seq, asked)
        self._heartbeat_ms = float("-inf")  # what the page has sent and was lost is known soon

    def send_insight(self, part: str, message: m.WireView | m.SpeechView) -> None:
        """Send something to those who watch this part of the explorer; it may be lost."""
        if self.front_ends.watching(part, self._now_ms):
            self._emit_insight(message)

    def send_call_levels(self, message: m.CallLevels) -> None:
        """Show pages how loud a call was; it may be lost."""
        if self.has_page:
            self._emit_insight(message)

    @property
    def has_caller(self) -> bool:
        """Whether a caller has microphone and speaker."""
        return self._present_owner() in self.callers

    @property
    def has_page(self) -> bool:
        """Whether a person looks on: a caller is a front end without a page."""
        return any(client not in self.callers for client in self.front_ends.clients)

    def send_picture(self, message: m.PictureView, data: bytes = b"") -> None:
        """Say what became of a picture; it may be lost."""
        if len(self.front_ends):
            self._emit_insight(message, data)

    def audio(self, turn: int, data: bytes, sample_rate: int, now_ms: float) -> None:
        """Play a chunk of the model's audio: PCM16 mono."""
        self._now_ms = now_ms
        if turn > self._flushed:
            had_dropped = self.speaker.dropped_ms
            self.speaker.push(turn, data, sample_rate)
            if self.speaker.dropped_ms > had_dropped == 0:
                self.notice("warning", "unplayed", UNPLAYED)
            self._pump()

    def count_audio(self, turn: int, samples: int, sample_rate: int, now_ms: float) -> None:
        """Take note of a chunk of the model's audio that the page has from its own socket, and plays.

        Args:
            turn: Its turn.
            samples: Its length.
            sample_rate: The rate at which that is counted.
            now_ms: The time.
        """
        self._now_ms = now_ms
        if turn > self._flushed:
            placed = self.voices.add(turn, self.speaker.count(turn, samples, sample_rate), samples)
            if placed is not None:
                voice, place = placed
                self.send_service(
                    m.ServiceVoice(voice=voice, first=place.first, turn=place.turn, sample=place.sample)
                )

    def audio_end(self, turn: int) -> None:
        """Say that this turn has no more audio."""
        self.speaker.end(turn)
        self._pump()

    def flush(self, turn: int, now_ms: float) -> None:
        """Silence `turn` at once. How much of it was played follows as `Flushed`, within half a second."""
        self._now_ms = now_ms
        if turn <= self._flushed:
            return
        self._flushed = turn
        was_sent, played = self.speaker.sent_turn == turn, self.speaker.played_of(turn)
        was_open = self.speaker.open
        self.speaker.flush()
        self.epoch += 1
        if was_sent:
            self._flushing[turn] = (now_ms + FLUSHED_MS, played)
            self.send(m.Flush(turn=turn, voice=self.voices.voice_of(turn)))
        elif was_open:
            self._on_message(m.Flushed(turn=turn, sample=played))

    def unplayed(self, turn: int) -> tuple[int, float] | None:
        """Return how many messages of `turn` wait, and how many ms of it are sent and not played, if any."""
        left = (self.speaker.waiting, self.speaker.ahead_ms)
        return left if turn > self._flushed and any(left) else None

    def take_audio(self, *, from_absent: bool = False) -> None:
        """If no page has microphone and speaker, give them to the one that has been here longest.

        With `from_absent`, a page that is there gets them from one that has not been heard of for long.
        """
        if from_absent and not self._present_owner():
            successor = self.front_ends.successor(self._now_ms)
            if successor is not None:
                self._give_audio_to(successor.client)
        if not self.front_ends.audio_owner:
            for front_end in self.front_ends:
                self._give_audio_to(front_end.client)
                return

    def tick(self, now_ms: float) -> None:
        """Let time pass; to be called about twenty times a second while there is a page or a session."""
        self._now_ms = now_ms
        stood_still = self._ticked_ms is not None and now_ms - self._ticked_ms > STANDSTILL_MS
        self._ticked_ms = now_ms
        if stood_still:
            self.front_ends.renew(now_ms)
            self._busy_ms = now_ms
        elif self._busy():
            self.front_ends.renew(now_ms, besides=self._has_socket)
        for client in self.front_ends.expired(now_ms):
            self._lose(client, closed=False)
        if self._present_owner() != self._sent_state.get("owner", ""):
            self.send_state()
        for turn, (deadline_ms, played) in list(self._flushing.items()):
            if now_ms >= deadline_ms:
                del self._flushing[turn]
                self._on_message(m.Flushed(turn=turn, sample=played))
        owner = self.front_ends.owner
        if owner is not None:
            for pcm in owner.microphone.tick(now_ms):
                self._on_message(UserAudio(pcm))
        self._send_turns()
        self._pump()
        if len(self.front_ends) and now_ms - self._heartbeat_ms >= HEARTBEAT_MS:
            self._send_heartbeat(owner)
        if owner is not None and now_ms - owner.seen_ms <= PRESENT_MS:
            for seq, asked in self._service.stalled(now_ms):
                self._emit_service(seq, asked)
        behind = self.front_ends.can_catch_up(now_ms)
        if behind:  # what a silent page does not read would only pile up
            for seq, sent in self._control.stalled(now_ms):
                self._emit_control(seq, sent, to=behind[0] if len(behind) == 1 else "")

    def _give_audio_to(self, client: str, *, tell: bool = True) -> None:
        if self.front_ends.audio_owner == client:
            return
        self.front_ends.audio_owner = client
        self._owner_seq = self.speaker.seq
        self._end_service()
        if self.front_ends.owner is None or not self.front_ends.owner.plays:
            self.speaker.end_playback()
        elif self.speaker.open:
            self.speaker.hand_over(self._now_ms)
        else:
            self.speaker.begin_playback(self._now_ms)
        self.epoch += 1
        if tell:
            self.send_state()
            self._pump()

    def _end_service(self) -> None:
        """Forget the sockets to the service that the owning page held: another page opens its own.

        What it had of an answer and has not played is heard by nobody.
        """
        if (turn := self.speaker.unheard) is not None:
            self._on_message(m.Flushed(turn=turn, sample=self.speaker.played_of(turn)))
        was_used = self._service.seq > self._service_seq
        self._service_seq = self._service.seq
        self._service.reset()
        self.voices = VoicePlaces()
        if was_used:
            self._on_message(ServiceSocketsLost())

    def _pass_audio_to(self, front_end: FrontEnd) -> None:
        """Let another page have microphone and speaker; the rest of an answer that plays goes on there."""
        if front_end.client == self.front_ends.audio_owner:
            return
        had_owner = bool(self.front_ends.audio_owner)
        self._give_audio_to(front_end.client)
        if had_owner:
            self._on_message(AudioOwnerLost(closed=False, replaced=True))

    def _present_owner(self) -> str:
        return self.front_ends.present_owner(self._now_ms)

    def _lose(self, client: str, *, closed: bool) -> None:
        owned = client == self.front_ends.audio_owner
        self.front_ends.forget(client)
        if not len(self.front_ends):
            self._control.reset()
        if not owned:
            return
        successor = self.front_ends.successor(self._now_ms)
        if successor is not None:
            self._give_audio_to(successor.client)
        else:
            self._end_service()
            self.speaker.end_playback()
        self._flushing.clear()
        self._on_message(AudioOwnerLost(closed, replaced=successor is not None))
        self.send_state()

    def _send_heartbeat(self, owner: FrontEnd | None) -> None:
        self._heartbeat_ms = self._now_ms
        microphone = owner.microphone if owner else None
        reported = owner.reported if owner else None
        self.send(
            m.Heartbeat(
                microphone_ack=microphone.ack if microphone else 0,
                microphone_resend=microphone.resend if microphone else False,
                acks=self.front_ends.acks,
                busy=self._busy(),
                page_ms=reported[0] if reported else None,
                held_ms=self._now_ms - reported[1] if reported else 0.0,
            )
        )

    def _send_turns(self) -> None:
        if self._changed_turns:
            self._turns_ms = self._now_ms
            changed, self._changed_turns = self._changed_turns, {}
            for index in sorted(changed):
                self.send(changed[index])

    def _pump(self) -> None:
        for sent in self.speaker.ready(self._now_ms):
            self._emit_audio(sent)

    def _emit_audio(self, sent: SpeakerMessage) -> None:
        envelope = m.Envelope(epoch=self.epoch, seq=sent.seq, ack=0, message=sent.message)
        self._post(m.encode(envelope), [sent.data] if sent.data else [], self.front_ends.audio_owner)

    def _emit_service(self, seq: int, asked: m.Envelope) -> None:
        envelope = m.Envelope(epoch=asked.epoch, seq=seq, ack=0, message=asked.message)
        try:
            self._post(m.encode(envelope), [], self.front_ends.audio_owner)
            return
        except Exception as error:
            failed = error
        raise cut(failed)  # the host's frames hold the content, which may have a token in it

    def _emit_insight(self, message: Any, data: bytes = b"", to: str = "") -> None:
        self._insights += 1
        envelope = m.Envelope(epoch=self.epoch, seq=self._insights, ack=0, message=message)
        self._post(m.encode(envelope), [data] if data else [], to)

    def _emit_control(self, seq: int, sent: m.Envelope, to: str = "") -> None:
        ack = self.front_ends.ack
        envelope = m.Envelope(epoch=sent.epoch, seq=seq, ack=ack, message=sent.message)
        self._post(m.encode(envelope), [], to)
