"""`livewidget models`: the table, for people and for programs."""

import json

import pytest

from livewidget.models import FEATURES, MODELS
from tests.cli.conftest import livewidget, one_sentence


def test_every_model_that_lives_is_listed_with_what_it_can():
    done = livewidget("models")
    assert done.returncode == 0
    for model in MODELS:
        assert (f"{model.id}  ({model.service}" in done.stdout) == (model.status != "shut down")


def test_one_model_field_by_field():
    done = livewidget("models", "gemini-3.8-live", "--service", "gemini")
    lines = {line.split()[1]: line for line in done.stdout.splitlines()[1:] if line[2:3] in ("✓", "–", "✗")}
    assert set(lines) == {feature.name for feature in FEATURES}
    assert "✗" in lines["affective_dialog"]
    assert "–" in lines["language"]
    assert "Kore" in lines["voice"]


@pytest.mark.parametrize("service", ["gemini", "vertex", "standin"])
def test_json_has_both_tables(service):
    tables = json.loads(livewidget("models", "--json", "--service", service).stdout)
    ids = [model["id"] for model in tables["models"]]
    assert len(set(ids)) == len(ids)
    assert [feature["name"] for feature in tables["features"]] == [feature.name for feature in FEATURES]
    for feature in tables["features"]:
        assert set(feature["refused"]) | set(feature["ignored"]) <= set(ids)
    price = {model["id"]: model["usd_per_million_tokens"] for model in tables["models"]}
    if service == "gemini":
        assert price["gemini-3.8-live"]["audio_in"] == 3.0


def test_a_model_that_is_not_there_gets_the_nearest_name():
    done = livewidget("models", "gemini-3.8-lives")
    assert done.returncode == 2
    assert "did you mean gemini-3.8-live?" in one_sentence(done.stderr)
