"""Languages by name and by code."""

import pytest

from livewidget.models import LANGUAGES, language_code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("Spanish", "es"),
        ("  brazilian   portuguese ", "pt-BR"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Deutsch", "de"),
        ("日本語", "ja"),
        ("Mandarin", "cmn"),
        ("Lao", "lo"),
        ("es", "es"),
        ("EN-us", "en-US"),
        ("pt_br", "pt-BR"),
        ("zh-hans", "zh-Hans"),
        ("es-419", "es-419"),
        ("tlh", "tlh"),
        ("Klingon", None),
        ("en us", None),
        ("", None),
    ],
)
def test_a_language_by_name_or_code(given, code):
    assert language_code(given) == code


def test_every_name_and_code_leads_to_its_code():
    for code, name in LANGUAGES.items():
        assert language_code(code) == code
        assert language_code(name) == code
        assert language_code(name.upper()) == code
