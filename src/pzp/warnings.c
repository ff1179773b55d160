/* The conditions of a device that depend on its certificates and on the revocation list. */
#include "pzp/internal.h"

#define CA_SOON_DAYS 60 /* nothing renews a PZP CA: time enough to enrol again */

json_t *
pz_warnings_days(const struct pz_node *node)
{
	const struct pz_membership *m = node->zone.membership;
	const struct pz_crl *crl = pz_device_zone_crl(&node->zone);

	if (m == NULL || crl == NULL)
		return json_null();
	return json_pack(
		"{s:I, s:I, s:I}", "tls",
		(json_int_t)pz_env_days_left(node->config.env, pz_cert_not_after_ms(m->tls)), "ca",
		(json_int_t)pz_env_days_left(node->config.env, pz_cert_not_after_ms(m->device_ca)),
		"crl", (json_int_t)pz_env_days_left(node->config.env, pz_crl_next_update_ms(crl)));
}

/* ---- the hub's revocation list ---- */

void
pz_warnings_hub_crl(struct pz_node *node, uint64_t number, uint64_t known)
{
	if (number >= known)
		pz_condition_clear(node->conditions, PZ_CONDITION_HUB_CRL_OLDER, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_HUB_CRL_OLDER, "",
				   "the hub shows an older revocation list (number %llu, here is "
				   "%llu): it was restored from an old backup, or replays it",
				   (unsigned long long)number, (unsigned long long)known);
}

/* ---- renewal ---- */

void
pz_warnings_renewal(struct pz_node *node, const char *failure)
{
	if (failure[0] == '\0')
		pz_condition_clear(node->conditions, PZ_CONDITION_RENEWAL_FAILED, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_RENEWAL_FAILED, "",
				   "this device's TLS certificate could not be renewed: %s",
				   failure);
}

/* ---- what time brings ---- */

static void
check_crl(struct pz_node *node)
{
	int64_t left = pz_env_days_left(node->config.env,
					pz_crl_next_update_ms(pz_device_zone_crl(&node->zone)));

	if (left >= 0)
		pz_condition_clear(node->conditions, PZ_CONDITION_CRL_OVERDUE, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_CRL_OVERDUE, "",
				   "the revocation list should have been renewed %lld days ago: "
				   "who was revoked since is not known here",
				   (long long)-left);
}

static void
check_device_ca(struct pz_node *node)
{
	int64_t left = pz_env_days_left(node->config.env,
					pz_cert_not_after_ms(node->zone.membership->device_ca));

	if (left >= CA_SOON_DAYS)
		pz_condition_clear(node->conditions, PZ_CONDITION_DEVICE_CA_ENDS, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_DEVICE_CA_ENDS, "",
				   "the certificate that the hub gave this device %s %lld days%s",
				   left < 0 ? "ended" : "ends in",
				   (long long)(left < 0 ? -left : left), left < 0 ? " ago" : "");
}

void
pz_warnings_check(struct pz_node *node)
{
	if (node->zone.membership == NULL || pz_device_zone_crl(&node->zone) == NULL)
		return;
	check_crl(node);
	check_device_ca(node);
}

json_t *
pz_warnings_list(struct pz_node *node)
{
	pz_warnings_check(node);
	return pz_conditions_texts(node->conditions);
}
