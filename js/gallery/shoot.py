"""Pictures of the gallery, after `npm run gallery`.

`python js/gallery/shoot.py OUT [state …]` takes each state in light and dark, at 420 and 900 pixels;
`python js/gallery/shoot.py --docs` takes those that the documentation shows, into docs/pictures/.
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = Path(__file__).parent / "dist" / "index.html"
DOCS = Path(__file__).parents[2] / "docs" / "pictures"
SHOWN = (
    ("idle", "light", 900),
    ("talking", "light", 900),
    ("talking", "dark", 900),
    ("talking", "light", 420),
    ("interrupted", "dark", 900),
    ("push", "light", 420),
    ("tools", "dark", 900),
    ("refused", "light", 420),
    ("busy", "light", 900),
)


def shoot(out: Path, pictures: list[tuple[str, str, int]] | None, states: list[str]) -> None:
    """Write one PNG per (state, theme, width) into `out`: `pictures`, or all of `states`, or everything."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(device_scale_factor=1.5)
        page.goto(PAGE.as_uri())
        names = states or page.evaluate("Object.keys(STATES)")
        everything = [(s, t, w) for s in names for t in ("light", "dark") for w in (420, 900)]
        for state, theme, width in pictures or everything:
            page.set_viewport_size({"width": width + 48, "height": 520})
            page.goto(f"{PAGE.as_uri()}?state={state}&theme={theme}&width={width}")
            page.wait_for_timeout(150)
            page.locator("body").screenshot(path=out / f"{state}-{theme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    if sys.argv[1] == "--docs":
        shoot(DOCS, list(SHOWN), [])
    else:
        shoot(Path(sys.argv[1]), None, sys.argv[2:])
