/*
 * Where received files are put unless the user chose a directory: the downloads of the desktop,
 * else a directory beside the daemon's data. A service without a home gets the latter.
 */
#include "conf/inbox.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"

#define USER_DIRS_BYTES_MAX 8192
#define KEY "XDG_DOWNLOAD_DIR=\""

static void
put(char *out, size_t size, const char *before, const char *path, size_t len)
{
	int n = snprintf(out, size, "%s%.*s", before, (int)len, path);

	if (n < 0 || (size_t)n >= size || out[0] != '/')
		out[0] = '\0';
}

/* In this file $HOME itself means that the user wants no such directory. */
void
pz_inbox_from_user_dirs(const char *text, const char *home, char *out, size_t size)
{
	static const char home_word[] = "$HOME/";
	/* The file consists of shell assignments; only the form that xdg-user-dirs writes is read,
	 * and nothing is expanded. */
	const char *line = text;

	out[0] = '\0';
	while (line && strncmp(line, KEY, strlen(KEY)) != 0) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (line == NULL)
		return;
	const char *value = line + strlen(KEY);
	size_t len = strcspn(value, "\"\n");
	if (value[len] != '"')
		return;
	if (strncmp(value, home_word, strlen(home_word)) != 0)
		put(out, size, "", value, len);
	else if (home && len > strlen(home_word))
		put(out, size, home, value + strlen("$HOME"), len - strlen("$HOME"));
}

static void
from_file(const char *home, char *out, size_t size)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	char text[USER_DIRS_BYTES_MAX + 1];
	PZ_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s%s/user-dirs.dirs", config && config[0] ? config : home,
		     config && config[0] ? "" : "/.config") < 0)
		path = NULL;
	FILE *file = path ? fopen(path, "re") : NULL;
	if (file == NULL)
		return;
	size_t len = fread(text, 1, USER_DIRS_BYTES_MAX, file);
	text[len] = '\0';
	fclose(file);
	pz_inbox_from_user_dirs(text, home, out, size);
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return path[0] && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

void
pz_inbox_default(const char *data_dir, char *out, size_t size)
{
	const char *home = getenv("HOME"), *downloads = getenv("XDG_DOWNLOAD_DIR");
	PZ_AUTO_FREE char *whole = realpath(data_dir, NULL);
	char tail[] = "/Downloads";

	out[0] = '\0';
	/* Each is used only if it exists: a directory that the user has removed is not created
	 * again. */
	if (downloads)
		put(out, size, "", downloads, strlen(downloads));
	if (!is_directory(out) && home)
		from_file(home, out, size);
	if (!is_directory(out) && home)
		put(out, size, home, tail, strlen(tail));
	if (!is_directory(out))
		put(out, size, whole ? whole : data_dir, "/inbox", strlen("/inbox"));
}
