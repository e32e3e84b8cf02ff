"""A real nginx with TLS in front of an app, as an administrator would set it up."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.browser.waiting import until

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 100m;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;
        location {location} {{
            proxy_pass {upstream};
            {fields}
        }}
    }}
}}
"""
# What common guides set. Without it, nginx sends the name of the upstream as the host, and not the scheme.
USUAL_FIELDS = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;"


def nginx() -> str:
    """The path of the program."""
    path = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert path, "The tests with a reverse proxy need nginx. Install it with 'apt-get install nginx-light'."
    return path


@contextlib.contextmanager
def reverse_proxy(
    folder: Path, port: int, upstream: str, *, prefix: str = "", strips: bool = False, fields: str = USUAL_FIELDS
) -> Iterator[None]:
    """Run nginx at https://localhost:PORT until the block ends.

    Args:
        folder: for its files.
        port: where it listens.
        upstream: the address of the app.
        prefix: the path below which it shows the app.
        strips: whether it removes the prefix from requests.
        fields: directives for the header fields of requests.
    """
    folder.mkdir()
    _make_certificate(folder)
    configuration = folder / "nginx.conf"
    target = f"{upstream}/" if strips else upstream
    configuration.write_text(
        CONFIGURATION.format(folder=folder, port=port, location=f"{prefix}/", upstream=target, fields=fields)
    )
    process = subprocess.Popen([nginx(), "-c", str(configuration), "-e", str(folder / "error.log"), "-p", str(folder)])
    try:
        until(lambda: process.poll() is not None or _listens(port), (folder / "error.log").read_text)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(30)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
