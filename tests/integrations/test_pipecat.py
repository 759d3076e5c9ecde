"""Pipecat's bots and pipelines in conversations, and what of it needs no Pipecat.

`drive_pipecat_bot` plays the scenes where Pipecat is installed, against a running `livewidget serve`; here is said
what must have come of them.
"""

import asyncio
import json
import os
import subprocess
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from livewidget.errors import ExtraMissing
from livewidget.integrations import pipecat, pipecat_pipeline
from livewidget.integrations.pipecat import LiveWidgetTransport, PipecatBot
from livewidget.pictures import to_picture
from tests.integrations.questions import write
from tests.integrations.test_clients import FAMILIES, KEY, ROOT, serving
from tools import setup

PYTHON = setup.client("pipecat-ai 1.14.0") / setup.BIN.name / setup.PYTHON.name
JAPAN, FRANCE = "The capital of Japan is Tokyo.", "The capital of France is Paris."

#: Scenes in which the model's family matters; all others are played with one.
BOTS = ("greets_first", "text_before_it_begins", "stopped_by_hand", "push_to_talk", "a_pipeline_in_a_cell")

clients = [pytest.mark.clients, pytest.mark.timeout(300)]


@pytest.fixture(scope="module", params=["2.5", "3.8"])
def report(request, tmp_path_factory):
    """What the driver noted of its scenes, with one family of models."""
    if not PYTHON.exists():
        pytest.skip("Pipecat has no environment here: run make clients")
    folder = tmp_path_factory.mktemp("pipecat")
    write(folder)
    model, _ = FAMILIES[request.param]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GEMINI_"))}
    with serving() as ready:
        task = {
            **ready,
            "key": KEY,
            "folder": str(folder),
            "model": model,
            "vertex": False,
            "ends_first": False,
        }
        done = subprocess.run(
            [
                PYTHON,
                "-m",
                "tests.integrations.drive_pipecat_bot",
                json.dumps(task),
                *(BOTS if request.param == "2.5" else ()),
            ],
            capture_output=True,
            text=True,
            timeout=280,
            cwd=ROOT,
            env=kept | {"PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def scene(report, name):
    if name not in BOTS and set(report) == set(BOTS):
        pytest.skip("the model's family does not matter")
    noted = report[name]
    assert "failed" not in noted, noted["failed"]
    return noted


class TestWithPipecat:
    pytestmark = clients

    def test_a_bot_may_begin(self, report):
        speaker, text = scene(report, "greets_first")["first"]
        assert speaker == "model"
        assert text.startswith("Hello! I am the small offline tutor")

    def test_what_is_typed_before_the_bot_begins_is_not_lost(self, report):
        assert scene(report, "text_before_it_begins") == {"said": JAPAN, "notices": []}

    def test_a_bot_that_never_begins_is_told_of(self, report):
        (notice,) = scene(report, "never_begins")["notices"]
        assert notice == (
            "What you typed waits, since the bot has not begun: queue an LLMRunFrame when the client connects."
        )

    def test_nothing_of_a_stopped_answer_reaches_the_user_or_the_context(self, report):
        noted = scene(report, "stopped_by_hand")
        assert noted["rest"] == 0
        assert noted["answer"] == FRANCE
        assert [speaker for speaker, _ in noted["said"]] == ["user", "model", "user", "model"]
        assert "Once upon a time".startswith(noted["said"][1][1][:16])
        assert noted["kept"].startswith("Once upon")  # And not with what was typed.
        assert noted["kept"].endswith(FRANCE)
        assert "library" not in noted["kept"]
        assert noted["typed"] == ["tell me a story", "what is the capital of france"]

    def test_a_button_to_talk_where_the_bot_leaves_turns_to_its_client(self, report):
        noted = scene(report, "push_to_talk")
        assert noted["said"] == [["user", "what is the capital of france"], ["model", FRANCE]]
        assert noted["own"] == (
            "The bot's service decides itself when you speak: to push a button instead, set "
            "vad=GeminiVADParams(disabled=True) in its settings."
        )
        assert noted["plain"].startswith("push_to_talk does not work with the Pipecat bot")

    def test_a_name_on_both_sides(self, report):
        assert "a tool set_light of its own" in scene(report, "names_on_both_sides")["sentence"]

    def test_functions_for_which_a_bot_has_no_place(self, report):
        (notice,) = scene(report, "without_a_context")["notices"]
        assert notice.startswith("The bot keeps no LLMContext")

    def test_functions_that_come_after_the_bot_has_begun(self, report):
        assert scene(report, "functions_that_come_late") == {
            "notices": ["The bot's service takes new functions only when its pipeline starts: run it again."],
            "said": "The light is on.",
        }

    def test_functions_that_raise_and_functions_that_are_cut_short(self, report):
        noted = scene(report, "functions_that_do_not_return")
        assert noted["raises"] == [["set_light", True, "failed", "RuntimeError: the bulb is burnt"]]
        assert noted["stopped"] == [["set_light", True, "failed", "cancelled"]]
        assert noted["stopped_here"] == [["set_fan", False, "cancelled", None]]

    def test_a_bot_that_sets_its_tools_keeps_those_of_the_notebook(self, report):
        both = ["set_fan", "set_light"]
        expected = {"before": both, "after": both, "registered": True}
        assert scene(report, "tools_set_by_the_bot") == expected

    def test_a_bot_that_writes(self, report):
        said = ["you said good morning", "you said and good night"]
        assert scene(report, "text_only") == {"said": said, "audio": 0}

    def test_audio_of_any_rate_and_sound_that_is_no_speech(self, report):
        for name, noted in scene(report, "odd_audio").items():
            assert noted["ms"] == pytest.approx(200, abs=45), name
            assert noted["hz"] == pytest.approx(440, abs=5), name
            assert noted["said"] == [["model", "" if name == "music" else "hello"]]

    def test_an_answer_whose_voice_stops_between_its_words_is_one(self, report):
        noted = scene(report, "an_answer_in_pieces")
        assert noted["said"] == [["user", "one two three"], ["model", "you said one two three"]]
        assert noted["complete"] == 1

    def test_the_last_words_of_a_bot_that_ends_are_heard(self, report):
        noted = scene(report, "says_goodbye")
        assert noted["ms"] == 400
        assert noted["after_ms"] > 350  # It had all been sent at once.
        assert noted["notices"] == ["The Pipecat bot ended the talk."]

    def test_errors_that_end_a_bot_and_those_that_do_not(self, report):
        noted = scene(report, "faults")
        assert noted["error"]["ended"] is False
        assert noted["error"]["notices"] == ["The bot reports an error: the paper is low at …"]
        assert noted["raises"]["ended"] is False
        assert "the paper is wet" in noted["raises"]["notices"][0]
        assert noted["fatal"]["ended"] == "The Pipecat bot stopped: the paper is out."

    def test_a_bot_that_pipecat_ends_as_nobody_speaks(self, report):
        noted = scene(report, "idle")
        assert noted["ended"] is True
        assert noted["notices"][0].startswith("Nobody has spoken for so long that Pipecat ends the bot")

    def test_a_handler_that_raises_is_told_of(self, report):
        noted = scene(report, "a_handler_that_raises")
        assert noted == {"ended": False, "notices": ["A part of the bot failed: nobody greets."]}

    def test_a_processor_that_cannot_be_set_up_is_told_of(self, report):
        (notice,) = scene(report, "setup_that_fails")["notices"]
        assert "no such device" in notice

    def test_a_bot_that_exits_ends_alone(self, report):
        sentence = "The Pipecat bot could not start: its function raised SystemExit."
        assert scene(report, "sys_exit")["sentence"] == sentence

    def test_what_is_no_bot_gets_a_sentence(self, report):
        noted = scene(report, "wrong_arguments")
        assert noted.pop("right") == ["it began"] * 4
        assert noted.pop("expressions") == [
            "PipecatBot(run_bot)",
            'PipecatBot(run_bot, name="lamp", push_to_talk=True)',
        ]
        assert noted["class"].endswith("and not the class Bot.")
        assert (
            noted["function"]
            == "The bot's function must be a coroutine function: async def run_bot(transport)."
        )
        assert "leave out the parentheses" in noted["coroutine"]
        assert "and not Pipeline; a pipeline that you run yourself takes a" in noted["pipeline"]
        assert "LiveWidget(transport.provider)" in noted["transport"]
        assert "PipecatBot(functools.partial(with_a_voice, voice=…))" in noted["more"]
        assert noted["runner"].startswith("main makes a transport of its own")
        assert all(one.endswith(".") and "it was taken" not in one for one in noted.values())

    def test_pictures_that_a_bot_does_not_take(self, report):
        (notice,) = scene(report, "no_pictures")["notices"]
        assert notice == "The bot takes no pictures: video_in_enabled is off in its TransportParams."

    def test_a_pipeline_in_a_cell(self, report):
        """It runs on its own loop, twice with one transport; the handlers of the first run are not called again."""
        noted = scene(report, "a_pipeline_in_a_cell")
        assert noted["answers"] == [JAPAN, "The fan is on.", "The light is on."] * 2
        assert noted["fired"] == ["joined", "connected", "leftCall", "notebook"] * 2
        assert noted["threads"] == ["MainThread"]
        assert noted["tools"] == [["set_fan", False], ["set_light", True]] * 2

    def test_a_pipeline_that_outlives_its_clients(self, report):
        noted = scene(report, "a_pipeline_that_goes_on")
        assert noted == {"said": ["you said one", "you said two"], "asked": ["one", "two"]}

    def test_a_transport_that_is_used_twice(self, report):
        noted = scene(report, "used_twice")
        assert noted["no_pipeline"].startswith("No pipeline runs with this LiveWidgetTransport")
        assert noted["second_card"].startswith("This LiveWidgetTransport is in a conversation already")
        assert noted["second_pipeline"].startswith("This LiveWidgetTransport is in a pipeline that runs")
        assert noted["unharmed"] == "you said hello"

    def test_nothing_is_left(self, report):
        noted = scene(report, "nothing_left")
        assert noted["after"] == noted["before"]
        assert noted["handlers"] == 0


@contextmanager
def kernel():
    """A kernel in Pipecat's environment; gives a function that runs a cell and returns what it printed."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(
        argv=[str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
    )
    manager.start_kernel(cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    client = manager.client()
    client.start_channels()

    def run(code):
        printed = []

        def on_output(message):
            assert message["msg_type"] != "error", message["content"]["traceback"]
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        client.execute_interactive(code, timeout=60, output_hook=on_output)
        return "".join(printed)

    try:
        client.wait_for_ready(timeout=60)
        yield run
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.clients
def test_cells_of_a_notebook(tmp_path):
    """The bot started by the card; the bot awaited by a cell, and run by a task beside the cells."""
    if not PYTHON.exists():
        pytest.skip("Pipecat has no environment here: run make clients")
    with serving() as ready, kernel() as run:
        server = {**ready, "key": KEY, "folder": str(tmp_path), "model": "gemini-3.8-live"}
        server |= {"vertex": False, "ends_first": False}
        run(
            "import asyncio, threading\n"
            "from loguru import logger; logger.remove()\n"
            "from livewidget import LiveWidget\n"
            "from livewidget.integrations.pipecat import LiveWidgetTransport, PipecatBot\n"
            "from tests.integrations.driving import Server\n"
            "from tests.integrations.drive_pipecat_bot import between, bot, gemini\n"
            f"server = Server(**{server!r})\n"
            "run_bot = bot(lambda transport: between(transport, gemini(server)))\n"
            "live = LiveWidget(PipecatBot(run_bot)); transport = LiveWidgetTransport()\n"
            "other = LiveWidget(transport.provider); answers = []"
        )
        assert run("print(live.ask('what is the capital of japan')); live.stop()").strip() == JAPAN
        run(
            "def person():\n"
            "    answers.append(other.ask('what is the capital of japan').text); other.stop()\n"
            "thread = threading.Thread(target=person); thread.start()"
        )
        assert run("await run_bot(transport); thread.join(); print(answers[0])").strip() == JAPAN
        run("task = asyncio.create_task(run_bot(transport))")
        ask_france = "print(await asyncio.to_thread(other.ask, 'what is the capital of france'))"
        assert run(ask_france).strip() == FRANCE
        assert run("other.stop(); await task; print(len(other.turns))").strip() == "4"


# --- Without Pipecat


@pytest.mark.parametrize("make", [lambda: PipecatBot(None), LiveWidgetTransport])
def test_pipecat_that_is_missing(make):
    pytest.importorskip("livewidget.integrations.pipecat")
    if hasattr(pipecat_pipeline, "frames"):
        pytest.skip("Pipecat is installed here")
    with pytest.raises(ExtraMissing, match=r'pip install "livewidget\[pipecat\]"'):
        make()


def test_the_versions_are_those_of_the_extra():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'pipecat = ["pipecat-ai[google]{pipecat.TESTED}"]' in project


class TestAnswerGate:
    """What is played of an answer that the user has stopped, by a clock of the test's."""

    def make(self):
        self.now = 0.0
        return pipecat_pipeline.AnswerGate(lambda: self.now)

    def test_an_answer_that_goes_on_is_dropped_until_it_ends(self):
        answer = self.make()
        answer.begins()
        assert answer.passes(ends=False)
        answer.stop()
        for _ in range(20):
            self.now += 0.2
            answer.begins()
            assert not answer.passes(ends=False)
        answer.asked()
        self.now += 4.0  # The computer is busy.
        assert not answer.passes(ends=False)
        assert not answer.passes(ends=True)
        answer.begins()
        assert answer.passes(ends=False)

    def test_an_answer_whose_end_is_never_told_takes_nothing_for_ever(self):
        answer = self.make()
        answer.begins()
        answer.stop()
        assert not answer.passes(ends=False)
        self.now += 6.0
        assert answer.passes(ends=False)

    def test_an_answer_of_which_everything_was_sent_takes_nothing_of_the_next(self):
        """Its end is never told, since Pipecat's service holds it to be over."""
        answer = self.make()
        answer.begins()
        assert answer.passes(ends=False)
        answer.stop()
        self.now += 1.5
        answer.begins()
        assert answer.passes(ends=False)

    def test_who_types_at_once_is_answered_where_everything_was_sent(self):
        answer = self.make()
        answer.begins()
        assert answer.passes(ends=False)
        answer.stop()
        self.now += 0.1
        answer.asked()
        answer.begins()
        assert answer.passes(ends=False)

    def test_an_answer_that_was_over_takes_nothing_of_the_next(self):
        answer = self.make()
        answer.begins()
        assert answer.passes(ends=True)
        answer.stop()
        self.now += 0.1
        answer.begins()
        assert answer.passes(ends=False)

    def test_the_service_ends_it_when_somebody_speaks(self):
        answer = self.make()
        answer.begins()
        answer.stop()
        answer.interrupted(by_user=True)
        self.now += 0.1
        assert not answer.passes(ends=False)
        answer.interrupted(by_user=False)
        answer.begins()
        assert answer.passes(ends=False)


async def test_what_another_thread_hands_over_arrives_in_order_and_is_bounded():
    mailbox = pipecat_pipeline.Mailbox(asyncio.get_running_loop())
    numbers = list(range(pipecat_pipeline._WAITING + 10))
    thread = threading.Thread(target=lambda: [mailbox.put(number) for number in numbers])
    thread.start()
    thread.join()
    assert [await mailbox.get() for _ in numbers[10:]] == numbers[10:]
    waiting = asyncio.ensure_future(mailbox.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    threading.Thread(target=mailbox.put, args=["late"]).start()
    assert await waiting == "late"


async def test_a_loop_that_is_closed_gets_nothing_and_says_so():
    loop = asyncio.new_event_loop()
    mailbox = pipecat_pipeline.Mailbox(loop)
    loop.close()
    mailbox.put("too late")

    async def work():
        pass

    with pytest.raises(RuntimeError, match="has been closed"):
        await pipecat_pipeline.run_on_loop(loop, work())


def test_channels_become_one():
    both = np.array([[100, 300], [-5, -5], [32767, 32767]], "<i2")
    assert np.frombuffer(pipecat_pipeline._mono(both.tobytes(), 2), "<i2").tolist() == [200, -5, 32767]
    assert pipecat_pipeline._mono(b"\1\2", 1) == b"\1\2"


def test_a_picture_becomes_pixels():
    image = np.full((20, 30, 3), (200, 30, 30), np.uint8)
    size, pixels = pipecat._pixels(to_picture(image).data)
    assert size == (30, 20)
    assert len(pixels) == 30 * 20 * 3
    assert pixels[0] > 150 > pixels[1]


@pytest.mark.parametrize(
    ("line", "who", "task", "words"),
    [
        (
            "GeminiLiveLLMService#0::_connection_task_handler unexpected exception (/x/errors.py:220): 1007 None. No.",
            "GeminiLiveLLMService#0",
            "_connection_task_handler",
            "1007 None. No.",
        ),
        (
            "LiveWidgetTransport#1: uncaught exception in event handler 'on_client_connected' (a (b).py:3): boom",
            "LiveWidgetTransport#1",
            None,
            "boom",
        ),
    ],
)
def test_what_pipecat_only_logs_is_understood(line, who, task, words):
    found = pipecat_pipeline._LOGGED.search(line)
    assert (found["who"], found["task"], found["words"]) == (who, task, words)


def test_the_words_of_an_error():
    assert pipecat_pipeline._words("1007 None. API key\n not valid.") == "API key not valid"
