"""Pictures of the gallery, after `npm run gallery`: `python js/gallery/shoot.py OUT [state …]`.

Each state in light and dark, at 420, 900 and 1200 pixels; with `--page` as a whole page instead, on a phone
and on a desktop. The documentation shows the real widget: see `tools/pictures.py`.
"""

import sys
from itertools import product
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = Path(__file__).parent / "dist" / "index.html"


WINDOWS = ((360, 640), (412, 915), (900, 700), (1280, 800))


def shoot(out: Path, states: list[str], whole: bool) -> None:
    """Write one PNG per state, theme and width into `out`: of `states`, or of all."""
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(device_scale_factor=1.5)
        page.goto(PAGE.as_uri())
        names = states or page.evaluate("Object.keys(STATES)")
        for state, theme, window in product(names, ("light", "dark"), WINDOWS if whole else ()):
            page.set_viewport_size({"width": window[0], "height": window[1]})
            page.emulate_media(color_scheme=theme)
            page.goto(f"{PAGE.as_uri()}?state={state}&page=1")
            page.wait_for_timeout(150)
            page.screenshot(path=out / f"page-{state}-{theme}-{window[0]}.png")
        for state, theme, width in product(names, ("light", "dark"), () if whole else (420, 900, 1200)):
            page.set_viewport_size({"width": width + 48, "height": 520})
            page.goto(f"{PAGE.as_uri()}?state={state}&theme={theme}&width={width}")
            page.wait_for_timeout(150)
            page.locator("body").screenshot(path=out / f"{state}-{theme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    shoot(Path(sys.argv[1]), [name for name in sys.argv[2:] if name != "--page"], "--page" in sys.argv)
