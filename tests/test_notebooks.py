"""The notebooks run from top to bottom, without page, key or network, and are committed clean."""

import asyncio
import base64
import io
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient
from PIL import Image

from tests.integrations.test_clients import serving
from tests.ports import without_ports
from tools import setup

ROOT = Path(__file__).resolve().parent.parent
KEYS = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@dataclass
class Ran:
    """What the cells of a notebook showed, by the cell's id."""

    texts: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[Image.Image]] = field(default_factory=dict)
    sounds: dict[str, list[float]] = field(default_factory=dict)

    def __getitem__(self, id: str) -> str:
        return self.texts[id]

    def numbers(self, id: str, pattern: str) -> list[float]:
        """Return the number that the group of `pattern` finds in each line that it fits."""
        return [float(found) for found in re.findall(pattern, self[id])]

    def drew(self, id: str) -> bool:
        """Tell whether a cell showed a picture with something in it."""
        return any(len(picture.getcolors(2**24) or ()) > 8 for picture in self.pictures[id])


def execute(name: str, python: str = sys.executable, **more: str) -> Ran:
    """Run a notebook in a kernel of its own. An error in a cell is one here, and so is a warning.

    With another `python` it runs in that one's environment, which has ipykernel and what livewidget depends
    on; `more` is added to the environment variables.
    """
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    env = {name: value for name, value in os.environ.items() if name not in (*KEYS, "TUTOR")} | more
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=60,
            kernel_manager_class=kernel_of(python),
            coalesce_streams=True,  # Or what is printed falls apart wherever the kernel happens to send it.
            resources={"metadata": {"path": ROOT}},
            config=without_ports(folder),
        )
        # A loop of its own, closed in the end, whatever the thread.
        asyncio.run(client.async_execute(env=env))
    ran = Ran()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert [output.text for output in cell.outputs if output.get("name") == "stderr"] == []
            datas = [output.get("data", {}) for output in cell.outputs]
            ran.texts[cell.id] = shown(cell)
            ran.pictures[cell.id] = [picture(data) for data in datas if set(data) & _PICTURES]
            ran.sounds[cell.id] = [
                seconds(data["text/html"]) for data in datas if "audio" in data.get("text/html", "")
            ]
    return ran


def kernel_of(python: str) -> type[AsyncKernelManager]:
    """Return what manages a kernel of `python`."""

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"])

    return Kernel


@pytest.fixture(scope="module")
def executed():
    """Give what a notebook showed. They mostly wait for speech, so several run at a time."""
    with ThreadPoolExecutor(4) as pool:
        running = {path.name: pool.submit(execute, path.name) for path in NOTEBOOKS}
        yield lambda name: running[name].result()
        pool.shutdown(cancel_futures=True)


_PICTURES = {"image/png", "image/jpeg"}


def shown(cell) -> str:
    """The text of a cell's outputs, in order."""
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


def picture(data) -> Image.Image:
    found = next(data[kind] for kind in sorted(_PICTURES) if kind in data)
    return Image.open(io.BytesIO(base64.b64decode(found))).convert("RGB")


def seconds(player: str) -> float:
    """The length of the sound in an audio player, 16 bits mono at 24 kHz."""
    found = re.search(r'base64,([^"]+)"', player)
    assert found is not None
    return (len(base64.b64decode(found[1])) - 44) / 48_000


@pytest.mark.timeout(180)
def test_first_words(executed):
    cells = executed("01_first_words.ipynb")
    assert "A conversation, live while this notebook runs" in cells["widget"]
    assert re.search("twelve|12", cells["ask"])
    assert "user: what is seven plus five" in cells["turns"]
    assert re.search("model: .*(twelve|12)", cells["turns"])
    assert cells["say"] == cells["interrupt"] == cells["stop"] == ""
    assert "5" in cells["busy"]


@pytest.mark.timeout(180)
def test_tools(executed):
    cells = executed("02_tools.ipynb")
    assert "set_light {'on': True} done" in cells["light-ask"]
    assert "red circle is on the board" in cells["draw-ask"]
    assert "5 minutes" in cells["timer"]
    assert "<IPython.core.display.HTML object>" in cells["light"]
    assert "Figure" in cells["draw"]


@pytest.mark.timeout(180)
def test_turn_detection(executed):
    cells = executed("03_turn_detection.ipynb")
    assert "hear you" in cells["model"]
    assert 5 < cells.sounds["sentence"][0] < 6
    # A short silence cuts the sentence in two, a long one does not.
    for ms in (300, 600):
        assert re.search(rf"silence_ms={ms} +user: how many legs\n", cells["send"])
    assert re.search(r"silence_ms=1400 +user: how many legs does a spider have\n", cells["send"])
    assert re.search(r"silence_ms=1400 +model: A spider has eight legs", cells["send"])
    assert cells.drew("plot")
    decisions = cells.numbers("wait", r"(\d+) ms to decide")
    assert len(decisions) == 3
    assert decisions[2] >= 1300
    assert cells.drew("hears")
    starts = cells.numbers("hears", r"start at (\d+) ms")
    silences = cells.numbers("hears", r"silence at (\d+) ms")
    assert starts[1] > starts[0] == starts[2], "a low start sensitivity begins later"
    assert silences[2] > silences[0] == silences[1], "a low end sensitivity ends later"
    assert re.search(r"padding_ms=20 +a turn begins", cells["padding"])
    assert re.search(r"padding_ms=300 +nothing", cells["padding"])
    may, may_not = cells["interrupt"].split("\n\n")[:2]
    assert re.search("model: One, .*cut off", may)
    assert "cut off" not in may_not
    assert "nine, ten." in may_not
    assert may.count("It is ") == may_not.count("It is ") == 1
    assert cells["manual"].count("user:") == 1
    assert "eight legs" in cells["manual"]
    assert '"silence_ms": 1200' in cells["configure"]
    compile(cells["configure"], "the code", "exec")


@pytest.mark.timeout(180)
def test_tools_in_depth(executed):
    cells = executed("04_tools_in_depth.ipynb")
    assert '"maximum": 250' in cells["schema"]
    assert '"enum": [' in cells["schema"]
    assert "set_oven(degrees=200): done" in cells["schema"]
    assert "degrees must be at most 250, got 900" in cells["check"]
    assert "make_tea(): done" in cells["kinds"]
    assert "make_coffee(): done" in cells["kinds"]
    assert "['the water boils', 'the carrots are in']" in cells["kinds"]
    (work,) = cells.numbers("parallel", r"2 calls, (\d+) ms of work")
    (until,) = cells.numbers("parallel", r"(\d+) ms until")
    assert until < work
    assert "make_tea(): done\n    make_coffee(): done" in cells["parallel"]
    at_once, idle, silent = (part for part in cells["blocking"].split("\n\n") if part.strip())
    assert re.search(r"model: One, .*✂\n.*model: The cake is ready\.", at_once)
    assert re.search(r"model: One, .*six\.\n.*model: The cake is ready\.", idle)
    assert "six." in silent
    assert "cake is ready" not in silent
    assert "May I call open_door with {'which': 'front'}" in cells["confirm"]
    assert "open_door(which='back'): done" in cells["confirm"]
    assert "open_door(which='front'): refused" in cells["confirm"]
    assert "check_fridge(): failed" in cells["errors"]
    assert "longer than 1 s" in cells["errors"]
    assert cells["unfit"].count("✗") == 3
    assert "Guido van Rossum" in cells["builtin"]
    assert "https://www.python.org/" in cells["builtin"]
    assert "OK → [2, 3, 5, 7]" in cells["builtin"]
    assert "✗ gemini-3.8-live does not take code_execution" in cells["beforehand"]
    assert "count_eggs(boxes=4): done" in cells["mcp"]
    assert "24" in cells["mcp"]
    assert "done — The back door is open." in cells["allow"]
    assert "refused — " in cells["allow"]


@pytest.mark.timeout(180)
def test_seeing(executed):
    cells = executed("05_seeing.ipynb")
    assert cells.drew("figure")
    assert "768 by 391 pixels" in cells["figure"]
    assert cells.pictures["sent"][0].size == (768, 391)
    assert cells.pictures["quality"][0].size == (256, 130)
    (large,) = cells.numbers("sent", r"(\d+),\d+ bytes")
    (small,) = cells.numbers("quality", r"(\d+),\d+ bytes")
    assert small < large
    assert "grey" in cells["array"]
    assert cells.drew("array")
    assert "light" in cells["table"]
    assert cells.drew("table")
    blue, dark, changed, count = filter(None, cells["image"].split("\n"))
    assert "blue" in blue
    assert "dark" in dark
    assert "has changed" in changed
    assert "five pictures" in count
    sent = [int(second) for second in re.findall(r"(\d+) s  sent", cells["gate"])]
    assert sent[:5] == [0, 4, 5, 6, 7]
    assert len(sent) < 8, "what does not change is not sent each second"
    assert re.search(r"low: +64 tokens", cells["tokens"])
    assert "'IMAGE': 258" in cells["usage"]
    assert "'IMAGE': 64" in cells["usage"]
    assert cells["wrong"].count("PictureError: ") == 4


@pytest.mark.timeout(180)
def test_translation(executed):
    cells = executed("06_translation.ipynb")
    assert "en   user: good morning" in cells["interpret"]
    assert "es  model: ¿Dónde está la estación?" in cells["interpret"]
    assert cells.sounds["interpret"][0] > 2
    assert "serverContent.inputTranscription" in cells["segments"]
    assert cells["segments"].endswith("False\n")
    for line in ("es: ¿Puede", "fr: Pouvez", "de: Können", "it: Può"):
        assert line in cells["languages"]
    assert len(cells.sounds["languages"]) == 4
    assert all(length > 0.5 for length in cells.sounds["languages"])
    assert "es → Eso no lo sé traducir" in cells["limits"]
    assert "pl → I have only a small phrasebook" in cells["limits"]
    assert "needs translation=" in cells["wrong"]
    assert "does not take voice" in cells["wrong"]
    assert "does not take system_instruction" in cells["wrong"]
    assert 'translation="it"' in cells["another"]
    assert "VERBATIM: dear anna comma what is seven plus five the meeting is on monday" in cells["dictation"]
    assert "Dear Anna, What is 7 plus 5? The meeting is on Monday." in cells["dictation"]
    assert "My name is ANNA." in cells["words"]
    assert "A conversation, live while this notebook runs" in cells["scribe"]


@pytest.mark.timeout(180)
def test_long_sessions(executed):
    cells = executed("07_long_sessions.ipynb")
    resumed, retold = cells["moving"].split("told again")
    for text, word in ((resumed, "True"), (retold, "False")):
        assert len(re.findall(rf"moved, resumed: {word}", text)) >= 2
        assert text.count("go away: ") >= 2
        assert text.count("Your name is Ada.") == 2
    assert cells.drew("picture")
    tokens = cells.numbers("tokens", r"(\d+) tokens")
    assert tokens[1] < tokens[0]
    assert re.search(r"everything kept: .*\$0\.00[1-9].*Your name is Ada", cells["tokens"])
    assert re.search("compressed: .*do not know your name", cells["tokens"])
    assert cells.drew("tokens")
    assert "Your name is Grace." in cells["history"]
    assert "idle_pause_s=None: 10.0 of 10" in cells["idle"]
    assert re.search(r"idle_pause_s=2: +2\.\d of 10 .*then audioStreamEnd", cells["idle"])
    assert cells["idle"].count("'what is seven plus five', 'Seven plus five is twelve.'") == 2
    assert "drop → link → Your name is Ada." in cells["faults"]
    assert "internal → server → Your name is Ada." in cells["faults"]


@pytest.mark.timeout(180)
def test_tokens_and_vertex(executed):
    cells = executed("08_tokens_and_vertex.ipynb")
    assert re.search("✓ .*twelve.*✗ KeyRefused", cells["key"], re.DOTALL)
    assert "<ephemeral token until" in cells["mint"]
    assert re.search("✓ .*twelve.*✗ KeyRefused: .*has opened all the sessions", cells["use"], re.DOTALL)
    assert re.search("✓ .*✗ in the middle.*time .* is over.*✗ KeyRefused", cells["expired"], re.DOTALL)
    assert re.search("✓ My name is Ada.*✗ ConfigError: This token fixes voice", cells["lock"], re.DOTALL)
    assert "✓ My name is Ada" in cells["silent"]
    assert "eighty one" in cells["ask"]
    assert "token=token" in cells["ask"]
    assert re.search("✓ .*✗ KeyRefused", cells["vertex"], re.DOTALL)
    one, other = re.findall(r"Gemini API: (.*)\n   Vertex AI:  (.*)", cells["wire"])[1]
    assert one == "{}"
    assert "sessionId" in other
    assert "responseTokenCount" in cells["wire"]
    assert "candidatesTokenCount" in cells["wire"]
    assert re.search(r"Gemini API: fc_\d+\n   Vertex AI:  [0-9a-f-]{36}\n", cells["wire"])
    assert re.search("✓ .*✗ ConfigError: .*does not take vad_signal", cells["models"], re.DOTALL)
    assert "True" in cells["stop"]
    assert not any("auth_tokens/" in text for text in cells.texts.values())


@pytest.mark.timeout(180)
def test_straight_from_the_browser(executed):
    """Here nobody speaks to the cards: tests/browser/test_direct.py does."""
    cells = executed("08b_straight_from_the_browser.ipynb")
    assert "A conversation, live while this notebook runs" in cells["straight"]
    assert re.search(r"inverted \d+ matrices", cells["busy"])
    assert "a token in the wire: False" in cells["wire"]
    assert "<ephemeral token until" in cells["who"]
    assert re.search("✓ .*twelve.*✗ KeyRefused: .*has opened all the sessions", cells["who"], re.DOTALL)
    assert "✓ My name is Ada" in cells["fixed"]
    (decision,) = cells.numbers("python", r"Python alone \(1\): decision_ms (\d+)")
    assert decision >= 500, "the silence that ends a question"
    assert "kernel_ms" not in cells["python"], "there is no page"
    assert "Ask both cards" in cells["python"]
    assert cells.drew("picture")
    assert "True" in cells["stop"]
    assert not any("auth_tokens/" in text for text in cells.texts.values())


@pytest.mark.timeout(180)
def test_raw_wire(executed):
    cells = executed("09_raw_wire.ipynb")
    assert "twelve" in cells["ask"]
    assert "<frame 1 out at 0 ms: setup" in cells["ask"]
    assert "You are a friendly tutor." in cells["setup"]
    assert "model: The capital of France is Paris." in cells["sound"]
    assert re.search(r"→ realtimeInput\.audio +\d\d frames", cells["kinds"])
    assert re.search(r"← serverContent\.turnComplete +1 frames", cells["kinds"])
    assert cells.drew("timeline")
    gaps = cells.numbers("gaps", r"(\d+) ms before frame")
    assert len(gaps) == 5
    assert gaps == sorted(gaps, reverse=True)
    assert any(peak > 0.01 for peak in cells.numbers("secrets", r"(0\.\d+),"))
    assert '"newHandle": "…hidden"' in cells["secrets"]
    assert "'way': 'in', 'kind': 'setupComplete'" in cells["save"]
    assert 'Unknown name "sparkle"' in cells["extra"]
    assert "My name is Ada." in cells["known"]
    assert cells["raw"].startswith("← setupComplete\n")
    assert cells["raw"].endswith("Seven plus five is twelve.\n")


@pytest.mark.timeout(180)
def test_agents(executed):
    """Here no framework is installed; the notebook says so, and goes on."""
    cells = executed("10_agents.ipynb")
    assert "The tutor listens at wss://127.0.0.1:" in cells["serve"]
    assert 'Not installed here: pip install "livewidget[adk]"' in cells["adk"]
    assert 'Not installed here: pip install "livewidget[livekit]"' in cells["livekit"]
    assert cells["adk-ask"] == cells["livekit-ask"] == ""
    assert_own_agent(cells)
    assert cells["stop"] == "True\n"


def assert_own_agent(cells: Ran) -> None:
    assert "A conversation, live while this notebook runs" in cells["echo"]
    assert cells["echo-ask"].startswith("You said: hello out there\ncount_words(text='hello out there') → ")
    assert "voice is a setting of the agent echo" in cells["settings"]


@pytest.mark.clients
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("client", "cell", "own", "without"),
    [
        ("google-adk", "adk", ("The light is on.", "set_light"), "livekit"),
        ("livekit-agents", "livekit", ("The timer is set to 5 minutes.", "set_timer"), "adk"),
    ],
)
def test_agents_with_a_framework(client, cell, own, without):
    """In its environment, with a tutor elsewhere, a framework's agent is talked with; the other is missing."""
    name = next(name for name in setup.HEAVY_CLIENTS if name.split()[0] == client)
    if not setup.client(name).exists():
        pytest.skip(f"{name} has no environment here: run make clients")
    with serving("--key", "none") as ready:
        python = setup.client(name) / setup.BIN.name / setup.PYTHON.name
        cells = execute("10_agents.ipynb", str(python), TUTOR=json.dumps(ready), PYTHONPATH=str(ROOT))
    assert "A conversation, live while this notebook runs" in cells[cell]
    answers = re.findall(
        r"(.+)  \((\d+\.\d) s of voice\)\n +(\w+) of the (agent|notebook) → ", cells[f"{cell}-ask"]
    )
    (said, length, tool, whose), (said_here, length_here, tool_here, whose_here) = answers
    assert (said, tool, whose) == (*own, "agent")
    assert (said_here, tool_here, whose_here) == ("The fan is on.", "set_fan", "notebook")
    assert float(length) > 0.8 < 2 * float(length_here)
    assert f"livewidget[{without}]" in cells[without]
    assert_own_agent(cells)
    assert cells["stop"] == "True\nTrue\n"


@pytest.mark.timeout(180)
def test_phone(executed):
    cells = executed("11_phone.ipynb")
    assert "0 of 4 lines taken" in cells["answer"]
    assert "<PhoneCall of +49 … 56 78, 0 s, on>" in cells["call"]
    assert "ended: The caller hung up." in cells["call"]
    assert re.search("what is seven plus five\n.*twelve", cells["call"])
    assert cells.sounds["hear"][0] == pytest.approx(cells.numbers("hear", r", ([\d.]+) s")[0], abs=0.1)
    assert cells.drew("narrow")
    assert "['ready', 'start', 'clear_media_buffer']" in cells["interrupt"]
    assert re.search(r"model: Once upon a time .*\(interrupted\)\nuser: how many legs", cells["interrupt"])
    assert cells["keys"] == "The caller pressed 4 2.\n"
    assert "A spider has eight legs." in cells["several"]
    assert "5 calls so far" in cells["several"]
    assert "YOUR-SECRET" in cells["scenario"]
    assert "stopped" in cells["stop"]
    assert "secret=" not in "".join(cells[id] for id in ("answer", "call", "several", "stop"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_committed_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert cell.get("execution_count") is None
        assert not cell.get("outputs")
        assert re.fullmatch(r"[a-z-]+", cell.id)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_reads_well(path):
    """It begins with a title, every cell of code follows a text, and its links lead somewhere."""
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source.startswith("# ")
    for before, cell in pairwise(cells):
        if cell.cell_type == "code":
            assert before.cell_type == "markdown"
    targets = re.findall(r"\]\(([^)#:]+)\)", "\n".join(cell.source for cell in cells))
    assert [target for target in targets if not (path.parent / target).exists()] == []
