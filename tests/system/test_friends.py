"""Friends, hub to hub (page 6): two hubs with a zone each become friends, stay linked, and end the
friendship."""

import re

import pytest

from pz import daemon, foreign, wire

ALICE, BOB, CAROL = "alice@example.org", "bob@example.net", "carol@example.com"


class House:
    """A hub with one zone."""

    def __init__(self, world, zone, name, **more):
        self.zone, self.hub = zone, world.hub(zone=None, name=name, **more)
        self.hub.init(zone, None, "--name", zone.split("@")[0].title())

    def friend(self, *args, check=True):
        return self.hub.pzh("friend", *args, check=check)

    def invite(self, *args):
        return self.friend("invite", "--json", *args).json()

    def friends(self):
        return {one["zone"]: one for one in self.friend("list", "--json").json()}

    def wait(self, other, what, **members):
        def is_so():
            one = self.friends().get(other.zone, {})
            return all(one.get(key) == value for key, value in members.items())
        daemon.eventually(is_so, 20, f"{self.zone}: {what}")

    def conditions(self):
        return [one["id"] for one in self.hub.status()["conditions"]]


def befriend(one, other):
    other.friend("accept", one.invite()["link"])
    one.friend("confirm", other.zone)
    other.friend("confirm", one.zone)
    linked(one, other)


def linked(one, other):
    one.wait(other, "linked friends", state="friends", connected=True)
    other.wait(one, "linked friends", state="friends", connected=True)


@pytest.fixture
def houses(world):
    return House(world, ALICE, "alice"), House(world, BOB, "bob")


@pytest.mark.smoke
def test_both_owners_confirm(houses):
    """page 14 ZON-3."""
    alice, bob = houses
    invitation = alice.invite()
    assert re.fullmatch(r"pzh://\S+:\d+/alice@example\.org\?friend=[0-9a-f]{32}&ca=[0-9a-f]{64}",
                        invitation["link"])
    met = bob.friend("accept", invitation["link"], "--json").json()
    # What two people compare is the same at both ends.
    assert met["zone"] == ALICE and met["displayName"] == "Alice"
    assert met["fingerprint"] == invitation["fingerprint"] and met["state"] == "unconfirmed"
    alice.wait(bob, "unconfirmed", state="unconfirmed", connected=True, confirmed=False)
    alice.friend("confirm", BOB)
    bob.wait(alice, "confirmed by the other", confirmedThere=True, confirmed=False)
    assert alice.friends()[BOB]["state"] == "waiting"
    bob.friend("confirm", ALICE)
    linked(alice, bob)
    assert alice.friends()[BOB]["since"] > 0 and alice.friends()[BOB]["displayName"] == "Bob"


def test_link_comes_back(houses):
    """Each of the hubs restarts: the link is there again, and the friendship as it was."""
    alice, bob = houses
    befriend(alice, bob)
    since = alice.friends()[BOB]["since"]
    for house, other in ((alice, bob), (bob, alice)):
        port = house.hub.port
        house.hub.stop()
        other.wait(house, "away", connected=False, state="friends")
        house.hub.start(args=["--port", str(port)])
        linked(alice, bob)
    assert alice.friends()[BOB]["since"] == since


def test_invitation_counts_once(houses, world):
    """page 14 ZON-2."""
    alice, bob = houses
    carol = House(world, CAROL, "carol")
    link = alice.invite()["link"]
    bob.friend("accept", link)
    refused = carol.friend("accept", link, check=1)
    assert "ask for a new one" in refused.reason()
    assert carol.friends() == {} and set(alice.friends()) == {BOB}


def test_invitation_runs_out(houses, clock_shim):
    """After a day, also when the hub did not run meanwhile; nothing is stored on either side."""
    alice, bob = houses
    link = alice.invite()["link"]
    alice.hub.stop()
    alice.hub.env = clock_shim(25 * 3600)
    alice.hub.start()
    alice.invite()  # so that the hub listens
    assert "ask for a new one" in bob.friend("accept", link, check=1).reason()
    assert alice.friends() == {} and bob.friends() == {}


def test_altered_invitation(houses):
    alice, bob = houses
    alice.invite()  # one that counts, so that the hub listens
    link = alice.invite()["link"]
    secret, ca = re.search(r"friend=([0-9a-f]+)&ca=([0-9a-f]+)", link).groups()
    for changed in (link.replace(secret, "0" * 32), link.replace(ca, "0" * 64)):
        assert bob.friend("accept", changed, check=1).reason()
    assert bob.friend("accept", link[:-1], check=1).reason()
    assert bob.friend("accept", link.replace(ALICE, CAROL), check=1).reason()
    assert alice.friends() == {} and bob.friends() == {}
    bob.friend("accept", link)  # none of that has used it up


def test_invitation_for_others(houses):
    alice, bob = houses
    assert "the other person" in alice.friend("accept", alice.invite()["link"], check=1).reason()
    assert "another zone" in bob.friend("accept", alice.invite("--for", CAROL)["link"], check=1).reason()
    assert alice.friends() == {} and bob.friends() == {}
    bob.friend("accept", alice.invite("--for", BOB)["link"])


def test_invitations_are_bounded(houses):
    alice, bob = houses
    links = [alice.invite()["link"] for _ in range(32)]
    assert "are open already" in alice.friend("invite", check=1).reason()
    bob.friend("accept", links[17])
    alice.invite()


def test_removal_takes_effect_at_both(houses):
    """page 14 ZON-5."""
    alice, bob = houses
    befriend(alice, bob)
    alice.friend("remove", BOB, "--yes")
    daemon.eventually(lambda: bob.friends() == {}, 5, "the other side has removed it, too")
    assert alice.friends() == {} and "friend-ended" in bob.conditions()
    befriend(bob, alice)  # they can become friends again, by a new invitation
    assert "friend-ended" not in bob.conditions()


def test_both_remove_at_once(houses):
    alice, bob = houses
    befriend(alice, bob)
    for house, other in ((alice, bob), (bob, alice)):
        house.friend("remove", other.zone, "--yes", check=False)
    assert alice.friends() == {} and bob.friends() == {}


def test_removal_while_the_other_is_away(houses):
    alice, bob = houses
    befriend(alice, bob)
    port = bob.hub.port
    bob.hub.stop()
    alice.friend("remove", BOB, "--yes")
    bob.hub.start(args=["--port", str(port)])
    bob.wait(alice, "refused", state="refused", connected=False)
    daemon.eventually(lambda: "friend-refused" in bob.conditions(), 5, "the owner is warned")
    bob.friend("remove", ALICE, "--yes")
    assert bob.friends() == {} and "friend-refused" not in bob.conditions()


def test_names_that_look_alike(houses, world):
    alice, bob = houses
    b0b = House(world, "b0b@example.net", "b0b")
    befriend(alice, bob)
    b0b.friend("accept", alice.invite()["link"])
    assert alice.friends()["b0b@example.net"]["looksLike"] == BOB
    assert "CAREFUL" in alice.friend("confirm", "b0b@example.net").out


def test_from_a_device(houses, world):
    """The owner of Bob's zone has a device in hand, not the hub; Alice removes the friend on hers."""
    alice, bob = houses
    laptop, tv = world.device("laptop", alice.hub), world.device("tv", bob.hub)
    link = laptop.pzp("friend", "invite", "--json").json()["link"]
    met = tv.pzp("friend", "accept", link, "--json").json()
    assert met["zone"] == ALICE and met["state"] == "unconfirmed"
    tv.pzp("friend", "confirm", ALICE)
    laptop.pzp("friend", "confirm", BOB)
    linked(alice, bob)
    assert alice.friends()[BOB]["by"] == "laptop" and bob.friends()[ALICE]["by"] == "tv"
    daemon.eventually(lambda: [f["zone"] for f in tv.pzp("friends", "--json").json()] == [ALICE], 10,
                      "the devices know the friend")
    assert "friend already" in tv.pzp("friend", "accept", link, check=1).reason()
    laptop.pzp("friend", "remove", BOB, "--yes")
    daemon.eventually(lambda: tv.pzp("friends", "--json").json() == [], 10, "the devices forget it")
    assert bob.friends() == {}


def test_friends_move_with_the_zone(houses, world, tmp_path):
    """Alice's zone goes to another hub: Bob's hub gets the notice, and finds her there."""
    alice, bob = houses
    befriend(alice, bob)
    new = world.hub(zone=None, name="new")
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse battery\n")
    archive = tmp_path / "alice.pz"
    alice.hub.pzh("export", archive, "--moving-to", f"127.0.0.1:{new.port}", "--passphrase-file", secret)
    bob.wait(alice, "the notice is here", port=new.port)
    new.pzh("import", archive, "--host", "127.0.0.1", "--passphrase-file", secret)
    alice.hub.stop()
    alice.hub = new
    linked(alice, bob)


def test_two_zones_of_one_hub(world):
    hub = world.hub(zone=ALICE)
    hub.init(BOB)
    link = hub.pzh("friend", "invite", "--zone", ALICE, "--json").json()["link"]
    hub.pzh("friend", "accept", link, "--zone", BOB)
    hub.pzh("friend", "confirm", BOB, "--zone", ALICE)
    hub.pzh("friend", "confirm", ALICE, "--zone", BOB)

    def is_linked():
        return all(one["connected"] and one["confirmed"] for zone in (ALICE, BOB)
                   for one in hub.pzh("friend", "list", "--zone", zone, "--json").json())
    daemon.eventually(is_linked, 20, "the two zones are linked")


def test_another_hub_at_the_address(houses, world):
    """Page 14 ZON-1: a hub that calls itself Bob, at Bob's address, has another authority."""
    alice, bob = houses
    befriend(alice, bob)
    bob.hub.stop()
    alice.wait(bob, "away", connected=False)
    false = daemon.Hub(world, "false")
    false.port = bob.hub.port
    false.start()
    false.init(BOB)
    daemon.eventually(lambda: "another hub answers" in alice.friends()[BOB].get("problem", ""), 20,
                      "Alice's hub has refused it")
    assert alice.friends()[BOB]["state"] == "friends"
    false.stop()
    bob.hub.start()
    linked(alice, bob)


def test_device_of_a_friend_is_refused(houses):
    """A friend's device is no device of this zone, whatever its certificate proves."""
    alice, bob = houses
    befriend(alice, bob)
    eve, probe = (foreign.enrol("127.0.0.1", house.hub.port, house.zone, name, house.hub.token()["code"])
                  for house, name in ((bob, "eve"), (alice, "probe")))
    # Her chain says Bob, which Alice's hub trusts; the SNI says Alice.
    at_alice = foreign.Identity(BOB, "eve", eve.ca, probe.master)
    at_alice.zone = ALICE
    link = at_alice.dial("127.0.0.1", alice.hub.port)
    link.send(at_alice.register_message())
    assert not any(wire.is_prop(m, "Update") for m in link.until_closed())
    alice.hub.wait_log("device-refused")
    assert "eve" not in alice.hub.devices()


def test_between_two_networks(lab):
    """Two houses with a router between; one hub is killed and comes back."""
    home, office = lab.lan("home"), lab.lan("office")
    lab.router("gateway", home, office)
    at_home, at_office = lab.host("alice", home), lab.host("bob", office)
    alice = House(lab.world, ALICE, "alice", at=at_home)
    bob = House(lab.world, BOB, "bob", at=at_office)
    befriend(alice, bob)
    bob.hub.kill()
    alice.wait(bob, "away", connected=False)
    bob.hub.start()
    linked(alice, bob)
