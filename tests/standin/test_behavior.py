import msgspec
import pytest

from livewidget import models
from livewidget.protocol.messages import Setup
from livewidget.standin.behavior import ThoughtLimits

THREE = ("a" * 8, "b" * 9, "c")  # two, three and one token


def thinking(model, **config):
    setup = {"model": f"models/{model}", "generationConfig": {"thinkingConfig": config} if config else {}}
    service = "standin" if model == "offline-tutor" else "gemini"
    return ThoughtLimits.from_setup(msgspec.convert(setup, Setup), models.find(model, service))


@pytest.mark.parametrize(("budget", "kept"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 2), (6, 3), (1000, 3)])
def test_a_budget_keeps_whole_thoughts(budget, kept):
    some = thinking("gemini-2.5-flash-native-audio-latest", thinkingBudget=budget)
    assert some.select(THREE) == THREE[:kept]


def test_a_model_with_a_budget_thinks_by_itself_and_shows_it_when_asked():
    alone = thinking("gemini-2.5-flash-native-audio-latest")
    assert alone.select(THREE) == THREE
    assert not alone.shown
    assert thinking("gemini-2.5-flash-native-audio-latest", includeThoughts=True).shown


def test_the_tutor_thinks_when_asked_and_the_lowest_level_is_its_own():
    assert thinking("offline-tutor").select(THREE) == ()
    assert thinking("offline-tutor", includeThoughts=True).select(THREE) == THREE[:1]


def test_a_model_that_does_not_think_keeps_nothing():
    assert thinking("gemini-3.8-live").select(THREE) == ()
