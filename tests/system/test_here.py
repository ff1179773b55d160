"""What one device grants a friend without a hub: `pzp share --here` (page 9, 7.1). Two people have
paired and remembered each other; both hubs are off during all tests."""

import json

import pytest
from test_pair import ZONES, at_a_table, friends, linked, pair, peers

from pz.daemon import eventually


@pytest.fixture
def table(lab):
    """Two people at one table, friends by pairing, with no hub in sight and nothing shared."""
    devices = at_a_table(lab)
    assert all(result["remembered"] for result in pair(devices, "--remember"))
    linked(devices[0], devices[1].id)
    linked(devices[1], devices[0].id)
    return devices


def call(device, other, *args, check=False):
    return device.pzp("call", f"test@{other.id}", "get42", '["hello"]', "--json", *args, check=check)


def works(device, other):
    return call(device, other).code == 0


def shares(device):
    return device.pzp("shares", "--json").json()


def test_pair_share_call(table):
    """The offer in the error, the share, what is found, the call, why it was allowed, and its end under a stream."""
    a, b = table
    assert not works(b, a)
    offered = a.pzp("share", "test", "--with", ZONES[1], check=1).reason()
    assert "not connected" in offered and "--here" in offered and "this device only" in offered
    assert b.pzp("services", "--zone", ZONES[0], "--json").json() == []
    made = a.pzp("share", "test", "--with", "bob", "--here", "--json").json()
    assert ZONES[1] in made["rule"] and "laptop" in made["rule"]
    (listed,) = shares(a)
    assert listed["slot"] == "grants" and listed["id"] == made["id"] and listed["text"] == made["rule"]
    assert "on this device only" in a.pzp("shares").out and made["rule"] in a.pzp("rules").out
    eventually(lambda: works(b, a), what="the grant to count")
    assert call(b, a).json() == {"result": "42 hello"}
    assert not works(a, b)  # the other direction was not shared
    found = b.pzp("services", "--zone", ZONES[0], "--json").json()
    assert [one["api"] for one in found] == ["http://webinos.org/api/test"]
    assert call(b, a, "--timeout", "5").code == 0
    why = [one for one in a.pzp("policy", "why", "--all", "--json").json() if one["verdict"] == "permit"]
    shown = a.pzp("policy", "why", str(why[0]["id"]), "--json").json()
    assert shown["slot"] == "grants" and shown["slots"]["grants"]["path"][-1] == {
        "id": made["id"], "line": listed["line"], "text": made["rule"]}
    assert made["rule"] in a.pzp("policy", "why", str(why[0]["id"])).out
    records = [json.loads(line) for line in a.pzp("audit", "--json").out.splitlines()]
    calls = [one for one in records if one["what"]["point"] == "call" and one["allowed"]]
    assert calls and all(one["slot"] == "grants" and one["rule"][-1] == made["id"] for one in calls)
    with listen(b, a) as events:
        events.line()
        a.pzp("unshare", "test", "--with", ZONES[1], "--here")
        assert events.end().code != 0
    assert not works(b, a) and shares(a) == []
    assert "nothing is shared" in a.pzp("shares").out
    eventually(lambda: b.pzp("services", "--zone", ZONES[0], "--json").json() == [], what="nothing to be shown")


def listen(device, other):
    return device.stream("call", "--json", "--stream", f"test@{other.id}", "listenAttr.listenFor42", '[{"repeat":true}]')


def granted(a, b, *args):
    a.pzp("share", "test", "--with", ZONES[1], "--here", *args)
    eventually(lambda: works(b, a), what="the grant to count")


@pytest.fixture
def neighbours(lab):
    """Two people in one network whose hubs are friends and up; their devices have met no other way."""
    lan = lab.lan("home")
    devices = []
    for zone, name in zip(ZONES, ("laptop", "phone")):
        hub = lab.hub(lab.host(f"hub-{name}", lan), name=f"hub-{name}", zone=zone)
        device = lab.device(lab.host(name, lan), hub, name=name)
        device.wait_synced(1)
        device.own_hub, device.id = hub, f"{zone}/{name}"
        devices.append(device)
    link = devices[0].own_hub.pzh("friend", "invite", "--json").json()["link"]
    devices[1].own_hub.pzh("friend", "accept", link)
    for device, other in zip(devices, ZONES[::-1]):
        device.own_hub.pzh("friend", "confirm", other)
    for device, other in zip(devices, ZONES[::-1]):
        eventually(lambda device=device, other=other: friends(device).get(other, {}).get("connected"),
                   what="the hubs to be linked")
    return devices


@pytest.mark.parametrize("is_called", [False, True], ids=["searched", "called"])
def test_found_while_both_hubs_are_up(neighbours, is_called):
    """No policy shows anything, so the hubs have no answer: a search looks around, and so does a call by name."""
    a, b = neighbours
    a.pzp("share", "test", "--with", ZONES[1], "--here")
    if not is_called:
        # A busy machine may hear the announcement only after the second for which a search looks.
        eventually(lambda: b.pzp("services", "--zone", ZONES[0], "--json").json(), what="what is granted to be found")
        found = b.pzp("services", "--zone", ZONES[0], "--json").json()
        assert [one["api"] for one in found] == ["http://webinos.org/api/test"]
        assert b.pzp("services", "--device", a.id, "--json").json() == found
        assert a.pzp("services", "--zone", ZONES[1], "--json").json() == []
    eventually(lambda: works(b, a), what="what is granted to be called")
    assert call(b, a).json() == {"result": "42 hello"}
    assert peers(b)[a.id]["route"] == "direct"
    a.pzp("unshare", "test", "--with", ZONES[1], "--here")
    eventually(lambda: b.pzp("services", "--zone", ZONES[0], "--json").json() == [], what="nothing to be shown")


def test_runs_out_while_it_streams(table):
    a, b = table
    granted(a, b, "--for", "5s")
    with listen(b, a) as events:
        events.line()
        ended = events.end(20)
    assert ended.code != 0 and ended.reason()
    assert not works(b, a)


def test_calls_are_counted_over_a_restart(table):
    a, b = table
    a.pzp("share", "test", "--with", ZONES[1], "--here", "--calls", "2")
    eventually(lambda: works(b, a), what="the first call")
    a.kill()
    a.start()
    a.pzp("connect", b.id, "--address", b.at.address())
    assert shares(a)[0]["callsLeft"] == 1 and "(1 call left" in a.pzp("shares").out
    eventually(lambda: works(b, a), what="the second call")
    assert shares(a)[0]["callsLeft"] == 0 and not works(b, a)


def test_it_ends_with_the_friendship(table):
    """Under a stream; and friends again have to share again."""
    a, b = table
    granted(a, b)
    with listen(b, a) as events:
        events.line()
        a.pzp("friend", "remove", ZONES[1], "--yes")
        assert events.end().code != 0
    assert shares(a) == [] and not friends(a)
    assert "no friend" in a.pzp("share", "test", "--with", ZONES[1], "--here", check=1).reason()
    pair(table, "--remember")
    linked(b, a.id)
    assert shares(a) == [] and not works(b, a)
    a.stop()
    a.start()
    assert shares(a) == []


def test_a_denial_of_the_owner_stays(table, tmp_path):
    """By the exceptions of the device, and by a rule of the zone, made before the grant or after it."""
    a, b = table
    granted(a, b)
    denies = tmp_path / "denies.xml"
    denies.write_text('<policy><rule effect="deny"><condition><subject-match attr="user-id" match="' + ZONES[1] +
                      '"/></condition></rule></policy>')
    with listen(b, a) as events:
        events.line()
        a.pzp("policy", "set", "exceptions", str(denies))
        assert events.end().code != 0
    assert not works(b, a)
    assert "exceptions policy denies" in a.pzp("share", "test", "--with", ZONES[1], "--here", check=1).reason()
    a.pzp("policy", "set", "exceptions", "--remove")
    eventually(lambda: works(b, a), what="the grant to count again")
    a.own_hub.start()
    a.wait_state("connected")
    a.pzp("deny", ZONES[1], "test")
    eventually(lambda: not works(b, a), what="the zone's rule")
    assert "user policy denies" in a.pzp("share", "test", "--with", ZONES[1], "--here", check=1).reason()
    assert shares(a) != []  # it is there, and does not count


def test_whom_a_device_can_grant_something(table, world):
    a, b = table
    usage = a.pzp("share", "test", "--with", "my-devices", "--here", check=2).reason()
    assert "friends" in usage
    assert "no friend" in a.pzp("share", "test", "--with", "eve@example.com", "--here", check=1).reason()
    assert "tablet" in a.pzp("share", "test@tablet", "--with", ZONES[1], "--here", check=False).reason()
    assert "not a service" in a.pzp("share", "lamp", "--with", ZONES[1], "--here", check=1).reason()
    assert "not in a zone" in world.device("virgin").pzp("share", "test", "--with", ZONES[1], "--here", check=1).reason()
    # One device of the friend, and not that one.
    a.pzp("share", "test", "--with", f"{ZONES[1]}/tablet", "--here")
    assert not works(b, a)
    a.pzp("share", "devicestatus", "--with", b.id, "--here")
    eventually(lambda: [one["displayName"] for one in b.pzp("services", "--zone", ZONES[0], "--json").json()],
               what="what is shown")
    (found,) = b.pzp("services", "--zone", ZONES[0], "--json").json()
    assert found["api"].endswith("/devicestatus") and not works(b, a)


def test_files(table, tmp_path):
    a, b = table
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"x" * 100_000)
    b.pzp("send", str(photo), a.id, check=5)
    a.pzp("share", "files", "--with", ZONES[1], "--here")
    eventually(lambda: b.pzp("send", str(photo), a.id, check=False).code == 0, what="the file to be taken")
    assert a.pzp("inbox", "--json").json()[0]["from"] == b.id
    a.pzp("unshare", "files", "--with", ZONES[1], "--here")
    b.pzp("send", str(photo), a.id, check=5)


def test_a_trust_of_one_session_takes_its_grants_along(table):
    a, b = table
    for device, other in (table, table[::-1]):
        device.pzp("friend", "remove", other.id.partition("/")[0], "--yes")
    pair(table)
    linked(b, a.id)
    granted(a, b)
    a.stop()
    a.start()
    assert shares(a) == [] and not friends(a)
    pair(table, "--remember")
    linked(b, a.id)
    assert shares(a) == [] and not works(b, a)
