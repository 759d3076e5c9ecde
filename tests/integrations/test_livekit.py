"""`LiveKitAgent`: with livekit-agents in its own environment, see `livekit_scenes`, and what needs none of it.

What all bridges have in common is tried in `test_bridges`.
"""

import asyncio
import json
import logging
import os
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from livewidget.errors import ExtraMissing
from livewidget.integrations import livekit, livekit_io
from livewidget.protocol.messages import ModalityTokenCount
from tests.integrations.questions import write
from tests.integrations.test_clients import FAMILIES, KEY, ROOT, serving
from tools import setup

CLIENT = "livekit-agents 1.8.9"
clients = [pytest.mark.clients, pytest.mark.timeout(300)]


# --- Without LiveKit ----------------------------------------------------------------------------------------


def test_a_missing_framework_gets_one_sentence():
    with pytest.raises(ExtraMissing) as caught:
        livekit.LiveKitAgent(lambda: None, None)
    assert str(caught.value) == (
        'LiveKitAgent needs livekit-agents, which is not installed: pip install "livewidget[livekit]"'
    )


def test_the_versions_are_those_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    agents = next(one for one in extras["livekit"] if one.startswith("livekit-agents"))
    assert agents.endswith(f"]{livekit.TESTED}")


def test_tokens_are_counted_by_side_and_kind():
    usage = livekit.usage_metadata(
        {"input_tokens": 30, "input_audio_tokens": 20, "input_text_tokens": 10, "output_tokens": 5}
    )
    assert (usage.prompt_token_count, usage.response_token_count, usage.total_token_count) == (30, 5, 35)
    assert usage.prompt_tokens_details == [
        ModalityTokenCount(modality="TEXT", token_count=10),
        ModalityTokenCount(modality="AUDIO", token_count=20),
    ]
    assert usage.response_tokens_details is None


class Listener:
    def __init__(self):
        self.told = []

    async def turn_complete(self):
        self.told.append("complete")

    async def interrupted(self):
        self.told.append("interrupted")


@pytest.fixture
def answer():
    """An answer, and what its listener was told a moment after each step."""
    listener = Listener()
    answer = livekit_io.AnswerEnd(listener)

    async def told(after=None):
        await asyncio.sleep(2 * livekit_io.TURN_END_S)
        return listener.told

    answer.client, answer.told = listener, told
    return answer


async def test_an_answer_is_complete_once_its_audio_was_heard_and_its_text_shown(answer):
    await answer.open("text")
    await answer.open("audio")
    answer.close("text")
    assert await answer.told() == []
    answer.close("audio")
    assert await answer.told() == ["complete"]
    answer.idle()
    assert await answer.told() == ["complete"]


async def test_an_answer_in_which_a_function_was_called_goes_on_with_its_result(answer):
    await answer.open("audio")
    answer.tool()
    answer.close("audio")
    assert await answer.told() == []
    await answer.open("audio")
    answer.close("audio")
    assert await answer.told() == ["complete"]


async def test_what_is_said_while_a_function_runs_is_complete_before_what_is_said_of_its_result(answer):
    answer.tool()
    await answer.open("text")
    await answer.open("audio")
    answer.close("text")
    answer.result()
    answer.close("audio")
    assert answer.client.told == []
    await answer.open("text")
    assert answer.client.told == ["complete"]
    answer.close("text")
    assert await answer.told() == ["complete"] * 2


async def test_of_a_result_that_nothing_was_said_before_the_answer_speaks_itself(answer):
    await answer.open("text")
    answer.tool()
    answer.close("text")
    answer.result()
    await answer.open("text")
    answer.close("text")
    await answer.open("text")
    assert await answer.told() == []


async def test_a_result_after_the_answer_is_not_one_of_the_next(answer):
    answer.tool()
    await answer.open("text")
    answer.close("text")
    assert await answer.told() == ["complete"]
    answer.result()
    for _ in range(2):
        await answer.open("text")
        answer.close("text")
    assert await answer.told() == ["complete"] * 2


async def test_two_messages_of_one_answer_stand_apart(answer):
    said = []
    for text in ("One moment,", " please.", None, "The coffee", " is ready.", None, "还有。", None, "好。"):
        if text is None:
            answer.close("text")
        else:
            await answer.open("text")
            said.append(answer.join(text))
    assert "".join(said) == "One moment, please. The coffee is ready.还有。好。"


@pytest.mark.parametrize("ends", ["close", "interrupt"])
async def test_the_next_answer_begins_without_a_space(answer, ends):
    await answer.open("text")
    assert answer.join("One.") == "One."
    answer.close("text")
    if ends == "interrupt":
        await answer.interrupt()
    await answer.told()
    await answer.open("audio")
    await answer.open("text")
    assert answer.join("Two.") == "Two."


async def test_an_answer_whose_function_gets_no_reply_is_over_when_the_agent_listens(answer):
    answer.tool()
    assert await answer.told() == []
    answer.idle()
    assert await answer.told() == ["complete"]


async def test_an_interruption_completes_nothing_more(answer):
    await answer.open("audio")
    await answer.interrupt()
    answer.close("audio")
    answer.idle()
    assert await answer.told() == ["interrupted"]


async def test_an_answer_that_is_stopped_tells_nobody(answer):
    await answer.open("audio")
    answer.close("audio")
    answer.stop()
    assert await answer.told() == []


@pytest.mark.parametrize(
    ("file", "is_news"),
    [("/lib/livekit/agents/utils/log.py", False), ("/lib/livewidget/integrations/livekit.py", True)],
)
def test_only_what_livekit_has_logged_itself_is_left_out_of_asyncios_log(file, is_news):
    text = (
        f"Task exception was never retrieved\nfuture: <Task finished coro=<_run() done, defined at {file}:9>"
    )
    assert livekit._is_news(logging.LogRecord("asyncio", logging.ERROR, file, 1, text, (), None)) is is_news


# --- With LiveKit -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """What came of the scenes with each family of models, and what was printed besides."""
    if not setup.client(CLIENT).exists():
        pytest.skip("livekit-agents has no environment here: run make clients")
    folder = tmp_path_factory.mktemp("livekit")
    write(folder)
    with serving() as ready, ThreadPoolExecutor(2) as threads:
        server = {"key": KEY, "folder": str(folder), **{name: ready[name] for name in ("ws", "wss", "cert")}}
        started = {family: threads.submit(play, server, family) for family in ("2.5", "3.8")}
        return {family: one.result() for family, one in started.items()}


def play(server, family):
    task = {**server, "model": FAMILIES[family][0], "vertex": False, "ends_first": family == "2.5"}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GEMINI_"))}
    python = setup.client(CLIENT) / setup.BIN.name / setup.PYTHON.name
    done = subprocess.run(
        [python, "-m", "tests.integrations.livekit_scenes", json.dumps(task)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "stdout": done.stdout, "stderr": done.stderr}


@pytest.fixture(params=("2.5", "3.8"))
def played(request, reports):
    report = reports[request.param]

    def scene(name):
        assert "failed" not in report[name], report[name]["failed"]
        return report[name]

    scene.report = report
    return scene


def marked(function):
    for mark in clients:
        function = mark(function)
    return function


@marked
def test_livekit_remembers_what_was_heard_in_the_page_and_no_more(played):
    """The page played at half its speed and then stopped at 1.6 s; by the clock it had been 3 s."""
    found = played("cut")
    asked, story, *_ = found["said"]
    assert asked == ["user", "tell me a story", False]
    assert story == ["assistant", found["turn"].rstrip(), True] or story == ["assistant", found["turn"], True]
    words = len(found["turn"].split())
    assert 4 <= words <= 9
    assert found["whole"].startswith(found["turn"])
    assert len(found["whole"].split()) > 3 * words
    assert found["states"] == ["speaking", "listening"]


@marked
def test_a_report_that_cannot_be_passed_on_ends_the_talk_and_is_told(played):
    found = played("untold")
    assert found["error"] == "The LiveKit agent lamp stopped: that cannot be told."
    assert found["code"] == 'LiveKitAgent(make_session, agent, name="lamp")'


@marked
def test_a_handover_is_named_and_keeps_the_notebooks_functions(played):
    found = played("handover")
    agents = [agent for speaker, _, agent, _ in found["turns"] if speaker == "model"]
    assert agents == ["", "spanish", "spanish"]
    assert found["tools"] == [
        ["set_light", "", True, {"result": "one moment"}],
        ["set_fan", "", False, {"fan": True}],
    ]


@marked
def test_an_agent_is_as_it_was_before_and_a_second_talk_knows_nothing_of_the_first(played):
    found = played("twice")
    assert found["added"] == ["set_fan"]
    assert found["left"] == 0
    assert found["after"] == found["before"] == ["Be brief.", ["set_light"], 0]
    first, second = found["said"]
    assert first == second
    assert len(first) == 2


@marked
def test_functions_are_added_in_mid_talk(played):
    assert played("new_tools")["tools"] == ["set_fan", "set_heating"]


@marked
def test_an_agent_may_call_a_function_of_the_notebooks_as_it_begins(played):
    assert played("greeting")["results"] == [{"fan": True}]


@marked
def test_what_is_said_while_a_function_runs_stands_apart_and_keeps_nobody_waiting(played):
    found = played("meanwhile")
    moment = "One moment, please. " if found["speaks"] else ""
    for said, inferred in (found["notebooks"], found["agents"]):
        assert said == [f"{moment}The coffee is ready."]
        assert inferred
        assert not any(inferred), "the session had to wait, and found out by itself"


@marked
def test_stop_ends_the_function_that_was_called(played):
    found = played("stopped_call")
    assert (found["ends"], found["states"]) == (["cancelled"], ["cancelled"])
    assert found["said"] == "The capital of Japan is Tokyo."


@marked
def test_a_picture_that_came_too_soon_for_livekit_is_seen_all_the_same(played):
    found = played("pictures")
    assert "green" in found["first"]
    assert "red" in found["second"]


@marked
def test_audio_that_nobody_reports_as_played_keeps_livekit_from_nothing(played):
    found = played("unreported")
    assert found["said"] == "The capital of Japan is Tokyo."
    assert found["history"][-1] == ["assistant", "The capital of Japan is Tokyo.", False]


@marked
def test_of_an_agent_that_does_not_leave_nothing_is_left(played):
    assert played("clinging")["left"] == []


@marked
def test_text_that_livekit_cannot_pass_on_gets_a_sentence(played):
    (sentence,) = played("refused_text")["notices"]
    assert sentence == "LiveKit cannot pass typed text to gemini-3.1-flash-live-preview: say it instead."


@marked
def test_an_error_that_livekit_only_logs_is_told_and_the_talk_goes_on(played):
    found = played("errors")
    (sentence,) = found["notices"]
    assert sentence.endswith("ValueError: the greeting is missing")
    assert found["said"] == "The capital of Japan is Tokyo."


SENTENCES = {
    "a model": "has to return an AgentSession, not RealtimeModel: put the model into it.",
    "nothing": "has to return an AgentSession, not NoneType: did it forget to return it?",
    "no model": "The AgentSession has no model: pass llm=… to it or to the Agent.",
    "the same session": "returned the same AgentSession twice: it has to make a new one for each talk.",
    "a running session": "runs already, in a room or elsewhere: return it without calling start.",
    "no agent": "has to return an Agent, not NoneType.",
    "an agent of its own names": "The agent has a tool set_light of its own, and the notebook offers",
    "push-to-talk": "This agent's model detects turns itself, so push-to-talk cannot be used:",
    "no push-to-talk": 'waits to be told when a turn ends: use turn_detection="push_to_talk"',
    "push-to-talk with an agent's turns": "has a turn detection of its own, so push-to-talk cannot be used:",
    "a busy agent": "This Agent is in another talk: end that one,",
    "session: an AgentSession": "An AgentSession serves one talk",
    "session: a model": "RealtimeModel is a model: put it into a session",
    "session: an Agent": "The Agent comes second",
    "session: a coroutine": "make() was called already: pass the function make itself, without ().",
    "session: a number": "int does not make an AgentSession",
    "session: a generator": "it has to return an AgentSession, not to yield it.",
    "session: an entrypoint": "The function that makes an AgentSession is called without arguments",
    "agent: a class": "Agent is a class: pass an agent of it, such as Agent(…).",
    "agent: a session": "AgentSession is not an Agent",
    "agent: a text": 'A text is not an Agent: LiveKitAgent(make_session, Agent(instructions="Be brief.")).',
    "agent: a number": "int does not make an Agent",
}


@marked
@pytest.mark.parametrize("name", SENTENCES)
def test_what_cannot_work_is_refused_in_a_sentence(played, name):
    sentence = played("refusals")[name]
    assert SENTENCES[name] in sentence
    assert "\n" not in sentence


@marked
def test_a_pipeline_is_talked_with(played):
    found = played("piped")
    assert found["typed"].strip() == '{"fan": true}'
    (_, heard, *_), (_, said, *_) = found["spoken"]
    assert (heard.strip(), said.strip()) == ("turn on the fan", '{"fan": true}')
    assert found["cut"][0]
    (kept,) = found["heard"]
    assert 3 <= len(kept.split()) <= 20
    assert found["notices"] == [
        "LiveKit shows pictures to realtime models only, and this agent has none: they are not seen."
    ]
    assert found["speech"] == ["ActivityStart", "ActivityEnd"] * 2


@marked
def test_a_pipeline_answers_when_the_key_is_released(played):
    found = played("pressed")
    assert [speaker for speaker, *_ in found["turns"]] == ["user", "model"] * 2
    assert found["answered"] == []


@marked
def test_an_agent_without_voice_or_ears_is_read(played):
    found = played("written")
    assert found["said"].strip() == '{"fan": true}'
    assert found["audio"] == 0
    assert [sentence.partition(":")[0] for sentence in found["notices"]] == [
        "This agent answers in text only",
        "This agent hears nothing",
    ]


@marked
def test_nothing_is_printed_and_nothing_is_left(played):
    assert played.report["left"] == []
    assert played.report["complaints"] == []
    assert len(played.report["stdout"].splitlines()) == 1
    assert played.report["stderr"] == ""
