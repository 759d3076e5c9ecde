"""Ephemeral tokens: the body of `POST …/auth_tokens`, and what its field mask does to a setup.

Source: https://ai.google.dev/api/live#ephemeral-auth-tokens. The bodies are those of google-genai. What a
token fixes overwrites what the connection asks for, and the service does not say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec

from livewidget.protocol.codec import (
    ClientMessageError,
    encode_json,
    parse_strictly,
    read_strictly,
    with_extra,
)
from livewidget.protocol.lenient import camel, fields_of, snake
from livewidget.protocol.messages import GenerationConfig, Setup, Wire
from livewidget.secret import HIDDEN

#: A field of a setup, step by step: ("generation_config", "temperature").
Path = tuple[str, ...]


class AuthToken(Wire, frozen=True):
    """What a token is to be, and in the answer its `name`.

    Attributes:
        name: "auth_tokens/…", in answers only. It is a secret.
        uses: How many sessions may be opened; 0: any number, None: one.
        expire_time: RFC 3339; the service takes messages until then. None: for 30 minutes.
        new_session_expire_time: RFC 3339; sessions may be opened until then. None: for a minute.
        bidi_generate_content_setup: The setup, whole or in part; its model may be "".
        field_mask: Paths of the setup's fields, joined by commas; None with a setup: all of it.
    """

    name: str | None = None
    uses: int | None = None
    expire_time: str | None = None
    new_session_expire_time: str | None = None
    bidi_generate_content_setup: Setup | None = None
    field_mask: str | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = dict(super().__rich_repr__())
        return list((shown | {"name": self.name and HIDDEN}).items())


def encode_auth_token(token: AuthToken) -> bytes:
    """Return the body of a request, with the setup's `extra` in its place."""
    body = msgspec.to_builtins(token)
    if token.bidi_generate_content_setup is not None:
        setup = with_extra(token.bidi_generate_content_setup)
        if not setup.get("model"):
            setup.pop("model", None)
        body["bidiGenerateContentSetup"] = setup
    return encode_json(body)


def decode_auth_token(body: bytes) -> AuthToken:
    """Read the body of a request as the service does: lenient about spelling, strict about names.

    Raises:
        ClientMessageError: If the service would refuse it.
    """
    value = parse_strictly(body or b"{}")
    for name in ("bidiGenerateContentSetup", "bidi_generate_content_setup"):
        if isinstance(value, dict) and isinstance(value.get(name), dict):
            # Only here a setup may lack its model.
            value[name] = {"model": "", **value[name]}
    return read_strictly(AuthToken, value)


def mask_paths(mask: str) -> tuple[Path, ...]:
    """Return the paths of a field mask, in either spelling.

    A field of `generationConfig` may lack that before it: google-genai sends it so if there is only a mask.

    Raises:
        ClientMessageError: If the setup has no such field.
    """
    return tuple(_known(path.strip()) for path in mask.split(",") if path.strip())


def _known(path: str) -> Path:
    steps = tuple(snake(step) for step in path.split("."))
    if steps[0] not in fields_of(Setup) and steps[0] in fields_of(GenerationConfig):
        steps = ("generation_config", *steps)
    inside: type[Wire] | None = Setup
    for step in steps:
        field = fields_of(inside).get(step) if inside is not None else None
        if field is None:
            raise ClientMessageError(f'Invalid field mask path "{path[:60]}": Cannot find field.')
        inside = field.struct if not field.many else None
    return steps


def set_paths(setup: Setup) -> tuple[str, ...]:
    """Return the paths of all that `setup` sets, in camelCase and two steps deep, as google-genai does."""
    paths: list[str] = []
    for name, item in with_extra(setup).items():
        inside = item if isinstance(item, dict) and item and name != "labels" else None
        paths += [f"{camel(name)}.{camel(key)}" for key in inside] if inside else [camel(name)]
    return tuple(path for path in paths if path != "model" or setup.model)


def effective(setup: Setup, token: Setup | None, paths: Iterable[Path] | None) -> Setup:
    """Return the setup that takes effect on a connection with a token.

    Which session is resumed is not configuration: the connection's own handle counts, if the token's setup
    allows resumption at all.

    Args:
        setup: The connection's own setup.
        token: The setup that the token fixes, or None.
        paths: The fields that it fixes; None with a `token`: all of them.
    """
    handle = setup.session_resumption and setup.session_resumption.handle
    if paths is not None:
        setup = overwrite(setup, token, paths)
    elif token is not None:
        setup = msgspec.structs.replace(token, model=token.model or setup.model)
    if handle and setup.session_resumption is not None:
        resumption = msgspec.structs.replace(setup.session_resumption, handle=handle)
        setup = msgspec.structs.replace(setup, session_resumption=resumption)
    return setup


def overwrite(setup: Setup, token: Setup | None, paths: Iterable[Path]) -> Setup:
    """Return `setup` with the fields at `paths` as they are in `token`, without those that `token` lacks."""
    for path in paths:
        setup = cast(Setup, _put(Setup, setup, path, _at(token, path)))
    return setup


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = getattr(value, step, None)
    return value


def _put(kind: type[Wire], target: Wire | None, path: Path, value: Any) -> Wire | None:
    step, rest = path[0], path[1:]
    inside = fields_of(kind)[step].struct
    if rest and inside is not None:
        value = _put(inside, getattr(target, step, None), rest, value)
    if target is None:
        return None if value is None else kind(**{step: value})
    return msgspec.structs.replace(target, **{step: value})
