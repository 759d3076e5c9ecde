"""The sentences that a mind knows as a network of words: what the recogniser's second pass may hear.

A language model of the same sentences lets through what nobody would say ("what is seventy plus"). The
network holds whole sentences only, with each of a slot's numbers in each of its places.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from livewidget.standin.tutor.numbers import Number, say_number, tokens

_RANGE_FROM = 5  # different numbers in the same place of a sentence: there, those between are meant as well
_RANGE_TO = 1_000  # wide at most: the network grows with it
_NUMBER = "#"

Shape = tuple[str, ...]  # the words of a sentence, "#" for each number
Range = tuple[Number, ...]  # the numbers of one place
Edge = tuple[str, Range]  # a word, or "#" with its numbers


class Grammar:
    """The network of some sentences, spelled as the recogniser does: lower case, numbers in words."""

    def __init__(self, sentences: Mapping[str, int]) -> None:
        """Take sentences, and how often each is to be expected, against the others."""
        seen: defaultdict[Shape, list[list[Number]]] = defaultdict(list)
        counts: Counter[Shape] = Counter()
        said: Counter[tuple[Shape, int, Number]] = Counter()
        for sentence, count in sentences.items():
            shape, numbers = _folded(sentence)
            seen[shape].append(numbers)
            counts[shape] += count
            said.update({(shape, place, number): count for place, number in enumerate(numbers)})
        self._ranges = {
            shape: [_range(place) for place in zip(*lists, strict=True)] for shape, lists in seen.items()
        }
        self._shares: defaultdict[Range, Counter[Number]] = defaultdict(Counter)
        for (shape, place, number), count in said.items():
            self._shares[self._ranges[shape][place]][number] += count
        self.network = self._text(counts)
        """The network in the format of Sphinx's FSG files."""
        transitions = (line.split() for line in self.network.splitlines() if line.startswith("TRANSITION"))
        self.words = frozenset(parts[4] for parts in transitions if len(parts) == 5)
        """All words of it."""

    def __contains__(self, sentence: str) -> bool:
        """Tell whether `sentence` is a whole one of the network."""
        shape, numbers = _folded(sentence)
        ranges = self._ranges.get(shape)
        return ranges is not None and all(
            number in some for number, some in zip(numbers, ranges, strict=True)
        )

    def _text(self, counts: Mapping[Shape, int]) -> str:
        network = _Network()
        root = network.state()
        for shape, count in counts.items():
            ranges = iter(self._ranges[shape])
            network.add(root, [(word, next(ranges) if word == _NUMBER else ()) for word in shape], count)
        return network.text(root, self._shares)


def _folded(sentence: str) -> tuple[Shape, list[Number]]:
    said = tokens(sentence)
    shape = tuple(word if isinstance(word, str) else _NUMBER for word in said)
    return shape, [word for word in said if not isinstance(word, str)]


def _range(numbers: Iterable[Number]) -> Range:
    seen = sorted(set(numbers))
    if len(seen) >= _RANGE_FROM and seen[-1] - seen[0] <= _RANGE_TO:
        return tuple(range(int(seen[0]), int(seen[-1]) + 1))
    return tuple(seen)


class _Network:
    """States with counted edges: a tree while it grows, and then with all equal ends made one."""

    def __init__(self) -> None:
        self._edges: list[dict[Edge, tuple[int, int]]] = []  # of each state: edge → its end, its count
        self._ends: list[int] = []  # how many sentences end there

    def state(self) -> int:
        self._edges.append({})
        self._ends.append(0)
        return len(self._edges) - 1

    def add(self, root: int, sentence: Sequence[Edge], count: int) -> None:
        at = root
        for edge in sentence:
            after, before = self._edges[at].get(edge) or (self.state(), 0)
            self._edges[at][edge] = after, before + count
            at = after
        self._ends[at] += count

    def text(self, root: int, shares: Mapping[Range, Mapping[Number, int]]) -> str:
        """Return the FSG file. Its size is what the decoder's time depends on, hence the equal ends."""
        merged: dict[tuple[object, ...], int] = {}
        states: dict[int, int] = {}  # of the tree → of the network

        for at in range(len(self._edges) - 1, -1, -1):  # ends come after beginnings
            edges = sorted((edge, states[after]) for edge, (after, _) in self._edges[at].items())
            states[at] = merged.setdefault((bool(self._ends[at]), *edges), at)
        counts: defaultdict[tuple[int, Edge, int], int] = defaultdict(int)
        ends: defaultdict[int, int] = defaultdict(int)
        for at, edges_ in enumerate(self._edges):
            ends[states[at]] += self._ends[at]
            for edge, (after, count) in edges_.items():
                counts[states[at], edge, states[after]] += count
        return _fsg(states[root], counts, ends, shares)


def _fsg(
    root: int,
    counts: Mapping[tuple[int, Edge, int], int],
    ends: Mapping[int, int],
    shares: Mapping[Range, Mapping[Number, int]],
) -> str:
    totals: defaultdict[int, int] = defaultdict(int, ends)
    for (at, _, _), count in counts.items():
        totals[at] += count
    final = free = max(totals) + 1
    lines = [f"TRANSITION {at} {final} {end / totals[at]:.6g}" for at, end in ends.items() if end]
    for (at, (word, numbers), after), count in counts.items():
        share = count / totals[at]
        if word == _NUMBER:
            said = {tuple(say_number(one).split()): 1 + shares[numbers].get(one, 0) for one in numbers}
            added, free = _number(at, after, share, said, free)
            lines += added
        else:
            lines.append(f"TRANSITION {at} {after} {share:.6g} {word}")
    head = ["FSG_BEGIN sentences", f"NUM_STATES {free + 1}", f"START_STATE {root}", f"FINAL_STATE {final}"]
    return "\n".join([*head, *lines, "FSG_END", ""])


def _number(at: int, after: int, share: float, said: Mapping[Shape, int], used: int) -> tuple[list[str], int]:
    """Return the transitions for numbers in words with their counts, and the last state used by then.

    Numbers that begin alike share their beginning.
    """
    passed: Counter[Shape] = Counter()
    for words, count in said.items():
        passed.update({words[:size]: count for size in range(len(words))})
    states: dict[Shape, int] = {(): at}
    for words in passed:
        if words:
            used += 1
            states[words] = used
    lines = []
    for words, count, end in [
        *((words, count, after) for words, count in said.items()),
        *((words, passed[words], states[words]) for words in passed if words),
    ]:
        before = words[:-1]
        part = count / passed[before] * (1.0 if before else share)
        lines.append(f"TRANSITION {states[before]} {end} {part:.6g} {words[-1]}")
    return lines, used
