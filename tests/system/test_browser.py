"""A page in a real browser (Debian's chromium): asked for, let in, and cut off (page 11)."""

import pytest

from pz import browser
from pz.daemon import eventually


@pytest.mark.skipif(browser.program() is None, reason="no chromium")
def test_example_page(world):
    """examples/devices.html shows the devices of the zone once its owner has agreed."""
    hub = world.hub()
    laptop, tv = world.device("laptop", hub), world.device("tv", hub)
    laptop.calls(tv)
    laptop.ask("prompts")  # a person looks
    site = browser.Site(browser.EXAMPLES)
    world.on_close(site.close)
    page = browser.Browser()
    world.on_close(page.close)
    page.open(f"{site.origin}/devices.html?port={laptop.status()['ports']['web']}")

    question = eventually(lambda: laptop.ask("prompts"), what="question")[0]
    assert question["who"]["origin"] == site.origin
    assert page.evaluate("document.querySelectorAll('[data-device]').length") == 0
    assert "pzp prompts" in page.evaluate("document.getElementById('state').textContent")

    laptop.pzp("prompts", question["id"], "allow", "--remember", "always")
    names = "[...document.querySelectorAll('[data-device]')].map((row) => row.dataset.device).sort()"
    eventually(lambda: page.evaluate(names) == ["laptop", "tv"], what="devices")
    load = "[...document.querySelectorAll('[data-device] td:nth-child(2)')].map((cell) => cell.textContent)"
    eventually(lambda: all(text.replace(".", "").isdigit() for text in page.evaluate(load)), what="their load")
    assert laptop.ask("apps")[0]["origin"] == site.origin

    laptop.ask("apps", {"forget": site.origin})
    eventually(lambda: "forgotten" in page.evaluate("webinos.reason + document.getElementById('state').textContent")
               or "Waiting" in page.evaluate("document.getElementById('state').textContent"), what="end of the session")
    again = eventually(lambda: laptop.ask("prompts"), what="another question")[0]
    laptop.pzp("prompts", again["id"], "deny")
    eventually(lambda: page.evaluate("webinos.state") == "denied", what="denial")
