"""A configuration goes through the flat table of features, and through keywords, and comes back the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.config import LiveConfig
from livewidget.errors import ConfigError
from livewidget.models import FEATURES, VOICES, Feature, find
from livewidget.protocol import encode_client, setup_message

ANY = find("gemini-of-tomorrow", "gemini")  # No row of the table: everything may be sent.


def values_for(one: Feature) -> st.SearchStrategy[Any]:
    if one.kind == "switch":
        return st.booleans()
    if one.kind == "number":
        low, high = int(one.lowest), int(min(one.highest, 100_000))
        return st.integers(low, high) if one.whole else st.floats(low, high)
    if one.kind == "choice":
        return st.sampled_from(
            list(one.choices) or sorted(VOICES if one.name == "voice" else ("AUDIO", "TEXT"))
        )
    if "language" in one.name or one.name == "translation.target":
        code = st.sampled_from(["en-US", "Spanish", "zh-hans"])
        return st.lists(code, min_size=1, max_size=3) if one.kind == "names" else code
    if one.kind == "names":
        return st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3)
    if one.kind == "json":
        return st.dictionaries(
            st.sampled_from(["HARASSMENT", "HATE_SPEECH"]), st.just("BLOCK_NONE"), min_size=1
        )
    return st.text(min_size=1, max_size=9)


@st.composite
def flat(draw: st.DrawFn) -> dict[str, Any]:
    """What an explorer may hold: any features, with values that go together."""
    names = draw(st.sets(st.sampled_from([one.name for one in FEATURES])))
    values = {one.name: draw(values_for(one)) for one in FEATURES if one.name in names}
    if "thinking_level" in values:
        values.pop("thinking_budget", None)
    if values.get("turn_detection.mode") == "push_to_talk":
        for name in ("silence_ms", "prefix_padding_ms", "start_sensitivity", "end_sensitivity"):
            values.pop(f"turn_detection.{name}", None)
    if "translation.echo" in values:
        values.setdefault("translation.target", "pl")
    if values.get("resumption") is False:
        values.pop("transparent_resumption", None)
    return values


def setup(config: LiveConfig) -> str:
    return encode_client(setup_message(config, "models/any", ANY))


@given(flat())
def test_values_and_keywords_make_the_same_session(values: dict[str, Any]) -> None:
    config = LiveConfig.from_values(values)
    assert setup(LiveConfig.from_values(config.values())) == setup(config)
    assert setup(LiveConfig.from_kwargs(**config.kwargs())) == setup(config)
    assert set(config.values()) <= {one.name for one in FEATURES}


@given(flat())
def test_what_has_its_default_is_not_said(values: dict[str, Any]) -> None:
    said = LiveConfig.from_values(values).values()
    for one in FEATURES:
        default = list(one.default) if isinstance(one.default, tuple) else one.default
        assert said.get(one.name, ...) != default or one.name == "modalities"


def test_keywords_are_as_short_as_a_person_would_type_them() -> None:
    config = LiveConfig.from_values(
        {
            "translation.target": "es",
            "turn_detection.mode": "push_to_talk",
            "voice": "Kore",
            "input_transcript.languages": ["en-US"],
            "compression.trigger_tokens": 9000,
            "modalities": "TEXT",
        }
    )
    assert config.kwargs() == {
        "voice": "Kore",
        "modalities": "TEXT",
        "turn_detection": "push_to_talk",
        "input_transcript": {"languages": ["en-US"]},
        "translation": "es",
        "compression": {"trigger_tokens": 9000},
    }


def test_none_is_the_default_and_what_is_off_has_no_fields() -> None:
    assert LiveConfig.from_values({"voice": None, "turn_detection.silence_ms": None}) == LiveConfig()
    config = LiveConfig.from_values({"input_transcript": False, "input_transcript.languages": ["pl"]})
    assert config.input_transcript is False


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"voise": "Kore"}, "There is no field 'voise'; did you mean voice?"),
        ({"translation.echo": True}, "translation needs its target language"),
        ({"top_k": 0}, "top_k must be a whole number of 1 or more, not 0."),
        ({"input_transcript.vocabulary": ["x"] * 1001}, "may have 1000 terms, and this has 1001"),
        ({"transparent_resumption": True, "resumption": False}, "needs resumption"),
    ],
)
def test_what_cannot_be_is_said(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LiveConfig.from_values(values)
    assert words in str(caught.value)
