"""The notebooks run from top to bottom, without page, key or network, and are committed clean."""

import os
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def no_key(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def execute(name: str) -> dict[str, str]:
    """Run a notebook in a kernel of its own and return what each cell showed, by the cell's id."""
    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": ROOT}}
    )
    client.execute(env=dict(os.environ))
    return {cell.id: shown(cell) for cell in notebook.cells if cell.cell_type == "code"}


def shown(cell) -> str:
    """The text of a cell's outputs, in order."""
    texts = []
    for output in cell.outputs:
        texts.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(texts)


@pytest.mark.timeout(180)
def test_first_words(no_key):
    cells = execute("01_first_words.ipynb")
    assert "LiveWidget" in cells["widget"]
    assert re.search("twelve|12", cells["ask"])
    assert "user: what is seven plus five" in cells["turns"]
    assert re.search("model: .*(twelve|12)", cells["turns"])
    assert cells["say"] == cells["interrupt"] == cells["stop"] == ""
    assert "5" in cells["busy"]


@pytest.mark.timeout(180)
def test_tools(no_key):
    cells = execute("02_tools.ipynb")
    assert "set_light {'on': True} done" in cells["light-ask"]
    assert "red circle is on the board" in cells["draw-ask"]
    assert "5 minutes" in cells["timer"]
    assert "<IPython.core.display.HTML object>" in cells["light"]
    assert "Figure" in cells["draw"]


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
