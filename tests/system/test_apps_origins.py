"""Kinds of origins: how the owner sees them, and which internet pages a browser allows to read from
this machine (page 11, "Pages of the internet and this machine", "What the owner sees of an
origin")."""

import json

import pytest

from pz import ws
from pz.apps import ORIGIN, answer, fixture_forget, fixture_person, fixture_zone, let_in  # noqa: F401
from pz.daemon import eventually

METHOD = ("Access-Control-Request-Method", "GET")
PRIVATE = ("Access-Control-Request-Private-Network", "true")
LOCAL = ("Access-Control-Request-Local-Network", "true")
DENY = """<policy id="no" combine="first-applicable"><rule effect="deny"><condition>
  <resource-match attr="api-feature" match="http://webinos.org/api/apps"/></condition></rule></policy>"""


def preflight(zone, origin=ORIGIN, target="/webinos.js", asks=(METHOD, PRIVATE), **kwargs):
    fields = (() if origin is None else (("Origin", origin),)) + tuple(asks)
    status, fields, body = ws.request(zone.port, target, fields=fields, method="OPTIONS", **kwargs)
    granted = {name: value for name, value in fields.items() if name.startswith("access-control")}
    assert bool(granted) == (status == 204)
    assert status != 204 or (body == b"" and "content-length" not in fields and fields["vary"] == "Origin")
    return status, granted


def status(zone, *args, **kwargs):
    return preflight(zone, *args, **kwargs)[0]


@pytest.fixture(name="open_app")
def fixture_open_app(zone, person):
    app = let_in(zone.a, ws.App(zone.port))
    yield app
    app.close()


# ---- preflights ----

@pytest.mark.parametrize("target", ["/webinos.js", "/webinos.mjs", "/webinosConfig.json", "/webinos.js?v=1"])
def test_a_page_that_was_let_in_may_load_the_library(zone, open_app, target):
    allowed = {"access-control-allow-origin": ORIGIN, "access-control-allow-methods": "GET",
               "access-control-max-age": "10"}
    private, local = "access-control-allow-private-network", "access-control-allow-local-network"
    assert preflight(zone, target=target) == (204, {**allowed, private: "true"})
    assert preflight(zone, target=target, asks=(METHOD, LOCAL)) == (204, {**allowed, local: "true"})
    asks = (METHOD, PRIVATE, LOCAL, ("Access-Control-Request-Headers", "x-secret"))
    assert preflight(zone, target=target, asks=asks) == (204, {**allowed, private: "true", local: "true"})


def test_nothing_else_of_cors_is_opened(zone, open_app):
    for target in ("/", "/webinos.js", "/webinosConfig.json"):
        code, fields, _ = ws.request(zone.port, target, fields=(("Origin", ORIGIN), PRIVATE))
        assert code == 200 and not any(name.startswith("access-control") for name in fields)


@pytest.mark.parametrize("origin", ["https://other.example", "https://app.example:444", "https://app.example.evil.example",
                                    "null", "file://", "http://app.example", "http://localhost:8000", "program:backup",
                                    "https://", "https://app.example/", "HTTPS://app.example", "https://" + "x" * 300])
def test_other_origins_are_refused(zone, open_app, origin):
    assert status(zone, origin) == 403


@pytest.mark.parametrize("asks", [(), (METHOD,), (PRIVATE,), (METHOD, (PRIVATE[0], "false")), (METHOD, (PRIVATE[0], "TRUE"))])
def test_options_that_is_no_preflight_is_refused(zone, open_app, asks):
    assert status(zone, asks=asks) == 405
    assert status(zone, None, asks=(METHOD, PRIVATE)) == 405


def test_other_paths_methods_and_hosts_are_refused(zone, open_app):
    for target in ("/", "/other", "/webinos.js/", "//webinos.js", "/%77ebinos.js"):
        assert status(zone, target=target) == 403
    for method in ("POST", "PUT", "HEAD", "get", "GET, POST"):
        assert status(zone, asks=((METHOD[0], method), PRIVATE)) == 403
    assert status(zone, host="evil.example") == 421
    assert status(zone, asks=(METHOD, METHOD, PRIVATE)) == 400
    assert status(zone, asks=(METHOD, PRIVATE, ("Content-Length", "4"))) == 413


def test_from_the_question_to_the_end(zone, person):
    """Before the first handshake, while the owner is asked, with a session, and after it."""
    assert status(zone) == 403
    app = ws.App(zone.port)
    eventually(lambda: zone.a.ask("prompts"), what="question")
    assert status(zone) == 204
    answer(zone.a, "allow")
    app.wait_registered()
    assert status(zone) == 204
    app.close()
    eventually(lambda: status(zone) == 403, what="end of the session")


def test_a_page_that_is_denied_is_refused(zone, person):
    app = ws.App(zone.port)
    answer(zone.a, "deny", "--remember", "always")
    app.wait_registered()
    assert status(zone) == 403
    app.close()


def test_a_remembered_yes_counts_until_it_is_taken_back(zone, open_app):
    open_app.close()
    eventually(lambda: zone.a.ask("apps")[0]["sessions"] == 0, what="end of the session")
    assert status(zone) == 204
    zone.a.ask("policy-set", {"slot": "exceptions", "document": DENY})
    try:
        assert status(zone) == 403
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})
    assert status(zone) == 204
    zone.a.pzp("policy", "answers", "--all")
    assert status(zone) == 403


def record(zone):
    return [json.loads(line) for line in zone.a.pzp("audit", "--json").out.splitlines()]


def test_strangers_do_not_fill_the_record(zone, person):
    """Neither a question nor a decision comes of them: the next decision is about the next page."""
    before = len(record(zone))
    for i in range(20):
        assert status(zone, f"https://{i}.example") == 403
    assert zone.a.ask("prompts") == [] and zone.a.ask("apps") == []
    app = ws.App(zone.port)
    question = answer(zone.a, "deny")
    app.wait_registered()
    first = eventually(lambda: record(zone)[before:], what="decision")[0]
    assert question["who"]["app"] in first["who"]["app"] and first["what"]["point"] == "call"
    app.close()


# ---- what the owner sees ----

@pytest.mark.parametrize("origin, kind, text, column", [
    (ORIGIN, "https", f"May the web site {ORIGIN} on the device laptop of ", "https page"),
    ("http://localhost:8000", "local", "May the page http://localhost:8000 of a program on the device laptop of ",
     "page of this device")])
def test_the_kind_of_a_page_is_shown(zone, person, origin, kind, text, column):
    app = ws.App(zone.port, origin)
    eventually(lambda: zone.a.ask("prompts"), what="question")
    assert text in zone.a.pzp("prompts").out
    question = answer(zone.a, "allow", "--remember", "always")
    assert question["text"].startswith(text) and question["who"]["kind"] == kind
    app.wait_registered()
    assert row_of(zone, origin).startswith(column)
    app.close()


def test_a_program_is_shown_as_one(zone, person):
    token = zone.a.pzp("app", "token", "backup", "--json").json()["token"]
    app = ws.App(zone.port, None, fields=(("Authorization", f"Bearer {token}"),)).wait_registered()
    id = app.request(app.pzp, "Peers.discover", [])
    question = answer(zone.a, "allow")
    assert question["text"].startswith("May the program program:backup on the device laptop of ")
    assert question["who"]["kind"] == "program"
    assert "result" in app.answer(id)[0]
    assert row_of(zone, "program:backup").startswith("program ")
    app.close()


def row_of(zone, origin):
    """What `pzp apps` shows of it after its name."""
    head, *rows = zone.a.pzp("apps").out.splitlines()
    assert head.split()[:2] == ["ORIGIN", "KIND"]
    row, = [one for one in rows if one.split()[0] == origin]
    return row.removeprefix(origin).lstrip()
