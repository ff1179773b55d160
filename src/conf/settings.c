/*
 * The sources are read from the strongest to the weakest (command line, environment, file,
 * defaults), because the first two may name the file. A weaker source's value is checked too, but
 * dropped if a stronger source has set the row.
 */
#include "conf/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "conf/datadir.h"
#include "conf/table.h"

#define FILE_BYTES_MAX (64U << 10)
#define ROWS_MAX 64

enum source {
	SOURCE_NONE = 0, /* not set yet */
	SOURCE_FILE,
	SOURCE_ENVIRONMENT,
	SOURCE_COMMAND_LINE,
};

struct loader {
	enum pz_program program;
	struct pz_settings settings;
	enum source source[ROWS_MAX]; /* by row of the table */
	unsigned line[ROWS_MAX];      /* its line in the file; 0: not there */
	bool is_implicit_file;        /* found in the data directory, not given by name */
	struct pz_errinfo *info;
};

static size_t
row_of(const struct pz_setting *setting)
{
	return (size_t)(setting - pz_setting_table);
}

/** Checks the value; stores it unless a stronger source has set it. */
static enum pz_err
offer(struct loader *loader, const struct pz_setting *setting, const char *value,
      enum source source, const char *where)
{
	enum source *set_by = &loader->source[row_of(setting)];
	bool is_weaker = source < *set_by;

	PZ_TRY(pz_setting_assign(setting, is_weaker ? NULL : &loader->settings, value, where,
				 source == SOURCE_FILE, loader->info));
	if (!is_weaker)
		*set_by = source;
	loader->settings.given |= UINT64_C(1) << row_of(setting);
	return PZ_OK;
}

/* ---- command line ---- */

/** One "--name value" or "--name=value"; *at moves past it. */
static enum pz_err
read_option(struct loader *loader, int argc, char **argv, int *at)
{
	const char *arg = argv[*at];
	size_t len;
	const struct pz_setting *setting;
	const char *value = "";

	/* People try the short form before they have read anything. */
	if (strcmp(arg, "-h") == 0)
		arg = "--help";
	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0')
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "command line: \"%.60s\" is not an option: see --help", arg);
	arg += 2;
	len = strcspn(arg, "=");
	setting = pz_setting_find(loader->program, arg, len, true);
	if (setting == NULL)
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "command line: unknown option --%.*s: see --help", (int)len, arg);

	if (setting->type == PZ_SETTING_FLAG) {
		if (arg[len] == '=')
			return pz_fail(loader->info, PZ_ERR_CONFIG,
				       "command line: --%s takes no value", setting->name);
	} else if (arg[len] == '=') {
		value = arg + len + 1;
	} else if (*at + 1 < argc) {
		value = argv[++*at];
	} else {
		return pz_fail(loader->info, PZ_ERR_CONFIG, "command line: --%s needs a value (%s)",
			       arg, setting->metavar);
	}
	++*at;
	return offer(loader, setting, value, SOURCE_COMMAND_LINE, "command line");
}

static enum pz_err
read_command_line(struct loader *loader, int argc, char **argv)
{
	int at = 1;

	/* After --help the rest is not read, so that it works even if the command line has
	 * errors. */
	while (at < argc && !loader->settings.show_help && !loader->settings.show_version)
		PZ_TRY(read_option(loader, argc, argv, &at));
	return PZ_OK;
}

/* ---- environment ---- */

/* An empty variable counts as unset. */
static enum pz_err
read_environment(struct loader *loader)
{
	const struct pz_setting *setting;

	for (size_t i = 0; (setting = pz_setting_next(loader->program, &i)) != NULL;) {
		const char *value = setting->env != NULL ? getenv(setting->env) : NULL;

		if (value != NULL && value[0] != '\0')
			PZ_TRY(offer(loader, setting, value, SOURCE_ENVIRONMENT, setting->env));
	}
	return PZ_OK;
}

/* ---- file ---- */

/** Cuts white space off both ends, in place. */
static char *
trim(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t\r", text[len - 1]) != NULL)
		len--;
	text[len] = '\0';
	return text;
}

/** Takes the quotes off "value": they keep white space at its ends. */
static char *
unquote(char *value)
{
	size_t len = strlen(value);

	if (len < 2 || value[0] != '"' || value[len - 1] != '"')
		return value;
	value[len - 1] = '\0';
	return value + 1;
}

/* Everything that cannot be understood is an error with file and line: a typing error must not
 * silently change the daemon's behaviour. */
static enum pz_err
read_line(struct loader *loader, char *text, const char *path, unsigned line)
{
	char where[PATH_MAX + 16], *key = trim(text), *equals = strchr(key, '=');
	const struct pz_setting *setting;
	unsigned *seen;

	if (key[0] == '\0' || key[0] == '#')
		return PZ_OK;
	snprintf(where, sizeof(where), "%s:%u", path, line);
	if (equals == NULL)
		return pz_fail(loader->info, PZ_ERR_CONFIG, "%s: \"%.60s\": must be key = value",
			       where, key);
	*equals = '\0';
	key = trim(key);
	setting = pz_setting_find(loader->program, key, strlen(key), false);
	if (setting == NULL)
		return pz_fail(loader->info, PZ_ERR_CONFIG, "%s: %s has no setting \"%.60s\"",
			       where, pz_program_name(loader->program), key);
	if (setting->is_command_line_only)
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "%s: %s is allowed on the command line only", where, key);
	/* The data directory led to this file, and would now lead to another. */
	if (loader->is_implicit_file && setting->offset == offsetof(struct pz_settings, data_dir))
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "%s: %s cannot be set in the file that is in the data directory; "
			       "name a file with --config",
			       where, key);
	seen = &loader->line[row_of(setting)];
	if (*seen != 0 && setting->type != PZ_SETTING_PATHS)
		return pz_fail(loader->info, PZ_ERR_CONFIG, "%s: %s is in line %u already", where,
			       key, *seen);
	*seen = line;
	return offer(loader, setting, unquote(trim(equals + 1)), SOURCE_FILE, where);
}

/** Reads at most FILE_BYTES_MAX + 1 bytes and a NUL. @return length or -1 with errno */
static ssize_t
read_whole(int fd, char *out)
{
	size_t used = 0;
	ssize_t got;

	while (used <= FILE_BYTES_MAX) {
		/* One byte more than allowed, to detect a longer file. */
		got = read(fd, out + used, FILE_BYTES_MAX + 1 - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	out[used] = '\0';
	return (ssize_t)used;
}

static enum pz_err
parse_file(struct loader *loader, int fd, const char *path)
{
	PZ_AUTO_FREE char *text = malloc(FILE_BYTES_MAX + 2);
	ssize_t len;
	char *rest, *line;
	unsigned number = 0;

	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	len = read_whole(fd, text);
	if (len < 0)
		return pz_fail(loader->info, PZ_ERR_IO, "%s: %s", path, strerror(errno));
	if ((size_t)len > FILE_BYTES_MAX)
		return pz_fail(loader->info, PZ_ERR_CONFIG, "%s: longer than %u bytes", path,
			       FILE_BYTES_MAX);
	/* After a NUL the rest would silently be ignored. */
	if (strlen(text) != (size_t)len)
		return pz_fail(loader->info, PZ_ERR_CONFIG, "%s: not a text file", path);
	rest = text;
	while ((line = strsep(&rest, "\n")) != NULL)
		PZ_TRY(read_line(loader, line, path, ++number));
	return PZ_OK;
}

/** @param is_optional a missing file is no error */
static enum pz_err
read_file(struct loader *loader, const char *path, bool is_optional, bool *out_was_read)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum pz_err err;

	*out_was_read = fd >= 0;
	/* Every other error is reported: a file that cannot be read must not mean the defaults. */
	if (fd < 0 && errno == ENOENT && is_optional)
		return PZ_OK;
	if (fd < 0)
		return pz_fail(loader->info, PZ_ERR_IO, "configuration file %s: %s", path,
			       strerror(errno));
	err = parse_file(loader, fd, path);
	close(fd);
	return err;
}

/* ---- what depends on other settings ---- */

/** Fills data_dir when no source has set it. */
static enum pz_err
default_data_dir(struct loader *loader)
{
	struct pz_buf dir;
	enum pz_err err;

	if (loader->settings.data_dir != NULL)
		return PZ_OK;
	pz_buf_init(&dir, PATH_MAX, NULL);
	err = pz_data_dir_default(NULL, loader->program == PZ_PROGRAM_PZPD ? "pzp" : "pzh", &dir);
	if (err == PZ_ERR_CONFIG)
		(void)pz_fail(loader->info, err,
			      "data-dir: there is no home directory: give --data-dir");
	if (err == PZ_OK) {
		loader->settings.data_dir = pz_slice_dup(pz_buf_slice(&dir));
		if (loader->settings.data_dir == NULL)
			err = PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_fini(&dir);
	return err;
}

/** A file of the data directory as a fresh string. */
static enum pz_err
in_data_dir(const struct loader *loader, const char *name, const char *suffix, char **out)
{
	if (asprintf(out, "%s/%s%s", loader->settings.data_dir, name, suffix) >= 0)
		return PZ_OK;
	*out = NULL;
	return PZ_ERR_LIMIT_MEMORY;
}

/* Its path depends on the data directory, so that must be known first. */
static enum pz_err
find_and_read_file(struct loader *loader)
{
	PZ_AUTO_FREE char *path = NULL;
	bool was_read;

	if (loader->settings.config_file != NULL)
		return read_file(loader, loader->settings.config_file, false, &was_read);
	PZ_TRY(default_data_dir(loader));
	PZ_TRY(in_data_dir(loader, pz_program_name(loader->program), ".conf", &path));
	loader->is_implicit_file = true;
	PZ_TRY(read_file(loader, path, true, &was_read));
	/* So that SIGHUP reads the same file. */
	if (was_read)
		loader->settings.config_file = PZ_TAKE(path);
	return PZ_OK;
}

/* Sets the rows that no source has set, then values that depend on others. */
static enum pz_err
fill_defaults(struct loader *loader)
{
	const struct pz_setting *setting;

	for (size_t i = 0; (setting = pz_setting_next(loader->program, &i)) != NULL;) {
		if (loader->source[row_of(setting)] == SOURCE_NONE)
			PZ_TRY(pz_setting_assign_default(setting, &loader->settings));
	}
	PZ_TRY(default_data_dir(loader));
	if (loader->settings.control_socket == NULL)
		PZ_TRY(in_data_dir(loader, "control", ".sock", &loader->settings.control_socket));
	return PZ_OK;
}

/* Checks what a single row cannot. */
static enum pz_err
check_together(const struct loader *loader)
{
	const struct pz_settings *settings = &loader->settings;
	size_t len = strlen(settings->control_socket);
	size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (len > max)
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "control-socket: the path has %zu bytes, at most %zu are possible: "
			       "choose a shorter --control-socket",
			       len, max);
	/* Otherwise reading would stop and continue at each byte. */
	if (settings->limit_queue_low >= settings->limit_queue_high)
		return pz_fail(loader->info, PZ_ERR_CONFIG,
			       "limits.queue-low = %u: must be less than limits.queue-high = %u",
			       settings->limit_queue_low, settings->limit_queue_high);
	return PZ_OK;
}

static enum pz_err
load(struct loader *loader, int argc, char **argv)
{
	PZ_TRY(read_command_line(loader, argc, argv));
	if (loader->settings.show_help || loader->settings.show_version)
		return PZ_OK;
	PZ_TRY(read_environment(loader));
	PZ_TRY(find_and_read_file(loader));
	PZ_TRY(fill_defaults(loader));
	return check_together(loader);
}

enum pz_err
pz_settings_load(enum pz_program program, int argc, char **argv, struct pz_settings *out,
		 struct pz_errinfo *info)
{
	struct loader loader = {.program = program, .info = info};
	enum pz_err err;

	if (pz_setting_table_len > ROWS_MAX)
		return PZ_ERR_INTERNAL;
	if (info != NULL)
		info->text[0] = '\0';
	err = load(&loader, argc, argv);
	if (err != PZ_OK) {
		pz_settings_free(&loader.settings);
		if (info != NULL && info->text[0] == '\0')
			(void)pz_fail(info, err, "settings: %s", pz_err_text(err));
		return err;
	}
	*out = loader.settings;
	return PZ_OK;
}

/* By the table, so that a new row cannot be forgotten. Both programs share some fields. */
static void
free_texts(enum pz_program program, struct pz_settings *settings)
{
	const struct pz_setting *setting;

	for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;) {
		if (pz_setting_is_text(setting)) {
			char **field = (char **)(void *)((char *)settings + setting->offset);
			free(*field);
			*field = NULL;
		}
	}
}

void
pz_settings_free(struct pz_settings *settings)
{
	if (settings == NULL)
		return;
	free_texts(PZ_PROGRAM_PZPD, settings);
	free_texts(PZ_PROGRAM_PZHD, settings);
	for (size_t i = 0; i < settings->service_count; i++)
		free(settings->services[i]);
	free(settings->services);
	*settings = (struct pz_settings){0};
}
