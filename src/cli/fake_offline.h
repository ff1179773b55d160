/* A fake of the hub in the process of `pzh`, for the tests of the commands: it records its calls.
 */
#ifndef PZ_CLI_FAKE_OFFLINE_H
#define PZ_CLI_FAKE_OFFLINE_H

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "pzh/offline.h"

static char offline_args[1024]; /* "DIR PORT: command params [+BYTES that came]", of the last one */
static enum pz_err offline_result;
static unsigned offline_opens, offline_closes;

/* Nothing of it is looked into. */
struct pz_pzh_offline {
	char where[200];
};

static struct pz_pzh_offline the_offline;

/* The hub's own commands have their tests; here it matters that they are given, and how. */
enum pz_err
pz_pzh_offline_open(const char *data_dir, uint16_t port, const char *key_type,
		    struct pz_pzh_offline **out, struct pz_errinfo *info)
{
	(void)key_type;
	if (offline_result == PZ_ERR_EXISTS)
		return pz_fail(info, offline_result, "no luck");
	snprintf(the_offline.where, sizeof(the_offline.where), "%s %u", data_dir, port);
	offline_opens++;
	*out = &the_offline;
	return PZ_OK;
}

/* What differs each time. */
static inline void
hide_keys(const json_t *params, json_t *copy)
{
	static const char *const names[] = {"head", "key"};

	for (size_t i = 0; i < 2; i++)
		if (json_object_get(params, names[i]))
			json_object_set_new(copy, names[i], json_string("*"));
}

enum pz_err
pz_pzh_offline_run(struct pz_pzh_offline *offline, const char *name, json_t *params, int file,
		   int stop_fd, json_t **out_result, struct pz_errinfo *info)
{
	json_t *copy = json_copy(params);
	char came[32] = "", bytes[64];
	ssize_t n;

	(void)stop_fd;
	hide_keys(params, copy);
	char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
	if (strcmp(name, "import") == 0 && (n = pread(file, bytes, sizeof(bytes), 0)) >= 0)
		snprintf(came, sizeof(came), " +%zd", n);
	snprintf(offline_args, sizeof(offline_args), "%s: %s %s%s", offline->where, name, text,
		 came);
	free(text);
	json_decref(copy);
	*out_result = NULL;
	if (offline_result != PZ_OK)
		return pz_fail(info, offline_result, "no luck");
	if (strcmp(name, "export") == 0)
		(void)!write(file, "archive", 7);
	*out_result = json_pack("{s:s, s:s, s:i, s:s, s:i, s:b}", "zone", "a@b", "host", "h",
				"port", 81, "fingerprint", "AB:CD", "devices", 2, "moving", 0);
	return PZ_OK;
}

void
pz_pzh_offline_close(struct pz_pzh_offline *offline)
{
	offline_closes += offline != NULL;
}

#endif
