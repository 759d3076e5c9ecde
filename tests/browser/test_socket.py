"""The card's own socket: taken by itself, cut in every way, and never in the way where it cannot be reached."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest

from tests.browser.card import Card
from tests.browser.cells import FIRST, NO_SOCKET, busy_until
from tests.browser.lab import LINKS, SOCKETS, chromium, open_notebook, toggle_saved_state, wait_for_way
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, heard, say
from tests.continuity import compare
from tests.widget.kernels import python_with

#: Keeps what the microphone gave to the page, chunk by chunk, in `__captured`: under load a browser drops 10 ms here and there.
CAPTURED = """
(() => {
  window.__captured = [];
  window.AudioWorkletNode = class extends AudioWorkletNode {
    constructor(context, name, ...options) {
      super(context, name, ...options);
      if (name !== 'livewidget-capture') return;
      this.port.addEventListener('message', ({ data }) => { if (data.kind === 'audio') window.__captured.push(data.samples.slice()); });
    }
  };
  window.__said = () => {
    const all = new Int16Array(window.__captured.reduce((n, part) => n + part.length, 0));
    let at = 0; for (const part of window.__captured) { all.set(part, at); at += part.length; }
    const bytes = new Uint8Array(all.buffer); let text = '';
    for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
    return btoa(text);
  };
})();
"""

#: Every way in which a socket breaks: by the kernel, without a goodbye; by the page; and by nobody who says so.
ABORT = """
def abort():
    for link in live._controller.links._links.values():
        link._transport._connection.transport.abort()
live._background.loop.call_soon_threadsafe(abort)
"""
CUTS = ("aborted", "closed", "deaf")


def open_card(lab, browser, *cells, scripts=(), **options):
    """Run the first cell, and wait until its card has a socket."""
    scripts = (SCRIPTED_MICROPHONE, TAP, SOCKETS, CAPTURED, *scripts, LINKS)
    notebook = open_notebook(lab, browser, list(cells or (FIRST,)), scripts=scripts, **options)
    notebook.run(0)
    return notebook, Card(notebook.page)


def cut(notebook, how: str) -> None:
    """Break the socket of the first card, and wait until it has another."""
    page = notebook.page
    many = page.evaluate("() => __sockets.length")
    if how == "aborted":
        notebook.python(ABORT)
    else:
        page.evaluate("how => how === 'deaf' ? __sockets.at(-1).deaf = true : __sockets.at(-1).close()", how)
    page.wait_for_function("n => __sockets.length > n", arg=many, timeout=10_000)
    wait_for_way(page, "socket")


def complaints(notebook) -> list[str]:
    """What the console says of sockets, or in red of anything else but Jupyter's own."""
    lines = [line for line in notebook.console if not line.startswith("debug:")]
    return [line for line in lines if "WebSocket" in line or "livewidget" in line]


#: Notes every token, proof and cookie that is made.
MADE = """
import secrets
made = []
secrets.token_urlsafe = lambda size, make=secrets.token_urlsafe: made.append(make(size)) or made[-1]
"""


def test_the_card_takes_the_socket_by_itself_and_its_token_is_seen_nowhere(lab, browser, sounds):
    notebook, card = open_card(lab, browser, MADE + FIRST)
    page = notebook.page
    wait_for_way(page, "socket")
    card.start()
    say(page, sounds("what is seven plus five", before=0.3))
    card.wait_for_words("tutor", "twelve")
    wait_for_way(page, "socket")
    assert page.evaluate("() => __sockets.map(s => new URL(s.url).hostname)") == ["127.0.0.1"]
    tokens = json.loads(notebook.python("import json; print(json.dumps(made))"))
    assert len(tokens) >= 4  # For the socket, for coming back, and for the companion page.
    assert min(map(len, tokens)) >= 16
    toggle_saved_state(page)
    saved = notebook.save()
    toggle_saved_state(page)
    shown = notebook.python(
        "print(live.get_state(), live.wire, live.stats, vars(live._controller.links), repr(live))"
    )
    places = {
        "notebook": json.dumps(saved),
        "kernel": shown,
        "page": page.content(),
        "console": "\n".join(notebook.console),
        "log": lab.log.read_text(),
    }
    for place, text in places.items():
        assert text, place
        assert not [token for token in tokens if token in text], place
    assert complaints(notebook) == []


#: A model whose long answer is noise, so that each 40 ms of it are like no others, and which notes all that it hears. What
#: it hears does not stop it.
LONG = """
import json
from base64 import b64decode
import numpy as np
from livewidget import LiveWidget, StandIn
from livewidget.config import TurnDetection

taken = bytearray()

class Recording(StandIn):
    async def dial(self):
        transport = await super().dial()
        async def send(frame, send=transport.send):
            audio = json.loads(frame).get("realtimeInput", {}).get("audio")
            taken.extend(b64decode(audio["data"]) if audio else b"")
            await send(frame)
        transport.send = send
        return transport

def noise(text):
    return (0.1 * np.random.default_rng(1).standard_normal(24_000 * SECONDS)).astype(np.float32)

live = LiveWidget(
    Recording(brain=lambda text: "a long story", voice=noise, ears=lambda samples: ""),
    turn_detection=TurnDetection(interrupts=False),
)
live
"""


#: Whether the player gave a sound within the last second.
SOUNDS = "() => __tap.blocks.slice(-24).some(block => block.some(x => Math.abs(x) > 0.01))"


def noise(seconds: float):
    """What `LONG` speaks."""
    return (0.1 * np.random.default_rng(1).standard_normal(24_000 * seconds)).astype(np.float32)


def answer_of(notebook, seconds: float):
    """What became of the answer on its way to the player."""
    sound, rate = heard(notebook.page)
    return compare(noise(seconds), sound, rate)


def is_whole(found, seconds: float) -> bool:
    """Whether nothing was lost, repeated or inserted."""
    return found.steps == () and found.unmatched_ms == 0 and found.matched_ms == seconds * 1000


def what_was_said(notebook) -> tuple[bytes, bytes]:
    """The microphone's sound as the kernel sent it to the provider, and what the page had captured a little later."""
    sent = base64.b64decode(notebook.python("import base64; print(base64.b64encode(taken).decode())"))
    return sent, base64.b64decode(notebook.page.evaluate("() => __said()"))


def resources(notebook) -> dict[str, int]:
    """Threads, tasks, open files and sockets of the kernel."""
    notebook.python("async def tasks():\n    import asyncio\n    return len(asyncio.all_tasks())")
    code = """
import json, psutil, threading
me = psutil.Process()
print(json.dumps({
    "threads": threading.active_count(), "files": me.num_fds(), "tasks": live._background.submit(tasks()).result(),
    "links": len(live._controller.links), "connections": len(me.net_connections("tcp")),
}))
"""
    return json.loads(notebook.python(code))


def wait_until_as_before(notebook, before: dict[str, int]) -> None:
    """Wait until the kernel has no more of anything than before: what was closed takes a moment to be gone."""
    for _ in range(50):
        now = resources(notebook)
        if all(now[name] <= before[name] for name in before):
            return
        notebook.page.wait_for_timeout(200)
    raise AssertionError(f"{now} are more than {before}")


@pytest.mark.alone
def test_an_answer_and_the_microphone_go_on_through_twenty_cuts(lab, browser):
    seconds = 44
    notebook, card = open_card(lab, browser, LONG.replace("SECONDS", str(seconds)))
    page = notebook.page
    wait_for_way(page, "socket")
    card.start()
    page.evaluate("() => __switch(30)")  # Or the session would send no more of it after 20 s.
    card.type("tell me a story")
    page.wait_for_function(SOUNDS)
    before = resources(notebook)
    for number in range(20):
        assert page.evaluate(SOUNDS), "the answer was to go on all the while"
        cut(notebook, CUTS[number % 3])
        page.wait_for_timeout(800)
    page.wait_for_function(f"() => !({SOUNDS})()", timeout=60_000)
    assert is_whole(answer_of(notebook, seconds), seconds), answer_of(notebook, seconds)
    sent, captured = what_was_said(notebook)
    assert len(sent) > 2 * 16_000 * seconds
    assert sent in captured, "the microphone's sound was lost, repeated or changed"
    wait_until_as_before(notebook, before)
    assert page.evaluate("() => __sockets.length") == 21
    assert complaints(notebook) == []


#: The kernel sends nothing again by the clock: three seconds of sound that the page has already would hide what is missing.
NOT_BY_THE_CLOCK = """
from livewidget.ui import channels
channels.REPORT_MS = 60_000.0
"""
#: Neither side sends anything again when the way changes, and the kernel does not ask the page for it either.
NO_REPEAT = r"""
import re
from livewidget.ui.bridge import Bridge
Bridge.repeat = lambda *_: None
channels.JitterBuffer.resend = False
LiveWidget._esm, found = re.subn(r"\bchangeWay\(\) ?\{", r"\g<0> return;", LiveWidget._esm)
assert found == 1
"""


@pytest.mark.alone
@pytest.mark.parametrize("repeats", [True, False])
def test_what_is_not_acknowledged_is_sent_again_when_the_way_changes(lab, browser, repeats):
    """And the negative control of the test before: without that, sound is missing on both sides."""
    seconds = 9
    control = NOT_BY_THE_CLOCK + ("" if repeats else NO_REPEAT) + "live = LiveWidget("
    first = LONG.replace("SECONDS", str(seconds)).replace("live = LiveWidget(", control)
    notebook, card = open_card(lab, browser, first)
    page = notebook.page
    wait_for_way(page, "socket")
    card.start()
    card.type("tell me a story")
    page.wait_for_function(SOUNDS)
    page.wait_for_timeout(3000)  # The page is as far ahead as it ever is.
    cut(notebook, "deaf")
    page.wait_for_function(f"() => !({SOUNDS})()", timeout=60_000)
    answer = answer_of(notebook, seconds)
    page.wait_for_timeout(1500)  # The kernel waits for what is missing no more.
    sent, captured = what_was_said(notebook)
    assert (is_whole(answer, seconds), sent in captured) == (repeats, repeats), answer


def test_while_a_cell_sleeps_on_ipykernel_6_the_talk_goes_on_over_the_socket(lab, browser, sounds, tmp_path):
    """`test_busy` has the negative control: with the socket switched off, the pause is shown."""
    over = tmp_path / "over"
    lab.add_kernel("6.29.5", python_with("6.29.5"))
    notebook, card = open_card(lab, browser, FIRST, busy_until("sleep", over), kernel="6.29.5")
    wait_for_way(notebook.page, "socket")
    card.start()
    notebook.run(1, wait=False)
    notebook.wait_until_busy()
    say(notebook.page, sounds("what is seven plus five", before=0.8))
    card.wait_for_words("tutor", "twelve")
    cut(notebook, "closed")  # The kernel cannot be asked for another: it gave a token for that.
    say(notebook.page, sounds("what is two plus two", before=0.8))
    card.wait_for_words("tutor", "four")
    assert notebook.page.evaluate("() => window.__done[1]") is False, "the cell was to run all the while"
    assert card.notices() == []
    over.touch()
    notebook.wait_for_cell(1, timeout=20)


LISTENS = """
import psutil
def listens():
    return {c.laddr.port for c in psutil.Process().net_connections("tcp") if c.status == "LISTEN"}
before = listens()
"""


def test_switched_off_there_is_no_socket_and_no_port(lab, browser):
    notebook, card = open_card(lab, browser, LISTENS + NO_SOCKET + FIRST)
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    notebook.page.wait_for_function("() => __links[0].state.reason === 'off'")
    assert notebook.page.evaluate("() => [__links[0].state.way, __sockets.length]") == ["comm", 0]
    assert notebook.python("print(listens() - before)") == "set()"


def test_where_the_kernel_cannot_be_reached_nothing_is_tried_and_nothing_asked(lab):
    """A page of another host may not reach this computer's loopback without asking the person: it does not try."""
    with chromium(hosts="notebook.test") as browser:
        notebook, card = open_card(lab, browser, host="notebook.test")
        page = notebook.page
        card.type("what is seven plus five")
        card.wait_for_words("tutor", "twelve")
        page.wait_for_function("() => __links[0].state.reason === 'unreachable'")
        page.wait_for_timeout(2000)
        assert page.evaluate("() => [__links[0].state.way, __sockets.length]") == ["comm", 0]
        assert complaints(notebook) == []


def test_after_a_reload_and_a_restart_the_card_has_a_socket_again(lab, browser):
    notebook, card = open_card(lab, browser)
    page = notebook.page
    wait_for_way(page, "socket")
    card.start()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    notebook.save()
    page.reload()
    card = Card(page)
    wait_for_way(page, "socket")
    card.start()
    card.type("what is two plus two")
    card.wait_for_words("tutor", "four")
    port = page.evaluate("() => new URL(__sockets.at(-1).url).port")
    notebook.restart_kernel()
    card.wait_hint("Run this cell to talk again.")
    page.wait_for_timeout(3000)
    assert page.evaluate("() => __sockets.length") == 1, "a port was tried at which nobody listens"
    notebook.run(0)
    wait_for_way(page, "socket", link=1)
    Card(page).start()
    assert page.evaluate("() => new URL(__sockets.at(-1).url).port") != port
    assert complaints(notebook) == []


#: Timers are as slow as those of a page that is not seen, once `__slow` is set.
SLOW_TIMERS = """
(() => {
  const real = setInterval;
  window.setInterval = (call, ms, ...rest) => {
    let at = 0;
    return real(() => { if (!window.__slow || performance.now() - at >= 1000) { at = performance.now(); call(...rest); } }, ms);
  };
})();
"""


@pytest.mark.long
def test_a_page_that_is_not_seen_keeps_its_socket_also_while_the_server_stands_still(lab, browser):
    """`test_lost` has the negative control: with the socket switched off, the card says that the server is gone."""
    notebook, card = open_card(lab, browser, scripts=(SLOW_TIMERS,))
    page = notebook.page
    wait_for_way(page, "socket")
    card.start()
    page.evaluate("() => { window.__slow = true; }")
    with lab.standing_still():
        page.wait_for_timeout(7000)  # Longer than a page waits for a sign of the kernel.
        assert page.evaluate("() => [__links[0].state.way, __sockets.length]") == ["socket", 1]
        card.type("what is seven plus five")
        card.wait_for_words("tutor", "twelve")
    cut(notebook, "deaf")
    card.wait_live()


@pytest.mark.long
def test_twenty_pages_that_open_and_close_leave_nothing_behind(lab, browser):
    notebook, card = open_card(lab, browser)
    wait_for_way(notebook.page, "socket")
    card.start()
    before = resources(notebook)
    for _ in range(20):
        page = notebook.page.context.new_page()
        page.add_init_script(LINKS)
        page.goto(notebook.python("print(live.page_url)"))
        Card(page)
        wait_for_way(page, "socket")
        page.close()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")
    wait_until_as_before(notebook, before)
    assert complaints(notebook) == []
