"""A text that is used and never shown, and errors without what led to them."""

import copy
import json
import pickle
import traceback

import pytest

from livewidget.secret import (
    HIDDEN,
    SECRET_NAMES,
    Secret,
    cut,
    hide,
    is_secret,
    reveal,
    reveal_all,
    secrets_of,
)

HUSH = "hush-0123456789"


def test_a_secret_shows_itself_to_nobody_and_gives_its_text_when_asked():
    secret = Secret(HUSH)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert not any(HUSH in text for text in shown)
    assert secret.reveal() == reveal(secret) == reveal(HUSH) == HUSH
    assert Secret(secret).reveal() == HUSH
    assert not hasattr(secret, "__dict__")


def test_it_is_neither_copied_nor_saved():
    secret = Secret(HUSH)
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    with pytest.raises(TypeError, match="not saved"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


@pytest.mark.parametrize(
    ("one", "two"), [("k", "k"), ("k", "K"), ("k", ""), ("ü", "ü"), ("k\udcfc", "k\udcfc")]
)
def test_it_is_compared_by_its_text(one, two):
    assert Secret(one).matches(Secret(two)) is (one == two)


def test_only_text_is_hidden():
    assert isinstance(hide(HUSH), Secret)
    for other in (None, 5, Secret(HUSH), ["x"]):
        assert hide(other) is other


def test_headers_are_hidden_value_by_value():
    hidden = secrets_of({"Authorization": HUSH, "x-other": Secret("other")})
    assert HUSH not in repr(hidden)
    assert reveal_all(hidden) == {"Authorization": HUSH, "x-other": "other"}
    assert secrets_of(None) == {}


def test_an_error_is_cut_off_from_its_frames_and_from_what_led_to_it():
    def other_peoples(header):
        raise ValueError("no")

    def chained():
        try:
            other_peoples(HUSH)
        except ValueError as error:
            raise ExceptionGroup("several", [RuntimeError("one"), error]) from error

    def shown(error):
        found = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(found.format())

    with pytest.raises(ExceptionGroup) as caught:
        chained()
    assert HUSH in shown(caught.value)
    error = cut(caught.value)
    assert error is caught.value
    assert HUSH not in shown(error)
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
    assert [one.__traceback__ for one in error.exceptions] == [None, None]


def test_names_of_fields_that_are_secret():
    assert all(map(is_secret, SECRET_NAMES))
    assert is_secret("api_key")
    assert is_secret("X-Goog-Api-Key")
    assert not is_secret("name")
    assert HIDDEN
