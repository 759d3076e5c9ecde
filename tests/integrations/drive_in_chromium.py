"""Drive a running `livewidget serve` with Google's SDK for JavaScript, in a page of another origin in Chromium.

    python -m tests.integrations.drive_in_chromium FOLDER '{"ws": "ws://127.0.0.1:…", "page": "http://127.0.0.1:…", …}'

FOLDER is where npm installed the SDK. `page` is the origin that the server lets in; this task's folder is served there.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.browser.lab import chromium

HERE = Path(__file__).resolve().parent
ESBUILD = HERE.parent.parent / "js" / "node_modules" / ".bin" / "esbuild"


def write_page(sdk, folder):
    """Write a page with the SDK and the scenes to `folder`; return its name."""
    entry, script = HERE / "page_google_genai.mjs", folder / "page.js"
    folder.mkdir(exist_ok=True)
    modules = Path(sdk, "node_modules").resolve()
    subprocess.run(
        [
            ESBUILD,
            entry,
            "--bundle",
            "--format=esm",
            "--platform=browser",
            "--log-level=warning",
            f"--outfile={script}",
        ],
        check=True,
        env={**os.environ, "NODE_PATH": str(modules)},
    )
    (folder / "page.html").write_text('<!doctype html><script type="module" src="page.js"></script>')
    return "page.html"


def main():
    sdk, task = sys.argv[1], json.loads(sys.argv[2])
    name = write_page(sdk, Path(task["folder"], task["model"]))
    version = json.loads(Path(sdk, "node_modules/@google/genai/package.json").read_text())["version"]
    with chromium() as browser:
        page = browser.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{task['page']}/{task['model']}/{name}")
        try:
            report = page.evaluate("task => drive(task)", task)
        except Exception:
            print("\n".join(said), file=sys.stderr)
            raise
    print(json.dumps({"version": version, **report}))


if __name__ == "__main__":
    main()
