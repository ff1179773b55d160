"""A machine whose wall clock is wrong: a library that daemons under test are started with."""

import shutil
import subprocess

import pytest

from . import programs

SHIM = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long shift(void)
{
	const char *text = getenv("CLOCK_SHIFT_S");

	return text ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	int result = (int)syscall(SYS_clock_gettime, id, out);

	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		out->tv_sec += shift();
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}
"""


def build(directory):
    """Returns a function that makes the environment of a daemon whose clock is off by seconds."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    source, library = directory / "shim.c", directory / "shim.so"
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)

    def shifted(seconds):
        env = {"LD_PRELOAD": library, "CLOCK_SHIFT_S": seconds}
        if programs.is_sanitized():
            options = programs.environment("/").get("ASAN_OPTIONS", "")
            env["ASAN_OPTIONS"] = f"{options}:verify_asan_link_order=0".lstrip(":")
        return env

    return shifted
