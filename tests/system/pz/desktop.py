"""A desktop: a session bus, an X server without a screen, and dunst, a notification daemon in use.

What a person does with the mouse is done by the X server's own events (xdotool), so the way is that
of a real click: server, dunst, its menu of actions, the bus, pzpd. The menu is a program that dunst
starts, gives the lines to, and reads the chosen line from: here one that chooses by a file.
"""

import os
import pathlib
import shutil
import subprocess

from .daemon import eventually

NEEDED = ("Xvfb", "dbus-daemon", "dunst", "xdotool")
SETTINGS = """[global]
    follow = none
    width = 400
    height = 300
    origin = top-left
    offset = 10x10
    notification_limit = 1
    dmenu = {menu}
    mouse_left_click = do_action
    mouse_middle_click = close_current
    mouse_right_click = none
"""
MENU = """#!/bin/sh
# One choice at a time: it waits until one is in the pipe, so that no click is lost.
cat > {lines}.new && mv {lines}.new {lines}
read -r wanted < {choice} && grep -F -- "#$wanted (" {lines}
"""


def missing():
    """Programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


class Desktop:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.lines, self.choice, menu = (self.path / name for name in ("menu.lines", "menu.choice", "menu"))
        os.mkfifo(self.choice)
        menu.write_text(MENU.format(lines=self.lines, choice=self.choice))
        menu.chmod(0o755)
        self.settings = self.path / "dunstrc"
        self.settings.write_text(SETTINGS.format(menu=menu))
        self.bus = subprocess.Popen(["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
                                     f"--address=unix:path={self.path / 'bus'}"],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.address = self.bus.stdout.readline().strip()
        self.screen = subprocess.Popen(["Xvfb", "-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                       text=True)
        self.display = f":{self.screen.stdout.readline().strip()}"
        self.daemon = None

    @property
    def environment(self):
        """Of the daemon whose desktop it is."""
        return {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def start_daemon(self):
        env = {**os.environ, **self.environment, "DISPLAY": self.display, "HOME": str(self.path)}
        self.daemon = subprocess.Popen(["dunst", "-config", str(self.settings)], env=env,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)

    def stop_daemon(self):
        self.daemon.terminate()
        self.daemon.wait()

    def _xdotool(self, *args):
        return subprocess.run(["xdotool", *map(str, args)], env={**os.environ, "DISPLAY": self.display},
                              capture_output=True, text=True, timeout=30)

    def window(self):
        """The notification on the screen, or None."""
        return next(iter(self._xdotool("search", "--onlyvisible", "--class", "dunst").stdout.split()), None)

    def wait_shown(self):
        return eventually(self.window, 20, "notification on the screen")

    def wait_nothing(self):
        eventually(lambda: self.window() is None, 20, "empty screen")

    def click(self, button=1):
        """With the mouse, in the middle of the text of the notification."""
        done = self._xdotool("mousemove", "--window", self.wait_shown(), 40, 20, "click", button)
        assert done.returncode == 0, done.stderr

    def choose(self, action):
        """A click opens the menu, and the action in it is chosen. Returns all that it offered: a set, since
        dunst does not keep their order."""
        self.lines.unlink(missing_ok=True)
        self.click()
        self.choice.write_text(action + "\n")  # blocks until the menu reads
        return {line[1:].rpartition(" (")[0] for line in self.lines.read_text().splitlines() if line.startswith("#")}

    def close(self):
        for one in (self.daemon, self.screen, self.bus):
            if one is not None and one.poll() is None:
                one.terminate()
                one.wait()
        self.bus.stdout.close()
        self.screen.stdout.close()
