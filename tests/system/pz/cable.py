"""
A bad cable: joins two interfaces of the namespace that it runs in, and loses and delays frames.
usage: cable.py INTERFACE INTERFACE LOSS DELAY_MS JITTER_MS SEED; ends when standard input does.
"""

import collections
import random
import select
import socket
import sys
import time

ETH_P_ALL = 3
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
FRAME = 65600


def _open(interface):
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    end.bind((interface, ETH_P_ALL))
    end.setblocking(False)
    return end


class Direction:
    """From one end to the other. Nothing overtakes: radio is late, but in order."""

    def __init__(self, source, sink, loss, delay, jitter, seed):
        self.source, self.sink, self.loss, self.delay, self.jitter = source, sink, loss, delay, jitter
        self.random = random.Random(seed)
        self.queue = collections.deque()

    def take(self):
        try:
            while True:
                frame = self.source.recv(FRAME)
                if self.random.random() < self.loss:
                    continue
                due = time.monotonic() + max(0, self.delay + self.random.uniform(-1, 1) * self.jitter)
                self.queue.append((max(due, self.queue[-1][0]) if self.queue else due, frame))
        except BlockingIOError:
            pass

    def give(self):
        """Sends what is due; returns the seconds until the next is, or None."""
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now:
            try:
                self.sink.send(self.queue.popleft()[1])
            except OSError:
                pass  # the far end is down or full: lost as well
        return self.queue[0][0] - now if self.queue else None


def main(one, other, loss, delay_ms, jitter_ms, seed):
    a, b = _open(one), _open(other)
    how = float(loss), float(delay_ms) / 1000, float(jitter_ms) / 1000
    directions = [Direction(a, b, *how, f"{seed} there"), Direction(b, a, *how, f"{seed} back")]
    print("ready", flush=True)
    while True:
        waits = [wait for wait in (d.give() for d in directions) if wait is not None]
        ready = select.select([a, b, sys.stdin], [], [], min(waits) if waits else None)[0]
        if sys.stdin in ready:
            return
        for direction in directions:
            direction.take()


if __name__ == "__main__":
    main(*sys.argv[1:])
