"""The four programs: where they are, what environment they get, running a command line."""

import functools
import json
import os
import pathlib
import re
import subprocess
import time

REPO = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("PZ_BIN") or REPO / "build/release/bin").resolve()
# The command lines for runs that only repeat another one (see `repeats`). A start with sanitizers takes six times as
# long, and the set-up and the waiting of the tests start the same few commands thousands of times.
REPEAT_BIN = pathlib.Path(os.environ.get("PZ_REPEAT_BIN") or BIN).resolve()
SET_UP = {"pzh": {"init", "token", "devices", "status"},
          "pzp": {"enrol", "status", "connect", "discover", "peers", "services", "call"}}

SANITIZER = re.compile(r"ERROR: \w*Sanitizer|runtime error:|WARNING: \w*Sanitizer|LeakSanitizer")
PASSED_ON = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH")

# A sanitizer keeps freed memory for a while and so grows by itself. With none of it kept, growth
# is the daemon's own.
LEAN = {"ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}


def program(name):
    return str(BIN / name)


_have_run = set()  # in this process, which runs one file of tests


def repeats(name, args, data_dir, check):
    """True when a run shows nothing of the command line that another one of this file has not shown with the programs
    of BIN: a daemon is asked by a command of SET_UP, its answer is printed as it came (--json), and the command must
    succeed and had the same options before; or, where it may fail, too (as when a test asks until it succeeds), it had
    the same words in the same test. A run that must fail never repeats another one."""
    words = [str(arg) for arg in args]
    is_asked = data_dir is not None and pathlib.Path(data_dir, "control.sock").exists()
    if not is_asked or "--json" not in words or words[0] not in SET_UP[name]:
        return False
    if check is None or check is False:
        run_of = (os.environ.get("PYTEST_CURRENT_TEST"), name, *words)
    elif check is True or check == 0:
        run_of = (name, words[0], *(word for word in words if word.startswith("--")))
    else:
        return False
    if run_of in _have_run:
        return True
    _have_run.add(run_of)
    return False


@functools.lru_cache(maxsize=None)
def is_sanitized():
    """True when the programs are built with AddressSanitizer: slower, and with memory of its own."""
    return b"__asan_init" in pathlib.Path(program("pzhd")).read_bytes()


def patience(seconds):
    """A limit of the specification, with the slowness of an instrumented build allowed for."""
    return seconds * (3 if is_sanitized() else 1)


def environment(home, **more):
    """Nothing of the caller's environment leaks in but what the sanitizers need."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}
    env.update({name: os.environ[name] for name in PASSED_ON if name in os.environ})
    if is_sanitized():
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    env.update({name: str(value) for name, value in more.items() if value is not None})
    return env


def check_sanitizers(text, who):
    found = SANITIZER.search(text)
    assert not found, f"{who}: {text[max(0, found.start() - 200):found.start() + 4000]}"


class Result:
    """Outcome of one command line."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds

    def json(self):
        """The one document on standard output; anything else there fails (page 12, --json)."""
        assert self.out.endswith("\n") and self.out.count("\n") == 1, f"not one line: {self}"
        return json.loads(self.out)

    def reason(self):
        """The reason of a failure: exactly one line on stderr (page 12, exit 1), or with --json the
        document on standard output, and nothing twice."""
        if "--json" in self.argv:
            assert not self.err, f"a reason on stderr, too: {self}"
            error = json.loads(self.out.splitlines()[-1])["error"]
            data = error.get("data")
            return (data.get("message") if isinstance(data, dict) else data) or error["message"]
        lines = self.err.splitlines()
        assert len(lines) == 1 and lines[0].strip(), f"not one line on stderr: {self}"
        return lines[0]

    def __repr__(self):
        return f"{' '.join(self.argv)}\n  exit {self.code}\n  out {self.out!r}\n  err {self.err!r}"


def run(name, *args, home="/nonexistent", data_dir=None, check=True, timeout=60, stdin=None,
        env=None):
    """Runs a program to its end. `check`: True, or the exit status that it must have."""
    plain = stdin is None and env is None
    where = REPEAT_BIN if plain and repeats(name, args, data_dir, check) else BIN
    argv = [str(where / name), *map(str, args)]
    if data_dir is not None:
        argv += ["--data-dir", str(data_dir)]
    start = time.monotonic()
    done = subprocess.run(argv, input=stdin or "", capture_output=True, text=True, timeout=timeout,
                          env=environment(home, **(env or {})))
    result = Result(argv, done.returncode, done.stdout, done.stderr, time.monotonic() - start)
    check_sanitizers(result.err, name)
    if check is not False and check is not None:
        assert result.code == (0 if check is True else check), repr(result)
    return result


class Stream:
    """A command that prints one line after the other until it is interrupted."""

    def __init__(self, name, *args, home="/nonexistent", data_dir=None):
        argv = [program(name), *map(str, args)]
        if data_dir is not None:
            argv += ["--data-dir", str(data_dir)]
        self.argv = argv
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, bufsize=1,
                                        env=environment(home))

    def line(self):
        """The next line as JSON; pytest's own limit ends a test that waits for ever."""
        text = self.process.stdout.readline()
        assert text, f"{self.argv} ended: {self.process.stderr.read()}"
        return json.loads(text)

    def until(self, wanted):
        while True:
            event = self.line()
            if wanted(event):
                return event

    def interrupt(self, sig, timeout=10):
        self.process.send_signal(sig)
        return self.end(timeout)

    def end(self, timeout=10):
        out, err = self.process.communicate(timeout=timeout)
        check_sanitizers(err, self.argv[0])
        return Result(self.argv, self.process.returncode, out, err, 0)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
