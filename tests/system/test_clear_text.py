"""What is visible on the network, at the hub and at relays (page 14 TLS-9, DAT-5, DAT-8, KEY-8,
page 15)."""

import ipaddress
import os
import socket

import pytest

from pz import capture, disk
from pz.daemon import eventually, is_direct
from test_channels import be_private, memory_has, move, peer, room  # noqa: F401 (a fixture)

RECORDS = (0x14, 0x15, 0x16, 0x17)  # the types of TLS (RFC 8446 5.1)
CANARY, CALLED = "what-alice-wrote", "what-alice-called"


def test_nothing_but_tls_leaves_a_device(lab):
    """page 14 TLS-9 and DAT-8: enrolment, calls by the hub and direct ones, policies and values of
    apps are TLS between nodes of the zone; besides, only multicast DNS is sent, and nothing goes to
    any other machine."""
    lan = lab.lan("home")
    hosts = [lab.host(name, lan) for name in ("server", "laptop", "tv")]
    with capture.Capture(lan) as seen:
        hub = lab.hub(hosts[0])
        a, b = [lab.device(host, hub) for host in hosts[1:]]
        for one in (a, b):
            one.wait_synced(2)
        a.calls(b, CALLED)
        a.pzp("data", "set", "notes", "today", f'"{CANARY}"')
        a.pzp("policy", "set", "-", stdin=f"<policy><rule effect='permit' description='{CANARY}'/></policy>")
        a.connect(b)
        is_direct(a, b)
        a.calls(b, CALLED)
        a.pzp("sync")
    flows, known = {}, {str(ipaddress.ip_address(address)) for host in hosts for address in host.addresses()}
    for packet in seen.packets():
        if packet.payload and packet.protocol == capture.TCP:
            flows.setdefault(packet.flow, packet.payload)
        elif packet.payload:
            assert packet.dport == 5353, packet
        target = ipaddress.ip_address(packet.target)
        assert target.is_multicast or target.is_link_local or packet.target in known, packet
    assert len(flows) >= 4 and all(first[0] in RECORDS for first in flows.values()), flows
    seen.assert_absent("HTTP/1", CANARY, CALLED)
    for one in (hub, a, b):
        one.stop()
    assert not disk.has_trace(hub.data_dir, CALLED)  # DAT-5: a call leaves nothing at the hub


def test_two_installations_have_nothing_in_common(world):
    """page 14 KEY-8: keys are made on the machine where a zone begins, so two hubs that are set up
    alike have two authorities, and so have two devices two keys."""
    hubs = [world.hub(name=name) for name in ("hub", "copy")]
    for hub in hubs:
        world.device(f"of-{hub.name}", hub)
    keys = [path.read_bytes() for one in world.daemons for path in one.data_dir.glob("keys/*")]
    assert len(keys) >= 6 and len(set(keys)) == len(keys)


# ---- at a node that carries links for others (page 15) ----

ASKED, FILE, NAME = "what-the-laptop-asked", "what-the-file-says", "what-the-file-is-called"
IN_CLEAR = "what-no-link-has-encrypted"
FILE_BYTES = 400_000


@pytest.fixture
def far_apart(lab):
    """Two devices that only the hub brings together, on a machine of its own."""
    lan = lab.lan("home")
    lab.server, laptop, tv = [lab.host(name, lan) for name in ("server", "laptop", "tv")]
    lab.hub_of_all = lab.hub(lab.server)
    lab.a, lab.b = [lab.device(host, lab.hub_of_all) for host in (laptop, tv)]
    for one in (lab.a, lab.b):
        one.wait_synced(2)
        one.pzp("prefs", "peer.listen", "false", "--now")
        one.wait_state("connected")
        one.wait_status(lambda s: not s["ports"]["tls"], what="no server")
    return lab


def say_in_clear(seen, sender, target):
    """A datagram of another program passes: the capture is where it should be, and would see the rest."""
    with sender.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(IN_CLEAR.encode(), (target, 9))
    seen.wait(lambda packet: IN_CLEAR.encode() in packet.payload, what="datagram in clear")


def exchange(a, b):
    """Calls in both directions with their answers, and a file, all of them marked."""
    for i in range(10):
        a.calls(b, 300 * ASKED + str(i))
        b.calls(a, 300 * ASKED + str(i))
    path = a.world.path / f"{NAME}.txt"
    path.write_bytes((FILE.encode() + os.urandom(1000)) * (FILE_BYTES // 1000))
    a.pzp("send", path, b.device)
    assert (b.data_dir / "inbox" / path.name).read_bytes() == path.read_bytes()


def assert_unread(seen, carrier, *ends):
    """The capture has as much as was sent, coming in and going out, and no byte of it in clear; and the
    node that carried it has none in its memory, while the ends do."""
    carried = sum(len(packet.payload) for packet in seen.packets() if packet.protocol == capture.TCP)
    assert carried > 2 * FILE_BYTES, carried
    seen.assert_absent(ASKED, FILE, NAME)
    for marker in (ASKED, FILE, NAME):
        assert not memory_has(carrier.process, marker.encode()), marker
    for end in ends:
        assert memory_has(end.process, ASKED.encode())  # the search finds what is there


def test_a_relay_reads_nothing(room):  # noqa: F811
    """Page 15: of what two devices say to each other through a third one, that one sees TLS only, on its
    interfaces and in its memory."""
    phone = room.c.at
    move(room, room.laptop, room.home, room.room)
    move(room, room.tv, room.home, room.cellar)
    room.pzh.kill()
    with capture.Capture(phone) as seen:
        for one in (room.a, room.b):
            room.c.finds(one)
            room.c.connect(one)
        eventually(lambda: peer(room.a, room.b)["relay"] == "phone", 30, "link through the phone")
        say_in_clear(seen, room.laptop, phone.address(room.room))
        exchange(room.a, room.b)
        assert_unread(seen, room.c, room.a, room.b)


def test_a_hub_reads_nothing_that_is_private(far_apart):
    """The same at the hub, with the preference `private`."""
    be_private(far_apart)
    hub = far_apart.hub_of_all
    with capture.Capture(far_apart.server) as seen:
        far_apart.a.calls(far_apart.b, "first")
        assert peer(far_apart.a, far_apart.b)["private"] is True
        say_in_clear(seen, far_apart.a.at, far_apart.server.address())
        exchange(far_apart.a, far_apart.b)
        assert_unread(seen, hub, far_apart.a, far_apart.b)


def test_a_hub_reads_what_is_not_private(far_apart):
    """So the search would find it in the case before; on the wire it is TLS all the same."""
    with capture.Capture(far_apart.server) as seen:
        for i in range(10):
            far_apart.a.calls(far_apart.b, 300 * ASKED + str(i))
        assert memory_has(far_apart.hub_of_all.process, ASKED.encode())
        say_in_clear(seen, far_apart.a.at, far_apart.server.address())
        seen.assert_absent(ASKED)
        with pytest.raises(AssertionError):
            seen.assert_absent(IN_CLEAR)
