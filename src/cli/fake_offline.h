/* A fake of what `pzh` does without a daemon, for the tests of the commands: it records its calls.
 */
#ifndef PZ_CLI_FAKE_OFFLINE_H
#define PZ_CLI_FAKE_OFFLINE_H

#include <stdio.h>

#include "pzh/offline.h"

static char offline_args[512];
static enum pz_err offline_result;

/* The hub's own functions have their tests; here it matters that they are called, and how. */
enum pz_err
pz_pzh_init_offline(const char *data_dir, const char *zone, const char *host, const char *name,
		    json_t **out_result, struct pz_errinfo *info)
{
	snprintf(offline_args, sizeof(offline_args), "%s %s %s %s", data_dir, zone, host,
		 name ? name : "-");
	if (offline_result != PZ_OK)
		return pz_fail(info, offline_result, "no luck");
	*out_result =
		json_pack("{s:s, s:s, s:s}", "zone", zone, "host", host, "fingerprint", "AB:CD");
	return PZ_OK;
}

enum pz_err
pz_pzh_remove_offline(const char *data_dir, const char *zone, json_t **out_result,
		      struct pz_errinfo *info)
{
	snprintf(offline_args, sizeof(offline_args), "%s %s", data_dir, zone);
	if (offline_result != PZ_OK)
		return pz_fail(info, offline_result, "no luck");
	*out_result = json_pack("{s:s}", "zone", zone);
	return PZ_OK;
}

enum pz_err
pz_pzh_export_offline(const char *data_dir, const char *zone, const struct pz_pzh_move *to,
		      uint16_t port, const uint8_t *head, const uint8_t *key, struct pz_buf *out,
		      json_t **out_result, struct pz_errinfo *info)
{
	(void)head;
	(void)key;
	snprintf(offline_args, sizeof(offline_args), "%s %s %s:%u %s %u", data_dir,
		 zone ? zone : "-", to->at.host, to->at.port, to->stay ? "stay" : "go", port);
	if (offline_result != PZ_OK)
		return pz_fail(info, offline_result, "no luck");
	if (out)
		(void)!pz_buf_append_str(out, "archive");
	*out_result = json_pack("{s:s, s:s, s:i, s:i}", "zone", "a@b", "host", "h", "port", 81,
				"devices", 2);
	return PZ_OK;
}

enum pz_err
pz_pzh_import_offline(const char *data_dir, struct pz_slice archive, const uint8_t *key,
		      const char *host, uint16_t port, json_t **out_result, struct pz_errinfo *info)
{
	(void)key;
	snprintf(offline_args, sizeof(offline_args), "%s %zu %s %u", data_dir, archive.len,
		 host ? host : "-", port);
	if (offline_result != PZ_OK)
		return pz_fail(info, offline_result, "no luck");
	*out_result = json_pack("{s:s, s:s, s:i, s:s, s:i}", "zone", "a@b", "host", "h", "port", 81,
				"fingerprint", "AB:CD", "devices", 2);
	return PZ_OK;
}

#endif
