"""A person's first steps: a zone, two devices that join with a code, a call between them (page
12)."""

import pathlib
import re
import signal
import subprocess
import time

import pytest

from pz import daemon, programs
from pz.daemon import eventually
from pz.foreign import TEST_API, TEST_ID

ZONE = daemon.ZONE


@pytest.mark.smoke
def test_main_path(world):
    hub = world.hub(zone=None)
    made = hub.pzh("init", "--zone", ZONE, "--host", "127.0.0.1", "--name", "Alice")
    assert ZONE in made.out
    a, b = world.device("laptop"), world.device("tv")

    token = hub.token()
    assert a.pzp("enrol", token["link"], "--device", "laptop").out
    token = hub.token("--device", "tv")
    b.pzp("enrol", f"127.0.0.1:{hub.port}", "--zone", ZONE, "--device", "tv", "--code",
          token["code"])
    a.wait_state("connected")
    b.wait_state("connected")

    eventually(lambda: any(s["serviceAddress"] == f"{ZONE}/tv"
                           for s in a.services("--api", TEST_API)), what="service of tv")
    answer = a.call(f"{TEST_API}@tv", "get42", '["x"]')
    assert answer.json() == {"result": "42 x"}
    assert a.pzp("call", "test@tv", "get42", '["x"]').out == "42 x\n"
    assert b.call("test@laptop", "get42", '["back"]').json() == {"result": "42 back"}


@pytest.mark.smoke
def test_demonstration(tmp_path):
    """What `make run ONCE=1` shows."""
    env = programs.environment(tmp_path, ONCE=1, PZ_BIN=programs.BIN)
    shown = subprocess.run([programs.REPO / "scripts/demo"], env=env, capture_output=True, text=True,
                           timeout=60, check=False)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert not shown.stderr
    assert "\n42 hello" in shown.stdout and "$ pzp status\n" in shown.stdout
    assert "\n42 hello from Bob\n" in shown.stdout
    assert shown.stdout.rstrip().splitlines()[-1].startswith("pzp: no service test on alice@example.org/tv")
    for leftover in re.findall(r"(/\S*/pz-demo\.\w+)", shown.stdout):
        assert not pathlib.Path(leftover).exists()


# ---- what is printed: page 12 is a contract ----

def test_zones(shared_zone):
    zones = shared_zone.hub.pzh("zones", "--json").json()
    assert [z["zone"] for z in zones] == [ZONE]
    assert ZONE in shared_zone.hub.pzh("zones").out


def test_token(shared_zone):
    before = time.time()
    token = shared_zone.hub.token("--ttl", "60")
    assert set(token) >= {"code", "link", "zone", "host", "port", "expires"}
    assert re.fullmatch(r"\d{4}-\d{4}", token["code"])
    assert token["zone"] == ZONE and token["host"] == "127.0.0.1"
    assert token["port"] == shared_zone.hub.port
    start, code = token["link"].split("?code=")
    assert start == f"pzp://127.0.0.1:{shared_zone.hub.port}/{ZONE}"
    assert code.replace("-", "") == token["code"].replace("-", "")
    assert before + 55 <= token["expires"] <= time.time() + 61
    text = shared_zone.hub.pzh("token").out
    assert re.search(r"\b\d{4}-\d{4}\b", text) and "pzp://" in text


def test_devices(shared_zone):
    devices = shared_zone.hub.devices()
    assert set(devices) == {"laptop", "tv"}
    tv = devices["tv"]
    assert set(tv) >= {"name", "displayName", "deviceType", "connected", "addresses", "port",
                       "enrolled", "lastSeen", "serial"}
    assert tv["connected"] is True and isinstance(tv["addresses"], list)
    assert time.time() - 600 < tv["enrolled"] <= time.time() + 1
    assert re.fullmatch(r"[0-9a-fA-F]{16,40}", tv["serial"])
    assert tv["serial"] != devices["laptop"]["serial"]
    table = shared_zone.hub.pzh("devices").out.splitlines()
    assert len(table) == 3 and "tv" in table[2] and "\033" not in "".join(table)


def test_hub_status(shared_zone):
    status = shared_zone.hub.status()
    assert set(status) >= {"version", "pid", "uptime", "zones", "links", "ports", "messages"}
    assert status["pid"] == shared_zone.hub.process.pid
    assert ZONE in str(status["zones"])
    assert set(status["ports"]) >= {"overlay", "web"}
    assert set(status["messages"]) >= {"in", "out", "dropped"}
    assert shared_zone.hub.pzh("status").out.strip()


def test_device_status(shared_zone):
    status = shared_zone.a.status()
    assert set(status) >= {"version", "pid", "uptime", "id", "zone", "device", "mode", "state",
                           "reason", "hub", "peers", "ports", "pending"}
    assert status["id"] == f"{ZONE}/laptop"
    assert (status["zone"], status["device"]) == (ZONE, "laptop")
    assert (status["mode"], status["state"]) == ("hub", "connected")
    assert status["hub"]["host"] == "127.0.0.1" and status["hub"]["port"] == shared_zone.hub.port
    assert time.time() - 600 < status["hub"]["since"] <= time.time() + 1
    assert status["pid"] == shared_zone.a.process.pid and status["uptime"] >= 0
    assert set(status["ports"]) >= {"tls", "web"} and status["pending"] == {}
    peers = shared_zone.a.wait_status(lambda s: s["peers"] and s["peers"][0]["route"] == "hub",
                                      what="peer")["peers"]
    assert [p["id"] for p in peers] == [f"{ZONE}/tv"]
    assert set(peers[0]) >= {"id", "state", "route", "address"}
    text = shared_zone.a.pzp("status").out
    assert f"{ZONE}/laptop" in text and "connected" in text and "\033" not in text


def test_virgin_status(world):
    device = world.device("fresh")
    status = device.status()
    assert (status["mode"], status["state"]) == ("virgin", "virgin")
    assert status["device"] == "fresh" and not status["zone"] and status["id"] == "fresh"
    assert device.call("test", "get42", '["alone"]').json() == {"result": "42 alone"}


def test_services(shared_zone):
    services = eventually(
        lambda: [s for s in shared_zone.a.services() if s["serviceAddress"] == f"{ZONE}/tv"],
        what="services of tv")
    for service in services:
        assert set(service) >= {"id", "api", "displayName", "description", "serviceAddress"}
    assert TEST_ID in {s["id"] for s in services if s["api"] == TEST_API}
    only = shared_zone.a.services("--device", "tv", "--api", TEST_API)
    assert [(s["serviceAddress"], s["id"]) for s in only] == [(f"{ZONE}/tv", TEST_ID)]
    assert len(shared_zone.a.services("--api", "*/test")) == 2
    assert shared_zone.a.services("--api", "http://example.org/none") == []
    assert "Test" in shared_zone.a.pzp("services").out


@pytest.mark.parametrize("service", ["test@tv", f"{TEST_API}@tv", f"{TEST_ID}@tv"])
def test_ways_to_name_a_service(shared_zone, service):
    assert shared_zone.a.call(service, "get42", '["x"]').json() == {"result": "42 x"}


def test_devicestatus(shared_zone):
    def value(aspect, prop):
        params = f'[{{"aspect":"{aspect}","property":"{prop}"}}]'
        return shared_zone.a.call("devicestatus@tv", "getPropertyValue", params).json()["result"]

    assert int(float(value("MemoryUnit", "size"))) > 0
    assert value("OperatingSystem", "name")


# ---- failures: exit status, one line, and the error ----

def test_unknown_function(shared_zone):
    result = shared_zone.a.call("test@tv", "get43", "[]", check=1)
    assert result.json()["error"]["code"] == -32601
    assert result.reason()


def test_wrong_parameters(shared_zone):
    result = shared_zone.a.call("devicestatus@tv", "getPropertyValue", "[{}]", check=1)
    error = result.json()["error"]
    assert error["code"] in (-32602, -31000) and result.reason()


@pytest.mark.parametrize("service", ["test@nosuch", "nosuch@tv", "http://example.org/none@tv"])
def test_unknown_service(shared_zone, service):
    assert shared_zone.a.call(service, "get42", "[]", check=1).reason()


@pytest.mark.parametrize("args", [
    (), ("nonsense",), ("call", "test"), ("call", "test", "get42", "not json"), ("status", "more"),
    ("status", "--nonsense"), ("enrol", "127.0.0.1"), ("call", "test", "get42", "--timeout", "x"),
])
def test_wrong_usage(shared_zone, args):
    result = shared_zone.a.pzp(*args, check=2)
    assert result.err.strip() and not result.out


@pytest.mark.parametrize("args", [(), ("nonsense",), ("init",), ("revoke",), ("token", "--ttl", "0")])
def test_wrong_usage_of_hub(shared_zone, args):
    result = shared_zone.hub.pzh(*args, check=2)
    assert result.err.strip() and not result.out


def test_no_daemon(world):
    (world.path / "empty").mkdir(mode=0o700)
    for name, command in (("pzp", "status"), ("pzh", "zones")):
        result = programs.run(name, command, data_dir=world.path / "empty", check=3)
        assert result.reason() and not result.out


def test_data_dir_from_environment(shared_zone):
    found = programs.run("pzp", "status", "--json", env={"PZP_DATA_DIR": shared_zone.a.data_dir})
    assert found.json()["device"] == "laptop"
    found = programs.run("pzh", "zones", "--json", env={"PZH_DATA_DIR": shared_zone.hub.data_dir})
    assert found.json()[0]["zone"] == ZONE


def test_init_without_daemon(world):
    hub = daemon.Hub(world)
    made = hub.init()
    assert made["zone"] == ZONE
    hub.start()
    assert [z["zone"] for z in hub.pzh("zones", "--json").json()] == [ZONE]
    assert hub.pzh("init", "--zone", ZONE, "--host", "127.0.0.1", check=1).reason()


@pytest.mark.parametrize("zone", ["alice", "@example.org", "alice@", "a b@example.org",
                                  "alice@example.org/x", "x" * 250 + "@example.org"])
def test_init_refuses_names(shared_zone, zone):
    result = shared_zone.hub.pzh("init", "--zone", zone, "--host", "127.0.0.1", check=False)
    assert result.code in (1, 2) and result.err.strip()


def test_watch(shared_zone):
    with shared_zone.a.stream("watch", "--json") as events:
        events.line()  # it watches
        shared_zone.a.pzp("disconnect")
        shared_zone.a.wait_state("not-connected")
        shared_zone.a.pzp("connect")
        shared_zone.a.wait_state("connected")
        states = []
        events.until(lambda e: e["event"] == "state" and (states.append(e["new"])
                                                          or e["new"] == "connected"))
        assert states == ["disconnecting", "not-connected", "connecting", "connected"]
        assert events.interrupt(signal.SIGINT).code == 0
