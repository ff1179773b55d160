/*
 * Two sources can set the hub's address: the user (`pzp hub`) and notices of the zone. Both have a
 * number, and the higher one wins, so the order of arrival does not matter. A command gets a number
 * above that of the newest known notice: it wins over everything older, and later notices win over
 * it.
 */
#include "zone/place.h"

#include <string.h>

#include "record/record.h"
#include "wire/json.h"

void
pz_hub_place_init(struct pz_hub_place *place, const struct pz_membership *m)
{
	*place = (struct pz_hub_place){.number = 0};
	pz_hub_address_set(&place->at, m->hub_host, m->hub_port);
}

/* ---- the record ---- */

enum pz_err
pz_hub_place_put(const struct pz_hub_place *p, struct pz_txn *txn)
{
	json_t *record = json_pack("{s:s, s:i, s:I}", "host", p->at.host, "port", (int)p->at.port,
				   "number", (json_int_t)p->number);

	if (record && p->former.port) {
		(void)json_object_set_new(record, "formerHost", json_string(p->former.host));
		(void)json_object_set_new(record, "formerPort", json_integer(p->former.port));
	}
	if (record && p->notice.number)
		(void)json_object_set_new(record, "notice", pz_hub_notice_json(&p->notice));
	return pz_record_put(txn, PZ_MEMBERSHIP_SPACE, PZ_MEMBERSHIP_PLACE_KEY, record);
}

static enum pz_err
read_address(const json_t *record, const char *host, const char *port, struct pz_hub_address *out,
	     struct pz_errinfo *info)
{
	int64_t number = 0;

	PZ_TRY(pz_record_string(record, host, out->host, sizeof(out->host), info));
	if (!pz_json_int(record, port, 1, UINT16_MAX, &number))
		return pz_fail(info, PZ_ERR_PROTO, "store: %s is missing or out of range", port);
	out->port = (uint16_t)number;
	return PZ_OK;
}

static enum pz_err
read_record(const json_t *record, struct pz_hub_place *p, struct pz_errinfo *info)
{
	const json_t *notice = json_object_get(record, "notice");
	int64_t number = 0;

	PZ_TRY(read_address(record, "host", "port", &p->at, info));
	if (json_object_get(record, "formerHost"))
		PZ_TRY(read_address(record, "formerHost", "formerPort", &p->former, info));
	if (!pz_json_int(record, "number", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &number))
		return pz_fail(info, PZ_ERR_PROTO, "store: number is missing or out of range");
	p->number = (uint64_t)number;
	return notice ? pz_hub_notice_parse(notice, &p->notice, info) : PZ_OK;
}

struct load {
	struct pz_hub_place place;
	struct pz_errinfo *info;
};

/* The space also has the record of the membership. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct load *load = arg;
	json_t *record = NULL;

	if (strcmp(key, PZ_MEMBERSHIP_PLACE_KEY) != 0)
		return PZ_OK;
	PZ_TRY(pz_record_parse(PZ_MEMBERSHIP_SPACE, key, value, &record, load->info));
	enum pz_err err = read_record(record, &load->place, load->info);
	json_decref(record);
	return err;
}

enum pz_err
pz_hub_place_load(struct pz_store *store, const struct pz_membership *m, struct pz_hub_place *place,
		  struct pz_errinfo *info)
{
	struct load load = {.info = info};

	pz_hub_place_init(&load.place, m);
	PZ_TRY(pz_store_load(store, PZ_MEMBERSHIP_SPACE, load_one, &load, info));
	*place = load.place;
	return PZ_OK;
}

/* ---- received notices ---- */

/* True when the address differs from the one before. */
static bool
go_to(struct pz_hub_place *p, const struct pz_hub_address *at, uint64_t number)
{
	p->number = number;
	if (pz_hub_address_eq(&p->at, at))
		return false;
	p->former = p->at;
	p->at = *at;
	return true;
}

bool
pz_hub_place_is_changed_by(const struct pz_hub_place *p, const struct pz_hub_notice *notice)
{
	return notice->number > p->notice.number;
}

/* A notice is kept and passed on even when a command of the user is newer: other devices may need
 * it. */
enum pz_place_news
pz_hub_place_take(struct pz_hub_place *p, const struct pz_hub_notice *notice)
{
	if (!pz_hub_place_is_changed_by(p, notice))
		return PZ_PLACE_OLD;
	p->notice = *notice;
	if (notice->number <= p->number)
		return PZ_PLACE_HEARD; /* a later command of the user set the address */
	return go_to(p, &notice->at, notice->number) ? PZ_PLACE_MOVED : PZ_PLACE_HEARD;
}

bool
pz_hub_place_set_by_user(struct pz_hub_place *p, const struct pz_hub_address *at, uint64_t wall_ms)
{
	uint64_t least = p->number > p->notice.number ? p->number : p->notice.number;
	uint64_t number = wall_ms > least ? wall_ms : least + 1;

	return go_to(p, at, number > PZ_SYNC_TIME_MS_MAX ? PZ_SYNC_TIME_MS_MAX : number);
}
