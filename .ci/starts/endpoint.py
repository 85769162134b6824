"""AWS as a warm-up sees it: an HTTPS endpoint on this machine that answers the harmless first requests of DynamoDB's,
Lambda's and KMS's clients.
"""

import ssl
import subprocess
import threading
from pathlib import Path

from wire import Connection, Failed, Request, listen, port_of, serve

# A certificate of a server, and the one to trust: it has signed itself.
CERTIFICATE = """
[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
subjectAltName = DNS:localhost, IP:127.0.0.1
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
"""

# Answers by X-Amz-Target.
ANSWERS = {
    "DynamoDB_20120810.GetItem": (200, b"{}"),
    "TrentService.Sign": (400, b'{"__type":"DryRunOperationException","message":"The request would have succeeded."}'),
}


class Endpoint:
    """The endpoint. One bootstrap is started at a time, so whoever connects is that one."""

    def __init__(self, folder: Path) -> None:
        config, key, self.certificate = folder / "openssl.cnf", folder / "key.pem", folder / "certificate.pem"
        config.write_text(CERTIFICATE)
        openssl = ["openssl", "req", "-x509", "-config", config, "-days", "1", "-nodes", "-keyout", key]
        openssl += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.certificate]
        subprocess.run(openssl, check=True, stderr=subprocess.DEVNULL, timeout=30)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._lock = threading.Lock()
        self.forget()
        # KMS has one to itself, as in AWS: else a client would share its connection.
        self.url, self.url_of_kms = self._open(), self._open()

    def forget(self) -> None:
        """Begins anew, for another start."""
        with self._lock:
            self._answered = 0
            self._failures: list[str] = []

    def check(self, expected: bool) -> None:
        """Fails if a request since then could not be answered, and unless there were some where they are expected."""
        with self._lock:
            if self._failures:
                raise Failed(f"the endpoint could not answer a warm-up: {self._failures[0]}")
            if (self._answered > 0) != expected:
                raise Failed(
                    f"a start sent {self._answered} requests and {'logs' if expected else 'does not log'} how long it "
                    "waited for them: see to its warm-up and AWS_CA_BUNDLE"
                )

    def _open(self) -> str:
        listener = listen("localhost")
        serve(listener, self._converse)
        return f"https://localhost:{port_of(listener)}"

    def _converse(self, sock) -> None:
        try:
            connection = Connection(self._context.wrap_socket(sock, server_side=True))
            while (request := connection.request()) is not None:
                status, body = self._answer(request)
                # Counted before it is sent: whoever has got it may look at once.
                with self._lock:
                    self._answered += 1
                connection.answer(status, body)
        except ConnectionError:
            pass  # the bootstrap has been stopped
        except OSError as error:
            with self._lock:
                self._failures.append(str(error))

    def _answer(self, request: Request) -> tuple[int, bytes]:
        target = request.headers.get("x-amz-target")
        if target in ANSWERS:
            return ANSWERS[target]
        if request.headers.get("x-amz-invocation-type") == "DryRun":
            return 204, b""
        with self._lock:
            self._failures.append(f"it knows no answer to {target or request.path}: add it to ANSWERS")
        return 400, b"{}"
