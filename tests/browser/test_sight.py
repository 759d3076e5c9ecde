"""What a person shows: Chromium's fake camera, a screen, a file and Python's pictures, down to the wire."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browser.card import Card
from tests.browser.lab import Notebook, chromium, open_notebook

#: A talk whose wire is looked at: what is shown comes into `shown` as (seconds, JPEG).
WATCHED = """
import base64, hashlib, json, time
from livewidget import LiveWidget, StandIn
shown = []
class Watched(StandIn):
    async def dial(self):
        transport = await super().dial()
        send = transport.send
        async def watched(frame):
            video = json.loads(frame).get("realtimeInput", {}).get("video")
            if video:
                shown.append((time.monotonic(), base64.b64decode(video["data"])))
            await send(frame)
        transport.send = watched
        return transport
live = LiveWidget(Watched())
live
"""

#: Keeps the tracks that the page takes, for a test to look at and to end.
TRACKS = """
(() => {
  window.__tracks = [];
  for (const name of ['getUserMedia', 'getDisplayMedia']) {
    const inner = navigator.mediaDevices[name].bind(navigator.mediaDevices);
    navigator.mediaDevices[name] = async (wanted) => {
      const stream = await inner(wanted);
      window.__tracks.push(...stream.getVideoTracks());
      return stream;
    };
  }
})();
"""

PREVIEW = """
async () => {
  const image = document.querySelector('.livewidget .lw-thumb img');
  if (!image) return null;
  const data = await (await fetch(image.src)).arrayBuffer();
  const hash = await crypto.subtle.digest('SHA-256', data);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
"""


class Eyes(Card):
    """The card, and what of it is about showing."""

    @property
    def tray(self) -> Locator:
        return self.root.locator(".lw-tray")

    def eye(self, name: str) -> Locator:
        return self.root.locator(f".lw-eye[title='{name}']")

    def wait_news(self, news: str) -> None:
        expect(self.tray).to_have_attribute("data-news", news, timeout=20_000)

    def preview(self) -> str:
        """The hash of the bytes in the preview."""
        return self.page.evaluate(PREVIEW)


def shown(notebook) -> list[tuple[float, str]]:
    """When each picture came to the server, in seconds, and its hash."""
    code = "print(json.dumps([(at, hashlib.sha256(data).hexdigest()) for at, data in shown]))"
    return [tuple(one) for one in json.loads(notebook.python(code))]


def wait_for_pictures(notebook, count: int) -> None:
    deadline = time.monotonic() + 30
    while len(shown(notebook)) < count:
        assert time.monotonic() < deadline, f"{len(shown(notebook))} of {count} pictures came"
        notebook.page.wait_for_timeout(100)  # the server is in the kernel: there is nothing to await


def look(notebook: Notebook) -> tuple[Notebook, Eyes]:
    notebook.run(0)
    return notebook, Eyes(notebook.page)


@pytest.fixture
def open_eyes(open_at_desk):
    def open_(*cells, **options):
        notebook = open_at_desk((TRACKS,), WATCHED, *cells, **options)
        notebook.page.evaluate("() => { window.__tracks.length = 0; }")
        return look(notebook)

    return open_


def still(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (640, 360)) -> Path:
    """A film in which nothing moves, as Chromium's camera reads it."""
    planes = Image.new("RGB", size, colour).convert("YCbCr")
    luma, *chroma = planes.split()
    half = [plane.resize((size[0] // 2, size[1] // 2)) for plane in chroma]
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in (luma, *half))
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420mpeg2\n" % size + frame * 5)
    return path


# --- Camera -------------------------------------------------------------------------------------------------


def test_the_camera_is_on_the_wire_once_a_second_until_it_is_off(open_eyes):
    notebook, card = open_eyes()
    assert notebook.page.evaluate("() => window.__tracks.length") == 0
    card.eye("Show the camera").click()
    wait_for_pictures(notebook, 4)
    expect(card.eye("Turn the camera off")).to_have_attribute("aria-pressed", "true")
    expect(card.tray.locator(".lw-tray-news")).to_contain_text("258 tokens each")
    times = [at for at, _ in shown(notebook)]
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(gaps) >= 0.99, gaps
    card.eye("Turn the camera off").click()
    assert notebook.page.evaluate("() => window.__tracks.map((track) => track.readyState)") == ["ended"]
    expect(card.tray).to_be_hidden()
    count = len(shown(notebook))
    notebook.page.wait_for_timeout(2500)
    assert len(shown(notebook)) <= count + 1  # one may have been under way


def test_the_preview_is_the_very_bytes_that_the_server_got(open_eyes):
    notebook, card = open_eyes()
    card.eye("Show the camera").click()
    card.wait_news("sent")
    seen = set()
    while len(seen) < 3:
        seen.add(card.preview())
        notebook.page.wait_for_timeout(300)
    assert seen <= {hash for _, hash in shown(notebook)}


def test_the_tutor_says_what_is_before_the_camera_and_a_still_picture_is_sent_once(lab, tmp_path):
    with chromium(camera=still(tmp_path / "red.y4m", (200, 20, 20))) as red:
        notebook, card = look(open_notebook(lab, red, [WATCHED], scripts=(TRACKS,)))
        card.eye("Show the camera").click()
        card.wait_news("unchanged")
        expect(card.tray.locator(".lw-tray-news")).to_have_text("Unchanged, not sent again.")
        assert len(shown(notebook)) == 1
        expect(card.tray.locator(".lw-tray-size")).to_contain_text("640 × 360")
        card.type("what do you see")
        card.wait_for_words("tutor", "640 by 360")
        card.wait_for_words("tutor", "red")
        row = card.root.locator(".lw-user").first
        expect(row.locator(".lw-pictures")).to_have_text("1 picture")


def test_a_camera_that_disappears_is_said_and_off(open_eyes):
    notebook, card = open_eyes(fresh=True)  # Its permissions are gone afterwards.
    card.eye("Show the camera").click()
    wait_for_pictures(notebook, 1)
    notebook.page.context.clear_permissions()
    notebook.page.context.grant_permissions([])
    card.wait_for_notice("The browser took back the permission for the camera")
    expect(card.eye("Show the camera")).to_have_attribute("aria-pressed", "false")
    expect(card.tray).to_be_hidden()
    card.type("what is seven plus five")
    card.wait_for_words("tutor", "twelve")


def test_the_camera_goes_when_the_talk_ends(open_eyes):
    notebook, card = open_eyes()
    card.eye("Show the camera").click()
    wait_for_pictures(notebook, 1)
    notebook.python("live.stop()")
    card.wait_hint("The talk has ended. Press ● to start again.")
    assert notebook.page.evaluate("() => window.__tracks.map((track) => track.readyState)") == ["ended"]
    expect(card.eye("Show the camera")).to_have_attribute("aria-pressed", "false")


# --- Screen -------------------------------------------------------------------------------------------------


def test_a_screen_is_shown_until_it_is_not_shared_any_more(open_eyes):
    notebook, card = open_eyes()
    card.eye("Show a screen").click()
    wait_for_pictures(notebook, 1)
    card.wait_news("sent")
    expect(card.tray.locator("strong")).to_have_text("Screen")
    # What the browser's own bar does: it ends the track, and says so.
    notebook.page.evaluate(
        "() => { const [track] = window.__tracks; track.stop(); track.dispatchEvent(new Event('ended')); }"
    )
    card.wait_for_notice("The screen is not shown any more")
    expect(card.eye("Show a screen")).to_have_attribute("aria-pressed", "false")


# --- Files and Python ---------------------------------------------------------------------------------------


def test_a_file_is_sent_small_and_upright(open_eyes, tmp_path):
    notebook, card = open_eyes()
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = tmp_path / "photo.jpg"
    Image.new("RGB", (2400, 1600), (20, 160, 40)).save(photo, exif=exif)
    with notebook.page.expect_file_chooser() as chooser:
        card.eye("Show a picture file").click()
    chooser.value.set_files(photo)
    card.wait_news("sent")
    expect(card.tray.locator(".lw-tray-size")).to_contain_text("512 × 768")
    assert card.preview() == shown(notebook)[0][1]
    card.type("what do you see")
    card.wait_for_words("tutor", "green")
    notes = tmp_path / "notes.txt"
    notes.write_text("no picture")
    with notebook.page.expect_file_chooser() as chooser:
        card.eye("Show a picture file").click()
    chooser.value.set_files(notes)
    card.wait_for_notice("This file is no picture that the browser can read.")


def test_a_picture_can_be_pasted_and_dropped(open_eyes):
    notebook, card = open_eyes()
    give = """
    async ([kind, colour]) => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 90, height: 60 });
      const context = canvas.getContext('2d'); context.fillStyle = colour; context.fillRect(0, 0, 90, 60);
      const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
      const data = new DataTransfer(); data.items.add(new File([blob], 'x.png', { type: 'image/png' }));
      const box = document.querySelector('.livewidget .lw-box');
      const more = { bubbles: true, cancelable: true };
      box.dispatchEvent(kind === 'paste' ? new ClipboardEvent('paste', { clipboardData: data, ...more })
                                         : new DragEvent('drop', { dataTransfer: data, ...more }));
    }
    """
    expect(card.eye("Show a picture file")).to_be_visible()  # The page knows that the model has eyes.
    for count, (kind, colour) in enumerate((("paste", "blue"), ("drop", "yellow")), 1):
        notebook.page.evaluate(give, [kind, colour])
        wait_for_pictures(notebook, count)
        card.type("what do you see")
        card.wait_for_words("tutor", colour)


FIGURE = """
import matplotlib.pyplot as plt
figure, axes = plt.subplots(figsize=(4, 3))
axes.plot([1, 3, 2])
live.show(figure, "what do you see")
"""


def test_what_python_shows_is_seen_in_the_widget_and_asked_about(open_eyes):
    notebook, card = open_eyes(FIGURE)
    notebook.run(1)
    card.wait_for_words("tutor", "768 by")
    card.wait_news("sent")
    expect(card.tray.locator("strong")).to_have_text("From Python")
    assert card.preview() == shown(notebook)[0][1]
    card.tray.locator(".lw-thumb").click()
    large = card.root.locator(".lw-large")
    expect(large.locator("img")).to_be_visible()
    assert large.locator("img").evaluate("(image) => image.naturalWidth") == 768
    notebook.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    card.tray.get_by_role("button", name="Take the picture away").click()
    expect(card.tray).to_be_hidden()


def test_a_mistake_in_showing_is_one_sentence_in_the_cell(open_eyes):
    notebook, _ = open_eyes("live.show('absent.png')")
    notebook.run(1)
    assert "There is no picture file at this path" in notebook.output(1).strip().splitlines()[-1]


def test_a_model_without_eyes_has_no_buttons_for_them(open_eyes):
    translator = (
        "live = LiveWidget(StandIn(model='gemini-3.5-live-translate-preview'), translation='es')\nlive"
    )
    notebook, _ = open_eyes(translator)
    notebook.run(1)
    card = Eyes(notebook.page, 1)
    expect(card.root.locator(".lw-eyes")).to_be_hidden()
