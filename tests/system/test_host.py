"""What the machine can do to the programs: closed descriptors, a log that is not read, limits."""

import contextlib
import json
import os
import resource
import signal
import subprocess

import pytest

from pz import programs
from pz.daemon import Device, eventually


def service_file(path, **methods):
    """A service made of commands, `odd`, with a method for each command line."""
    file = path / "odd.json"
    file.write_text(json.dumps({
        "api": "http://example.org/api/odd", "displayName": "Odd", "description": "odd",
        "methods": {name: {"exec": argv} for name, argv in methods.items()}}))
    return file


@contextlib.contextmanager
def running(world, program, *options, closed=(), stderr=subprocess.DEVNULL):
    """A daemon that was started with some of its descriptors closed."""
    data_dir = world.path / f"{program}-{''.join(map(str, closed))}"
    argv = [programs.program(program), "--data-dir", str(data_dir), "--listen", "127.0.0.1",
            *map(str, options)]
    process = subprocess.Popen(argv, env=programs.environment(world.path), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=stderr,
                               preexec_fn=lambda: [os.close(fd) for fd in closed])
    try:
        eventually((data_dir / "control.sock").exists, 20, "control socket")
        yield process, data_dir
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


CLOSED = [(0, 1, 2), (2,), (0, 2), (1, 2), (0,)]


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_a_device_without_standard_descriptors(world, closed):
    file = service_file(world.path, one=["/bin/echo", "1"])
    with running(world, "pzpd", "--tls-port", 0, "--service", file,
                 closed=closed) as (process, data_dir):
        def ask(*args):
            return programs.run("pzp", *args, home=world.path, data_dir=data_dir)

        assert ask("call", "odd", "one").out == "1\n"
        process.send_signal(signal.SIGHUP)
        assert ask("call", "odd", "one").out == "1\n"
        process.terminate()
        assert process.wait(20) == 0
        assert (data_dir / "lock").read_text().count("\n") == 1, "the log is in the lock file"


@pytest.mark.parametrize("closed", CLOSED, ids=str)
def test_a_hub_without_standard_descriptors(world, closed):
    with running(world, "pzhd", "--port", 0, closed=closed) as (process, data_dir):
        process.send_signal(signal.SIGHUP)
        programs.run("pzh", "status", home=world.path, data_dir=data_dir)
        process.terminate()
        assert process.wait(20) == 0
        assert (data_dir / "lock").read_text().count("\n") == 1, "the log is in the lock file"


def test_a_command_without_standard_output_fails(world):
    hub = world.hub()
    for args in (["zones", "--json"], ["status"], ["--help"], ["--version"]):
        done = subprocess.run([programs.program("pzh"), *args, "--data-dir", str(hub.data_dir)],
                              env=programs.environment(world.path), stderr=subprocess.PIPE,
                              text=True, preexec_fn=lambda: os.close(1), check=False)
        assert done.returncode == 1, args
        assert done.stderr == "pzh: cannot write the output\n"
    assert hub.status()["zones"], "the connection to the hub got nothing of the output"


def test_a_log_that_is_not_read_blocks_nothing(world):
    reader, writer = os.pipe()
    with running(world, "pzhd", "--port", 0, stderr=writer) as (process, data_dir):
        os.set_blocking(writer, False)  # fills the pipe: what is left of it is less than a line
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"x" * 4096)
        os.set_blocking(writer, True)
        for _ in range(5):
            process.send_signal(signal.SIGHUP)
            programs.run("pzh", "status", home=world.path, data_dir=data_dir)
        os.read(reader, 1 << 20)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        log = os.read(reader, 1 << 20).decode()
        assert "log-dropped lines=" in log, log
    os.close(reader)
    os.close(writer)


def test_commands_of_services_get_the_limits_of_the_start(world):
    file = service_file(world.path, limit=["/bin/sh", "-c", "ulimit -Sn"],
                        files=["/bin/sh", "-c", "set -- /proc/$$/fd/*; echo $(($# - 1))"])
    device = Device(world, "one", ["--service", str(file)])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (777, hard))
    try:
        device.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert resource.prlimit(device.process.pid, resource.RLIMIT_NOFILE) == (hard, hard)
    assert device.call("odd", "limit").json() == {"result": 777}
    assert device.call("odd", "files").json() == {"result": 3}


def test_a_command_that_cannot_be_started_says_why(world):
    crlf, plain = world.path / "crlf", world.path / "plain"
    crlf.write_bytes(b"#!/bin/sh\r\necho 1\r\n")
    crlf.chmod(0o755)
    plain.write_text("text")
    missing = world.path / "missing"
    file = service_file(world.path, missing=[str(missing)], plain=[str(plain)], crlf=[str(crlf)])
    device = Device(world, "one", ["--service", str(file)]).start()
    for method, path, reason in (("missing", missing, "No such file or directory"),
                                 ("plain", plain, "Permission denied"),
                                 ("crlf", crlf, "the interpreter that its first line names")):
        error = device.call("odd", method, check=False).json()["error"]
        assert reason in json.dumps(error), error
        assert str(path) not in json.dumps(error), "callers need no paths of this device"
        line = device.wait_log(f"WARNING command service=\\S+ method={method} ")
        assert f"path={path} " in line and reason in line


LEGACY_ONLY = """openssl_conf = init
[init]
providers = providers
[providers]
legacy = legacy
[legacy]
activate = 1
"""


def test_openssl_without_what_is_needed_is_named(world):
    conf = world.path / "openssl.cnf"
    conf.write_text(LEGACY_ONLY)
    for name, args in (("pzpd", ["--tls-port", 0]), ("pzhd", ["--port", 0]),
                       ("pzh", ["init", "--zone", "a@b.org", "--host", "127.0.0.1"])):
        done = programs.run(name, *args, home=world.path, data_dir=world.path / name, check=False,
                            env={"OPENSSL_CONF": conf})
        assert done.code == 1
        assert done.reason().startswith(f"{name}: OpenSSL offers no SHA-256: "), done
        assert "openssl.cnf" in done.reason()


HOSTS_REFUSED = ["-x", ".", ".hub", "hub..org", "-hub.example.org", "a-", "a" * 64, "a b", "1.2.3",
                 "http://hub", "[::1]", "fe80::1%eth0", "::::"]


@pytest.mark.parametrize("running_hub", [True, False], ids=["daemon", "offline"])
def test_a_host_that_init_takes_is_good_for_a_link(world, running_hub):
    hub = world.hub(zone=None)
    if not running_hub:
        hub.stop()

    def init(number, host):
        return hub.pzh("init", "--zone", f"z{number}@example.org", f"--host={host}", check=False)

    for number, host in enumerate(HOSTS_REFUSED):
        done = init(number, host)
        assert done.code == 1 and "give the DNS name or IP address" in done.reason(), done
    for host in ("hub.example.org:8443", "10.9.0.200:8041", "[fd00::1]:8041"):
        done = init(99, host)
        assert done.code == 1 and "leave out the port" in done.reason(), done
    good = ["hub.example.org", "hub.example.org.", "my_hub.lan", "fd00::1", "10.9.0.200"]
    for number, host in enumerate(good, 100):
        assert init(number, host).code == 0, host
    if not running_hub:
        hub.start()
    for number, host in enumerate(good, 100):
        link = hub.token("--zone", f"z{number}@example.org")["link"]
        assert host in link
