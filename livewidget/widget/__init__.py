"""The widget: the only package that knows Jupyter. `livewidget.widget.live` has `LiveWidget`."""
