"""The Gemini Developer API."""

import pickle

import pytest

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection import Gemini
from livewidget.errors import ConfigError, KeyMissing

CANARY = "canary-key-0123456789"
HOST = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage"
METHOD = "GenerativeService.BidiGenerateContent"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_address_has_the_version_of_the_model_and_no_key():
    gemini = Gemini(api_key=CANARY)
    assert gemini.url() == f"{HOST}.v1beta.{METHOD}"
    assert gemini.model_path() == "models/gemini-3.8-live"
    assert Gemini("models/gemini-3.8-live", api_key=CANARY).model == "gemini-3.8-live"


def test_affective_dialog_and_proactive_audio_need_the_alpha_version():
    gemini = Gemini("gemini-2.5-flash-native-audio-latest", api_key=CANARY)
    assert gemini.for_config(LiveConfig()).url() == f"{HOST}.v1beta.{METHOD}"
    for config in (LiveConfig(affective_dialog=True), LiveConfig(proactive_audio=True)):
        assert gemini.for_config(config).url() == f"{HOST}.v1alpha.{METHOD}"
    pinned = Gemini("gemini-2.5-flash-native-audio-latest", api_key=CANARY, api_version="v1")
    assert pinned.for_config(LiveConfig(affective_dialog=True)).url() == f"{HOST}.v1.{METHOD}"


def test_without_a_key_it_is_not_made_except_for_this_computer():
    with pytest.raises(KeyMissing):
        Gemini()
    with pytest.raises(KeyMissing):
        Gemini(base_url="wss://example.org")
    assert Gemini(base_url="ws://127.0.0.1:8000").url().startswith("ws://127.0.0.1:8000/ws/google.ai.")


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws/"),
        ("https://example.org/api", "wss://example.org/api/ws/"),
        ("wss://localhost:9443", "wss://localhost:9443/ws/"),
    ],
)
def test_another_server(base, url):
    assert Gemini(api_key=CANARY, base_url=base).url().startswith(url)


@pytest.mark.parametrize("base", ["127.0.0.1:8000", "wss://example.org/?key=x", "wss://example.org/#x"])
def test_addresses_that_are_none(base):
    with pytest.raises(ConfigError):
        Gemini(api_key=CANARY, base_url=base)


def test_a_model_has_a_name():
    with pytest.raises(ConfigError):
        Gemini("models/", api_key=CANARY)


def test_the_key_shows_nowhere():
    gemini = Gemini(api_key=CANARY)
    for text in (
        repr(gemini),
        str(gemini),
        gemini.badge,
        gemini.url(),
        repr(vars(gemini)),
        gemini._key.source,
    ):
        assert CANARY not in text
    with pytest.raises(TypeError):
        pickle.dumps(gemini)
    assert gemini.redact(f"you sent {CANARY}") == "you sent …"


def test_the_badge_says_where_the_voice_goes():
    assert Gemini(api_key=CANARY).badge == "Gemini API · gemini-3.8-live"
    assert "a server of your own" in Gemini(base_url="ws://127.0.0.1:1").badge


@pytest.mark.parametrize(
    ("base", "origin"),
    [
        (None, "wss://generativelanguage.googleapis.com"),
        ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000"),
        ("https://example.org:8443/some/where", "wss://example.org:8443"),
    ],
)
def test_the_services_origin_is_known_before_anything_is_dialled(base, origin):
    assert Gemini(api_key=CANARY, base_url=base).service_origin == origin


def test_another_model_by_the_same_way():
    gemini = Gemini(api_key=CANARY, base_url="wss://example.org")
    other = gemini.with_model("models/gemini-3.1-flash-live-preview")
    assert (other.model, gemini.model) == ("gemini-3.1-flash-live-preview", "gemini-3.8-live")
    assert other.url().startswith("wss://example.org/")
    assert other._key.source == gemini._key.source


def test_its_expression_has_what_it_was_given_and_no_secret():
    assert Gemini("models/gemini-3.8-live", api_key=CANARY).expression() == "gemini-3.8-live"
    server = Gemini(api_key=CANARY, base_url="wss://example.org/", api_version="v1alpha", cafile="ca.pem")
    given = {"base_url": "wss://example.org", "api_version": "v1alpha", "cafile": "ca.pem"}
    assert server.expression() == Call("Gemini", ("gemini-3.8-live",), given)
    assert Gemini(token="auth_tokens/canary").expression().keywords == {"token": Name("token")}
