"""Speech into words: pocketsphinx with a small language model made of the phrases that a mind knows.

Open dictation gets every third word wrong. A model of a few hundred sentences gets nearly all of them
right, and is built when a session starts. What resembles none of the sentences is reported as not
understood.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livewidget.audio import to_float, to_pcm16
from livewidget.errors import ExtraMissing
from livewidget.standin.espeak import shared
from livewidget.standin.numbers import say_number, tokens
from livewidget.standin.seams import HEARING_RATE, Phrases

ACCEPT = 70.0  # of 100: likeness to a known sentence from which it counts as understood
_STEP = (
    HEARING_RATE // 50 * 2
)  # bytes of 20 ms: pocketsphinx holds the GIL while it decodes, so give it little
_PARTIAL_EVERY = 5  # steps between looks at what is understood so far
_FLOOR_DB = -30.0  # of the noise that is laid under everything, against the speech's level
_LEVEL = 0.1  # RMS of speech to which everything is brought
_FIRST_LEVEL = 0.01  # RMS that speech is taken to have before any was measured: a soft voice
_PAUSE_MS = 180  # of silence after which the second pass begins: shorter than any that ends an utterance
_CATCH_UP = 10  # steps of the second pass for each new one: done before half a second of silence is over
# The cepstral mean of speech at that level: the model's own is another, and takes minutes to be forgotten.
_MEAN = "46.7,0.7,-0.5,1.5,-1.5,-0.4,-1.6,-1.3,-1.1,-1.1,0.5,-0.7,-0.1"


class Recognizer:
    """Recognises one utterance after the other, in two passes. Not for several threads at once.

    The first pass runs along with the speech: it gives what is understood so far, and the mean of the
    sound's cepstrum, which tells the voice and the microphone from the words. The second pass starts over
    with that mean and makes far fewer errors. It runs in the silence that ends an utterance, so that
    nobody waits for it.
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
        sentences = tuple(filter(None, map(_spelled, phrases.sentences)))
        self._sentences = tuple(dict.fromkeys(sentences))
        self._first, self._second = _decoders(sentences)
        self._noise = _noise() if floor else np.zeros(len(_noise()), np.float32)
        self._level = _FIRST_LEVEL
        self._first_open = self._second_open = False
        self._reset()

    def _reset(self) -> None:
        self._rest = b""
        self._kept: list[bytes] = []  # of the utterance, 20 ms each, as they came
        self._done = 0  # of those, by the second pass
        self._silent_ms = 0.0
        self._partial = ""

    def begin(self) -> None:
        """Start an utterance; one that was not finished is thrown away."""
        self.close()
        self._reset()
        self._first.start_utt()
        self._first_open = True

    def hear(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, any length; return what is understood so far where that changed.

        `speech` tells whether somebody speaks in it.
        """
        if speech:
            power = float(np.mean(np.square(to_float(pcm)))) if pcm else 0.0
            self._level = max(0.9 * self._level, power**0.5)
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
            self._first.process_raw(self._prepared(len(self._kept) - 1))
            if len(self._kept) % _PARTIAL_EVERY == 0:
                text = _text(self._first)
                if text and text != self._partial:
                    self._partial = changed = text
            if self._silent_ms >= _PAUSE_MS:
                self._catch_up(_CATCH_UP)
        return changed

    def _prepared(self, index: int) -> bytes:
        """Return a kept step at the common level, with the noise laid under it."""
        samples = to_float(self._kept[index]) * np.float32(_LEVEL / max(self._level, 1e-4))
        at = index * len(samples) % (len(self._noise) - len(samples))
        return to_pcm16(samples + self._noise[at : at + len(samples)])

    def _catch_up(self, steps: int) -> None:
        if not self._second_open:
            self._second.set_cmn(self._first.get_cmn(True))
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
        self._catch_up(len(self._kept))
        self._first.end_utt()
        self._second.end_utt()
        self._first_open = self._second_open = False
        texts = _text(self._second), _text(self._first)
        for text in texts:
            if self._known(text):
                return text, True, None
        return texts[0] or texts[1], False, None

    def close(self) -> None:
        """Throw away what was heard."""
        self._abandon_second()
        if self._first_open:
            self._first.end_utt()
            self._first_open = False

    def _known(self, text: str) -> bool:
        if not text or not self._sentences:
            return bool(text)
        from rapidfuzz import fuzz, process

        return process.extractOne(text, self._sentences, scorer=fuzz.ratio, score_cutoff=ACCEPT) is not None


def _spelled(sentence: str) -> str:
    """Return a sentence as the recogniser spells it: words in lower case, numbers in words."""
    return " ".join(
        part
        for token in tokens(sentence)
        for part in (token if isinstance(token, str) else say_number(token)).split()
        if part[0].isalpha()
    )


def _text(decoder: Any) -> str:
    found = decoder.hyp()
    return str(found.hypstr).strip() if found else ""


@lru_cache(maxsize=1)
def _noise() -> NDArray[np.float32]:
    noise = np.random.default_rng(0).standard_normal(4 * HEARING_RATE)
    return np.asarray(noise * _LEVEL * 10 ** (_FLOOR_DB / 20), np.float32)


def _decoders(sentences: tuple[str, ...]) -> tuple[Any, Any]:
    """Return decoders for the first and the second pass."""
    pocketsphinx = _pocketsphinx()
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    with tempfile.TemporaryDirectory(prefix="lw-") as work:
        if sentences:
            model, dictionary = _model(sentences)
            lm, dic = Path(work) / "phrases.lm", Path(work) / "phrases.dict"
            lm.write_text(model, encoding="utf-8")
            dic.write_text(dictionary, encoding="utf-8")
        else:
            lm, dic = folder / "en-us.lm.bin", folder / "cmudict-en-us.dict"
        options = {"hmm": str(folder / "en-us"), "lm": str(lm), "dict": str(dic), "loglevel": "FATAL"}
        # The files are read here and not needed afterwards. The first pass needs no refinement at its end.
        first = pocketsphinx.Decoder(**options, cmninit=_MEAN, fwdflat=False, bestpath=False)
        return first, pocketsphinx.Decoder(**options, cmninit=_MEAN)


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


_building = threading.Lock()


def _model(sentences: tuple[str, ...]) -> tuple[str, str]:
    with _building:  # two sessions that start together build it once
        return _build(sentences)


@lru_cache(maxsize=8)
def _build(sentences: tuple[str, ...]) -> tuple[str, str]:
    """Return a 3-gram model in ARPA format, and a dictionary cut to its words.

    The whole dictionary would take two seconds to load; the cut one takes milliseconds.
    """
    pocketsphinx = _pocketsphinx()
    text = "".join(f"<s> {sentence} </s>\n" for sentence in sentences)
    model = pocketsphinx.lm.ArpaBoLM(text=text, discount_mass=0.5)
    model.compute()
    with tempfile.TemporaryDirectory(prefix="lw-") as work:
        path = Path(work) / "phrases.lm"
        model.write_file(str(path))
        arpa = path.read_text(encoding="utf-8")
    words = {word for sentence in sentences for word in sentence.split()}
    folder = Path(pocketsphinx.get_model_path()) / "en-us"
    return arpa, "\n".join(_pronunciations(words, folder / "cmudict-en-us.dict")) + "\n"


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
    from livewidget.standin.pronounce import arpabet

    return found + [f"{word} {arpabet(shared().phonemes(word))}" for word in sorted(missing)]
