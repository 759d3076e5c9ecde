"""The table of models is whole, found by every name, and says what the service is known to do."""

from __future__ import annotations

import pytest

from livewidget.models import MODELS, VOICES, Model, find, suggest


def test_every_row_is_found_by_its_name() -> None:
    names = [(model.service, model.id) for model in MODELS]
    assert len(set(names)) == len(names)
    for model in MODELS:
        assert find(model.id, model.service) is model


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("models/gemini-3.8-live", "gemini"),
        ("publishers/google/models/gemini-3.8-live", "vertex"),
        ("projects/p/locations/l/publishers/google/models/gemini-3.8-live", "vertex"),
    ],
)
def test_paths_before_the_name_do_not_matter(name: str, service: str) -> None:
    model = find(name, service)
    assert (model.id, model.service, model.known) == ("gemini-3.8-live", service, True)


@pytest.mark.parametrize("service", ["gemini", "vertex", "standin"])
def test_a_model_of_tomorrow_may_do_everything(service: str) -> None:
    model = find("gemini-9-live", service)
    assert not model.known
    assert (model.id, model.status) == ("gemini-9-live", "unknown")
    assert {"AUDIO", "TEXT"} <= set(model.modalities)
    assert model.tools
    assert model.proactive_audio
    assert model.text == "both"


@pytest.mark.parametrize(
    ("typo", "service", "meant"),
    [
        ("gemini-3.8-liv", "gemini", "gemini-3.8-live"),
        ("models/gemini-3.8-Live", None, "gemini-3.8-live"),
        ("gemini-3.1-flash-live", "gemini", "gemini-3.1-flash-live-preview"),
        ("offline-teacher", "standin", "offline-tutor"),
        ("gpt", None, None),
    ],
)
def test_suggestions(typo: str, service: str | None, meant: str | None) -> None:
    assert suggest(typo, service) == meant


def test_nothing_that_was_shut_down_is_suggested() -> None:
    for model in MODELS:
        if model.status == "shut down":
            assert suggest(model.id, "gemini") != model.id
            assert find(model.successor or "", model.service).status == "stable"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.service}:{model.id}")
def test_rows_make_sense(model: Model) -> None:
    assert model.modalities
    assert set(model.voices) <= set(VOICES)
    assert bool(model.thinking_levels) == (model.thinking == "level")
    assert not model.thinking_required or model.thinking == "level"
    assert not model.scheduling or "NON_BLOCKING" in model.tool_behaviors
    assert model.api_version == ("v1beta1" if model.service == "vertex" else "v1beta")
    assert model.alpha_version in (None, "v1alpha")
    assert not (model.service == "vertex" and model.alpha_version)


def test_thirty_voices() -> None:
    assert len(set(VOICES)) == 30


def test_what_changed_between_generations() -> None:
    live, thinking, seeded, native = (
        find(name, "gemini")
        for name in (
            "gemini-3.8-live",
            "gemini-3.8-live-extended-thinking",
            "gemini-3.1-flash-live-preview",
            "gemini-2.5-flash-native-audio-latest",
        )
    )
    assert [model.thinking for model in (live, thinking, seeded, native)] == [
        None,
        "level",
        "level",
        "budget",
    ]
    assert [model.text for model in (live, thinking, seeded, native)] == [
        "both",
        "both",
        "realtime_text",
        "client_content",
    ]
    assert [model.text_by_client_content for model in (live, seeded, native)] == [True, False, True]
    assert [model.tool_behaviors[0] for model in (live, seeded, native)] == [
        "NON_BLOCKING",
        "BLOCKING",
        "BLOCKING",
    ]
    assert thinking.tool_behaviors == ("NON_BLOCKING",)
    assert not thinking.scheduling
    assert seeded.tool_behaviors == ("BLOCKING",)
    assert native.turn_completes_before_result
    assert native.will_continue
    assert not live.will_continue
    assert not live.media_chunks
    assert not live.proactive_audio
    assert native.affective_dialog
    assert native.turn_coverage != live.turn_coverage == seeded.turn_coverage
