"""The client library web/webinos.js: its tests in Node.js, against a real zone (page 11)."""

import os
import pathlib
import shutil
import subprocess
import threading

import pytest

from pz import daemon

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
ALLOW = """<rule effect="permit"><condition>
  <resource-match attr="api-feature" match="http://example.org/counter"/></condition></rule>
  """
REST = '<rule id="own-apps-rest"'


def node():
    """Node.js 18 or later. None: not installed."""
    program = shutil.which("node")
    if program is None:
        return None
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return program if int(version.lstrip("v").split(".")[0]) >= 18 else None


class Owner(threading.Thread):
    """Answers what is asked: pages of denied.example are not let in."""

    def __init__(self, device):
        super().__init__(daemon=True)
        self.device, self.is_over = device, threading.Event()

    def verdict(self, question):
        return "deny" if "denied" in question["who"]["origin"] else "allow"

    def run(self):
        while not self.is_over.wait(0.05):
            for question in self.device.ask("prompts"):
                scope = "once" if question["effect"] == "prompt-oneshot" else "session"
                self.device.ask("prompts", {"id": question["id"], "answer": self.verdict(question), "remember": scope})


@pytest.mark.skipif(node() is None, reason="no node (18 or later)")
def test_library(world):
    hub = world.hub()
    laptop, tv = world.device("laptop", hub), world.device("tv", hub)
    laptop.calls(tv)
    rules = hub.pzh("policy", "show").out
    document = world.path / "policy.xml"
    document.write_text(rules.replace(REST, ALLOW + REST, 1))
    laptop.pzp("policy", "set", str(document))
    owner = Owner(laptop)
    owner.start()
    port = laptop.status()["ports"]["web"]
    result = subprocess.run(
        [node(), "--test", str(WEB / "test/webinos.test.mjs")], capture_output=True, text=True, timeout=100,
        env={**os.environ, "PZ_WEB_URL": f"ws://localhost:{port}/", "PZ_ZONE": daemon.ZONE, "PZ_OTHER": "tv"})
    owner.is_over.set()
    owner.join()
    assert result.returncode == 0, result.stdout + result.stderr
