"""Frames and messages of page 4, over any stream with sendall, recv and settimeout."""

import itertools
import json
import select
import ssl
import struct
import time

from .closing import Closing

_ids = itertools.count(1)


def frame(body):
    """One frame of a message or of raw bytes."""
    if not isinstance(body, (bytes, bytearray)):
        body = json.dumps(body, separators=(",", ":")).encode()
    return struct.pack("<I", len(body)) + body


CHANNEL = 0x80000000  # the top bit of a frame's length: data of a channel (page 15)


def data(number, content):
    """A frame of a channel's data; the number is the receiver's."""
    return struct.pack("<II", CHANNEL | (4 + len(content)), number) + content


def take(buffer):
    """The first whole frame, taken out of a bytearray: (number of its channel or None, its bytes), or
    None before one is complete."""
    if len(buffer) < 4:
        return None
    (length,) = struct.unpack_from("<I", buffer)
    is_data, length = length >= CHANNEL, length % CHANNEL
    if len(buffer) < 4 + length:
        return None
    at = 8 if is_data else 4
    number = struct.unpack_from("<I", buffer, 4)[0] if is_data else None
    body = bytes(buffer[at:4 + length])
    del buffer[:4 + length]
    return number, body


def cut(buffer):
    """The bodies of the complete frames at the beginning of a bytearray, which are taken out of it."""
    bodies, at = [], 0
    while len(buffer) - at >= 4:
        (length,) = struct.unpack_from("<I", buffer, at)
        if len(buffer) - at - 4 < length:
            break
        bodies.append(bytes(buffer[at + 4:at + 4 + length]))
        at += 4 + length
    del buffer[:at]
    return bodies


def prop(sender, status, message=None, to=None):
    payload = {"status": status}
    if message is not None:
        payload["message"] = message
    envelope = {"type": "prop", "from": sender, "payload": payload}
    if to is not None:
        envelope["to"] = to
    return envelope


def rpc(sender, to, payload, **more):
    return {"type": "JSONRPC", "from": sender, "to": to, "resp_to": sender, "id": next_id(),
            "payload": payload, **more}


def request(method, params, call_id=None):
    return {"jsonrpc": "2.0", "id": call_id or f"call-{next_id()}", "method": method,
            "params": params}


def next_id():
    """Message ids of this process never repeat."""
    return next(_ids)


class Closed(Exception):
    """The other end closed the link."""


class Link(Closing):
    """One established TLS connection: frames in and out."""

    def __init__(self, stream):
        self.stream = stream
        self.buffer = bytearray()
        self.inbox = []

    def send(self, *messages):
        self.stream.sendall(b"".join(frame(m) for m in messages))

    def send_raw(self, data):
        self.stream.sendall(data)

    def _more(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing more came")
        self.stream.settimeout(left)
        try:
            chunk = self.stream.recv(65536)
        except TimeoutError:
            raise
        except OSError as error:  # ssl.SSLError among them: an alert
            raise Closed(str(error)) from error
        if not chunk:
            raise Closed("end of stream")
        self.buffer += chunk

    def receive(self, timeout=10):
        """The next message; Closed when the link is gone, TimeoutError when nothing came."""
        if self.inbox:
            return self.inbox.pop(0)
        return self._next(time.monotonic() + timeout)

    def _next(self, deadline):
        while True:
            body = self._one()
            if body is not None:
                return json.loads(body)
            self._more(deadline)

    def _one(self):
        """The body of the next complete frame, or None."""
        while (found := take(self.buffer)) is not None:
            number, body = found
            if number is None:
                return body
            self.on_data(number, body)
        return None

    def on_data(self, number, content):
        """Data of a channel; a user of channels puts a function of its own in this one's place."""

    def pump(self, data, is_done, timeout=60):
        """Sends and reads at once, as far as either goes, until is_done(inbox). For an ssl.SSLSocket."""
        left, deadline = memoryview(data), time.monotonic() + timeout
        self.stream.settimeout(0)
        while not is_done(self.inbox):
            has_moved = False
            try:
                if left:
                    left = left[self.stream.send(left[:16384]):]
                    has_moved = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                chunk = self.stream.recv(65536)
                if not chunk:
                    raise Closed("end of stream")
                self.buffer += chunk
                self.inbox += map(json.loads, cut(self.buffer))
                has_moved = True
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            if not has_moved:
                wait = max(0, deadline - time.monotonic())
                ready = select.select([self.stream], [self.stream] if left else [], [], wait)
                if not any(ready):
                    raise TimeoutError("neither sends nor hears anything")

    def expect(self, wanted, timeout=10):
        """The next message that is wanted; others wait in the inbox."""
        for i, message in enumerate(self.inbox):
            if wanted(message):
                return self.inbox.pop(i)
        deadline = time.monotonic() + timeout
        while True:
            message = self._next(deadline)
            if wanted(message):
                return message
            self.inbox.append(message)

    def expect_prop(self, status, timeout=10):
        """Returns payload.message of the next prop with this status."""
        message = self.expect(lambda m: is_prop(m, status), timeout)
        return message["payload"].get("message")

    def expect_answer(self, call_id, timeout=10):
        """Returns the payload of the answer to a request."""
        message = self.expect(lambda m: is_answer(m, call_id), timeout)
        return message["payload"]

    def until_closed(self, timeout=20):
        """Reads to the end of the link; returns the messages that came before it."""
        messages, self.inbox = self.inbox, []
        deadline = time.monotonic() + timeout
        try:
            while True:
                messages.append(self._next(deadline))
        except Closed:
            return messages

    def close(self):
        self.stream.close()


def is_prop(message, status):
    payload = message.get("payload")
    return message.get("type") == "prop" and isinstance(payload, dict) and payload.get("status") == status


def is_answer(message, call_id):
    payload = message.get("payload")
    return isinstance(payload, dict) and payload.get("id") == call_id and "method" not in payload
