"""Agents of the Agent Development Kit. What all bridges do is tried in `test_bridges.py`."""

import importlib.util
import json
import logging
import os
import subprocess
import tomllib
from concurrent.futures import ThreadPoolExecutor

import pytest

from livewidget import models
from livewidget.errors import ExtraMissing
from livewidget.integrations import adk
from tests.integrations.test_clients import FAMILIES, KEY, ROOT, named, serving
from tools import setup

CLIENTS = [pytest.mark.clients, pytest.mark.timeout(300)]
#: How long a connection to the second server lasts, in seconds; enough for an answer.
CONNECTION_S = 6.0


# --- Without the kit ----------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("google.adk") is not None, reason="google-adk is installed")
def test_without_the_kit_a_sentence_says_what_to_install():
    with pytest.raises(ExtraMissing) as caught:
        adk.AdkAgent(object())
    expected = 'AdkAgent needs google-adk, which is not installed: pip install "livewidget[adk]"'
    assert str(caught.value) == expected


def test_the_versions_that_were_tried_are_those_of_the_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert extras["adk"] == [f"google-adk{adk.TESTED}"]


def test_a_transcript_that_is_repeated_at_its_end_is_told_once():
    repeated = adk._Repeated()
    assert [repeated.rest(text, True) for text in ("It is ", "nine.")] == ["It is ", "nine."]
    assert repeated.told == "It is nine."
    assert repeated.rest("It is nine.", False) == ""
    assert repeated.told == ""
    # Models that send the end alone, as those of the third generation do.
    assert repeated.rest("what time is it", False) == "what time is it"
    # More than was told in pieces; and something else, as after a connection was replaced.
    repeated.rest("It is ", True)
    assert repeated.rest("It is ten.", False) == "ten."
    repeated.rest("The old one", True)
    assert repeated.rest("The new one", False) == ""


@pytest.mark.parametrize(
    ("mime_type", "rate"),
    [
        ("audio/pcm;rate=24000", 24_000),
        ("audio/pcm;rate=16000;x=1", 16_000),
        ("audio/pcm", 24_000),
        ("audio/l16;rate=x", 24_000),
    ],
)
def test_the_rate_of_audio_is_that_of_its_type(mime_type, rate):
    assert adk._sample_rate(mime_type) == rate


def test_errors_that_are_raised_as_well_are_not_printed(monkeypatch, capsys):
    log = logging.getLogger("google_adk")
    for one in (logging.getLogger(), log):  # Nobody has configured them.
        monkeypatch.setattr(one, "handlers", [])
    adk._print_unconfigured_log()
    adk._print_unconfigured_log()
    assert len(log.handlers) == 1
    flow = logging.getLogger("google_adk.google.adk.live._live_llm_flow")
    flow.error("the bulb is broken")
    logging.getLogger("google_adk.google.adk.runners").warning("Root node lamp was cancelled")
    log.info("of no interest")
    assert capsys.readouterr().err == ""
    flow.warning("output_schema is ignored")
    logging.getLogger("google_adk.google.adk.flows").error("a tool failed")
    assert capsys.readouterr().err == "output_schema is ignored\na tool failed\n"
    logging.getLogger().addHandler(logging.NullHandler())  # Somebody has configured it.
    flow.warning("once more")
    assert capsys.readouterr().err == ""


# --- With the kit -------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=named("google-adk"))
def runs(request):
    """The scenes with both families of models at once."""
    name = request.param
    if not setup.client(name).exists():
        pytest.skip(f"{name} has no environment here: run make clients")
    with (
        serving() as server,
        serving("--connection-s", str(CONNECTION_S)) as hasty,
        ThreadPoolExecutor(2) as threads,
    ):
        started = {one: threads.submit(play, name, one, server, hasty) for one in ("2.5", "3.8")}
        return {family: one.result() for family, one in started.items()}


def play(name, family, *servers):
    """Let the scenes be played with the model of one family."""
    model, service = FAMILIES[family]
    ends_first = models.find(model, service).turn_completes_before_result
    terms = {"key": KEY, "model": model, "vertex": False, "ends_first": ends_first, "folder": ""}
    server, hasty = ({**server, **terms} for server in servers)
    task = {"server": server, "hasty": hasty, "connection_s": CONNECTION_S}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GEMINI_"))}
    return subprocess.run(
        [
            setup.client(name) / setup.BIN.name / setup.PYTHON.name,
            *("-m", "tests.integrations.scenes_adk", json.dumps(task)),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)},
    )


@pytest.fixture(params=[pytest.param(family, marks=CLIENTS) for family in ("2.5", "3.8")])
def scenes(request, runs):
    done = runs[request.param]
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


def tool(name, result=None, *, remote=True, error=None):
    state = "failed" if error else "done"
    return {"name": name, "state": state, "remote": remote, "result": result, "error": error}


def test_who_speaks_after_a_hand_over_is_named_and_has_the_notebooks_functions(scenes):
    found = scenes["hand_over"]
    assert found["changed"] == ["billing"]
    assert found["said"] == "The fan is on."
    assert found["agents"][0] == ""
    assert set(found["agents"][1:]) == {"billing"}
    # The hand-over is told by the name of the speaker, and by no tool.
    assert found["tools"] == [
        tool("set_light", {"result": "the light is on"}),
        tool("set_fan", {"result": "the fan is on"}, remote=False),
    ]


def test_one_agent_after_the_other_is_no_loss_of_a_connection(scenes):
    found = scenes["sequence"]
    assert found["changed"] == ["one", "two"]
    assert found["said"] == "The capital of Japan is Tokyo."
    assert found["tools"] == []
    assert found["notices"] == []


def test_each_report_of_a_streaming_tool_is_shown(scenes):
    found = scenes["streaming"]
    assert [result["result"] for result in found["reported"]] == [
        "the timer is set",
        "half of it is over",
        "it is over now",
    ]
    timer, gate = found["tools"]
    assert timer == tool("set_timer", {"result": "it is over now"})
    assert gate["state"] == "failed"
    assert "open_gate" in gate["error"]


def test_a_long_running_tool_has_what_it_returned_first(scenes):
    assert scenes["long_running"]["tools"] == [tool("order_pizza", {"status": "pending", "ticket": "t1"})]


def test_a_model_that_does_not_wait_for_functions_answers_while_one_runs(scenes, request):
    """The kit keeps everything back while a tool runs that blocks."""
    waits = request.node.callspec.params["scenes"] == "2.5"
    assert scenes["meanwhile"]["order"] == (["result", "answer"] if waits else ["answer", "result"])


def test_with_tools_in_threads_the_notebooks_run_where_they_always_do(scenes):
    found = scenes["threads"]
    assert found["said"] == ["The light is on.", "The fan is on."]
    assert found["in_main_thread"] == [False]


def test_the_next_conversation_remembers_and_that_of_another_agent_does_not(scenes):
    found = scenes["memory"]
    assert found["again"] == found["first"] == "The capital of Japan is Tokyo."
    assert found["other"] == "I have not said anything yet."
    assert found["same"] is True


def test_what_was_left_open_is_not_done_when_the_next_conversation_begins(scenes):
    """The kit would let the model answer, and so call the tool once more."""
    assert scenes["left_open"] == {"noted": 1, "not noted": 2}


def test_stop_reaches_the_model(scenes):
    found = scenes["stop"]
    assert found["interrupted"] == 1
    assert found["times"] == 1
    (story, cut), (answer, whole) = found["turns"]
    assert story.startswith("Once upon")
    assert not story.endswith("to somebody.")
    assert (cut, whole) == (True, False)
    assert answer == found["said"] == "The capital of Japan is Tokyo."


def test_two_conversations_at_once_are_refused_and_the_first_goes_on(scenes):
    found = scenes["at_once"]
    assert found["second"] == (
        "UsageError: The ADK agent lamp is in another conversation: end that one first, or make a new AdkAgent."
    )
    assert found["said"] == "The capital of Japan is Tokyo."
    assert found["after"] == "no error"


def test_nothing_is_left_when_it_ends_while_tools_run_or_while_it_starts(scenes):
    found = scenes["closing"]
    assert found["ended"] == ["tea", "coffee"]
    assert max(found["seconds"]) < adk.END_S + adk.CANCEL_S
    assert found["after"] == "no error"
    assert found["tasks"] == 0


def test_what_is_the_users_stays_as_it_is(scenes):
    found = scenes["untouched"]
    assert found["said"] == "The fan is on."
    assert found["same"] is found["same_in_sequence"] is found["runner"] is found["kept"] is True
    assert found["changed"] == ["one"]
    own = 'AdkAgent(runner, run_config=run_config, user_id="anna", session_id="s1")'
    assert found["code"] == [own, "AdkAgent(agent)"]
    # A runner is closed by who made it.
    assert found["closed"] == [0, 1]


def test_an_agent_that_only_writes_is_read_and_says_so_once(scenes):
    found = scenes["written"]
    assert found["said"] == ["It is nine."] * 2
    assert found["notices"] == ["The ADK agent lamp answers in writing, so there is nothing to hear."]


def test_what_the_kit_tells_rarely(scenes):
    found = scenes["rare"]
    assert found["speech"] == [["user_started_speaking"], ["user_stopped_speaking"]]
    assert found["thought"] == [["thought", "Hm, "], ["thought", "yes."]]
    (request,) = found["request"]
    assert request == [
        "notify",
        "The ADK agent lamp asks for a sign-in, which a live conversation cannot give.",
    ]
    assert found["message"] == [["notify", "half of it is done"]]
    assert found["reason"] == [["turn_complete", "MALFORMED_FUNCTION_CALL"]]
    assert found["error"] == [["raised", "not that"]]


def test_sources_are_named_once_and_tokens_counted(scenes):
    found = scenes["sources"]
    assert "1889" in found["said"]
    assert found["named"] == [2]
    assert found["tokens"] > 100


def test_mistakes_get_one_sentence(scenes):
    found = scenes["mistakes"]
    takes = "UsageError: AdkAgent takes an agent, such as LlmAgent(name=…, model=…), or a Runner, not "
    assert found["class"] == takes + "the class LlmAgent: make one of it."
    assert found["function"] == takes + "a function: call it, and pass what it returns."
    assert found["coroutine"] == takes + "a coroutine: await it, and pass what it returns."
    assert found["model"] == takes + "a model: give the model to an agent."
    assert found["name"] == takes + "a str."
    assert found["run_config"] == "UsageError: run_config is a RunConfig of google.adk, not a dict."
    assert "The model gpt-4o of the ADK agent lamp has no live connection" in found["no live connection"]
    assert "ADK does not know the model no-such" in found["unknown to the kit"]
    assert "could not start: The service does not know the model" in found["unknown to the service"]
    assert "The ADK agent loop could not start" in found["loop"]
    assert 'turn_detection="push_to_talk"' in found["manual"]
    assert found["double"] == found["double below"]
    assert "a tool set_fan of its own" in found["double"]
    assert found["workflow"].startswith("flow is a workflow, which takes no functions")
    assert found["secret"] == "AgentFailed: The ADK agent lamp could not start: no current at … with …"
    assert not any("\n" in sentence or "no error" in sentence for sentence in found.values())


def test_settings_of_speech_are_the_widgets_over_the_users(scenes):
    found = scenes["push_to_talk"]
    kept = {"turn_coverage": "TURN_INCLUDES_ALL_INPUT"}
    assert found["sent"] == [
        {"automatic_activity_detection": {"disabled": True, "silence_duration_ms": 900}} | kept,
        {"automatic_activity_detection": {"silence_duration_ms": 300}} | kept,
    ]
    assert found["mine"] == {"automatic_activity_detection": {"silence_duration_ms": 900}} | kept


def test_tracebacks_are_in_the_error_and_not_on_stderr(scenes):
    found = scenes["logged"]
    assert found["kept"] == "a warning of the kit's\n"
    assert found["not kept"].count("Traceback (most recent call last):") >= 2


def test_a_connection_that_is_replaced_in_the_middle_of_an_answer_is_told(scenes):
    found = scenes["replaced"]
    tokyo, paris = "The capital of Japan is Tokyo.", "The capital of France is Paris."
    assert found["said"] == [tokyo, tokyo, paris]
    assert found["quiet"] == []
    assert found["notices"] == [
        "The ADK agent lamp was given a new connection in the middle of its answer: ask again. It may not "
        "remember what was said."
    ]
