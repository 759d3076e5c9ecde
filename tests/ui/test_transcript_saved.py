"""What stays in a saved notebook: executed by nbclient, read back, and exported by nbconvert."""

import re

import pytest

from tests.ports import without_ports

# Reading and converting notebooks is imported where it is used: it takes seconds, also where none of this runs.
pytestmark = pytest.mark.notebook

CANARY = "AIzaSyCANARY0000000000000000000000000000"
CELLS = [
    "import numpy\n"
    "from livewidget import LiveWidget, StandIn\n"
    "live = LiveWidget(StandIn(ears=lambda sound: '', brain=lambda text: 'You said <b>' + text,\n"
    "                          voice=lambda text: numpy.zeros(2400, 'int16')))\n"
    "live",
    "live.ask('good morning', 20)",
    "live.stop()\nlive.wait(10)",
    "named = LiveWidget('gemini-3.8-live')\nnamed",
    "named",
    "repr(named), str(named.get_state().keys())",
    "LiveWidget('gemini-3.8-live', voise='Kore')",
]


def exported(notebook):
    from nbconvert import HTMLExporter

    return HTMLExporter().from_notebook_node(notebook)[0]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEMINI_API_KEY", CANARY)
        folder = tmp_path_factory.mktemp("kernel")
        client = NotebookClient(
            notebook,
            allow_errors=True,
            timeout=60,
            store_widget_state=True,
            config=without_ports(folder),
        )
        client.execute()
    return notebook


def html_of(cell):
    return [output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {})]


def test_the_transcript_stands_in_the_notebook(saved):
    widget, again, transcript = html_of(saved.cells[0])
    assert not re.sub("<[^>]*>", "", widget), "what shows no widget shows nothing in its place"
    assert "livewidget was here: run the cell to talk again." in again
    assert "good morning" in transcript
    assert "You said &lt;b&gt;good morning" in transcript


def test_nbconvert_shows_it(saved):
    page = exported(saved)
    transcript = page[page.index('class="livewidget-transcript ') :]
    assert "You said &lt;b&gt;good morning" in transcript[: transcript.index("</div>")]


@pytest.mark.parametrize("kind", ["HTMLExporter", "MarkdownExporter", "RSTExporter"])
def test_no_export_says_of_the_conversation_what_was_true_at_its_beginning(saved, kind):
    """Kind: a text that is saved once and describes what changes."""
    import nbconvert
    import nbformat

    conversation = nbformat.from_dict({**saved, "cells": saved.cells[:3], "metadata": {}})
    page = getattr(nbconvert, kind)().from_notebook_node(conversation)[0]
    assert "LiveWidget offline-tutor: " not in page
    assert "0 turns" not in page
    said = (
        "A conversation, live while this notebook runs",
        "livewidget was here: run the cell to talk again.",
    )
    (sentence,) = [sentence for sentence in said if sentence in page]
    assert page.index(sentence) < page.rindex("You said")


def test_the_text_in_place_of_the_card_is_the_same_for_every_display(saved):
    views = [
        output.data["text/plain"]
        for cell in saved.cells
        for output in cell.outputs
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert len(views) == 3
    assert len(set(views)) == 1


def test_a_second_display_shows_the_same_transcript(saved):
    assert html_of(saved.cells[3]) == html_of(saved.cells[4])


def test_no_key_is_saved_anywhere(saved):
    import nbformat

    assert "widgets" in saved.metadata  # the state of the widgets is saved here, as Colab does
    assert CANARY not in nbformat.writes(saved)
    page = exported(saved)
    assert CANARY not in page


def test_a_wrong_word_is_one_sentence_in_the_cell(saved):
    (error,) = [output for output in saved.cells[-1].outputs if output.output_type == "error"]
    assert error.ename == "ConfigError"
    assert "voice" in error.evalue
    assert "\n" not in error.evalue


LONG = [
    "import numpy\n"
    "from livewidget import LiveWidget, StandIn\n"
    "live = LiveWidget(StandIn(ears=lambda sound: '', brain=lambda text: 'So said: ' + text + ' word' * 800,\n"
    "                          voice=lambda text: numpy.zeros(240, 'int16')))\n"
    "live",
    "sent = []\n"
    "publish = live._controller.transcript._publish\n"
    "live._controller.transcript._publish = lambda *output: (sent.append(1), publish(*output))\n"
    "for number in range(20):\n    _ = live.ask(f'question {number}', 60)\n"
    "len(live.turns), len(sent)",
]


def test_a_long_talk_is_saved_to_its_last_word_when_the_last_cell_has_run(tmp_path):
    """It is not published with every turn, and a notebook that a program executes ends without a word."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in LONG])
    NotebookClient(notebook, timeout=100, config=without_ports(tmp_path)).execute()
    turns, published = eval(notebook.cells[1].outputs[-1].data["text/plain"])
    assert published < turns == 40
    transcript = html_of(notebook.cells[0])[-1]
    assert "So said: question 19 word" in transcript
