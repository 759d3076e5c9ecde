"""Transports move frames and know nothing of their meaning."""
