"""Speech recognition with pocketsphinx, and models made of the sentences that a dialogue understands.

Open dictation gets every third word wrong. Models of a few hundred sentences get nearly all of them right,
and are built when a session starts. What resembles none of the sentences is reported as not understood.
"""

from __future__ import annotations

import importlib.util
import platform
import re
import sys
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
from livewidget.standin.tutor.patterns import Number, read_sections, say_number, tokens
from livewidget.standin.tutor.voice import shared_espeak

# How the recognizer listens was tuned with espeak voices and with other sums than those of
# benchmarks/recognition.py, which measures the result.

#: Where pocketsphinx has wheels, November 2026, by the version of Python, platform and machine.
_MACHINES: dict[tuple[int, ...], dict[str, tuple[str, ...]]] = {
    (3, 11): {"linux": ("x86_64", "aarch64"), "darwin": ("any",), "win32": ("AMD64",)},
    (3, 12): {"linux": ("x86_64",), "darwin": ("any",), "win32": ("AMD64",)},
    (3, 13): {"linux": ("x86_64", "aarch64"), "darwin": ("any",), "win32": ("AMD64",)},
}

#: Similarity to a known sentence, of 100, from which words count as understood; as of `patterns.ACCEPT`.
ACCEPT = 70.0
#: Share of the passes' words that must agree, in order: by letters alone "thirty" would be "forty". Chosen
#: with recordings of people saying other things, see benchmarks/recognition.py.
_AGREEMENT = 0.5
#: Silence after the words, at least: without it, the decoder hears sounds at their end that were not there.
_TAIL_MS = 300
#: Audio decoded at once. pocketsphinx holds the GIL meanwhile: 0.6 ms for 20 ms.
_STEP_MS = 20
_STEP = INPUT_RATE * _STEP_MS // 1_000 * 2  # bytes
#: Steps between looks at the transcript so far. Chosen: a hundred milliseconds is fast enough to read along.
_PARTIAL_EVERY = 5
#: Level of the noise laid under everything, relative to the speech. Measured: with digital silence a quarter
#: of the words are wrong, with this noise 0.7 %; a fixed level fails with soft voices.
_FLOOR_DB = -30.0
#: RMS to which speech is brought, and RMS assumed before any was measured: a soft voice. Chosen.
_LEVEL = 0.1
_FIRST_LEVEL = 0.01
#: Speech until its level is known; decoding waits for it. Chosen.
_SURE_MS = 200
#: Silence after which the second pass begins. Chosen: shorter than any that ends an utterance.
_PAUSE_MS = 180
#: Steps of the second pass for each new one. Chosen: it has caught up before half a second of silence is
#: over.
_CATCH_UP = 10
#: Decoder options of the second pass: wider beams than the default, since the network is small and the right
#: sentence must not be lost early; and pauses between words, which are more frequent than by default. Tuned.
_WHOLE = {"beam": 1e-57, "pbeam": 1e-57, "wbeam": 1e-40, "silprob": 0.05}
#: Cepstral mean of speech at `_LEVEL`. The acoustic model's own differs, and the decoder takes minutes to
#: forget it. Tuned.
_MEAN = (66.5, -3.0, -1.6, 4.4, -5.2, -1.5, -4.5, -5.7, -3.6, -2.1, 1.8, -2.1, -1.3)
#: The same of speech from a telephone, which has nothing above 4 kHz. Tuned with µ-law at 8 kHz.
_NARROW_MEAN = (60.2, 2.1, -7.2, 5.4, -3.1, -8.1, 4.4, -9.8, -1.8, 1.1, -2.9, 1.5, -1.5)
#: Share of the power of speech above 4.3 kHz below which it comes from a telephone. Measured: what was
#: ever at 8 kHz has at most 5e-8, speech at 16 kHz at least 6e-4.
_NARROW = 1e-5
_NARROW_HZ = 4_300
#: Level of the mirrored hiss of a telephone. Measured with 20 questions and six voices: 96 % are right,
#: without it 85 %.
_MIRRORED = 1.5
#: Share of the utterance's own mean in that of its second pass. Tuned: with all of it, the pauses count, too,
#: which a browser's noise suppression empties: "five" becomes "nine".
_OWN_SHARE = 0.4
#: pocketsphinx: the weight of a given mean in frames, and the most frames that it sums up.
_MEAN_FRAMES, _MEAN_MOST = 500, 800
#: Frames of 10 ms below which an utterance has no mean of its own: half a second. Chosen.
_FEW_FRAMES = 50

#: Different numbers in the same place of a sentence from which those between are meant as well. Chosen.
_RANGE_FROM = 5
#: The widest such range: the network grows with it. Chosen.
_RANGE_TO = 1_000
_NUMBER = "#"

Shape = tuple[str, ...]  # the words of a sentence, "#" for each number
Range = tuple[Number, ...]  # the numbers of one place
Edge = tuple[str, Range]  # a word, or "#" with its numbers


class Recognizer:
    """Recognizes one utterance after the other, in two passes. Not thread-safe.

    The first pass runs along with the speech, with a language model that allows known words in any order. It
    gives partial transcripts, and the mean of the cepstrum, which describes the voice and the microphone. The
    second pass starts over with that mean and finds the most probable whole sentence. It finds one in any
    sound, so it counts only if the words of the first pass resemble it. The second pass runs during the
    silence that ends an utterance, so that nobody waits for it.
    """

    def __init__(self, phrases: Phrases, *, floor: bool = True) -> None:
        """Build the models for `phrases`, or take those for any English if there are none.

        Args:
            phrases: The sentences to expect.
            floor: Lay noise under the audio. Digital silence, which files may contain, spoils many words.

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
        self._steps: list[bytes] = []  # the utterance in steps, as it came
        self._first_done = 0  # steps decoded by the first pass
        self._second_done = 0  # steps decoded by the second pass
        self._spoken_ms = 0.0
        self._silent_ms = 0.0
        self._partial = ""
        self._power = np.zeros(2)  # of the speech, below and above `_NARROW_HZ`
        self._mean = _MEAN

    def begin(self) -> None:
        """Start an utterance; an unfinished one is dropped."""
        self.close()
        self._reset()
        self._first.set_cmn(_format_mean(_MEAN))
        self._first.start_utt()
        self._first_open = True

    def feed(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, and whether it is speech; return the transcript so far if it has changed."""
        if speech:
            power = float(np.mean(np.square(to_float(pcm)))) if pcm else 0.0
            self._level = max(0.9 * self._level, power**0.5)
            self._spoken_ms += len(pcm) / 2 * 1_000 / INPUT_RATE
            if pcm and not self._first_done:
                self._power += _powers(pcm)
            self._silent_ms = 0.0
            self._abandon_second()
        else:
            self._silent_ms += len(pcm) / 2 * 1_000 / INPUT_RATE
        pcm = self._rest + pcm
        whole = len(pcm) // _STEP * _STEP
        self._rest = pcm[whole:]
        changed = None
        for start in range(0, whole, _STEP):
            self._steps.append(pcm[start : start + _STEP])
            if self._spoken_ms < _SURE_MS and self._silent_ms < _PAUSE_MS:
                continue
            if self._spoken_ms and self._run_first():
                changed = self._partial
            if self._spoken_ms and self._silent_ms >= _PAUSE_MS:
                self._run_second(_CATCH_UP)
        return changed

    def _run_first(self) -> bool:
        """Decode what is new with the first pass; return whether the transcript has changed."""
        before, looked = self._first_done, False
        if not before and self._power[1] < _NARROW * self._power[0]:
            self._mean = _NARROW_MEAN
            self._first.set_cmn(_format_mean(self._mean))
        for index in range(before, len(self._steps)):
            self._first.process_raw(self._prepared(index))
            looked = looked or index % _PARTIAL_EVERY == 0
        self._first_done = len(self._steps)
        text = _hypothesis(self._first) if looked else ""
        changed = bool(text) and text != self._partial
        self._partial = text or self._partial
        return changed

    def _prepared(self, index: int) -> bytes:
        """Return a step at the common level, with the noise laid under it."""
        gain = np.float32(_LEVEL / max(self._level, 1e-4))
        samples = to_float(self._steps[index]) * gain
        if self._mean == _NARROW_MEAN:
            before = to_float(self._steps[index - 1]) * gain if index else np.zeros_like(samples)
            samples = samples + _mirrored(before, samples)
        at = index * len(samples) % (len(self._noise) - len(samples))
        return to_pcm16(samples + self._noise[at : at + len(samples)])

    def _run_second(self, steps: int) -> None:
        if not self._second_open:
            reached = tuple(map(float, self._first.get_cmn(True).split(",")))
            own = _own_mean(reached, self._first.n_frames(), self._mean)
            mean = (
                _OWN_SHARE * its + (1 - _OWN_SHARE) * usual
                for its, usual in zip(own, self._mean, strict=True)
            )
            self._second.set_cmn(_format_mean(tuple(mean)))
            self._second.start_utt()
            self._second_open, self._second_done = True, 0
        upto = min(len(self._steps), self._second_done + steps)
        for index in range(self._second_done, upto):
            self._second.process_raw(self._prepared(index))
        self._second_done = upto

    def _abandon_second(self) -> None:
        if self._second_open:
            self._second.end_utt()
            self._second_open = False

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        """End the utterance; return its words, whether they were understood, and None."""
        if not self._first_open:
            return "", False, None
        self._run_first()
        missing = int(max(0.0, _TAIL_MS - self._silent_ms)) // _STEP_MS
        self._steps += [bytes(_STEP)] * missing
        self._run_second(len(self._steps))
        self._first.end_utt()
        self._second.end_utt()
        self._first_open = self._second_open = False
        return *self._decide(_hypothesis(self._first), _hypothesis(self._second)), None

    def _decide(self, words: str, sentence: str) -> tuple[str, bool]:
        """Return the words and whether they were understood, from the results of both passes."""
        if self._model is None:
            return sentence or words, bool(sentence or words)
        from rapidfuzz import fuzz, process
        from rapidfuzz.distance import Indel

        agreement = Indel.normalized_similarity(words.split(), sentence.split())
        if sentence in self._model.grammar and agreement >= _AGREEMENT:
            return sentence, True
        nearest = process.extractOne(words, self._model.sentences, scorer=fuzz.ratio, score_cutoff=ACCEPT)
        return words or sentence, nearest is not None

    def close(self) -> None:
        """Drop the current utterance."""
        self._abandon_second()
        if self._first_open:
            self._first.end_utt()
            self._first_open = False


def _spelled(sentence: str) -> str:
    """Return a sentence in the dictionary's spelling: lower case, numbers in words."""
    return " ".join(
        part
        for token in tokens(sentence)
        for part in (token if isinstance(token, str) else say_number(token)).split()
        if part[0].isalpha()
    )


def _format_mean(mean: tuple[float, ...]) -> str:
    return ",".join(f"{value:.2f}" for value in mean)


def _powers(pcm: bytes) -> NDArray[np.float64]:
    """Return the power of PCM16 at 16 kHz below and above the highest frequency of telephones."""
    samples = to_float(pcm)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    edge = len(spectrum) * 2 * _NARROW_HZ // INPUT_RATE
    return np.array([spectrum[:edge].sum(), spectrum[edge:].sum()])


def _mirrored(before: NDArray[np.float32], samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a telephone has below 4 kHz as the hiss above, which it cuts off: 2.5 kHz becomes 5.5 kHz.

    Args:
        before: The step before, of the same even length.
        samples: A step.
    """
    high = np.convolve(np.concatenate([before, samples]), _high_pass())[len(before) :][: len(samples)]
    high[1::2] *= -1  # mirrors the spectrum at a quarter of the sample rate
    return np.asarray(_MIRRORED * high, np.float32)


@lru_cache(maxsize=1)
def _high_pass() -> NDArray[np.float64]:
    """Return a filter of 33 taps that passes what is above 2.5 kHz."""
    cutoff, taps = 2 * 2_500 / INPUT_RATE, np.arange(-16, 17)
    low_pass = cutoff * np.sinc(cutoff * taps) * np.hamming(33)
    return np.asarray((taps == 0) - low_pass)


def _own_mean(reached: tuple[float, ...], frames: int, began: tuple[float, ...]) -> tuple[float, ...]:
    """Return the mean of the utterance alone, without the mean that its decoder started from.

    A short utterance hardly moves that one, which belongs to another voice, microphone and level.
    """
    if frames < _FEW_FRAMES:
        return reached
    rounds, rest = divmod(frames, _MEAN_MOST - _MEAN_FRAMES)
    share = (_MEAN_FRAMES / _MEAN_MOST) ** rounds * _MEAN_FRAMES / (_MEAN_FRAMES + rest)
    return tuple((now - share * before) / (1 - share) for before, now in zip(began, reached, strict=True))


def _hypothesis(decoder: Any) -> str:
    found = decoder.hyp()
    return str(found.hypstr).strip() if found else ""


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal(4 * INPUT_RATE)
    return np.asarray(noise * _LEVEL * 10 ** (_FLOOR_DB / 20), np.float32)


def _decoders(model: _Model | None) -> tuple[Any, Any]:
    """Return the decoders of the first and the second pass."""
    pocketsphinx = _pocketsphinx()
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    # The first pass needs no refinement at the end.
    hasty = {"fwdflat": False, "bestpath": False}
    options: dict[str, Any] = {
        "hmm": str(folder / "en-us"),
        "loglevel": "FATAL",
        "cmninit": _format_mean(_MEAN),
    }
    if model is None:
        options |= {"lm": str(folder / "en-us.lm.bin"), "dict": str(folder / "cmudict-en-us.dict")}
        return pocketsphinx.Decoder(**options, **hasty), pocketsphinx.Decoder(**options)
    with tempfile.TemporaryDirectory(prefix="lw-") as work:  # the files are read at once
        paths = {}
        for name, text in (("lm", model.words), ("fsg", model.grammar.network), ("dict", model.dictionary)):
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
        import rapidfuzz  # noqa: F401  (needed later: a missing one is reported now)
    except ImportError:
        raise ExtraMissing(
            'The offline tutor needs its ears and voice: pip install "livewidget[tutor]".'
        ) from None
    return pocketsphinx


def is_offered() -> bool:
    """Return whether the extra `tutor` installs pocketsphinx here; see the markers in pyproject.toml.

    Where it does not, there is no wheel of it, and the tutor does without.
    """
    if sys.implementation.name != "cpython":
        return False
    machines = _MACHINES.get(sys.version_info[:2], {})
    machine = "any" if sys.platform == "darwin" else platform.machine()
    return machine in machines.get(sys.platform, ())


def is_missing() -> bool:
    """Return whether pocketsphinx is neither installed nor offered here."""
    return not is_offered() and importlib.util.find_spec("pocketsphinx") is None


def why_missing() -> str:
    """Return why, as the end of a sentence."""
    python = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    return f"pocketsphinx has no ready-made package for {python} on {platform.system()} {platform.machine()}"


@dataclass(frozen=True, slots=True)
class _Model:
    """The models of some sentences.

    Attributes:
        sentences: Each once, in the dictionary's spelling.
        grammar: The whole sentences.
        words: 3-gram language model in ARPA format, for the first pass.
        dictionary: Only of their words: the whole one takes 1.7 s to load.
    """

    sentences: tuple[str, ...]
    grammar: Grammar
    words: str
    dictionary: str


_building = threading.Lock()


def _model(sentences: tuple[str, ...]) -> _Model:
    with _building:  # sessions that start at the same time build it once
        return _build(sentences)


@lru_cache(maxsize=8)
def _build(sentences: tuple[str, ...]) -> _Model:
    pocketsphinx = _pocketsphinx()
    spelled = Counter(filter(None, map(_spelled, sentences)))
    grammar = Grammar(spelled)
    text = "".join(f"<s> {sentence} </s>\n" for sentence in spelled.elements())
    # Both passes know the numbers that only the network has.
    text += "".join(f"{word}\n" for word in sorted(grammar.words - set(text.split())))
    model = pocketsphinx.lm.ArpaBoLM(text=text, discount_mass=0.5)
    model.compute()
    with tempfile.TemporaryDirectory(prefix="lw-") as work:
        path = Path(work) / "phrases.lm"
        model.write_file(str(path))
        arpa = path.read_text(encoding="utf-8")
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    dictionary = "\n".join(_pronunciations(grammar.words, folder / "cmudict-en-us.dict")) + "\n"
    return _Model(tuple(spelled), grammar, arpa, dictionary)


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
    return found + [f"{word} {arpabet(shared_espeak.phonemes(word))}" for word in sorted(missing)]


class Grammar:
    """A network of whole sentences, in the dictionary's spelling.

    A language model of the same sentences allows what nobody would say ("what is seventy plus"). The network
    has only whole sentences, with all numbers of a slot in its place.

    Attributes:
        network: The network as a Sphinx FSG file.
        words: All its words.
    """

    def __init__(self, sentences: Mapping[str, int]) -> None:
        """Take sentences, and how often each is expected, relative to the others."""
        seen: defaultdict[Shape, list[list[Number]]] = defaultdict(list)
        counts: Counter[Shape] = Counter()
        places: Counter[tuple[Shape, int, Number]] = Counter()
        for sentence, count in sentences.items():
            shape, numbers = _folded(sentence)
            seen[shape].append(numbers)
            counts[shape] += count
            places.update({(shape, place, number): count for place, number in enumerate(numbers)})
        self._ranges = {
            shape: [_range(place) for place in zip(*lists, strict=True)] for shape, lists in seen.items()
        }
        shares: defaultdict[Range, Counter[Number]] = defaultdict(Counter)
        for (shape, place, number), count in places.items():
            shares[self._ranges[shape][place]][number] += count
        network = _Network()
        for shape, count in counts.items():
            ranges = iter(self._ranges[shape])
            network.add([(word, next(ranges) if word == _NUMBER else ()) for word in shape], count)
        self.network = network.text(shares)
        transitions = (line.split() for line in self.network.splitlines() if line.startswith("TRANSITION"))
        self.words = frozenset(parts[4] for parts in transitions if len(parts) == 5)

    def __contains__(self, sentence: str) -> bool:
        """Return whether `sentence` is a whole sentence of the network."""
        shape, numbers = _folded(sentence)
        ranges = self._ranges.get(shape)
        return ranges is not None and all(
            number in some for number, some in zip(numbers, ranges, strict=True)
        )


def _folded(sentence: str) -> tuple[Shape, list[Number]]:
    words = tokens(sentence)
    shape = tuple(word if isinstance(word, str) else _NUMBER for word in words)
    return shape, [word for word in words if not isinstance(word, str)]


def _range(numbers: Iterable[Number]) -> Range:
    seen = sorted(set(numbers))
    if len(seen) >= _RANGE_FROM and seen[-1] - seen[0] <= _RANGE_TO:
        return tuple(range(int(seen[0]), int(seen[-1]) + 1))
    return tuple(seen)


class _Network:
    """States with counted edges: a tree while sentences are added; then equal ends are merged."""

    def __init__(self) -> None:
        self._edges: list[dict[Edge, tuple[int, int]]] = [{}]  # of each state: edge → its end and count
        self._ends: list[int] = [0]  # how many sentences end there

    def add(self, sentence: Sequence[Edge], count: int) -> None:
        at = 0
        for edge in sentence:
            after, before = self._edges[at].get(edge, (len(self._edges), 0))
            if after == len(self._edges):
                self._edges.append({})
                self._ends.append(0)
            self._edges[at][edge] = after, before + count
            at = after
        self._ends[at] += count

    def text(self, shares: Mapping[Range, Mapping[Number, int]]) -> str:
        """Return the FSG file, given how often each number of a range is expected."""
        counts, ends, root = self._merged()
        totals: defaultdict[int, int] = defaultdict(int, ends)
        for (at, _, _), count in counts.items():
            totals[at] += count
        final = free = max(totals) + 1
        lines = [f"TRANSITION {at} {final} {end / totals[at]:.6g}" for at, end in ends.items() if end]
        for (at, (word, numbers), after), count in counts.items():
            share = count / totals[at]
            if word == _NUMBER:
                spoken = {tuple(say_number(one).split()): 1 + shares[numbers].get(one, 0) for one in numbers}
                added, free = _number(at, after, share, spoken, free)
                lines += added
            else:
                lines.append(f"TRANSITION {at} {after} {share:.6g} {word}")
        head = ["FSG_BEGIN sentences", f"NUM_STATES {free + 1}", f"START_STATE {root}"]
        return "\n".join([*head, f"FINAL_STATE {final}", *lines, "FSG_END", ""])

    def _merged(self) -> tuple[dict[tuple[int, Edge, int], int], dict[int, int], int]:
        """Return the counts of edges and ends with equal ends merged, and the root.

        The decoder's time depends on the size of the network.
        """
        merged: dict[tuple[object, ...], int] = {}
        states: dict[int, int] = {}  # of the tree → of the network
        for at in range(len(self._edges) - 1, -1, -1):  # ends have higher numbers than beginnings
            edges = sorted((edge, states[after]) for edge, (after, _) in self._edges[at].items())
            states[at] = merged.setdefault((bool(self._ends[at]), *edges), at)
        counts: defaultdict[tuple[int, Edge, int], int] = defaultdict(int)
        ends: defaultdict[int, int] = defaultdict(int)
        for at, after_edges in enumerate(self._edges):
            ends[states[at]] += self._ends[at]
            for edge, (after, count) in after_edges.items():
                counts[states[at], edge, states[after]] += count
        return counts, ends, states[0]


def _number(
    at: int, after: int, share: float, spoken: Mapping[Shape, int], used: int
) -> tuple[list[str], int]:
    """Return the transitions for numbers in words with their counts, and the last state used.

    Numbers that begin with the same words share them.
    """
    passed: Counter[Shape] = Counter()
    for words, count in spoken.items():
        passed.update({words[:size]: count for size in range(len(words))})
    states: dict[Shape, int] = {(): at}
    for words in passed:
        if words:
            used += 1
            states[words] = used
    lines = []
    for words, count, end in [
        *((words, count, after) for words, count in spoken.items()),
        *((words, passed[words], states[words]) for words in passed if words),
    ]:
        before = words[:-1]
        part = count / passed[before] * (1.0 if before else share)
        lines.append(f"TRANSITION {states[before]} {end} {part:.6g} {words[-1]}")
    return lines, used


#: IPA as espeak writes it, and the phones of the recognizer's dictionary; longest first.
_PHONES = {row[0]: row[1] for row in read_sections("english.txt")["phones"]}
_STRESS = re.compile("[ˈˌ\u200d_]")
_PHONE = re.compile("|".join(map(re.escape, _PHONES)))


def arpabet(ipa: str) -> str:
    """Return IPA as ARPAbet phones, separated by spaces; phones that English does not have are omitted.

    Never empty: a word of the dictionary needs a phone.
    """
    phones = [_PHONES[phone] for phone in _PHONE.findall(_STRESS.sub("", ipa))]
    return " ".join(phones) or "AH"
