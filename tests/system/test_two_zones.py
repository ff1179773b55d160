"""Two zones in one hub, distinguished by SNI (page 2) and by the enrolment's zone."""

import pytest

from pz import daemon, foreign, wire

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.fixture(scope="module")
def houses(module_world):
    hub = module_world.hub(zone=ALICE)
    hub.init(BOB)
    devices = {}
    for zone in (ALICE, BOB):
        for name in ("laptop", "tv"):
            device = daemon.Device(module_world, name, data_dir=module_world.path / f"{zone}-{name}")
            device.start()
            device.join(hub, "--zone", zone)
            devices[zone, name] = device
    return hub, devices


@pytest.mark.smoke
def test_same_names_in_both(houses):
    hub, devices = houses
    assert {z["zone"] for z in hub.pzh("zones", "--json").json()} == {ALICE, BOB}
    for zone in (ALICE, BOB):
        assert devices[zone, "laptop"].status()["id"] == f"{zone}/laptop"
        answer = devices[zone, "laptop"].call("test@tv", "get42", f'["{zone}"]')
        assert answer.json() == {"result": f"42 {zone}"}
        found = devices[zone, "laptop"].services("--api", foreign.TEST_API)
        assert {s["serviceAddress"] for s in found} == {f"{zone}/laptop", f"{zone}/tv"}
        assert set(hub.devices("--zone", zone)) >= {"laptop", "tv"}


def test_zone_must_be_named(houses):
    hub, _ = houses
    for command in (["token"], ["devices"], ["revoke", "tv", "--yes"]):
        assert "--zone" in hub.pzh(*command, check=False).reason()
    assert hub.pzh("devices", "--zone", "eve@example.org", check=1).reason()


def test_zones_do_not_hear_each_other(houses):
    hub, devices = houses
    mallory = foreign.enrol("127.0.0.1", hub.port, BOB, "mallory", hub.token("--zone", BOB)["code"])
    with mallory.connect("127.0.0.1", hub.port) as link:
        assert mallory.call(link, f"{BOB}/tv")["result"] == "42 x"
        answer = mallory.call(link, f"{ALICE}/tv")
        assert answer["error"]["code"] == -32001
        link.send(wire.prop(mallory.address, "findServices", {"id": 1}, to=BOB))
        found = link.expect_prop("foundServices")["services"]
        assert all(s["serviceAddress"].startswith(f"{BOB}/") for s in found)


def test_certificate_of_one_at_the_other(houses):
    """Bob's device names Alice's zone in its SNI: her CA does not vouch for him."""
    hub, _ = houses
    eve = foreign.enrol("127.0.0.1", hub.port, BOB, "eve", hub.token("--zone", BOB)["code"])
    at_alice = foreign.Identity(ALICE, "eve", eve.ca, _master(hub, ALICE))
    for identity in (at_alice, _renamed(eve, at_alice)):
        try:
            link = identity.dial("127.0.0.1", hub.port)
            link.send(identity.register_message())
            assert not any(wire.is_prop(m, "Update") for m in link.until_closed())
        except OSError:
            pass


def _master(hub, zone):
    token = hub.token("--zone", zone)
    return foreign.enrol("127.0.0.1", hub.port, zone, "probe", token["code"]).master


def _renamed(eve, at_alice):
    """The chain says Bob, the SNI says Alice."""
    identity = foreign.Identity(BOB, "eve", eve.ca, at_alice.master)
    identity.zone = ALICE
    return identity


def test_unknown_sni(houses):
    """With two zones an unknown name leads nowhere."""
    hub, _ = houses
    eve = foreign.enrol("127.0.0.1", hub.port, BOB, "lost", hub.token("--zone", BOB)["code"])
    eve.zone = "nobody@example.org"
    with pytest.raises(OSError):
        eve.dial("127.0.0.1", hub.port).close()


def test_code_is_for_one_zone(houses):
    hub, _ = houses
    code = hub.token("--zone", ALICE)["code"]
    with pytest.raises((foreign.Refused, foreign.WrongHub, ConnectionError, wire.Closed)):
        foreign.enrol("127.0.0.1", hub.port, BOB, "cross", code)
    foreign.enrol("127.0.0.1", hub.port, ALICE, "cross", code)


def test_revoking_in_one_leaves_the_other(houses):
    hub, devices = houses
    hub.pzh("revoke", "tv", "--zone", BOB, "--yes")
    devices[BOB, "tv"].wait_state("virgin")
    assert devices[ALICE, "laptop"].call("test@tv", "get42", '["x"]').json() == {"result": "42 x"}
    devices[BOB, "tv"].join(hub, "--zone", BOB)


def test_zone_added_while_running(houses):
    hub, devices = houses
    hub.init("carol@example.org", "127.0.0.1", "--name", "Carol")
    carol = foreign.enrol("127.0.0.1", hub.port, "carol@example.org", "phone",
                          hub.token("--zone", "carol@example.org")["code"])
    carol.connect("127.0.0.1", hub.port).close()
    assert devices[ALICE, "laptop"].call("test@tv", "get42", '["x"]').json() == {"result": "42 x"}
