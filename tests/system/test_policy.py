"""`pzp policy`: the vectors of page 9 through the command line, without a daemon (page 12)."""

import json
import subprocess

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
    assert done.stdout == "deny, because no policy says anything about this request\n"


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
