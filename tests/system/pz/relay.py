"""
A device of the zone that says it relays (page 6 "Relaying", page 15 "A hop"), in Python: real devices
link with it, and it splices what they open, as a relay should. A test bends what it likes by putting
another function in the place of one of `Relay`'s.
"""

import contextlib
import itertools
import json
import os
import queue
import select
import socket
import threading

from OpenSSL import SSL

from . import fakepeer, foreign, wire
from .closing import Closing
from .daemon import name_of

LINE_BYTES = 65536


class Side:
    """One end of a spliced channel: its numbers, as we and as the device write them."""

    def __init__(self, link, number, peer=None):
        self.link, self.number, self.peer, self.other = link, number, peer, None
        self.frames = 0  # of data that came in here

    def say(self, status, **message):
        self.link.say(status, channel=self.peer, **message)

    def pass_on(self, content):
        self.link.send(wire.data(self.peer, content))


class _Link:
    """A link with a real device, in the relay's thread."""

    def __init__(self, relay, sock):
        self.relay, self.sides, self.buffer = relay, {}, bytearray()
        self.stream = foreign.OpenSslStream(sock, relay.context)
        self.stream.handshake()
        self.address = fakepeer.seen_identity(wire.Link(self.stream))
        self.send(wire.frame(fakepeer.register(relay.me.address, self.address)))

    @property
    def name(self):
        return self.address.rpartition("/")[2]

    def send(self, content):
        self.stream.sendall(content)

    def say(self, status, **message):
        self.send(wire.frame(wire.prop(self.relay.me.address, status, message)))

    def side(self, peer=None):
        """A new channel here."""
        number = next(self.relay.numbers)
        self.sides[number] = Side(self, number, peer)
        return self.sides[number]

    def read(self):
        """All that has come."""
        while True:
            try:
                chunk = self.stream.tls.recv(LINE_BYTES)
            except SSL.WantReadError:
                break
            except (SSL.ZeroReturnError, SSL.SysCallError) as error:
                raise wire.Closed(str(error)) from error
            self.buffer += chunk
        while (found := wire.take(self.buffer)) is not None:
            number, body = found
            if number is None:
                self._take(json.loads(body))
            elif number in self.sides:
                self.sides[number].frames += 1
                self.relay.on_data(self.sides[number], body)

    def _take(self, message):
        if message.get("register"):
            self.relay.greet(self)
            return
        payload = message.get("payload") or {}
        status, content = payload.get("status"), payload.get("message") or {}
        if status == "probe":
            self.say("keepAlive")
        elif status == "channelOpen":
            self.relay.on_open(self, content)
        elif status in self.relay.HANDLERS and content.get("channel") in self.sides:
            getattr(self.relay, self.relay.HANDLERS[status])(self.sides[content["channel"]], content)


class Relay(Closing):
    """
    Runs from its making until close(), or as a context. Its functions `on_...` run in a thread of its
    own; a test replaces them, and calls what is here, by `do`.
    """

    HANDLERS = {"channelAccept": "on_accept", "channelRefuse": "on_refuse",
                "channelCredit": "on_credit", "channelEnd": "on_end", "channelClose": "on_close"}

    def __init__(self, me, *reach, has_hub=False):
        self.me, self.reach, self.has_hub = me, [name_of(one) for one in reach], has_hub
        self.context = fakepeer._context(me)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.links, self.numbers, self.problems = {}, itertools.count(1), []
        self.opened = []  # (opener's name, channelOpen) of each that came
        self.bent = []    # names of functions that a test has put in
        self._tasks = queue.Queue()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # ---- for the test ----

    def do(self, task, timeout=20):
        """Calls task(relay) in the relay's thread, and returns what it returned."""
        done = queue.Queue()
        self._tasks.put((task, done))
        os.write(self._waker, b"x")
        result, error = done.get(timeout=timeout)
        if error:
            raise error
        return result

    def bend(self, **functions):
        """From now on these functions take the place of its own: bend(on_data=f), where f has the
        relay as its first parameter; without any, it is honest."""
        def put(relay):
            for name in relay.bent:
                delattr(relay, name)
            relay.bent = list(functions)
            for name, function in functions.items():
                setattr(relay, name, function.__get__(relay))
        self.do(put)

    def sides(self):
        """Of the open channels, with those of the openers first."""
        return [side for link in self.links.values() for side in link.sides.values()
                if side.peer is not None]

    def close(self):
        os.close(self._waker)
        self._thread.join()
        os.close(self._wake)
        self.listener.close()
        assert not self.problems, self.problems

    # ---- the thread ----

    def _run(self):
        while True:
            socks = {link.stream.sock: link for link in self.links.values()}
            ready = select.select([self._wake, self.listener, *socks], [], [])[0]
            if self._wake in ready and not os.read(self._wake, 1):
                break
            if self._wake in ready:
                self._task()
            if self.listener in ready:
                self._accept()
            for sock in ready:
                if sock in socks and socks[sock] in self.links.values():
                    self._read(socks[sock])
        for link in list(self.links.values()):
            self.drop(link)

    def _task(self):
        task, done = self._tasks.get()
        try:
            done.put((task(self), None))
        except Exception as error:  # pylint: disable=broad-except  # it is the test's
            done.put((None, error))

    def _accept(self):
        sock, _ = self.listener.accept()
        with contextlib.suppress(OSError, SSL.Error, wire.Closed):
            link = _Link(self, sock)
            if link.name in self.links:
                self.drop(self.links[link.name])
            self.links[link.name] = link

    def _read(self, link):
        try:
            link.read()
        except (wire.Closed, OSError, SSL.Error):
            self.drop(link)
        except Exception as error:  # pylint: disable=broad-except  # shown at the end
            self.problems.append(error)
            self.drop(link)

    def drop(self, link):
        """The link is gone, and with it the channels."""
        self.links.pop(link.name, None)
        for side in link.sides.values():
            if side.other and side.other.link is not link and side.other.peer is not None:
                with contextlib.suppress(OSError, SSL.Error):
                    side.other.say("channelClose", reason="lost")
        with contextlib.suppress(OSError, SSL.Error):
            link.stream.sock.close()

    # ---- as a relay should ----

    def greet(self, link):
        link.say("pzpInfo", port=0, addresses=[], relay=True, hub=self.has_hub, reach=self.reach)

    def lead(self, link, offer):
        """The link that an offer is for, or None."""
        return self.links.get(offer["to"].rpartition("/")[2])

    def on_open(self, link, offer):
        self.opened.append((link.name, offer))
        target = self.lead(link, offer)
        if target is None:
            link.say("channelRefuse", channel=offer["channel"], reason="unreachable")
            return
        self.splice(link, offer, target)

    def splice(self, link, offer, target, who=None):
        """Opens the next channel, in the opener's name."""
        near, far = link.side(offer["channel"]), target.side()
        near.other, far.other = far, near
        target.say("channelOpen", channel=far.number, window=offer["window"], kind=offer["kind"],
                   to=target.address, **{"from": who or link.address})

    def on_accept(self, far, message):
        far.peer = message["peer"]
        far.other.say("channelAccept", peer=far.other.number, window=message["window"])

    def on_refuse(self, far, message):
        far.other.say("channelRefuse", reason=message["reason"])
        self.forget(far)

    def on_data(self, side, content):
        side.other.pass_on(content)

    def on_credit(self, side, message):
        side.other.say("channelCredit", bytes=message["bytes"])

    def on_end(self, side, _message):
        side.other.say("channelEnd")

    def on_close(self, side, message):
        """Answered at once, and passed on; what answers that one finds no side."""
        side.say("channelClose", reason=message["reason"])
        if side.other and side.other.peer is not None:
            side.other.say("channelClose", reason=message["reason"])
        self.forget(side)

    def forget(self, side):
        for one in (side, side.other):
            if one:
                one.link.sides.pop(one.number, None)


