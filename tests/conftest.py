"""What holds for every test."""

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes depends on how busy the machine is; pytest-timeout ends a test that hangs.
settings.register_profile("livewidget", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("livewidget")

#: They wait for speech and for other programs, for minutes.
LONG = ("test_clients.py", "test_notebooks.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, or two processes would wait for the third in the end."""
    items.sort(key=lambda item: item.path.name not in LONG)
