"""The npm package: what is packed, how large it is, and whether a strict TypeScript program takes its types."""

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

import livewidget

ROOT = Path(__file__).resolve().parent.parent
JS = ROOT / "js"
PATH = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"

FILES = {
    "package/README.md",
    "package/dist/LICENSE",
    "package/dist/index.d.ts",
    "package/dist/index.js",
    "package/dist/react.d.ts",
    "package/dist/react.js",
    "package/package.json",
}
#: Bytes of the archive, as it is downloaded. Measured: 75 KB, of which the style is a fifth. A library that
#: slipped in, or a bundle that is no longer minified, is larger by far; words and features have room.
MOST_BYTES = 100_000
#: Bytes of what LiveCard adds to the element. Measured: under 1 KB; with React bundled it would be 10.
MOST_REACT_BYTES = 2_000


def run(*command, cwd):
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | {"PATH": PATH}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """What `npm pack` makes of a copy of js/, which other tests may be building in at the same time."""
    folder = tmp_path_factory.mktemp("npm")
    copy = folder / "js"
    (folder / "LICENSE").write_bytes((ROOT / "LICENSE").read_bytes())
    shutil.copytree(JS, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "gallery"))
    (copy / "node_modules").symlink_to(JS / "node_modules")
    run("npm", "pack", "--silent", cwd=copy)
    (archive,) = copy.glob("*.tgz")
    return archive


@pytest.fixture(scope="module")
def package(packed):
    """The package as npm installs it: a folder."""
    with tarfile.open(packed) as archive:
        archive.extractall(packed.parent / "installed", filter="data")
    return packed.parent / "installed" / "package"


def test_it_holds_these_files_and_no_others(packed):
    with tarfile.open(packed) as archive:
        assert set(archive.getnames()) == FILES


def test_it_is_small_and_brings_nothing_along(packed, package):
    assert packed.stat().st_size < MOST_BYTES
    assert (package / "dist" / "react.js").stat().st_size < MOST_REACT_BYTES
    about = json.loads((package / "package.json").read_text())
    assert about.get("dependencies", {}) == {}
    assert about["peerDependencies"] == {"react": ">=18"}
    assert about["peerDependenciesMeta"] == {"react": {"optional": True}}
    assert (about["name"], about["version"]) == ("livewidget", livewidget.__version__)
    index = (package / "dist" / "index.js").read_text()
    assert 'from"' not in index, "the element imports something"
    assert "BSD-3-Clause" in index[:60]
    for built in (package / "dist").glob("*.js"):
        assert "sourceMappingURL" not in built.read_text()
        assert str(ROOT) not in built.read_text()


def test_every_export_leads_to_a_file_that_is_packed(package):
    exports = json.loads((package / "package.json").read_text())["exports"]
    paths = [path for one in exports.values() for path in (one.values() if isinstance(one, dict) else [one])]
    assert sorted(exports) == [".", "./package.json", "./react"]
    for path in paths:
        assert (package / path).is_file(), path


def test_the_same_sources_give_the_same_bytes(package):
    built = {path.name: path.read_bytes() for path in (package / "dist").iterdir()}
    again = package.parent.parent
    run("npm", "run", "--silent", "package", cwd=again)
    assert {path.name: path.read_bytes() for path in (again / "dist").iterdir()} == built


def test_it_is_imported_where_there_is_no_page(package, tmp_path):
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "livewidget").symlink_to(package)
    (tmp_path / "node_modules" / "react").symlink_to(JS / "node_modules" / "react")
    shown = """
        import * as card from "livewidget";
        import { LiveCard } from "livewidget/react";
        console.log(Object.keys(card).join(), typeof LiveCard);
    """
    (tmp_path / "shown.mjs").write_text(shown)
    printed = run("node", "--preserve-symlinks", "shown.mjs", cwd=tmp_path)
    assert printed.strip() == "LiveCardElement object"


PROGRAM = """
import { LiveCardElement, type LiveCardError, type LiveCardTurn } from "livewidget";
import { LiveCard, type LiveCardState } from "livewidget/react";
import { type ReactElement, useRef } from "react";

export function Page(): ReactElement {
  const card = useRef<LiveCardElement>(null);
  const onTurn = (turn: LiveCardTurn) => turn.text.length + turn.index;
  const onState = ({ phase }: LiveCardState) => phase === "live" && card.current?.say("Hello");
  return (
    <main>
      <LiveCard ref={card} url="/live/" token={async () => "t"} fill className="a" style={{ height: 300 }}
        onTurn={onTurn} onState={onState} onError={(error: LiveCardError) => console.log(error.message)} />
      <button type="button" onClick={() => card.current?.start()}>Talk</button>
    </main>
  );
}

const plain = document.createElement("live-card");
plain.url = "/live/";
plain.token = "t";
plain.addEventListener("turn", ({ detail }) => detail.tools.map(({ name }) => name.toUpperCase()));
plain.addEventListener("error", ({ detail }) => detail.code.length);
plain.addEventListener("click", (event) => event.preventDefault());
document.querySelector("live-card")?.interrupt();
const { microphone } = plain.state;
export const isOn: boolean = microphone === "on";
"""
WRONG = [
    ("<LiveCard />", "url"),
    ('<LiveCard url="/" onTurn={(turn) => turn.words} />', "words"),
    ('<LiveCard url="/" token={3} />', "Token"),
    ('<LiveCard url="/" onState={({ phase }) => phase === "asleep"} />', "asleep"),
]


@pytest.mark.parametrize("resolution", ["Bundler", "NodeNext"])
def test_a_strict_typescript_program_takes_its_types(package, tmp_path, resolution):
    (tmp_path / "node_modules" / "@types").mkdir(parents=True)
    (tmp_path / "node_modules" / "livewidget").symlink_to(package)
    for name in ("react", "react-dom", "prop-types"):
        (tmp_path / "node_modules" / "@types" / name).symlink_to(JS / "node_modules" / "@types" / name)
    (tmp_path / "node_modules" / "csstype").symlink_to(JS / "node_modules" / "csstype")
    options = {
        "strict": True, "exactOptionalPropertyTypes": True, "noUncheckedIndexedAccess": True, "noEmit": True,
        "jsx": "react-jsx", "target": "ES2022", "lib": ["ES2022", "DOM", "DOM.Iterable"], "types": [],
        "module": "ESNext" if resolution == "Bundler" else "NodeNext", "moduleResolution": resolution,
        "preserveSymlinks": True, "skipLibCheck": False,
    }  # fmt: skip
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.tsx"]}))
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "program.tsx").write_text(PROGRAM)
    compiler = JS / "node_modules" / "typescript" / "bin" / "tsc"
    run("node", compiler, "-p", tmp_path, cwd=tmp_path)
    # The types are not any: each of these is refused, for what is wrong in it.
    for number, (wrong, _) in enumerate(WRONG):
        head = 'import { LiveCard } from "livewidget/react";\n'
        (tmp_path / f"wrong{number}.tsx").write_text(f"{head}export const wrong = {wrong};\n")
    done = subprocess.run(
        ["node", str(compiler), "-p", str(tmp_path)],
        cwd=tmp_path, env=os.environ | {"PATH": PATH}, capture_output=True, text=True,
    )  # fmt: skip
    for number, (_, word) in enumerate(WRONG):
        said = [line for line in done.stdout.splitlines() if line.startswith(f"wrong{number}.tsx")]
        assert any(word in line for line in said), (number, done.stdout)
