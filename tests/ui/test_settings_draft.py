"""Settings that wait, and why they cannot be applied: pure."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livewidget import LiveConfig
from livewidget.models import FEATURES, MODELS, find
from livewidget.protocol import encode_client, setup_message
from livewidget.ui.settings import add_change, check_draft, effective_changes

TUTOR = find("offline-tutor", "standin")
LIVE = find("gemini-3.8-live", "gemini")
TRANSLATE = find("gemini-3.5-live-translate-preview", "gemini")
EXTENDED = find("gemini-3.8-live-extended-thinking", "gemini")
DICTATION = find("gemini-3.5-transcribe-live", "gemini")


def changed(values, *steps):
    changes = {}
    for name, value in steps:
        changes = add_change(changes, values, name, value)
    return changes


# --- Changes ---------------------------------------------------------------------------------------------


def test_a_change_back_is_no_change():
    assert changed({"voice": "Kore"}, ("voice", "Puck"), ("voice", "Kore")) == {}
    assert changed({}, ("voice", "Puck"), ("voice", None)) == {}


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_the_default_said_is_the_default(feature):
    default = list(feature.default) if isinstance(feature.default, tuple) else feature.default
    default = "AUDIO" if feature.name == "modalities" else default
    assert effective_changes({feature.name: default}, {}) == {}
    assert effective_changes({feature.name: default}, {feature.name: "other"}) == {feature.name: None}


def test_a_language_by_name_is_no_change_of_its_code():
    now = {"language": "es", "translation.target": "pl", "input_transcript.languages": ["es", "de"]}
    typed = {
        "language": "Spanish", "translation.target": "polish", "input_transcript.languages": ["Spanish", "de"],
    }  # fmt: skip
    assert effective_changes(typed, now) == {}
    assert effective_changes(typed, {}) == typed


def test_one_is_not_true():
    assert effective_changes({"google_search": 1}, {"google_search": True}) == {"google_search": 1}


def test_a_level_takes_the_place_of_a_budget():
    assert changed({}, ("thinking_budget", 100), ("thinking_level", "low")) == {"thinking_level": "low"}
    assert changed({"thinking_level": "low"}, ("thinking_budget", 100)) == {
        "thinking_level": None,
        "thinking_budget": 100,
    }


def test_a_field_turns_its_part_on():
    assert changed({}, ("compression.trigger_tokens", 5000)) == {
        "compression.trigger_tokens": 5000,
        "compression": True,
    }
    off = {"input_transcript": False}
    assert changed(off, ("input_transcript.languages", ["pl"])) == {
        "input_transcript.languages": ["pl"],
        "input_transcript": None,
    }
    assert changed({}, ("input_transcript.languages", ["pl"])) == {"input_transcript.languages": ["pl"]}


def test_a_part_that_is_turned_off_takes_its_fields_along():
    values = {"compression": True, "compression.trigger_tokens": 5000}
    assert changed(values, ("compression", False)) == {
        "compression": None,
        "compression.trigger_tokens": None,
    }
    assert changed({}, ("output_transcript.languages", ["pl"]), ("output_transcript", False)) == {
        "output_transcript": False
    }


# --- What cannot be --------------------------------------------------------------------------------------


def test_what_can_be_has_no_errors():
    checked = check_draft(LIVE, {"voice": "Kore"}, {"voice": "Puck", "temperature": 0.5})
    assert checked.errors == {}
    assert checked.config == LiveConfig.from_kwargs(voice="Puck", temperature=0.5)


def test_every_impossible_value_has_its_own_sentence_and_the_rest_is_kept():
    checked = check_draft(TUTOR, {}, {"temperature": 3, "top_k": 0, "voice": "Korre", "seed": 7})
    assert checked.errors == {
        "temperature": "temperature must be a number from 0 to 2, not 3.",
        "top_k": "top_k must be a whole number of 1 or more, not 0.",
        "voice": "offline-tutor has no voice 'Korre'; did you mean Kore?",
    }
    assert checked.config == LiveConfig(seed=7)


def test_what_another_model_refuses_is_said_where_it_stands():
    values = {"voice": "Kore", "google_search": True, "temperature": 0.5}
    checked = check_draft(TRANSLATE, values, {"model": TRANSLATE.id})
    assert set(checked.errors) == {"voice", "google_search", "translation.target"}
    assert checked.errors["voice"].startswith(f"{TRANSLATE.id} does not take voice: ")
    assert checked.errors["translation.target"].startswith(f'{TRANSLATE.id} needs translation="…"')


def test_what_another_model_needs_is_said_where_it_can_be_given():
    assert set(check_draft(EXTENDED, {}, {"model": EXTENDED.id}).errors) == {"thinking_level"}
    assert set(check_draft(DICTATION, {}, {"model": DICTATION.id}).errors) == {"modalities"}
    assert check_draft(EXTENDED, {}, {"model": EXTENDED.id, "thinking_level": "low"}).errors == {}


def test_a_combination_names_the_change_that_does_it():
    values = {"turn_detection.silence_ms": 500}
    checked = check_draft(LIVE, values, {"turn_detection.mode": "push_to_talk"})
    assert checked.errors == {
        "turn_detection.silence_ms": "turn_detection.silence_ms has no meaning with push_to_talk: leave it out."
        " The change of “Turns” does it."
    }
    both = {"turn_detection.mode": "push_to_talk", "turn_detection.silence_ms": 500}
    assert check_draft(LIVE, {}, both).errors == {
        "turn_detection.silence_ms": "turn_detection.silence_ms has no meaning with push_to_talk: leave it out."
    }


def test_a_name_that_does_not_exist_is_said_with_the_nearest():
    assert check_draft(LIVE, {}, {"voise": "Kore"}).errors == {
        "voise": "There is no field 'voise'; did you mean voice?"
    }


def test_a_model_that_was_shut_down_is_the_models_fault():
    gone = find("gemini-2.0-flash-live-001", "gemini")
    checked = check_draft(gone, {"voice": "Kore"}, {"model": gone.id})
    assert checked.config is None
    assert list(checked.errors) == ["model"]
    assert "was shut down" in checked.errors["model"]
    assert list(check_draft(gone, {}, {}).errors) == [""]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-10, 10)
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["Kore", "low", "push_to_talk", "pl", "TEXT", "SMART"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
NAMES = st.sampled_from([feature.name for feature in FEATURES] + ["nothing"])


@settings(max_examples=300)
@given(st.lists(st.tuples(NAMES, JSON), max_size=8), st.sampled_from(MODELS))
def test_whatever_a_page_asks_for_ends_in_sentences_or_in_a_session(steps, model):
    """No other exception, one sentence each, and what is left of the settings can be."""
    checked = check_draft(model, {}, changed({}, *steps))
    for name, sentence in checked.errors.items():
        assert name in dict(steps) or name in {feature.name for feature in FEATURES} | {""}
        assert sentence.endswith((".", "?"))
    if checked.config is not None:
        encode_client(setup_message(checked.config, "models/any", model))
        json.dumps(checked.config.values())
