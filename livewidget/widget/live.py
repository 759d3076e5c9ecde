"""`LiveWidget`: a conversation as an object of the notebook.

In: the cells of a notebook call its methods, and the kernel hands it the messages of pages (`_handle_msg`, on
whatever thread it chose). Out: messages to the pages over the widget's comm, the saved transcript as an
output, callbacks on a thread of their own. It owns a `Controller`, which does everything on the background
loop; each method here only calls it there, and waits for it where its docstring says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextvars import copy_context
from dataclasses import fields
from typing import Any, TypeVar, Unpack, overload

import anywidget

from livewidget.clock import check_seconds
from livewidget.config import ConfigOptions, Limits, LiveConfig, nearest
from livewidget.config.options import show_options
from livewidget.connection import Key, Provider
from livewidget.connection.keys import hide_key
from livewidget.errors import AnswerTimeout, StateError, UsageError
from livewidget.events import Event
from livewidget.pictures import to_picture
from livewidget.secret import hide
from livewidget.session import Frame, ReconnectPolicy, prepare_tools
from livewidget.session.client import check_policies, hide_unknown, prepare, resolve
from livewidget.session.hub import refuse_inside
from livewidget.session.outbox import text_message
from livewidget.session.usage import Meter
from livewidget.tools import TIMEOUT, Behavior, Scheduling, Tool
from livewidget.tools.result import RESULT_LIMIT
from livewidget.turns import Floor, Turn, Turns
from livewidget.ui.controller import Controller, Question
from livewidget.ui.messages import Busy, SocketOffer
from livewidget.ui.state import WidgetStats, error_text
from livewidget.ui.transcript import NO_WIDGET, again_html
from livewidget.widget import jupyter
from livewidget.widget.background import Callbacks, background, tool_loop
from livewidget.widget.jupyter import (
    CellWatch,
    LoopWatch,
    ProgressLine,
    keep_subshell_lane,
    send_replies_by_stream,
    wait_until,
)

F = TypeVar("F", bound=Callable[..., Any])

#: Seconds that a property waits for a busy background loop. Chosen: long for a person, no danger of a hang.
_MOMENT_S = 1.0
#: What `configure` changes: the fields of `LiveConfig`, which can be set and read as attributes, too.
_OPTIONS = frozenset(field.name for field in fields(LiveConfig))
_STATIC = pathlib.Path(__file__).parent.parent / "static"

#: The text in place of the card where it cannot be drawn: in a saved notebook, and in exports.
_EXPORTED = "A conversation, live while this notebook runs. What was said:"


class LiveWidget(anywidget.AnyWidget):  # type: ignore[misc, unused-ignore]
    """Talk with a live model in a notebook cell, while other cells run.

    Show it as the last line of a cell and press ●, or type; or use it from Python. Every method may be called
    in a cell while the conversation goes on, and only `ask`, `listen` and `wait` wait for anything.

    Args:
        provider_or_model: A model id, or `Gemini(…)`, `VertexAI(…)`, `StandIn(…)`. By default Gemini if there
            is a key in the environment, else the offline tutor; the badge shows which.
        model: A model id, as in `provider_or_model`.
        api_key: A key of the Gemini API, in place of the one in the environment. It is saved nowhere.
        direct: Whether the page itself connects to the service, with a token that is made for each
            connection, while everything is decided here: sound takes no way through the kernel, and goes on
            while a cell runs.
        tools: Functions that the model may call, MCP sessions, `McpServer`s. `@live.tool` adds functions.
        history: What was said before, for the model to know: `[("user", "…"), ("model", "…")]`.
        reconnect: What to do about connections that end, and about silence. By default no more silence is
            sent after 20 s without speech, until somebody speaks.
        limits: Bounds of calls, turns and waiting.
        explorer: Whether the explorer is open from the beginning.
        **config: The fields of `LiveConfig`: `voice`, `system_instruction`, `turn_detection`, and so on.

    Raises:
        UsageError: If a keyword, a value, the key or an installed part is wrong or missing; a subclass, whose
            message says in one sentence what to do.
    """

    # Text and not paths: anywidget would keep every widget alive for as long as a path may change.
    _esm = (_STATIC / "widget.js").read_text(encoding="utf-8")
    _css = (_STATIC / "widget.css").read_text(encoding="utf-8")

    @show_options
    def __init__(
        self,
        provider_or_model: Provider | str | None = None,
        *,
        model: str | None = None,
        api_key: str | Key | None = None,
        direct: bool = False,
        tools: Sequence[Any] = (),
        history: Sequence[tuple[str, str]] = (),
        reconnect: ReconnectPolicy | None = None,
        limits: Limits | None = None,
        explorer: bool = False,
        **config: Unpack[ConfigOptions],
    ) -> None:
        provider_or_model, model, api_key = hide_key(provider_or_model), hide_key(model), hide(api_key)
        config = hide_unknown(config)
        check_policies(reconnect, limits)
        provider = resolve(provider_or_model, model=model, api_key=api_key, direct=direct)
        spec = prepare(provider, tools, history, config, limits)
        self._shut = False
        self._pid = os.getpid()
        self._from_main = False
        self._loop = LoopWatch()
        self._cells = CellWatch(self._on_cell_end)
        self._background = background()
        # What tools and callbacks print and draw goes where this context points: to the cell with the widget.
        # A page's message has a context of its own, whose outputs nobody shows.
        self._context = copy_context()
        self._callbacks = Callbacks(self._on_callback_failed, lambda: self._context)
        self._hosted: Any = None
        self._links_shown: set[str] = set()
        self._controller = Controller(
            spec,
            post=self._post,
            publish=jupyter.publish,
            dispatch=self._callbacks.dispatch,
            callback_kinds=self._callbacks.kinds,
            busy=self._busy,
            kernel=jupyter.kernel_id(),
            tool_loop=tool_loop,
            reconnect=reconnect,
            explorer=bool(explorer),
            offer_socket=self._offer_socket,
            context=lambda: self._context.copy(),
        )
        super().__init__()
        keep_subshell_lane(self.comm)
        send_replies_by_stream()
        jupyter.close_previous_run(self)

    def start(self) -> None:
        """Start the conversation; returns at once. If that fails, the reason is shown under the widget."""
        self._call_soon(self._controller.start)

    def stop(self) -> None:
        """End the conversation; returns at once. The turns stay, and `start` starts a new session."""
        self._call_soon(self._controller.stop)

    def say(self, text: str) -> None:
        """Send `text` as if it had been typed; returns at once. Starts the conversation if needed."""
        if not isinstance(text, str):
            raise UsageError(f"say takes the text to send, not {type(text).__name__}.")
        self._call_soon(self._controller.say, text)

    def ask(self, text: str, timeout: float | None = None) -> Turn:
        """Send `text`, wait for the answer, and return it. Starts the conversation if needed.

        Questions asked at the same time, in several threads, are sent one after the other. A complete answer
        that the page still plays is played to its end first; an incomplete one is interrupted. Interrupting
        the kernel ends the wait, not the conversation. While it waits, a line under the cell says for what.

        Args:
            text: What to ask.
            timeout: Seconds that all of this may take, starting the conversation included; infinity: no
                limit. None: `Limits.ask_s`, which is 30 unless the widget was told otherwise.

        Returns:
            The model's turn. It may be `interrupted`, or `declined` where the model chose not to answer.

        Raises:
            AnswerTimeout: If there is no complete answer in time. A question that could not be sent by then
                is not sent any more.
            ServerFault: If the model ends its turn without an answer.
            StateError: If the question is interrupted before its answer begins; or in a tool or callback of
                this widget: use `say` there.
            LiveError: If the conversation cannot be started, or ends.
        """
        sessions = self._controller.sessions
        limits = sessions.wanted.limits or Limits()
        seconds = limits.ask_s if timeout is None else check_seconds(timeout, "timeout")
        question = Question(text, seconds, time.monotonic() + seconds)
        for owner in (self._callbacks, sessions.current):
            refuse_inside(owner, "say()")
        self._refuse_on_loop()
        text_message(text, self._controller.provider.capabilities)
        line = ProgressLine()
        future = self._background.submit(self._controller.ask(question), self._context)

        def is_done(at_most_s: float) -> bool:
            line.update(f"Waiting for {question.waits_for}…")
            return bool(wait([future], timeout=at_most_s).done)

        try:
            # The loop keeps the deadline. This is for a loop that does not come to it.
            if not wait_until(is_done, seconds + _MOMENT_S):
                raise AnswerTimeout(
                    f"No complete answer after {seconds:g} s: the widget's event loop does not respond. A "
                    "coroutine that blocks, as with time.sleep, stops it; make that a plain function."
                )
        except BaseException:
            future.cancel()
            raise
        finally:
            line.clear()
        return future.result()

    def interrupt(self) -> None:
        """Silence the model; returns at once."""
        self._call_soon(self._controller.interrupt)

    def show(self, x: Any, text: str | None = None) -> None:
        """Show the model a picture, as it is now; returns at once. Starts the conversation if needed.

        A picture alone is not answered: the model looks at it when it answers next. One picture a second is
        sent; up to eight wait, none is dropped, and what `say` and `ask` send follows them. The widget shows
        what was sent.

        Args:
            x: A path, the bytes of a picture file, a Pillow image, a NumPy array, a Matplotlib figure, a
                pandas table, or anything else that `livewidget.pictures.to_picture` takes. Call that function
                yourself to choose `max_side` and `quality`; what it returns is sent as it is.
            text: A question about it, sent right after it.

        Raises:
            PictureError: If it cannot be made a picture.
            UsageError: If the model takes no pictures, `text` cannot be sent, or too many pictures wait.
        """
        self._controller.images.check()
        if text is not None:
            text_message(text, self._controller.provider.capabilities)
        picture = to_picture(x)
        self._controller.images.reserve()
        self._call_soon(self._controller.show, picture, text or "")

    @property
    def turns(self) -> Turns:
        """The turns so far, oldest first: a new list each time, safe in any thread; shown as a table."""
        return self._controller.state.turns

    @property
    def phase(self) -> str:
        """How far the session is: "idle", "connecting", "live" or "ended"."""
        return self._controller.state.phase

    @property
    def floor(self) -> Floor:
        """Who may speak now."""
        return self._controller.state.floor

    def listen(self, timeout: float | None = None) -> Iterator[Turn]:
        """Yield each turn when it is complete, yours and the model's, until the session ends.

        The page works on meanwhile. A kernel with subshells (ipykernel 7 or newer, in a JupyterLab that uses
        them) does that by itself. ipykernel 6 has one queue, which this wait keeps moving through
        nest_asyncio2; cells that are run meanwhile are executed when the wait is over.

        Args:
            timeout: Seconds to wait for the next turn, after which the iteration ends; None or infinity: no
                limit.
        """
        self._refuse_on_loop()
        if timeout is not None:
            timeout = check_seconds(timeout, "timeout", zero=True)
        return self._listen(timeout, self._controller.state.listen())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the session has ended; the page works on as in `listen`.

        `timeout` is in seconds; None or infinity: no limit.

        Returns:
            Whether it has ended; False after `timeout` seconds.
        """
        self._refuse_on_loop()
        if timeout is not None:
            timeout = check_seconds(timeout, "timeout", zero=True)
        return wait_until(self._controller.state.still.wait, timeout)

    @overload
    def tool(self, function: F, /) -> F: ...
    @overload
    def tool(
        self,
        /,
        *,
        name: str | None = None,
        timeout: float = TIMEOUT,
        result_limit: int = RESULT_LIMIT,
        require_approval: bool | float = False,
        behavior: Behavior | None = None,
        scheduling: Scheduling | None = None,
    ) -> Callable[[F], F]: ...
    def tool(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        timeout: float = TIMEOUT,
        result_limit: int = RESULT_LIMIT,
        require_approval: bool | float = False,
        behavior: Behavior | None = None,
        scheduling: Scheduling | None = None,
    ) -> Any:
        """Offer a function to the model: `@live.tool`, or with options, which are those of `Tool.of`.

        `@live.tool(require_approval=True)` asks on the page before each call. An open session offers it at
        once if the model takes that (`contextUpdate`); else the conversation goes on over a new connection.

        Raises:
            ToolError: If it cannot be offered.
            ConfigError: If the model does not call tools in this way.
        """

        def add(target: F) -> F:
            provider = self._controller.provider
            declared = Tool.of(
                target,
                name=name,
                timeout=timeout,
                result_limit=result_limit,
                require_approval=require_approval,
                behavior=behavior,
                scheduling=scheduling,
            )
            prepare_tools([declared], provider.capabilities)
            self._call_soon(self._controller.add_tool, declared)
            return target

        return add if function is None else add(function)

    def approve(self, id: str, approved: bool = True) -> None:
        """Say whether a call that asks (`ToolApprovalRequested`) may run, as the buttons on the page do.

        Returns at once. Does nothing if no call with this id is waiting.
        """
        self._call_soon(self._controller.approve, id, approved)

    def on(self, kind: type) -> Callable[[F], F]:
        """Call a function with every event of a type: `@live.on(TurnComplete)`.

        `@live.on(Turn)` calls it with every turn that is complete. Functions run one after the other on a
        thread of their own; what they raise is shown under the widget.
        """
        if not isinstance(kind, type) or not issubclass(kind, (Event, Turn)):
            raise UsageError("on takes the type of an event, such as TurnComplete, or Turn.")

        def register(function: F) -> F:
            self._callbacks.add(kind, function)
            return function

        return register

    @property
    def config(self) -> LiveConfig:
        """What the session is asked to be."""
        self._wait_for_earlier_calls()
        return self._controller.sessions.config

    @show_options
    def configure(self, *, model: str | None = None, **changes: Unpack[ConfigOptions]) -> None:
        """Change what the session is asked to be; returns at once.

        The conversation goes on, over a new connection if that is needed. If the service refuses, the reason
        is shown under the widget and the conversation goes on as it was.

        Args:
            model: Another model of the same service; it gets what was said so far if it takes a history.
            **changes: Fields of `LiveConfig`, each replacing its value: `voice="Puck"`. To set one attribute
                is the same: `live.voice = "Puck"`.

        Raises:
            ConfigError: If a value is not possible; nothing is changed then.
        """
        self._wait_for_earlier_calls()  # Or an earlier change would not count in what is checked.
        wanted: dict[str, Any] = dict(changes)
        if model is not None:
            wanted["model"] = model
        self._controller.settings.with_keywords(wanted)
        self._call_soon(self._controller.configure, wanted)

    def code(self) -> str:
        """Return the Python that makes this session, as "Copy as code" does; no key is in it."""
        self._wait_for_earlier_calls()
        return self._controller.settings.code()

    @property
    def meter(self) -> Meter | None:
        """What the open session has used, what that costs, and how long its connection lasts; else None.

        The cost is an estimate from the prices published on the day that it names.
        """
        session = self._controller.sessions.current
        return None if session is None else session.meter

    @property
    def wire(self) -> list[Frame]:
        """The last frames of the session both ways, oldest first, without audio, pictures and secrets."""
        log = self._controller.sessions.wire
        return [] if log is None else log.frames

    def save_wire(self, path: str | os.PathLike[str]) -> None:
        """Write the frames of `wire` to a file, one JSON object per line.

        Raises:
            UsageError: If the file cannot be written.
        """
        text = "".join(f"{frame.line()}\n" for frame in self.wire)
        try:
            pathlib.Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"The frames cannot be saved there ({type(error).__name__}); name a file in your folder."
            ) from None

    @property
    def stats(self) -> WidgetStats:
        """What was left out or repeated so far, which tells why something was not heard, seen or called."""
        return self._controller.stats(self._callbacks.dropped)

    @property
    def page_url(self) -> str:
        """An address that shows this conversation as a page of its own, outside of the notebook.

        Each look gives a new one. It is for one use within an hour, and lets whoever opens it talk: give it
        to nobody. The page can take over microphone and speaker, and goes on while a cell runs, whatever the
        kernel. It is on 127.0.0.1 of the kernel's computer. Where that is not the browser's, run
        `ssh -L PORT:127.0.0.1:PORT` to it first, with the port of this address; or, if the notebook server
        has jupyter-server-proxy, put the server's own address and `proxy/` in the place of
        `http://127.0.0.1:`.

        Raises:
            StateError: If the widget was closed, or no port can be opened.
        """
        return self._page_url()

    def open_in_browser(self) -> None:
        """Show this conversation as a page of its own, in the browser of the kernel's screen.

        Where there is no such browser, as on another computer, a link to the page is shown in the cell, with
        how to get there. It works once, within five minutes, and vanishes then; see `page_url`.

        Raises:
            StateError: If the widget was closed, or no port can be opened.
        """
        # Here, since websockets takes its time.
        from livewidget.widget.page_server import LINK_S, find_browser, link_to, open_address

        if find_browser() is not None and open_address(self._page_url(LINK_S)):
            return
        link = link_to(self._page_url(LINK_S))
        if jupyter.kernel() is None:
            print(link["text/plain"])
            return
        display_id = f"livewidget-link-{os.urandom(8).hex()}"
        jupyter.publish(link, display_id, False)
        self._call_soon(self._remember_link, display_id, LINK_S)

    def close(self) -> None:
        """End the conversation and remove the widget from the page; returns at once. The transcript stays."""
        if getattr(self, "_shut", True):
            return
        self._shut = True
        self._cells.close()
        if self._background.alive:
            self._background.submit(self._end(), self._context)
        self._callbacks.close()
        layout = self.layout
        super().close()
        layout.close()

    def __getattr__(self, name: str) -> Any:
        if name in _OPTIONS:
            return getattr(self.config, name)
        near = None if name.startswith("_") else nearest(name, dir(self))
        hint = f"; did you mean {near}?" if near else "."
        raise AttributeError(f"LiveWidget has no attribute {name!r}{hint}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OPTIONS:
            self.configure(**{name: value})
            return
        known = getattr(type(self), name, None)
        # traitlets makes a class of each object's own, of the same name; other names are a user's subclasses.
        if name.startswith("_") or type(self).__name__ != LiveWidget.__name__:
            pass
        elif isinstance(known, property) and known.fset is None:
            raise UsageError(f"{name} can be read and not set.")
        elif callable(known) and not callable(value):
            raise UsageError(f"{name} is a method: call it, as in live.{name}(…).")
        elif known is None and not hasattr(type(self), name):
            near = nearest(name, _OPTIONS)
            hint = f"did you mean {near}?" if near else "keep the value in a variable of your own."
            raise UsageError(f"LiveWidget has no setting {name[:40]!r}; {hint}")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        own = [name for name in vars(LiveWidget) if not name.startswith("_")]
        return sorted({*own, *_OPTIONS, "layout", *vars(type(self))})

    def __repr__(self) -> str:
        if "_controller" not in vars(self):
            return "<LiveWidget that could not be made>"  # In a traceback that shows local variables.
        model, turns = self._controller.provider.model, len(self.turns)
        return f"<LiveWidget {model}: {self.phase}, {turns} turns>"

    def _ipython_display_(self, **_: Any) -> None:
        from IPython.display import publish_display_data

        self._context = copy_context()
        shown = self._repr_mimebundle_() if self._repr_mimebundle_ is not None else None
        if shown is not None:
            data, metadata = shown if isinstance(shown, tuple) else (shown, {})
            # What exports print above the transcript stays in the notebook, so it tells nothing that changes.
            data = {"text/html": NO_WIDGET, **data, "text/plain": _EXPORTED}
            publish_display_data(data, metadata)  # type: ignore[no-untyped-call, unused-ignore]
        transcript = self._controller.transcript
        publish_display_data({"text/html": again_html(transcript.css_class)})  # type: ignore[no-untyped-call, unused-ignore]
        transcript.display(self.turns)

    def _handle_msg(self, message: dict[str, Any]) -> None:
        # On whatever thread the kernel chose. A page may send messages and ask for the traits; it never sets
        # any: a saved or forged state must not start anything.
        data = message.get("content", {}).get("data", {})
        if data.get("method") == "custom":
            self._from_main = threading.current_thread() is threading.main_thread()
            self._loop.heard()
            buffers = [bytes(buffer) for buffer in message.get("buffers") or ()]
            self._call_soon(self._controller.receive, data.get("content"), buffers)
        elif data.get("method") == "request_state":
            super()._handle_msg(message)

    def _post(self, content: dict[str, Any], buffers: list[bytes]) -> None:
        if not self._shut and self.comm is not None:
            self.send(content, buffers)

    async def _end(self) -> None:
        try:
            self._forget_links()
            await self._controller.close()
        finally:
            if self._hosted is not None:
                await self._hosted.end()

    def _place(self) -> Any:
        """Return this widget's place on the kernel's server for pages; on the background loop."""
        if self._hosted is None:
            from livewidget.widget.page_server import Hosted, page_server

            title, links = self._controller.provider.label, self._controller.links
            server = page_server(self._background)
            self._hosted = Hosted(server, links, title, self._forget_links, lambda: self._controller.services)
        return self._hosted

    def _offer_socket(self, client: str, origin: str) -> SocketOffer:
        offer: SocketOffer = self._place().offer(client, origin)
        return offer

    def _page_url(self, *seconds: float) -> str:
        """Return an address of the companion page, for one use within so many seconds."""
        self._refuse_in_fork()
        if self._shut or not self._background.alive:
            raise StateError("This widget was closed; make a new one.")
        if self._background.here:
            raise StateError("The address of the page is to be had in a cell, not on the widget's loop.")

        async def page_url() -> str:
            address: str = self._place().page_url(*seconds)
            return address

        try:
            return self._background.submit(page_url()).result(_MOMENT_S)
        except TimeoutError:
            raise StateError("The widget's event loop does not respond; try again in a moment.") from None

    def _remember_link(self, display_id: str, seconds: float) -> None:
        """Take a link away again before it is old: what is in a cell is saved with the notebook."""
        self._links_shown.add(display_id)
        asyncio.get_running_loop().call_later(seconds, self._forget_link, display_id)

    def _forget_links(self) -> None:
        for display_id in list(self._links_shown):
            self._forget_link(display_id)

    def _forget_link(self, display_id: str) -> None:
        if display_id in self._links_shown:
            self._links_shown.remove(display_id)
            jupyter.publish({"text/plain": "", "text/html": ""}, display_id, True)

    def _busy(self) -> Busy:
        blocked = self._loop.is_blocked()
        # A cell that awaits leaves the loop free, and keeps an older kernel's queue of messages waiting.
        if self._cells.running and (blocked or self._from_main):
            return "cell"
        return "kernel" if blocked else ""

    def _call_soon(self, function: Callable[..., object], *args: object) -> None:
        """Call a function on the background loop, in the widget's context; do nothing once it has ended."""
        self._refuse_in_fork()
        try:
            self._background.loop.call_soon_threadsafe(function, *args, context=self._context.copy())
        except RuntimeError:
            if self._background.alive:
                raise

    def _wait_for_earlier_calls(self) -> None:
        if self._background.alive and not self._background.here:
            with contextlib.suppress(TimeoutError):
                self._background.submit(asyncio.sleep(0)).result(_MOMENT_S)

    def _on_cell_end(self) -> None:
        """Bring the transcript up to date: what executes notebooks may save this one now."""

        async def flush() -> None:
            self._controller.transcript.flush()

        if self._controller.transcript.is_behind and self._background.alive:
            with contextlib.suppress(TimeoutError):
                self._background.submit(flush()).result(_MOMENT_S)

    def _on_callback_failed(self, function: Callable[..., Any], error: BaseException) -> None:
        name = getattr(function, "__name__", "callback")
        text = f"The callback {name} failed: {error_text(error)}"
        self._call_soon(self._controller.relay.notice, "error", "callback-failed", text)

    def _refuse_on_loop(self) -> None:
        self._refuse_in_fork()
        if self._background.here:
            raise StateError("This would wait for itself: in a coroutine of a tool use say, not ask or wait.")

    def _refuse_in_fork(self) -> None:
        if os.getpid() != self._pid:
            raise StateError(
                "This widget was made in another process, and a fork of that cannot use it: make one here."
            )

    def _listen(self, timeout: float | None, listener: Any) -> Iterator[Turn]:
        taken: list[Turn | None] = []

        def next_turn(seconds: float) -> bool:
            with contextlib.suppress(queue.Empty):
                taken.append(listener.get(timeout=seconds) if seconds else listener.get_nowait())
            return bool(taken)

        try:
            while wait_until(next_turn, timeout):
                turn = taken.pop()
                if turn is None:
                    return
                yield turn
        finally:
            self._controller.state.unlisten(listener)
