"""How daemons are started, found and distinguished: terminals, the service manager, groups, the
system's daemon."""

import grp
import os
import pty
import signal
import subprocess

import pytest

from pz import programs
from pz.daemon import Device, Hub

GROUP = "games"  # one that every Debian has
NOBODY = 65534


def test_closing_the_terminal_ends_the_daemon(world):
    main, terminal = pty.openpty()
    argv = [programs.program("pzhd"), "--data-dir", str(world.path / "hub"), "--port", "0",
            "--listen", "127.0.0.1"]
    process = subprocess.Popen(argv, env=programs.environment(world.path), stdin=terminal,
                               stdout=terminal, stderr=terminal)
    os.close(terminal)
    text = b""
    while b" ready " not in text:
        text += os.read(main, 4096)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 0
    os.close(main)
    for line in text.decode().splitlines()[:2]:
        assert line[:2] == "20" and line[4] == line[7] == "-", "each line has its time"


def test_without_a_terminal_it_reloads(world):
    hub = world.hub(zone=None)
    hub.process.send_signal(signal.SIGHUP)
    hub.wait_log("NOTICE reloaded ")
    hub.wait(lambda: any("RELOADING=1" in n for n in hub.notes), 20, "RELOADING=1")
    hub.wait(lambda: hub.notes.count("READY=1") == 2, 20, "the second READY=1")
    assert any(n.startswith("MONOTONIC_USEC=") for n in hub.notes)


def test_it_says_where_it_is_and_what_comes_next(world):
    hub = Hub(world, "hub").start()
    ready = hub.wait_log("NOTICE ready ")
    assert f"data-dir={hub.data_dir} " in ready and "pzh init" in ready
    hub.init()
    hub.stop()
    hub.start()
    assert "pzh token" in hub.wait_log("NOTICE ready .*next: ", start=2)
    one = world.device("one")
    assert "pzp enrol" in one.wait_log("NOTICE ready ")
    one.join(hub)
    one.stop()
    seen = len(one.lines)
    one.start()
    assert "next:" not in one.wait_log("NOTICE ready ", start=seen)


def test_the_service_manager_is_told_what_it_does(world):
    hub = world.hub()
    one = world.device("one")
    one.wait(lambda: "STATUS=not in a zone" in one.notes, 20, "STATUS")
    one.join(hub)
    one.wait(lambda: any(n.startswith("STATUS=") and n.endswith("/one: connected")
                         for n in one.notes), 20, "STATUS")
    hub.wait(lambda: "STATUS=1 zone, 1 of 1 devices connected" in hub.notes, 20, "STATUS")


def as_nobody(program, *args, groups=()):
    return subprocess.run([programs.program(program), *args], env=programs.environment("/nonexistent"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          user=NOBODY, group=NOBODY, extra_groups=groups)


@pytest.fixture
def others_may_look(world):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    world.path.chmod(0o711)
    folder = world.path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    return folder / "control.sock"


def test_members_of_the_control_group(world, others_may_look):
    gid = grp.getgrnam(GROUP).gr_gid
    Device(world, "one", ["--control-socket", others_may_look, "--control-group", GROUP]).start()
    where = ("--control-socket", str(others_may_look), "status")
    assert as_nobody("pzp", *where, groups=[gid]).returncode == 0
    refused = as_nobody("pzp", *where)
    assert refused.returncode == 3
    assert "Permission denied; pzpd runs as another user: use sudo, or join" in refused.stderr
    os.chmod(others_may_look, 0o666)  # the mode of the file is not all that counts
    assert as_nobody("pzp", *where).returncode != 0
    assert as_nobody("pzp", *where, groups=[gid]).returncode == 0


@pytest.mark.parametrize("group, socket, reason", [
    ("nosuchgroup", "run/control.sock", "there is no such group"),
    (GROUP, "one/control.sock", "give a control-socket outside it")])
def test_a_control_group_that_cannot_work_is_refused(world, group, socket, reason):
    (world.path / "run").mkdir()
    one = Device(world, "one", ["--control-socket", world.path / socket, "--control-group", group])
    one.start(ready=False)
    assert one.wait_end() == 1
    assert reason in one.log()


SYSTEM = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/pzp
"$PZPD" --data-dir "$STATE" --listen 127.0.0.1 --tls-port 0 --control-socket /run/pzp/control.sock &
for i in $(seq 200); do [ -S /run/pzp/control.sock ] && break; read -t 0.1 <>"$FIFO" || true; done
"$PZP" status 2>"$STATE.note" >"$STATE.out"
"$PZP" --json status >"$STATE.json" 2>"$STATE.json-note"
"$PZP" --data-dir "$HOME/other" status 2>"$STATE.named" && exit 9
setpriv --reuid 65534 --regid 65534 --clear-groups "$PZP" status 2>"$STATE.denied" && exit 9
kill %1
wait
"""


def test_the_daemon_of_the_system_is_found(world):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    state = world.path / "system"
    os.mkfifo(world.path / "fifo")
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", SYSTEM], check=False, capture_output=True, text=True,
        env=programs.environment(world.path, PZPD=programs.program("pzpd"),
                                 PZP=programs.program("pzp"), STATE=state, FIFO=world.path / "fifo"))
    if "mount:" in done.stderr:
        pytest.skip("no mount namespaces here")
    assert done.returncode == 0, done.stderr
    assert (world.path / "system.note").read_text() == (
        "pzp: using the system's pzpd (/run/pzp/control.sock)\n")
    assert (world.path / "system.json-note").read_text() == ""
    assert "is pzpd running?" in (world.path / "system.named").read_text()
    denied = (world.path / "system.denied").read_text()
    assert "use sudo, or join its control-group" in denied, denied
