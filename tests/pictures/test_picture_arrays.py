"""Every number of an array where a person expects it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livewidget.errors import PictureError
from livewidget.pictures import to_picture
from livewidget.pictures.picture import from_array

from .made import seen, sentence


def gray(array):
    return np.asarray(from_array(np.asarray(array))).astype(int)


def test_what_can_be_shown_as_it_is_is_not_stretched():
    assert gray(np.array([[10, 20]], np.uint8)).tolist() == [[10, 20]]
    assert gray(np.array([[0.25, 0.5]])).tolist() == [[64, 128]]
    assert gray(np.array([[True, False]])).tolist() == [[255, 0]]
    assert gray(np.full((2, 2, 1), 7, np.uint8)).tolist() == [[7, 7], [7, 7]]


def test_all_else_is_stretched_from_its_lowest_to_its_highest_value():
    assert gray([[-5, 0, 5]]).tolist() == [[0, 128, 255]]
    assert gray(np.array([[100, 4000]], np.uint16)).tolist() == [[0, 255]]
    assert gray([[-1e308, 1e308]]).tolist() == [[0, 255]]
    assert gray([[3, 3]]).tolist() == [[0, 0]]


def test_what_is_missing_is_white():
    assert gray([[0.0, np.nan, np.inf, 0.5]]).tolist() == [[0, 255, 255, 128]]
    masked = np.ma.masked_array([[1, 2, 3]], [[False, True, False]])
    assert np.asarray(from_array(masked)).tolist() == [[0, 255, 255]]


@pytest.mark.parametrize(
    ("colour", "wanted"),
    [
        (np.array([10, 20, 30], np.uint8), [10, 20, 30]),
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([0, 100, 200]), [0, 100, 200]),
        (np.array([0.0, 100.0, 200.0]), [0, 100, 200]),
        (np.array([0, 32_896, 65_535], np.uint16), [0, 128, 255]),
        (np.array([10, 20, 30, 255], np.uint8), [10, 20, 30, 255]),
    ],
)
def test_colours(colour, wanted):
    assert gray(colour[None, None]).tolist() == [[wanted]]


def test_transparency_is_paper():
    assert seen(to_picture(np.zeros((8, 8, 4), np.uint8))).min() == 255


def test_what_behaves_like_an_array_is_one():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.zeros((6, 8), np.uint8)

    assert to_picture(Tensor()).width == 8


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((0, 5)), "empty (0 × 5)"),
        (np.full((3, 3), np.nan), "only NaN or infinity"),
        (np.full((2, 2, 3), np.inf), "only NaN or infinity"),
        (np.zeros(5), "this one is 5"),
        (np.zeros(()), "this one is a single number"),
        (np.zeros((3, 20, 20)), "np.moveaxis(x, 0, -1)"),
        (np.zeros((8, 20, 20, 3)), "such as x[0]"),
        (np.zeros((20, 20, 2)), "height × width × 3"),
        (np.full((4, 4, 3), 300), "from 300 to 300"),
        (np.full((4, 4, 3), -0.5), "scale them"),
        (np.zeros((4, 4), complex), "complex128 is not a picture"),
        (np.array([["a", "b"]]), "not a picture"),
        (np.array([[None]]), "object is not a picture"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000)), "400 million pixels"),
    ],
)
def test_what_is_no_picture(array, words):
    with pytest.raises(PictureError) as raised:
        to_picture(array)
    assert words in str(raised.value)


NUMBERS = st.one_of(
    arrays.boolean_dtypes(),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
)


@settings(max_examples=200)
@given(arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_any_gray_array_keeps_the_order_of_its_values(array):
    finite = np.isfinite(array)
    assume(finite.any())
    shown = gray(array)
    assert shown.shape == array.shape
    order = np.argsort(array[finite], kind="stable")
    assert (np.diff(shown[finite][order]) >= 0).all()
    assert (shown[~finite] == 255).all()


@settings(max_examples=100)
@given(arrays.arrays(NUMBERS, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)))
def test_any_array_at_all_is_a_picture_or_one_sentence(array):
    try:
        picture = to_picture(array)
    except PictureError as error:
        sentence(error)
    else:
        assert picture.data.startswith(b"\xff\xd8\xff")
