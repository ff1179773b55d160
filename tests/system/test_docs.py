"""--help, --version, man pages, completion: what a person reads first."""

import os
import re
import shutil
import subprocess

import pytest

from pz import programs

PROGRAMS = {"pzpd": 8, "pzhd": 8, "pzp": 1, "pzh": 1}
COMMANDS = {
    "pzp": ["enrol", "leave", "status", "connect", "disconnect", "peers", "discover", "prefs", "services",
            "call", "serve", "watch"],
    "pzh": ["init", "zones", "token", "devices", "revoke", "remove", "status"],
}


@pytest.mark.smoke
@pytest.mark.parametrize("name", PROGRAMS)
def test_version(name):
    result = programs.run(name, "--version")
    assert re.fullmatch(rf"{name} \d+\.\d+\.\d+\S*\n", result.out) and not result.err


@pytest.mark.parametrize("name", PROGRAMS)
def test_help(name):
    result = programs.run(name, "--help")
    assert result.out.lower().startswith("usage: " + name) and not result.err
    assert max(map(len, result.out.splitlines())) <= 100


@pytest.mark.parametrize("name,command", [(n, c) for n, commands in COMMANDS.items() for c in commands])
def test_help_of_commands(name, command):
    whole = programs.run(name, "--help").out
    assert re.search(rf"^  {command}\b", whole, re.M), f"{command} is not in {name} --help"
    for args in ((command, "--help"), ("--help", command)):
        result = programs.run(name, *args)
        assert result.out.startswith(f"Usage: {name} {command}") and not result.err


@pytest.mark.parametrize("name", PROGRAMS)
def test_man_page(name):
    page = programs.REPO / "man" / f"{name}.{PROGRAMS[name]}"
    text = page.read_text()
    for command in COMMANDS.get(name, []):
        found = re.search(rf"^\.(It )?(Op )?Cm {command}\b|\b{command} \| |\| {command}\b", text, re.M)
        assert found, command
    options = set(re.findall(r"^  --([a-z-]+)", programs.run(name, "--help").out, re.M))
    documented = set(re.findall(r"Fl Fl ([a-z-]+)", text))
    assert options <= documented, options - documented
    if not shutil.which("mandoc"):
        pytest.skip("no mandoc")
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], capture_output=True, text=True,
                          check=False)
    assert not lint.stdout and lint.returncode == 0, lint.stdout


BASH = """
compopt() { :; }  # only readline's own call may have it
source "$1"; shift
COMP_WORDBREAKS=$' \\t\\n"\\'@><=;|&(:'
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE=$LINE COMP_POINT=${#LINE}
_pz
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(world, line, words):
    """What bash is offered for a line, with the words as readline breaks it."""
    script = programs.REPO / "packaging/bash-completion/pzp"
    env = programs.environment(world.path, LINE=line)
    env["PATH"] = f"{programs.BIN}:{env['PATH']}"
    done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", script, *words], env=env, text=True,
                          capture_output=True, timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr, done
    return done.stdout.split()


def test_completion(zone):
    """Without the package bash-completion; also behind --data-dir=DIR and with spaces in it."""
    world, hub, a = zone.world, zone.hub.data_dir, zone.a.data_dir
    assert completed(world, "pzp enr", ["pzp", "enr"]) == ["enrol"]
    assert completed(world, "pzp prefs peer.auto ", ["pzp", "prefs", "peer.auto", ""]) == ["true", "false"]
    line = f"pzh --data-dir={hub} revoke "
    assert completed(world, line, ["pzh", "--data-dir", "=", str(hub), "revoke", ""]) == ["laptop", "tv"]
    line = f"pzp --data-dir={a} connect t"
    assert completed(world, line, ["pzp", "--data-dir", "=", str(a), "connect", "t"]) == ["tv"]
    spaced = world.path / "a b"
    spaced.symlink_to(a)
    for quoted in (f'"{spaced}"', str(spaced).replace(" ", "\\ ")):
        line = f"pzp --data-dir {quoted} call test@t"
        words = ["pzp", "--data-dir", quoted, "call", "test", "@", "t"]
        assert completed(world, line, words) == ["tv"]
    assert completed(world, "pzpd --log-level ", ["pzpd", "--log-level", ""])[0] == "error"
    assert completed(world, f"pzp --data-dir={hub.parent}/hu",
                     ["pzp", "--data-dir", "=", f"{hub.parent}/hu"]) == [str(hub)]


def test_completion_without_a_daemon(world):
    assert not completed(world, "pzp connect ", ["pzp", "connect", ""])


def test_unknown_program_option():
    for name in PROGRAMS:
        result = programs.run(name, "--no-such-option", check=2)
        assert result.err.strip() and not result.out


def test_what_is_installed_goes_again_and_the_readme_names_nothing_else(tmp_path):
    build = programs.BIN.parent
    if not (build / "cmake_install.cmake").exists():
        pytest.skip("the programs are not in a build directory")
    root = tmp_path / "root"
    env = {**os.environ, "DESTDIR": str(root)}
    subprocess.run(["cmake", "--install", build, "--prefix", "/usr"], env=env, check=True,
                   capture_output=True)
    folder = root / "usr/share/doc/personal-zone"
    for target in re.findall(r"\]\(([^)#]+)\)", (folder / "README.md").read_text()):
        assert target.startswith("http") or (folder / target).exists(), target
    subprocess.run(["make", "-s", "-C", programs.REPO, "uninstall", f"BUILD={build}",
                    f"DESTDIR={root}"], check=True, capture_output=True)
    assert [path for path in root.rglob("*") if path.is_file()] == []
