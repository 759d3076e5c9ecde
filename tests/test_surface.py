"""What is public stands in a generated file, so that a change of it is seen."""

import pytest

from .test_repository import script


@pytest.fixture(scope="module")
def surface():
    return script("surface")


def test_the_public_surface_is_the_committed_one(surface, capsys):
    changed = surface.check(surface.SURFACE)
    assert not changed, capsys.readouterr().out


def test_a_changed_surface_is_seen_and_the_command_named(surface, tmp_path, capsys):
    changed = tmp_path / "surface.txt"
    changed.write_text(surface.SURFACE.read_text(encoding="utf-8").replace("timeout", "patience", 1))
    assert surface.check(changed) == 1
    printed = capsys.readouterr().out
    assert "python tools/surface.py" in printed
    assert "patience" in printed
