"""The tables as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from livewidget.models import FEATURES, MODELS, find
from livewidget.models.catalogue import catalogue, facts, model_json, models_of


@pytest.mark.parametrize("service", [None, "gemini", "vertex", "standin"])
def test_it_is_json_and_whole(service: str | None) -> None:
    tables = json.loads(json.dumps(catalogue(service), allow_nan=False))
    assert len(tables["features"]) == len(FEATURES)
    assert len(tables["models"]) == len(models_of(service))
    assert all(row["status"] != "shut down" for row in tables["models"])


def test_the_stand_in_can_be_every_model_once() -> None:
    ids = [model.id for model in models_of("standin")]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {model.id for model in MODELS if model.status != "shut down"}
    assert ids[0] == "offline-tutor"


def test_choices_are_those_of_each_model() -> None:
    features = {row["name"]: row for row in catalogue("gemini")["features"]}
    levels = features["thinking_level"]["choices_by_model"]
    assert levels["gemini-3.8-live-extended-thinking"] == ["low", "medium", "high"]
    assert "gemini-3.8-live" not in levels
    assert "gemini-3.8-live" in features["thinking_level"]["refused"]
    assert features["language"]["refused"] == []
    assert "gemini-3.8-live" in features["language"]["ignored"]
    assert features["top_k"]["highest"] is None
    assert features["temperature"]["highest"] == 2.0


@pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.service}:{model.id}")
def test_facts_are_sentences(model) -> None:
    said = list(facts(model))
    assert said
    assert all(fact[0].isupper() and fact.endswith(".") for fact in said)


def test_facts_follow_the_row() -> None:
    assert "Only writes down what is said." in facts(find("gemini-3.5-transcribe-live", "gemini"))
    assert any("must be said" in fact for fact in facts(find("gemini-3.8-live-extended-thinking", "gemini")))


def test_only_an_agents_row_says_whose_the_settings_are() -> None:
    assert all("takes" not in row and "settings_of" not in row for row in catalogue()["models"])
    agent = replace(MODELS[0], takes=frozenset({"voice", "seed"}), settings_of="the ADK agent lamp")
    row = json.loads(json.dumps(model_json(agent)))
    assert (row["takes"], row["settings_of"]) == (["seed", "voice"], "the ADK agent lamp")
    refused = {feature.name for feature in FEATURES if feature.support(agent) == "refused"}
    assert refused == {feature.name for feature in FEATURES} - {"voice", "seed"}
