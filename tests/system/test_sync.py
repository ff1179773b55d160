"""What every device of a zone may write (page 8): details of the user, names of devices,
preferences of the zone. A change reaches all connected devices within a second, the others when
they return, and never a stranger."""

import contextlib
import time

import pytest

from pz import daemon, fakehub, fakepeer, foreign, programs, wire
from pz.daemon import eventually

ZONE = daemon.ZONE
SOON = programs.patience(1)  # page 8: a change anywhere reaches everyone within a second


def run(one, *args, **more):
    """The daemon's own command line."""
    return (one.pzh if isinstance(one, daemon.Hub) else one.pzp)(*args, **more)


def details(one, *args):
    return {d["field"]: d["value"] for d in run(one, "user", *args, "--json").json()}


def put(one, field, value):
    assert run(one, "user", field, value).out == f"{field} = {value}\n"


def all_have(everybody, field, value, timeout=SOON):
    """`value` None: it is gone."""
    for one in everybody:
        eventually(lambda: details(one).get(field) == value, timeout,
                   f"{field} = {value} at {one.name}: {details(one)}")


def reconnect(device):
    device.pzp("disconnect")
    device.pzp("connect")


def back(hub, *devices):
    """The hub is there again, and these are linked with it, without waiting for their next attempt."""
    hub.start()
    for device in devices:
        device.pzp("connect")


def names(one):
    """How devices are called, as the hub or a device shows it."""
    if isinstance(one, daemon.Hub):
        return {name: d["displayName"] for name, d in one.devices().items()}
    return {name: p["displayName"] for name, p in one.peers().items()}


def called(one, device, name, timeout=SOON):
    eventually(lambda: names(one).get(device) == name, timeout,
               f"{device} called {name} at {one.name}: {names(one)}")


def own_name(device):
    one = device.pzp("prefs", "name", "--json").json()
    return one["value"], one.get("pending")


@pytest.fixture
def everybody(shared_zone):
    return [shared_zone.hub, shared_zone.a, shared_zone.b]


# ---- details of the user ----

@pytest.mark.smoke
def test_details_from_anywhere(shared_zone, everybody):
    hub, a, b = everybody
    assert "user fullName" in a.pzp("user").out  # how to set the first
    put(a, "fullName", "Alice Example ☕")
    all_have(everybody, "fullName", "Alice Example ☕")
    put(hub, "language", "de")
    all_have(everybody, "language", "de")
    put(b, "fullName", "Alice B. Example")
    all_have(everybody, "fullName", "Alice B. Example")
    (shown,) = [d for d in hub.pzh("user", "--json").json() if d["field"] == "fullName"]
    assert shown["by"] == f"{ZONE}/tv" and abs(shown["changed"] - time.time()) < 60
    assert a.pzp("user", "fullName", "--json").json() == shown
    assert a.pzp("user", "language").out == "de\n"
    table = hub.pzh("user").out.splitlines()
    assert table[0].split() == ["FIELD", "VALUE", "CHANGED", "BY"] and "Alice B." in table[1]
    assert hub.pzh("user", "language", "--remove").out == "language is removed\n"
    all_have(everybody, "language", None)
    assert "no language is known" in b.pzp("user", "language", check=1).reason()
    assert "no language is known" in b.pzp("user", "language", "--remove", check=1).reason()


def test_refused_at_the_command(shared_zone, everybody):
    before = details(shared_zone.hub)
    for one in everybody:
        for field, value in (("device/tv", "x"), ("full name", "x"), ("x" * 65, "x"), ("é", "x"),
                             ("phone", "x" * 1025), ("phone", "two\nlines"), ("phone", "\x7f")):
            reason = run(one, "user", field, value, check=1).reason()
            assert "bytes of text" in reason or "letters, digits" in reason
        run(one, "user", "--remove", check=2)
        run(one, "user", "phone", "1", "--remove", check=2)
        run(one, "name", "tv", check=2)
        run(one, "name", "tv", "x", "--reset", check=2)
        assert "nobody" in run(one, "name", "nobody", "x", check=1).reason()
        assert "control characters" in run(one, "name", "tv", "x" * 129, check=1).reason()
    assert details(shared_zone.hub) == before


def test_device_that_was_away(shared_zone, everybody):
    """And what was answered is on the disk, also after kill -9."""
    hub, a, b = everybody
    b.kill()
    put(a, "phone", "+49 30 1")
    put(hub, "email", "alice@example.org")
    hub.kill()
    back(hub, a)
    b.start()
    all_have(everybody, "phone", "+49 30 1", 20)
    all_have(everybody, "email", "alice@example.org", 20)


def test_before_there_is_a_zone(shared_zone, world):
    """What a device without a zone has is the zone's when it joins one."""
    early = world.device("early")
    put(early, "nickname", "Al")
    assert early.pzp("user", "--json").json()[0]["by"] == "early"
    early.join(shared_zone.hub)
    all_have([shared_zone.hub, shared_zone.a, early], "nickname", "Al", 10)
    assert early.pzp("user", "nickname", "--json").json()["by"] == f"{ZONE}/early"
    early.pzp("leave", "--yes")
    assert details(early) == {}
    all_have([shared_zone.hub], "nickname", "Al")


# ---- names of devices ----

def test_names_from_anywhere(shared_zone, everybody):
    hub, a, b = everybody
    assert hub.pzh("name", "tv", "Living room").out == "tv is called Living room\n"
    assert names(hub)["tv"] == "Living room"
    called(a, "tv", "Living room")
    eventually(lambda: own_name(b) == ("Living room", None), SOON, "the device's own view")
    assert a.pzp("name", f"{ZONE}/tv", "Kino").out == "tv is called Kino\n"
    called(hub, "tv", "Kino")
    called(a, "tv", "Kino")
    eventually(lambda: own_name(b) == ("Kino", None), SOON, "the device's own view")
    b.pzp("name", "tv", "Myself")
    assert own_name(b) == ("Myself", None)
    called(hub, "tv", "Myself")
    # its preference is the same name, but waits for the reconnect (page 10)
    b.pzp("prefs", "name", "Screen")
    assert own_name(b) == ("Myself", "Screen") and names(hub)["tv"] == "Myself"
    reconnect(b)
    called(hub, "tv", "Screen")
    called(a, "tv", "Screen")
    hub.pzh("name", "tv", "--reset")
    called(hub, "tv", "Screen")
    assert own_name(b) == ("Screen", None)  # back to what it calls itself
    b.pzp("prefs", "name", "--reset")
    reconnect(b)
    called(a, "tv", "tv")


def test_names_of_a_device_that_is_away(shared_zone, everybody):
    hub, a, b = everybody
    b.stop()
    hub.pzh("name", "tv", "Gone")
    called(hub, "tv", "Gone")
    called(a, "tv", "Gone")
    hub.kill()
    back(hub, a)
    assert names(hub)["tv"] == "Gone"
    b.start()
    eventually(lambda: own_name(b) == ("Gone", None), 20, "the name that it was given")
    # both rename it while they are apart: the later counts
    hub.stop()
    b.wait_state("not-connected")
    b.pzp("prefs", "name", "Own")
    assert own_name(b) == ("Own", None)
    a.pzp("name", "tv", "Later")
    assert names(a)["tv"] == "Later"  # from what the zone's data says
    back(hub, a, b)
    for one in (hub, a):
        called(one, "tv", "Later", 20)
    eventually(lambda: own_name(b) == ("Later", None), 20, "the later name")
    hub.stop()
    b.wait_state("not-connected")
    a.pzp("name", "tv", "Earlier")
    b.pzp("prefs", "name", "Mine")
    back(hub, a, b)
    for one in (hub, a):
        called(one, "tv", "Mine", 20)
    assert own_name(b) == ("Mine", None)


def test_name_goes_with_the_device(shared_zone, world):
    hub, a = shared_zone.hub, shared_zone.a
    lamp = world.device("lamp", hub)
    hub.pzh("name", "lamp", "Reading lamp")
    called(a, "lamp", "Reading lamp")
    hub.pzh("revoke", "lamp", "--yes")
    lamp.wait_state("virgin")
    assert own_name(lamp) == ("lamp", None)
    lamp.join(hub)
    assert own_name(lamp) == ("lamp", None)
    called(hub, "lamp", "lamp")
    called(a, "lamp", "lamp")
    lamp.pzp("leave", "--yes")


# ---- preferences of the zone ----

def test_preference_of_the_zone(shared_zone, everybody):
    hub, a, b = everybody

    def shown(device):
        one = device.pzp("prefs", "peer.auto", "--json").json()
        return one["value"], one.get("pending"), one["source"]

    assert a.pzp("prefs", "peer.auto", "true").out == \
        "peer.auto = true, from the next reconnect on: `pzp reconnect`, or --now\n"
    eventually(lambda: shown(b) == (False, True, "default"), SOON, "it waits at the other device")
    assert b.status()["pending"] == {"peer.auto": True}
    reconnect(b)
    assert shown(b) == (True, None, "user") and shown(a) == (False, True, "default")
    b.pzp("prefs", "peer.auto", "--reset")
    eventually(lambda: a.status()["pending"] == {}, SOON, "nothing waits")
    reconnect(b)
    assert shown(b) == (False, None, "default")
    hub.kill()
    back(hub, a, b)
    assert shown(a) == shown(b) == (False, None, "default")


# ---- conflicts ----

def test_the_later_change_wins(shared_zone, everybody):
    hub, a, b = everybody
    hub.stop()
    for first, second, value in ((a, b, "later at b"), (b, a, "later at a")):
        put(first, value.replace(" ", "-"), "earlier")
        put(second, value.replace(" ", "-"), value)
    b.pzp("user", "phone", "--remove")
    back(hub, a, b)
    all_have(everybody, "later-at-b", "later at b", 20)
    all_have(everybody, "later-at-a", "later at a", 20)
    all_have(everybody, "phone", None, 20)


def test_a_clock_that_is_an_hour_ahead(shared_zone, everybody, clock_shim):
    """What it writes before it knows the hub's time is not believed; later it writes with that."""
    hub, a, b = everybody
    put(hub, "clock", "right")
    all_have(everybody, "clock", "right")
    hub.stop()
    b.stop()
    b.env = clock_shim(3600)
    b.start()
    put(b, "clock", "from the future")
    back(hub, a, b)
    all_have(everybody, "clock", "right", 20)
    put(b, "clock", "wrong, but now")
    all_have(everybody, "clock", "wrong, but now")
    put(a, "clock", "last")
    all_have(everybody, "clock", "last")
    b.stop()
    b.env = {}
    b.start()
    b.wait_state("connected")


# ---- opting out ----

def test_opted_out(shared_zone, everybody):
    hub, a, b = everybody
    put(a, "car", "red")
    all_have(everybody, "car", "red")
    b.pzp("prefs", "sync.user-details", "false")
    reconnect(b)
    put(b, "car", "blue")
    hub.pzh("name", "tv", "Told")
    b.pzp("prefs", "name", "Stays")
    put(a, "boat", "green")
    all_have([hub, a], "boat", "green")
    assert "sync.user-details is off" in b.pzp("name", "laptop", "x", check=1).reason()
    reconnect(b)
    called(hub, "tv", "Stays")  # its own word
    called(a, "tv", "Stays")
    assert b.pzp("sync").code == 0
    assert details(b)["car"] == "blue" and "boat" not in details(b)
    assert details(a)["car"] == details(hub)["car"] == "red"
    b.pzp("prefs", "sync.user-details", "--reset")
    reconnect(b)
    all_have(everybody, "car", "blue", 10)
    all_have(everybody, "boat", "green", 10)
    b.pzp("prefs", "name", "--reset")
    reconnect(b)


# ---- what bad partners send ----

def chunk(key, value, mtime, origin, **more):
    return {"key": key, "value": value, "mtime": mtime, "origin": origin, **more}


def test_bad_chunks_at_the_hub(shared_zone, everybody):
    """Each is refused with a line of its own, and the others of the message count."""
    hub, a, _ = everybody
    put(a, "known", "before")
    all_have([hub], "known", "before")
    mallory = foreign.join(hub, "mallory")
    now, lines = int(time.time() * 1000), len(hub.lines)
    sent = {
        "user-details": [
            chunk("huge", '"' + "x" * 2000 + '"', now, mallory.address),
            chunk("known", '"from the future"', now + 3600_000, mallory.address),
            chunk("other-zone", '"x"', now, "bob@example.org/phone"),
            chunk("no-json", "x", now, mallory.address),
            chunk("no-text", "{}", now, mallory.address),
            chunk("device/no device", '"x"', now, mallory.address),
            chunk("bad_field", '"x"', now, mallory.address),
            chunk("no-mtime", '"x"', "soon", mallory.address),
            chunk("good", '"taken"', now, mallory.address)],
        "preferences": [
            chunk("colour", '"red"', now, mallory.address),
            chunk("peer.listen", "false", now, mallory.address),
            chunk("peer.auto", '"perhaps"', now, mallory.address)],
        "zone-secret": [chunk("zone-secret", "AAAA", now, mallory.address)],
        "no-such-item": [chunk("x", '"x"', now, mallory.address)],
    }
    with mallory.connect("127.0.0.1", hub.port) as link:
        link.send(wire.prop(mallory.address, "Update_Data", sent, to=ZONE))
        all_have([hub, a], "good", "taken")
    refused = [line for line in hub.lines[lines:] if "sync-refused" in line]
    for key in ("huge", "other-zone", "no-json", "no-text", "device/no device", "bad_field", "colour",
                "peer.listen", "peer.auto"):
        (line,) = [line for line in refused if f"key={key} " in line or f'key="{key}" ' in line]
        assert "from=" + mallory.address in line and "xxxx" not in line
    assert details(hub)["known"] == details(a)["known"] == "before"
    assert not set(details(hub)) & {"huge", "other-zone", "no-json", "no-text", "bad_field", "no-mtime"}
    assert a.pzp("prefs", "peer.auto", "--json").json()["value"] is False
    hub.pzh("revoke", "mallory", "--yes")


def test_bad_chunks_from_a_peer(shared_zone, everybody):
    """The same by a direct link; what is good goes on to the hub and to others."""
    hub, a, b = everybody
    put(a, "known", "still")
    all_have(everybody, "known", "still")
    here = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})
    guest, port = foreign.join(hub, "guest"), a.status()["ports"]["tls"]
    now, lines = int(time.time() * 1000), len(a.lines)
    sent = {
        "user-details": [
            chunk("known", '"from the future"', now + 3600_000, guest.address),
            chunk("foreign", '"canary"', now, "bob@example.org/guest"),
            chunk("by-a-peer", '"taken"', now, guest.address)],
        "service-cache": [chunk("tv", "[]", now + 1000, f"{ZONE}/tv")],
        "zone-secret": [chunk("zone-secret", "AAAA", now, ZONE)],
    }
    with fakepeer.connect(here, guest, "127.0.0.1", port) as link:
        link.send(wire.prop(guest.address, "Update_Data", sent, to=f"{ZONE}/laptop"))
        all_have(everybody, "by-a-peer", "taken")
    line = a.wait_log(f"sync-refused .*from={guest.address}", start=lines)  # one line a second
    assert "canary" not in line
    for one in everybody:
        assert details(one)["known"] == "still" and "foreign" not in details(one)
    hub.pzh("revoke", "guest", "--yes")
    with pytest.raises((OSError, wire.Closed)):
        with fakepeer.connect(here, fakepeer.stranger("eve@example.org", "tv"), "127.0.0.1",
                              port) as link:
            link.send(wire.prop("eve@example.org/tv", "Update_Hash",
                                {"timestamp": now, "items": {"user-details": "0" * 64}}))
            link.receive()


def test_what_sync_prints(world):
    """A hub that has something to give with the second exchange only, and something bad with it."""
    device = world.device("laptop")
    device.pzp("prefs", "sync.service-cache", "false")  # its own list goes out when it likes
    given, answers = [chunk("nickname", '"Al"', int(time.time() * 1000), ZONE),
                      chunk("bad field", '"secret"', 1, ZONE)], []

    def behave(hub, link, is_enrolment):
        if is_enrolment:
            hub.enrol(link)
            return
        me = hub.register(link)
        while True:
            message = link.receive(60)
            if wire.is_prop(message, "Update_Hash"):
                answers.append(message["payload"]["message"]["items"])
                hub.tell(link, me, "Update_Change", {"timestamp": int(time.time() * 1000)})
                if len(answers) == 2:
                    hub.tell(link, me, "Update_Data", {"user-details": given})

    with fakehub.FakeHub(ZONE, script=behave) as hub:
        device.pzp("enrol", hub.link, "--device", "laptop")
        device.wait_state("connected")
        eventually(lambda: len(answers) == 1, what="the exchange at the connection")
        assert "user-details" in answers[0]
        assert device.pzp("sync").out == f"{ZONE}  received 1 user-details\n"
        assert device.pzp("sync").out == f"{ZONE}  nothing to move\n"
        moved = device.pzp("sync", "--json").json()
        assert moved == [{"id": ZONE, "complete": True, "received": {}, "sent": {}}]
        assert details(device) == {"nickname": "Al"}
        line = device.wait_log('sync-refused .*key="?bad field"? ')
        assert "secret" not in line and "letters, digits" in line
        device.pzp("disconnect")
    assert "pzp connect" in device.pzp("sync", check=1).reason()


def test_logs_tell_no_details(shared_zone, everybody):
    """Page 14, LOG-3: which field has changed, and nothing of what stands in it."""
    hub, a, _ = everybody
    put(a, "address", "Canary Street 1")
    all_have(everybody, "address", "Canary Street 1")
    hub.pzh("name", "tv", "Canary cage")
    called(a, "tv", "Canary cage")
    hub.pzh("name", "tv", "--reset")
    assert "key=address" in a.log() and "item=user-details" in hub.log()
    for one in everybody:
        assert "Canary" not in one.log(), one.name


def test_another_zone_gets_nothing(shared_zone, everybody, world):
    hub, a, _ = everybody
    hub.init("bob@example.org")  # from here on pzh wants to know which zone
    phone = daemon.Device(world, "tv").start()
    phone.join(hub, "--zone", "bob@example.org")
    put(phone, "fullName", "Bob")
    eventually(lambda: details(hub, "--zone", "bob@example.org") == {"fullName": "Bob"}, SOON,
               "the other zone's user at the hub")
    assert "--zone" in hub.pzh("user", check=1).reason()
    assert details(phone) == {"fullName": "Bob"}
    assert details(a)["fullName"] != "Bob"
    assert details(hub, "--zone", ZONE)["fullName"] != "Bob"
    hub.pzh("name", "tv", "Bob's TV", "--zone", "bob@example.org")
    eventually(lambda: own_name(phone) == ("Bob's TV", None), SOON, "its name")
    assert names(a)["tv"] != "Bob's TV"
