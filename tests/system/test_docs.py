"""--help, --version, man pages, completion: what a person looks at first."""

import re
import shutil
import subprocess

import pytest

from pz import programs

PROGRAMS = {"pzpd": 8, "pzhd": 8, "pzp": 1, "pzh": 1}
COMMANDS = {
    "pzp": ["enrol", "leave", "status", "connect", "disconnect", "peers", "discover", "prefs", "services",
            "call", "serve", "watch"],
    "pzh": ["init", "zones", "token", "devices", "revoke", "status"],
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


@pytest.mark.parametrize("name", COMMANDS)
def test_completion(name):
    scripts = [p for p in programs.REPO.glob("packaging/**/*") if p.is_file() and "complet" in str(p)]
    assert scripts, "no bash completion"
    text = "\n".join(p.read_text() for p in scripts)
    for command in COMMANDS[name]:
        assert re.search(rf"\b{command}\b", text), command
    for script in scripts:
        subprocess.run(["bash", "-n", script], check=True)


def test_unknown_program_option():
    for name in PROGRAMS:
        result = programs.run(name, "--no-such-option", check=2)
        assert result.err.strip() and not result.out
