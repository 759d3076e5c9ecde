"""What editors, Tab and Shift-Tab know of the options is what `LiveConfig` has."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest

from livewidget import LiveConfig, LiveWidget, connect
from livewidget.config import ConfigOptions
from livewidget.config.options import show_options
from livewidget.models import VOICES

NAMES = [field.name for field in fields(LiveConfig)]


def test_the_options_are_the_fields_of_the_configuration():
    assert list(ConfigOptions.__annotations__) == NAMES


@pytest.mark.parametrize(
    "function", [LiveWidget, connect, LiveWidget.configure], ids=lambda one: one.__name__
)
def test_a_signature_names_every_option_with_its_default(function):
    parameters = inspect.signature(function).parameters
    assert [name for name in parameters if name in NAMES] == NAMES
    assert not any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    defaults = {name: parameters[name].default for name in NAMES}
    assert LiveConfig.from_kwargs(**defaults) == LiveConfig()


def test_a_signature_shows_the_values_of_a_choice():
    voice = inspect.signature(LiveWidget).parameters["voice"].annotation
    assert all(repr(name) in voice for name in VOICES)
    assert voice.endswith("| None")
    turns = inspect.signature(LiveWidget).parameters["turn_detection"].annotation
    assert turns.startswith("Literal['automatic', 'push_to_talk'] | TurnDetection")


def test_a_function_takes_what_it_took():
    @show_options
    def collect(first, **config):
        return first, config

    assert collect(1, voice="Puck", other=2) == (1, {"voice": "Puck", "other": 2})
