"""Devices of two friend zones next to each other (page 6 "A direct link between friends"): linked
directly while both hubs are offline, with equal names, until the friendship ends."""

import pytest

from pz import daemon
from pz.capture import Capture
from pz.daemon import eventually

ALICE, BOB = daemon.ZONE, "bob@example.net"
ZONES = (ALICE, BOB)
STREAM = ("call", "--json", "--stream")


def befriend(one, other):
    """Both owners, each at their hub."""
    link = one.pzh("friend", "invite", "--json").json()["link"]
    other.pzh("friend", "accept", link)
    one.pzh("friend", "confirm", BOB)
    other.pzh("friend", "confirm", ALICE)


def knows(device, zone):
    return any(one["zone"] == zone and one["confirmed"]
               for one in device.pzp("friends", "--json").json())


@pytest.fixture
def families(lab):
    """One network; two hubs that are friends; a television in each zone, and a phone of Bob's."""
    lan = lab.lan("home")
    lab.lan_home = lan
    lab.hubs = [lab.hub(lab.host(f"hub{n}", lan), zone=zone, name=f"hub-{n}")
                for n, zone in enumerate(ZONES)]
    lab.tv = lab.device(lab.host("tv", lan), lab.hubs[0])
    lab.bobs_tv = lab.device(lab.host("bobs-tv", lan), lab.hubs[1], name="tv",
                             data_dir=lab.world.path / "bobs-tv")
    lab.phone = lab.device(lab.host("phone", lan), lab.hubs[1])
    befriend(*lab.hubs)
    for device, zone in ((lab.tv, BOB), (lab.bobs_tv, ALICE), (lab.phone, ALICE)):
        device.wait_state("connected")
        eventually(lambda: knows(device, zone), what=f"{device.name} to know {zone}")
    return lab


def share(families):
    """Bob may use Alice's test service; as soon as her television says so."""
    families.tv.pzp("share", "test@tv", "--with", BOB)


def hubs_are_away(families):
    for hub in families.hubs:
        hub.kill()
    for device in (families.tv, families.bobs_tv, families.phone):
        device.wait_state("not-connected", "connecting")


def links(device, other):
    """A link that the other end has, too."""
    result = device.pzp("connect", other, "--json", check=False)
    assert result.code == 0, repr(result)
    assert result.json()["route"] == "direct" and result.json()["id"] == other


def entries(device, name):
    return [one for one in device.pzp("peers", "--json").json() if one["id"].endswith(f"/{name}")]


def call(device, service, word="x"):
    return device.call(service, "get42", f'["{word}"]', check=False)


def test_without_hubs(families):
    """Found on the local network, linked, called: with no hub in sight."""
    share(families)
    hubs_are_away(families)
    links(families.phone, f"{ALICE}/tv")
    eventually(lambda: call(families.phone, f"test@{ALICE}/tv").code == 0, what="the call to be allowed")
    assert call(families.phone, f"test@{ALICE}/tv").json() == {"result": "42 x"}
    (entry,) = entries(families.tv, "phone")
    assert entry["id"] == f"{BOB}/phone" and entry["route"] == "direct" and entry["friend"] is True
    # The other direction was not shared.
    refused = call(families.tv, f"test@{BOB}/phone")
    assert refused.code == 1 and "42" not in refused.out


def test_default_is_nothing(families):
    hubs_are_away(families)
    links(families.phone, f"{ALICE}/tv")
    assert families.phone.pzp("services", "--zone", ALICE, "--json").json() == []
    assert call(families.phone, f"test@{ALICE}/tv").code == 1


def test_call_looks_for_the_device(families):
    """Not connected before, and no hub: the call itself finds it."""
    share(families)
    eventually(lambda: call(families.phone, f"test@{ALICE}/tv").code == 0, what="the share to count")
    hubs_are_away(families)
    assert call(families.phone, f"test@{ALICE}/tv", "y").json() == {"result": "42 y"}
    (entry,) = [one for one in entries(families.phone, "tv") if one["friend"]]
    assert entry["route"] == "direct"


def test_equal_names(families):
    """Two televisions, one in each zone: each is reached by its own address."""
    share(families)
    hubs_are_away(families)
    links(families.phone, f"{ALICE}/tv")
    families.phone.connect(families.bobs_tv)
    links(families.bobs_tv, f"{ALICE}/tv")
    assert {one["id"]: one["friend"] for one in entries(families.phone, "tv")} == \
        {f"{ALICE}/tv": True, f"{BOB}/tv": False}
    families.phone.calls(families.bobs_tv)
    families.bobs_tv.pzp("disconnect", f"{ALICE}/tv")
    families.phone.calls(families.bobs_tv)
    eventually(lambda: call(families.phone, f"test@{ALICE}/tv").code == 0, what="the call to be allowed")


def test_given_address(families):
    """Where nothing is announced: the address is enough, and proves nothing."""
    hubs_are_away(families)
    where = families.tv.at.address()
    port = families.tv.status()["ports"]["tls"]
    families.phone.pzp("connect", f"{ALICE}/tv", "--address", f"{where}:{port}")
    wrong = families.bobs_tv.at.address()
    refused = families.phone.pzp("connect", f"{ALICE}/laptop", "--address", f"{wrong}:{port}", check=False)
    assert refused.code == 1 and refused.reason()


def test_removal_while_linked(families):
    """The stream ends at both ends; and the device is a stranger from then on."""
    share(families)
    links(families.phone, f"{ALICE}/tv")
    eventually(lambda: call(families.phone, f"test@{ALICE}/tv").code == 0, what="the share to count")
    with families.phone.stream(*STREAM, f"test@{ALICE}/tv", "listenAttr.listenFor42",
                               '[{"repeat":true}]') as events:
        events.line()
        families.hubs[0].pzh("friend", "remove", BOB, "--yes")
        ended = events.end(10)
        assert ended.code == 1 and ended.reason()
    eventually(lambda: not knows(families.phone, ALICE), what="the end of the friendship")
    eventually(lambda: entries(families.tv, "phone") == [], what="the link to end")
    assert families.phone.pzp("connect", f"{ALICE}/tv", check=False).code == 1


def test_revoked_by_the_friend(families):
    """Bob revokes his phone: Alice's television closes the link, and refuses it."""
    links(families.phone, f"{ALICE}/tv")
    families.hubs[1].pzh("revoke", "phone", "--yes")
    eventually(lambda: not [one for one in entries(families.tv, "phone") if one["route"] == "direct"],
               what="the link to end")


def test_network_sees_no_names(families):
    """Friends find each other; a listener learns neither zones nor devices nor who are friends."""
    hubs_are_away(families)
    with Capture(families.lan_home) as seen:
        links(families.phone, f"{ALICE}/tv")
    data = b"".join(seen.frames)
    assert b"pz/1" in data  # the handshake is in it
    for name in (b"alice@", b"bob@", b"phone", b"example.org", b"example.net"):
        assert name not in data, name


def test_private_across_both_hubs(families):
    """
    No way but the hubs: with `private` the devices link through both, which read nothing of it.
    Where a zone shows no device, its hub passes nothing on to it.
    """
    share(families)
    for device in (families.tv, families.phone):
        device.pzp("prefs", "peer.listen", "false", "--now")
    refused = families.phone.pzp("connect", f"{ALICE}/tv", check=False)
    assert refused.code == 1
    families.phone.pzp("prefs", "private", "true", "--now")
    eventually(lambda: call(families.phone, f"test@{ALICE}/tv").code == 0, what="the call to be allowed")
    (entry,) = [one for one in entries(families.phone, "tv") if one["friend"]]
    assert entry["route"] == "hub" and entry["private"] is True
    families.tv.pzp("prefs", "private", "true", "--now")
    assert call(families.tv, f"test@{BOB}/phone").code == 1
