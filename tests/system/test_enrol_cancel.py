"""An enrolment can be cancelled, by Ctrl-C and by `pzp disconnect`, and the next one works at
once."""

import contextlib
import signal
import socket

import pytest

from pz import daemon


@contextlib.contextmanager
def silent_host():
    """Accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def begin(device, where):
    """`pzp enrol` against a host that never answers, under way."""
    stream = device.stream("enrol", where, "--zone", daemon.ZONE, "--code", "1234-5678")
    device.wait_state("virgin-connecting")
    return stream


def assert_over(device):
    status = device.wait_state("virgin")
    assert "called off" in status["reason"], status
    assert not list((device.data_dir / "keys").iterdir())


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(world, sig):
    hub, device = world.hub(), world.device("laptop")
    with silent_host() as where, begin(device, where) as stream:
        stream.interrupt(sig)
        assert_over(device)
        device.join(hub)


def test_disconnect_calls_it_off(world):
    hub, device = world.hub(), world.device("laptop")
    with silent_host() as where, begin(device, where) as stream:
        device.pzp("disconnect")
        ended = stream.end()
        assert ended.code == 1 and "called off" in ended.reason()
        assert_over(device)
        device.join(hub)


def test_nothing_to_call_off(world):
    assert "not enrolled" in world.device("laptop").pzp("disconnect", check=1).reason()
