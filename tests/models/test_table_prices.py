"""Estimates of what a talk costs."""

from __future__ import annotations

import pytest

from livewidget.models import MODELS, PRICES, estimate, find

LIVE = find("gemini-3.8-live", "gemini")


def test_each_kind_of_token_has_its_price() -> None:
    million = 1_000_000
    assert estimate(LIVE, {"AUDIO": million}, {}) == pytest.approx(3.00)
    assert estimate(LIVE, {"TEXT": million, "IMAGE": million, "VIDEO": million}, {}) == pytest.approx(2.75)
    assert estimate(LIVE, {}, {"AUDIO": million, "TEXT": million}) == pytest.approx(16.50)
    assert estimate(LIVE, {"SMELL": million}, {}) == pytest.approx(0.75)
    assert estimate(LIVE, {}, {}) == 0


def test_no_price_is_made_up() -> None:
    assert estimate(find("gemini-3.8-live", "vertex"), {"AUDIO": 5}, {}) is None
    assert estimate(find("gemini-9-live", "gemini"), {"AUDIO": 5}, {}) is None
    assert estimate(find("offline-tutor", "standin"), {"AUDIO": 5}, {}) == 0


def test_prices_are_of_models_in_the_table() -> None:
    assert set(PRICES) <= {model.id for model in MODELS if model.service == "gemini"}


def test_a_minute_of_translation_is_near_what_is_published() -> None:
    # About $0.037 a minute is published for speech in and out, at 25 tokens a second of sound.
    model = find("gemini-3.5-live-translate-preview", "gemini")
    assert estimate(model, {"AUDIO": 1500}, {"AUDIO": 1500}) == pytest.approx(0.037, abs=0.001)
