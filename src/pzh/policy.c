/* The commands policy-show and policy-set: the owner's policy of a zone, which the hub keeps.
 * @spec page 9, 13; page 12 "pzh" */
#include "hosted/policy.h"
#include "base/codec.h"
#include "policies/default.h"
#include "pzh/internal.h"
#include "wire/json.h"
#include "zone/policy.h"

static json_t *
default_json(const struct pz_hosted *zone)
{
	struct pz_slice text = pz_policies_default();

	return json_pack("{s:s, s:s, s:s, s:i, s:n, s:n, s:n, s:s%}", "zone", zone->authority->zone,
			 "slot", "user", "state", "default", "sequence", 0, "time", "author",
			 "sha256", "document", (const char *)text.ptr, text.len);
}

static json_t *
policy_json(const struct pz_hosted *zone, const struct pz_policy_record *r)
{
	char hash[2 * PZ_POLICY_SHA256_BYTES + 1];

	pz_hex_encode(r->version.sha256, sizeof(r->version.sha256), hash);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s%}", "zone", zone->authority->zone,
			 "slot", "user", "state", "valid", "sequence",
			 (json_int_t)r->version.sequence, "time", (json_int_t)r->version.time_ms,
			 "author", r->version.author, "sha256", hash, "document",
			 (const char *)r->document.ptr, r->document.len);
}

static void
show_former(struct pz_request *request, const struct pz_hosted *zone)
{
	struct pz_zone_policy *former = NULL;
	struct pz_errinfo info = {""};
	enum pz_err err =
		pz_authority_former_policy(zone->hosting->store, zone->authority, &former, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
	else if (former == NULL)
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"there is no policy before this one; what a new zone has is in "
				"packaging/policies/user.xml");
	else
		pz_request_answer(request, policy_json(zone, &former->record));
	pz_zone_policy_free(former);
}

void
pz_pzh_run_policy_show(struct pz_request *request)
{
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	if (json_is_true(json_object_get(request->params, "previous")))
		show_former(request, zone);
	else if (zone->authority->policy)
		pz_request_answer(request, policy_json(zone, &zone->authority->policy->record));
	else
		pz_request_answer(request, default_json(zone));
}

static void
on_set(struct pz_hosted *zone, const struct pz_hosted_policy_edit *edit, enum pz_err err,
       const char *detail, uint64_t sequence)
{
	struct pz_request *request = edit->arg;

	if (err == PZ_OK)
		pz_request_answer(request,
				  json_pack("{s:s, s:s, s:I}", "zone", zone->authority->zone,
					    "slot", "user", "sequence", (json_int_t)sequence));
	else
		pz_request_fail(request, err, detail);
}

void
pz_pzh_run_policy_set(struct pz_request *request)
{
	const json_t *document = json_object_get(request->params, "document");
	int64_t base = pz_request_int(request, "base", -1);
	struct pz_hosted *zone;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	struct pz_slice text =
		pz_slice_of(json_string_value(document), json_string_length(document));
	const struct pz_hosted_policy_edit edit = {
		.document = pz_slice_dup(text),
		.len = text.len,
		.has_base = base >= 0,
		.base = base >= 0 ? (uint64_t)base : 0,
		.is_forced = json_is_true(json_object_get(request->params, "force")),
		.done = on_set,
		.arg = request,
	};
	if (edit.document)
		pz_hosted_policy_set(zone, &edit);
	else
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
}
