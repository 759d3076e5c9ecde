"""Close codes and reasons in clean_reason words."""

import pytest

from livewidget.connection.close_codes import (
    LOST,
    REASONS,
    TOKEN_REASONS,
    clean_reason,
    error_for_close,
    error_for_reason,
)
from livewidget.errors import (
    KeyRefused,
    LinkLost,
    LiveError,
    ModelNotFound,
    QuotaExceeded,
    ServerFault,
    SetupRefused,
)

NOT_FOUND = "models/gemini-3.8-lives is not found for API version v1beta, or is not supported for bidiGenerateContent."
UNKNOWN = "Invalid JSON payload received. Unknown name \"x\" at 'setup': Cannot find field."
EXPLICIT = "Explicit activity control is not supported when automatic activity detection is enabled."
MODALITY = "The requested combination of response modalities (TEXT) is not supported by the model."
UNREGISTERED = "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or o"
QUOTA = "You exceeded your current quota, please check your plan and billing details"

TABLE = [
    (1000, "", ServerFault, "The server ended the session; start again."),
    (1000, "The operation was cancelled.", ServerFault, "compression=True"),
    (1001, "", ServerFault, "goes down"),
    (1006, "", LinkLost, "The connection to Gemini broke"),
    (1006, "keepalive ping timeout", LinkLost, "did not answer for a minute"),
    (1006, "frame with 99 bytes exceeds limit of 9 bytes", LinkLost, "larger than any should be"),
    (1007, "Request contains an invalid argument.", SetupRefused, "does not say what"),
    (1007, UNKNOWN, SetupRefused, "does not know a field"),
    (1007, EXPLICIT, SetupRefused, "push_to_talk"),
    (1007, "API key not valid. Please pass a valid API key.", KeyRefused, "copy it again"),
    (1007, "API key expired. Please renew the API key.", KeyRefused, "make a new one"),
    (1007, "User location is not supported for the API use", SetupRefused, "not offered where you are"),
    (1007, "Precondition check failed.", SetupRefused, "billing"),
    (1007, "Thinking level must be specified for this model.", SetupRefused, "how much to think"),
    (1007, "Thinking level MINIMAL is not supported for this model", SetupRefused, "another level"),
    (1007, "CONTENT_TYPE_AUDIO is not supported for this model configuration", SetupRefused, "no audio"),
    (1007, "Invalid value at 'setup.x' (TYPE_ENUM), \"Y\"", SetupRefused, "does not accept what was sent"),
    (1007, "Thinking level is not supported for this model.", SetupRefused, "thinking"),
    (1007, "BLOCKING function calls are not supported for this model", SetupRefused, "that block"),
    (1007, "NON_BLOCKING function calls are not supported for this model.", SetupRefused, "waits for each"),
    (1007, MODALITY, SetupRefused, "modality"),
    (
        1007,
        "The input token count (131073) exceeds the maximum number of tokens allowed (131072).",
        SetupRefused,
        "compression=True",
    ),
    (1007, "something new", SetupRefused, 'It said: "something new"'),
    (1008, NOT_FOUND, ModelNotFound, "Did you mean gemini-3.8-live?"),
    (1008, "Publisher Model projects/p/… was not found or no access", ModelNotFound, "location"),
    (1008, "Operation is not implemented, or supported, or enabled.", ServerFault, "tool calls"),
    (1008, "BidiGenerateContent session not found", SetupRefused, "start a new one"),
    (1008, "Your API key was reported as leaked. Please use another API key.", KeyRefused, "leaked"),
    (1008, "API keys are not supported by this API.", KeyRefused, "gcloud"),
    (1008, "", SetupRefused, "refused the session"),
    (1008, "Permission 'aiplatform.endpoints.predict' denied on resource", KeyRefused, "permissions"),
    (1008, "Requests from referer <empty> are blocked.", KeyRefused, "restricted"),
    (1008, "Generative Language API has not been used in project 1 before", KeyRefused, "not enabled"),
    (1011, "Internal error encountered.", ServerFault, "fault of its own"),
    (1011, "The service is currently unavailable.", ServerFault, "try again"),
    (1011, "Deadline expired before operation could complete.", ServerFault, "longest time"),
    (1011, QUOTA, QuotaExceeded, "billing"),
    (1008, "Token has expired.", KeyRefused, "longer expires_s"),
    (1008, "Token can no longer be used to start a new session.", KeyRefused, "new_session_s"),
    (1008, "Token has been used too many times.", KeyRefused, "more uses"),
    (1008, UNREGISTERED, KeyRefused, "GEMINI_API_KEY"),
    (1009, "", SetupRefused, "send less"),
    (1011, "", ServerFault, "The server failed; start again."),
    (1013, "", ServerFault, "too much to do"),
    (4321, "odd", ServerFault, "with code 4321"),
]


def explained(code: int, reason: str) -> LiveError:
    return error_for_close(code, reason, label="Gemini", model="gemini-3.8-lives", service="gemini")


@pytest.mark.parametrize(("code", "reason", "kind", "words"), TABLE)
def test_every_ending_is_one_plain_error(code, reason, kind, words):
    error = explained(code, reason)
    assert type(error) is kind
    assert words in str(error)
    assert "\n" not in str(error)
    assert "{" not in str(error)
    if code != 1006:
        assert error.code == code
        assert error.reason == " ".join(reason.split())


REMEDIES = (
    "start again", "start a new", "check", "leave", "make a new one", "copy it", "set GEMINI_API_KEY", "wait", "choose",
    "run gcloud", "try again", "give a level", "send less", "declare", "only with", "send", "Did you mean",
    "Vertex AI may be", "Check its name", "enable it", "sign in again",
)  # fmt: skip


@pytest.mark.parametrize(("code", "reason", "kind", "words"), TABLE)
def test_every_ending_says_what_to_do(code, reason, kind, words):
    assert any(remedy in str(explained(code, reason)) for remedy in REMEDIES)


def test_every_row_of_the_table_says_what_to_do():
    for words, (kind, _) in REASONS.items():
        error = explained(1008, f"… {words} …")
        assert type(error) is kind
        assert any(remedy in str(error) for remedy in REMEDIES)


@pytest.mark.parametrize("words", TOKEN_REASONS)
def test_what_is_said_of_a_key_is_told_of_a_token_where_there_was_one(words):
    kept = {"code": 1008, "model": "m"}
    assert "token" in str(error_for_reason(words, uses_token=True, **kept))
    assert "token" not in str(error_for_reason(words, **kept))


def test_no_row_hides_behind_an_earlier_one():
    for position, words in enumerate(REASONS):
        assert not any(earlier in words for earlier in list(REASONS)[:position])


def test_reasons_of_this_side_do_not_count_as_the_servers():
    for words in LOST:
        assert type(explained(1011, words)) is ServerFault


@pytest.mark.parametrize(
    "secret",
    [
        "AI" + "zaSyD0123456789abcdefghijklmnopqrstuv",
        "ya29.a0AfH6SMBx-very_long",
        "auth_tokens/abc123",
        "x" * 64,
    ],
)
def test_what_looks_like_a_secret_is_not_repeated(secret):
    error = explained(1008, f"bad key {secret} given")
    assert secret not in str(error) + error.reason + repr(error)
    assert "bad key … given" in str(error)


def test_a_reason_is_one_line_of_bounded_length():
    assert clean_reason("a\nb\x1b[31m\tc") == "a b [31m c"
    assert len(clean_reason("a " * 1000)) <= 160


@pytest.mark.parametrize(
    "reason",
    [
        "RESOURCE_EXHAUSTED",
        "resource exhausted",
        "Resource exhausted. Please try again later.",
        "Resource has been exhausted (e.g. check quota).",
        "ResourceExhausted",
        "StatusCode.RESOURCE_EXHAUSTED",
        "429 Too Many Requests",
        "HTTP 429",
        "error (429)",
        "code=429",
        "rate limit exceeded",
        "RATE_LIMIT_EXCEEDED",
        "Rate-limited: too_many_requests",
        "Quota exceeded for metric: generate_requests",
    ],
)
@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("code", [1000, 1007, 1008, 1011, 1013])
def test_a_quota_is_known_however_it_is_spelt(reason, code, answered):
    error = error_for_close(code, reason, label="Gemini", model="m", answered=answered)
    assert type(error) is QuotaExceeded


@pytest.mark.parametrize(
    "reason", ["The input token count (429) is odd", "id 4290", "user-project: quota project not found"]
)
def test_not_every_429_is_a_quota(reason):
    assert not isinstance(explained(1011, reason), QuotaExceeded)


@pytest.mark.parametrize(("code", "reason", "kind", "words"), TABLE)
def test_once_the_model_has_answered_only_key_and_quota_are_refusals(code, reason, kind, words):
    error = error_for_close(code, reason, label="Gemini", model="gemini-3.8-live", answered=True)
    refusals = (KeyRefused, QuotaExceeded, LinkLost)
    assert type(error) is (kind if kind in refusals else ServerFault)
    if kind not in refusals:
        text = str(error).replace(" ".join(reason.split()), "")
        assert not any(word in text for word in ("settings", "this key", "the model gemini", "{"))
        assert (error.code, error.reason) == (code, " ".join(reason.split()))
