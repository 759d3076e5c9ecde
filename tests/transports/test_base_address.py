"""Addresses, read without dialling; those that `dial` refuses are in `test_websocket`."""

import pytest

from livewidget.transports.base import check_address, is_loopback


@pytest.mark.parametrize("url", ["ws://127.0.0.1:1", "ws://localhost", "wss://127.8.9.1", "ws://[::1]:80"])
def test_loopback(url):
    assert is_loopback(url)


@pytest.mark.parametrize("url", ["wss://example.org", "wss://127.0.0.1.example.org", "wss://192.0.2.1", ""])
def test_not_loopback(url):
    assert not is_loopback(url)


@pytest.mark.parametrize(
    ("url", "at", "encrypted"),
    [
        ("wss://example.org/path", "example.org", True),
        ("wss://example.org:8443", "example.org:8443", True),
        ("ws://[::1]:80/", "[::1]:80", False),
        ("ws://localhost", "localhost", False),
    ],
)
def test_where_it_leads(url, at, encrypted):
    assert check_address(url) == (at, encrypted)
