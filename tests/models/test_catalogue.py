"""The tables as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from livewidget.models import FEATURES, MODELS, agent_model, find
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


@pytest.mark.parametrize(
    ("takes", "sentence"),
    [
        (
            (),
            "Voice, instructions and thinking are settings of the ADK agent lamp: change them in its code.",
        ),
        (
            ("voice",),
            "Instructions and thinking are settings of the ADK agent lamp: change them in its code.",
        ),
        (
            ("voice", "system_instruction"),
            "Thinking is a setting of the ADK agent lamp: change it in its code.",
        ),
        (
            ("voice", "system_instruction", "thinking_level"),
            "All other settings are those of the ADK agent lamp: change them in its code.",
        ),
    ],
)
def test_the_table_of_an_agent_has_what_it_takes_and_says_whose_the_rest_is(takes, sentence):
    agent = agent_model("lamp", settings_of="the ADK agent lamp", takes=takes)
    tables = json.loads(json.dumps(catalogue("agent", agent)))
    assert tables["elsewhere"] == sentence
    assert [row["id"] for row in tables["models"]] == ["lamp"]
    shown = {row["name"] for row in tables["features"]}
    assert shown == {feature.name for feature in FEATURES if feature.supported_by(agent)}
    assert shown <= set(takes)
    assert "elsewhere" not in catalogue("gemini")


def test_the_facts_of_an_agent_are_those_it_was_made_with():
    assert list(facts(agent_model("lamp", settings_of="the lamp", push_to_talk=True))) == [
        "Answers in sound.",
        "Calls the functions that it is given here, besides its own.",
        "Takes typed text, pictures and push-to-talk.",
    ]
    bare = agent_model("lamp", settings_of="the lamp", text=False, images=False, tools=False)
    assert list(facts(bare)) == ["Answers in sound."]
