"""What a local network can see, and what it can do to a device: names that stay secret, false
records, and peers with a false identity (pages 2 and 6)."""

import os
import pathlib
import random
import signal
import socket

import pytest

from pz import certs, daemon, fakepeer, mdns, programs, wire
from pz.avahi import Avahi
from pz.capture import Capture
from pz.daemon import eventually, is_direct

ZONE = daemon.ZONE
MARKER = "what-the-call-says"
NAMES = ("laptop", "living-room-tv", "telephone", "refrigerator", "wristwatch")  # long, not by chance


def make_flat(lab):
    """One LAN with hub, laptop, television, and a host that tests do things from."""
    lab.home = lab.lan("home")
    lab.pzh = lab.hub(lab.host("server", lab.home))
    lab.laptop, lab.tv = lab.host("laptop", lab.home), lab.host("tv", lab.home)
    lab.evil = lab.host("evil", lab.home)
    lab.a, lab.b = lab.device(lab.laptop, lab.pzh), lab.device(lab.tv, lab.pzh)
    for one in (lab.a, lab.b):
        one.wait_synced(2)
    lab.a.wait_route(lab.b, "hub")
    return lab


@pytest.fixture
def flat(lab):
    return make_flat(lab)


def hub_is_away(net, *devices):
    net.pzh.kill()
    for one in devices:
        one.wait_state("not-connected", "connecting")


def announced(address, port, txt, name="0123456789abcdef01234567"):
    return mdns.response(*mdns.instance(name, port, [address], txt))


def still_well(net):
    """The two devices find, link and call each other, whatever was said before."""
    net.a.finds(net.b)
    net.a.connect(net.b)
    is_direct(net.a, net.b)
    net.a.calls(net.b)
    net.b.calls(net.a)


# ---- what is seen ----


def test_five_devices_and_no_names(lab):
    """All find each other; no user, device, zone or machine is named to whoever listens."""
    home = lab.lan("home")
    server = lab.host("server", home)
    with Capture(home) as seen:
        hub = lab.hub(server)
        hosts = [lab.host(name, home) for name in NAMES]
        devices = [lab.device(host, hub) for host in hosts]
        for one in devices:
            one.wait_synced(len(devices))
        devices[0].finds(*devices[1:])
        hub.kill()
        for one in devices:
            one.wait_state("not-connected", "connecting")
        for one in devices:
            one.finds(*(other for other in devices if other is not one))
        devices[0].connect(devices[1])
        is_direct(devices[0], devices[1])
        devices[0].calls(devices[1], MARKER)
    only_ours(seen.mdns(), {address for host in hosts for address in host.addresses()})
    seen.assert_absent(MARKER, ZONE, "alice", "example.org", "get42", *NAMES,
                       *(host.hostname for host in (server, *hosts)))


def only_ours(packets, addresses):
    """The records say what page 6 says they do, and nothing of the machine."""
    assert packets
    told = mdns.records(packets)
    assert {p.ttl for p in packets} == {255}
    for one in told:
        assert one.kind in (mdns.A, mdns.AAAA, mdns.PTR, mdns.SRV, mdns.TXT, 47), one
        if one.kind == mdns.TXT and one.name.endswith(mdns.SERVICE):
            keys = [text.split("=")[0] for text in one.data]
            assert keys[0] == "v" and "t" in keys and "n" not in keys and len(keys) <= 3, one
        if one.kind == mdns.A:
            assert one.data in addresses or one.data.startswith("127."), one
    instances = {one.data for one in told if one.kind == mdns.PTR and one.name == mdns.SERVICE}
    assert len(instances) == len(NAMES), instances
    assert len(set(mdns.tags(packets).values())) == 1  # one zone
    hosts = {one.data[1] for one in told if one.kind == mdns.SRV}
    assert len(hosts) == len(NAMES), hosts


def test_another_name_with_each_start(flat):
    with Capture(flat.home) as seen:
        flat.a.finds(flat.b)
        eventually(lambda: len(mdns.tags(seen.mdns())) == 2, 60, "announcement of both")
        before = set(mdns.tags(seen.mdns()))
        flat.b.stop()
        flat.b.start()
        flat.b.wait_state("connected")
        flat.a.finds(flat.b)
        after = set(mdns.tags(seen.mdns()))
    assert len(after) == len(before) + 1, (before, after)


def test_goodbye(flat):
    """Who stops says so (RFC 6762 10.1), and is not found any more."""
    flat.a.finds(flat.b)
    with Capture(flat.home) as seen:
        flat.b.stop()
        seen.wait(lambda p: p.dport == mdns.PORT
                  and any(r.ttl == 0 and r.kind == mdns.PTR for r in mdns.read(p.payload)[1]),
                  what="goodbye")
    hub_is_away(flat, flat.a)
    eventually(lambda: not [one for one in flat.a.discover(1) if one["id"] == f"{ZONE}/tv"],
               what="list without the one that left")


def test_passive_until_asked(flat):
    """Page 6: nobody looks for peers before somebody asks."""
    with Capture(flat.home) as seen:
        host = flat.host("phone", flat.home)
        phone = flat.device(host, flat.pzh)
        phone.calls(flat.b)
        seen.wait(lambda p: p.source == host.address() and p.dport == mdns.PORT and mdns.tags([p]),
                  what="announcement")
        asked = [question for p in seen.mdns() for question in mdns.read(p.payload)[0]
                 if question == (mdns.SERVICE, mdns.PTR)]
        assert not asked, asked
        phone.finds(flat.a, flat.b)
        assert [1 for p in seen.mdns() if (mdns.SERVICE, mdns.PTR) in mdns.read(p.payload)[0]]


def test_avahi_daemon_of_the_system(lab):
    """Where one runs it is used, and even then our records do not lead to the machine's name."""
    home = lab.lan("home")
    hub = lab.hub(lab.host("server", home))
    laptop, tv = lab.host("laptop", home), lab.host("tv", home)
    with Avahi(laptop, lab.world.path), Capture(home) as seen:
        a, b = lab.device(laptop, hub), lab.device(tv, hub)
        for one in (a, b):
            one.wait_synced(2)
        a.finds(b)
        b.finds(a)
        lab.pzh = hub
        hub_is_away(lab, a, b)
        a.finds(b)
        b.connect(a)
        is_direct(a, b)
        a.calls(b)
        told = [one for one in mdns.records(seen.mdns())
                if one.kind == mdns.SRV and one.name.endswith(mdns.SERVICE)]
        assert len({one.name for one in told}) == 2, told
        assert not {"laptop.local", "tv.local"} & {one.data[1].lower() for one in told}, told
        a.stop()


@pytest.mark.parametrize("days", [-10, 10], ids=["behind", "ahead"])
def test_clocks_that_are_days_apart(flat, clock_shim, days):
    """They know each other all the same, and both say that a clock is wrong, and whose it may be."""
    hub_is_away(flat, flat.a, flat.b)
    flat.b.stop()
    flat.b.env = clock_shim(days * 24 * 3600)
    flat.b.start()
    flat.a.finds(flat.b)
    flat.b.finds(flat.a)
    for one, other in ((flat.a, "tv"), (flat.b, "laptop")):
        said = [c for c in one.status()["conditions"] if c["id"] == "clocks-apart"]
        assert [c["subject"] for c in said] == [other], said
        assert "10 days" in said[0]["text"] and "clock" in said[0]["text"], said
    flat.b.stop()
    flat.b.env = {}
    flat.b.start()
    eventually(lambda: flat.a.discover(1) and not [c for c in flat.a.status()["conditions"]
                                                   if c["id"] == "clocks-apart"],
               timeout=30, what="no word of clocks")


# ---- records that lie ----


def rubbish(address):
    """Packets that are wrong in one way each, and some that are wrong in every way."""
    good = announced(address, 8040, ["v=1", "t=0123456789abcdef"])
    loop = mdns.response(mdns.record(mdns.SERVICE, mdns.PTR, b"\xc0\x0c"))
    yield loop
    yield mdns.response(mdns.record(mdns.SERVICE, mdns.PTR, b"\xc0\xff"))
    yield mdns.response(mdns.record(mdns.SERVICE, mdns.PTR, b"\x3f" + b"x" * 10))
    for name in ("\x1b[31mred", "a" * 63, "with.dot", "\u202eevil", "new\nline", '"quoted"\\',
                 "<script>"):
        yield mdns.response(*mdns.instance(name, 8040, [address], ["v=1", "t=" + "f" * 16]))
    yield mdns.response(*mdns.instance("no-utf-8", 8040, [address], [b"t=\xff\xfe\x00", b"\x00" * 40]))
    for txt in ([], ["v=1"], ["t=" + "f" * 250], ["=", "t", "v", "t="], ["v=2", "t=" + "0" * 16],
                ["x=" + "y" * 200] * 200, ["n=" + "\x1b]0;title\x07"]):
        yield announced(address, 8040, txt, f"txt-{len(txt)}")
    yield announced(address, 0, ["v=1", "t=" + "0" * 16], "no-port")
    for wrong in ("127.0.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.251", "::", "::1", "ff02::1"):
        yield announced(wrong, 8040, ["v=1", "t=" + "0" * 16], "at-" + wrong.replace(".", "-"))
    for size in range(0, len(good), 7):
        yield good[:size]
    dice = random.Random(5)
    for _ in range(200):
        yield dice.randbytes(dice.randrange(1, 1400))
    for _ in range(200):
        spoilt = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        yield bytes(spoilt)
    for counts in (b"\xff\xff" * 4, b"\x00\x00\xff\xff\x00\x00\x00\x00"):
        yield good[:4] + counts + good[12:]


def test_rubbish(flat):
    """A host that announces nonsense: nobody falls, and what is true is still found."""
    with mdns.Announcer(flat.evil, flat.home, rubbish(flat.evil.address())):
        for one in flat.a.discover(2):
            assert min(one["instance"]) >= " " and 0 < one["port"] < 65536, one
            if one["id"] is not None:
                assert one["id"] in (f"{ZONE}/tv", f"{ZONE}/laptop"), one
        hub_is_away(flat, flat.a, flat.b)
        still_well(flat)
        text = flat.a.pzp("discover", "--timeout", 1).out
        assert "\x1b" not in text and "\u202e" not in text, repr(text)


def aliases(address, ours):
    """Packets with an alias of whatever is asked for: endless ones, chains, ones that run out."""
    chain, other = [f"{n:03d}.local" for n in range(40)], mdns.labels("z.local")

    def alias(name, target, kind=mdns.CNAME, ttl=mdns.TTL):
        return mdns.record(name, kind, mdns.encode_name(target), ttl)

    for name in (mdns.SERVICE, ours, "host-of-evil.local"):
        for kind in (mdns.CNAME, mdns.DNAME):
            yield mdns.response(alias(name, name, kind))
            yield mdns.response(alias(name, other, kind), alias(other, name, kind))
            yield mdns.response(alias(name, other, kind, ttl=1))
            yield mdns.response(alias(name, "outside.example.org", kind))
        yield mdns.response(alias(name, chain[0]), *(alias(*pair) for pair in zip(chain, [*chain[1:], name])))
        yield mdns.response(mdns.record(other, mdns.PTR, mdns.encode_name(["q", *mdns.labels(name)])),
                            alias(name, other, ttl=1))
        yield mdns.response(*mdns.instance("evil", 8040, [address], ["v=1"]), alias(name, other, ttl=1))


def test_aliases(flat):
    """A record of a type that nobody asks for ends nobody: neither at once nor when it runs out."""
    with Capture(flat.home) as seen:
        flat.a.finds(flat.b)
    instance, _ = records_of(seen, flat.tv)
    processes = [one.process.pid for one in (flat.a, flat.b)]
    packets = aliases(flat.evil.address(), [instance, *mdns.labels(mdns.SERVICE)])
    with mdns.Announcer(flat.evil, flat.home, packets):
        flat.a.discover(3)  # longer than their seconds to live
        hub_is_away(flat, flat.a, flat.b)
        still_well(flat)
    assert [one.process.pid for one in (flat.a, flat.b) if one.process.poll() is None] == processes


def responder_of(device):
    """The process of a device that reads what strangers send; None while there is none."""
    pid = device.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


def test_a_responder_that_dies(flat):
    """Whoever finds a packet that ends it has gained nothing: links stay, and it comes back."""
    flat.a.finds(flat.b)
    flat.a.connect(flat.b)
    is_direct(flat.a, flat.b)
    before = [line for line in flat.a.lines if "link" in line]
    for _ in range(3):
        eventually(lambda: responder_of(flat.a), what="responder")
        os.kill(responder_of(flat.a), signal.SIGABRT)
        eventually(lambda: responder_of(flat.a) is None, what="end of the responder")
        flat.a.calls(flat.b)
        flat.b.calls(flat.a)
    flat.a.wait_status(lambda status: [one for one in status["conditions"]
                                       if one["id"] == "mdns-responder"], what="a warning")
    assert [line for line in flat.a.lines if "link" in line] == before
    assert not [one for one in flat.b.status()["conditions"] if one["id"] == "mdns-responder"]
    eventually(lambda: responder_of(flat.a), what="responder")
    hub_is_away(flat, flat.a, flat.b)
    flat.a.finds(flat.b, seconds=programs.patience(4))
    still_well(flat)


def test_the_responder_is_gone_with_its_device(flat):
    """Stopped or killed: nothing goes on that nobody started."""
    for end in (flat.a.stop, flat.a.kill):
        eventually(lambda: responder_of(flat.a), what="responder")
        pid = responder_of(flat.a)
        end()
        eventually(lambda: not pathlib.Path(f"/proc/{pid}/fd/3").is_symlink(), what="its end")
        flat.a.start()
        flat.a.wait_state("connected")


def thousand(address, name):
    """A thousand instances, ten in a packet; `name` makes the n-th one's."""
    for first in range(0, 1000, 10):
        yield mdns.response(*(record for n in range(first, first + 10) for record in
                              mdns.instance(name(n), 8040, [address], ["v=1", f"t={n:016x}"])))


def test_a_thousand_instances(lab):
    """Bounded: memory, and the list; whoever is really there is found among them."""
    home = lab.lan("home")
    lab.pzh = lab.hub(lab.host("server", home))
    evil = lab.host("evil", home)
    lab.a = lab.device(lab.host("laptop", home), lab.pzh, env=programs.LEAN)
    lab.b = lab.device(lab.host("tv", home), lab.pzh)
    for one in (lab.a, lab.b):
        one.wait_synced(2)
    lab.a.finds(lab.b)
    address = evil.address()
    with mdns.Announcer(evil, home, thousand(address, lambda n: f"{n:024x}")) as crowd:
        assert len(lab.a.discover(2)) <= 1002
        before = lab.a.rss_kib()
        for others in range(1, 4):
            crowd.packets = list(thousand(address, lambda n: f"{others}{n:023x}"))
            assert len(lab.a.discover(1)) <= 1002
        grown = lab.a.rss_kib() - before
        # Avahi keeps 4096 records of an interface and protocol, for as long as their TTL says.
        assert grown < 8192, f"{grown} KiB more"
        lab.a.calls(lab.b)
        hub_is_away(lab, lab.a, lab.b)
        lab.a.connect(lab.b)
        is_direct(lab.a, lab.b)
        lab.a.calls(lab.b)


def test_found_in_a_crowd(flat):
    """A thousand strangers do not hide one's own: they are looked at in turn, and give way."""
    with mdns.Announcer(flat.evil, flat.home, thousand(flat.evil.address(), lambda n: f"{n:024x}")):
        for seconds in (8, *[programs.patience(12)] * 4):  # one does without load
            if f"{ZONE}/tv" in [one["id"] for one in flat.a.discover(seconds)]:
                return
    raise AssertionError("the television is not found")


def records_of(seen, host):
    """What that host announced of itself: (instance, TXT strings) from the capture."""
    found = [one for one in mdns.records(p for p in seen.mdns() if p.source in host.addresses())
             if one.kind == mdns.TXT and one.name.endswith(mdns.SERVICE)]
    assert found, "it announced nothing"
    return found[-1].name.split(".")[0], found[-1].data


def test_replayed_tag(flat):
    """
    An impostor says what the television said, as the same instance and as others: it is found,
    perhaps, and dialled, perhaps, but it is not believed, and it learns nothing.
    """
    with Capture(flat.home) as seen:
        flat.a.finds(flat.b)
    instance, txt = records_of(seen, flat.tv)
    flat.b.stop()
    hub_is_away(flat, flat.a)
    impostor = fakepeer.stranger("eve@example.org", "tv")
    with fakepeer.FakePeer(flat.evil, impostor) as trap, \
            mdns.Announcer(flat.evil, flat.home,
                           [announced(flat.evil.address(), trap.port, txt, name)
                            for name in (instance, "0123456789abcdef01234567")]):
        flat.a.discover(1)
        result = flat.a.connect(flat.b, check=False)
        assert result.code in (1, 4) and result.reason(), repr(result)
        assert flat.a.call("test@tv", "get42", f'["{MARKER}"]', check=False).code != 0
        assert daemon.route(flat.a.status(), "tv") == "none"
        visit = trap.visit()  # it was dialled: else the test shows nothing
        while visit is not None:
            assert visit.who is None and not visit.messages, visit
            visit = None if trap.visits.empty() else trap.visit()


def test_true_one_is_found_beside_the_impostor(flat):
    """The impostor is quicker; the device that is meant is reached all the same."""
    with Capture(flat.home) as seen:
        flat.a.finds(flat.b)
    _, txt = records_of(seen, flat.tv)
    hub_is_away(flat, flat.a, flat.b)
    with fakepeer.FakePeer(flat.evil, fakepeer.stranger(ZONE, "tv")) as trap, \
            mdns.Announcer(flat.evil, flat.home, [
                announced(flat.evil.address(), trap.port, txt, f"{n:024x}") for n in range(5)]):
        still_well(flat)


# ---- peers that are not who they should be ----


@pytest.fixture(scope="module")
def in_its_place(module_lab):
    """The television is off, the hub too; something else listens at the television's address."""
    net = make_flat(module_lab)
    net.guest = fakepeer.enrol(net.evil, net.pzh, "guest")
    net.b.stop()
    hub_is_away(net, net.a)
    return net


def refuses(net):
    result = net.a.connect("tv", check=False)
    assert result.code in (1, 4) and result.reason(), repr(result)
    assert daemon.route(net.a.status(), "tv") == "none"


def judged(net, identity, *shown):
    """Who listens there shows this; it is dialled, and told nothing. Returns the Visit."""
    with fakepeer.FakePeer(net.tv, identity, 8040, *shown) as other:
        refuses(net)
        visit = other.visit()
        assert not visit.messages, visit
        return visit


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x16\x03\x03\x00\x10" + b"x" * 16],
                         ids=["ssh", "broken TLS"])
def test_port_of_another_program(in_its_place, greeting):
    with fakepeer.OtherProgram(in_its_place.tv, greeting, 8040) as other:
        refuses(in_its_place)
        assert other.came.is_set()


@pytest.mark.parametrize("zone", ["eve@example.org", ZONE], ids=["other name", "same name"])
def test_device_of_another_zone(in_its_place, zone):
    assert judged(in_its_place, fakepeer.stranger(zone, "tv")).who is None


def test_another_device_of_the_zone(in_its_place):
    """A right certificate, of the wrong device (page 2, check 5)."""
    judged(in_its_place, in_its_place.guest)


def test_device_that_vouches_for_another(in_its_place):
    """Its own CA signs a certificate in the television's name (page 2, check 3)."""
    guest = in_its_place.guest
    forged, key = certs.device_leaf(ZONE, "tv", guest.ca)
    assert judged(in_its_place, guest, [forged, guest.ca.cert], key).who is None


CLIENTS = {
    "no certificate": lambda guest: ([], None),
    "another zone": lambda guest: _shown(fakepeer.stranger("eve@example.org", "guest")),
    "our zone by another CA": lambda guest: _shown(fakepeer.stranger(ZONE, "guest")),
    "another device's name": lambda guest: _forged(guest, "tv"),
    "ended": lambda guest: _forged(guest, "guest", start=-100, days=90),
    "not yet": lambda guest: _forged(guest, "guest", start=2),
    "its CA": lambda guest: ([guest.ca.cert], guest.ca.key),
    "without its CA": lambda guest: ([guest.leaf], guest.leaf_key),
}


def _shown(identity):
    return [identity.leaf, identity.ca.cert], identity.leaf_key


def _forged(guest, name, **more):
    leaf, key = certs.device_leaf(ZONE, name, guest.ca, **more)
    return [leaf, guest.ca.cert], key


def test_who_is_not_let_in(flat):
    """Outside a pairing window the TLS server accepts nobody that the zone does not vouch for."""
    guest = fakepeer.enrol(flat.evil, flat.pzh, "guest")
    address, port = flat.laptop.address(), flat.a.status()["ports"]["tls"]
    for what, make in CLIENTS.items():
        chain, key = make(guest)
        with pytest.raises((wire.Closed, ConnectionError)):  # else the test fails with its name
            with fakepeer.dial(flat.evil, guest, address, port, chain, key) as link:
                link.send(fakepeer.register(guest.address, f"{ZONE}/laptop"))
                message = link.receive()
                pytest.fail(f"{what}: let in, and told {message}")
    with fakepeer.connect(flat.evil, guest, address, port):  # the test can also be let in
        flat.a.wait_route("guest", "direct")
    flat.a.calls(flat.b)


def test_revoked_is_refused_without_the_hub(flat):
    """The CRL came while the hub was there, and counts when it is not, and after a restart."""
    guest = fakepeer.enrol(flat.evil, flat.pzh, "guest")
    address = flat.laptop.address()
    with fakepeer.connect(flat.evil, guest, address, flat.a.status()["ports"]["tls"]) as link:
        flat.pzh.pzh("revoke", "guest", "--yes")
        link.until_closed()  # so the CRL has arrived
    hub_is_away(flat, flat.a, flat.b)
    for _ in range(2):
        with pytest.raises(wire.Closed):
            fakepeer.connect(flat.evil, guest, address, flat.a.status()["ports"]["tls"])
        flat.a.stop()
        flat.a.start()
    with fakepeer.FakePeer(flat.evil, guest, 8040) as other:
        assert flat.a.connect("guest", check=False).code in (1, 4)
        while not other.visits.empty():
            assert not other.visit().payloads


def test_two_zones_on_one_network(lab):
    """Each finds its own; of the others it learns that there is something, and nothing more."""
    home = lab.lan("home")
    hubs = [lab.hub(lab.host(f"server{n}", home), zone=zone, name=f"hub{n}")
            for n, zone in enumerate((ZONE, "eve@example.org"))]
    alice = [lab.device(lab.host(name, home), hubs[0]) for name in ("laptop", "tv")]
    eve = [lab.device(lab.host(name, home), hubs[1]) for name in ("spy", "bug")]
    for one in alice + eve:
        one.wait_synced(2)
    alice[0].finds(alice[1])
    eve[0].finds(eve[1])
    found = {one["instance"]: one["id"] for one in eve[0].discover(1)}
    assert set(found.values()) <= {None, "eve@example.org/bug"} and None in found.values(), found
    assert set(alice[0].peers()) & {"spy", "bug"} == set()
    assert alice[0].connect("eve@example.org/spy", check=False).code == 1


def test_many_strangers_at_the_door(flat):
    """Connections that never say anything: bounded, and who belongs here still gets in."""
    guest = fakepeer.enrol(flat.evil, flat.pzh, "guest")
    address, port = flat.laptop.address(), flat.a.status()["ports"]["tls"]
    open_ends = []
    with flat.evil.inside():
        for _ in range(300):
            try:
                open_ends.append(socket.create_connection((address, port), 5))
            except OSError:
                break
    try:
        flat.a.connect(flat.b)
        is_direct(flat.a, flat.b)
        flat.a.calls(flat.b)
        flat.b.calls(flat.a)
    finally:
        for one in open_ends:
            one.close()
    eventually(lambda: _gets_in(flat, guest, address, port), 30, "place at the door")


def _gets_in(net, identity, address, port):
    try:
        fakepeer.connect(net.evil, identity, address, port).close()
        return True
    except (OSError, wire.Closed):
        return False
