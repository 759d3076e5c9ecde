"""`livewidget doctor`: plain sentences, never a key."""

import json
import sys

import pytest

from livewidget.cli import doctor
from tests.cli.conftest import environment, livewidget

CANARY = "canary-0123456789-never-shown"


def findings(**env):
    done = livewidget("doctor", "--json", env=environment(**env))
    report = json.loads(done.stdout)
    return done, {finding["name"]: finding for finding in report["findings"]}, report["ok"]


def test_it_looks_at_everything():
    done, found, healthy = findings()
    assert done.returncode == (0 if healthy else 1)
    assert {"livewidget", "libraries", "page", "offline tutor", "key", "Vertex AI", "serve"} <= set(found)
    assert {"JupyterLab", "ipykernel", "Chromium", "talking", "notebook"} <= set(found)
    assert found["offline tutor"]["state"] == "ok"
    assert found["key"]["state"] == "missing"
    assert all(finding["text"].endswith(".") for finding in found.values())


@pytest.mark.parametrize("name", ["GEMINI_API_KEY", "GOOGLE_API_KEY"])
def test_a_key_is_named_and_never_shown(name):
    done, found, _ = findings(**{name: CANARY})
    assert name in found["key"]["text"]
    assert CANARY not in done.stdout + done.stderr
    assert "Gemini or the offline tutor" in found["talking"]["text"]


def test_a_key_that_cannot_be_one_is_a_sentence():
    done, found, _ = findings(GEMINI_API_KEY="two words")
    assert found["key"]["state"] == "missing"
    assert "two words" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("version", "state", "words"),
    [
        (
            None,
            "missing",
            'google-adk is not installed; to talk with what needs it: pip install "livewidget[adk]"',
        ),
        (
            "2.12.9",
            "missing",
            "google-adk 2.12.9 is not among the supported versions, >=2.13,<3; if something fails",
        ),
        ("2.13.0", "ok", "google-adk 2.13.0; supported: >=2.13,<3."),
        ("3.0", "missing", "google-adk 3.0 is not among the supported versions"),
    ],
)
def test_frameworks_of_agents_are_named_with_what_was_tried(version, state, words, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: version)
    found = {one.name: one for one in doctor._frameworks()}
    assert list(found) == ["Gen AI SDK", "ADK", "LiveKit", "Pipecat"]
    assert found["ADK"].state == state
    assert words in found["ADK"].text


def test_without_ears_for_this_computer_the_tutor_is_typed_to(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert doctor._tutor().state == "missing"
    assert 'pip install "livewidget[tutor]"' in doctor._tutor().text
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    tutor = doctor._tutor()
    assert tutor.state == "ok"
    assert tutor.text.startswith(
        "It speaks, and you type to it: pocketsphinx has no ready-made package for CPython"
    )
    parts = {one.name: one for one in doctor.run_checks()} | {"key": doctor.Finding("key", "missing", "")}
    verdict = {finding.name: finding for finding in doctor.conclusions(parts)}
    assert verdict["talking"].text == "You can type to the offline tutor."


FRONT_ENDS = {
    "notebook": ("7.6.5", "Notebook", "as in JupyterLab"),
    "nbclassic": ("1.3.3", "nbclassic", "the microphone pauses"),
    "voila": ("0.5.13", "Voilà", "works there"),
    "marimo": ("0.25.2", "marimo", "no transcript is saved"),
}


@pytest.mark.parametrize("distribution", FRONT_ENDS)
def test_each_front_end_that_is_found_has_a_line_of_its_own(distribution, monkeypatch):
    version, name, words = FRONT_ENDS[distribution]
    found = {distribution: version}
    monkeypatch.setattr(doctor, "_version", found.get)
    monkeypatch.setattr("shutil.which", lambda program: None)
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    (line,) = doctor._front_ends()
    assert (line.name, line.state, line.version) == (name, "ok", version)
    assert words in line.text
    parts = {part: doctor.Finding(part, "missing", "") for part in ("key", "JupyterLab", "ipykernel")}
    parts |= {part: doctor.Finding(part, "ok", "") for part in ("page", "offline tutor")} | {name: line}
    notebook = {one.name: one for one in doctor.conclusions(parts)}["notebook"]
    assert (notebook.state, notebook.text) == ("ok", f"The widget works in {name}, as said above.")


def test_what_is_not_there_has_no_line_and_what_lacks_a_microphone_says_so(monkeypatch):
    monkeypatch.setattr(doctor, "_version", {"notebook": "6.5.7"}.get)
    monkeypatch.setattr("shutil.which", lambda program: None)
    monkeypatch.setenv("TERM_PROGRAM", "vscode")
    classic, code = doctor._front_ends()
    assert "pauses" in classic.text
    assert (code.name, code.state) == ("VS Code", "missing")
    assert "no microphone" in code.text
    monkeypatch.setattr(doctor, "_finds", lambda module: module == "google.colab")
    assert "Colab" in {one.name for one in doctor._front_ends()}


def test_for_people_it_is_a_line_each():
    done = livewidget("doctor")
    lines = done.stdout.splitlines()
    assert all(line[0] in "✓–✗" for line in lines)
    assert len({line.index(line.split("  ")[-1].strip()) for line in lines}) == 1


@pytest.mark.parametrize(
    ("lab", "kernel", "works"),
    [
        ("4.6.6", "7.4.0", True),
        ("4.6.6", "7.1.0", True),
        ("4.6.6", "6.29.5", False),
        ("4.3.9", "7.4.0", False),
        (None, "7.4.0", False),
    ],
)
def test_which_pairs_go_on_while_a_cell_runs(lab, kernel, works):
    assert doctor.subshells(lab, kernel) is works


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({}, "ok", "while a cell runs"),
        ({"ipykernel": ("ok", "6.29.5")}, "ok", "pauses"),
        ({"JupyterLab": ("missing", None)}, "missing", "command line"),
        ({"ipykernel": ("broken", "7.0.1")}, "missing", "command line"),
    ],
)
def test_what_it_says_of_the_notebook(changes, state, words):
    good = {"page": ("ok", None), "key": ("missing", None), "offline tutor": ("ok", None)}
    good |= {"JupyterLab": ("ok", "4.6.6"), "ipykernel": ("ok", "7.4.0")}
    parts = {name: doctor.Finding(name, *_of(value)) for name, value in (good | changes).items()}
    verdict = {finding.name: finding for finding in doctor.conclusions(parts)}["notebook"]
    assert verdict.state == state
    assert words in verdict.text


def _of(value):
    state, version = value
    return state, "", version


def test_with_nobody_to_talk_to_it_is_broken():
    parts = {
        name: doctor.Finding(name, "missing", "")
        for name in ("key", "offline tutor", "JupyterLab", "ipykernel", "page")
    }
    talking = next(doctor.conclusions(parts))
    assert (talking.name, talking.state) == ("talking", "broken")
