"""Fixtures of the system tests."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
sys.dont_write_bytecode = True

from pz import clock, daemon, lab as network, programs  # noqa: E402

TEST_SECONDS = 180


def pytest_configure(config):
    config.addinivalue_line("markers", "smoke: the main path, a few seconds")
    config.addinivalue_line("markers", "slow: waits for a real time limit")
    # A shell starts background jobs with SIGINT ignored, nohup its command with SIGHUP ignored, and
    # programs started here would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pytest_sessionstart(session):
    missing = [name for name in ("pzhd", "pzpd", "pzh", "pzp")
               if not pathlib.Path(programs.program(name)).exists()]
    if missing:
        raise pytest.UsageError(f"{', '.join(missing)} not in {programs.BIN}: "
                                "build first, or set PZ_BIN")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """What the daemons logged belongs to the report of a failure."""
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for one in daemon.LIVE:
            report.sections.append((f"log of {one.name}", "\n".join(one.lines[-80:])))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    """No test waits for ever."""

    def too_long(signum, frame):
        pytest.fail(f"the test took longer than {TEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _world():
    world = daemon.World()
    try:
        yield world
        world.close()
    finally:
        for one in world.daemons:
            if one.is_running:
                one.process.kill()
                one.process.wait()
        world.forget()


@pytest.fixture
def world():
    """A world of this test's own."""
    with _world() as own:
        yield own


@pytest.fixture(scope="module")
def module_world():
    """A world that all tests of a file share."""
    with _world() as shared:
        yield shared


@contextlib.contextmanager
def _lab():
    network.require()
    with network.Lab() as net, _world() as net.world:
        yield net


@pytest.fixture
def lab():
    """A network of this test's own, with a world for the daemons in it; see pz/lab.py."""
    with _lab() as own:
        yield own


@pytest.fixture(scope="module")
def module_lab():
    """A network that tests of a file share."""
    with _lab() as shared:
        yield shared


@pytest.fixture(scope="session")
def clock_shim(tmp_path_factory):
    """clock_shim(seconds): the environment of a daemon whose wall clock is off; see pz/clock.py."""
    return clock.build(tmp_path_factory.mktemp("clock"))


@pytest.fixture
def small_disk(world):
    """A file system of one megabyte."""
    path = world.path / "disk"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(path)],
                          capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("cannot mount a tmpfs here")
    yield path
    for one in world.daemons:
        if one.is_running and str(path) in str(one.data_dir):
            one.kill()
    subprocess.run(["umount", "-l", str(path)], check=True)


class Zone:
    """A hub and two connected devices, as most tests need them."""

    def __init__(self, world, *hub_options, **more):
        self.world = world
        self.hub = world.hub(*hub_options, **more)
        self.a = world.device("laptop", self.hub)
        self.b = world.device("tv", self.hub)

    def serves(self):
        """The proof that others are served on: a call across the zone."""
        result = self.a.call("test@tv", "get42", '["still"]', check=False)
        assert result.code == 0 and result.json() == {"result": "42 still"}, repr(result)


@pytest.fixture
def zone(world):
    return Zone(world)


@pytest.fixture
def apart(zone):
    """Two devices that only the hub brings together."""
    for one in (zone.a, zone.b):
        one.pzp("prefs", "peer.listen", "false", "--now")
        one.wait_state("connected")
    zone.b.wait_status(lambda s: not s["ports"]["tls"], what="no server")
    return zone


@pytest.fixture(scope="module")
def shared_zone(module_world):
    return Zone(module_world)


@pytest.fixture
def lean_zone(world):
    """For tests that measure the hub's memory: the sanitizer keeps nothing that was freed."""
    return Zone(world, env=programs.LEAN)


@pytest.fixture
def make_zone(world):
    """For tests that need a hub with options of their own."""
    return lambda *hub_options: Zone(world, *hub_options)
