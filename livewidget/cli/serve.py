"""`livewidget serve`: the offline tutor on loopback, for the official SDKs and other people's clients."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import os
import re
import signal
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from livewidget.cli import console
from livewidget.errors import UsageError
from livewidget.secret import Secret

if TYPE_CHECKING:
    from livewidget.serving import Blocked

#: The variable that may hold the key to accept. It is not one of those that hold the key of a service.
KEY_VARIABLE: Final = "LIVEWIDGET_SERVE_KEY"
#: Different refusals that are reported. Chosen: more than one's own pages have origins.
_REFUSALS = 20
#: An origin or a host that can be shown, and given to the options.
_PLAIN = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?[a-z0-9._-]{1,253}(?::\d{1,5})?|null", re.ASCII)


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this command to the command line."""
    command = commands.add_parser(
        "serve",
        help="serve the offline tutor to any client of the Live API",
        description="Serve the offline tutor on this computer's own address, with and without TLS. When it "
        "is ready it prints one line of JSON: "
        '{"ws": "ws://127.0.0.1:…", "wss": "wss://127.0.0.1:…", "cert": "…/cert.pem"}; '
        "then it serves until Ctrl+C or SIGTERM. Ephemeral tokens are made at /v1alpha/auth_tokens of the "
        "same ports.",
    )
    command.add_argument(
        "--ws-port", type=port_number, default=0, metavar="N", help="port without TLS (any free one)"
    )
    command.add_argument(
        "--wss-port",
        type=port_number,
        metavar="N",
        help="port with TLS (any free one where livewidget[serve] is installed)",
    )
    command.add_argument(
        "--tls-cert",
        type=Path,
        metavar="FILE",
        help="serve wss with this certificate, such as one that browsers trust, instead of one of its own",
    )
    command.add_argument("--tls-key", type=Path, metavar="FILE", help="the certificate's key")
    command.add_argument("--no-tls", action="store_true", help="serve ws only; needs no certificate")
    command.add_argument(
        "--key-file",
        type=Path,
        metavar="FILE",
        help=f"accept only the key in this file, instead of any; the variable {KEY_VARIABLE} does the same",
    )
    command.add_argument(
        "--key",
        type=Secret,
        help="the same with the key itself, which other users of this computer see in the list of processes",
    )
    command.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="URL",
        help="let pages of this origin use the server, such as http://localhost:3000, or the address of a "
        "notebook for direct=True; null is that of pages opened from files, and of any page in a sandbox "
        "(may be repeated)",
    )
    command.add_argument(
        "--host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this name too, where a tunnel or a proxy leads here; the server still listens on "
        "127.0.0.1 only (may be repeated)",
    )
    command.add_argument(
        "--connection-s",
        type=float,
        metavar="S",
        help="seconds that a connection lasts, with a go away before its end (600)",
    )
    command.add_argument(
        "--lenient",
        action="store_true",
        help="accept what the service is only reported to refuse, such as typed text in clientContent of "
        "gemini-3.1-flash-live-preview",
    )
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until told to end."""
    asyncio.run(serve(arguments))
    return 0


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM, and close every session.

    Raises:
        UsageError: If a port cannot be used, or a part is not installed.
    """
    from livewidget.standin import StandIn
    from livewidget.standin.serve import Server
    from livewidget.standin.tutor.recognizer import why_missing

    ended = asyncio.Event()
    on_signals(ended)
    tls = load_tls(arguments.tls_cert, arguments.tls_key, "wss")
    wss_port = _wss_port(arguments)
    tutor = StandIn(connection_s=arguments.connection_s, lenient=arguments.lenient)
    if not tutor.hears:
        console.say(f"The tutor cannot understand speech here, only typed text: {why_missing()}.")
    server = Server(
        tutor,
        ws_port=arguments.ws_port,
        wss_port=wss_port,
        key=_key(arguments),
        origins=arguments.origin,
        hosts=arguments.host,
        tls=tls,
        on_refused=RefusalReporter(),
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            text = "A port cannot be used, perhaps because another program has it: choose others, or none."
            raise UsageError(text) from error
        console.out(server.ready_line())
        if arguments.origin:
            console.say(
                f"Pages of {', '.join(arguments.origin)} may connect to it themselves, as with "
                f'Gemini("offline-tutor", direct=True, base_url="{server.ws or server.wss}").'
            )
        await ended.wait()


class RefusalReporter:
    """Says on stderr, once for each, which page or name was refused, and what would let it in."""

    def __init__(self, host_flag: str = "--host") -> None:
        """Report nothing yet; `host_flag` is the option that lets a name in."""
        self._host_flag = host_flag
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, blocked: Blocked) -> None:
        """Report a refused request."""
        # Any web site can send one: what is no plain origin or name is not shown, and the lines have an end.
        value = blocked.value if _PLAIN.fullmatch(blocked.value) else ""
        key = (blocked.what, value)
        if key in self._seen or len(self._seen) > _REFUSALS:
            return
        self._seen.add(key)
        if len(self._seen) > _REFUSALS:
            console.say("More requests are refused; they are not reported any more.")
        elif blocked.what == "origin":
            page, flag = (f"of {value}", value) if value else ("of another origin", "ORIGIN")
            console.say(f"A page {page} was refused. If it is yours, start with --origin {flag}")
        else:
            name, flag = (value, value) if value else ("another name", "NAME")
            console.say(
                f"A request for {name} was refused: this server answers to 127.0.0.1 and localhost, at its "
                f"port. If that name leads here on purpose, start with {self._host_flag} {flag}"
            )


def on_signals(ended: asyncio.Event) -> None:
    """Set `ended` when the process is told to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, ended.set)
        except NotImplementedError:  # Windows' loops take none; this wakes them
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(ended.set))


def _key(arguments: argparse.Namespace) -> Secret | None:
    """Return the key to accept; None: any.

    Raises:
        UsageError: If the file cannot be read or holds no key, or two keys are given.
    """
    if arguments.key is not None and arguments.key_file is not None:
        raise UsageError("Give one key: --key-file or --key.")
    if arguments.key is not None:
        console.say(f"Others can read --key in the list of processes; use --key-file or {KEY_VARIABLE}.")
        return Secret(arguments.key)
    if arguments.key_file is None:
        return Secret(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None
    try:
        key = Secret(arguments.key_file.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"The key file {arguments.key_file.name} cannot be read: {why}.") from None
    if not key.reveal() or "\n" in key.reveal():
        raise UsageError(f"The key file {arguments.key_file.name} must hold one key on one line.")
    return key


def _wss_port(arguments: argparse.Namespace) -> int | None:
    """Return the port to serve wss on; None: none, and stderr says why where nobody asked for that."""
    if arguments.no_tls:
        return None
    port: int | None = arguments.wss_port
    if port is None and arguments.tls_cert is None and not _can_certify():
        text = 'wss is not served, only ws; for its certificate: pip install "livewidget[serve]".'
        console.say(text)
        return None
    return port or 0


def load_tls(cert: Path | None, key: Path | None, scheme: str) -> ssl.SSLContext | None:
    """Return what TLS is spoken with; None where no certificate is given.

    Args:
        cert: The file of the certificate, with those that lead to its authority.
        key: The file of its key.
        scheme: What is served with it, for people: "https" or "wss".

    Raises:
        UsageError: If one is missing, or a file is wrong.
    """
    if (cert is None) != (key is None):
        raise UsageError(f"{scheme} takes both, --tls-cert and --tls-key.")
    if cert is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password=_no_password)
    except OSError as error:  # SSLError among them
        # Which of the two it is, OpenSSL does not say.
        missing = next((file.name for file in (cert, key) if not file.is_file()), "")
        why = f"there is no file {missing}" if missing else _why_no_tls(error)
        raise UsageError(f"{scheme} cannot be served with that certificate: {why}.") from None
    return context


def _no_password() -> str:
    # OpenSSL would ask on the terminal.
    raise UsageError("The key of --tls-key is encrypted: give one that is not, as a file only you can read.")


def _why_no_tls(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return "the files are no certificate and its key in PEM format"
    return console.reason(error)


def _can_certify() -> bool:
    """Return whether certificates can be made: the package, and what it needs, may be missing or broken."""
    try:
        importlib.import_module("trustme")
    except Exception:  # cryptography is an extension module, which may fail in any way
        return False
    return True


def port_number(text: str) -> int:
    """Return the port that an option names."""
    value = int(text)
    if not 0 <= value <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 0, for any that is free, to 65535")
    return value
