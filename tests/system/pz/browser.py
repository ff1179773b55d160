"""Debian's Chromium, driven by its own protocol over WebSocket: nothing of npm is needed."""

import http.server
import json
import pathlib
import shutil
import subprocess
import tempfile
import threading
import urllib.request

from pz import ws


def program():
    """None: not installed."""
    return shutil.which("chromium")


class Browser:
    """One window, without a display."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="pz-browser-")
        self.process = subprocess.Popen(
            [program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-port=0", f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        port = None
        for line in self.process.stderr:
            if "DevTools listening on" in line:
                port = int(line.split("/devtools")[0].rpartition(":")[2])
                break
        assert port, "chromium ended before it listened"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()  # so that it never blocks
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=10))
        target = next(page for page in pages if page["type"] == "page")["webSocketDebuggerUrl"]
        path = "/devtools" + target.partition("/devtools")[2]
        self.socket = ws.Socket(port, origin=None, host=f"127.0.0.1:{port}", target=path, timeout=30)
        self.count = 0

    def command(self, method, **params):
        self.count += 1
        self.socket.send({"id": self.count, "method": method, "params": params})
        while True:
            message = self.socket.receive()
            if message.get("id") == self.count:
                assert "error" not in message, message
                return message["result"]

    def open(self, url):
        self.command("Page.navigate", url=url)

    def evaluate(self, script):
        """The value of an expression in the page; promises are waited for."""
        result = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self):
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        shutil.rmtree(self.profile, ignore_errors=True)


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


EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"
