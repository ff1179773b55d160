"""The owner's policy of a zone (page 9, 13): an edit on one device reaches all; one of two edits of
the same version is a conflict; without the hub the last policy stays in force; and a restored hub
brings back no older one. The exceptions of a device stay on it."""

import json
import re
import shutil
import signal
import sqlite3
import stat

import pytest

from pz import daemon, foreign, programs, wire
from pz.daemon import eventually

ZONE = daemon.ZONE
SOON = programs.patience(1)

OPEN = '<policy combine="first-applicable">\n<rule effect="permit" description="All."/>\n</policy>\n'
DENY = "<policy><rule effect=\"deny\"/></policy>"


def named(word):
    return OPEN.replace("All.", word)


@pytest.fixture
def file(tmp_path):
    def write(text, name="policy.xml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)
    return write


def slots(device):
    return {one["slot"]: one for one in device.pzp("policy", "list", "--json").json()}


def shown(device, slot="user"):
    return device.pzp("policy", "show", slot, "--json").json()


def wait_version(everybody, sequence, timeout=SOON):
    for one in everybody:
        eventually(lambda: slots(one)["user"]["sequence"] == sequence, timeout,
                   f"version {sequence} at {one.name}")


def test_a_zone_begins_with_the_default(zone, file):
    default = (programs.REPO / "packaging/policies/user.xml").read_text()
    assert zone.a.pzp("policy", "show").out == default
    assert zone.hub.pzh("policy", "show").out == default
    now = slots(zone.a)
    assert [now[slot]["state"] for slot in ("manufacturer", "exceptions", "user")] == ["none", "none", "default"]
    assert now["user"]["sequence"] == 0 and now["user"]["author"] is None


def test_an_edit_from_one_device_arrives_on_three(zone, file):
    third = zone.world.device("phone", zone.hub)
    result = zone.a.pzp("policy", "set", file(OPEN))
    assert result.out == "the policy of the zone is version 1 now\n"
    assert shown(zone.a)["document"] == OPEN  # who has set it sees it at once
    wait_version((zone.b, third), 1)
    for one in (zone.b, third):
        assert shown(one)["document"] == OPEN
        assert shown(one)["author"] == f"{ZONE}/laptop"
    assert zone.hub.pzh("policy", "show").out == OPEN
    zone.hub.wait_log(r"policy-changed .*sequence=1 by=laptop")

    assert zone.hub.pzh("policy", "set", file(named("From the hub."))).code == 0
    wait_version((zone.a, zone.b, third), 2)
    assert shown(third)["author"] == ZONE
    assert zone.hub.pzh("policy", "show", "--previous").out == OPEN
    # Who comes later has it, too; also after a restart of all.
    fourth = zone.world.device("watch", zone.hub)
    wait_version([fourth], 2, programs.patience(5))
    fourth.kill()
    fourth.start()
    assert shown(fourth)["document"] == named("From the hub.")


def test_two_edits_of_one_version_are_a_conflict(zone, file):
    zone.a.pzp("policy", "set", file(OPEN))
    wait_version([zone.b], 1)
    zone.b.pzp("policy", "set", file(named("Mine.")), "--base", "1")
    late = zone.a.pzp("policy", "set", file(named("Late.")), "--base", "1", check=False)
    assert late.code == 1 and "conflict" in late.err and "based on version 1, now there is 2" in late.err
    assert zone.hub.pzh("policy", "set", file(DENY), "--base", "1", "--force", check=False).code == 1
    wait_version([zone.a], 2)
    assert shown(zone.a)["document"] == named("Mine.")


def test_what_is_not_valid_or_locks_the_owner_out_is_refused(zone, file):
    bad = zone.a.pzp("policy", "set", file("<policy>\n<rule/></policy>"), check=False)
    assert bad.code == 1 and "line 2" in bad.err
    for one, args in ((zone.a, ("pzp",)), (zone.hub, ("pzh",))):
        locks = getattr(one, args[0])("policy", "set", file(DENY), check=False)
        assert locks.code != 0 and "locks the owner out" in locks.err, locks
    assert slots(zone.a)["user"]["sequence"] == 0
    assert zone.a.pzp("policy", "set", file(DENY), "--force").code == 0
    assert zone.hub.pzh("policy", "set", file(OPEN)).code == 0  # the way back
    wait_version([zone.a, zone.b], 2)
    denied = zone.a.pzp("policy", "set", "manufacturer", file(OPEN), check=False)
    assert denied.code != 0 and "file of the installation" in denied.err


def test_a_document_of_the_longest_kind_travels(zone, file):
    rules = "".join(f'<rule effect="permit" id="r{i}" description="{"&quot;é" * 60}"/>\n' for i in range(1900))
    text = f'<policy combine="first-applicable">\n{rules}<rule effect="permit"/></policy>\n'
    assert 900_000 < len(text.encode()) < 1_044_000
    zone.a.pzp("policy", "set", file(text))
    wait_version([zone.b], 1, programs.patience(10))
    assert shown(zone.b)["document"] == text
    zone.serves()
    long = zone.a.pzp("policy", "set", file(text + " " * (1_100_000 - len(text.encode()))), check=False)
    assert long.code == 1 and slots(zone.a)["user"]["sequence"] == 1


def test_exceptions_stay_on_the_device(zone, file):
    """page 14 AC-6."""
    zone.b.pzp("policy", "set", "exceptions", file(DENY))
    assert slots(zone.b)["exceptions"]["sequence"] == 1
    zone.b.kill()
    zone.b.start()
    assert shown(zone.b, "exceptions")["document"] == DENY
    zone.b.pzp("connect")
    zone.a.pzp("sync")
    assert slots(zone.a)["exceptions"]["state"] == "none"
    assert zone.hub.pzh("policy", "show", "--json").json()["sequence"] == 0
    for path in zone.hub.data_dir.glob("*.db*"):
        assert b'"exceptions"' not in path.read_bytes()
    zone.b.pzp("policy", "set", "exceptions", "--remove")
    assert slots(zone.b)["exceptions"]["state"] == "none"


def test_without_the_hub_the_last_policy_holds(zone, file):
    zone.a.pzp("policy", "set", file(OPEN))
    wait_version([zone.b], 1)
    zone.hub.stop()
    zone.b.kill()
    zone.b.start()
    assert shown(zone.b)["document"] == OPEN
    away = zone.b.pzp("policy", "set", file(DENY), check=False)
    assert away.code == 1 and "the hub keeps the user policy, and is not connected" in away.err
    zone.b.pzp("policy", "set", "exceptions", file(DENY))  # that one needs no hub


def test_a_device_that_is_killed_has_what_it_has_shown(zone, file):
    """kill -9 at the moment at which a device first shows a new policy, without the hub afterwards."""
    for version in range(1, 7):
        lines = len(zone.b.lines)
        zone.hub.pzh("policy", "set", file(named(f"Change {version}.")))
        zone.b.wait_log(rf"policy-slot slot=user state=valid sequence={version} ", start=lines)
        zone.b.kill()
        zone.hub.stop()
        zone.b.start()
        now = shown(zone.b)
        assert (now["sequence"], now["document"], now["stored"]) == (version, named(f"Change {version}."), True)
        zone.hub.start()
        zone.b.pzp("connect")
        zone.b.wait_state("connected")


def test_a_damaged_policy_denies_and_lets_no_older_one_in(zone, file):
    """page 14 AC-7."""
    zone.a.pzp("policy", "set", file(OPEN))
    wait_version([zone.b], 1)
    zone.hub.stop()
    copy = zone.hub.data_dir.with_name("hub-copy")
    shutil.copytree(zone.hub.data_dir, copy, ignore=shutil.ignore_patterns("control.sock"))
    zone.hub.start()
    zone.a.pzp("connect")
    zone.a.wait_state("connected")
    zone.a.pzp("policy", "set", file(named("Newer.")), "--base", "1")
    wait_version([zone.b], 2, programs.patience(5))
    zone.a.stop()
    zone.b.stop()
    zone.hub.stop()
    db = sqlite3.connect(zone.b.data_dir / "pzpd.db")
    with db:
        assert db.execute("UPDATE item SET value = 'damaged' WHERE space = 'knowledge' AND "
                          "key = 'policies/user'").rowcount == 1
    db.close()
    put_back(zone.hub, copy)  # the hub has version 1, and what it signs next is a version 2
    zone.hub.start()
    zone.b.start()
    assert slots(zone.b)["user"]["state"] == "corrupt"
    zone.b.wait_state("connected")
    zone.b.wait_log(r"sync-refused .*older policy: number 1, here is 2")
    assert slots(zone.b)["user"]["state"] == "corrupt"
    zone.a.start()  # it has the version 2 that was signed before
    zone.a.wait_state("connected")
    wait_version([zone.b], 2, programs.patience(5))
    assert shown(zone.b)["document"] == named("Newer.")


def test_peers_pass_on_what_the_hub_has_signed(zone, file):
    zone.b.pzp("disconnect")
    zone.a.pzp("policy", "set", file(OPEN))
    assert slots(zone.b)["user"]["sequence"] == 0
    zone.hub.stop()
    zone.b.pzp("connect", "laptop")
    wait_version([zone.b], 1, programs.patience(5))
    assert shown(zone.b)["document"] == OPEN


def put_back(one, copy):
    shutil.rmtree(one.data_dir)
    shutil.copytree(copy, one.data_dir)


def test_a_restored_hub_brings_no_older_policy_back(zone, file):
    zone.a.pzp("policy", "set", file(OPEN))
    wait_version([zone.b], 1)
    zone.hub.stop()
    copy = zone.hub.data_dir.with_name("hub-copy")
    shutil.copytree(zone.hub.data_dir, copy, ignore=shutil.ignore_patterns("control.sock"))
    zone.b.stop()  # only the other device has what the hub will lack
    zone.hub.start()
    zone.a.pzp("connect")
    zone.a.pzp("policy", "set", file(named("Newer.")), "--base", "1")
    zone.a.stop()
    zone.hub.stop()
    put_back(zone.hub, copy)
    zone.hub.start()
    assert zone.hub.pzh("policy", "show").out == OPEN
    zone.a.start()
    zone.a.pzp("connect")
    zone.hub.wait_log(r"policy-learned .*from=laptop here=1 now=2")
    assert zone.hub.pzh("policy", "show").out == named("Newer.")
    zone.b.start()
    zone.b.pzp("connect")
    wait_version([zone.a, zone.b], 2, programs.patience(5))
    assert shown(zone.b)["document"] == named("Newer.")


def test_a_hub_that_is_killed_has_the_old_or_the_new(zone, file):
    zone.a.pzp("policy", "set", file(OPEN))
    for i in range(5):
        before = slots(zone.a)["user"]["sequence"]
        with zone.a.control() as control:
            control.send("policy-set", {"slot": "user", "document": named(f"Change {i}."), "base": before})
            zone.hub.kill()
        zone.hub.start()
        zone.a.pzp("connect")
        now = zone.hub.pzh("policy", "show", "--json").json()
        assert (now["sequence"], now["document"]) in (
            (before, shown(zone.a)["document"]), (before + 1, named(f"Change {i}.")))
        wait_version([zone.a], now["sequence"], programs.patience(5))


def test_leaving_deletes_all_policies(zone, file):
    zone.b.pzp("policy", "set", file(OPEN))
    zone.b.pzp("policy", "set", "exceptions", file(DENY))
    zone.b.pzp("leave", "--yes")
    now = slots(zone.b)
    assert (now["user"]["state"], now["exceptions"]["state"]) == ("default", "none")


def test_an_archive_carries_the_policy(zone, file, tmp_path):
    zone.a.pzp("policy", "set", file(OPEN))
    secret = file("long enough\n", "passphrase")
    archive = str(tmp_path / "zone.pz")
    zone.hub.pzh("export", archive, "--passphrase-file", secret)
    other = zone.world.hub(zone=None, name="other")
    other.pzh("import", archive, "--passphrase-file", secret, "--host", "127.0.0.1", "--port", str(other.port))
    assert other.pzh("policy", "show").out == OPEN
    assert other.pzh("policy", "show", "--json").json()["sequence"] == 1


def test_a_manufacturers_file_counts_and_is_read_again(world, tmp_path):
    path = tmp_path / "manufacturer.xml"
    path.write_text(DENY)
    device = world.device("tv", None, "--manufacturer-policy", str(path))
    assert slots(device)["manufacturer"]["state"] == "valid"
    assert shown(device, "manufacturer")["document"] == DENY
    path.write_text("<policy")
    device.process.send_signal(signal.SIGHUP)
    eventually(lambda: slots(device)["manufacturer"]["state"] == "corrupt", SOON, "corrupt")
    [condition] = device.status()["conditions"]
    assert (condition["id"], condition["subject"]) == ("policy-corrupt", "manufacturer")
    path.unlink()
    device.process.send_signal(signal.SIGHUP)  # one that was named must be there
    eventually(lambda: "No such file" in slots(device)["manufacturer"]["error"], SOON, "missing")
    path.write_text(OPEN)
    device.process.send_signal(signal.SIGHUP)
    eventually(lambda: not device.status()["conditions"], SOON, "well again")


EDITOR = """#!/bin/sh
ls -l "$1" | cut -c1-10 > {seen}
cp {text} "$1"
"""


def test_edit_starts_the_editor_checks_and_asks(zone, file, tmp_path):
    editor = tmp_path / "editor"
    seen = tmp_path / "seen"
    env = {"EDITOR": str(editor), "VISUAL": "", "TMPDIR": str(tmp_path)}

    def edit(text, *args):
        editor.write_text(EDITOR.format(seen=seen, text=file(text, "new.xml")))
        editor.chmod(0o700)
        return zone.a.pzp("policy", "edit", *args, check=False, env=env)

    bad = edit("<policy><rule/></policy>", "--yes")
    assert bad.code == 1 and "your text is in that file" in bad.err
    [kept] = tmp_path.glob("pzp-policy-*.xml")
    assert kept.read_text() == "<policy><rule/></policy>"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600 and seen.read_text().strip() == "-rw-------"
    kept.unlink()

    assert edit(OPEN).code == 2  # nobody to ask here
    [kept] = tmp_path.glob("pzp-policy-*.xml")
    kept.unlink()
    done = edit(OPEN, "--yes")
    assert done.code == 0 and "would be decided differently" in done.out
    assert done.out.endswith("the policy of the zone is version 1 now\n")
    assert not list(tmp_path.glob("pzp-policy-*.xml"))
    same = edit(OPEN, "--yes")
    assert same.code == 0 and "nothing was changed" in same.err
    assert edit(DENY, "exceptions", "--yes").code == 0
    assert shown(zone.a, "exceptions")["document"] == DENY


def test_upgrade_adds_what_an_older_policy_lacks(zone, file):
    default = zone.a.pzp("policy", "show").out
    none = zone.a.pzp("policy", "upgrade")
    assert "lacks no rule" in none.err and none.out == ""
    older = re.sub(r'<rule id="own-apps-(?:pair|once)".*?</rule>\s*', "", default, flags=re.S)
    older = older.replace('<rule id="own-apps-core"', '<rule id="rule-1" effect="permit" description="Mine.">'
                          '<condition><resource-match attr="api-feature" match="http://mine.example"/></condition>'
                          '</rule>\n\t\t<rule id="own-apps-core"')
    start = len(zone.b.lines)
    zone.a.pzp("policy", "set", file(older))
    zone.b.wait_log(r"policy-lacks rules=2", start=start)
    assert zone.a.pzp("policy", "upgrade", check=False).code == 2  # no one to ask here
    assert shown(zone.a)["document"] == older
    done = zone.a.pzp("policy", "upgrade", "--yes").out
    assert "prompt-oneshot: Pairing with a device of another person from a page" in done
    assert "prompt-blanket: Sensors, places" in done and "would be decided differently" in done
    upgraded = shown(zone.a)["document"]
    assert re.findall(r'<rule id="([^"]+)"', upgraded) == ["rule-1", *re.findall(r'<rule id="([^"]+)"', default)]
    wait_version([zone.b], 2)
    assert "lacks no rule" in zone.b.pzp("policy", "upgrade").err


def test_edit_shows_what_real_requests_would_get(zone, file, tmp_path):
    """Only the last requests count, so what a change breaks is seen before it counts."""
    editor = tmp_path / "editor"
    text = OPEN.replace("<rule ", """<rule effect="deny"><condition combine="and">
      <subject-match attr="requestor-id" match="laptop"/>
      <resource-match attr="api-feature" match="http://webinos.org/api/test"/></condition></rule><rule """)
    editor.write_text(EDITOR.format(seen=tmp_path / "seen", text=file(text, "new.xml")))
    editor.chmod(0o700)
    for _ in range(110):  # "from laptop, get42" are the last hundred; the search before them is not
        zone.a.ask("call", {"service": "test@tv", "function": "get42", "params": ["x"]})
    env = {"EDITOR": str(editor), "VISUAL": "", "TMPDIR": str(tmp_path)}
    done = zone.b.pzp("policy", "edit", "exceptions", "--yes", env=env)
    [said] = re.findall(r"of the last (\d+) requests (\d+) would be decided differently", done.out)
    assert int(said[0]) >= 100 and int(said[1]) >= 100
    lines = [line for line in done.out.splitlines() if line.endswith("deny instead of permit")]
    assert len(lines) == int(said[1])
    assert set(lines) == {f"  {ZONE}/laptop, http://webinos.org/api/test: deny instead of permit"}


def test_a_hostile_device_changes_nothing_by_pieces(zone):
    """Pieces that do not fit together, of a document that is too long, or that never end."""
    thief = foreign.join(zone.hub, "thief")
    link = thief.connect("127.0.0.1", zone.hub.port)

    def send(**members):
        message = {"id": 1, "base": 0, "size": 10, "at": 0, "text": "x"} | members
        link.send(wire.prop(f"{ZONE}/thief", "policyEdit", message, to=ZONE))

    for bent in ({"at": 5}, {"size": 2_000_000}, {"text": "x" * 11}, {"size": 0}, {"text": 5}, {"id": -1},
                 {"base": "0"}, {"at": -1}, {"text": ""}):
        send(**bent)
    send(size=1_000_000, text="y")
    send(id=2, at=1)  # of another change
    link.close()
    zone.serves()
    assert zone.hub.pzh("policy", "show", "--json").json()["sequence"] == 0
    assert json.loads(zone.hub.pzh("status", "--json").out)["zones"]
