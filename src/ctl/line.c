/*
 * JSON texts, each with a line feed, in both directions. Input is bounded: a line over
 * PZ_CTL_LINE_BYTES_MAX is an error before more memory is allocated. Bytes that were searched for a
 * line feed are not searched again, so a long line in small pieces costs linear time.
 */
#include "ctl/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limits.h"
#include "wire/json.h"

#define READ_BYTES (64U << 10) /* read at once: one busy client must not delay the others */
#define PASSED_READ 2 /* descriptors in one message: a second one shows that there are too many */

/* Aligned as the kernel's header requires. */
union passed_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(PASSED_READ * sizeof(int))];
};

void
pz_ctl_lines_init(struct pz_ctl_lines *lines, unsigned json_flags)
{
	lines->json_flags = json_flags;
	pz_buf_init(&lines->in, PZ_CTL_LINE_BYTES_MAX + 1 + READ_BYTES, NULL);
	lines->scanned = 0;
	lines->passed = -1;
}

static void
close_passed(struct pz_ctl_lines *lines)
{
	/* Closes a descriptor that no request took, of a line that is complete. */
	if (lines->passed >= 0)
		close(lines->passed);
	lines->passed = -1;
}

int
pz_ctl_lines_take_passed(struct pz_ctl_lines *lines)
{
	int fd = lines->passed;

	lines->passed = -1;
	return fd;
}

void
pz_ctl_lines_drop_passed(struct pz_ctl_lines *lines)
{
	/* Part of the next line is here already: the descriptor may belong to it. */
	if (lines->in.len == 0)
		close_passed(lines);
}

void
pz_ctl_lines_fini(struct pz_ctl_lines *lines)
{
	pz_buf_wipe(&lines->in); /* may contain an enrolment code */
	lines->scanned = 0;
	close_passed(lines);
}

/* Keeps the descriptors of one message. The kernel closes those for which `control` has no room,
 * and sets MSG_CTRUNC. */
static enum pz_err
keep_passed(struct pz_ctl_lines *lines, struct msghdr *message)
{
	enum pz_err err = message->msg_flags & MSG_CTRUNC ? PZ_ERR_PROTO : PZ_OK;
	int fds[PASSED_READ];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			/* One for each message: a client must not fill the daemon's descriptor
			 * table. */
			if (lines->passed >= 0) {
				close(fds[i]);
				err = PZ_ERR_PROTO;
			} else {
				lines->passed = fds[i];
			}
		}
	}
	if (err != PZ_OK)
		close_passed(lines);
	return err;
}

enum pz_err
pz_ctl_lines_fill(struct pz_ctl_lines *lines, int fd)
{
	union passed_control control;
	struct iovec part = {.iov_len = READ_BYTES};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	uint8_t *at;
	ssize_t n;

	/* READ_BYTES more than the longest line, so that its line feed fits. */
	PZ_TRY(pz_buf_reserve(&lines->in, READ_BYTES, &at));
	part.iov_base = at;
	n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n > 0) {
		pz_buf_commit(&lines->in, (size_t)n);
		return keep_passed(lines, &message);
	}
	pz_buf_commit(&lines->in, 0); /* frees the memory of an empty buffer */
	if (n == 0 || errno == ECONNRESET)
		return PZ_ERR_IO_CLOSED;
	return errno == EAGAIN || errno == EINTR ? PZ_OK : PZ_ERR_IO;
}

enum pz_err
pz_ctl_lines_next(struct pz_ctl_lines *lines, json_t **out_object)
{
	struct pz_slice all = pz_buf_slice(&lines->in);
	const uint8_t *end;
	json_t *object;
	size_t len;

	if (all.len == 0)
		return PZ_ERR_NOTFOUND;
	end = memchr(all.ptr + lines->scanned, '\n', all.len - lines->scanned);
	len = end ? (size_t)(end - all.ptr) : all.len;
	/* Checked before the next read: the buffer never grows beyond a line and one read. */
	if (len > PZ_CTL_LINE_BYTES_MAX)
		return PZ_ERR_LIMIT;
	lines->scanned = len;
	if (end == NULL)
		return PZ_ERR_NOTFOUND;
	object = pz_json_read(pz_slice_of(all.ptr, len), lines->json_flags, NULL);
	pz_buf_consume(&lines->in, len + 1);
	lines->scanned = 0;
	/* Only objects are requests or answers; a scalar is refused like text that is not JSON. */
	if (!json_is_object(object)) {
		json_decref(object);
		return PZ_ERR_PROTO_JSON;
	}
	*out_object = object;
	return PZ_OK;
}

enum pz_err
pz_ctl_line_append(struct pz_buf *out, const json_t *object)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	enum pz_err err;
	size_t len;

	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	len = strlen(text);
	text[len] = '\n'; /* in the place of the NUL: one append, all or nothing */
	if (len > PZ_CTL_LINE_BYTES_MAX)
		err = PZ_ERR_LIMIT;
	else
		err = pz_buf_append(out, pz_slice_of(text, len + 1));
	free(text);
	return err;
}

/* The descriptor is sent with the first bytes of the line. */
static ssize_t
send_passing(int fd, struct pz_slice bytes, int pass)
{
	union passed_control control = {.bytes = {0}};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (pass >= 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &pass, sizeof(int));
	}
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

enum pz_err
pz_ctl_flush_passing(struct pz_buf *out, int fd, int *pass)
{
	while (out->len > 0) {
		ssize_t n = send_passing(fd, pz_buf_slice(out), *pass);

		if (n > 0) {
			/* It was sent with the first byte: a second time the daemon would receive
			 * two. */
			pz_buf_consume(out, (size_t)n);
			*pass = -1;
		} else if (n < 0 && errno == EAGAIN) {
			return PZ_OK;
		} else if (n == 0 || errno != EINTR) {
			return errno == EPIPE || errno == ECONNRESET ? PZ_ERR_IO_CLOSED : PZ_ERR_IO;
		}
	}
	return PZ_OK;
}

enum pz_err
pz_ctl_flush(struct pz_buf *out, int fd)
{
	int none = -1;

	return pz_ctl_flush_passing(out, fd, &none);
}

enum pz_err
pz_ctl_address(const char *path, struct sockaddr_un *out_address, struct pz_errinfo *info)
{
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(out_address->sun_path))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "control socket path of %zu bytes: at most %zu are possible; choose "
			       "a shorter --data-dir",
			       len, sizeof(out_address->sun_path) - 1);
	memset(out_address, 0, sizeof(*out_address));
	out_address->sun_family = AF_UNIX;
	memcpy(out_address->sun_path, path, len + 1);
	return PZ_OK;
}
