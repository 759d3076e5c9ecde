"""The page holds the socket to the service, and the kernel the conversation: each feature of it, and each way in which it breaks.

The service is `livewidget serve` in a process of its own, with a key: whatever a page opens is opened with a token.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.card import Card
from tests.browser.cells import NO_SOCKET, WATCH, busy_until
from tests.browser.lab import LINKS, SOCKETS, Lab, Notebook, toggle_saved_state
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, heard, say
from tests.browser.test_companion import MIRROR
from tests.browser.test_tools import LAMP
from tests.noting_server import KEY, NotingServer, noise
from tests.ports import free_port
from tests.widget.kernels import python_with

SCRIPTS = (SCRIPTED_MICROPHONE, TAP, SOCKETS, LINKS)
#: The talk; the key is in the kernel only.
DIRECT = """
from livewidget import Gemini, LiveWidget
live = LiveWidget(Gemini({model!r}, api_key={key!r}, base_url={url!r}, direct=True){more})
live
"""
#: The tokens of the service's sockets that the page has opened so far, oldest first.
OPENED = """() => __sockets.map((socket) => new URL(socket.url)).filter((url) => url.pathname.includes('Bidi'))
  .map((url) => url.searchParams.get('access_token'))"""
TURNS = "import json; print(json.dumps([(t.speaker, t.text, t.latency_ms) for t in live.turns]))"


@pytest.fixture(scope="module")
def service(lab: Lab) -> Iterator[NotingServer]:
    """The service for JupyterLab's pages, which notes what passes."""
    running = NotingServer(lab.url)
    yield running
    running.close()


@pytest.fixture
def open_direct(open_at_desk: Callable[..., Notebook], service: NotingServer) -> Callable[..., Any]:
    """`open_direct(*cells)` opens a notebook whose first cell has shown a direct talk; gives it and its card."""

    def open_(
        *cells: str,
        before: str = "",
        model: str = "gemini-3.8-live",
        more: str = "",
        url: str = "",
        scripts: tuple[str, ...] = SCRIPTS,
        **options: Any,
    ) -> tuple[Notebook, Card]:
        first = before + DIRECT.format(model=model, key=KEY, url=url or service.url, more=more)
        notebook = open_at_desk(scripts, first, *cells, **options)
        notebook.page.evaluate("() => { window.__sockets?.splice(0); }")
        service.take()
        notebook.run(0)
        return notebook, Card(notebook.page)

    return open_


def timed_turns(notebook: Notebook) -> list[tuple[str, str, float | None]]:
    printed = notebook.python(TURNS)
    assert printed.startswith("["), printed
    rows: list[tuple[str, str, float | None]] = json.loads(printed)
    return rows


def turns(notebook: Notebook) -> list[tuple[str, str]]:
    """Who said what, as the kernel has it."""
    return [(who, text) for who, text, _ in timed_turns(notebook)]


def answers(notebook: Notebook) -> list[str]:
    """What the model said in each of its turns."""
    return [text for who, text in turns(notebook) if who == "model" and text]


def latencies(notebook: Notebook) -> list[float]:
    """How long the user waited for each answer, in ms, as the kernel has it."""
    return [ms for _, _, ms in timed_turns(notebook) if ms is not None]


def wait_until(page: Page, is_so: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for something in another process."""
    for _ in range(int(seconds * 5)):
        if is_so():
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"not within {seconds} s")


# --- What a conversation is made of --------------------------------------------------------------------------


@pytest.fixture
def served(lab: Lab, tmp_path: Path) -> Iterator[str]:
    """`livewidget serve`, as it is started by hand."""
    (tmp_path / "key").write_text(KEY)
    command = ["serve", "--no-tls", "--key-file", str(tmp_path / "key"), "--origin", lab.url]
    with subprocess.Popen(
        [sys.executable, "-m", "livewidget", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["ws"]
        process.terminate()


def test_a_question_a_tool_and_a_cell_that_asks(open_direct, served, sounds):
    notebook, card = open_direct(LAMP, WATCH, "print(live.ask('what is two plus two', 30).text)", url=served)
    page = notebook.page
    notebook.run(1)
    notebook.run(2)
    card.start()
    expect(card.root.locator(".lw-badge")).to_contain_text("direct")
    say(page, sounds("what is seven plus five", before=0.5))
    card.wait_for_words("you", "seven plus five")
    card.wait_for_words("gemini", "twelve")
    assert abs(heard(page)[0]).max() > 0.05, "the answer was not heard"

    say(page, sounds("turn on the light", before=0.5))
    chip = card.root.locator(".lw-chip")
    expect(chip).to_have_attribute("data-state", "asking", timeout=20_000)
    assert notebook.python("print(lamp)") == "[]"
    chip.get_by_role("button", name="Allow set_light", exact=True).click()
    card.wait_for_words("gemini", "the lamp is on")
    assert notebook.python("print(lamp)") == "[True]"
    card.wait_hint("Talk whenever you like.")  # Or what asks next cuts the answer short.

    notebook.run(3)
    assert notebook.output(3).strip().lower() == "two plus two is four."
    assert [text.lower() for text in answers(notebook)] == [
        "seven plus five is twelve.",
        "the lamp is on.",
        "two plus two is four.",
    ]
    assert all(0 < ms < 3000 for ms in latencies(notebook)), latencies(notebook)
    # One socket, which the page opened with a token; the microphone's sound never came to the kernel.
    (token,) = page.evaluate(OPENED)
    assert token.startswith("auth_tokens/")
    assert notebook.python("print(len(arrived))") == "0"
    kinds = notebook.python("print(sorted({frame.kind for frame in live.wire}))")
    assert "audio" in kinds.lower()
    assert card.notices() == []


def test_speaking_into_an_answer_cuts_it_at_the_sample_that_was_heard(lab, open_direct, sounds):
    story = NotingServer("--voice", "noise", lab.url)
    try:
        notebook, card = open_direct(url=story.url)
        page = notebook.page
        wav = sounds("what time is it", before=0.1)
        card.start()
        for times in (1, 2):
            page.evaluate("() => { __tap.blocks = []; }")
            card.type("tell me a story")
            page.wait_for_function("() => __tap.blocks.some(block => block.some(x => Math.abs(x) > 0.01))")
            say(page, wav)
            wait_until(page, lambda n=times: len(answers_cut(notebook)) == n and is_silent(page))
            sound, rate = heard(page)
            assert rate == 24_000
            assert abs(answers_cut(notebook)[-1] - heard_until(sound, noise())) <= 1
    finally:
        story.close()


def answers_cut(notebook: Notebook) -> list[int]:
    """Up to which sample each answer that was interrupted was heard."""
    code = "import json; print(json.dumps([t.heard_sample for t in live.turns if t.interrupted]))"
    return [sample for sample in json.loads(notebook.python(code)) if sample is not None]


def heard_until(sound: np.ndarray, story: np.ndarray) -> int:
    """How many samples of `story` had been played when `sound` ended, whose last 5 ms are a fade."""
    end = int(np.flatnonzero(sound)[-1]) + 1
    piece = sound[end - 2400 : end - 240]
    at = int(np.argmax(np.correlate(story, piece, "valid")))
    assert np.corrcoef(story[at : at + len(piece)], piece)[0, 1] > 0.99, "it is not the story"
    return at + 2400


def is_silent(page: Page) -> bool:
    return page.evaluate("() => !__tap.blocks.slice(-12).some(block => block.some(x => x !== 0))")


def test_push_to_talk_marks_go_in_the_order_of_the_sound(open_direct, service, sounds):
    notebook, card = open_direct(more=", turn_detection='push_to_talk'")
    page = notebook.page
    card.start()
    card.wait_hint("Hold space, or the button, to talk.")
    say(page, sounds("what time is it", before=0.1, after=0.1))
    assert card.turns() == [], "what is said while nothing is held must not be heard"
    for question, answer in (("what is seven plus five", "twelve"), ("what is two plus two", "four")):
        card.root.focus()
        page.keyboard.down("Space")
        card.wait_hint("Release to send.")
        say(page, sounds(question, before=0.1, after=0.2))
        page.keyboard.up("Space")
        card.wait_for_words("gemini", answer)
    marks = ("activityStart", "audio", "activityEnd")
    sent = [kind for _, _, kind in service.take()["frames"] if kind in marks]
    assert [kind for kind, _ in groupby(sent)] == 2 * list(marks)
    assert [text for who, text in turns(notebook) if who == "user"] == [
        "what is seven plus five",
        "what is two plus two",
    ]


@pytest.mark.long
def test_a_picture_goes_straight_to_the_service_and_is_named(open_direct, service):
    """Chromium's own camera."""
    notebook, card = open_direct(scripts=(TAP, SOCKETS, LINKS))
    card.start()
    card.root.locator(".lw-eye[title='Show the camera']").click()
    notebook.page.wait_for_timeout(2500)
    card.type("what do you see")
    card.wait_for_words("gemini", "pixels")
    assert "video" in {kind for _, _, kind in service.take()["frames"]}
    expect(card.root.locator(".lw-tray")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize("model", ["gemini-3.5-live-translate-preview", "gemini-3.5-transcribe-live"])
def test_models_that_translate_and_write_down(open_direct, sounds, model):
    translates = "translate" in model
    notebook, card = open_direct(
        model=model, more=", translation='es'" if translates else ", modalities=('TEXT',)"
    )
    card.start()
    if translates:
        say(notebook.page, sounds("good morning", before=0.5))
        expect(card.root.locator(".lw-target")).to_contain_text("Buenos días", timeout=20_000)
        say(notebook.page, sounds("thank you very much", before=2.6))
        expect(card.root.locator(".lw-pair")).to_have_count(2, timeout=20_000)
    else:
        say(notebook.page, sounds("what is the largest ocean", before=0.5))
        expect(card.root.locator(".lw-flow")).to_contain_text("largest ocean", timeout=20_000)
    assert len(notebook.page.evaluate(OPENED)) == 1
    assert card.notices() == []


# --- What breaks ----------------------------------------------------------------------------------------------


def test_connections_are_replaced_and_break_and_the_tokens_are_seen_nowhere(
    open_direct, service, lab, sounds, tmp_path
):
    notebook, card = open_direct(more=", explorer=True")
    page = notebook.page
    card.start()
    asked = [("what is seven plus five", "twelve"), ("what is two plus two", "two plus two is four")]
    for question, answer in asked:
        say(page, sounds(question, before=0.3))
        card.wait_for_words("gemini", answer)
        opened = len(page.evaluate(OPENED))
        service.tell("goaway")
        wait_until(page, lambda many=opened: len(page.evaluate(OPENED)) > many)
    # The socket breaks while somebody speaks: what was said is sent again, and answered once.
    say(page, sounds("what is nine plus one", before=0.3, after=0.2), wait=False)
    page.wait_for_timeout(1000)
    service.tell("drop")
    card.wait_for_words("gemini", "ten", timeout=30)
    card.wait_hint("Talk whenever you like.", timeout=20)
    assert [text.lower() for text in answers(notebook)] == [
        "seven plus five is twelve.",
        "two plus two is four.",
        "nine plus one is ten.",
    ]
    assert [text for who, text in turns(notebook) if who == "user" and text][-1] == "what is nine plus one"

    passed = service.take()
    # Each connection had a token of its own, which was used once.
    assert passed["tokens"] == page.evaluate(OPENED)
    assert len(set(passed["tokens"])) == 4
    assert set(passed["tokens"]) <= set(passed["minted"])
    notebook.python(f"live.save_wire({str(tmp_path / 'wire')!r})")
    toggle_saved_state(page)
    saved = notebook.save()
    toggle_saved_state(page)
    card.look("Wire")
    places = {
        "notebook": json.dumps(saved),
        "state": notebook.python(
            "print(live.get_state(), live.stats, repr(live), live._controller.provider)"
        ),
        "wire": (tmp_path / "wire").read_text(),
        "page": page.content(),
        "console": "\n".join(line for line in notebook.console if not is_browsers_own(line)) or "-",
        "storage": page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])"),
        "log": lab.log.read_text(),
    }
    for place, text in places.items():
        assert text, place
        assert not [token for token in passed["minted"] if token.removeprefix("auth_tokens/") in text], place
    # The negative control: the page's sockets, where the tokens are.
    assert all(
        token in str(page.evaluate("() => __sockets.map(one => decodeURIComponent(one.url))"))
        for token in passed["tokens"]
    )


def is_browsers_own(line: str) -> bool:
    """Chromium itself writes the address of a socket that breaks."""
    return "WebSocket connection to" in line


@pytest.mark.long
def test_the_talk_moves_to_another_page_and_back_and_survives_a_reload(open_direct, browser, lab, sounds):
    port = free_port()
    notebook, card = open_direct(url=f"ws://127.0.0.1:{port}", fresh=True)
    address = notebook.python("print(live.page_url)")
    other = NotingServer("--ws-port", str(port), lab.url, "/".join(address.split("/")[:3]))
    try:
        card.start()
        say(notebook.page, sounds("what is seven plus five", before=0.3))
        card.wait_for_words("gemini", "twelve")

        page = browser.new_page()
        for script in (SCRIPTED_MICROPHONE, TAP):
            page.add_init_script(script)
        page.goto(address)
        there = Card(page)
        there.wait_for_words("gemini", "twelve")
        there.start()
        card.wait_hint(MIRROR)
        say(page, sounds("what is two plus two", before=0.3))
        there.wait_for_words("gemini", "two plus two is four")
        card.wait_for_words("gemini", "two plus two is four")
        assert abs(heard(page)[0]).max() > 0.05, "it is heard where it was asked"
        page.context.close()

        card.start()
        say(notebook.page, sounds("what is nine plus one", before=0.3))
        card.wait_for_words("gemini", "ten")
        notebook.save()
        notebook.page.reload()
        card = Card(notebook.page)
        card.start()
        say(notebook.page, sounds("say that again please", before=0.3))
        wait_until(notebook.page, lambda: sum("ten" in words.lower() for _, words in card.turns()) == 2)
        passed = other.take()
        assert len(set(passed["tokens"])) == len(passed["tokens"]) >= 4
    finally:
        other.close()


@pytest.mark.long
def test_silence_is_not_sent_for_ever_and_speech_ends_the_pause(open_direct, service, sounds):
    notebook, card = open_direct(
        before="from livewidget.session import ReconnectPolicy\n",
        more=", reconnect=ReconnectPolicy(idle_pause_s=3)",
    )
    page = notebook.page
    card.start()
    frames: list[str] = []
    wait_until(page, lambda: "audioStreamEnd" in frames or frames.extend(kinds(service)))
    service.take()
    page.wait_for_timeout(1500)
    assert "audio" not in kinds(service)
    say(page, sounds("what is seven plus five", before=0.3))
    card.wait_for_words("gemini", "twelve")
    assert card.turns()[0] == ("you", "what is seven plus five"), "the first word was cut off"


def kinds(service: NotingServer) -> list[str]:
    """What the frames were that have passed since the last time."""
    return [kind for _, _, kind in service.take()["frames"]]


#: How long the microphone is quiet after a question.
AFTER_S = 1.0


# --- While a cell runs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["6.29.5", ""], ids=["ipykernel 6.29", "this ipykernel"])
def test_while_cells_run_the_talk_goes_on_and_the_words_come_right_afterwards(
    lab, open_direct, service, sounds, tmp_path, version
):
    """Over the comm: on ipykernel 6 nothing reaches the kernel while a cell runs, as `test_busy` shows."""
    options = {}
    if version:
        lab.add_kernel(version, python_with(version))
        options["kernel"] = version
    ways = ("sleep", "numpy") if version else ("python",)
    over = [tmp_path / kind for kind in ways]
    cells = [busy_until(kind, path) for kind, path in zip(ways, over, strict=True)]
    notebook, card = open_direct(*cells, before=NO_SOCKET, **options)
    page = notebook.page
    card.start()
    asked = [("what is seven plus five", "twelve"), ("what is two plus two", "two plus two is four")]
    waited: list[float] = []
    for cell, (question, answer) in zip(range(1, len(ways) + 1), asked, strict=False):
        wav = sounds(question, before=0.8, after=AFTER_S)
        notebook.run(cell, wait=False)
        notebook.wait_until_busy()
        service.take()
        page.evaluate("() => { __tap.blocks = []; }")
        spoken = say(page, wav)
        # The voice is played, and ends: all of the answer was heard while the cell ran.
        page.wait_for_function("() => __tap.blocks.some(block => block.some(x => Math.abs(x) > 0.05))")
        page.wait_for_function(
            "() => __tap.blocks.slice(-24).every(block => block.every(x => Math.abs(x) < 0.01))"
        )
        assert page.evaluate("cell => __done[cell]", cell) is False, "the cell was to run all the while"
        assert not [notice for notice in card.notices() if "busy" in notice]
        passed = service.take()
        assert max(np.diff([at for at, _ in passed["sound"]])) < 1000, (
            "the microphone was to go on all the while"
        )
        asked_ms = page.evaluate("() => performance.timeOrigin") + spoken["ended"] - 1000 * AFTER_S
        answered_ms = next(at for at, _, kind in passed["frames"] if kind == "modelTurn" and at > asked_ms)
        waited.append(answered_ms - asked_ms)
        over[cell - 1].touch()
        notebook.wait_for_cell(cell, timeout=20)
        card.wait_for_words("gemini", answer, timeout=5)
        card.wait_for_words("you", question, timeout=5)
    # Dated by the page, whenever the kernel came to read it: the words wait for the cell, and the sound does not.
    assert np.allclose(latencies(notebook), waited, atol=700), (latencies(notebook), waited)
    assert len(page.evaluate(OPENED)) == 1


# --- What goes wrong is said where the person looks -----------------------------------------------------------

#: As a page that an administrator allowed nothing but its own server.
FORBID = """(own) => {
  const rule = document.createElement('meta');
  rule.httpEquiv = 'Content-Security-Policy'; rule.content = `connect-src 'self' ${own} data: blob:`;
  document.head.append(rule);
}"""
#: The page opens a socket with a token that the kernel was given, and cannot make another.
TOKEN = """
from livewidget import Gemini, LiveWidget
live = LiveWidget(Gemini("gemini-3.8-live", token={token!r}, base_url={url!r}, direct=True))
live
"""
NOBODY = "auth_tokens/" + 64 * "0"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (
            "forbidden by the page",
            "The Content-Security-Policy of the page does not let it connect to 127.0.0.1",
        ),
        ("offline", "The browser says that it is offline"),
        ("nobody there", "The page could not open a socket to 127.0.0.1:1"),
        ("a page that is not let in", "The page could not open a socket to 127.0.0.1"),
        ("a token that is none", "token"),
    ],
)
def test_a_page_that_gets_no_connection_says_why(open_at_desk, service, lab, what, words):
    stranger = NotingServer("--deaf") if what == "a page that is not let in" else None
    urls = {"offline": "wss://service.invalid", "nobody there": "ws://127.0.0.1:1"}
    url = stranger.url if stranger else urls.get(what, service.url)
    fresh = what in ("forbidden by the page", "offline")
    notebook = open_at_desk(SCRIPTS, NO_SOCKET + TOKEN.format(token=NOBODY, url=url), fresh=fresh)
    page = notebook.page
    notebook.run(0)
    card = Card(page)
    if what == "forbidden by the page":
        page.evaluate(FORBID, lab.url.replace("http", "ws"))
    if what == "offline":
        page.evaluate("() => Object.defineProperty(navigator, 'onLine', { get: () => false })")
    card.microphone.click()
    try:
        card.wait_for_notice(words, timeout=30)
    finally:
        if stranger:
            stranger.close()
    assert not [line for line in card.notices() if NOBODY in line]
    assert len(card.notices()) == 1


@pytest.mark.long
def test_a_hand_over_for_which_there_is_no_token_is_said_and_made_up_for(open_direct, service, sounds):
    notebook, card = open_direct()
    page = notebook.page
    card.start()
    service.tell("do not mint")
    try:
        service.tell("goaway")
        card.wait_for_notice("token", timeout=20)
        card.type("what is seven plus five")  # The connection that there is goes on.
        card.wait_for_words("gemini", "twelve")
    finally:
        service.tell("mint")
    wait_until(page, lambda: len(page.evaluate(OPENED)) > 1, 40)
    card.wait_without_notice("token", timeout=40)
    say(page, sounds("what is two plus two", before=0.3))
    card.wait_for_words("gemini", "two plus two is four", timeout=30)
    assert len(answers(notebook)) == 2
