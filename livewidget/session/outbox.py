"""The one queue of what the user sends, from the caller until the model has taken it in.

An item is queued; the one writer sends it, then it is in flight; once the model is known to have taken it in,
it is forgotten. Two things stop the writer: there is no connection, or the model waits for a tool and must
not be disturbed. Neither of them delays whoever puts something in.

The service remembers a conversation as it was when the last turn was complete. What was sent since then and
not answered is queued again for the next connection: typed text, pictures, the audio of a question. What was
answered is not, or the model would hear it twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from livewidget import events
from livewidget.errors import PictureError, SendQueueFull, UsageError
from livewidget.events import Event
from livewidget.models import Model
from livewidget.pictures import Picture
from livewidget.protocol.messages import Blob, ClientContent, ClientMessage, Content, Part, RealtimeInput
from livewidget.text import capitalized
from livewidget.transports.base import SentByPage, SentImage
from livewidget.turns import TurnTracker

#: Longest text, in characters. Chosen: about as much as the context of a model holds.
TEXT_LIMIT: Final = 500_000
#: Largest picture, in bytes. Chosen: as base64 it fits into a message of 16 MiB.
IMAGE_LIMIT: Final = 8 * 2**20

#: Audio kept while a tool blocks the model, in ms; beyond that the oldest is dropped. Chosen: whoever has
#: talked for longer to a model that does not answer begins again anyway.
HELD_AUDIO_MS: Final = 15_000.0
#: Items kept meanwhile: that audio in pieces of 20 ms, and 100 others.
HELD_ITEMS: Final = 100 + int(HELD_AUDIO_MS / 20)
#: Audio queued or in flight, in ms; beyond that the oldest is dropped. Chosen: the waits between all attempts
#: to reconnect take 15.5 s together, and this leaves time to dial.
AUDIO_MS: Final = 60_000.0
#: Texts, pictures, marks and the like that may wait to be sent, and as many that are kept after it. Chosen:
#: more than a person types while a connection is replaced.
OTHERS: Final = 200
#: Results of calls that may wait to be sent. Chosen: more than one message of a server asks for; a call must
#: have its answer, so this only keeps a server that reads nothing from filling the memory.
RESULTS: Final = 50_000
#: Audio kept after it was taken in, in ms. Chosen: a start of speech is announced after it, and what is being
#: said is sent again from its start.
TAKEN_MS: Final = 3_000.0
#: Audio before speech that is sent again with it, in ms. Chosen: turn detection hears how quiet the room was.
BEFORE_MS: Final = 500.0
#: How far a transcript is behind what is said, in ms. Chosen: too much is sent again rather than too little.
BEHIND_MS: Final = 1_000.0
#: Silence after which a model may have begun to answer, in ms. Chosen: turn detection waits for more, and
#: pauses between words are shorter.
TURN_MS: Final = 400.0
#: Silence that separates one utterance from the next, in ms. Chosen: longer than a pause within a sentence.
PAUSE_MS: Final = 1_000.0
#: After this much silence, in ms, nobody is speaking any more. Chosen: turn detection ends a turn sooner.
RECENT_MS: Final = 3_000.0
#: Speech to which the server has not reacted, in ms, from which it is sent again over another connection.
#: Chosen: the shortest words take about as long, and a click is shorter.
UNHEARD_MS: Final = 200.0

#: Live audio that may wait for a connection that is open but slow, in ms; beyond that the oldest is dropped.
#: Chosen: what the page's microphone may deliver at once; more would only make the conversation lag.
BACKLOG_MS: Final = 3_500.0

#: Sends one message. It returns False for what a page has sent and cannot send again.
Send = Callable[[ClientMessage | SentByPage | SentImage | str], Awaitable[object]]
Kind = Literal["audio", "text", "picture", "mark", "result", "update", "other"]
#: What a server sends that has taken notice of what was said before, or is at least not deaf. Parts of an
#: answer are left out: they are many, and the answer has begun with one.
_SIGNS_OF_HEARING: Final = (
    events.ActivityStart,
    events.ActivityEnd,
    events.InputTranscript,
    events.InterimInputTranscript,
    events.Interrupted,
    events.ToolCall,
    events.TurnComplete,
    events.WaitingForInput,
    events.GoAway,
)
#: Kinds that come from the user, and wait while a tool blocks the model.
_FROM_USER: Final = ("audio", "text", "picture", "mark")


@dataclass(slots=True, eq=False)
class OutboxItem:
    """One message to the model.

    Attributes:
        kind: "audio"; "text" that asks for an answer; "picture"; "mark": start or end of speech, or of the
            audio; "result" of a call, or an "update" before it; these and "other" are never sent again.
        message: The message, or one that is encoded already; or what a page has sent, and can send again.
        ms: Length of the audio.
        is_speech: Whether somebody may be speaking in it.
        call: Id of the call whose result it is.
        number: Its place in the order of all items; given by the outbox.
        queued: Whether it is still to be sent.
        held: Whether it waits for a tool that blocks the model.
        live: Whether the audio is dropped rather than sent late over a slow connection. What waits for a
            connection to open is sent whole.
    """

    kind: Kind
    message: ClientMessage | SentByPage | SentImage | str
    ms: float = 0.0
    is_speech: bool = False
    call: str | None = None
    number: int = -1
    queued: bool = True
    held: bool = False
    live: bool = False


class Outbox:
    """A queue with one writer.

    Attributes:
        offline_dropped_ms: Audio dropped because too much of it waited for a connection, and speech that was
            too long ago to be sent again over another one, in ms.
        late_dropped_ms: Live audio dropped because the connection took it more slowly than it was spoken, in
            ms.
        held_dropped_ms: Audio dropped because a tool blocked the model for too long, in ms.
        page_lost_ms: Audio that was to be sent again by a page that is gone, in ms.
        dropped_items: Other items dropped for that reason.
        replayed_items: Items queued again for another connection.
        server_failures: How often the server failed since the model last took anything in; counted by the
            session.
        asked: Whether words, or the result of a call, were sent over this connection.
        unheard_ms: Speech put in since the server last sent anything, in ms; set back by the supervisor.
    """

    def __init__(
        self,
        *,
        is_blocked: Callable[[], bool] = bool,
        on_sent: Callable[[OutboxItem], object] | None = None,
    ) -> None:
        """Begin empty, and without a connection.

        Args:
            is_blocked: Returns whether a tool blocks the model now.
            on_sent: Called with each item that was sent.
        """
        self.offline_dropped_ms = self.late_dropped_ms = self.held_dropped_ms = self.page_lost_ms = 0.0
        self.dropped_items = self.replayed_items = self.server_failures = 0
        self.asked = False
        self.unheard_ms = 0.0
        self._pause_ms = 0.0  # audio without speech since the last speech
        self._is_blocked = is_blocked
        self._on_sent = on_sent
        self._queued: deque[OutboxItem] = deque()
        self._in_flight: deque[OutboxItem] = deque()
        self._audio_ms = 0.0  # of both
        self._results = 0  # queued
        self._next = 0
        self._taken = 0  # What has a lower number was taken in.
        self._answered = 0  # Audio with a lower number is what the last answer is to.
        self._superseded = 0  # Audio with a lower number needs no answer: text was typed after it.
        self._forgotten: tuple[int, float] = (
            -1,
            0.0,
        )  # speech dropped that was sent: the last, and all in ms
        self._heard = 0  # The server has sent something since what has a lower number was said.
        self._holding = False
        self._offline = True  # There is no connection: what is said waits for one, and is sent whole.
        self._send: Send | None = None
        self._on_failed: Callable[[Exception], object] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._progress = asyncio.Event()  # Set and cleared at once: wakes those who wait at that moment.

    @property
    def dropped_audio_ms(self) -> float:
        """All audio dropped so far, in ms."""
        return self.offline_dropped_ms + self.late_dropped_ms + self.held_dropped_ms + self.page_lost_ms

    def put(self, item: OutboxItem) -> OutboxItem:
        """Queue an item; never blocks.

        Raises:
            SendQueueFull: If too many items wait already.
        """
        if self._holding:
            self.release()
        item.held = item.kind in _FROM_USER and self._is_blocked()
        if item.kind != "audio" and not item.held:
            self._trim()
            self._require_room(item)
        item.number = self._next
        self._next += 1
        self._queued.append(item)
        self._results += item.kind == "result"
        if item.kind == "text":
            self._superseded = item.number
        elif item.kind == "audio":
            self._audio_ms += item.ms
            item.live = item.live and not item.held and not self._offline
            if not item.held and not self._offline:
                self._count_unheard(item)
        self._drop_oldest(item)
        if item.held:
            self._holding = True
        elif self._send is not None and self._writer is None:
            self._write_soon()
        return item

    def record(self, item: OutboxItem) -> OutboxItem:
        """Take an item that a page has sent itself: it is in flight from now on."""
        item.number, item.queued = self._next, False
        self._next += 1
        self.asked = self.asked or item.is_speech
        if item.kind == "audio":
            self._audio_ms += item.ms
            if not self._offline:
                self._count_unheard(item)
        else:
            self._trim()
        self._in_flight.append(item)
        self._bound_in_flight(item)
        self._drop_oldest(item)
        return item

    def _require_room(self, item: OutboxItem) -> None:
        if item.kind == "result":
            is_full = self._results >= RESULTS
        else:
            others = (one for one in self._queued if one.kind not in ("audio", "result") and not one.held)
            is_full = sum(1 for _ in others) >= OTHERS
        if is_full:
            raise SendQueueFull(
                "Too much is waiting to be sent: the connection is gone or too slow. Try again in a moment."
            )

    def _count_unheard(self, item: OutboxItem) -> None:
        """Count speech, with the pauses within it."""
        if not item.is_speech:
            self._pause_ms += item.ms
            return
        if self.unheard_ms and self._pause_ms < PAUSE_MS:
            self.unheard_ms += self._pause_ms
        self.unheard_ms += item.ms
        self._pause_ms = 0.0

    async def flushed(self, item: OutboxItem) -> None:
        """Return once `item` has been sent, or waits for a connection or a tool."""
        while item.queued and not item.held and self._writer is not None:
            await self._progress.wait()

    def withdraw(self, item: OutboxItem) -> bool:
        """Take an item back that has not been sent; returns whether it had not."""
        if not item.queued:
            return False
        self._drop(item)
        self._wake_waiters()
        return True

    async def drained(self) -> None:
        """Return once everything that can be sent has been sent, or the connection has failed."""
        while self._writer is not None:
            await self._progress.wait()

    def release(self) -> None:
        """Send what waits for a tool, if none blocks the model any more."""
        if self._holding and not self._is_blocked():
            self._holding = False
            for item in self._queued:
                item.held = False
            self._write_soon()

    def connect(
        self,
        send: Send,
        on_failed: Callable[[Exception], object],
    ) -> None:
        """Send over a new connection from now on; `on_failed` gets what `send` raises, once."""
        self._send, self._on_failed, self._offline = send, on_failed, False
        self.unheard_ms = 0.0
        self._write_soon()

    def disconnect(self) -> None:
        """Send nothing more until there is a connection again; live audio waits for it as well."""
        self._send, self._offline, self.asked = None, True, False
        for item in self._queued:
            item.live = False

    async def close(self) -> None:
        """Forget everything, and stop the writer."""
        self._send = None
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        self._queued.clear()
        self._in_flight.clear()
        self._results = 0

    def next_due(self) -> OutboxItem | None:
        """Return the first item that can be sent."""
        return next((item for item in self._queued if not item.held), None)

    def mark_sent(self, item: OutboxItem) -> None:
        """An item has been sent: it is in flight."""
        self.asked = self.asked or item.is_speech or item.kind in ("text", "result")
        if item.queued:  # Else it was dropped while it was being sent.
            item.queued = False
            self._queued.remove(item)
            self._results -= item.kind == "result"
            if item.kind in _FROM_USER:  # All else is never sent again.
                self._in_flight.append(item)
                self._bound_in_flight(item)
        if self._on_sent is not None:
            self._on_sent(item)

    def _bound_in_flight(self, item: OutboxItem) -> None:
        """Keep of what was sent before `item` only what may be sent again, and not too much of that."""
        if item.kind == "audio":
            return
        if item.kind == "picture":  # Of several only the last is sent again.
            given_up = [one for one in self._in_flight if one.kind == "picture" and one is not item]
        else:
            others = [one for one in self._in_flight if one.kind != "audio"]
            given_up = others[:-OTHERS]
        for one in given_up:
            self._in_flight.remove(one)

    def _write_soon(self) -> None:
        if self._send is not None and self._writer is None and self._queued:
            self._writer = asyncio.create_task(self._write(), name="livewidget outbox")

    async def _write(self) -> None:
        try:
            while (send := self._send) is not None and (item := self.next_due()) is not None:
                try:
                    sent = await send(item.message)
                except Exception as error:
                    if send is self._send:
                        self._send = None
                        if self._on_failed is not None:
                            self._on_failed(error)
                    continue
                if sent is False:
                    self._lose(item)
                else:
                    self.mark_sent(item)
                self._wake_waiters()
        finally:
            self._writer = None
            self._wake_waiters()

    def _lose(self, item: OutboxItem) -> None:
        """An item cannot be sent again: the page that had it is gone."""
        self.page_lost_ms += item.ms
        self.dropped_items += item.kind != "audio"
        if item.queued:
            self._drop(item)

    def _wake_waiters(self) -> None:
        self._progress.set()
        self._progress.clear()

    def observe(self, event: Event, tracker: TurnTracker, *, answering: bool) -> None:
        """Learn from an event, which is in the turns already, what the model has taken in.

        `answering`: the model has begun a turn with it.
        """
        if answering:
            self._answered = self._last_pause()
            self.ack_all()
        if isinstance(event, events.TurnComplete) and event.inferred:
            return  # The server has sent nothing: that is why.
        if isinstance(event, _SIGNS_OF_HEARING):
            self._heard = self._utterance()
        match event:
            case events.ActivityStart():
                self.keep_current_utterance()
            case events.WaitingForInput():
                self.ack_all()
            case events.InputTranscript() | events.InterimInputTranscript():
                if tracker.ends_by_silence:
                    self.ack_transcribed()  # Nothing answers it: it is in the transcript, or it is not.
            case events.TurnComplete() if not tracker.has_unanswered_input:
                self.ack_except_current()

    def ack_all(self) -> None:
        """The model answers, or has chosen not to: it has taken in all that was sent."""
        self.server_failures = 0
        self._taken = self._queued[0].number if self._queued else self._next
        self._trim()

    def keep_current_utterance(self) -> None:
        """A start of speech was announced, some time after it: what is being said is not taken in."""
        start = max(self._before(self._utterance()), self._answered)
        self._taken = min(self._taken, start)

    def ack_transcribed(self) -> None:
        """What was said has been transcribed, except for the last moment."""
        behind_ms, first = 0.0, self._next
        for item in self._newest_first():
            behind_ms += item.ms
            if behind_ms > BEHIND_MS:
                break
            first = item.number
        self._taken = max(self._taken, first)
        self._trim()

    def ack_except_current(self) -> None:
        """The model's turn is over and nobody has asked: only what may be being said now is not taken in."""
        self.server_failures = 0
        self._taken = max(self._taken, self._before(self._utterance()))
        self._trim()

    def requeue(self, *, asked: bool) -> bool:
        """Queue again what was sent and not taken in, where it is worth it: it was lost with the connection.

        Args:
            asked: Whether the model is known to have noticed that somebody spoke or typed.

        Returns:
            Whether words are queued, spoken or typed.
        """
        known = max(self._taken, min(self._superseded, self._unheard_before_text()))
        both = [item for item in (*self._in_flight, *self._queued) if not item.held]
        audio = [item for item in both if item.kind == "audio" and item.number >= known]
        first = next((item.number for item in audio if item.is_speech), None) if asked else None
        if asked and first is None and audio and not any(item.kind == "text" for item in both):
            first = audio[0].number  # Too soft to be noticed here.
        if not asked and audio:
            first = self._utterance()
            unheard = [item for item in audio if item.is_speech and self._heard <= item.number < first]
            if sum(item.ms for item in unheard) >= UNHEARD_MS:
                first = min(first, unheard[0].number)
        forgotten, forgotten_ms = self._forgotten
        if forgotten >= max(self._taken, self._heard) or (asked and forgotten >= known):
            self.offline_dropped_ms += forgotten_ms
        self._forgotten = (-1, 0.0)
        start = self._next if first is None else max(self._before(max(first, known)), known)
        last_picture = max((item.number for item in both if item.kind == "picture"), default=None)
        words = False
        for item in list(self._in_flight):
            if item.number < self._taken:
                continue
            match item.kind:
                case "audio":
                    item.queued = item.number >= start
                    words = words or (item.queued and item.is_speech)
                case "text":
                    item.queued = True
                case "picture":
                    item.queued = item.number == last_picture
                case "mark":
                    item.queued = item.number >= start or _begins_activity(item)
        again = [item for item in self._in_flight if item.queued]
        for item in again:
            item.live = False  # It is late already, and sent whole.
        self.replayed_items += len(again)
        self._in_flight = deque(item for item in self._in_flight if not item.queued)
        self._queued = deque(sorted([*again, *self._queued], key=lambda item: item.number))
        return words or any(item.kind == "text" for item in self._queued if not item.held)

    def _unheard_before_text(self) -> int:
        """Return the number from which audio is sent again though text was typed after it.

        That is where the server has not reacted to speech that was over for long by then. Text that is typed
        right after speech takes its place.
        """
        speech_ms, silent_ms, first = 0.0, 0.0, self._superseded
        for item in chain(self._in_flight, self._queued):
            if item.kind != "audio" or not max(self._taken, self._heard) <= item.number < self._superseded:
                continue
            if item.is_speech:
                first = min(first, item.number)
                speech_ms, silent_ms = speech_ms + item.ms, 0.0
            else:
                silent_ms += item.ms
        if speech_ms < UNHEARD_MS or silent_ms < RECENT_MS:
            return self._superseded
        return self._before(first)

    def drop_results(self, kept: Iterable[str]) -> list[str]:
        """Drop the results that wait, except those of the calls `kept`; returns the ids of the others."""
        kept = set(kept)
        dropped = [item for item in self._queued if item.call is not None and item.call not in kept]
        for item in dropped:
            self._drop(item)
        return [item.call for item in dropped if item.call and item.kind == "result"]

    def _newest_first(self) -> Iterator[OutboxItem]:
        both = chain(reversed(self._queued), reversed(self._in_flight))
        return (item for item in both if not item.held)

    def _utterance(self) -> int:
        """Return the number of the first audio of what is being said now; the next number if nothing is."""
        silent_ms, first = 0.0, self._next
        for item in self._newest_first():
            if item.kind != "audio":
                continue
            silent_ms = 0.0 if item.is_speech else silent_ms + item.ms
            if item.is_speech:
                first = item.number
            if silent_ms >= (RECENT_MS if first == self._next else PAUSE_MS):
                break
        return first

    def _last_pause(self) -> int:
        """Return the number of the first audio of the last silence that may have ended a turn; 0 without."""
        silent_ms, first = 0.0, 0
        for item in self._newest_first():
            if item.kind != "audio":
                continue
            if item.is_speech:
                if silent_ms >= TURN_MS:
                    return first
                silent_ms = 0.0
            else:
                silent_ms, first = silent_ms + item.ms, item.number
        return 0

    def _before(self, number: int) -> int:
        """Return the number of the audio that comes a little before that one; the same if there is none."""
        before_ms, first = 0.0, number
        if number == self._next:
            return number
        for item in self._newest_first():
            if item.kind == "audio" and item.number < number:
                before_ms += item.ms
                if before_ms > BEFORE_MS:
                    break
                first = item.number
        return first

    def _trim(self) -> None:
        """Forget what was taken in, except for a little audio."""
        taken_ms = 0.0
        kept: deque[OutboxItem] = deque()
        for item in reversed(self._in_flight):
            if item.number < self._taken:
                taken_ms += item.ms
                if item.kind != "audio" or taken_ms > TAKEN_MS:
                    self._audio_ms -= item.ms
                    continue
            kept.appendleft(item)
        self._in_flight = kept

    def _drop(self, item: OutboxItem) -> None:
        (self._queued if item.queued else self._in_flight).remove(item)
        self._results -= item.kind == "result" and item.queued
        self._audio_ms -= item.ms
        item.queued = False

    def _drop_oldest(self, item: OutboxItem) -> None:
        """Drop the oldest audio, or item, where more waits with `item` than its bound allows."""
        while self._audio_ms > AUDIO_MS:
            oldest = next(one for one in chain(self._in_flight, self._queued) if one.kind == "audio")
            if oldest.queued:
                self.offline_dropped_ms += oldest.ms
            elif oldest.is_speech and oldest.number >= self._taken:
                last, before_ms = self._forgotten
                self._forgotten = (oldest.number, oldest.ms + (before_ms if last >= self._taken else 0.0))
            self._drop(oldest)
        if item.live and len(self._queued) > 1:
            live = [one for one in self._queued if one.live]
            if sum(one.ms for one in live) > BACKLOG_MS:
                self.late_dropped_ms += live[0].ms
                self._drop(live[0])
        if item.held:
            held = [one for one in self._queued if one.held]
            if len(held) > HELD_ITEMS or sum(one.ms for one in held) > HELD_AUDIO_MS:
                oldest = next((one for one in held if one.kind == "audio"), held[0])
                self.held_dropped_ms += oldest.ms
                self.dropped_items += oldest.kind != "audio"
                self._drop(oldest)


def _begins_activity(item: OutboxItem) -> bool:
    """Return whether a mark says that the user begins to speak."""
    sent = item.message.realtime_input if isinstance(item.message, ClientMessage) else None
    return sent is not None and sent.activity_start is not None


def text_message(text: str, model: Model) -> ClientMessage:
    """Return the message for what the user typed, in the form that the model takes.

    Raises:
        UsageError: If there is no text, too much of it, or the model takes none.
    """
    if not isinstance(text, str):
        raise UsageError(f"What is sent as text must be a str, not {type(text).__name__}.")
    if not text.strip():
        raise UsageError("There is no text to send.")
    if len(text) > TEXT_LIMIT:
        raise UsageError(f"A text may have {TEXT_LIMIT:,} characters, and this has {len(text):,}; send less.")
    if model.text == "none":
        raise UsageError(f"{model.id} takes no text while a session runs; speak to it.")
    if model.text == "realtime_text":
        return ClientMessage(realtime_input=RealtimeInput(text=text))
    content = Content(role="user", parts=[Part(text=text)])
    return ClientMessage(client_content=ClientContent(turns=[content], turn_complete=True))


def require_vision(model: Model) -> None:
    """Raise UsageError if the model takes no pictures."""
    if not model.video and model.service == "agent":
        agent = capitalized(model.settings_of)
        raise UsageError(f"{agent} takes no pictures; describe what they show in words.")
    if not model.video:
        raise UsageError(f"{model.id} takes no pictures; gemini-3.8-live and most other models do.")


def image_message(picture: Picture) -> ClientMessage:
    """Return the message for a picture.

    Raises:
        PictureError: If it has no bytes, too many, or the type of something else.
    """
    if not picture.mime_type.startswith("image/"):
        raise PictureError('The mime_type of a picture begins with "image/".')
    size = len(picture.data)
    if not 0 < size <= IMAGE_LIMIT:
        raise PictureError(f"A picture has 1 byte to {IMAGE_LIMIT >> 20} MiB, and this has {size:,}.")
    blob = Blob(data=picture.data, mime_type=picture.mime_type)
    return ClientMessage(realtime_input=RealtimeInput(video=blob))
