/* The commands `audit` and `audit-verify`. */
#include "audit/internal.h"
#include "base/codec.h"
#include "command/request.h"
#include "wire/json.h"

void
pz_audit_command(struct pz_audit *audit, struct pz_request *request)
{
	const json_t *params = request->params;
	struct pz_errinfo info = {""};
	int64_t after = 0, since = 0;
	json_t *result = NULL;

	(void)!pz_json_int(params, "after", 0, INT64_MAX, &after);
	(void)!pz_json_int(params, "since", 0, PZ_AUDIT_SINCE_S_MAX, &since);
	const struct pz_audit_query query = {
		.after = (uint64_t)after,
		.since_ms = (uint64_t)since * 1000,
		.who = pz_json_str(params, "who"),
		.is_denied_only = json_is_true(json_object_get(params, "denied")),
		.is_raw = json_is_true(json_object_get(params, "raw")),
	};
	enum pz_err err = pz_audit_read(audit, &query, &result, &info);
	pz_request_finish(request, err, info.text, result);
}

/* ---- verify: a segment in each turn ---- */

struct verifying {
	struct pz_audit *audit;
	struct pz_audit_check check;
	struct pz_timer next;
};

static void
release(struct pz_request *request)
{
	struct verifying *v = request->state;

	pz_env_stop(v->audit->config.env, &v->next);
}

static const struct pz_request_kind verify_kind = {.size = sizeof(struct verifying),
						   .release = release};

static json_t *
result_of(const struct pz_audit_check *check)
{
	char hex[2 * PZ_AUDIT_HASH_BYTES + 1];

	pz_hex_encode(check->hash, sizeof(check->hash), hex);
	return json_pack("{s:b, s:s?, s:I, s:I, s:I, s:I, s:s}", "ok", check->problem[0] == '\0',
			 "problem", check->problem[0] ? check->problem : NULL, "records",
			 (json_int_t)check->records, "first", (json_int_t)check->first, "last",
			 (json_int_t)check->last, "notRecorded", (json_int_t)check->lost, "hash",
			 hex);
}

static void
ended(struct pz_request *request)
{
	const struct verifying *v = request->state;
	struct pz_conditions *conditions = v->audit->config.conditions;

	if (v->check.problem[0])
		pz_condition_raise(conditions, PZ_CONDITION_AUDIT_DAMAGED, NULL,
				   "the log of decisions is damaged: %s", v->check.problem);
	else
		pz_condition_clear(conditions, PZ_CONDITION_AUDIT_DAMAGED, NULL);
	pz_request_answer(request, result_of(&v->check));
}

static void
step(struct pz_request *request)
{
	struct verifying *v = request->state;
	struct pz_errinfo info = {""};

	enum pz_err err = pz_audit_check_step(v->audit, &v->check, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
	else if (v->check.is_ended)
		ended(request);
	else
		pz_env_start(v->audit->config.env, &v->next,
			     v->audit->flight ? PZ_AUDIT_SAVE_US / 10 : 0);
}

static void
on_next(struct pz_timer *timer, void *arg)
{
	(void)timer;
	step(arg);
}

void
pz_audit_verify_command(struct pz_audit *audit, struct pz_request *request)
{
	struct verifying *v = pz_request_begin(request, &verify_kind);

	if (v == NULL)
		return;
	v->audit = audit;
	pz_timer_init(&v->next, on_next, request);
	step(request);
}
