/*
 * Log lines to standard error, whatever it is: journal, file, pipe, terminal, socket. A reader that
 * stands still never stops the daemon: lines are dropped and counted. Levels and rates are the
 * business of log.c.
 */
#include "base/log_stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NOTICE_BYTES 128 /* of the line that counts what was dropped */

enum way {
	WAY_WRITE,  /* a file: it has no reader to wait for */
	WAY_SEND,   /* a socket: MSG_DONTWAIT applies to one call */
	WAY_OWN_FD, /* a pipe or terminal: a second open file of our own, which does not wait */
	WAY_POLL,   /* the same where it cannot be opened again (other owner, no /proc) */
};

/* What is known of standard error. A test, or a supervisor with a debugger, may replace it. */
static struct {
	pthread_mutex_t lock;
	dev_t dev;
	ino_t ino;
	enum way way;
	int own_fd;
	bool is_known, is_journal, is_terminal;
	char rest[PZ_LOG_LINE_BYTES_MAX + NOTICE_BYTES]; /* of a line that a terminal took partly */
	size_t rest_len;
	unsigned long long dropped;
} out = {.lock = PTHREAD_MUTEX_INITIALIZER, .own_fd = -1};

/* All programs that a unit starts inherit the variable, also those whose output goes elsewhere. */
static bool
is_journal(const struct stat *st)
{
	const char *names = getenv("JOURNAL_STREAM");
	char expected[48];

	(void)snprintf(expected, sizeof(expected), "%llu:%llu", (unsigned long long)st->st_dev,
		       (unsigned long long)st->st_ino);
	return names && strcmp(names, expected) == 0;
}

/* The second open file has flags of its own: O_NONBLOCK on descriptor 2 itself would reach the
 * shell and all programs that share it. */
static void
look_at(const struct stat *st)
{
	if (out.own_fd >= 0)
		close(out.own_fd);
	out.own_fd = -1;
	out.rest_len = 0;
	out.dev = st->st_dev;
	out.ino = st->st_ino;
	out.is_known = true;
	out.is_journal = is_journal(st);
	out.is_terminal = isatty(STDERR_FILENO);
	if (S_ISSOCK(st->st_mode)) {
		out.way = WAY_SEND;
	} else if (S_ISFIFO(st->st_mode) || out.is_terminal) {
		out.own_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		out.way = out.own_fd >= 0 ? WAY_OWN_FD : WAY_POLL;
	} else {
		out.way = WAY_WRITE;
	}
}

static ssize_t
write_once(const char *bytes, size_t len)
{
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};

	switch (out.way) {
	case WAY_SEND:
		return send(STDERR_FILENO, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	case WAY_OWN_FD:
		return write(out.own_fd, bytes, len);
	case WAY_POLL:
		if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) {
			errno = EAGAIN;
			return -1;
		}
		break;
	case WAY_WRITE:
		break;
	}
	return write(STDERR_FILENO, bytes, len);
}

/* Bytes that were taken, 0 when there is no room. */
static size_t
write_now(const char *bytes, size_t len)
{
	ssize_t done;

	do {
		done = write_once(bytes, len);
	} while (done < 0 && errno == EINTR);
	return done > 0 ? (size_t)done : 0;
}

/* A line that was taken partly is finished first, so that no line ever begins within another. */
static bool
has_written_rest(void)
{
	size_t done = out.rest_len ? write_now(out.rest, out.rest_len) : 0;

	memmove(out.rest, out.rest + done, out.rest_len - done);
	out.rest_len -= done;
	return out.rest_len == 0;
}

const char *
pz_log_level_label(enum pz_log_level level)
{
	switch (level) {
	case PZ_LOG_ERROR:
		return "ERROR";
	case PZ_LOG_WARNING:
		return "WARNING";
	case PZ_LOG_NOTICE:
		return "NOTICE";
	case PZ_LOG_INFO:
		return "INFO";
	case PZ_LOG_DEBUG:
		return "DEBUG";
	}
	return "LOG";
}

/* The prefix of a line: what its reader needs to know the level. */
static int
write_label(char *line, size_t size, enum pz_log_level level)
{
	char stamp[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (out.is_journal) /* sd-daemon(3): the priority as a prefix */
		return snprintf(line, size, "<%d>", (int)level);
	if (out.is_terminal && localtime_r(&now, &tm))
		(void)strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S ", &tm);
	return snprintf(line, size, "%s%s ", stamp, pz_log_level_label(level));
}

static size_t
make_lines(char *lines, size_t size, enum pz_log_level level, const char *id, const char *text)
{
	size_t len = 0;

	if (out.dropped > 0) {
		len = (size_t)write_label(lines, size, PZ_LOG_WARNING);
		len += (size_t)snprintf(lines + len, size - len,
					"log-dropped lines=%llu the log was not read fast enough\n",
					out.dropped);
	}
	len += (size_t)write_label(lines + len, size - len, level);
	len += (size_t)snprintf(lines + len, size - len, "%s %s\n", id, text);
	if (len >= size) { /* an id of unusual length */
		len = size - 1;
		lines[len - 1] = '\n';
	}
	return len;
}

void
pz_log_stderr(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	char lines[PZ_LOG_LINE_BYTES_MAX + NOTICE_BYTES];
	struct stat st;

	(void)arg;
	/* Looked at for each line: after a rotation by `dup2`, descriptor 2 is a new file. */
	if (fstat(STDERR_FILENO, &st) != 0)
		return;
	pthread_mutex_lock(&out.lock);
	if (!out.is_known || st.st_dev != out.dev || st.st_ino != out.ino)
		look_at(&st);
	if (has_written_rest()) {
		size_t len = make_lines(lines, sizeof(lines), level, id, text);
		size_t done = write_now(lines, len);
		if (done > 0) {
			out.dropped = 0;
			memcpy(out.rest, lines + done, len - done);
			out.rest_len = len - done;
		} else {
			out.dropped++;
		}
	} else {
		out.dropped++;
	}
	pthread_mutex_unlock(&out.lock);
}
