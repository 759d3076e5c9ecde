"""Pictures of the gallery: `python js/gallery/shoot.py OUT [state …]`, in light and dark, at 420 and 900 pixels."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PAGE = Path(__file__).parent / "dist" / "index.html"
THEMES = ("light", "dark")
WIDTHS = (420, 900)


def main() -> None:
    """Writes one PNG per state, theme and width into the folder named first."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(device_scale_factor=1.5)
        page.goto(PAGE.as_uri())
        states = sys.argv[2:] or page.evaluate("Object.keys(STATES)")
        for theme in THEMES:
            for width in WIDTHS:
                page.set_viewport_size({"width": width + 48, "height": 520})
                for state in states:
                    page.goto(f"{PAGE.as_uri()}?state={state}&theme={theme}&width={width}")
                    page.wait_for_timeout(150)
                    page.locator("body").screenshot(path=out / f"{state}-{theme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    main()
