"""The hub and the uplink are offline: devices of one local network find each other, call each
other, relay messages for each other, and follow changes of the network (pages 5 and 6). (page 14
TLS-11, DOS-5)"""

import time

import pytest

from pz import daemon, mdns, programs
from pz.capture import Capture
from pz.daemon import eventually, is_direct

ZONE = daemon.ZONE
LISTEN = ("test@tv", "listenAttr.listenFor42", '[{"repeat":true}]')


def call_works(caller, callee, timeout=30):
    """For the time after a change, when a call may still fail."""
    eventually(lambda: caller.call(f"test@{callee.device}", "get42", '["x"]', "--timeout", 5,
                                   check=False).code == 0, timeout, "call that works")


@pytest.fixture
def house(lab):
    """Home with three devices, the hub far away; all are in the zone."""
    lab.make_home()
    synced(lab)
    return lab


def synced(net):
    """All devices know one another, and the secret by which they do."""
    for one in (net.a, net.b, net.c):
        one.wait_synced(3)


@pytest.fixture
def island(house):
    """The house with its hub gone and its uplink cut."""
    house.pzh.kill()
    house.uplink_cut(house.home)
    for one in (house.a, house.b, house.c):
        one.wait_state("not-connected", "connecting")
    return house


@pytest.mark.smoke
def test_found_and_called(island):
    start = time.monotonic()
    found = island.a.finds(island.b, island.c)
    assert found["tv"]["port"] == island.b.status()["ports"]["tls"]
    assert set(found["tv"]["addresses"]) & set(island.tv.addresses())
    island.a.connect(island.b)
    assert time.monotonic() - start < programs.patience(6)
    is_direct(island.a, island.b)
    island.a.calls(island.b)
    island.b.calls(island.a)
    assert island.a.services("--device", "tv")


def test_found_within_three_seconds(island):
    start = time.monotonic()
    found = {one["id"] for one in island.a.discover(2)}
    assert found == {f"{ZONE}/tv", f"{ZONE}/phone"}
    assert time.monotonic() - start < programs.patience(3)


def test_a_call_finds_its_way(island):
    """Nobody said connect: a call to a device that is near is enough."""
    call_works(island.a, island.b, timeout=programs.patience(10))
    is_direct(island.a, island.b)


def test_after_a_restart_of_all(island):
    """Nothing but the disk is left, and no hub."""
    devices = (island.a, island.b, island.c)
    for one in devices:
        one.kill()
    for one in devices:
        one.start()
    island.a.finds(island.b, island.c)
    island.a.connect(island.b)
    is_direct(island.a, island.b)
    island.a.calls(island.b)
    island.b.calls(island.a)


def test_link_local_addresses_only(lab):
    """A cable between two devices and nothing else: no router, no DHCP, no hub."""
    office, cable = lab.lan("office"), lab.lan("cable", v4=None, v6="link")
    hub = lab.hub(lab.host("server", office))
    laptop, tv = lab.host("laptop", office), lab.host("tv", office)
    a, b = lab.device(laptop, hub), lab.device(tv, hub)
    for one in (a, b):
        one.wait_synced(2)
    a.finds(b)
    b.finds(a)
    for host in (laptop, tv):
        lab.unplug(host, office)
        lab.plug(host, cable)
    a.finds(b)
    a.connect(b)
    is_direct(a, b)
    a.calls(b)


def test_network_goes_while_it_is_announced(lab):
    """Just started, and the cable is pulled: in the next network it is announced all the same."""
    office, home = lab.lan("office"), lab.lan("home")
    lab.router("gateway", office, home)
    hub = lab.hub(lab.host("server", office))
    laptop, tv = lab.host("laptop", home), lab.host("tv", office)
    a, b = lab.device(laptop, hub), lab.device(tv, hub)
    for one in (a, b):
        one.wait_synced(2)
    b.stop()
    with Capture(office) as seen:
        b.start()
        seen.wait(lambda p: p.dport == mdns.PORT and p.source in tv.addresses(), what="probe")
    lab.unplug(tv, office)
    lab.plug(tv, home)
    a.finds(b, seconds=programs.patience(10))


def connected_star(net):
    """The phone has a direct link to each of the others."""
    net.c.finds(net.a, net.b)
    net.c.connect(net.a)
    net.c.connect(net.b)
    is_direct(net.c, net.a)
    is_direct(net.c, net.b)


def test_relay(island):
    """Laptop and television do not hear one another; the phone passes on."""
    island.separate(island.home, island.laptop, island.tv)
    connected_star(island)
    island.a.wait_route(island.b, "relay")
    island.b.wait_route(island.a, "relay")
    island.a.calls(island.b, "there")
    island.b.calls(island.a, "back")
    with island.a.stream("call", "--json", "--stream", *LISTEN) as events:
        for _ in range(2):
            assert events.line()["params"] == {"msg": "42"}


def test_relay_goes_away(island):
    island.separate(island.home, island.laptop, island.tv)
    connected_star(island)
    island.a.wait_route(island.b, "relay")
    island.c.kill()
    island.a.wait_route(island.b, "none", timeout=5)
    start = time.monotonic()
    result = island.a.call("http://webinos.org/api/test@tv", "get42", '["x"]', check=1)
    assert result.json()["error"]["code"] == -32001, repr(result)
    # It may look for the device first; it must not wait for an answer that cannot come.
    assert time.monotonic() - start < programs.patience(6)


def test_no_relay_where_it_is_not_wanted(island):
    """peer.relay = false: unreachable, at once."""
    island.c.pzp("prefs", "peer.relay", "false")
    island.c.stop()
    island.c.start()
    island.separate(island.home, island.laptop, island.tv)
    connected_star(island)
    result = island.a.call("http://webinos.org/api/test@tv", "get42", '["x"]', check=1)
    assert result.json()["error"]["code"] == -32001, repr(result)
    assert result.seconds < programs.patience(6)
    assert daemon.route(island.a.status(), "tv") == "none"
    island.a.calls(island.c)


@pytest.fixture
def bridge_head(lab):
    """The laptop is in a room without uplink; the phone is in the room and at home, with the hub."""
    lab.home, lab.room = lab.lan("home"), lab.lan("room")
    lab.pzh = lab.hub(lab.host("server", lab.home))
    lab.laptop = lab.host("laptop", lab.home)
    lab.a = lab.device(lab.laptop, lab.pzh)
    lab.b = lab.device(lab.host("tv", lab.home), lab.pzh)
    lab.c = lab.device(lab.host("phone", lab.home, lab.room), lab.pzh)
    synced(lab)
    lab.unplug(lab.laptop, lab.home)
    lab.plug(lab.laptop, lab.room)
    return lab


def test_relay_to_the_hub(bridge_head):
    """Page 6: through a peer that can reach the hub, to the rest of the zone and back."""
    lab = bridge_head
    lab.a.finds(lab.c)
    lab.a.connect(lab.c)
    is_direct(lab.a, lab.c)
    lab.a.wait_status(lambda s: (s["hub"] or {}).get("relay") == "phone", 40, "relayed link")
    lab.a.wait_route(lab.b, "hub")
    call_works(lab.a, lab.b)
    call_works(lab.b, lab.a)
    lab.a.calls(lab.b, "out")
    lab.b.calls(lab.a, "in")


def test_hub_comes_back(island):
    island.a.finds(island.b)
    island.a.connect(island.b)
    is_direct(island.a, island.b)
    with island.a.stream("call", "--json", "--stream", *LISTEN) as events:
        events.line()
        island.uplink_mend(island.home)
        island.pzh.start()
        for one in (island.a, island.b, island.c):
            one.pzp("connect")
            one.wait_state("connected")
        for _ in range(2):
            events.line()
    assert daemon.route(island.a.status(), "tv") == "direct"
    island.a.calls(island.b)
    island.c.calls(island.a)  # by the hub
    assert all(one["connected"] for one in island.pzh.devices().values())


def test_both_move_to_another_network(island):
    """The link dies with the network; in the next one they find each other again."""
    train = island.lan("train")
    island.a.finds(island.b)
    island.a.connect(island.b)
    is_direct(island.a, island.b)
    for host in (island.laptop, island.tv):
        island.unplug(host, island.home)
        island.plug(host, train)
    eventually(lambda: {"tv"} <= {one["id"].split("/")[-1] for one in island.a.discover(2)
                                  if one["id"] and set(one["addresses"]) & set(island.tv.addresses())},
               timeout=programs.patience(15), what="news where the other is")
    call_works(island.a, island.b)
    call_works(island.b, island.a)


def test_own_address_changes_during_a_stream(island):
    """A new lease: the stream may end, but with an error, and soon; calls go on."""
    island.a.finds(island.b)
    island.a.connect(island.b)
    is_direct(island.a, island.b)
    with island.a.stream("call", "--json", "--stream", *LISTEN) as events:
        events.line()
        island.renumber(island.laptop, island.home)
        call_works(island.a, island.b)
        call_works(island.b, island.a)
    is_direct(island.a, island.b)


def test_own_address_changes_with_the_hub_up(house):
    """The same with the hub up: the link to it is made again, and the hub has the new address."""
    house.renumber(house.laptop, house.home)
    eventually(lambda: house.laptop.address() in house.pzh.devices()["laptop"]["addresses"], 30,
               what="new address at the hub")
    call_works(house.a, house.b)
    call_works(house.b, house.a)


def test_cable_is_pulled_and_put_back(island):
    """Silence, shorter than the keep-alive: nothing is lost."""
    island.a.finds(island.b)
    island.a.connect(island.b)
    is_direct(island.a, island.b)
    island.cut(island.tv, island.home)
    with island.a.stream("call", "test@tv", "get42", '["late"]', "--json") as running:
        island.mend(island.tv, island.home)
        assert running.line() == {"result": "42 late"}
        assert running.end().code == 0


def test_found_over_bad_radio(island):
    """A third of the frames is lost: multicast DNS repeats itself, TCP too."""
    island.rough(island.laptop, island.home, loss=0.3, delay_ms=20, jitter_ms=15, seed=3)
    island.a.finds(island.b, seconds=40)
    eventually(lambda: island.a.connect(island.b, check=False).code == 0, 60, "direct link")
    is_direct(island.a, island.b)
    call_works(island.a, island.b, timeout=60)
