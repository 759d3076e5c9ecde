"""Real kernels, as a front end sees them: through jupyter_client, with subshells and comms."""

import contextlib
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import time

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from livewidget.ui import messages as m

ROOT = pathlib.Path(__file__).parents[2]


def python_with(ipykernel: str | None) -> str:
    """Return a Python that has this ipykernel; None: the one of the tests. `make kernels` sets the others up."""
    if ipykernel is None:
        return sys.executable
    python = pathlib.Path(sys.prefix) / "kernels" / ipykernel / "python"
    if not python.exists():
        pytest.skip(f"ipykernel {ipykernel} is not set up: run make kernels")
    return str(python)


class Kernel:
    """A running kernel. `run` executes a cell; `comm` sends what a page would send."""

    def __init__(self, ipykernel: str | None = None, env: dict[str, str] | None = None) -> None:
        # Not TCP: the ports would be chosen here and taken by the kernel, which starts for seconds, later;
        # on a busy computer somebody else has one of them by then.
        self._folder = tempfile.TemporaryDirectory(prefix="kernel-")
        self.manager = KernelManager(transport="ipc", ip=f"{self._folder.name}/socket")
        python = python_with(ipykernel)
        # The connection stays on this computer: what ipykernel says about its encryption does not matter here.
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager._kernel_spec = KernelSpec(argv=argv, display_name="test", language="python")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        extra = {"PYTHONPATH": path, "PYDEVD_DISABLE_FILE_VALIDATION": "1"} | (env or {})
        self.manager.start_kernel(
            env=os.environ | extra, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=str(ROOT)
        )
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.iopub: list[dict] = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self._folder.cleanup()

    def execute(
        self, code: str, cell: str = "", *, allow_stdin: bool = False, subshell: str | None = None
    ) -> str:
        """Send a cell and return the id of the request; does not wait."""
        message = self.client.session.msg(
            "execute_request",
            {
                "code": code,
                "silent": False,
                "store_history": True,
                "user_expressions": {},
                "allow_stdin": allow_stdin,
                "stop_on_error": False,
            },
            metadata={"cellId": cell} if cell else {},
        )
        if subshell:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def read(self, until, timeout: float = 20.0):
        """Read iopub until `until(message)` is true; keeps all that was read."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                message = self.client.get_iopub_msg(timeout=left)
                self.iopub.append(message)
                if until(message):
                    return message
        alive = "runs" if self.manager.is_alive() else "has ended"
        last = [message["msg_type"] for message in self.iopub[-5:]]
        raise TimeoutError(f"the kernel {alive} and did not say what was waited for, but at last {last}")

    def find(self, until, since: int, timeout: float = 20.0):
        """Return the first message from place `since` in `iopub` on that `until` is true of; reads on for it."""
        for message in self.iopub[since:]:
            if until(message):
                return message
        return self.read(until, timeout)

    def finish(self, request: str, timeout: float = 30.0) -> str:
        """Wait for a cell; returns what it printed."""
        start = len(self.iopub)
        mine = [message for message in self.iopub if message["parent_header"].get("msg_id") == request]
        if not any(is_idle(message) for message in mine):
            self.read(
                lambda message: message["parent_header"].get("msg_id") == request and is_idle(message),
                timeout,
            )
        said = ""
        for message in mine + self.iopub[start:]:
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "error":
                raise AssertionError("\n".join(message["content"]["traceback"]))
            if message["msg_type"] == "stream":
                said += message["content"]["text"]
        return said.strip()

    def run(self, code: str, cell: str = "", timeout: float = 30.0) -> str:
        """Run a cell to its end; returns what it printed."""
        return self.finish(self.execute(code, cell), timeout)

    def subshell(self) -> str:
        """Ask for a subshell, as JupyterLab does for its comms."""
        message = self.client.session.msg("create_subshell_request", {})
        self.client.control_channel.send(message)
        return self.client.control_channel.get_msg(timeout=20)["content"]["subshell_id"]

    def comm(self, comm_id: str, content: dict, buffers=(), subshell: str | None = None) -> None:
        """Send what a page sends with `model.send`."""
        session = self.client.session
        message = session.msg(
            "comm_msg", {"comm_id": comm_id, "data": {"method": "custom", "content": content}}
        )
        if subshell:
            message["header"]["subshell_id"] = subshell
        session.send(self.client.shell_channel.socket, message, buffers=list(buffers))


def is_idle(message) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


class KernelPage:
    """A page on a kernel: numbers its messages, and keeps what came."""

    def __init__(
        self, kernel: Kernel, comm_id: str, subshell: str | None = None, client: str = "page"
    ) -> None:
        self.kernel, self.comm_id, self.subshell, self.client = kernel, comm_id, subshell, client
        self.seq = {"control": 0, "microphone": 0, "camera": 0}

    def send(self, message, buffers=()) -> None:
        lane = next(place[0] for place, cls in m.FROM_PAGE.items() if cls is type(message))
        self.seq[lane] += 1
        content = m.encode(
            m.Envelope(epoch=0, seq=self.seq[lane], ack=0, message=message, client=self.client)
        )
        self.kernel.comm(self.comm_id, content, buffers, self.subshell)

    def hello(self) -> None:
        self.send(m.Hello(client=self.client, last_seq=0))

    def played(self) -> None:
        now = time.monotonic() * 1000
        self.send(
            m.PlaybackReport(
                ack_seq=0, turn=0, played_sample=0, buffered_ms=0, silent_samples=0, epoch=0, page_ms=now
            )
        )

    def voice(self, pcm: bytes = b"\0\0" * 640, *, age_ms: float = 0.0) -> None:
        captured = time.monotonic() * 1000 - age_ms
        self.send(m.MicrophoneAudio(first_sample=0, captured_ms=captured), [pcm])

    def speak(self, chunks: int) -> None:
        """Controller for so many chunks, and read meanwhile what the kernel says."""
        for number in range(chunks):
            self.voice()
            if number % 6 == 5:
                self.played()
            with contextlib.suppress(TimeoutError):
                self.kernel.read(lambda message: False, 0.02)

    def acknowledged(self) -> None:
        """Read until the kernel has handled all of the microphone's chunks."""
        self.wait_for(m.Heartbeat, lambda beat: beat.microphone_ack == self.seq["microphone"])

    def wait_for(self, kind, test=lambda message: True, timeout: float = 20.0, since: int | None = None):
        """Read until such a message came; returns it. One that was read from place `since` on counts too."""

        def is_it(message):
            body = self._body(message)
            return isinstance(body, kind) and test(body)

        found = self.kernel.find(is_it, len(self.kernel.iopub) if since is None else since, timeout)
        return self._body(found)

    def _body(self, message):
        content = message["content"]
        if message["msg_type"] != "comm_msg" or content["comm_id"] != self.comm_id:
            return None
        if content["data"].get("method") != "custom":
            return None
        return m.decode(content["data"]["content"], m.FROM_KERNEL).message
