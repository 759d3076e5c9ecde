"""How two processes share the tests (`pytest -n 2 --no-loadscope-reorder`)."""

from typing import Any

import pytest


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep a file's tests together, and all those in a browser: one JupyterLab, and not two pages that both listen.

    pytest-xdist's own `loadgroup` does not work with pytest 9.2: node ids are not what it sets any more.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "tests/browser" if file.startswith("tests/browser/") else file

    return Files(config, log)
