"""Direct links between devices that have a hub (page 6 "A direct link in the zone"): opened, used,
refused, ended, and no message is lost."""

import contextlib
import socket
import threading
import time

import pytest

from pz import daemon, fakepeer, programs, wire
from pz.capture import Capture
from pz.daemon import eventually, is_direct

ZONE = daemon.ZONE


class Calls(threading.Thread):
    """Calls one after the other, over the control socket, until told to stop; each must be answered."""

    def __init__(self, caller, callee):
        super().__init__(daemon=True)
        self.caller, self.callee = caller, callee
        self.count, self.problem, self._stop_now = 0, None, threading.Event()
        self._more = threading.Condition()
        self.start()

    def run(self):
        try:
            with self.caller.control() as control:
                while not self._stop_now.is_set():
                    answer = control.request("call", {
                        "service": f"test@{self.callee.device}", "function": "get42",
                        "params": [f"n{self.count}"]})
                    assert answer == {"result": f"42 n{self.count}"}, answer
                    with self._more:
                        self.count += 1
                        self._more.notify_all()
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem
        with self._more:
            self._more.notify_all()

    def more(self, count=5, timeout=30):
        """Until that many more have been answered."""
        with self._more:
            wanted = self.count + count
            assert self._more.wait_for(lambda: self.count >= wanted or self.problem, timeout), \
                f"no answer within {timeout} s after {self.count}"
        assert self.problem is None, (self.count, self.problem)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._stop_now.set()
        self.join(30)
        assert self.problem is None, (self.count, self.problem)


def make_flat(lab):
    """One LAN with the hub, the laptop, the television, and a host that tests do things from."""
    lab.home = lab.lan("home")
    lab.server = lab.host("server", lab.home)
    lab.laptop, lab.tv = lab.host("laptop", lab.home), lab.host("tv", lab.home)
    lab.guest_host = lab.host("guest", lab.home)
    lab.pzh = lab.hub(lab.server)
    lab.a, lab.b = lab.device(lab.laptop, lab.pzh), lab.device(lab.tv, lab.pzh)
    lab.guest = fakepeer.enrol(lab.guest_host, lab.pzh, "guest")
    lab.a.wait_route(lab.b, "hub")
    return lab


@pytest.fixture
def flat(lab):
    return make_flat(lab)


@pytest.fixture(scope="module")
def shared_flat(module_lab):
    return make_flat(module_lab)


@pytest.fixture
def idle(shared_flat):
    """One that tests share who leave it as it was; there is no direct link at first."""
    shared_flat.a.pzp("disconnect", "tv", check=False)
    for one, other in ((shared_flat.a, shared_flat.b), (shared_flat.b, shared_flat.a)):
        one.wait_route(other, "hub")
    return shared_flat


@pytest.mark.smoke
def test_direct_link(idle):
    """Messages go over it, and past the hub."""
    idle.a.connect(idle.b)
    is_direct(idle.a, idle.b)
    shown = idle.a.peers()["tv"]
    assert shown["state"] == "connected" and shown["friend"] is False
    assert 0 < shown["latencyMs"] < 1000 and 0 < idle.a.status()["hub"]["latencyMs"] < 1000
    assert shown["port"] == idle.b.status()["ports"]["tls"]
    assert set(idle.tv.addresses()) <= set(shown["addresses"]), shown
    word = "x" * 20_000
    with Capture(idle.home) as seen:
        idle.a.calls(idle.b, word)
        idle.b.calls(idle.a, word)
    hub = set(idle.server.addresses())
    by_hub = sum(len(p.payload) for p in seen.packets() if {p.source, p.target} & hub)
    direct = sum(len(p.payload) for p in seen.packets() if not {p.source, p.target} & hub)
    assert by_hub < len(word) < direct, (by_hub, direct)


def test_hub_is_killed(flat):
    """Nothing that goes over the direct link notices."""
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    with Calls(flat.a, flat.b) as calls, \
            flat.a.stream("call", "--json", "--stream", "test@tv", "listenAttr.listenFor42",
                          '[{"repeat":true}]') as events:
        calls.more()
        events.line()
        flat.pzh.kill()
        flat.a.wait_state("not-connected", "connecting")
        flat.b.wait_state("not-connected", "connecting")
        calls.more()
        for _ in range(2):
            assert events.line()["params"] == {"msg": "42"}
        assert daemon.route(flat.a.status(), "tv") == "direct"
        flat.pzh.start()
        flat.a.wait_state("connected")
        calls.more()
        events.line()
    is_direct(flat.a, flat.b)


def test_nothing_is_lost_between_routes(idle):
    """Calls under way while the direct link comes and goes: each is answered, once."""
    with Calls(idle.a, idle.b) as there, Calls(idle.b, idle.a) as back:
        for _ in range(5):
            idle.a.connect(idle.b)
            is_direct(idle.a, idle.b)
            there.more()
            back.more()
            idle.b.pzp("disconnect", "laptop")
            idle.a.wait_route(idle.b, "hub")
            idle.b.wait_route(idle.a, "hub")
            there.more()
            back.more()


def test_disconnect_goes_back_to_the_hub(idle):
    idle.a.connect(idle.b)
    is_direct(idle.a, idle.b)
    idle.a.pzp("disconnect", "tv")
    idle.a.wait_route(idle.b, "hub")
    idle.b.wait_route(idle.a, "hub")
    idle.a.calls(idle.b)
    assert idle.a.peers()["tv"]["state"] == "not-connected"
    assert idle.a.status()["state"] == "connected"  # the hub is another matter


def test_both_dial_at_once(idle):
    """Page 5: one link survives, on both sides the same, and no message is lost or doubled."""
    with Calls(idle.a, idle.b) as there, Calls(idle.b, idle.a) as back:
        for _ in range(5):
            both = [threading.Thread(target=one.connect, args=(other,))
                    for one, other in ((idle.a, idle.b), (idle.b, idle.a))]
            for one in both:
                one.start()
            for one in both:
                one.join(30)
            is_direct(idle.a, idle.b)
            there.more()
            back.more()
            assert daemon.route(idle.a.status(), "tv") == "direct"
            idle.a.pzp("disconnect", "tv")
            idle.a.wait_route(idle.b, "hub")
            idle.b.wait_route(idle.a, "hub")


def test_connect_twice(idle):
    idle.a.connect(idle.b)
    idle.a.connect(idle.b)
    is_direct(idle.a, idle.b)
    idle.a.calls(idle.b)


def test_nobody_to_connect_to(idle):
    for whom in ("nobody", "laptop", "eve@example.org/tv", ""):
        result = idle.a.connect(whom, check=False)
        assert result.code in (1, 2) and result.reason(), repr(result)
        assert result.seconds < programs.patience(5)
    idle.a.calls(idle.b)


def test_peer_is_killed(flat):
    """Noticed at once; the next start is found again."""
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    flat.b.kill()
    flat.a.wait_route(flat.b, "none", timeout=5)
    start = time.monotonic()
    result = flat.a.call("http://webinos.org/api/test@tv", "get42", '["x"]', check=1)
    assert result.json()["error"]["code"] == -32001
    # It may look around first; it must not wait for an answer that cannot come.
    assert time.monotonic() - start < programs.patience(6)
    assert flat.a.connect(flat.b, check=False).code in (1, 4)
    flat.b.start()
    flat.b.wait_state("connected")
    flat.a.wait_route(flat.b, "hub")
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    flat.a.calls(flat.b)


def test_not_listening(flat):
    """peer.listen = false, at the next connection: the port is closed, the hub knows, calls go on."""
    port = flat.b.status()["ports"]["tls"]
    flat.b.pzp("prefs", "peer.listen", "false")
    flat.b.pzp("disconnect")
    flat.b.wait_state("not-connected")
    flat.b.pzp("connect")
    flat.b.wait_state("connected")
    with flat.laptop.inside(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((flat.tv.address(), port), 10)
    flat.a.wait_route(flat.b, "hub")
    result = flat.a.connect(flat.b, check=False)
    assert result.code == 1 and result.reason(), repr(result)
    assert daemon.route(flat.a.status(), "tv") == "hub"
    flat.a.calls(flat.b)
    flat.b.connect(flat.a)  # it does not listen, but may dial
    is_direct(flat.a, flat.b)


def test_another_tls_port(flat):
    """Pending until the next connection (page 10), then told to the hub and by it to peers."""
    flat.b.pzp("prefs", "ports.tls", "18040")
    assert flat.b.status()["pending"] == {"ports.tls": 18040}
    assert flat.b.status()["ports"]["tls"] == 8040
    flat.b.pzp("disconnect")
    flat.b.wait_state("not-connected")
    flat.b.pzp("connect")
    status = flat.b.wait_state("connected")
    assert status["ports"]["tls"] == 18040 and not status["pending"]
    eventually(lambda: flat.pzh.devices()["tv"]["port"] == 18040, what="port at the hub")
    eventually(lambda: flat.a.peers()["tv"]["port"] == 18040, what="port at the peer")
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    flat.a.calls(flat.b)


def test_revoked_peer_is_dropped(flat):
    """Page 2: a direct link ends within a second of the CRL's arrival."""
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    start = time.monotonic()
    flat.pzh.pzh("revoke", "tv", "--yes")
    flat.a.wait_route(flat.b, "none", timeout=5)
    assert time.monotonic() - start < programs.patience(2)
    flat.b.wait_state("virgin")
    assert flat.a.connect(flat.b, check=False).code == 1


def test_revoked_peer_that_stays_on_the_line(flat):
    """It ignores that it was revoked; the other end closes the link and lets it in no more."""
    guest_host, guest = flat.guest_host, flat.guest
    port = flat.a.status()["ports"]["tls"]
    with fakepeer.connect(guest_host, guest, flat.laptop.address(), port) as link:
        flat.a.wait_route("guest", "direct")
        payload = wire.request("http://webinos.org/api/test@x.get42", ["x"])
        link.send(wire.rpc(guest.address, f"{ZONE}/laptop", payload))
        link.expect_answer(payload["id"])
        flat.pzh.pzh("revoke", "guest", "--yes")
        link.until_closed(programs.patience(2))
    flat.a.wait_route("guest", "none")
    with pytest.raises(wire.Closed), \
            fakepeer.connect(guest_host, guest, flat.laptop.address(), port):
        pass


def test_across_a_router(lab):
    """No multicast passes; the addresses come from the hub."""
    home, office = lab.lan("home"), lab.lan("office")
    lab.router("gateway", home, office)
    hub = lab.hub(lab.host("server", office))
    a = lab.device(lab.host("laptop", home), hub)
    tv = lab.host("tv", office)
    b = lab.device(tv, hub)
    assert not [one for one in a.discover(1) if one["id"]]
    a.connect(b)
    is_direct(a, b)
    a.calls(b)
    hub.kill()
    a.wait_state("not-connected", "connecting")
    a.calls(b)
    b.calls(a)


def test_dead_ipv6_does_not_delay(flat):
    """Page 6: IPv6 has a head start of 250 ms and no more."""
    wrong = [f"neigh replace {address} lladdr 02:00:00:00:00:99 dev {flat.laptop.interface(flat.home)}"
             " nud permanent" for address in [*flat.tv.addresses(), "fe80::50:5aff:fe00:10c"]
             if ":" in address]
    flat.laptop.ip(*wrong)
    result = flat.a.connect(flat.b)
    assert result.seconds < programs.patience(3)
    is_direct(flat.a, flat.b)
    flat.a.calls(flat.b)


def test_direct_link_over_bad_radio(flat):
    flat.rough(flat.laptop, flat.home, loss=0.05, delay_ms=10, jitter_ms=8, seed=7)
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    with Calls(flat.a, flat.b) as calls:
        calls.more(20, timeout=60)


@pytest.mark.parametrize("what", ["another device", "the hub", "another zone", "a relayed device"])
def test_peer_speaks_for_itself_only(idle, what):
    """Page 1: `from` is never believed, from a peer neither."""
    claims = {"another device": f"{ZONE}/tv", "the hub": ZONE, "another zone": "eve@example.org/x",
              "a relayed device": f"{ZONE}/unknown"}
    guest_host, guest = idle.guest_host, idle.guest
    port = idle.a.status()["ports"]["tls"]
    with fakepeer.connect(guest_host, guest, idle.laptop.address(), port) as link:
        lie = wire.request("http://webinos.org/api/test@x.get42", ["lie"])
        truth = wire.request("http://webinos.org/api/test@x.get42", ["truth"])
        spoofed = wire.rpc(guest.address, f"{ZONE}/laptop", lie)
        spoofed["from"] = claims[what]
        with contextlib.suppress(wire.Closed):
            link.send(spoofed, wire.rpc(guest.address, f"{ZONE}/laptop", truth))
            link.expect_answer(truth["id"])
        assert not [m for m in link.inbox if wire.is_answer(m, lie["id"])], link.inbox
    idle.a.calls(idle.b)


def test_peer_registers_under_a_false_name(idle):
    guest_host, guest = idle.guest_host, idle.guest
    port = idle.a.status()["ports"]["tls"]
    with fakepeer.connect(guest_host, guest, idle.laptop.address(), port, claim=f"{ZONE}/tv") as link:
        assert all(m.get("register") or m["type"] == "prop" for m in link.until_closed(10))
    assert daemon.route(idle.a.status(), "tv") == "hub"
    idle.a.calls(idle.b)
