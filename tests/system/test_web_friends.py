"""Services of a friend's zone from JavaScript: found, called and listened to as the policy allows
(pages 7 and 11)."""

import os
import pathlib
import subprocess

import pytest

from pz.daemon import eventually
from test_friends import ALICE, BOB
from test_friends_calls import families, share, works  # noqa: F401
from test_webinos_js import Owner, node

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"


@pytest.mark.skipif(node() is None, reason="no node (18 or later)")
def test_library(families):  # noqa: F811
    """Bob's page sees what Alice shares with Bob, through both hubs; a page that he does not let in sees nothing."""
    alice, bob = families
    share(alice, BOB)
    eventually(lambda: works(bob["pad"]), 20, "a call of what is shared")
    owner = Owner(bob["pad"])
    owner.start()
    result = subprocess.run(
        [node(), "--test", str(WEB / "test/friends.test.mjs")], capture_output=True, text=True, timeout=100,
        env={**os.environ, "PZ_WEB_URL": f"ws://localhost:{bob['pad'].status()['ports']['web']}/",
             "PZ_FRIEND": ALICE, "PZ_FRIEND_DEVICE": "tv"})
    owner.is_over.set()
    owner.join()
    assert result.returncode == 0, result.stdout + result.stderr
