"""Finding the key, and hiding it."""

import copy
import pickle
import sys
import types

import pytest

from livewidget.connection.keys import Key, find_key, require_key
from livewidget.errors import ConfigError, KeyMissing

CANARY = "canary-key-0123456789"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_argument_comes_first_then_the_environment_in_order(monkeypatch):
    assert find_key() is None
    monkeypatch.setenv("GOOGLE_API_KEY", "google")
    assert find_key().reveal() == "google"
    monkeypatch.setenv("GEMINI_API_KEY", " gemini\n")
    assert find_key().reveal() == "gemini"
    assert find_key().source == "the environment variable GEMINI_API_KEY"
    assert find_key("argument").reveal() == "argument"
    key = Key("k", "here")
    assert find_key(key) is key


def test_an_empty_variable_is_none(monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "  ")
    assert find_key() is None


def colab(monkeypatch, **secrets):
    """A module like the one in a Colab kernel."""

    def get(name):
        if name not in secrets:
            raise LookupError(name)
        return secrets[name]

    module = types.ModuleType("google.colab")
    module.userdata = types.SimpleNamespace(get=get)
    monkeypatch.setitem(sys.modules, "google.colab", module)


def test_a_secret_of_colabs_comes_last(monkeypatch):
    colab(monkeypatch, GOOGLE_API_KEY=CANARY)
    key = find_key()
    assert key.reveal() == CANARY
    assert key.source == "the Colab secret GOOGLE_API_KEY"
    colab(monkeypatch)
    assert find_key() is None


def test_a_missing_key_names_the_remedies():
    with pytest.raises(KeyMissing) as caught:
        require_key(None, "gemini-3.8-live")
    for remedy in ("gemini-3.8-live", "GEMINI_API_KEY", "Colab secret", "api_key=", "LiveWidget()"):
        assert remedy in str(caught.value)


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "é", "\x00", ""])
def test_what_cannot_be_a_key_is_refused_without_being_shown(bad):
    with pytest.raises(ConfigError) as caught:
        Key(bad, "here")
    assert not bad or bad not in str(caught.value)


def test_a_key_hides_itself():
    key = Key(CANARY, "the argument api_key")
    shown = [repr(key), str(key), f"{key}", f"{key:>40}", "%s" % key, repr([key]), repr({"key": key})]  # noqa: UP031
    assert not any(CANARY in text for text in shown)
    assert "the argument api_key" in repr(key)
    assert copy.copy(key) is copy.deepcopy(key) is key
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not saved"):
            pickle.dumps(key, protocol)
    assert not hasattr(key, "__dict__")
    assert key.reveal() == CANARY
    assert key.redact(f"a {CANARY} b") == "a … b"
