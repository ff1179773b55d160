/* Reading small files below a root directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/codec.h"
#include "devicestatus/internal.h"

static char *path_of(const struct pz_ds *ds, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/* A path below the root. NULL: out of memory. */
static char *
path_of(const struct pz_ds *ds, const char *fmt, va_list args)
{
	PZ_AUTO_FREE char *tail = NULL;
	char *path = NULL;
	if (vasprintf(&tail, fmt, args) < 0) {
		tail = NULL;
		return NULL;
	}
	return asprintf(&path, "%s%s", ds->root, tail) < 0 ? NULL : path;
}

/* At most PZ_DS_FILE_BYTES_MAX bytes. O_NONBLOCK: a file below the root may turn out to be a pipe.
 */
static char *
read_path(const char *path, size_t *out_len)
{
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0)
		return NULL;
	char *text = malloc(PZ_DS_FILE_BYTES_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	while (text && n != 0 && len < PZ_DS_FILE_BYTES_MAX) {
		n = read(fd, text + len, PZ_DS_FILE_BYTES_MAX - len);
		if (n < 0 && errno == EINTR)
			continue;
		/* Files of sysfs may vanish between open() and read(). */
		if (n < 0) { /* a battery that was just pulled answers ENODEV */
			free(text);
			text = NULL;
		} else {
			len += (size_t)n;
		}
	}
	(void)close(fd);
	if (text)
		text[len] = '\0';
	*out_len = len;
	return text;
}

/* White space at the end goes; bytes that are not UTF-8 become '?', as the value goes into JSON. */
static char *
tidy(char *text, size_t len)
{
	if (text == NULL)
		return NULL;
	len = strnlen(text, len);
	while (len > 0 && strchr(" \t\r\n", text[len - 1]))
		len--;
	text[len] = '\0';
	bool is_utf8 = pz_utf8_is_valid(pz_slice_of(text, len));
	for (size_t i = 0; i < len && !is_utf8; i++) {
		if ((unsigned char)text[i] >= 0x80)
			text[i] = '?';
	}
	return text;
}

char *
pz_ds_read_raw(const struct pz_ds *ds, size_t *out_len, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	PZ_AUTO_FREE char *path = path_of(ds, fmt, args);
	va_end(args);
	return read_path(path, out_len);
}

char *
pz_ds_read(const struct pz_ds *ds, const char *fmt, ...)
{
	size_t len = 0;
	va_list args;
	va_start(args, fmt);
	PZ_AUTO_FREE char *path = path_of(ds, fmt, args);
	va_end(args);
	char *text = read_path(path, &len);
	return tidy(text, len);
}

bool
pz_ds_read_int(const struct pz_ds *ds, int64_t *out, const char *fmt, ...)
{
	size_t len = 0;
	char *end = NULL;
	va_list args;
	va_start(args, fmt);
	PZ_AUTO_FREE char *path = path_of(ds, fmt, args);
	va_end(args);
	PZ_AUTO_FREE char *text = read_path(path, &len);
	if (tidy(text, len) == NULL || text[0] == '\0')
		return false;
	errno = 0;
	/* Base 0: some files are hexadecimal with 0x. */
	long long value = strtoll(text, &end, 0);
	if (errno != 0 || *end != '\0')
		return false;
	*out = value;
	return true;
}

bool
pz_ds_exists(const struct pz_ds *ds, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	PZ_AUTO_FREE char *path = path_of(ds, fmt, args);
	va_end(args);
	return path && access(path, F_OK) == 0;
}

/* Sorted by name, so that "_default" is the same component each time. */
void
pz_ds_list(struct pz_ds *ds, const char *dir, bool (*keep)(struct pz_ds *ds, const char *name),
	   json_t *names)
{
	PZ_AUTO_FREE char *path = NULL;
	struct dirent **entries = NULL;
	if (asprintf(&path, "%s%s", ds->root, dir) < 0) {
		path = NULL;
		return;
	}
	int count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		/* Bounded: a machine with thousands of virtual interfaces must not make an answer
		 * that no frame holds. */
		if (name[0] != '.' && json_array_size(names) < PZ_DS_COMPONENTS_MAX &&
		    keep(ds, name))
			(void)json_array_append_new(names, json_string(name));
		free(entries[i]);
	}
	free(entries);
}

/* The value of the first line "key <separator> value", without quotes around it. */
char *
pz_ds_field(const char *text, const char *key, char separator)
{
	size_t key_len = strlen(key);
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		/* All but the first begin with the line feed of the one before. */
		line += *line == '\n';
		if (strncmp(line, key, key_len) != 0)
			continue;
		const char *at = line + key_len + strspn(line + key_len, " \t");
		if (*at != separator)
			continue;
		at += 1 + strspn(at + 1, " \t");
		size_t len = strcspn(at, "\r\n");
		if (len >= 2 && (at[0] == '"' || at[0] == '\'') && at[len - 1] == at[0])
			return strndup(at + 1, len - 2);
		return strndup(at, len);
	}
	return NULL;
}

json_t *
pz_ds_string(char *text)
{
	json_t *value = text && text[0] ? json_string(text) : NULL;
	free(text);
	return value;
}
