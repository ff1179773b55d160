/*
 * Devices behind a relay (page 6 "Relaying"). A relay lists the devices behind it in `pzpInfo`;
 * each entry is an attestation, the device's own signed consent, because a relay's list alone
 * proves nothing (page 1). What the hub has accepted is a claim:
 *
 * - A device has at most one. A newer attestation for another relay moves it; one that is not newer
 *   than the accepted one changes nothing, so that two relays never take a device from each other
 * in turn.
 * - A link of its own goes first, and ends what was agreed to before. A claim that comes while the
 *   device has a link (which may be dead already) waits for the end of that link.
 * - It lives for PZ_ATTEST_AGE_MS from when it was made or came, whichever was first.
 *
 * Verifying costs signatures. What repeats a claim is not verified again, and of one relay no more
 * than PZ_ATTEST_CHECKS_MAX are verified in PZ_ATTEST_WINDOW_US.
 */
#include <stdio.h>
#include <stdlib.h>

#include "hosted/behind.h"
#include "hosted/records.h"
#include "hosted/services.h"
#include "hosted/update.h"
#include "zone/attest.h"

struct pz_hosted_claim {
	struct pz_list hook; /* in the relay's claims */
	struct pz_hosted_conn *relay;
	struct pz_member *member;
	uint64_t at_ms, expires_ms;
	char serial[PZ_SERIAL_HEX_BYTES]; /* of the PZP CA that proved it */
	bool is_listed;                   /* by the relay's list that is being read */
};

static struct pz_slice
address_of(const struct pz_hosted *zone, const struct pz_member *member,
	   char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s/%s", zone->authority->zone, member->device);
	return pz_slice_str(out);
}

static void
mark_seen(struct pz_hosted *zone, struct pz_member *member)
{
	member->last_seen_ms = pz_env_wall_ms(zone->hosting->env);
	member->is_unsaved = true;
	if (zone->hosting->is_stopping)
		pz_hosted_save_member(zone, member);
}

/* ---- claims ---- */

/* The claim becomes the way to the device, unless that has a link. */
static enum pz_err
activate(struct pz_hosted_claim *claim)
{
	struct pz_hosted_conn *relay = claim->relay;
	struct pz_hosted *zone = relay->zone;
	struct pz_member *member = claim->member;
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	if (member->session) { /* its new attestation means that its link is dead */
		pz_hosted_conn_probe(pz_link_of(member->session)->owner);
		return PZ_OK;
	}
	if (member->via == NULL)
		pz_hosted_update_before_return(zone, member);
	PZ_TRY(pz_router_attach_behind(zone->router, address_of(zone, member, address),
				       &relay->link->session));
	member->via = relay->member->device;
	mark_seen(zone, member);
	pz_info_of(&member->log, zone->hosting->env, "device-behind", "device=%s relay=%s", address,
		   member->via);
	pz_hosted_member_changed(zone, member);
	return PZ_OK;
}

static void
drop(struct pz_hosted_claim *claim)
{
	struct pz_hosted *zone = claim->relay->zone;
	struct pz_member *member = claim->member;
	char address[PZ_ADDRESS_BYTES_MAX + 1];

	pz_list_remove(&claim->hook);
	free(claim);
	member->behind = NULL;
	if (member->via == NULL)
		return;
	pz_router_detach_behind(zone->router, address_of(zone, member, address));
	pz_info_of(&member->log, zone->hosting->env, "behind-gone", "device=%s relay=%s", address,
		   member->via);
	member->via = NULL;
	mark_seen(zone, member);
	pz_hosted_device_gone(zone, member);
	pz_hosted_member_changed(zone, member);
}

static struct pz_hosted_claim *
claim_of(struct pz_member *member)
{
	struct pz_hosted_claim *claim = member->behind;

	if (claim)
		return claim;
	claim = calloc(1, sizeof(*claim));
	if (claim)
		claim->member = member;
	member->behind = claim;
	return claim;
}

/* What has been verified: a new claim, or one that changes. */
static enum pz_err
take(struct pz_hosted_conn *relay, struct pz_member *member, uint64_t at_ms)
{
	uint64_t now_ms = pz_env_wall_ms(relay->hosting->env);
	struct pz_hosted_claim *claim = claim_of(member);

	if (claim == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	bool is_moved = claim->relay != relay;
	if (is_moved) {
		pz_list_remove(&claim->hook);
		pz_list_append(&relay->claims.list, &claim->hook);
		claim->relay = relay;
	}
	claim->at_ms = at_ms;
	claim->expires_ms = (at_ms < now_ms ? at_ms : now_ms) + PZ_ATTEST_AGE_MS;
	snprintf(claim->serial, sizeof(claim->serial), "%s", member->serial);
	claim->is_listed = true;
	member->attested_ms = at_ms;
	member->is_attest_spent = false;
	enum pz_err err = is_moved ? activate(claim) : PZ_OK;
	if (err != PZ_OK)
		drop(claim);
	return err;
}

/* ---- what a relay lists ---- */

static bool
may_check(struct pz_hosted_conn *relay)
{
	uint64_t now_us = pz_env_mono_us(relay->hosting->env);

	if (now_us - relay->claims.window_us >= PZ_ATTEST_WINDOW_US) {
		relay->claims.window_us = now_us;
		relay->claims.checks = 0;
	}
	if (relay->claims.checks == PZ_ATTEST_CHECKS_MAX)
		return false;
	relay->claims.checks++;
	return true;
}

static enum pz_err
verify(struct pz_hosted_conn *relay, const struct pz_attest *attest, struct pz_errinfo *info)
{
	struct pz_hosted *zone = relay->zone;
	struct pz_member *member = NULL;
	struct pz_peer proved;

	if (!may_check(relay)) {
		pz_metric_add(&relay->hosting->metrics, PZ_METRIC_limits_hit, 1);
		return pz_fail(info, PZ_ERR_LIMIT, "too many attestations in too short a time");
	}
	PZ_TRY(pz_attest_check(attest, zone->trust.anchors, zone->authority->zone,
			       relay->member->device, pz_env_wall_ms(relay->hosting->env), &proved,
			       info));
	return pz_authority_admits(zone->authority, &proved, &member, info);
}

/* Not newer than what is known: it came late, or was spent by a link of the device's own. */
static bool
is_overtaken(const struct pz_hosted_conn *relay, const struct pz_member *member, uint64_t at_ms)
{
	if (at_ms != member->attested_ms)
		return at_ms < member->attested_ms;
	return member->is_attest_spent || (member->behind && member->behind->relay != relay);
}

static enum pz_err
take_one(struct pz_hosted_conn *relay, const json_t *one, struct pz_errinfo *info)
{
	struct pz_attest attest;

	PZ_TRY(pz_attest_parse(one, &attest, info));
	struct pz_member *member = pz_authority_member(relay->zone->authority, attest.device);
	if (member == NULL)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "attestation of %s: no such device",
			       attest.device);
	struct pz_hosted_claim *claim = member->behind;
	if (claim && claim->relay == relay && claim->at_ms == attest.at_ms &&
	    strcmp(attest.relay, relay->member->device) == 0) {
		claim->is_listed = true; /* known to be true already */
		return PZ_OK;
	}
	if (is_overtaken(relay, member, attest.at_ms))
		return PZ_OK;
	PZ_TRY(verify(relay, &attest, info));
	enum pz_err err = take(relay, member, attest.at_ms);
	return err == PZ_OK ? err : pz_fail(info, err, "out of memory");
}

static void
log_refused(struct pz_hosted_conn *relay, const char *why)
{
	pz_metric_add(&relay->hosting->metrics, PZ_METRIC_attest_refused, 1);
	pz_warning_of(relay->log, relay->hosting->env, "attestation-refused", "relay=%s %s",
		      relay->link->session.address, why);
}

size_t
pz_hosted_behind_listed(struct pz_hosted_conn *relay, const json_t *list, struct pz_errinfo *info)
{
	size_t i, refused = 0;
	const json_t *one;

	PZ_LIST_EACH (&relay->claims.list, hook, tmp)
		PZ_CONTAINER(hook, struct pz_hosted_claim, hook)->is_listed = false;
	json_array_foreach (list, i, one) {
		struct pz_errinfo why = {"not understood"};
		if (take_one(relay, one, &why) == PZ_OK)
			continue;
		log_refused(relay, why.text);
		if (refused++ == 0)
			*info = why;
	}
	PZ_LIST_EACH (&relay->claims.list, hook, tmp) {
		struct pz_hosted_claim *claim = PZ_CONTAINER(hook, struct pz_hosted_claim, hook);
		if (!claim->is_listed)
			drop(claim);
	}
	return refused;
}

/* ---- what happens to links and members ---- */

void
pz_hosted_behind_forget(struct pz_hosted_conn *relay)
{
	PZ_LIST_EACH (&relay->claims.list, hook, tmp)
		drop(PZ_CONTAINER(hook, struct pz_hosted_claim, hook));
}

void
pz_hosted_behind_own_link(struct pz_member *member)
{
	member->is_attest_spent = true;
	if (member->behind)
		drop(member->behind);
}

void
pz_hosted_behind_lost_link(struct pz_hosted *zone, struct pz_member *member)
{
	if (member->behind && !zone->hosting->is_stopping && activate(member->behind) != PZ_OK)
		drop(member->behind);
}

void
pz_hosted_behind_clean(struct pz_hosted *zone)
{
	uint64_t now_ms = pz_env_wall_ms(zone->hosting->env);

	PZ_LIST_EACH (&zone->links, link_hook, link_tmp) {
		struct pz_hosted_conn *relay =
			PZ_CONTAINER(link_hook, struct pz_link, owner_node)->owner;
		PZ_LIST_EACH (&relay->claims.list, hook, tmp) {
			struct pz_hosted_claim *claim =
				PZ_CONTAINER(hook, struct pz_hosted_claim, hook);
			if (now_ms > claim->expires_ms || claim->member->revoked ||
			    pz_crl_has_serial(zone->authority->crl, claim->serial))
				drop(claim);
		}
	}
}

struct pz_member *
pz_hosted_behind_member(struct pz_hosted *zone, const struct pz_session *via,
			struct pz_slice address)
{
	struct pz_address parsed;

	if (pz_router_behind(zone->router, address) != via ||
	    pz_address_parse(address, &parsed) != PZ_OK)
		return NULL;
	return pz_map_get(zone->authority->members, parsed.device);
}
