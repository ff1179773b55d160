"""
A file between two devices (page 15), by each way, and `scp` of the same file where an sshd is installed. For
scripts/bench, whose Home is handed in. All times end when the file is on the disk.
"""

import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import ways

SCP = {"scp": [], "scp_gcm": ["-c", "aes128-gcm@openssh.com"]}  # as it comes; with the cipher of our links


def bulk(path, size):
    """A file that is in memory: no disk, and no hole that the system fills with zeros first."""
    if not path.exists() or path.stat().st_size != size:
        piece = os.urandom(1 << 20)
        with open(path, "wb") as file:
            for _ in range(size >> 20):
                file.write(piece)
    return path


def figures(name, size, took, used):
    return {f"{name}_mb_per_s": size / 1e6 / took, f"{name}_mb_per_cpu_s": size / 1e6 / used}


# ---- ours ----

def send(home, path, carrier):
    """`pzp send`, from exec to exit. Returns seconds, and CPU seconds of the program and all daemons on the way."""
    pids = [home.running[who].pid for who in ("laptop", "tv") + ((carrier,) if carrier else ())]
    before, began = sum(map(ways.cpu_s, pids)), time.monotonic()
    process = ways.sender(home, path)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    took = time.monotonic() - began
    if process.returncode != 0:
        raise RuntimeError(process.stderr.read().decode()[-200:])
    return took, sum(map(ways.cpu_s, pids)) - before + usage.ru_utime + usage.ru_stime


def measure(home, path, inbox):
    """By the hub unread, through a relay, and direct."""
    row, size = {}, path.stat().st_size
    with home:
        found = ways.Ways(home)
        home.run("tv", "prefs", "files.inbox", str(inbox), "--now")
        for name in ("private", "relay", "direct"):
            carrier = getattr(found, name)()
            row |= figures(name, size, *send(home, path, carrier))
            for one in pathlib.Path(inbox).rglob(path.name + "*"):
                one.unlink()
    return row


# ---- scp ----

class Sshd:
    """Of this machine, with keys and settings of its own, on a free port of loopback."""

    def __init__(self, where):
        self.where, self.program = where, shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if self.program is None or not all(map(shutil.which, ("scp", "ssh-keygen"))):
            raise FileNotFoundError("scp: not installed")

    def __enter__(self):
        shutil.rmtree(self.where, ignore_errors=True)
        self.where.mkdir(mode=0o700)
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.where / key)], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.where / "config").write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {self.where}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self.where}/user.pub\nStrictModes no\nPermitRootLogin prohibit-password\n"
            f"Subsystem sftp internal-sftp\n")
        self.log = open(self.where / "log", "wb")
        self.process = subprocess.Popen([self.program, "-D", "-e", "-f", str(self.where / "config")],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def copy(self, path, to, options):
        argv = ["scp", "-q", "-F", "none", "-P", str(self.port), "-i", str(self.where / "user"), "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectionAttempts=5",
                *options, str(path), f"{getpass.getuser()}@127.0.0.1:{to}"]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"scp: {(self.where / 'log').read_text()[-200:].strip()}")
        return usage.ru_utime + usage.ru_stime

    def __exit__(self, *_):
        self.used = 0
        if self.process.returncode is None:
            self.process.terminate()
            _, status, usage = os.wait4(self.process.pid, 0)
            self.process.returncode = os.waitstatus_to_exitcode(status)
            self.used = usage.ru_utime + usage.ru_stime  # with what it has waited for: its sessions
        self.log.close()


def measure_scp(where, path, inbox):
    """Beside ours: {} and a line where it is not installed. A fresh sshd for each, whose CPU is known at its end."""
    row, copy = {}, pathlib.Path(inbox) / "scp"
    for name, options in SCP.items():
        try:
            with Sshd(where) as sshd:
                sshd.copy(sshd.where / "user.pub", copy, options)  # it listens, and both programs are in memory
                began = time.monotonic()
                used = sshd.copy(path, copy, options)
                with open(copy, "rb+") as file:
                    os.fsync(file)
                took = time.monotonic() - began
        except (FileNotFoundError, RuntimeError) as e:
            print(f"bench: {e}", file=sys.stderr)
            return row
        row |= figures(name, path.stat().st_size, took, used + sshd.used)
        copy.unlink()
    return row
