"""How the programs and their units are hardened (page 14 PLT-1, PLT-2, PLT-5, PLT-6, HST-1)."""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

from pz import programs

UNITS = programs.REPO / "packaging/systemd/system"
DAEMONS = ("pzpd", "pzhd")
# What keeps the damage of a daemon that is taken over small; page 14 PLT-2 names them.
SANDBOX = {"NoNewPrivileges": "yes", "ProtectSystem": "strict", "PrivateTmp": "yes", "CapabilityBoundingSet": "",
           "DynamicUser": "yes", "UMask": "0077"}


def readelf(name, *options):
    return subprocess.run(["readelf", "-W", *options, programs.program(name)], capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize("name", DAEMONS)
def test_a_unit_confines_its_daemon(name):
    """page 14 PLT-2 and HST-1: a user of its own, no rights to gain, nothing of the system to write."""
    settings = dict(re.findall(r"^(\w+)=(.*)$", (UNITS / f"{name}.service.in").read_text(), re.M))
    assert {key: settings.get(key) for key in SANDBOX} == SANDBOX


@pytest.mark.parametrize("kind", ("system", "user"))
@pytest.mark.parametrize("name", DAEMONS)
def test_a_unit_lets_its_daemon_watch_the_network(name, kind):
    """Page 6: both look again when the network changes, which rtnetlink reports."""
    text = (UNITS.parent / kind / f"{name}.service.in").read_text()
    families = re.search(r"^RestrictAddressFamilies=(.*)$", text, re.M).group(1).split()
    assert {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"} == set(families)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
@pytest.mark.parametrize("kind", ("system", "user"))
@pytest.mark.parametrize("name", DAEMONS)
def test_systemd_understands_a_unit(name, kind, tmp_path):
    """Every line of it counts: systemd only warns of what it does not know, and runs the daemon without."""
    text = (UNITS.parent / kind / f"{name}.service.in").read_text()
    unit = tmp_path / f"{name}.service"
    unit.write_text(re.sub(r"@\w+@", str(pathlib.Path(programs.program(name)).parent), text))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--{kind}", str(unit)], capture_output=True,
                          text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)})
    complaints = [line for line in done.stderr.splitlines() if unit.name in line]
    assert done.returncode == 0 and complaints == [], done.stderr
    for start in ("Type=notify", "WatchdogSec=", "Restart=on-failure"):
        assert re.search(f"^{start}", text, re.M), start


@pytest.mark.skipif(programs.is_sanitized(), reason="a sanitizer takes the place of some of it")
@pytest.mark.parametrize("name", (*DAEMONS, "pzp", "pzh"))
def test_a_program_is_hardened(name):
    """page 14 PLT-5: position independent, relocations read-only, no executable stack, checked copies."""
    head, symbols = readelf(name, "-h", "-l", "-d"), readelf(name, "--dyn-syms")
    assert re.search(r"Type: +DYN", head) and "GNU_RELRO" in head and "BIND_NOW" in head
    assert re.search(r"GNU_STACK.* RW +0x", head)
    assert "__stack_chk_fail" in symbols and "__snprintf_chk" in symbols


@pytest.mark.skipif(programs.is_sanitized(), reason="a sanitizer loads code itself")
@pytest.mark.parametrize("name", DAEMONS)
def test_a_daemon_loads_no_code(name):
    """page 14 PLT-1 and PLT-8: no plugins; what is linked is there at the start, or the start fails."""
    assert not re.search(r"\b(dlopen|dlmopen|system|popen)@", readelf(name, "--dyn-syms"))


@pytest.mark.parametrize("name", (*DAEMONS, "pzp", "pzh"))
def test_a_program_has_no_keys(name):
    """page 14 PLT-6: no key, no certificate, no account is a part of a program."""
    text = pathlib.Path(programs.program(name)).read_bytes()
    for sign in (b"PRIVATE KEY-----\nM", b"BEGIN CERTIFICATE-----\nM", b"password="):
        assert sign not in text
