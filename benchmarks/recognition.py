"""How well the offline tutor understands generated speech in noise, and people who say other things.

Each phrase that the tutor listens for is spoken by every voice, with pink noise under it, and given to the
tutor's ears. It is *right* where the tutor answers what it would have answered to the typed phrase,
*rejected* where it says that it did not understand, *wrong* where it answers anything else. Recordings of
people saying other things (Debian's `pocketsphinx-testdata`) count as *false* where the tutor answers them
at all.

How the recogniser listens was chosen by the voices adam, f2, m6 and the default one with other sums than
these; the weights of the numbers, and which phrases are left out because hardly any voice gets them across,
by errors of this program's own voices and sums. Its figures flatter for that. How far both passes must agree
was chosen with these recordings of people in view, too. `--fresh` takes voices and sums by which nothing was
chosen.

    python benchmarks/recognition.py                    # through the ears
    python benchmarks/recognition.py --fresh --every 2  # voices and sums that it was not tuned on
    python benchmarks/recognition.py --declared         # with search, code, pages and moods to ask for, too
    python benchmarks/recognition.py --translate        # the phrasebook, by the translations
    python benchmarks/recognition.py --telephone        # at 8 kHz, through µ-law, as telephones carry it
    python benchmarks/recognition.py --ask --every 8    # through the command line, `livewidget ask FILE`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from livewidget.audio import Samples, read_wav, resample, to_float, to_pcm16, write_wav
from livewidget.standin import recall
from livewidget.standin.interfaces import Phrases, Skills, SpeechEnded, TranslationTarget, VadSettings
from livewidget.standin.tutor.brain import TutorResponder, topic_patterns
from livewidget.standin.tutor.ears import TutorSpeechToText
from livewidget.standin.tutor.patterns import Pattern, Slot
from livewidget.standin.tutor.topics import ARITHMETIC, COMMANDS, QUESTIONS, SMALL_TALK
from livewidget.standin.tutor.translator import phrasebook
from livewidget.standin.tutor.voice import LOST, shared_espeak

# None of these is the tutor's own default voice. Words a minute beside each.
VOICES = {
    "en-us+adam": 160, "en-us+edward": 150, "en-us+m6": 170,
    "en-us+klatt4": 160, "en-us+f2": 155, "en-us+f5": 165,
}  # fmt: skip
FRESH_VOICES = {"en-us+m1": 160, "en-us+klatt2": 160, "en-us+f1": 155}
PEOPLE = Path("/usr/share/pocketsphinx/test/data")
RATE = 16_000
TOOLS: list[dict[str, Any]] = [
    {
        "name": "set_light",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {"on": {"type": "boolean"}},
            "required": ["on"],
        },
    },
    {
        "name": "draw_shape",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "shape": {"enum": ["circle", "square", "triangle"]},
                "color": {"enum": ["red", "green", "blue"]},
            },
            "required": ["shape"],
        },
    },
    {
        "name": "set_timer",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {"minutes": {"type": "integer"}},
            "required": ["minutes"],
        },
    },
]
TOOL_PHRASES = (
    "turn on the light", "turn off the light", "turn the light on", "switch the light off", "draw a circle",
    "draw a square", "draw a red triangle", "draw a green circle", "draw a blue square",
    "set a timer for five minutes", "set a timer for twelve minutes", "set a timer for forty minutes",
)  # fmt: skip

ALL = Skills(search=True, code=True, url_context=True, may_ignore=True, affective_dialog=True)
BOOK = Skills(translation=TranslationTarget(target="es"))

Recognise = Callable[[Samples], tuple[str, bool]]  # 16 kHz in; words, and whether they are trusted


def spoken(text: str, voice: str, rate: int = 160, pitch: int = 50) -> Samples:
    """Return `text` as espeak-ng says it, at 16 kHz."""
    frames: queue.Queue[tuple[bytes, bytes]] = queue.Queue()
    shared_espeak.ask(lambda kind, payload: frames.put((kind, payload)), "speak", text, voice, rate, pitch)
    pcm = b""
    while True:
        kind, payload = frames.get(timeout=10)
        if kind in (b"E", LOST):
            return resample(to_float(pcm), shared_espeak.sample_rate, RATE)
        pcm += payload if kind == b"A" else b""


def pink(count: int, seed: int) -> Samples:
    """Return `count` samples of pink noise at an RMS of 1."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    noise = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1.0)), count)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), np.float32)


def in_noise(speech: Samples, snr_db: float, seed: int, gain: float = 1.0) -> Samples:
    """Return `speech` with half a second before it, a second after it, and pink noise under all of it."""
    loud = speech[np.abs(speech) > 0.01 * np.abs(speech).max()]
    whole = np.concatenate([np.zeros(RATE // 2, np.float32), speech, np.zeros(RATE, np.float32)])
    level = float(np.sqrt(np.mean(loud**2))) * 10 ** (-snr_db / 20)
    return np.asarray(gain * (0.5 * whole + 0.5 * level * pink(len(whole), seed)), np.float32)


def through_a_telephone(sound: Samples) -> Samples:
    """Return a sound as a telephone line carries it: 8 kHz, µ-law of 8 bits (ITU-T G.711)."""
    narrow = np.clip(resample(sound, RATE, 8_000), -1, 1)
    code = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256))
    decoded = np.sign(code) * np.expm1(np.abs(code) / 127 * np.log(256)) / 255
    return resample(decoded.astype(np.float32), 8_000, RATE)


def cases(*, tools: bool, seed: int = 99) -> list[str]:
    """Return the phrases to speak, each once; sums four times with numbers to 20 and twice to 100.

    The numbers are drawn with another seed than those of the sentences that the tutor listens for.
    """
    texts = [text for _, phrases in (*SMALL_TALK, *QUESTIONS) for text in phrases]
    for phrases in COMMANDS.values():
        for text in phrases:
            slots = {"to": Slot(low=1, high=20)} if "{to}" in text else {}
            texts += Pattern(text, "", slots).sentences(3 if slots else 1, seed=seed)
    for text in ARITHMETIC:
        texts += Pattern(text, "", dict.fromkeys("ab", Slot(low=1, high=20))).sentences(4, seed=seed)
        texts += Pattern(text, "", dict.fromkeys("ab", Slot())).sentences(2, seed=seed)
    return [*texts, *(TOOL_PHRASES if tools else ())]


def declared_cases(skills: Skills, seed: int) -> list[str]:
    """Return the phrases that come with what is declared, each once, those with slots three times."""
    patterns = phrasebook().patterns if skills.translation else topic_patterns(skills)
    return [text for one in patterns for text in one.sentences(3 if one.names else 1, seed=seed)]


def ears(declarations: Sequence[dict[str, Any]], skills: Skills) -> Recognise:
    """Return a recogniser that is the tutor's ears in a session, given 20 ms at a time."""
    known = TutorResponder().session(declarations, skills).phrases.sentences
    always = () if skills.translation else (*recall.PHRASES, *recall.PICTURE_PHRASES)

    def recognise(sound: Samples) -> tuple[str, bool]:
        hearing = TutorSpeechToText().session(VadSettings(), Phrases((*known, *always)))
        pcm = to_pcm16(sound)
        heard = [one for at in range(0, len(pcm), 640) for one in hearing.feed(pcm[at : at + 640])]
        heard += hearing.flush()
        hearing.close()
        ended = [one for one in heard if isinstance(one, SpeechEnded)]
        return " ".join(one.text for one in ended), bool(ended) and all(one.confident for one in ended)

    return recognise


def command_line(sound: Samples) -> tuple[str, bool]:
    """Return what `livewidget ask` says it heard, and whether the tutor understood it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "question.wav"
        write_wav(path, sound, RATE)
        command = [sys.executable, "-m", "livewidget", "ask", "--json", "--quiet", str(path)]
        keyless = {name: value for name, value in os.environ.items() if "API_KEY" not in name}
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=keyless)
    heard = json.loads(done.stdout)["question"] if done.stdout.startswith("{") else ""
    return heard, done.returncode == 0


def answer(text: str, trusted: bool, declarations: Sequence[dict[str, Any]], skills: Skills) -> Any:
    """Return the tutor's answer to `text`, by a mind that has heard nothing before."""
    mind = TutorResponder(lambda: datetime(2026, 3, 1, 10, 30, tzinfo=UTC)).session(declarations, skills)
    return asyncio.run(mind.reply(text, confident=trusted))


def people() -> list[tuple[str, Samples]]:
    """Return recordings of people: sentences from books, names of cards, directions; none is a command."""
    found = []
    for path in sorted(PEOPLE.rglob("*.wav")):
        sound, rate = read_wav(path)
        found.append((path.stem[:24], resample(sound, rate, RATE)))
    for path in sorted(PEOPLE.glob("*.raw")):
        found.append((path.stem, to_float(path.read_bytes())))
    for path in sorted(Path("/usr/share/sounds/alsa").glob("*_*.wav")):
        sound, rate = read_wav(path)
        found.append((path.stem, resample(sound, rate, RATE)))
    return found


def measure(arguments: argparse.Namespace) -> int:
    declarations = [] if arguments.ask else TOOLS
    skills = BOOK if arguments.translate else ALL if arguments.declared else Skills()
    recognise = command_line if arguments.ask else ears(declarations, skills)
    sorry = answer("", False, declarations, skills)
    seed = 5 if arguments.fresh else 99
    texts = [] if arguments.translate else cases(tools=not arguments.ask, seed=seed)
    texts = [*texts, *declared_cases(skills, seed)][:: arguments.every]
    started, length = time.perf_counter(), 0.0
    print(f"{'voice':<16}{'phrases':>8}{'right':>8}{'wrong':>8}{'rejected':>10}   at {arguments.snr:g} dB")
    total: Counter[str] = Counter()
    for voice, rate in (FRESH_VOICES if arguments.fresh else VOICES).items():
        count: Counter[str] = Counter()
        for number, text in enumerate(texts):
            sound = in_noise(spoken(text, voice, rate), arguments.snr, number, arguments.gain)
            sound = through_a_telephone(sound) if arguments.telephone else sound
            length += len(sound) / RATE
            words, trusted = recognise(sound)
            expected = answer(text, True, declarations, skills)
            got = answer(words, trusted, declarations, skills)
            outcome = "right" if got == expected else "rejected" if got == sorry else "wrong"
            count[outcome] += 1
            if outcome != "right" and arguments.verbose:
                print(f"    {outcome}: {text!r} heard as {words!r}")
        total += count
        print(_row(voice, count))
    print(_row("all", total))
    clips = people()
    false = 0
    for name, sound in clips:
        words, trusted = recognise(np.concatenate([sound, np.zeros(RATE, np.float32)]))
        mistaken = answer(words, trusted, declarations, skills) != sorry
        false += mistaken
        if mistaken or arguments.verbose:
            print(f"    {'FALSE' if mistaken else 'fine'}: {name} heard as {words!r}")
    print(
        f"people: {false} of {len(clips)} mistaken for a command" if clips else "people: no recordings here"
    )
    print(f"{length:.0f} s of speech in {time.perf_counter() - started:.0f} s")
    right = total["right"] / total.total()
    return 0 if right >= 0.95 and false * 20 <= max(20, len(clips)) else 1


def _row(name: str, count: Counter[str]) -> str:
    right, wrong, rejected = (100 * count[key] / count.total() for key in ("right", "wrong", "rejected"))
    return f"{name:<16}{count.total():>8}{right:>8.1f}{wrong:>8.1f}{rejected:>10.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--ask", action="store_true", help="through `livewidget ask` (slow: one process a phrase)"
    )
    parser.add_argument("--fresh", action="store_true", help="voices and sums that it was not tuned on")
    parser.add_argument("--declared", action="store_true", help="with everything declared that it can do")
    parser.add_argument("--translate", action="store_true", help="the phrasebook instead")
    parser.add_argument("--telephone", action="store_true", help="at 8 kHz, through µ-law")
    parser.add_argument("--every", type=int, default=1, help="take every n-th phrase only")
    parser.add_argument("--snr", type=float, default=20, help="speech over noise, in dB")
    parser.add_argument("--gain", type=float, default=1, help="factor on everything")
    parser.add_argument("--verbose", action="store_true", help="print what went wrong")
    return measure(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
