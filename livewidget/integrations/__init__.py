"""Integrations with third-party packages: one module and one extra each, imported only when used."""
