/*
 * Prepares the files of `pzp send` before the first is sent: finds names and sizes, walks
 * directories, and copies standard input to a place where it can be read again. Files are opened
 * later, one by one (send.c), so a long list needs few descriptors.
 */
#include "cli_files/list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/limits.h"

#define COPY_BYTES (64U << 10)
#define TRIES 3
#define NOT_REGULAR "not a regular file; `-` sends standard input"

struct walk {
	struct pz_files_list *list;
	const struct pz_cli *cli;
};

static void
note(struct pz_files_list *list, int status)
{
	if (list->status == PZ_EXIT_DONE)
		list->status = status;
}

static void
complain(const struct walk *walk, const char *path, const char *what)
{
	note(walk->list, pz_cli_fail_file(walk->cli, PZ_EXIT_FAILED, path, "%s: %s", path, what));
}

/* ---- items ---- */

/* @param source NULL: standard input. @return NULL: out of memory */
static struct pz_files_item *
add(struct pz_files_list *list, const char *source, const char *name, const json_t *path)
{
	uint8_t id[16];

	if (list->count == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct pz_files_item *items = realloc(list->items, room * sizeof(*items));
		if (items == NULL)
			return NULL;
		list->items = items;
		list->room = room;
	}
	struct pz_files_item *item = &list->items[list->count];
	*item = (struct pz_files_item){.fd = -1};
	item->source = source ? strdup(source) : NULL;
	item->name = strdup(name);
	item->path = path ? json_copy((json_t *)(uintptr_t)path) : NULL;
	/* The id of this transfer at the receiver, also after an interruption and on another
	 * link. */
	if (getrandom(id, sizeof(id), 0) != sizeof(id) || item->name == NULL ||
	    (source && item->source == NULL)) {
		free(item->source);
		free(item->name);
		json_decref(item->path);
		return NULL;
	}
	pz_hex_encode(id, sizeof(id), item->id);
	list->count++;
	return item;
}

void
pz_files_list_fini(struct pz_files_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].fd >= 0)
			close(list->items[i].fd);
		free(list->items[i].source);
		free(list->items[i].name);
		free(list->items[i].waiting);
		json_decref(list->items[i].path);
	}
	free(list->items);
}

char *
pz_files_label(const struct pz_files_item *item)
{
	char *label = strdup("");
	const json_t *one;
	size_t i;

	json_array_foreach (item->path, i, one) {
		PZ_AUTO_FREE char *above = label;

		if (above == NULL || asprintf(&label, "%s%s/", above, json_string_value(one)) < 0)
			return NULL;
	}
	PZ_AUTO_FREE char *above = label;
	return above && asprintf(&label, "%s%s", above, item->name) >= 0 ? label : NULL;
}

int
pz_files_open(const char *path, json_int_t *out_size, struct pz_errinfo *info)
{
	/* Opening a pipe without a writer would otherwise block. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)pz_fail(info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		(void)pz_fail(info, PZ_ERR_IO, "%s: %s", path, NOT_REGULAR);
	} else {
		*out_size = st.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- directories ---- */

/* The last component of a path, without trailing slashes. New, or NULL. */
static char *
last_name(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	size_t begin = len;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	return strndup(path + begin, len - begin);
}

static bool walk_directory(const struct walk *walk, const char *path, const json_t *names);

/* Handles one entry of a directory. @return false: out of memory */
static bool
walk_entry(const struct walk *walk, const char *directory, const char *name, const json_t *names)
{
	PZ_AUTO_FREE char *path = NULL;
	/* lstat() does not follow links, so a link to a parent directory cannot make the walk
	 * endless. */
	struct stat st;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return false;
	}
	if (name[0] == '.')
		complain(walk, path, "not sent: names that begin with a dot are not accepted");
	else if (lstat(path, &st) != 0)
		complain(walk, path, strerror(errno));
	else if (S_ISREG(st.st_mode)) {
		struct pz_files_item *item = add(walk->list, path, name, names);
		if (item)
			item->size = st.st_size;
		return item != NULL;
	} else if (S_ISDIR(st.st_mode)) {
		json_t *below = json_copy((json_t *)(uintptr_t)names);
		/* a name that is not UTF-8 is refused, in the report too */
		bool ok = below != NULL;
		if (json_array_append_new(below, json_string(name)) != 0)
			complain(walk, path, "not sent: its name is not UTF-8");
		else
			ok = walk_directory(walk, path, below);
		json_decref(below);
		return ok;
	} else {
		complain(walk, path, "not sent: neither a regular file nor a directory");
	}
	return true;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool
walk_directory(const struct walk *walk, const char *path, const json_t *names)
{
	struct dirent **entries = NULL;
	bool ok = true;

	/* Receivers refuse deeper paths by the same limit, so this is reported before anything is
	 * sent. */
	if (json_array_size(names) > PZ_TRANSFER_PATH_DEPTH_MAX) {
		complain(walk, path, "not sent: more levels of directories than devices accept");
		return true;
	}
	int count = scandir(path, &entries, NULL, by_name);
	if (count < 0)
		complain(walk, path, strerror(errno));
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		if (ok && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			ok = walk_entry(walk, path, name, names);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

/* ---- standard input ---- */

/* A file without a name on disk, which disappears with this process. */
static int
open_nameless(void)
{
	const char *tmp = getenv("TMPDIR");
	const char *places[] = {tmp && tmp[0] ? tmp : "/var/tmp", "/var/tmp", "/tmp"};
	int fd = -1;

	/* O_TMPFILE leaves nothing behind, even if the process is killed. The second way is for
	 * file systems without it. */
	for (size_t i = 0; fd < 0 && i < TRIES; i++)
		fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		char path[] = "/tmp/pzp-XXXXXX";
		fd = mkostemp(path, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(path);
	}
	return fd;
}

static bool
copy_all(int from, int to, json_int_t *out_size)
{
	PZ_AUTO_FREE char *block = malloc(COPY_BYTES);
	ssize_t n;

	while (block && (n = read(from, block, COPY_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		for (ssize_t done = 0; done < n;) {
			ssize_t written = write(to, block + done, (size_t)(n - done));
			if (written < 0 && errno == EINTR)
				continue;
			if (written < 0)
				return false;
			done += written;
		}
		*out_size += n;
	}
	return block != NULL;
}

/* Input that cannot be read twice could not be sent again after an interruption: it is copied
 * first. A file that is read from its beginning is used directly. */
static int
open_input(const struct pz_cli *cli, json_int_t *out_size)
{
	static const struct timespec no_times[2] = {{0, 0}, {0, 0}};
	int in = fileno(cli->in);
	struct stat st;

	if (fstat(in, &st) == 0 && S_ISREG(st.st_mode) && lseek(in, 0, SEEK_CUR) == 0) {
		*out_size = st.st_size;
		return fcntl(in, F_DUPFD_CLOEXEC, 0);
	}
	int fd = open_nameless();
	/* Without a modification time: the same input, sent again after an interruption,
	 * continues. */
	if (fd >= 0 && (!copy_all(in, fd, out_size) || futimens(fd, no_times) != 0)) {
		int number = errno;
		close(fd);
		errno = number;
		return -1;
	}
	return fd;
}

/* ---- arguments ---- */

static bool
add_input(const struct walk *walk, const char *name)
{
	json_int_t size = 0;
	int fd = open_input(walk->cli, &size);

	if (fd < 0) {
		complain(walk, "standard input", strerror(errno));
		return true;
	}
	struct pz_files_item *item = add(walk->list, NULL, name, NULL);
	if (item == NULL) {
		close(fd);
		return false;
	}
	item->fd = fd;
	item->size = size;
	return true;
}

static bool
add_directory(const struct walk *walk, const char *path, const char *given)
{
	PZ_AUTO_FREE char *whole = realpath(path, NULL); /* "." has a name, too */
	PZ_AUTO_FREE char *name = last_name(whole ? whole : path);
	json_t *names = name ? json_array() : NULL;
	size_t count = walk->list->count;
	bool ok = names != NULL;

	if (ok && json_array_append_new(names, json_string(given ? given : name)) != 0)
		complain(walk, path, "not sent: its name is not UTF-8");
	else if (ok)
		ok = walk_directory(walk, path, names);
	json_decref(names);
	/* Empty directories inside it are omitted; but an empty directory that was given must not
	 * look as if it was sent. */
	if (ok && walk->list->count == count)
		complain(walk, path, "no file in it can be sent");
	return ok;
}

static bool
add_argument(const struct walk *walk, const char *path)
{
	const char *given = pz_cli_opt(walk->cli, "name");
	PZ_AUTO_FREE char *name = last_name(path);
	struct stat st;

	if (name == NULL)
		return false;
	if (strcmp(path, "-") == 0)
		return add_input(walk, given);
	if (stat(path, &st) != 0) {
		complain(walk, path, strerror(errno));
		return true;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		complain(walk, path, NOT_REGULAR);
		return true;
	}
	if (S_ISREG(st.st_mode)) {
		struct pz_files_item *item = add(walk->list, path, given ? given : name, NULL);
		if (item)
			item->size = st.st_size;
		return item != NULL;
	}
	if (pz_cli_opt(walk->cli, "recursive"))
		return add_directory(walk, path, given);
	complain(walk, path, "is a directory; send it with -r");
	return true;
}

bool
pz_files_list_make(struct pz_files_list *list, const struct pz_cli *cli)
{
	const struct walk walk = {.list = list, .cli = cli};
	unsigned count = cli->args.count - 1, inputs = 0;
	bool ok = true;

	/* A second "-" would read the same input again. */
	for (unsigned i = 0; i < count; i++)
		inputs += strcmp(pz_cli_arg(cli, i), "-") == 0;
	if (pz_cli_opt(cli, "name") && count > 1)
		list->status = pz_cli_usage(cli, "--name is for one file");
	else if (inputs > 0 && pz_cli_opt(cli, "name") == NULL)
		list->status =
			pz_cli_usage(cli, "standard input has no name: give one with --name");
	if (list->status != PZ_EXIT_DONE)
		return false;
	for (unsigned i = 0; ok && i < count; i++)
		ok = add_argument(&walk, pz_cli_arg(cli, i));
	if (!ok)
		list->status = pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	return ok && list->count > 0;
}
