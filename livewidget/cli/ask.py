"""`livewidget ask`: one question, spoken or typed, and its answer."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import select
import stat
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from livewidget.cli import console
from livewidget.cli.agents import FORMS, provider_of, who
from livewidget.errors import AnswerTimeout, AudioError, StateError, UsageError
from livewidget.events import (
    ActivityStart,
    Event,
    GenerationComplete,
    InputTranscript,
    InterimInputTranscript,
    Interrupted,
    Notice,
    OutputAudio,
    OutputText,
    OutputTranscript,
    SessionEnded,
    TurnComplete,
)
from livewidget.text import indented, plain_line

if TYPE_CHECKING:
    from livewidget.connection import Provider
    from livewidget.session import LiveSession
    from livewidget.turns import Turn

#: Sample rates of the question and of the answer, in Hz: those of the Live API.
SEND_RATE = 16_000
ANSWER_RATE = 24_000
#: Length of the chunks sent, in ms: that of the widget.
CHUNK_MS = 40
#: Silence sent after a recording, in seconds. Chosen: enough for the server to detect the end of speech.
CLOSING_SILENCE_S = 1.0
#: Seconds without any reaction after which a recording counts as not understood. Chosen: several times what
#: the tutor, and a service, usually take.
TUTOR_PATIENCE_S = 3.0
SERVICE_PATIENCE_S = 12.0
#: What files of sound and film are called. A question does not end in any of these.
_SOUND = (
    ".wav", ".wave", ".bwf", ".rf64", ".w64", ".mp3", ".mp2", ".m4a", ".m4b", ".mp4", ".aac", ".ogg", ".oga",
    ".opus", ".flac", ".wma", ".aif", ".aiff", ".aifc", ".amr", ".webm", ".mov", ".mkv", ".mka", ".avi",
    ".3gp", ".caf", ".au", ".snd", ".raw", ".pcm", ".mid", ".midi",
)  # fmt: skip
#: Seconds that a pipe may be silent, and bytes that are read from one. Chosen: a program takes less to begin,
#: and a quarter of an hour of 48 kHz stereo fits.
PIPE_PATIENCE_S = 10.0
PIPE_BYTES = 200_000_000
#: Seconds of an answer's sound that are kept. Chosen: a session of the service lasts as long.
LONGEST_ANSWER_S = 900
#: Exit code: the answer is not whole.
UNFINISHED = 1
#: Exit code: nothing was heard or understood in the recording.
NOTHING_UNDERSTOOD = 3


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """The question: `text`, or PCM16 mono at 16 kHz in `pcm`. `name` is for messages."""

    name: str
    text: str = ""
    pcm: bytes = b""


@dataclass(slots=True)
class AnswerListener:
    """Follows the events of one session until the answer is complete.

    Attributes:
        progress: Shows what happens.
        eager: Whether an answer is complete once all its audio has arrived, before it could have been played.
        sent: The whole question has been sent.
        open_question: Speech was recognized that has not been answered.
        answering: An answer has begun and is not complete.
        answered: An answer is complete.
        interrupted: The model was cut off and has not begun again.
        ended: The session has ended.
        endless: More has come than is kept.
        audio: The audio of the answer, PCM16 mono at 24 kHz; cleared when the model is interrupted.
        changed: Set with each event.
    """

    progress: Progress
    eager: bool = False
    sent: bool = False
    open_question: bool = False
    answering: bool = False
    answered: bool = False
    interrupted: bool = False
    ended: bool = False
    endless: bool = False
    audio: bytearray = field(default_factory=bytearray)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: Event) -> None:
        """Handle an event."""
        match event:
            case ActivityStart(inferred=False):
                self.open_question, self.answered = True, False
            case InputTranscript() | ActivityStart():
                self.open_question = (
                    True  # or a late transcript of an answered question, which `wait_for_answer` finds out
                )
            case InterimInputTranscript(text=text):
                self.progress.update(f"heard: {text}")
            case OutputAudio(data=data):
                self.audio += data[: 2 * ANSWER_RATE * LONGEST_ANSWER_S - len(self.audio)]
                self.endless = len(self.audio) >= 2 * ANSWER_RATE * LONGEST_ANSWER_S
                self.answering, self.answered, self.interrupted = True, False, False
                self.progress.update(f"answering: {seconds(self.audio):.1f} s")
            case OutputTranscript() | OutputText():
                self.answering, self.interrupted = True, False
            case Interrupted():
                self.audio.clear()
                self.interrupted, self.endless = True, False
            case GenerationComplete() if self.eager:
                self._complete()
            case TurnComplete() if self.answering or not self.eager:
                self._complete()
            case SessionEnded():
                self.ended = True
            case Notice(level="error" | "warning", text=text):
                self.progress.line(text)
        self.changed.set()

    def _complete(self) -> None:
        self.answering, self.answered = False, not self.interrupted
        self.open_question = self.open_question and self.interrupted

    @property
    def waiting(self) -> bool:
        """Whether more is certain to arrive: the rest of an answer, or the answer to recognized speech."""
        return self.answering or (self.open_question and not self.answered)

    @property
    def done(self) -> bool:
        """Whether the last question is answered, or nothing more will arrive."""
        return self.ended or self.endless or (self.sent and self.answered and not self.open_question)


class Progress:
    """Shows progress on stderr; in a terminal with a line that changes."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr is not None and not sys.stderr.closed and sys.stderr.isatty()
        self._dirty = False

    def line(self, text: str) -> None:
        """Print a permanent line."""
        self.clear()
        if not self._quiet:
            console.show(f"{plain_line(text)}\n")

    def update(self, text: str) -> None:
        """Replace the line that changes, if stderr is a terminal."""
        if self._terminal and not self._quiet:
            console.show(f"\r\x1b[K{plain_line(text)[:78]}")
            self._dirty = True

    def clear(self) -> None:
        """Remove the line that changes."""
        if self._dirty:
            console.show("\r\x1b[K")
            self._dirty = False


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "ask",
        help="ask one question, from a WAV file or as text, and keep the answer",
        description="Ask one question and print both transcripts. With no key in the environment the offline "
        "tutor answers.",
    )
    command.add_argument("question", help="a WAV file (any rate, any channels), or the question itself")
    command.add_argument(
        "-o", "--output", type=Path, metavar="WAV", help="write the answer here, 24 kHz mono"
    )
    command.add_argument(
        "--model", help="a model of the Gemini Live API, such as gemini-3.8-live; needs a key"
    )
    command.add_argument(
        "--offline", action="store_true", help="ask the offline tutor, also where there is a key"
    )
    command.add_argument(
        "--server", metavar="URL", help="another server of the Live API, such as that of livewidget serve"
    )
    command.add_argument(
        "--via", metavar="SPEC", help=f"ask an agent of yours, or through a client of the Gen AI SDK: {FORMS}"
    )
    command.add_argument("--voice", help="a voice of the Live API, such as Kore")
    command.add_argument("--language", help="the language to answer in, such as en-US")
    command.add_argument("--timeout", type=_seconds, default=60.0, metavar="S", help="wait this long (60)")
    command.add_argument(
        "--realtime", action="store_true", help="send a recording no faster than it was spoken"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON object instead of the transcripts"
    )
    command.add_argument("--quiet", action="store_true", help="no progress on stderr")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, print, write, and return the exit code."""
    question = read_question(arguments.question)
    check_output(arguments.output, arguments.question)
    provider = choose_provider(arguments)  # No loop runs yet: a module of the user's may run one of its own.
    return asyncio.run(ask(arguments, question, provider))


def read_question(text: str) -> AskedQuestion:
    """Return the question: the WAV file that `text` names, else the text itself.

    Raises:
        UsageError: If the text is empty, or names a file that is not there or cannot be read.
        AudioError: If the file holds no audio, or cannot be decoded.
    """
    if not text.strip():
        raise UsageError("There is nothing to ask: the question is empty.")
    path = Path(text)
    name = path.name or text
    kind = _kind(path)
    if not names_file(text) and (kind is None or stat.S_ISDIR(kind)):
        return AskedQuestion(name="the question", text=text)
    if kind is None:
        raise UsageError(
            f"There is no file {name}: check its name and folder. If it is a question, end it with a "
            "question mark."
        )
    from livewidget.audio import read_wav, resample, to_pcm16

    try:
        # A device or a pipe may never end, or never begin.
        source = path if stat.S_ISREG(kind) or stat.S_ISDIR(kind) else read_pipe(path)
        samples, rate = read_wav(source)
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {console.reason(error)}.") from None
    except AudioError as error:
        raise AudioError(f"{name} cannot be used. {error}") from None
    if not len(samples):
        raise AudioError(f"{name} cannot be used: it holds no sound.")
    return AskedQuestion(name=name, pcm=to_pcm16(resample(samples, rate, SEND_RATE)))


def names_file(text: str) -> bool:
    """Return whether `text` can only mean a file: asked as a question, it would be answered, and billed."""
    word = not re.search(r"\s", text.strip())
    suffix = Path(text.strip()).suffix.lower()
    if suffix in _SOUND or (
        word and re.match(r"(?:[./~\\]|[a-z]:[/\\]|\w+://)", text.strip(), re.IGNORECASE)
    ):
        return True
    return word and re.fullmatch(r"\.[a-z][a-z0-9]{1,4}", suffix) is not None


def read_pipe(path: Path) -> bytes:
    """Return what is written to a pipe, or the beginning of what cannot be a WAV file.

    Raises:
        UsageError: If nothing comes for a while, or too much.
        OSError: If it cannot be opened.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    data, deadline = bytearray(), time.monotonic() + PIPE_PATIENCE_S
    with open(number, "rb", buffering=0) as file:
        while len(data) < 12 or bytes(data[:4]) in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
            if not select.select([file], [], [], max(0.0, deadline - time.monotonic()))[0]:
                break
            piece = file.read(1 << 16)
            if piece:
                data += piece
                deadline = time.monotonic() + PIPE_PATIENCE_S
            elif data or time.monotonic() > deadline:
                break
            else:
                time.sleep(0.05)  # nobody has opened the other end yet
            if len(data) > PIPE_BYTES:
                raise UsageError(f"{path.name} cannot be used: more comes than a question may hold.")
    if not data:
        raise UsageError(f"{path.name} cannot be used: nothing came within {PIPE_PATIENCE_S:g} seconds.")
    return bytes(data)


def check_output(path: Path | None, question: str = "") -> None:
    """Check before asking that the answer can be written to `path`.

    Raises:
        UsageError: If its folder does not exist, it is a folder or the question itself, or it may not be
            written.
    """
    if path is None:
        return
    kind = _kind(path)
    if kind is not None and stat.S_ISDIR(kind):
        raise UsageError(f"The answer cannot be written: {path.name or path} is a folder.")
    if not _is_folder(path.parent):
        raise UsageError(f"The answer {path.name} cannot be written: its folder does not exist.")
    if kind is not None and question and _is_same(path, Path(question)):
        raise UsageError(f"The answer would replace the question {path.name}: give it another name.")
    if not os.access(path.parent if kind is None else path, os.W_OK):
        raise UsageError(f"The answer {path.name} cannot be written: you may not write there.")


async def ask(arguments: argparse.Namespace, question: AskedQuestion, provider: Provider) -> int:
    """Run a session of one question and one answer, and return the exit code."""
    from livewidget.session import ReconnectPolicy, connect

    if question.pcm and not getattr(provider, "hears", True):
        from livewidget.standin.tutor.recognizer import why_missing

        raise UsageError(f"The tutor cannot understand recordings here: {why_missing()}. Ask in writing.")
    config = {name: getattr(arguments, name) for name in ("voice", "language") if getattr(arguments, name)}
    progress = Progress(arguments.quiet)
    progress.line(who(provider, "{} ({})"))
    listener = AnswerListener(progress, eager=provider.service == "standin")
    patience = TUTOR_PATIENCE_S if provider.service == "standin" else SERVICE_PATIENCE_S
    async with connect(provider, reconnect=ReconnectPolicy(enabled=False), **config) as session:
        unsubscribe = session.subscribe(listener)
        try:
            await send_question(session, question, listener, arguments.realtime)
            await wait_for_answer(listener, arguments.timeout, patience_s=patience if question.pcm else None)
        except StateError as error:
            # Sending failed because the session had ended: report why.
            raise session.error or error from None
        finally:
            unsubscribe()
            progress.clear()
        if session.error is not None:
            raise session.error
    return report(arguments, question, session, listener)


def choose_provider(arguments: argparse.Namespace) -> Provider:
    """Return the provider that the options name.

    Raises:
        UsageError: If options contradict each other, the key is missing, or there is no such agent.
    """
    from livewidget.session import resolve

    if arguments.via:
        if arguments.offline or arguments.server:
            raise UsageError("--via says whom to ask: leave --offline and --server out.")
        return provider_of(arguments.via, arguments.model)
    if arguments.offline:
        if arguments.model or arguments.server:
            raise UsageError("--offline asks the tutor in this process: leave --model and --server out.")
        from livewidget.standin import StandIn

        return StandIn()
    if arguments.server:
        from livewidget.connection import Gemini

        return Gemini(**({"model": arguments.model} if arguments.model else {}), base_url=arguments.server)
    return resolve(arguments.model)


async def send_question(
    session: LiveSession, question: AskedQuestion, listener: AnswerListener, realtime: bool
) -> None:
    """Send the question."""
    if question.text:
        await session.send_text(question.text)
    else:
        pcm = question.pcm + bytes(int(CLOSING_SILENCE_S * SEND_RATE) * 2)
        step = SEND_RATE * CHUNK_MS // 1000 * 2
        started = asyncio.get_running_loop().time()
        for offset in range(0, len(pcm), step):
            await session.send_audio(pcm[offset : offset + step], SEND_RATE)
            spoken = (offset + step) / (2 * SEND_RATE)
            listener.progress.update(f"sending: {spoken:.1f} of {len(pcm) / (2 * SEND_RATE):.1f} s")
            ahead = started + spoken - asyncio.get_running_loop().time() if realtime else 0.0
            await asyncio.sleep(max(0.0, ahead))
        await session.end_audio()
    listener.sent = True
    listener.changed.set()


async def wait_for_answer(listener: AnswerListener, timeout_s: float, *, patience_s: float | None) -> None:
    """Wait until the answer is complete, or none is to be expected.

    A recording without speech gets no answer, so any reaction must come within `patience_s`; None for typed
    questions.

    Raises:
        AnswerTimeout: If the answer is not complete in time.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not listener.done:
        listener.changed.clear()
        waiting = None if listener.waiting else patience_s
        limit = deadline - loop.time() if waiting is None else min(waiting, deadline - loop.time())
        try:
            await asyncio.wait_for(listener.changed.wait(), limit)
        except TimeoutError:
            if waiting is not None and loop.time() < deadline:
                return
            text = f"No complete answer came within {timeout_s:g} s: try again, or give more with --timeout."
            raise AnswerTimeout(text) from None


def report(
    arguments: argparse.Namespace, question: AskedQuestion, session: LiveSession, listener: AnswerListener
) -> int:
    """Print both transcripts, write the answer, and return the exit code."""
    asked = _joined(turn for turn in session.turns if turn.speaker == "user")
    answer = _joined(turn for turn in session.turns if turn.speaker == "model" and not turn.interrupted)
    if not (asked or answer or listener.audio):
        console.say(f"Nothing was heard in {question.name}: does somebody speak in it?")
        return NOTHING_UNDERSTOOD
    kept = arguments.output if listener.audio else None
    failure: UsageError | None = None
    if kept:
        try:
            write_answer(kept, bytes(listener.audio))
        except UsageError as error:  # the transcripts are printed all the same
            kept, failure = None, error
    speaker = session.provider.speaker
    if arguments.json:
        latencies = [turn.latency_ms for turn in session.turns if turn.latency_ms is not None]
        result = {
            "question": asked,
            "answer": answer,
            "speaker": speaker,
            "model": session.provider.model,
            "latency_ms": latencies[-1] if latencies else None,
            "audio_s": round(seconds(listener.audio), 3),
            "written": kept is not None,
        }
        console.out(console.to_json(result))
    else:
        console.out(f"you: {indented(asked)}\n{speaker}: {indented(answer)}")
    if failure is not None:
        raise failure
    if listener.endless:
        text = f"The answer had no end: after {LONGEST_ANSWER_S // 60} minutes of sound it was cut off."
        console.say(text)
        return UNFINISHED
    if kept:
        listener.progress.line(f"{kept.name}: {seconds(listener.audio):.1f} s of sound")
    return 0 if asked and understood(session.provider, answer) else NOTHING_UNDERSTOOD


def understood(provider: Provider, answer: str) -> bool:
    """Return whether the question was understood: the tutor apologizes if not; a model always answers."""
    from livewidget.standin.tutor.topics import SORRY

    return provider.service != "standin" or not answer.startswith(SORRY)


def write_answer(path: Path, pcm: bytes) -> None:
    """Write the answer as a WAV file.

    Raises:
        UsageError: If the file cannot be written.
    """
    from livewidget.audio import write_wav

    try:
        write_wav(path, pcm, ANSWER_RATE)
    except OSError as error:
        raise UsageError(f"{path.name} cannot be written: {console.reason(error)}.") from None


def _joined(turns: Iterable[Turn]) -> str:
    return " ".join(filter(None, (turn.text.strip() for turn in turns)))


def seconds(pcm: bytes | bytearray) -> float:
    """Return the length of PCM16 mono at 24 kHz in seconds."""
    return len(pcm) / (2 * ANSWER_RATE)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("give a number of seconds above 0")
    return value


def _kind(path: Path) -> int | None:
    """Return what is at a path, as `stat` has it; None: nothing, or what cannot be a path."""
    with contextlib.suppress(OSError, ValueError):  # a question can be longer than a file name may be
        return path.stat().st_mode
    return None


def _is_folder(path: Path) -> bool:
    kind = _kind(path)
    return kind is not None and stat.S_ISDIR(kind)


def _is_same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return one.samefile(other)
    return False
