"""Page 1, "Who may say what": `from` is never trusted, but compared with the link."""

import concurrent.futures
import time

import pytest

from pz import daemon, fakehub, foreign, wire
from pz.daemon import eventually

ZONE = daemon.ZONE


@pytest.fixture(scope="module")
def trio(shared_zone):
    return [foreign.join(shared_zone.hub, name) for name in ("mallory", "victim", "friend")]


FROM = {
    "another device": f"{ZONE}/tv",
    "an app of another device": f"{ZONE}/tv/7f3a:1",
    "the hub": ZONE,
    "another zone": "eve@example.org",
    "a device of another zone": "eve@example.org/mallory",
    "a virgin device": "mallory",
    "a longer name": f"{ZONE}/mallory2",
    "a shorter name": f"{ZONE}/mallor",
    "another case": f"{ZONE}/Mallory",
    "the destination": f"{ZONE}/victim",
    "upper-case zone": f"{ZONE.upper()}/mallory",
}


@pytest.mark.parametrize("member", ["from", "resp_to"])
@pytest.mark.parametrize("what", FROM)
def test_dropped(shared_zone, trio, what, member):
    me, victim, _ = trio
    before = shared_zone.hub.status()["messages"]["dropped"]
    with victim.connect("127.0.0.1", shared_zone.hub.port) as heard, \
            me.connect("127.0.0.1", shared_zone.hub.port) as link:
        spoofed = wire.rpc(me.address, victim.address, wire.request("spoofed.f", []))
        spoofed[member] = FROM[what]
        honest = wire.rpc(me.address, victim.address, wire.request("honest.f", []))
        link.send(spoofed, honest)  # order is kept, so the second tells about the first
        got = heard.expect(lambda m: m["type"] == "JSONRPC")
        assert got["payload"]["method"] == "honest.f", got
        assert shared_zone.hub.status()["messages"]["dropped"] > before


def test_it_is_logged(shared_zone):
    me, tv = foreign.join(shared_zone.hub, "spoofer"), f"{daemon.ZONE}/tv"
    lines = len(shared_zone.hub.lines)
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        spoofed = wire.rpc(me.address, tv, wire.request("spoofed.f", []))
        spoofed["from"] = tv
        link.send(spoofed)
        shared_zone.hub.wait_log(f"spoofed-from peer={me.address} ", start=lines)


def test_own_apps_may_speak(shared_zone, trio):
    me, victim, _ = trio
    with victim.connect("127.0.0.1", shared_zone.hub.port) as heard, \
            me.connect("127.0.0.1", shared_zone.hub.port) as link:
        message = wire.rpc(f"{me.address}/7f3a:1", victim.address, wire.request("app.f", []))
        link.send(message)
        got = heard.expect(lambda m: m["type"] == "JSONRPC")
        assert got == message


def test_log_is_limited(shared_zone, trio):
    """At most one line a second for each link."""
    _, victim, _ = trio
    me = foreign.join(shared_zone.hub, "liar")  # whose share of the log is unused
    lines, began = len(shared_zone.hub.lines), time.monotonic()
    with victim.connect("127.0.0.1", shared_zone.hub.port) as heard, \
            me.connect("127.0.0.1", shared_zone.hub.port) as link:
        for _ in range(500):
            spoofed = wire.rpc(f"{ZONE}/tv", victim.address, wire.request("spoofed.f", []))
            link.send(spoofed)
        link.send(wire.rpc(me.address, victim.address, wire.request("honest.f", [])))
        try:
            heard.expect(lambda m: m["type"] == "JSONRPC", timeout=5)
        except TimeoutError:  # the hub may also end a link that lies again and again
            link.until_closed()
    said = [line for line in shared_zone.hub.lines[lines:] if "spoofed-from" in line]
    assert 1 <= len(said) <= time.monotonic() - began + 2, said


def test_services_of_somebody_else(shared_zone, trio):
    """Page 7, 4: a device announces its own services only."""
    me, victim, _ = trio
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        me.announce(link, foreign.descriptor(f"{ZONE}/tv", display_name="Trap"))
        me.announce(link, foreign.descriptor(ZONE, display_name="Trap"))
        me.announce(link, foreign.descriptor("eve@example.org/x", display_name="Trap"))
        answer = me.call(link, f"{ZONE}/tv")  # the announcements have been dealt with before it
        assert answer["result"] == "42 x"
        assert not [s for s in shared_zone.a.services() if s["displayName"] == "Trap"]


def test_forged_answer(shared_zone, trio):
    """An answer counts only from whom the request was sent to, whoever knows its id."""
    me, victim, _ = trio
    with victim.connect("127.0.0.1", shared_zone.hub.port) as link, \
            me.connect("127.0.0.1", shared_zone.hub.port) as forger, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        victim.announce(link, foreign.descriptor(victim.address))
        eventually(lambda: shared_zone.a.services("--device", "victim"), what="service")
        call = pool.submit(shared_zone.a.call, "test@victim", "get42", "[]")
        request = link.expect(lambda m: isinstance(m.get("payload"), dict) and "method" in m["payload"])
        forged = {"jsonrpc": "2.0", "id": request["payload"]["id"], "result": "forged"}
        forger.send(wire.rpc(me.address, request["resp_to"], forged))
        forger.send(wire.rpc(me.address, request["resp_to"],
                             {"jsonrpc": "2.0", "id": request["payload"]["id"],
                              "error": {"code": -32603, "message": "forged"}}))
        # The device has seen the forgery before the true answer: it answers this call behind it.
        assert me.call(forger, f"{ZONE}/laptop")["result"] == "42 x"
        link.send(wire.rpc(victim.address, request["resp_to"],
                           {"jsonrpc": "2.0", "id": request["payload"]["id"], "result": "true"}))
        assert call.result().json() == {"result": "true"}


def test_props_of_a_device_at_a_device(shared_zone, trio):
    """What only a hub may say: a device's `revoked` or `Update` moves nobody."""
    me, _, _ = trio
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        for status in ("revoked", "bye", "Update", "signedCert"):
            link.send(wire.prop(me.address, status, {"reason": "spoofed", "PZP": [], "PZH": []},
                                to=f"{ZONE}/laptop"))
        assert me.call(link, f"{ZONE}/laptop")["result"] == "42 x"
    status = shared_zone.a.status()
    assert (status["mode"], status["state"]) == ("hub", "connected")
    shared_zone.serves()


HUB_FROM = {
    "the device itself": f"{ZONE}/lamp",
    "an app of the device": f"{ZONE}/lamp/1:1",
    "another zone": "eve@example.org/x",
}


@pytest.fixture(scope="module")
def hub_link(module_world):
    """A hub's end of our device's link."""
    device = module_world.device("lamp")
    hub = fakehub.FakeHub(ZONE)
    module_world.on_close(hub.close)
    device.pzp("enrol", hub.link, "--device", "lamp")
    return hub.next_link()[1]


@pytest.mark.parametrize("what", HUB_FROM)
def test_device_does_not_believe_its_hub_everything(hub_link, what):
    """The hub's link may say anything in the zone, but not in our own name."""
    link = hub_link
    link.send(wire.rpc(HUB_FROM[what], f"{ZONE}/lamp", wire.request(foreign.TEST_METHOD, ["spoofed"])))
    honest = wire.request(foreign.TEST_METHOD, ["honest"])
    link.send(wire.rpc(f"{ZONE}/tv", f"{ZONE}/lamp", honest))
    got = link.expect(lambda m: m["type"] == "JSONRPC")
    assert got["payload"] == {"jsonrpc": "2.0", "id": honest["id"], "result": "42 honest"}, got
    assert got["to"] == f"{ZONE}/tv"
