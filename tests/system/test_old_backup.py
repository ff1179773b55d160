"""A hub that was restored from an old backup: devices that it has revoked since stay out, because
its devices send it the newer list; a device that was enrolled since gets advice (page 8 "the higher
crlNumber always applies"; page 14 REV-4)."""

import contextlib
import shutil

import pytest

from pz import daemon, fakepeer, foreign, wire
from pz.crls import crl_data, held_list
from pz.daemon import eventually

ZONE = daemon.ZONE
HERE = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})


def copy_of(one):
    """What is on its disk while it does not run."""
    target = one.data_dir.with_name(f"{one.name}-copy")
    shutil.copytree(one.data_dir, target, ignore=shutil.ignore_patterns("control.sock"))
    return target


def put_back(one, copy):
    shutil.rmtree(one.data_dir)
    shutil.copytree(copy, one.data_dir)


def is_let_in(identity, device):
    """By the device's listener for direct links."""
    try:
        with fakepeer.connect(HERE, identity, "127.0.0.1", device.status()["ports"]["tls"]):
            return True
    except (wire.Closed, OSError):
        return False


@pytest.fixture
def restored(zone):
    """Backup; then the television (of which a thief has a copy) and `stolen` are revoked, and `late`
    comes; then the hub is put back, while the laptop is not linked to it."""
    zone.stolen, zone.phone = [foreign.join(zone.hub, name) for name in ("stolen", "phone")]
    for one in (zone.stolen, zone.phone):
        one.connect("127.0.0.1", zone.hub.port).close()  # it has been here
    zone.b.stop()
    thief = copy_of(zone.b)
    zone.hub.stop()
    backup = copy_of(zone.hub)
    zone.b.start()
    zone.hub.start()
    for one in (zone.a, zone.b):
        one.pzp("connect")
    assert is_let_in(zone.stolen, zone.a)
    zone.late = zone.world.device("late", zone.hub)
    zone.a.wait_log(r"sync item=trusted-pzp .*")
    for name in ("tv", "stolen"):
        zone.hub.pzh("revoke", name, "--yes")
    zone.b.wait_state("virgin")
    zone.a.wait_log("crl number=3")
    zone.a.pzp("disconnect")
    zone.hub.stop()
    put_back(zone.hub, backup)
    zone.hub.start()
    zone.b.stop()
    put_back(zone.b, thief)
    zone.b.start()
    return zone


def test_who_was_revoked_stays_out(restored):
    zone = restored
    zone.b.wait_state("connected")  # the hub does not know any better
    assert {"tv", "stolen", "laptop"} <= set(zone.hub.devices())
    assert not is_let_in(zone.stolen, zone.a) and is_let_in(zone.phone, zone.a)

    zone.a.pzp("connect")
    zone.b.wait_state("virgin")
    zone.hub.wait_log("crl-learned .*from=laptop number=3 here=1 now=3 revoked=2")
    assert {"tv", "stolen"}.isdisjoint(zone.hub.devices())
    zone.a.wait_log("WARNING hub-list-older .*number 1, here is 3")
    zone.a.wait_log("hub-list-older over")
    # What the hub offered of who is revoked was refused: until both have the same.
    zone.a.wait_status(lambda s: s["warnings"] == [], what="without warnings")
    assert not is_let_in(zone.stolen, zone.a)

    zone.hub.kill()  # and it is on its disk
    zone.hub.start()
    assert {"tv", "stolen"}.isdisjoint(zone.hub.devices())
    zone.b.join(zone.hub)
    zone.a.pzp("connect")
    zone.serves()
    assert zone.hub.pzh("revoke", "tv", "--yes", "--json").json()["crlNumber"] == 4
    zone.b.wait_state("virgin")


def test_it_has_revoked_others_since(restored):
    """Both have number 2 and 3, and neither list says all. The hub's comes to the laptop by a device
    that knows nothing of the laptop's."""
    zone = restored
    zone.hub.pzh("revoke", "phone", "--yes")
    for _ in range(3):
        me = foreign.join(zone.hub, "phone")
        me.connect("127.0.0.1", zone.hub.port).close()
        zone.hub.pzh("revoke", "phone", "--yes")
    assert is_let_in(zone.phone, zone.a)
    courier = foreign.join(zone.hub, "courier")
    with courier.connect("127.0.0.1", zone.hub.port) as link, \
            fakepeer.connect(HERE, courier, "127.0.0.1",
                             zone.a.status()["ports"]["tls"]) as direct:
        newer = held_list(link, courier.address, ZONE)
        direct.send(crl_data(courier.address, f"{ZONE}/laptop", newer))
        zone.a.wait_log("crl number=5")
    assert not is_let_in(zone.phone, zone.a) and not is_let_in(zone.stolen, zone.a)
    zone.a.stop()
    zone.a.start()  # connects, too
    zone.b.wait_state("virgin")
    zone.hub.wait_log("crl-learned .*number=3 here=5 now=6 revoked=2")
    zone.a.wait_log("crl number=6")
    assert not is_let_in(zone.phone, zone.a) and not is_let_in(zone.stolen, zone.a)


def test_a_device_that_came_since(restored):
    """One clear line at both ends; with a new code it is in again, under the same name."""
    zone = restored
    zone.hub.wait_log("device-refused .*this hub does not know device late")
    status = zone.late.wait_status(lambda s: "does not know device late" in s["reason"],
                                   what="the hub's reason")
    assert "enrol again" in status["reason"]
    zone.late.pzp("leave", "--yes")
    zone.late.join(zone.hub)
    zone.a.pzp("connect")
    eventually(lambda: zone.a.services("--device", "late"), what="its services")
    zone.a.calls(zone.late)
    zone.late.calls(zone.a)
