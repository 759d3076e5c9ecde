"""Talk with a live model inside a Jupyter notebook."""

__version__ = "0.1.0"
