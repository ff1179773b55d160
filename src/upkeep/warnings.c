/* The conditions of a device that depend on its certificates and on the revocation list. */
#include "upkeep/internal.h"

#define CA_SOON_DAYS 60 /* nothing renews a PZP CA certificate: this leaves time to enrol again */

json_t *
pz_upkeep_days_left(const struct pz_upkeep *upkeep)
{
	const struct pz_membership *m = upkeep->config.zone->membership;
	const struct pz_crl *crl = pz_device_zone_crl(upkeep->config.zone);

	if (m == NULL || crl == NULL)
		return json_null();
	return json_pack(
		"{s:I, s:I, s:I}", "tls",
		(json_int_t)pz_env_days_left(upkeep->env, pz_cert_not_after_ms(m->tls)), "ca",
		(json_int_t)pz_env_days_left(upkeep->env, pz_cert_not_after_ms(m->device_ca)),
		"crl", (json_int_t)pz_env_days_left(upkeep->env, pz_crl_next_update_ms(crl)));
}

/* ---- the hub's revocation list ---- */

void
pz_upkeep_saw_hub_crl(struct pz_upkeep *upkeep, uint64_t number, uint64_t known)
{
	if (number >= known)
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_HUB_CRL_OLDER, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_HUB_CRL_OLDER, "",
				   "the hub shows an older revocation list (number %llu, here is "
				   "%llu): it was restored from an old backup, or replays it",
				   (unsigned long long)number, (unsigned long long)known);
}

/* ---- renewal ---- */

void
pz_upkeep_note_renewal(struct pz_upkeep *upkeep, const char *failure)
{
	if (failure[0] == '\0')
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_RENEWAL_FAILED, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_RENEWAL_FAILED, "",
				   "this device's TLS certificate could not be renewed: %s",
				   failure);
}

/* ---- what time brings ---- */

static void
check_crl(struct pz_upkeep *upkeep)
{
	int64_t left = pz_env_days_left(
		upkeep->env, pz_crl_next_update_ms(pz_device_zone_crl(upkeep->config.zone)));

	if (left >= 0)
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_CRL_OVERDUE, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_CRL_OVERDUE, "",
				   "the revocation list should have been renewed %lld days ago: "
				   "who was revoked since is not known here",
				   (long long)-left);
}

static void
check_device_ca(struct pz_upkeep *upkeep)
{
	int64_t left = pz_env_days_left(
		upkeep->env, pz_cert_not_after_ms(upkeep->config.zone->membership->device_ca));

	if (left >= CA_SOON_DAYS)
		pz_condition_clear(upkeep->config.conditions, PZ_CONDITION_DEVICE_CA_ENDS, "");
	else
		pz_condition_raise(upkeep->config.conditions, PZ_CONDITION_DEVICE_CA_ENDS, "",
				   "the certificate that the hub gave this device %s %lld days%s",
				   left < 0 ? "ended" : "ends in",
				   (long long)(left < 0 ? -left : left), left < 0 ? " ago" : "");
}

void
pz_upkeep_check(struct pz_upkeep *upkeep)
{
	if (upkeep->config.zone->membership == NULL ||
	    pz_device_zone_crl(upkeep->config.zone) == NULL)
		return;
	check_crl(upkeep);
	check_device_ca(upkeep);
	pz_upkeep_check_contact(upkeep);
}

json_t *
pz_upkeep_warnings(struct pz_upkeep *upkeep)
{
	pz_upkeep_check(upkeep);
	return pz_conditions_texts(upkeep->config.conditions);
}
