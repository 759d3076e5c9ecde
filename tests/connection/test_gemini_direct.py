"""`Gemini(direct=True)`, and the tokens of each connection: from a function, from a server, made with the key."""

import asyncio
import json
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import quote

import pytest

from livewidget.config import LiveConfig
from livewidget.config.code import Call, Name
from livewidget.connection import Connection, Gemini, Provider, Token, VertexAI, mint
from livewidget.errors import (
    ConfigError,
    ConnectFailed,
    KeyRefused,
    QuotaExceeded,
    ServerFault,
    ServiceError,
)
from livewidget.protocol.messages import Setup
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.direct_page import DirectPage
from tests.standin.puppets import Brain, Ears, VirtualClock, Voice

KEY = "canary-key-0123456789"
NAME = "auth_tokens/canary0123456789"
TUTOR = "offline-tutor"
CONSTRAINED = "v1alpha.GenerativeService.BidiGenerateContentConstrained"


@pytest.fixture
async def server():
    standin = StandIn(ears=Ears(), brain=Brain(), voice=Voice(), clock=VirtualClock())
    async with Server(standin, wss_port=None, key=KEY) as server:
        yield server


def direct(server, **more):
    return Gemini(TUTOR, base_url=server.ws, direct=True, **({"api_key": KEY} | more))


async def opened(provider, page=None, **more):
    """Open one connection from a page, and close it."""
    connection = await Connection.open(provider, LiveConfig(), page=page or DirectPage(), **more)
    await connection.close()


# --- What it is ---------------------------------------------------------------------------------------------


def test_the_badge_and_the_code_say_so():
    provider = Gemini(api_key=KEY, direct=True)
    assert provider.badge == "direct · Gemini API · gemini-3.8-live"
    assert provider.expression() == Call("Gemini", ("gemini-3.8-live",), {"direct": True})
    given = Gemini(token_url="https://example.org/token", token_auth=KEY, direct=True).expression()
    assert given.keywords == {
        "token_url": "https://example.org/token",
        "token_auth": Name("token_auth"),
        "direct": True,
    }
    assert Gemini(token=lambda: NAME).expression().keywords == {"token": Name("token")}
    for one in (provider, Gemini(token_url="/token", direct=True)):
        for other in (
            one.with_model("gemini-2.5-flash-native-audio-latest"),
            one.for_config(LiveConfig()),
        ):
            assert other.direct
            assert other.url().endswith(CONSTRAINED)
            assert other.badge.startswith("direct · ")


def test_any_gemini_can_be_made_direct_and_others_say_why_not():
    assert Gemini(api_key=KEY).with_direct().direct
    assert not Gemini(api_key=KEY).direct
    with pytest.raises(ConfigError, match=r"Vertex AI has no ephemeral tokens.*leave direct out"):
        VertexAI("gemini-3.8-live", "p", direct=True)
    with pytest.raises(ConfigError, match="Vertex AI has no ephemeral tokens"):
        VertexAI("gemini-3.8-live", "p").with_direct()
    with pytest.raises(ConfigError, match=r"tutor answers in this program.*livewidget serve"):
        StandIn().with_direct()

    class Own(Provider):
        model, service, label = "m", "gemini", "Own server"
        model_path = dial = None

    with pytest.raises(ConfigError, match="Own server cannot be reached straight from the browser"):
        Own().with_direct()


async def test_no_other_provider_lets_a_page_dial():
    with pytest.raises(ConfigError, match="leave direct out"):
        await StandIn().dial_from(DirectPage(), None)


def test_a_version_without_tokens_and_a_server_without_encryption():
    with pytest.raises(ConfigError, match="v1 of the API has no ephemeral tokens"):
        Gemini(api_key=KEY, direct=True, api_version="v1")
    with pytest.raises(ConfigError, match="unencrypted"):
        Gemini(api_key=KEY, direct=True, base_url="ws://example.org")
    with pytest.raises(ConfigError, match="unencrypted"):
        Gemini(token_url="/token", direct=True, base_url="ws://example.org")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"token_url": "/token"}, "needs direct=True"),
        ({"token_url": "token"}, "is an address"),
        ({"token_url": "ftp://example.org/t"}, "is an address"),
        ({"token_url": "https://"}, "is an address"),
        ({"token_url": "//example.org/t", "direct": True}, "is an address"),
        ({"token_url": f"https://example.org/t?key={KEY}"}, "without a query"),
        ({"token_url": f"https://u:{KEY}@example.org/t"}, "without a query"),
        ({"token_url": 3}, "is an address"),
        ({"token_url": "http://example.org/t"}, "unencrypted"),
        ({"token_auth": KEY}, "token_auth is sent to a token_url"),
        ({"token_auth": KEY, "token_url": "/t", "direct": True}, "token_auth is sent to a token_url"),
        ({"token": NAME, "token_url": "https://example.org/t"}, "one of them"),
        ({"api_key": KEY, "token_url": "https://example.org/t"}, "one of them"),
        ({"api_key": KEY, "token": lambda: NAME}, "one of them"),
    ],
)
def test_what_cannot_be_given(values, words):
    with pytest.raises(ConfigError, match=words) as caught:
        Gemini(**values)
    assert KEY not in str(caught.value)


# --- Made with the key --------------------------------------------------------------------------------------


async def test_each_connection_has_a_token_of_its_own_and_the_key_stays_here(server):
    provider, page = direct(server), DirectPage()
    for _ in range(2):
        await opened(provider, page)
    assert len(set(page.tokens)) == 2
    assert set(page.addresses) == {f"{server.ws}/ws/google.ai.generativelanguage.{CONSTRAINED}"}
    shown = repr(provider) + repr(vars(provider)) + repr(provider._tokens.__dict__)
    for token in page.tokens:
        text = provider.redact(f"{token} {quote(token, safe='')} {quote(token)} {KEY}")
        assert text.split() == ["…"] * 4
        assert token not in shown
        for copied in (provider.with_model("another"), provider.for_config(LiveConfig())):
            assert token not in copied.redact(token)


async def test_a_token_of_another_form_is_hidden_by_name(server):
    """The control of what a token looks like: one is known because it was given, too."""
    provider = direct(server)
    strange = Token(NAME)
    object.__setattr__(strange, "_Secret__value", "strange/token 1")
    provider._tokens._seen.append(strange)
    assert provider.redact("strange/token 1 strange%2Ftoken%201") == "… …"


async def test_a_key_that_is_refused_and_a_service_that_is_not_there(server):
    page = DirectPage()
    with pytest.raises(KeyRefused, match="does not accept this key"):
        await opened(direct(server, api_key="another-canary"), page)
    with pytest.raises(ConnectFailed, match="Nothing listens"):
        await opened(Gemini(TUTOR, api_key=KEY, base_url="ws://127.0.0.1:1", direct=True), page)
    assert not page.addresses


async def test_a_refusal_after_the_page_has_dialled(server):
    """The token was made, and by then another one has used it."""
    provider = direct(server)
    await provider.fetch_token()
    spent = provider._tokens.fresh
    await opened(Gemini(TUTOR, token=spent.reveal(), base_url=server.ws))
    with pytest.raises(ServerFault, match="token of this connection had been used already") as caught:
        await opened(provider)
    assert "canary" not in caught.value.reason + "".join(traceback.format_exception(caught.value))
    await opened(provider)


async def test_a_token_that_another_service_made(server, answering):
    """Made there, used here: what is said names neither a key nor a token of the user's, who has given none."""
    maker = await answering(200, json.dumps({"name": NAME}).encode())
    provider = Gemini(TUTOR, token_url=maker.replace("ws", "http", 1), base_url=server.ws, direct=True)
    with pytest.raises(KeyRefused, match="does not accept the token of this connection") as caught:
        await opened(provider)
    assert "canary" not in str(caught.value) + caught.value.reason


async def test_the_times_of_its_own_tokens_are_the_services(answering):
    """So a clock that is wrong does no harm."""
    asked = []
    base_url = await answering(200, json.dumps({"name": NAME}).encode(), asked)
    await Gemini(TUTOR, api_key=KEY, base_url=base_url, direct=True).fetch_token()
    assert json.loads(asked[0]) == {"uses": 1}


async def test_a_token_that_waited_too_long_is_made_anew(server, monkeypatch):
    provider = direct(server)
    await provider.fetch_token()
    first = provider._tokens.fresh
    await provider.fetch_token()
    assert provider._tokens.fresh is first
    monkeypatch.setattr("livewidget.connection.tokens.FRESH_S", 0.0)
    assert provider._tokens.fresh is None
    monkeypatch.undo()
    page = DirectPage()
    await opened(provider, page)
    assert page.tokens == [first.reveal()]
    await provider.fetch_token()
    assert provider._tokens.fresh.reveal() != first.reveal()


@pytest.mark.parametrize(
    ("behind_s", "words"),
    [(90, "(89|90) s slow"), (-600, "10 min fast"), (3 * 3600, "3 hours slow")],
)
async def test_a_wrong_clock_is_named_where_it_shows(behind_s, words, answering):
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=behind_s), usegmt=True)
    body = json.dumps({"error": {"code": 400, "message": "Request contains an invalid argument."}}).encode()
    base_url = await answering(400, body, more=[f"Date: {date}"])
    provider = Gemini(TUTOR, api_key=KEY, base_url=base_url)
    with pytest.raises(ServiceError, match=f"This computer's clock is {words}.*set it"):
        await mint(provider)


@pytest.mark.parametrize("date", [None, "yesterday", "now"])
async def test_a_clock_that_is_right_or_not_known_is_not_blamed(date, answering):
    now = format_datetime(datetime.now(UTC), usegmt=True)
    more = [] if date is None else [f"Date: {now if date == 'now' else date}"]
    base_url = await answering(400, b'{"error": {"message": "Nothing of that kind."}}', more=more)
    with pytest.raises(ConnectFailed, match="Nothing of that kind") as caught:
        await mint(Gemini(TUTOR, api_key=KEY, base_url=base_url))
    assert "clock" not in str(caught.value)


async def test_a_quota_of_tokens_says_how_long_to_wait(answering):
    base_url = await answering(429, b'{"error": "slow down"}', more=["Retry-After: 7"])
    with pytest.raises(QuotaExceeded) as caught:
        await Gemini(TUTOR, api_key=KEY, base_url=base_url, direct=True).fetch_token()
    assert caught.value.retry_after_s == 7


# --- From a function ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["function", "coroutine", "token"])
@pytest.mark.parametrize("by_page", [True, False])
async def test_a_function_is_called_for_each_connection(kind, by_page, server):
    made = [await mint(Gemini(TUTOR, api_key=KEY, base_url=server.ws)) for _ in range(2)]
    left = list(made)

    def give():
        token = left.pop(0)
        return token if kind == "token" else token.reveal()

    async def give_later():
        return give()

    token = give_later if kind == "coroutine" else give
    provider = Gemini(TUTOR, token=token, base_url=server.ws, direct=by_page)
    page = DirectPage()
    for _ in made:
        await opened(provider, page)
    assert not left
    assert page.tokens == ([token.reveal() for token in made] if by_page else [])
    assert made[0].reveal() not in provider.redact(made[0].reveal()) + repr(vars(provider))


async def test_what_a_token_of_a_function_fixes_is_told_before_anything_is_dialled(server):
    maker = Gemini(TUTOR, api_key=KEY, base_url=server.ws)

    async def give():
        return await mint(maker, config=LiveConfig(voice="Puck"))

    page = DirectPage()
    with pytest.raises(ConfigError, match="fixes voice otherwise"):
        await Connection.open(
            Gemini(TUTOR, token=give, base_url=server.ws, direct=True), LiveConfig(voice="Kore"), page=page
        )
    assert not page.addresses


class Broken(Exception):
    pass


@pytest.mark.parametrize(
    ("result", "error", "words"),
    [
        (Broken(f"no {NAME} here"), ConnectFailed, r"gave no token \(Broken: no … here\)"),
        (ConnectFailed("In its own words."), ConnectFailed, "In its own words"),
        (KEY, ConfigError, "begins with auth_tokens/"),
        (None, ConfigError, "must be text"),
        (7, ConfigError, "must be text"),
    ],
)
async def test_a_function_that_gives_none(result, error, words):
    def give():
        if isinstance(result, Exception):
            raise result
        return result

    with pytest.raises(error, match=words) as caught:
        await Gemini(TUTOR, token=give, base_url="ws://127.0.0.1:1", direct=True).fetch_token()
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


async def test_a_function_that_takes_too_long(monkeypatch):
    monkeypatch.setattr("livewidget.connection.tokens.FUNCTION_S", 0.05)

    async def give():
        await asyncio.sleep(10)

    with pytest.raises(ConnectFailed, match=r"no token within 0.05 s"):
        await Gemini(TUTOR, token=give, base_url="ws://127.0.0.1:1").fetch_token()


# --- From a server of the user's ----------------------------------------------------------------------------


def given(**more):
    return json.dumps({"name": NAME, **more}).encode()


async def url_of(answering, *answer, **more):
    return (await answering(*answer, **more)).replace("ws", "http", 1) + "/token"


async def test_a_server_gives_a_token_for_each_connection(answering):
    asked, heads = [], []
    body = given(uses=1, expireTime="2030-01-02T03:04:05Z", newSessionExpireTime="2030-01-02T03:00:00Z")
    url = await url_of(answering, 200, body, asked, heads=heads)
    provider = Gemini(TUTOR, token_url=url, token_auth=KEY, base_url="ws://127.0.0.1:1", direct=True)
    await provider.fetch_token()
    token = provider._tokens.fresh
    assert token.reveal() == NAME
    assert (token.uses, token.expires) == (1, datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert asked == [b"{}"]
    assert heads[0].startswith("POST /token HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}" in heads[0]
    assert KEY not in provider.redact(f"Bearer {KEY}") + repr(vars(provider))
    # Each has its own, so that there is nothing to say of one.
    assert provider.token_uses_left is provider.token_expires is None


async def test_a_token_for_another_model_is_told_before_the_page_is_asked(answering):
    body = given(bidiGenerateContentSetup={"model": "models/gemini-3.8-live"}, fieldMask="model")
    url, page = await url_of(answering, 200, body), DirectPage()
    provider = Gemini(TUTOR, token_url=url, base_url="ws://127.0.0.1:1", direct=True)
    with pytest.raises(ConfigError, match="This token fixes model otherwise"):
        await opened(provider, page)
    assert not page.addresses
    await provider.with_model("gemini-3.8-live").fetch_token()
    provider.with_model("gemini-3.8-live").check_setup(Setup(model="models/gemini-3.8-live"))


@pytest.mark.parametrize(
    "more",
    [
        {"expireTime": 7},
        {"expireTime": "soon"},
        {"expireTime": "2030-01-01T00:00:00"},
        {"uses": "x"},
        {"bidiGenerateContentSetup": 3},
        {"own": {}},
    ],
)
async def test_what_a_server_says_of_a_token_that_cannot_be_read_is_left_out(more, answering):
    url = await url_of(answering, 200, given(**more))
    provider = Gemini(TUTOR, token_url=url, base_url="ws://127.0.0.1:1", direct=True)
    await provider.fetch_token()
    token = provider._tokens.fresh
    assert (token.reveal(), token.expires, token.uses) == (NAME, None, None)


async def test_a_server_without_a_secret_is_told_none(answering):
    heads = []
    url = await url_of(answering, 200, given(expireTime=7), heads=heads)
    provider = Gemini(TUTOR, token_url=url, base_url="ws://127.0.0.1:1")
    await provider.fetch_token()
    assert provider._tokens.fresh.expires is None
    assert "authorization" not in heads[0].lower()


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (200, b"{}", ServerFault, "gave no token: it has to answer with JSON"),
        (200, b"<html>", ServerFault, "gave no token"),
        (200, json.dumps({"name": KEY}).encode(), ServerFault, "gave no token"),
        (200, b'{"name": "auth_tokens/a b"}', ServerFault, "gave no token"),
        (401, b"", KeyRefused, r"HTTP 401\); it may want token_auth"),
        (403, b'{"error": {"message": "Not on the list."}}', KeyRefused, 'HTTP 403.*"Not on the list."'),
        (404, b"", ConfigError, r"HTTP 404\); check token_url"),
        (405, b"", ConfigError, "HTTP 405"),
        (302, b"", ConnectFailed, "HTTP 302"),
        (502, b'{"error": {"message": "The service is down."}}', ConnectFailed, "HTTP 502.*service is down"),
        (
            429,
            b'{"error": {"message": "Ten an hour."}}',
            QuotaExceeded,
            'again in 9 s. It said: "Ten an hour."',
        ),
    ],
)
async def test_a_server_that_gives_none(status, body, error, words, answering):
    url = await url_of(answering, status, body, more=["Retry-After: 9"])
    with pytest.raises(error, match=words) as caught:
        await Gemini(TUTOR, token_url=url, base_url="ws://127.0.0.1:1", direct=True).fetch_token()
    assert KEY not in str(caught.value)
    if status == 429:
        assert caught.value.retry_after_s == 9


async def test_a_server_with_a_secret_that_it_does_not_accept(answering):
    url = await url_of(answering, 401, json.dumps({"error": f"who is Bearer {KEY}?"}).encode())
    provider = Gemini(TUTOR, token_url=url, token_auth=KEY, base_url="ws://127.0.0.1:1", direct=True)
    with pytest.raises(KeyRefused, match="check token_auth") as caught:
        await provider.fetch_token()
    assert KEY not in str(caught.value)


async def test_a_server_that_is_not_there():
    provider = Gemini(TUTOR, token_url="http://127.0.0.1:1/token", base_url="ws://127.0.0.1:1", direct=True)
    with pytest.raises(ConnectFailed, match=r"Nothing listens at 127.0.0.1:1"):
        await provider.fetch_token()


async def test_a_path_is_left_to_the_page(server):
    seen = []

    class Page(DirectPage):
        async def open(self, address, terms):
            seen.append(address)
            raise ConnectFailed("enough")

    provider = Gemini(TUTOR, token_url="/token", base_url=server.ws, direct=True)
    with pytest.raises(ConnectFailed, match="enough"):
        await opened(provider, Page())
    (address,) = seen
    assert (address.token, address.token_path) == (None, "/token")
    assert address.url.endswith(CONSTRAINED)


async def test_without_a_page_nothing_is_made(server):
    provider = direct(server)
    with pytest.raises(ConfigError, match=r"use it in LiveWidget\(…\)"):
        await Connection.open(provider, LiveConfig())
    assert provider._tokens.fresh is None
