"""A page that holds the socket to the service itself, over TLS with a certificate of one's own, in two browsers."""

from __future__ import annotations

import pytest
import trustme

from tests.browser.card import Card
from tests.browser.lab import LINKS, Lab, chromium, open_notebook
from tests.browser.sounds import TAP, heard
from tests.browser.test_direct import DIRECT, answers
from tests.hosts.firefox import firefox
from tests.noting_server import KEY, NotingServer

#: The address of each socket to the service.
SOCKETS = """
(() => {
  window.__services = [];
  window.__livewidgetTap = { ...window.__livewidgetTap, onServiceSocket: (socket) => window.__services.push(socket.url) };
})();
"""


@pytest.mark.hosts
@pytest.mark.parametrize("name", ["Chromium", "Firefox"])
def test_a_question_is_answered_over_wss(name, microphone, tmp_path):
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    key.write_bytes(issued.private_key_pem.bytes())
    start = firefox(microphone) if name == "Firefox" else chromium(microphone=microphone, repeats=True)
    lab = Lab(tmp_path)
    service = NotingServer("--tls", str(certificate), str(key), lab.url)
    try:
        with start as browser:
            first = DIRECT.format(model="gemini-3.8-live", key=KEY, url=service.wss, more="").replace(
                "direct=True", f"direct=True, cafile={str(tmp_path / 'authority.pem')!r}"
            )
            notebook = open_notebook(
                lab, browser, [first], scripts=(TAP, LINKS, SOCKETS), ignore_https_errors=True
            )
            notebook.run(0)
            card = Card(notebook.page)
            card.microphone.click()
            card.wait_for_words("gemini", "twelve", timeout=40)
            (address,) = notebook.page.evaluate("() => __services")
            assert address.startswith(f"{service.wss}/ws/")
            assert "access_token=auth_tokens" in address
            service.tell("goaway")
            notebook.page.wait_for_function("() => __services.length === 2", timeout=20_000)
            before = len(answers(notebook))
            notebook.page.wait_for_timeout(12_000)  # Who asks does so every six seconds.
            assert len(answers(notebook)) > before
            assert abs(heard(notebook.page)[0]).max() > 0.05, "it was not heard"
            assert card.notices() == []
    finally:
        service.close()
        lab.close()
