"""Which tests stay together where several processes share them (`pytest -n 2 --dist loadgroup`)."""

from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

#: Tests that share something dear: a JupyterLab, kernels that run two at a time, a client's own environment.
TOGETHER = ("browser", "test_notebooks.py", "integrations/test_clients.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for group in TOGETHER:
            if item.path.is_relative_to(HERE / group):
                item.add_marker(pytest.mark.xdist_group(group))
