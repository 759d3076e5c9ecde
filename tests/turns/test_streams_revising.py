"""What says words again, and what goes on from them."""

import pytest

from livewidget.turns.streams import revises


@pytest.mark.parametrize(
    ("texts", "fragment", "start"),
    [
        (["Hello, how ", "are you"], "Hello, how are you", 0),
        (["Hello, how ", "are you"], "hello how are you today?", 0),
        (["Hello, how are you all today?"], "Hello, how are you doing today?", 0),
        (["It is late. ", "Hello, how ", "are you"], "Hello, how are you doing", 1),
        (["我想去", "公园。"], "我想去公园玩。", 0),
    ],
)
def test_it_is_said_again(texts, fragment, start):
    assert revises(texts, fragment) == start


@pytest.mark.parametrize(
    ("texts", "fragment"),
    [
        ([], "Hello, how are you"),
        (["Hello, how "], "are you today"),
        (["very ", "very ", "very "], "very"),
        (["very ", "good"], " very good"),
        (
            ["I have a dream that one day this nation will rise."],
            " I have a dream that my children will live.",
        ),
        (["I have a dream. ", "It is a long one, of a day to come. "], "I have a dream of a night."),
        (["Yes. "], "Yes, of course it is."),
        (["我想"], "我想要"),
    ],
)
def test_it_goes_on(texts, fragment):
    assert revises(texts, fragment) is None
