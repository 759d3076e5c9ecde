"""Every message between kernel and page, as types, and their way to and from the content of a comm message.

`tests/fixtures/bridge.json` has one example of each, which the tests of both sides read, and the types of the
page are generated from these structs (`tools/messages.py`). Audio and images are not in them: they travel
beside a message as buffers. What is on the lane "insight" goes to pages that watch, may be lost, and is never
repeated. The lane "service" is for the page with microphone and speaker alone, which holds the socket to the
service there (`direct=True`): what it is to do with that socket, in order and once. It is the only one that
carries a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from livewidget.turns import Floor

Lane = Literal["control", "speaker", "microphone", "camera", "insight", "service"]
Phase = Literal["idle", "connecting", "live", "ended"]
Ending = Literal["", "stopped", "never_opened", "interrupted"]
Busy = Literal["", "cell", "kernel"]
Level = Literal["info", "warning", "error"]
TurnTakingMode = Literal["automatic", "push_to_talk"]

Count = Annotated[int, Meta(ge=0, le=2**53)]
Milliseconds = Annotated[float, Meta(ge=0, le=2**53)]
ClientId = Annotated[str, Meta(min_length=1, max_length=64)]
Typed = Annotated[str, Meta(max_length=100_000)]
Detail = Annotated[str, Meta(max_length=500)]
Name = Annotated[str, Meta(max_length=200)]
View = Literal["talk", "translation", "dictation"]
CloseCode = Annotated[int, Meta(ge=0, le=65_535)]
#: Why a page's socket to the service is closed, where the code does not say it: a content security policy, an
#: address without encryption in a page with it, no network, no token at the page's own server, no such
#: sockets in this browser.
CloseCause = Literal["", "blocked", "mixed", "offline", "token", "unsupported"]
PictureSource = Literal["camera", "screen", "file", "python"]


Json = Any


class FeatureView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of features; `ignored` and `refused` are the ids of models that do so.

    `choices_by_model` is there where models differ in their choices; `highest` is None without a limit.
    """

    name: str
    group: str
    label: str
    wire: str
    about: str
    kind: Literal["switch", "choice", "number", "text", "names", "json"]
    default: Json
    unsaid: str
    choices: tuple[str, ...]
    choices_by_model: Mapping[str, tuple[str, ...]]
    notes: Mapping[str, str]
    lowest: float | None
    highest: float | None
    whole: bool
    unit: str
    instead: str
    ignored: tuple[str, ...]
    refused: tuple[str, ...]


class ModelView(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table of models, with what is worth knowing of it in a few sentences."""

    id: str
    status: str
    facts: tuple[str, ...]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of features and models of one service; of an agent, what it takes, and itself as a model.

    `elsewhere` says in a sentence whose settings the others are, and where they are changed; "" for a
    service.
    """

    service: str
    features: tuple[FeatureView, ...]
    models: tuple[ModelView, ...]
    elsewhere: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The session's settings: `values` now, `pending` what pages changed and have not applied.

    Attributes:
        model: Of the session.
        values: JSON by the feature's name; what is not there has its default.
        pending: Changes; None is a default, "model" another model.
        errors: By the feature's name ("" where it is none's), one sentence why the changes cannot be applied.
        notes: Sentences about what the model ignores.
        live: Names of what changes without a new connection.
        code: The Python that makes exactly this session, with the changes.
        acks: For each page, by client id, the last message of its control lane that is taken into account.
    """

    model: str
    values: Mapping[str, Json]
    pending: Mapping[str, Json]
    errors: Mapping[str, str]
    notes: tuple[str, ...]
    live: tuple[str, ...]
    code: str
    acks: Mapping[str, int]


class MeterView(msgspec.Struct, frozen=True, kw_only=True):
    """What the conversation has used and how long it may last.

    `cost_usd` is an estimate by prices of the day `prices_of`, None where no price is known. `time_left_ms`
    is of the connection; `ending` says why it ends: its usual length, or the service's announcement.
    """

    prompt_tokens: Count
    response_tokens: Count
    total_tokens: Count
    by_modality: Mapping[str, int]
    context_tokens: Count
    context_limit: Count
    cost_usd: float | None
    prices_of: str
    time_left_ms: int | None
    time_limit_ms: int | None
    ending: Literal["connection", "go_away"] | None
    link_ms: float | None


class FrameView(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of the wire, without its sound, its pictures and its secrets.

    `json` is its text with those taken out: sound is {"audio": {"ms", "rate", "peaks"}}, a picture
    {"image": {"mime", "bytes", "width", "height"}}. `at_ms` counts from the first frame of the talk.
    """

    number: Count
    at_ms: float
    outgoing: bool
    kind: str
    size: Count
    gap_ms: float | None
    json: str


class WireView(msgspec.Struct, frozen=True, kw_only=True):
    """Frames in order; `lost` of them, before these, were not kept."""

    frames: tuple[FrameView, ...]
    lost: Count


class MarkView(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of turn detection, in ms of the microphone's time."""

    kind: Literal["speech", "start", "silence", "end"]
    at_ms: float


class SpeechView(msgspec.Struct, frozen=True, kw_only=True):
    """The microphone as turn detection hears it, in windows of `step_ms` from `from_ms`.

    `levels` are in dBFS, `probabilities` of speech 0 to 1. Marks: "speech" the first window of speech,
    "start" where enough of it came (prefix padding), "silence" the first window without, "end" where that
    lasted.
    `detector` is what listens here; a remote model has its own ears.
    """

    from_ms: float
    step_ms: float
    levels: tuple[float, ...]
    probabilities: tuple[float, ...]
    marks: tuple[MarkView, ...]
    start_threshold: float
    end_threshold: float
    prefix_padding_ms: Count
    silence_ms: Count
    detector: str


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    """A picture that was sent to the model, or why it was not.

    `number` is that of the page's frame; 0 for one from Python, whose bytes are in the buffer.
    """

    source: PictureSource
    number: Count
    mime_type: str
    width: Count
    height: Count
    tokens: Count
    sent: bool
    reason: str


class CallLevels(msgspec.Struct, frozen=True, kw_only=True):
    """How loud a call was, for pages that only look on: peaks of 40 ms each, 0 to 1, oldest first.

    `user` is the caller; the `model` as the caller hears it.
    """

    user: tuple[float, ...]
    model: tuple[float, ...]


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """A page shows the widget, or is back; `last_seq` is the last control message that it has read."""

    client: ClientId
    last_seq: Count


class Bye(msgspec.Struct, frozen=True, kw_only=True):
    """The page is being closed, or is left for another one."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Open a session. A page sends it only for a click or a key press since it was loaded."""

    microphone: bool


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """End the session."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Text that was typed."""

    text: Typed


class Interrupt(msgspec.Struct, frozen=True, kw_only=True):
    """Silence the model."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """Push-to-talk was pressed or released."""

    active: bool


class TurnTaking(msgspec.Struct, frozen=True, kw_only=True):
    """Automatic detection or push-to-talk."""

    mode: TurnTakingMode


class MicrophoneStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the page's microphone; `detail` is the browser's name for a failure."""

    state: Literal["off", "asking", "on", "muted", "paused", "refused", "missing"]
    detail: Detail = ""


class Flushed(msgspec.Struct, frozen=True, kw_only=True):
    """The last sample that was played of a turn that was flushed, counted at 24 kHz within the turn.

    With a `voice` the sample is counted within that voice of the page's own socket, and `turn` is 0.
    """

    turn: Count
    sample: Count
    voice: Count = 0


class PlaybackReport(msgspec.Struct, frozen=True, kw_only=True):
    """Sent four times a second: what was received and played, and that the page is there.

    `ack_seq` is of the speaker lane; `page_ms` is the page's clock, which stamps the microphone's audio too.
    `plays` is False where the page has no player: over plain http, or where the browser does not load it.
    `service_ack` is of the service lane. With a `voice` the page plays that one of its own socket: the sample
    is counted within it, and `turn` is 0.
    `round_trip_ms` is how long a message takes to the kernel and back, None before that was measured.
    """

    ack_seq: Count
    turn: Count
    played_sample: Count
    buffered_ms: Milliseconds
    silent_samples: Count
    epoch: Count
    page_ms: Milliseconds
    plays: bool = True
    service_ack: Count = 0
    voice: Count = 0
    round_trip_ms: Milliseconds | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A new value of one feature, as JSON; None is its default. The model itself is named "model"."""

    name: Name
    value: Any


class Configure(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that were changed in the page; they are kept until `Apply` or `Revert`."""

    changes: Annotated[tuple[Change, ...], Meta(max_length=100)]


class Apply(msgspec.Struct, frozen=True, kw_only=True):
    """Apply the changed settings: an open session is reopened for them."""


class Revert(msgspec.Struct, frozen=True, kw_only=True):
    """Forget the changed settings."""


class ExplorerState(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of the explorer that this page shows; the others are not sent."""

    open: bool
    wire: bool
    tuner: bool


class Approve(msgspec.Struct, frozen=True, kw_only=True):
    """The person's decision on a tool call that asks for approval."""

    id: Name
    allowed: bool


class CameraStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the page's camera or screen; `detail` is the browser's name for a failure."""

    source: Literal["camera", "screen"]
    state: Literal["off", "asking", "on", "refused", "missing", "ended"]
    detail: Detail = ""


class TakeAudio(msgspec.Struct, frozen=True, kw_only=True):
    """This page takes microphone and voice, whoever has them."""


class CallAction(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done with a phone call; `id` is that of its `CallView`."""

    id: ClientId
    action: Literal["hang_up", "mute", "unmute"]


class SocketRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A page asks for a socket of its own; `origin` is its `location.origin`. `SocketOffer` answers."""

    origin: Name


class SocketClosed(msgspec.Struct, frozen=True, kw_only=True):
    """A page's socket broke; `proof` names which one, since this may come long after."""

    proof: Name


class ServiceOpened(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="opened"):
    """The socket is open."""

    at_ms: Milliseconds


class ServiceFrame(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="frame"):
    """A frame of the service, as text; of each piece of its sound only how long it is.

    Where the service had `"data": "…"` there is `"data": "", "samples": N`, at the rate of the piece. `voice`
    counts the answers with sound from 1 in the order in which the page plays them, and `first` is the place
    of the frame's first sample in it, at 24 kHz; both are 0 for a frame without sound.
    """

    at_ms: Milliseconds
    text: Annotated[str, Meta(max_length=1_000_000)]
    voice: Count = 0
    first: Count = 0


class ServiceSound(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sound"):
    """So much of the microphone was sent, counted at 16 kHz over all sockets; `at_ms` is when its end was."""

    at_ms: Milliseconds
    first: Count
    samples: Annotated[int, Meta(ge=0, le=16_000 * 600)]
    is_speech: bool


class ServiceActivity(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="activity"):
    """The mark that push-to-talk was pressed or released was sent."""

    at_ms: Milliseconds
    active: bool


class ServiceAudioEnd(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="audio_end"):
    """It was sent that the microphone pauses."""

    at_ms: Milliseconds


class ServiceImage(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="image"):
    """A picture of `size` bytes was sent; `number` is the page's, as on the camera lane."""

    at_ms: Milliseconds
    source: Literal["camera", "screen", "file"]
    mime_type: Literal["image/jpeg", "image/png", "image/webp"]
    width: Annotated[int, Meta(ge=1, le=16_384)]
    height: Annotated[int, Meta(ge=1, le=16_384)]
    size: Count
    number: Count


class ServiceClosed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="closed"):
    """The socket is closed, or was never open; nothing more is reported of it."""

    at_ms: Milliseconds
    code: CloseCode
    reason: Detail = ""
    cause: CloseCause = ""


ServiceItem = (
    ServiceOpened
    | ServiceFrame
    | ServiceSound
    | ServiceActivity
    | ServiceAudioEnd
    | ServiceImage
    | ServiceClosed
)


class ServiceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the page's socket to the service has had and sent, in order, since the report before.

    `at_ms` of each item is the page's clock when it came or went; `service_ack` is of the service lane.
    """

    socket: Count
    service_ack: Count
    items: Annotated[tuple[ServiceItem, ...], Meta(max_length=4096)]


class MicrophoneAudio(msgspec.Struct, frozen=True, kw_only=True):
    """PCM16 mono at 16 kHz in the buffer; `captured_ms` is the page's clock at its first sample."""

    first_sample: Count
    captured_ms: Milliseconds
    stale: bool = False
    gap_ms: Milliseconds = 0


class CameraFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One picture in the buffer."""

    source: Literal["camera", "screen", "file"]
    mime_type: Literal["image/jpeg", "image/png", "image/webp"]
    width: Annotated[int, Meta(ge=1, le=16_384)]
    height: Annotated[int, Meta(ge=1, le=16_384)]
    captured_ms: Milliseconds


class SpanView(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a turn's text, and the 24 kHz sample of the turn's audio at which it begins to be heard."""

    text: str
    sample: Count


class ArgumentView(msgspec.Struct, frozen=True, kw_only=True):
    """One argument of a call that asks, whole, with an escape for every character that is not seen."""

    name: str
    value: str


class ToolView(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call as it is shown: arguments and result are text already, `args` cut to a line.

    `arguments` holds what a person decides on, and is empty unless the call asks. `remote`: `agent` ran it on
    its own side, so that it is only shown here, and never asks.
    """

    id: str
    name: str
    args: str
    result: str | None
    error: str | None
    duration_ms: float
    state: Literal["asking", "running", "done", "failed", "refused", "cancelled"]
    updates: tuple[str, ...] = ()
    arguments: tuple[ArgumentView, ...] = ()
    remote: bool = False
    agent: str = ""


class SourceLink(msgspec.Struct, frozen=True, kw_only=True):
    """A web page that an answer is based on; `uri` begins with http:// or https://."""

    title: str
    uri: str


class CodeView(msgspec.Struct, frozen=True, kw_only=True):
    """A program that the model ran, and what it printed; `outcome` is None while it runs."""

    language: str
    code: str
    outcome: Literal["ok", "failed"] | None
    output: str


class PageView(msgspec.Struct, frozen=True, kw_only=True):
    """A web page that the model was asked to read, and whether it could."""

    url: str
    status: Literal["read", "failed", "paywall", "unsafe"]


class TimingView(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of an answer went, in milliseconds, from the end of speech to the last sound heard.

    `decision_ms` is until the end of speech was noticed; `network_ms`, the round trip of the link, `tool_ms`,
    `wait_ms`, `kernel_ms`, the round trip between page and kernel, and `playback_ms`, until the page played
    what had come, follow it up to the first sound; `heard_ms` goes from there to the last sound that was
    heard. None where nobody knows, or not yet. `direct`: it came to the page without the kernel in between.
    """

    decision_ms: float | None
    network_ms: float | None
    tool_ms: float
    wait_ms: float
    kernel_ms: float | None
    playback_ms: float | None
    heard_ms: float | None
    direct: bool


class TurnView(msgspec.Struct, frozen=True, kw_only=True, rename={"declined": "waited", "timing": "anatomy"}):
    """All of one turn; replaces what the page had under this index. A field has the name of the turn's.

    `agent` speaks in it after the conversation was handed over; "": the one that it began with. Of a user
    turn it is "caller" where that was spoken on the phone.
    """

    index: Count
    speaker: Literal["user", "model"]
    spans: tuple[SpanView, ...]
    interim: str
    final: bool
    interrupted: bool
    heard_sample: Count | None
    latency_ms: float | None
    thoughts: str
    tools: tuple[ToolView, ...]
    sources: tuple[SourceLink, ...] = ()
    queries: tuple[str, ...] = ()
    code: tuple[CodeView, ...] = ()
    pages: tuple[PageView, ...] = ()
    language: str = ""
    declined: bool = False
    images: int = 0
    timing: TimingView | None = None
    agent: str = ""


class NoticeView(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence under the widget; replaces one of the same code.

    `details` are for whoever wants to know more, such as a traceback, folded away until then; "" for nothing.
    """

    level: Level
    code: str
    text: str
    details: str = ""


class ClearNotice(msgspec.Struct, frozen=True, kw_only=True):
    """Take the notice with this code away."""

    code: str


class CallView(msgspec.Struct, frozen=True, kw_only=True):
    """A phone call that is on. `caller` is the number, shortened; `elapsed_ms` is how long it has lasted.

    The one whose `id` is the owner's has this conversation's microphone and voice; each of the others has a
    conversation of its own. `muted`: what the caller says is not passed on.
    """

    id: ClientId
    caller: str
    elapsed_ms: Count
    muted: bool


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to show, for the page `client`.

    Its control lane starts again at this message's seq, its speaker lane at `speaker_seq`, its service lane
    at `service_seq`. `kernel` is the id of the kernel, by which a page that gets no answer asks the notebook
    server about it; "" where there is none. `direct` is that of `State`.
    """

    client: str
    name: str
    speaker: str
    badge: str
    model: str
    suggestions: tuple[str, ...]
    turn_taking: TurnTakingMode
    view: View
    sees: bool
    reads: bool
    push_to_talk: bool
    explorer: bool
    phase: Phase
    ending: Ending
    floor: Floor
    elapsed_ms: Count
    turns: tuple[TurnView, ...]
    notices: tuple[NoticeView, ...]
    owner: str
    transcript_class: str
    speaker_seq: Count
    service_seq: Count
    direct: bool
    kernel: str
    calls: tuple[CallView, ...] = ()


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far the session is. `owner` is the client id of the page with microphone and speaker, or "".

    `ending` says how it ended while `phase` is "ended": somebody stopped it, it was never opened, or it broke
    off and a start continues it. `view` is how the conversation is shown, `sees` whether the model takes
    pictures, `reads` whether it takes typed text, `push_to_talk` whether turns can be taken so, `suggestions`
    what is worth saying to it as it is set up now. For a page that becomes the owner
    the speaker lane starts again at `speaker_seq`, the service lane at `service_seq`. `direct` says that the
    owner holds the socket to the service: microphone and pictures go there, and not to the kernel.
    """

    phase: Phase
    ending: Ending
    floor: Floor
    turn_taking: TurnTakingMode
    view: View
    sees: bool
    reads: bool
    push_to_talk: bool
    model: str
    badge: str
    suggestions: tuple[str, ...]
    elapsed_ms: Count
    owner: str
    speaker_seq: Count
    service_seq: Count
    direct: bool
    calls: tuple[CallView, ...] = ()


class SocketOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Where the page `client` can open a socket, and where its companion page is.

    `port` is on 127.0.0.1 of the kernel's computer; 0 where no socket is to be had, for `reason`. `token` is
    for the socket, `page_token` for the fragment of the companion page's address, whose path is `page`; each
    is for one use. `proof` is what the server says first.
    """

    client: str
    port: Count
    token: str
    proof: str
    page: str
    page_token: str
    reason: Literal["", "off", "unavailable"]

    def __repr__(self) -> str:
        """Return it without its tokens."""
        return f"SocketOffer(client={self.client!r}, port={self.port}, reason={self.reason!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give rich no more to show: it asks structs for their fields."""
        return [("client", self.client), ("port", self.port), ("reason", self.reason)]


class Flush(msgspec.Struct, frozen=True, kw_only=True):
    """`turn` was interrupted: stop its audio, answer with `Flushed`. Its epoch voids all older ones.

    With a `voice` the page plays its own socket: silence voices up to that one, whatever the epoch.
    """

    turn: Count
    voice: Count = 0


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """Sent twice a second. `acks` acknowledges the control lane of each page, by client id.

    `busy` says what keeps the pages' messages waiting in the kernel: a cell that runs, or that its loop does
    not answer for another reason; "" for nothing. `page_ms` is of the owning page's newest report, which came
    `held_ms` ago: the rest of the time since then, the report and this message were on their way.
    """

    microphone_ack: Count
    microphone_resend: bool
    acks: dict[str, int]
    busy: Busy
    page_ms: float | None
    held_ms: float


class SpeakerAudio(msgspec.Struct, frozen=True, kw_only=True):
    """PCM16 little-endian mono in the buffer; `first_sample` is its place in the turn."""

    turn: Count
    first_sample: Count
    sample_rate: Annotated[int, Meta(ge=8000, le=48_000)]


class SpeakerEnd(msgspec.Struct, frozen=True, kw_only=True):
    """The turn has `samples` of audio and no more."""

    turn: Count
    samples: Count


class ServiceOpen(msgspec.Struct, frozen=True, kw_only=True):
    """Open a socket to the service; its number is higher than that of all before.

    `token` goes into the address as `access_token`. With a `token_path` the page asks for one there first, at
    its own server; with neither the address is enough. The page sends the microphone by itself: after
    `pause_ms` of silence it sends that the audio ends, and nothing until there is speech again (0: never).
    Before it says so it sends `end_silence_ms` of silence. `holds_calls`: from a tool call on, sound is kept
    until `ServiceRelease`. `needs_all`: no silence is left out.
    """

    socket: Count
    url: str
    token: str
    token_path: str
    pause_ms: Milliseconds
    end_silence_ms: Milliseconds
    holds_calls: bool
    needs_all: bool

    def __repr__(self) -> str:
        """Return it without its address and its token."""
        return f"ServiceOpen(socket={self.socket})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """Give rich no more to show: it asks structs for their fields."""
        return [("socket", self.socket)]


class ServiceSend(msgspec.Struct, frozen=True, kw_only=True):
    """Send this frame."""

    socket: Count
    frame: str


class ServiceResend(msgspec.Struct, frozen=True, kw_only=True):
    """Send the microphone's sound from this sample on again, from memory: an earlier socket broke over it."""

    socket: Count
    first: Count
    samples: Count


class ServiceResendImage(msgspec.Struct, frozen=True, kw_only=True):
    """Send the picture of this number again, from memory, for the same reason."""

    socket: Count
    number: Count


class ServiceTalk(msgspec.Struct, frozen=True, kw_only=True):
    """All that comes first is sent: the microphone may follow."""

    socket: Count


class ServiceRelease(msgspec.Struct, frozen=True, kw_only=True):
    """No tool call holds the sound back any more."""

    socket: Count


class ServiceClose(msgspec.Struct, frozen=True, kw_only=True):
    """Close the socket."""

    socket: Count
    code: CloseCode
    reason: str


class ServiceVoice(msgspec.Struct, frozen=True, kw_only=True):
    """From its sample `first` on, `voice` is `turn` from that turn's sample `sample` on."""

    voice: Count
    first: Count
    turn: Count
    sample: Count


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """In the place of a message that cannot be read: it is counted in its lane, and nothing else follows."""


class BridgeMessageError(ValueError):
    """A message of a page that cannot be read. Its text says where it is wrong, without the content.

    Attributes:
        envelope: Its place, with `Unreadable` as the message, if that much can be read; else None.
    """

    def __init__(self, text: str, envelope: Envelope | None = None) -> None:
        super().__init__(text)
        self.envelope = envelope


ServiceMessage = (
    ServiceOpen
    | ServiceSend
    | ServiceResend
    | ServiceResendImage
    | ServiceTalk
    | ServiceRelease
    | ServiceClose
    | ServiceVoice
)
PageMessage = (
    Hello
    | Bye
    | Start
    | Stop
    | Text
    | Interrupt
    | Activity
    | TurnTaking
    | MicrophoneStatus
    | Flushed
    | PlaybackReport
    | Configure
    | Apply
    | Revert
    | ExplorerState
    | Approve
    | CameraStatus
    | TakeAudio
    | CallAction
    | SocketRequest
    | SocketClosed
    | ServiceReport
    | MicrophoneAudio
    | CameraFrame
)
KernelMessage = (
    Welcome
    | State
    | TurnView
    | Flush
    | NoticeView
    | ClearNotice
    | Heartbeat
    | Catalogue
    | Settings
    | MeterView
    | SpeakerAudio
    | SpeakerEnd
    | WireView
    | SpeechView
    | PictureView
    | CallLevels
    | SocketOffer
    | ServiceMessage
)
_Kinds = dict[tuple[str, str], type]

FROM_PAGE: _Kinds = {
    ("control", "hello"): Hello,
    ("control", "bye"): Bye,
    ("control", "start"): Start,
    ("control", "stop"): Stop,
    ("control", "text"): Text,
    ("control", "interrupt"): Interrupt,
    ("control", "activity"): Activity,
    ("control", "turn_taking"): TurnTaking,
    ("control", "microphone"): MicrophoneStatus,
    ("control", "heard"): Flushed,
    ("control", "played"): PlaybackReport,
    ("control", "configure"): Configure,
    ("control", "apply"): Apply,
    ("control", "revert"): Revert,
    ("control", "explorer"): ExplorerState,
    ("control", "confirm"): Approve,
    ("control", "camera"): CameraStatus,
    ("control", "take_audio"): TakeAudio,
    ("control", "call"): CallAction,
    ("control", "socket_request"): SocketRequest,
    ("control", "socket_closed"): SocketClosed,
    ("control", "service_report"): ServiceReport,
    ("microphone", "audio"): MicrophoneAudio,
    ("camera", "frame"): CameraFrame,
}
FROM_KERNEL: _Kinds = {
    ("control", "welcome"): Welcome,
    ("control", "state"): State,
    ("control", "turn"): TurnView,
    ("control", "flush"): Flush,
    ("control", "notice"): NoticeView,
    ("control", "clear_notice"): ClearNotice,
    ("control", "heartbeat"): Heartbeat,
    ("control", "catalogue"): Catalogue,
    ("control", "settings"): Settings,
    ("control", "meter"): MeterView,
    ("speaker", "audio"): SpeakerAudio,
    ("speaker", "end"): SpeakerEnd,
    ("insight", "wire"): WireView,
    ("insight", "speech"): SpeechView,
    ("insight", "picture"): PictureView,
    ("insight", "call_levels"): CallLevels,
    ("insight", "socket_offer"): SocketOffer,
    ("service", "service_open"): ServiceOpen,
    ("service", "service_send"): ServiceSend,
    ("service", "service_sound"): ServiceResend,
    ("service", "service_image"): ServiceResendImage,
    ("service", "service_talk"): ServiceTalk,
    ("service", "service_release"): ServiceRelease,
    ("service", "service_close"): ServiceClose,
    ("service", "service_voice"): ServiceVoice,
}
_PLACE = {cls: place for kinds in (FROM_PAGE, FROM_KERNEL) for place, cls in kinds.items()}
_PLACE[Unreadable] = ("control", "unreadable")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message and its place: lane, epoch, seq in that lane, and the highest seq had from the other side.

    `client` is the name of the page that sends it, which the page chose by chance; "" from the kernel.
    """

    epoch: Count
    seq: Count
    ack: Count
    message: Any
    client: str = ""

    @property
    def lane(self) -> str:
        """The lane this kind of message travels on."""
        return _PLACE[type(self.message)][0]


class _Frame(msgspec.Struct, frozen=True):
    lane: Lane
    epoch: Count
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    ack: Count
    kind: str
    body: dict[str, Any]
    client: Annotated[str, Meta(max_length=64)] = ""


class _TextFrame(msgspec.Struct, frozen=True):
    """`_Frame` as text: the body is decoded when its kind is known."""

    lane: Lane
    epoch: Count
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    ack: Count
    kind: str
    body: msgspec.Raw
    client: Annotated[str, Meta(max_length=64)] = ""


class _ControlPlace(msgspec.Struct, frozen=True):
    lane: Literal["control"]
    seq: Annotated[int, Meta(ge=1, le=2**53)]
    client: ClientId


def encode(envelope: Envelope) -> dict[str, Any]:
    """Return the JSON-ready content of one comm message."""
    lane, kind = _PLACE[type(envelope.message)]
    content = {
        "lane": lane,
        "epoch": envelope.epoch,
        "seq": envelope.seq,
        "ack": envelope.ack,
        "kind": kind,
        "body": msgspec.to_builtins(envelope.message),
    }
    return content | {"client": envelope.client} if envelope.client else content


def decode(content: object, kinds: Mapping[tuple[str, str], type] = FROM_PAGE) -> Envelope:
    """Read the content of one message.

    Args:
        content: What the comm delivered, anything at all; or, as bytes, the JSON text that a socket brought.
        kinds: `FROM_PAGE` or `FROM_KERNEL`.

    Raises:
        BridgeMessageError: If it cannot be read. Unknown fields are ignored, unknown kinds are not.
    """
    try:
        wire = _decode_frame(content) if isinstance(content, bytes) else msgspec.convert(content, _Frame)
    except _UNREADABLE as error:
        raise BridgeMessageError(
            f"not a message of the bridge ({type(error).__name__})", _place_of(content)
        ) from None
    cls = kinds.get((wire.lane, wire.kind))
    if cls is None:
        raise BridgeMessageError(f"unknown kind on the {wire.lane} lane", _place_of(content))
    message: Any
    try:
        if isinstance(wire, _TextFrame):
            message = _DECODERS[cls].decode(wire.body)
        else:
            message = msgspec.convert(wire.body, cls)
    except _UNREADABLE:
        raise BridgeMessageError(f"the fields of {wire.kind} have wrong types", _place_of(content)) from None
    return Envelope(epoch=wire.epoch, seq=wire.seq, ack=wire.ack, message=message, client=wire.client)


#: What msgspec raises on whatever a page may send.
_UNREADABLE = (msgspec.DecodeError, TypeError, ValueError, RecursionError)
_decode_frame = msgspec.json.Decoder(_TextFrame).decode
_DECODERS: dict[type, msgspec.json.Decoder[Any]] = {cls: msgspec.json.Decoder(cls) for cls in _PLACE}


def _place_of(content: object) -> Envelope | None:
    """Return the place of a control message that cannot be read, if it names one: later ones wait for it."""
    try:
        if isinstance(content, bytes):
            place = msgspec.json.decode(content, type=_ControlPlace)
        else:
            place = msgspec.convert(content, _ControlPlace)
    except _UNREADABLE:
        return None
    return Envelope(epoch=0, seq=place.seq, ack=0, message=Unreadable(), client=place.client)
