/*
 * Where the hub is: which address is dialled when, and how notices and the user change it.
 *
 * There is a current address and a former one (zone/place.h). After each lost link the current one
 * is tried first; while neither works they are tried in turn, so that a failed move strands no
 * device. A notice never ends a live link; an address from the user does. A notice is applied, and
 * passed on, when it is on disk.
 * @spec page 3 "A hub that moves", page 14 REV-9
 */
#include <stdlib.h>

#include "base/host.h"
#include "command/table.h"
#include "uplink/internal.h"
#include "wire/json.h"

#define PORT_DEFAULT 8041 /* page 12 */

struct pz_uplink_place {
	struct pz_hub_place now;    /* as stored on disk */
	struct pz_hub_place wanted; /* after all pending changes */
	struct pz_hub_address used;
	bool is_former_used, is_former_next;
	bool is_wrong[2];           /* another hub answered at the current, at the former address */
	struct pz_request *request; /* the command that waits for the attempt's end, or NULL */
	uint64_t enrolled;          /* counts memberships: changes from former ones are dropped */
};

struct pz_uplink_place *
pz_uplink_place_new(void)
{
	return calloc(1, sizeof(struct pz_uplink_place));
}

void
pz_uplink_place_free(struct pz_uplink_place *place)
{
	free(place);
}

/* Reports that the current address has changed. */
static void
begin_anew(struct pz_uplink_place *place)
{
	place->is_former_next = false;
	place->is_wrong[0] = place->is_wrong[1] = false;
}

enum pz_err
pz_uplink_set_membership(struct pz_uplink *uplink, const struct pz_membership *m,
			 struct pz_errinfo *info)
{
	struct pz_uplink_place *place = uplink->place;
	struct pz_hub_place fresh = {.number = 0};

	if (m && uplink->config.zone->membership)
		return PZ_OK; /* a renewal: the hub has not moved */
	if (m)
		PZ_TRY(pz_hub_place_load(uplink->config.store, m, &fresh, info));
	place->now = place->wanted = fresh;
	place->used = fresh.at;
	place->enrolled++;
	begin_anew(place);
	return PZ_OK;
}

/* ---- which address ---- */

const struct pz_hub_address *
pz_uplink_place_dial(struct pz_uplink *uplink)
{
	struct pz_uplink_place *place = uplink->place;
	bool has_former = place->now.former.port != 0;
	bool is_former = has_former && place->is_former_next;

	/* An address where another hub answered is skipped as long as the other address may be
	 * right. */
	if (has_former && place->is_wrong[is_former] && !place->is_wrong[!is_former])
		is_former = !is_former;
	place->is_former_used = is_former;
	place->used = is_former ? place->now.former : place->now.at;
	return &place->used;
}

const struct pz_hub_address *
pz_uplink_place_used(const struct pz_uplink *uplink)
{
	return &uplink->place->used;
}

void
pz_uplink_place_failed(struct pz_uplink *uplink)
{
	struct pz_uplink_place *place = uplink->place;

	place->is_former_next = place->now.former.port != 0 && !place->is_former_used;
}

/* Raises or clears the condition that the live link leads to another address than the current one.
 */
static void
check_place(struct pz_uplink *uplink)
{
	const struct pz_uplink_place *place = uplink->place;
	const struct pz_hub_address *at = &place->now.at, *used = &place->used;

	if (uplink->config.zone->membership == NULL || pz_hub_address_eq(used, at))
		pz_condition_clear(uplink->config.conditions, PZ_CONDITION_HUB_ELSEWHERE, "");
	else
		pz_condition_raise(uplink->config.conditions, PZ_CONDITION_HUB_ELSEWHERE, "",
				   "the hub is said to be at %s port %u, but the link leads to %s "
				   "port %u",
				   at->host, (unsigned)at->port, used->host, (unsigned)used->port);
}

void
pz_uplink_place_online(struct pz_uplink *uplink)
{
	begin_anew(uplink->place);
	check_place(uplink);
}

bool
pz_uplink_place_is_wrong(struct pz_uplink *uplink)
{
	struct pz_uplink_place *place = uplink->place;

	place->is_wrong[place->is_former_used] = true;
	if (place->now.former.port && !place->is_wrong[!place->is_former_used])
		return false;
	begin_anew(place); /* the next attempts try both again */
	return true;
}

/* The current address has changed: dials it, unless the live link may stay. */
static void
reconnect(struct pz_uplink *uplink, bool is_told)
{
	struct pz_machine *machine = &uplink->machine;
	bool is_there = pz_hub_address_eq(&uplink->place->used, &uplink->place->now.at);

	if (machine->state == PZ_STATE_CONNECTING && !is_there)
		(void)pz_machine_event(machine, PZ_EVENT_LINK_FAILED, "the hub has moved");
	else if (machine->state == PZ_STATE_CONNECTED && !is_there && is_told)
		(void)pz_machine_event(machine, PZ_EVENT_LINK_LOST, "the hub has moved");
	uplink->place->is_former_next = false; /* the end of the attempt has just set it */
	pz_machine_hub_moved(machine);
}

/* ---- what changes it ---- */

/** A change that is being stored. */
struct news {
	struct pz_uplink *uplink;
	struct pz_hub_place place;
	uint64_t enrolled;
	struct pz_request *request; /* the command that waits, or NULL */
	bool is_moved;
};

static void
tell_of_move(struct pz_uplink *uplink)
{
	const struct pz_hub_address *at = &uplink->place->now.at;

	pz_notice("hub-moved", "host=%s port=%u", at->host, (unsigned)at->port);
	uplink->config.ops->moved(uplink->config.arg, at, uplink->relaying.via);
}

static void
end_request(struct pz_uplink *uplink, struct pz_request *request, enum pz_err err,
	    const char *detail)
{
	if (request)
		pz_request_finish(request, err, detail,
				  err == PZ_OK ? pz_uplink_place_json(uplink) : NULL);
}

/* The user's address is kept in any case; the attempt shows whether it is right. */
static void
end_attempt(struct pz_uplink *uplink, struct pz_request *request)
{
	const struct pz_hub_address *at = &uplink->place->now.at;
	const char *reason = uplink->machine.reason;
	struct pz_errinfo text;

	if (uplink->machine.state == PZ_STATE_CONNECTED) {
		end_request(uplink, request, PZ_OK, "");
		return;
	}
	(void)pz_fail(&text, PZ_ERR_IO,
		      "the hub was not reached at %s port %u: %s; the address is kept, and tried "
		      "again%s when the device connects",
		      at->host, (unsigned)at->port, reason[0] ? reason : "no attempt was made",
		      uplink->place->now.former.port ? ", in turn with the former one," : "");
	end_request(uplink, request, PZ_ERR_IO, text.text);
}

void
pz_uplink_place_state_changed(struct pz_uplink *uplink, enum pz_state now)
{
	struct pz_request *request = uplink->place->request;

	if (request == NULL || now == PZ_STATE_CONNECTING || now == PZ_STATE_DISCONNECTING)
		return;
	uplink->place->request = NULL;
	end_attempt(uplink, request);
}

static void
take_over(struct pz_uplink *uplink, const struct news *news)
{
	bool has_notice = news->place.notice.number > uplink->place->now.notice.number;
	bool is_elsewhere = !pz_hub_address_eq(&news->place.at, &uplink->place->now.at);

	uplink->place->now = news->place;
	if (has_notice)
		uplink->config.ops->notice(uplink->config.arg);
	if (news->is_moved) {
		begin_anew(uplink->place);
		tell_of_move(uplink);
	}
	/* A notice may name the address that a user has just given: it is being tried. */
	if (is_elsewhere || news->request)
		end_request(uplink, PZ_TAKE(uplink->place->request), PZ_ERR_EXISTS,
			    "another address was given");
	if (news->is_moved || news->request) /* a repeated address means: connect there now */
		reconnect(uplink, news->request != NULL);
	if (uplink->machine.state == PZ_STATE_CONNECTED)
		check_place(uplink);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct news *news = arg;
	struct pz_uplink *uplink = news->uplink;
	struct pz_uplink_place *place = uplink->place;

	if (err == PZ_OK && news->enrolled == place->enrolled) {
		take_over(uplink, news);
		if (uplink->machine.state != PZ_STATE_CONNECTING)
			end_attempt(uplink, news->request);
		else if (news->request)
			place->request = news->request;
		news->request = NULL;
	} else if (err != PZ_OK) {
		pz_error("hub-place-not-stored",
			 "the hub's new address was not stored and is not used: %s", detail);
		if (news->enrolled == place->enrolled)
			place->wanted = place->now; /* may be said again */
	}
	end_request(uplink, news->request, err, detail);
	free(news);
}

/* @param request the command that waits, or NULL. Errors: LIMIT_MEMORY. */
static enum pz_err
store(struct pz_uplink *uplink, const struct pz_hub_place *place, bool is_moved,
      struct pz_request *request)
{
	struct news *news = calloc(1, sizeof(*news));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (news && txn)
		err = pz_hub_place_put(place, txn);
	if (err != PZ_OK) {
		free(news);
		pz_txn_free(txn);
		return err;
	}
	*news = (struct news){.uplink = uplink,
			      .place = *place,
			      .enrolled = uplink->place->enrolled,
			      .request = request,
			      .is_moved = is_moved};
	uplink->place->wanted = *place;
	pz_txn_on_drop(txn, free);
	pz_store_commit(uplink->config.store, txn, on_stored, news);
	return PZ_OK;
}

static enum pz_err
hear(struct pz_uplink *uplink, const json_t *message, struct pz_errinfo *info)
{
	const struct pz_membership *m = uplink->config.zone->membership;
	struct pz_hub_place next = uplink->place->wanted;
	struct pz_hub_notice notice;

	PZ_TRY(pz_hub_notice_parse(message, &notice, info));
	/* Before the signature: each link repeats the notice that is known here. */
	if (!pz_hub_place_is_changed_by(&next, &notice) || uplink->machine.is_wiping)
		return PZ_OK;
	PZ_TRY(pz_hub_notice_check(&notice, m->zone, m->master, info));
	bool is_moved = pz_hub_place_take(&next, &notice) == PZ_PLACE_MOVED;
	return store(uplink, &next, is_moved, NULL);
}

bool
pz_uplink_on_notice(struct pz_uplink *uplink, const char *from, struct pz_log_rate *log,
		    json_t *message)
{
	struct pz_errinfo info = {""};

	enum pz_err err = hear(uplink, message, &info);
	if (err == PZ_OK)
		return true;
	pz_metric_add(uplink->metrics, PZ_METRIC_messages_dropped, 1);
	pz_warning_of(log, uplink->env, "notice-refused", "from=%s %s", from,
		      pz_errinfo_text(&info, err));
	return false;
}

json_t *
pz_uplink_notice(const struct pz_uplink *uplink)
{
	const struct pz_hub_notice *notice = &uplink->place->now.notice;

	return notice->number ? pz_hub_notice_json(notice) : NULL;
}

/* ---- what is shown, and the command ---- */

/* {host, port}, and `next` when the live link leads to another address than the next one will. */
json_t *
pz_uplink_place_json(const struct pz_uplink *uplink)
{
	const struct pz_uplink_place *place = uplink->place;
	bool is_up = uplink->machine.state == PZ_STATE_CONNECTED;
	const struct pz_hub_address *at = is_up ? &place->used : &place->now.at;
	json_t *result = json_pack("{s:s, s:i}", "host", at->host, "port", (int)at->port);

	if (result && !pz_hub_address_eq(at, &place->now.at))
		(void)json_object_set_new(result, "next",
					  json_pack("{s:s, s:i}", "host", place->now.at.host,
						    "port", (int)place->now.at.port));
	return result;
}

static enum pz_err
read_address(const struct pz_request *request, struct pz_hub_address *out, struct pz_errinfo *info)
{
	const char *host = pz_json_str(request->params, "host");
	int64_t port = pz_request_int(request, "port", PORT_DEFAULT);

	if (host == NULL || !pz_host_is_dialable(host))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' is no host: give the hub's DNS name or IP address",
			       host ? host : "");
	pz_hub_address_set(out, host, (uint16_t)port);
	return PZ_OK;
}

static void
release_waiting(struct pz_request *request)
{
	struct pz_uplink *const *waiting = request->state;
	struct pz_uplink_place *place = (*waiting)->place;

	if (place->request == request)
		place->request = NULL;
}

/* The address is stored even if its program no longer waits. */
static const struct pz_request_kind waiting_kind = {
	.size = sizeof(struct pz_uplink *), .release = release_waiting, .goes_on = true};

static void
give_address(struct pz_uplink *uplink, struct pz_request *request)
{
	struct pz_hub_place next = uplink->place->wanted;
	struct pz_errinfo info = {""};
	struct pz_hub_address at;

	enum pz_err err = read_address(request, &at, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	bool is_moved = pz_hub_place_set_by_user(&next, &at, pz_env_wall_ms(uplink->env));
	/* Answered when it is on the disk: else a crash would lead back to the old hub. */
	struct pz_uplink **waiting = pz_request_begin(request, &waiting_kind);
	if (waiting == NULL)
		return;
	*waiting = uplink;
	if (store(uplink, &next, is_moved, request) != PZ_OK)
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

void
pz_uplink_command(struct pz_uplink *uplink, struct pz_request *request)
{
	if (uplink->config.zone->membership == NULL || uplink->machine.is_wiping)
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"this device is not enrolled in a zone; `pzp enrol` first");
	else if (pz_json_str(request->params, "host"))
		give_address(uplink, request);
	else
		pz_request_answer(request, pz_uplink_place_json(uplink));
}
