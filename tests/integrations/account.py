"""A service account made for a test: clients get a real token with a real key, from a server of our own."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@contextmanager
def service_account(folder, token):
    """Write the account's file, as the cloud's console would; give its path. Its tokens are all `token`."""

    class Tokens(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            right = b"assertion=" in asked and b"jwt-bearer" in asked
            body = json.dumps({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).encode()
            self.send_response(200 if right else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Tokens) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = folder / "account.json"
        path.write_text(json.dumps(_account(f"http://127.0.0.1:{server.server_port}/token")))
        try:
            yield path
        finally:
            server.shutdown()


def _account(token_uri):
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "type": "service_account",
        "project_id": "made-for-the-test",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "tutor@made-for-the-test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
