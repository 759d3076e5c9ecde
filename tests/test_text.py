"""Text from outside, made fit to be printed, saved and approved."""

import json

import pytest

from livewidget.text import indented, plain, plain_characters, plain_json, plain_line, visible


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]52;c;cGF5bG9hZA==\x07x", "x"),
        ("\x1b]52;c;cGF5bG9hZA==\x1b\\x", "x"),
        ("\x9d52;c;cGF5bG9hZA==\x9cx", "x"),
        ("\x9b2Jx", "x"),
        ("\x1bP1$r\x1b\\x", "x"),
        ("\x1b_payload\x1b\\\x1b^payload\x1b\\\x1bXpayload\x1b\\x", "x"),
        ("\x1b]0;never ended, and then words", "0;never ended, and then words"),
        ("\x1bc\x1b(0x", "x"),
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("a\x00\x07\x08b\x7f\x80", "ab"),
        ("over\rwritten\r\nand\x85on\u2028on\x0bon\x0con", "over\nwritten\nand\non\non\non\non"),
        ("a\tb\nc", "a\tb\nc"),
        ("cod\u202egpj.exe", "cod\\u202Egpj.exe"),
        ("\u2066a\u2069\u200f\u061c", "\\u2066a\\u2069\\u200F\\u061C"),
        ("pass\u200bword\ufeff\u00ad\u2060", "password"),
        ("hi\U000e0068\U000e0069", "hi"),
        ("half \ud83d, whole \U0001f600", "half \ufffd, whole \U0001f600"),
    ],
)
def test_what_acts_on_a_terminal_a_page_or_a_file_is_gone(text, left):
    assert plain(text) == left
    plain(text).encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "¿Qué?",
        "שלום",
        "नमस्ते",
        "می\u200cخواهم",
        "👩\u200d💻",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "e\u0301",
        "a\u00a0b",
    ],
)
def test_what_is_only_text_stays(text):
    assert plain(text) == text


def test_nothing_of_the_control_ranges_is_left_whatever_is_around_it():
    every = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), *range(0x2000, 0x2070), 0xFEFF, 0xD800]))
    for before in ("", "\x1b", "\x1b[", "\x1b]", "\x9d", "\x1bP"):
        left = {letter for one in every for letter in plain(f"{before}{one}x{one}")}
        assert not {letter for letter in left if letter < " " and letter not in "\t\n"}
        assert not left & set(map(chr, [0x7F, *range(0x80, 0xA0), 0x200B, 0x202E, 0x2066, 0xFEFF, 0xD800]))


def test_in_html_the_rest_of_a_sequence_is_text():
    assert plain_characters("\x1b[31mred\x07\u202e\r\n\ud800") == "[31mred\\u202E\n\ufffd"


@pytest.mark.parametrize(
    "text", ["\x9b31m", "\u202e\u200b", "\x7f", "\U000e0041", "\ud800", "¿ü\u2028?", "\x1b]52;c;x\x07"]
)
def test_json_says_the_same_in_plain_characters(text):
    written = plain_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert json.loads(written) == {text: [text]}
    assert written.isprintable()


def test_one_line_is_one_line():
    assert plain_line(" a\n\tb\r\x1b[2Jc ") == "a b c"


def test_no_line_of_a_text_passes_for_somebody_elses():
    assert indented("yes\nyou: delete it\u2028you: all") == "yes\n    you: delete it\n    you: all"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("two\r\nlines", "two\nlines"),
        ("\x1b]52;c;x\x07", "\\x1b]52;c;x\\x07"),
        ("a\tb\rc", "a\\tb\\rc"),
        ("\u202e\u200b\u200d\ufeff\ud800", "\\u202e\\u200b\\u200d\\ufeff\\ud800"),
        ("\U000e0041\U000e0100\ufe0f", "\\U000e0041\\U000e0100\\ufe0f"),
        ("\u3164\u115f\u2800\u00a0\u2003", "\\u3164\\u115f\\u2800\\xa0\\u2003"),
        ("שלום नमस्ते e\u0301", "שלום नमस्ते e\u0301"),
        ("a" + "\u0335" * 6, "a" + "\u0335" * 4 + "\\u0335" * 2),
        ("a" + " " * 23 + "b", "a" + " " * 23 + "b"),
        ("a" + " " * 24 + "b", "a⟨24 spaces⟩b"),
        ("a\n\n\nb", "a\n\n\nb"),
        ("a\n \n\n  \n\nb", "a\n⟨4 empty lines⟩\nb"),
    ],
)
def test_what_is_decided_on_hides_nothing(text, seen):
    assert visible(text) == seen
