"""
The ways between two devices (page 15): by their hub, by it unread, through a relay, direct; between friends, across
two hubs; and what a file that is sent does to small calls. For scripts/bench, whose Home is handed in.
"""

import json
import os
import pathlib
import socket
import statistics
import subprocess
import time

CALL = {"service": "test@tv", "function": "get42", "params": ["x" * 100]}
AT_ONCE = 32  # as Control.WINDOW; the bare forwarder gets as many


class Control:
    """A daemon's control socket, asked for many things at once."""

    WINDOW = 32

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))
        self.file = self.sock.makefile("rwb")

    def ask_all(self, requests):
        """[(method, params)]; a failure ends it."""
        waiting = 0
        for number, (method, params) in enumerate(requests):
            self.file.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method,
                                        "params": params}).encode() + b"\n")
            waiting += 1
            if waiting == self.WINDOW:
                waiting -= self._answers(waiting)
        self._answers(waiting)

    def _answers(self, count):
        self.file.flush()
        for _ in range(count):
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"]["message"])
        return count

    def close(self):
        self.file.close()
        self.sock.close()


def cpu_s(pid):
    """Of all its threads, as clock_getcpuclockid(3) gives it."""
    return time.clock_gettime(((~pid) << 3) | 2)


def control_of(home, name):
    return Control(home.where / name / "control.sock")


def call_many(control, count, call=CALL):
    control.ask_all(("call", call) for _ in range(count))


def call_one_by_one(control, count, is_over=lambda: False, call=CALL):
    """Round trips in us, each with the program's own part of it; at most `count`."""
    took = []
    while len(took) < count and not is_over():
        began = time.monotonic_ns()
        call_many(control, 1, call)
        took.append((time.monotonic_ns() - began) / 1000)
    return took


def p99(took):
    return statistics.quantiles(took, n=100)[98]


def has_way(route, is_private=None):
    def is_so(text):
        tv = next((p for p in json.loads(text) if p["id"].endswith("/tv")), None)
        return tv is not None and tv["route"] == route and (is_private is None or tv["private"] is is_private)
    return is_so


def knows(value):
    """The preference has come; a device uses it from its next reconnect on."""
    def is_so(text):
        pref = json.loads(text)
        return value in (pref["value"], pref.get("pending"))
    return is_so


class Ways:
    """Hub, tv, laptop, and a phone that relays; nothing listens at first but the phone."""

    def __init__(self, home):
        self.home = home
        home.start("hub")
        for name in ("tv", "laptop", "phone"):
            home.join(name)
        for name in ("tv", "laptop"):
            home.run(name, "prefs", "peer.listen", "false", "--now")
            home.state(name, "connected")

    def _private(self, value):
        self.home.run("laptop", "prefs", "private", value)
        self.home.wait("tv", "prefs", "private", "--json", until=knows(value == "true"))
        for name in ("tv", "laptop"):
            self.home.run(name, "reconnect")
            self.home.state(name, "connected")

    def _calls(self, route, is_private=None):
        self.home.wait("laptop", "call", "test@tv", "get42", '["x"]')
        self.home.wait("laptop", "peers", "--json", until=has_way(route, is_private))

    def hub(self):
        self._calls("hub", False)
        return "hub"

    def private(self):
        self._private("true")
        self._calls("hub", True)
        return "hub"

    def relay(self):
        self._private("false")
        for name in ("tv", "laptop"):
            self.home.run(name, "connect", "phone")
        self.home.stop("hub")
        self.home.wait("laptop", "peers", "--json", until=has_way("relay"))
        self._calls("relay")
        return "phone"

    def direct(self):
        """Also after relay()."""
        if "hub" not in self.home.running:
            self.home.start("hub")
        self.home.run("tv", "prefs", "peer.listen", "true", "--now")
        for name in ("tv", "laptop"):
            self.home.run(name, "connect")
            self.home.state(name, "connected")
        self.home.wait("laptop", "connect", "tv")
        self._calls("direct")
        return None


def measure(home, count):
    """CPU of the node in the middle for 100 000 calls, round trips of single calls, and CPU of both ends."""
    row = {}
    with home:
        ways = Ways(home)
        for name in ("hub", "private", "relay", "direct"):
            carrier = getattr(ways, name)()
            control = control_of(home, "laptop")
            call_many(control, count // 10)
            pids = {who: home.running[who].pid for who in ("laptop", "tv") + ((carrier,) if carrier else ())}
            before = {who: cpu_s(pid) for who, pid in pids.items()}
            call_many(control, count)
            used = {who: (cpu_s(pid) - before[who]) * 100000 / count for who, pid in pids.items()}
            if carrier:
                row[f"{name}_cpu"] = used[carrier]
            row[f"{name}_ends_cpu"] = used["laptop"] + used["tv"]
            row[f"{name}_p50_us"] = statistics.median(call_one_by_one(control, max(200, count // 10)))
            control.close()
    return row


# ---- friends ----

FRIENDS_ZONE = "guest@bench.example"


def befriend(home):
    """Once: a second hub with a zone, both owners confirm, and the test service is shared."""
    is_new = not (home.where / "friends-hub").exists()
    home.start("friends-hub")
    zone = json.loads(home.run("tv", "status", "--json")[0])["zone"]
    if is_new:
        home.run("friends-hub", "init", "--zone", FRIENDS_ZONE, "--host", "127.0.0.1")
        link = json.loads(home.run("hub", "friend", "invite", "--json")[0])["link"]
        home.run("friends-hub", "friend", "accept", link)
        home.run("hub", "friend", "confirm", FRIENDS_ZONE)
        home.run("friends-hub", "friend", "confirm", zone)
        home.run("tv", "share", "test@tv", "--with", FRIENDS_ZONE)
    home.join("guest", "friends-hub")
    home.run("guest", "prefs", "peer.listen", "false", "--now")
    home.state("guest", "connected")
    return zone


def measure_friends(home, is_across, count):
    """CPU of the busier hub for 100 000 calls, 32 at once: of a friend's device, or of one of the zone."""
    with home:
        home.start("hub")
        for name in ("tv", "laptop"):
            home.join(name)
            home.run(name, "prefs", "peer.listen", "false", "--now")
            home.state(name, "connected")
        caller, hubs, call = "laptop", ["hub"], CALL
        if is_across:
            zone = befriend(home)
            caller, hubs, call = "guest", ["hub", "friends-hub"], {**CALL, "service": f"test@{zone}/tv"}
        home.wait(caller, "call", call["service"], "get42", '["x"]')
        control = control_of(home, caller)
        call_many(control, count // 10, call)
        before = [cpu_s(home.running[name].pid) for name in hubs]
        call_many(control, count, call)
        used = [cpu_s(home.running[name].pid) - was for name, was in zip(hubs, before)]
        p50 = statistics.median(call_one_by_one(control, max(200, count // 10), call=call))
        control.close()
    return {"hub_cpu": max(used) * 100000 / count, "p50_us": p50}


# ---- small calls beside a file ----

def sender(home, path):
    argv = [str(home.program("pzp")), "--data-dir", str(home.where / "laptop"), "send", str(path), "tv"]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def measure_busy(home, inbox, is_busy, size, count):
    """p99 of single calls on a link that carries a file, or nothing."""
    row = {}
    with home:
        ways = Ways(home)
        home.run("tv", "prefs", "files.inbox", str(inbox), "--now")
        path = home.where / "hole"
        with open(path, "wb") as file:
            file.truncate(size)
        for name in ("hub", "private", "relay", "direct"):
            getattr(ways, name)()
            control = control_of(home, "laptop")
            call_one_by_one(control, 100)
            if is_busy:
                process = sender(home, path)
                before = cpu_s(home.running["tv"].pid)
                while cpu_s(home.running["tv"].pid) - before < 0.05:  # it receives
                    if process.poll() is not None:
                        raise RuntimeError(f"the file is there too early: {process.stderr.read().decode()[-200:]}")
                    time.sleep(0.01)
                took = call_one_by_one(control, count, lambda: process.poll() is not None)
                process.kill()
                process.wait()
            else:
                took = call_one_by_one(control, count)
            control.close()
            row[f"{name}_p50_us"], row[f"{name}_p99_us"] = statistics.median(took), p99(took)
    return row
