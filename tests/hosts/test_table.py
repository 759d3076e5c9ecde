"""README says of hosts what is run, with the versions that are run."""

from __future__ import annotations

import importlib.util

from tests.browser.lab import ROOT
from tests.hosts.table import HOSTS, in_readme, markdown


def setup():
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "tools" / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_has_the_table():
    """`python -m tests.hosts.table` writes it."""
    text = (ROOT / "README.md").read_text()
    begin, end = in_readme(text)
    assert text[begin:end] == markdown()


def test_every_row_is_of_an_environment_with_that_very_version():
    quick, more = setup().HOSTS, setup().MORE_HOSTS
    for host in HOSTS:
        pins = (quick | more)[host.environment]
        project, version = host.environment.split()
        assert f"{project}=={version}" in pins
        assert all("==" in pin for pin in pins)
        assert host.is_quick <= (host.environment in quick), "make test installs what it runs"


def test_no_environment_is_set_up_for_nothing():
    rows = {host.environment for host in HOSTS}
    assert set(setup().HOSTS) | set(setup().MORE_HOSTS) == rows | {"colab"}
