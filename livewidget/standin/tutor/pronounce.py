"""How a word sounds that no dictionary holds: espeak's phonemes, spelled as the recogniser's."""

from __future__ import annotations

import re

# Longest first: "aɪɚ" is two phones, not "aɪ" and something else.
_PHONES = tuple(
    (pair.split(" ", 1)[0], pair.split(" ", 1)[1])
    for pair in [
        "aɪɚ AY ER",
        "aɪə AY AH",
        "tʃ CH",
        "dʒ JH",
        "eɪ EY",
        "aɪ AY",
        "ɔɪ OY",
        "aʊ AW",
        "oʊ OW",
        "əʊ OW",
        "juː Y UW",
        "ɑːɹ AA R",
        "ɔːɹ AO R",
        "oːɹ AO R",
        "ɪɹ IH R",
        "ɛɹ EH R",
        "ʊɹ UH R",
        "ɜː ER",
        "ɚ ER",
        "iː IY",
        "uː UW",
        "ɑː AA",
        "ɔː AO",
        "oː AO",
        "əl AH L",
        "n̩ AH N",
        "i IY",
        "ɪ IH",
        "ᵻ IH",
        "ɛ EH",
        "æ AE",
        "ʌ AH",
        "ə AH",
        "ɐ AH",
        "ʊ UH",
        "u UW",
        "ɔ AO",
        "ɑ AA",
        "a AE",
        "e EH",
        "o OW",
        "p P",
        "b B",
        "t T",
        "d D",
        "k K",
        "ɡ G",
        "g G",
        "f F",
        "v V",
        "θ TH",
        "ð DH",
        "s S",
        "z Z",
        "ʃ SH",
        "ʒ ZH",
        "h HH",
        "m M",
        "n N",
        "ŋ NG",
        "l L",
        "ɹ R",
        "r R",
        "j Y",
        "w W",
        "ɾ T",
        "ʔ T",
        "x K ",
    ]
)
_STRESS = re.compile("[ˈˌ\u200d_]")
_PHONE = re.compile("|".join(re.escape(ipa) for ipa, _ in _PHONES))
_ARPABET: dict[str, str] = dict(_PHONES)


def arpabet(ipa: str) -> str:
    """Return IPA as ARPAbet phones with spaces between; what has no counterpart in English is left out.

    Never empty: a word must have a phone to be in the dictionary.
    """
    phones = [_ARPABET[phone] for phone in _PHONE.findall(_STRESS.sub("", ipa))]
    return " ".join(phones) or "AH"
