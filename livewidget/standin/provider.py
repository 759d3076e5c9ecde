"""`StandIn`: the Live API offline, as a provider for sessions and widgets."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from livewidget import models
from livewidget.clock import Clock, SystemClock
from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection.provider import Provider, require_known
from livewidget.errors import UsageError
from livewidget.protocol.messages import Setup
from livewidget.standin import adapters, rules
from livewidget.standin.behavior import Behavior, SessionParts
from livewidget.standin.context import Components, ResumptionStore, SessionState
from livewidget.standin.interfaces import Phrases, Responder, Skills, TranslationTarget, VadSettings
from livewidget.standin.link import FAULTS, ClientLink, FaultInjector
from livewidget.standin.rules import Refusal
from livewidget.standin.script import Script, ScriptPlayer
from livewidget.standin.session import Admission, MessageHandler, ServerSession, SimulatedModel
from livewidget.standin.tutor import recognizer
from livewidget.standin.tutor.voice import TutorTextToSpeech
from livewidget.transports.base import Transport
from livewidget.transports.memory import ServedTransport

#: The admission of a client in this process.
_IN_PROCESS = Admission()


class StandIn(Provider):
    """A small tutor on this computer that speaks the Live API's wire protocol: no key, no network.

    It listens, takes turns, can be interrupted, calls declared functions and answers by voice. It is a small
    program and not a language model, and says so. Ears, brain and voice can each be replaced by an object
    that implements a protocol of `livewidget.standin.interfaces`, or by a plain function::

        StandIn(brain=lambda text: text.upper())    # str → str, may be a coroutine function
        StandIn(ears=whisper, voice=speak)          # float32 at 16 kHz → str; str → samples at 24 kHz

    Attributes:
        model: The model it stands in for; it follows that model's rules and behavior.
        service: "standin", or the service of that model.
        clock: Its clock.
        label: Its display name.
        speaker: One word that precedes what it says in a transcript.
        badge: Where the user's voice goes, and whether it is understood.
        hears: Whether it understands speech; False where pocketsphinx, its ears, has no package for this
            computer: then it is typed to.
    """

    label = "Offline tutor"
    speaker = "tutor"
    is_local = True
    starting = "Loading the tutor's speech recognition and voice…"
    #: It stands in for any model.
    catalogue_service = "standin"

    def __init__(
        self,
        model: str = rules.TUTOR,
        *,
        ears: Any = None,
        brain: Any = None,
        voice: Any = None,
        script: Script | None = None,
        late_transcripts: bool = False,
        connection_s: float | None = None,
        lenient: bool = False,
        clock: Clock | None = None,
    ) -> None:
        """Create a stand-in. Nothing is loaded before the first dial.

        Args:
            model: The model of the Live API to stand in for; by default the tutor itself.
            ears: A `SpeechToText`, or a function from an utterance (float32, 16 kHz, mono) to its text.
            brain: A `Responder`, or a function from what was said to the answer.
            voice: A `TextToSpeech`, or a function from a text to its audio (24 kHz, mono).
            script: Play this instead of talking; for tests.
            late_transcripts: Send input transcripts only after the answer has begun, and do not mark their
                end: the service may do both at any time.
            connection_s: Seconds that a connection lasts; None: ten minutes, as on the service, or without
                end if there is a script. `goAway` comes 50 s before, or after five eighths if that is less.
            lenient: Accept what the service refuses by the reports of its users only: text in `clientContent`
                once the session runs, where a model takes it as `realtimeInput`, and turns without a role.
            clock: Another clock; for tests.

        Raises:
            UsageError: If `connection_s` is not a positive number, or there is no such model.
        """
        number = isinstance(connection_s, int | float) and not isinstance(connection_s, bool)
        if connection_s is not None and not (number and 0 < connection_s < float("inf")):
            raise UsageError("connection_s must be a number of seconds above 0.")
        if not isinstance(model, str):
            raise UsageError('The model to stand in for has a name, such as "gemini-3.8-live".')
        require_known(models.bare_id(model), "standin")
        self.model = model
        self.service = _service_of(model)
        self._given = (ears, brain, voice)
        self.hears = ears is not None or script is not None or not recognizer.is_missing()
        self._script = script
        self._late, self._lenient = late_transcripts, lenient
        # A script decides itself when a connection ends.
        default = None if script is None else float("inf")
        self._connection_ms = default if connection_s is None else connection_s * 1000
        self.clock = clock or SystemClock()
        self._resumptions = ResumptionStore(self.clock)
        self._made_responder: Responder | None = None
        self._components: Components | None = None
        self._injectors: dict[FaultInjector, asyncio.AbstractEventLoop] = {}
        self._refusing = False

    @property
    def _not_direct(self) -> str:
        return (
            "The tutor answers in this program, so that there is nothing for a page to connect to: leave "
            "direct out; or run livewidget serve and use Gemini(…, base_url=…, direct=True)."
        )

    @property
    def badge(self) -> str:
        """Where the user's voice goes, and whether it is understood."""
        return "no key · on this computer" + ("" if self.hears else " · type to it")

    @property
    def opening(self) -> str:
        """What a session waits for while it is being opened, in words."""
        return "the tutor to load its ears and its voice"

    def __repr__(self) -> str:
        return f"StandIn(model={self.model!r})"

    def suggestions(
        self, config: LiveConfig, declarations: Sequence[Mapping[str, Any]] = ()
    ) -> tuple[str, ...]:
        """Return sentences worth trying in such a session: those first that use what it declares."""
        if self._script:
            return ()
        to = config.translation
        skills = Skills(
            search=config.google_search,
            code=config.code_execution,
            url_context=config.url_context,
            may_ignore=config.proactive_audio,
            proactive_audio=config.proactive_audio,
            affective_dialog=config.affective_dialog,
            translation=TranslationTarget(target=to.target, echo=to.echo) if to else None,
            dictation=self.capabilities.dictates,
        )
        return self._responder().suggestions(declarations, skills)

    def expression(self) -> str | Call:
        """Return the Python expression that makes it; what was put into it appears by its name."""
        given = zip(("ears", "brain", "voice", "script"), (*self._given, self._script), strict=True)
        parts: dict[str, Any] = {kind: Name(_name_of(part, kind)) for kind, part in given if part is not None}
        if self.model != rules.TUTOR:
            parts["model"] = self.model
        if self._late:
            parts["late_transcripts"] = True
        if self._lenient:
            parts["lenient"] = True
        return Call("StandIn", (), parts) if parts else self.model

    def with_model(self, model: str) -> StandIn:
        """Return the same tutor, with the same resumption handles, standing in for another model."""
        require_known(models.bare_id(model), "standin")
        other = copy.copy(self)
        other.model = model
        other.service = _service_of(model)
        return other

    def model_path(self) -> str:
        """Return the model's name on the wire."""
        if "/" in self.model:
            return self.model
        return (
            f"publishers/google/models/{self.model}" if self.service == "vertex" else f"models/{self.model}"
        )

    async def dial(self) -> Transport:
        """Open an in-memory link to a server task, which ends with it.

        Raises:
            ExtraMissing: If the ears or the voice are not installed.
        """
        if self._loads:
            # On a slow computer this takes seconds, in which the rest of the loop goes on.
            await asyncio.to_thread(self.prepare)
        self.prepare()
        return ServedTransport(self.serve, name="stand-in session")

    @property
    def _loads(self) -> bool:
        """Whether `prepare` loads the tutor's own ears or voice."""
        own = self._given[0] is None or self._given[2] is None
        return own and self._components is None and self._script is None

    def prepare(self) -> None:
        """Load the components, so that the first session does not wait for them.

        Raises:
            ExtraMissing: If the ears or the voice are not installed.
        """
        if self._components is not None or self._script is not None:
            return
        speech_to_text = adapters.as_speech_to_text(self._given[0])
        text_to_speech = adapters.as_text_to_speech(self._given[2])
        if self._given[0] is None:
            # Loads with the first recognition; a missing extra must be raised here, not in the server's task.
            speech_to_text.session(VadSettings(), Phrases(("hello",))).close()
        if isinstance(text_to_speech, TutorTextToSpeech):
            text_to_speech.prepare()
        self._components = Components(
            speech_to_text=speech_to_text,
            responder=self._responder(),
            text_to_speech=text_to_speech,
            clock=self.clock,
            resumptions=self._resumptions,
            builtin_responder=self._given[1] is None,
            late_transcripts=self._late,
            hears=self.hears,
        )

    async def serve(
        self,
        transport: Transport,
        *,
        admission: Admission = _IN_PROCESS,
        abort: Callable[[], None] | None = None,
    ) -> None:
        """Serve one link until it is closed.

        Args:
            transport: The server's end.
            admission: What is known about the client before its setup.
            abort: Breaks the link without a close frame; None if the transport can close with 1006.
        """
        self.prepare()
        if self._refusing:
            admission = replace(admission, refusal=Refusal(1011, rules.UNAVAILABLE))
        link = ClientLink(transport)
        injector = FaultInjector(link, self.clock, abort)
        self._injectors[injector] = asyncio.get_running_loop()
        try:
            session = ServerSession(
                link,
                admission,
                self._handler,
                self._resumptions,
                self.clock,
                self._connection_ms,
                lenient=self._lenient,
            )
            await session.run()
        finally:
            del self._injectors[injector]
            await injector.close()

    def simulate(self, fault: str) -> None:
        """Let a fault happen in every running session. Thread-safe.

        Args:
            fault: "goaway", "drop", "internal", "refuse", "stall" or "recover"; see `standin.FAULTS`.

        Raises:
            UsageError: If there is no such fault.
        """
        if fault not in FAULTS:
            raise UsageError(f"There is no fault of that name; there are {', '.join(FAULTS)}.")
        self._refusing = fault == "refuse" or (self._refusing and fault != "recover")
        for injector, loop in list(self._injectors.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(injector.inject, fault)

    def _responder(self) -> Responder:
        self._made_responder = self._made_responder or adapters.as_responder(self._given[1])
        return self._made_responder

    def _handler(
        self, link: ClientLink, behavior: Behavior, state: SessionState, setup: Setup
    ) -> MessageHandler:
        if self._script is not None:
            return ScriptPlayer(self._script, link, self.clock)
        assert self._components is not None  # `prepare` was called
        return SimulatedModel(SessionParts(link, behavior, self._components, state), setup)


def _service_of(model: str) -> str:
    """Return whose rules a model follows: the tutor's own, or those of the model that it stands in for."""
    if models.bare_id(model) == rules.TUTOR:
        return "standin"
    return "gemini" if models.find(model, "gemini").known else "vertex"


def _name_of(part: Any, kind: str) -> str:
    """Return the name of a function, and of anything else its kind."""
    name = getattr(part, "__name__", "")
    return name if name.isidentifier() else kind
