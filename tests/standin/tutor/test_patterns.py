import pytest

from livewidget.standin.tutor.patterns import smart_transcript


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("what is seven plus five", "What is 7 plus 5?"),
        ("at what temperature does water boil", "At what temperature does water boil?"),
        ("my name is anna", "My name is Anna."),
        ("i am tired", "I am tired."),
        ("i'm from paris", "I'm from Paris."),
        ("i know what you did", "I know what you did."),
        ("it is three point five percent", "It is 3.5%."),
        ("one hundred and twenty three", "123."),
        ("two million", "2000000."),
        ("hello comma how are you question mark", "Hello, how are you?"),
        ("dear anna comma new line i am well full stop see you on monday", "Dear Anna,\nI am well. See you on Monday."),
        ("", ""),
        ("  ", "  "),
    ],
)  # fmt: skip
def test_bare_words_are_written_as_one_would(said, written):
    assert smart_transcript(said) == written


@pytest.mark.parametrize("text", ["What time is it?", "already, with marks", "It Is"])
def test_what_is_written_already_stays_as_it_is(text):
    assert smart_transcript(text) == text


def test_the_vocabulary_is_spelled_as_it_was_given():
    terms = ["JupyterLab", "Grace Hopper", "C:\\new", "a.b", "", "?"]
    assert smart_transcript("open jupyterlab for grace hopper", terms) == "Open JupyterLab for Grace Hopper."
    assert smart_transcript("the jupyterlabs", terms) == "The jupyterlabs."  # negative control: another word
    assert smart_transcript("c new is a b", terms) == "C:\\new is a.b."
