"""Speech into words: pocketsphinx with a small language model made of the phrases that a mind knows.

Open dictation gets every third word wrong. A model of a few hundred sentences gets nearly all of them right, and is
built in some 50 ms when a session starts. What resembles none of the sentences is reported as not understood.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from livewidget.audio import to_float, to_pcm16
from livewidget.errors import ExtraMissing
from livewidget.standin.espeak import shared
from livewidget.standin.seams import HEARING_RATE, Phrases

ACCEPT = 70.0  # of 100: likeness to a known sentence from which it counts as understood
_STEP = (
    HEARING_RATE // 50 * 2
)  # bytes of 20 ms: pocketsphinx holds the GIL while it decodes, so give it little
_PARTIAL_EVERY = 5  # steps between looks at what is understood so far
_FLOOR_DB = -30.0  # of the noise that is laid under everything, against the speech's level
_LEVEL_START = 0.01  # RMS before any speech was measured: a soft voice


class Recognizer:
    """Recognises one utterance after the other. Not for use from several threads at once."""

    def __init__(self, phrases: Phrases, *, floor: bool = True) -> None:
        """Build the model for `phrases`, or for any English where there are none.

        Args:
            phrases: The sentences to expect.
            floor: Lay noise under the sound. Digital silence, which no microphone gives but every file may hold,
                otherwise makes nonsense of a quarter of the words.

        Raises:
            ExtraMissing: If pocketsphinx is not installed.
        """
        self._sentences = tuple(dict.fromkeys(phrases.sentences))
        self._decoder = _decoder(phrases.sentences)
        self._floor = floor
        self._noise = np.random.default_rng(0).standard_normal(4 * HEARING_RATE).astype(np.float32)
        self._level = _LEVEL_START
        self._open = False
        self._reset()

    def _reset(self) -> None:
        self._rest = b""
        self._steps = 0
        self._at = 0
        self._partial = ""

    def begin(self) -> None:
        """Start an utterance; one that was not finished is thrown away."""
        self.close()
        self._reset()
        self._decoder.start_utt()
        self._open = True

    def hear(self, pcm: bytes, speech: bool) -> str | None:
        """Take PCM16 at 16 kHz, any length; return what is understood so far where that changed.

        `speech` tells whether somebody speaks in it: only then it counts for the speech's level.
        """
        if speech:
            power = float(np.mean(np.square(to_float(pcm)))) if pcm else 0.0
            self._level = max(0.7 * self._level, power**0.5, 0.9 * self._level if power else 0.0)
        sound = self._rest + pcm
        whole = len(sound) // _STEP * _STEP
        self._rest = sound[whole:]
        changed = None
        for start in range(0, whole, _STEP):
            self._step(sound[start : start + _STEP])
            self._steps += 1
            if self._steps % _PARTIAL_EVERY == 0:
                text = self._text()
                if text and text != self._partial:
                    self._partial = changed = text
        return changed

    def _step(self, pcm: bytes) -> None:
        if self._floor:
            samples = to_float(pcm)
            noise = self._noise[self._at : self._at + len(samples)]
            self._at = (self._at + len(samples)) % (len(self._noise) - _STEP)
            pcm = to_pcm16(samples + noise[: len(samples)] * np.float32(self._level * 10 ** (_FLOOR_DB / 20)))
        self._decoder.process_raw(pcm)

    def finish(self) -> tuple[str, bool, Callable[[], str] | None]:
        """End the utterance; return its words, whether they resemble a known sentence, and None."""
        if not self._open:
            return "", False, None
        if self._rest:
            self._step(self._rest)
        self._decoder.end_utt()
        self._open = False
        text = self._text()
        return text, self._known(text), None

    def close(self) -> None:
        """Throw away what was heard."""
        if self._open:
            self._decoder.end_utt()
            self._open = False

    def _text(self) -> str:
        found = self._decoder.hyp()
        return str(found.hypstr).strip() if found else ""

    def _known(self, text: str) -> bool:
        if not text or not self._sentences:
            return bool(text)
        from rapidfuzz import fuzz, process

        return process.extractOne(text, self._sentences, scorer=fuzz.ratio, score_cutoff=ACCEPT) is not None


def _decoder(sentences: tuple[str, ...]) -> Any:
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
        # The files are read here and not needed afterwards.
        return pocketsphinx.Decoder(hmm=str(folder / "en-us"), lm=str(lm), dict=str(dic), loglevel="FATAL")


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
    known = [" ".join(re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", sentence.lower())) for sentence in sentences]
    text = "".join(f"<s> {sentence} </s>\n" for sentence in known if sentence)
    model = pocketsphinx.lm.ArpaBoLM(text=text, discount_mass=0.5)
    model.compute()
    with tempfile.TemporaryDirectory(prefix="lw-") as work:
        path = Path(work) / "phrases.lm"
        model.write_file(str(path))
        arpa = path.read_text(encoding="utf-8")
    words = {word for sentence in known for word in sentence.split()}
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
