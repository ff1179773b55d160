/*
 * Owners' commands about friends: at the hub (pzh/friend.c), or from a device of the zone by prop.
 * Both call pz_hub_friend_run, so a device can do what the hub's own command line can. Each command
 * ends with one call of its `result`, at once or when a change is on disk (friend_change.c) or the
 * other hub has answered (befriend.c); the answer to a device is sent on its current link.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/codec.h"
#include "friends/alike.h"
#include "hub/friend.h"
#include "wire/json.h"

/** A command that waits for the disk or for the other hub. */
struct command {
	struct pz_hosted *zone;
	pz_hub_friend_result result;
	void *arg;
	char name[PZ_ZONE_BYTES_MAX + 1];
	struct pz_invitation invitation;
};

/* ---- what is shown ---- */

static void
fingerprint_of(const struct pz_cert *ca, char out[65])
{
	uint8_t bytes[32];

	pz_cert_fingerprint(ca, bytes);
	pz_hex_encode(bytes, sizeof(bytes), out);
}

/* A refusal by the other hub is shown first: the owner has to act on it. */
static const char *
state_of(const struct pz_friend *f, const struct pz_hub_friend *at_work)
{
	if (at_work && at_work->is_refused)
		return "refused";
	if (pz_friend_is_confirmed(f))
		return "friends";
	if (f->is_confirmed_here)
		return "waiting"; /* for the other owner */
	return "unconfirmed";
}

/* "by" and "problem" are for people: who confirmed here, and why the friend's hub is not linked
 * now. */
static json_t *
friend_json(const struct pz_hosted *zone, const struct pz_friend *f, const struct pz_alikes *alikes)
{
	const struct pz_authority *a = zone->authority;
	const struct pz_hub_friend *at_work = pz_hub_friend_find(zone, f->zone);
	const char *alike = pz_alikes_find(alikes, f);
	bool is_connected = at_work && at_work->conn;
	uint64_t seen_ms = is_connected ? pz_env_wall_ms(a->env) : f->seen_ms;
	char fingerprint[65];

	fingerprint_of(f->ca, fingerprint);
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:I, s:I, s:s, s:s, s:s, s:i, s:s*, "
			 "s:s*}",
			 "zone", f->zone, "displayName", f->display_name, "state",
			 state_of(f, at_work), "confirmed", pz_friend_is_confirmed(f),
			 "confirmedHere", f->is_confirmed_here, "confirmedThere",
			 f->is_confirmed_there, "connected", is_connected, "since",
			 (json_int_t)f->since_ms, "lastSeen", (json_int_t)seen_ms, "by",
			 f->is_confirmed_here ? f->by : "", "fingerprint", fingerprint, "host",
			 f->host, "port", (int)f->port, "looksLike", alike, "problem",
			 at_work && !is_connected && at_work->problem[0] ? at_work->problem : NULL);
}

static struct pz_alikes *
alikes_of(const struct pz_hosted *zone)
{
	const struct pz_authority *a = zone->authority;

	return pz_alikes_new(a->friends.table, a->zone, a->name);
}

static json_t *
list_json(const struct pz_hosted *zone)
{
	PZ_AUTO(pz_alikes_free) struct pz_alikes *alikes = alikes_of(zone);
	json_t *list = json_array();
	size_t pos = 0;
	const struct pz_friend *f;

	while ((f = pz_friends_next(zone->authority->friends.table, &pos)) != NULL)
		json_array_append_new(list, friend_json(zone, f, alikes));
	return list;
}

/* The link contains the secret of the invitation, and is shown once; it is wiped here. */
static json_t *
invitation_json(const struct pz_hosted *zone, const struct pz_invitation *i)
{
	struct pz_buf link;
	json_t *result = NULL;
	char ca[65];

	pz_hex_encode(i->ca, sizeof(i->ca), ca);
	pz_buf_init(&link, PZ_INVITATION_LINK_BYTES_MAX, NULL);
	if (pz_invitation_link(i, &link) == PZ_OK)
		result =
			json_pack("{s:s%, s:s, s:s, s:i, s:I, s:s}", "link",
				  (const char *)pz_buf_slice(&link).ptr, link.len, "zone",
				  zone->authority->zone, "host", i->host, "port", (int)i->port,
				  "expires", (json_int_t)(i->expires_ms / 1000), "fingerprint", ca);
	pz_buf_wipe(&link);
	if (result && i->guest[0])
		(void)json_object_set_new(result, "for", json_string(i->guest));
	return result;
}

/* ---- ends ---- */

static struct command *
new_command(struct pz_hosted *zone, const char *name, pz_hub_friend_result result, void *arg)
{
	struct command *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		result(arg, PZ_ERR_LIMIT_MEMORY, "out of memory", NULL);
		return NULL;
	}
	c->zone = zone;
	c->result = result;
	c->arg = arg;
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void
end(struct command *c, enum pz_err err, const char *detail, json_t *takes_result)
{
	c->result(c->arg, err, detail, takes_result);
	pz_invitation_wipe(&c->invitation);
	free(c);
}

/* The friend in its current version. */
static void
on_changed(void *arg, enum pz_err err, const char *detail)
{
	struct command *c = arg;
	PZ_AUTO(pz_alikes_free) struct pz_alikes *alikes = alikes_of(c->zone);
	const struct pz_friend *f =
		pz_friends_find(c->zone->authority->friends.table, pz_slice_str(c->name));

	if (err == PZ_OK && f == NULL) /* it was removed meanwhile */
		end(c, PZ_ERR_NOTFOUND, "the friendship has ended meanwhile", NULL);
	else
		end(c, err, detail, err == PZ_OK ? friend_json(c->zone, f, alikes) : NULL);
}

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct command *c = arg;

	end(c, err, detail, err == PZ_OK ? json_pack("{s:s}", "zone", c->name) : NULL);
}

static void
on_invited(void *arg, enum pz_err err, const char *detail)
{
	struct command *c = arg;

	end(c, err, detail, err == PZ_OK ? invitation_json(c->zone, &c->invitation) : NULL);
}

/* ---- commands ---- */

static enum pz_err
make_invitation(const struct pz_hosted *zone, const json_t *params, const char *by,
		struct pz_invitation *out, struct pz_errinfo *info)
{
	const struct pz_authority *a = zone->authority;
	const char *guest = pz_json_str(params, "for");

	PZ_TRY(pz_authority_check_stays(a, info));
	if (pz_invitation_make(a->zone, a->ca, a->host, zone->hosting->port, a->env, out) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "no link can be made of host '%s': move the zone to a valid one "
			       "(pzh export, pzh import --host)",
			       a->host);
	if (guest && pz_zone_normalise(pz_slice_str(guest), out->guest) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' is no zone: write it as user@domain, e.g. bob@example.org",
			       guest);
	if (strcmp(out->guest, a->zone) == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "a zone cannot be its own friend");
	snprintf(out->by, sizeof(out->by), "%s", by);
	return PZ_OK;
}

static void
run_invite(struct pz_hosted *zone, const json_t *params, const char *by,
	   pz_hub_friend_result result, void *arg)
{
	struct command *c = new_command(zone, "", result, arg);
	struct pz_errinfo info = {""};

	if (c == NULL)
		return;
	enum pz_err err = make_invitation(zone, params, by, &c->invitation, &info);
	if (err == PZ_OK)
		pz_hub_invite(zone, &c->invitation, on_invited, c);
	else
		end(c, err, pz_errinfo_text(&info, err), NULL);
}

/* A zone whose hub refuses us may be accepted again: its owner has ended the friendship, and wants
 * a new one. */
static enum pz_err
check_invitation(const struct pz_hosted *zone, const struct pz_invitation *i,
		 struct pz_errinfo *info)
{
	const struct pz_authority *a = zone->authority;

	PZ_TRY(pz_authority_check_stays(a, info));
	if (strcmp(i->zone, a->zone) == 0)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the invitation is of %s itself: give the link to the other person, "
			       "whose hub accepts it",
			       a->zone);
	const struct pz_hub_friend *at_work = pz_hub_friend_find(zone, i->zone);

	if (pz_hub_confirmed_friend(zone, pz_slice_str(i->zone)) &&
	    !(at_work && at_work->is_refused))
		return pz_fail(info, PZ_ERR_EXISTS, "%s is a friend already", i->zone);
	return PZ_OK;
}

/* Until the command exists errors are answered directly; after that at its end, exactly once. */
static void
run_accept(struct pz_hosted *zone, const json_t *params, const char *by,
	   pz_hub_friend_result result, void *arg)
{
	const char *link = pz_json_str(params, "link");
	struct pz_errinfo info = {"friend accept needs the link of an invitation"};
	struct pz_invitation invitation;
	struct command *c = NULL;

	(void)by;
	enum pz_err err = link ? pz_invitation_parse(link, &invitation, &info) : PZ_ERR_CONFIG;
	if (err == PZ_OK)
		err = check_invitation(zone, &invitation, &info);
	if (err == PZ_OK) {
		c = new_command(zone, invitation.zone, result, arg);
		if (c == NULL)
			return;
		err = pz_hub_befriend(zone, &invitation, on_changed, c);
		pz_invitation_wipe(&invitation);
		if (err != PZ_OK)
			end(c, err, pz_err_text(err), NULL);
		return;
	}
	result(arg, err, pz_errinfo_text(&info, err), NULL);
}

/* The named zone, normalised. @return false: the command has ended */
static bool
read_name(const json_t *params, char out[PZ_ZONE_BYTES_MAX + 1], pz_hub_friend_result result,
	  void *arg)
{
	const char *name = pz_json_str(params, "friend");

	if (name && pz_zone_normalise(pz_slice_str(name), out) == PZ_OK)
		return true;
	result(arg, PZ_ERR_CONFIG, "name the friend's zone, as `friend list` shows it", NULL);
	return false;
}

static void
run_confirm(struct pz_hosted *zone, const json_t *params, const char *by,
	    pz_hub_friend_result result, void *arg)
{
	char name[PZ_ZONE_BYTES_MAX + 1];
	struct command *c;

	if (read_name(params, name, result, arg) &&
	    (c = new_command(zone, name, result, arg)) != NULL)
		pz_hub_friend_confirm(zone, name, by, on_changed, c);
}

static void
run_remove(struct pz_hosted *zone, const json_t *params, const char *by,
	   pz_hub_friend_result result, void *arg)
{
	char name[PZ_ZONE_BYTES_MAX + 1];
	struct command *c;

	(void)by;
	if (read_name(params, name, result, arg) &&
	    (c = new_command(zone, name, result, arg)) != NULL) {
		/* The owner has seen it. */
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_FRIEND_ENDED, name);
		pz_hub_friend_remove(zone, name, false, on_removed, c);
	}
}

static void
run_list(struct pz_hosted *zone, const json_t *params, const char *by, pz_hub_friend_result result,
	 void *arg)
{
	(void)params;
	(void)by;
	result(arg, PZ_OK, "", list_json(zone));
}

static const struct {
	const char *verb;
	void (*run)(struct pz_hosted *zone, const json_t *params, const char *by,
		    pz_hub_friend_result result, void *arg);
} verbs[] = {
	{"invite", run_invite},   {"accept", run_accept}, {"list", run_list},
	{"confirm", run_confirm}, {"remove", run_remove},
};

void
pz_hub_friend_run(struct pz_hosted *zone, const char *verb, const json_t *params, const char *by,
		  pz_hub_friend_result result, void *arg)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].verb, verb) == 0) {
			verbs[i].run(zone, params, by, result, arg);
			return;
		}
	}
	result(arg, PZ_ERR_NOTFOUND, "no such command about friends", NULL);
}

/* ---- from a device ---- */

/** The requester that waits for the answer. */
struct asker {
	struct pz_hosted *zone;
	int64_t id;
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char serial[PZ_SERIAL_HEX_BYTES];
};

/* The device is recorded with its serial: a device that enrols again under that name gets no answer
 * for the former one. */
static struct asker *
new_asker(const struct pz_hosted_conn *conn, int64_t id)
{
	struct asker *asker = calloc(1, sizeof(*asker));

	if (asker == NULL)
		return NULL;
	asker->zone = conn->zone;
	asker->zone->friend_commands++;
	asker->id = id;
	snprintf(asker->device, sizeof(asker->device), "%s", conn->member->device);
	snprintf(asker->serial, sizeof(asker->serial), "%s", conn->serial);
	return asker;
}

/* The link of the request may have been replaced by another one of the device meanwhile. */
static void
on_result(void *arg, enum pz_err err, const char *detail, json_t *takes_result)
{
	struct asker *asker = arg;
	const struct pz_member *member = pz_authority_member(asker->zone->authority, asker->device);
	json_t *message = err == PZ_OK && takes_result
				  ? json_pack("{s:I, s:O}", "id", (json_int_t)asker->id, "result",
					      takes_result)
				  : json_pack("{s:I, s:s, s:s}", "id", (json_int_t)asker->id,
					      "code", pz_err_name(err), "message", detail);

	if (member && member->session && strcmp(member->serial, asker->serial) == 0)
		pz_hosted_answer(pz_link_of(member->session)->owner, member->session->address,
				 "friendResult", message);
	json_decref(message);
	json_decref(takes_result);
	asker->zone->friend_commands--;
	free(asker);
}

/* A command may dial any address, or be a commit: a device that sends them without limit must not
 * affect the hub's other zones, or other changes of its own. @return false: it was refused, and
 * `asker` is freed */
static bool
may_run(struct pz_hosted_conn *conn, struct asker *asker, const char *status)
{
	struct pz_errinfo info = {""};
	enum pz_err err = pz_hosted_conn_may(conn, PZ_RIGHT_ADMIN, status, &info);

	if (err == PZ_OK) /* friends are signed by the authority, like policies */
		err = pz_hub_may_change(conn->zone, conn->member->device, status, &info);
	if (err == PZ_OK && asker->zone->friend_commands > PZ_FRIEND_COMMANDS_MAX)
		err = pz_fail(&info, PZ_ERR_LIMIT,
			      "too many commands about friends wait at the hub; try again later");
	if (err != PZ_OK)
		on_result(asker, err, info.text, NULL);
	return err == PZ_OK;
}

const char *
pz_hub_friend_command(struct pz_hosted_conn *conn, const json_t *message)
{
	const char *verb = pz_json_str(message, "command");
	struct asker *asker;
	int64_t id = 0;

	if (verb == NULL || !pz_json_int(message, "id", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &id))
		return "friendCommand needs id and command";
	if ((asker = new_asker(conn, id)) == NULL)
		return "out of memory";
	/* Every device of the zone knows which friends there are. */
	if (strcmp(verb, "list") == 0 || may_run(conn, asker, "friendCommand"))
		pz_hub_friend_run(conn->zone, verb, message, conn->member->device, on_result,
				  asker);
	return NULL;
}

static void
on_offered(void *arg, enum pz_err err, const char *detail)
{
	on_result(arg, err, detail, err == PZ_OK ? json_object() : NULL);
}

/* Only the form of the text is checked. A device vouches for its pairing; the zone treats what it
 * offers like a friend that the owner has confirmed. */
const char *
pz_hub_friend_offered(struct pz_hosted_conn *conn, const json_t *message)
{
	const char *text = pz_json_str(message, "friend");
	struct pz_friend *f = NULL;
	struct asker *asker;
	int64_t id = 0;

	if (!pz_json_int(message, "id", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &id) || text == NULL ||
	    pz_friend_parse(pz_slice_str(text), &f, NULL) != PZ_OK)
		return "friendOffer needs id and the text of a friend";
	if ((asker = new_asker(conn, id)) == NULL) {
		pz_friend_free(f);
		return "out of memory";
	}
	if (may_run(conn, asker, "friendOffer"))
		pz_hub_friend_offer(conn->zone, f, conn->member->device, on_offered, asker);
	else
		pz_friend_free(f);
	return NULL;
}
