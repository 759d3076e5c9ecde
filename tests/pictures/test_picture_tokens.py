"""What a picture costs, by the service's own names."""

import pytest

from livewidget.pictures import tokens_of


@pytest.mark.parametrize(
    ("resolution", "tokens"),
    [
        (None, 258),
        ("low", 64),
        ("medium", 256),
        ("high", 256),
        ("MEDIA_RESOLUTION_LOW", 64),
        ("unheard of", 258),
    ],
)
def test_tokens_of_a_picture(resolution, tokens):
    assert tokens_of(resolution) == tokens
