"""Daemons under test: started, watched by their own signs of life, stopped, and their logs judged."""

import base64
import contextlib
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time

from . import programs
from .control import Control, wait_status

START_SECONDS = 20
STOP_SECONDS = 5  # page 12
ZONE = "alice@example.org"

LIVE = []  # daemons whose logs belong to the running test


class Daemon:
    """One daemon on one data directory; it can be started again after its end."""

    program = None

    def __init__(self, world, name, args=(), data_dir=None, env=None, at=None):
        """`at` is the lab's host that it runs on; without, it is this machine's loopback."""
        self.world, self.name, self.at = world, name, at
        self.args = ["--listen", "::" if at else "127.0.0.1", *args]
        self.data_dir = pathlib.Path(data_dir or world.path / name)
        self.env = {**(at.environment if at else {}), **(env or {})}
        self.process, self.lines, self.notes = None, [], []
        self.prefix = []  # argv before the program's, such as prlimit
        self.has_ended = True
        self._condition = threading.Condition()
        self._checked = 0
        LIVE.append(self)
        world.daemons.append(self)

    # ---- life ----

    def start(self, ready=True, args=None):
        """Starts it; `ready` waits for READY=1 on its NOTIFY_SOCKET."""
        assert self.has_ended, f"{self.name} runs already"
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = self.world.path / f"notify-{self.name}-{len(self.lines)}-{time.monotonic_ns()}"
        notify.bind(str(notify_path))
        self.notes, self.has_ended = [], False
        argv = [*(self.at.prefix if self.at else ()), *self.prefix, programs.program(self.program),
                "--data-dir", str(self.data_dir), *map(str, self.args if args is None else args)]
        env = programs.environment(self.world.path, NOTIFY_SOCKET=notify_path, **self.env)
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._thread = threading.Thread(target=self._read, args=(self.process.stderr, notify),
                                        daemon=True)
        self._thread.start()
        if ready:
            self.wait(lambda: "READY=1" in self.notes, START_SECONDS, "READY=1")
            assert "READY=1" in self.notes, f"{self.name} ended instead: {self.log()}"
        return self

    def _read(self, stderr, notify):
        """Thread: collects log lines and notifications until the process closes its stderr."""
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(stderr, selectors.EVENT_READ)
            selector.register(notify, selectors.EVENT_READ)
            is_open = True
            while is_open:
                for key, _ in selector.select():
                    if key.fileobj is notify:
                        self._add(self.notes, notify.recv(4096).decode().splitlines())
                        continue
                    chunk = os.read(stderr.fileno(), 65536)
                    *whole, rest = (rest + chunk).split(b"\n")
                    self._add(self.lines, [line.decode("utf-8", "replace") for line in whole])
                    is_open = bool(chunk)
        notify.setblocking(False)
        try:
            while True:
                self._add(self.notes, notify.recv(4096).decode().splitlines())
        except BlockingIOError:
            pass
        notify.close()
        stderr.close()
        with self._condition:
            if rest:
                self.lines.append(rest.decode("utf-8", "replace"))
            self.has_ended = True
            self._condition.notify_all()

    def _add(self, where, items):
        with self._condition:
            where.extend(items)
            self._condition.notify_all()

    def wait(self, is_true, timeout, what):
        """Waits for something that the daemon's log or notifications show, or for its end."""
        with self._condition:
            done = self._condition.wait_for(lambda: is_true() or self.has_ended, timeout)
        assert done, f"{self.name}: no {what} within {timeout} s\n{self.log()}"

    def wait_log(self, pattern, timeout=20, start=0):
        """The first log line from number `start` on that matches; returns it."""
        regex = re.compile(pattern)
        found = []

        def seen():
            found[:] = [line for line in self.lines[start:] if regex.search(line)][:1]
            return bool(found)

        self.wait(seen, timeout, f"line /{pattern}/")
        assert found, f"{self.name} ended without a line /{pattern}/\n{self.log()}"
        return found[0]

    def wait_end(self, timeout=START_SECONDS):
        """Waits for it to end by itself; returns the exit status."""
        code = self.process.wait(timeout)
        self._thread.join(timeout)
        self.check_log()
        return code

    def stop(self, sig=signal.SIGTERM):
        """Clean end: within five seconds, exit status 0 (page 12)."""
        self.process.send_signal(sig)
        try:
            code = self.process.wait(programs.patience(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            self._thread.join()
            raise AssertionError(f"{self.name} did not stop within {STOP_SECONDS} s\n{self.log()}")
        self._thread.join()
        self.check_log()
        assert code == 0, f"{self.name} ended with {code}\n{self.log()}"

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self._thread.join()
        self.check_log()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    # ---- what it shows ----

    def log(self):
        return "\n".join(self.lines)

    def check_log(self):
        """No sanitizer may have found anything since the last check."""
        text = "\n".join(self.lines[self._checked:])
        self._checked = len(self.lines)
        programs.check_sanitizers(text, self.name)

    @property
    def socket_path(self):
        return self.data_dir / "control.sock"

    def control(self):
        return Control(self.socket_path)

    def ask(self, method, params=None):
        with self.control() as control:
            return control.request(method, params)

    def rss_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise AssertionError(f"{self.name} has no VmRSS")

    def _cli(self, name, args, check, **more):
        return programs.run(name, *args, home=self.world.path, data_dir=self.data_dir, check=check,
                            **more)


class Hub(Daemon):
    """pzhd and its pzh."""

    program = "pzhd"

    def __init__(self, world, name="hub", options=(), **more):
        super().__init__(world, name, options, **more)
        self.port = 0
        self.host = self.at.address() if self.at else "127.0.0.1"

    def start(self, ready=True, args=None):
        """On any free port the first time, on the same port ever after."""
        args = self.args if args is None else args
        fixed = ["--port", self.port, "--web-port", 0]
        if "--limits-signatures" not in args:  # a file of tests enrols more devices than a family
            fixed += ["--limits-signatures", 0]
        super().start(ready, args + fixed)
        if ready:
            self.port = self.ask("status")["ports"]["overlay"]
        return self

    def pzh(self, *args, check=True, **more):
        return self._cli("pzh", args, check, **more)

    def init(self, zone=ZONE, host=None, *more):
        return self.pzh("init", "--zone", zone, "--host", host or self.host, *more, "--json").json()

    def token(self, *args):
        return self.pzh("token", *args, "--json").json()

    def zone_secret(self, zone=ZONE):
        """As the hub stores it; devices of other makes here do not synchronise."""
        with contextlib.closing(sqlite3.connect(
                f"file:{self.data_dir / 'pzhd.db'}?mode=ro", uri=True)) as db:
            (record,) = db.execute("SELECT value FROM item WHERE space = 'zone' AND key = ?",
                                   (zone,)).fetchone()
        return base64.b64decode(json.loads(record)["secret"])

    def devices(self, *args):
        return {d["name"]: d for d in self.pzh("devices", *args, "--json").json()}

    def status(self):
        return self.pzh("status", "--json").json()


class Device(Daemon):
    """pzpd and its pzp."""

    program = "pzpd"

    def __init__(self, world, name, options=(), at=None, **more):
        ports = [] if at else ["--tls-port", 0, "--web-port", 0]  # a host has all ports to itself
        super().__init__(world, name, [*ports, "--device", name, *options], at=at, **more)
        self.device = name

    def pzp(self, *args, check=True, **more):
        return self._cli("pzp", args, check, **more)

    def stream(self, *args):
        return programs.Stream("pzp", *args, home=self.world.path, data_dir=self.data_dir)

    def enrol(self, hub, *token_args, check=True):
        """With the link of a fresh code."""
        link = hub.token(*token_args)["link"]
        return self.pzp("enrol", link, "--device", self.device, "--json", check=check)

    def join(self, hub, *token_args):
        """Enrols and waits for the link to the hub."""
        self.enrol(hub, *token_args)
        return self.wait_state("connected")

    def status(self):
        return self.pzp("status", "--json").json()

    def wait_status(self, wanted, timeout=30, what="as wanted"):
        return wait_status(self.socket_path, wanted, timeout, what)

    def wait_state(self, *states, timeout=30):
        return self.wait_status(lambda s: s["state"] in states, timeout, " or ".join(states))

    # ---- peers: other devices, as Device, foreign.Identity, or name ----

    def peers(self):
        """{name or address: entry of pzp peers}."""
        zone = self.zone
        return {short(p["id"], zone): p for p in self.pzp("peers", "--json").json()}

    def discover(self, seconds=3):
        return self.pzp("discover", "--json", "--timeout", seconds).json()

    def finds(self, *others, seconds=4):
        """Looks around, a moment at a time; each of the others must be found. {name: entry}."""
        wanted = {name_of(other) for other in others}
        for _ in range(3 * seconds):
            zone = self.zone
            found = {short(one["id"], zone): one for one in self.discover(0.3) if one["id"]}
            if wanted <= set(found):
                return found
        raise AssertionError(f"{self.name} does not find {wanted - set(found)} but {found}")

    def wait_synced(self, count):
        """Until it has from the hub what it needs without it: the secret, and `count` devices."""
        item = re.compile(r"sync item=(\S+) chunks=(\d+)")

        def has_all():
            moved = [found.groups() for found in map(item.search, self.lines) if found]
            devices = sum(int(chunks) for name, chunks in moved if name == "trusted-pzp")
            return devices >= count and "zone-secret" in dict(moved)

        self.wait(has_all, START_SECONDS, f"secret and {count} devices")

    def connect(self, other, check=True):
        """The other's address may still be on its way here when both have just connected to the hub."""
        def is_tried(result):
            return result.code == 0 or "no address of it" not in result.reason()

        argv = ("connect", name_of(other), "--json")
        if not check:
            return self.pzp(*argv, check=False)
        eventually(lambda: is_tried(self.pzp(*argv, check=False)), what=f"address of {argv[1]}")
        return self.pzp(*argv)

    def calls(self, other, word="x"):
        """The test service of the other device answers."""
        result = self.call(f"test@{name_of(other)}", "get42", f'["{word}"]', check=False)
        assert result.code == 0 and result.json() == {"result": f"42 {word}"}, repr(result)

    def wait_route(self, other, *routes, timeout=30):
        """Until messages to the other device take one of these routes (page 12)."""
        name = name_of(other)
        try:  # a route by way of another device comes without an event of its own
            eventually(lambda: route(self.ask("status"), name) in routes, timeout)
        except AssertionError as late:
            raise AssertionError(f"{self.name}: not {' or '.join(routes)} to {name} within "
                                 f"{timeout} s: {self.ask('status')['peers']}") from late

    @property
    def zone(self):
        return self.ask("status")["zone"]

    def services(self, *args):
        """Also of a device that has left the zone, which `pzp services --device` refuses: none."""
        result = self.pzp("services", *args, "--json", check=False)
        if result.code == 1 and "no device" in result.reason():
            return []
        assert result.code == 0, repr(result)
        return result.json()

    def call(self, service, function, params="[]", *args, check=True):
        return self.pzp("call", service, function, params, "--json", *args, check=check)


def name_of(device):
    return getattr(device, "device", device)


def short(identity, zone):
    """A device of the zone by its name, anybody else by the whole address."""
    return identity.removeprefix(f"{zone}/") if zone else identity


def route(status, name):
    """The route to a device as a status shows it; "none" for one that it does not know."""
    for peer in status["peers"]:
        if peer["id"] == f"{status['zone']}/{name}":
            return peer["route"]
    return "none"


def is_direct(one, other):
    """Both ends use a direct link."""
    one.wait_route(other, "direct")
    other.wait_route(one, "direct")


class World:
    """A temporary directory and the daemons in it."""

    def __init__(self):
        # Short: a UNIX socket's path has room for 107 bytes.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="pz-"))
        self.daemons, self.closers = [], []

    def hub(self, *options, zone=ZONE, name="hub", **more):
        """A running hub with a zone in it (zone None: without)."""
        hub = Hub(self, name, options, **more).start()
        if zone:
            hub.init(zone)
        return hub

    def device(self, name, hub=None, *options, **more):
        """A running device, in the hub's zone and connected when there is a hub."""
        device = Device(self, name, options, **more).start()
        if hub is not None:
            device.join(hub)
        return device

    def on_close(self, close):
        """Calls `close` before the daemons are stopped."""
        self.closers.append(close)

    def close(self):
        """Stops what still runs, each of which must stop cleanly, and removes the directory."""
        problems = []
        for close in reversed(self.closers):
            close()
        for daemon in reversed(self.daemons):
            try:
                if daemon.is_running:
                    daemon.stop()
                elif daemon.process is not None:
                    daemon.check_log()
            except AssertionError as problem:
                problems.append(str(problem))
        shutil.rmtree(self.path, ignore_errors=True)
        assert not problems, "\n".join(problems)

    def forget(self):
        """The logs of these daemons are no longer of interest."""
        for daemon in self.daemons:
            LIVE.remove(daemon)


def eventually(is_true, timeout=10, what="condition"):
    """For what nobody announces: asks again until it is so. Returns what is_true returned."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        value = is_true()
        if value:
            return value
        assert time.monotonic() < deadline, f"no {what} within {timeout} s"
        pause.wait(0.05)
