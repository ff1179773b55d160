/*
 * Reads a passphrase without leaving copies: no stdio, no echo, fixed buffers that are wiped. The
 * terminal's echo is restored on every path, even after an interrupt, so interrupts arrive as a
 * descriptor. The minimum length is in characters, as people count, the maximum in bytes.
 */
#include "cli/passphrase.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/utf8.h"

enum line_end { LINE_READ, LINE_TOO_LONG, LINE_INTERRUPTED, LINE_NONE };

void
pz_cli_passphrase_wipe(struct pz_cli_passphrase *p)
{
	sodium_memzero(p, sizeof(*p));
}

/* False: interrupted. */
static bool
wait_for(const struct pz_cli *cli, int fd)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
				{.fd = cli->stop_fd, .events = POLLIN}};

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	return fds[1].revents == 0;
}

/* Reads byte by byte without stdio, whose buffers would keep a copy. */
static enum line_end
read_line(const struct pz_cli *cli, int fd, struct pz_cli_passphrase *out)
{
	ssize_t n;
	char c = 0;

	out->len = 0;
	do {
		if (!wait_for(cli, fd))
			return LINE_INTERRUPTED;
		while ((n = read(fd, &c, 1)) < 0 && errno == EINTR)
			;
		if (n == 1 && c != '\n' && out->len >= PZ_PASSPHRASE_BYTES_MAX)
			return LINE_TOO_LONG;
		if (n == 1 && c != '\n')
			out->text[out->len++] = c;
	} while (n == 1 && c != '\n');
	if (out->len > 0 && out->text[out->len - 1] == '\r')
		out->len--;
	out->text[out->len] = '\0';
	return n == 1 || out->len > 0 ? LINE_READ : LINE_NONE;
}

/* Prints why a line was not read. @return the exit status so far */
static int
told(const struct pz_cli *cli, enum line_end end)
{
	switch (end) {
	case LINE_READ:
		break;
	case LINE_TOO_LONG:
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "the passphrase is too long: at most %d bytes",
				   PZ_PASSPHRASE_BYTES_MAX);
	case LINE_INTERRUPTED:
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "interrupted, nothing was done");
	case LINE_NONE:
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "no passphrase was given");
	}
	return PZ_EXIT_DONE;
}

static int
from_file(const struct pz_cli *cli, const char *path, struct pz_cli_passphrase *out)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? fileno(cli->in) : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "--passphrase-file: %s: %s", path,
				   strerror(errno));
	enum line_end end = read_line(cli, fd, out);
	if (!is_stdin)
		close(fd);
	return told(cli, end);
}

/* TCSAFLUSH drops input from before the prompt; TCSADRAIN at the end keeps what follows. */
static enum line_end
type(const struct pz_cli *cli, const char *prompt, struct pz_cli_passphrase *out)
{
	int fd = fileno(cli->in);
	struct termios was, silent;
	bool is_set = tcgetattr(fd, &was) == 0;

	if (is_set) { /* before the prompt: what is typed at it must be neither shown nor dropped */
		silent = was;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(fd, TCSAFLUSH, &silent);
	}
	fputs(prompt, cli->err);
	fflush(cli->err);
	enum line_end end = read_line(cli, fd, out);
	if (is_set)
		(void)tcsetattr(fd, TCSADRAIN, &was);
	fputc('\n', cli->err);
	return end;
}

/* Checks for UTF-8 with at least this many characters. */
static int
check(const struct pz_cli *cli, const struct pz_cli_passphrase *p)
{
	size_t chars = 0;

	for (size_t at = 0; at < p->len; chars++) {
		size_t n = pz_utf8_char((const uint8_t *)p->text + at, p->len - at);
		if (n == 0)
			return pz_cli_fail(cli, PZ_EXIT_FAILED, "the passphrase is not UTF-8");
		at += n;
	}
	if (chars < PZ_PASSPHRASE_CHARS_MIN)
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "the passphrase is too short: at least %d characters",
				   PZ_PASSPHRASE_CHARS_MIN);
	return PZ_EXIT_DONE;
}

static int
from_terminal(const struct pz_cli *cli, bool is_new, struct pz_cli_passphrase *out)
{
	struct pz_cli_passphrase again;
	int status;

	if (!cli->in_is_tty)
		return pz_cli_usage(cli, "no terminal to ask on: give --passphrase-file");
	status = told(cli, type(cli, "Passphrase of the archive: ", out));
	if (status == PZ_EXIT_DONE)
		status = check(cli, out);
	if (status != PZ_EXIT_DONE || !is_new)
		return status;
	status = told(cli, type(cli, "Repeat the passphrase: ", &again));
	if (status == PZ_EXIT_DONE &&
	    (again.len != out->len || sodium_memcmp(again.text, out->text, out->len) != 0))
		status = pz_cli_fail(cli, PZ_EXIT_FAILED,
				     "the two passphrases differ, nothing was done");
	pz_cli_passphrase_wipe(&again);
	return status;
}

int
pz_cli_passphrase_read(const struct pz_cli *cli, bool is_new, struct pz_cli_passphrase *out)
{
	const char *path = pz_cli_opt(cli, "passphrase-file");
	int status = path ? from_file(cli, path, out) : from_terminal(cli, is_new, out);

	if (status == PZ_EXIT_DONE && path)
		status = check(cli, out);
	if (status != PZ_EXIT_DONE)
		pz_cli_passphrase_wipe(out);
	return status;
}
