"""A question on the desktop, answered with the mouse (page 9, 11.4 and 11.6, 10)."""

import threading

import pytest

from pz import desktop as screen
from pz.daemon import eventually

ASKS = """<policy id="asks" combine="first-applicable">
  <rule effect="prompt-blanket" description="The test service asks."><condition>
    <resource-match attr="api-feature" match="http://webinos.org/api/test"/>
  </condition></rule>
  <rule effect="permit"/>
</policy>"""

pytestmark = pytest.mark.skipif(bool(screen.missing()), reason=f"not installed: {', '.join(screen.missing())}")


class Call:
    def __init__(self, device):
        self.result = None
        self.thread = threading.Thread(target=self.run, args=(device,))
        self.thread.start()

    def run(self, device):
        self.result = device.pzp("call", "test@tv", "get42", '["x"]', "--json", "--timeout", 60, check=False)

    def code(self):
        self.thread.join(90)
        return self.result.code


@pytest.fixture(name="home")
def fixture_home(world):
    """The laptop calls, the tv asks on its desktop."""
    world.screen = screen.Desktop(world.path)
    world.on_close(world.screen.close)
    world.screen.start_daemon()
    hub = world.hub()
    world.laptop = world.device("laptop", hub)
    world.tv = world.device("tv", hub, env=world.screen.environment)
    world.tv.wait_log("questions are shown on the desktop")
    world.tv.ask("policy-set", {"slot": "exceptions", "document": ASKS})
    return world


def asked(device):
    return device.ask("policy-why", {"all": True})[0].get("answeredBy")


def test_a_click_answers_the_question(home):
    call = Call(home.laptop)
    offered = home.screen.choose("allow this time")
    assert offered == {"deny always", "deny this time", "deny for this session", "allow this time",
                       "allow for this session", "allow always"}
    assert call.code() == 0 and call.result.json() == {"result": "42 x"}
    assert asked(home.tv) == "desktop"
    home.screen.wait_nothing()
    call = Call(home.laptop)
    home.screen.choose("deny always")
    assert call.code() == 5
    assert [one["answer"] for one in home.tv.pzp("policy", "answers", "--json").json()] == ["deny"]
    assert Call(home.laptop).code() == 5  # without a question
    home.screen.wait_nothing()


def test_closing_it_is_no_answer(home):
    call = Call(home.laptop)
    home.screen.click(2)
    home.screen.wait_nothing()
    [waiting] = home.tv.pzp("prompts", "--json").json()
    home.tv.pzp("prompts", waiting["id"], "allow")
    assert call.code() == 0


def test_what_is_answered_elsewhere_goes_from_the_screen(home):
    call = Call(home.laptop)
    home.screen.wait_shown()
    [waiting] = home.tv.pzp("prompts", "--json").json()
    home.tv.pzp("prompts", waiting["id"], "deny")
    assert call.code() == 5
    home.screen.wait_nothing()


def test_a_desktop_without_its_service_asks_no_one(home):
    """Without it a call is denied at once; a service that comes back shows questions again."""
    home.screen.stop_daemon()
    eventually(lambda: Call(home.laptop).code() == 5 and "no prompt agent" in home.tv.log(), 60,
               "denial without an agent")
    assert asked(home.tv) is None
    start = len(home.tv.lines)
    home.screen.start_daemon()
    home.tv.wait_log("questions are shown on the desktop", start=start)
    call = Call(home.laptop)
    home.screen.choose("allow always")
    assert call.code() == 0
