"""Figures as they are, with nothing of theirs or of pyplot's changed."""

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from livewidget.errors import PictureError
from livewidget.pictures import to_picture

from .made import near, seen


@pytest.fixture
def figure():
    figure, axes = plt.subplots(figsize=(4, 3))
    axes.plot([1, 4, 2], "r", label="CANARY")
    yield figure
    plt.close("all")


def red(picture):
    shown = seen(picture)
    return int(((shown[:, :, 0] > 200) & (shown[:, :, 1] < 100)).sum())


def test_a_figure_fills_the_size_that_is_allowed(figure):
    for side in (768, 300):
        picture = to_picture(figure, max_side=side)
        assert max(picture.width, picture.height) == side
        assert red(picture) > side


def test_figures_and_axes_and_what_holds_axes_are_the_same_picture(figure):
    whole = to_picture(figure)
    inner = plt.figure(figsize=(4, 3)).subfigures(1, 2)[0]
    assert to_picture(figure.axes[0]).data == whole.data
    assert to_picture(np.array(figure.axes, dtype=object)).data == whole.data
    assert to_picture(inner.subplots()).data == to_picture(inner).data


def test_neither_the_figure_nor_pyplot_is_changed(figure):
    other = plt.figure()
    before = (figure.dpi, figure.get_size_inches().tolist(), figure.canvas, plt.get_fignums(), plt.gcf())
    to_picture(figure)
    to_picture(Figure())
    assert before == (
        figure.dpi, figure.get_size_inches().tolist(), figure.canvas, plt.get_fignums(), plt.gcf()
    )  # fmt: skip
    assert plt.gcf() is other


def test_a_figure_is_drawn_as_it_is_when_it_is_shown(figure):
    before = to_picture(figure)
    figure.axes[0].clear()
    assert red(before) > 500
    assert red(to_picture(figure)) == 0


def test_a_dark_figure_stays_dark_and_a_clear_one_is_white():
    with plt.style.context("dark_background"):
        dark = to_picture(plt.figure())
    clear = Figure(facecolor="none")
    assert near(seen(dark), (0, 0, 0))
    assert near(seen(to_picture(clear)), (255, 255, 255))
    plt.close("all")


def test_a_legend_beside_the_axes_is_in_the_picture_and_something_far_out_is_not(figure):
    axes = figure.axes[0]
    alone = to_picture(figure)
    axes.legend(loc="upper left", bbox_to_anchor=(1.05, 1.0))
    beside = to_picture(figure)
    assert beside.height < alone.height
    axes.plot([0.5], [1.5], "r.", transform=axes.transAxes, clip_on=False)
    axes.annotate("far", (0, 0), xytext=(40, 0), textcoords="axes fraction", annotation_clip=False)
    far = to_picture(figure)
    assert far.width / far.height < 2


def test_a_figure_that_cannot_be_drawn_is_one_sentence(figure):
    figure.axes[0].set_title("$\\undefined{x}$")
    with pytest.raises(PictureError, match=r"^This figure cannot be drawn \(ValueError\)\.$"):
        to_picture(figure)
