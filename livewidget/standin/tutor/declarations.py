"""Declared functions as patterns: what a user may say to have one called, and its arguments.

Everything comes from the declaration: the words of the name, the parameters' names and types, a short
description. A parameter of any text is understood when typed ("weather in Paris"); when spoken, only from a
list of values that are usual for its name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from livewidget.standin.tutor.patterns import (
    WORDS,
    Pattern,
    Slot,
    Token,
    alternatives,
    find_choice,
    read_sections,
    spoken_name,
    words,
)

_VERBS, _ASKS_FOR = frozenset(WORDS["verbs"]), frozenset(WORDS["verbs that ask"])
_SETS = frozenset(WORDS["verbs that set"])
_PLACES = WORDS["places"]
_CONTENT = read_sections("english.txt")
#: Words for true and false, by a boolean parameter's name. Others are turned on and off.
_SWITCHED = {name: (yes, no) for names, yes, no in _CONTENT["switches"] for name in words(names)}
_ALSO_CALLED = {row[0]: row[1] for row in _CONTENT["also called"]}
#: The values that are usual for a parameter, by the last word of its name.
_KNOWN = {name: alternatives(values) for names, values in _CONTENT["values"] for name in words(names)}
#: Ways to ask for a function, by what they say.
_WAYS = {kind: alternatives(ways) for kind, ways in _CONTENT["functions"]}
_TRIMMED = " \t.,;:!?\"'”"


@dataclass(frozen=True, slots=True)
class DeclaredFunction:
    """A declared function, and how to ask for it.

    Attributes:
        name: The function's name.
        patterns: What the user may say; their intent is "tool:" and the name.
        slots: Parameters that a spoken word or number can fill.
        texts: Parameters that take any text, when typed.
        required: Parameters that a call needs.
        unfillable: Required parameters of types that nobody can say: lists and objects.
    """

    name: str
    patterns: tuple[Pattern, ...]
    slots: Mapping[str, Slot] = field(default_factory=dict)
    texts: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    unfillable: tuple[str, ...] = ()
    _noun: str = ""

    def free_text(self, typed: str) -> dict[str, str]:
        """Return the first text parameter, typed after a preposition: "weather in New Delhi"."""
        if not self.texts or not self._noun:
            return {}
        noun = r"\W+".join(map(re.escape, self._noun.split()))
        found = re.search(
            rf"\b{noun}s?\b\W+(?:in|for|of|to|about|at|on|with|called|named)\s+(.+)", typed, re.I
        )
        return {self.texts[0]: found[1].strip(_TRIMMED)} if found else {}

    def answer(self, parameter: str, typed: str, utterance: Sequence[Token]) -> Any:
        """Return the value of `parameter` in an answer to "Which …?", or None."""
        slot = self.slots.get(parameter)
        if slot is not None:
            if slot.choices and (spoken := find_choice(slot, utterance)) is not None:
                return slot.choices[spoken]
            if not slot.choices:
                return next((word for word in utterance if not isinstance(word, str)), None)
        return (typed.strip(_TRIMMED) or None) if parameter in self.texts else None


def read_declaration(declaration: Mapping[str, Any]) -> DeclaredFunction:
    """Read a declaration with JSON Schema or the OpenAPI subset; what is not understood is ignored."""
    name = str(declaration.get("name") or "")
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters") or {}
    properties: Mapping[str, Any] = schema.get("properties") or {} if isinstance(schema, Mapping) else {}
    required = [str(one) for one in (schema.get("required") or [])] if isinstance(schema, Mapping) else []
    slots, texts, unfillable = {}, [], []
    for key, raw in properties.items():
        definition = raw if isinstance(raw, Mapping) else {}
        kind, slot = _slot(key, definition)
        if slot is not None:
            slots[key] = slot
        if kind == "string" and not definition.get("enum"):
            texts.append(key)
        elif slot is None:
            unfillable.append(key)
    called = spoken_name(name).lower().split() or [name]
    described = re.findall(r"[a-z']+", str(declaration.get("description") or "").split(".")[0].lower())
    # A longer description is not what anybody says.
    phrases = _phrases(called, described if 2 <= len(described) <= 7 else [], slots)
    patterns = tuple(
        Pattern(text, f"tool:{name}", {slot: slots[slot] for slot in re.findall(r"\{(\w+)\}", text)})
        for text in dict.fromkeys(phrases)
    )
    noun = " ".join(called[1:] if called[0] in _VERBS and len(called) > 1 else called)
    return DeclaredFunction(
        name,
        patterns,
        slots,
        texts=tuple(texts),
        required=tuple(key for key in required if key in slots or key in texts),
        unfillable=tuple(key for key in required if key in unfillable),
        _noun=noun,
    )


def _slot(key: str, definition: Mapping[str, Any]) -> tuple[str, Slot | None]:
    kinds = definition.get("type")
    if kinds is None:  # Optional[int] is anyOf int and null
        options = [one for one in definition.get("anyOf") or [] if isinstance(one, Mapping)]
        definition = next((one for one in options if str(one.get("type")).lower() != "null"), definition)
        kinds = definition.get("type") or ("string" if definition.get("enum") else "")
    if isinstance(kinds, list):
        kinds = next((one for one in kinds if one != "null"), "")
    kind = str(kinds).lower()
    if definition.get("enum"):
        return kind, Slot({_spoken(value): value for value in definition["enum"] if value is not None})
    if kind == "boolean":
        yes, no = _SWITCHED.get(key.lower(), ("on", "off"))
        return kind, Slot({yes: True, no: False})
    if kind in {"integer", "number"}:
        low = _bound(definition.get("minimum"), 0)
        return kind, Slot(low=low, high=max(low, _bound(definition.get("maximum"), max(100, low))))
    known = _KNOWN.get(re.split(r"_|(?<=[a-z])(?=[A-Z])", key)[-1].lower())
    if kind == "string" and known:
        return kind, Slot({value: _written(key, value) for value in known})
    return kind, None


def _bound(value: Any, default: int) -> int:
    return min(100, max(0, int(value))) if isinstance(value, int | float) else default


def _spoken(value: Any) -> str:
    return " ".join(re.findall(r"[^\W_]+", str(value).lower())) or str(value).lower()


def _written(key: str, value: str) -> str:
    proper = any(word in key.lower() for word in (*_PLACES, "country", "nation"))
    return value.title() if proper else value


def _phrases(called: Sequence[str], described: Sequence[str], slots: Mapping[str, Slot]) -> list[str]:
    """Return the ways to ask for the function that its name and parameters suggest."""
    verb = called[0] if called[0] in _VERBS and len(called) > 1 else ""
    rest = list(called[1:] if verb else called)
    way = next((word for word in ("on", "off", "up", "down") if word in rest), "") if len(rest) > 1 else ""
    noun = " ".join(word for word in rest if word != way)
    phrases = [" ".join(called)]
    if described:
        phrases.append(" ".join(described))
    for name in dict.fromkeys((noun, _ALSO_CALLED.get(noun, noun))):
        if way:
            start = verb if verb and verb not in _SETS else "turn"
            phrases += [f"{v} {way} the {name}" for v in dict.fromkeys((start, "turn", "switch"))]
            phrases += [f"{start} the {name} {way}", f"{start} {way} {name}"]
        else:
            phrases += _plain(verb, name)
            phrases += [text for key, slot in slots.items() for text in _with_slot(verb, name, key, slot)]
    choices = [key for key, slot in slots.items() if slot.choices and True not in slot.choices.values()]
    for one, other in itertools.permutations(choices[:3], 2):
        phrases.append(f"{verb or 'make'} a {{{one}}} {{{other}}}")
        phrases.append(f"{verb or 'make'} a {{{one}}} {{{other}}} {noun}")
    return [text for text in phrases if text.strip()]


def _plain(verb: str, noun: str) -> list[str]:
    if not verb:
        return _ways("noun", noun=noun)
    return _ways("verb", verb=verb, noun=noun) + (_ways("question", noun=noun) if verb in _ASKS_FOR else [])


def _with_slot(verb: str, noun: str, key: str, slot: Slot) -> list[str]:
    word = " ".join(re.findall(r"[A-Z]?[a-z]+|\d+", key)).lower()
    if True in slot.choices.values() and len(slot.choices) == 2:
        kind = "on or off" if "on" in slot.choices else "two choices"
    elif not slot.choices:
        kind = "number"
    else:
        kind = "place" if word in (*_PLACES, "country") else "choice"
    return _ways(kind, verb=verb or "set", noun=noun, word=word, value=f"{{{key}}}")


def _ways(kind: str, **words: str) -> list[str]:
    return [way.format(**words) for way in _WAYS[kind]]
