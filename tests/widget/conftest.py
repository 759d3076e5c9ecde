import pathlib

STATIC = pathlib.Path(__file__).parents[2] / "livewidget" / "static"


def pytest_configure(config):
    """A tree whose page part is not built yet still tests its Python part."""
    made = [path for name in ("widget.js", "widget.css") if not (path := STATIC / name).exists()]
    for path in made:
        path.write_text("export default {};" if path.suffix == ".js" else "")
    config.add_cleanup(lambda: [path.unlink(missing_ok=True) for path in made])
