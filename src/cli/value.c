/* JSON that a person enters: read completely, with a limit, and an error that gives the place of
 * the fault. */
#include "cli/value.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"

char *
pz_cli_read_file(const struct pz_cli *cli, const char *path, size_t bytes_max, size_t *out_len)
{
	bool is_input = strcmp(path, "-") == 0;
	PZ_AUTO_FREE char *text = malloc(bytes_max + 1);
	FILE *file = is_input ? cli->in : fopen(path, "re");
	const char *name = is_input ? "standard input" : path;
	size_t len;
	int failed;

	if (file == NULL || text == NULL) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: %s", name, strerror(errno));
		if (file && !is_input)
			fclose(file);
		return NULL;
	}
	len = fread(text, 1, bytes_max + 1, file); /* one more byte shows that it is too long */
	failed = ferror(file) ? errno : 0;
	if (!is_input)
		fclose(file);
	if (failed) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: %s", name, strerror(failed));
		return NULL;
	}
	if (len > bytes_max) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "%.200s: longer than %zu KiB", name,
			    bytes_max >> 10);
		return NULL;
	}
	text[len] = '\0';
	*out_len = len;
	return PZ_TAKE(text);
}

/* Reads standard input, up to the size of a request. NULL after printing the reason. */
static char *
read_input(const struct pz_cli *cli, size_t *out_len)
{
	const size_t size = PZ_CTL_LINE_BYTES_MAX;
	char *text = malloc(size);

	if (text == NULL) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
		return NULL;
	}
	*out_len = fread(text, 1, size, cli->in);
	if (*out_len == size || ferror(cli->in)) {
		pz_cli_fail(cli, PZ_EXIT_FAILED, "standard input: %s",
			    ferror(cli->in) ? strerror(errno) : "longer than a value can be");
		free(text);
		return NULL;
	}
	return text;
}

/* The usual mistake is a text without its double quotes. */
static json_t *
parse(const struct pz_cli *cli, const char *what, const char *text, size_t len)
{
	json_error_t error;
	json_t *value = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		pz_cli_usage(cli,
			     "%s is not JSON: %s at column %d. A text is JSON in double quotes, "
			     "for a shell: '\"some text\"'",
			     what, error.text, error.column);
	return value;
}

json_t *
pz_cli_value(const struct pz_cli *cli, const char *what, const char *text, int *out_status)
{
	PZ_AUTO_FREE char *input = NULL;
	size_t len = strlen(text);

	*out_status = PZ_EXIT_USAGE;
	if (strcmp(text, "-") != 0)
		return parse(cli, what, text, len);
	input = read_input(cli, &len);
	if (input == NULL)
		*out_status = PZ_EXIT_FAILED;
	return input ? parse(cli, what, input, len) : NULL;
}
