"""What the explorer shows of a spoken talk's insides: the wire, turn detection, where the time went."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST
from tests.browser.sounds import say

CANARY = "canary-4c1d"


def test_a_spoken_question_as_frames_as_turn_detection_and_as_time(open_talk, sounds, tmp_path):
    notebook = open_talk(FIRST, width=1400)
    notebook.run(0)
    card = Card(notebook.page)
    tuner = card.look("Tuner")
    expect(tuner).to_contain_text("Press ● and speak")
    card.start()
    say(notebook.page, sounds("what is seven plus five", before=0.6, after=1.0))
    card.wait_for_words("tutor", "twelve")

    # Turn detection: the very padding and silence of this session, and a turn that began and ended.
    picture = tuner.get_by_role("img")
    expect(picture).to_have_attribute(
        "aria-label", re.compile("padding 64 ms, silence 500 ms.*Your turn ended")
    )
    assert inked(picture) > 0.02, "nothing was drawn"

    # The wire: every frame that Python knows of, in its order, sound as a waveform.
    wire = card.look("Wire")
    heads = wire.locator(".lw-frame-head")
    expect(heads.first).to_contain_text("setup")
    expect(heads.filter(has_text="realtimeInput.audio").first.locator("svg")).to_be_visible()
    heads.first.click()
    expect(wire.locator(".lw-frame-body").first).to_contain_text("offline-tutor")
    wire.get_by_role("searchbox").fill("seven plus five")
    expect(heads.filter(has_text="serverContent.inputTranscription")).to_have_count(1)
    expect(heads.filter(has_text="realtimeInput.audio")).to_have_count(0)
    wire.get_by_role("searchbox").fill("")
    wire.get_by_role("button", name="Pause").click()
    with notebook.page.expect_download() as saved:
        wire.get_by_role("button", name="Export").click()
    lines = exported(tmp_path, saved.value)
    known = json.loads(
        notebook.python("import json; print(json.dumps([(f.number, f.kind, f.outgoing) for f in live.wire]))")
    )
    shown = [[line["number"], line["kind"], line["way"] == "out"] for line in lines]
    assert shown == known[: len(shown)]
    assert len(shown) > 20

    # Turns: one answer, in how long it came, which is the same number everywhere, and what was heard of it.
    turns = card.look("Turns")
    expect(turns.locator("ol .lw-anatomy-text")).to_have_text(["Seven plus five is twelve."])
    says = turns.locator("ol .lw-anatomy-says")
    expect(says).to_contain_text(re.compile("answered in .*noticing your end .*heard for"))
    seconds = float(notebook.python("print(live.turns[-1].latency_ms)")) / 1000
    timing = notebook.python(
        "t = live.turns[-1].timing; print(t.decision_ms + t.playback_ms < t.first_sound_ms)"
    )
    assert timing.strip() == "True"
    assert seconds > 0.5, "half a second of silence ends the question"
    assert says.inner_text().startswith(f"answered in {seconds:.2f} s")
    expect(notebook.page.locator(".lw-first")).to_have_text(f"answered in {seconds:.2f} s")
    expect(notebook.page.locator(".lw-model .lw-small")).to_have_text(f"{seconds:.2f} s")
    card.type("what time is it")
    card.wait_for_words("tutor", "it is")
    expect(notebook.page.locator(".lw-first")).to_be_hidden()
    expect(says).to_have_count(1)


def test_secrets_are_not_on_the_page(open_talk):
    notebook = open_talk(
        f"from livewidget import LiveWidget\nlive = LiveWidget('offline-tutor', extra={{'labels': {{'token': '{CANARY}'}}}})\nlive"
    )
    notebook.run(0)
    card = Card(notebook.page)
    wire = card.look("Wire")
    card.type("what time is it")
    card.wait_for_words("tutor", "it is")
    # Such a handle comes once the answer has been heard.
    expect(wire.locator(".lw-frame-head", has_text="newHandle").first).to_be_visible(timeout=15_000)
    for head in wire.locator(".lw-frame-head").all()[:8]:
        head.click()
    page = notebook.page.content()
    assert "…hidden" in page
    assert CANARY not in wire.inner_text()
    handle = notebook.python("print(live._controller.sessions.current.handle)").strip()
    assert len(handle) > 10
    assert handle not in page


def inked(picture) -> float:
    """The share of a canvas that something is drawn on."""
    return picture.locator("canvas").evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let inked = 0;
          for (let at = 3; at < data.length; at += 4) inked += data[at] > 0;
          return inked / (data.length / 4);
        }"""
    )


def exported(folder: Path, download) -> list[dict]:
    path = folder / "wire.jsonl"
    download.save_as(path)
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.long
def test_the_notebook_with_both_ways_shows_them_side_by_side(open_talk, sounds):
    """One card through the kernel, one straight from the browser, each asked aloud: the notebook of the subject."""
    path = Path(__file__).parents[2] / "notebooks" / "08b_straight_from_the_browser.ipynb"
    code = {
        cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    }
    names = list(code)
    notebook = open_talk(*code.values(), width=1400)

    def run(name):
        notebook.run(names.index(name))

    run("serve")
    cards = []
    for number, name in enumerate(("through", "straight")):
        run(name)
        cards.append(Card(notebook.page, number))
    run("tools")
    panel = cards[0].look("Turns")
    questions = {"what is seven plus five": "twelve", "how many legs does a spider have": "eight legs"}
    for card in cards:
        expect(panel.locator(".lw-ways")).to_be_hidden()
        card.start()
        for words, answer in questions.items():
            say(notebook.page, sounds(words, before=0.6, after=1.0))
            card.wait_for_words("gemini", answer)
            card.wait_hint("Talk whenever you like.")  # it has been heard
    ways = panel.locator(".lw-ways li")
    expect(ways).to_have_count(2)
    expect(ways.nth(0)).to_contain_text("Through the kernel, 2 answers")
    expect(ways.nth(0)).to_contain_text("to the page and back")
    expect(ways.nth(1)).to_contain_text("Straight from the browser, 2 answers")
    expect(ways.nth(1)).not_to_contain_text("to the page and back")
    expect(ways.nth(1)).to_contain_text("the model and the network")
    expect(panel.locator(".lw-anatomy-says", has_text="answered in")).to_have_text(
        [re.compile("through the kernel")] * 2
    )
    expect(panel.page.locator(".lw-badge").nth(1)).to_contain_text("direct")

    for name in ("busy", "wire", "who", "fixed", "python", "picture"):
        run(name)
    told = notebook.output(names.index("python"))
    for way in ("Python alone", "through the kernel", "straight from the browser"):
        assert re.search(rf"^{way} \(\d\): decision_ms \d+", told, re.MULTILINE), told
    assert "Ask both cards" not in told
    assert "a token in the wire: False" in notebook.output(names.index("wire"))
    run("stop")
