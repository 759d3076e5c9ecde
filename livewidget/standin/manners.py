"""How the stand-in behaves in one session: what the client asked for, and what its model's family does."""

from __future__ import annotations

from dataclasses import dataclass, field

from livewidget.models import Model
from livewidget.protocol.client import Setup
from livewidget.standin.seams import HearingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """One session's ways.

    Attributes:
        model: The model's row of `livewidget.models`.
        vertex: As Vertex AI: a session id, `candidates…` in the counts, UUIDs for calls, the role `model`.
        speaks: The answer is sound; else text.
        answers: Answers at all; a model that only transcribes does not.
        transcribes_input: Sends what it heard as text.
        transcribes_output: Sends what it says as text.
        one_thing_per_message: A word and its sound come in two messages, as from the models before 3.
        interrupts: The user's voice stops the model's.
        resumes: Sends a resumption handle after each turn.
        signals_speech: Sends `voiceActivityDetectionSignal` too.
        seeds: The first `clientContent` is history, up to `turnComplete`.
        voice: The prebuilt voice asked for, or None.
        media_resolution: As asked for; decides what a picture costs.
        hearing: Where speech starts and ends.
    """

    model: Model
    vertex: bool = False
    speaks: bool = True
    answers: bool = True
    transcribes_input: bool = False
    transcribes_output: bool = False
    one_thing_per_message: bool = False
    interrupts: bool = True
    resumes: bool = False
    signals_speech: bool = False
    seeds: bool = False
    voice: str | None = None
    media_resolution: str | None = None
    hearing: HearingSettings = field(default_factory=HearingSettings)

    @classmethod
    def of(cls, setup: Setup, model: Model) -> Manners:
        """Read them from an accepted setup and its model's row."""
        generation, history = setup.generation_config, setup.history_config
        realtime = setup.realtime_input_config
        modalities = (generation and generation.response_modalities) or model.modalities[:1]
        vertex = model.service == "vertex"
        return cls(
            model=model,
            vertex=vertex,
            speaks="TEXT" not in modalities,
            answers=not model.dictates,
            transcribes_input=setup.input_audio_transcription is not None or model.dictates,
            transcribes_output=setup.output_audio_transcription is not None,
            one_thing_per_message=model.one_part_per_event,
            interrupts=not (realtime and realtime.activity_handling == "NO_INTERRUPTION"),
            resumes=setup.session_resumption is not None,
            signals_speech=bool(setup.explicit_vad_signal),
            seeds=bool(history and history.initial_history_in_client_content),
            voice=_voice(setup),
            media_resolution=generation.media_resolution if generation else None,
            hearing=HearingSettings.of(realtime),
        )


def _voice(setup: Setup) -> str | None:
    speech = setup.generation_config.speech_config if setup.generation_config else None
    config = speech.voice_config if speech else None
    prebuilt = config.prebuilt_voice_config if config else None
    return prebuilt.voice_name if prebuilt else config.voice if config else None
