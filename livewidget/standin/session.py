"""The server's side of one session: setup, then every message of the client until either side closes."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from livewidget.clock import Clock
from livewidget.models import ONLY_ACTIVITY, Model
from livewidget.protocol import ClientMessageError, decode_client
from livewidget.protocol.messages import (
    Blob,
    ClientContent,
    ClientMessage,
    Content,
    ContextUpdate,
    RealtimeInput,
    ServerMessage,
    Setup,
    SetupComplete,
    Tool,
)
from livewidget.standin import recall, rules
from livewidget.standin.behavior import Behavior, SessionParts
from livewidget.standin.context import ResumptionStore, SessionState
from livewidget.standin.interfaces import INPUT_RATE, Dialogue, Phrases, Recognition
from livewidget.standin.link import ClientLink, close_after
from livewidget.standin.listener import Listener
from livewidget.standin.rules import Refusal
from livewidget.standin.tokens import TokenGrant
from livewidget.standin.turn_runner import TurnRunner, has_words
from livewidget.standin.tutor.brain import TutorDialogue
from livewidget.transports.base import TransportClosed

log = logging.getLogger(__name__)

#: Time for the setup. Chosen: clients send it at once.
_SETUP_MS = 30_000.0
#: Pictures kept that came while nobody spoke. Chosen: as many as the tutor compares.
_PICTURES = 2
#: What is asked where a picture is shown and nothing said.
_LOOK = "what do you see"
_RATE = re.compile(r"rate\s*=\s*\"?(\d{1,7})", re.ASCII)


class MessageHandler(Protocol):
    """Takes a session's messages after the setup: the simulated model, or a script."""

    @property
    def seeding(self) -> bool:
        """Whether `clientContent` still seeds the history."""

    async def handle(self, message: ClientMessage) -> None:
        """Act on one message.

        Raises:
            Refusal: If the service would end the session.
        """

    async def close(self) -> None:
        """Stop, and wait for the tasks that were started."""


MakeHandler = Callable[[ClientLink, Behavior, SessionState, Setup], MessageHandler]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What is decided about a client before its setup.

    Attributes:
        version: The API version that it dialled.
        refusal: Why it is not let in; sent after its first message, as the service does. Or None.
        grant: What its ephemeral token allows; None if it came without one.
        by_api_key: It came to Vertex AI with an API key, which gives no access to projects.
    """

    version: str = "v1beta"
    refusal: Refusal | None = None
    grant: TokenGrant | None = None
    by_api_key: bool = False


class ServerSession:
    """Runs one session over one link."""

    def __init__(
        self,
        link: ClientLink,
        admission: Admission,
        make_handler: MakeHandler,
        resumptions: ResumptionStore,
        clock: Clock,
        connection_ms: float | None,
        *,
        lenient: bool = False,
    ) -> None:
        """Serve `link` for `connection_ms`; None: as long as the model's connections last.

        `lenient`: accept what the service is reported to refuse, and does not say so.
        """
        self._link = link
        self._admission = admission
        self._make_handler = make_handler
        self._resumptions = resumptions
        self._clock = clock
        self._connection_ms = connection_ms
        self._lenient = lenient

    async def run(self) -> None:
        """Serve until either side closes. Never raises: a failure closes the link with 1011."""
        try:
            try:
                await self._run()
            except Refusal as refusal:
                await self._link.close(refusal.code, refusal.reason)
            except ClientMessageError as error:
                await self._link.close(1007, error.reason)
            except TransportClosed:
                raise
            except Exception:
                log.exception("a stand-in session failed")
                await self._link.close(1011, rules.INTERNAL)
        except TransportClosed:
            pass

    async def _run(self) -> None:
        setup, model = await self._receive_setup()
        state = self._state_for(setup, model)
        behavior = Behavior.from_setup(setup, model)
        handler = self._make_handler(self._link, behavior, state, setup)
        lifetime: asyncio.Task[None] | None = None
        try:
            session_id = str(uuid.uuid4()) if behavior.vertex else None
            self._link.consumed = 1
            await self._link.send(ServerMessage(setup_complete=SetupComplete(session_id=session_id)))
            length_ms = model.connection_ms if self._connection_ms is None else self._connection_ms
            lifetime = asyncio.create_task(
                close_after(self._link, self._clock, length_ms), name="stand-in lasts"
            )
            while True:
                message = decode_client(await self._link.receive())
                if self._admission.grant is not None:
                    self._admission.grant.check()
                rules.check_message(message, setup, model, seeding=handler.seeding)
                await handler.handle(message)
                self._link.consumed += 1
        finally:
            if lifetime is not None:
                lifetime.cancel()
                await asyncio.wait([lifetime])
            await handler.close()

    async def _receive_setup(self) -> tuple[Setup, Model]:
        admission = self._admission
        first = asyncio.ensure_future(self._link.receive())
        late = asyncio.ensure_future(self._clock.sleep_until(self._clock.now_ms() + _SETUP_MS))
        try:
            await asyncio.wait([first, late], return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                raise Refusal(1011, rules.DEADLINE)
            frame = first.result()
        finally:
            first.cancel()
            late.cancel()
        if admission.refusal:
            raise admission.refusal
        setup = decode_client(frame).setup
        if setup is None:
            raise Refusal(1007, rules.SETUP_FIRST)
        if admission.grant is not None:
            setup = admission.grant.effective(setup)
        if admission.by_api_key and rules.is_vertex(setup.model) and setup.model.startswith("projects/"):
            raise Refusal(1008, rules.NO_API_KEY)
        model = rules.find_model(setup.model, admission.version)
        if self._lenient:
            model = rules.relaxed(model)
        rules.check_setup(setup, model)
        return setup, model

    def _state_for(self, setup: Setup, model: Model) -> SessionState:
        """Return the state that the setup's handle leads to, or a new one."""
        handle = setup.session_resumption.handle if setup.session_resumption else None
        state = self._resumptions.find(handle) if handle else SessionState(model=model.id)
        if state is None:
            raise Refusal(1008, rules.SESSION_NOT_FOUND)
        if state.model != model.id:
            raise Refusal(1007, rules.INVALID)
        if self._admission.grant is not None:
            self._admission.grant.admit(resumed=bool(handle))
        return state


class SimulatedModel:
    """Passes each message to the side of the session that it is for: the listener, or the turn runner."""

    def __init__(self, parts: SessionParts, setup: Setup) -> None:
        self._behavior, self._components, self._state = parts.behavior, parts.components, parts.state
        self.seeding = parts.behavior.seeds_history
        dialogue = self._dialogue(setup.tools)
        self._state.context.instruction = _text(setup.system_instruction)
        # Pictures that came while nobody spoke, and the number of utterances before each.
        self._aside: deque[tuple[int, bytes]] = deque(maxlen=_PICTURES)
        recognition = self._recognition(dialogue)
        self._turns = TurnRunner(parts, dialogue)
        self._listener = Listener(parts, self._turns, recognition)

    async def handle(self, message: ClientMessage) -> None:
        """Act on one message; see `MessageHandler`."""
        if message.realtime_input is not None:
            await self._on_realtime_input(message.realtime_input)
        elif message.client_content is not None:
            await self._on_client_content(message.client_content)
        elif message.tool_response is not None:
            for unasked in self._turns.calls.on_results(message.tool_response.function_responses or []):
                await self._turns.take_result(unasked)
        elif message.context_update is not None:
            self._on_context_update(message.context_update)

    async def close(self) -> None:
        """Stop listening and answering; the state stays."""
        await self._listener.close()
        await self._turns.close()

    async def _on_realtime_input(self, sent: RealtimeInput) -> None:
        if sent.activity_start is not None:
            await self._listener.mark_activity(active=True)
        for blob in filter(None, (sent.audio, sent.video)):
            await self._on_media(blob)
        if sent.media_chunks:
            chunk = sent.media_chunks[0]  # the service uses only the first
            if self._behavior.model.media_chunks or not (chunk.mime_type or "").startswith("audio/"):
                await self._on_media(chunk)
        if sent.activity_end is not None:
            await self._listener.mark_activity(active=False)
        ends = self._behavior.model.stream_end_ends_turn and not self._behavior.vad.manual
        if sent.audio_stream_end and ends:
            await self._listener.flush()
        if sent.text is not None:
            await self._on_typed(sent.text)

    async def _on_media(self, blob: Blob) -> None:
        kind = (blob.mime_type or "audio/pcm").lower()
        if kind.startswith("image/"):
            if self._behavior.turn_coverage == ONLY_ACTIVITY and not self._listener.speaking:
                self._aside.append((self._listener.utterances, blob.data))
            else:
                self._add_picture(blob.data)
            return
        if not kind.startswith(("audio/pcm", "audio/l16")):
            raise Refusal(1007, rules.INVALID)
        rate = _RATE.search(kind)
        await self._listener.feed(blob.data, int(rate[1]) if rate else INPUT_RATE)

    def _add_picture(self, picture: bytes) -> None:
        self._state.pictures.add(picture)
        self._state.context.count_picture(self._behavior.media_resolution)

    def _add_pictures_aside(self) -> None:
        """Add what was shown before a typed question, unless the user has spoken since.

        "Only activity" leaves pictures before a spoken turn out of it; what it leaves out of a typed one is
        not published.
        """
        for utterances, picture in self._aside:
            if utterances == self._listener.utterances:
                self._add_picture(picture)
        self._aside.clear()

    async def _on_typed(self, text: str) -> None:
        if not has_words(text):
            self._state.context.count_text(text)
            if self._behavior.answers:
                await self._turns.ask_unanswered_if_idle()
            return
        await self._turns.interrupt()
        self._add_pictures_aside()
        if self._behavior.answers:
            await self._turns.ask(text, typed=True)

    async def _on_client_content(self, content: ClientContent) -> None:
        turns = [(turn.role or "user", _text(turn)) for turn in content.turns or []]
        pictures = [picture for turn in content.turns or [] for picture in _pictures(turn)]
        if self.seeding:
            for picture in pictures:
                self._add_picture(picture)
            self._add_turns(turns)
            self.seeding = not content.turn_complete
            # Later families wait for realtime input, even if the history ends with a question.
            if content.turn_complete and self._behavior.model.text == "client_content":
                await self._turns.ask_unanswered_if_idle()
            return
        await self._turns.interrupt()
        self._add_pictures_aside()
        for picture in pictures:
            self._add_picture(picture)
        self._add_turns(turns)
        if content.turn_complete and self._behavior.answers:
            # A picture without a word is shown to be talked about.
            default = _LOOK if pictures and not any(text for _, text in turns) else None
            await self._turns.ask_unanswered(default)
        else:
            self._turns.deliver_results()

    def _add_turns(self, turns: list[tuple[str, str]]) -> None:
        for role, text in turns:
            if role == "system":  # how Vertex AI takes a new instruction
                self._state.context.instruction = text
            elif text:
                self._state.context.add_text(role, text)
        self._tell_last()

    def _tell_last(self) -> None:
        """Let the tutor repeat what the model said last, though it was not this dialogue that said it."""
        said = [text for role, text in self._state.context.lines if role == "model"]
        if said and isinstance(self._state.dialogue, TutorDialogue):
            self._state.dialogue.said(said[-1])

    def _on_context_update(self, update: ContextUpdate) -> None:
        if update.system_instruction is not None:
            self._state.context.instruction = _text(update.system_instruction)
        if update.tools is not None:
            self._state.dialogue = None  # a new one, even if it is to do the same
            dialogue = self._turns.dialogue = self._dialogue(update.tools.tools)
            self._listener.replace(self._recognition(dialogue))

    def _dialogue(self, tools: list[Tool] | None) -> Dialogue:
        """Return the session's dialogue, or a new one if it may do something else with these tools."""
        state = self._state
        declared = [msgspec.to_builtins(one) for one in rules.declarations(tools)]
        skills = self._behavior.skills_with(tools)
        if state.dialogue is None or (declared, skills) != (state.declarations, state.skills):
            state.dialogue = self._components.responder.session(declared, skills)
            state.declarations, state.skills = declared, skills
            self._tell_last()
        return state.dialogue

    def _recognition(self, dialogue: Dialogue) -> Recognition:
        """Return a new recognition for the dialogue's phrases, and those about the session itself."""
        behavior = self._behavior
        builtin: tuple[str, ...] = ()
        if self._components.builtin_responder and behavior.answers and not behavior.model.translation:
            builtin = (*recall.PHRASES, *(recall.PICTURE_PHRASES if behavior.sees else ()))
        known = (*dialogue.phrases.sentences, *builtin)
        # A recognizer without phrases takes any English: the client's vocabulary must not narrow it.
        expected = behavior.vocabulary if known else ()
        return self._components.speech_to_text.session(behavior.vad, Phrases((*known, *expected)))


def _pictures(content: Content) -> Iterator[bytes]:
    for part in content.parts or []:
        blob = part.inline_data
        if blob is not None and (blob.mime_type or "").lower().startswith("image/"):
            yield blob.data


def _text(content: Content | None) -> str:
    return " ".join(part.text for part in (content and content.parts) or [] if part.text)
