"""The link between two friends' hubs (page 6): after changes of cables, addresses and certificates
it is restored, and the friendship is unchanged."""

import pytest

from pz.daemon import eventually
from test_friends import ALICE, BOB, House, befriend
from test_friends_calls import Family, is_connected, share, works

DAY = 86400


@pytest.fixture
def wired(lab):
    """Two hubs in one network that are friends; the link is the one that Alice's has opened."""
    lab.wire = lab.lan("wire")
    lab.houses = [House(lab.world, zone, name, at=lab.host(name, lab.wire))
                  for zone, name in ((ALICE, "alice"), (BOB, "bob"))]
    befriend(*lab.houses)
    return lab


def links(house):
    """How many links with the friend's hub have begun."""
    return house.hub.log().count("friend-connected")


def linked_again(houses, before):
    """A new link, at both."""
    for one, other, count in zip(houses, houses[::-1], before):
        eventually(lambda one=one, count=count: links(one) > count, 20, f"{one.zone}: a new link")
        one.wait(other, "linked again", state="friends", connected=True)


@pytest.mark.parametrize("which", (0, 1), ids=("alice", "bob"))
def test_another_network(wired, which):
    """The cable of a hub goes into another socket: it has another address, and the old link is dead
    without a word. It does not wait for the keep-alive of the other one."""
    before = [links(house) for house in wired.houses]
    host = wired.houses[which].hub.at
    wired.unplug(host, wired.wire)
    wired.plug(host, wired.wire)
    linked_again(wired.houses, before)


def test_back_while_the_old_link_seems_to_live(wired):
    """Bob's hub comes back with another address. Alice's has the older link, which would win over a
    newer one: it gives no sign of life, so the newer one is taken, at the first try."""
    alice, bob = wired.houses
    before = [links(house) for house in wired.houses]
    wired.cut(bob.hub.at, wired.wire)
    bob.hub.kill()
    wired.renumber(bob.hub.at, wired.wire)
    wired.mend(bob.hub.at, wired.wire)
    bob.hub.start()
    linked_again(wired.houses, before)
    assert links(bob) == before[1] + 1, "the link that waits is not used before it is taken"
    assert "no sign of life" in alice.hub.log()


def test_a_call_finds_that_the_link_is_dead(wired):
    """A cable that carries nothing any more, and no machine that sees it: what is called over the
    link shows it, before the keep-alive would."""
    alice, bob = wired.houses
    tv = wired.device(wired.host("tv", wired.wire), alice.hub)
    eventually(lambda: is_connected(tv, BOB), 20, "friends at the device")
    wired.cut(bob.hub.at, wired.wire)
    tv.pzp("call", f"test@{BOB}/pad", "get42", check=False)
    alice.hub.wait_log("friend-hub-gone .*no sign of life")
    wired.mend(bob.hub.at, wired.wire)
    alice.wait(bob, "linked again", state="friends", connected=True)


def test_renewed_certificates(world, clock_shim):
    """Both hubs have renewed their certificates: the friendship is with the zone's authority."""
    alice, bob = Family(world, ALICE, "alice", "tv"), Family(world, BOB, "bob", "pad")
    befriend(alice, bob)
    share(alice, BOB)
    since = [alice.friends()[BOB]["since"], bob.friends()[ALICE]["since"]]
    daemons = [one for family in (alice, bob) for one in (family.hub, *family.devices.values())]
    for one in daemons:
        one.stop()
        one.env = clock_shim(370 * DAY)
    for one in daemons:
        one.start()
    for family in (alice, bob):
        assert "hub-renewal" in family.hub.log()
    alice.wait(bob, "linked", state="friends", connected=True)
    bob.wait(alice, "linked", state="friends", connected=True)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    assert [alice.friends()[BOB]["since"], bob.friends()[ALICE]["since"]] == since
    assert "friend-refused" not in alice.conditions() + bob.conditions()
