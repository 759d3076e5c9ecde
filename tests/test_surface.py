"""What is public stands in a generated file, so that a change of it is seen."""

import subprocess
import sys
from pathlib import Path

from .test_repository import script

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tools" / "surface.py"


def test_the_public_surface_is_the_committed_one():
    command = [sys.executable, str(SCRIPT), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_surface_is_seen_and_the_command_named(tmp_path, capsys):
    surface = script("surface")
    changed = tmp_path / "surface.txt"
    changed.write_text(surface.SURFACE.read_text(encoding="utf-8").replace("timeout", "patience", 1))
    assert surface.check(changed) == 1
    printed = capsys.readouterr().out
    assert "python tools/surface.py" in printed
    assert "patience" in printed
