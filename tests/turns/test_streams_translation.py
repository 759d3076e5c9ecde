"""A model that translates: pairs of turns, cut by silence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.events import (
    ActivityEnd,
    ActivityStart,
    GenerationComplete,
    Interrupted,
    OutputAudio,
    SessionEnded,
    TurnComplete,
)
from livewidget.models import find
from livewidget.turns import (
    ConversationTracker,
    DictationTracker,
    Floor,
    Span,
    TranslationTracker,
    tracker_for,
)
from livewidget.turns.streams import SILENCE_MS, audible
from tests.turns.talk import Talk, heard, interim, said, sound


@pytest.fixture
def talk() -> Talk:
    return Talk(TranslationTracker())


def languages(talk):
    return [turn.language for turn in talk.turns]


def test_which_models_have_such_talks():
    assert isinstance(tracker_for(find("gemini-3.5-live-translate-preview", "gemini")), TranslationTracker)
    assert isinstance(tracker_for(find("gemini-2.5-flash-s2st-exp-11-2025", "vertex")), TranslationTracker)
    assert isinstance(tracker_for(find("gemini-3.5-transcribe-live", "gemini")), DictationTracker)
    assert isinstance(tracker_for(find("gemini-3.8-live", "gemini")), ConversationTracker)
    assert isinstance(tracker_for(find("a-model-of-tomorrow", "gemini")), ConversationTracker)


def test_source_and_target_are_a_pair_that_silence_ends(talk):
    talk.fold(heard("", language="en"), heard("Good "), 300, said("", language="es"), said("Buenos "))
    talk.fold(sound(0.4), 300, heard("morning."), 200, said("días."), sound(0.4))
    assert talk.floor is Floor.MODEL
    assert talk.conversation.model_turn == 1
    assert not any(turn.final for turn in talk.turns)
    assert talk.tick(SILENCE_MS - 1) == []
    assert [turn.final for turn in talk.tick(1)] == [True, True]
    assert talk.texts == [("user", "Good morning."), ("model", "Buenos días.")]
    assert languages(talk) == ["en", "es"]
    assert talk.conversation.model_turn is None
    assert talk.floor is Floor.LISTENING
    assert talk.tick(9000) == []


def test_silence_is_seen_without_a_tick(talk):
    talk.fold(heard("One."), said("Uno."), SILENCE_MS, heard("Two."), said("Dos."))
    assert talk.texts == [("user", "One."), ("model", "Uno."), ("user", "Two."), ("model", "Dos.")]
    assert [turn.final for turn in talk.turns] == [True, True, False, False]


def test_one_side_that_goes_on_keeps_the_pair_open(talk):
    talk.fold(heard("A long sentence."), 1500, sound(0.1), 1500, said("Una frase"), 1500, sound(0.1), 1500)
    talk.fold(said(" larga."))
    assert talk.texts == [("user", "A long sentence."), ("model", "Una frase larga.")]


def test_the_target_may_come_first(talk):
    talk.fold(sound(0.2), said("Hola."), 100, heard("Hello."))
    assert talk.texts == [("user", "Hello."), ("model", "Hola.")]


def test_a_translation_that_lags_belongs_to_the_words_that_lack_one(talk):
    talk.fold(heard("Hello."), SILENCE_MS)
    talk.tick(0)
    assert talk.conversation.model_turn is None
    talk.fold(700, sound(0.4), said("Hola."))
    assert talk.conversation.model_turn == 1
    assert talk.texts == [("user", "Hello."), ("model", "Hola.")]
    talk.fold(200, heard("Bye."), said("Adiós."))
    assert talk.texts[2:] == [("user", "Bye."), ("model", "Adiós.")]
    assert [turn.index for turn in talk.turns] == [0, 1, 2, 3]


def test_more_translation_after_the_silence_is_a_pair_without_a_source(talk):
    talk.fold(heard("Hello."), said("Hola."), SILENCE_MS, said("¿Sí?"), sound(0.1))
    assert talk.texts == [("user", "Hello."), ("model", "Hola."), ("model", "¿Sí?")]
    assert talk.turns[-1].index == 3


def test_sound_without_anything_in_it_begins_nothing_and_keeps_nothing_open(talk):
    assert talk.fold(sound(0.4, level=0)) == []
    assert talk.conversation.model_turn is None
    talk.fold(heard("Hello."), said("Hola."), sound(0.4))
    for _ in range(4):
        talk.fold(400, sound(0.4, level=20))
    assert talk.turns[-1].audio_samples == 5 * 9600, "it is in the player as well"
    assert talk.fold(400, sound(0.4, level=0)) != []
    assert talk.turns[-1].final


@pytest.mark.parametrize(("peak", "is_kept_open"), [(0.0, False), (0.002, False), (0.01, True), (None, True)])
def test_of_sound_that_a_page_plays_its_peak_says_whether_there_is_any(talk, peak, is_kept_open):
    silence = OutputAudio(data=b"", samples=9600, peak=peak)
    talk.fold(heard("Hello."), said("Hola."), OutputAudio(data=b"", samples=9600, peak=0.5))
    for _ in range(8):
        talk.fold(400, silence)
    talk.tick(0)
    assert talk.turns[-1].final is not is_kept_open
    assert talk.turns[-1].audio_samples >= 9600


def test_what_is_audible():
    assert audible(sound(0.01).data)
    assert audible(sound(0.01, level=-8000).data)
    assert not audible(sound(0.01, level=0).data)
    assert not audible(b"")
    assert not audible(b"\x01")
    assert audible(b"\x00\x40\x01"), "an odd byte is no sample"


def test_positions_of_words_in_the_sound(talk):
    talk.fold(heard("x"), said("Uno "), sound(0.5), said("dos"))
    assert talk.turns[-1].spans == (Span("Uno ", 0), Span("dos", 12_000))


def test_a_language_named_ahead_is_of_the_words_that_come_next(talk):
    talk.fold(heard("Hello.", language="en"), said("Hola.", language="es"), 1000)
    talk.fold(heard("", language="fr"), 1000)
    talk.tick(SILENCE_MS)
    talk.fold(heard("Salut."), said("Hola."))
    assert languages(talk) == ["en", "es", "fr", None]


def test_a_translation_that_is_said_again_replaces_the_first(talk):
    talk.fold(heard("How are you all?"), said("¿Cómo "), said("estás "), said("hoy?"), sound(1))
    talk.fold(said("¿Cómo estás todos hoy?"))
    assert talk.texts[-1] == ("model", "¿Cómo estás todos hoy?")
    assert talk.turns[-1].spans == (Span("¿Cómo estás todos hoy?", 0),)


def test_guesses_are_replaced_also_after_the_silence(talk):
    talk.fold(interim("good mor"))
    assert (talk.turns[0].text, talk.turns[0].interim) == ("", "good mor")
    talk.tick(SILENCE_MS)
    assert talk.texts == [("user", "good mor")]
    talk.fold(heard("Good morning."), said("Buenos días."))
    assert talk.texts == [("user", "Good morning."), ("model", "Buenos días.")]


@pytest.mark.parametrize("event", [TurnComplete(), Interrupted(), SessionEnded()])
def test_should_an_end_be_told_it_is_one(talk, event):
    talk.fold(heard("Hello."), said("Hola."), sound(0.1), event)
    assert all(turn.final for turn in talk.turns)
    assert not any(turn.interrupted for turn in talk.turns)
    assert talk.floor is Floor.LISTENING


def test_no_start_of_speech_is_inferred_for_others(talk):
    # It would hush a translation that is still being heard.
    assert talk.conversation.infer(heard("Hello."), 0.0) is None


def test_announced_speech_without_words_gives_the_floor_back(talk):
    talk.fold(ActivityStart())
    assert talk.floor is Floor.USER
    talk.fold(ActivityEnd(), GenerationComplete())
    assert talk.floor is Floor.LISTENING
    assert talk.turns == []


WORDS = st.lists(st.sampled_from(["uno ", "due ", "tre "]), min_size=1, max_size=5)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_any_order_within_a_pair_gives_the_same_pairs(pairs, random):
    talk = Talk(TranslationTracker())
    for number, (source, target) in enumerate(pairs):
        lanes = [
            [heard(f"{number} {word}") for word in source],
            [said(f"{number} {word}") for word in target],
            [sound(0.1) for _ in target],
        ]
        while any(lanes):
            lane = random.choice([lane for lane in lanes if lane])
            talk.fold(lane.pop(0), random.choice([0, 50, 900]))
        talk.tick(SILENCE_MS)
    assert talk.texts == [
        text
        for number, (source, target) in enumerate(pairs)
        for text in (
            ("user", "".join(f"{number} {word}" for word in source)),
            ("model", "".join(f"{number} {word}" for word in target)),
        )
    ]
    assert all(turn.final for turn in talk.turns)
