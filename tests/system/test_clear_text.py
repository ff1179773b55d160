"""What passes on the network, and what the hub keeps of it (page 14 TLS-9, DAT-5, DAT-8, KEY-8)."""

import ipaddress

from pz import capture, disk
from pz.daemon import is_direct

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
