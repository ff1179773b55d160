"""A client of the control socket: newline-delimited JSON-RPC 2.0 (src/ctl/server.h)."""

import json
import socket
import time

from .closing import Closing


class ControlError(Exception):
    """The daemon refused; `exit` is the command line's exit status."""

    def __init__(self, error):
        super().__init__(error.get("message", ""))
        self.exit = (error.get("data") or {}).get("exit")


class Control(Closing):
    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(str(path))
        except OSError:
            self.sock.close()
            raise
        self.file = self.sock.makefile("rb")
        self.next_id = 1

    def send(self, method, params=None, file=None):
        """`file`: an open file, or a descriptor, that goes with the request."""
        number, self.next_id = self.next_id, self.next_id + 1
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        line = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(self.sock, [line], [getattr(file, "fileno", lambda: file)()]) if file is not None else 0
        self.sock.sendall(line[sent:])
        return number

    def message(self, timeout=None):
        """The next answer or event."""
        if timeout is not None:
            self.sock.settimeout(max(timeout, 0.001))
        line = self.file.readline()
        if not line:
            raise ConnectionError("the daemon closed the control socket")
        return json.loads(line)

    def request(self, method, params=None, file=None):
        number = self.send(method, params, file)
        while True:
            message = self.message()
            if message.get("id") != number:
                continue
            if "error" in message:
                raise ControlError(message["error"])
            return message.get("result")

    def close(self):
        self.file.close()
        self.sock.close()


def wait_status(path, wanted, timeout, what):
    """Waits, woken by the daemon's own events, until its status is as wanted; returns the status."""
    deadline = time.monotonic() + timeout
    with Control(path) as watch, Control(path) as ask:
        watch.send("watch")
        while True:
            status = ask.request("status")
            if wanted(status):
                return status
            left = deadline - time.monotonic()
            assert left > 0, f"not {what} within {timeout} s: {status}"
            try:
                watch.message(left)
            except TimeoutError:
                watch.file = watch.sock.makefile("rb")  # a timed-out file cannot be read again
