"""A call that its caller gives up (time-out, interrupt, a killed program) ends at the device that
serves it, whatever route its messages take; and a stream is refused to a caller that expects one
answer."""

import json
import os
import pathlib
import signal
import stat
import subprocess
import time

import pytest

from pz import programs
from pz.daemon import eventually, is_direct

API = "http://example.org/api/clock"
PATIENCE = 60  # s that the commands would run if no one ended them


def write_service(folder):
    """A description of `plain` and `tick`; each writes its process id beside it."""
    methods = {}
    for name in ("plain", "tick"):
        script = folder / name
        script.write_text(f"#!/bin/sh\necho $$ >{folder}/{name}.new\nmv {folder}/{name}.new "
                          f"{folder}/{name}.pid\necho 1\nexec sleep {PATIENCE}\n")
        script.chmod(stat.S_IRWXU)
        methods[name] = {"exec": [str(script)]}
    methods["plain"]["timeout"] = PATIENCE
    methods["tick"]["stream"] = True
    path = folder / "clock.json"
    path.write_text(json.dumps({"api": API, "displayName": "Clock", "description": "hall",
                                "methods": methods}))
    return path


def is_gone(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state == "Z"


def started(folder, name):
    """The process that the call has started, once it is there."""
    pid = folder / f"{name}.pid"
    eventually(pid.exists, what=f"{name} has begun")
    number = int(pid.read_text())
    pid.unlink()
    return number


def gives_up(folder, caller, how, name, server="tv"):
    """Calls `name` of the service of a device and gives up as `how` says."""
    stream = ["--stream"] if name == "tick" else []
    argv = [programs.program("pzp"), "--data-dir", str(caller.data_dir), "call", *stream]
    if how == "time-out":
        argv += ["--timeout", "1"]
    with subprocess.Popen([*argv, f"clock@{server}", name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env=programs.environment(folder)) as call:
        pid = started(folder, name)
        if how != "time-out":
            call.send_signal({"interrupt": signal.SIGINT, "kill": signal.SIGKILL}[how])
        _, err = call.communicate(timeout=20)
    if how == "time-out":
        assert call.returncode == 4 and "--timeout" in err, err
    eventually(lambda: is_gone(pid), what=f"end of {name} after {how}")


@pytest.fixture(scope="module")
def clocks(module_world):
    """One of `pzpd --service` on the tv, one of `pzp serve` on the den's device."""
    world = module_world
    world.folders = {}
    for name in ("tv", "den"):
        world.folders[name] = world.path / f"{name}-clock"
        world.folders[name].mkdir()
    hub = world.hub()
    world.a = world.device("laptop", hub)
    world.others = {"tv": world.device("tv", hub, "--service", write_service(world.folders["tv"])),
                    "den": world.device("den", hub)}
    with world.others["den"].stream("serve", write_service(world.folders["den"]),
                                    "--json") as service:
        service.line()
        eventually(lambda: len(world.a.services("--api", API)) == 2, what="services")
        yield world


@pytest.fixture(params=["tv", "den"])
def server(request):
    return request.param


@pytest.fixture(params=["hub", "direct"])
def way(request, clocks, server):
    if request.param == "direct":
        clocks.a.connect(server)
    else:
        clocks.a.pzp("disconnect", server, check=False)
    clocks.a.wait_route(server, request.param)
    return clocks


@pytest.mark.parametrize("how", ["time-out", "interrupt", "kill"])
@pytest.mark.parametrize("name", ["plain", "tick"])
def test_given_up(way, server, name, how):
    gives_up(way.folders[server], way.a, how, name, server)


def test_a_stream_asks_for_stream(way, server):
    """At once, and nothing is started."""
    start = time.monotonic()
    result = way.a.call(f"clock@{server}", "tick", check=1)
    assert "tick is a stream: use --stream" in result.reason()
    assert time.monotonic() - start < programs.patience(10)
    assert not os.path.exists(way.folders[server] / "tick.pid")


def test_service_survives_many(way, server):
    """More calls that time out than commands may run at once."""
    for _ in range(20):
        assert way.a.call(f"clock@{server}", "plain", "[]", "--timeout", "0.1", check=False).code == 4
    gives_up(way.folders[server], way.a, "time-out", "plain", server)


def test_by_a_relay(lab):
    """Laptop and tv do not hear one another, the hub is gone: the phone passes on."""
    home = lab.lan("home")
    hub = lab.hub(lab.host("server", home))
    hosts = [lab.host(name, home) for name in ("laptop", "tv", "phone")]
    path = write_service(lab.world.path)
    a, b, c = [lab.device(host, hub, *(["--service", path] if host.name == "tv" else []))
               for host in hosts]
    for one in (a, b, c):
        one.wait_synced(3)
    lab.separate(home, hosts[0], hosts[1])
    c.finds(a, b)
    for other in (a, b):
        c.connect(other)
        is_direct(c, other)
    hub.kill()
    a.wait_route(b, "relay")
    for name in ("plain", "tick"):
        gives_up(lab.world.path, a, "time-out", name)
        gives_up(lab.world.path, a, "interrupt", name)
