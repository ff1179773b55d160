"""Calls and streams between friend zones, through both hubs: only what is shared works, and it ends
with the share, the friendship, the device or a hub."""

import re

import pytest

from pz import daemon, foreign, wire
from pz.daemon import eventually
from test_friends import ALICE, BOB, House, befriend

SHARED = f"test@{ALICE}/tv"
METHOD = f"{foreign.TEST_API}@{foreign.TEST_ID}.get42"


class Family(House):
    """A hub with one zone and a device; device names are the same in each zone."""

    def __init__(self, world, zone, name, *devices):
        super().__init__(world, zone, name)
        self.devices = {}
        for device in devices:
            one = daemon.Device(world, device, data_dir=world.path / f"{name}-{device}").start()
            one.pzp("prefs", "peer.listen", "false")  # over both hubs, not by a direct link
            one.join(self.hub)
            self.devices[device] = one

    def __getitem__(self, device):
        return self.devices[device]


@pytest.fixture
def families(world):
    """Alice's TV and Bob's TV and tablet; the two are friends, and share nothing yet."""
    alice, bob = Family(world, ALICE, "alice", "tv"), Family(world, BOB, "bob", "tv", "pad")
    befriend(alice, bob)
    for family, other in ((alice, bob), (bob, alice)):
        for one in family.devices.values():
            eventually(lambda one=one: is_connected(one, other.zone), 20, "friends at the device")
    return alice, bob


def friends_of(device):
    return {one["zone"]: one for one in device.pzp("friends", "--json").json()}


def is_connected(device, zone):
    return friends_of(device).get(zone, {}).get("connected")


def calls(device, service=SHARED):
    return device.call(service, "get42", '["x"]', check=False)


def works(device, service=SHARED):
    result = calls(device, service)
    return result.code == 0 and result.json() == {"result": "42 x"}


def share(family, with_whom, *more):
    family["tv"].pzp("share", "test", "--with", with_whom, *more)


def listen(device):
    return device.stream("call", "--json", "--stream", SHARED, "listenAttr.listenFor42",
                         '[{"repeat":true}]')


def ends(events, provider):
    """The stream ends with a reason at the caller, and with the caller's name at the provider."""
    ended = events.end(10)
    assert ended.code != 0 and ended.reason()
    provider.wait_log(rf"call from={re.escape(BOB)}/pad .*listenFor42")
    return ended.reason()


@pytest.mark.smoke
def test_share_and_call(families):
    alice, bob = families
    pad = bob["pad"]
    assert pad.services("--zone", ALICE) == [] and not works(pad)
    assert friends_of(alice["tv"])[BOB]["may"] == []
    share(alice, BOB)
    eventually(lambda: works(pad), 20, "a call of what is shared")
    (service,) = pad.services("--zone", ALICE)
    assert service["serviceAddress"] == f"{ALICE}/tv" and service["api"] == foreign.TEST_API
    assert friends_of(alice["tv"])[BOB]["may"] == [f"{foreign.TEST_API}@tv"]
    peers = {one["id"]: one for one in pad.pzp("peers", "--json").json()}
    assert peers[f"{ALICE}/tv"]["friend"] and not peers[f"{BOB}/tv"]["friend"]
    # A share of one zone gives the other nothing.
    assert not works(alice["tv"], f"test@{BOB}/pad")
    alice["tv"].pzp("unshare", "test", "--with", BOB)
    eventually(lambda: not works(pad), 20, "the end of the share")
    assert pad.services("--zone", ALICE) == []


def test_equal_names(families):
    """Each zone has a TV: `tv` is the own one, ZONE/tv the friend's."""
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    served = f"call from={BOB}/pad service=test function=get42"
    before = alice["tv"].log().count(served)
    assert works(bob["pad"], "test@tv")
    bob["tv"].wait_log(re.escape(served))
    assert alice["tv"].log().count(served) == before
    # And Bob's TV may not more than its zone, whatever Alice's TV may at home.
    assert not works(bob["tv"], f"test@{ALICE}/nowhere")


def test_one_device(families):
    alice, bob = families
    share(alice, f"{BOB}/pad")
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    assert not works(bob["tv"]) and bob["tv"].services("--zone", ALICE) == []


def test_calls_are_counted(families):
    alice, bob = families
    share(alice, BOB, "--calls", "2")
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    assert works(bob["pad"])
    refused = calls(bob["pad"])
    assert refused.code == 5 and not works(bob["pad"])


def test_refusal_says_nothing(families):
    """A call that no policy allows ends at the hub of the friend, with the error for that."""
    alice, bob = families
    caller = foreign.join(bob.hub, "stranger")
    with caller.connect("127.0.0.1", bob.hub.port) as link:
        request = wire.request(METHOD, ["x"])
        link.send(wire.rpc(caller.address, f"{ALICE}/tv", request))
        error = link.expect(lambda m: m["type"] == "JSONRPC")["payload"]["error"]
    assert error["code"] == -32004
    assert error["data"] == {"name": "SecurityError", "code": 18,
                             "message": "Access has been denied."}
    alice.hub.wait_log("border-refused")
    assert "call from=" not in alice["tv"].log()


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_removed_while_it_streams(families, who):
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    with listen(bob["pad"]) as events:
        events.line()
        one, other = (alice, bob) if who == "alice" else (bob, alice)
        one.friend("remove", other.zone, "--yes")
        ends(events, alice["tv"])
    assert not works(bob["pad"])
    eventually(lambda: friends_of(bob["pad"]) == {} and friends_of(alice["tv"]) == {}, 20,
               "no friends at the devices")


def test_share_ends_while_it_streams(families):
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    with listen(bob["pad"]) as events:
        events.line()
        alice["tv"].pzp("unshare", "test", "--with", BOB)
        ends(events, alice["tv"])


def test_share_runs_out_while_it_streams(families):
    alice, bob = families
    share(alice, BOB, "--for", "6s")
    eventually(lambda: works(bob["pad"]), 5, "a call of what is shared")
    with listen(bob["pad"]) as events:
        events.line()
        ends(events, alice["tv"])
    assert not works(bob["pad"])


def test_hub_away_and_back(families):
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    port = alice.hub.port
    with listen(bob["pad"]) as events:
        events.line()
        alice.hub.stop()
        assert ALICE in ends(events, alice["tv"])
    away = calls(bob["pad"])
    assert away.code == 1 and f"the hub of {ALICE}" in away.reason()
    alice.hub.start(args=["--port", str(port)])
    eventually(lambda: works(bob["pad"]), 60, "calls again")


def test_device_away(families):
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    with listen(bob["pad"]) as events:
        events.line()
        alice["tv"].kill()
        ended = events.end(10)
        assert ended.code == 1 and f"{ALICE}/tv" in ended.reason()
    alice["tv"].start()
    eventually(lambda: works(bob["pad"]), 60, "calls again")
