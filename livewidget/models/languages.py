"""Languages by their names, and the codes that the service takes for them."""

from __future__ import annotations

import re
from typing import Final

#: Names of languages in English, and what their speakers call them, by BCP-47 code. Chosen: what people ask a
#: model to speak; it need not be all, since a code is taken as it is.
_NAMES: Final = {
    "af": "Afrikaans",
    "ak": "Akan",
    "am": "Amharic",
    "ar": "Arabic, العربية",
    "as": "Assamese",
    "az": "Azerbaijani, Azeri",
    "be": "Belarusian",
    "bg": "Bulgarian, български",
    "bn": "Bengali, Bangla, বাংলা",
    "bs": "Bosnian",
    "ca": "Catalan, Català",
    "ceb": "Cebuano",
    "cmn": "Mandarin, Mandarin Chinese",
    "cs": "Czech, Čeština",
    "cy": "Welsh, Cymraeg",
    "da": "Danish, Dansk",
    "de": "German, Deutsch",
    "de-AT": "Austrian German, German (Austria)",
    "de-CH": "Swiss German, German (Switzerland)",
    "de-DE": "German (Germany)",
    "el": "Greek, Ελληνικά",
    "en": "English",
    "en-AU": "Australian English, English (Australia)",
    "en-GB": "British English, English (United Kingdom), English (UK)",
    "en-IN": "Indian English, English (India)",
    "en-US": "American English, US English, English (United States), English (US)",
    "eo": "Esperanto",
    "es": "Spanish, Castilian, Español, Castellano",
    "es-419": "Latin American Spanish, Spanish (Latin America)",
    "es-ES": "European Spanish, Spanish (Spain)",
    "es-MX": "Mexican Spanish, Spanish (Mexico)",
    "es-US": "US Spanish, Spanish (United States), Spanish (US)",
    "et": "Estonian, Eesti",
    "eu": "Basque, Euskara",
    "fa": "Persian, Farsi, فارسی",
    "fi": "Finnish, Suomi",
    "fil": "Filipino, Tagalog",
    "fo": "Faroese",
    "fr": "French, Français",
    "fr-CA": "Canadian French, French (Canada)",
    "fr-FR": "French (France)",
    "ga": "Irish, Gaeilge",
    "gl": "Galician, Galego",
    "gu": "Gujarati",
    "ha": "Hausa",
    "he": "Hebrew, עברית",
    "hi": "Hindi, हिन्दी",
    "hr": "Croatian, Hrvatski",
    "ht": "Haitian Creole, Haitian",
    "hu": "Hungarian, Magyar",
    "hy": "Armenian",
    "id": "Indonesian, Bahasa Indonesia",
    "ig": "Igbo",
    "is": "Icelandic, Íslenska",
    "it": "Italian, Italiano",
    "ja": "Japanese, 日本語",
    "jv": "Javanese",
    "ka": "Georgian",
    "kk": "Kazakh",
    "km": "Khmer, Cambodian",
    "kn": "Kannada",
    "ko": "Korean, 한국어",
    "ku": "Kurdish",
    "ky": "Kyrgyz",
    "la": "Latin",
    "lb": "Luxembourgish",
    "lo": "Lao",
    "lt": "Lithuanian, Lietuvių",
    "lv": "Latvian, Latviešu",
    "mg": "Malagasy",
    "mi": "Maori, Māori",
    "mk": "Macedonian",
    "ml": "Malayalam",
    "mn": "Mongolian",
    "mr": "Marathi",
    "ms": "Malay, Bahasa Melayu",
    "mt": "Maltese",
    "my": "Burmese, Myanmar",
    "nb": "Norwegian Bokmål, Bokmål",
    "ne": "Nepali",
    "nl": "Dutch, Flemish, Nederlands",
    "nn": "Norwegian Nynorsk, Nynorsk",
    "no": "Norwegian, Norsk",
    "ny": "Chichewa, Nyanja",
    "or": "Odia, Oriya",
    "pa": "Punjabi",
    "pl": "Polish, Polski",
    "ps": "Pashto",
    "pt": "Portuguese, Português",
    "pt-BR": "Brazilian Portuguese, Portuguese (Brazil), Brazilian",
    "pt-PT": "European Portuguese, Portuguese (Portugal)",
    "ro": "Romanian, Română",
    "ru": "Russian, Русский",
    "rw": "Kinyarwanda",
    "sd": "Sindhi",
    "si": "Sinhala, Sinhalese",
    "sk": "Slovak, Slovenčina",
    "sl": "Slovenian, Slovene, Slovenščina",
    "sn": "Shona",
    "so": "Somali",
    "sq": "Albanian, Shqip",
    "sr": "Serbian, Српски",
    "st": "Sesotho, Southern Sotho",
    "su": "Sundanese",
    "sv": "Swedish, Svenska",
    "sw": "Swahili, Kiswahili",
    "ta": "Tamil, தமிழ்",
    "te": "Telugu",
    "tg": "Tajik",
    "th": "Thai, ไทย",
    "tr": "Turkish, Türkçe",
    "uk": "Ukrainian, Українська",
    "ur": "Urdu, اردو",
    "uz": "Uzbek",
    "vi": "Vietnamese, Tiếng Việt",
    "xh": "Xhosa",
    "yi": "Yiddish",
    "yo": "Yoruba",
    "yue": "Cantonese",
    "zh": "Chinese, 中文",
    "zh-Hans": "Simplified Chinese, Chinese (Simplified), 简体中文",
    "zh-Hant": "Traditional Chinese, Chinese (Traditional), 繁體中文",
    "zu": "Zulu",
}
_CODES: Final = {name.casefold(): code for code, names in _NAMES.items() for name in names.split(", ")}
#: The English name of each, the first of its names.
LANGUAGES: Final = {code: names.split(", ")[0] for code, names in _NAMES.items()}
_TAG: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")


def language_code(language: str) -> str | None:
    """Return the BCP-47 code of a language given by name ("Spanish") or by code ("es", "pt_br").

    None if it is neither. A code is not looked up, since services know more of them than are listed here.
    """
    text = " ".join(language.split())
    code = _CODES.get(text.casefold())
    if code is not None:
        return code
    if not _TAG.fullmatch(text):
        return None
    first, *rest = text.replace("_", "-").split("-")
    # BCP-47 writes en-US and zh-Hans.
    return "-".join([first.lower(), *(_cased(part) for part in rest)])


def _cased(part: str) -> str:
    if len(part) == 2:
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part.lower()
