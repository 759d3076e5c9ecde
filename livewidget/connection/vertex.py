"""`VertexAI`: Vertex AI (Gemini Enterprise Agent Platform), with a project, a location and credentials."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
from typing import Any, Final

from livewidget.config.code import Call
from livewidget.connection.gemini import DEFAULT_MODEL, websocket_url
from livewidget.connection.keys import hide_key, refuse_key
from livewidget.connection.provider import Provider, require_known
from livewidget.errors import ConfigError, ConnectFailed, ExtraMissing, KeyMissing, KeyRefused
from livewidget.models import bare_id
from livewidget.secret import Secret, cut, hide
from livewidget.transports.base import Transport

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
#: Locations of several regions, which have a host name of another form.
MULTI_REGIONS: Final = ("us", "eu")
#: Where access tokens come from as a rule, in the form in which a proxy is looked for.
TOKEN_SERVER: Final = "wss://oauth2.googleapis.com"
#: Seconds to fetch an access token. Chosen: google-auth may read files and call several servers.
TOKEN_TIMEOUT: Final = 30.0


class VertexAI(Provider):
    """A model of Vertex AI. Unless credentials are passed, it needs the extra `vertex`."""

    service = "vertex"
    label = "Gemini"

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        project: str = "",
        location: str = "us-central1",
        *,
        credentials: Any = None,
        base_url: str | None = None,
        cafile: str | None = None,
        check_model: bool = True,
        direct: bool = False,
    ) -> None:
        """Choose a model.

        Args:
            model: Its id, or its whole path `projects/…/locations/…/publishers/google/models/…`.
            project: Id of the Google Cloud project.
            location: Where it runs: a region such as "us-central1", "us", "eu" or "global".
            credentials: From `google.auth`; None: application default credentials.
            base_url: Another server that speaks the Live API as Vertex AI does.
            cafile: A file of PEM certificates to trust in place of the system's.
            check_model: Whether a model that is not in `livewidget.models.MODELS` is refused; False for one
                that is newer than that table. With `base_url`, none is.
            direct: Not possible here: Vertex AI has no tokens that a page may hold.

        Raises:
            ConfigError: If `direct` is set, if there is no such model, or no project, or a name is malformed.
        """
        model, base_url = hide_key(model), hide(base_url)
        if direct:
            raise ConfigError(self._not_direct)
        self.model, self.project, self.location = "", project, location
        refuse_key(model)
        parts = model.strip().split("/")
        if len(parts) > 4 and parts[0] == "projects" and parts[2] == "locations":
            project, location = project or parts[1], parts[3]
        self.model = bare_id(model.strip())
        if not self.model or not project:
            raise ConfigError(
                'VertexAI needs a model and a project: VertexAI("gemini-3.8-live", "my-project").'
            )
        if (
            not location.replace("-", "").isalnum()
            or not project.replace("-", "").replace(":", "").replace(".", "").isalnum()
        ):
            raise ConfigError('A project is named like "my-project", a location like "us-central1".')
        self.project = project
        self.location = location
        self._credentials = credentials
        self._url = websocket_url(base_url) if base_url else f"wss://{host(location)}"
        self._cafile = cafile
        self._check_model = check_model and base_url is None
        self._require_known_model()

    @property
    def _not_direct(self) -> str:
        return (
            "Vertex AI has no ephemeral tokens, which a page needs to connect by itself: leave direct out, "
            "or use Gemini(…, direct=True)."
        )

    @property
    def badge(self) -> str:
        """Where the user's voice is sent."""
        return f"Vertex AI · {self.location} · {self.model}"

    def __repr__(self) -> str:
        return f"VertexAI({self.model!r}, {self.project!r}, {self.location!r})"

    def expression(self) -> Call:
        """Return the Python that makes it, without credentials: those are found where it runs."""
        base_url = None if self._url == f"wss://{host(self.location)}" else self._url
        options = {
            "project": self.project,
            "location": self.location,
            "base_url": base_url,
            "cafile": self._cafile,
        }
        given: dict[str, Any] = {name: value for name, value in options.items() if value}
        if not self._check_model and self._url == f"wss://{host(self.location)}":
            given["check_model"] = False
        return Call("VertexAI", (self.model,), given)

    def with_model(self, model: str) -> VertexAI:
        """Return a provider of another model in the same project and location.

        Raises:
            ConfigError: If there is no such model.
        """
        other = copy.copy(self)
        other.model = bare_id(model)
        other._require_known_model()
        return other

    def _require_known_model(self) -> None:
        if self._check_model:
            require_known(self.model, self.service)

    def model_path(self) -> str:
        """Return the model's whole path."""
        return f"projects/{self.project}/locations/{self.location}/publishers/google/models/{self.model}"

    def url(self) -> str:
        """Return the address to dial. A slash stands before the method, where the Gemini API has a dot."""
        version = self.capabilities.api_version
        return f"{self._url}/ws/google.cloud.aiplatform.{version}.LlmBidiService/BidiGenerateContent"

    async def dial(self) -> Transport:
        """Open a WebSocket with a fresh access token; see `livewidget.transports.websocket.dial`.

        Raises:
            ExtraMissing: If google-auth is needed and not installed.
            KeyMissing: If there are no credentials on this computer.
            KeyRefused: If there are some, and Google issues no token for them.
        """
        from livewidget.transports.websocket import dial

        failed: BaseException | None = None
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT):
                # google-auth blocks: it reads files and calls servers.
                headers = await asyncio.to_thread(self._headers)
        except TimeoutError:
            text = "Google Cloud gave no access token in time; check the network connection."
            failed = ConnectFailed(text)
        except BaseException as error:
            failed = error
        if failed is not None:
            raise cut(failed)  # frames of google-auth hold tokens
        return await dial(self.url(), headers=headers, cafile=self._cafile)

    def _headers(self) -> dict[str, Secret]:
        """Return what a connection is opened with."""
        credentials = self._credentials
        if credentials is None or not getattr(credentials, "valid", False):
            credentials = self._credentials = _refreshed(credentials)
        headers = {"Authorization": Secret(f"Bearer {credentials.token}")}
        if quota_project := getattr(credentials, "quota_project_id", None):
            headers["x-goog-user-project"] = Secret(quota_project)
        return headers


def host(location: str) -> str:
    """Return the host that serves `location`."""
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _unreachable() -> Exception:
    """Return the error for a token server that cannot be reached; it names the proxy on the way."""
    from livewidget.transports.websocket import find_proxy

    via = find_proxy(TOKEN_SERVER)
    if via is None:
        return ConnectFailed("Google's token server cannot be reached; check the network connection.")
    if via.is_socks and importlib.util.find_spec("socks") is None:
        return ExtraMissing(
            f"The proxy in {via.name} is a SOCKS proxy, over which google-auth needs the package PySocks: "
            "pip install PySocks"
        )
    return ConnectFailed(
        f"Google's token server cannot be reached through the proxy in {via.name} ({via.at}); check it."
    )


def _refreshed(credentials: Any) -> Any:
    """Return credentials with a fresh token: the given ones, or the application default ones."""
    try:
        import google.auth
        import google.auth.exceptions as faults
        import google.auth.transport.requests
    except ImportError:
        raise ExtraMissing('Vertex AI needs google-auth: pip install "livewidget[vertex]"') from None
    # What google-auth raises quotes responses of the token server, and its frames hold tokens.
    failed: Exception
    try:
        if credentials is None:
            credentials, _ = google.auth.default(scopes=[SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())
    except faults.DefaultCredentialsError:
        failed = KeyMissing(
            "No Google Cloud credentials were found: run gcloud auth application-default login, "
            "or pass credentials=…"
        )
    except faults.TransportError:
        failed = _unreachable()
    except faults.GoogleAuthError:
        failed = KeyRefused(
            "Google gives no token for these credentials; run gcloud auth application-default login again."
        )
    except Exception as error:
        failed = KeyRefused(
            f"These credentials gave no access token ({type(error).__name__}); check what credentials=… is."
        )
    else:
        return credentials
    raise failed
