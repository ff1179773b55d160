"""Requests with many answers: pzp call --stream, and call-backs that end with their caller."""

import signal

import pytest

from pz import daemon, foreign, wire
from pz.daemon import eventually

ZONE = daemon.ZONE
LISTEN = f"{foreign.TEST_API}@{foreign.TEST_ID}.listenAttr.listenFor42"


@pytest.mark.smoke
def test_stream_across_the_zone(shared_zone):
    with shared_zone.a.stream("call", "--json", "--stream", "test@tv", "listenAttr.listenFor42",
                              '[{"repeat":true}]') as events:
        for _ in range(3):
            assert events.line() == {"callback": "onEvent", "params": {"msg": "42"}}
        ended = events.interrupt(signal.SIGINT)
        assert ended.code == 0 and not ended.err


def test_once(shared_zone):
    with shared_zone.a.stream("call", "--json", "--stream", "test@tv", "listenAttr.listenFor42", "[]",
                              "--timeout", "1") as events:
        assert events.line() == {"callback": "onEvent", "params": {"msg": "42"}}
        assert events.end(20).code in (0, 4)


def test_provider_dies(zone):
    with zone.a.stream("call", "--json", "--stream", "test@tv", "listenAttr.listenFor42",
                       '[{"repeat":true}]') as events:
        events.line()
        zone.b.kill()
        ended = events.end(20)
        assert ended.code == 1 and ended.reason()
    zone.b.start()
    zone.b.wait_state("connected")
    zone.serves()


def test_caller_dies(zone):
    """The device that provides must not send for ever to a caller that is gone."""
    caller = foreign.join(zone.hub, "caller")
    with caller.connect("127.0.0.1", zone.hub.port) as link:
        request = wire.request(LISTEN, [{"repeat": True}])
        link.send(wire.rpc(caller.address, f"{ZONE}/tv", request))
        for _ in range(2):
            event = link.expect(lambda m: m["type"] == "JSONRPC")["payload"]
            assert event["method"] == f"{request['id']}.onEvent" and event["params"] == {"msg": "42"}
            assert "id" not in event
        link.stream.shutdown(2)  # hang-up, not a farewell
    zone.b.wait_status(lambda s: not any(p["id"] == caller.address and p["route"] == "hub"
                                         for p in s["peers"]), what="news that the caller is gone")
    hears_nothing(zone, caller)


def hears_nothing(zone, caller):
    """The same device, back again, gets no call-backs of its former session."""
    with caller.connect("127.0.0.1", zone.hub.port) as link:
        with pytest.raises(TimeoutError):
            link.expect(lambda m: m["type"] == "JSONRPC", timeout=2.5)
        assert caller.call(link, f"{ZONE}/tv")["result"] == "42 x"


def test_caller_returns_at_once(zone):
    """A new session is a new session, however short the gap was."""
    caller = foreign.join(zone.hub, "caller")
    with caller.connect("127.0.0.1", zone.hub.port) as link:
        link.send(wire.rpc(caller.address, f"{ZONE}/tv", wire.request(LISTEN, [{"repeat": True}])))
        link.expect(lambda m: m["type"] == "JSONRPC")
        link.stream.shutdown(2)
    hears_nothing(zone, caller)


def test_interrupted_command_ends_the_listener(zone):
    """The person presses Ctrl-C: nobody sends call-backs for it any more."""
    provider = foreign.join(zone.hub, "provider")
    with provider.connect("127.0.0.1", zone.hub.port) as link:
        provider.announce(link, foreign.descriptor(provider.address))
        eventually(lambda: zone.a.services("--device", "provider"), what="service")
        with zone.a.stream("call", "--json", "--stream", "test@provider", "listenAttr.listenFor42", "[]") as events:
            request = link.expect(lambda m: isinstance(m.get("payload"), dict)
                                  and "method" in m["payload"])
            call_back = {"jsonrpc": "2.0", "method": f"{request['payload']['id']}.onEvent",
                         "params": {"n": 1}}
            link.send(wire.rpc(provider.address, request["resp_to"], call_back))
            assert events.line() == {"callback": "onEvent", "params": {"n": 1}}
            assert events.interrupt(signal.SIGINT).code == 0
        # A call-back for a request that nobody waits for is dropped, without an answer.
        link.send(wire.rpc(provider.address, request["resp_to"], call_back))
        assert provider.call(link, f"{ZONE}/laptop")["result"] == "42 x"


def test_too_many_listeners(shared_zone):
    """Page 7, 6.1: 64 for one caller, then QuotaExceededError."""
    caller = foreign.join(shared_zone.hub, "greedy")
    with caller.connect("127.0.0.1", shared_zone.hub.port) as link:
        requests = [wire.request(LISTEN, [{"repeat": True}]) for _ in range(66)]
        link.send(*(wire.rpc(caller.address, f"{ZONE}/tv", r) for r in requests))
        refused = link.expect(lambda m: m["type"] == "JSONRPC" and "error" in m["payload"])["payload"]
        assert refused["error"]["data"]["name"] == "QuotaExceededError", refused
    shared_zone.serves()
