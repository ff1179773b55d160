"""Programs other than browsers: tokens (page 11; page 14 APP-5), and the examples of
docs/clients.md, unchanged."""

import json
import os
import pathlib
import re
import shlex
import shutil
import stat
import subprocess
import sys

import pytest

from pz import daemon, ws
from pz.apps import TEST, fixture_zone  # noqa: F401
from pz.daemon import eventually

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/clients.md").read_text()
HANDSHAKE = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket", "-H", "Sec-WebSocket-Version: 13",
             "-H", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(name="token")
def fixture_token(zone):
    """The token of "backup", as text."""
    yield zone.a.pzp("app", "token", "backup").out.strip()
    zone.a.pzp("app", "revoke", "backup", check=False)


def program(port, token, **kwargs):
    """A program with a token, registered."""
    return ws.App(port, None, fields=(("Authorization", f"Bearer {token}"),), **kwargs)


def refusal(zone, *fields, origin=None):
    with pytest.raises(ws.Refused) as refused:
        ws.App(zone.port, origin, fields=fields)
    return refused.value.status


# ---- tokens ----

def test_a_token_lets_a_program_in(zone, token):
    """Without a question, as the app that the owner named."""
    app = program(zone.port, token).wait_registered()
    assert app.zone["pzhId"] == daemon.ZONE
    found = app.find(TEST)
    assert {one["serviceAddress"] for one in found} == {f"{daemon.ZONE}/laptop", f"{daemon.ZONE}/tv"}
    for one in found:
        assert app.call(one["serviceAddress"], f"{TEST}@{one['id']}.get42", ["x"])["result"] == "42 x"
    assert zone.a.ask("prompts") == []
    listed = {one["origin"]: one for one in zone.a.ask("apps")}["program:backup"]
    assert (listed["kind"], listed["sessions"]) == ("program", 1) and listed["token"] > 0
    assert "program:backup" in zone.a.pzp("apps").out


def test_the_token_is_nowhere_on_the_disk(zone, token):
    assert re.fullmatch("pzt_[0-9a-f]{64}", token)
    for path in zone.a.data_dir.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes() and token[4:].encode() not in path.read_bytes(), path
    assert token[4:] not in zone.a.log() and token not in json.dumps(zone.a.ask("apps"))


def test_a_revoked_token_ends_its_connections(zone, token):
    app = program(zone.port, token).wait_registered()
    assert zone.a.pzp("app", "revoke", "backup").out == "revoked; connections that were closed: 1\n"
    with pytest.raises(ws.Closed) as closed:
        app.prop("never")
    assert closed.value.code == 1008
    assert refusal(zone, ("Authorization", f"Bearer {token}")) == 401
    again = zone.a.pzp("app", "revoke", "backup", check=False)
    assert again.code == 1 and "program:backup is no app" in again.reason()
    assert all(one["origin"] != "program:backup" for one in zone.a.ask("apps"))


def test_tokens_survive_a_restart_and_a_kill(world):
    one = world.device("one", world.hub())
    token = one.pzp("app", "token", "backup").out.strip()
    one.kill()
    one.start()
    app = program(one.status()["ports"]["web"], token).wait_registered()
    one.pzp("leave", "--yes")
    with pytest.raises(ws.Closed):  # the zone's tokens go with the zone
        app.prop("never")
    eventually(lambda: one.ask("apps") == [], what="end of the token")


def test_what_a_program_stores_is_its_own(zone, token):
    app = program(zone.port, token).wait_registered()
    zone.a.pzp("data", "set", "backup", "key", '"of a program without a token"')
    assert "error" not in app.call(app.pzp, "AppStorage.set", ["key", "of the token"])
    assert zone.a.ask("data-get", {"origin": "program:backup", "key": "key"})["value"] == "of the token"
    zone.a.pzp("app", "revoke", "backup")
    assert [one["origin"] for one in zone.a.ask("data-list")["origins"]] == ["backup"]


def test_one_name_one_token(zone, token):
    refused = zone.a.pzp("app", "token", "backup", check=False)
    assert refused.code == 1 and "pzp app revoke backup" in refused.err
    for name in ("Backup", "a b", "-x", "a" * 65, ""):
        assert zone.a.pzp("app", "token", "--", name, check=False).code in (1, 2), name


def test_file_of_a_token(zone, tmp_path):
    path = tmp_path / "token"
    zone.a.pzp("app", "token", "filed", "--file", path)
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        program(zone.port, path.read_text().strip()).wait_registered()
        again = zone.a.pzp("app", "token", "other", "--file", path, check=False)
        assert again.code == 1 and "the file exists already" in again.err
        assert all(one["origin"] != "program:other" for one in zone.a.ask("apps"))
        missing = zone.a.pzp("app", "token", "filed", "--file", tmp_path / "second", check=False)
        assert missing.code == 1 and not (tmp_path / "second").exists()
    finally:
        zone.a.pzp("app", "revoke", "filed")


def test_no_program_takes_an_origin_and_no_page_a_program(zone, token):
    """A token proves its program alone; an Origin never names one."""
    bearer = ("Authorization", f"Bearer {token}")
    assert refusal(zone, bearer, origin="https://app.example") == 403
    assert refusal(zone, bearer, origin="program:backup") == 403
    assert refusal(zone, origin="program:backup") == 403
    assert refusal(zone, bearer, bearer) == 400
    app = program(zone.port, token)
    app.wait_registered()
    page = ws.App(zone.port, "https://backup", register=False)
    assert app.address.split("/")[2].partition(":")[0] not in page_ids(zone, page)


def page_ids(zone, page):
    page.close()
    return [one["id"] for one in zone.a.ask("apps") if one["kind"] != "program"]


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic {0}", "{0}", "Bearer  {0}", "Bearer {0}x", "Bearer {1}",
                                   "Bearer {0},", "Bearer pzt_", "Bearer " + "0" * 4000])
def test_wrong_tokens(zone, token, value):
    assert refusal(zone, ("Authorization", value.format(token, token[:-1]))) in (401, 429)


def test_wrong_tokens_are_limited(zone, token):
    """And right ones are not: another program cannot shut them out."""
    statuses = [refusal(zone, ("Authorization", f"Bearer wrong-{number}")) for number in range(20)]
    assert statuses[-1] == 429 and set(statuses) <= {401, 429}
    program(zone.port, token).wait_registered()


def test_a_policy_denies_a_program(zone, token):
    app = program(zone.port, token).wait_registered()
    rule = """<policy id="no-backup" combine="first-applicable"><rule effect="deny"><condition>
      <resource-match attr="api-feature" match="http://webinos.org/api/apps"/>
      <subject-match attr="uri" match="program:backup"/></condition></rule></policy>"""
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        with pytest.raises(ws.Closed) as closed:
            app.prop("never")
        assert closed.value.code == 1008
        assert program(zone.port, token).wait_registered().zone["enrolled"] is False
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})
    assert program(zone.port, token).wait_registered().zone["enrolled"] is True


def test_a_token_goes_on_in_another_zone(world):
    one = world.device("one")
    token = one.pzp("app", "token", "backup").out.strip()
    app = program(one.status()["ports"]["web"], token).wait_registered()
    assert app.pzp == "one"
    one.join(world.hub())
    update = app.prop("update")
    while update["from"] == "one":
        update = app.prop("update")
    assert update["from"] == f"{daemon.ZONE}/one" and update["to"].startswith(f"{daemon.ZONE}/one/")


# ---- the page ----

def environment(zone, token, tmp_path):
    path = tmp_path / "backup.token"
    path.write_text(token + "\n")
    return {**os.environ, "PZ_URL": f"ws://localhost:{zone.port}/", "PZ_TOKEN_FILE": str(path)}


def printed_after(text):
    """The indented lines that follow a text of the page."""
    lines = PAGE[PAGE.index(text):].split("\n\n")[1].splitlines()
    return [line.strip() for line in lines]


def test_python_that_calls(zone, token, tmp_path):
    pytest.importorskip("websockets")
    result = subprocess.run([sys.executable, "-c", blocks("python")[0]], env=environment(zone, token, tmp_path),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == printed_after("The program prints one line")


def test_python_that_offers(zone, token, tmp_path):
    pytest.importorskip("websockets")
    with subprocess.Popen([sys.executable, "-c", blocks("python")[1]], env=environment(zone, token, tmp_path),
                          stderr=subprocess.PIPE, text=True) as server:
        eventually(lambda: zone.b.services("--api", "http://example.org/adder"), what="service")
        command, answer = printed_after("Any device of the owner calls it")
        called = zone.b.pzp(*shlex.split(command)[2:])
        assert called.out.strip() == answer
        assert server.wait(60) == 0, server.stderr.read()


AUTOBAHN = """
import asyncio, json, os, sys, uuid
from autobahn.asyncio.websocket import WebSocketClientFactory, WebSocketClientProtocol

class Client(WebSocketClientProtocol):
    def onOpen(self):
        self.sendMessage(b'{"type": "prop", "payload": {"status": "registerBrowser"}}')

    def onMessage(self, payload, isBinary):
        assert not isBinary
        message = json.loads(payload)
        if message["payload"].get("status") == "registeredBrowser":
            self.sendMessage(json.dumps({"type": "JSONRPC", "from": message["to"], "to": message["from"], "payload": {
                "jsonrpc": "2.0", "id": str(uuid.uuid4()), "method": "ServiceDiscovery.ping"}}).encode())
        elif "result" in message["payload"]:
            print(message["payload"]["result"])
            self.sendClose(1000)

    def onClose(self, wasClean, code, reason):
        print(wasClean, code)
        loop.stop()

url = os.environ["PZ_URL"]
head = {"Authorization": "Bearer " + open(os.environ["PZ_TOKEN_FILE"]).read().strip()}
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
factory = WebSocketClientFactory(url, headers=head)
factory.protocol = Client
factory.loop = loop
loop.run_until_complete(loop.create_connection(factory, "127.0.0.1", factory.port))
loop.run_forever()
"""


def test_autobahn(zone, token, tmp_path):
    """The client library of the Autobahn project; a clean end on both sides."""
    pytest.importorskip("autobahn")
    result = subprocess.run([sys.executable, "-c", AUTOBAHN], env=environment(zone, token, tmp_path),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines() == ["{}", "True 1000"], result.stderr


def has_node_ws():
    return shutil.which("node") is not None and pathlib.Path("/usr/share/nodejs/ws").exists()


@pytest.mark.skipif(not has_node_ws(), reason="no node-ws")
def test_node(zone, token, tmp_path):
    for name in ("webinos.js", "webinos.mjs"):
        shutil.copy(ROOT / "web" / name, tmp_path)
    (tmp_path / "client.mjs").write_text(blocks("javascript")[0])
    result = subprocess.run(["node", str(tmp_path / "client.mjs")], env=environment(zone, token, tmp_path),
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert sorted(result.stdout.splitlines()) == printed_after("The program prints one line")


def matches(shown, got, names):
    """Members that are shown are there; $NAME is any text, the same each time."""
    if isinstance(shown, dict):
        return isinstance(got, dict) and all(key in got and matches(value, got[key], names) for key, value in shown.items())
    if isinstance(shown, str) and shown.startswith("$"):
        return names.setdefault(shown, got) == got
    return shown == got


def test_wire(zone, token):
    app, names = program(zone.port, token, register=False), {}
    for line in blocks("wire")[0].splitlines():
        if line.startswith("> "):
            for name, value in names.items():
                line = line.replace(name, value)
            app.send(json.loads(line[2:]))
        else:
            shown, got = json.loads(line[2:]), app.receive()
            while got["payload"].get("status") == "update":
                got = app.receive()
            assert matches(shown, got, names), got


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_refusals(zone):
    refused = re.findall(r"^    \$ (curl .*)\n    (.*)$", PAGE[PAGE.index("## What is refused"):], re.MULTILINE)
    assert len(refused) == 4
    for command, answer in refused:
        words = []
        for word in shlex.split(command.replace("$PORT", str(zone.port))):
            words.extend(HANDSHAKE if word == "$UPGRADE" else [word])
        got = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
        assert got == answer + "\n" or "too many wrong tokens" in got
