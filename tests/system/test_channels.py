"""Channels (page 15 "A hop", page 6 "Relaying"): links through other nodes, which cannot read
them."""

import pathlib
import re
import struct

import pytest

from pz import daemon, foreign, wire
from pz.daemon import eventually

ZONE = daemon.ZONE


SHADOW_BYTES = 1 << 30  # a sanitizer's own map of memory, which holds no payload


def memory_has(process, marker):
    """Whether the memory of a process holds the bytes: heap, stacks and what it has mapped to write."""
    base = pathlib.Path(f"/proc/{process.pid}")
    with open(base / "mem", "rb", buffering=0) as memory:
        for line in (base / "maps").read_text().splitlines():
            begin, end, access = re.match(r"(\w+)-(\w+) (\S+)", line).groups()
            if "w" not in access or int(end, 16) - int(begin, 16) > SHADOW_BYTES:
                continue
            try:
                memory.seek(int(begin, 16))
                if marker in memory.read(int(end, 16) - int(begin, 16)):
                    return True
            except (OSError, ValueError, OverflowError):
                pass  # [vvar] and the like
    return False


def peer(device, other):
    return device.peers()[other.device]


def in_force(device):
    prefs = device.pzp("prefs", "--json").json()
    return next(one["value"] for one in prefs if one["key"] == "private")


def be_private(zone, value="true"):
    """The preference of the zone; each device uses the value after a reconnect."""
    zone.a.pzp("prefs", "private", value)
    eventually(lambda: in_force(zone.b) is (value == "true"),
               20, "synchronised preference")
    for one in (zone.a, zone.b):
        one.pzp("reconnect")
        one.wait_state("connected")


# ---- private: end to end through the hub ----

def test_the_hub_cannot_read_what_is_private(apart):
    plain, private = "plain-4c1f6d", "private-9e03ab"
    apart.a.calls(apart.b, 500 * plain)
    assert peer(apart.a, apart.b)["route"] == "hub"
    assert peer(apart.a, apart.b)["private"] is False
    be_private(apart)
    for i in range(20):
        apart.a.calls(apart.b, 500 * private + str(i))
    for one, other in ((apart.a, apart.b), (apart.b, apart.a)):
        assert peer(one, other)["route"] == "hub"
        assert peer(one, other)["private"] is True
        assert peer(one, other)["address"] is None
    # What was sent in plain is still there, so the search would find the other, too.
    assert memory_has(apart.hub.process, plain.encode())
    assert not memory_has(apart.hub.process, private.encode())


def test_private_is_over_with_the_preference(apart):
    be_private(apart)
    apart.a.calls(apart.b)
    assert peer(apart.a, apart.b)["private"] is True
    be_private(apart, "false")
    apart.a.calls(apart.b)


def test_a_lost_hub_link_ends_it_and_it_comes_back(apart):
    be_private(apart)
    apart.a.calls(apart.b)
    apart.hub.kill()
    apart.a.wait_state("not-connected", "connecting")
    eventually(lambda: peer(apart.a, apart.b)["private"] is False, 20, "lost link")
    apart.hub.start()
    for one in (apart.a, apart.b):
        one.wait_state("connected")
    apart.a.calls(apart.b)
    assert peer(apart.a, apart.b)["private"] is True


def test_a_direct_link_replaces_it(apart):
    be_private(apart)
    apart.a.calls(apart.b)
    assert peer(apart.a, apart.b)["address"] is None
    apart.b.pzp("prefs", "peer.listen", "true", "--now")
    apart.b.wait_status(lambda s: s["ports"]["tls"], what="server")
    apart.a.wait_route(apart.b, "direct", timeout=60)
    apart.a.calls(apart.b)


def test_a_revoked_device_is_out(apart):
    be_private(apart)
    apart.a.calls(apart.b)
    apart.hub.pzh("revoke", apart.b.device, "--yes")
    apart.b.wait_state("virgin")
    assert apart.a.call("test@tv", "get42", '["x"]', check=False).code != 0


# ---- through a peer ----

@pytest.fixture
def room(lab):
    """The laptop and the tv are in rooms of their own; the phone is in both, and at home with the hub."""
    lab.home, lab.room, lab.cellar = lab.lan("home"), lab.lan("room"), lab.lan("cellar")
    lab.pzh = lab.hub(lab.host("server", lab.home))
    lab.laptop, lab.tv = lab.host("laptop", lab.home), lab.host("tv", lab.home)
    lab.a, lab.b = lab.device(lab.laptop, lab.pzh), lab.device(lab.tv, lab.pzh)
    lab.c = lab.device(lab.host("phone", lab.home, lab.room, lab.cellar), lab.pzh)
    for one in (lab.a, lab.b, lab.c):
        one.wait_synced(3)
    return lab


def move(lab, host, old, new):
    lab.unplug(host, old)
    lab.plug(host, new)


def test_to_the_hub_and_back_to_a_direct_link(room):
    """The hub sees an ordinary link of the device; the relay reads nothing of it."""
    secret = "through-the-phone-77ab"
    move(room, room.laptop, room.home, room.room)
    room.a.finds(room.c)
    room.a.connect(room.c)
    room.a.wait_status(lambda s: (s["hub"] or {}).get("relay") == "phone", 40, "relayed link")
    room.pzh.wait_log("device-connected device=.*/laptop remote=\"relay phone\"")
    eventually(lambda: room.a.call("test@tv", "get42", '["x"]', check=False).code == 0, 20, "call")
    for i in range(10):
        room.a.calls(room.b, 300 * secret + str(i))
    assert not memory_has(room.c.process, secret.encode())
    with room.a.stream("call", "--json", "--stream", "test@phone", "listenAttr.listenFor42",
                       '[{"repeat":true}]') as events:
        events.line()
        before = len(room.pzh.lines)
        room.plug(room.laptop, room.home)
        room.a.wait_status(lambda s: s["state"] == "connected" and s["hub"]["relay"] is None, 10,
                           "direct link to the hub")
        room.pzh.wait_log("device-connected device=.*/laptop remote=10", start=before)
        events.line()
    assert room.a.status()["state"] == "connected"
    room.a.calls(room.b)
    room.b.calls(room.a)
    late = "\n".join(room.pzh.lines[before:])  # it was never away
    assert "duplicate-device" not in late and "device-gone" not in late


def test_a_revoked_device_behind_a_relay_is_out(room):
    move(room, room.laptop, room.home, room.room)
    room.a.finds(room.c)
    room.a.connect(room.c)
    room.a.wait_status(lambda s: (s["hub"] or {}).get("relay") == "phone", what="relayed")
    eventually(lambda: room.a.call("test@tv", "get42", '["x"]', check=False).code == 0, 20, "call")
    before = [len(one.lines) for one in (room.b, room.c)]
    room.pzh.pzh("revoke", "laptop", "--yes")
    for one, start in zip((room.b, room.c), before):
        one.wait_log("crl number=", start=start)
        eventually(lambda one=one: "laptop" not in one.peers(), what="list without it")
    room.pzh.wait_log("device-gone device=.*/laptop")
    room.a.wait_state("virgin", timeout=10)


def test_between_devices_without_a_hub(room):
    secret = "between-us-5501fe"
    move(room, room.laptop, room.home, room.room)
    move(room, room.tv, room.home, room.cellar)
    room.pzh.kill()
    for one in (room.a, room.b):
        room.c.finds(one)
        room.c.connect(one)
    eventually(lambda: peer(room.a, room.b)["private"], 30, "link through the phone")
    entry = peer(room.a, room.b)
    assert entry["route"] == "relay" and entry["relay"] == "phone" and entry["address"] is None
    for i in range(10):
        room.a.calls(room.b, 300 * secret + str(i))
        room.b.calls(room.a, 300 * secret + str(i))
    assert not memory_has(room.c.process, secret.encode())
    assert memory_has(room.b.process, secret.encode())  # where it is read
    room.c.kill()
    eventually(lambda: peer(room.a, room.b)["route"] == "none", 20, "loss")


# ---- what a device may ask its hub for ----

@pytest.fixture(scope="module")
def identities(shared_zone):
    return [foreign.join(shared_zone.hub, name) for name in ("opener", "taker")]


@pytest.fixture
def pair(shared_zone, identities):
    """Two devices of which only the certificates are real, connected."""
    me, other = identities
    with me.connect("127.0.0.1", shared_zone.hub.port) as link, \
            other.connect("127.0.0.1", shared_zone.hub.port) as far:
        yield me, link, other, far


def ask(me, link, number=1, **members):
    offer = {"channel": number, "window": 1000, "kind": "link", **members}
    link.send(wire.prop(me.address, "channelOpen", offer))
    answer = link.expect(lambda m: wire.is_prop(m, "channelRefuse") or
                         wire.is_prop(m, "channelAccept"))
    return answer["payload"]["message"]


REFUSED = {
    "no such device": ({"to": f"{ZONE}/nosuch"}, "unreachable"),
    "another zone": ({"to": "eve@example.org/tv"}, "unreachable"),
    "itself": ({"to": f"{ZONE}/opener"}, "unreachable"),
    "the hub, for nobody": ({"to": ZONE}, "refused"),
    "the hub, for itself": ({"to": ZONE, "from": f"{ZONE}/opener"}, "refused"),
    "on behalf of another": ({"to": f"{ZONE}/taker", "from": f"{ZONE}/laptop"}, "refused"),
    "an app": ({"to": f"{ZONE}/taker/app:1"}, "badRequest"),
    "no address": ({"to": "/////"}, "badRequest"),
    "a file": ({"to": f"{ZONE}/taker", "kind": "file"}, "unknownKind"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_the_hub_refuses(pair, what):
    me, link, _, _ = pair
    members, reason = REFUSED[what]
    assert ask(me, link, **members) == {"channel": 1, "reason": reason}


def test_the_hub_says_who_opened(pair):
    me, link, other, far = pair
    link.send(wire.prop(me.address, "channelOpen",
                        {"channel": 9, "window": 1000, "kind": "link", "to": other.address}))
    offer = far.expect_prop("channelOpen")
    assert offer["from"] == me.address and offer["to"] == other.address
    assert offer["kind"] == "link" and offer["window"] == 1000
    far.send(wire.prop(other.address, "channelRefuse",
                       {"channel": offer["channel"], "reason": "refused"}))
    refusal = link.expect_prop("channelRefuse")
    assert refusal == {"channel": 9, "reason": "refused"}


def test_four_for_a_pair(pair):
    me, link, other, far = pair
    for number in range(1, 7):
        link.send(wire.prop(me.address, "channelOpen", {
            "channel": number, "window": 1000, "kind": "link", "to": other.address}))
    for number in (5, 6):
        refusal = link.expect_prop("channelRefuse")
        assert refusal == {"channel": number, "reason": "limit"}
    assert [far.expect_prop("channelOpen")["from"]
            for _ in range(4)] == 4 * [me.address]


BROKEN = {
    "data of no channel": struct.pack("<II", 0x80000005, 7) + b"x",
    "data without a byte": struct.pack("<II", 0x80000004, 1),
    "a number of nobody": wire.frame(wire.prop(f"{ZONE}/opener", "channelCredit",
                                               {"channel": 3, "bytes": 5})),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_closes_the_link(pair, shared_zone, what):
    me, link, other, far = pair
    link.send(wire.prop(me.address, "channelOpen", {"channel": 1, "window": 1000, "kind": "link",
                                                    "to": other.address}))
    far.expect_prop("channelOpen")
    link.send_raw(BROKEN[what])
    link.until_closed()
    shared_zone.serves()
