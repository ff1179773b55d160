"""Many calls routed by the hub: none is lost or duplicated, the order is kept, and the daemons do
not grow."""

import struct
import threading

import pytest

from pz import daemon, foreign, programs

ZONE = daemon.ZONE
OUTSTANDING = 128
ALLOWED_KIB = 2048
WARM_UP = 6000  # calls: more than the 4096 message ids that a daemon remembers of each peer


def frame(body):
    return struct.pack("<I", len(body)) + body


def whole_frames(buffer):
    """(start, end) of the bodies of complete frames, and where the next one begins."""
    bodies, at, size = [], 0, len(buffer)
    while size - at >= 4:
        end = at + 4 + int.from_bytes(buffer[at:at + 4], "little")
        if end > size:
            break
        bodies.append((at + 4, end))
        at = end
    return bodies, at


class Caller:
    """Keeps `outstanding` requests under way on one link; answers must come once each, in order."""

    def __init__(self, identity, link, to, method=foreign.TEST_METHOD, offset=0):
        self.link, self.offset = link, offset
        # The numbers have a fixed width, so that a request is a template with two of them filled in.
        self.head = (f'{{"type":"JSONRPC","from":"{identity.address}","to":"{to}","resp_to":'
                     f'"{identity.address}","id":').encode()
        self.middle = b',"payload":{"jsonrpc":"2.0","id":"c'
        self.tail = f'","method":"{method}","params":["{"x" * 100}"]}}}}'.encode()

    def requests(self, first, last):
        out = []
        for n in range(first, last):
            number = b"%09d" % (1000000 + self.offset + n)
            out.append(frame(self.head + b"1" + number + self.middle + number + self.tail))
        return b"".join(out)

    def run(self, count, outstanding=OUTSTANDING, expect=b'"result":"42 '):
        stream, buffer = self.link.stream, bytearray(self.link.buffer)
        stream.settimeout(60)
        sent = done = 0
        while done < count:
            more = min(count, done + outstanding)
            if more > sent:
                stream.sendall(self.requests(sent, more))
                sent = more
            chunk = stream.recv(262144)
            assert chunk, "the hub hung up"
            buffer += chunk
            bodies, used = whole_frames(buffer)
            for start, end in bodies:
                body = bytes(buffer[start:end])
                if b'"prop"' in body:
                    continue
                number = b'"c%09d"' % (1000000 + self.offset + done)
                assert number in body and expect in body, (done, body)
                done += 1
            del buffer[:used]
        self.offset += count
        self.link.buffer = buffer


class Server(threading.Thread):
    """Answers every request it reads, all of one read in one write."""

    def __init__(self, identity, link):
        super().__init__(daemon=True)
        self.identity, self.link, self.served = identity, link, 0
        self.head = f'{{"type":"JSONRPC","from":"{identity.address}","to":"'.encode()

    def run(self):
        stream, buffer = self.link.stream, bytearray()
        stream.settimeout(120)
        try:
            while True:
                chunk = stream.recv(262144)
                if not chunk:
                    return
                buffer += chunk
                bodies, used = whole_frames(buffer)
                answers = [self.answer(bytes(buffer[start:end])) for start, end in bodies]
                del buffer[:used]
                stream.sendall(b"".join(a for a in answers if a))
        except OSError:
            return

    def answer(self, body):
        at = body.find(b'"jsonrpc":"2.0","id":"c')
        if at < 0:
            return b""
        number = body[at + 23:at + 32]
        sender = body[body.index(b'"from":"') + 8:]
        sender = sender[:sender.index(b'"')]
        self.served += 1
        return frame(self.head + sender + b'","id":2' + number +
                     b',"payload":{"jsonrpc":"2.0","id":"c' + number + b'","result":"42 ' +
                     b"y" * 60 + b'"}}')


@pytest.fixture
def lean_zone(world):
    hub = world.hub(env=programs.LEAN)
    a = world.device("laptop", hub, env=programs.LEAN)
    return hub, a


def grown(one, before):
    """KiB that a daemon has grown since."""
    return one.rss_kib() - before


@pytest.mark.smoke
def test_routed_calls(lean_zone):
    hub, _ = lean_zone
    count = 100000
    one, two = foreign.join(hub, "one"), foreign.join(hub, "two")
    with one.connect("127.0.0.1", hub.port) as a, two.connect("127.0.0.1", hub.port) as b:
        server = Server(two, b)
        server.start()
        caller = Caller(one, a, two.address)
        caller.run(count // 5)  # buffers find their size
        before = hub.rss_kib()
        moved = hub.status()["messages"]
        caller.run(count)
        now = hub.status()["messages"]
        assert server.served == count + count // 5
        assert now["in"] - moved["in"] in range(2 * count, 2 * count + 10)
        assert now["out"] - moved["out"] in range(2 * count, 2 * count + 10)
        assert now["dropped"] == moved["dropped"]
        assert grown(hub, before) < ALLOWED_KIB, "the hub grows"  # 10 bytes a message would be as much


@pytest.mark.smoke
def test_calls_of_a_device(lean_zone):
    """The same against a real device: its service answers, its memory stays."""
    hub, device = lean_zone
    count = 3000 if programs.is_sanitized() else 20000
    one = foreign.join(hub, "one")
    with one.connect("127.0.0.1", hub.port) as a:
        caller = Caller(one, a, f"{ZONE}/laptop")
        caller.run(max(count, WARM_UP))
        before = device.rss_kib(), hub.rss_kib()
        caller.run(count)
        device_kib, hub_kib = grown(device, before[0]), grown(hub, before[1])
        assert device_kib < ALLOWED_KIB and hub_kib < ALLOWED_KIB


def test_many_pairs(lean_zone):
    """Sixteen links at once, through one hub."""
    hub, _ = lean_zone
    count = 200 if programs.is_sanitized() else 2000
    server_identity = foreign.join(hub, "server")
    callers = [foreign.join(hub, f"caller{n}") for n in range(8)]
    with server_identity.connect("127.0.0.1", hub.port) as link:
        server = Server(server_identity, link)
        server.start()
        problems = []

        def work(identity):
            try:
                with identity.connect("127.0.0.1", hub.port) as mine:
                    Caller(identity, mine, server_identity.address).run(count, outstanding=16)
            except Exception as problem:  # pylint: disable=broad-except
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(c,)) for c in callers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not problems, problems
        assert server.served == len(callers) * count
