"""A zone across real networks: routers, broken cables, changing addresses, IPv6, bad radio."""

import subprocess
import time

import pytest

from pz import daemon, foreign
from pz.capture import Capture
from pz.daemon import eventually

ZONE = daemon.ZONE


@pytest.fixture
def house(lab):
    """Home and office with a router between; the hub is in the office."""
    lab.home, lab.office = lab.lan("home"), lab.lan("office")
    lab.gateway = lab.router("gateway", lab.home, lab.office)
    lab.server = lab.host("server", lab.office)
    lab.laptop, lab.tv = lab.host("laptop", lab.home), lab.host("tv", lab.office)
    return lab


@pytest.mark.smoke
def test_across_a_router(house):
    hub = house.hub(house.server)
    a, b = house.device(house.laptop, hub), house.device(house.tv, hub)
    a.calls(b, "there")
    b.calls(a, "back")
    assert hub.devices()["laptop"]["addresses"]


@pytest.mark.parametrize("family", [4, 6])
def test_one_family_only(lab, family):
    only = {"v6": None} if family == 4 else {"v4": None}
    near, far = lab.lan("near", **only), lab.lan("far", **only)
    lab.router("gateway", near, far)
    server = lab.host("server", far)
    hub = lab.hub(server)
    assert (":" in hub.host) == (family == 6)
    a, b = lab.device(lab.host("laptop", near), hub), lab.device(lab.host("tv", far), hub)
    assert a.status()["hub"]["host"] == hub.host
    a.calls(b)


def test_another_network_is_tried_at_once(house):
    """Page 5: a change of addresses does not wait for the back-off."""
    hub = house.hub(house.server)
    a, b = house.device(house.laptop, hub), house.device(house.tv, hub)
    a.stop()
    house.unplug(house.laptop, house.home)
    a.start()
    with a.stream("watch", "--json") as events:
        for _ in range(3):  # the next attempt would be in 6.4 s or later
            events.until(lambda e: e.get("new") == "not-connected")
    began = time.monotonic()
    house.plug(house.laptop, house.office)
    a.wait_state("connected", timeout=20)
    assert time.monotonic() - began < 5
    a.calls(b)
    eventually(lambda: house.laptop.address() in hub.devices()["laptop"]["addresses"],
               what="news of the new address at the hub")


def test_short_outage_loses_nothing(house):
    """The call falls into it: TCP repeats, and nobody notices."""
    hub = house.hub(house.server)
    a, b = house.device(house.laptop, hub), house.device(house.tv, hub)
    house.uplink_cut(house.home)
    with Capture(house.home) as seen, \
            a.stream("call", f"test@{b.device}", "get42", '["late"]', "--json") as running:
        seen.wait(lambda p: p.dport == hub.port and p.payload, what="call that goes nowhere")
        house.uplink_mend(house.home)
        assert running.line() == {"result": "42 late"}
        assert running.end().code == 0
    assert a.status()["state"] == "connected"


def test_what_is_called_is_not_seen(house):
    """The capture itself is proven by what has to be in it."""
    hub = house.hub(house.server)
    with Capture(house.home) as seen:
        a, b = house.device(house.laptop, hub), house.device(house.tv, hub)
        a.calls(b, "marker-word")
    assert seen.packets(hub.port)
    with pytest.raises(AssertionError):
        seen.assert_absent(foreign.sni(ZONE, hub.host))
    seen.assert_absent("marker-word", "alice", "laptop", "get42", house.laptop.hostname)


def test_bad_radio(house):
    """One frame in ten is lost, all are late: slower, and every call is answered."""
    house.rough(house.laptop, house.home, loss=0.1, delay_ms=10, jitter_ms=8, seed=42)
    hub = house.hub(house.server)
    a, b = house.device(house.laptop, hub), house.device(house.tv, hub)
    for n in range(10):
        a.calls(b, f"call-{n}")
    big = "x" * 100_000
    a.calls(b, big)
    assert hub.devices()["laptop"]["connected"]


def test_two_of_one_lan_do_not_hear_one_another(lab):
    """Client isolation, as on a hotel's radio: the hub is heard by both, and that is enough."""
    lan = lab.lan("hotel")
    hub = lab.hub(lab.host("server", lan))
    laptop, tv = lab.host("laptop", lan), lab.host("tv", lan)
    lab.separate(lan, laptop, tv)
    a, b = lab.device(laptop, hub), lab.device(tv, hub)
    a.calls(b)
    lab.reunite(lan, laptop, tv)
    b.calls(a)


def _inside(host, *argv):
    return subprocess.run([*host.prefix, *argv], capture_output=True, text=True, check=True).stdout


def test_a_far_hub_is_not_given_up(lab):
    """Two seconds each way: each change of an address has the link asked, and the answer is late."""
    lan = lab.lan("home")
    server, laptop = lab.host("server", lan), lab.host("laptop", lan)
    hub = lab.hub(server)
    for here, there in ((server, laptop), (laptop, server)):  # no ARP, whose patience is 3 s
        mac = _inside(there, "cat", f"/sys/class/net/{there.interface(lan)}/address").strip()
        here.ip(f"neigh replace {there.address(lan)} lladdr {mac} dev {here.interface(lan)} "
                "nud permanent")
    lab.rough(laptop, lan, delay_ms=2000)
    a = lab.device(laptop, hub)
    for n in range(3):
        address = f"10.90.{n}.1"
        laptop.ip(f"addr add {address}/24 dev {laptop.interface(lan)}")
        eventually(lambda: address in hub.devices()["laptop"]["addresses"], timeout=30,
                   what="news of the new address at the hub")
        a.services()  # there and back: what came in late cannot count for the next change
    assert a.status()["state"] == "connected"
    assert "link lost" not in a.log()


def test_link_local_addresses(lab):
    """fe80::1%eth0 wherever an address can be given."""
    lan = lab.lan("home", v4=None)
    server, laptop = lab.host("server", lan), lab.host("laptop", lan)
    hub = lab.hub(server)
    shown = _inside(server, "ip", "-6", "-o", "addr", "show", "dev", server.interface(lan),
                    "scope", "link")
    near = shown.split()[3].split("/")[0]
    a = lab.device(laptop)
    where = f"{near}%{laptop.interface(lan)}"
    code = hub.token()["code"]
    a.pzp("enrol", f"pzp://[{where}]:{hub.port}/{ZONE}?code={code}", "--device", "laptop")
    a.wait_state("connected")
    a.pzp("hub", f"[{where}]:{hub.port}")
    a.wait_state("connected")
    eventually(lambda: a.status()["hub"]["host"] == where, what="the hub at that address")
