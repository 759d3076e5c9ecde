"""SpeechChunk into words: pocketsphinx with a small language model made of the phrases that a mind knows.

Open dictation gets every third word wrong. A model of the few hundred sentences gets nearly all of them
right, and is built when a session starts. What resembles none of the sentences is reported as not
understood.

The sentences that a mind knows as a network of words: what the recogniser's second pass may hear.

A language model of the same sentences lets through what nobody would say ("what is seventy plus"). The
network holds whole sentences only, with each of a slot's numbers in each of its places.

How a word sounds that no dictionary holds: espeak's phonemes, spelled as the recogniser's.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livewidget.audio import to_float, to_pcm16
from livewidget.errors import ExtraMissing
from livewidget.standin.interfaces import INPUT_RATE, Phrases
from livewidget.standin.tutor.patterns import Number, say_number, tokens
from livewidget.standin.tutor.voice import shared

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


# Longest first: "aɪɚ" is two phones, not "aɪ" and something else.
_PHONES = tuple(
    (pair.split(" ", 1)[0], pair.split(" ", 1)[1])
    for pair in [
        "aɪɚ AY ER",
        "aɪə AY AH",
        "tʃ CH",
        "dʒ JH",
        "eɪ EY",
        "aɪ AY",
        "ɔɪ OY",
        "aʊ AW",
        "oʊ OW",
        "əʊ OW",
        "juː Y UW",
        "ɑːɹ AA R",
        "ɔːɹ AO R",
        "oːɹ AO R",
        "ɪɹ IH R",
        "ɛɹ EH R",
        "ʊɹ UH R",
        "ɜː ER",
        "ɚ ER",
        "iː IY",
        "uː UW",
        "ɑː AA",
        "ɔː AO",
        "oː AO",
        "əl AH L",
        "n̩ AH N",
        "i IY",
        "ɪ IH",
        "ᵻ IH",
        "ɛ EH",
        "æ AE",
        "ʌ AH",
        "ə AH",
        "ɐ AH",
        "ʊ UH",
        "u UW",
        "ɔ AO",
        "ɑ AA",
        "a AE",
        "e EH",
        "o OW",
        "p P",
        "b B",
        "t T",
        "d D",
        "k K",
        "ɡ G",
        "g G",
        "f F",
        "v V",
        "θ TH",
        "ð DH",
        "s S",
        "z Z",
        "ʃ SH",
        "ʒ ZH",
        "h HH",
        "m M",
        "n N",
        "ŋ NG",
        "l L",
        "ɹ R",
        "r R",
        "j Y",
        "w W",
        "ɾ T",
        "ʔ T",
        "x K ",
    ]
)
_STRESS = re.compile("[ˈˌ\u200d_]")
_PHONE = re.compile("|".join(re.escape(ipa) for ipa, _ in _PHONES))
_ARPABET: dict[str, str] = dict(_PHONES)


def arpabet(ipa: str) -> str:
    """Return IPA as ARPAbet phones with spaces between; what has no counterpart in English is left out.

    Never empty: a word must have a phone to be in the dictionary.
    """
    phones = [_ARPABET[phone] for phone in _PHONE.findall(_STRESS.sub("", ipa))]
    return " ".join(phones) or "AH"


ACCEPT = 70.0  # of 100: likeness to a known sentence from which words count as understood
# Share of both passes' words that must be common, in order: by letters alone "thirty" would be "forty".
_AGREE = 0.5
_TAIL_MS = 300  # of silence at least after the words: without it, sounds are heard at their end that were not
_STEP_MS = 20  # pocketsphinx holds the GIL while it decodes, so give it little
_STEP = INPUT_RATE * _STEP_MS // 1_000 * 2  # bytes
_PARTIAL_EVERY = 5  # steps between looks at what is understood so far
_FLOOR_DB = -30.0  # of the noise that is laid under everything, against the speech's level
_LEVEL = 0.1  # RMS of speech to which everything is brought
_FIRST_LEVEL = 0.01  # RMS that speech is taken to have before any was measured: a soft voice
_SURE_MS = 200  # of speech until its level is known: what came before is not understood until then
_PAUSE_MS = 180  # of silence after which the second pass begins: shorter than any that ends an utterance
_CATCH_UP = 10  # steps of the second pass for each new one: done before half a second of silence is over
# Beams wider than the decoder's own: the network is small, and the right sentence must not be lost early.
# People pause between words more often than its probability of silence says.
_WHOLE = {"beam": 1e-57, "pbeam": 1e-57, "wbeam": 1e-40, "silprob": 0.05}
# The cepstral mean of speech at that level: the model's own is another, and takes minutes to be forgotten.
_MEAN = (66.5, -3.0, -1.6, 4.4, -5.2, -1.5, -4.5, -5.7, -3.6, -2.1, 1.8, -2.1, -1.3)
# Share of the utterance's own mean in that of its second pass. With all of it, the pauses count too, which a
# browser that suppresses noise empties: "five" becomes "nine".
_OWN = 0.4
_MEAN_FRAMES, _MEAN_MOST = 500, 800  # pocketsphinx: what a mean that is given weighs, and the most it sums up


class Recognizer:
    """Recognises one utterance after the other, in two passes. Not for several threads at once.

    The first pass runs along with the speech and takes any order of the words that are known: it gives what
    is understood so far, and the mean of the sound's cepstrum, which tells the voice and the microphone from
    the words. The second pass starts over with that mean and finds the one sentence that was most probably
    said. It finds one in everything; whether it was said at all, the first pass tells, whose words resemble
    it then. The second pass runs in the silence that ends an utterance, so that nobody waits for it.
    """

    def __init__(self, phrases: Phrases, *, floor: bool = True) -> None:
        """Build the model for `phrases`, or for any English where there are none.

        Args:
            phrases: The sentences to expect.
            floor: Lay noise under the sound. Digital silence, which no microphone gives but every file
                may hold, otherwise makes nonsense of many words.

        Raises:
            ExtraMissing: If pocketsphinx is not installed.
        """
        self._model = _model(phrases.sentences) if phrases.sentences else None
        self._first, self._second = _decoders(self._model)
        self._noise = _noise() if floor else np.zeros(len(_noise()), np.float32)
        self._level = _FIRST_LEVEL
        self._first_open = self._second_open = False
        self._reset()

    def _reset(self) -> None:
        self._rest = b""
        self._kept: list[bytes] = []  # of the utterance, 20 ms each, as they came
        self._followed = 0  # of those, by the first pass
        self._done = 0  # of those, by the second pass
        self._spoken_ms = 0.0
        self._silent_ms = 0.0
        self._partial = ""

    def begin(self) -> None:
        """Start an utterance; one that was not finished is thrown away."""
        self.close()
        self._reset()
        self._first.set_cmn(_listed(_MEAN))
        self._first.start_utt()
        self._first_open = True

    def feed(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, any length; return what is understood so far where that changed.

        `speech` tells whether somebody speaks in it.
        """
        if speech:
            power = float(np.mean(np.square(to_float(pcm)))) if pcm else 0.0
            self._level = max(0.9 * self._level, power**0.5)
            self._spoken_ms += len(pcm) / 2 * 1_000 / INPUT_RATE
            self._silent_ms = 0.0
            self._abandon_second()
        else:
            self._silent_ms += len(pcm) / 2 * 1_000 / INPUT_RATE
        sound = self._rest + pcm
        whole = len(sound) // _STEP * _STEP
        self._rest = sound[whole:]
        changed = None
        for start in range(0, whole, _STEP):
            self._kept.append(sound[start : start + _STEP])
            if self._spoken_ms < _SURE_MS and self._silent_ms < _PAUSE_MS:
                continue
            if self._spoken_ms and self._follow():
                changed = self._partial
            if self._spoken_ms and self._silent_ms >= _PAUSE_MS:
                self._catch_up(_CATCH_UP)
        return changed

    def _follow(self) -> bool:
        """Give the first pass what it has not heard yet; return whether it understands something else."""
        before, looked = self._followed, False
        for index in range(before, len(self._kept)):
            self._first.process_raw(self._prepared(index))
            looked = looked or index % _PARTIAL_EVERY == 0
        self._followed = len(self._kept)
        text = _text(self._first) if looked else ""
        changed = bool(text) and text != self._partial
        self._partial = text or self._partial
        return changed

    def _prepared(self, index: int) -> bytes:
        """Return a kept step at the common level, with the noise laid under it."""
        samples = to_float(self._kept[index]) * np.float32(_LEVEL / max(self._level, 1e-4))
        at = index * len(samples) % (len(self._noise) - len(samples))
        return to_pcm16(samples + self._noise[at : at + len(samples)])

    def _catch_up(self, steps: int) -> None:
        if not self._second_open:
            own = _own_mean(_numbers(self._first.get_cmn(True)), self._first.n_frames())
            mean = (_OWN * its + (1 - _OWN) * usual for its, usual in zip(own, _MEAN, strict=True))
            self._second.set_cmn(_listed(tuple(mean)))
            self._second.start_utt()
            self._second_open, self._done = True, 0
        upto = min(len(self._kept), self._done + steps)
        for index in range(self._done, upto):
            self._second.process_raw(self._prepared(index))
        self._done = upto

    def _abandon_second(self) -> None:
        if self._second_open:
            self._second.end_utt()
            self._second_open = False

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        """End the utterance; return its words, whether they resemble a known sentence, and None."""
        if not self._first_open:
            return "", False, None
        self._follow()
        missing = int(max(0.0, _TAIL_MS - self._silent_ms)) // _STEP_MS
        self._kept += [bytes(_STEP)] * missing  # the noise is laid under it
        self._catch_up(len(self._kept))
        self._first.end_utt()
        self._second.end_utt()
        self._first_open = self._second_open = False
        return *self._judged(_text(self._first), _text(self._second)), None

    def _judged(self, words: str, sentence: str) -> tuple[str, bool]:
        """Return what was said and whether it was understood, from what both passes heard."""
        if self._model is None:
            return sentence or words, bool(sentence or words)
        from rapidfuzz import fuzz, process
        from rapidfuzz.distance import Indel

        agreement = Indel.normalized_similarity(words.split(), sentence.split())
        if sentence in self._model.grammar and agreement >= _AGREE:
            return sentence, True
        nearest = process.extractOne(words, self._model.sentences, scorer=fuzz.ratio, score_cutoff=ACCEPT)
        return words or sentence, nearest is not None

    def close(self) -> None:
        """Throw away what was heard."""
        self._abandon_second()
        if self._first_open:
            self._first.end_utt()
            self._first_open = False


def _spelled(sentence: str) -> str:
    """Return a sentence as the recogniser spells it: words in lower case, numbers in words."""
    return " ".join(
        part
        for token in tokens(sentence)
        for part in (token if isinstance(token, str) else say_number(token)).split()
        if part[0].isalpha()
    )


def _numbers(mean: str) -> tuple[float, ...]:
    return tuple(float(value) for value in mean.split(","))


def _listed(mean: tuple[float, ...]) -> str:
    return ",".join(f"{value:.2f}" for value in mean)


def _own_mean(reached: tuple[float, ...], frames: int) -> tuple[float, ...]:
    """Return the mean of an utterance alone, without the one that its decoder was given at the beginning.

    A short utterance hardly moves that one, which then belongs to another voice, microphone and level.
    """
    if frames < 50:  # of half a second, there is none to speak of
        return reached
    rounds, rest = divmod(frames, _MEAN_MOST - _MEAN_FRAMES)
    share = (_MEAN_FRAMES / _MEAN_MOST) ** rounds * _MEAN_FRAMES / (_MEAN_FRAMES + rest)
    return tuple((now - share * before) / (1 - share) for before, now in zip(_MEAN, reached, strict=True))


def _text(decoder: Any) -> str:
    found = decoder.hyp()
    return str(found.hypstr).strip() if found else ""


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal(4 * INPUT_RATE)
    return np.asarray(noise * _LEVEL * 10 ** (_FLOOR_DB / 20), np.float32)


def _decoders(model: _Model | None) -> tuple[Any, Any]:
    """Return decoders for the first and the second pass."""
    pocketsphinx = _pocketsphinx()
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    # The first pass needs no refinement at its end.
    hasty = {"fwdflat": False, "bestpath": False}
    options: dict[str, Any] = {"hmm": str(folder / "en-us"), "loglevel": "FATAL", "cmninit": _listed(_MEAN)}
    if model is None:
        options |= {"lm": str(folder / "en-us.lm.bin"), "dict": str(folder / "cmudict-en-us.dict")}
        return pocketsphinx.Decoder(**options, **hasty), pocketsphinx.Decoder(**options)
    with tempfile.TemporaryDirectory(prefix="lw-") as work:  # read at once, and not needed afterwards
        paths = {}
        for name, text in (("lm", model.words), ("fsg", model.network), ("dict", model.dictionary)):
            path = Path(work) / name
            path.write_text(text, encoding="utf-8")
            paths[name] = str(path)
        options["dict"] = paths["dict"]
        first = pocketsphinx.Decoder(**options, **hasty, lm=paths["lm"])
        return first, pocketsphinx.Decoder(**options, **_WHOLE, lm=None, fsg=paths["fsg"])


def _pocketsphinx() -> Any:
    try:
        import pocketsphinx
        import pocketsphinx.lm
        import rapidfuzz  # noqa: F401  (needed later: better to miss it now)
    except ImportError:
        raise ExtraMissing(
            'The offline tutor needs its ears and voice: pip install "livewidget[offline]".'
        ) from None
    return pocketsphinx


@dataclass(frozen=True, slots=True)
class _Model:
    """What the decoders need to know of some sentences."""

    sentences: tuple[str, ...]  # each once
    grammar: Grammar
    words: str  # a 3-gram model in ARPA format: which word follows which
    network: str  # the whole sentences, as an FSG file
    dictionary: str  # of their words only: the whole one would take two seconds to load


_building = threading.Lock()


def _model(sentences: tuple[str, ...]) -> _Model:
    with _building:  # two sessions that start together build it once
        return _build(sentences)


@lru_cache(maxsize=8)
def _build(sentences: tuple[str, ...]) -> _Model:
    pocketsphinx = _pocketsphinx()
    spelled = Counter(filter(None, map(_spelled, sentences)))
    grammar = Grammar(spelled)
    text = "".join(f"<s> {sentence} </s>\n" for sentence in spelled.elements())
    # Numbers that only the network holds are known to both passes.
    text += "".join(f"{word}\n" for word in sorted(grammar.words - set(text.split())))
    model = pocketsphinx.lm.ArpaBoLM(text=text, discount_mass=0.5)
    model.compute()
    with tempfile.TemporaryDirectory(prefix="lw-") as work:
        path = Path(work) / "phrases.lm"
        model.write_file(str(path))
        arpa = path.read_text(encoding="utf-8")
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    dictionary = "\n".join(_pronunciations(grammar.words, folder / "cmudict-en-us.dict")) + "\n"
    return _Model(tuple(spelled), grammar, arpa, grammar.network, dictionary)


def _pronunciations(words: Iterable[str], dictionary: Path) -> list[str]:
    missing = set(words)
    found: list[str] = []
    wanted = frozenset(missing)
    with dictionary.open(encoding="utf-8") as lines:
        for line in lines:
            word = line.partition(" ")[0]
            base = word.partition("(")[0]
            if base in wanted:
                found.append(line.strip())
                missing.discard(base)

    return found + [f"{word} {arpabet(shared().phonemes(word))}" for word in sorted(missing)]
