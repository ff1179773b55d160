"""User preferences (page 10), and the settings that SIGHUP applies."""

import signal
import socket

import pytest

from pz import daemon
from pz.disk import fill

KEYS = ["connection", "peer.listen", "peer.relay", "peer.auto", "ports.tls", "ports.web",
        "sync.policies", "sync.preferences", "sync.user-details", "sync.service-cache",
        "sync.context", "sync.app-data", "private", "files.inbox", "files.by-sender",
        "prompts.answer", "prompts.agents", "offline-days", "audit.days", "audit.bytes",
        "app.clear-on-disconnect",
        "policy.prompt-timeout", "name", "device-type"]
WAITS = "from the next reconnect on: `pzp reconnect`"
ONLY_WHEN_TOLD = "connection = peer: connects to the hub only when told to"


def prefs(device):
    return {one["key"]: one for one in device.pzp("prefs", "--json").json()}


def value(device, key):
    one = device.pzp("prefs", key, "--json").json()
    return one["value"], one["source"], one.get("pending")


def put(device, key, text, *more):
    return device.pzp("prefs", key, text, *more, "--json").json()


def refused(device, *args):
    """Exit 1 with one line, and nothing has changed."""
    before = prefs(device)
    result = device.pzp("prefs", *args, check=1)
    assert not result.out and prefs(device) == before
    return result.reason()


@pytest.mark.smoke
def test_list(world):
    device = world.device("laptop")
    listed = prefs(device)
    assert list(listed) == KEYS
    assert listed["peer.listen"] == {
        "key": "peer.listen", "value": True, "default": True, "source": "default",
        "scope": "device", "allowed": "true or false", "meaning": "Accepts connections of peers.",
        "effective": True}
    assert listed["ports.tls"]["value"] == 0  # the tests' devices are started with --tls-port 0
    assert listed["ports.tls"]["source"] == "configuration"
    assert listed["ports.tls"]["default"] == 8040
    assert listed["name"]["value"] == "laptop"
    assert [key for key in KEYS if listed[key]["scope"] == "zone"] == ["peer.auto", "private"]
    for key in ("sync.context",):
        assert not listed[key]["effective"] and "no effect" in listed[key]["note"]
    text = device.pzp("prefs").out.splitlines()
    assert text[0].split() == ["KEY", "VALUE", "DEFAULT", "SOURCE", "SCOPE", "PENDING"]
    assert [line.split()[0] for line in text[1:len(KEYS) + 1]] == KEYS
    assert text[len(KEYS) + 1].startswith("no effect in this version: sync.context")
    assert "allowed" in device.pzp("prefs", "ports.tls").out


def test_set_lasts(world):
    """What was answered is on the disk, also after kill -9."""
    device = world.device("laptop")
    assert put(device, "name", "Büro ☕")["value"] == "Büro ☕"
    put(device, "peer.auto", "true")
    put(device, "ports.tls", "0")
    assert device.pzp("prefs", "sync.context", "false").out == \
        "sync.context = false (no effect in this version)\n"
    device.kill()
    device.start()
    assert value(device, "name") == ("Büro ☕", "user", None)
    assert value(device, "peer.auto") == (True, "user", None)
    assert value(device, "ports.tls") == (0, "user", None)
    assert device.pzp("prefs", "name", "--reset").out == "name = laptop\n"
    device.stop()
    device.start()
    assert value(device, "name") == ("laptop", "default", None)
    assert value(device, "sync.context") == (False, "user", None)


def test_refusals(world):
    device = world.device("laptop")
    assert "ports.tls" in refused(device, "port.tls", "1")
    assert "pzp prefs" in refused(device, "colour")
    for key, text, allowed in (("ports.tls", "65536", "from 0 to 65535"),
                               ("policy.prompt-timeout", "0", "from 10 to 300"),
                               ("offline-days", "0", "from 1 to 365"),
                               ("audit.bytes", "1", "from 262144 to 67108864"),
                               ("peer.listen", "maybe", "true or false"),
                               ("connection", "both", "hub or peer"),
                               ("name", "x" * 129, "1 to 128 bytes"),
                               ("name", "two\nlines", "control characters"),
                               ("device-type", "y" * 65, "1 to 64 bytes")):
        reason = refused(device, key, text)
        assert key in reason and allowed in reason and text[:10].split("\n")[0] in reason
    assert "VALUE" in device.pzp("prefs", "name", "x", "--reset", check=2).err
    device.pzp("prefs", "--reset", check=2)
    device.pzp("prefs", "name", "x", "y", check=2)


def test_full_disk(world, small_disk):
    device = daemon.Device(world, "laptop", data_dir=small_disk / "laptop")
    device.start()
    put(device, "device-type", "tv")
    hog = fill(small_disk)
    reason = refused(device, "device-type", "car")
    assert "device-type was not changed" in reason
    device.kill()
    hog.unlink()
    device.start()
    assert value(device, "device-type") == ("tv", "user", None)
    put(device, "device-type", "car")


# ---- seed: what is changed while connected takes effect at the next reconnect ----

def test_pending_until_the_reconnect(zone):
    assert zone.a.status()["pending"] == {}
    assert zone.a.pzp("prefs", "name", "Desk").out == f"name = Desk, {WAITS}, or --now\n"
    put(zone.a, "device-type", "pc")
    assert zone.a.status()["pending"] == {"name": "Desk", "device-type": "pc"}
    assert value(zone.a, "name") == ("laptop", "default", "Desk")
    assert f"name = Desk, {WAITS}" in zone.a.pzp("status").out
    assert zone.hub.devices()["laptop"]["displayName"] == "laptop"
    put(zone.a, "device-type", "device")  # what counts already
    assert zone.a.status()["pending"] == {"name": "Desk"}
    assert not prefs(zone.a)["name"]["effective"]
    assert zone.a.pzp("reconnect").out == "reconnected to the hub\n"
    assert zone.a.status()["pending"] == {}
    assert prefs(zone.a)["name"]["effective"]
    assert value(zone.a, "name") == ("Desk", "user", None)
    daemon.eventually(lambda: zone.hub.devices()["laptop"]["displayName"] == "Desk",
                      what="new name at the hub")


def test_now(zone):
    assert zone.a.pzp("prefs", "device-type", "pc", "--now").out == "device-type = pc\n"
    assert zone.a.status()["state"] == "connected" and zone.a.status()["pending"] == {}
    # To prefer peers is to be without the hub, at the latest when the first exchange has ended.
    assert put(zone.a, "connection", "peer", "--now")["value"] == "peer"
    assert zone.a.wait_state("not-connected")["pending"] == {}
    out = zone.a.pzp("reconnect").out
    assert out.startswith("not connected to the hub: ") and ONLY_WHEN_TOLD in out


def test_nothing_waits_on_a_new_device(zone, world):
    put(zone.a, "peer.auto", "true", "--now")
    phone = world.device("phone", zone.hub)
    phone.wait_synced(2)
    daemon.eventually(lambda: value(phone, "peer.auto")[0], what="the zone's preference")
    assert phone.status()["pending"] == {}


def test_peers_preferred_before_the_enrolment(zone, world):
    """It needs the hub once, then lives without; also after a restart."""
    phone = world.device("phone")
    put(phone, "connection", "peer")
    phone.enrol(zone.hub)
    status = phone.wait_state("not-connected")
    assert status["reason"] == f"the first synchronisation is complete; {ONLY_WHEN_TOLD}"
    phone.stop()
    phone.start()
    assert phone.status()["reason"] == ONLY_WHEN_TOLD


def test_a_lost_hub_is_a_reconnect(zone):
    put(zone.a, "device-type", "pc")
    zone.hub.kill()
    zone.a.wait_status(lambda s: s["state"] != "connected" and not s["pending"], what="applied")
    zone.hub.start()
    zone.a.wait_state("connected")
    daemon.eventually(lambda: zone.hub.devices()["laptop"]["deviceType"] == "pc",
                      what="new type at the hub")


def test_preferring_peers(zone):
    """It stays away from its hub until told to connect, and says why."""
    put(zone.a, "connection", "peer")
    assert zone.a.status()["state"] == "connected"
    zone.a.kill()
    zone.a.start()
    status = zone.a.status()
    assert (status["state"], status["reason"]) == ("not-connected", ONLY_WHEN_TOLD)
    assert not zone.hub.devices()["laptop"]["connected"]
    zone.a.pzp("connect")
    zone.serves()
    assert zone.a.status()["state"] == "connected"
    zone.hub.kill()
    status = zone.a.wait_state("not-connected")
    assert status["reason"].endswith(ONLY_WHEN_TOLD)
    zone.hub.start()
    put(zone.a, "connection", "hub")  # not connected: at once
    zone.a.wait_state("connected")


def test_leaving_keeps_what_is_the_device_s_own(zone):
    put(zone.a, "name", "Desk")
    put(zone.a, "peer.auto", "true")
    zone.a.pzp("leave", "--yes")
    assert value(zone.a, "name") == ("Desk", "user", None)
    assert value(zone.a, "peer.auto") == (False, "default", None)
    zone.a.join(zone.hub)
    assert zone.hub.devices()["laptop"]["displayName"] == "Desk"


# ---- SIGHUP ----

def configured(world, *options):
    """A device with a configuration file, and without --web-port."""
    device = daemon.Device(world, "laptop")
    device.args = ["--tls-port", 0, "--device", "laptop", *options]
    device.data_dir.mkdir(mode=0o700)
    return device, device.data_dir / "pzpd.conf"


def reload(device, pattern):
    lines = len(device.lines)
    device.process.send_signal(signal.SIGHUP)
    return device.wait_log(pattern, start=lines)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_reload(world):
    device, file = configured(world)
    file.write_text("log-level = info\nweb-port = 0\n")
    device.start()
    assert value(device, "ports.web") == (0, "configuration", None)
    assert "no change" in reload(device, "reloaded")
    port = free_port()
    file.write_text(f"log-level = debug\nweb-port = {port}\ncall-timeout = 7\n")
    said = reload(device, "reloaded")
    assert all(name in said for name in ("web-port", "log-level", "call-timeout"))
    assert value(device, "ports.web") == (port, "configuration", None)
    lines = len(device.lines)
    file.write_text("key-type = rsa3072\nlimits.frame = 2MiB\n")
    said = reload(device, "needs a restart")
    assert said.endswith("needs a restart: key-type, limits.frame")
    assert value(device, "ports.web") == (8080, "default", None)
    assert sum("needs a restart" in line for line in device.lines[lines:]) == 1


def test_reload_of_a_bad_file(world):
    device, file = configured(world)
    file.write_text("web-port = 0\n")
    device.start()
    lines = len(device.lines)
    file.write_text("web-port = 1\nlog-level = loud\n")
    said = reload(device, "not reloaded")
    assert "pzpd.conf:2" in said and "log-level" in said and "error, warning" in said
    assert value(device, "ports.web") == (0, "configuration", None)
    assert len([line for line in device.lines[lines:] if "reload" in line]) == 1


def test_reload_while_connected(world):
    """Ports of the configuration are preferences: they wait for the reconnect, too."""
    hub = world.hub()
    device, file = configured(world)
    device.start()
    device.join(hub)
    port = free_port()
    file.write_text(f"web-port = {port}\n")
    reload(device, "reloaded")
    assert device.status()["pending"] == {"ports.web": port}
    device.pzp("reconnect")
    assert value(device, "ports.web") == (port, "configuration", None)
