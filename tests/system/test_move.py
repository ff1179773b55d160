"""The hub moves to another machine: its zone in an archive, and devices that find the new address
(page 12)."""

import base64
import os
import pathlib
import pty
import shutil
import struct
import subprocess

import pytest

from pz import daemon, disk, programs
from pz.control import Control, ControlError
from pz.daemon import is_direct

ZONE = daemon.ZONE
PASSPHRASE = "correct horse battery"
NEW_HOST = "127.0.0.2"


def new_hub(world, name="new"):
    """A running hub without a zone, on another address."""
    hub = world.hub("--listen", NEW_HOST, zone=None, name=name)
    hub.host = NEW_HOST
    return hub


def passphrase_file(world, text=PASSPHRASE):
    path = world.path / f"passphrase-{len(text)}"
    path.write_text(text + "\n")
    return path


def exported(world, hub, *args, name="zone.pz"):
    archive = world.path / name
    result = hub.pzh("export", archive, "--passphrase-file", passphrase_file(world), "--json", *args)
    assert result.json()["zone"] == ZONE
    assert archive.stat().st_mode & 0o777 == 0o600
    return archive


def imported(world, hub, archive, *args, check=True, passphrase=PASSPHRASE):
    return hub.pzh("import", archive, "--passphrase-file", passphrase_file(world, passphrase),
                   "--json", *args, check=check)


def is_at(device, hub):
    """Connected there."""
    return device.wait_status(lambda s: s["state"] == "connected" and
                              (s["hub"]["host"], s["hub"]["port"]) == (hub.host, hub.port))


def key_files(data_dir):
    return list((data_dir / "keys").glob("*.pem"))


@pytest.mark.smoke
def test_a_device_is_told_and_tells_the_other(lab):
    """The former hub is gone for good, and only one device hears where the new one is.
    (page 14 REV-9)
    """
    home = lab.lan("home")
    old = lab.hub(lab.host("server", home))
    a, b = [lab.device(lab.host(name, home), old) for name in ("laptop", "tv")]
    a.connect(b)
    is_direct(a, b)
    archive = exported(lab.world, old)
    old.stop()
    shutil.rmtree(old.data_dir)
    new = lab.hub(lab.host("cloud", home), name="new", zone=None)
    assert imported(lab.world, new, archive, "--host", new.host).json()["port"] == new.port

    assert a.pzp("hub", "--json").json() == {"host": old.host, "port": old.port}
    a.pzp("hub", f"{new.host}:{new.port}")
    is_at(a, new)
    told = b.wait_status(lambda s: (s["hub"].get("next") or s["hub"])["host"] == new.host)
    if told["hub"].get("next"):  # its neighbour had brought it to the hub before
        b.pzp("reconnect", check=False)
    is_at(b, new)
    a.pzp("disconnect", "tv")
    a.wait_route(b, "hub")
    a.calls(b)
    b.calls(a)
    # It is a hub like any other: devices come, stay over its restart and theirs, and go.
    phone = lab.device(lab.host("phone", home), new)
    phone.calls(a)
    a.stop()
    a.start()
    is_at(a, new)
    new.pzh("revoke", "tv", "--yes")
    b.wait_state("virgin")
    new.kill()
    new.start()
    is_at(a, new)
    assert set(new.devices()) == {"laptop", "phone"}


def test_the_former_hub_tells_where_it_goes(world):
    """The owner plans it: devices go on, and are at the new hub when the old one ends."""
    old, new = world.hub(), new_hub(world)
    a = world.device("laptop", old)
    # It goes wrong: there is nobody. Devices find back to the hub that they have.
    exported(world, old, "--moving-to", f"{NEW_HOST}:9", name="first.pz")
    a.wait_status(lambda s: s["hub"].get("next") == {"host": NEW_HOST, "port": 9})
    old.stop()
    a.wait_state("not-connected", "connecting")
    old.start()
    a.wait_status(lambda s: s["state"] == "connected" and s["hub"]["port"] == old.port)
    refused = old.pzh("token", check=5).reason()
    assert f"moving to {NEW_HOST} port 9" in refused and "--stay" in refused
    assert "moving to" in old.pzh("revoke", "laptop", "--yes", check=5).reason()
    assert old.pzh("zones", "--json").json()[0]["moving"] == {"host": NEW_HOST, "port": 9}
    # Not yet, after all; and then for good.
    (warning,) = old.status()["conditions"]
    assert warning["id"] == "zone-moving" and f"moves to {NEW_HOST} port 9" in warning["text"]
    assert "pzh export --stay" in old.pzh("status").out
    old.pzh("export", "--stay")
    assert old.status()["warnings"] == []
    a.wait_status(lambda s: "next" not in s["hub"])
    tv = world.device("tv", old)
    archive = exported(world, old, "--moving-to", f"{NEW_HOST}:{new.port}")
    a.wait_status(lambda s: s["hub"].get("next") == {"host": NEW_HOST, "port": new.port})
    assert a.status()["state"] == "connected" and a.status()["hub"]["host"] == "127.0.0.1"
    imported(world, new, archive)  # the archive knows the address
    old.stop()
    is_at(a, new)
    is_at(tv, new)
    a.calls(tv)
    new.token()


def test_without_daemons(world):
    """Both commands work on the data directories alone; the zone is there at the next start."""
    old = world.hub()
    a, b = world.device("laptop", old), world.device("tv", old)
    fingerprint = old.pzh("zones", "--json").json()[0]["fingerprint"]
    old.stop()
    archive = exported(world, old)
    # Too late for the archive, but devices know it, and the new hub hears it from them.
    old.start()
    is_at(a, old)
    old.pzh("revoke", "tv", "--yes")
    b.wait_state("virgin")
    old.stop()
    new = daemon.Hub(world, "new", ["--listen", NEW_HOST])
    new.host, new.port = NEW_HOST, old.port
    assert imported(world, new, archive, "--host", NEW_HOST, "--port", old.port).json() == {
        "zone": ZONE, "host": NEW_HOST, "port": old.port, "devices": 2, "crlNumber": 65537,
        "fingerprint": fingerprint}
    new.start()
    a.pzp("hub", f"{NEW_HOST}:{new.port}")
    is_at(a, new)
    daemon.eventually(lambda: set(new.devices()) == {"laptop"}, what="revocation at the new hub")
    # The daemon has the directory now: the command line asks it, and finds the zone there.
    assert "exists already" in imported(world, new, archive, check=1).reason()


def test_archives_that_are_none(world):
    """As a user meets them, with the daemon and without: one line, and nothing is kept."""
    old = world.hub()
    archive = exported(world, old)
    assert "exists already; --force" in old.pzh(
        "export", archive, "--passphrase-file", passphrase_file(world), check=1).reason()
    whole = archive.read_bytes()
    spoiled = world.path / "spoiled.pz"
    running, stopped = new_hub(world), daemon.Hub(world, "never")

    def reason(content, *hubs, **more):
        spoiled.write_bytes(content)
        return "\n".join(imported(world, hub, spoiled, "--port", 1, check=1, **more).reason()
                         for hub in hubs)

    said = reason(whole, running, stopped, passphrase="correct horse batteries")
    assert said.count("wrong passphrase, or the archive is damaged") == 2
    assert reason(whole[:-100], running, stopped).count("damaged or cut short") == 2
    assert "cut short" in reason(whole[:70], running)
    assert "cut short" in reason(whole[:30], running)
    assert "made by a newer pzh" in reason(whole[:8] + b"\0\2" + whole[10:], running)
    assert "spoiled.pz: this is not an archive of a zone" in reason(bytes(100), running)
    assert running.pzh("zones", "--json").json() == []
    assert not key_files(running.data_dir) and not key_files(stopped.data_dir)


def test_passphrase_is_typed_unseen(world):
    """Twice, without echo; --passphrase-file is for scripts."""
    old = world.hub()
    archive = world.path / "typed.pz"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(programs.program("pzh"),
                  ["pzh", "export", str(archive), "--data-dir", str(old.data_dir)],
                  programs.environment(world.path))
    seen = b""
    for prompt in (b"Passphrase of the archive: ", b"Repeat the passphrase: "):
        while prompt not in seen:
            seen += os.read(terminal, 4096)
        os.write(terminal, PASSPHRASE.encode() + b"\n")
    try:
        while more := os.read(terminal, 4096):
            seen += more
    except OSError:  # the terminal's other end is closed
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert PASSPHRASE.encode() not in seen and b"exported" in seen
    imported(world, new_hub(world), archive)


# A key that is given, so that no test pays for the passphrase that the head is about.
KEY = base64.b64encode(bytes(32)).decode()
HEAD = base64.b64encode(b"PZ-ZONE\n" + struct.pack(">HBBIQ16s", 1, 1, 0, 3, 1 << 27, b"")).decode()


def descriptors(node):
    """What its open descriptors lead to."""
    targets = set()
    for entry in pathlib.Path(f"/proc/{node.process.pid}/fd").iterdir():
        try:
            targets.add(os.readlink(entry))
        except FileNotFoundError:  # closed meanwhile
            pass
    return targets


@pytest.mark.parametrize("moment", ["begun", "answer"])
def test_killed_in_the_middle(world, moment):
    """kill -9 leaves nothing, or the zone; and no key that belongs to none."""
    old = world.hub()
    new = new_hub(world)
    path = world.path / "zone.pz"
    with old.control() as control, open(path, "wb") as archive:
        made = control.request("export", {"head": HEAD, "key": KEY}, archive)
    assert made["bytes"] == path.stat().st_size > 1000
    with Control(new.socket_path) as control, open(path, "rb") as archive:
        if moment == "begun":
            control.send("import", {"key": KEY}, archive)
        else:
            assert control.request("import", {"key": KEY}, archive)["zone"] == ZONE
        new.kill()
    new.start()
    zones = new.pzh("zones", "--json").json()
    assert len(zones) == {"begun": len(zones), "answer": 1}[moment]
    assert len(key_files(new.data_dir)) == 2 * len(zones)


def test_a_killed_export_leaves_nothing(world):
    """Also no file of another name; it waits for its passphrase when it is killed."""
    hub = world.hub()
    where = world.path / "out"
    where.mkdir()
    try:
        os.close(os.open(where, os.O_TMPFILE | os.O_RDWR))
    except OSError:
        pytest.skip("this file system has no files without names")
    passphrase = world.path / "never"
    os.mkfifo(passphrase)
    export = subprocess.Popen([programs.program("pzh"), "--data-dir", hub.data_dir, "export", where / "zone.pz",
                               "--passphrase-file", passphrase])
    writer = os.open(passphrase, os.O_WRONLY)  # returns when it reads: by then it has opened the file
    export.kill()
    export.wait()
    os.close(writer)
    assert not list(where.iterdir())


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")
def test_root_works_on_the_directory_of_another_user(world):
    """What root makes there belongs to that user; the archive is root's, where only root may write."""
    hub = world.hub()
    hub.stop()
    other = 65534
    for path in [hub.data_dir, *hub.data_dir.rglob("*")]:
        os.chown(path, other, other)
    where = world.path / "root-only"
    where.mkdir(mode=0o700)
    archive = exported(world, hub, name="root-only/zone.pz")
    assert archive.stat().st_uid == 0
    hub.pzh("remove", ZONE, "--yes")
    assert imported(world, hub, archive, "--port", "8041").json()["zone"] == ZONE
    assert {path.stat().st_uid for path in hub.data_dir.rglob("*")} == {other}
    assert key_files(hub.data_dir)


def test_files_that_come_with_requests(world):
    """The daemon takes what it can use, opens nothing itself, and keeps no descriptor."""
    hub = world.hub()
    path = world.path / "zone.pz"

    def refused(method, params, file):
        with hub.control() as control, pytest.raises(ControlError) as error:
            control.request(method, params, file)
        return str(error.value)

    both = {"head": HEAD, "key": KEY}
    assert "export needs archive" in refused("export", both, None)
    assert "import needs archive" in refused("import", {"key": KEY}, None)
    path.write_bytes(b"")
    with open(path, "rb") as file:
        assert "must be open for writing" in refused("export", both, file)
    with open(path, "wb") as file:
        assert "must be open for reading" in refused("import", {"key": KEY}, file)
    with open("/dev/full", "wb") as file:
        assert "regular" in refused("export", both, file)
    ends = os.pipe()
    pipe = os.readlink(f"/proc/self/fd/{ends[0]}")
    assert "regular" in refused("import", {"key": KEY}, ends[0])
    with hub.control() as control:
        assert control.request("zones", {}, ends[0])  # nobody asked for it
    with hub.control() as control, open(path, "r+b") as file:
        assert control.request("export", both, file)["zone"] == ZONE
        assert file.read(8) == b"PZ-ZONE\n"
    passed = {str(path), "/dev/full", pipe}
    daemon.eventually(lambda: not descriptors(hub) & passed, what="descriptors closed")
    for end in ends:
        os.close(end)


def test_full_disks(world, small_disk):
    """No half archive, no half zone."""
    old = world.hub()
    archive = exported(world, old)
    new = daemon.Hub(world, "small", ["--listen", NEW_HOST], data_dir=small_disk / "small").start()
    hog = disk.fill(small_disk)
    assert "space" in old.pzh("export", small_disk / "z.pz", "--passphrase-file",
                              passphrase_file(world), check=1).reason()
    assert not list(small_disk.glob("z.pz*"))
    assert "space" in imported(world, new, archive, check=1).reason()
    assert new.pzh("zones", "--json").json() == []
    hog.unlink()
    new.stop()
    new.start()
    assert not key_files(new.data_dir)
    imported(world, new, archive)
