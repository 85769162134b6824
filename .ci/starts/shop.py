"""The shop on these bootstraps: portico's gateway and database in front, here Lambda's Invoke API that gives each call
to the bootstrap it is for. So every event is one that the gateway really makes.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

import http.client
import json
import re
import shlex
import subprocess
import time
import uuid
from pathlib import Path

from bootstrap import Bootstrap
from wire import PATIENCE, Connection, Failed, listen, port_of, serve

INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations")
PORTICO = "target/debug/portico"


def environment(*arguments: str) -> dict[str, str]:
    """The functions' variables, as the template has them and as they are on this machine."""
    command = [PORTICO, "env", *arguments]
    printed = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=PATIENCE, text=True).stdout
    return dict(line.split("=", 1) for line in shlex.split(printed))


class Invoke:
    """Lambda's Invoke API for some bootstraps."""

    def __init__(self) -> None:
        self.functions: dict[str, Bootstrap] = {}
        listener = listen()
        self.url = f"http://127.0.0.1:{port_of(listener)}"
        serve(listener, self._converse)

    def _converse(self, sock) -> None:
        try:
            connection = Connection(sock)
            while (request := connection.request()) is not None:
                named = INVOKE.fullmatch(request.path)
                function = self.functions.get(named[1]) if named else None
                if function is None:
                    connection.answer(404, b'{"Message":"Function not found"}')
                elif request.headers.get("x-amz-invocation-type") == "DryRun":
                    connection.answer(204)
                else:
                    handled, answer = function.call(request.body)
                    connection.answer(200, answer, {} if handled else {"x-amz-function-error": "Unhandled"})
        except OSError:
            pass  # the gateway has been stopped


class Shop:
    """The gateway, as a client of it."""

    def __init__(self, invoke: Invoke, log: Path) -> None:
        with listen() as listener:
            self._port = port_of(listener)  # free until portico takes it, a moment later
        self._log = log
        command = [PORTICO, "--port", str(self._port), "--functions", invoke.url, "--no-throttle"]
        with log.open("w") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self._client = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        self._headers = {"content-type": "application/json"}

    def wait(self) -> None:
        """Until it answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise Failed(f"the shop did not start: {self._log.read_text().strip()}")
            try:
                self.send("GET", "/no-such-route", expected=404)
                return
            except OSError:
                self._client.close()
                time.sleep(0.05)
        raise Failed(f"the shop did not answer within {PATIENCE:.0f} s: {self._log.read_text().strip()}")

    def sign_in(self, username: str, password: str) -> None:
        """Signs in; the requests from now on are this user's."""
        answer = self.send("POST", "/login", {"username": username, "password": password})
        self._headers["authorization"] = f"Bearer {answer['token']}"

    def send(self, method: str, path: str, body: object = None, expected: int = 200) -> dict:
        """The JSON of the answer to one request."""
        headers = self._headers | {"idempotency-key": str(uuid.uuid4())}
        self._client.request(method, path, None if body is None else json.dumps(body), headers)
        response = self._client.getresponse()
        answer = response.read()
        if response.status != expected:
            raise Failed(f"{method} {path} is answered by {response.status} and not by {expected}: {answer.decode()}")
        return json.loads(answer)

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
