"""Pictures of the gallery, after `npm run gallery`: `python js/gallery/shoot.py OUT [state …]`.

Each state in light and dark, at 420 and 900 pixels. The documentation shows the real widget instead: see
`tools/pictures.py`.
"""

import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = Path(__file__).parent / "dist" / "index.html"


def shoot(out: Path, states: list[str]) -> None:
    """Write one PNG per state, theme and width into `out`: of `states`, or of all."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(device_scale_factor=1.5)
        page.goto(PAGE.as_uri())
        names = states or page.evaluate("Object.keys(STATES)")
        for state, theme, width in product(names, ("light", "dark"), (420, 900, 1200)):
            page.set_viewport_size({"width": width + 48, "height": 520})
            page.goto(f"{PAGE.as_uri()}?state={state}&theme={theme}&width={width}")
            page.wait_for_timeout(150)
            page.locator("body").screenshot(path=out / f"{state}-{theme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    shoot(Path(sys.argv[1]), sys.argv[2:])
