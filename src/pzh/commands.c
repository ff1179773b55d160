/* The table of the hub's commands (page 12), and the commands that create, open and remove a zone:
 * init, token, remove. A command is answered when its change is on disk. */
#include <stdio.h>
#include <stdlib.h>

#include "pzh/command_table.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "wire/json.h"

/* ---- init ---- */

/* A zone that is being stored; nothing can cancel that. */
struct init {
	struct pz_request *request;
	json_t *result;
};

static void
release_init(struct pz_request *request)
{
	struct init *init = request->state;

	json_decref(init->result);
}

static const struct pz_request_kind init_kind = {
	.size = sizeof(struct init), .release = release_init, .goes_on = true};

static void
on_zone_stored(void *arg, enum pz_err err, const char *detail)
{
	struct init *init = arg;

	pz_request_finish(init->request, err, detail, err == PZ_OK ? PZ_TAKE(init->result) : NULL);
}

static enum pz_err
make_zone(struct pz_request *request, const char *zone, const char *host, struct pz_txn *txn,
	  struct pz_authority **out, struct pz_errinfo *info)
{
	const struct pz_hub *hub = pz_pzh_hub(request);

	return pz_authority_create(zone, host, pz_json_str(request->params, "name"),
				   hub->config.key_type, hub->config.keys, hub->config.env, txn,
				   out, info);
}

static enum pz_err
begin_init(struct pz_request *request, const char *zone, const char *host, struct pz_errinfo *info)
{
	char normal[PZ_ZONE_BYTES_MAX + 1];
	struct pz_authority *authority = NULL;

	if (pz_zone_normalise(pz_slice_str(zone), normal) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "zone '%s' is not valid: write it as user@domain, e.g. "
			       "alice@example.org",
			       zone);
	PZ_TRY(pz_hub_check_new_zone(pz_pzh_hub(request), normal, info));
	struct pz_txn *txn = pz_txn_new();
	struct init *init = txn ? pz_request_begin(request, &init_kind) : NULL;
	enum pz_err err = init ? make_zone(request, normal, host, txn, &authority, info)
			       : PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_pzh_hub(request)->hosting.is_sweep_due = true; /* a key may be stored already */
		pz_txn_free(txn);
		return err;
	}
	/* Created now: once the zone is stored the authority belongs to the hub. */
	*init = (struct init){request, pz_pzh_init_result(authority)};
	pz_hub_store_zone(pz_pzh_hub(request), authority, txn, on_zone_stored, init);
	return PZ_OK;
}

static void
pz_pzh_run_init(struct pz_request *request)
{
	const char *zone = pz_json_str(request->params, "zone"),
		   *host = pz_json_str(request->params, "host");
	struct pz_errinfo info = {""};

	enum pz_err err = begin_init(request, zone, host, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* ---- token ---- */

/* The link contains the code, so its buffer is wiped. */
static enum pz_err
token_result(const struct pz_hosted *zone, const struct pz_code *issued, unsigned ttl_s,
	     json_t **out, struct pz_errinfo *info)
{
	const struct pz_hosting *hosting = zone->hosting;
	uint64_t expires_s = pz_env_wall_ms(hosting->env) / 1000 + ttl_s;
	char code[PZ_CODE_DIGITS + 2];
	struct pz_buf link;

	pz_code_format(issued, code);
	pz_buf_init(&link, 2048, NULL);
	enum pz_err err = pz_enrol_link_format(zone->authority->host, hosting->port,
					       zone->authority->zone, issued->digits, &link);
	if (err == PZ_OK)
		*out = json_pack("{s:s, s:s%, s:s, s:s, s:i, s:I}", "code", code, "link",
				 (const char *)link.mem + link.start, link.len, "zone",
				 zone->authority->zone, "host", zone->authority->host, "port",
				 hosting->port, "expires", (json_int_t)expires_s);
	if (*out && issued->device[0])
		(void)json_object_set_new(*out, "device", json_string(issued->device));
	pz_buf_wipe(&link);
	if (err != PZ_OK)
		return pz_fail(info, err,
			       "no link can be made of host '%s': move the zone to a valid one "
			       "(pzh export, pzh import --host)",
			       zone->authority->host);
	return *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

static void
issue_code(struct pz_request *request, struct pz_hosted *zone, const char *device, unsigned ttl)
{
	struct pz_errinfo info = {""};
	struct pz_code *code = NULL;
	json_t *result = NULL;
	bool is_replaced = false;

	enum pz_err err = pz_codes_issue(&zone->enrolment.codes, pz_pzh_hub(request)->config.env,
					 device, ttl, &code, &is_replaced);
	if (err == PZ_ERR_LIMIT)
		(void)pz_fail(&info, err,
			      "%d codes are live: use one of them, or wait until one "
			      "expires",
			      PZ_CODES_MAX);
	if (err == PZ_OK) {
		pz_notice("code-issued", "zone=%s ttl=%u%s%s", zone->authority->zone, ttl,
			  code->device[0] ? " device=" : "", code->device);
		err = token_result(zone, code, ttl, &result, &info);
	}
	if (err == PZ_OK && is_replaced)
		(void)json_object_set_new(result, "replaced", json_true());
	if (err == PZ_OK && zone->enrolment.failed > 0)
		(void)json_object_set_new(result, "failedAttempts",
					  json_integer((json_int_t)zone->enrolment.failed));
	pz_request_finish(request, err, info.text, result);
}

static void
pz_pzh_run_token(struct pz_request *request)
{
	const char *device = pz_json_str(request->params, "device");
	struct pz_errinfo info = {""};
	struct pz_hosted *zone;
	int64_t ttl = pz_request_int(request, "ttl", PZ_CODE_TTL_MAX_S);

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	/* A device that enrolled now would be missing from an archive that was written before. */
	enum pz_err err = pz_authority_check_stays(zone->authority, &info);
	if (err == PZ_OK && device && !pz_device_is_valid(pz_slice_str(device)))
		err = pz_fail(
			&info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			device);
	if (err == PZ_OK && device && !pz_authority_is_name_free(zone->authority, device))
		err = pz_fail(&info, PZ_ERR_EXISTS,
			      "device name %s is taken; revoke that device first or choose another",
			      device);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	issue_code(request, zone, device, (unsigned)ttl);
}

/* ---- remove ---- */

struct removing {
	struct pz_request *request;
	char zone[PZ_ZONE_BYTES_MAX + 1];
};

static const struct pz_request_kind removing_kind = {.size = sizeof(struct removing),
						     .goes_on = true};

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	const struct removing *removing = arg;

	pz_request_finish(removing->request, err, detail,
			  err == PZ_OK ? json_pack("{s:s}", "zone", removing->zone) : NULL);
}

static void
pz_pzh_run_remove(struct pz_request *request)
{
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	struct removing *removing = pz_request_begin(request, &removing_kind);
	if (removing == NULL)
		return;
	removing->request = request;
	/* A copy: after the removal the zone is only kept for links that point to it. */
	snprintf(removing->zone, sizeof(removing->zone), "%s", zone->authority->zone);
	pz_hub_remove_zone(zone, on_removed, removing);
}

static const struct pz_command commands[] = {PZ_PZH_COMMANDS(PZ_COMMAND_ROW){.name = NULL}};

struct pz_request *
pz_pzh_command(struct pz_hub *hub, const char *name, json_t *params, struct pz_file *takes_file,
	       const struct pz_reply *reply, void *arg)
{
	return pz_command_begin(commands, &hub->requests, name, params, takes_file, reply, arg);
}

bool
pz_pzh_takes_file(const char *name)
{
	return pz_command_takes_file(pz_command_find(commands, name));
}
