/* The command `move`: announces a zone at another address, or cancels that. While a zone moves this
 * hub changes nothing in it (zone/moving.h). @spec page 3 "A hub that moves" */
#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "hosted/dates.h"
#include "hub/friend.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "wire/json.h"

/* Connected devices and friends get it now, the others when they connect. */
static void
send_to_all(struct pz_hosted *zone)
{
	PZ_LIST_EACH (&zone->links, hook, tmp)
		pz_hosted_conn_send_address(PZ_CONTAINER(hook, struct pz_link, owner_node)->owner);
	pz_hub_friends_send_notice(zone);
}

/* ---- the command ---- */

struct move {
	struct pz_hosted_transact t;
	struct pz_request *request;
	struct pz_hub_address to; /* port 0: it stays */
	struct pz_hub_move next;
};

/* "Here" is the address that new devices get when they enrol. */
static enum pz_err
check(const struct move *move, struct pz_hub_address *out, struct pz_errinfo *info)
{
	const struct pz_authority *a = move->t.zone->authority;
	struct pz_hub_address here;

	pz_hub_address_set(&here, a->host, move->t.zone->hosting->port);
	*out = move->to.port ? move->to : here;
	if (move->to.port == 0 && !a->move.is_moving)
		return pz_fail(info, PZ_ERR_NOTFOUND, "zone %s is not moving", a->zone);
	if (move->to.port == 0 && here.port == 0)
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"the port of this hub is known only while pzhd runs: start it first");
	if (move->to.port && pz_hub_address_eq(&move->to, &here))
		return pz_fail(info, PZ_ERR_CONFIG, "zone %s is at %s port %u already", a->zone,
			       here.host, (unsigned)here.port);
	return PZ_OK;
}

static enum pz_err
prepare_move(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct move *move = PZ_CONTAINER(t, struct move, t);
	struct pz_hub_address to;

	PZ_TRY(check(move, &to, info));
	return pz_authority_announce(t->zone->authority, &to, move->to.port != 0, txn, &move->next,
				     info);
}

static void
move_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	  const char *detail)
{
	const struct move *move = PZ_CONTAINER(t, struct move, t);
	struct pz_hosted *zone = t->zone;

	(void)member;
	if (err == PZ_OK) {
		zone->authority->move = move->next;
		/* A device that a code admits now would be missing from the archive. */
		if (move->next.is_moving)
			pz_codes_cancel_all(&zone->enrolment.codes);
		pz_notice(move->next.is_moving ? "moving" : "staying", "zone=%s host=%s port=%u",
			  zone->authority->zone, move->next.notice.at.host,
			  (unsigned)move->next.notice.at.port);
		send_to_all(zone);
		pz_hosted_check_conditions(zone);
	}
	pz_request_finish(move->request, err, detail,
			  err == PZ_OK ? pz_pzh_stay_result(zone->authority) : NULL);
}

static const struct pz_hosted_transact_ops move_ops = {prepare_move, move_done, NULL};

static enum pz_err
read_target(const json_t *params, struct pz_hub_address *out, struct pz_errinfo *info)
{
	const char *host = pz_json_str(params, "host");
	int64_t port = 0;

	*out = (struct pz_hub_address){.port = 0};
	if (json_is_true(json_object_get(params, "stay")))
		return PZ_OK;
	if (host == NULL || !pz_host_is_valid(host) ||
	    !pz_json_int(params, "port", 1, UINT16_MAX, &port))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "move needs a host (DNS name or IP address) and a port from 1 to "
			       "65535, or stay");
	pz_hub_address_set(out, host, (uint16_t)port);
	return PZ_OK;
}

void
pz_pzh_run_move(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct pz_hosted *zone;
	struct pz_hub_address to;
	struct move *move = NULL;

	if (!pz_pzh_choose_zone(request, &zone))
		return;
	enum pz_err err = read_target(request->params, &to, &info);
	if (err == PZ_OK && (move = calloc(1, sizeof(*move))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
		return;
	}
	move->request = request;
	move->to = to;
	pz_hosted_transact(zone, &move->t, &move_ops);
}
