"""A WebSocket client written out: what a browser sends, and what no browser would send."""

import base64
import hashlib
import json
import os
import socket
import struct
import uuid

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def request(port, target="/", host=None, fields=(), method="GET", raw=None, timeout=10):
    """One HTTP request on a connection of its own. @return status, fields in lower case, body"""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as sock:
        head = f"{method} {target} HTTP/1.1\r\nHost: {host or f'localhost:{port}'}\r\nConnection: close\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in fields)
        sock.sendall(raw if raw is not None else head.encode("latin-1") + b"\r\n")
        answer = b""
        while True:
            part = sock.recv(65536)
            if not part:
                return parse(answer)
            answer += part


def parse(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
    return int(first.split()[1]), fields, body


class Refused(Exception):
    def __init__(self, status):
        super().__init__(f"refused with {status}")
        self.status = status


class Closed(Exception):
    def __init__(self, code, reason=""):
        super().__init__(f"closed with {code} {reason}")
        self.code, self.reason = code, reason


class Socket:
    """One connection. Frames go out masked, as a client has to."""

    def __init__(self, port, origin="https://app.example", host=None, target="/", fields=(), timeout=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.rest = b""
        key = base64.b64encode(os.urandom(16))
        lines = [f"GET {target} HTTP/1.1", f"Host: {host or f'localhost:{port}'}", "Upgrade: websocket",
                 "Connection: keep-alive, Upgrade", f"Sec-WebSocket-Key: {key.decode()}",
                 "Sec-WebSocket-Version: 13", *(f"{name}: {value}" for name, value in fields)]
        if origin is not None:
            lines.append(f"Origin: {origin}")
        self.sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.sock.recv(65536)
            if not part:
                break
            head += part
        if not head:
            self.sock.close()
            raise ConnectionResetError("closed without an answer")
        status, fields, _ = parse(head)
        if status != 101:
            self.sock.close()
            raise Refused(status)
        assert fields["sec-websocket-accept"] == base64.b64encode(hashlib.sha1(key + MAGIC).digest()).decode()
        self.rest = head.partition(b"\r\n\r\n")[2]

    def frame(self, opcode, payload=b"", fin=True, mask=True, rsv=0):
        """The bytes of one frame."""
        head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
        length, bit = len(payload), 0x80 if mask else 0
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += bytes([bit | 126]) + struct.pack(">H", length)
        else:
            head += bytes([bit | 127]) + struct.pack(">Q", length)
        if not mask:
            return head + payload
        key = os.urandom(4)
        repeated = key * (length // 4 + 1)
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:length], "big")).to_bytes(length, "big")
        return head + key + masked

    def send_frame(self, *args, **kwargs):
        self.sock.sendall(self.frame(*args, **kwargs))

    def send(self, message):
        self.send_frame(TEXT, json.dumps(message).encode())

    def _exactly(self, count):
        while len(self.rest) < count:
            part = self.sock.recv(65536)
            if not part:
                raise Closed(1006)
            self.rest += part
        got, self.rest = self.rest[:count], self.rest[count:]
        return got

    def receive_frame(self):
        first, second = self._exactly(2)
        length = second & 0x7F
        assert not second & 0x80, "a server must not mask"
        if length == 126:
            length = struct.unpack(">H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self._exactly(8))[0]
        return first & 0x0F, self._exactly(length)

    def receive(self):
        """The next message as JSON; pings are answered."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == TEXT:
                return json.loads(payload)
            if opcode == CLOSE:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                raise Closed(code, payload[2:].decode())
            if opcode == PING:
                self.send_frame(PONG, payload)

    def close(self):
        self.sock.close()


class App(Socket):
    """A page: registers as the original's client does, calls, and collects what comes."""

    def __init__(self, port, origin="https://app.example", register=True, **kwargs):
        super().__init__(port, origin, **kwargs)
        self.address = self.pzp = self.zone = None
        if register:
            self.register()

    def register(self, session=None):
        """`session`: {} for a secret by which the session goes on, {secret, keep?} to go on."""
        payload = {"status": "registerBrowser", "value": "/test.html", "origin": "http://forged"}
        if session is not None:
            payload["session"] = session
        self.send({"type": "prop", "from": None, "resp_to": None, "payload": payload})

    def wait_registered(self):
        message = self.prop("registeredBrowser")
        self.address, self.pzp = message["to"], message["from"]
        self.zone = message["payload"]["message"]
        return self

    def prop(self, status):
        """The next prop with this status; others are passed over."""
        while True:
            message = self.receive()
            if message["type"] == "prop" and message["payload"]["status"] == status:
                return message

    def request(self, to, method, params=None, id=None):
        """Sends a request. @return its id"""
        id = id or str(uuid.uuid4())
        payload = {"jsonrpc": "2.0", "id": id, "method": method}
        if params is not None:
            payload["params"] = params
        self.rpc(to, payload)
        return id

    def rpc(self, to, payload):
        self.send({"type": "JSONRPC", "from": self.address, "to": to, "resp_to": self.address, "payload": payload})

    def answer(self, id):
        """The payload that answers a request, and the call-backs before it."""
        callbacks = []
        while True:
            message = self.receive()
            if message["type"] != "JSONRPC":
                continue
            assert message["to"] == self.address and message["from"] != message["to"]
            payload = message["payload"]
            if payload.get("id") == id and "method" not in payload:
                return payload, callbacks
            callbacks.append(payload)

    def asked(self):
        """The next request to this app: who sent it, and its payload."""
        while True:
            message = self.receive()
            if message["type"] == "JSONRPC" and "method" in message["payload"]:
                return message["from"], message["payload"]

    def call(self, to, method, params=None):
        return self.answer(self.request(to, method, params))[0]

    def find(self, api):
        """The services of an API, by call-back."""
        id = self.request(self.pzp, "ServiceDiscovery.findServices", [{"api": api}, None, None])
        payload, callbacks = self.answer(id)
        assert "result" in payload, payload
        return [one["params"] for one in callbacks if one["method"] == f"{id}.onservicefound"]
