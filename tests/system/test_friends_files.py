"""Files between devices of friends (page 15 "Kind file"): what the receiving owner allows, on a
direct link or through both hubs, which cannot read them; and how that ends."""

import json
import re

import pytest

from pz.daemon import eventually
from test_friends import ALICE, BOB
from test_friends_calls import families  # noqa: F401  # pylint: disable=unused-import
from test_friends_calls import friends_of
from test_send import LARGE_BYTES, inbox, make, received, sha256, sparse

TO = f"{ALICE}/tv"


@pytest.fixture
def allowed(families):  # noqa: F811
    """Bob may send files to Alice's TV."""
    alice, bob = families
    alice["tv"].pzp("share", "files@tv", "--with", BOB)
    eventually(lambda: peers(bob["pad"]).get(TO, {}).get("displayName") == "tv", 20,
               "the TV is shown")
    return alice, bob


def peers(device):
    return {one["id"]: one for one in device.pzp("peers", "--json").json()}


def send(device, path, *args, check=True):
    result = device.pzp("send", path, TO, "--json", *args, check=check)
    return json.loads(result.out.splitlines()[-1]) if result.code == 0 else result


def path_of(device):
    return type("At", (), {"world": device.world})


def test_nothing_without_a_share(families):  # noqa: F811
    """The answer is the same as for a device that there is not, and says nothing of rules."""
    alice, bob = families
    path = make(path_of(bob["pad"]))
    texts = []
    for to in (TO, f"{ALICE}/nowhere"):
        refused = bob["pad"].pzp("send", path, to, check=1)
        texts.append(refused.reason().replace(to, "DEVICE"))
    assert texts[0] == texts[1]
    assert received(alice["tv"]) == {}


@pytest.mark.smoke
def test_through_both_hubs(allowed):
    alice, bob = allowed
    marker = b"read by nobody on the way " * 1000
    path = make(path_of(bob["pad"]), content=marker)
    assert send(bob["pad"], path)["sha256"] == sha256(path)
    assert received(alice["tv"]) == {path.name: sha256(path)}
    (entry,) = alice["tv"].pzp("inbox", "--json").json()
    assert entry["from"] == f"{BOB}/pad" and entry["friend"] is True
    assert f"{BOB}/pad" in alice["tv"].pzp("inbox").out
    # A link between the two devices carries it, which neither hub can read.
    assert peers(bob["pad"])[TO]["private"] is True
    # The other way was not allowed.
    assert alice["tv"].pzp("send", path, f"{BOB}/pad", check=False).reason()
    assert "The zone bob@example.net may send files to tv." in alice["tv"].pzp("shares").out


def test_one_device_of_the_friend(families):  # noqa: F811
    alice, bob = families
    alice["tv"].pzp("share", "files@tv", "--with", f"{BOB}/pad")
    path = make(path_of(bob["pad"]))
    eventually(lambda: bob["pad"].pzp("send", path, TO, check=False).code == 0, 20, "the share")
    assert bob["tv"].pzp("send", path, TO, check=False).reason()
    alice["tv"].pzp("unshare", "files@tv", "--with", f"{BOB}/pad")
    eventually(lambda: bob["pad"].pzp("send", make(path_of(bob["pad"])), TO, check=False).code != 0,
               20, "the end of the share")


def test_goes_on_after_a_break(allowed):
    """The receiver dies in the middle, then the sender's hub."""
    alice, bob = allowed
    path = sparse(path_of(bob["pad"]), LARGE_BYTES)
    with bob["pad"].stream("send", "--json", "--wait", path, TO) as running:
        running.until(lambda e: 0 < e["sent"] < e["size"])
        alice["tv"].kill()
        alice["tv"].start()
        running.until(lambda e: 0 < e["sent"] < e["size"])
        port = bob.hub.port
        bob.hub.kill()
        bob.hub.start(args=["--port", str(port)])
        last = running.until(lambda e: "sha256" in e)
        assert running.end().code == 0
    assert last["sha256"] == sha256(path)
    assert received(alice["tv"]) == {path.name: sha256(path)}


@pytest.mark.parametrize("who", ("alice", "bob"))
def test_removal_ends_it(allowed, who):
    """Also for one that waits as long as it takes."""
    alice, bob = allowed
    path = sparse(path_of(bob["pad"]), 20 * LARGE_BYTES)
    with bob["pad"].stream("send", "--json", "--wait", path, TO) as running:
        running.until(lambda e: 0 < e["sent"] < e["size"])
        (alice if who == "alice" else bob).friend("remove", BOB if who == "alice" else ALICE, "--yes")
        ended = running.end(20)
    assert ended.code == 5 and "no friend any more" in ended.out + ended.reason()
    assert not (inbox(alice["tv"]) / path.name).exists()


def test_a_rule_that_refuses_ends_further_files(allowed):
    alice, bob = allowed
    path = make(path_of(bob["pad"]))
    send(bob["pad"], path)
    alice["tv"].pzp("unshare", "files@tv", "--with", BOB)
    eventually(lambda: bob["pad"].pzp("send", make(path_of(bob["pad"])), TO, check=False).code != 0,
               20, "the end of the share")
    assert list(received(alice["tv"])) == [path.name]


def test_a_directory_for_each_sender(allowed):
    alice, bob = allowed
    alice["tv"].pzp("prefs", "files.by-sender", "true", "--now")
    path = make(path_of(bob["pad"]))
    assert send(bob["pad"], path)["as"] == f"{BOB}/pad/{path.name}"
    assert received(alice["tv"]) == {f"{BOB}/pad/{path.name}": sha256(path)}


def test_ping(allowed):
    """A friend's device that is shown answers; others are as if they were not there."""
    alice, bob = allowed
    assert "1" in bob["pad"].pzp("ping", TO, "--count", "1").out
    (event, *_) = [json.loads(line) for line in
                   bob["pad"].pzp("ping", TO, "--count", "1", "--json").out.splitlines()]
    assert event["route"] == "hub" and event["ms"] > 0
    hidden = alice["tv"].pzp("ping", f"{BOB}/tv", "--count", "1", check=1)
    nowhere = alice["tv"].pzp("ping", f"{BOB}/nowhere", "--count", "1", check=1)
    assert hidden.out.replace("/tv", "/nowhere") == nowhere.out
    assert not re.search(r"\d ms", hidden.out)
    assert friends_of(bob["pad"])[ALICE]["connected"]


def test_a_zone_is_no_device(families):  # noqa: F811
    """Each command says so, and what to name instead."""
    bob = families[1]["pad"]
    path = make(path_of(bob), 10)
    for zone in (ALICE, BOB):
        for command in (["ping", zone, "--count", "1"], ["send", path, zone], ["connect", zone],
                        ["services", "--device", zone]):
            reason = bob.pzp(*command, check=1).reason()
            assert "is a zone; name a device of it" in reason and zone in reason, command
