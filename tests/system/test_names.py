"""Names of devices and services as people type them: any case, display names, addresses. A name
that no device has is refused at once and stored nowhere; a device that has left is not listed
either."""

import json
import signal

import pytest

from pz import daemon
from pz.daemon import eventually

ZONE = daemon.ZONE


@pytest.fixture(scope="module")
def named(shared_zone):
    shared_zone.a.pzp("name", "tv", "Living Room")
    eventually(lambda: shared_zone.a.peers()["tv"]["displayName"] == "Living Room", what="name")
    return shared_zone


@pytest.mark.parametrize("service", [
    "test@tv", "Test@tv", "TEST@TV", "test@Living Room", "test@living room", f"test@{ZONE}/tv",
    "http://webinos.org/api/test@tv", "HTTP://webinos.org/api/Test@Tv", "devicestatus@tv",
    "DeviceStatus@tv"])
@pytest.mark.parametrize("way", ["hub", "direct"])
def test_any_way_to_write_it(named, service, way):
    if way == "direct":
        named.a.connect(named.b)
    else:
        named.a.pzp("disconnect", "tv", check=False)
    named.a.wait_route(named.b, way)
    described = named.a.pzp("describe", service, "--json").json()
    assert described["serviceAddress"] == f"{ZONE}/tv"
    if service.lower().startswith("device"):
        return
    assert named.a.call(service, "get42", '["x"]').json() == {"result": "42 x"}


def test_what_is_listed_can_be_typed(named):
    lines = named.a.pzp("services").out.splitlines()
    assert lines[0].split()[0] == "SERVICE"
    for line in lines[1:]:
        assert named.a.pzp("describe", line.split()[0], "--json").json()["methods"], line


def test_functions_are_described(named):
    methods = named.a.pzp("describe", "test@tv", "--json").json()["methods"]
    by_name = {one["name"]: one for one in methods}
    assert by_name["get42"]["params"] == ["number"] and not by_name["get42"]["stream"]
    assert by_name["listenFor42"]["stream"] is True
    text = named.a.pzp("describe", "test@tv").out
    assert "get42(number)" in text
    aside = named.a.pzp("call", "test@tv", check=2)
    assert "get42(number)" in aside.err and not aside.out


def test_no_such_function(named):
    reason = named.a.pzp("call", "test@tv", "gte42", check=1).reason()
    assert "get42" in reason and "did you mean" in reason and "tv" in reason


def test_no_such_service(named):
    assert "did you mean test?" in named.a.call("tset@tv", "get42", check=1).reason()
    assert "devicestatus" in named.a.call("camera@tv", "get42", check=1).reason()


TYPO = [("call", "test@tc", "get42"), ("describe", "test@tc"), ("connect", "tc"),
        ("disconnect", "tc"), ("name", "tc", "x"), ("services", "--device", "tc")]


@pytest.mark.parametrize("args", TYPO, ids=lambda args: args[0])
def test_typo(named, args):
    """Refused, with what was meant, and not remembered."""
    result = named.a.pzp(*args, check=1)
    assert "no device 'tc'" in result.err and "did you mean 'tv'?" in result.err, result
    assert set(named.a.peers()) == {"tv"}


@pytest.mark.parametrize("command", ["connect", "disconnect"])
def test_the_hub_is_no_device(named, command):
    assert "without a name" in named.a.pzp(command, "hub", check=1).err


def test_one_that_is_away(world):
    """It says so, and since when."""
    hub = world.hub()
    a, b = world.device("laptop", hub), world.device("tv", hub)
    a.wait_route(b, "hub")
    b.stop()
    a.wait_route(b, "none")
    for args in (("call", "test@tv", "get42"), ("connect", "tv")):
        reason = a.pzp(*args, check=1).reason()
        assert "tv is not connected, last seen " in reason, reason


def test_direct_calls_ask_nobody_else(zone):
    zone.a.wait_route(zone.b, "hub")
    zone.a.connect(zone.b)
    zone.a.wait_route(zone.b, "direct")
    zone.a.pzp("sync")
    zone.b.pzp("sync")

    def received():
        return zone.hub.status()["messages"]["in"]

    before = received()
    for service in ("test@tv", "Test@TV", f"test@{ZONE}/tv", "test", "devicestatus@tv") * 6:
        zone.a.pzp("describe", service)
    for _ in range(10):
        zone.a.calls(zone.b)
        zone.a.call("camera@tv", "get42", check=1)
    assert received() - before < 10  # the exchange after the link may still be under way


def test_calls_leave_a_trace(shared_zone):
    """Who called what, and how it ended; never with what."""
    start = len(shared_zone.b.lines)
    shared_zone.a.call("test@tv", "get42", '["b4f1c0"]')
    shared_zone.b.wait_log(rf'INFO call from={ZONE}/laptop service=test function=get42 ms=\d+ '
                           'end="ok"', start=start)
    assert "b4f1c0" not in shared_zone.b.log()


def names_of(device):
    """Every list that may show other devices."""
    lists = [device.pzp("peers", "--json").json(), device.status()["peers"]]
    names = {daemon.short(one["id"], ZONE) for one in sum(lists, [])}
    for one in device.services("--all"):
        names.add(daemon.short(one["serviceAddress"], ZONE))
    return names - {device.device}


def test_revoked_is_gone(zone):
    """As soon as the hub says so."""
    zone.a.wait_route(zone.b, "hub")
    zone.a.connect(zone.b)
    zone.hub.pzh("revoke", "tv", "--yes")
    eventually(lambda: names_of(zone.a) == set(), what="list without it")
    assert "no device 'tv'" in zone.a.call("test@tv", "get42", check=1).reason()
    zone.a.stop()
    zone.hub.stop()
    zone.a.start()
    assert names_of(zone.a) == set()


def test_revoked_is_gone_by_a_peer(lab):
    """The news comes from another device, while the hub is out of reach."""
    home, office = lab.lan("home"), lab.lan("office")
    server = lab.host("server", home)
    hub = lab.hub(server)
    hosts = {name: lab.host(name, home, office) for name in ("laptop", "phone", "tv")}
    a, c, b = [lab.device(hosts[name], hub) for name in ("laptop", "phone", "tv")]
    for one in (a, b, c):
        one.wait_synced(3)
    lab.unplug(hosts["laptop"], home)
    a.wait_state("not-connected", "connecting")
    hub.pzh("revoke", "tv", "--yes")
    b.wait_state("virgin")
    eventually(lambda: names_of(c) == {"laptop"}, what="phone knows")
    a.finds(c)
    a.connect(c)
    eventually(lambda: names_of(a) == {"phone"}, what="laptop knows")
    asked = json.loads(a.call("test@tv", "get42", check=1).out)["error"]
    assert asked["code"] == -32001


@pytest.mark.parametrize("way", ["hub", "direct"])
def test_ping(named, way):
    """Page 12: a line for each answer, with the way it came by; last how many and how fast."""
    if way == "direct":
        named.a.connect(named.b)
    else:
        named.a.pzp("disconnect", "tv", check=False)
    named.a.wait_route(named.b, way)
    lines = named.a.pzp("ping", "Living Room", "--count", 2, "--json").out.splitlines()
    first, second, last = map(json.loads, lines)
    assert (first["seq"], second["seq"]) == (1, 2) and first["route"] == way
    assert (first["address"] is not None) == (way == "direct") and first["ms"] > 0
    assert last["sent"] == last["received"] == 2 and 0 < last["p50"] <= last["p99"]
    assert last["loss"] == 0


def test_ping_until_direct(named):
    named.a.pzp("disconnect", "tv", check=False)
    named.a.wait_route(named.b, "hub")
    lines = named.a.pzp("ping", "tv", "--until-direct", "--json").out.splitlines()
    assert json.loads(lines[-2])["route"] == "direct"


def test_ping_until_interrupted(named):
    """Ctrl-C shows the sums of what came until then."""
    with named.a.stream("ping", "tv", "--interval", 0.05, "--json") as pings:
        assert [pings.line()["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]
        result = pings.interrupt(signal.SIGINT)
    assert result.code == 0
    last = json.loads(result.out.splitlines()[-1])
    assert last["sent"] >= 5 and last["loss"] == 0 and last["p50"] <= last["p99"]


def test_ping_one_that_is_not_there(named):
    assert "did you mean 'tv'?" in named.a.pzp("ping", "tc", check=1).err
    # No way leads to this device; with --until-direct it would be looked for without end.
    for more in ([], ["--until-direct"]):
        assert "is this device itself" in named.a.pzp("ping", "laptop", *more, check=1).reason()
