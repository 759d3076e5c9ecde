"""Who may use a port; the servers themselves are tested in `standin/test_serve.py` and `test_web.py`."""

import pytest
from starlette.datastructures import Headers

from livewidget.errors import UsageError
from livewidget.serving import OriginCheck, as_host, as_origin

HOST, ORIGIN = "127.0.0.1:9080", "http://127.0.0.1:9080"


async def app(scope, receive, send):
    pass


def request(headers):
    """The headers of a request; a list of values is a header that occurs more than once."""
    lines = [(k, v) for k, all in headers.items() for v in ([all] if isinstance(all, str) else all)]
    return Headers(raw=[(k.lower().encode(), v.encode(errors="surrogateescape")) for k, v in lines])


def passes(*, host=HOST, origin=None, port=9080, **options):
    headers = request({"Host": host} | ({} if origin is None else {"Origin": origin}))
    return OriginCheck(app, port=port, **options).check(headers) is None


# What may pass, and what looks much like it. test_serve sends every one of these over a real socket.
TABLE = [
    (HOST, None, True),
    ("localhost:9080", None, True),
    (HOST, ORIGIN, True),
    (HOST, "http://localhost:9080", True),
    ("localhost:9080", ORIGIN, True),
    # Hosts: another name for this computer is what DNS rebinding brings.
    ("evil.example:9080", None, False),
    ("127.0.0.1", None, False),
    ("localhost", None, False),
    ("127.0.0.1:9081", None, False),
    ("127.0.0.1:09080", None, False),
    ("127.0.0.1:9080.evil.example", None, False),
    ("127.0.0.1.evil.example:9080", None, False),
    ("localhost.evil.example:9080", None, False),
    ("evillocalhost:9080", None, False),
    ("user@127.0.0.1:9080", None, False),
    ("127.1:9080", None, False),
    ("2130706433:9080", None, False),
    ("[::1]:9080", None, False),
    ("0.0.0.0:9080", None, False),
    ("", None, False),
    # Origins: only this server's own.
    (HOST, "", False),
    (HOST, "null", False),
    (HOST, "https://127.0.0.1:9080", False),
    (HOST, "http://127.0.0.1", False),
    (HOST, "http://127.0.0.1:9081", False),
    (HOST, "http://localhost:8888", False),
    (HOST, "http://[::1]:9080", False),
    (HOST, "http://127.0.0.1:9080/", False),
    (HOST, "http://127.0.0.1:9080.evil.example", False),
    (HOST, "http://evil.example", False),
    (HOST, "http://evil.example?http://127.0.0.1:9080", False),
    (HOST, "HTTP://127.0.0.1:9080", False),
    (HOST, "file://", False),
]


@pytest.mark.parametrize(("host", "origin", "allowed"), TABLE)
def test_hosts_and_origins(host, origin, allowed):
    assert passes(host=host, origin=origin) == allowed


def test_twice_is_never():
    assert not passes(host=[HOST, HOST])
    assert not passes(host=[HOST, "evil.example"])
    assert not passes(host=[])
    assert not passes(origin=[ORIGIN, ORIGIN])


def test_origins_that_were_named():
    assert passes(origin="http://localhost:3000", origins=("http://localhost:3000",))
    assert not passes(origin="http://localhost:3001", origins=("http://localhost:3000",))


NAMED = [
    ("tutor.example", True),
    ("tutor.example:443", True),
    ("Tutor.Example:9080", True),
    ("only.example:8443", True),
    ("127.0.0.1:9999", True),  # ssh -L 9999:127.0.0.1:9080
    ("[::1]:9080", True),
    ("only.example", False),
    ("only.example:8444", False),
    ("tutor.example.evil.example", False),
    ("evil.tutor.example", False),
    ("user@tutor.example", False),
    ("tutor.example:443:443", False),
    ("tutor.example/", False),
    ("tutor.example, evil.example", False),
    ("localhost:9999", False),
    ("", False),
]


@pytest.mark.parametrize(("host", "allowed"), NAMED)
def test_hosts_that_were_named(host, allowed):
    hosts = ("tutor.example", "only.example:8443", "127.0.0.1", "[::1]")
    assert passes(host=host, hosts=hosts) is allowed
    assert not passes(host="tutor.example", origin="https://tutor.example", hosts=hosts)


def test_what_is_refused_is_told():
    blocked = []
    check = OriginCheck(app, port=9080, on_refused=blocked.append)
    assert check.check(request({"Host": HOST, "Origin": "http://localhost:3000"}))[:2] == (
        "origin",
        "http://localhost:3000",
    )
    assert check.check(request({"Host": "evil.example"}))[:2] == ("host", "evil.example")
    assert not blocked  # `check` only looks


# Of an application that is mounted somewhere, which does not know its port.
OWN = [
    ("127.0.0.1:8000", "http://127.0.0.1:8000", True),
    ("127.0.0.1:8000", "https://127.0.0.1:8000", True),  # a proxy in front may speak TLS
    ("Talk.Example", "https://talk.example", True),
    ("talk.example:8443", "https://talk.example:8443", True),
    ("talk.example", None, True),
    ("talk.example", "https://partner.example", True),
    ("talk.example", "https://talk.example:8443", False),
    ("127.0.0.1:8000", "http://127.0.0.1:8001", False),
    ("127.0.0.1:8000", "http://localhost:8000", False),
    ("127.0.0.1:8000", "https://talk.example", False),
    ("talk.example", "https://evil.talk.example", False),
    ("talk.example", "https://talk.example.evil.example", False),
    ("talk.example", "HTTPS://talk.example", False),
    ("talk.example", "wss://talk.example", False),
    ("talk.example", "null", False),
    ("talk.example", "", False),
    ("evil.example", "https://evil.example", False),
    ("localhost:8000", "http://localhost:8000", False),
]


@pytest.mark.parametrize(("host", "origin", "allowed"), OWN)
def test_pages_that_came_from_the_server_itself(host, origin, allowed):
    names = {"hosts": ("127.0.0.1", "talk.example"), "origins": ("https://partner.example",)}
    assert passes(host=host, origin=origin, port=None, gives_pages=True, **names) is allowed
    if origin == f"https://{host}":  # the control: a server that gives no pages has no such origin
        assert not passes(host=host, origin=origin, port=None, **names)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:3000/", "http://localhost:3000"),
        ("http://localhost:3000/app/index.html?a=b#c", "http://localhost:3000"),
        (" HTTP://LocalHost:03000 ", "http://localhost:3000"),
        ("http://localhost:80", "http://localhost"),
        ("https://tutor.example:443/x", "https://tutor.example"),
        ("https://tutor.example:80", "https://tutor.example:80"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://schüler.example", "https://xn--schler-5ya.example"),
        ("vscode-webview://0abc-1", "vscode-webview://0abc-1"),
        ("null", "null"),
    ],
)
def test_an_origin_may_be_given_as_the_address_of_a_page(text, origin):
    assert as_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    ["*", "http://*", "https://*.example.com", "localhost:3000", "", "http://", "http://a b", "http://u@x",
     "file:///home/me/page.html", "http://localhost:port", "http://x:999999", "http://" + "ü" * 70],
)  # fmt: skip
def test_what_is_no_origin_or_stands_for_all_is_refused_in_one_sentence(text):
    with pytest.raises(UsageError, match=r"^'[^\n]+\.$"):
        as_origin(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("tutor.example", "tutor.example"),
        ("Tutor.Example.", "tutor.example"),
        ("https://tutor.example/path", "tutor.example"),
        ("tutor.example:8443", "tutor.example:8443"),
        ("[::1]", "[::1]"),
        ("127.0.0.1", "127.0.0.1"),
        ("schüler.example", "xn--schler-5ya.example"),
    ],
)
def test_a_host_may_be_given_as_an_address(text, host):
    assert as_host(text) == host


@pytest.mark.parametrize("text", ["*", "*.example", "0.0.0.0", "[::]", "", "a b", "u@x", "a:b", "a,b"])
def test_what_is_no_name_or_stands_for_all_is_refused_in_one_sentence(text):
    with pytest.raises(UsageError, match=r"^'[^\n]+\.$"):
        as_host(text)


def test_tls_has_an_origin_of_its_own():
    assert passes(origin="https://localhost:9080", secure=True)
    assert not passes(origin="http://localhost:9080", secure=True)
    assert passes(host="localhost", origin="https://localhost", secure=True, port=443)
