"""pzh remove: a zone is deleted from a hub, with its keys (page 12)."""

import pytest

ZONE, OTHER = "alice@example.org", "bob@example.org"


def keys(hub):
    return set((hub.data_dir / "keys").iterdir())


def traces(hub):
    """Files of the data directory that name the zone."""
    return [path.name for path in hub.data_dir.iterdir()
            if path.is_file() and ZONE.encode() in path.read_bytes()]


@pytest.fixture
def hub(world):
    """With a zone that has a device and shared values, and another zone."""
    one = world.hub(zone=OTHER)
    one.others = keys(one)
    one.init(ZONE)
    one.laptop = world.device("laptop")
    one.laptop.enrol(one, "--zone", ZONE)
    one.laptop.wait_state("connected")
    one.pzh("user", "phone", "123", "--zone", ZONE)
    return one


def check_gone(hub):
    assert [z["zone"] for z in hub.pzh("zones", "--json").json()] == [OTHER]
    assert keys(hub) == hub.others
    done = hub.pzh("devices", "--zone", ZONE, check=1)
    assert f"no zone {ZONE} here" in done.reason()
    hub.token("--zone", OTHER)


def test_while_the_hub_runs(hub):
    """page 14 WIP-6."""
    assert hub.pzh("remove", ZONE, "--yes", "--json").json() == {"zone": ZONE}
    hub.laptop.wait_status(lambda s: s["state"] != "connected")
    check_gone(hub)
    hub.stop()
    assert traces(hub) == []
    hub.start()
    check_gone(hub)


def test_while_no_hub_runs(hub):
    hub.stop()
    assert hub.pzh("remove", ZONE, "--yes", "--json").json() == {"zone": ZONE}
    assert traces(hub) == []
    hub.start()
    check_gone(hub)


def test_the_name_is_free_again(hub):
    hub.pzh("remove", ZONE, "--yes")
    fingerprint = hub.init(ZONE)["fingerprint"]
    assert hub.devices("--zone", ZONE) == {}
    hub.pzh("remove", ZONE, "--yes")
    assert hub.init(ZONE)["fingerprint"] != fingerprint


def test_it_asks_and_names_what_is_not_there(hub):
    assert "give --yes" in hub.pzh("remove", ZONE, check=2).reason()
    assert "no zone x@example.org here" in hub.pzh("remove", "x@example.org", "--yes",
                                                   check=1).reason()
    hub.pzh("devices", "--zone", ZONE)
    hub.stop()
    assert "no zone x@example.org here" in hub.pzh("remove", "x@example.org", "--yes",
                                                   check=1).reason()
