/* Expiry dates, and the conditions that warn the operator of them. */
#include "hosted/dates.h"

#include "base/clock.h"

#define CA_SOON_DAYS 365 /* a zone's CA is never renewed: every device has to enrol again */

json_t *
pz_hosted_days_left(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;

	return json_pack("{s:I, s:I, s:I}", "tls",
			 (json_int_t)pz_env_days_left(a->env, pz_cert_not_after_ms(a->tls)), "ca",
			 (json_int_t)pz_env_days_left(a->env, pz_cert_not_after_ms(a->ca)), "crl",
			 (json_int_t)pz_env_days_left(a->env, pz_crl_next_update_ms(a->crl)));
}

void
pz_hosted_renewal_ended(struct pz_hosted *zone, const char *failure)
{
	struct pz_conditions *conditions = zone->hosting->conditions;
	const char *name = zone->authority->zone;

	/* Housekeeping tries again, so the condition lasts until one succeeds. */
	if (failure[0] == '\0')
		pz_condition_clear(conditions, PZ_CONDITION_RENEWAL_FAILED, name);
	else
		pz_condition_raise(conditions, PZ_CONDITION_RENEWAL_FAILED, name,
				   "zone %s: certificate or revocation list could not be "
				   "renewed: %s",
				   name, failure);
}

static void
check_ca(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;
	/* A year ahead: the owner has to enrol every device of the zone again. */
	int64_t left = pz_env_days_left(a->env, pz_cert_not_after_ms(a->ca));

	if (left >= CA_SOON_DAYS)
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_ZONE_CA_ENDS, a->zone);
	else
		pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_ZONE_CA_ENDS, a->zone,
				   "zone %s: its certificate authority %s %lld days%s", a->zone,
				   left < 0 ? "ended" : "ends in",
				   (long long)(left < 0 ? -left : left), left < 0 ? " ago" : "");
}

/* A hub has no second clock to compare with, but its zone cannot have been created in the future.
 */
static void
check_clock(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;
	uint64_t now = pz_env_wall_ms(a->env);
	char here[32], there[32];

	pz_clock_text(now, here);
	pz_clock_text(pz_cert_not_before_ms(a->ca), there);
	if (now >= pz_cert_not_before_ms(a->ca))
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_CLOCK_WRONG, a->zone);
	else
		pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_CLOCK_WRONG, a->zone,
				   "the clock of this machine says %s, but zone %s was made later, "
				   "%s",
				   here, a->zone, there);
}

/* Devices refuse a certificate outside its dates, so no device can connect: a separate condition
 * beside that of the clock, because either may be the cause. */
static void
check_certificate(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;
	uint64_t now = pz_env_wall_ms(a->env);
	bool has_begun = now >= pz_cert_not_before_ms(a->tls);
	char from[32], until[32];

	if (has_begun && now <= pz_cert_not_after_ms(a->tls)) {
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_HUB_CERTIFICATE_DATE,
				   a->zone);
		return;
	}
	pz_clock_text(pz_cert_not_before_ms(a->tls), from);
	pz_clock_text(pz_cert_not_after_ms(a->tls), until);
	pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_HUB_CERTIFICATE_DATE, a->zone,
			   "zone %s: the hub's certificate %s (it is for %s to %s): no device can "
			   "connect",
			   a->zone, has_begun ? "has ended" : "has not begun", from, until);
}

static void
check_moving(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;
	const struct pz_hub_address *to = &a->move.notice.at;

	if (!a->move.is_moving)
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_ZONE_MOVING, a->zone);
	else
		pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_ZONE_MOVING, a->zone,
				   "zone %s moves to %s port %u: no device is enrolled or revoked "
				   "here any more",
				   a->zone, to->host, (unsigned)to->port);
}

void
pz_hosted_check_conditions(const struct pz_hosted *zone)
{
	check_ca(zone);
	check_clock(zone);
	check_certificate(zone);
	check_moving(zone);
}
