"""Pressure (page 4, page 14 section 17): hostile peers are bounded, and others are still served."""

import concurrent.futures
import contextlib
import resource
import select
import socket
import ssl
import threading
import time

import pytest

from pz import daemon, foreign, programs, wire

ZONE = daemon.ZONE
HANDSHAKE_SECONDS = 15
HELLO_SECONDS = 3
SLOW_CONSUMER_SECONDS = 10


def flood(port, count, source):
    """`count` connections that say nothing; the ones that could be made."""
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.bind((source, 0))
        sock.setblocking(False)
        try:
            sock.connect(("127.0.0.1", port))
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            continue
        sockets.append(sock)
    return sockets


@contextlib.contextmanager
def held_full(port, sources, count):
    """`count` silent connections from each source, made again as soon as they are closed."""
    end, sockets = threading.Event(), []

    def again():
        while not end.is_set():
            for source in sources:
                mine = [s for s in sockets if s.getsockname()[0] == source]
                sockets.extend(flood(port, count - open_ones(mine), source))
            end.wait(0.1)

    thread = threading.Thread(target=again)
    thread.start()
    try:
        daemon.eventually(lambda: len(sockets) >= count * len(sources))
        yield sockets
    finally:
        end.set()
        thread.join()
        for sock in sockets:
            sock.close()


def open_ones(sockets):
    """How many the hub has not closed."""
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN | select.POLLRDHUP)
    closed = {fd for fd, events in poll.poll(0)
              if events & (select.POLLHUP | select.POLLRDHUP | select.POLLERR)}
    return len(sockets) - len(closed)


def test_connection_flood(zone):
    """Thousands of silent connections from one address: 64 are kept, and nobody else suffers."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10000, soft - 2000)
    before, began = zone.hub.rss_kib(), time.monotonic()
    sockets = []
    try:
        for _ in range(10):
            sockets += flood(zone.hub.port, count // 10, "127.0.0.2")
            zone.serves()
        daemon.eventually(lambda: open_ones(sockets) <= 64, what="closing of the others")
        zone.serves()
        assert zone.hub.rss_kib() - before < programs.patience(50 * 1024)
        zone.hub.wait_log("a newer connection of its address took its place")
        said = [line for line in zone.hub.lines if "127.0.0.2" in line]
        # Ten to twenty a second, of thousands of connections.
        assert len(said) <= 20 * (time.monotonic() - began + 2), "the log is flooded too"
        zone.world.device("radio", zone.hub)  # from another address, also an enrolment
    finally:
        for sock in sockets:
            sock.close()
    zone.serves()


def test_flood_from_many_addresses(make_zone):
    """The limit of all addresses together: a link is kept, and a device gets in all the while."""
    zone = make_zone("--limits-unauthenticated", "200")
    with held_full(zone.hub.port, [f"127.0.0.{n}" for n in range(2, 22)], 15) as sockets:
        daemon.eventually(lambda: open_ones(sockets) <= 200, what="closing of the others")
        zone.serves()
        for name in ("radio", "clock", "lamp"):
            zone.world.device(name, zone.hub)
        assert [c["id"] for c in zone.hub.status()["conditions"]] == ["waiting-room-full"]
    zone.serves()


def test_stranger_at_a_device(zone):
    """One address with a hundred silent connections: other devices get in."""
    with held_full(zone.a.status()["ports"]["tls"], ["127.0.0.9"], 100):
        for _ in range(3):
            zone.b.pzp("connect", "laptop")
            zone.b.pzp("disconnect", "laptop")


@pytest.mark.parametrize("daemon_of", ["hub", "a"], ids=["hub", "device"])
def test_few_descriptors(zone, daemon_of):
    """Strangers hold whatever they get: descriptors are left for the owner's commands."""
    one = getattr(zone, daemon_of)
    one.stop()
    one.prefix = ["prlimit", "--nofile=64:64"]
    one.start()
    port = one.port if daemon_of == "hub" else one.status()["ports"]["tls"]
    with held_full(port, [f"127.0.0.{n}" for n in range(2, 22)], 10):
        for _ in range(5):
            status = one.status()
            assert "waiting-room-full" in [c["id"] for c in status["conditions"]], status
    daemon.eventually(lambda: zone.b.call("test@laptop", "get42", "[]", check=False).code == 0)


@pytest.mark.parametrize("kind", [daemon.Hub, daemon.Device], ids=["hub", "device"])
def test_too_few_descriptors(world, kind):
    """A limit with which it could do nothing ends the start; a low soft one is raised."""
    for limit in (8, 24, 63):
        one = kind(world, f"few{limit}")
        one.prefix = ["prlimit", f"--nofile={limit}:{limit}"]
        one.start(ready=False)
        assert one.wait_end() == 1
        assert len(one.lines) == 1 and f"at most {limit} files" in one.lines[0] and "ulimit -n" in one.lines[0], one.log()
    one = kind(world, "soft")
    one.prefix = ["prlimit", "--nofile=16:1024"]
    one.start()


def test_handshake_flood(zone):
    """Connections that begin a handshake and go, over and over, while calls are made."""
    stop = threading.Event()
    made = [0]

    def attack():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", zone.hub.port), 5,
                                              source_address=("127.0.0.3", 0)) as sock:
                    context.wrap_socket(sock, server_hostname=foreign.sni(ZONE, "127.0.0.1")).close()
            except OSError:
                pass
            made[0] += 1

    threads = [threading.Thread(target=attack) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            zone.serves()
        assert made[0] > 10
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    zone.serves()


@pytest.mark.slow
def test_unfinished_handshakes(zone):
    """Nothing at all, half a ClientHello: 3 s. TLS without register: 15 s."""
    me = foreign.join(zone.hub, "dawdler")
    silent = socket.create_connection(("127.0.0.1", zone.hub.port), 10)
    half = socket.create_connection(("127.0.0.1", zone.hub.port), 10)
    half.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20))
    drip = socket.create_connection(("127.0.0.1", zone.hub.port), 10)
    drip.sendall(b"\x16")
    unregistered = me.dial("127.0.0.1", zone.hub.port)
    began = time.monotonic()
    zone.serves()
    try:
        drip.sendall(b"\x03")  # a byte now and then does not help
    except OSError:
        pass
    for sock in (silent, half, drip):
        assert ended(sock, HELLO_SECONDS + 5), "still open"
    assert HELLO_SECONDS - 1 < time.monotonic() - began < HANDSHAKE_SECONDS - 2
    unregistered.until_closed(timeout=20)
    assert HANDSHAKE_SECONDS - 5 < time.monotonic() - began < HANDSHAKE_SECONDS + 8
    for one in (silent, half, drip, unregistered):
        one.close()
    zone.serves()


def ended(sock, timeout):
    """True when the other end closed the connection within the time."""
    sock.settimeout(timeout)
    try:
        while sock.recv(4096):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


@pytest.mark.slow
def test_slow_consumer(make_zone):
    """A device that reads nothing: its feeder is held back, then it is closed; others go on."""
    zone = make_zone("--limits-queue-high", "1MiB", "--limits-queue-low", "512KiB")
    feeder, sleeper = foreign.join(zone.hub, "feeder"), foreign.join(zone.hub, "sleeper")
    before = zone.hub.rss_kib()
    with sleeper.connect("127.0.0.1", zone.hub.port, receive_buffer=4096), \
            feeder.connect("127.0.0.1", zone.hub.port) as link:
        requests = [wire.rpc(feeder.address, sleeper.address, wire.request("f.f", ["x" * 60000]))
                    for _ in range(400)]
        data = b"".join(map(wire.frame, requests))
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            fed = pool.submit(link.pump, data, lambda inbox: len(answers(inbox)) >= 300)
            line = zone.hub.wait_log("sleeper.*(slow|queue)|(slow|queue).*sleeper",
                                     timeout=SLOW_CONSUMER_SECONDS + 20)
            took = time.monotonic() - began
            assert SLOW_CONSUMER_SECONDS - 2 < took < SLOW_CONSUMER_SECONDS + 15, (took, line)
            assert zone.hub.rss_kib() - before < programs.patience(30 * 1024)
            fed.result()
        # congested for what was queued (the sockets' buffers have swallowed some), unreachable later
        codes = [m["payload"]["error"]["code"] for m in answers(link.inbox)]
        assert set(codes) == {-32001, -32002} and codes.count(-32002) >= 3, codes
    zone.serves()


def answers(inbox):
    return [m for m in inbox if m["type"] == "JSONRPC" and "error" in (m["payload"] or {})]


def test_others_are_served_while_one_is_held_back(make_zone):
    """page 14 DOS-4."""
    zone = make_zone("--limits-queue-high", "256KiB", "--limits-queue-low", "64KiB")
    feeder, sleeper = foreign.join(zone.hub, "feeder"), foreign.join(zone.hub, "sleeper")
    count = 300
    with sleeper.connect("127.0.0.1", zone.hub.port, receive_buffer=4096) as asleep, \
            feeder.connect("127.0.0.1", zone.hub.port) as link:
        requests = [wire.rpc(feeder.address, sleeper.address, wire.request("f.f", [n, "x" * 60000]))
                    for n in range(count)]
        link.stream.settimeout(60)
        sender = threading.Thread(target=link.send, args=requests)
        sender.start()
        for _ in range(3):
            zone.serves()
        assert sender.is_alive(), "the feeder is not held back"
        for n in range(count):  # it wakes up: everything comes, in order, once
            message = asleep.expect(lambda m: m["type"] == "JSONRPC", timeout=30)
            assert message["payload"]["params"][0] == n
        sender.join()
    zone.serves()


def test_garbage(zone):
    """Bytes that are no TLS, in all sizes."""
    for data in (b"\0", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 70000,
                 b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\x80\x2e\x01\x00\x02" + bytes(100), b"\x15\x03\x03\x00\x02\x02\x28"):
        with socket.create_connection(("127.0.0.1", zone.hub.port), 10) as sock:
            try:
                sock.sendall(data)
            except OSError:
                pass
            sock.shutdown(socket.SHUT_WR)
            assert ended(sock, 20)
    zone.serves()


def test_control_socket_garbage(zone):
    """The control socket is for the owner only, and still does not believe everything."""
    for data in (b"\n", b"hello\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b'{"jsonrpc":"2.0","id":1}\n',
                 b'{"jsonrpc":"2.0","id":1,"method":"no-such"}\n', b"x" * (3 << 20),
                 b'{"jsonrpc":"2.0","id":1,"method":"call","params":{"service":7}}\n',
                 b"[" * 100000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(zone.a.socket_path))
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            except (ConnectionError, BrokenPipeError):
                pass
    zone.serves()


def test_many_commands_at_once(shared_zone):
    threads = [threading.Thread(target=shared_zone.serves) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


FLOOD = 20000


def test_member_that_floods_is_refused(zone):
    """Page 14 DOS-1: 20 000 requests without waiting; another member's calls to the same device work
    all the while."""
    me = foreign.join(zone.hub, "mallory")
    tv = f"{ZONE}/tv"
    requests = [wire.rpc(me.address, tv, wire.request(foreign.TEST_METHOD, [str(n)])) for n in range(FLOOD)]
    left = {one["payload"]["id"] for one in requests}
    refused = answered = 0
    with me.connect("127.0.0.1", zone.hub.port) as link, concurrent.futures.ThreadPoolExecutor(1) as pool:
        link.stream.settimeout(60)
        sending = pool.submit(link.send, *requests)
        while not sending.done():
            zone.serves()
        zone.serves()
        while left:
            payload = link.receive(30)["payload"]
            if payload.get("id") not in left:
                continue
            left.remove(payload["id"])
            if "error" in payload:
                assert payload["error"]["code"] == -32002, payload
                refused += 1
            else:
                answered += 1
    assert refused > 0 and answered >= 2048, (refused, answered)
    metrics = zone.hub.status()["metrics"]
    assert metrics["messages_refused"] == refused
    said = [line for line in zone.hub.lines if "too-many-messages" in line]
    assert 1 <= len(said) <= 60 and "mallory" in said[0], said
    zone.serves()


def test_a_member_that_keeps_the_hub_busy(make_zone):
    """Page 4, page 14 DOS-1, DOS-8: searches without an end, over 256 services. Others are served between
    them, the hub rests from that link, and its owner is warned as long as the link is there."""
    zone = make_zone()
    me = foreign.join(zone.hub, "mallory")
    # It finds nothing, so there is nothing to be read.
    search = wire.frame(wire.prop(me.address, "findServices", {"id": "x", "api": "urn:none"}, to=ZONE))

    def flood(link):
        with contextlib.suppress(OSError):
            while True:
                link.send_raw(search * 500)

    def warnings():
        zone.serves()
        return [c["text"] for c in zone.hub.status()["conditions"] if c["id"] == "member-busy"]

    with me.connect("127.0.0.1", zone.hub.port) as link, concurrent.futures.ThreadPoolExecutor(1) as pool:
        me.announce(link, *(foreign.descriptor(me.address, display_name=f"s{n}") for n in range(256)))
        link.stream.settimeout(None)
        flooding = pool.submit(flood, link)
        try:
            (warning,) = daemon.eventually(warnings, 60, "warning")
        finally:
            zone.hub.pzh("revoke", "mallory", "--yes")  # as the warning says
        flooding.result()
    assert "mallory" in warning, warning
    assert not warnings()
    assert zone.hub.status()["metrics"]["links_rested"] > 0
