import pytest

from livewidget.standin.tutor.recognizer import Grammar

SENTENCES = {
    **{f"what is {word} plus two": 1 for word in ("one", "seven", "twenty one", "forty", "fifty")},
    "turn on the light": 3,
    "turn on the lamp": 1,
}


def transitions(grammar):
    """Return from, to, probability and word (None for an end) of each."""
    lines = [line.split() for line in grammar.network.splitlines() if line.startswith("TRANSITION")]
    return [(int(a), int(b), float(part), *(word or [None])) for _, a, b, part, *word in lines]


def said(grammar):
    """Return every sentence of the network with its probability, by walking through it."""
    header = dict(line.split() for line in grammar.network.splitlines() if line.count(" ") == 1)
    edges, found = transitions(grammar), {}
    paths = [(int(header["START_STATE"]), (), 1.0)]
    while paths:
        at, words, probability = paths.pop()
        if at == int(header["FINAL_STATE"]):
            found[" ".join(words)] = probability
        for begin, end, part, word in edges:
            if begin == at:
                paths.append((end, words + ((word,) if word else ()), probability * part))
    return found


def test_the_network_says_the_sentences_and_the_numbers_between():
    grammar = Grammar(SENTENCES)
    found = said(grammar)
    assert set(SENTENCES) < set(found)
    assert len(found) == 50 + 2  # one to fifty, and the light and the lamp
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    assert found["turn on the light"] == pytest.approx(3 * found["turn on the lamp"], rel=1e-3)
    assert found["what is seven plus two"] > found["what is eight plus two"]
    assert all(sentence in grammar for sentence in found)
    assert {"thirty", "nine", "lamp"} < grammar.words


@pytest.mark.parametrize(
    "sentence",
    ["", "what is seven plus", "what is fifty one plus two", "what is one plus three", "turn on"],
)
def test_it_holds_whole_sentences_only(sentence):
    assert sentence not in Grammar(SENTENCES)


def test_few_numbers_are_only_themselves():
    assert "add three" not in Grammar({"add two": 1, "add four": 1})


def test_equal_ends_are_shared():
    apart = Grammar({"one plus two": 1})
    both = Grammar({"one plus two": 1, "one minus two": 1})
    assert len(transitions(both)) == len(transitions(apart)) + 1
