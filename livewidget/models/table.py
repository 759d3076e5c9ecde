"""The capability table: one `Model` a row.

The rows decide what may be sent (text in mid-session, thinking, modalities, behaviour of tools) and how the
end of a turn looks. Sources: the model pages and migration notes of ai.google.dev and docs.cloud.google.com,
November 2026, and published measurements. Where nothing is published about a field, a row has the default.
"""

from __future__ import annotations

from dataclasses import replace

from livewidget.models.model import ACTIVITY_AND_VIDEO, BLOCKING, HOUR_MS, NON_BLOCKING, Model
from livewidget.models.voices import HALF_CASCADE_VOICES

_LIVE_3_8 = Model(
    id="gemini-3.8-live",
    service="gemini",
    tool_behaviors=(NON_BLOCKING, BLOCKING),
    scheduling=True,
    always_proactive=True,
    media_chunks=False,
    turn_coverage=ACTIVITY_AND_VIDEO,
)
_NATIVE_2_5 = Model(
    id="gemini-2.5-flash-native-audio-latest",
    service="gemini",
    status="preview",
    text="client_content",
    thinking="budget",
    scheduling=True,
    will_continue=True,
    turn_completes_before_result=True,
    undisturbed_calls=True,
    proactive_audio=True,
    affective_dialog=True,
    transcript_hints=False,
    one_part_per_event=True,
    language_count=97,
    alpha_version="v1alpha",
)
_TRANSLATE_3_5 = Model(
    id="gemini-3.5-live-translate-preview",
    service="gemini",
    status="preview",
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    system_instruction=False,
    voices=(),
    translation=True,
    language_count=70,
)
_TRANSCRIBE_3_5 = Model(
    id="gemini-3.5-transcribe-live",
    service="gemini",
    modalities=("TEXT",),
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    voices=(),
    vocabulary=True,
    transcript_modes=("VERBATIM", "SMART"),
    language_count=85,
)
_HALF_CASCADE = Model(
    id="gemini-live-2.5-flash-preview",
    service="gemini",
    status="shut down",
    successor="gemini-3.8-live",
    modalities=("AUDIO", "TEXT"),
    text="client_content",
    voices=HALF_CASCADE_VOICES,
    languages=True,
    scheduling=True,
    turn_completes_before_result=True,
    code_execution=True,
    url_context=True,
    one_part_per_event=True,
)
_S2ST_2_5 = Model(
    id="gemini-2.5-flash-s2st-exp-11-2025",
    service="vertex",
    status="private",
    text="none",
    video=False,
    tool_behaviors=(),
    search=False,
    system_instruction=False,
    voices=(),
    languages=True,
    translation=True,
    translation_by_language=True,
    one_part_per_event=True,
    api_version="v1beta1",
    handle_ms=24 * HOUR_MS,
)


def _on_vertex(model: Model, id: str | None = None, /, **changes: object) -> Model:
    """The same model on Vertex AI, which has no v1alpha and puts `turnComplete` before a tool's result."""
    base = replace(
        model,
        id=id or model.id,
        service="vertex",
        api_version="v1beta1",
        alpha_version=None,
        will_continue=False,
        turn_completes_before_result=model.tools,
        vad_signal=True,
        transparent_resumption=True,
        handle_ms=24 * HOUR_MS,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


MODELS: tuple[Model, ...] = (
    _LIVE_3_8,
    replace(
        _LIVE_3_8,
        id="gemini-3.8-live-extended-thinking",
        thinking="level",
        thinking_levels=("LOW", "MEDIUM", "HIGH"),
        thinking_required=True,
        tool_behaviors=(NON_BLOCKING,),
        scheduling=False,
    ),
    Model(
        id="gemini-3.1-flash-live-preview",
        service="gemini",
        status="preview",
        text="realtime_text",
        seeds_history=True,
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
        tool_behaviors=(BLOCKING,),
        turn_coverage=ACTIVITY_AND_VIDEO,
    ),
    _NATIVE_2_5,
    replace(_NATIVE_2_5, id="gemini-2.5-flash-native-audio-preview-12-2025"),
    replace(_NATIVE_2_5, id="gemini-2.5-flash-native-audio-preview-09-2025"),
    _TRANSLATE_3_5,
    _TRANSCRIBE_3_5,
    _HALF_CASCADE,
    replace(_HALF_CASCADE, id="gemini-2.0-flash-live-001"),
    _on_vertex(_LIVE_3_8, modalities=("AUDIO", "VIDEO"), context_update=True, vocabulary=True),
    _on_vertex(
        _NATIVE_2_5,
        "gemini-live-2.5-flash-native-audio",
        status="stable",
        thinking=None,
        language_count=24,
    ),
    _on_vertex(_NATIVE_2_5, "gemini-live-2.5-flash-preview-native-audio-09-2025", language_count=24),
    _on_vertex(_HALF_CASCADE, "gemini-live-2.5-flash", status="private", successor=None),
    _on_vertex(
        _HALF_CASCADE,
        "gemini-2.0-flash-live-preview-04-09",
        status="preview",
        successor=None,
        context_tokens=32_768,
    ),
    _on_vertex(_TRANSLATE_3_5),
    _on_vertex(_TRANSCRIBE_3_5, "gemini-3.5-transcribe-live-preview", status="preview"),
    _S2ST_2_5,
    replace(_S2ST_2_5, id="gemini-2.5-flash-s2st-11-2025-exp"),  # The documentation prints both names.
    Model(
        id="offline-tutor",
        service="standin",
        scheduling=True,
        will_continue=True,
        thinking="level",
        thinking_levels=("MINIMAL", "LOW", "MEDIUM", "HIGH"),
        code_execution=True,
        url_context=True,
        vocabulary=True,
        proactive_audio=True,
        affective_dialog=True,
        context_update=True,
        turn_coverage=ACTIVITY_AND_VIDEO,
        language_count=1,
    ),
)
"""Every model known here; those of one service have different ids."""
