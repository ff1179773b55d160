"""Pages in a real browser: Debian's chromium with playwright-core (page 11)."""

import pytest

from pz import browser
from pz.daemon import eventually

DEVICES = "[...document.querySelectorAll('[data-device]')].map((row) => row.dataset.device).sort().join()"
LOADS = "[...document.querySelectorAll('[data-device] td:nth-child(2)')].map((cell) => cell.textContent)"
NOTES = "document.getElementById('notes').innerText"
TEST = "http://webinos.org/api/test"


@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    if browser.missing():  # not at collection: it may install something
        pytest.skip(browser.missing())
    world = module_world
    world.pzh = world.hub()
    world.a, world.b = world.device("laptop", world.pzh), world.device("tv", world.pzh)
    world.a.calls(world.b)
    world.browser = browser.Browser()
    world.on_close(world.browser.close)
    world.sites = [browser.Site(directory) for directory in (browser.EXAMPLES, browser.BRIDGE, browser.BRIDGE)]
    for site in world.sites:
        world.on_close(site.close)
    return world


@pytest.fixture(autouse=True)
def fixture_clean(zone):
    zone.a.ask("prompts")  # a person looks
    zone.b.ask("prompts")
    yield
    for device in (zone.a, zone.b):
        for one in device.ask("apps"):
            device.ask("apps", {"forget": one["origin"]})


def port(device):
    return device.status()["ports"]["web"]


def allow(device, origin=None):
    question = eventually(lambda: device.ask("prompts"), what="question")[0]
    assert origin is None or question["who"]["origin"] == origin
    device.pzp("prompts", question["id"], "allow", "--remember", "always")
    return question


def open_page(zone, name, device=None, site=1, let_in=True):
    """A page with the library alone, let in."""
    device, site = device or zone.a, zone.sites[site]
    page = zone.browser.page(name, f"{site.origin}/page.html?port={port(device)}")
    page.wait("window.webinos")
    page.evaluate("void webinos.connect().catch(() => {})")
    if let_in:
        allow(device, site.origin)
    page.wait("webinos.state === 'connected'")
    return page


def test_example_devices(zone):
    """Another origin is asked about, shows the values of two devices as they change, and is cut off when the answer
    is taken back."""
    site = zone.sites[0]
    page = zone.browser.page("devices", f"{site.origin}/devices.html?port={port(zone.a)}")
    eventually(lambda: zone.a.ask("prompts"), what="question")
    page.wait("document.getElementById('state').textContent.includes('pzp prompts')")
    assert page.evaluate(DEVICES) == ""
    allow(zone.a, site.origin)
    page.wait(f"{DEVICES} === 'laptop,tv'")
    page.wait(f"{LOADS}.every((text) => /^[0-9.]+$/.test(text))")
    assert page.evaluate("webinos.find('" + TEST + "').then((all) => Promise.all(all.map((one) => one.get42('x'))))") == ["42 x"] * 2
    answers = zone.a.pzp("policy", "answers", "--json").json()
    zone.a.pzp("policy", "answers", "--delete", answers[-1]["id"])
    page.wait("webinos.state !== 'connected'")
    question = eventually(lambda: zone.a.ask("prompts"), what="another question")[0]
    zone.a.pzp("prompts", question["id"], "deny")
    page.wait("webinos.state === 'denied'")
    page.close()


def test_example_notes(zone):
    """Two pages, each at the pzpd of another device, write to each other by a service of theirs."""
    site = zone.sites[0]
    pages = []
    for name, device in (("laptop", zone.a), ("tv", zone.b)):
        pages.append(zone.browser.page(f"notes-{name}", f"{site.origin}/notes.html?port={port(device)}"))
        allow(device, site.origin)
        pages[-1].wait("mine")
    one, other = pages
    one.wait("webinos.find(NOTES).then((all) => all.length === 2)")
    one.evaluate("void (document.getElementById('text').value = 'buy milk', document.querySelector('button').click())")
    other.wait(f"{NOTES}.includes('laptop: buy milk')")
    one.wait("document.getElementById('state').textContent === 'sent to 1 of 1 pages'")
    for page in pages:
        page.close()


def test_two_pages_talk(zone):
    """By messages between apps: one of the same origin at once, one of another when its owner agrees."""
    one = open_page(zone, "one")
    one.evaluate("void (window.got = [], webinos.app.open('chat', (message, about) => (got.push([message, about.isSameOrigin]), 'yes')))")
    same = open_page(zone, "same", let_in=False)
    send = "webinos.app.find({ name: 'chat' }).then(([peer]) => peer.send('hello'))"
    same.wait("webinos.app.find({ name: 'chat' }).then((all) => all.length === 1)")
    assert same.evaluate(send) == "yes"
    other = open_page(zone, "other", site=2)
    other.evaluate(f"void (window.answer = null, {send}.then((answer) => (window.answer = answer)))")
    assert allow(zone.a, zone.sites[2].origin)["what"]["feature"] == "http://webinos.org/api/app2app"
    other.wait("window.answer === 'yes'")
    assert one.evaluate("got") == [["hello", True], ["hello", False]]
    for page in (one, same, other):
        page.close()


def test_a_page_that_reloads(zone):
    """The same session; a tab that is duplicated gets one of its own."""
    page = open_page(zone, "page")
    address = page.evaluate("webinos.session.getSessionId()")
    copy = page.duplicate("copy")
    copy.wait("window.webinos")
    copy.evaluate("webinos.connect()")
    assert copy.evaluate("webinos.session.getSessionId()") != address
    for _ in range(2):
        page.reload()
        page.wait("window.webinos")
        page.evaluate("webinos.connect()")
        assert page.evaluate("webinos.session.getSessionId()") == address
    assert copy.evaluate("webinos.state") == "connected"
    assert page.evaluate("Object.keys(sessionStorage).length") == 0
    copy.close()
    page.close()


def test_daemon_killed_and_back(zone):
    """The page connects again by itself, and goes on: its service and what it stored are there."""
    zone.a.pzp("prefs", "ports.web", port(zone.a), "--now")
    zone.a.wait_state("connected")
    page = open_page(zone, "page")
    page.evaluate("webinos.storage.set('k', { n: 1 })")
    page.evaluate("void webinos.services.register({ api: 'http://example.org/counter', displayName: 'Counter' }, { add: () => 1 })")
    zone.a.kill()
    page.wait("webinos.state !== 'connected'")
    zone.a.start()
    page.wait("webinos.state === 'connected'")
    assert page.evaluate("webinos.storage.get('k')") == {"n": 1}
    page.wait("webinos.find('http://example.org/counter').then((all) => all.length === 1)")
    zone.a.wait_state("connected")
    page.wait("webinos.find('" + TEST + "').then((all) => all.length === 2)")
    page.close()


def test_storage_is_cleared_with_the_session(zone):
    """Where so preferred; a reload is no end of it."""
    zone.a.pzp("prefs", "app.clear-on-disconnect", "true", "--now")
    zone.a.pzp("prefs", "sync.app-data", "false", "--now")
    zone.a.wait_state("connected")
    try:
        page = open_page(zone, "page")
        page.evaluate("webinos.storage.set('k', 1)")
        page.reload()
        page.wait("window.webinos")
        assert page.evaluate("webinos.storage.get('k')") == 1
        page.close()
        eventually(lambda: zone.a.ask("data-list")["origins"] == [], what="end of what the page stored")
    finally:
        zone.a.pzp("prefs", "app.clear-on-disconnect", "false", "--now")
        zone.a.pzp("prefs", "sync.app-data", "true", "--now")
        zone.a.wait_state("connected")


def test_a_tab_that_is_suspended(zone):
    """Frozen, with a stream that goes on: the daemon is not held up, and the page finds its session again."""
    page = open_page(zone, "page")
    page.evaluate("""void (async () => {
      window.values = 0;
      const [service] = await webinos.find('""" + TEST + """');
      for await (const value of service.stream('listenAttr.listenFor42', [{ repeat: true }])) window.values++;
    })()""")
    page.wait("window.values > 0")
    address = page.evaluate("webinos.session.getSessionId()")
    page.lifecycle(state="frozen")
    other = open_page(zone, "other", let_in=False)
    assert other.evaluate("webinos.find('" + TEST + "').then((all) => all.length)") == 2
    page.lifecycle(state="active")
    seen = page.evaluate("window.values")
    page.wait(f"window.values > {seen}")
    assert page.evaluate("webinos.session.getSessionId()") == address
    page.close()
    other.close()


def test_a_tab_that_sleeps_for_an_hour(zone):
    """Its clock jumps, all its timers fire: it is still connected, or is again."""
    page = zone.browser.page("page", f"{zone.sites[1].origin}/page.html?port={port(zone.a)}")
    page.clock()
    page.reload()
    page.wait("window.webinos")
    page.evaluate("void webinos.connect()")
    allow(zone.a)
    page.wait("webinos.state === 'connected'")
    page.forward(ms=3600 * 1000)
    page.wait("webinos.state === 'connected'")
    assert page.evaluate("webinos.find('" + TEST + "').then((all) => all.length)") == 2
    page.close()
