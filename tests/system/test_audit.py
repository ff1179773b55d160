"""`pzp audit`: which calls were allowed or denied, and whether that log is complete (page 9, 16;
page 12; page 14 LOG-1, LOG-8)."""

import json
import re
import sqlite3

from pz import disk, programs
from pz.daemon import ZONE, eventually


def audit(device, *args):
    done = device.pzp("audit", *args, "--json")
    return [json.loads(line) for line in done.out.splitlines()]


def calls_of(device, name, *args):
    return [one for one in audit(device, "--who", name, *args)
            if one["what"].get("point") == "call" and one["what"].get("method") == "get42"]


def verify(device, code=0):
    return device.pzp("audit", "verify", "--json", check=code).json()


def test_decision_has_the_verified_caller_and_no_parameters(zone):
    zone.a.call("test@tv", "get42", '["payload-of-a-call"]')
    one = calls_of(zone.b, "laptop")[-1]
    assert one["allowed"] is True and one["effect"] == "permit" and one["slot"] == "user"
    assert one["rule"] and all(isinstance(part, str) for part in one["rule"])
    assert one["who"] == {"zone": ZONE, "device": "laptop"}
    assert one["what"]["feature"].endswith("/test")
    assert re.fullmatch("[0-9a-f]{64}", one["hash"])
    assert one["asked"] is None
    assert calls_of(zone.b, "nobody") == []
    assert calls_of(zone.b, "laptop", "--since", "20000000000") == []
    assert calls_of(zone.b, "laptop", "--since", "1h")[-1] == one
    text = zone.b.pzp("audit").out
    assert "laptop" in text and "payload-of-a-call" not in text
    assert verify(zone.b)["ok"] is True
    zone.b.stop()
    assert not disk.has_trace(zone.b.data_dir, "payload-of-a-call")


def test_denied_call_is_listed_with_its_rule(zone):
    zone.b.ask("policy-set", {"slot": "exceptions", "document": """<policy id="closed" combine="first-applicable">
      <target><subject><subject-match attr="requestor-id" match="laptop"/></subject></target>
      <rule id="no-laptop" effect="deny"/></policy>"""})
    assert zone.a.pzp("call", "test@tv", "get42", '["x"]', check=None).code == 5
    assert zone.b.pzp("call", "test", "get42", '["x"]', check=None).code == 0
    denied = audit(zone.b, "--denied")
    assert [one["who"].get("device") for one in denied if one["what"]["point"] == "call"] == ["laptop"]
    assert denied[-1]["slot"] == "exceptions" and denied[-1]["rule"] == ["closed", "no-laptop"]
    assert denied[-1]["allowed"] is False and denied[-1]["effect"] == "deny"


def test_use_is_counted_for_each_subject(zone):
    """page 14 LOG-7."""
    for number in range(3):
        zone.a.call("test@tv", "get42", f'["{number}"]')
    zone.b.pzp("call", "test", "get42", '["x"]')
    zone.b.ask("policy-set", {"slot": "exceptions", "document": """<policy id="closed" combine="first-applicable">
      <target><subject><subject-match attr="requestor-id" match="laptop"/></subject></target>
      <rule id="no-laptop" effect="deny"/></policy>"""})
    assert zone.a.pzp("call", "test@tv", "get42", '["x"]', check=None).code == 5

    def counts(*args):
        return {one["who"]["device"]: (one["allowed"], one["denied"])
                for one in zone.b.pzp("audit", "count", *args, "--json").json() if one["feature"].endswith("/test")}

    assert counts() == {"laptop": (3, 1), "tv": (1, 0)}
    assert counts("--who", "laptop") == {"laptop": (3, 1)}
    assert counts("--denied") == {"laptop": (0, 1)}
    text = zone.b.pzp("audit", "count").out.splitlines()
    assert text[0].split() == ["ALLOWED", "DENIED", "WHO", "WHAT", "LAST"] and f"{ZONE}/laptop" in text[1]


def test_log_survives_a_kill_and_shows_a_hand_on_the_disk(zone):
    for _ in range(3):
        zone.a.call("test@tv", "get42", '["x"]')
    before = eventually(lambda: calls_of(zone.b, "laptop"), what="records")
    eventually(lambda: verify(zone.b)["records"] >= len(before), what="records on the disk")
    zone.b.kill()
    zone.b.start()
    zone.b.wait_state("connected")
    assert verify(zone.b)["ok"] is True
    assert calls_of(zone.b, "laptop") == before

    zone.b.stop()
    with sqlite3.connect(zone.b.data_dir / "pzpd.db") as db:
        space, key, value = db.execute(
            "SELECT space, key, value FROM item WHERE space LIKE 'audit.%'"
            " AND instr(value, CAST('get42' AS BLOB)) > 0 LIMIT 1").fetchone()
        changed = bytes(value).replace(b"get42", b"get43", 1)
        db.execute("UPDATE item SET value = ? WHERE space = ? AND key = ?", (changed, space, key))
    zone.b.start()
    result = verify(zone.b, code=1)
    assert result["ok"] is False and "was altered" in result["problem"]
    assert "audit-damaged" in [one["id"] for one in zone.b.status()["conditions"]]
    assert "was altered" in zone.b.pzp("audit", "verify", check=1).reason()


def test_a_copy_is_checked_without_the_device(zone, tmp_path):
    """A copy is evidence anywhere: whole as it was written, and not when a line is missing or differs."""
    for _ in range(3):
        zone.a.call("test@tv", "get42", '["x"]')
    copy = tmp_path / "copy"
    written = zone.b.pzp("audit", "export", copy, "--json").json()
    assert written["ok"] and copy.stat().st_mode & 0o777 == 0o600
    zone.b.stop()

    def check(text, code=0):
        copy.write_text(text)
        return programs.run("pzp", "audit", "verify", copy, "--json", check=code).json()

    lines = copy.read_text().splitlines(keepends=True)
    assert check("".join(lines)) == written and written["records"] == len(lines)
    assert check("".join(lines[:1] + lines[2:]), 1)["problem"] == "record 2 is missing"
    assert "was altered" in check("".join(lines).replace("get42", "get43", 1), 1)["problem"]
    assert "is no record" in check("rubbish\n", 1)["problem"]
    zone.b.start()
    assert zone.b.pzp("audit", "export", copy, check=1).reason().endswith("File exists")
    output = zone.b.pzp("audit", "export", "-")
    assert output.out.splitlines(keepends=True)[:len(lines)] == lines and "whole" in output.err


def test_log_goes_with_the_zone(zone):
    zone.a.call("test@tv", "get42", '["x"]')
    assert calls_of(zone.b, "laptop")
    zone.b.pzp("leave", "--yes")
    assert calls_of(zone.b, "laptop") == []
    assert verify(zone.b)["ok"] is True


def test_wrong_usage(zone):
    for args in (["--since", "yesterday"], ["check"], ["verify", "--denied"], ["export"], ["export", "x", "--who", "tv"]):
        assert zone.b.pzp("audit", *args, check=None).code == 2
