"""Files from device to device (page 15 "Kind file", page 12 `pzp send`, `pzp inbox`)."""

import contextlib
import hashlib
import itertools
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from pz import daemon, fakepeer, foreign, programs, wire
from pz.daemon import eventually
from pz.disk import fill
from test_channels import memory_has, move, room  # noqa: F401 (a fixture)

ZONE = daemon.ZONE
LARGE_BYTES = int(os.environ.get("PZ_TEST_FILE_BYTES", 150_000_000))  # sparse

_numbers = itertools.count(1)


class HERE:
    """This host, as pz.fakepeer wants one."""

    inside = contextlib.nullcontext


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(file.read()).hexdigest()


def make(zone, size=100_000, name=None, content=None):
    """A file to be sent."""
    path = pathlib.Path(zone.world.path) / "files" / (name or f"file{next(_numbers)}.bin")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size) if content is None else content)
    return path


def sparse(zone, size):
    path = make(zone, 100_000)
    with open(path, "r+b") as file:
        for at in range(0, size, size // 10):
            file.seek(at)
            file.write(os.urandom(1000))
        file.truncate(size)
    return path


def inbox(device):
    """Where a device of these tests receives: no home directory has downloads."""
    return device.data_dir / "inbox"


def received(device):
    """{name below the inbox: SHA-256} of what is there, unfinished files too."""
    top = inbox(device)
    return {str(path.relative_to(top)): sha256(path) for path in top.rglob("*") if path.is_file()}


def is_clean(device):
    """Nothing is left of what was begun."""
    eventually(lambda: list(inbox(device).iterdir()) == [], what="empty inbox")


def lines(result):
    return [json.loads(line) for line in result.out.splitlines()]


def send(zone, *args, check=True, **more):
    """Events and results of `pzp send --json` from the laptop to the tv."""
    return lines(zone.a.pzp("send", *args, "tv", "--json", check=check, **more))


# ---- by which way ----

@pytest.mark.smoke
def test_directly(zone):
    path = make(zone, 3_000_000)
    *events, last = send(zone, path)
    assert all(e["file"] == path.name and e["size"] == 3_000_000 for e in events)
    assert [e["sent"] for e in events] == sorted(e["sent"] for e in events)
    assert events[-1]["sent"] == 3_000_000
    assert last["file"] == path.name and last["sha256"] == sha256(path) and last["seconds"] >= 0
    assert received(zone.b) == {path.name: sha256(path)}
    (entry,) = zone.b.pzp("inbox", "--json").json()
    assert entry["file"] == path.name and entry["from"] == f"{ZONE}/laptop"
    assert entry["size"] == 3_000_000 and entry["path"] == str(inbox(zone.b) / path.name)
    assert path.name in zone.b.pzp("inbox").out
    there = inbox(zone.b) / path.name
    assert abs(there.stat().st_mtime - path.stat().st_mtime) < 0.01
    assert zone.a.pzp("inbox", "--json").json() == []


def test_by_a_direct_link(lab):
    lan = lab.lan("home")
    hub = lab.hub(lab.host("server", lan))
    lab.a = lab.device(lab.host("laptop", lan), hub)
    lab.b = lab.device(lab.host("tv", lan), hub)
    lab.a.connect(lab.b)
    path = make(lab, 3_000_000)
    send(lab, path)
    assert received(lab.b) == {path.name: sha256(path)}
    assert lab.a.peers()["tv"]["route"] == "direct"


def test_the_hub_reads_nothing(apart):
    """Page 15: bulk goes by a direct link or one of kind `link`, also without `private`."""
    marker = os.urandom(32).hex().encode()
    path = make(apart, content=marker * 20_000)
    send(apart, path)
    assert received(apart.b) == {path.name: sha256(path)}
    assert apart.a.peers()["tv"]["private"] is True
    assert not memory_has(apart.hub.process, marker)
    # The hub has room for so many of these links only: it is closed when it is not needed.
    eventually(lambda: apart.a.peers()["tv"]["private"] is False, 30, "end of the private link")
    apart.a.calls(apart.b)


def test_through_a_relay(room):  # noqa: F811
    """The phone passes the link on, and neither it nor the hub reads the file."""
    marker = os.urandom(32).hex().encode()
    room.pzh.kill()
    move(room, room.laptop, room.home, room.room)
    move(room, room.tv, room.home, room.cellar)
    for one in (room.a, room.b):
        room.c.finds(one)
        room.c.connect(one)
    eventually(lambda: room.a.peers()["tv"]["route"] == "relay", 30, "link through the phone")
    path = make(room, content=marker * 20_000)
    room.a.pzp("send", path, "tv", "--json")
    assert received(room.b) == {path.name: sha256(path)}
    assert not memory_has(room.c.process, marker)


# ---- what is sent ----

def test_several_and_names_that_are_taken(zone):
    first, second = make(zone, name="a.txt"), make(zone, name="b/a.txt")
    other = make(zone, 0, name="empty")
    send(zone, first, second, other)
    there = received(zone.b)
    assert set(there) == {"a.txt", "a (1).txt", "empty"}
    assert {there["a.txt"], there["a (1).txt"]} == {sha256(first), sha256(second)}
    last = send(zone, first)[-1]
    assert last["as"] == "a (2).txt"
    capitals = make(zone, name="A.TXT")
    assert send(zone, capitals)[-1]["as"] == "A (3).TXT"
    assert received(zone.b)["a.txt"] == there["a.txt"]  # nothing was replaced


def test_a_directory(zone):
    top = make(zone, name="tree/one").parent
    for name in ("two", "deep/er/three", "deep/four"):
        make(zone, name=f"tree/{name}")
    (top / "nothing").mkdir()
    result = zone.a.pzp("send", top, "tv", check=1)
    assert "is a directory; send it with -r" in result.reason()
    send(zone, "-r", top)
    assert received(zone.b) == {
        str(p.relative_to(top.parent)): sha256(p) for p in top.rglob("*") if p.is_file()}
    (top / ".hidden").write_text("x")
    os.symlink("one", top / "link")
    result = zone.a.pzp("send", "-r", top, "tv", check=1)
    assert len(result.err.splitlines()) == 2 and ".hidden" in result.err and "link" in result.err
    result = zone.a.pzp("send", "-r", top / "nothing", "tv", check=1)
    assert "nothing: no file in it can be sent" in result.reason()


def test_what_is_no_file(shared_zone):
    """Said before anything is sent, whatever opening it would say."""
    top = make(shared_zone, 10).parent
    os.mkfifo(top / "pipe")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(top / "socket"))
    for path in (top / "pipe", top / "socket", "/dev/null"):
        result = shared_zone.a.pzp("send", path, "tv", check=1)
        assert f"{path}: not a regular file; `-` sends standard input" in result.reason()


@pytest.mark.parametrize("device", ("nosuch", "tv"))
def test_what_is_wrong_with_the_device_is_shown_once(zone, device):
    """Not for each of a hundred files, each after a search of its own."""
    top = make(zone, 10, name="many/0").parent
    for number in range(99):
        (top / f"x{number}").write_text("x")
    zone.b.stop()
    result = zone.a.pzp("send", "-r", top, device, check=1)
    first, last = result.err.splitlines()
    assert device in first and "99 more files were not sent, for the same reason" in last
    *_, rest = lines(zone.a.pzp("send", "-r", top, device, "--json", check=1))
    assert "99 more" in rest["error"]["message"]


def test_a_failure_names_its_file(shared_zone):
    """In JSON, too, where several are sent at once."""
    path, other = make(shared_zone, 10), make(shared_zone, 10, name="con")
    got = send(shared_zone, path, other, path.parent / "nosuch", check=1)
    failed = [one["file"] for one in got if "error" in one]
    assert failed == [str(path.parent / "nosuch"), "con"]
    top = make(shared_zone, 10, name="tree/con").parent
    result = shared_zone.a.pzp("send", "-r", top, "tv", check=1)
    assert "tree/con: its name is reserved; rename it" in result.reason()
    shutil.rmtree(inbox(shared_zone.b))


def test_a_thousand_small_files(zone):
    top = make(zone, 10, name="many/0").parent
    for number in range(1000):
        (top / str(number)).write_text(f"content {number}")
    zone.a.pzp("send", "-r", top, "tv")
    assert len(received(zone.b)) == 1000
    assert len(zone.b.pzp("inbox", "--json").json()) == 1000


def test_standard_input(zone):
    result = zone.a.pzp("send", "-", "tv", stdin="x", check=2)
    assert "--name" in result.err
    last = send(zone, "-", "--name", "typed.txt", stdin="from a pipe")[-1]
    assert last["file"] == "typed.txt"
    assert (inbox(zone.b) / "typed.txt").read_text() == "from a pipe"


def test_large_and_sparse(zone):
    """Page 15: zeros take no room at the receiver."""
    path = sparse(zone, LARGE_BYTES)
    assert send(zone, path, timeout=170)[-1]["sha256"] == sha256(path)
    there, here = (inbox(zone.b) / path.name).stat(), path.stat()
    assert there.st_size == LARGE_BYTES
    assert 512 * there.st_blocks < 512 * here.st_blocks + LARGE_BYTES // 10


@pytest.mark.parametrize("size", (4096, 4095, 4097, 5 << 16))
def test_zeros_arrive(shared_zone, size):
    """Page 15: what is left out of a file is read as zeros, also at its end and between bytes."""
    zone = shared_zone
    files = [make(zone, content=bytes(size)),
             make(zone, content=b"x" + bytes(size) + b"y" + bytes(2 * size))]
    send(zone, *files)
    there = received(zone.b)
    assert {path.name: there[path.name] for path in files} == {p.name: sha256(p) for p in files}
    shutil.rmtree(inbox(zone.b))


# ---- a bar for people ----

def test_progress_on_a_terminal(zone):
    path = sparse(zone, 100_000_000)
    master, slave = pty.openpty()
    argv = [programs.program("pzp"), "send", str(path), "tv", "--data-dir", str(zone.a.data_dir)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                          env=programs.environment(zone.world.path)) as process:
        os.close(slave)
        shown = b""
        try:
            while chunk := os.read(master, 4096):
                shown += chunk
        except OSError:
            pass  # its end of the terminal is closed
    os.close(master)
    assert process.returncode == 0, shown
    assert b"%" in shown and b"/s" in shown and b"left" in shown and b"#" in shown
    assert shown.splitlines()[-1].endswith(b"/s") and path.name.encode() in shown.splitlines()[-1]


# ---- breaks ----

def test_both_ends_are_killed_in_turn(zone):
    path = sparse(zone, LARGE_BYTES)
    ends, kills, resumed = itertools.cycle((zone.b, zone.a)), 0, False
    with zone.a.stream("send", "--json", "--wait", path, "tv") as running:
        before = 0
        while True:
            event = running.line()
            if "sha256" in event:
                break
            assert "error" not in event, event
            resumed |= kills > 0 and event["sent"] > 0
            if kills < 4 and before < event["sent"] < event["size"]:
                before = event["sent"]
                end = next(ends)
                end.kill()
                end.start()
                kills += 1
        assert running.end().code == 0
    assert kills > 0 and resumed
    assert event["sha256"] == sha256(path)
    assert received(zone.b) == {path.name: sha256(path)}  # once, and nothing unfinished


def test_the_same_command_goes_on(zone):
    path = sparse(zone, LARGE_BYTES)
    with zone.a.stream("send", "--json", path, "tv") as running:
        begun = running.until(lambda e: 0 < e["sent"] < e["size"])
        result = running.interrupt(signal.SIGINT)
    assert result.code == 1 and "to resume" in json.loads(result.out.splitlines()[-1])["error"][
        "message"]
    first, *_, last = send(zone, path)
    assert first["sent"] >= begun["sent"] > 0 and last["sha256"] == sha256(path)
    assert received(zone.b) == {path.name: sha256(path)}


MOST_ON_THE_WAY = 8_000_000  # a window, and what waits for the receiver's disk: lost when it ends


def pipe_in(zone, path, is_interrupted):
    """`cat path | pzp send -`: what was sent at first, the exit status, and the last line."""
    argv = [programs.program("pzp"), "send", "-", "--name", "piped", "tv", "--json", "--data-dir",
            str(zone.a.data_dir)]
    with subprocess.Popen(["cat", path], stdout=subprocess.PIPE) as cat, \
            subprocess.Popen(argv, stdin=cat.stdout, stdout=subprocess.PIPE, text=True,
                             env=programs.environment(zone.world.path)) as process:
        events = (json.loads(line) for line in process.stdout)
        first = next(events)
        if is_interrupted:
            next(e for e in events if e["sent"] > MOST_ON_THE_WAY)
            process.send_signal(signal.SIGINT)
        *_, last = [first, *events]
    return first["sent"], process.returncode, last


def test_standard_input_goes_on(zone):
    """The same input again: it has no time of change that could differ."""
    path = sparse(zone, 80_000_000)
    while True:
        first, code, _ = pipe_in(zone, path, True)
        assert first == 0
        if code == 1:
            break
        shutil.rmtree(inbox(zone.b))  # it was faster than the signal
    first, code, last = pipe_in(zone, path, False)
    assert code == 0 and first > 0 and last["sha256"] == sha256(path)
    assert received(zone.b) == {"piped": sha256(path)}


def test_what_was_begun_is_compared(zone):
    """The same name, size and time, and other bytes: nothing of the first is kept."""
    path = sparse(zone, LARGE_BYTES)
    times = path.stat()
    with zone.a.stream("send", "--json", path, "tv") as running:
        running.until(lambda e: 0 < e["sent"] < e["size"])
        running.interrupt(signal.SIGINT)
    with open(path, "r+b") as file:
        file.write(b"other bytes")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert send(zone, path)[-1]["sha256"] == sha256(path)
    assert received(zone.b) == {path.name: sha256(path)}


def test_waits_for_a_device_that_is_away(zone):
    path = make(zone)
    zone.b.stop()
    zone.a.wait_route(zone.b, "none")
    result = zone.a.pzp("send", path, "tv", check=1)
    assert "tv" in result.reason()
    with zone.a.stream("send", "--json", "--wait", path, "tv") as running:
        zone.b.start()
        running.until(lambda e: "sha256" in e)
        assert running.end().code == 0
    assert received(zone.b) == {path.name: sha256(path)}


# ---- what changes, what does not fit ----

def test_a_device_that_is_revoked(zone):
    """What waits for it ends."""
    zone.b.stop()
    with zone.a.stream("send", "--json", "--wait", make(zone, 10), "tv") as running:
        assert "tv is not connected" in running.until(lambda e: "waiting" in e)["waiting"]
        zone.hub.pzh("revoke", "tv", "--yes")
        result = running.end()
    assert result.code == 1, result
    last = json.loads(result.out.splitlines()[-1])
    assert "tv has left the zone, or was revoked" in last["error"]["message"]


def test_a_file_that_changes(zone):
    """It grows or shrinks while it is sent: one error, and nothing of it there."""
    for change in (lambda f: f.truncate(LARGE_BYTES + 1), lambda f: f.truncate(1000)):
        path = sparse(zone, LARGE_BYTES)
        with zone.a.stream("send", "--json", path, "tv") as running:
            running.until(lambda e: 0 < e["sent"] < e["size"])
            with open(path, "r+b") as file:
                change(file)
            *_, last = [json.loads(line) for line in running.end().out.splitlines()]
        assert "changed while it was sent" in last["error"]["message"], last
        is_clean(zone.b)


def test_a_file_that_vanishes(zone):
    """An open file is still there; one that was not opened is reported."""
    path = sparse(zone, LARGE_BYTES)
    expected = sha256(path)
    with zone.a.stream("send", "--json", path, "tv") as running:
        running.until(lambda e: 0 < e["sent"] < e["size"])
        path.unlink()
        assert running.until(lambda e: "sha256" in e)["sha256"] == expected
    result = zone.a.pzp("send", path, make(zone), "tv", check=1)
    assert path.name in result.err and len(result.err.splitlines()) == 1
    assert len(received(zone.b)) == 2


def test_a_full_disk(zone, small_disk):
    """Seen before a byte is sent; where it fills up meanwhile, nothing stays of the file."""
    zone.b.pzp("prefs", "files.inbox", small_disk, "--now")
    zone.b.wait_state("connected")
    path = make(zone, 3_000_000)
    result = zone.a.pzp("send", path, "tv", check=1)
    assert "no space is left at tv" in result.reason()
    assert any("inbox" in one["id"] for one in zone.b.status()["conditions"])
    assert list(small_disk.iterdir()) == []
    hog = fill(small_disk)
    result = zone.a.pzp("send", make(zone, 10), "tv", check=1)
    assert "no space" in result.reason()
    hog.unlink()
    small = make(zone, 10_000)
    zone.a.pzp("send", small, "tv")
    assert [one.name for one in small_disk.iterdir()] == [small.name]
    assert not zone.b.status()["conditions"]


def test_a_disk_that_becomes_full(zone):
    """In the middle, by a limit of the process on the size of files."""
    zone.b.stop()
    zone.b.prefix = ["prlimit", "--fsize=2000000"]
    zone.b.start()
    zone.b.wait_state("connected")
    result = zone.a.pzp("send", make(zone, 5_000_000), "tv", check=1)
    assert "no space is left at tv" in result.reason()
    is_clean(zone.b)
    zone.b.wait_log("file-not-received")
    zone.serves()


def test_a_directory_for_each_sender(zone):
    zone.b.pzp("prefs", "files.by-sender", "true", "--now")
    zone.b.wait_state("connected")
    path = make(zone)
    assert send(zone, path)[-1]["as"] == f"laptop/{path.name}"
    assert received(zone.b) == {f"laptop/{path.name}": sha256(path)}


# ---- names ----

BAD = ["..", ".", ".hidden", "a/b", "a\\b", "nul", "Con.txt", "com1.log", "end.", "end ",
       "new\nline", 256 * "x", ""]


@pytest.mark.parametrize("name", BAD)
def test_names_that_are_not_sent(shared_zone, name):
    path = make(shared_zone, 10)
    result = shared_zone.a.pzp("send", path, "tv", "--name", name, check=False)
    assert result.code in (1, 2) and len(result.err.splitlines()) == 1, result
    assert not inbox(shared_zone.b).exists()


def test_a_name_that_is_not_utf8(shared_zone):
    path = make(shared_zone, 10)
    odd = os.fsencode(path.parent) + b"/\xff\xfe"
    os.rename(path, odd)
    result = subprocess.run([programs.program("pzp"), b"send", odd, b"tv", b"--data-dir",
                             os.fsencode(shared_zone.a.data_dir)], capture_output=True, check=False)
    assert result.returncode == 1 and len(result.stderr.splitlines()) == 1, result
    assert not inbox(shared_zone.b).exists()


def test_this_device_and_no_device(shared_zone):
    path = make(shared_zone, 10)
    for device in ("laptop", "nosuch"):
        result = shared_zone.a.pzp("send", path, device, check=1)
        assert device in result.reason()


# ---- what a hostile end offers ----

@pytest.fixture(scope="module")
def hostile(shared_zone):
    """A member of which only the certificate is real, directly connected to the tv."""
    me = foreign.join(shared_zone.hub, "hostile")
    port = shared_zone.b.status()["ports"]["tls"]
    link = fakepeer.connect(HERE, me, "127.0.0.1", port)
    yield me, link
    link.close()


def offer(me, link, **members):
    number = next(_numbers)
    message = {"channel": number, "window": 1000, "kind": "file", "to": f"{ZONE}/tv",
               "id": f"id-{number}", "name": "x", "size": 3, "mtime": 1, **members}
    link.send(wire.prop(me.address, "channelOpen",
                        {key: value for key, value in message.items() if value is not None}))
    answer = link.expect(lambda m: (wire.is_prop(m, "channelRefuse")
                                    or wire.is_prop(m, "channelAccept"))
                         and m["payload"]["message"]["channel"] == number)
    return answer["payload"]["status"], answer["payload"]["message"]


OFFERS = {
    **{f"name {bad[:20]!r}": {"name": bad} for bad in BAD},
    "no name": {"name": None},
    "name of another type": {"name": ["x"]},
    "path up": {"path": [".."]},
    "path with a slash": {"path": ["a/b"]},
    "path that is text": {"path": "a"},
    "path too deep": {"path": 33 * ["d"]},
    "path too long": {"path": 20 * [200 * "d"]},
    "negative size": {"size": -1},
    "size that is text": {"size": "3"},
    "no id": {"id": None},
    "long id": {"id": 41 * "i"},
    "hash that is none": {"sha256": "abc"},
    "time that is text": {"mtime": "now"},
}


@pytest.mark.parametrize("what", OFFERS)
def test_offers_that_are_refused(hostile, shared_zone, what):
    status, message = offer(*hostile, **OFFERS[what])
    assert status == "channelRefuse" and message["reason"] == "badRequest", message


def test_offers_for_others(hostile, shared_zone):
    for members in ({"to": f"{ZONE}/laptop"}, {"from": f"{ZONE}/laptop"}, {"to": ZONE}):
        status, message = offer(*hostile, **members)
        assert status == "channelRefuse" and message["reason"] == "refused", message
    shared_zone.serves()


def test_zeros_without_a_size_take_room(hostile, shared_zone):
    """Page 15: what does not say how long it is ends at the latest when the disk is full."""
    me, link = hostile
    status, message = offer(me, link, name="zeros", size=None)
    assert status == "channelAccept", message
    piece, pieces = bytes(16000), 20
    for _ in range(pieces):
        link.send_raw(struct.pack("<II", 0x80000000 | (4 + len(piece)), message["peer"]) + piece)
    link.send(wire.prop(me.address, "channelEnd", {"channel": message["peer"]}))
    assert link.expect_prop("channelClose")["reason"] == "ok"
    there, here = inbox(shared_zone.b) / "zeros", make(shared_zone, content=pieces * piece)
    with open(here, "rb") as file:
        os.fsync(file.fileno())
    assert there.stat().st_size == here.stat().st_size
    assert there.stat().st_blocks >= here.stat().st_blocks // 2
    shutil.rmtree(inbox(shared_zone.b))


def test_strangers_cannot_offer(shared_zone, hostile):
    """A device of another zone never gets so far: its link ends in the handshake or before it has
    registered."""
    port = shared_zone.b.status()["ports"]["tls"]
    stranger = fakepeer.stranger("eve@example.org", "tablet")
    with pytest.raises(wire.Closed):
        link = fakepeer.dial(HERE, stranger, "127.0.0.1", port)
        link.send(fakepeer.register(stranger.address, f"{ZONE}/tv"))
        offer(stranger, link)
    assert not inbox(shared_zone.b).exists()


# ---- what policy says of files ----

FILE_API = "http://webinos.org/api/w3c/file"
FILES = """<policy id="files" combine="first-applicable"><rule id="no-files" effect="{effect}"><condition combine="and">
  <resource-match attr="api-feature" match="{feature}"/><subject-match attr="{who[0]}" match="{who[1]}"/>
</condition></rule><rule effect="permit"/></policy>"""
JUDGED = {  # effect, feature, whom: what becomes of the laptop's file
    "of this device": ("deny", FILE_API, ("requestor-id", "laptop"), False),
    "all devices of the owner": ("deny", FILE_API, ("user-id", ZONE), False),
    "a question without a person": ("prompt-oneshot", FILE_API, ("requestor-id", "laptop"), False),
    "of another device": ("deny", FILE_API, ("requestor-id", "phone"), True),
    "another feature": ("deny", "http://webinos.org/api/w3c/geolocation", ("requestor-id", "laptop"), True),
}


@pytest.mark.parametrize("what", JUDGED)
def test_offers_are_judged_where_they_arrive(shared_zone, what):
    zone = shared_zone
    effect, feature, who, is_permitted = JUDGED[what]
    document = FILES.format(effect=effect, feature=feature, who=who)
    zone.b.ask("policy-set", {"slot": "exceptions", "document": document})
    try:
        path = make(zone, 1000)
        result = zone.a.pzp("send", path, "tv", check=0 if is_permitted else 5)
        assert (path.name in received(zone.b)) == is_permitted
        assert is_permitted or f"{path.name}: tv refuses it" in result.reason()
        last = json.loads(zone.b.pzp("audit", "--who", "laptop", "--json").out.splitlines()[-1])
        assert last["what"] == {"point": "call", "feature": FILE_API, "method": "receive"}
        assert last["who"] == {"zone": ZONE, "device": "laptop"} and last["allowed"] is is_permitted
        if not is_permitted:
            why = zone.b.pzp("policy", "why").out
            assert "no-files" in why and FILE_API in why
            assert ("no one to ask" in why) == (effect != "deny")
    finally:
        zone.b.ask("policy-set", {"slot": "exceptions", "remove": True})
    path = make(zone, 1000)
    send(zone, path)  # nothing of it stays
    assert path.name in received(zone.b)


@pytest.fixture(name="judges")
def fixture_judges(shared_zone):
    """judges(rules): exceptions of the tv."""
    def set_rules(rules):
        document = f'<policy combine="first-applicable">{rules}<rule effect="permit"/></policy>'
        shared_zone.b.ask("policy-set", {"slot": "exceptions", "document": document})

    yield set_rules
    shared_zone.b.ask("policy-set", {"slot": "exceptions", "remove": True})


OF_FILES = f'<condition><resource-match attr="api-feature" match="{FILE_API}"/>{{more}}</condition>'


@pytest.mark.parametrize("answer", ("allow", "deny"))
def test_a_file_waits_while_a_person_is_asked(shared_zone, judges, answer):
    zone = shared_zone
    judges(f'<rule effect="prompt-session">{OF_FILES.format(more="")}</rule>')
    path = make(zone, 1000)
    with zone.b.control() as agent:
        agent.send("prompts", {"watch": True})
        agent.request("status")  # the agent is there
        sending = zone.a.stream("send", path, "tv")
        eventually(lambda: zone.b.ask("prompts"), what="a question")
        [question] = zone.b.ask("prompts")
        assert question["what"]["feature"] == FILE_API and question["who"]["device"] == "laptop"
        assert path.name not in received(zone.b) and sending.process.poll() is None
        zone.b.pzp("prompts", question["id"], answer)
        assert sending.end(30).code == (0 if answer == "allow" else 5)
    assert (path.name in received(zone.b)) == (answer == "allow")


def test_a_rule_that_counts_counts_files(shared_zone, judges):
    zone = shared_zone
    few = '<environment-match attr="calls:files" func="less-than" match="2"/>'
    judges(f'<rule effect="permit">{OF_FILES.format(more=few)}</rule><rule effect="deny">{OF_FILES.format(more="")}</rule>')
    codes = [zone.a.pzp("send", make(zone, 1000), "tv", check=None).code for _ in range(3)]
    assert codes == [0, 0, 5]


def test_files_are_judged_where_they_leave(shared_zone):
    """E1: the tv is not even asked."""
    zone = shared_zone
    zone.a.ask("policy-set", {"slot": "exceptions", "document": FILES.format(
        effect="deny", feature=FILE_API, who=("target-id", "tv"))})
    try:
        start, path = len(zone.b.lines), make(zone, 1000)
        result = zone.a.pzp("send", path, "tv", check=5)
        assert "policy of this device does not let it send files to tv" in result.reason()
        assert "no-files" in zone.a.pzp("policy", "why").out
        assert not any("file-denied" in line for line in zone.b.lines[start:])
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})


def test_a_rule_of_the_owner_refuses_files_of_one_device(zone):
    phone = zone.world.device("phone", zone.hub)
    phone.wait_synced(3)
    zone.b.pzp("deny", "phone", FILE_API)

    def is_refused():
        path = make(zone, 1000)
        done = phone.pzp("send", path, "tv", check=None)
        assert (path.name in received(zone.b)) == (done.code == 0)
        return done.code == 5

    eventually(is_refused, what="the rule to count")
    path = make(zone, 1000)
    send(zone, path)
    assert path.name in received(zone.b)
