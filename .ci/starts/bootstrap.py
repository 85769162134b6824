"""A released bootstrap, run as Lambda runs it: a process with Lambda's variables and a Runtime API of its own.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import select
import signal
import threading
import time
import uuid
from pathlib import Path

from wire import PATIENCE, Connection, Failed, Request, listen, port_of

NEXT = "/2018-06-01/runtime/invocation/next"
ACCOUNT = "123456789012"


class Bootstrap:
    """One function, as one instance of it: it is called once at a time."""

    def __init__(self, name: str, file: Path, variables: dict[str, str], log: Path) -> None:
        self.name = name
        self.calls: list[float] = []  # how long each call took, in seconds
        self._file = file
        self._log = log
        self._lock = threading.Lock()
        self._pid = 0
        self._listener = listen()
        self._connections: list[Connection] = []
        self._waiting: Connection | None = None  # where the bootstrap asked for work
        # Nothing of this process's own variables: Lambda would not have them either.
        self._variables = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TZ": ":UTC",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "starts",
            "AWS_SECRET_ACCESS_KEY": "starts",
            "AWS_SESSION_TOKEN": "starts",
            "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "starts",
            "LAMBDA_TASK_ROOT": str(file.parent),
            "_HANDLER": "bootstrap",
            **variables,
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port_of(self._listener)}",
        }

    def start(self) -> float:
        """Starts it, and gives the seconds from there to its first request for work."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        output = [(os.POSIX_SPAWN_OPEN, 1, str(self._log), flags, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)]
        began = time.perf_counter()
        # Unlike subprocess, this costs next to nothing itself.
        self._pid = os.posix_spawn(self._file, ["bootstrap"], self._variables, file_actions=output)
        return self._asks_for_work() - began

    @property
    def pid(self) -> int:
        """Its process; 0 if it has none."""
        return self._pid

    def warm_up(self) -> float | None:
        """The seconds that its start waited for its connections, as its log says; None if it has none to wait for."""
        for line in self._log.read_text().splitlines():
            event = json.loads(line)
            if event.get("event") == "start":
                return event["warm_up_us"] / 1e6
        return None

    def resident(self) -> int:
        """The bytes of memory that are in use now."""
        status = Path(f"/proc/{self._pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def call(self, event: bytes) -> tuple[bool, bytes]:
        """Has it handle an event: whether it did, and its answer. Callers wait for each other."""
        with self._lock:
            if self._waiting is None:
                raise Failed(f"{self.name} is not waiting for work: {self._last_words()}")
            request_id = str(uuid.uuid4())
            headers = {
                "lambda-runtime-aws-request-id": request_id,
                "lambda-runtime-deadline-ms": str(int((time.time() + 15) * 1000)),
                "lambda-runtime-invoked-function-arn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{self.name}",
                "lambda-runtime-trace-id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            }
            began = time.perf_counter()
            self._waiting.answer(200, event, headers)
            self._waiting = None
            arrived, connection, request = self._request()
            self.calls.append(arrived - began)
            connection.answer(202, b'{"status":"OK"}')
            prefix = f"/2018-06-01/runtime/invocation/{request_id}/"
            if request.path not in (prefix + "response", prefix + "error"):
                raise Failed(f"{self.name} answered a call by {request.method} {request.path}: teach this API that")
            self._asks_for_work()
            return request.path.endswith("/response"), request.body

    def stop(self) -> None:
        """Ends the process and waits for its end."""
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0
        for connection in self._connections:
            connection.close()
        self._listener.close()

    def _asks_for_work(self) -> float:
        """Waits until it does, and gives the moment."""
        arrived, connection, request = self._request()
        if (request.method, request.path) != ("GET", NEXT):
            said = request.body.decode(errors="replace")
            raise Failed(f"{self.name} sends {request.method} {request.path} instead of asking for work: {said}")
        self._waiting = connection
        return arrived

    def _request(self) -> tuple[float, Connection, Request]:
        """The next request on any connection, and the moment when it arrived."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            ready, _, _ = select.select([self._listener, *self._connections], [], [], 0.5)
            arrived = time.perf_counter()
            if not ready and os.waitpid(self._pid, os.WNOHANG) != (0, 0):
                self._pid = 0
                raise Failed(f"{self.name} has ended: {self._last_words()}")
            for one in ready:
                if one is self._listener:
                    self._connections.append(Connection(self._listener.accept()[0]))
                elif (request := one.request()) is not None:
                    return arrived, one, request
                else:
                    self._connections.remove(one)
                    one.close()
        raise Failed(f"{self.name} asked for nothing within {PATIENCE:.0f} s: {self._last_words()}")

    def _last_words(self) -> str:
        words = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return words[-1] if words else "it said nothing"
