"""Questions for a person: who may answer, which answers count, what is remembered (page 9, section
11)."""

import json
import signal
import threading

import pytest

from pz import daemon, fakepeer, foreign, wire
from pz.daemon import eventually, is_direct

ZONE = daemon.ZONE
ASKS = """<policy id="asks" combine="first-applicable">
  <rule effect="{effect}" description="The test service asks."><condition combine="and">
    <resource-match attr="api-feature" match="http://webinos.org/api/test"/>
    <subject-match attr="requestor-id" match="{who}"/>
  </condition></rule>
  <rule effect="permit"/>
</policy>"""


@pytest.fixture(scope="module", name="home")
def fixture_home(module_lab):
    """Laptop (calls), tv (is called and asks) and phone on one network, with direct links."""
    lab = module_lab
    lab.home = lab.lan("home")
    lab.pzh = lab.hub(lab.host("server", lab.home))
    lab.laptop, lab.tv, lab.phone, lab.other = [
        lab.host(name, lab.home) for name in ("laptop", "tv", "phone", "other")]
    lab.a, lab.b, lab.c = [lab.device(host, lab.pzh) for host in (lab.laptop, lab.tv, lab.phone)]
    for one in (lab.a, lab.b, lab.c):
        one.wait_synced(3)
    lab.b.connect(lab.c)
    is_direct(lab.b, lab.c)
    return lab


@pytest.fixture(name="asking")
def fixture_asking(home):
    """asking(effect): from now on the tv asks before the laptop may test."""
    def set_effect(effect="prompt-blanket", who="laptop"):
        home.b.ask("policy-set", {"slot": "exceptions", "document": ASKS.format(effect=effect, who=who)})

    yield set_effect
    home.b.ask("policy-set", {"slot": "exceptions", "remove": True})
    home.b.pzp("policy", "answers", "--all")
    for key in ("prompts.agents", "policy.prompt-timeout"):
        home.b.pzp("prefs", key, "--reset", "--now")
    home.b.wait_state("connected")


class Call:
    """The laptop's call in a thread of its own."""

    def __init__(self, device, target="tv", seconds=60):
        self.result = None

        def run():
            self.result = device.pzp("call", f"test@{target}", "get42", '["x"]', "--json", "--timeout",
                                     seconds, check=False)

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def code(self):
        self.thread.join(90)
        assert self.result is not None, "the call does not end"
        return self.result.code


class Agent:
    """A program that answers, as `pzp prompts --watch` is."""

    def __init__(self, device):
        self.control = device.control()
        self.control.send("prompts", {"watch": True})
        self.control.request("status")  # answered later: the agent is there

    def until(self, wanted):
        while True:
            event = self.control.message(30).get("params", {}).get("event")
            if event and wanted(event):
                return event

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.control.close()


def watching(device):
    return Agent(device)


def knows_agent(device, other):
    """The device has been sent that a person at the other one may answer."""
    eventually(lambda: device.peers()[other.device]["answers"], what=f"agent on {other.device}")


def next_prompt(agent):
    return agent.until(lambda event: event["event"] == "prompt")


def last_asked(device):
    """What the audit says of the person, for the laptop's last call."""
    records = [json.loads(line) for line in device.pzp("audit", "--who", "laptop", "--json").out.splitlines()]
    return [one for one in records if one["what"].get("point") == "call"][-1]["asked"]


def test_without_an_agent_it_is_denied_at_once(home, asking):
    asking()
    home.b.pzp("prefs", "prompts.agents", "none", "--now")
    home.b.wait_state("connected")
    start = len(home.b.lines)
    assert Call(home.a).code() == 5
    assert "no prompt agent" in home.b.wait_log("prompt-refused", start=start)


def test_answered_at_the_device(home, asking):
    asking()
    with watching(home.b) as agent:
        call = Call(home.a)
        event = next_prompt(agent)
        assert event["who"]["zone"] == ZONE and event["who"]["device"] == "laptop"
        assert event["what"]["feature"] == "http://webinos.org/api/test"
        assert event["rule"] == "The test service asks."
        assert [one["number"] for one in event["answers"]] == [0, 1, 2, 3, 4, 5]
        listed = home.b.pzp("prompts", "--json").json()
        assert [one["id"] for one in listed] == [event["id"]]
        shown = home.b.pzp("prompts").out
        assert f"the device laptop of {ZONE}" in shown and "pzp prompts" in shown
        answer = home.b.pzp("prompts", event["id"][:8], "allow", "--json").json()
        assert answer["answer"] == "allow" and answer["remember"] == "once" and not answer["remembered"]
        assert call.code() == 0 and call.result.json() == {"result": "42 x"}
        assert last_asked(home.b) == {"answer": "yes", "by": "control"}
        [last, *_] = home.b.ask("policy-why", {"all": True})
        assert last["answeredBy"] == "control"
        assert "a person was asked: answered by control" in home.b.pzp("policy", "why", last["id"]).out
        assert home.b.pzp("prompts", event["id"], "deny", check=False).code == 1
        call = Call(home.a)
        home.b.pzp("prompts", next_prompt(agent)["id"], "deny")
        assert call.code() == 5
        assert last_asked(home.b) == {"answer": "no", "by": "control"}


def test_no_answer_is_a_no(home, asking):
    asking()
    home.b.pzp("prefs", "policy.prompt-timeout", "10", "--now")
    home.b.wait_state("connected")
    with watching(home.b) as agent:
        call = Call(home.a)
        event = next_prompt(agent)
        ended = agent.until(lambda one: one["event"] == "prompt-ended")
        assert ended["id"] == event["id"] and "in time" in ended["reason"]
        assert call.code() == 5
        assert last_asked(home.b) == {"answer": "no"}
        # too late for the call, and remembered
        late = home.b.pzp("prompts", event["id"], "allow", "--remember", "always", "--json").json()
        assert late["late"] and late["remembered"]
        assert Call(home.a).code() == 0
        assert last_asked(home.b) == {"answer": "yes"}  # the answer of before


def test_answers_are_remembered_as_the_policy_lets_them(home, asking):
    asking("prompt-session")
    with watching(home.b) as agent:
        call = Call(home.a)
        answer = home.b.pzp("prompts", next_prompt(agent)["id"], "allow", "--remember", "always", "--json").json()
        assert answer["remember"] == "session"  # what the policy offers
        assert call.code() == 0
        assert Call(home.a).code() == 0
        [kept] = home.b.pzp("policy", "answers", "--json").json()
        assert kept["device"] == "laptop" and kept["answer"] == "allow" and kept["remember"] == "session"
        # a stricter policy counts at once
        asking("prompt-oneshot")
        call = Call(home.a)
        home.b.pzp("prompts", next_prompt(agent)["id"], "deny")
        assert call.code() == 5
        asking("prompt-session")
        assert Call(home.a).code() == 0
        home.b.pzp("policy", "answers", "--delete", kept["id"])
        call = Call(home.a)
        home.b.pzp("prompts", next_prompt(agent)["id"], "deny", "--remember", "always")
        assert call.code() == 5
        assert Call(home.a).code() == 5
        assert home.b.pzp("policy", "answers", "--delete", kept["id"], check=False).code == 1


def test_an_answer_for_good_outlives_a_kill(home, asking):
    asking()
    with watching(home.b) as agent:
        call = Call(home.a)
        home.b.pzp("prompts", next_prompt(agent)["id"], "allow", "--remember", "always")
        assert call.code() == 0
    home.b.kill()
    home.b.start()
    home.b.wait_state("connected")
    eventually(lambda: Call(home.a).code() == 0, 30, "call that works again")
    home.b.connect(home.c)
    is_direct(home.b, home.c)


def test_a_caller_that_goes_takes_its_question_along(home, asking):
    asking()
    with watching(home.b) as agent:
        with home.a.stream("call", "test@tv", "get42", '["x"]', "--timeout", "60") as call:
            event = next_prompt(agent)
            call.interrupt(signal.SIGINT)
        ended = agent.until(lambda one: one["event"] == "prompt-ended")
        assert ended["id"] == event["id"] and "gone" in ended["reason"]
        assert home.b.pzp("prompts", event["id"], "allow", check=False).code == 1


def test_answered_on_another_device(home, asking):
    asking()
    with watching(home.c) as phone, watching(home.b) as tv:
        knows_agent(home.b, home.c)
        call = Call(home.a)
        event = next_prompt(phone)
        assert event["device"] == "tv" and event["who"]["device"] == "laptop"
        assert next_prompt(tv)["id"] == event["id"]
        home.c.pzp("prompts", event["id"], "allow", "--remember", "session")
        assert call.code() == 0
        assert last_asked(home.b) == {"answer": "yes", "by": "phone"}
        assert tv.until(lambda one: one["event"] == "prompt-ended")["id"] == event["id"]
        assert home.b.pzp("prompts", event["id"], "deny", check=False).code == 1  # answered
        [kept] = home.b.pzp("policy", "answers", "--json").json()
        assert kept["remember"] == "session"
        assert home.c.pzp("policy", "answers", "--json").json() == []
        # one that is withdrawn goes there, too
        home.b.pzp("policy", "answers", "--all")
        call = Call(home.a)
        event = next_prompt(phone)
        next_prompt(tv)
        home.b.pzp("prompts", event["id"], "deny")
        assert phone.until(lambda one: one["event"] == "prompt-ended")["id"] == event["id"]
        assert call.code() == 5


def test_a_device_that_is_not_marked_is_not_asked(home, asking):
    asking()
    home.b.pzp("prefs", "prompts.agents", "laptop", "--now")
    home.b.wait_state("connected")
    with watching(home.c):
        knows_agent(home.b, home.c)
        assert Call(home.a).code() == 5  # neither the phone nor the laptop itself may answer


def test_a_device_does_not_answer_for_itself(home, asking):
    """The caller has an agent of its own, and a direct link with the tv."""
    asking(who="phone")
    home.b.pzp("prefs", "prompts.agents", "phone", "--now")
    home.b.wait_state("connected")
    home.b.connect(home.c)
    is_direct(home.b, home.c)
    with watching(home.c):
        knows_agent(home.b, home.c)
        assert Call(home.c).code() == 5


@pytest.fixture(name="rights")
def fixture_rights(home):
    """rights(device, ...): these and no others has the device, and the tv has been sent it."""
    devices = {"laptop": home.a, "tv": home.b, "phone": home.c}

    def give(name, *wanted):
        for right in ("answer", "policy", "admin"):
            home.pzh.pzh("rights", name, right, "yes" if right in wanted else "no")

    yield give
    for name in devices:
        give(name, "answer", "policy", "admin")


def test_the_three_rights_are_separate(home, asking, rights, tmp_path):
    """page 14 AC-10: one device answers questions, one edits the policy, one administers the zone."""
    rights("phone", "answer")
    rights("laptop", "policy")
    rights("tv", "admin")
    assert [one["rights"] for one in sorted(home.pzh.pzh("devices", "--json").json(), key=lambda d: d["name"])] == \
        [["policy"], ["answer"], ["admin"]]
    policy = tmp_path / "policy.xml"
    policy.write_text(home.a.pzp("policy", "show").out)
    for device, may in ((home.a, "policy"), (home.b, "admin"), (home.c, "answer")):
        edited = device.pzp("policy", "set", policy, check=False)
        invited = device.pzp("friend", "invite", "--json", check=False)
        assert (edited.code == 0) == (may == "policy"), edited.err
        assert (invited.code == 0) == (may == "admin"), invited.err
        for refused, right in ((edited, "policy"), (invited, "admin")):
            if refused.code:
                assert f"`pzh rights {device.device} {right} yes`" in refused.err + refused.out
    home.pzh.wait_log(r"right-refused .*device=phone .*right policy")
    assert [one["zone"] for one in home.c.pzp("friends", "--json").json()] == []  # looking needs no right
    # the tv asks: of the devices with a person only the phone may answer
    asking("prompt-oneshot")
    with watching(home.c) as phone:
        knows_agent(home.b, home.c)
        call = Call(home.a)
        home.c.pzp("prompts", next_prompt(phone)["id"], "allow")
        assert call.code() == 0
        # it waits while the right goes: the phone's question ends, and so does its say
        call = Call(home.a)
        event = next_prompt(phone)
        rights("phone", "policy", "admin")
        assert phone.until(lambda one: one["event"] == "prompt-ended")["id"] == event["id"]
        assert home.c.pzp("prompts", event["id"], "allow", check=False).code == 1
        home.b.pzp("prompts", event["id"], "deny")
        assert call.code() == 5
        assert home.c.pzp("policy", "set", policy).code == 0
    with watching(home.b) as tv:  # the person at the tv itself needs no right
        call = Call(home.a)
        home.b.pzp("prompts", next_prompt(tv)["id"], "allow")
        assert call.code() == 0


HOSTILE = {
    "an unknown question": {"id": "0" * 32, "answer": 5},
    "no id": {"answer": 5},
    "no number": {"id": "0" * 32, "answer": "5"},
}


@pytest.mark.parametrize("how", ["app", "itself", *HOSTILE])
def test_who_is_no_agent_answers_nothing(home, asking, how):
    """A device of the zone that calls, and answers its own question (page 14 PRM-1, PRM-7)."""
    name = "self-" + how.replace(" ", "-")
    me = fakepeer.enrol(home.other, home.pzh, name)
    asking(who=name)
    port = home.b.status()["ports"]["tls"]
    with watching(home.b) as agent, \
            fakepeer.connect(home.other, me, home.tv.address(), port) as link:
        tv = f"{ZONE}/tv"
        link.send(wire.prop(me.address, "pzpInfo", {"addresses": [], "port": 0, "answers": True}, tv))
        request = wire.request(foreign.TEST_METHOD, ["x"])
        link.send(wire.rpc(me.address, tv, request))
        event = next_prompt(agent)
        body = HOSTILE.get(how, {"id": event["id"], "answer": 5})
        sender = f"{me.address}/app" if how == "app" else me.address
        link.send(wire.prop(sender, "promptAnswer", body, tv))
        home.b.pzp("prompts", event["id"], "deny")
        assert "error" in link.expect_answer(request["id"])
        assert not [m for m in link.inbox if m.get("payload", {}).get("status") == "prompt"]


def test_programs_are_as_they_say(home):
    assert home.b.pzp("prompts", "--json").json() == []
    assert home.b.pzp("prompts", "00112233", "allow", check=False).code == 1
    assert home.b.pzp("prompts", "00112233", "perhaps", check=False).code == 2
    assert home.b.pzp("policy", "answers", "--delete", "x", check=False).code == 2


def test_a_person_sees_questions_as_text(home, asking):
    """`pzp prompts --watch`, and the events of `pzp watch`."""
    asking()
    with home.b.stream("watch", "--json") as watch, home.b.stream("prompts", "--watch", "--json") as stream:
        watch.line()
        # The stream has joined when the call is not denied at once any more.
        calls = []

        def is_asked():
            calls.append(Call(home.a))
            calls[-1].thread.join(1)
            return calls[-1].result is None

        eventually(is_asked, 30, "question")
        event = next_prompt(stream)
        seen = watch.until(lambda one: one["event"] == "prompt")
        assert seen["id"] == event["id"] and seen["text"] == event["text"]
        home.b.pzp("prompts", event["id"], "deny")
        assert watch.until(lambda one: one["event"] == "prompt-ended")["id"] == event["id"]
        assert calls[-1].code() == 5
