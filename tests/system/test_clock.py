"""A machine whose clock is a day wrong: one clear reason, and it recovers when the clock is
right."""

import contextlib

import pytest

from pz import daemon, fakepeer, foreign

ZONE = daemon.ZONE
DAY = 24 * 3600


@pytest.mark.parametrize("shift", [-DAY, DAY], ids=["behind", "ahead"])
def test_enrolment(world, clock_shim, shift):
    hub = world.hub()
    device = world.device("laptop", env=clock_shim(shift))
    result = device.enrol(hub, check=False)
    if result.code == 0:
        status = device.wait_status(lambda s: s["state"] == "connected" or s["reason"],
                                    what="connected, or the reason why not")
    else:
        result.reason()
        status = device.status()
        assert status["state"] == "virgin"
    if status["state"] != "connected":
        reason = status["reason"].lower()
        assert any(word in reason for word in ("clock", "valid", "expired", "time")), reason
    device.stop()
    device.env.clear()
    device.start()
    if device.status()["state"] == "virgin":
        device.enrol(hub)
    device.wait_state("connected")


@pytest.mark.parametrize("shift", [-DAY, DAY], ids=["behind", "ahead"])
def test_enrolled_device(zone, clock_shim, shift):
    zone.a.stop()
    zone.a.env = clock_shim(shift)
    zone.a.start()
    status = zone.a.wait_status(lambda s: s["state"] == "connected" or s["reason"],
                                what="connected, or the reason why not")
    if status["state"] != "connected":
        reason = status["reason"].lower()
        assert any(word in reason for word in ("clock", "valid", "expired", "time")), reason
    zone.a.stop()
    zone.a.env = {}
    zone.a.start()
    zone.a.wait_state("connected")
    zone.serves()


def test_device_after_its_certificate_ended(zone, clock_shim):
    """Off for 100 days: it makes itself a new TLS certificate, nobody is asked (page 2)."""
    for one in (zone.a, zone.b, zone.hub):
        one.stop()
        one.env = clock_shim(100 * DAY)
    for one in (zone.hub, zone.a, zone.b):
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def test_hub_after_its_certificate_ended(zone, clock_shim):
    """The same for the hub, after 400 days."""
    for one in (zone.a, zone.b, zone.hub):
        one.stop()
        one.env = clock_shim(400 * DAY)
    for one in (zone.hub, zone.a, zone.b):
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def test_a_year_in_the_cellar(zone, clock_shim):
    """Off for more than a year, while the hub went on and renewed its certificate and list: the
    device comes back by itself, with its old authority (page 2)."""
    year = 370 * DAY
    zone.b.stop()
    for one in (zone.a, zone.hub):
        one.stop()
        one.env = clock_shim(year)
        one.start()
    zone.a.wait_state("connected")
    left = zone.hub.status()["zones"][0]["daysLeft"]
    assert (left["tls"], left["ca"] // 365, left["crl"]) == (396, 18, 29)
    zone.b.env = clock_shim(year)
    zone.b.start()
    zone.b.wait_state("connected")
    zone.b.wait_log("crl number=2")
    status = zone.b.status()
    left = status["daysLeft"]
    assert (left["tls"], left["ca"] // 365, left["crl"]) == (89, 8, 29)
    assert status["warnings"] == [] and status["metrics"]["crl_days_left"] == 29
    assert "certificate in 89 days" in zone.b.pzp("status").out
    assert "revocation list in 29 days" in zone.hub.pzh("status").out
    zone.serves()
    zone.b.calls(zone.a)


def test_an_old_list_still_counts(zone, clock_shim):
    """Without a hub for 40 days: says so, lets devices of the zone in, and whom it knows to be revoked
    not."""
    here = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})
    friend, stolen = foreign.join(zone.hub, "friend"), foreign.join(zone.hub, "stolen")
    zone.hub.pzh("revoke", "stolen", "--yes")
    zone.a.wait_log("crl number=2")
    zone.a.pzp("prefs", "offline-days", "60", "--now")
    zone.hub.stop()
    zone.a.stop()
    zone.a.env = clock_shim(40 * DAY)
    zone.a.start()
    status = zone.a.status()
    assert status["daysLeft"]["crl"] in (-10, -11) and status["metrics"]["crl_days_left"] == 0
    warning, = status["warnings"]
    assert "revocation list should have been renewed" in warning
    assert warning in zone.a.pzp("status").out
    port = status["ports"]["tls"]
    fakepeer.connect(here, friend, "127.0.0.1", port).close()
    with pytest.raises((OSError, fakepeer.wire.Closed)):
        fakepeer.connect(here, stolen, "127.0.0.1", port)


def test_without_word_from_the_hub_no_link_begins(zone, clock_shim):
    """Page 14, REV-6: after a week (preference offline-days), until there is word again."""
    here = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})
    friend = foreign.join(zone.hub, "friend")
    zone.hub.stop()
    zone.a.stop()
    zone.a.env = clock_shim(8 * DAY)
    zone.a.start()
    status = zone.a.status()
    assert [one["id"] for one in status["conditions"]] == ["hub-silent"]
    assert "no contact with the hub for 8 days" in zone.a.pzp("status").out
    with pytest.raises((OSError, fakepeer.wire.Closed)):
        fakepeer.connect(here, friend, "127.0.0.1", status["ports"]["tls"])
    zone.a.stop()
    zone.a.env = clock_shim(0)
    zone.a.start()
    fakepeer.connect(here, friend, "127.0.0.1", zone.a.status()["ports"]["tls"]).close()
