"""A certificate for this computer's own address, signed by itself, that lives as long as the server."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from livewidget.errors import ExtraMissing

if TYPE_CHECKING:
    from cryptography import x509

_DAYS = 30


class Certificate:
    """The certificate's file, for clients to trust, and the server's TLS context.

    The private key is in a file only while the TLS library reads it, in a folder that only this user opens.

    Raises:
        ExtraMissing: If the `cryptography` package is not installed.
    """

    def __init__(self) -> None:
        certificate, key = _make()
        self._folder = Path(tempfile.mkdtemp(prefix="livewidget-"))
        try:
            self.path = self._folder / "cert.pem"
            self.path.write_bytes(certificate)
            secret = self._folder / "key.pem"
            with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key)
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(self.path, secret)
            secret.unlink()
        except BaseException:
            self.remove()
            raise

    def remove(self) -> None:
        """Delete the file and its folder; twice is allowed."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _make() -> tuple[bytes, bytes]:
    """Return a certificate for 127.0.0.1 and localhost and its private key, both PEM."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError:
        raise ExtraMissing(
            "Serving over wss needs a certificate of its own: "
            'pip install "livewidget[serve]", or serve ws alone.'
        ) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "livewidget on this computer")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        # Clients trust this file as their one authority; path length 0 keeps it from vouching for others.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # Python 3.13 is strict: an authority must name its key, its issuer's key, and what they are for.
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(identifier.digest, None, None), critical=False)
        .add_extension(_usage(), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return certificate.public_bytes(pem), private


def _usage() -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
