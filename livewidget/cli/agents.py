"""Somebody's agent, or client of the Gen AI SDK, as the command line names it: `adk:lamp:root_agent`.

What is named is imported as `python -m` would import it, with the current folder first, and given to the
class that joins its framework to livewidget. The modules are the user's and the frameworks other people's:
whatever goes wrong in them is one sentence, and neither tracebacks nor their logs fill the terminal.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import logging
import os
import sys
import warnings
from collections.abc import Callable
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from livewidget.cli import console
from livewidget.config import nearest
from livewidget.errors import ExtraMissing, KeyMissing, LiveError, UsageError
from livewidget.protocol.inspect import redact
from livewidget.text import plain_line

if TYPE_CHECKING:
    from livewidget.connection import Provider

#: Frameworks by the word that stands first in a spec: what its object is, as an example, and the extra's
#: packages.
FRAMEWORKS: Final = {
    "genai": ("client", "google-genai"),
    "adk": ("agent", "google-adk"),
    "livekit": ("function", "livekit-agents"),
    "pipecat": ("run_bot", "pipecat-ai"),
}
#: The framework of an object or a function, by the top of the modules that it, or its own module, is made of.
_MODULES: Final = {
    "google.adk": "adk",
    "google.genai": "genai",
    "livekit": "livekit",
    "pipecat": "pipecat",
}
#: How to say it, for `--help` and for what is not understood.
FORMS: Final = (
    "adk:module:agent, livekit:module:function, pipecat:module:run_bot, genai:module:client, genai alone, or "
    "module:name"
)
#: Longest words of a framework or a module that are quoted, in characters. Chosen: two lines of a terminal.
_WORDS: Final = 160


def provider_of(spec: str, model: str | None = None) -> Provider:
    """Return the provider for what the command line names.

    Args:
        spec: One of `FORMS`.
        model: The model for a client of the Gen AI SDK; None: its default. Agents have their own.

    Raises:
        UsageError: If there is no such thing, it cannot be imported, or it is no agent.
        ExtraMissing: If its framework is not installed.
    """
    framework, module, name = _parts(spec)
    _quiet_logs()
    if not module:
        provider = _guarded(spec, _default_client)
        return provider.with_model(model) if model else provider
    thing = _load(module, name)
    if framework == "":
        if (found := _as_provider(thing)) is not None:
            return found.with_model(model) if model else found
        framework = _framework_of(thing, module)
    if not framework:
        raise UsageError(
            f"{name} in {module} is {_kind(thing)}, which belongs to no known framework: name an agent, a "
            f"function or a client, as in {FORMS}."
        )
    take = {"genai": _genai, "adk": _adk, "livekit": _livekit, "pipecat": _pipecat}[framework]
    provider = _guarded(spec, lambda: take(thing))
    return provider.with_model(model) if model else provider


def _parts(spec: str) -> tuple[str, str, str]:
    """Return framework, module and name; the first is "" where it has to be found out."""
    parts = [part.strip() for part in spec.strip().split(":")]
    first = parts[0]
    if parts == ["genai"]:
        return "genai", "", ""
    if len(parts) == 2 and all(parts) and first not in FRAMEWORKS:
        framework, module, name = "", *parts
    elif len(parts) == 3 and all(parts) and first in FRAMEWORKS:
        framework, module, name = parts
    elif first in FRAMEWORKS:
        raise UsageError(
            f"Write {first}:module:{FRAMEWORKS[first][0]}, such as {first}:lamp:{FRAMEWORKS[first][0]}."
        )
    elif len(parts) == 3 and (near := nearest(first, FRAMEWORKS)):
        raise UsageError(f"{_cut(first)} is not a known framework; did you mean {near}?")
    else:
        raise UsageError(f"{_cut(spec)} does not name an agent: use {FORMS}.")
    if module.endswith(".py") or os.sep in module:
        bare = module.removesuffix(".py").replace(os.sep, ".").lstrip(".")
        raise UsageError(
            f"Name the module as import does, without a path and .py: {_cut(bare)}:{_cut(name)}."
        )
    return framework, module, name


def _load(module: str, name: str) -> Any:
    """Return what a module has under a name, which may be dotted.

    Raises:
        UsageError: If there is no such module or name, or the module does not run to its end.
    """
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        # What the module prints is not what the command was asked for.
        with contextlib.redirect_stdout(sys.stderr):
            thing: Any = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(_why_not_imported(error, module)) from error
    for part in name.split("."):
        if not hasattr(thing, part):
            names = [one for one in dir(thing) if not one.startswith("_")]
            near = nearest(part, names)
            raise UsageError(
                f"{_cut(module)} has no {_cut(part)}{f'; did you mean {near}?' if near else '.'}"
            )
        thing = getattr(thing, part)
    return thing


def _why_not_imported(error: BaseException, module: str) -> str:
    missing = error.name if isinstance(error, ModuleNotFoundError) else None
    if missing is not None and (module == missing or module.startswith(f"{missing}.")):
        return f"There is no module {_cut(module)}, neither in this folder nor among the installed packages."
    for top, framework in _MODULES.items():
        if missing is not None and (
            missing == top or missing.startswith(f"{top}.") or top == f"google.{missing}"
        ):
            return f'{_cut(module)} needs {FRAMEWORKS[framework][1]}: pip install "livewidget[{framework}]".'
    if missing is not None:
        return (
            f"{_cut(module)} cannot be imported: it needs the module {_cut(missing)}, which is not installed."
        )
    if isinstance(error, SyntaxError):
        where = f" in line {error.lineno}" if error.lineno else ""
        name = os.path.basename(error.filename or "") or module
        return f"{_cut(name)} is not Python: {type(error).__name__}{where}."
    # Not its own words, which may hold anything.
    spec = sys.modules.get(module) or _spec_of(module)
    path = getattr(spec, "__file__", None) or getattr(spec, "origin", None)
    step, line = error.__traceback__, None
    while step is not None:
        line = step.tb_lineno if step.tb_frame.f_code.co_filename == path else line
        step = step.tb_next
    return f"{_cut(module)} does not run: {type(error).__name__}{f' in line {line}' if line else ''}."


def _spec_of(module: str) -> Any:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def _as_provider(thing: Any) -> Provider | None:
    """Return a provider: the thing itself, that of a Pipecat transport, or one of a class of providers."""
    from livewidget.connection import Provider

    own = getattr(thing, "provider", None)  # of a LiveWidgetTransport
    for one in (thing, own):
        if isinstance(one, Provider):
            return one
    if isinstance(thing, type) and issubclass(thing, Provider):
        return _guarded(thing.__name__, thing)
    return None


def _framework_of(thing: Any, module: str) -> str:
    """Return whose a thing is, by the modules of its class, or of what a function and its module use."""
    if not inspect.isroutine(thing):
        classes = thing.__mro__ if isinstance(thing, type) else type(thing).__mro__
        return next(filter(None, (_known(cls.__module__) for cls in classes)), "")
    if inspect.iscoroutinefunction(thing) and "transport" in inspect.signature(thing).parameters:
        return "pipecat"
    hints = [hint for hint in getattr(thing, "__annotations__", {}).values() if not isinstance(hint, str)]
    used = [*hints, *vars(sys.modules[module]).values()]
    found = [
        _known(one.__name__ if isinstance(one, ModuleType) else getattr(one, "__module__", None))
        for one in used
    ]
    # A bot and a maker of LiveKit sessions may both use the SDK and its types; only a client comes from it.
    return next((one for one in found if one in ("pipecat", "livekit")), "")


def _known(module: Any) -> str:
    name = f"{module}." if isinstance(module, str) else ""
    return next((framework for top, framework in _MODULES.items() if name.startswith(f"{top}.")), "")


def _genai(client: Any) -> Provider:
    from livewidget.integrations.genai import GenAIClient

    # On a server of one's own there may be other models than those in the table.
    check = not os.environ.get("GOOGLE_GEMINI_BASE_URL")
    return GenAIClient(client, check_model=check)


def _default_client() -> Provider:
    from livewidget.integrations.genai import credentials_error

    try:
        from google import genai
    except ImportError:
        raise ExtraMissing('The Gen AI SDK is not installed: pip install "livewidget[genai]"') from None
    try:
        client = genai.Client()
    except ValueError as error:
        raise KeyMissing(
            "The Gen AI SDK cannot make a client here: set GOOGLE_API_KEY or GEMINI_API_KEY, or "
            "GOOGLE_GENAI_USE_VERTEXAI with GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION. It said: "
            f"{_words(error)}"
        ) from None
    except Exception as error:
        if not type(error).__module__.startswith("google.auth"):
            raise
        raise credentials_error(error) from None
    return _genai(client)


def _adk(agent: Any) -> Provider:
    from livewidget.integrations.adk import AdkAgent

    return AdkAgent(agent)


def _pipecat(run_bot: Any) -> Provider:
    from livewidget.integrations.pipecat import PipecatBot

    return PipecatBot(run_bot)


def _livekit(make: Any) -> Provider:
    """Return the provider for a function that makes an `AgentSession` and its `Agent`, for each talk anew."""
    from livewidget.integrations.livekit import LiveKitAgent

    if not callable(make):
        raise UsageError(_PAIR.format(what=f"{_kind(make)}"))
    agent: ContextVar[Any] = ContextVar("agent")  # Of the talk: both are made in one task of it.

    async def session() -> Any:
        made = make()
        made = await made if inspect.isawaitable(made) else made
        if not isinstance(made, tuple) or len(made) != 2:
            raise UsageError(_PAIR.format(what=f"a function that returns {_kind(made)}"))
        agent.set(made[1])
        return made[0]

    name = getattr(make, "__name__", "agent")
    made: Provider = LiveKitAgent(session, agent.get, name=name)
    return made


_PAIR: Final = (
    "For LiveKit, name a function without arguments that returns a session and its agent, such as def "
    "lamp(): return AgentSession(llm=…), Agent(instructions=…); this is {what}."
)


def _guarded(spec: str, make: Callable[[], Provider]) -> Provider:
    """Return what is made. Its warnings are printed as sentences, and its errors are ours."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", message=".* supports .*, but .* is installed")
        try:
            made = make()
        except LiveError:
            raise
        except Exception as error:
            raise UsageError(
                f"{_cut(spec)} cannot be used ({type(error).__name__}): {_words(error)}"
            ) from error
    for warning in caught:
        console.say(str(warning.message))
    return made


class _Sentences(logging.Handler):
    """Prints what frameworks log, from WARNING on, as one line each and without tracebacks.

    Errors that end a conversation, and are told as such, are not printed as well.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("google_adk."):
            from livewidget.integrations.adk import SILENCED

            if record.levelno >= SILENCED.get(record.name, logging.CRITICAL):
                return
        with contextlib.suppress(Exception):
            console.say(redact(f"{record.name}: {record.getMessage()}".splitlines()[0], long_words=True))


def _quiet_logs() -> None:
    """Let neither the logs of frameworks nor their tracebacks flood the terminal."""
    if not logging.getLogger().handlers:
        logging.getLogger().addHandler(_Sentences(logging.WARNING))
    if (
        importlib.util.find_spec("loguru") is not None
    ):  # Pipecat's; it prints everything unless told otherwise
        from loguru import logger

        logger.remove()
        logger.add(
            lambda line: console.say(redact(line.record["message"].splitlines()[0], long_words=True)),
            level=os.environ.get("LOGURU_LEVEL", "WARNING"),
        )


def who(provider: Provider, form: str) -> str:
    """Return whom somebody talks with, and where: both filled into `form`, unless the place says whom."""
    badge = provider.badge_in("program")
    return badge if badge.startswith(provider.label) else form.format(provider.label, badge)


def _kind(value: Any) -> str:
    """Return what a thing is, for people."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if inspect.isroutine(value):
        return "a function"
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _words(error: Exception) -> str:
    """Return what an error says, as the end of a sentence."""
    said = plain_line(redact(str(error), long_words=True)).rstrip(".")
    return f"{said}." if len(said) < _WORDS else f"{said[:_WORDS].rpartition(' ')[0]}…"


def _cut(word: str) -> str:
    """Return a word of the command line as it can be repeated."""
    return redact(plain_line(word), long_words=True)[:60]
