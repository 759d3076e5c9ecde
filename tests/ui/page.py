"""A page in Python: what js/src/bridge.ts does, as far as the kernel's side can see it."""

from livewidget.ui import messages as m
from livewidget.ui.bridge import (
    AboutSocket,
    AudioOwnerLost,
    Bridge,
    CapturedFrame,
    ServiceSocketsLost,
    UserAudio,
)
from livewidget.ui.channels import ReliableReceiver

KINDS = {struct: kind for (_, kind), struct in m.FROM_PAGE.items()}


class Recorder:
    """In the controller's place: keeps what the bridge passes on, as the name of what it is and its fields."""

    def __init__(self):
        self.calls = []
        self.phase = "idle"
        self.waits = ""

    def handle(self, message):
        match message:
            case UserAudio(pcm=pcm):
                self.calls.append(("user_audio", pcm))
            case CapturedFrame(message=frame, number=number, data=data, age_ms=age_ms):
                self.calls.append(("frame", frame, number, data, age_ms))
            case AudioOwnerLost(replaced=True):
                self.calls.append(("audio_owner_replaced",))
            case AudioOwnerLost(closed=closed):
                self.calls.append(("audio_owner_lost", closed))
            case ServiceSocketsLost():
                self.calls.append(("service_sockets_lost",))
            case AboutSocket(client=client, message=asked):
                self.calls.append((KINDS[type(asked)], client, asked))
            case m.PlaybackReport(turn=turn, played_sample=sample) | m.Flushed(turn=turn, sample=sample):
                self.calls.append((KINDS[type(message)], turn, sample))
            case _:
                self.calls.append((KINDS[type(message)], message))

    def names(self):
        return [call[0] for call in self.calls]

    def busy(self):
        return self.waits

    def state(self):
        return {
            "phase": self.phase,
            "ending": "",
            "floor": "listening",
            "turn_taking": "automatic",
            "view": "talk",
            "sees": True,
            "reads": True,
            "push_to_talk": True,
            "model": "offline-tutor",
            "badge": "",
            "direct": False,
            "suggestions": (),
            "elapsed_ms": 0,
        }

    def welcome(self):
        return {
            "name": "Offline tutor",
            "speaker": "tutor",
            "explorer": False,
            "turns": (),
            "notices": (),
            "transcript_class": "livewidget-transcript-0",
            "kernel": "",
        }


class Link:
    """A bridge, its controller, a clock, and pages that all get what the bridge posts."""

    def __init__(self, owner_lease_ms=60_000.0):
        self.sockets = set()
        self.now = 1000.0
        self.host = Recorder()
        self.pages = []
        self.posted = []
        self.bridge = Bridge(
            self._post,
            self.host.handle,
            state=self.host.state,
            welcome=self.host.welcome,
            busy=self.host.busy,
            has_socket=self.sockets.__contains__,
            owner_lease_ms=owner_lease_ms,
        )

    def _post(self, content, buffers, to):
        self.posted.append((content, buffers, to))
        for page in self.pages:
            if to in ("", page.client):
                page.deliver(content, buffers)

    def page(self, client):
        page = Page(self, client)
        self.pages.append(page)
        page.send(m.Hello(client=client, last_seq=0))
        return page

    def run(self, ms, step=50.0):
        end = self.now + ms
        while self.now < end:
            self.now += step
            for page in self.pages:
                page.tick()
            self.bridge.tick(self.now)


class Page:
    def __init__(self, link, client):
        self.link, self.client = link, client
        self.control = None
        self.speaker = ReliableReceiver()
        self.service = ReliableReceiver()
        self.asked = []
        self.heard = []
        self.seen = []
        self.insights = []
        self.seq = {"control": 0, "microphone": 0, "camera": 0}
        self.epoch = 0
        self.owns = False
        self.deaf = False
        self.reporting = True
        self.plays = True
        self.playhead = (0, 0)
        self.voice = 0
        self._played_at = 0.0

    def send(self, message, buffers=()):
        lane = next(place[0] for place, cls in m.FROM_PAGE.items() if cls is type(message))
        self.seq[lane] += 1
        envelope = m.Envelope(
            epoch=self.epoch,
            seq=self.seq[lane],
            ack=self.control.last if self.control else 0,
            message=message,
            client=self.client,
        )
        self.link.bridge.receive(m.encode(envelope), list(buffers), self.link.now)

    def deliver(self, content, buffers):
        if self.deaf:
            return
        envelope = m.decode(content, m.FROM_KERNEL)
        if envelope.lane == "speaker":
            for out, data in self.speaker.receive(envelope.seq, (envelope, buffers)):
                if out.epoch >= self.epoch:
                    self.heard.append((out.message, data))
            return
        if envelope.lane == "service":
            if self.owns:
                ready = self.service.receive(envelope.seq, envelope.message)
                self.asked += ready
            return
        if envelope.lane == "insight":
            self.insights.append((envelope.message, buffers))
            return
        message = envelope.message
        mine = isinstance(message, m.Welcome) and message.client == self.client
        if mine and (self.control is None or envelope.seq > self.control.last):
            self.control = ReliableReceiver(last=envelope.seq)
            self.speaker = ReliableReceiver(last=message.speaker_seq)
            if not self.owns:
                self.service = ReliableReceiver(last=message.service_seq)
            ready = [envelope]
        else:
            ready = self.control.receive(envelope.seq, envelope) if self.control else []
        for one in ready:
            self.epoch = max(self.epoch, one.epoch)
            self.seen.append(one.message)
            if isinstance(one.message, m.State | m.Welcome):
                owned, self.owns = self.owns, one.message.owner == self.client
                if self.owns and not owned:
                    self.speaker = ReliableReceiver(last=one.message.speaker_seq)
                    self.service = ReliableReceiver(last=one.message.service_seq)

    def tick(self):
        if self.reporting and self.link.now - self._played_at >= 250:
            self._played_at = self.link.now
            self.report()

    def report(self):
        turn, sample = self.playhead
        self.send(
            m.PlaybackReport(
                ack_seq=self.speaker.last,
                turn=turn,
                played_sample=sample,
                buffered_ms=0,
                silent_samples=0,
                epoch=self.epoch,
                page_ms=self.link.now,
                plays=self.plays,
                service_ack=self.service.last,
                voice=self.voice,
            )
        )

    def of(self, kind):
        return [message for message in self.seen if isinstance(message, kind)]
