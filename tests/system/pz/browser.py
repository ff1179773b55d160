"""Debian's Chromium, driven by playwright-core (tests/browser)."""

import functools
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import threading

TESTS = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = TESTS.parent / "examples"
BRIDGE = TESTS / "browser"
INSTALL_SECONDS = 60


@functools.cache
def missing():
    """Why there can be no browser tests here, in words; "": they can run. Installs what is missing of npm's."""
    for program, package in (("chromium", "chromium"), ("node", "nodejs"), ("npm", "npm")):
        if shutil.which(program) is None:
            return f"no {program} here (Debian: apt-get install {package})"
    stamp = BRIDGE / "node_modules" / ".package-lock.json"
    if stamp.exists() and stamp.stat().st_mtime >= (BRIDGE / "package-lock.json").stat().st_mtime:
        return ""
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=1"], cwd=BRIDGE, capture_output=True,
                              text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"npm ci in tests/browser took longer than {INSTALL_SECONDS} s: is npm's registry reachable (npm ping)?"
    if done.returncode != 0:
        return f"npm ci in tests/browser failed: is npm's registry reachable (npm ping)? {done.stderr.strip()[-300:]}"
    os.utime(stamp)
    return ""


class Browser:
    """One browser without a display; its pages have names."""

    def __init__(self):
        self.process = subprocess.Popen(["node", str(BRIDGE / "bridge.mjs"), shutil.which("chromium")], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def command(self, command, **params):
        self.process.stdin.write(json.dumps({"command": command, **params}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the browser has ended"
        answer = json.loads(line)
        assert "error" not in answer, f"{command} {params}: {answer['error']}"
        return answer["value"]

    def page(self, name, url):
        return Page(self, name, url)

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Page:
    """A tab."""

    def __init__(self, browser, name, url=None):
        self.browser, self.name = browser, name
        if url:
            browser.command("open", page=name, url=url)

    def evaluate(self, script):
        """The value of an expression in the page; promises are waited for."""
        return self.browser.command("evaluate", page=self.name, script=script)

    def wait(self, script):
        """Until the expression is true."""
        self.browser.command("wait", page=self.name, script=script)

    def duplicate(self, name):
        self.browser.command("duplicate", page=self.name, **{"as": name})
        return Page(self.browser, name)

    def __getattr__(self, command):
        """reload(), close(), lifecycle(state=), clock(), forward(ms=): as bridge.mjs has them."""
        return lambda **params: self.browser.command(command, page=self.name, **params)


class Site:
    """A directory as a web site of an origin of its own."""

    def __init__(self, directory):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(directory))

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
