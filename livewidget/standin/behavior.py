"""How the stand-in behaves in one session: what the setup asks for, and what the model's family does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from livewidget.models import ONLY_ACTIVITY, Model
from livewidget.protocol.messages import Setup, Tool
from livewidget.standin.context import Components, SessionState, text_tokens
from livewidget.standin.interfaces import Skills, TranslationTarget, VadSettings
from livewidget.standin.link import ClientLink
from livewidget.standin.rules import TUTOR

#: Thoughts per answer at a thinking level; higher levels have no limit. Chosen: the tutor has three to five.
_SENTENCES = {"MINIMAL": 1, "LOW": 2, "MEDIUM": 3}


@dataclass(frozen=True, slots=True)
class ThoughtLimits:
    """How much a model thinks in one session.

    Attributes:
        shown: Thoughts are sent (`includeThoughts`); otherwise they only count.
        sentences: Thoughts per answer; None: no limit; 0: the model does not think.
        tokens: Tokens of thoughts per answer; None: no limit.
    """

    shown: bool = False
    sentences: int | None = 0
    tokens: int | None = None

    @classmethod
    def from_setup(cls, setup: Setup, model: Model) -> ThoughtLimits:
        """Read them from an accepted setup.

        Without a level, the model's lowest applies; without a budget or with a negative one there is no
        limit.
        """
        config = setup.generation_config.thinking_config if setup.generation_config else None
        shown = bool(config and config.include_thoughts)
        if model.thinking == "budget":
            budget = config.thinking_budget if config else None
            return cls(shown, None, None if budget is None or budget < 0 else budget)
        if model.thinking != "level" or config is None:
            return cls()
        level = config.thinking_level or next(iter(model.thinking_levels), "MINIMAL")
        return cls(shown, _SENTENCES.get(level))

    def select(self, thoughts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the first thoughts that fit the limits, each whole."""
        selected, spent = [], 0
        for thought in thoughts[: self.sentences]:
            spent += text_tokens(thought)
            if self.tokens is not None and spent > self.tokens:
                break
            selected.append(thought)
        return tuple(selected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """The behavior of one session.

    Attributes:
        model: The model's row of `livewidget.models`.
        vertex: Follow Vertex AI's wire: a session id, `candidates…` token counts, UUIDs for calls, role
            `model`.
        speaks: Answers are audio; otherwise text.
        answers: The model answers; one that only transcribes does not.
        sees: The model takes pictures.
        transcribes_input: Input transcripts are sent.
        transcribes_output: Output transcripts are sent.
        interim_transcripts: Transcripts are sent while the user speaks, too.
        marks_finished: The last piece of a transcript is marked as finished.
        one_part_per_message: A word and its audio come in two messages, as from the models before 3.
        interrupts: Speech of the user's interrupts the model.
        resumes: A resumption handle is sent after each turn.
        transparent: With the index of the last client message that it covers.
        compression: Tokens from which the context is compressed, and to how many; None: it is not.
        turn_coverage: Which input belongs to a turn: `turnCoverage`, or the model's default.
        signals_vad: `voiceActivityDetectionSignal` is sent, too.
        seeds_history: The first `clientContent` is history, up to `turnComplete`.
        voice: The prebuilt voice asked for, or None.
        skills: What a dialogue may do before any tools are declared.
        mute: A translation without a target: everything that is sent is silence.
        thoughts: How much the model thinks, and whether that is sent.
        max_output_tokens: Of an answer; None: no limit.
        vocabulary: Words and phrases that the client expects.
        smart_transcripts: Transcripts have punctuation, capitals and digits; otherwise they are verbatim.
        media_resolution: As asked for; decides the tokens of a picture.
        vad: Where speech starts and ends.
    """

    model: Model
    vertex: bool = False
    speaks: bool = True
    answers: bool = True
    sees: bool = True
    transcribes_input: bool = False
    transcribes_output: bool = False
    interim_transcripts: bool = False
    marks_finished: bool = False
    one_part_per_message: bool = False
    interrupts: bool = True
    resumes: bool = False
    transparent: bool = False
    compression: tuple[int, int] | None = None
    turn_coverage: str = ONLY_ACTIVITY
    signals_vad: bool = False
    seeds_history: bool = False
    voice: str | None = None
    skills: Skills = field(default_factory=Skills)
    mute: bool = False
    thoughts: ThoughtLimits = field(default_factory=ThoughtLimits)
    max_output_tokens: int | None = None
    vocabulary: tuple[str, ...] = ()
    smart_transcripts: bool = False
    media_resolution: str | None = None
    vad: VadSettings = field(default_factory=VadSettings)

    @classmethod
    def from_setup(cls, setup: Setup, model: Model) -> Behavior:
        """Read it from an accepted setup and its model's row."""
        generation, history = setup.generation_config, setup.history_config
        realtime, transcription = setup.realtime_input_config, setup.input_audio_transcription
        resumption = setup.session_resumption
        modalities = (generation and generation.response_modalities) or model.modalities[:1]
        vertex, tutor = model.service == "vertex", model.id == TUTOR
        proactive = bool(setup.proactivity and setup.proactivity.proactive_audio)
        never_interrupts = bool(realtime and realtime.activity_handling == "NO_INTERRUPTION")
        transcribes = transcription is not None or model.dictates
        translation = _translation(setup, model)
        vocabulary = transcription.custom_vocabulary if transcription and model.vocabulary else None
        return cls(
            model=model,
            vertex=vertex,
            speaks="TEXT" not in modalities,
            answers=not model.dictates,
            sees=model.video,
            transcribes_input=transcribes,
            transcribes_output=setup.output_audio_transcription is not None,
            interim_transcripts=transcribes and (model.dictates or tutor),
            marks_finished=vertex or tutor,
            one_part_per_message=model.one_part_per_event,
            # A translation goes on while the user speaks.
            interrupts=not (model.translation or never_interrupts),
            resumes=resumption is not None,
            transparent=bool(resumption and resumption.transparent),
            compression=_compression(setup, model),
            turn_coverage=(realtime and realtime.turn_coverage) or model.turn_coverage,
            signals_vad=bool(setup.explicit_vad_signal),
            seeds_history=bool(history and history.initial_history_in_client_content),
            voice=_voice(setup),
            skills=Skills(
                may_ignore=proactive or model.always_proactive,
                proactive_audio=proactive,
                affective_dialog=bool(generation and generation.enable_affective_dialog),
                translation=translation,
                dictation=model.dictates,
                language=_language(setup) if model.languages and not model.translation else None,
            ),
            mute=model.translation and translation is None,
            thoughts=ThoughtLimits.from_setup(setup, model),
            max_output_tokens=generation.max_output_tokens if generation else None,
            vocabulary=tuple(vocabulary or ()),
            smart_transcripts=bool(transcription and transcription.mode == "SMART"),
            media_resolution=generation.media_resolution if generation else None,
            vad=VadSettings.from_config(realtime),
        )

    def skills_with(self, tools: Sequence[Tool] | None) -> Skills:
        """Return what a dialogue may do with these declared tools."""
        declared = tools or ()
        return replace(
            self.skills,
            search=any(tool.google_search is not None for tool in declared),
            code=any(tool.code_execution is not None for tool in declared),
            url_context=any(tool.url_context is not None for tool in declared),
        )


@dataclass(frozen=True, slots=True)
class SessionParts:
    """What every class of one session needs: its link, behavior and state, and the stand-in's components."""

    link: ClientLink
    behavior: Behavior
    components: Components
    state: SessionState


def _compression(setup: Setup, model: Model) -> tuple[int, int] | None:
    """Return the trigger and the target; by default 80 % of the model's context, and half of the trigger."""
    asked = setup.context_window_compression
    if asked is None:
        return None
    trigger, sliding = asked.trigger_tokens, asked.sliding_window
    trigger = model.context_tokens * 4 // 5 if trigger is None else trigger
    target = sliding.target_tokens if sliding else None
    return trigger, trigger // 2 if target is None else min(target, trigger)


def _voice(setup: Setup) -> str | None:
    speech = setup.generation_config.speech_config if setup.generation_config else None
    config = speech.voice_config if speech else None
    prebuilt = config.prebuilt_voice_config if config else None
    return prebuilt.voice_name if prebuilt else config.voice if config else None


def _language(setup: Setup) -> str | None:
    speech = setup.generation_config.speech_config if setup.generation_config else None
    return speech.language_code if speech else None


def _translation(setup: Setup, model: Model) -> TranslationTarget | None:
    if not model.translation:
        return None
    if model.translation_by_language:
        target = _language(setup)
        return TranslationTarget(target=target) if target else None
    config = setup.generation_config.translation_config if setup.generation_config else None
    if config is None or not config.target_language_code:
        return None
    return TranslationTarget(target=config.target_language_code, echo=bool(config.echo_target_language))
