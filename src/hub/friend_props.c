/*
 * Props between the hubs of two friend zones (page 6): one table of prop statuses. All of them are
 * valid for the friend's own zone only. What is kept is a checked copy; signed parts are verified
 * with the pinned CA.
 */
#include <stdlib.h>

#include "base/auto.h"
#include "border/border.h"
#include "hub/friend.h"
#include "record/record.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/prop_error.h"

/* ---- what this hub says ---- */

static void
send_list(struct pz_hub_friend *f)
{
	json_t *pem = f->conn ? pz_record_crl(f->zone->authority->crl) : NULL;

	if (pem)
		pz_hub_friend_send(f, "friendCrl", json_pack("{s:o}", "crl", pem));
}

static void
send_notice(struct pz_hub_friend *f)
{
	const struct pz_hub_notice *notice = &f->zone->authority->move.notice;

	if (notice->number > 0)
		pz_hub_friend_send(f, "hubMoved", pz_hub_notice_json(notice));
}

void
pz_hub_friend_greet(struct pz_hub_friend *f)
{
	const struct pz_friend *known = pz_hub_friend_known(f);

	send_list(f);
	send_notice(f);
	if (known && known->is_confirmed_here)
		pz_hub_friend_send(f, "friendConfirm", NULL);
}

static void
to_each(struct pz_hosted *zone, void (*send)(struct pz_hub_friend *f))
{
	size_t pos = 0;
	void *f;

	while (zone->friends && pz_map_next(zone->friends, &pos, NULL, &f))
		send(f);
}

void
pz_hub_friends_send_list(struct pz_hosted *zone)
{
	to_each(zone, send_list);
}

void
pz_hub_friends_send_notice(struct pz_hosted *zone)
{
	to_each(zone, send_notice);
}

/* ---- what the other hub says ---- */

static void
send_error(struct pz_hub_friend *f, enum pz_prop_error error, const char *message,
	   const char *about)
{
	if (pz_hosted_conn_is_choked(f->conn))
		return;
	pz_hub_friend_send(f, "error",
			   json_pack("{s:s, s:s, s:s}", "code", pz_prop_error_code(error),
				     "message", message, "about", about));
}

static void
on_confirm(struct pz_hub_friend *f, const json_t *message)
{
	(void)message;
	pz_hub_friend_confirmed_there(f->zone, f->name);
}

/* What this zone shows is sent when both hubs accept it: each has stored that both owners have
 * confirmed. */
static void
on_open(struct pz_hub_friend *f, const json_t *message)
{
	struct pz_hub_friend_link *link = f->conn->friend_link;
	bool is_first = !link->is_open_there;

	(void)message;
	link->is_open_there = true;
	if (is_first && f->conn->link->session.attached)
		pz_border_up(f->zone->border, f->conn->link);
}

static void
on_remove(struct pz_hub_friend *f, const json_t *message)
{
	(void)message;
	pz_hub_friend_remove(f->zone, f->name, true, NULL, NULL);
}

/* An equal or older list is no error, because the other hub sends its list again with each link. */
static void
on_crl(struct pz_hub_friend *f, const json_t *message)
{
	const struct pz_friend *known = pz_hub_friend_known(f);
	const char *pem = pz_json_str(message, "crl");
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;
	struct pz_errinfo info = {"friendCrl needs a list in PEM"};

	if (known == NULL)
		return;
	enum pz_err err = pem ? pz_crl_from_pem(pz_slice_str(pem), &crl, &info) : PZ_ERR_PROTO;
	if (err == PZ_OK)
		err = pz_crl_verify(crl, known->ca, &info);
	if (err != PZ_OK) {
		pz_warning_of(&f->log, f->zone->hosting->env, "friend-list-refused",
			      "zone=%s friend=%s %s", f->zone->authority->zone, f->name, info.text);
		send_error(f, PZ_PROP_ERROR_REFUSED, info.text, "friendCrl");
	} else if (known->crl == NULL || pz_crl_number(crl) > pz_crl_number(known->crl)) {
		pz_hub_friend_take_list(f->zone, f->name, crl);
	}
}

static void
on_moved(struct pz_hub_friend *f, const json_t *message)
{
	const struct pz_friend *known = pz_hub_friend_known(f);
	struct pz_hub_notice notice;
	struct pz_errinfo info = {""};

	if (known == NULL)
		return;
	enum pz_err err = pz_hub_notice_parse(message, &notice, &info);
	if (err == PZ_OK && notice.number <= known->number)
		return; /* known, or older than the known one */
	if (err == PZ_OK)
		err = pz_hub_notice_check(&notice, f->name, known->ca, &info);
	if (err != PZ_OK) {
		pz_warning_of(&f->log, f->zone->hosting->env, "friend-notice-refused",
			      "zone=%s friend=%s %s", f->zone->authority->zone, f->name, info.text);
		send_error(f, PZ_PROP_ERROR_REFUSED, info.text, "hubMoved");
		return;
	}
	pz_hub_friend_take_notice(f->zone, f->name, &notice);
}

static void
on_bye(struct pz_hub_friend *f, const json_t *message)
{
	const char *reason = pz_json_str(message, "reason");

	pz_link_close(f->conn->link, PZ_ERR_IO_CLOSED, reason ? reason : "bye");
}

static void
on_nothing(struct pz_hub_friend *f, const json_t *message)
{
	(void)f;
	(void)message;
}

static void
on_probe(struct pz_hub_friend *f, const json_t *message)
{
	(void)message;
	if (!pz_hosted_conn_is_choked(f->conn))
		pz_hub_friend_send(f, "keepAlive", NULL);
}

static void
on_error(struct pz_hub_friend *f, const json_t *message)
{
	const char *code = pz_json_str(message, "code"), *about = pz_json_str(message, "about");

	pz_info_of(&f->log, f->zone->hosting->env, "friend-error",
		   "zone=%s friend=%s code=%s about=%s", f->zone->authority->zone, f->name,
		   code ? code : "?", about ? about : "?");
}

static const struct {
	const char *status;
	void (*handle)(struct pz_hub_friend *f, const json_t *message);
} statuses[] = {
	{"friendConfirm", on_confirm}, {"friendOpen", on_open}, {"friendRemove", on_remove},
	{"friendCrl", on_crl},         {"hubMoved", on_moved},  {"bye", on_bye},
	{"keepAlive", on_nothing},     {"probe", on_probe},     {"error", on_error},
};

static void
handle(struct pz_hub_friend *f, const char *status, json_t *message)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		if (strcmp(statuses[i].status, status) == 0) {
			statuses[i].handle(f, message);
			return;
		}
	}
	if (f->conn->link->session.attached &&
	    pz_border_on_prop(f->zone->border, f->conn->link, status, message))
		return;
	send_error(f, PZ_PROP_ERROR_UNKNOWN_STATUS, "this hub does not know the status", status);
}

void
pz_hub_friend_prop(struct pz_hosted_conn *conn, const struct pz_envelope *envelope)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;
	struct pz_hub_friend *f = conn->friend_link->of;

	/* Only from the hub itself, on the link in use. */
	if (f == NULL || f->conn != conn || conn->link->closing ||
	    !pz_slice_eq(envelope->from, pz_session_address(&conn->link->session)) ||
	    pz_message_prop_parse(envelope, &payload, &status, &message) != PZ_OK) {
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_messages_dropped, 1);
		return;
	}
	if (!pz_link_on_channel_prop(conn->link, status, message))
		handle(f, status, message);
	json_decref(payload);
}
