"""`pzp policy`: the vectors of page 9 through the command line, without a daemon (page 12)."""

import json
import re
import subprocess
import xml.etree.ElementTree

import pytest

from pz import programs

DATA = json.loads((programs.REPO / "tests/data/policy.json").read_text())
SLOTS = {"policy": "user", "manufacturer": "manufacturer", "app": "app"}


@pytest.fixture(name="pzp")
def fixture_pzp(tmp_path):
    def run(*args, status=0, stdin=None):
        done = subprocess.run([f"{programs.BIN}/pzp", "policy", *args], input=stdin, text=True,
                              env=programs.environment(tmp_path), capture_output=True, timeout=30, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done
    return run


def request_of(vector):
    request = json.loads(json.dumps(vector["request"]))
    for member in ("resource", "environment"):
        request[member] = {**DATA["conventions"][member + "_defaults"], **request.get(member, {})}
    request["context"] = vector.get("context", {})
    return json.dumps(request)


def test_vectors(pzp, tmp_path):
    for vector in DATA["vectors"]:
        args = []
        for key, slot in SLOTS.items():
            if vector.get(key):
                file = tmp_path / f"{slot}.xml"
                file.write_text(DATA["policies"][vector[key]]["xml"])
                args += [f"--{slot}", str(file)]
        request = request_of(vector)
        off = json.loads(pzp("test", *args, "--request", "-", "--json", stdin=request).stdout)
        on = json.loads(pzp("test", *args, "--request", "-", "--dhp", "--json", stdin=request).stdout)
        assert off["effect"] == vector["expect"], vector["id"]
        assert on["effect"] == vector.get("expect_dhp", vector["expect"]), vector["id"]
        assert off["slots"]["user"]["effect"] == vector.get("document_effect", vector["expect"]), vector["id"]
        assert isinstance(off["path"], list)


POLICY = """<policy-set id="zone" combine="first-matching-target">
  <policy id="me">
    <target><subject>
      <subject-match attr="user-id" match="http://webinos.org/subject/id/PZ-Owner"/>
    </subject></target>
    <rule effect="permit" description="My own devices may do everything."/>
  </policy>
  <policy><rule effect="deny"/></policy>
</policy-set>
"""
REQUEST = {"subjectInfo": {"userId": "alice@h"}, "resourceInfo": {"apiFeature": "http://example.org/x"},
           "context": {"owner": "alice@h"}}


def test_says_which_rule_decided(pzp, tmp_path):
    (tmp_path / "p.xml").write_text(POLICY)
    (tmp_path / "r.json").write_text(json.dumps(REQUEST))
    args = ("test", "--user", str(tmp_path / "p.xml"), "--request", str(tmp_path / "r.json"))
    assert pzp(*args).stdout == (f"permit, by the user policy ({tmp_path}/p.xml:6: zone > me > rule[1]): "
                                 "My own devices may do everything.\n")
    shown = json.loads(pzp(*args, "--json").stdout)
    assert shown["slot"] == "user" and shown["path"] == ["zone", "me", "rule[1]"]
    assert shown["slots"]["user"]["line"] == 6
    other = {**REQUEST, "context": {"owner": "bob@h"}}
    args = ("test", "--user", str(tmp_path / "p.xml"), "--request", "-", "--json")
    assert json.loads(pzp(*args, stdin=json.dumps(other)).stdout)["path"] == ["zone", "policy[2]", "rule[1]"]


def test_denies_by_what_is_not_valid_and_without_policies(pzp, tmp_path):
    (tmp_path / "bad.xml").write_text(POLICY.replace('effect="deny"', 'effect="no"'))
    done = pzp("test", "--user", str(tmp_path / "bad.xml"), "--request", "-", stdin=json.dumps(REQUEST))
    assert done.stdout.startswith(f"deny, because the user policy is not valid: {tmp_path}/bad.xml:8: ")
    assert done.stdout.count("\n") == 1
    done = pzp("test", "--request", "-", stdin=json.dumps(REQUEST))
    assert done.stdout == "deny, because no rule of a policy applies to this request\n"


def test_requests_that_cannot_be_decided(pzp, tmp_path):
    done = pzp("test", "--request", "-", stdin='{"subjektInfo":{}}', status=1)
    assert done.stderr == "pzp: -: subjektInfo: no such member of a request\n"
    assert pzp("test", "--request", str(tmp_path / "none"), status=1).stderr.endswith(
        "none: No such file or directory\n")
    assert "--request" in pzp("test", status=2).stderr


def test_validate_names_file_line_and_what_to_do(pzp, tmp_path):
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text(POLICY)
    bad.write_text(POLICY.replace('combine="first-matching-target"', 'combine="first"'))
    assert pzp("validate", str(good)).stdout == f"{good}: valid, 2 rules\n"
    done = pzp("validate", str(good), str(bad), status=1)
    assert done.stdout == f"{good}: valid, 2 rules\n"
    assert done.stderr.startswith(f"pzp: {bad}:1: combine=\"first\" of <policy-set>: must be one of deny-overrides")
    shown = json.loads(pzp("validate", str(good), str(bad), "--json", status=1).stdout)
    assert [(v["valid"], v.get("rules"), v.get("line")) for v in shown] == [(True, 2, None), (False, None, 1)]


# ---- files for people ----

RECIPE = re.compile(r"^## (\d+)\. ([^\n]+)\n.*?```xml\n(.*?)```\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
ANSWER = re.compile(r"^\* `(\{.*\})`:\s+(\S+)$", re.MULTILINE)


def test_recipes_decide_as_the_page_says(pzp, tmp_path):
    recipes = RECIPE.findall((programs.REPO / "docs/policy.md").read_text())
    assert [int(number) for number, *_ in recipes] == list(range(1, 11))
    for _, title, policy, answers in recipes:
        file = tmp_path / "policy.xml"
        file.write_text(policy)
        answers = ANSWER.findall(answers)
        assert len(answers) >= 2, title
        for request, effect in answers:
            shown = json.loads(pzp("test", "--user", str(file), "--request", "-", "--json", stdin=request).stdout)
            assert shown["effect"] == effect, (title, request)


CORE, API = "http://webinos.org/core/", "http://webinos.org/api/"
# caller, class of the app or None, feature: what page 9, section 12 recommends, and the rule that says so
DEFAULT = [
    ("me@h", None, API + "test", "permit", "own-devices-rest"),
    ("me@h", None, "http://example.org/api/anything", "permit", "own-devices-rest"),
    ("me@h", None, CORE + "policy-management", "deny", "own-devices-core"),
    ("me@h", None, API + "dashboard", "deny", "own-devices-core"),
    ("me@h", "b-a", API + "apps", "prompt-blanket", "own-apps-register"),
    ("me@h", "b-a", API + "peers/pair", "prompt-oneshot", "own-apps-pair"),
    ("me@h", "b-a", API + "peers", "prompt-blanket", "own-apps-once"),
    ("me@h", "b-a", API + "discovery", "permit", "own-apps-harmless"),
    ("me@h", "b-a", API + "test", "permit", "own-apps-harmless"),
    ("me@h", "w-u", API + "devicestatus", "permit", "own-apps-harmless"),
    ("me@h", "b-a", API + "sensors/temperature", "prompt-blanket", "own-apps-once"),
    ("me@h", "b-a", API + "w3c/geolocation", "prompt-blanket", "own-apps-once"),
    ("me@h", "b-a", API + "notifications", "prompt-blanket", "own-apps-once"),
    ("me@h", "w-u", API + "mediaplay", "prompt-blanket", "own-apps-once"),
    ("me@h", "b-a", API + "app2app", "prompt-blanket", "own-apps-once"),
    ("me@h", "b-a", API + "actuators/switch", "prompt-session", "own-apps-session"),
    ("me@h", "b-a", API + "w3c/file/read", "prompt-session", "own-apps-session"),
    ("me@h", "b-a", API + "applauncher", "prompt-session", "own-apps-session"),
    ("me@h", "b-a", API + "mediacontent", "prompt-session", "own-apps-session"),
    ("me@h", "b-a", CORE + "widget/install", "deny", "own-apps-core"),
    ("me@h", "w-r", API + "contacts", "deny", "own-apps-rest"),
    ("bob@h", None, API + "discovery", "prompt-blanket", "friends-discovery"),
    ("bob@h", "b-a", API + "app2app", "prompt-session", "friends-app2app"),
    ("bob@h", None, API + "test", "deny", "friends-rest"),
    ("eve@h", None, API + "discovery", "deny", "strangers-rest"),
    ("eve@h", "b-a", API + "test", "deny", "strangers-rest"),
    (None, None, API + "test", "deny", "strangers-rest"),
]


def test_default_policies(pzp):
    folder = programs.REPO / "packaging/policies"
    slots = [f"--{name}={folder}/{name}.xml" for name in ("manufacturer", "user")]
    pzp("validate", *[str(f) for f in sorted(folder.glob("*.xml"))])
    root = xml.etree.ElementTree.parse(folder / "user.xml").getroot()
    rules = root.findall(".//rule")
    assert rules and all(r.get("description", "").endswith(".") for r in rules)
    decided = set()
    for user, kind, feature, effect, rule in DEFAULT:
        request = {"subject": {"user-id": [user] if user else [], "class": [kind] if kind else []},
                   "resource": {"api-feature": [feature]},
                   "context": {"owner": "me@h", "known": ["bob@h"], "device": "tv"}}
        shown = json.loads(pzp("test", *slots, "--request", "-", "--json", stdin=json.dumps(request)).stdout)
        assert (shown["effect"], shown["path"][-1]) == (effect, rule), request
        decided.add(rule)
    assert decided == {r.get("id") for r in rules}  # each rule has been seen to decide


def test_default_before_enrolment(pzp):
    """The owner is the device itself (page 9, 4.2)."""
    request = {"subject": {"user-id": ["tv"]}, "resource": {"api-feature": [API + "test"]},
               "context": {"owner": "tv", "device": "tv"}}
    file = f"--user={programs.REPO}/packaging/policies/user.xml"
    assert json.loads(pzp("test", file, "--request", "-", "--json", stdin=json.dumps(request)).stdout)[
        "path"][-1] == "own-devices-rest"
