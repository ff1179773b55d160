/*
 * The control socket's listening end.
 *
 * Sockets are plain non-blocking descriptors watched by uv_poll, not uv_pipe streams: so the queue
 * of a client is ours, can be bounded, and is flushed when the daemon stops. conn.c has what a
 * client sends and receives.
 */
#include "ctl/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "base/limits.h"
#include "base/log.h"
#include "ctl/line.h"

#define BACKLOG 64
#define PEER_GROUPS_MAX 1024 /* of one client; a client with more groups is refused */
#define ACCEPTS_PER_TURN 16

struct pz_ctl_server {
	uv_poll_t poll;
	int fd, spare_fd; /* the spare one is closed to refuse a client when no other descriptor is
			     free */
	uid_t uid;
	gid_t gid; /* its members may connect, if has_group */
	bool has_group;
	char *path;
	struct pz_ctl_conns conns;
	size_t refs; /* handles that libuv has not closed yet */
	bool closed;
};

/* ---- accepting ---- */

/* Reads the kernel's list of the peer's groups (SO_PEERGROUPS), as they were when it connected. */
static bool
is_in_group(const struct pz_ctl_server *s, int fd, const struct ucred *peer)
{
	gid_t groups[PEER_GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (!s->has_group)
		return false;
	/* The list does not contain the primary group. */
	if (peer->gid == s->gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == s->gid)
			return true;
	}
	return false;
}

/* Same user or root (page 12; page 14, AUTH-4): the mode of the file excludes others, and the
 * kernel's credentials decide. */
static bool
peer_is_allowed(const struct pz_ctl_server *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	/* Root could read the data directory anyway. */
	if (peer.uid == s->uid || peer.uid == 0 || is_in_group(s, fd, &peer))
		return true;
	pz_warning("ctl-denied", "uid=%ld pid=%ld refused", (long)peer.uid, (long)peer.pid);
	return false;
}

/* No descriptor is free: without this the waiting client would make the loop spin. */
static void
refuse_without_descriptor(struct pz_ctl_server *s)
{
	int fd;

	pz_warning("ctl-no-descriptor", "a control client is refused: too many open files");
	close(s->spare_fd);
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		pz_ctl_turn_away(fd, 1, "the daemon has too many open files");
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void
server_ready(uv_poll_t *poll, int status, int events)
{
	struct pz_ctl_server *s = poll->data;
	int fd;

	(void)status;
	(void)events;
	/* Bounded: an endless series of clients must not keep the loop from its links. */
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			/* Without the spare descriptor the client waits in the backlog. */
			if ((errno == EMFILE || errno == ENFILE) && s->spare_fd >= 0)
				refuse_without_descriptor(s);
			return;
		}
		if (!peer_is_allowed(s, fd))
			pz_ctl_turn_away(fd, 5,
					 "only the daemon's own user, root and the members of its "
					 "control-group may control it");
		else if (s->conns.count >= PZ_CTL_CLIENTS_MAX)
			pz_ctl_turn_away(fd, 1, "too many control clients: end some and try again");
		else if (pz_ctl_conn_new(&s->conns, fd))
			s->refs++;
	}
}

/* ---- the server ---- */

static void
server_unref(struct pz_ctl_server *s)
{
	/* The last handle is closed; until then clients use the path and the permissions. */
	if (--s->refs > 0)
		return;
	free(s->path);
	free(s);
}

static void
client_closed(struct pz_ctl_conns *conns)
{
	server_unref(PZ_CONTAINER(conns, struct pz_ctl_server, conns));
}

/* Removes the socket file of a daemon that crashed. */
static enum pz_err
remove_stale(const char *path, const struct sockaddr_un *address, struct pz_errinfo *info)
{
	struct stat st;
	int fd, failed;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? PZ_OK
				       : pz_fail(info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	/* A file that is not a socket may belong to the operator; it is not removed. */
	if (!S_ISSOCK(st.st_mode))
		return pz_fail(info, PZ_ERR_EXISTS, "%s: exists and is no socket; remove it", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pz_fail(info, PZ_ERR_IO, "socket: %s", strerror(errno));
	/* A live daemon accepts, or is busy; the file of a dead one refuses. */
	failed = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (failed != ECONNREFUSED) /* also EAGAIN: a daemon that is busy */
		return pz_fail(info, PZ_ERR_EXISTS, "%s: another daemon listens here", path);
	if (unlink(path) != 0 && errno != ENOENT)
		return pz_fail(info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	return PZ_OK;
}

/* A listening socket whose file has mode 0600 from its first moment. */
static enum pz_err
open_socket(const char *path, int *out_fd, struct pz_errinfo *info)
{
	struct sockaddr_un address;
	enum pz_err err;
	int fd;

	PZ_TRY(pz_ctl_address(path, &address, info));
	PZ_TRY(remove_stale(path, &address, info));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* On Linux the file gets the mode of the unbound socket (unix(7)). */
	if (fd >= 0 && fchmod(fd, 0600) == 0 &&
	    bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, BACKLOG) == 0) {
		*out_fd = fd;
		return PZ_OK;
	}
	err = errno == EACCES || errno == EPERM ? PZ_ERR_DENIED_PERMISSION
	      : errno == EADDRINUSE             ? PZ_ERR_EXISTS
						: PZ_ERR_IO;
	pz_fail(info, err, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/* The descriptors are closed after libuv has stopped watching them. */
static void
server_closed(uv_handle_t *handle)
{
	struct pz_ctl_server *s = handle->data;

	close(s->fd);
	if (s->spare_fd >= 0)
		close(s->spare_fd);
	server_unref(s);
}

enum pz_err
pz_ctl_server_new(struct uv_loop_s *loop, const char *path, pz_ctl_handler handler, void *arg,
		  struct pz_ctl_server **out_server, struct pz_errinfo *info)
{
	struct pz_ctl_server *s = calloc(1, sizeof(*s));
	enum pz_err err;

	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		return PZ_ERR_LIMIT_MEMORY;
	}
	err = open_socket(path, &s->fd, info);
	if (err != PZ_OK) {
		free(s->path);
		free(s);
		return err;
	}
	s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	s->uid = geteuid();
	s->refs = 1;
	s->poll.data = s;
	s->conns = (struct pz_ctl_conns){
		.loop = loop, .handler = handler, .arg = arg, .closed = client_closed};
	pz_list_init(&s->conns.list);
	if (uv_poll_init(loop, &s->poll, s->fd) != 0) {
		s->poll.data = s;
		unlink(path);
		server_closed((uv_handle_t *)&s->poll);
		return pz_fail(info, PZ_ERR_IO, "%s: cannot be watched", path);
	}
	if (uv_poll_start(&s->poll, UV_READABLE, server_ready) != 0) {
		pz_ctl_server_free(s);
		return pz_fail(info, PZ_ERR_IO, "%s: cannot be watched", path);
	}
	*out_server = s;
	return PZ_OK;
}

/* Pending answers are flushed; the owners of running calls are called. */
void
pz_ctl_server_free(struct pz_ctl_server *server)
{
	if (server == NULL || server->closed)
		return;
	server->closed = true;
	unlink(server->path);
	pz_ctl_conns_end(&server->conns);
	uv_close((uv_handle_t *)&server->poll, server_closed);
}

enum pz_err
pz_ctl_server_allow_group(struct pz_ctl_server *s, const char *group, struct pz_errinfo *info)
{
	const struct group *entry = getgrnam(group);

	if (entry == NULL)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "control-group %s: there is no such group; make it with `groupadd "
			       "--system %s`",
			       group, group);
	/* Before the mode: the former group must not get access in between. */
	if (chown(s->path, (uid_t)-1, entry->gr_gid) != 0)
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"control-group %s: %s: %s; the daemon's user must be a member of the "
			"group (SupplementaryGroups= in a unit)",
			group, s->path, strerror(errno));
	if (chmod(s->path, 0660) != 0)
		return pz_fail(info, PZ_ERR_CONFIG, "control-group %s: %s: %s", group, s->path,
			       strerror(errno));
	s->gid = entry->gr_gid;
	s->has_group = true;
	return PZ_OK;
}
