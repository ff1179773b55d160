/*
 * The move of a zone to another hub: loads and stores the signed notice and its number. The
 * devices' side is in notice.c; the command and the archive are in src/pzh and src/archive.
 */
#include "zone/moving.h"

#include <string.h>

#include "record/record.h"
#include "wire/json.h"
#include "zone/authority.h"

#define SPACE "moved" /* zone -> its record */

/* With a clock that was set back, devices would take the newer notice for the older one. */
static uint64_t
next_number(const struct pz_authority *a)
{
	uint64_t now = pz_env_wall_ms(a->env);

	return now > a->move.notice.number ? now : a->move.notice.number + 1;
}

enum pz_err
pz_authority_announce(const struct pz_authority *a, const struct pz_hub_address *at, bool is_moving,
		      struct pz_txn *txn, struct pz_hub_move *out, struct pz_errinfo *info)
{
	struct pz_hub_move move = {.is_moving = is_moving};

	PZ_TRY(pz_hub_notice_make(a->zone, at, next_number(a), a->ca_key, &move.notice, info));
	PZ_TRY(pz_authority_put_move(a, &move, txn));
	*out = move;
	return PZ_OK;
}

enum pz_err
pz_authority_put_move(const struct pz_authority *a, const struct pz_hub_move *move,
		      struct pz_txn *txn)
{
	if (move->notice.number == 0)
		return pz_txn_remove(txn, SPACE, a->zone);
	return pz_record_put(txn, SPACE, a->zone,
			     json_pack("{s:o, s:b}", "notice", pz_hub_notice_json(&move->notice),
				       "moving", move->is_moving));
}

struct load {
	struct pz_authority *authority;
	struct pz_errinfo *info;
};

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct load *load = arg;
	struct pz_authority *a = load->authority;
	struct pz_hub_move move;
	json_t *record = NULL;

	if (strcmp(key, a->zone) != 0)
		return PZ_OK;
	PZ_TRY(pz_record_parse(SPACE, key, value, &record, load->info));
	move.is_moving = json_is_true(json_object_get(record, "moving"));
	enum pz_err err =
		pz_hub_notice_parse(json_object_get(record, "notice"), &move.notice, load->info);
	if (err == PZ_OK)
		/* The signature is verified again at each start: a record that was changed on the
		 * disk must not send devices to another hub. */
		err = pz_hub_notice_check(&move.notice, a->zone, a->ca, load->info);
	json_decref(record);
	if (err == PZ_OK)
		a->move = move;
	return err;
}

/* Changes that are made here after the export would be missing from the archive, and so from the
 * new hub. */
enum pz_err
pz_authority_load_move(struct pz_store *store, struct pz_authority *a, struct pz_errinfo *info)
{
	struct load load = {a, info};

	return pz_store_load(store, SPACE, load_one, &load, info);
}

enum pz_err
pz_authority_check_stays(const struct pz_authority *a, struct pz_errinfo *info)
{
	if (!a->move.is_moving)
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED,
		       "zone %s is moving to %s port %u: do it there, or end the move with `pzh "
		       "export --stay`",
		       a->zone, a->move.notice.at.host, (unsigned)a->move.notice.at.port);
}
