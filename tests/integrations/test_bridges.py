"""Other people's agents through a real `LiveWidget`, each in an environment of its own, against a running
`livewidget serve`.

`bridging` plays the scenes there, with a page that listens, reports and clicks; here is said what must have come
of them. Each agent talks with a model whose turn ends before a function's result, and with one whose turn goes on.
"""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from livewidget import models
from tests.integrations import bridging
from tests.integrations.questions import PICTURE, write
from tests.integrations.test_clients import FAMILIES, KEY, ROOT, serving
from tools import setup

#: The file of each bridge, and the environment that it runs in; "": that of the tests.
BRIDGES = {
    "livewidget": ("bridge_session", ""),
    "google-genai 3.6.1": ("bridge_genai", "google-genai 3.6.1"),
    "google-genai 2.34.0": ("bridge_genai", "google-genai 2.34.0"),
    "google-adk 2.13.0": ("bridge_adk", "google-adk 2.13.0"),
    "livekit-agents 1.8.9": ("bridge_livekit", "livekit-agents 1.8.9"),
    "pipecat-ai 1.14.0": ("bridge_pipecat", "pipecat-ai 1.14.0"),
}
#: Agents that find the ends of speech themselves, whatever the page asks for.
NO_PUSH_TO_TALK = {"pipecat-ai 1.14.0"}
#: The Gen AI SDK has no agent, and so no functions of its own.
NO_OWN_TOOLS = {"google-genai 3.6.1", "google-genai 2.34.0"}

TOGETHER = [scene.__name__ for scene in (*bridging.SCENES, bridging.orderly_end)]
ALONE = [scene.__name__ for scene in bridging.ALONE]
#: What starting and stopping 20 times may cost. Measured: at most 0.6 MB with any; 150 KB each time is noticed.
MEMORY_MB = 3.0
#: Seconds within which the page shows the end: close may take 5.
END_S = 7.0

pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]


@pytest.fixture(scope="session")
def scenery(tmp_path_factory):
    """A server, and what is said and shown to it."""
    folder = tmp_path_factory.mktemp("bridges")
    write(folder)
    with serving() as ready:
        yield {**ready, "key": KEY, "folder": str(folder)}


def python_of(bridge):
    """Return the Python that a bridge runs with."""
    environment = BRIDGES[bridge][1]
    return (
        str(setup.client(environment) / setup.BIN.name / setup.PYTHON.name) if environment else sys.executable
    )


def play(bridge, family, server, scenes):
    """Let a bridge play scenes with the model of one family; return what it printed, or why it failed."""
    model, service = FAMILIES[family]
    ends_first = models.find(model, service).turn_completes_before_result
    task = {**server, "model": model, "vertex": False, "ends_first": ends_first, "scenes": scenes}
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GOOGLE_", "GEMINI_"))}
    return subprocess.run(
        [python_of(bridge), "-m", f"tests.integrations.{BRIDGES[bridge][0]}", json.dumps(task)],
        capture_output=True,
        text=True,
        timeout=500,
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)},
    )


def reported(done):
    """Return what was printed of a run."""
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout.splitlines()[-1])
    assert "stage" not in report, report["stage"]["failed"]
    return report


@pytest.fixture(scope="session", params=BRIDGES)
def runs(request):
    """One bridge's runs with both models at once."""
    name, (_, environment) = request.param, BRIDGES[request.param]
    if environment and not setup.client(environment).exists():
        pytest.skip(f"{environment} has no environment here: run make clients")
    scenery = request.getfixturevalue("scenery")
    with ThreadPoolExecutor(2) as threads:
        started = {one: threads.submit(play, name, one, scenery, TOGETHER + ALONE) for one in ("2.5", "3.8")}
        return {family: one.result() for family, one in started.items()}


@pytest.fixture(params=["2.5", "3.8"])
def report(request, runs):
    return reported(runs[request.param])


@pytest.fixture
def bridge(request):
    return request.node.callspec.params["runs"]


def scene(report, name):
    """Return what came of a scene, which must have been played to its end without a word to the user."""
    found = report[name]
    assert "failed" not in found, found["failed"]
    for one in (found, *(found.get(part, {}) for part in ("stopped", "after", "pressed", "again", "second"))):
        assert one.get("notices", []) == [], name
    return found


def assert_answered(turn, said, *, heard):
    assert turn["heard"] == heard
    assert turn["said"] == said
    assert turn["speakers"] == ["user", "model"]
    assert turn["audio_ms"] > 700
    assert all(one["final"] and not one["interrupted"] for one in turn["turns"])


def test_a_typed_question(report):
    turn = scene(report, "text_turn")
    assert_answered(turn, "The capital of Japan is Tokyo.", heard="what is the capital of japan")
    assert 1000 < turn["audio_ms"] < 4000


def test_a_spoken_question(report):
    turn = scene(report, "spoken_turn")
    assert_answered(turn, "The capital of France is Paris.", heard="what is the capital of france")
    assert 1000 < turn["audio_ms"] < 4000
    assert turn["turns"][-1]["latency_ms"] > 0


def test_a_function_of_the_agents_is_shown_and_run_there_alone(report, bridge):
    turn = scene(report, "remote_tool")
    assert_answered(turn, "The light is on.", heard="turn on the light")
    (use,) = turn["tools"]
    assert (use["name"], use["args"], use["state"], use["error"]) == ("set_light", {"on": True}, "done", None)
    assert "the light is on" in json.dumps(use["result"])
    assert use["remote"] is (bridge not in NO_OWN_TOOLS)
    assert 0 <= use["duration_ms"] < 5000


def test_a_function_of_the_notebooks(report):
    turn = scene(report, "blocking_tool")
    assert_answered(turn, "The fan is on.", heard="turn on the fan")
    (use,) = turn["tools"]
    assert (use["name"], use["args"], use["state"]) == ("set_fan", {"on": True}, "done")
    assert use["result"] == {"result": "the fan is on"}
    assert use["remote"] is False


def test_a_function_that_takes_its_time(report):
    turn = scene(report, "non_blocking_tool")
    assert turn["heard"] == "make coffee"
    assert turn["said"] in ("The coffee is ready.", "One moment, please. The coffee is ready.")
    (use,) = turn["tools"]
    assert (use["name"], use["state"], use["result"]) == (
        "make_coffee",
        "done",
        {"result": "the coffee is ready"},
    )
    assert bridging.WORK_S * 1000 <= use["duration_ms"] < bridging.WORK_S * 1000 + 1000


def test_a_function_that_asks_first(report):
    turn = scene(report, "approved_tool")
    assert_answered(turn, "The door is open.", heard="open the door")
    (use,) = turn["tools"]
    assert (use["name"], use["state"], use["result"]) == ("open_door", "done", {"result": "the door is open"})


def test_a_function_that_is_not_allowed(report):
    turn = scene(report, "refused_tool")
    assert turn["heard"] == "open the door"
    assert "is open" not in turn["said"]
    assert turn["said"]
    (use,) = turn["tools"]
    assert (use["name"], use["state"], use["result"]) == ("open_door", "refused", None)


def assert_cut_where_it_was_heard(stopped, page_heard):
    (cut,) = [turn for turn in stopped["turns"] if turn["interrupted"]]
    assert cut["speaker"] == "model"
    assert cut["heard_sample"] == page_heard
    assert bridging.HEARD_S * 24_000 < page_heard < cut["audio_samples"]
    # The story begins "Once upon a time"; its second sentence comes long after the first two seconds.
    assert cut["text"].startswith("Once upon")
    assert cut["whole"].startswith(cut["text"])
    assert "Every night" not in cut["text"]


def test_who_speaks_into_an_answer_is_heard_and_answered(report):
    found = scene(report, "barge_in")
    # The session would find it out by itself, a little later: from what it hears that the user said.
    assert found["told"] == 1
    assert_cut_where_it_was_heard(found["stopped"], found["page_heard"])
    after = found["after"]
    assert after["heard"] == "what time is it"
    assert after["said"].startswith("It is ")
    assert after["speakers"] == ["user", "model"]


def test_the_button_silences_the_agent_and_nothing_more_comes(report):
    found = scene(report, "stop_button")
    assert_cut_where_it_was_heard(found["stopped"], found["page_heard"])
    assert found["more_ms"] == 0
    assert found["stopped"]["speakers"] == ["user", "model"]
    assert found["stopped"]["floor"] == "LISTENING"
    assert_answered(found["after"], "The capital of Japan is Tokyo.", heard="what is the capital of japan")


def test_a_picture(report):
    turn = scene(report, "picture")
    width, height = PICTURE
    assert f"picture of {width} by {height} pixels" in turn["said"]


def test_push_to_talk_works_or_is_refused_in_a_sentence(report, bridge):
    found = report["push_to_talk"]
    assert "failed" not in found, found["failed"]
    if bridge in NO_PUSH_TO_TALK:
        (sentence,) = found["refused"]
        assert "push" in sentence
        assert "pressed" not in found
    else:
        assert "refused" not in found
        assert_answered(
            found["pressed"], "The capital of France is Paris.", heard="what is the capital of france"
        )
        assert found["pressed"]["notices"] == []
    # One dial is one run of an agent, which takes settings when it starts; the SDK's session is resumed.
    assert len(found["told"]) == (bridge not in NO_OWN_TOOLS)
    assert not any("\n" in sentence for sentence in found["told"])
    assert_answered(found["after"], "The capital of Japan is Tokyo.", heard="what is the capital of japan")


def test_the_talk_ends_when_it_is_stopped_and_begins_again(report):
    found = scene(report, "orderly_end")
    assert found["ending"] == found["second"]["ending"] == "stopped"
    assert found["took_s"] < END_S
    assert_answered(found["again"], "The capital of Japan is Tokyo.", heard="what is the capital of japan")


def test_what_goes_wrong_is_said_in_a_sentence_and_leaves_nothing(report):
    found = report["faults"]
    assert "failed" not in found, found["failed"]
    for name, fault in found["of"].items():
        told, words = fault["notices"], fault["words"]
        assert bool(told) == bool(words), name
        assert words in " ".join(told), name
        assert not any("\n" in notice or "Traceback" in notice for notice in told), name
        assert fault["took_s"] < END_S, name
        assert [fault["left"][kind] for kind in ("threads", "tasks", "files")] == [0, 0, 0], name


def test_the_traceback_of_an_agent_that_raised_is_folded_away(report):
    fault = report["faults"]["of"].get("raises")
    if fault is None:
        pytest.skip("this bridge has no agent that could")
    assert "Traceback" in fault["details"][-1]


def test_what_is_started_and_stopped_again_and_again_leaves_nothing(report, request, capsys):
    found = report["cycles"]
    assert "failed" not in found, found["failed"]
    assert len(found["all"]) == bridging.WARM_UP + bridging.CYCLES
    with capsys.disabled():
        grown = ", ".join(f"{kind} {found['warm'][kind]} → {found['last'][kind]}" for kind in found["warm"])
        print(f"\n{request.node.callspec.id}: {grown}, started and stopped {bridging.CYCLES} times", end=" ")
    assert_flat(found["warm"], found["last"])


def test_a_cell_that_is_run_again_leaves_nothing(report):
    found = scene(report, "widgets")
    assert_answered(found, "The capital of Japan is Tokyo.", heard="what is the capital of japan")
    assert_flat(found["counts"][0], found["counts"][-1])


def assert_flat(before, after):
    for kind in ("threads", "tasks", "files"):
        assert after[kind] == before[kind], kind
    assert after["memory_mb"] - before["memory_mb"] < MEMORY_MB


def test_nothing_is_complained_of_where_nobody_looks(report):
    """No task is destroyed while it runs, no exception is never retrieved, no thread dies of one."""
    assert report["complaints"] == []
