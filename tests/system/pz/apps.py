"""A zone whose laptop lets web pages in, and a person who answers: fixtures for the tests of page 11."""

import pytest

from pz import ws
from pz.daemon import eventually

ORIGIN = "https://app.example"
TEST = "http://webinos.org/api/test"


@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    """Hub, laptop with a web port, tv."""
    world = module_world
    world.pzh = world.hub()
    world.a, world.b = world.device("laptop", world.pzh), world.device("tv", world.pzh)
    world.port = world.a.status()["ports"]["web"]
    world.a.calls(world.b)
    return world


@pytest.fixture(autouse=True)
def fixture_forget(request):
    """No app is known to the next test."""
    yield
    if "zone" in request.fixturenames:
        zone = request.getfixturevalue("zone")
        for one in zone.a.ask("apps"):
            zone.a.ask("apps", {"forget": one["origin"]})
        zone.a.pzp("policy", "answers", "--all", check=False)


def answer(device, *choice):
    """Answers the one question that waits. @return it"""
    question = eventually(lambda: device.ask("prompts"), what="question")[0]
    device.pzp("prompts", question["id"], *choice)
    return question


def let_in(device, app, *choice):
    answer(device, *(choice or ("allow", "--remember", "always")))
    return app.wait_registered()


def asker(device):
    """A program that shows questions: without one there is no person to ask. A person who has looked
    is there, too, so that it does not matter which comes first, program or question."""
    device.ask("prompts")
    return device.stream("prompts", "--watch")


@pytest.fixture(scope="module", name="person")
def fixture_person(zone):
    with asker(zone.a) as stream:
        yield stream


@pytest.fixture(name="app")
def fixture_app(zone, person):
    app = let_in(zone.a, ws.App(zone.port))
    yield app
    app.close()
