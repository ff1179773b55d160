/* What ends when, and what the operator should know about it. */
#include <stdio.h>

#include "pzh/internal.h"

#define CA_SOON_DAYS 365 /* nothing renews a zone's CA: every device has to enrol anew */

json_t *
zone_days_left(const struct hub_zone *zone)
{
	const struct pz_authority *a = zone->authority;

	return json_pack("{s:I, s:I, s:I}", "tls",
			 (json_int_t)pz_env_days_left(a->env, pz_cert_not_after_ms(a->tls)), "ca",
			 (json_int_t)pz_env_days_left(a->env, pz_cert_not_after_ms(a->ca)), "crl",
			 (json_int_t)pz_env_days_left(a->env, pz_crl_next_update_ms(a->crl)));
}

void
zone_renewal_ended(struct hub_zone *zone, const char *failure)
{
	struct pz_conditions *conditions = zone->hub->conditions;
	const char *name = zone->authority->zone;

	if (failure[0] == '\0')
		pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, name);
	else
		pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, name,
				   "zone %s: certificate or revocation list could not be "
				   "renewed: %s",
				   name, failure);
}

static void
add_warnings(const struct hub_zone *zone, json_t *list)
{
	const struct pz_authority *a = zone->authority;
	int64_t ca = pz_env_days_left(a->env, pz_cert_not_after_ms(a->ca));
	struct pz_errinfo text;

	if (ca < CA_SOON_DAYS) {
		(void)pz_fail(
			&text, PZ_ERR_DENIED_EXPIRED,
			"zone %s: its certificate authority ends in %lld days: make a new zone "
			"and enrol the devices there before",
			a->zone, (long long)ca);
		(void)json_array_append_new(list, json_string(text.text));
	}
}

json_t *
hub_warnings(const struct pz_hub *hub)
{
	json_t *list = pz_conditions_texts(hub->conditions);
	size_t pos = 0;
	void *zone;

	while (pz_map_next(hub->zones, &pos, NULL, &zone))
		add_warnings(zone, list);
	return list;
}

static uint64_t
lesser(uint64_t so_far, const struct pz_env *env, uint64_t end_ms)
{
	int64_t left = pz_env_days_left(env, end_ms);
	uint64_t days = left > 0 ? (uint64_t)left : 0;

	return days < so_far ? days : so_far;
}

void
hub_set_days(struct pz_hub *hub)
{
	uint64_t tls = UINT64_MAX, crl = UINT64_MAX;
	size_t pos = 0;
	void *value;

	while (pz_map_next(hub->zones, &pos, NULL, &value)) {
		const struct pz_authority *a = ((const struct hub_zone *)value)->authority;
		tls = lesser(tls, a->env, pz_cert_not_after_ms(a->tls));
		crl = lesser(crl, a->env, pz_crl_next_update_ms(a->crl));
	}
	pz_metric_set(&hub->metrics, PZ_METRIC_tls_days_left, tls == UINT64_MAX ? 0 : tls);
	pz_metric_set(&hub->metrics, PZ_METRIC_crl_days_left, crl == UINT64_MAX ? 0 : crl);
}
