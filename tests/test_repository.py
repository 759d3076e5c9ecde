"""What holds for the repository as a whole: sizes, names, documents, the wheel."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

import pytest

import livewidget
from livewidget import turns
from livewidget.session import supervisor

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "livewidget"
TESTS = ROOT / "tests"
NAME = "livewidget"


def tracked() -> list[Path]:
    """Every file of the repository that belongs to it; a source archive has no git to ask."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


SOURCES = sorted(PACKAGE.rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- Sizes --------------------------------------------------------------------------------------------------


def script(name):
    """A script of tools/, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module there
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path):
    """A package in which something of each kind stands out."""
    package = tmp_path / "livewidget"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "small.py").write_text("X = 1\n")
    (package / "user.py").write_text("def f():\n    from livewidget.small import X\n" + "X = 1\n" * 60)
    (package / "large.py").write_text("X = 1\n" * 801)
    (package / "long.py").write_text("class A:\n    async def f(self):\n" + "        pass\n" * 80)
    return tmp_path


def test_the_report_sees_what_stands_out(tree):
    report = script("report")
    assert {one.where: one.what for one in report.findings(tree)} == {
        "livewidget/small.py": "1 lines, imported by livewidget.user only",
        "livewidget/large.py": "801 lines",
        "livewidget/long.py:A.f": "81 lines",
    }


def test_the_report_fails_where_a_reason_is_missing_or_stale(tree):
    report = script("report")
    stays = {one.where: "A reason." for one in report.findings(tree)}
    assert report.report(tree, stays)[1] is True
    assert report.report(tree, {})[1] is False
    lines, good = report.report(tree, stays | {"livewidget/gone.py": "A reason."})
    assert not good
    assert "livewidget/gone.py: no longer stands out; take it off STAYS" in lines


def test_the_report_of_dead_code_sees_what_nothing_uses(tmp_path):
    dead_code = script("dead_code")
    package = tmp_path / "package"
    (package / "protocol").mkdir(parents=True)
    (package / "protocol" / "messages.py").write_text("class Sent:\n    field: int = 0\n")
    (package / "used.py").write_text(
        "from package.protocol.messages import Sent\nSent()\ndef orphan(): ...\n"
    )
    found = dead_code.unused(package)
    line = "package/used.py:3: unused function orphan"
    assert found == [("orphan", line)]
    assert dead_code.report(found, {}) == [line]
    assert dead_code.report(found, {"orphan": "a reason"}) == []
    assert dead_code.report([], {"orphan": "a reason"}) == [
        "orphan: is used now, or is gone; take it off ALLOWED"
    ]


# --- Structure ----------------------------------------------------------------------------------------------

TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
#: Providers that can be dialled; the rest of the library asks the interface, not which one it is.
PROVIDERS = {"Gemini", "VertexAI", "StandIn"}


def asks_for_a_provider(tree: ast.AST) -> list[int]:
    """Lines that compare something with a concrete provider by `isinstance`."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "isinstance"
        and PROVIDERS & {getattr(name, "id", getattr(name, "attr", "")) for name in ast.walk(node.args[1])}
    ]


def test_only_providers_know_which_provider_it_is():
    found = {relative(path): asks_for_a_provider(tree) for path, tree in TREES.items()}
    own = ("livewidget/connection/", "livewidget/standin/")
    assert {name: lines for name, lines in found.items() if lines and not name.startswith(own)} == {}


def test_the_check_of_providers_sees_one():
    assert asks_for_a_provider(ast.parse("if isinstance(x, (Y, connection.Gemini)): pass")) == [1]


def imports(tree: ast.AST, names: set[str]) -> set[str]:
    """The modules among `names` that a tree imports, wherever in it: for types alone and in functions too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & names or {node.module}
    return found & names


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others."""

    def reached(start: str) -> set[str]:
        seen, left = set(), [start]
        while left:
            for name in graph[left.pop()] - seen:
                seen.add(name)
                left.append(name)
        return seen

    reach = {name: reached(name) for name in graph}
    groups = {frozenset(two for two in reach[one] if one in reach[two]) for one in graph}
    return sorted(sorted(group) for group in groups if group)


def test_no_modules_import_each_other():
    paths = script("report").modules(ROOT)
    graph = {name: imports(TREES[path], set(paths)) - {name} for name, path in paths.items()}
    assert circles(graph) == []


def test_the_check_of_imports_sees_a_circle():
    names = {"a", "a.b", "a.c"}
    assert imports(ast.parse("def f():\n    from a import b, C"), names) == {"a.b"}
    assert circles({"a": set(), "a.b": {"a.c", "a"}, "a.c": {"a.b"}}) == [["a.b", "a.c"]]


#: The wire and the events are told apart by their module: `protocol.ToolCall`, `events.ToolCall`.
NAMED_ALIKE = ("livewidget/events.py", "livewidget/protocol/")


def test_every_class_has_a_name_of_its_own():
    places = defaultdict(list)
    for path, tree in TREES.items():
        if not relative(path).startswith(NAMED_ALIKE):
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(relative(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_package_stays_in_few_files():
    assert len(SOURCES) <= 145


# --- Tests and modules --------------------------------------------------------------------------------------


def part(path: Path) -> str:
    """The layer a file belongs to: the module or folder right under the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


PARTS = sorted({part(path) for path in SOURCES if not path.name.startswith("__") or path.parent != PACKAGE})


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_tests_of_its_name(name):
    assert (TESTS / f"test_{name}.py").exists() or list((TESTS / name).glob("test_*.py"))


@pytest.mark.parametrize("name", PARTS)
def test_tests_stand_where_what_they_test_stands(name):
    """`test_outbox_replay.py` tests `outbox.py`; other names are for tests of the part as a whole."""
    for test in (TESTS / name).glob("test_*.py"):
        words = test.stem.removeprefix("test_").split("_")
        modules = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
        named = any((PACKAGE / name / f"{module}.py").exists() for module in modules)
        assert named or re.search(rf"\b{name}\b|Live{name.title()}", test.read_text()), test.name


def test_no_module_is_left_over():
    """Every module is imported by another one, or is where a process begins, or a user."""
    begins = {"livewidget.__main__", "livewidget.standin.tutor.espeak_worker", "livewidget.standin.serve"}
    begins |= {f"livewidget.integrations.{path.stem}" for path in (PACKAGE / "integrations").glob("*.py")}
    used = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                used |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES}
    assert {name for name in modules - begins - used if not name.endswith("__init__")} == set()


# --- Words --------------------------------------------------------------------------------------------------

# Joined here, or this file would be the first to be found.
FORBIDDEN = [
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "TO" + "DO",
    "FIX" + "ME",
    "XX" + "X",
]


def forbidden(text: str) -> list[str]:
    return [word for word in FORBIDDEN if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)]


def test_no_forbidden_words():
    found = {}
    for path in tracked():
        if path == Path(__file__) or path.suffix in (".png", ".wav", ".ico"):
            continue
        words = forbidden(path.read_text(errors="replace"))
        if words:
            found[relative(path)] = words
    assert found == {}


def test_the_check_of_words_sees_one():
    assert forbidden("x = 1  # TO" + "DO: mend") == ["TO" + "DO"]


def test_no_key_is_committed():
    # Made-up ones, in tests of what is kept out of errors, say so or count.
    shape = re.compile("AI" + r"za(?!\w*(?:0123456789|CANARY))[\w-]{35}|A" + r"Q\.[\w-]{30,}")
    assert [relative(path) for path in tracked() if shape.search(path.read_text(errors="replace"))] == []


# --- Documents ----------------------------------------------------------------------------------------------


def test_the_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == livewidget.__version__


@pytest.mark.parametrize(("name", "table"), [("floor", turns), ("connections", supervisor)])
def test_the_diagrams_in_contributing_are_the_tables(name, table):
    text = (ROOT / "CONTRIBUTING.md").read_text()
    match = re.search(rf"<!-- {name} -->\n```mermaid\n(.*?)```\n<!-- /{name} -->", text, re.DOTALL)
    assert match is not None
    assert match[1] == table.diagram()


def test_every_dependency_has_its_reason():
    """CONTRIBUTING names each one, with a reason after it."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    wanted += [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    names = {re.match(r"[\w-]+", requirement).group() for requirement in wanted}
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert {name for name in names if not re.search(rf"^\| .*`{name}`.* \| \S+", text, re.MULTILINE)} == set()
    packages = json.loads((ROOT / "js" / "package.json").read_text())
    names = set(packages["devDependencies"]) | set(packages.get("dependencies", ()))
    assert {name for name in names if not re.search(rf"^\| .*`{name}`.* \| \S+", text, re.MULTILINE)} == set()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_inside_the_repository_lead_somewhere(name):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", (ROOT / name).read_text())
    assert [target for target in targets if not (ROOT / target).exists()] == []


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_python_in_the_readme_compiles_and_names_what_exists(code):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(code, "README.md", "exec", ast.PyCF_ONLY_AST | flags)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] == NAME:
            exec(compile(ast.Module([node], []), "README.md", "exec"), {})


@pytest.mark.parametrize("code", blocks("sh"))
def test_commands_in_the_readme_exist(code):
    from livewidget.cli.main import parser

    makefile = (ROOT / "Makefile").read_text()
    for line in code.splitlines():
        words = line.partition("#")[0].split()
        if words[:1] == ["make"]:
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE)
        elif words[:1] == [NAME]:
            usage = parser().format_help()
            assert words[1] in usage


# --- The wheel ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_all_that_is_needed(wheel):
    names = wheel.namelist()
    assert {
        "livewidget/py.typed",
        "livewidget/static/widget.js",
        "livewidget/static/widget.css",
        "livewidget/standin/tutor/english.txt",
        "livewidget/standin/tutor/phrasebook.txt",
        "livewidget/standin/tutor/topics.txt",
    } <= set(names)
    assert {f"livewidget/{relative(path)}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= set(names)
    assert {relative(path) for path in SOURCES} <= set(names)


def test_the_wheel_holds_nothing_else(wheel):
    strange = [name for name in wheel.namelist() if not re.match(r"livewidget(-[\d.]+\.dist-info)?/", name)]
    assert strange == []


def test_the_wheel_says_its_licence(wheel):
    metadata = wheel.read(f"livewidget-{livewidget.__version__}.dist-info/METADATA").decode()
    assert "License-Expression: BSD-3-Clause" in metadata
