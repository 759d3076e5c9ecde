"""What holds for every test."""

from hypothesis import HealthCheck, settings

# How long an example takes depends on how busy the machine is; pytest-timeout ends a test that hangs.
settings.register_profile("livewidget", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("livewidget")
