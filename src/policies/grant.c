/*
 * Grants as values. Texts become patterns of a policy document, where a comma separates items and
 * `*` and `?` are wildcards: a name with one of these would grant more than a person expects, so it
 * is refused.
 */
#include "policies/grant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policies/internal.h"

#include "wire/address.h"
#include "wire/json.h"

#define KNOWN "http://webinos.org/subject/id/known"

/* ---- reading ---- */

static enum pz_err
take(const json_t *json, const char *name, char *out, size_t size, struct pz_errinfo *info)
{
	const char *text = pz_json_str(json, name);

	if (text == NULL)
		return PZ_OK;
	if (strlen(text) >= size)
		return pz_fail(info, PZ_ERR_CONFIG, "%s: longer than %zu bytes", name, size - 1);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == ',' || *c == '*' || *c == '?' || *c == 0x7f)
			return pz_fail(info, PZ_ERR_CONFIG,
				       "%s: blanks, commas, * and ? would stand for more than one "
				       "thing; use `pzp policy edit`",
				       name);
	snprintf(out, size, "%s", text);
	return PZ_OK;
}

static enum pz_err
take_names(const json_t *json, struct pz_grant *out, struct pz_errinfo *info)
{
	PZ_TRY(take(json, "owner", out->owner, sizeof(out->owner), info));
	PZ_TRY(take(json, "zone", out->zone, sizeof(out->zone), info));
	PZ_TRY(take(json, "device", out->device, sizeof(out->device), info));
	PZ_TRY(take(json, "target", out->target, sizeof(out->target), info));
	PZ_TRY(take(json, "api", out->api, sizeof(out->api), info));
	PZ_TRY(take(json, "service", out->service, sizeof(out->service), info));
	PZ_TRY(take(json, "function", out->function, sizeof(out->function), info));
	PZ_TRY(take(json, "counter", out->counter, sizeof(out->counter), info));
	if (!pz_zone_is_valid(pz_slice_str(out->zone)))
		return pz_fail(info, PZ_ERR_CONFIG, "zone: must be a zone such as bob@example.org");
	if (out->device[0] && !pz_device_is_valid(pz_slice_str(out->device)))
		return pz_fail(info, PZ_ERR_CONFIG, "device: must be the name of a device");
	return out->api[0] ? PZ_OK : pz_fail(info, PZ_ERR_CONFIG, "api: must not be empty");
}

/* False: present, but no valid number. */
static bool
take_number(const json_t *json, const char *name, uint64_t *out)
{
	int64_t number = 0;

	if (json_object_get(json, name) == NULL)
		return true;
	if (!pz_json_int(json, name, 1, PZ_SYNC_TIME_MS_MAX, &number))
		return false;
	*out = (uint64_t)number;
	return true;
}

/* Owner and device are those of this node, not those of the command. */
static void
take_self(const char *self, struct pz_grant *grant)
{
	size_t zone_len = strcspn(self, "/");

	if (self[zone_len] == '\0') /* a device without a zone */
		zone_len = 0;
	snprintf(grant->owner, sizeof(grant->owner), "%.*s", (int)zone_len, self);
	snprintf(grant->target, sizeof(grant->target), "%s", zone_len ? self + zone_len + 1 : self);
}

enum pz_err
pz_grant_read(const json_t *json, const char *self, struct pz_grant *out, struct pz_errinfo *info)
{
	struct pz_grant grant = *out;

	PZ_TRY(take_names(json, &grant, info));
	if (self)
		take_self(self, &grant);
	if (!pz_device_is_valid(pz_slice_str(grant.target)))
		return pz_fail(info, PZ_ERR_CONFIG, "target: must be the name of a device");
	if (!pz_zone_is_valid(pz_slice_str(grant.owner)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"this device is not in a zone, so no friend can have a link with it; "
			"`pzp enrol` first");
	if (!take_number(json, "until", &grant.until_s) ||
	    !take_number(json, "calls", &grant.calls))
		return pz_fail(info, PZ_ERR_CONFIG, "until and calls: must be numbers from 1");
	*out = grant;
	return PZ_OK;
}

/* ---- writing ---- */

static void
put(json_t *json, const char *name, const char *text)
{
	if (text[0])
		(void)json_object_set_new(json, name, json_string(text));
}

static void
put_number(json_t *json, const char *name, uint64_t number)
{
	if (number)
		(void)json_object_set_new(json, name, json_integer((json_int_t)number));
}

char *
pz_grant_text(const struct pz_grant *grant)
{
	json_t *json = json_object();

	put(json, "owner", grant->owner);
	put(json, "zone", grant->zone);
	put(json, "device", grant->device);
	put(json, "target", grant->target);
	put(json, "api", grant->api);
	put(json, "service", grant->service);
	put(json, "function", grant->function);
	put(json, "counter", grant->counter);
	put_number(json, "until", grant->until_s);
	put_number(json, "calls", grant->calls);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return text;
}

/* ---- as a rule ---- */

bool
pz_grant_is_alike(const struct pz_grant *a, const struct pz_grant *b)
{
	return strcmp(a->zone, b->zone) == 0 && strcmp(a->device, b->device) == 0 &&
	       strcmp(a->target, b->target) == 0 && strcmp(a->api, b->api) == 0 &&
	       strcmp(a->service, b->service) == 0 && strcmp(a->function, b->function) == 0;
}

static const char *
or_null(const char *text)
{
	return text[0] ? text : NULL;
}

void
pz_grant_rule(const struct pz_grant *grant, struct pz_rule *out)
{
	*out = (struct pz_rule){
		.effect = PZ_POLICY_PERMIT,
		.zone = grant->zone,
		.device = or_null(grant->device),
		.api = grant->api,
		.service_id = or_null(grant->service),
		.function = or_null(grant->function),
		.target = grant->target,
		.until_s = grant->until_s,
		.calls = grant->calls,
		.counter = or_null(grant->counter),
		.is_share = true,
	};
}

/* A grant whose limit is used up does not prevent another grant for the same. The target requires a
 * friend: a grant that still exists for a moment after the friendship has ended permits nothing. */
enum pz_err
pz_grants_document(const struct pz_list *grants, struct pz_buf *buf)
{
	PZ_TRY(pz_buf_printf(buf, "<policy id=\"grants\" combine=\"permit-overrides\"\n\t"
				  "description=\"What friends may use on this device.\">\n"
				  "\t<target>\n\t\t<subject>\n\t\t\t<subject-match attr=\"user-id\""
				  " match=\"" KNOWN "\"/>\n\t\t</subject>\n\t</target>"));
	for (const struct pz_list *n = grants->next; n != grants; n = n->next) {
		const struct pz_grant *grant = PZ_CONTAINER(n, const struct pz_grant, node);
		char id[32];
		struct pz_rule rule;

		snprintf(id, sizeof(id), "here-%" PRIu64, grant->id);
		pz_grant_rule(grant, &rule);
		PZ_TRY(pz_rule_append(buf, &rule, id));
	}
	return pz_buf_printf(buf, "\n</policy>\n");
}

/* ---- the list ---- */

void
pz_grants_remove(struct pz_grants *grants, struct pz_grant *grant)
{
	pz_list_remove(&grant->node);
	grants->count--;
	free(grant);
}

/* What waited to be written for a former zone is dropped. */
void
pz_grants_clear(struct pz_grants *grants)
{
	const struct pz_keep_config config = grants->keep.config;

	PZ_LIST_EACH (&grants->rows, node, tmp)
		pz_grants_remove(grants, PZ_CONTAINER(node, struct pz_grant, node));
	grants->last_id = 0;
	if (config.store == NULL) /* nothing was loaded */
		return;
	pz_keep_stop(&grants->keep);
	pz_keep_init(&grants->keep, &config);
}
