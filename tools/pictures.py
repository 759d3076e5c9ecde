"""Take the pictures in docs/pictures: the real widget in a real JupyterLab, talking with the tutor.

Talking scenes are also taken with the whole window, as `notebook-*`. `page-*` are the companion page of a
notebook's talk, which is the page of `livewidget talk` as well; `companion-*` show it beside its notebook.
`example-*` are the pages of examples/, as `make examples` builds them.

python tools/pictures.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser

sys.path.insert(0, str(Path(__file__).parent.parent))

from livewidget.audio import read_wav
from tests.browser.card import Card
from tests.browser.explorer import Settings
from tests.browser.lab import Lab, Notebook, chromium, open_notebook
from tests.browser.sounds import SCRIPTED_MICROPHONE, TAP, say
from tests.browser.test_calls import loop_of_callers
from tests.cli.conftest import environment
from tests.integrations.voxengine import VoxEngine
from tests.speech import question

ROOT = Path(__file__).parent.parent
OUT = ROOT / "docs" / "pictures"

CELLS = [
    "from livewidget import LiveWidget\n\nlive = LiveWidget()\nlive",
    "@live.tool\ndef set_light(on: bool) -> str:\n"
    '    """Turn the light on or off."""\n    return "the lamp is on" if on else "the lamp is off"',
    "import time\ntime.sleep(12)  # the talk goes on meanwhile",
]
#: Two cards for one server with a key: through the kernel, and straight from the browser.
BOTH_WAYS = [
    "import json, os, subprocess, sys\nfrom pathlib import Path\n\n"
    "from jupyter_core.paths import jupyter_runtime_dir\n"
    "from livewidget import Gemini, LiveWidget\n\n"
    'port = json.loads(next(Path(jupyter_runtime_dir()).glob("jpserver-*.json")).read_text())["port"]\n'
    'command = [sys.executable, "-m", "livewidget", "serve", "--no-tls", f"--origin=http://127.0.0.1:{port}"]\n'
    'env = os.environ | {"LIVEWIDGET_SERVE_KEY": "made-up"}\n'
    "server = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL"
    ", text=True)\n"
    'of_ours = {"api_key": "made-up", "base_url": json.loads(server.stdout.readline())["ws"]}\n'
    "LiveWidget(Gemini(**of_ours, direct=True))",
    "LiveWidget(Gemini(**of_ours))",
    "server.terminate()",
]
#: Somebody's agent, and a function of the notebook's that asks.
AGENT = [
    (ROOT / "tests" / "ui" / "house.py").read_text(encoding="utf-8")
    + """
from livewidget import LiveWidget
live = LiveWidget(House())
@live.tool(require_approval=True)
def open_door(which: str) -> str:
    "Open a door."
    return "the door is open"
live""",
    "pass",
]
#: A talk that answers the phone.
CALLS = [
    CELLS[0],
    "from livewidget.integrations.voximplant import answer_calls\ncalls = answer_calls(live, port=0)\n"
    "print(calls.url)",
]
REFUSED = (
    "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };"
)


class Scene:
    """One notebook in one browser, and what is said in it."""

    def __init__(
        self,
        lab: Lab,
        browser: Browser,
        folder: Path,
        scripts: tuple[str, ...],
        window: tuple[int, int],
        cells: list[str] = CELLS,
    ) -> None:
        self.folder = folder
        self.notebook: Notebook = open_notebook(
            lab, browser, cells, scripts=scripts, width=window[0], height=window[1], device_scale_factor=2
        )
        self.notebook.page.evaluate(
            "() => { const s = window.jupyterapp.shell; s.collapseLeft?.(); s.collapseRight?.(); }"
        )
        self.notebook.run(0)
        self.card = Card(self.notebook.page)
        self.notebook.run(1)

        self.page = self.notebook.page

    def speak(self, text: str, *, wait: bool = True, **options: float) -> None:
        """Say `text` into the microphone."""
        say(self.page, question(self.folder / "said.wav", text, **options), wait=wait)

    def open_page(self, window: tuple[int, int], scheme: Literal["light", "dark"]) -> None:
        """Open the companion page in a window of that size; from now on it is spoken to."""
        context = self.page.context.browser.new_context(
            viewport={"width": window[0], "height": window[1]}, color_scheme=scheme, device_scale_factor=2
        )
        address = self.notebook.python("print(live.page_url)")
        self.page = context.new_page()
        for script in (SCRIPTED_MICROPHONE, TAP):
            self.page.add_init_script(script)
        self.page.goto(address)
        self.card = Card(self.page)

    def narrow(self, width: int) -> None:
        """Make the card at most `width` CSS pixels wide."""
        self.card.root.evaluate("(card, width) => { card.style.maxWidth = width + 'px'; }", width)

    def pause(self, milliseconds: float) -> None:
        """Let the scene go on."""
        self.notebook.page.wait_for_timeout(milliseconds)


def talking(scene: Scene) -> None:
    """Two questions, a tool, and an answer that is being spoken, beside a running cell."""
    scene.card.start()
    scene.speak("what is seven plus five", before=0.4, after=0.3)
    scene.card.wait_for_words("tutor", "twelve")
    scene.pause(1800)
    scene.speak("turn on the light", before=0.3, after=0.3)
    scene.card.wait_for_words("tutor", "the lamp is on")
    scene.pause(1600)
    scene.notebook.run(2, wait=False)
    scene.speak("tell me a story", before=0.2, after=0.2)
    scene.card.wait_for_words("tutor", "old library")


def interrupted(scene: Scene) -> None:
    """A story that somebody speaks into."""
    scene.card.start()
    scene.speak("tell me a story", before=0.3, after=0.2)
    scene.card.wait_for_words("tutor", "old library")
    scene.speak("what time is it", before=0.1, after=0.1)
    scene.card.root.locator(".lw-interrupted:visible").wait_for()
    scene.card.wait_for_words("tutor", "it is")
    scene.pause(900)


def refused(scene: Scene) -> None:
    """A browser that gives no microphone; typing works."""
    scene.card.microphone.click()
    scene.card.wait_for_notice("refused")
    scene.card.type("what can you do")
    scene.card.wait_for_words("tutor", "sums")
    scene.pause(1500)


def explorer(scene: Scene) -> None:
    """A talk whose settings are being changed: two that can be, and one that cannot."""
    scene.card.start()
    scene.speak("what is seven plus five", before=0.4, after=0.3)
    scene.card.wait_for_words("tutor", "twelve")
    settings = Settings(scene.card)
    settings.set("voice", "Puck")
    settings.set("turn_detection.silence_ms", 700)
    settings.set("temperature", 3)
    settings.fault("temperature").wait_for()
    settings.control("temperature").evaluate(
        "(row) => { row.parentNode.parentNode.scrollTop = row.offsetTop - 150; }"
    )
    settings.root.locator(".lw-set-list").focus()
    scene.pause(1500)


def explorer_code(scene: Scene) -> None:
    """The same talk with other settings, and the Python that makes it."""
    scene.card.start()
    scene.speak("what is seven plus five", before=0.4, after=0.3)
    scene.card.wait_for_words("tutor", "twelve")
    settings = Settings(scene.card)
    settings.set("voice", "Puck")
    settings.set("system_instruction", "You are patient and brief.")
    settings.set("turn_detection.silence_ms", 700)
    settings.apply()
    settings.code()
    scene.notebook.page.evaluate("getSelection().removeAllRanges()")
    settings.root.locator(".lw-set-list").evaluate("(list) => { list.scrollTop = 0; list.focus(); }")
    scene.speak("tell me a story", before=0.3, after=0.2)
    scene.card.wait_for_words("tutor", "old library")
    scene.pause(1500)


def wire(scene: Scene) -> None:
    """What went over the wire for one question, one frame folded out."""
    scene.card.start()
    panel = scene.card.look("Wire")
    scene.speak("turn on the light", before=0.4, after=0.3)
    scene.card.wait_for_words("tutor", "the lamp is on")
    scene.pause(2500)
    panel.locator(".lw-frame-head", has_text="toolCall").first.click()
    scene.pause(500)


def tuner(scene: Scene) -> None:
    """Two questions as turn detection hears them."""
    questions = {"what is seven plus five": "twelve", "what is the capital of france": "paris"}
    look_and_ask(scene, "Tuner", questions, after=1.0, wait_ms=1000)


def times(scene: Scene) -> None:
    """Where the time of two answers went."""
    questions = {"what is seven plus five": "twelve", "turn on the light": "the lamp is on"}
    look_and_ask(scene, "Turns", questions, after=0.3, wait_ms=2500)


def ways(scene: Scene) -> None:
    """Both ways to the service side by side: five questions to a card of each."""
    straight, through = scene.card, Card(scene.page, 1)
    for card in (through, straight):
        card.start()
        for words, answer in ANSWERS.items():
            scene.speak(words, before=0.4, after=1.0)
            card.wait_for_words("gemini", answer)
            card.wait_hint("Talk whenever you like.")
    straight.root.locator(".lw-note-close").first.click()  # the microphone came from the other card
    straight.look("Turns").locator(".lw-ways").wait_for()
    scene.pause(1500)


def straight(scene: Scene) -> None:
    """A card that holds the socket to the service itself, and says so."""
    scene.card.start()
    scene.speak("what is seven plus five", before=0.4, after=0.3)
    scene.card.wait_for_words("gemini", "twelve")
    scene.pause(1800)
    scene.speak("what is the capital of france", before=0.3, after=0.3)
    scene.card.wait_for_words("gemini", "paris")
    scene.pause(600)


def look_and_ask(scene: Scene, panel: str, questions: dict[str, str], *, after: float, wait_ms: int) -> None:
    """Open a panel of the explorer and ask: each question with the words that its answer has."""
    scene.card.start()
    scene.card.look(panel)
    for words, answer in questions.items():
        scene.speak(words, before=0.4, after=after)
        scene.card.wait_for_words("tutor", answer)
        scene.pause(wait_ms)


def agent(scene: Scene) -> None:
    """Somebody's agent: a tool of its own, one of the notebook's that asks, and a hand-over."""
    scene.card.microphone.click()
    scene.card.wait_live()
    scene.card.type("Turn on the light.")
    scene.card.wait_for_words("house", "the light is on")
    scene.pause(1800)
    scene.card.type("Let me talk to the kitchen.")
    scene.card.wait_for_words("kitchen", "what would you like")
    scene.pause(1800)
    scene.card.type("Please open the door.")
    scene.card.root.locator('.lw-chip[data-state="asking"]').wait_for()
    scene.pause(600)


def call(scene: Scene) -> None:
    """Two phone calls: the card follows the first one."""
    address = scene.notebook.output(1).strip()
    sound, rate = read_wav(question(scene.folder / "said.wav", "what is seven plus five"))
    with loop_of_callers() as run:
        callers = VoxEngine(address), VoxEngine(address, number="+15550001177")
        for caller in callers:
            run(caller.__aenter__())
        callers[0].say(sound, rate)
        scene.card.wait_for_words("tutor", "twelve")
        scene.pause(600)
        scene.card.screenshot(OUT / "call-narrow-light.png")
        for caller in callers:
            run(caller.hang_up())


def idle(scene: Scene) -> None:
    """Nobody has said anything yet."""
    scene.pause(500)


#: name → window and theme of the companion page, and whether it is shown beside its notebook.
PAGES: dict[str, tuple[tuple[int, int], Literal["light", "dark"], bool]] = {
    "page-phone-light": ((390, 760), "light", False),
    "page-phone-dark": ((390, 760), "dark", False),
    "page-desktop-light": ((1280, 800), "light", False),
    "page-desktop-dark": ((1280, 800), "dark", False),
    "companion-light": ((390, 1000), "light", True),
}

#: name → the example's page, the window and the theme.
EXAMPLES: dict[str, tuple[str, tuple[int, int], Literal["light", "dark"]]] = {
    "example-plain-light": ("plain", (1180, 720), "light"),
    "example-plain-dark": ("plain", (1180, 720), "dark"),
    "example-react-light": ("react", (1180, 760), "light"),
    "example-react-dark": ("react", (1180, 760), "dark"),
}

#: Questions for `ways`, with words that their answers have.
ANSWERS = {
    "what is seven plus five": "twelve",
    "how many legs does a spider have": "eight legs",
    "what is the capital of france": "paris",
    "what is two plus two": "four",
    "what is nine times nine": "eighty one",
}

#: Scenes with the explorer below the card.
EXPLORING = (explorer, explorer_code, wire, tuner, times, ways)

#: name → what happens, the page's scripts, its theme, and the card's width in CSS pixels (None: as it is).
PICTURES: dict[str, tuple[Callable[[Scene], None], tuple[str, ...], str, int | None]] = {
    "idle-light": (idle, (), "JupyterLab Light", None),
    "talking-light": (talking, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "talking-dark": (talking, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", None),
    "talking-narrow-light": (talking, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", 420),
    "interrupted-dark": (interrupted, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", None),
    "explorer-light": (explorer, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "explorer-dark": (explorer_code, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", 1240),
    "explorer-narrow-light": (explorer, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", 420),
    "wire-light": (wire, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "wire-narrow-light": (wire, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", 420),
    "tuner-dark": (tuner, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", None),
    "turns-light": (times, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "ways-light": (ways, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "ways-dark": (ways, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", None),
    "direct-narrow-light": (straight, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", 420),
    "direct-narrow-dark": (straight, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", 420),
    "agent-light": (agent, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Light", None),
    "agent-dark": (agent, (SCRIPTED_MICROPHONE, TAP), "JupyterLab Dark", None),
    "call-narrow-light": (call, (), "JupyterLab Light", 420),
    "refused-narrow-light": (refused, (REFUSED,), "JupyterLab Light", 420),
}


#: Other cells than `CELLS`.
CELLS_OF = {ways: BOTH_WAYS, straight: BOTH_WAYS, agent: AGENT, call: CALLS}


def main() -> None:
    """Take those named on the command line, or all."""
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or [*PICTURES, *PAGES, *EXAMPLES]
    pages = [name for name in wanted if name in PAGES]
    examples = [name for name in wanted if name in EXAMPLES]
    wanted = [name for name in wanted if name in PICTURES]
    if examples:
        take_examples(examples)
    with tempfile.TemporaryDirectory() as folder:
        if pages:
            home = Path(folder) / "pages"
            home.mkdir()
            lab = Lab(home, theme="JupyterLab Light")
            try:
                for name in pages:
                    take_page(lab, home, name)
            finally:
                lab.close()
        for theme in sorted({PICTURES[name][2] for name in wanted}):
            home = Path(folder) / theme.replace(" ", "-")
            home.mkdir()
            lab = Lab(home, theme=theme)
            try:
                for name in wanted:
                    scene_of, scripts, its_theme, width = PICTURES[name]
                    if its_theme == theme:
                        take(lab, home, name, scene_of, scripts, width)
            finally:
                lab.close()


def take(
    lab: Lab,
    folder: Path,
    name: str,
    play: Callable[[Scene], None],
    scripts: tuple[str, ...],
    width: int | None,
) -> None:
    """Play one scene and save its picture."""
    with chromium() as browser:
        # The explorer stands below the card, and is to be seen with it.
        window = max(1100, (width or 0) + 240), 1350 if play in EXPLORING else 1000
        scene = Scene(lab, browser, folder, scripts, window, CELLS_OF.get(play, CELLS))
        if width:
            scene.narrow(width)
        play(scene)
        if play is not call:  # After it there is no call any more.
            scene.card.screenshot(OUT / f"{name}.png")
        if play in (ways, straight):
            scene.notebook.run(2)
        if name.startswith("talking") and not width:
            scene.notebook.page.screenshot(path=OUT / f"notebook-{name}.png")
        print(name, flush=True)


def take_page(lab: Lab, folder: Path, name: str) -> None:
    """Play the talk in the companion page and save its picture, with the notebook's where that is wanted."""
    window, scheme, beside = PAGES[name]
    with chromium() as browser:
        scene = Scene(lab, browser, folder, (SCRIPTED_MICROPHONE, TAP), (1100, 1000))
        scene.open_page(window, scheme)
        talking(scene)
        out = OUT / f"{name}.png"
        scene.page.screenshot(path=out)
        if beside:
            notebook = folder / "notebook.png"
            scene.notebook.page.screenshot(path=notebook)
            join(notebook, out)
        print(name, flush=True)


def take_examples(names: list[str]) -> None:
    """Ask the house of each example for the light, and save a picture of its page."""
    # Its own folder is not what a script is imported from.
    command = [sys.executable, "examples/server.py", "--port", "8017"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE
    ) as server:
        try:
            assert server.stdout is not None
            server.stdout.readline()
            for name in names:
                where, (width, height), scheme = EXAMPLES[name]
                with chromium() as browser, tempfile.TemporaryDirectory() as folder:
                    page = browser.new_page(
                        viewport={"width": width, "height": height},
                        color_scheme=scheme,
                        device_scale_factor=2,
                    )
                    for script in (SCRIPTED_MICROPHONE, TAP):
                        page.add_init_script(script)
                    page.goto(f"http://127.0.0.1:8017/{where}/")
                    card = Card(page)
                    card.start()
                    for words, answer in (
                        ("what is seven plus five", "twelve"),
                        ("turn on the light", "light is on"),
                    ):
                        say(page, question(Path(folder) / "said.wav", words, before=0.4, after=0.3))
                        card.wait_for_words("tutor", answer)
                        page.wait_for_timeout(1600)
                    say(page, question(Path(folder) / "said.wav", "tell me a story", before=0.2, after=0.2))
                    card.wait_for_words("tutor", "old library")
                    page.screenshot(path=OUT / f"{name}.png")
                print(name, flush=True)
        finally:
            server.terminate()


def join(left: Path, right: Path) -> None:
    """Put a picture to the left of another, in the other's file, on a ground that is neither's."""
    with Image.open(left) as first, Image.open(right) as second:
        gap = 48
        size = first.width + second.width + 3 * gap, max(first.height, second.height) + 2 * gap
        sheet = Image.new("RGB", size, "#c9ccd1")
        sheet.paste(first, (gap, gap))
        sheet.paste(second, (first.width + 2 * gap, gap))
    sheet.save(right)


if __name__ == "__main__":
    main()
