"""Data of apps, and services of devices that are offline: `pzp data`, `pzp services --all`, and the
preferences sync.app-data, sync.service-cache, app.clear-on-disconnect (pages 7, 8, 10, 12)."""

import contextlib
import json
import time

import pytest

from pz import fakepeer, foreign, programs, wire
from pz.daemon import ZONE, eventually

APP = "https://shop.example"
SECONDS = 1  # page 8: "reaches everyone reachable within a second"


class Here:
    """This machine, for pz.fakepeer."""

    @staticmethod
    def inside():
        return contextlib.nullcontext()


def put(device, key, value, origin=APP):
    return device.pzp("data", "set", origin, key, json.dumps(value), "--json").json()


def get(device, key, origin=APP):
    """The value; KeyError: there is none."""
    result = device.pzp("data", "get", origin, key, "--json", check=None)
    if result.code == 1 and "has no key" in result.reason():
        raise KeyError(key)
    assert result.code == 0, repr(result)
    return result.json()["value"]


def keys(device, *args, origin=APP):
    return [one["key"] for one in device.pzp("data", "list", origin, *args, "--json").json()]


def apps(device):
    return {one["origin"]: one for one in device.pzp("data", "list", "--json").json()}


def has(device, key, value, origin=APP):
    with contextlib.suppress(KeyError):
        return get(device, key, origin) == value
    return False


def prefers(device, *preferences):
    for key in preferences:
        device.pzp("prefs", key, "true")


def sharing(world, name, hub, *preferences):
    """A device of the zone that had these preferences before it connected."""
    device = world.device(name)
    prefers(device, *preferences)
    device.join(hub)
    return device


def alone(world, name, hub):
    """A device of the zone that keeps what apps store to itself."""
    device = world.device(name)
    device.pzp("prefs", "sync.app-data", "false")
    device.join(hub)
    return device


class Shared:
    """Two devices that share what apps store, and one that does not."""

    def __init__(self, world):
        self.hub = world.hub()
        self.a, self.b = [world.device(name, self.hub) for name in ("laptop", "tv")]
        self.c = alone(world, "phone", self.hub)


@pytest.fixture(scope="module")
def shared(module_world):
    return Shared(module_world)


# ---- one device ----

@pytest.mark.smoke
def test_commands(world):
    """A device of no zone keeps what apps store, too."""
    device = world.device("laptop")
    assert device.pzp("data", "list").out == "no app has stored anything\n"
    assert put(device, 'a "b"/ü c', {"n": [1, None]}) == {
        "origin": APP, "key": 'a "b"/ü c', "size": 14}
    assert device.pzp("data", "set", "tool", "k", '"so"').out == "k: 4 bytes stored\n"
    assert device.pzp("data", "set", "tool", "l", "-", stdin="-5\n").out == "l: 2 bytes stored\n"
    assert device.pzp("data", "get", "tool", "k").out == "so\n"
    shown = device.pzp("data", "get", APP, 'a "b"/ü c', "--json").json()
    assert shown.pop("mtime_ms") / 1000 == pytest.approx(time.time(), abs=30)
    assert shown == {"origin": APP, "key": 'a "b"/ü c', "value": {"n": [1, None]}, "size": 14,
                     "from": "laptop"}
    assert apps(device) == {APP: {"origin": APP, "keys": 1, "bytes": 24},
                            "tool": {"origin": "tool", "keys": 2, "bytes": 8}}
    assert keys(device, origin="tool") == ["k", "l"]
    assert keys(device, "l", origin="tool") == ["l"]
    first, second = device.pzp("data", "list", "tool").out.splitlines()[:2]
    assert first.split() == ["KEY", "BYTES", "CHANGED", "BY"]
    assert second.split()[0:2] == ["k", "4"] and second.split()[-1] == "laptop"
    assert device.pzp("data", "remove", "tool", "k").out == "1 value removed\n"
    device.pzp("data", "remove", "tool", check=2)  # nobody to ask
    assert device.pzp("data", "remove", "tool", "--yes", "--json").json() == {"removed": 1}
    assert list(apps(device)) == [APP]


def test_what_people_type(world):
    device = world.device("laptop")
    for code, args, reason in (
            (2, ("set", "tool", "k", "hello"), "a shell: '\"some text\"'"),
            (2, ("set", "tool", "k", "{a:1}"), "VALUE is not JSON"),
            (2, ("set", "tool", "k", ""), "VALUE is not JSON"),
            (2, ("set", "tool", "k"), "data set ORIGIN KEY VALUE-JSON"),
            (2, ("set", "tool", "k", "1", "2"), "one argument too many"),
            (2, ("get", "tool"), "data get ORIGIN KEY"),
            (2, ("put", "tool", "k", "1"), "list, get, set or remove"),
            (2, (), "data needs list|get|set|remove"),
            (1, ("set", "HTTPS://shop.example", "k", "1"), "lower case"),
            (1, ("set", "https://shop.example/", "k", "1"), "without path"),
            (1, ("set", "https://shop.example:443", "k", "1"), "default port"),
            (1, ("set", "null", "k", "1"), '"null" is no origin'),
            (1, ("set", "a b", "k", "1"), '"a b" is no origin'),
            (1, ("list", ""), '"" is no origin'),
            (1, ("set", "tool", "", "1"), "at least one character"),
            (1, ("set", "tool", "a\tb", "1"), "control characters"),
            (1, ("set", "tool", "k" * 252, "1"), "at most 251 fit"),
            (1, ("get", "tool", "k"), 'tool has no key "k"'),
            (1, ("remove", "tool", "k"), 'tool has no key "k"'),
            (1, ("remove", "tool", "--yes"), "tool has stored nothing")):
        result = device.pzp("data", *args, check=code)
        assert reason in result.reason() and not result.out, repr(result)
    big = json.dumps("x" * (1 << 20))
    result = device.pzp("data", "set", "tool", "k", "-", stdin=big, check=1)
    assert "1048578 bytes, at most 1048576 fit" in result.reason()
    device.pzp("data", "set", "tool", "k", "-", stdin=big + " " * (2 << 20), check=1)
    assert device.pzp("data", "set", "tool", "k" * 251, "1").code == 0


def test_share(world):
    device = world.device("laptop", None, "--limits-app-data", "1KiB")
    put(device, "0123456789", "x" * 1000)
    result = device.pzp("data", "set", APP, "more", '"0123456789"', check=1)
    assert result.reason().endswith(f"{APP} may store 1024 bytes of keys and values from one "
                                    "device and has 1012 from laptop; these would be 1028")
    put(device, "more", "x" * 1000, origin="other")
    put(device, "0123456789", "x")
    put(device, "more", "0123456789")
    config = device.data_dir / "pzpd.conf"
    config.write_text("limits.app-data = 2KiB\n")
    device.args = device.args[:-2]
    device.stop()
    device.start()
    put(device, "big", "x" * 1500)


def test_kill_right_after_the_answer(world):
    device = world.device("laptop")
    for word in ("one", "two", "three"):
        put(device, "k", word)
        device.kill()
        device.start()
        assert get(device, "k") == word
    device.pzp("data", "remove", APP, "k")
    device.kill()
    device.start()
    assert apps(device) == {}


# ---- the zone ----

def test_changes_travel(shared):
    with shared.b.stream("watch", "--json") as watch:
        watch.until(lambda e: e["event"] == "watching")
        put(shared.a, "cart", ["milk"])
        start = time.monotonic()
        event = watch.until(lambda e: e["event"] == "data")
        assert time.monotonic() - start < programs.patience(SECONDS)
        assert abs(event.pop("time") - time.time()) < 60
        assert event == {"event": "data", "origin": APP, "key": "cart", "deleted": False,
                         "from": f"{ZONE}/laptop"}
        assert get(shared.b, "cart") == ["milk"]
        put(shared.b, "cart", ["tea"])
        eventually(lambda: has(shared.a, "cart", ["tea"]), what="change of the other device")
        (one,) = shared.a.pzp("data", "list", APP, "--json").json()
        assert one["from"] == f"{ZONE}/tv"
        shared.a.pzp("data", "remove", APP, "--yes")
        assert watch.until(lambda e: e["event"] == "data")["deleted"]
        assert apps(shared.b) == {}


def test_who_does_not_share(shared):
    put(shared.a, "cart", ["milk"])
    put(shared.c, "own", 1)
    eventually(lambda: has(shared.b, "cart", ["milk"]), what="value at the one that shares")
    assert keys(shared.c) == ["own"]
    shared.c.pzp("disconnect")
    shared.c.pzp("connect")  # an exchange
    put(shared.a, "cart", ["tea"])
    eventually(lambda: has(shared.b, "cart", ["tea"]), what="value at the one that shares")
    assert keys(shared.c) == ["own"] and keys(shared.a) == keys(shared.b) == ["cart"]


def test_both_sides_of_a_partition(shared):
    put(shared.a, "both", 0)
    put(shared.a, "removed", 0)
    eventually(lambda: has(shared.b, "removed", 0), what="what there was before")
    shared.hub.kill()
    for device in (shared.a, shared.b):
        device.wait_state("not-connected", "connecting")
    put(shared.b, "both", "first")
    put(shared.a, "both", "second")  # the later one
    put(shared.a, "of a", 1)
    put(shared.b, "of b", 2)
    shared.a.pzp("data", "remove", APP, "removed")
    shared.b.kill()
    shared.hub.start()
    shared.b.start()
    for device in (shared.a, shared.b):
        device.wait_state("connected")
        eventually(lambda: has(device, "of a", 1) and has(device, "of b", 2), what="both parts")
    for device in (shared.a, shared.b):
        assert get(device, "both") == "second"
        assert "removed" not in keys(device)


# ---- app.clear-on-disconnect ----

@pytest.fixture(scope="module")
def forgetful(module_world, shared):
    return sharing(module_world, "kiosk", shared.hub, "app.clear-on-disconnect")


def is_on_disk(device, text):
    return any(text.encode() in file.read_bytes() for file in device.data_dir.glob("pzpd.db*"))


def test_hub_of_short_frames(world):
    """Values are split so that the hub takes them; what is too long for it costs no link."""
    hub = world.hub("--limits-frame", "64KiB")
    a, b = [sharing(world, name, hub, "sync.app-data") for name in ("laptop", "tv")]
    put(a, "long", "x" * 120_000)
    put(a, "small", 7)
    eventually(lambda: has(b, "small", 7) and has(b, "long", "x" * 120_000), what="both values")
    result = a.call("test@tv", "get42", json.dumps(["y" * 100_000]), check=False)
    assert result.code == 1 and "too large: 100" in repr(result) and "at most 65536" in repr(result), repr(result)
    result = a.call("test@tv", "get42", '["still"]', check=False)
    assert result.code == 0, repr(result)
    for device in (a, b):
        assert device.log().count("state old=connected") == 0, device.log()


def test_disconnecting_clears(shared, forgetful):
    put(forgetful, "secret", "only-for-this-session")
    assert is_on_disk(forgetful, "only-for-this-session")
    eventually(lambda: has(shared.a, "secret", "only-for-this-session"), what="value elsewhere")
    with forgetful.stream("watch", "--json") as watch:
        watch.until(lambda e: e["event"] == "watching")
        forgetful.pzp("disconnect")
        event = watch.until(lambda e: e["event"] == "data-cleared")
        assert event["with"] == ZONE and event["keys"] >= 1
    assert apps(forgetful) == {}
    put(forgetful, "later", 1)  # without a session nothing ends; and what was before is on disk
    assert is_on_disk(forgetful, "later")
    assert not is_on_disk(forgetful, "only-for-this-session")
    forgetful.stop()
    forgetful.start()
    forgetful.wait_state("connected")
    eventually(lambda: has(shared.a, "later", 1), what="what was kept")
    assert get(shared.a, "secret") == "only-for-this-session"  # no deletion travels


def test_crashes_clear(shared, forgetful):
    put(forgetful, "k", 1)
    eventually(lambda: has(shared.a, "k", 1), what="value elsewhere")
    forgetful.kill()
    lines = len(forgetful.lines)
    forgetful.start()
    forgetful.wait_log("data-cleared keys=[1-9]", start=lines)
    forgetful.wait_state("connected")
    put(forgetful, "l", 1)
    lines = len(forgetful.lines)
    shared.hub.kill()
    forgetful.wait_log("data-cleared keys=[1-9]", start=lines)
    assert apps(forgetful) == {}
    shared.hub.start()
    for device in (shared.a, shared.b, shared.c, forgetful):
        device.wait_state("connected")
    assert has(shared.a, "k", 1)


# ---- leaving ----

def test_leaving(world):
    """What was shared is the zone's, and goes; what was not is the device's."""
    hub = world.hub()
    a, b = world.device("laptop", hub), alone(world, "tv", hub)
    for device in (a, b):
        put(device, "k", 1)
        device.pzp("leave", "--yes")
    assert apps(a) == {} and get(b, "k") == 1
    b.kill()
    b.start()
    assert get(b, "k") == 1
    b.join(hub)
    assert get(b, "k") == 1


# ---- services of devices that are away ----

def lists(device, name, *args):
    """{api: is it marked as offline} of a device; of one that is not known: {}."""
    result = device.pzp("services", "--device", name, *args, "--json", check=None)
    if result.code == 1 and f"no device '{name}'" in result.reason():
        return {}
    assert result.code == 0, repr(result)
    return {one["api"]: one.get("offline", False) for one in result.json()}


def test_services_of_who_is_away(shared, module_world):
    lamp = module_world.device("lamp", shared.hub)
    eventually(lambda: lists(shared.a, "lamp", "--all").get(foreign.TEST_API) is False,
               what="list of one that is there")
    lamp.stop()
    eventually(lambda: lists(shared.a, "lamp") == {}, what="nothing but by --all")
    assert lists(shared.a, "lamp", "--all")[foreign.TEST_API] is True
    line = next(line for line in shared.a.pzp("services", "--all").out.splitlines()
                if "lamp" in line)
    assert "offline" in line
    shared.a.kill()
    shared.a.start()  # it is on the disk
    assert lists(shared.a, "lamp", "--all")[foreign.TEST_API] is True
    shared.a.wait_state("connected")
    shared.hub.pzh("revoke", "lamp", "--yes")
    for device in (shared.a, shared.b):
        eventually(lambda: lists(device, "lamp", "--all") == {}, what="end of the revoked device")


def chunk(device, origin, value=None):
    return {"service-cache": [{
        "key": device, "value": json.dumps(value or [foreign.descriptor(f"{ZONE}/{device}")]),
        "mtime": int(time.time() * 1000), "origin": origin, "deleted": False}]}


def test_lists_of_others_are_refused(shared):
    """By the hub and by a peer; the own one is taken."""
    mallory = foreign.join(shared.hub, "mallory")
    port = shared.a.status()["ports"]["tls"]
    at_hub = mallory.connect("127.0.0.1", shared.hub.port)
    at_peer = fakepeer.connect(Here, mallory, "127.0.0.1", port)
    for link, to, log in ((at_hub, ZONE, shared.hub), (at_peer, f"{ZONE}/laptop", shared.a)):
        lines = len(log.lines)
        for bad in (chunk("victim", f"{ZONE}/victim"), chunk("victim", mallory.address)):
            link.send(wire.prop(mallory.address, "Update_Data", bad, to=to))
        log.wait_log("sync-refused.*victim", start=lines)
        link.send(wire.prop(mallory.address, "Update_Data", chunk("mallory", mallory.address), to=to))
    at_hub.stream.close()
    at_peer.stream.close()
    for device in (shared.a, shared.b):
        eventually(lambda: lists(device, "mallory", "--all"), what="the list of its own device")
        assert lists(device, "victim", "--all") == {}


def test_opted_out(world):
    hub = world.hub()
    a, b = world.device("laptop"), world.device("tv", hub)
    a.pzp("prefs", "sync.service-cache", "false")
    a.join(hub)
    for device, other in ((a, "tv"), (b, "laptop")):  # of who is there the hub tells all the same
        eventually(lambda: foreign.TEST_API in lists(device, other), what="services")
    hub.kill()
    for device in (a, b):
        device.stop()
        device.start()
    assert lists(a, "tv", "--all") == {} and lists(b, "laptop", "--all") == {}
