#include "pzp/moved.h"

#include <stdlib.h>

#include "base/host.h"
#include "wire/json.h"

#define PORT_DEFAULT 8041 /* page 12 */

struct moved {
	struct pz_hub_place place;  /* as it is on disk */
	struct pz_hub_place wanted; /* as it will be when all that is on its way is */
	struct pz_hub_address used;
	bool is_former_used, is_former_next;
	bool is_wrong[2];           /* another hub answered at the address, and at the former one */
	struct pz_request *request; /* the command that waits for the attempt's end, or NULL */
	uint64_t enrolled;          /* counts memberships: news of an earlier one are dropped */
};

struct moved *
moved_new(struct pz_node *node)
{
	(void)node;
	return calloc(1, sizeof(struct moved));
}

void
moved_free(struct moved *moved)
{
	free(moved);
}

/* The address that counts is another one. */
static void
begin_anew(struct moved *moved)
{
	moved->is_former_next = false;
	moved->is_wrong[0] = moved->is_wrong[1] = false;
}

enum pz_err
moved_set_membership(struct pz_node *node, const struct pz_membership *m, struct pz_errinfo *info)
{
	struct moved *moved = node->moved;
	struct pz_hub_place place = {.number = 0};

	if (m && node->zone.membership)
		return PZ_OK; /* a renewal: the hub is where it was */
	if (m)
		PZ_TRY(pz_hub_place_load(node->config.store, m, &place, info));
	moved->place = moved->wanted = place;
	moved->used = place.at;
	moved->enrolled++;
	begin_anew(moved);
	return PZ_OK;
}

/* ---- which address ---- */

const struct pz_hub_address *
moved_dial(struct pz_node *node)
{
	struct moved *moved = node->moved;
	bool has_former = moved->place.former.port != 0;
	bool is_former = has_former && moved->is_former_next;

	if (has_former && moved->is_wrong[is_former] && !moved->is_wrong[!is_former])
		is_former = !is_former;
	moved->is_former_used = is_former;
	moved->used = is_former ? moved->place.former : moved->place.at;
	return &moved->used;
}

const struct pz_hub_address *
moved_in_use(const struct pz_node *node)
{
	return &node->moved->used;
}

void
moved_failed(struct pz_node *node)
{
	struct moved *moved = node->moved;

	moved->is_former_next = moved->place.former.port != 0 && !moved->is_former_used;
}

/* Does the link that is up lead where the hub is said to be? */
static void
check_place(struct pz_node *node)
{
	const struct moved *moved = node->moved;
	const struct pz_hub_address *at = &moved->place.at, *used = &moved->used;

	if (node->zone.membership == NULL || pz_hub_address_eq(used, at))
		pz_condition_clear(node->conditions, PZ_CONDITION_HUB_ELSEWHERE, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_HUB_ELSEWHERE, "",
				   "the hub is said to be at %s port %u, but the link leads to %s "
				   "port %u",
				   at->host, (unsigned)at->port, used->host, (unsigned)used->port);
}

void
moved_online(struct pz_node *node)
{
	begin_anew(node->moved);
	check_place(node);
}

bool
moved_is_wrong_everywhere(struct pz_node *node)
{
	struct moved *moved = node->moved;

	moved->is_wrong[moved->is_former_used] = true;
	if (moved->place.former.port && !moved->is_wrong[!moved->is_former_used])
		return false;
	begin_anew(moved); /* the next attempts try both again */
	return true;
}

/* The address that counts has changed: dials it, unless a link is up that is as good. */
static void
reconnect(struct pz_node *node, bool is_told)
{
	struct pz_machine *machine = &node->machine;
	bool is_there = pz_hub_address_eq(&node->moved->used, &node->moved->place.at);

	if (machine->state == PZ_STATE_CONNECTING && !is_there)
		(void)pz_machine_event(machine, PZ_EVENT_LINK_FAILED, "the hub has moved");
	else if (machine->state == PZ_STATE_CONNECTED && !is_there && is_told)
		(void)pz_machine_event(machine, PZ_EVENT_LINK_LOST, "the hub has moved");
	node->moved->is_former_next = false; /* the end of an attempt has its own idea */
	pz_machine_hub_moved(machine);
}

/* ---- what changes it ---- */

/** On its way to the disk. */
struct news {
	struct pz_node *node;
	struct pz_hub_place place;
	uint64_t enrolled;
	struct pz_request *request; /* the command that waits, or NULL */
	bool is_moved;
};

static void
tell_of_move(struct pz_node *node)
{
	const struct pz_hub_address *at = &node->moved->place.at;

	pz_notice("hub-moved", "host=%s port=%u", at->host, (unsigned)at->port);
	node_tell(node, json_pack("{s:s, s:s, s:i}", "event", "hub", "host", at->host, "port",
				  (int)at->port));
}

static void
end_request(struct pz_node *node, struct pz_request *request, enum pz_err err, const char *detail)
{
	if (request)
		pz_request_finish(request, err, detail, err == PZ_OK ? moved_result(node) : NULL);
}

/* What the user said counts; whether it is true shows the attempt. */
static void
end_attempt(struct pz_node *node, struct pz_request *request)
{
	const struct pz_hub_address *at = &node->moved->place.at;
	const char *reason = node->machine.reason;
	struct pz_errinfo text;

	if (node->machine.state == PZ_STATE_CONNECTED) {
		end_request(node, request, PZ_OK, "");
		return;
	}
	(void)pz_fail(&text, PZ_ERR_IO,
		      "the hub was not reached at %s port %u: %s; the address is kept, and tried "
		      "again%s when the device connects",
		      at->host, (unsigned)at->port, reason[0] ? reason : "no attempt was made",
		      node->moved->place.former.port ? ", in turn with the former one," : "");
	end_request(node, request, PZ_ERR_IO, text.text);
}

void
moved_state_changed(struct pz_node *node, enum pz_state now)
{
	struct pz_request *request = node->moved->request;

	if (request == NULL || now == PZ_STATE_CONNECTING || now == PZ_STATE_DISCONNECTING)
		return;
	node->moved->request = NULL;
	end_attempt(node, request);
}

static void
take_over(struct pz_node *node, const struct news *news)
{
	bool has_notice = news->place.notice.number > node->moved->place.notice.number;

	node->moved->place = news->place;
	if (has_notice)
		pz_peers_tell_moved(node->peers);
	if (news->is_moved) {
		begin_anew(node->moved);
		tell_of_move(node);
	}
	end_request(node, node->moved->request, PZ_ERR_EXISTS, "another address was given");
	node->moved->request = NULL;
	if (news->is_moved || news->request) /* who says the same again wants to be there now */
		reconnect(node, news->request != NULL);
	if (node->machine.state == PZ_STATE_CONNECTED)
		check_place(node);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct news *news = arg;
	struct pz_node *node = news->node;
	struct moved *moved = node->moved;

	if (err == PZ_OK && news->enrolled == moved->enrolled) {
		take_over(node, news);
		if (node->machine.state != PZ_STATE_CONNECTING)
			end_attempt(node, news->request);
		else
			moved->request = news->request;
		news->request = NULL;
	} else if (err != PZ_OK) {
		pz_error("hub-place-not-stored",
			 "where the hub is was not stored and does not count: %s", detail);
		if (news->enrolled == moved->enrolled)
			moved->wanted = moved->place; /* may be said again */
	}
	end_request(node, news->request, err, detail);
	free(news);
}

/* @param request the command that waits, or NULL. Errors: LIMIT_MEMORY. */
static enum pz_err
store(struct pz_node *node, const struct pz_hub_place *place, bool is_moved,
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
	*news = (struct news){.node = node,
			      .place = *place,
			      .enrolled = node->moved->enrolled,
			      .request = request,
			      .is_moved = is_moved};
	node->moved->wanted = *place;
	pz_store_commit(node->config.store, txn, on_stored, news);
	return PZ_OK;
}

static enum pz_err
hear(struct pz_node *node, const json_t *message, struct pz_errinfo *info)
{
	const struct pz_membership *m = node->zone.membership;
	struct pz_hub_place next = node->moved->wanted;
	struct pz_hub_notice notice;

	PZ_TRY(pz_hub_notice_parse(message, &notice, info));
	if (!pz_hub_place_is_news(&next, &notice) || node->is_wiping)
		return PZ_OK;
	PZ_TRY(pz_hub_notice_check(&notice, m->zone, m->master, info));
	bool is_moved = pz_hub_place_take(&next, &notice) == PZ_PLACE_MOVED;
	return store(node, &next, is_moved, NULL);
}

bool
moved_on_prop(struct pz_node *node, const char *from, struct pz_log_rate *log, json_t *message)
{
	struct pz_errinfo info = {""};

	enum pz_err err = hear(node, message, &info);
	if (err == PZ_OK)
		return true;
	pz_metric_add(&node->metrics, PZ_METRIC_messages_dropped, 1);
	pz_warning_of(log, node->config.env, "notice-refused", "from=%s %s", from,
		      pz_errinfo_text(&info, err));
	return false;
}

json_t *
moved_notice(const struct pz_node *node)
{
	const struct pz_hub_notice *notice = &node->moved->place.notice;

	return notice->number ? pz_hub_notice_json(notice) : NULL;
}

/* ---- what is shown, and the command ---- */

/* {host, port}, and `next` where the link that is up leads elsewhere than the next one will. */
json_t *
moved_result(const struct pz_node *node)
{
	const struct moved *moved = node->moved;
	bool is_up = node->machine.state == PZ_STATE_CONNECTED;
	const struct pz_hub_address *at = is_up ? &moved->used : &moved->place.at;
	json_t *result = json_pack("{s:s, s:i}", "host", at->host, "port", (int)at->port);

	if (result && !pz_hub_address_eq(at, &moved->place.at))
		(void)json_object_set_new(result, "next",
					  json_pack("{s:s, s:i}", "host", moved->place.at.host,
						    "port", (int)moved->place.at.port));
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
	const struct pz_node *node = request->self;

	if (node->moved->request == request)
		node->moved->request = NULL;
}

/* The address is stored whether its program waits or not. */
static const struct pz_request_kind waiting_kind = {.release = release_waiting, .goes_on = true};

static void
give_address(struct pz_request *request)
{
	struct pz_node *node = request->self;
	struct pz_hub_place next = node->moved->wanted;
	struct pz_errinfo info = {""};
	struct pz_hub_address at;

	enum pz_err err = read_address(request, &at, &info);
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	bool is_moved = pz_hub_place_tell(&next, &at, pz_env_wall_ms(node->config.env));
	if (pz_request_begin(request, &waiting_kind) &&
	    store(node, &next, is_moved, request) != PZ_OK)
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
}

void
moved_command(struct pz_request *request)
{
	const struct pz_node *node = request->self;

	if (node->zone.membership == NULL || node->is_wiping)
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"this device is not enrolled in a zone; `pzp enrol` first");
	else if (pz_json_str(request->params, "host"))
		give_address(request);
	else
		pz_request_answer(request, moved_result(node));
}
