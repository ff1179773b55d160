"""
The zone's data (page 8): what a device and its hub send each other to agree about the values that apps store. For
scripts/bench, whose Home is handed in.
"""

import json
import time

import ways


class Counted:
    """What hub and devices have sent about the zone's data since; the hub has one of them linked."""

    def __init__(self, home, device):
        self.home, self.device = home, device
        self.before = self._now(device)

    def _now(self, device):
        own, hub = (json.loads(self.home.run(name, "status", "--json")[0])["metrics"] for name in (device, "hub"))
        return {"out": own["sync_bytes_out"], "in": hub["sync_bytes_out"], "all_out": own["bytes_out"],
                "all_in": own["bytes_in"],
                "listing": own["sync_listing_bytes_out"] + hub["sync_listing_bytes_out"]}

    def since(self, until=lambda d: True):
        """Once it is as wanted, and nothing more comes."""
        end, last = time.monotonic() + 20, None
        while time.monotonic() < end:
            now = {key: value - self.before[key] for key, value in self._now(self.device).items()}
            if now == last and until(now):
                return now
            last = now
            time.sleep(0.3)
        raise RuntimeError("the exchange does not end")


def reconnected(home, device, until=lambda d: d["out"] > 0 and d["in"] > 0):
    """What a reconnect moves, apart from the TLS handshake."""
    counted = Counted(home, device)
    home.run(device, "connect")
    return counted.since(until)


def measure(home, keys):
    """Bytes of frames of a device with its hub; the other device comes only to change something."""
    row, values = {}, [f"value {i} of an app " * 5 for i in range(keys)]
    with home:
        home.start("hub")
        for name in ("tv", "laptop"):
            home.join(name)
            home.run(name, "disconnect")
            home.run(name, "connect")
        time.sleep(0.5)
        home.run("tv", "disconnect")
        control, began = ways.Control(home.where / "laptop" / "control.sock"), time.monotonic()
        control.ask_all(("data-set", {"origin": "https://bench.example", "key": f"key-{i:05}", "value": value})
                        for i, value in enumerate(values))
        control.close()
        row["fill_s"] = time.monotonic() - began
        home.run("tv", "connect")
        home.wait("tv", "data", "list", "--json", until=lambda text: f'"keys":{keys}' in text)
        home.stop("tv")
        Counted(home, "laptop").since()
        home.run("laptop", "disconnect")
        idle = reconnected(home, "laptop")
        row.update(idle_out=idle["out"], idle_in=idle["in"], idle_all_out=idle["all_out"], idle_all_in=idle["all_in"])
        one = ("data", "set", "https://bench.example", "key-00042")
        counted = Counted(home, "laptop")
        home.run("laptop", *one, '"pushed"')
        row["push_out"] = counted.since(lambda d: d["out"] > 0)["out"]
        home.run("laptop", "disconnect")
        home.run("laptop", *one, '"here"')
        began = time.monotonic()
        home.run("laptop", "connect")
        row["ours_ms"] = (time.monotonic() - began) * 1000
        Counted(home, "laptop").since()
        home.run("laptop", "disconnect")
        home.run("laptop", *one, '"here again"')
        ours = reconnected(home, "laptop", lambda d: d["listing"] > keys)
        home.run("laptop", "disconnect")
        home.start("tv")
        home.state("tv", "connected")
        home.run("tv", *one, '"there"')
        Counted(home, "tv").since()
        home.stop("tv")
        theirs = reconnected(home, "laptop", lambda d: d["listing"] > keys)
        for name, moved in (("ours", ours), ("theirs", theirs)):
            row[f"{name}_listing"] = moved["listing"]
            row[f"{name}_moved"] = moved["out"] + moved["in"] - moved["listing"]
    return row
