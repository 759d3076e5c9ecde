"""How the stand-in behaves in one session: what the client asked for, and what its model's family does.

How much a model thinks in one session, by its level or its budget, and whether it shows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from livewidget.models import ONLY_ACTIVITY, Model
from livewidget.protocol.messages import Setup, Tool
from livewidget.standin.context import CHARACTERS_PER_TOKEN
from livewidget.standin.interfaces import HearingSettings, Skills, Translation
from livewidget.standin.rules import TUTOR

_SENTENCES = {"MINIMAL": 1, "LOW": 2, "MEDIUM": 3}  # of thoughts at a level; the higher ones have no limit


@dataclass(frozen=True, slots=True)
class Thinking:
    """One session's share of thoughts.

    Attributes:
        shown: Thoughts are sent (`includeThoughts`); else they only count.
        sentences: Most thoughts for an answer; None: no limit; 0: it does not think.
        tokens: Most tokens of them; None: no limit.
    """

    shown: bool = False
    sentences: int | None = 0
    tokens: int | None = None

    @classmethod
    def of(cls, setup: Setup, model: Model) -> Thinking:
        """Read it from an accepted setup.

        With no level, the model's lowest holds; with no budget or a negative one, the model thinks as much as
        it likes.
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

    def kept(self, thoughts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the thoughts that the session has room for: the first ones, each whole."""
        kept, spent = [], 0
        for thought in thoughts[: self.sentences]:
            spent += ceil(len(thought) / CHARACTERS_PER_TOKEN)
            if self.tokens is not None and spent > self.tokens:
                break
            kept.append(thought)
        return tuple(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """One session's ways.

    Attributes:
        model: The model's row of `livewidget.models`.
        vertex: As Vertex AI: a session id, `candidates…` in the counts, UUIDs for calls, the role `model`.
        speaks: The answer is sound; else text.
        answers: Answers at all; a model that only transcribes does not.
        sees: Looks at pictures.
        transcribes_input: Sends what it heard as text.
        transcribes_output: Sends what it says as text.
        previews: Sends what it has understood so far, while somebody speaks.
        marks_finished: Marks the last piece of a transcript as the last.
        one_thing_per_message: A word and its sound come in two messages, as from the models before 3.
        interrupts: The user's voice stops the model's.
        resumes: Sends a resumption handle after each turn.
        transparent: Says with it which of the client's messages are in it.
        window: Tokens of the context from which it is compressed, and to how many; None: it is not.
        coverage: What belongs to a turn: `turnCoverage`, or what the model does without it.
        signals_speech: Sends `voiceActivityDetectionSignal` too.
        seeds: The first `clientContent` is history, up to `turnComplete`.
        voice: The prebuilt voice asked for, or None.
        language: The language to answer in, BCP-47, where the model takes one; or None.
        translation: It translates, and does nothing else; or None.
        mute: It was to translate, and was not told into what: all that it sends is silence.
        silence: It may choose not to answer what was not meant for it.
        reserved: Nor what it did not hear for sure: that was asked for.
        mood: It may speak in a mood.
        thinking: How much it thinks, and whether that is sent.
        most_tokens: Of an answer; None: as many as it has.
        vocabulary: Words and phrases that the client expects.
        smart: What was said is written as one would write it; else word by word.
        media_resolution: As asked for; decides what a picture costs.
        hearing: Where speech starts and ends.
    """

    model: Model
    vertex: bool = False
    speaks: bool = True
    answers: bool = True
    sees: bool = True
    transcribes_input: bool = False
    transcribes_output: bool = False
    previews: bool = False
    marks_finished: bool = False
    one_thing_per_message: bool = False
    interrupts: bool = True
    resumes: bool = False
    transparent: bool = False
    window: tuple[int, int] | None = None
    coverage: str = ONLY_ACTIVITY
    signals_speech: bool = False
    seeds: bool = False
    voice: str | None = None
    language: str | None = None
    translation: Translation | None = None
    mute: bool = False
    silence: bool = False
    reserved: bool = False
    mood: bool = False
    thinking: Thinking = field(default_factory=Thinking)
    most_tokens: int | None = None
    vocabulary: tuple[str, ...] = ()
    smart: bool = False
    media_resolution: str | None = None
    hearing: HearingSettings = field(default_factory=HearingSettings)

    @classmethod
    def of(cls, setup: Setup, model: Model) -> Manners:
        """Read them from an accepted setup and its model's row."""
        generation, history = setup.generation_config, setup.history_config
        realtime, transcripts = setup.realtime_input_config, setup.input_audio_transcription
        modalities = (generation and generation.response_modalities) or model.modalities[:1]
        vertex, tutor = model.service == "vertex", model.id == TUTOR
        reserved = bool(setup.proactivity and setup.proactivity.proactive_audio)
        transcribes = setup.input_audio_transcription is not None or model.dictates
        return cls(
            model=model,
            vertex=vertex,
            speaks="TEXT" not in modalities,
            answers=not model.dictates,
            sees=model.video,
            transcribes_input=transcribes,
            transcribes_output=setup.output_audio_transcription is not None,
            previews=transcribes and (model.dictates or tutor),
            marks_finished=vertex or tutor,
            one_thing_per_message=model.one_part_per_event,
            # Who translates speaks while they listen.
            interrupts=not (model.translation or _never_interrupts(setup)),
            resumes=setup.session_resumption is not None,
            transparent=bool(setup.session_resumption and setup.session_resumption.transparent),
            window=_window(setup, model),
            coverage=(realtime and realtime.turn_coverage) or model.turn_coverage,
            signals_speech=bool(setup.explicit_vad_signal),
            seeds=bool(history and history.initial_history_in_client_content),
            voice=_voice(setup),
            language=_language(setup) if model.languages and not model.translation else None,
            translation=_translation(setup, model),
            mute=model.translation and _translation(setup, model) is None,
            silence=reserved or model.always_proactive,
            reserved=reserved,
            mood=bool(generation and generation.enable_affective_dialog),
            thinking=Thinking.of(setup, model),
            most_tokens=generation.max_output_tokens if generation else None,
            vocabulary=_vocabulary(setup) if model.vocabulary else (),
            smart=bool(transcripts and transcripts.mode == "SMART"),
            media_resolution=generation.media_resolution if generation else None,
            hearing=HearingSettings.of(realtime),
        )

    def skills(self, tools: Sequence[Tool] | None) -> Skills:
        """Return what a mind may do that these tools are declared to."""
        declared = tools or ()
        return Skills(
            search=any(tool.google_search is not None for tool in declared),
            code=any(tool.code_execution is not None for tool in declared),
            pages=any(tool.url_context is not None for tool in declared),
            silence=self.silence,
            reserved=self.reserved,
            mood=self.mood,
            translation=self.translation,
            dictation=not self.answers,
            language=self.language,
        )


def _never_interrupts(setup: Setup) -> bool:
    realtime = setup.realtime_input_config
    return bool(realtime and realtime.activity_handling == "NO_INTERRUPTION")


def _window(setup: Setup, model: Model) -> tuple[int, int] | None:
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


def _translation(setup: Setup, model: Model) -> Translation | None:
    if not model.translation:
        return None
    if model.translation_by_language:
        target = _language(setup)
        return Translation(target=target) if target else None
    config = setup.generation_config.translation_config if setup.generation_config else None
    if config is None or not config.target_language_code:
        return None
    return Translation(target=config.target_language_code, echo=bool(config.echo_target_language))


def _vocabulary(setup: Setup) -> tuple[str, ...]:
    config = setup.input_audio_transcription
    return tuple((config and config.custom_vocabulary) or ())
