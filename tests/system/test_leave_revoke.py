"""Leaving a zone: pzp leave, pzh revoke. Afterwards the device is virgin, its name is free, and its
keys are deleted. (page 14 REV-1, REV-11, WIP-1, WIP-2, WIP-5)"""

import time

import pytest

from pz import daemon, foreign, programs, wire
from pz.daemon import eventually
from pz.disk import has_trace

ZONE = daemon.ZONE


def is_virgin_again(device, name):
    status = device.wait_state("virgin")
    assert status["mode"] == "virgin" and not status["zone"] and status["device"] == name
    assert device.call("test", "get42", '["x"]').json() == {"result": "42 x"}
    device.stop()
    assert not has_trace(device.data_dir, ZONE, "BEGIN CERTIFICATE", "BEGIN PRIVATE KEY")
    device.start()
    assert device.status()["state"] == "virgin"


@pytest.mark.smoke
def test_leave(zone):
    zone.b.pzp("leave", "--yes")
    is_virgin_again(zone.b, "tv")
    assert zone.b.log().count("left the zone") and "revoked" not in zone.b.log()
    assert "tv" not in zone.hub.devices()
    out = zone.hub.devices("--all")["tv"]
    assert out["reason"] == "left by itself" and abs(out["revoked"] - time.time()) < 60
    eventually(lambda: not zone.a.services("--device", "tv"), what="end of its services")
    assert zone.a.call("test@tv", "get42", "[]", check=1).reason()
    zone.b.join(zone.hub)
    eventually(lambda: zone.a.services("--device", "tv"), what="services")
    zone.serves()


def test_leave_without_hub(zone):
    """Works without the hub too; the hub hears of it when the name is enrolled again."""
    zone.hub.kill()
    zone.b.pzp("leave", "--yes")
    is_virgin_again(zone.b, "tv")
    zone.hub.start()
    zone.a.pzp("connect")
    out = zone.hub.devices("--all")["tv"]
    assert (out["connected"], out["revoked"], out["reason"]) == (False, None, "")
    zone.hub.pzh("revoke", "tv", "--yes")
    zone.b.join(zone.hub)
    zone.serves()


def test_killed_in_the_middle(zone):
    """The wipe is one transaction: afterwards the device is out, or has not left yet."""
    (zone.b.data_dir / "notes.txt").write_text("not the zone's")
    seen = len(zone.b.lines)
    with zone.b.stream("leave", "--yes"):
        zone.b.wait_log("new=disconnecting", start=seen)
        zone.b.kill()
    zone.b.start()
    zone.b.pzp("connect", check=False)  # the hub knows that it has left
    is_virgin_again(zone.b, "tv")
    assert (zone.b.data_dir / "notes.txt").read_text() == "not the zone's"
    assert zone.b.pzp("leave", "--yes", check=1).reason()  # there is nothing more to leave


@pytest.mark.smoke
def test_revoke(zone):
    serial = zone.hub.devices()["tv"]["serial"]
    start = time.monotonic()
    zone.hub.pzh("revoke", "tv", "--yes")
    zone.b.wait_state("virgin")
    assert time.monotonic() - start < programs.patience(5)  # page 14, REV-2
    is_virgin_again(zone.b, "tv")
    eventually(lambda: not zone.a.services("--device", "tv"), what="end of its services")
    assert "tv" not in zone.hub.devices()
    zone.b.join(zone.hub)
    assert zone.hub.devices()["tv"]["serial"] != serial
    former, now = zone.hub.pzh("devices", "--all", "--json").json()[-2:]
    assert (former["name"], former["serial"]) == ("tv", serial) and former["revoked"]
    assert former["reason"] == "revoked by the owner" and now["revoked"] is None
    eventually(lambda: zone.a.services("--device", "tv"), what="services")
    zone.serves()


def test_revoked_while_away(zone):
    """It hears of it when it comes back."""
    zone.b.stop()
    zone.hub.pzh("revoke", "tv", "--yes")
    zone.hub.stop()
    zone.hub.start()
    zone.b.start()
    is_virgin_again(zone.b, "tv")
    zone.a.wait_state("connected")
    zone.b.join(zone.hub)
    zone.serves()


def test_revoke_survives_kill(zone):
    """Persisted before the answer (page 14, REV-2)."""
    me = foreign.join(zone.hub, "stolen")
    zone.hub.pzh("revoke", "stolen", "--yes")
    zone.hub.kill()
    zone.hub.start()
    try:
        with me.dial("127.0.0.1", zone.hub.port) as link:
            link.send(me.register_message())
            assert not any(wire.is_prop(m, "Update") for m in link.until_closed())
    except OSError:
        pass
    assert not zone.hub.devices().get("stolen", {}).get("connected")


def test_others_hear_of_it(zone):
    me = foreign.join(zone.hub, "listener")
    with me.connect("127.0.0.1", zone.hub.port) as link:
        zone.hub.pzh("revoke", "tv", "--yes")
        link.expect(lambda m: wire.is_prop(m, "Update") and ("tv", False) in [
            (d["name"], d["connected"]) for d in m["payload"]["message"]["PZP"]])
    zone.a.wait_status(lambda s: not any(p["id"] == f"{ZONE}/tv" and p["route"] == "hub"
                                         for p in s["peers"]), what="news that tv is gone")


def test_revoke_ends_its_calls(zone):
    """A call under way to the revoked device does not wait for its time-out."""
    provider = foreign.join(zone.hub, "provider")
    with provider.connect("127.0.0.1", zone.hub.port) as link:
        provider.announce(link, foreign.descriptor(provider.address))
        eventually(lambda: zone.a.services("--device", "provider"), what="service")
        with zone.a.stream("call", "test@provider", "get42", "[]", "--json") as call:
            link.expect(lambda m: isinstance(m.get("payload"), dict) and "method" in m["payload"])
            zone.hub.pzh("revoke", "provider", "--yes")
            ended = call.end(10)
            assert ended.code == 1 and '"code": -32001' in ended.out.replace('":-', '": -')


@pytest.mark.parametrize("device", ["nobody", "", "../tv", "TV"])
def test_revoke_nobody(shared_zone, device):
    result = shared_zone.hub.pzh("revoke", device, "--yes", check=False)
    assert result.code in (1, 2) and result.err.strip()
    shared_zone.serves()


def test_revoke_twice(zone):
    """page 14 REPL-4."""
    zone.hub.pzh("revoke", "tv", "--yes")
    assert zone.hub.pzh("revoke", "tv", "--yes", check=1).reason()


def test_asks_first(shared_zone):
    """Without --yes and without a terminal nothing happens."""
    assert shared_zone.hub.pzh("revoke", "tv", check=2).err
    assert shared_zone.a.pzp("leave", check=2).err
    shared_zone.serves()
