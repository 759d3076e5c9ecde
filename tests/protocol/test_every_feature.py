"""Every model of the table with every feature: accepted or refused alike by `LiveConfig` and by the stand-in.

Three things must agree on each cell: the configuration's own check, the setup frame met by a real stand-in
over a link, and, where google-genai can express the field, the frame that its client sends.
"""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from livewidget.config import LiveConfig
from livewidget.errors import ConfigError
from livewidget.models import FEATURES, FEATURES_BY_NAME, MODELS, Feature, Model
from livewidget.protocol import decode_client, encode_client, setup_message
from livewidget.standin import StandIn
from livewidget.standin.script import Script
from livewidget.transports.base import TransportClosed
from tests.protocol.sdk import frames_of
from tests.protocol.sdk_config import sdk_config

#: The client says so of the one field in which it takes penalties.
pytestmark = pytest.mark.filterwarnings("ignore:.*generation_config:DeprecationWarning")

ALIVE = [model for model in MODELS if model.status != "shut down"]


def cells(keep: Callable[[Model, Feature], object] = lambda model, one: True) -> pytest.MarkDecorator:
    """Parametrize a test by the cells of the table that it can say something about."""
    kept = [(model, one) for model in ALIVE for one in FEATURES if keep(model, one)]
    names = [f"{model.service}:{model.id}:{one.name}" for model, one in kept]
    return pytest.mark.parametrize(("model", "one"), kept, ids=names)


#: What google-genai cannot say, and why.
SDK_CANNOT = {
    ("gemini", "vad_signal"): "refused by the client for the Gemini API",
    ("gemini", "transparent_resumption"): "refused by the client for the Gemini API",
    ("vertex", "s2st"): "enableSpeechToSpeechTranslation is not in its types",
    ("any", "extra"): "fields that it has no name for",
}

TEXTS = {
    "system_instruction": "Be brief.",
    "language": "en-US",
    "translation.target": "es",
}
OBJECTS = {"safety": {"HARASSMENT": "BLOCK_NONE"}, "extra": {"labels": {"team": "a"}}}


def samples(one: Feature, model: Model) -> list[Any]:
    """Values that can be used at all: for a choice, each."""
    if one.kind == "switch":
        return [not one.default]
    if one.kind == "number":
        high = one.highest if one.highest < 2**31 - 1 else 500
        return [one.lowest, high]
    if one.kind == "choice":
        mine = one.choices_for(model)
        others = [row for row in ALIVE if one.supported_by(row)]
        return list(mine) or list(one.choices) or list(one.choices_for(others[0]))[:1]
    if one.kind == "names":
        return [["en-US"]]
    if one.name == "language" and model.translation_by_language:
        return ["es"]  # The target's own field.
    return [TEXTS.get(one.name) or OBJECTS[one.name]]


def plain(model: Model) -> dict[str, Any]:
    """What every configuration of a model needs."""
    values: dict[str, Any] = {}
    if model.thinking_required:
        values["thinking_level"] = model.thinking_levels[0].lower()
    if model.translation:
        values["translation.target"] = "es"
    if "AUDIO" not in model.modalities:
        values["modalities"] = model.modalities[0]
    return values


def with_value(model: Model, one: Feature, value: Any) -> dict[str, Any]:
    values = plain(model)
    if one.name in ("thinking_level", "thinking_budget"):
        values.pop("thinking_level", None)
    if one.name == "translation.echo":
        values["translation.target"] = "es"
    if one.config_path.startswith("compression."):
        values["compression"] = True
    return values | {one.name: value}


def path(model: Model) -> str:
    if model.service == "vertex":
        return f"projects/p1/locations/us-central1/publishers/google/models/{model.id}"
    return f"models/{model.id}"


def refused_here(values: dict[str, Any], model: Model) -> str | None:
    try:
        LiveConfig.from_values(values).check(model)
    except ConfigError as error:
        return str(error)
    return None


def unchecked(values: dict[str, Any], model: Model) -> dict[str, Any]:
    """The setup of a configuration that is not held against the model's row."""
    config = LiveConfig.from_values(values)
    message = setup_message(config, path(model), dataclasses.replace(model, known=False))
    return json.loads(encode_client(message))


async def refused_there(frame: dict[str, Any], model: Model) -> str | None:
    """What a stand-in answers to a setup, over a link: the reason it closes with, or None."""
    standin = StandIn(script=Script([]), model=model.id)
    link = await standin.dial()
    try:
        await link.send(json.dumps(frame))
        answer = json.loads(await link.receive())
        assert "setupComplete" in answer
        return None
    except TransportClosed as closed:
        return closed.reason if closed.code == 1007 else f"{closed.code}?"
    finally:
        await link.close()


@cells()
async def test_the_configuration_and_the_stand_in_agree(model: Model, one: Feature) -> None:
    for value in samples(one, model):
        values = with_value(model, one, value)
        here = refused_here(values, model)
        frame = unchecked(values, model)
        if one.name == "translation.echo" and model.translation_by_language:
            frame = put(frame, one.wire, value)  # A configuration has no way to say it to such a model.
        there = await refused_there(frame, model)
        assert (here is None) == (there is None), (value, here, there)
        assert (here is None) == (one.support(model) != "refused"), (value, here)
        if here is not None:
            assert model.id in here


def wrong(model: Model, one: Feature) -> list[tuple[Any, Any]]:
    """Values that cannot be used, each as in a configuration and as on the wire."""
    if one.kind == "number":
        over = [one.lowest - 1, *([one.highest + 1] if one.highest < 2**31 - 1 else [])]
        return [(value, value) for value in over]
    if one.name == "voice" and model.voices:
        return [("Nobody", "Nobody")]
    if one.kind == "choice" and one.choices:
        return [("sideways", "SIDEWAYS")]
    return []


def put(frame: dict[str, Any], wire: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(frame)
    at = changed["setup"]
    *steps, last = wire.split(".")
    for step in steps:
        at = at.setdefault(step, {})
    at[last] = value
    return changed


@cells(wrong)
async def test_values_that_cannot_be_used_are_refused_on_both_sides(model: Model, one: Feature) -> None:
    for value, on_the_wire in wrong(model, one):
        assert refused_here(with_value(model, one, value), model) is not None
        frame = put(unchecked(plain(model), model), one.wire, on_the_wire)
        assert await refused_there(frame, model) is not None, value


@cells(lambda model, one: one.support(model) != "refused" and one.wire)
def test_the_table_says_where_a_field_is_on_the_wire(model: Model, one: Feature) -> None:
    for value in samples(one, model):
        said = unchecked(with_value(model, one, value), model)["setup"]
        at: Any = said
        steps = one.wire.split(".")
        if model.translation_by_language and one.name == "translation.target":
            steps = FEATURES_BY_NAME["language"].wire.split(".")
            assert said["enableSpeechToSpeechTranslation"] is True
        for step in steps:
            at = next((item for item in at if step in item), {}) if isinstance(at, list) else at
            at = at.get(step) if isinstance(at, dict) else None
        if one.default is True or (one.name, value) == ("turn_detection.mode", "automatic"):
            assert at in (None, "NO_INTERRUPTION")  # What is on by default is said by leaving something out.
        else:
            assert at is not None, (value, said)


def sdk_can(model: Model, one: Feature) -> bool:
    if ("any", one.name) in SDK_CANNOT or (model.service, one.name) in SDK_CANNOT:
        return False
    return (
        model.service != "standin" and one.support(model) != "refused" and not model.translation_by_language
    )


@cells(sdk_can)
def test_frames_equal_those_of_the_official_sdk(model: Model, one: Feature) -> None:
    for value in samples(one, model):
        config = LiveConfig.from_values(with_value(model, one, value))
        ours = decode_client(encode_client(setup_message(config, path(model), model)))
        theirs = asyncio.run(frames_of(model.service, model.id, sdk_config(config, [], None)))[0]
        assert ours == decode_client(theirs), value


@pytest.mark.parametrize(
    ("service", "name"), [key for key in SDK_CANNOT if key[0] == "gemini"], ids=lambda value: str(value)
)
def test_what_the_sdk_is_said_not_to_express_it_really_does_not(service: str, name: str) -> None:
    config = LiveConfig.from_values({name: True})
    with pytest.raises(ValueError, match="parameter is only supported"):
        asyncio.run(frames_of(service, "gemini-3.8-live", sdk_config(config, [], None)))


async def test_a_disagreement_would_be_seen() -> None:
    """The table is what both sides read: a row that says something else is met by the other side's no."""
    model = next(row for row in ALIVE if (row.service, row.id) == ("gemini", "gemini-3.8-live"))
    frame = put(unchecked({}, model), FEATURES_BY_NAME["proactive_audio"].wire, True)
    assert await refused_there(frame, model) == "Request contains an invalid argument."
    assert await refused_there(unchecked({}, model), model) is None
