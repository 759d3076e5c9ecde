import pytest
from starlette.datastructures import Headers

from livewidget.standin.serve import OriginCheck, has_key, version

HOST, ORIGIN = "127.0.0.1:9080", "http://127.0.0.1:9080"
PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


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


def test_tls_has_an_origin_of_its_own():
    assert passes(origin="https://localhost:9080", secure=True)
    assert not passes(origin="http://localhost:9080", secure=True)
    assert passes(host="localhost", origin="https://localhost", secure=True, port=443)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (PATH, "v1beta"),
        ("/" + PATH, "v1beta"),
        (PATH + "?key=x", "v1beta"),
        (PATH.replace("v1beta", "v1"), "v1"),
        (PATH.replace("v1beta", "v1alpha") + "Constrained?access_token=auth_tokens/x", "v1alpha"),
        ("/ws/google.cloud.aiplatform.v1beta1.LlmBidiService/BidiGenerateContent", "v1beta1"),
        ("//ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent", "v1"),
        ("/ws/google.firebase.vertexai.v1beta.GenerativeService/BidiGenerateContent", "v1beta"),
        (
            "/ws/google.firebase.vertexai.v1beta.LlmBidiService/BidiGenerateContent/locations/us-central1",
            "v1beta",
        ),
        ("/", "v1beta1"),
        ("//", "v1beta1"),
        ("/ws/google.ai.generativelanguage.v2.GenerativeService.BidiGenerateContent", None),
        ("/ws/google.evil.v1beta.GenerativeService.BidiGenerateContent", None),
        (PATH + "/more", None),
        ("/index.html", None),
        ("/x" + PATH, None),
    ],
)
def test_paths(path, expected):
    assert version(path) == expected


@pytest.mark.parametrize(
    ("path", "headers", "right"),
    [
        (PATH, {}, False),
        (PATH, {"x-goog-api-key": "k"}, True),
        (PATH, {"X-Goog-Api-Key": "kk"}, False),
        (PATH, {"X-Goog-Api-Key": ""}, False),
        (PATH + "?key=k", {}, True),
        ("/" + PATH + "?a=b&key=k", {}, True),
        (PATH + "?key=K", {}, False),
        (PATH + "?access_token=k", {}, True),
        (PATH, {"Authorization": "Bearer k"}, True),
        (PATH, {"Authorization": "token k"}, True),
        (PATH, {"Authorization": "Basic k"}, False),
        (PATH, {"Authorization": "k"}, False),
        (PATH, {"x-goog-api-key": "ü"}, False),
        (PATH, {"x-goog-api-key": "k\udcfc"}, False),
    ],
)
def test_keys(path, headers, right):
    assert has_key(path, request(headers), "k") == right
