"""`livewidget ask`: a question as a recording or as text, an answer on stdout and as a file."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from livewidget.audio import resample, to_float, write_wav
from livewidget.cli.ask import (
    CHUNK_MS,
    AnswerListener,
    AskedQuestion,
    Progress,
    check_output,
    read_question,
    wait_for_answer,
)
from livewidget.errors import AnswerTimeout, AudioError, UsageError
from livewidget.events import (
    ActivityStart,
    GenerationComplete,
    InputTranscript,
    Interrupted,
    OutputAudio,
    SessionEnded,
    TurnComplete,
)
from livewidget.standin import StandIn
from livewidget.standin.script import Script, When
from livewidget.standin.serve import Server
from tests.cli.conftest import (
    ANSWER,
    ROOT,
    SPOKEN,
    environment,
    heed_ctrl_c,
    livewidget,
    one_sentence,
    spoken,
)
from tests.cli.test_serve import NO_EARS, WITHOUT, serving

QUESTION = "what is seven plus five"


# --- The whole command --------------------------------------------------------------------------------------


def test_text_is_answered_by_voice(tmp_path):
    done = livewidget("ask", QUESTION, "-o", "answer.wav", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"you: {QUESTION}\ntutor: Seven plus five is twelve.\n"
    assert "Offline tutor" in done.stderr
    assert "answer.wav" in done.stderr
    assert_spoken(tmp_path / "answer.wav")


def test_a_recording_is_heard_and_answered(question_wav, tmp_path):
    done = livewidget("ask", question_wav, "-o", tmp_path / "answer.wav")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"you: {SPOKEN}\ntutor: {ANSWER}\n"
    assert_spoken(tmp_path / "answer.wav")


def assert_spoken(path):
    """The file is 24 kHz mono PCM16, and somebody speaks in it for a second or more."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        samples = to_float(file.readframes(file.getnframes()))
    assert 1.0 < len(samples) / 24_000 < 5.0
    assert np.sqrt(np.mean(samples**2)) > 0.02


@pytest.mark.parametrize(("rate", "channels", "width"), [(16_000, 1, 2), (44_100, 2, 3), (48_000, 1, 4)])
async def test_any_rate_and_channels_are_read(rate, channels, width, tmp_path):
    path = tmp_path / "question.wav"
    samples = resample(await spoken(SPOKEN), 24_000, rate)
    write_integers(path, samples, rate, channels, width)
    done = await asyncio.to_thread(livewidget, "ask", path, "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert f"you: {SPOKEN}\n" in done.stdout


def write_integers(path, samples, rate, channels, width):
    """Write float samples as integers of `width` bytes, the same on every channel."""
    scaled = np.clip(samples * 2 ** (8 * width - 1), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    little = scaled.astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.repeat(little[:, None], channels, axis=1).tobytes())


def test_json_has_it_all(tmp_path):
    done = livewidget("ask", QUESTION, "--json", "-o", tmp_path / "answer.wav")
    answer = json.loads(done.stdout)
    assert answer["question"] == QUESTION
    assert answer["answer"] == "Seven plus five is twelve."
    assert (answer["speaker"], answer["model"], answer["written"]) == ("tutor", "offline-tutor", True)
    assert answer["audio_s"] > 1
    assert answer["latency_ms"] is None, "there is none for what was typed"


def test_no_speech_is_3(tmp_path):
    path = tmp_path / "quiet.wav"
    write_wav(path, np.random.default_rng(3).normal(0, 0.0005, 16_000).astype(np.float32), 16_000)
    done = livewidget("ask", path, "-o", tmp_path / "answer.wav")
    assert done.returncode == 3
    assert "Nothing was heard in quiet.wav" in one_sentence(done.stderr)
    assert done.stdout == ""
    assert not (tmp_path / "answer.wav").exists()


def test_what_the_tutor_does_not_understand_is_3():
    done = livewidget("ask", "colourless green ideas sleep furiously")
    assert done.returncode == 3
    assert "did not understand" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.wav",), "There is no file missing.wav"),
        (("  ",), "empty"),
        ((QUESTION, "-o", "nowhere/answer.wav"), "its folder does not exist"),
        ((QUESTION, "-o", "."), "is a folder"),
        (("talk.mp3",), "There is no file talk.mp3"),
        ((QUESTION, "--model", "gemini-3.8-live"), "GEMINI_API_KEY"),
        ((QUESTION, "--model", "gemini-3.8-live", "--offline"), "leave --model and --server out"),
        ((QUESTION, "--voice", "Nobody", "--server", "ftp://x"), ""),
    ],
)
def test_wrong_use_is_2_and_one_sentence(arguments, words, tmp_path):
    done = livewidget("ask", *arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in one_sentence(done.stderr)
    assert done.stdout == ""


@pytest.mark.parametrize("content", [b"", b"not a sound", b"RIFF\0\0\0\0WAVE", b"RIFF" + bytes(2000)])
def test_a_file_that_is_no_sound_is_2(content, tmp_path):
    (tmp_path / "odd.wav").write_bytes(content)
    done = livewidget("ask", "odd.wav", cwd=tmp_path)
    assert done.returncode == 2
    assert "odd.wav cannot be used" in one_sentence(done.stderr)


def test_the_services_refusal_is_1_and_no_key_is_shown():
    canary = "canary-0123456789-never-shown"
    with serving("--no-tls", "--key", "right") as (_, ready):
        done = livewidget("ask", QUESTION, "--server", ready["ws"], env=environment(GEMINI_API_KEY=canary))
    assert done.returncode == 1, done.stderr
    assert "key" in one_sentence(done.stderr)
    assert canary not in done.stdout + done.stderr


def test_another_server_can_be_asked():
    with serving("--no-tls") as (_, ready):
        done = livewidget("ask", QUESTION, "--server", ready["ws"], "--model", "offline-tutor")
    assert done.returncode == 0, done.stderr
    assert "Seven plus five is twelve." in done.stdout


def test_an_unreachable_server_is_1():
    done = livewidget("ask", QUESTION, "--server", "ws://127.0.0.1:9")
    assert done.returncode == 1, done.stderr
    one_sentence(done.stderr)


@pytest.mark.parametrize(("question", "code"), [("question.wav", 2), (QUESTION, 0)])
async def test_without_ears_for_this_computer_recordings_are_refused_and_text_is_not(
    question, code, tmp_path
):
    write_wav(tmp_path / "question.wav", await spoken(SPOKEN), 24_000)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-W", "error", "-c", NO_EARS + WITHOUT.format(("pocketsphinx",)), "ask", question],
        capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment(PYTHONPATH=str(ROOT)),
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    if code:
        told = "cannot understand recordings here: pocketsphinx has no ready-made package"
        assert told in one_sentence(done.stderr)
    else:
        assert "Seven plus five is twelve." in done.stdout
        assert "type to it" in done.stderr


def test_ctrl_c_is_130(question_wav):
    command = [sys.executable, "-m", "livewidget", "ask", question_wav, "--realtime"]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
        preexec_fn=heed_ctrl_c,
    ) as process:
        assert "Offline tutor" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert one_sentence(stderr) == "livewidget: Interrupted."
    assert stdout == ""


# --- Its parts ----------------------------------------------------------------------------------------------


def test_a_sentence_is_no_file_however_long():
    text = "why " * 200
    assert read_question(text) == AskedQuestion(name="the question", text=text)


@pytest.mark.parametrize(
    "text",
    ["talk.mp3", "Talk.MP3", "my talk of monday.m4a", "talk.flac", "./talk", "../talk", "/no/such/talk", "~/talk",
     "C:\\talks\\talk", "C:/talks/talk", "https://example.com/talk.mp3", "file:///talk", "notes.txt", "talk.mp3.part"],
)  # fmt: skip
def test_what_can_only_be_a_file_is_not_asked(text):
    """Kind: a slip of the finger becomes a question that is sent, answered and billed."""
    with pytest.raises(UsageError, match=r"^There is no file [^\n]+\.$"):
        read_question(text)


@pytest.mark.parametrize(
    "text",
    ["hello", "what is talk.mp3?", "what is pi to 3.14", "3.14", "and/or what", "is it 7:30", "e.g.", "Hi. How are you",
     "what is node.js good for", "東京", "tests", "a" * 5000],
)  # fmt: skip
def test_what_can_be_a_question_is_asked(text):
    assert read_question(text) == AskedQuestion(name="the question", text=text)


@pytest.mark.parametrize("name", ["talk.mp3", "talk", "talk.wav"])
def test_a_file_of_another_kind_is_said_to_be(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"ID3" + bytes(100))
    with pytest.raises(AudioError, match=f"{name} cannot be used. This is an MP3 file"):
        read_question(name)


@pytest.mark.parametrize("text", [".", "./", "folder.wav"])
def test_a_folder_is_no_question(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory\."):
        read_question(text)


unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Unix")


@unix
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom", "/dev/null"])
def test_a_device_without_end_is_not_waited_for(device, monkeypatch):
    monkeypatch.setattr("livewidget.cli.ask.PIPE_PATIENCE_S", 0.1)
    with pytest.raises(UsageError, match=r"cannot be used[^\n]+\.$"):
        read_question(device)


@unix
@pytest.mark.parametrize("written", [None, b"", b"RIFF", b"not a sound at all", b"RIFF\0\0\0\0WAVE"])
def test_a_pipe_that_gives_no_sound_is_one_sentence(written, tmp_path, monkeypatch):
    monkeypatch.setattr("livewidget.cli.ask.PIPE_PATIENCE_S", 0.1)
    os.mkfifo(tmp_path / "pipe.wav")
    held = os.open(tmp_path / "pipe.wav", os.O_RDWR)  # it is never closed, or nobody ever opens it
    if written:
        os.write(held, written)
    if written is None:
        os.close(held)
    try:
        with pytest.raises(UsageError, match=r"^pipe\.wav cannot be used[^\n]+\.$"):
            read_question(str(tmp_path / "pipe.wav"))
    finally:
        if written is not None:
            os.close(held)


@unix
def test_a_pipe_that_never_ends_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("livewidget.cli.ask.PIPE_BYTES", 300_000)
    os.mkfifo(tmp_path / "pipe")
    stop = threading.Event()

    def write():
        with contextlib.suppress(BrokenPipeError), open(tmp_path / "pipe", "wb", buffering=0) as pipe:
            pipe.write(b"RIFF\xff\xff\xff\xffWAVE")
            while not stop.is_set():
                pipe.write(bytes(65_536))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        with pytest.raises(UsageError, match="more comes than a question may hold"):
            read_question(str(tmp_path / "pipe"))
    finally:
        stop.set()
        thread.join()


@unix
def test_a_pipe_that_ends_is_read(tmp_path):
    """As from `<(program)` in a shell."""
    write_wav(tmp_path / "a.wav", np.sin(np.arange(16_000) / 5).astype(np.float32), 16_000)
    os.mkfifo(tmp_path / "pipe")
    data = (tmp_path / "a.wav").read_bytes()
    thread = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data))
    thread.start()
    try:
        assert len(read_question(str(tmp_path / "pipe")).pcm) == 32_000
    finally:
        thread.join()


def test_an_empty_recording_is_refused(tmp_path):
    write_wav(tmp_path / "empty.wav", b"", 16_000)
    with pytest.raises(AudioError, match="holds no sound"):
        read_question(str(tmp_path / "empty.wav"))


def test_an_answer_beside_the_question_can_be_written(tmp_path):
    check_output(tmp_path / "answer.wav")
    with pytest.raises(UsageError):
        check_output(tmp_path / "missing" / "answer.wav")


def test_an_answer_does_not_replace_the_question(tmp_path):
    (tmp_path / "q.wav").write_bytes(b"")
    with pytest.raises(UsageError, match=r"would replace the question q\.wav"):
        check_output(tmp_path / "q.wav", str(tmp_path / "q.wav"))
    check_output(tmp_path / "a.wav", str(tmp_path / "q.wav"))


@pytest.mark.parametrize("name", ["a" * 5000 + ".wav", "file/answer.wav", ""])
def test_where_no_answer_can_be_written_is_said_before_asking(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    if len(name) > 1000:
        check_output(Path(name))  # what the system says of it comes later
    else:
        with pytest.raises(UsageError, match=r"^The answer [^\n]+\.$"):
            check_output(Path(name))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write everywhere")
def test_a_folder_that_may_not_be_written_is_said_before_asking(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="you may not write there"):
        check_output(tmp_path / "answer.wav")
    tmp_path.chmod(0o700)


def test_an_answer_without_end_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr("livewidget.cli.ask.LONGEST_ANSWER_S", 3)
    listener = following(*[PIECE] * 10)
    assert len(listener.audio) == 3 * 48_000
    assert listener.endless
    assert listener.done
    listener(STOP)
    assert not listener.done


def following(*events, eager=False):
    """A listener that has seen `events`, with all of the question sent."""
    listener = AnswerListener(Progress(quiet=True), eager=eager, sent=True)
    for event in events:
        listener(event)
    return listener


START, HEARD = ActivityStart(), InputTranscript(text="hi")
PIECE, STOP, END, ALL = OutputAudio(data=bytes(48_000)), Interrupted(), TurnComplete(), GenerationComplete()


@pytest.mark.parametrize(
    ("events", "done", "waiting"),
    [
        ((), False, False),
        ((START,), False, True),
        ((START, HEARD, PIECE), False, True),
        ((START, HEARD, PIECE, END), True, False),
        ((START, HEARD, PIECE, ALL), False, True),
        # A pause in the recording: its first half was answered, and the second interrupted that.
        ((START, PIECE, START, STOP, END), False, True),
        ((START, PIECE, STOP, END, PIECE, END), True, False),
        # The second half began after the first was answered in full.
        ((START, PIECE, END, START), False, True),
        # The service's transcripts may come after the answer: nothing is sure to follow.
        ((START, PIECE, END, HEARD), False, False),
        ((SessionEnded(error="It broke."),), True, False),
    ],
)
def test_when_an_answer_is_complete(events, done, waiting):
    listener = following(*events)
    assert (listener.done, listener.waiting) == (done, waiting)


@pytest.mark.parametrize(
    ("events", "done"),
    [
        ((START, PIECE, ALL), True),
        # Spoken over after all of it was sent, then answered.
        ((START, PIECE, ALL, START), False),
        ((START, PIECE, ALL, START, STOP, END), False),
        ((START, PIECE, ALL, START, STOP, END, PIECE, ALL), True),
        # The first answer's turn ends late, while the second question is being heard.
        ((START, PIECE, ALL, START, END), False),
    ],
)
def test_when_an_answer_is_complete_before_it_was_heard(events, done):
    assert following(*events, eager=True).done is done


def test_what_was_cut_off_is_not_kept():
    listener = following(PIECE, PIECE, STOP, END, PIECE)
    assert len(listener.audio) == len(PIECE.data)


async def test_no_answer_in_time_is_an_error():
    listener = following(ActivityStart())
    with pytest.raises(AnswerTimeout, match="--timeout"):
        await wait_for_answer(listener, 0.05, patience_s=None)


async def test_silence_ends_the_wait():
    await wait_for_answer(following(), 60, patience_s=0.05)


def test_chunks_are_whole_samples():
    assert 16_000 * CHUNK_MS % 1000 == 0


SLY = "a\x1b[2J\x1b]52;c;cGF5bG9hZA==\x07\x9b31mb\u202ec\u2066d\u200be\rf\u2028you: g\x00\x7f\U000e0041"


@pytest.mark.parametrize("json_", [False, True])
async def test_nothing_that_acts_on_a_terminal_is_printed(json_):
    """The kind: a server's words that move the cursor, write to the clipboard, or read backwards."""
    turn = Script.answer(bytes(4800), words=[(f"{SLY} said", 0)])
    script = Script([When("text", [Script.input_transcript(SLY), *turn])])
    async with Server(StandIn(script=script), wss_port=None) as server:
        options = ["--json"] if json_ else []
        done = await asyncio.to_thread(livewidget, "ask", "hello", "--server", server.ws, *options)
    assert " said" in done.stdout
    shown = done.stdout + done.stderr
    assert {letter for letter in shown if not letter.isprintable()} <= {"\n"}
    assert "\\u202E" in shown or "\\u202e" in shown
    if json_:
        assert json.loads(done.stdout)["answer"].replace("\r", "\n").count("\u202e") == 1
    else:
        # No line of the answer passes for what was asked.
        assert [line for line in done.stdout.splitlines() if line.startswith("you:")] == [
            done.stdout.splitlines()[0]
        ]
