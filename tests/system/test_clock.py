"""A machine whose clock is a day off: one clear reason, and it heals when the clock does."""

import pytest

from pz import daemon

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
