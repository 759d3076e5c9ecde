"""What the tutor remembers of the talk: who one is, what was said before, what it was told to be.

All of it is read from the context, so that one hears what a model forgets: what compression dropped, what was
lost with a connection that was not resumed, and what a new instruction replaced.
"""

from __future__ import annotations

import re

from livewidget.standin.context import Context
from livewidget.standin.interfaces import Say

_NAMES = (
    "ada", "alan", "anna", "anton", "ben", "carl", "clara", "david", "emma", "grace", "john", "julia",
    "laura", "lisa", "lucy", "maria", "martin", "max", "mia", "nina", "oscar", "paul", "peter", "robert",
    "sarah", "sophie", "thomas", "tim", "tom",
)  # fmt: skip
PHRASES = (
    "what is my name", "do you remember my name", "what did i ask you before", "what did i ask before",
    "what did i ask first", "what was my first question", "what did i say before",
    "what are your instructions", "what is your instruction", "never mind", "cancel that",
    *(f"my name is {name}" for name in _NAMES),
)  # fmt: skip
"""What to listen for. Other names are understood when they are typed."""

_INTRODUCED = re.compile(r"\W*(?:(?:hello|hi|hey)\W+)?my name is (?P<name>[\w’' -]{1,40}?)\W*", re.IGNORECASE)
_CALLED = re.compile(
    r"\b(?i:you are called|your name is|call yourself)\s+(?P<name>[A-Z][\w’'-]*(?: [A-Z][\w’'-]*)?)"
)
_MEANT = (
    ("name", r"(?:do you (?:remember|know) )?what's my name|do you (?:remember|know) my name|who am i"),
    ("first", r"what (?:did i (?:ask|say)(?: you)? first|was my first question)"),
    ("before", r"what (?:did i (?:just )?(?:ask|say|tell)(?: you)?(?: before)?|was my last question)"),
    ("instruction", r"what(?: are|'s) your instructions?|what were you told(?: to do| to be)?"),
    ("self", r"what's your name|who are you"),
)
_QUESTIONS = tuple((what, re.compile(pattern)) for what, pattern in _MEANT)
_OFF = re.compile(
    r"(?:please )?(?:never mind|(?:cancel|forget|stop) (?:that|it|this|the (?:call|tool|function)))"
)
_LONGEST = 200  # characters of an instruction that are read aloud


def answer(text: str, context: Context) -> Say | None:
    """Return what to say to a question about the talk itself, or None where `text` is none.

    Args:
        text: What was asked; it is the last line of `context` already.
        context: What is remembered.
    """
    introduced = _INTRODUCED.fullmatch(text)
    if introduced:
        return Say(f"Nice to meet you, {_named(introduced)}.", ("I will remember this name.",))
    asked = " ".join(re.findall(r"[a-z']+", text.lower().replace("’", "'"))).replace("what is", "what's")
    what = next((what for what, pattern in _QUESTIONS if pattern.fullmatch(asked)), None)
    said = [line for role, line in context.lines if role == "user"][:-1]
    if what == "name":
        names = [_named(found) for line in said if (found := _INTRODUCED.fullmatch(line))]
        text = f"Your name is {names[-1]}." if names else "I do not know your name: you have not told me."
    elif what == "instruction":
        text = _instruction(context.instruction)
    elif what == "self":
        called = _CALLED.search(context.instruction)
        if called is None:
            return None
        text = f"My name is {called['name']}. I am still a small offline tutor."
    elif what is None:
        return None
    elif not said:
        text = "I remember nothing that you said before."
    else:
        which, line = ("first", said[0]) if what == "first" else ("last", said[-1])
        text = f"The {which} thing that I remember from you is: {line}"
    return Say(text, (f"This is about our talk: I remember {len(context.lines) - 1} lines of it.",))


def calls_off(text: str) -> bool:
    """Tell whether `text` says that what is being waited for is not wanted any more."""
    return _OFF.fullmatch(" ".join(re.findall(r"[a-z]+", text.lower()))) is not None


def _named(found: re.Match[str]) -> str:
    name = found["name"].strip()
    return name.title() if name.islower() else name


def _instruction(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        return "I was given no instruction."
    if len(words) > _LONGEST:
        words = words[:_LONGEST].rsplit(" ", 1)[0] + " …"
    return f"My instruction is: {words}"
