import pytest

from livewidget.standin.serve import has_key, version
from tests.test_serving import request

PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"


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
