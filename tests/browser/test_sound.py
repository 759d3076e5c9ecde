"""The page knows whether it hears and is heard: each way in which no sound arrives is provoked, said, and mended."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.card import Card
from tests.browser.cells import FIRST, NO_SOCKET, busy_until
from tests.browser.lab import Notebook, chromium, open_notebook, write_notebook
from tests.browser.sounds import TAP, heard, say

MICROPHONE = "__tap.contexts.filter(c => c.sampleRate !== 24000).at(-1)"
PLAYER = "__tap.contexts.find(c => c.sampleRate === 24000)"
TALK = "Talk whenever you like."
#: A place in the page where there is no control of the card.
ELSEWHERE = (640, 700)

#: WebKit's state after a call or a locked screen, which nobody but the person can end.
INTERRUPT = """async (context) => { await context.suspend(); const resume = context.resume.bind(context);
  Object.defineProperty(context, 'state', { configurable: true, get: () => 'interrupted' });
  context.resume = () => { delete context.state; return resume(); }; }"""
#: A muted track gives silence.
MUTE = """(muted) => { __switch(!muted); const track = __tap.tracks.at(-1);
  Object.defineProperty(track, 'muted', { configurable: true, get: () => muted });
  track.dispatchEvent(new Event(muted ? 'mute' : 'unmute')); }"""


def talking(open_talk):
    notebook = open_talk()
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    return notebook.page, card


def test_a_microphone_that_is_heard_is_said_nothing_of(open_talk):
    """The negative control of all that follows: longer than any fault takes to be told."""
    page, card = talking(open_talk)
    page.wait_for_timeout(7000)
    assert (card.hint(), card.notices()) == (TALK, [])


FAULTS = {
    "suspended": (f"() => {MICROPHONE}.suspend()", "The browser suspended the microphone", "click"),
    "interrupted": (f"() => ({INTERRUPT})({MICROPHONE})", "The system interrupted the microphone", "click"),
    "muted": (f"() => ({MUTE})(true)", "muted outside this page", f"() => ({MUTE})(false)"),
    "zeros": ("() => __switch(false)", "gives no sound", "() => __switch(true)"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_microphone_of_which_nothing_arrives_is_told_and_is_heard_again(open_talk, sounds, fault):
    happen, words, mend = FAULTS[fault]
    page, card = talking(open_talk)
    wav = sounds("what is seven plus five", before=0.3)
    page.evaluate(happen)
    card.wait_for_notice(words, timeout=10)
    assert card.hint() != TALK
    expect(card.root.locator(".lw-word")).to_have_text("not hearing")
    say(page, wav)
    assert card.turns() == []
    if mend == "click":
        page.mouse.click(*ELSEWHERE)
    else:
        page.evaluate(mend)
    card.wait_hint(TALK, timeout=10)
    card.wait_without_notice(words, timeout=10)
    say(page, wav)
    card.wait_for_words("tutor", "twelve")
    assert not any(words in notice for notice in card.notices())


def test_a_suspended_microphone_is_woken_by_its_own_button_and_not_muted_by_it(open_talk):
    page, card = talking(open_talk)
    page.evaluate(f"() => {MICROPHONE}.suspend()")
    card.wait_for_notice("suspended the microphone", timeout=10)
    card.microphone.click()
    card.wait_hint(TALK, timeout=10)


@pytest.mark.parametrize("how", ["suspended", "interrupted"])
def test_a_voice_that_stops_amid_an_answer_is_told_and_goes_on_after_a_click(open_talk, how):
    page, card = talking(open_talk)
    card.type("tell me a story")
    page.wait_for_function(
        "() => (document.querySelector('.livewidget .lw-model .lw-words')?.textContent.length ?? 0) > 10"
    )
    page.evaluate(f"() => ({INTERRUPT})({PLAYER})" if how == "interrupted" else f"() => {PLAYER}.suspend()")
    card.wait_for_notice(f"{how} the sound", timeout=10)
    card.wait_hint("Click to hear the voice.")
    before = len(heard(page)[0])
    page.mouse.click(*ELSEWHERE)
    card.wait_without_notice("the sound", timeout=10)
    page.wait_for_timeout(1500)
    assert len(heard(page)[0]) > before + 12_000


#: The browser's rule for people: no sound before a click. What a test evaluates in the page would count as one.
NO_AUTOPLAY = """(() => { let clicked = false;
  addEventListener('pointerdown', (event) => { clicked ||= event.isTrusted; }, true);
  Object.defineProperty(navigator, 'userActivation', { value: { get hasBeenActive() { return clicked; } } });
  window.AudioContext = class extends AudioContext {
    constructor(options) { super(options); if (!clicked) super.suspend(); }
    resume() { return clicked ? super.resume() : new Promise(() => {}); }
  }; })()"""


@pytest.mark.parametrize("rule", ["blocked", "allowed"])
def test_sound_that_the_browser_blocks_is_told_and_heard_after_a_click(lab, browser, rule):
    scripts = (NO_AUTOPLAY, TAP) if rule == "blocked" else (TAP,)
    notebook = open_notebook(lab, browser, [FIRST], scripts=scripts)
    notebook.run(0)
    card = Card(notebook.page)
    notebook.python("live.say('tell me a story')")
    if rule == "allowed":  # the negative control
        card.wait_for_words("tutor", " ")
        notebook.page.wait_for_timeout(2000)
        assert not any("sound" in notice for notice in card.notices())
        return
    card.wait_for_notice("blocks sound", timeout=15)
    notebook.page.mouse.click(*ELSEWHERE)
    card.wait_without_notice("blocks sound", timeout=10)
    notebook.page.wait_for_timeout(1500)
    played, _ = heard(notebook.page)
    assert abs(played).max() > 0.01


def test_over_plain_http_the_page_says_that_it_has_no_player_and_no_answer_is_cut(lab):
    with chromium(hosts="notebook.test") as browser:
        notebook = open_notebook(lab, browser, [FIRST], host="notebook.test")
        page = notebook.page
        assert page.evaluate("() => [isSecureContext, 'audioWorklet' in AudioContext.prototype]") == [
            False,
            False,
        ]
        notebook.run(0)
        card = Card(page)
        card.type("what is seven plus five")
        card.wait_for_notice("https://")
        assert sum("sound" in notice or "https" in notice for notice in card.notices()) == 1
        card.wait_hint("Type and read: no sound here.")
        card.wait_for_words("tutor", "twelve")
        page.wait_for_timeout(3000)
        card.type("what is two plus two")
        card.wait_for_words("tutor", "two plus two is four")
        page.wait_for_timeout(1000)
        turns = notebook.python("print([(t.speaker, t.text.lower(), t.interrupted) for t in live.turns])")
        assert "('model', 'seven plus five is twelve.', false)" in turns.replace("False", "false"), turns
        assert (
            notebook.python("print(live.ask('what is two plus three').text)").lower()
            == "two plus three is five."
        )


TWO = "from livewidget import LiveWidget\nfrom IPython.display import display\none, two = LiveWidget(), LiveWidget()\ndisplay(one)\ndisplay(two)"


def test_the_microphone_is_at_one_card_of_a_page_and_both_say_where(open_talk, sounds):
    notebook = open_talk(TWO, height=1600)
    notebook.run(0)
    first, second = Card(notebook.page, 0), Card(notebook.page, 1)
    first.start()
    second.start()
    first.wait_for_notice("The microphone moved to another card in this page")
    second.wait_for_notice("The microphone moved here from another card in this page")
    expect(first.root.locator(".lw-word")).to_have_text("typing only")
    assert notebook.page.evaluate("() => __tap.tracks.map(t => t.readyState)") == ["ended", "live"]
    say(notebook.page, sounds("what is seven plus five", before=0.3))
    second.wait_for_words("tutor", "twelve")
    assert first.turns() == []
    first.microphone.click()
    second.wait_for_notice("The microphone moved to another card in this page")
    first.wait_hint(TALK)
    assert notebook.python("print(one.phase, two.phase)") == "live live"


def test_the_microphone_moves_between_cards_of_two_kernels_in_one_page(open_talk):
    notebook = open_talk()
    notebook.run(0)
    first = Card(notebook.page)
    first.start()
    path = notebook.path.with_name(f"other-{notebook.path.name}")
    write_notebook(path, [FIRST])
    other = Notebook(notebook.lab, notebook.page, path)
    other.open_in_page()
    other.run(0)
    second = Card(notebook.page, 1)
    # A computer that is too slow for two notebooks may have let go of it already.
    had_it = notebook.page.evaluate("() => __tap.tracks[0].readyState === 'live'")
    second.start()
    if had_it:
        second.wait_for_notice("The microphone moved here from another card in this page")
        first.wait_for_notice("The microphone moved to another card in this page")
    assert notebook.page.evaluate("() => __tap.tracks.map(t => t.readyState)") == ["ended", "live"]


def test_release_ends_push_to_talk_though_the_kernel_became_busy_meanwhile(open_talk, tmp_path):
    over = tmp_path / "over"
    lane_off = "import os; os.environ['LIVEWIDGET_SUBSHELL_LANE'] = '0'\n"
    first = NO_SOCKET + lane_off + FIRST.replace("LiveWidget()", "LiveWidget(turn_detection='push_to_talk')")
    notebook = open_talk(first, busy_until("sleep", over))
    notebook.run(0)
    card = Card(notebook.page)
    card.start()
    card.microphone.hover()
    notebook.page.mouse.down()
    card.wait_hint("Release to send.")
    notebook.run(1, wait=False)
    card.wait_for_notice("Kernel busy: microphone paused")
    notebook.page.mouse.up()
    expect(card.microphone).to_have_attribute("data-look", "armed")
    over.touch()
    notebook.wait_for_cell(1, timeout=20)
    card.wait_hint("Hold space, or the button, to talk.")
    # What was kept while the kernel was busy arrives in its order, and may take a moment.
    assert notebook.python(
        "import time\nfor _ in range(100):\n"
        "  last = [f.kind for f in live.wire if 'activity' in f.kind][-1]\n"
        "  if last.endswith('activityEnd'): break\n  time.sleep(.1)\nprint(last)"
    ).endswith("activityEnd")


SLOW = """
import asyncio
from livewidget import LiveWidget, StandIn
class Slow(StandIn):
    async def dial(self):
        await asyncio.sleep(1)
        return await super().dial()
live = LiveWidget(Slow())
live
"""


def test_what_is_said_while_it_connects_is_heard(open_talk, sounds):
    notebook = open_talk(SLOW)
    notebook.run(0)
    card = Card(notebook.page)
    wav = sounds("what is seven plus five", before=0.1)
    card.microphone.click()
    notebook.page.wait_for_function("() => __tap.tracks.length > 0")
    say(notebook.page, wav, wait=False)
    card.wait_hint("Connecting; you can talk already.")
    card.wait_for_words("tutor", "twelve", timeout=30)
    assert card.turns()[0] == ("you", "what is seven plus five")
