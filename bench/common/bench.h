/* What the benchmark programs share: clocks, what another process has used, sockets, giving up. */
#ifndef PZ_BENCH_BENCH_H
#define PZ_BENCH_BENCH_H

#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

/** Prints the line and errno's text to standard error and ends the program with 2. */
noreturn void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** malloc'ed memory, zeroed; fails the program instead of returning NULL. */
void *bench_alloc(size_t count, size_t size);

/** A decimal option value from 0 to max; fails the program on anything else. */
unsigned long bench_number(const char *option, const char *text, unsigned long max);

/** CLOCK_MONOTONIC, nanoseconds. */
uint64_t bench_now_ns(void);

/** How long a blocking read waits for bytes, and the programs for an answer, seconds: one that
 * never comes is a failure with a name, not a program that hangs. */
#define BENCH_PATIENCE_S 10
/** Ends the program when `began_ns` is longer ago than that. @param what is waited for */
void bench_check_patience(uint64_t began_ns, const char *what);

/** User and system CPU time of a process and all its threads, ns resolution; 0 when pid is 0. */
double bench_cpu_s(pid_t pid);

/** A KiB figure of /proc/PID/status such as "VmRSS"; 0 when there is none. */
long bench_status_kib(pid_t pid, const char *key);

/** Raises the limit of open files as far as it goes. */
void bench_raise_nofile(void);

/** A listening, non-blocking socket on 127.0.0.1. */
int bench_listen(uint16_t port);

/**
 * A connected, blocking socket with TCP_NODELAY.
 * @param source picks one of 64 source addresses, so that one address does not run out of ports
 * @return -1 when the connection was refused
 */
int bench_connect(uint16_t port, unsigned source);

#endif
