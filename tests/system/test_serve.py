"""Services made of commands (page 12): a script offered in the zone."""

import json
import os
import pathlib
import signal
import stat
import subprocess

import pytest

from pz import daemon, programs
from pz.daemon import eventually

ZONE = daemon.ZONE
API = "http://example.org/api/thermostat"

SCRIPTS = {
    "echo": "cat",
    "fail": "echo first >&2; echo 'the last line' >&2; exit 3",
    "die": "kill -9 $$",
    "silent": "exit 0",
    "text": "echo this is not JSON",
    "slow": "sleep 60 & echo $! >{dir}/slow.pid; wait",
    "flood": "yes '{{\"x\":\"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\"}}'",
    "fds": "ls /proc/self/fd | wc -l",
    "count": "i=0; while [ $i -lt 3 ]; do echo \"{{\\\"n\\\": $i}}\"; i=$((i+1)); done",
    "forever": "echo $$ >{dir}/forever.pid; while :; do echo 1; sleep 0.05; done",
    "big": "printf '\"'; head -c 200000 /dev/zero | tr '\\0' x; printf '\"'",
}


@pytest.fixture(scope="module")
def scripts(shared_zone):
    """Writes the scripts and the description; returns the description's path."""
    folder = shared_zone.world.path / "scripts"
    folder.mkdir()
    methods = {}
    for name, body in SCRIPTS.items():
        path = folder / name
        path.write_text("#!/bin/sh\n" + body.format(dir=folder) + "\n")
        path.chmod(0o755)
        methods[name] = {"exec": [str(path)]}
    for name in ("count", "forever"):
        methods[name]["stream"] = True
    methods["slow"]["timeout"] = 1
    methods["flood"]["timeout"] = 30
    methods["argument"] = {"exec": ["/bin/echo", '["$HOME; `id`", "$(id)", "*"]']}
    methods["env"] = {"exec": ["/usr/bin/python3", "-c",
                               "import json, os; print(json.dumps(dict(os.environ)))"]}
    methods["missing"] = {"exec": ["/no/such/program"]}
    path = shared_zone.world.path / "thermostat.json"
    path.write_text(json.dumps({"api": API, "displayName": "Thermostat", "description": "hall",
                                "methods": methods}))
    return path


@pytest.fixture(scope="module")
def served(shared_zone, scripts):
    """The service, provided by `tv` with pzp serve."""
    with shared_zone.b.stream("serve", scripts, "--json") as service:
        yield service.line()


@pytest.mark.smoke
def test_registered(shared_zone, served):
    assert served["registered"]["api"] == API
    assert served["registered"]["serviceAddress"] == f"{ZONE}/tv"
    eventually(lambda: shared_zone.a.services("--api", API), what="service")
    assert shared_zone.a.call("thermostat@tv", "echo", '{"warm": [1, 2.5, null]}').json() == {
        "result": {"warm": [1, 2.5, None]}}


def call(shared_zone, function, params="[]", check=True):
    eventually(lambda: shared_zone.a.services("--api", API), what="service")
    return shared_zone.a.call("thermostat@tv", function, params, check=check)


def test_parameters_are_never_a_command(shared_zone, served):
    """No shell: what arrives is data, on stdin and in argv."""
    nasty = ["; touch pwned", "$(id)", "`id`", "%n%s", "../../etc/passwd", "a\nb", "-rf"]
    assert call(shared_zone, "echo", json.dumps(nasty)).json() == {"result": nasty}
    assert call(shared_zone, "argument").json() == {"result": ["$HOME; `id`", "$(id)", "*"]}


def test_failure_is_the_last_line(shared_zone, served):
    result = call(shared_zone, "fail", check=1)
    error = result.json()["error"]
    assert error["code"] == -31000
    assert "the last line" in json.dumps(error["data"]) and "first" not in json.dumps(error)
    assert "the last line" in result.reason()


def test_text_is_a_string(shared_zone, served):
    assert call(shared_zone, "text").json() == {"result": "this is not JSON"}


@pytest.mark.parametrize("function", ["die", "missing"])
def test_other_failures(shared_zone, served, function):
    result = call(shared_zone, function, check=1)
    assert result.json()["error"]["code"] == -31000 and result.reason()


def test_nothing_is_a_result(shared_zone, served):
    assert call(shared_zone, "silent").json() in ({"result": None}, {"result": {}})


def process_is_gone(path):
    pid = int(path.read_text())
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_time_out(shared_zone, served):
    """The command and what it started are ended."""
    result = call(shared_zone, "slow", check=False)
    assert result.code in (1, 4), result
    error = result.json()["error"]
    assert error.get("data", {}).get("name") == "TimeoutError" or error["code"] == -32003
    eventually(lambda: process_is_gone(shared_zone.world.path / "scripts/slow.pid"), what="end")
    shared_zone.serves()


def test_output_limit(shared_zone, served):
    result = call(shared_zone, "flood", check=1)
    assert result.json()["error"]["data"]["name"] == "QuotaExceededError"
    shared_zone.serves()


def test_large_result(shared_zone, served):
    assert call(shared_zone, "big").json() == {"result": "x" * 200000}


def test_environment(shared_zone, served):
    """Clean, with the caller's verified address in it."""
    env = call(shared_zone, "env").json()["result"]
    assert any(value.startswith(f"{ZONE}/laptop") for value in env.values()), env
    for name in ("HOME", "NOTIFY_SOCKET", "PZP_DATA_DIR", "ASAN_OPTIONS", "LD_LIBRARY_PATH"):
        assert name not in env
    assert len(env) < 10


def test_no_descriptors_leak(shared_zone, served):
    # stdin, stdout, stderr, and the directory that ls reads
    assert call(shared_zone, "fds").json()["result"] <= 4


def test_stream(shared_zone, served):
    eventually(lambda: shared_zone.a.services("--api", API), what="service")
    with shared_zone.a.stream("call", "--json", "--stream", "thermostat@tv", "count") as events:
        for n in range(3):
            assert events.line() == {"callback": "onEvent", "params": {"n": n}}
        assert events.end().code == 0


def test_stream_ends_with_the_caller(shared_zone, served):
    eventually(lambda: shared_zone.a.services("--api", API), what="service")
    with shared_zone.a.stream("call", "--json", "--stream", "thermostat@tv", "forever") as events:
        events.line()
        events.interrupt(signal.SIGTERM)
    eventually(lambda: process_is_gone(shared_zone.world.path / "scripts/forever.pid"), what="end")


def test_ends_with_the_command(shared_zone, scripts):
    """pzp serve interrupted: the service is gone everywhere."""
    with shared_zone.a.stream("serve", scripts, "--json") as service:
        service.line()
        eventually(lambda: shared_zone.b.services("--api", API, "--device", "laptop"), what="service")
        assert service.interrupt(signal.SIGINT).code == 0
    eventually(lambda: not shared_zone.b.services("--api", API, "--device", "laptop"), what="end")
    assert shared_zone.b.call("thermostat@laptop", "echo", "[]", check=1).reason()


def test_comes_back_with_the_daemon(zone, tmp_path):
    """A restart of pzpd ends no service: pzp serve says so, and provides it again."""
    path = tmp_path / "echo.json"
    path.write_text(json.dumps({"api": API, "displayName": "Echo", "description": "here",
                                "methods": {"get": {"exec": ["/bin/cat"]}}}))
    with zone.b.stream("serve", path, "--json") as service:
        assert service.line()["registered"]["api"] == API
        for end in (zone.b.stop, zone.b.kill):
            end()
            zone.b.start()
            assert service.line()["registered"]["serviceAddress"] == f"{ZONE}/tv"
        zone.b.wait_state("connected")
        eventually(lambda: zone.a.services("--api", API), what="service")
        assert zone.a.call("thermostat@tv", "get", "[1]").json() == {"result": [1]}
        zone.b.stop()  # and it can be interrupted while it waits
        ended = service.interrupt(signal.SIGINT)
        assert ended.code == 0 and "pzpd has ended" in ended.err
    zone.b.start()


def test_configured_service(world):
    """pzpd --service FILE."""
    path = world.path / "clock.json"
    path.write_text(json.dumps({"api": "http://example.org/api/clock", "displayName": "Clock",
                                "description": "here", "methods": {"get": {"exec": ["/bin/cat"]}}}))
    device = world.device("laptop", None, "--service", path)
    assert device.call("clock", "get", '["x"]').json() == {"result": ["x"]}


def test_same_service_twice(shared_zone, served, scripts):
    assert shared_zone.b.pzp("serve", scripts, check=1, timeout=20).reason()


BAD = {
    "not JSON": "{",
    "no object": "[]",
    "no methods": {"api": API, "displayName": "x", "description": "y"},
    "empty methods": {"api": API, "displayName": "x", "description": "y", "methods": {}},
    "relative path": {"api": API, "displayName": "x", "description": "y",
                      "methods": {"get": {"exec": ["cat"]}}},
    "a shell line": {"api": API, "displayName": "x", "description": "y",
                     "methods": {"get": {"exec": "cat"}}},
    "bad function name": {"api": API, "displayName": "x", "description": "y",
                          "methods": {"get it": {"exec": ["/bin/cat"]}}},
    "api with @": {"api": "a@b", "displayName": "x", "description": "y",
                   "methods": {"get": {"exec": ["/bin/cat"]}}},
    "no api": {"displayName": "x", "description": "y", "methods": {"get": {"exec": ["/bin/cat"]}}},
    "unknown member": {"api": API, "displayName": "x", "description": "y", "shell": True,
                       "methods": {"get": {"exec": ["/bin/cat"]}}},
    "negative timeout": {"api": API, "displayName": "x", "description": "y",
                         "methods": {"get": {"exec": ["/bin/cat"], "timeout": -1}}},
}


@pytest.mark.parametrize("what", BAD)
def test_bad_description(shared_zone, what):
    path = shared_zone.world.path / "bad.json"
    path.write_text(BAD[what] if isinstance(BAD[what], str) else json.dumps(BAD[what]))
    result = shared_zone.a.pzp("serve", path, check=False, timeout=20)
    assert result.code in (1, 2) and result.reason()
    bad = daemon.Device(shared_zone.world, f"bad-{len(what)}-{what[0]}", ["--service", path])
    bad.start()  # it is skipped, and named
    assert [c["subject"] for c in bad.status()["conditions"] if c["id"] == "service-file"] == [str(path)]
    bad.stop()


def test_missing_file(shared_zone):
    assert "nothing.json" in shared_zone.a.pzp("serve", "/nothing.json", check=1).reason()


def test_processes_end_with_the_daemon(world, tmp_path):
    pid = tmp_path / "pid"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho $$ >{pid}.new; mv {pid}.new {pid}\nexec sleep 60\n")
    script.chmod(stat.S_IRWXU)
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"api": API, "displayName": "x", "description": "y", "methods": {
        "wait": {"exec": [str(script)], "timeout": 60}}}))
    device = world.device("laptop", None, "--service", path)
    call = subprocess.Popen([programs.program("pzp"), "--data-dir", str(device.data_dir), "call",
                             "thermostat", "wait"], stderr=subprocess.PIPE,
                            env=programs.environment(world.path))
    eventually(lambda: os.path.exists(pid), what="script")
    device.stop()
    assert call.communicate(timeout=10) and call.returncode in (1, 3)
    eventually(lambda: process_is_gone(pid), what="end of the script")
