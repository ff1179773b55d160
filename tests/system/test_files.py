"""State on disk: permissions, damage, full and read-only disks, two daemons, ports in use."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess

import pytest

from pz import daemon, programs
from pz.disk import fill

ZONE = daemon.ZONE


def walk(top):
    for folder, _, names in os.walk(top):
        yield folder, os.lstat(folder)
        for name in names:
            path = os.path.join(folder, name)
            yield path, os.lstat(path)


def does_not_start(one, *words):
    """Ends with 1 and says why in one line, what to do included."""
    start = len(one.lines)
    one.start(ready=False)
    assert one.wait_end() == 1, one.log()
    lines = one.lines[start:]
    lines = [line for line in lines if not line.startswith(("NOTICE", "INFO"))]  # until then it was well
    said = [line for line in lines if line.startswith(("ERROR", "<3>"))] or lines
    assert len(said) == 1, one.log()
    assert all(word in said[0] for word in words), (words, said[0])
    return said[0]


def test_only_the_owner_can_read(zone):
    for one in (zone.hub, zone.a):
        for path, status in walk(one.data_dir):
            assert not status.st_mode & 0o077, f"{path} is {oct(status.st_mode)}"


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o701])
def test_open_data_directory(world, mode):
    for one in (daemon.Hub(world), daemon.Device(world, "laptop")):
        one.data_dir.mkdir(mode=0o700)
        one.data_dir.chmod(mode)
        does_not_start(one, "chmod", str(one.data_dir))
        one.data_dir.chmod(0o700)
        one.start()


def key_files(one):
    return [path for path, status in walk(one.data_dir) if stat.S_ISREG(status.st_mode)
            and b"PRIVATE KEY" in open(path, "rb").read(100)]


def test_open_key(zone):
    """A daemon refuses to start when a key is readable by others (page 2)."""
    for one in (zone.a, zone.hub):
        one.stop()
        keys = key_files(one)
        assert keys
        for key in keys:
            for mode in (0o640, 0o604):
                os.chmod(key, mode)
                does_not_start(one, os.path.basename(key))
            os.chmod(key, 0o600)
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def key_of(one, name):
    """Path of the key that the record of the zone names so."""
    space = "zone" if one.program == "pzhd" else "membership"
    with contextlib.closing(sqlite3.connect(one.data_dir / f"{one.program}.db")) as db:
        records = [json.loads(value) for (value,) in
                   db.execute("SELECT value FROM item WHERE space = ?", (space,))]
    (uri,) = [record[name] for record in records if name in record]
    return one.data_dir / "keys" / uri.removeprefix("keys:")


@pytest.mark.parametrize("damage", [None, b"", b"garbage" * 30], ids=["gone", "empty", "garbage"])
def test_lost_keys(zone, damage):
    """A TLS key is made anew. Without the key of its CA no node starts; it says what to do. (page 2 "Key store")"""
    for one in (zone.hub, zone.a):
        one.stop()
        tls, authority = key_of(one, "tlsKey"), key_of(one, "caKey")
        kept = authority.read_bytes()
        for key in (tls, authority):
            if damage is None:
                key.unlink()
            else:
                key.write_bytes(damage)
        does_not_start(one, str(authority), "backup")
        authority.write_bytes(kept)
        authority.chmod(0o600)
        start = len(one.lines)
        one.start()
        one.wait_log("WARNING tls-key-lost", start=start)
        one.stop()
        assert not tls.exists() and key_of(one, "tlsKey").exists()
        start = len(one.lines)
        one.start()
        assert not any("tls-key-lost" in line for line in one.lines[start:])
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def store_files(one):
    return [path for path, status in walk(one.data_dir) if stat.S_ISREG(status.st_mode)
            and open(path, "rb").read(15) == b"SQLite format 3"]


@pytest.mark.parametrize("who", ["hub", "a"])
@pytest.mark.parametrize("damage", ["garbage", "truncated", "pages"])
def test_corrupt_store(zone, who, damage):
    one = getattr(zone, who)
    one.stop()
    (path,) = store_files(one)
    content = open(path, "rb").read()
    broken = {
        "garbage": b"\xa5" * len(content),
        "truncated": content[:len(content) // 2],
        "pages": content[:100] + b"\xa5" * (len(content) - 100),
    }[damage]
    with open(path, "wb") as file:
        file.write(broken)
    does_not_start(one, os.path.basename(path))
    assert open(path, "rb").read(1), "the damaged store was thrown away"
    with open(path, "wb") as file:
        file.write(content)
    one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


@pytest.mark.parametrize("damage", ["gone", "empty"])
def test_lost_store(zone, damage):
    """Its keys are of no use without it, and it of none without them: nothing of either is removed. (page 8 "Store")"""
    for one, name in ((zone.hub, "pzhd.db"), (zone.a, "pzpd.db")):
        one.kill()  # the -wal file has what was written last
        keys, store, kept = key_files(one), one.data_dir / name, one.data_dir / "kept"
        store.rename(kept)
        if damage == "empty":
            store.touch(mode=0o600)
        does_not_start(one, str(store), "backup", str(one.data_dir / "keys"))
        if one is zone.hub:
            words = zone.world.path / "words"
            words.write_text("correct horse battery\n")
            export = one.pzh("export", zone.world.path / "zone.pz", "--passphrase-file", words, check=1)
            assert str(store) in export.reason()
        else:
            findings = one.pzp("doctor", "--json", check=False).out
            assert str(store) in findings, findings
        assert key_files(one) == keys and len(keys) == 2
        kept.rename(store)
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def test_store_deleted_while_it_runs(zone):
    """Nothing counts as stored that would end with the process, and the daemon says so."""
    for one, change in ((zone.hub, lambda: zone.hub.pzh("user", "fullName", "Lost", check=1)),
                        (zone.a, lambda: zone.a.pzp("user", "fullName", "Lost", check=1))):
        kept = zone.world.path / f"kept-{one.name}"
        one.stop()
        shutil.copytree(one.data_dir, kept)
        one.start()
        (store,) = map(pathlib.Path, store_files(one))
        store.unlink()
        reason = change().reason()
        assert str(store) in reason and "deleted" in reason and "backup" in reason
        assert "store-failed" in [condition["id"] for condition in one.status()["conditions"]]
        one.kill()
        shutil.rmtree(one.data_dir)
        kept.rename(one.data_dir)
        one.start()
    zone.a.wait_state("connected")
    zone.b.wait_state("connected")
    zone.serves()


def test_store_of_a_newer_version(zone):
    zone.a.stop()
    (path,) = store_files(zone.a)
    with sqlite3.connect(path) as db:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        db.execute("PRAGMA user_version = 9999")
    db.close()
    does_not_start(zone.a, os.path.basename(path))
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    zone.a.start()
    zone.a.wait_state("connected")


# ---- two of them ----

def test_two_daemons_on_one_directory(zone):
    for one, kind in ((zone.hub, daemon.Hub), (zone.a, daemon.Device)):
        options = {} if kind is daemon.Hub else {"name": "second"}
        second = kind(zone.world, data_dir=one.data_dir, **options)
        does_not_start(second, str(one.process.pid))
    zone.serves()


def test_socket_left_by_a_crash(zone):
    zone.a.kill()
    assert zone.a.socket_path.exists()
    zone.a.start()
    zone.a.wait_state("connected")


def test_socket_goes_with_the_daemon(zone):
    assert stat.S_IMODE(zone.a.socket_path.stat().st_mode) == 0o600
    zone.a.stop()
    assert not zone.a.socket_path.exists()


def test_something_else_in_place_of_the_lock(world):
    for one in (daemon.Hub(world), daemon.Device(world, "laptop")):
        (one.data_dir / "lock").mkdir(parents=True)
        one.data_dir.chmod(0o700)
        does_not_start(one, str(one.data_dir / "lock"), "remove it")
        (one.data_dir / "lock").rmdir()
        one.start()


def test_something_else_in_place_of_the_socket(world):
    device = daemon.Device(world, "laptop")
    device.data_dir.mkdir(mode=0o700)
    (device.data_dir / "control.sock").write_text("precious")
    does_not_start(device, "control.sock")
    assert (device.data_dir / "control.sock").read_text() == "precious"


def test_port_in_use(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        hub = daemon.Hub(world)
        hub.port = port
        does_not_start(hub, str(port))
    hub.start()
    assert hub.port == port


def test_address_that_is_not_ours(world):
    hub = daemon.Hub(world)
    hub.args = ["--listen", "203.0.113.1"]
    does_not_start(hub, "203.0.113.1")


# ---- disks ----

def test_full_disk_at_the_hub(world, small_disk):
    hub = daemon.Hub(world, data_dir=small_disk / "hub")
    hub.start()
    hub.init()
    first = world.device("laptop", hub)
    hog = fill(small_disk)
    made = hub.pzh("init", "--zone", "bob@example.org", "--host", "127.0.0.1", check=False)
    device = world.device("tv")
    refused = device.enrol(hub, "--zone", ZONE, check=False)
    # What cannot be stored is refused, with a reason, on both sides; nothing half is left.
    if made.code != 0:
        assert made.reason()
    assert refused.code == 1 and refused.reason()
    assert device.status()["state"] == "virgin" and "tv" not in hub.devices("--zone", ZONE)
    assert first.call("test", "get42", '["x"]').json() == {"result": "42 x"}
    hog.unlink()
    device.join(hub, "--zone", ZONE)
    assert first.call("test@tv", "get42", '["x"]').json() == {"result": "42 x"}


def test_full_disk_at_the_device(world, small_disk):
    hub = world.hub()
    device = daemon.Device(world, "laptop", data_dir=small_disk / "laptop")
    device.start()
    hog = fill(small_disk)
    refused = device.enrol(hub, check=1)
    reason = refused.reason()
    assert "space" in reason or "full" in reason or "stor" in reason, reason
    assert device.status()["state"] == "virgin"
    hog.unlink()
    device.join(hub)


def test_full_disk_at_init(world, small_disk):
    hub = daemon.Hub(world, data_dir=small_disk / "hub")
    hub.data_dir.mkdir(mode=0o700)
    hog = fill(small_disk)
    result = hub.pzh("init", "--zone", ZONE, "--host", "127.0.0.1", check=1)
    assert result.reason()
    hog.unlink()
    hub.init()
    hub.start()


def test_read_only_directory(world, small_disk):
    hub = daemon.Hub(world, data_dir=small_disk / "hub")
    hub.init()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    does_not_start(hub, str(hub.data_dir))
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    hub.start()


def test_directory_without_write_permission(world):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    hub = daemon.Hub(world)
    hub.init()
    hub.data_dir.chmod(0o500)
    does_not_start(hub, str(hub.data_dir))
    hub.data_dir.chmod(0o700)
    hub.start()


# ---- settings ----

@pytest.mark.parametrize("args", [["--port", "70000"], ["--nonsense"], ["--log-level", "loud"],
                                  ["--limits-frame", "1"], ["--listen", "example"], ["more"]])
def test_wrong_settings(world, args):
    hub = daemon.Hub(world)
    hub.args = args
    hub.start(ready=False)
    assert hub.wait_end() == 2 and hub.log()


def test_configuration_file(world):
    hub = daemon.Hub(world)
    hub.data_dir.mkdir(mode=0o700)
    file = hub.data_dir / "pzhd.conf"
    file.write_text("# a comment\nlog-level = loud\n")
    hub.start(ready=False)
    assert hub.wait_end() == 2
    assert "pzhd.conf" in hub.log() and "2" in hub.log()
    file.write_text("log-level = info\n")
    hub.start()


def test_reload(world):
    """SIGHUP reads the file again; a wrong one changes nothing."""
    hub = daemon.Hub(world)
    hub.data_dir.mkdir(mode=0o700)
    file = hub.data_dir / "pzhd.conf"
    file.write_text("log-level = info\n")
    hub.start()
    for text in ("log-level = loud\n", "log-level = warning\n", "log-level = info\n"):
        lines = len(hub.lines)
        file.write_text(text)
        hub.process.send_signal(signal.SIGHUP)
        if "warning" not in text:
            hub.wait_log("onfig|reload|log-level", start=lines)
    hub.init()


def test_stop_signals(world):
    for sig in (signal.SIGTERM, signal.SIGINT):
        device = world.device(f"laptop-{int(sig)}")
        device.stop(sig)
        assert "STOPPING=1" in device.notes


def test_missing_directories_are_made(world):
    device = daemon.Device(world, "laptop", data_dir=world.path / "a" / "b" / "c")
    device.start()
    assert stat.S_IMODE(device.data_dir.stat().st_mode) == 0o700


def test_default_directory(world):
    """Without --data-dir: $STATE_DIRECTORY, else $XDG_STATE_HOME."""
    for env in ({"STATE_DIRECTORY": world.path / "state"}, {"XDG_STATE_HOME": world.path / "xdg"}):
        (where,) = env.values()
        result = programs.run("pzh", "init", "--zone", ZONE, "--host", "127.0.0.1", env=env,
                              home=world.path)
        assert ZONE in result.out
        assert (where if "STATE_DIRECTORY" in env else where / "pzh").is_dir()
