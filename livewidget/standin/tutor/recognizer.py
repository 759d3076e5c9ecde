"""Speech into words: pocketsphinx with a small language model made of the phrases that a mind knows.

Open dictation gets every third word wrong. A model of the few hundred sentences gets nearly all of them
right, and is built when a session starts. What resembles none of the sentences is reported as not
understood.
"""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livewidget.audio import to_float, to_pcm16
from livewidget.errors import ExtraMissing
from livewidget.standin.seams import HEARING_RATE, Phrases
from livewidget.standin.tutor.espeak import shared
from livewidget.standin.tutor.grammar import Grammar
from livewidget.standin.tutor.numbers import say_number, tokens

ACCEPT = 70.0  # of 100: likeness to a known sentence from which words count as understood
# Share of both passes' words that must be common, in order: by letters alone "thirty" would be "forty".
_AGREE = 0.5
_TAIL_MS = 300  # of silence at least after the words: without it, sounds are heard at their end that were not
_STEP_MS = 20  # pocketsphinx holds the GIL while it decodes, so give it little
_STEP = HEARING_RATE * _STEP_MS // 1_000 * 2  # bytes
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

    def hear(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, any length; return what is understood so far where that changed.

        `speech` tells whether somebody speaks in it.
        """
        if speech:
            power = float(np.mean(np.square(to_float(pcm)))) if pcm else 0.0
            self._level = max(0.9 * self._level, power**0.5)
            self._spoken_ms += len(pcm) / 2 * 1_000 / HEARING_RATE
            self._silent_ms = 0.0
            self._abandon_second()
        else:
            self._silent_ms += len(pcm) / 2 * 1_000 / HEARING_RATE
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
    noise = np.random.default_rng(0).standard_normal(4 * HEARING_RATE)
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
    from livewidget.standin.tutor.pronounce import arpabet

    return found + [f"{word} {arpabet(shared().phonemes(word))}" for word in sorted(missing)]
