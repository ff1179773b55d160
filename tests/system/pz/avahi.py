"""A system's avahi-daemon with a D-Bus of its own, on a host of the lab."""

import pathlib
import shutil
import subprocess

import pytest

from .closing import Closing

BUS = """<busconfig>
<type>system</type><listen>unix:path={path}</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>
<allow send_type="method_call"/><allow eavesdrop="true"/></policy>
</busconfig>
"""
CONFIG = """[server]
host-name={name}
use-ipv4=yes
use-ipv6=yes
[publish]
publish-hinfo=no
publish-workstation=no
"""


class Avahi(Closing):
    """Runs until close(); daemons that are started on the host afterwards use it."""

    def __init__(self, host, folder):
        programs = [shutil.which(name, path="/usr/sbin:/usr/bin")
                    for name in ("dbus-daemon", "avahi-daemon")]
        if not all(programs):
            pytest.skip("no dbus-daemon or no avahi-daemon")
        self.processes, path = [], pathlib.Path(folder, "bus")
        bus, config = path.with_suffix(".conf"), path.with_suffix(".avahi")
        bus.write_text(BUS.format(path=path))
        config.write_text(CONFIG.format(name=host.name))
        host.environment["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={path}"
        self._start(host, [programs[0], "--nofork", "--nopidfile", f"--config-file={bus}",
                           "--print-address"], b"unix:")
        # Its pid file stands in /run, which all hosts share.
        alone = ["unshare", "--mount", "sh", "-c",
                 'mkdir -p /run/avahi-daemon && mount -t tmpfs none /run/avahi-daemon && exec "$@"',
                 "sh"]
        self._start(host, [*alone, programs[1], "-f", str(config), "--no-drop-root", "--no-chroot",
                           "--no-rlimits"], b"startup complete")

    def _start(self, host, argv, sign):
        process = subprocess.Popen([*host.prefix, *argv], env=host.environment,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.processes.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            if sign in line:
                return
        self.close()
        raise AssertionError(b"".join(said).decode())

    def close(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
            process.stdout.close()
