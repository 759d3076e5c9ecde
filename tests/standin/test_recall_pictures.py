import io

import pytest
from PIL import Image

from livewidget.standin import recall
from livewidget.standin.context import RecentPictures
from livewidget.standin.recall import PICTURE_PHRASES, image_size


def picture(kind, width=64, height=48, **options):
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "options", [{"kind": "PNG"}, {"kind": "JPEG"}, {"kind": "JPEG", "progressive": True}]
)
def test_sizes_as_the_picture_library_writes_them(options):
    assert image_size(picture(**options)) == (64, 48)
    assert image_size(picture(**options, width=1920, height=1080)) == (1920, 1080)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"GIF89a", bytes(100), picture("PNG")[:20]]
)
def test_what_is_no_picture_has_no_size(data):
    assert image_size(data) is None


def test_every_cut_of_a_picture_is_survived():
    jpeg = picture("JPEG")
    for end in range(len(jpeg)):
        assert image_size(jpeg[:end]) in (None, (64, 48))
    assert image_size(b"\xff\xd8" + b"\xff" * 1000) is None
    assert image_size(b"\xff\xd8" + b"\xff\xe0\x00\x00" * 1000) is None


async def ask(pictures, text):
    answer = await recall.answer_about_pictures(text, pictures)
    return answer and answer.text


def plain(colour, side=64, kind="JPEG", width=None):
    file = io.BytesIO()
    Image.new("RGB", (width or side, side), colour).save(file, kind)
    return file.getvalue()


def shown(*encoded):
    pictures = RecentPictures()
    for data in encoded:
        pictures.add(data)
    return pictures


async def test_it_says_how_little_it_sees():
    pictures = RecentPictures()
    assert await ask(pictures, "What do you see?") == "I have not been shown a picture."
    assert await ask(pictures, "what color is it") is None  # without a picture it is about something else
    pictures.add(picture("PNG"))
    assert "64 by 48 pixels" in await ask(pictures, "what can you see")
    assert "too small a program to tell what is on it" in await ask(pictures, "what can you see")
    pictures.add(b"?")
    assert "cannot read" in await ask(pictures, "can you see this")
    assert await ask(pictures, "How many pictures have you seen?") == "I have been shown two pictures."
    assert await ask(pictures, "what is seven plus five") is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("red", "red"), ("#c00000", "red"), ("orange", "orange"), ("#8b4513", "brown"), ("yellow", "yellow"),
        ("green", "green"), ("lime", "green"), ("turquoise", "turquoise"), ("blue", "blue"), ("navy", "blue"),
        ("purple", "purple"), ("hotpink", "pink"), ("pink", "pink"), ("white", "white"), ("black", "black"),
        ("gray", "grey"), ("#202020", "black"), ("#f4f4f0", "white"),
    ],
)  # fmt: skip
async def test_colours_by_their_everyday_names(colour, name, kind):
    assert await ask(shown(plain(colour, kind=kind)), "what color is it") == f"It is all {name}."


async def test_the_colour_that_most_of_it_has():
    half = Image.new("RGB", (90, 90), "red")
    half.paste((0, 0, 255), (0, 0, 90, 60))
    file = io.BytesIO()
    half.save(file, "PNG")
    assert await ask(shown(file.getvalue()), "What colour do you see?") == "It is mostly blue."


async def test_light_and_dark():
    for colour, word in (("black", "dark"), ("white", "light"), ("gray", "neither light nor dark")):
        assert await ask(shown(plain(colour)), "is it light or dark") == f"It is {word}."


async def test_whether_it_changed():
    noisy = Image.effect_noise((640, 480), 40).convert("RGB")
    first, second = io.BytesIO(), io.BytesIO()
    noisy.save(first, "JPEG", quality=90)
    noisy.save(second, "JPEG", quality=40)  # the same picture, in other bytes
    same = shown(first.getvalue(), second.getvalue())
    assert await ask(same, "has it changed") == "It looks the same since the picture before."
    other = shown(first.getvalue(), plain("green"))
    assert await ask(other, "has the picture changed") == "It has changed since the picture before."
    assert await ask(shown(plain("green")), "has it changed") == "It is my first picture."
    smaller = shown(plain("green"), plain("green", width=32))
    assert "has changed" in await ask(smaller, "has it changed")


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
async def test_large_pictures_are_looked_at_and_gigantic_ones_are_not(kind):
    assert "all blue" in await ask(shown(plain("blue", 4000, kind)), "what do you see")
    bomb = plain("blue", 6000, "PNG")
    assert len(bomb) < 200_000
    assert "could not look into it" in await ask(shown(bomb), "what do you see")


async def test_a_broken_picture_does_no_harm():
    for data in (plain("blue", 640)[:-400], plain("blue", 640, "PNG")[:-200], plain("blue")[:200]):
        answer = await ask(shown(data), "what do you see")
        assert "picture" in answer


async def test_only_the_last_two_pictures_arekept():
    pictures = shown(*[plain("blue")] * 50)
    assert len(pictures.kept) == 2
    assert await ask(pictures, "how many pictures") == "I have been shown fifty pictures."


async def test_what_it_thinks_about_a_picture():
    answer = await recall.answer_about_pictures("what color is it", shown(plain("blue")))
    assert answer.thoughts[1] == "Of its 48 by 48 parts, 100% are blue."


@pytest.mark.parametrize("question", PICTURE_PHRASES)
async def test_what_is_listened_for_is_understood(question):
    assert await recall.answer_about_pictures(question, shown(plain("blue"))) is not None
