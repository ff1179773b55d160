"""
Calls of a program by WebSocket (page 11): through pzpd to its own and to a linked device's test service, beside an
echo on bare wslay and one on Node's ws; and what 1 000 programs that do nothing take. For scripts/bench, whose Home
is handed in.
"""

import base64
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import time

import ways

TEST = "http://webinos.org/api/test"
AT_ONCE = 150  # calls of one connection: below what an app may send at once
NODE_WS = pathlib.Path("/usr/share/nodejs/ws/index.js")
NODE_ECHO = f"""
const {{ WebSocketServer }} = require("{NODE_WS}");
new WebSocketServer({{ host: "127.0.0.1", port: Number(process.argv[1]), perMessageDeflate: false }})
  .on("connection", (ws) => ws.on("message", (data, isBinary) => ws.send(data, {{ binary: isBinary }})));
"""


class Socket:
    """A WebSocket whose handshake is done."""

    def __init__(self, port, token=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall((f"GET / HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n" +
                           (f"Authorization: Bearer {token}\r\n" if token else "") + "\r\n").encode())
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, _, self.rest = self.rest.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.decode())

    def _more(self):
        part = self.sock.recv(65536)
        if not part:
            raise RuntimeError("closed")
        self.rest += part

    def send(self, message):
        text = json.dumps(message).encode()
        length = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0xFE]) + len(text).to_bytes(2, "big")
        self.sock.sendall(b"\x81" + length + b"\0\0\0\0" + text)

    def receive(self):
        """The next message, as JSON."""
        at = 2
        while True:
            if len(self.rest) >= at:
                size = self.rest[1]
                if size == 126 and len(self.rest) >= 4:
                    size, at = int.from_bytes(self.rest[2:4], "big"), 4
                if size < 126 or at == 4:
                    if len(self.rest) >= at + size:
                        text, self.rest = self.rest[at:at + size], self.rest[at + size:]
                        return json.loads(text)
            self._more()

    def register(self):
        self.send({"type": "prop", "payload": {"status": "registerBrowser"}})
        hello = self.receive()
        self.me, self.pzp = hello["to"], hello["from"]
        self.receive()  # webinosVersion
        return self

    def find(self, device):
        """The test service of a device."""
        self.send({"type": "JSONRPC", "from": self.me, "to": self.pzp, "payload": {
            "jsonrpc": "2.0", "id": os.urandom(8).hex(), "method": "ServiceDiscovery.findServices", "params": [{"api": TEST}]}})
        found = None
        while True:
            rpc = self.receive()["payload"]
            if str(rpc.get("method", "")).endswith(".onservicefound") and rpc["params"]["serviceAddress"].endswith(device):
                found = rpc["params"]
            if "result" in rpc or "error" in rpc:
                return found

    def close(self):
        self.sock.close()


def run_calls(home, sock, head, tail):
    argv = [str(home.program("bench_ws")), "calls", str(sock.sock.fileno()), str(AT_ONCE), head, tail]
    sock.sock.setblocking(True)
    done = subprocess.run(argv, pass_fds=[sock.sock.fileno()], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def call_texts(sock, service):
    """What stands before and behind the id; the request has some 300 bytes."""
    whole = json.dumps({"type": "JSONRPC", "from": sock.me, "to": service["serviceAddress"], "payload": {
        "jsonrpc": "2.0", "id": "@", "method": f"{TEST}@{service['id']}.get42", "params": ["x" * 60]}})
    return whole.split('"@"')[0] + '"', '"' + whole.split('"@"')[1]


def through(home, port, token, device, connections):
    took = []
    for _ in range(connections):
        sock = Socket(port, token).register()
        took += run_calls(home, sock, *call_texts(sock, sock.find(device)))[10:]
        sock.close()
    return statistics.median(took)


def echoed(home, argv, connections):
    port, took = 0, []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([*argv, str(port)], stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                Socket(port).close()
                break
            except (OSError, RuntimeError):
                time.sleep(0.05)
        for _ in range(connections):
            sock = Socket(port)
            took += run_calls(home, sock, "x" * 150, "x" * 150)[10:]
            sock.close()
    finally:
        process.terminate()
        process.wait()
    return statistics.median(took)


def rss_kib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def idle(home, port, tokens, count):
    """Growth of pzpd for each program that is connected, registered and silent."""
    before, open_ones = rss_kib(home.running["laptop"].pid), []
    for number in range(count):
        open_ones.append(Socket(port, tokens[number // 16]).register())
    grown = rss_kib(home.running["laptop"].pid) - before
    for one in open_ones:
        one.close()
    return grown / count


def measure(home, count):
    """p50 of a call in us, one at a time; KiB of an idle program."""
    connections, idle_count = max(1, count // AT_ONCE), 1000 if count > AT_ONCE else 100
    row = {"wslay_p50_us": echoed(home, [str(home.program("bench_ws")), "echo"], connections)}
    if shutil.which("node") and NODE_WS.exists():
        row["node_p50_us"] = echoed(home, ["node", "-e", NODE_ECHO], connections)
    with home:
        both = ways.Ways(home)
        port = json.loads(home.run("laptop", "status", "--json")[0])["ports"]["web"]
        for one in json.loads(home.run("laptop", "apps", "--json")[0]):
            home.run("laptop", "apps", "forget", one["origin"])
        tokens = [home.run("laptop", "app", "token", f"bench{number}")[0].strip() for number in range(idle_count // 16 + 1)]
        row["hub_p50_us"] = through(home, port, tokens[0], "/tv", connections)
        both.direct()
        row["local_p50_us"] = through(home, port, tokens[0], "/laptop", connections)
        row["direct_p50_us"] = through(home, port, tokens[0], "/tv", connections)
        row["idle_kib"] = idle(home, port, tokens, idle_count)
    return row
