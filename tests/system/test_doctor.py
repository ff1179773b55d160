"""pzp doctor (page 12 "Doctor"): it finds nothing wrong in a healthy setup, and names each fault in
a broken one."""

import contextlib
import socket

import pytest

from pz import fakepeer, foreign, wire
from pz.daemon import Device, eventually

DAY = 24 * 3600


def examine(device, code=None):
    """{check: finding} of `pzp doctor --json`."""
    result = device.pzp("doctor", "--json", check=False)
    found = result.json()
    for one in found:
        assert set(one) >= {"check", "ok", "detail", "advice"} and one["detail"], one
        assert one["ok"] == (one["advice"] is None), one
    assert result.code == (0 if all(one["ok"] for one in found) else 1) and not result.err
    assert code is None or result.code == code, found
    return {one["check"]: one for one in found}


def wrong(found):
    return {name for name, one in found.items() if not one["ok"]}


def test_nothing_is_wrong(zone):
    found = examine(zone.a, 0)
    assert {name for name, one in found.items() if "skipped" in one} == {"multicast-sent", "reachable"}
    assert {"daemon", "version", "zone", "hub-name", "hub-port", "hub-link", "clock", "certificate",
            "authority", "revocation-list", "disk"} < set(found)
    assert found["version"]["detail"].count(zone.a.status()["version"]) == 2
    text = zone.a.pzp("doctor").out
    assert "ok  port of the hub" in text and f"port {zone.hub.port} accepts" in text


def test_a_peer_tries_the_port(zone):
    eventually(lambda: zone.a.peers()["tv"]["port"], what="the hub says where tv is")
    zone.a.connect(zone.b)
    one = examine(zone.a, 0)["reachable"]
    assert one["tries"] == [{"by": "tv", "address": "127.0.0.1", "ok": True, "error": None}]
    assert f"port {zone.a.status()['ports']['tls']}: tv reaches 127.0.0.1" in one["detail"]


def test_a_peer_cannot_reach_the_port(zone):
    """As behind a firewall: the other device says what it sees."""
    friend = foreign.join(zone.hub, "friend")
    here = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})
    port = zone.a.status()["ports"]["tls"]
    with fakepeer.connect(here, friend, "127.0.0.1", port) as link, zone.a.control() as control:
        zone.a.wait_route("friend", "direct")
        control.send("doctor")
        asked = link.expect_prop("tryAddresses")
        assert set(asked) == {"id"}
        link.send(wire.prop(friend.address, "triedAddresses", {
            "id": asked["id"],
            "results": [{"address": "127.0.0.1", "ok": False, "error": "timed out"}]},
            to=f"{zone.a.zone}/laptop"))
        found = control.message()["result"]
    one, = [one for one in found if one["check"] == "reachable"]
    assert not one["ok"] and "friend does not reach 127.0.0.1: timed out" in one["detail"]
    assert "firewall" in one["advice"]


def test_the_port_is_taken(world):
    hub = world.hub()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        device = Device(world, "laptop", ["--tls-port", port]).start()
        device.join(hub)
        assert wrong(examine(device, 1)) == {"reachable"}


def test_without_a_daemon(zone):
    zone.a.stop()
    found = examine(zone.a, 1)
    assert wrong(found) - {"multicast-sent", "multicast-received"} == {"daemon"}
    assert "laptop in zone alice@example.org" in found["zone"]["detail"]
    assert {"hub-name", "hub-port", "certificate", "authority", "revocation-list", "disk"} < set(found)
    zone.a.start()
    zone.a.wait_state("connected")  # it was left as it was


def test_without_a_zone(world):
    device = world.device("laptop")
    found = examine(device, 0)
    assert found["zone"]["skipped"] and "pzp enrol" in found["zone"]["detail"]
    assert not {"hub-name", "hub-link", "certificate"} & set(found)
    device.stop()
    found = examine(device, 1)
    assert found["zone"]["skipped"]
    never = Device(world, "never")
    found = examine(never, 1)
    assert found["zone"]["skipped"] and not never.data_dir.exists()


def test_the_name_is_wrong(zone):
    zone.a.pzp("hub", "no-such-host.invalid:8041", check=False)
    zone.hub.stop()
    zone.a.pzp("hub", "no-such-host.invalid:8041", check=False)
    zone.a.wait_status(lambda s: s["hub"]["host"] == "no-such-host.invalid", what="tried there")
    found = examine(zone.a, 1)
    assert {"hub-name", "hub-link"} <= wrong(found)
    assert "no-such-host.invalid" in found["hub-name"]["detail"]
    assert "hub-port" not in found


def test_the_hub_is_down(zone):
    zone.hub.stop()
    zone.a.wait_state("not-connected", "connecting")
    found = examine(zone.a, 1)
    assert wrong(found) == {"hub-port", "hub-link"}
    assert f"127.0.0.1 port {zone.hub.port}" in found["hub-port"]["detail"]
    zone.a.pzp("disconnect")
    found = examine(zone.a, 0)  # as the user wants it
    assert found["hub-port"]["skipped"] and "not needed" in found["hub-port"]["detail"]


def test_the_clock_is_off(zone, clock_shim):
    zone.a.stop()
    zone.a.env = clock_shim(3600)
    zone.a.start()
    zone.a.wait_state("connected")
    found = examine(zone.a, 1)
    assert wrong(found) == {"clock"}
    seconds = int(found["clock"]["detail"].split(" s ahead of the hub's")[0].split()[-1])
    assert 3600 <= seconds < 3700


def test_the_clock_is_before_the_zone(zone, clock_shim):
    """No link is possible, and the dates say why."""
    zone.a.stop()
    zone.a.env = clock_shim(-3600)
    zone.a.start()
    zone.a.wait_state("not-connected")
    found = examine(zone.a, 1)
    assert {"hub-link", "revocation-list"} <= wrong(found) and found["hub-port"]["ok"]
    assert "still to come" in found["revocation-list"]["detail"]
    assert "set the clock" in found["revocation-list"]["advice"]


def test_the_list_is_old(zone, clock_shim):
    zone.hub.stop()
    zone.a.stop()
    zone.a.env = clock_shim(40 * DAY)
    zone.a.start()
    found = examine(zone.a, 1)
    assert wrong(found) == {"hub-port", "hub-link", "revocation-list", "warning"}
    assert "ended" in found["revocation-list"]["detail"]
    assert "no contact with the hub" in found["warning"]["detail"]


def test_the_disk_is_full(world, small_disk):
    hub = world.hub()
    device = Device(world, "laptop", data_dir=small_disk / "laptop").start()
    device.join(hub)
    assert wrong(examine(device, 1)) == {"disk"}  # little room
    with open(small_disk / "filler", "wb", buffering=0) as filler:
        with pytest.raises(OSError):
            while True:
                filler.write(bytes(4096))
    found = examine(device, 1)
    assert wrong(found) >= {"disk"} and "is full" in found["disk"]["detail"]
    (small_disk / "filler").unlink()


def test_no_multicast(lab):
    lonely = Device(lab.world, "lonely", at=lab.host("lonely")).start()
    found = examine(lonely, 1)
    assert wrong(found) == {"multicast-sent"}
    assert found["multicast-received"]["skipped"]


def test_multicast_and_firewall(lab):
    lan = lab.lan("home")
    hub = lab.hub(lab.host("hub", lan))
    laptop = lab.device(lab.host("laptop", lan), hub)
    tv = lab.device(lab.host("tv", lan), hub)
    laptop.connect(tv)
    found = examine(laptop, 0)
    assert "by 1 interface" in found["multicast-sent"]["detail"]
    assert "skipped" not in found["multicast-received"]
    reached = {one["address"]: one["ok"] for one in found["reachable"]["tries"]}
    assert all(reached.values()) and set(laptop.at.addresses()) <= set(reached)


# ---- pzp bugreport (page 12 "Bug report") ----

def report_of(device, path):
    device.pzp("bugreport", path)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    for section in ("== doctor ==", "== status ==", "== log (UTC) =="):
        assert section in text
    return text


def assert_without(text, *names):
    lower = text.lower()
    for name in names:
        at = lower.find(str(name).lower())
        assert at < 0, f"{name!r} in {text[max(0, at - 60):at + 60]!r}"


def test_a_report_names_nothing(lab):
    lan = lab.lan("home")
    hub = lab.hub(lab.host("hubmachine", lan))
    laptop = lab.device(lab.host("lapmachine", lan), hub, name="erika-laptop")
    tv = lab.device(lab.host("tvmachine", lan), hub, name="wohnzimmer")
    gone = lab.device(lab.host("gonemachine", lan), hub, name="altes-handy")
    tv.pzp("prefs", "device.display-name", "Fernseher der Familie", check=False)
    laptop.pzp("user", "nickname", "Rikchen")
    laptop.pzp("data", "set", "https://einkauf.example", "merkzettel", '"milch-und-brot"')
    laptop.pzp("name", "wohnzimmer", "Grosse Glotze")
    eventually(lambda: laptop.peers()["wohnzimmer"]["port"], what="the hub says where it is")
    laptop.connect(tv)
    eventually(lambda: "altes-handy" in laptop.peers(), what="known")
    hub.pzh("revoke", "altes-handy", "--yes")
    gone.wait_state("virgin")
    laptop.calls(tv, "geheimes-wort")
    laptop.pzp("call", "no-such@wohnzimmer", "nichts", check=False)
    letter = lab.world.path / "liebesbrief an karla.txt"
    letter.write_text("x")
    tv.pzp("send", letter, "erika-laptop")
    serials = [one["serial"] for one in hub.devices().values()]
    session = laptop.log()
    assert "liebesbrief" in session
    text = report_of(laptop, lab.world.path / "report.txt")
    assert_without(
        text, "alice", "example.org", "erika", "wohnzimmer", "Fernseher", "Glotze", "altes-handy",
        "Rikchen", "einkauf", "merkzettel", "milch", "geheimes-wort", "liebesbrief", "karla",
        *serials,
        *laptop.at.addresses(), *tv.at.addresses(), *hub.at.addresses(), laptop.at.hostname,
        str(laptop.data_dir), str(lab.world.path))
    assert "peer-listen" in session and "peer-listen" in text  # the log is there, and readable
    assert '"state": "connected"' in text and "device-" in text and "address-" in text
    assert f"port {hub.port} accepts" in text
    # One that is there is not replaced.
    again = laptop.pzp("bugreport", lab.world.path / "report.txt", check=False)
    assert again.code == 1 and "already" in again.err


def test_a_report_without_a_daemon(zone):
    zone.a.stop()
    text = report_of(zone.a, zone.world.path / "report.txt")
    assert_without(text, "alice", "example.org", "laptop", "127.0.0.1", zone.world.path)
    assert "WRONG  daemon" in text and "pzpd cannot be reached" in text
    assert zone.a.pzp("bugreport", "-", "--json", check=False).code == 2
    path = zone.world.path / "again.txt"
    assert zone.a.pzp("bugreport", path, "--json").json() == {"file": str(path)}
    out = zone.a.pzp("bugreport", "-").out
    assert "== doctor ==" in out and "== log" in out
