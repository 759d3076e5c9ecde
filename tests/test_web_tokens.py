"""`livewidget.web.token_app`: who gets a token and who does not. Real sockets, the stand-in's real server."""

import asyncio
import contextlib
import inspect
import json
import logging
import re
import urllib.error
import urllib.request
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from livewidget import Gemini, LiveConfig, VertexAI, web
from livewidget.clock import ManualClock
from livewidget.connection import Token
from livewidget.errors import ConfigError, KeyMissing, KeyRefused, QuotaExceeded, UsageError
from livewidget.session import LiveSession
from livewidget.standin import StandIn
from livewidget.standin.serve import Server
from tests.direct_page import DirectPage
from tests.standin.puppets import Brain, Ears, Voice
from tests.standin.test_serve_http import exchange
from tests.talk_page import TalkPage
from tests.test_web import serving_of, uvicorn

KEY = "canary-key-0123456789"
TUTOR = "offline-tutor"
METHOD = "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained"
SETUP = {"setup": {"model": f"models/{TUTOR}"}}
HOUR_MS = 3_600_000


@pytest.fixture
async def service():
    standin = StandIn(ears=Ears(), brain=Brain(), voice=Voice())
    async with Server(standin, wss_port=None, key=KEY) as server:
        yield server


def gemini(service, key=KEY):
    return Gemini(TUTOR, api_key=key, base_url=service.ws)


def by_header(request):
    return request.headers.get("X-User")


@asynccontextmanager
async def handing_out(provider, **options):
    """Serve tokens at /token; give the port and the application."""
    tokens = web.token_app(provider, **options)
    async with serving_of(Starlette(routes=[Route("/token", tokens)])) as base:
        yield int(base.rsplit(":", 1)[1].strip("/")), tokens


async def ask(port, path="/token", *, method="POST", host=None, body=b"", **headers):
    """Ask for a token; return the status, the headers as lines in lower case, and the answer."""
    lines = {"Host": host or f"127.0.0.1:{port}", "Content-Length": len(body), "Connection": "close"}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return await exchange(port, f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)


def sentence(answer, code, status):
    """The sentence of a refusal."""
    assert list(answer) == ["error"]
    assert (answer["error"]["code"], answer["error"]["status"]) == (code, status)
    text = answer["error"]["message"]
    assert re.fullmatch(r"([A-Z]|127)[^\n]+[.?]", text)
    return text


async def opens(service, token, setup=SETUP):
    """Return whether a token opens a session as a page does, or why not."""
    async with connect(f"{service.ws}{METHOD}?access_token={token}", compression=None) as socket:
        await socket.send(json.dumps(setup))
        try:
            return "setupComplete" in json.loads(await socket.recv())
        except ConnectionClosed as closed:
            return closed.rcvd.reason


# --- Who gets one -------------------------------------------------------------------------------------------


async def test_a_token_is_what_google_calls_an_auth_token_and_opens_a_session_once(service):
    async with handing_out(gemini(service), expires_s=600, new_session_s=30) as (port, _):
        before = datetime.now(UTC)
        status, head, token = await ask(port)
    assert status == 200
    assert "cache-control: no-store" in head
    assert list(token) == ["name", "expireTime", "newSessionExpireTime", "uses"]
    assert token["name"].startswith("auth_tokens/")
    assert token["uses"] == 1
    for name, seconds in (("expireTime", 600), ("newSessionExpireTime", 30)):
        assert token[name].endswith("Z")
        late = datetime.fromisoformat(token[name]) - before - timedelta(seconds=seconds)
        assert timedelta(0) <= late < timedelta(seconds=5)
    assert await opens(service, token["name"]) is True
    assert await opens(service, token["name"]) == "Token has been used too many times."


async def test_a_token_has_the_uses_and_fixes_the_model_and_the_configuration_that_were_asked_for(service):
    options = {"uses": 2, "model": TUTOR, "config": LiveConfig(voice="Puck"), "lock": ["temperature"]}
    async with handing_out(gemini(service), **options) as (port, _):
        _, _, token = await ask(port)
        other = {"setup": {"model": "models/of-another-name"}}
        assert token["uses"] == 2
        assert await opens(service, token["name"], other) is True
        assert await opens(service, token["name"], other) is True
        assert await opens(service, token["name"], other) == "Token has been used too many times."
    async with handing_out(gemini(service)) as (port, _):
        _, _, token = await ask(port)
        assert "of-another-name" in await opens(service, token["name"], other)


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, None),
        ({"lock": ["temperature"]}, None),
        ({"model": "offline-tutor"}, "models/offline-tutor"),
        ({"model": "offline-tutor", "lock": []}, "models/offline-tutor"),
        (
            {"config": LiveConfig(voice="Puck", system_instruction="a secret of the house")},
            "models/offline-tutor",
        ),
    ],
)
async def test_the_answer_says_which_model_a_token_is_for_and_nothing_else_that_it_fixes(
    service, options, model
):
    async with handing_out(gemini(service), **options) as (port, _):
        _, _, token = await ask(port)
        assert token.get("bidiGenerateContentSetup", {}).get("model") == model
        assert token.get("fieldMask") == (model and "model")
        assert "house" not in json.dumps(token)
        url = f"http://127.0.0.1:{port}/token"
        other = Gemini("another-model", base_url=service.ws, token_url=url)
        if model is not None:
            with pytest.raises(ConfigError, match="This token fixes model"):
                await LiveSession(other).start()


async def of_ada(request):
    await asyncio.sleep(0)
    return "ada"


class Asked:
    async def __call__(self, request):
        return await of_ada(request)


@pytest.mark.parametrize(
    "may", [of_ada, Asked(), lambda request: "ada", lambda request: of_ada(request), by_header]
)
async def test_may_is_a_function_a_coroutine_function_or_an_object(service, may):
    async with handing_out(gemini(service), may=may) as (port, tokens):
        assert (await ask(port, X_User="ada"))[0] == 200
        assert (tokens.count("ada"), tokens.count("bob")) == (1, 0)


async def test_who_may_not_gets_one_sentence_and_no_token(service):
    async with handing_out(gemini(service), may=by_header) as (port, tokens):
        status, head, answer = await ask(port)
        assert (status, sentence(answer, 403, "PERMISSION_DENIED")) == (403, web.NO_TOKEN)
        assert "cache-control: no-store" in head
        assert len(tokens._limit) == 0
    assert not service._grants._kept  # the service was not asked


async def test_what_may_says_itself_is_the_answer(service):
    def may(request):
        raise HTTPException(402, "The course is over.", {"X-Course": "7"})

    async with handing_out(gemini(service), may=may) as (port, _):
        status, head, answer = await ask(port)
    assert (status, answer["error"]["message"]) == (402, "The course is over.")
    assert "x-course: 7" in head


def broken(request):
    raise ValueError(f"no such user: {KEY}, AIzaSyCANARY0123456789012345678901234567")


@pytest.mark.parametrize(("may", "kind"), [(broken, "ValueError"), (lambda request: True, "TypeError")])
async def test_a_may_that_fails_is_one_sentence_and_a_traceback_in_the_log(service, may, kind, caplog):
    async with handing_out(gemini(service), may=may) as (port, _):
        status, _, answer = await ask(port)
    assert (status, sentence(answer, 500, "INTERNAL")) == (500, web.NO_ANSWER.format(kind=kind))
    assert f"{kind}: " in caplog.text
    assert "AIzaSyCANARY" not in caplog.text
    assert not service._grants._kept


async def test_may_is_asked_with_the_request_and_the_application_that_it_was_made_for(service):
    seen = []
    tokens = web.token_app(gemini(service), may=lambda request: seen.append(request) or "ada")
    api = Starlette(routes=[Mount("/sub", routes=[Route("/token", tokens)])])
    api.state.sessions = {"c1": "ada"}
    async with serving_of(api) as base:
        port = int(base.rsplit(":", 1)[1].strip("/"))
        assert (await ask(port, "/sub/token?course=7", Cookie="login=c1"))[0] == 200
    (request,) = seen
    assert request.app is api
    assert request.app.state.sessions[request.cookies["login"]] == "ada"
    assert request.query_params["course"] == "7"


async def test_the_browsers_that_the_talk_let_in_get_tokens_and_no_others(service):
    talk = web.app(lambda page: StandIn(ears=Ears(), brain=Brain(), voice=Voice()), tokens=True)
    tokens = web.token_app(gemini(service), may=talk.admits, per_hour=2)
    api = Starlette(routes=[Route("/talk/token", tokens), Mount("/talk", talk)], lifespan=talk.lifespan)
    async with serving_of(api, talk.close) as base:
        port = int(base.rsplit(":", 1)[1].strip("/"))
        one, other = TalkPage(base + "talk/"), TalkPage(base + "talk/")
        for page in (one, other):
            await page.let_in(talk.token().reveal())
        statuses = [
            (await ask(port, "/talk/token", Cookie=page.cookie))[0] for page in (one, one, one, other)
        ]
        assert statuses == [200, 200, 429, 200]
        name, _, value = one.cookie.partition("=")
        for cookie in ("", f"{name}=", f"{name}={value[:-1]}", f"other={value}", f"{name}={value}x"):
            assert (await ask(port, "/talk/token", Cookie=cookie))[0] == 403


# --- Who connects with them ---------------------------------------------------------------------------------

BEARER = {"token_auth": "canary-auth-0123456789"}


def by_bearer(request):
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    return "ada" if (scheme, shown) == ("Bearer", BEARER["token_auth"]) else None


async def test_a_kernel_without_a_key_gets_a_token_for_each_connection(service):
    async with handing_out(gemini(service), may=by_bearer, per_hour=2) as (port, tokens):
        provider = Gemini(TUTOR, base_url=service.ws, token_url=f"http://127.0.0.1:{port}/token", **BEARER)
        for _ in range(2):
            async with LiveSession(provider) as session:
                assert (await session.ask("hello")).text == "echo hello"
        assert tokens.count("ada") == 2
        with pytest.raises(QuotaExceeded, match="reached the limit of 2 an hour"):
            await LiveSession(provider).start()


async def test_a_kernel_that_may_not_is_told_so_in_one_sentence(service):
    async with handing_out(gemini(service), may=by_bearer) as (port, _):
        provider = Gemini(TUTOR, base_url=service.ws, token_url=f"http://127.0.0.1:{port}/token")
        with pytest.raises(KeyRefused, match=re.escape(web.NO_TOKEN)):
            await LiveSession(provider).start()


async def test_a_page_holds_the_socket_with_tokens_of_somebodys_server(service):
    async with handing_out(gemini(service), may=by_bearer) as (port, tokens):
        url = f"http://127.0.0.1:{port}/token"
        provider = Gemini(TUTOR, base_url=service.ws, token_url=url, direct=True, **BEARER)
        page = DirectPage()
        session = page.session = LiveSession(provider, page=page)
        async with session:
            assert (await session.ask("hello")).text == "echo hello"
        assert (len(page.tokens), tokens.count("ada")) == (1, 1)
        assert page.tokens[0].startswith("auth_tokens/")


# --- How many -----------------------------------------------------------------------------------------------


async def test_the_tokens_of_an_hour_are_counted_for_each_user(service):
    clock = ManualClock()
    async with handing_out(gemini(service), may=by_header, per_hour=2, clock=clock) as (port, tokens):
        assert (await ask(port, X_User="ada"))[0] == 200
        clock.advance(10 * 60_000)
        assert (await ask(port, X_User="ada"))[0] == 200
        status, head, answer = await ask(port, X_User="ada")
        assert status == 429
        assert "retry-after: 3000" in head
        assert sentence(answer, 429, "RESOURCE_EXHAUSTED") == (
            "You have reached the limit of 2 an hour for tokens. Try again in 50 minutes."
        )
        assert (await ask(port, X_User="bob"))[0] == 200
        clock.advance(49 * 60_000 + 59_000)
        _, head, answer = await ask(port, X_User="ada")
        assert "retry-after: 1\r" in head
        assert "in a minute." in answer["error"]["message"]
        clock.advance(1000)
        assert (await ask(port, X_User="ada"))[0] == 200
        assert tokens.count("ada") == 2


async def test_many_who_ask_at_once_get_no_more_than_their_share(service):
    async with handing_out(gemini(service), may=by_header, per_hour=5) as (port, tokens):
        users = [f"user{number}" for number in range(4)] * 10
        answers = await asyncio.gather(*(ask(port, X_User=user) for user in users))
        given = [user for user, (status, _, _) in zip(users, answers, strict=True) if status == 200]
        names = {answer["name"] for status, _, answer in answers if status == 200}
        assert {status for status, _, _ in answers} == {200, 429}
        assert sorted(given) == sorted([*set(users)] * 5)
        assert len(names) == len(given) == 20
        assert {tokens.count(user) for user in users} == {5}


async def test_while_the_service_stands_still_a_bounded_number_waits(monkeypatch):
    monkeypatch.setattr(web, "_MOST_MINTING", 3)
    held, reached = asyncio.Event(), asyncio.Semaphore(0)

    async def stands_still(reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            reached.release()
            await held.wait()
            body = b'{"name": "auth_tokens/x"}'
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(stands_still, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with handing_out(Gemini(TUTOR, base_url=url), may=by_header) as (port, tokens):
            waiting = [asyncio.create_task(ask(port, X_User="ada")) for _ in range(3)]
            for _ in waiting:
                await reached.acquire()
            status, head, answer = await ask(port, X_User="bob")
            assert (status, "retry-after: 1\r" in head) == (503, True)
            assert sentence(answer, 503, "UNAVAILABLE").startswith("Too many people ask")
            assert tokens.count("bob") == 0
            held.set()
            assert {(await one)[0] for one in waiting} == {200}
            assert (await ask(port, X_User="bob"))[0] == 200  # the places were given back


async def test_users_beyond_the_bound_are_asked_to_wait(service):
    async with handing_out(gemini(service), may=by_header) as (port, tokens):
        tokens._limit._most = 2
        assert [(await ask(port, X_User=user))[0] for user in "abca"] == [200, 200, 503, 200]


@pytest.mark.parametrize(
    ("address", "user"),
    [
        (("192.0.2.7", 4000), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 1), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1), "fe80::/64"),
        (None, ""),
        (("testclient", 1), "testclient"),
    ],
)
async def test_without_a_login_tokens_are_counted_by_network(service, address, user):
    tokens = web.token_app(gemini(service), per_hour=1)
    assert [await directly(tokens, client=address) for _ in range(2)] == [200, 429]
    assert tokens.count(user) == 1


async def directly(app, *, client=None, send=None, **more):
    """Call an application without a server; return the status."""
    sent = []

    async def keep(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http", "method": "POST", "path": "/token", "raw_path": b"/token", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:80")], "client": client, **more,
    }  # fmt: skip
    await app(scope, receive, send or keep)
    return sent[0]["status"]


# --- When the service gives none ----------------------------------------------------------------------------


async def test_what_the_service_refuses_is_handed_on_and_not_counted(service, caplog):
    async with handing_out(gemini(service, "another-key-9876543210"), may=of_ada, per_hour=1) as (
        port,
        tokens,
    ):
        for _ in range(3):
            status, _, answer = await ask(port)
            assert status == 502
            assert "does not accept this key" in sentence(answer, 502, "UNAVAILABLE")
        assert tokens.count("ada") == 0
    assert "A token was not made: " in caplog.text


async def test_a_service_that_is_not_there_is_one_sentence():
    async with handing_out(Gemini(TUTOR, base_url="ws://127.0.0.1:9")) as (port, _):
        status, _, answer = await ask(port)
    assert (status, sentence(answer, 502, "UNAVAILABLE")) == (
        502, "Nothing listens at 127.0.0.1:9; is the server running there?",
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer", ["429 Too Many Requests\r\nRetry-After: 7", "500 Internal Server Error", "200 OK", "302 Found"]
)
async def test_a_service_with_a_fault_is_one_sentence(answer):
    async def faulty(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    async with await asyncio.start_server(faulty, "127.0.0.1", 0) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with handing_out(Gemini(TUTOR, base_url=url), may=of_ada) as (port, tokens):
            status, _, refused = await ask(port)
            assert status == 502
            sentence(refused, 502, "UNAVAILABLE")
            assert tokens.count("ada") == 0


# --- Pages --------------------------------------------------------------------------------------------------

NAMED = "https://app.example"


@pytest.mark.parametrize(
    ("origin", "status", "readable"),
    [
        (None, 200, False),  # a program, or a page of this server in an old browser
        ("http://127.0.0.1:{port}", 200, False),
        ("https://127.0.0.1:{port}", 200, False),  # a proxy in front speaks TLS
        (NAMED, 200, True),
        ("http://127.0.0.1:1", 403, False),
        ("http://localhost:{port}", 403, False),
        ("http://app.example", 403, False),
        ("https://app.example:8443", 403, False),
        ("https://app.example.evil.example", 403, False),
        ("https://evil-app.example", 403, False),
        ("https://APP.example", 403, False),
        ("null", 403, False),
        ("", 403, False),
        ("file://", 403, False),
        (f"{NAMED}, https://evil.example", 403, False),
    ],
)
async def test_origins_are_compared_whole_and_only_named_ones_read_the_answer(
    service, origin, status, readable
):
    async with handing_out(gemini(service), origins=[NAMED]) as (port, _):
        headers = {} if origin is None else {"Origin": origin.format(port=port)}
        found, head, answer = await ask(port, **headers)
    assert found == status
    assert (f"access-control-allow-origin: {NAMED}" in head) is readable
    assert ("access-control-allow-origin" in head) is readable
    if status == 403:
        assert sentence(answer, 403, "PERMISSION_DENIED") == "Pages of other origins may not use this server."
        assert not service._grants._kept


async def test_a_named_page_reads_why_it_gets_none_and_may_send_its_cookie(service):
    async with handing_out(gemini(service), may=by_header, per_hour=1, origins=[NAMED]) as (port, _):
        for user, expected in ((None, 403), ("ada", 200), ("ada", 429)):
            status, head, _ = await ask(port, Origin=NAMED, X_User=user)
            assert status == expected
            assert f"access-control-allow-origin: {NAMED}" in head
            assert "access-control-allow-credentials: true" in head
        assert "access-control-expose-headers: retry-after" in head


@pytest.mark.parametrize(
    ("origin", "method", "headers", "status"),
    [
        (NAMED, "POST", "authorization, content-type", 200),
        (NAMED, "DELETE", "", 400),
        (NAMED, "POST", "x-other", 400),
        ("https://evil.example", "POST", "", 403),
    ],
)
async def test_a_browser_asks_first(service, origin, method, headers, status):
    more = {"Access_Control_Request_Method": method, "Access_Control_Request_Headers": headers or None}
    async with handing_out(gemini(service), may=by_header, origins=[NAMED]) as (port, _):
        found, head, _ = await ask(port, method="OPTIONS", Origin=origin, **more)
    assert found == status
    assert (f"access-control-allow-origin: {NAMED}" in head) is (origin == NAMED)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "169.254.169.254"])
async def test_a_name_that_was_not_given_leads_to_no_token(service, host, caplog):
    async with handing_out(gemini(service)) as (port, _):
        status, _, answer = await ask(port, host=f"{host}:{port}", Origin=f"http://{host}:{port}")
        assert (status, sentence(answer, 403, "PERMISSION_DENIED")) == (
            403, "This server does not answer to this name.",
        )  # fmt: skip
        await ask(port, host=f"{host}:{port}")
    assert [line for line in caplog.messages if "hosts=[…]" in line] == caplog.messages[:1]


async def test_names_that_were_given_replace_this_computers_own(service):
    async with handing_out(gemini(service), hosts=["app.example"]) as (port, _):
        assert (await ask(port, host="app.example", Origin=NAMED))[0] == 200
        assert (await ask(port))[0] == 403


# --- Hostile requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "MINT"])
async def test_tokens_are_made_by_post_only(service, method):
    async with handing_out(gemini(service)) as (port, _):
        status, head, answer = await ask(port, method=method)
        assert status == 405
        assert "allow: post" in head
        assert sentence(answer, 405, "INVALID_ARGUMENT") == web.BY_POST
    assert not service._grants._kept


async def test_there_is_no_socket(service):
    tokens = web.token_app(gemini(service))
    async with serving_of(tokens) as base:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(base.replace("http", "ws"))


@pytest.mark.parametrize("length", ["70000", "99999999999", "1" * 400, "-1", "x"])
async def test_a_long_body_is_refused_by_its_length(service, length, caplog):
    async with handing_out(gemini(service)) as (port, _):
        status, _, _ = await ask(port, Content_Length=length)
        assert status in (400, 413)
        assert (await ask(port))[0] == 200
    assert caplog.messages == []


async def test_a_body_without_end_is_not_read_and_a_may_that_reads_it_does_so_up_to_a_bound(service):
    async def reads(request):
        return str(len(await request.body()))

    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = "POST /token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    for may, statuses in ((reads, {413}), (of_ada, {200})):
        async with handing_out(gemini(service), may=may) as (port, tokens):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(head.format(port=port).encode())
            with contextlib.suppress(ConnectionError):
                for _ in range(160):  # 10 MiB
                    writer.write(chunk)
                    await writer.drain()
            with contextlib.suppress(ConnectionError):
                line = await asyncio.wait_for(reader.readline(), 5)
                assert int(line.split()[1]) in statuses
            writer.close()
            assert (await ask(port, body=b"{}"))[0] == 200
            assert tokens.count("2" if may is reads else "ada") >= 1


async def test_headers_without_end_are_refused(service):
    async with handing_out(gemini(service)) as (port, _):
        with contextlib.suppress(ConnectionError, IndexError):
            lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(400))
            status, *_ = await exchange(port, b"POST /token HTTP/1.1\r\n" + lines + b"\r\n")
            assert status in (400, 403, 431)
        assert (await ask(port))[0] == 200


# --- What is kept secret ------------------------------------------------------------------------------------


def held(error):
    """Everything that the frames of an error hold, but for that of the test, as text."""
    text, step = [], error.__traceback__.tb_next
    while step is not None:
        text += map(repr, step.tb_frame.f_locals.values())
        step = step.tb_next
    return " ".join(text)


@pytest.mark.parametrize("cuts", [True, False])
async def test_a_server_that_cannot_send_does_not_show_the_token_in_its_frames(service, cuts, monkeypatch):
    async def fails(message):
        frame = message
        raise OSError(f"cannot send {frame['type']}")

    async def fails_late(message):
        if message["type"] == "http.response.body":
            await fails(message)

    if not cuts:  # the control: what would be seen
        monkeypatch.setattr(web, "cut", lambda error: error)
    with pytest.raises(OSError, match="cannot send") as caught:
        await directly(web.token_app(gemini(service)), send=fails_late)
    assert ("auth_tokens/" in held(caught.value)) is not cuts


async def test_the_key_and_tokens_are_in_no_log_and_no_repr(service, caplog):
    with caplog.at_level(logging.DEBUG):
        async with handing_out(gemini(service), may=by_header, per_hour=1) as (port, tokens):
            (_, _, token), *_ = [await ask(port, X_User="ada-the-user") for _ in range(2)]
            await ask(port, method="GET")
        async with handing_out(gemini(service, "another-key-9876543210")) as (port, others):
            await ask(port)
    shown = caplog.text + repr([tokens, vars(tokens), others, vars(others), tokens._make.keywords])
    for secret in (token["name"], KEY, "another-key-9876543210", "ada-the-user"):
        assert secret not in shown


# --- Wrong use, and the example -----------------------------------------------------------------------------


def test_a_missing_key_is_said_when_the_application_is_made(monkeypatch):
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyMissing, match="GEMINI_API_KEY"):
        web.token_app()
    with pytest.raises(KeyMissing, match="makes no tokens"):
        web.token_app(Gemini(token=Token("auth_tokens/x")))
    with pytest.raises(ConfigError, match=r"give Gemini\(…\)"):
        web.token_app(VertexAI("gemini-live-2.5-flash", project="p", location="us-central1"))
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert KEY not in repr(web.token_app())


@pytest.mark.parametrize(
    "options",
    [
        {"may": "ada"},
        {"per_hour": 0},
        {"per_hour": True},
        {"per_hour": 1.5},
        {"uses": -1},
        {"expires_s": 0},
        {"expires_s": 20 * 3600},
        {"new_session_s": 1801},
        {"lock": ["nonsense"]},
        {"config": LiveConfig(voice="Nobody")},
        {"tools": [7]},
        {"hosts": ["*"]},
        {"origins": ["*"]},
        {"origins": ["app.example"]},
        {"origins": ["null"]},
    ],
)
def test_wrong_arguments_are_one_sentence(options):
    with pytest.raises(UsageError, match=r"^[^\n]+[.)]$"):
        web.token_app(Gemini(api_key=KEY), **options)


async def test_the_example_of_the_documentation_runs(service, tmp_path):
    paragraphs = inspect.getdoc(web.token_app).split("::\n\n")
    code = "\n".join(
        line[4:] for line in paragraphs[1].partition("\n\nA page of that server")[0].splitlines()
    )
    assert code.count("Gemini()") == 1
    code = code.replace("Gemini()", f"Gemini({TUTOR!r}, api_key={KEY!r}, base_url={service.ws!r})")
    async with uvicorn(tmp_path, code + "\napp = api\n") as (_, address):
        port = int(address.rpartition(":")[2])
        assert (await ask(port))[0] == 403
        assert await asyncio.to_thread(login, address, "ada", "wrong") == (403, "")
        assert await asyncio.to_thread(login, address, "eve", "") == (403, "")
        status, cookie = await asyncio.to_thread(login, address, "ada", "engine")
        assert status == 200
        _, _, token = await ask(port, Cookie=f"theme=dark; {cookie}")
        assert await opens(service, token["name"]) is True
        assert (await ask(port, Cookie=cookie, Origin="https://evil.example"))[0] == 403
        assert (await ask(port, Cookie=cookie[:-1]))[0] == 403
        statuses = [(await ask(port, Cookie=cookie))[0] for _ in range(20)]
        assert statuses == [200] * 19 + [429]


def login(address, name, password):
    """Return the status and the cookie of a login."""
    body = json.dumps({"name": name, "password": password}).encode()
    request = urllib.request.Request(f"{address}/login", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["Set-Cookie"].partition(";")[0]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""
