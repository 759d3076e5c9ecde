"""The widget: the only package that knows Jupyter."""

from livewidget.widget.live import LiveWidget

__all__ = ["LiveWidget"]
