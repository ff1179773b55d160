"""A daemon dies or the hub disappears: what callers receive, and that everything recovers by
itself."""

import time

import pytest

from pz import daemon, programs
from pz.daemon import eventually

ZONE = daemon.ZONE


def call_fails_unreachable(zone):
    """Within a second, exit 1, the error of page 4."""
    start = time.monotonic()
    result = zone.a.call("http://webinos.org/api/test@tv", "get42", '["x"]', check=1)
    assert time.monotonic() - start < programs.patience(1)
    error = result.json()["error"]
    assert error["code"] == -32001 and error["data"]["name"] == "NetworkError"
    assert "not connected" in result.reason()


def works_again(zone, timeout=20):
    eventually(lambda: zone.a.call("test@tv", "get42", '["x"]', check=False).code == 0, timeout,
               "call that works again")
    assert zone.a.call("test@tv", "get42", '["x"]').json() == {"result": "42 x"}


def only_by_the_hub(zone):
    """The television takes no direct links: nothing is left without the hub."""
    zone.b.pzp("prefs", "peer.listen", "false")
    zone.b.pzp("disconnect")
    zone.b.pzp("connect")
    zone.b.wait_state("connected")
    works_again(zone)


@pytest.mark.smoke
def test_device_killed(zone):
    zone.serves()
    zone.b.kill()
    eventually(lambda: zone.hub.devices()["tv"]["connected"] is False, 20, "the hub that notices")
    zone.a.wait_status(lambda s: s["peers"][0]["route"] == "none", what="without a way")
    call_fails_unreachable(zone)
    zone.b.start()
    zone.b.wait_state("connected")
    works_again(zone)


@pytest.mark.smoke
def test_hub_killed(zone):
    only_by_the_hub(zone)
    zone.hub.kill()
    status = zone.a.wait_state("not-connected", "connecting")
    call_fails_unreachable(zone)
    status = zone.a.wait_status(lambda s: s["state"] == "not-connected" and s["reason"],
                                what="reason")
    assert "refused" in status["reason"] or "closed" in status["reason"], status["reason"]
    zone.hub.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    works_again(zone)


def test_watch_repeats_nothing(zone):
    """What watch says of a device is news, also over a reconnect; each event has its time."""
    with zone.a.stream("watch", "--json") as watch:
        watch.until(lambda e: e["event"] == "watching")
        for _ in range(2):
            zone.a.pzp("reconnect")
            seen = []
            watch.until(lambda e: seen.append(e) or e.get("new") == "connected")
            assert all(e["time"] > 1e9 for e in seen)
            zone.a.calls(zone.b)  # the hub has told by now who is there
        zone.b.stop()
        told = []
        watch.until(lambda e: told.append(e) or e["event"] == "device")
        assert [e for e in told if e["event"] == "device"] == [told[-1]]
        assert (told[-1]["name"], told[-1]["connected"]) == ("tv", False)
        zone.b.start()
        back = watch.until(lambda e: e["event"] == "device")
        assert (back["name"], back["connected"]) == ("tv", True)
        zone.a.stop()
        last = watch.until(lambda e: e["event"] == "ended")
        assert last["reason"] == "pzpd is stopping"
        assert "pzpd has ended" in watch.line()["error"]["message"]


def test_hub_stopped_says_bye(zone):
    only_by_the_hub(zone)
    zone.hub.stop()
    zone.a.wait_state("not-connected", "connecting")
    call_fails_unreachable(zone)
    zone.hub.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    works_again(zone)


def test_back_off(zone):
    """1, 2, 4 ... seconds with 20 % jitter; status tells why it waits."""
    watched = zone.a.stream("watch", "--json")
    with watched:
        zone.hub.kill()
        began, attempts = time.monotonic(), []
        while len(attempts) < 3:
            watched.until(lambda e: e.get("new") == "connecting")
            attempts.append(time.monotonic() - began)
    gaps = [later - earlier for earlier, later in zip(attempts, attempts[1:])]
    assert 0.5 < gaps[0] < 4.5 and gaps[0] < gaps[1] < 9, attempts
    status = zone.a.wait_state("not-connected")
    assert "refused" in status["reason"], status["reason"]
    zone.hub.start()
    zone.a.pzp("connect")  # does not wait for the next attempt
    assert zone.a.wait_state("connected")["reason"] == ""


def test_told_to_disconnect_stays_so(zone):
    zone.a.pzp("disconnect")
    zone.a.wait_state("not-connected")
    zone.hub.stop()
    zone.hub.start()
    zone.b.wait_state("connected")
    assert zone.a.status()["state"] == "not-connected"
    result = zone.a.call("test@tv", "get42", "[]", check=False)  # page 5: an app's request connects
    assert result.code in (0, 1)
    zone.a.pzp("connect")
    zone.a.wait_state("connected")
    works_again(zone)


def test_connect_when_there_is_no_hub(zone):
    zone.hub.kill()
    zone.a.wait_state("not-connected", "connecting")
    result = zone.a.pzp("connect", check=False)
    assert result.code in (1, 4) and result.reason()
    assert zone.a.pzp("connect", "tv", check=False).code in (0, 1, 2)


def test_virgin_has_nothing_to_connect_to(world):
    device = world.device("fresh")
    assert device.pzp("connect", check=1).reason()
    assert device.pzp("disconnect", check=False).code in (0, 1)
    assert device.pzp("leave", "--yes", check=1).reason()


def test_restart_of_everything(zone):
    """Nothing but the disk is left, and that is enough."""
    for one in (zone.a, zone.b, zone.hub):
        one.kill()
    for one in (zone.a, zone.hub, zone.b):
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    works_again(zone)
    assert set(zone.hub.devices()) == {"laptop", "tv"}


def test_local_services_without_hub(zone):
    zone.hub.kill()
    zone.a.wait_state("not-connected", "connecting")
    assert zone.a.call("test@laptop", "get42", '["me"]').json() == {"result": "42 me"}


def dies_at(device, state, command, victim):
    """Runs a command of the device; `victim` is killed the moment the device enters the state."""
    with device.control() as watch:
        watch.send("watch")
        watch.request("status")  # is answered when `watch` has begun: no event is missed
        with device.stream(*command) as running:
            while watch.message(30).get("params", {}).get("event", {}).get("new") != state:
                pass
            victim.kill()
            running.end(60)


@pytest.mark.parametrize("state", ["virgin-connecting", "virgin-connected", "connecting"])
def test_killed_while_enrolling(world, state):
    """Page 3: either virgin or fully enrolled; asking again with a new code works."""
    hub = world.hub()
    device = world.device("laptop")
    dies_at(device, state, ["enrol", hub.token()["link"], "--device", "laptop"], device)
    device.start()
    if device.status()["mode"] == "virgin":
        device.enrol(hub)
    device.wait_state("connected")
    assert hub.devices()["laptop"]["connected"] is True


@pytest.mark.parametrize("state", ["virgin-connecting", "virgin-connected", "connecting"])
def test_hub_killed_while_enrolling(world, state):
    hub = world.hub()
    device = world.device("laptop")
    dies_at(device, state, ["enrol", hub.token()["link"], "--device", "laptop"], hub)
    hub.start()
    if device.status()["mode"] == "virgin":
        device.enrol(hub)
    device.wait_state("connected")
    assert hub.devices()["laptop"]["connected"] is True


@pytest.mark.parametrize("state", ["disconnecting", "virgin"])
def test_killed_while_leaving(zone, state):
    """Power loss during the wipe: after the restart it is virgin, or a member as before."""
    dies_at(zone.b, state, ["leave", "--yes"], zone.b)
    zone.b.start()
    status = zone.b.wait_state("virgin", "connected")
    if status["state"] == "virgin":
        zone.hub.pzh("revoke", "tv", "--yes", check=False)  # where the hub has not heard of it
        zone.b.join(zone.hub)
    works_again(zone)
