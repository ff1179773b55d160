"""Disks that fill up, and daemons that die, while a zone's data is received (page 8)."""

import json
import re
import sqlite3

import pytest
from cryptography import x509

from pz import daemon
from pz.daemon import eventually
from pz.disk import fill

ZONE = daemon.ZONE
NOT_STORED = re.compile(r"not stored")


def records(device):
    """{key: record} of what the device has stored of the zone."""
    db = sqlite3.connect(f"file:{device.data_dir / 'pzpd.db'}?mode=ro", uri=True)
    try:
        rows = db.execute("SELECT key, value FROM item WHERE space = 'knowledge'").fetchall()
    finally:
        db.close()
    return {key: json.loads(value) for key, value in rows}


def list_number(device):
    """crlNumber of the stored list of revocations."""
    record = records(device).get(f"crl/{ZONE}")
    if record is None:
        return 0
    crl = x509.load_pem_x509_crl(record["value"].encode())
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def has_same(device, other):
    eventually(lambda: records(device) == records(other), what="the same data of the zone")


@pytest.fixture
def trio(world, small_disk):
    """A hub, a device on a small disk, and two others."""
    hub = world.hub()
    tight = daemon.Device(world, "tv", data_dir=small_disk / "tv")
    tight.start()
    tight.join(hub)
    roomy = world.device("laptop", hub)
    lost = world.device("phone", hub)
    tight.wait_synced(3)
    has_same(tight, roomy)
    return hub, tight, roomy, lost


def test_disk_fills_up_during_a_synchronisation(trio, small_disk):
    """It runs on, says so in one line, and catches up when there is room."""
    hub, tight, roomy, lost = trio
    hog = fill(small_disk)
    lines = len(tight.lines)
    hub.pzh("revoke", lost.device, "--yes")
    tight.wait_log("crl number=2", start=lines)
    tight.wait_log("not stored", start=lines)
    said = [line for line in tight.lines[lines:] if line.startswith(("ERROR", "<3>"))]
    assert said and all(NOT_STORED.search(line) and "no space left" in line for line in said)
    assert tight.status()["state"] == "connected"
    tight.calls(roomy)
    roomy.calls(tight)
    assert list_number(tight) < 2  # the disk has the old one, whole
    hog.unlink()
    tight.pzp("disconnect")
    tight.pzp("connect")
    eventually(lambda: list_number(tight) == 2, what="the list of revocations on the disk")
    has_same(tight, roomy)
    # So it is known also without the hub, after a death.
    tight.kill()
    hub.kill()
    tight.start()
    assert not any("not readable" in line for line in tight.lines)
    assert list_number(tight) == 2


def test_killed_while_the_disk_was_full(trio, small_disk):
    """What could not be stored comes again from the hub."""
    hub, tight, roomy, lost = trio
    hog = fill(small_disk)
    lines = len(tight.lines)
    hub.pzh("revoke", lost.device, "--yes")
    tight.wait_log("not stored", start=lines)
    tight.kill()
    hog.unlink()
    tight.start()
    tight.wait_state("connected")
    has_same(tight, roomy)
    assert list_number(tight) == 2
    tight.calls(roomy)


def test_killed_right_after_a_list_came(world):
    """kill -9 as soon as it is heard of, again and again: the next start has it all."""
    hub = world.hub()
    device = world.device("tv", hub)
    other = world.device("laptop", hub)
    for number in range(2, 5):
        lost = world.device(f"phone-{number}", hub)
        device.wait_log(f"sync item=trusted-pzp.*", start=0)
        lost.stop()
        lines = len(device.lines)
        hub.pzh("revoke", lost.device, "--yes")
        device.wait_log(f"crl number={number}", start=lines)
        device.kill()
        device.start()
        device.wait_state("connected")
        eventually(lambda: list_number(device) == number, what="the list of revocations")
        has_same(device, other)
        assert not any("not readable" in line for line in device.lines)
    device.calls(other)
