"""Every control of the explorer: set by hand in a real page, it is in the setup that the stand-in gets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from livewidget import LiveConfig, StandIn
from livewidget.errors import ConfigError
from livewidget.models import FEATURES, Feature, Model
from livewidget.models.catalogue import default_of, models_of
from livewidget.protocol import encode_client, setup_message
from tests.browser.card import Card
from tests.browser.explorer import Settings
from tests.browser.lab import Lab, Notebook, open_notebook

#: A stand-in that keeps the first frame of each session, as it came in.
CELL = """
from livewidget import LiveWidget, StandIn

setups = []
class Server:
    def __init__(self, transport):
        self.transport, self.first = transport, True
    def __getattr__(self, name):
        return getattr(self.transport, name)
    async def receive(self):
        frame = await self.transport.receive()
        if self.first:
            self.first = False
            setups.append(frame)
        return frame
class Watched(StandIn):
    async def serve(self, transport, **more):
        await super().serve(Server(transport), **more)

live = LiveWidget(Watched(ears=lambda sound: "", brain=lambda text: text, voice=lambda text: b""), explorer=True)
live
"""
TUTOR, *OTHERS = models_of("standin")

#: What is given to those whose kind does not say what they take.
GIVEN: dict[str, Any] = {
    "system_instruction": "Be brief.\nAnswer in one sentence.",
    "language": "pl-PL",
    "translation.target": "pl",
    "input_transcript.languages": ["pl-PL", "en-US"],
    "input_transcript.vocabulary": ["Łódź", "livewidget"],
    "output_transcript.languages": ["pl-PL"],
    "safety": {"HARASSMENT": "BLOCK_NONE"},
    "extra": {"labels": {"course": "two"}},
}


def model_for(feature: Feature) -> Model:
    """The tutor, or the first model that it can stand in for and that takes the feature."""
    if feature.name == "extra":  # Only Vertex AI has a field that has no name here.
        return next(model for model in OTHERS if model.service == "vertex" and model.status == "stable")
    rows = (TUTOR, *OTHERS)
    if (
        feature.name == "seed_history"
    ):  # A talk that goes on is past its history: a model of its own begins one.
        rows = tuple(model for model in OTHERS if model.seeds_history)
    return next(model for model in rows if feature.support(model) == "supported" and _can_do(feature, model))


def _can_do(feature: Feature, model: Model) -> bool:
    """Whether the model can be without the feature, and has something to choose in it."""
    wanted = needs(feature, model)
    spent = (default_of(feature), wanted.get(feature.name))
    choices = [choice for choice in feature.choices_for(model) if choice not in spent]
    try:
        LiveConfig.from_values(wanted).check(model)
    except ConfigError:
        return False
    return feature.kind != "choice" or bool(choices)


def value_for(feature: Feature, model: Model) -> Any:
    if feature.name in GIVEN:
        return GIVEN[feature.name]
    match feature.kind:
        case "switch":
            return not feature.default
        case "choice":
            default = default_of(feature)
            return next(choice for choice in feature.choices_for(model) if choice != default)
        case "number":
            return max(feature.lowest, 1) if feature.whole else 0.5
    raise AssertionError(f"{feature.name} is of a new kind: say above what it is given.")


def needs(feature: Feature, model: Model) -> dict[str, Any]:
    """What the model wants to be told besides."""
    wanted: dict[str, Any] = {"translation.target": "fr"} if model.translation else {}
    if "AUDIO" not in model.modalities:
        wanted["modalities"] = "TEXT"
    if feature.name.startswith("compression."):
        wanted["compression"] = True
    return wanted


@pytest.fixture(scope="module")
def notebook(lab: Lab, shared_browser: Browser) -> Iterator[Notebook]:
    opened = open_notebook(lab, shared_browser, [CELL], width=1400)
    opened.page.set_default_timeout(15_000)
    opened.run(0)
    yield opened
    opened.page.context.close()


@pytest.fixture(scope="module")
def settings(notebook: Notebook) -> Settings:
    card = Card(notebook.page)
    notebook.python("live.start()")
    card.wait_hint("The microphone is off. Press ● to talk.")
    return Settings(card)


def setup_of(model: Model, values: dict[str, Any]) -> Any:
    """The setup frame as it is made without any page."""
    provider = StandIn(model=model.id)
    return json.loads(
        encode_client(setup_message(LiveConfig.from_values(values), provider.model_path(), model))
    )


def without_handle(frame: Any) -> Any:
    """Whether a session is resumed is no setting."""
    frame["setup"].get("sessionResumption", {}).pop("handle", None)
    return frame


def chosen(feature: Feature) -> tuple[int, int]:
    """Models one after the other, the tutor last: few changes, and none to what is there already."""
    return -[model.id for model in (TUTOR, *OTHERS)].index(model_for(feature).id), FEATURES.index(feature)


@pytest.mark.parametrize("feature", sorted(FEATURES, key=chosen), ids=lambda feature: feature.name)
def test_a_control_is_in_the_setup(feature: Feature, notebook: Notebook, settings: Settings) -> None:
    model = model_for(feature)
    values = needs(feature, model) | {feature.name: value_for(feature, model)}
    settings.choose(model.id)
    for name in json.loads(notebook.python("import json; print(json.dumps(list(live.config.values())))")):
        if name not in values:
            settings.set(name, default_of(next(one for one in FEATURES if one.name == name)))
    for name, value in values.items():
        settings.set(name, value)
    settings.wait_changed(feature.name)
    settings.apply()
    got = json.loads(notebook.python("print(setups[-1])"))
    got, wanted = without_handle(got)["setup"], setup_of(model, values)["setup"]
    assert {name: got.get(name) for name in got | wanted} == {name: wanted.get(name) for name in got | wanted}
    if feature.wire:
        assert got != setup_of(model, needs(feature, model))["setup"]
    assert json.loads(notebook.python("print(json.dumps(live.config.values()))")) == values
