"""HTTP/1.1 as far as a bootstrap and the AWS SDK speak it to a server: one request after another on a kept connection.

The standard library's server would take as long for a request as a bootstrap for its start; this takes microseconds.
"""

import socket
import threading
from dataclasses import dataclass

PATIENCE = 30.0  # seconds that anything may take before the run fails


class Failed(Exception):
    """What ends the run, in one sentence."""


@dataclass
class Request:
    """A request. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Connection:
    """A client's connection."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self._reader = sock.makefile("rb")

    def fileno(self) -> int:
        """For select."""
        return self.sock.fileno()

    def request(self) -> Request | None:
        """The next request, or None once the client has gone."""
        line = self._reader.readline().split()
        if len(line) < 2:
            return None
        headers = {}
        while (header := self._reader.readline().strip()) != b"":
            name, _, value = header.partition(b":")
            headers[name.strip().lower().decode()] = value.strip().decode()
        body = self._reader.read(int(headers.get("content-length", "0")))
        return Request(line[0].decode(), line[1].decode(), headers, body)

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Sends an answer of JSON, or an empty one."""
        head = [f"HTTP/1.1 {status} -"]
        if status != 204:
            head += ["content-type: application/json", f"content-length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.sock.sendall("\r\n".join([*head, "", ""]).encode() + body)

    def close(self) -> None:
        """Ends it."""
        self._reader.close()
        self.sock.close()


def listen(host: str = "127.0.0.1") -> socket.socket:
    """A listener on a free port."""
    # As a client will find it: a machine may know localhost by its IPv6 address first.
    family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family)


def port_of(listener: socket.socket) -> int:
    """Its port."""
    return listener.getsockname()[1]


def serve(listener: socket.socket, answer) -> None:
    """Gives each new socket to `answer`, in a thread of its own, from now until the program ends."""

    def accept() -> None:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
