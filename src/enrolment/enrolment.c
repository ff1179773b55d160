/*
 * How this device becomes a member (page 3): a connection without a client certificate, the
 * exchange of the code on it (enrol/device.h), and one transaction with everything that was
 * received. A failure at any point removes the key again and leaves the device virgin.
 *
 * There is one attempt at a time (`now`). The machine of the uplink ends it: a failure is reported
 * to the machine, and its action drops the attempt. Dropped attempts are freed at the end of the
 * turn, since the call that failed is often one of the attempt's own. An attempt that is being
 * stored can no longer be dropped: the certificates may be durable already, so its commit decides,
 * even if the connection or the command that began it has ended.
 *
 * @spec page 14 ENR-8, ENR-11
 */
#include "enrolment/enrolment.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "enrol/device.h"
#include "enrol/link.h"
#include "enrolment/params.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "uplink/reason.h"
#include "uplink/uplink.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define STEP_BYTES 320 /* of a text with a host name */

/* One attempt to enrol. */
struct attempt {
	struct pz_enrolment *all;
	struct pz_dial *dial;
	struct pz_link *link;
	struct pz_enrol_link where; /* host, port, zone, code */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_tls_ctx *ctx;
	struct pz_enrol_device *exchange;
	struct pz_key *ca_key;
	char ca_key_uri[PZ_KEY_URI_MAX];
	struct pz_membership *fresh; /* waits for the disk */
	struct attempt *next_dropped, *next_storing;
	bool is_storing, is_dropped;
};

struct pz_enrolment {
	struct pz_enrolment_config config;
	struct pz_link_host link_host;
	struct attempt *now;     /* while an attempt runs */
	struct attempt *dropped; /* freed by the reaper */
	struct attempt *storing; /* are being stored, dropped or not */
	struct pz_timer reaper;
};

/* The code is wiped: it is good for another attempt until it expires. */
static void
free_attempt(struct attempt *e)
{
	e->all->config.ops->ended(e->all->config.arg);
	pz_enrol_device_free(e->exchange);
	pz_tls_ctx_free(e->ctx);
	pz_key_free(e->ca_key);
	pz_membership_free(e->fresh);
	explicit_bzero(&e->where, sizeof(e->where));
	free(e);
}

/* Removes keys that are not needed. */
static void
remove_keys(struct attempt *e)
{
	struct pz_keystore *keys = e->all->config.keys;

	(void)!pz_keystore_remove(keys, e->ca_key_uri);
	if (e->fresh)
		(void)!pz_keystore_remove(keys, e->fresh->tls_key_uri);
}

static struct pz_machine *
machine_of(const struct attempt *e)
{
	return pz_uplink_machine(e->all->config.uplink);
}

/* Reports a failure to the machine, which gives up the enrolment (PZ_ACT_GIVE_UP ->
 * pz_enrolment_drop). */
static void
fail(struct attempt *e, const char *reason)
{
	(void)pz_machine_event(machine_of(e), PZ_EVENT_ENROL_FAILED, reason);
}

/* @param doing "connecting to", before the hub's host and port */
static void
next_step(const struct attempt *e, enum pz_event event, const char *doing)
{
	char step[STEP_BYTES];

	snprintf(step, sizeof(step), "%s %s port %u", doing, e->where.host,
		 (unsigned)e->where.port);
	(void)pz_machine_event(machine_of(e), event, step);
}

/* ---- connecting ---- */

static void
on_resolved(void *arg)
{
	next_step(arg, PZ_EVENT_RESOLVED, "connecting to");
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct attempt *e = arg;

	e->dial = NULL;
	const struct pz_uplink_opening opening = {
		.link_host = &e->all->link_host,
		.tls = e->ctx,
		.zone = e->where.zone,
		.host = e->where.host,
		.owner = e->all,
	};
	enum pz_err err = pz_uplink_open_link(&opening, stream, &e->link);
	if (err != PZ_OK)
		fail(e, pz_err_text(err));
}

static void
on_dial_failed(void *arg, enum pz_err err, const char *detail)
{
	struct attempt *e = arg;
	struct pz_errinfo reason;

	e->dial = NULL;
	fail(e, pz_uplink_dial_reason(err, detail, &reason));
}

static const struct pz_dial_events dial_events = {
	.resolved = on_resolved,
	.connected = on_connected,
	.failed = on_dial_failed,
};

/* The key is made before anything is dialled: a device that cannot store a key fails before it has
 * used an attempt. */
static enum pz_err
begin(struct attempt *e, json_t *params, struct pz_errinfo *info)
{
	const struct pz_enrolment_config *config = &e->all->config;
	const struct pz_transport *t = &config->transport;
	struct pz_tls_config tls = {.kind = PZ_TLS_ENROL_CLIENT, .env = config->env};

	PZ_TRY(pz_enrolment_read_params(params, config->names->device, &e->where, e->device, info));
	PZ_TRY(pz_tls_ctx_new(&tls, &e->ctx, info));
	PZ_TRY(pz_keystore_create(config->keys, config->key_type, e->ca_key_uri, &e->ca_key, info));
	return t->ops->dial(t->self, e->where.host, e->where.port, &dial_events, e, &e->dial);
}

/* A device belongs to one zone at a time (page 14 ENR-11): it must leave the first one, and be
 * wiped, before the next. */
enum pz_err
pz_enrolment_start(struct pz_enrolment *enrolment, json_t *params, struct pz_errinfo *info)
{
	const struct pz_enrolment_config *config = &enrolment->config;
	const struct pz_membership *membership = config->zone->membership;

	if (membership)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "this device is enrolled in zone %s; `pzp leave` first",
			       membership->zone);
	if (enrolment->now)
		return pz_fail(info, PZ_ERR_EXISTS, "an enrolment is under way");
	struct attempt *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	e->all = enrolment;
	config->ops->began(config->arg);
	enum pz_err err = begin(e, params, info);
	if (err != PZ_OK) {
		if (e->ca_key)
			(void)!pz_keystore_remove(config->keys, e->ca_key_uri);
		free_attempt(e);
		return err;
	}
	pz_machine_explain(machine_of(e), "looking up %.200s", e->where.host);
	enrolment->now = e;
	return PZ_OK;
}

bool
pz_enrolment_is_running(const struct pz_enrolment *enrolment)
{
	return enrolment->now != NULL;
}

bool
pz_enrolment_call_off(struct pz_enrolment *enrolment, const char *reason)
{
	const struct attempt *e = enrolment->now;

	if (e == NULL || e->is_storing)
		return false;
	return pz_machine_event(machine_of(e), PZ_EVENT_DISCONNECT, reason) == PZ_OK;
}

const char *
pz_enrolment_step(const struct pz_enrolment *enrolment, char *out, size_t size)
{
	const struct attempt *e = enrolment->now;
	const char *step = "the exchange of certificates with";

	if (e == NULL)
		return "";
	if (e->link == NULL)
		step = "the connection to";
	else if (e->exchange == NULL)
		step = "the TLS handshake with";
	snprintf(out, size, "%s %s port %u", step, e->where.host, (unsigned)e->where.port);
	return out;
}

void
pz_enrolment_drop(struct pz_enrolment *enrolment)
{
	struct attempt *e = enrolment->now;

	if (e == NULL)
		return;
	enrolment->now = NULL;
	if (e->dial)
		e->all->config.transport.ops->dial_cancel(e->dial);
	if (e->link)
		pz_link_close(PZ_TAKE(e->link), PZ_OK, "");
	e->is_dropped = true;
	if (e->is_storing)
		return; /* freed by its call-back */
	remove_keys(e);
	/* This may run inside the exchange's own call-back: it is freed at the end of the turn. */
	pz_env_start(enrolment->config.env, &enrolment->reaper, 0);
	e->next_dropped = enrolment->dropped;
	enrolment->dropped = e;
}

static void
reap(struct pz_enrolment *enrolment)
{
	while (enrolment->dropped) {
		struct attempt *e = enrolment->dropped;
		enrolment->dropped = e->next_dropped;
		free_attempt(e);
	}
}

static void
on_reaper(struct pz_timer *timer, void *arg)
{
	(void)timer;
	reap(arg);
}

/* More than one may wait: an attempt that was dropped while it was being stored, and the next one.
 */
static void
take_from_storing(struct attempt *e)
{
	struct attempt **at = &e->all->storing;

	while (*at && *at != e)
		at = &(*at)->next_storing;
	if (*at)
		*at = e->next_storing;
	e->is_storing = false;
}

/* ---- the exchange ---- */

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct attempt *e = arg;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err = pz_message_prop(&out, e->device, e->where.zone, status, message);
	if (err == PZ_OK && e->link)
		err = pz_link_send(e->link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	if (err != PZ_OK && e->link)
		pz_link_close(e->link, err, "cannot send");
}

static void
on_proven(void *arg)
{
	next_step(arg, PZ_EVENT_PROVEN, "exchanging certificates with");
}

/* The hub's CA was sent inside the exchange, so the other end of the exchange knows the code. The
 * certificate of this connection must be issued by that CA; otherwise a man in the middle is
 * relaying the exchange (page 3). */
static enum pz_err
on_verify_connection(void *arg, const struct pz_cert *master_ca, const struct pz_crl *crl,
		     struct pz_errinfo *info)
{
	struct attempt *e = arg;
	struct pz_expect expect = {.zone = e->where.zone, .role = PZ_EXPECT_HUB};
	struct pz_trust *trust = pz_trust_new();

	if (trust == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_trust_add(trust, master_ca, crl, info);
	if (err == PZ_OK)
		err = pz_tls_verify_peer(e->link->tls, trust, &expect,
					 pz_env_wall_ms(e->all->config.env), info);
	pz_trust_free(trust);
	return err;
}

static void
on_failed(void *arg, enum pz_err err, const char *reason)
{
	struct attempt *e = arg;

	(void)err;
	fail(e, reason);
}

/* ---- storing ---- */

/* What was stored cannot be used: the next start must not find it without its keys. */
static void
unstore(const struct pz_enrolment *enrolment)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn && pz_membership_wipe(txn) == PZ_OK)
		pz_store_commit(enrolment->config.store, txn, NULL, NULL);
	else
		pz_txn_free(txn);
}

static void
store_failed(struct attempt *e, enum pz_err err, const char *detail)
{
	struct pz_errinfo reason;

	remove_keys(e);
	if (e->is_dropped) {
		free_attempt(e);
		return;
	}
	(void)pz_fail(&reason, err, "the certificates could not be stored: %s", detail);
	fail(e, reason.text);
}

/* Durable: this device is a member, even if the connection or the command has ended. */
static void
become_member(struct attempt *e)
{
	struct pz_enrolment *all = e->all;
	const struct pz_enrolment_config *config = &all->config;

	if (all->now == e)
		all->now = NULL;
	else
		pz_enrolment_drop(all); /* another attempt has begun: this one is too late */
	if (all->storing == NULL)
		config->ops->sweep_keys(config->arg); /* an earlier one may have been stored, too */
	pz_service_cache_announce(config->items);
	if (e->link)
		pz_link_close(e->link, PZ_OK, "");
	free_attempt(e);
	(void)pz_machine_event(pz_uplink_machine(config->uplink), PZ_EVENT_STORED, NULL);
}

/* Durable, but the device is a member only when the node has joined: trust, names and links are
 * made from what was stored. If that fails, what was stored is removed again. */
static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct attempt *e = arg;
	struct pz_errinfo info = {""};
	char tls_key_uri[PZ_KEY_URI_MAX];

	take_from_storing(e);
	if (err != PZ_OK) {
		store_failed(e, err, detail);
		return;
	}
	const struct pz_enrolment_config *config = &e->all->config;
	snprintf(tls_key_uri, sizeof(tls_key_uri), "%s", e->fresh->tls_key_uri);
	err = config->ops->join(config->arg, PZ_TAKE(e->fresh), &info);
	if (err == PZ_OK) {
		become_member(e);
		return;
	}
	unstore(e->all);
	(void)!pz_keystore_remove(config->keys, tls_key_uri);
	store_failed(e, err, info.text[0] ? info.text : pz_err_text(err));
}

/* Keys and certificates are here, except the TLS key, which is made now. From the commit on nothing
 * can cancel the attempt. */
static void
on_done(void *arg, const struct pz_enrol_result *result)
{
	struct attempt *e = arg;
	const struct pz_enrolment_config *config = &e->all->config;
	struct pz_errinfo info = {""};
	struct pz_txn *txn = pz_txn_new();
	struct pz_membership_grant grant = {
		.zone = e->where.zone,
		.device = e->device,
		.hub_host = result->host,
		.hub_port = result->port,
		.key_type = config->key_type,
		.ca_key_uri = e->ca_key_uri,
		.ca_key = e->ca_key,
		.device_ca = result->device_ca,
		.master = result->master_ca,
		.crl = result->crl,
	};
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (txn)
		err = pz_membership_create(&grant, config->keys, config->env, txn, &e->fresh,
					   &info);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		fail(e, pz_errinfo_text(&info, err));
		return;
	}
	e->is_storing = true;
	e->next_storing = e->all->storing;
	e->all->storing = e;
	pz_store_commit(config->store, txn, on_stored, e);
}

static const struct pz_enrol_device_ops exchange_ops = {
	.send = on_send,
	.proven = on_proven,
	.verify_connection = on_verify_connection,
	.done = on_done,
	.failed = on_failed,
};

/* ---- the link ---- */

/* The attempt that this link belongs to; NULL: it has ended, and its link is about to. */
static struct attempt *
of_link(const struct pz_link *link)
{
	const struct pz_enrolment *enrolment = link->owner;
	struct attempt *e = enrolment->now;

	return e && e->link == link ? e : NULL;
}

static void
on_secured(struct pz_link *link)
{
	struct attempt *e = of_link(link);

	if (e == NULL)
		return;
	const struct pz_enrolment_config *config = &e->all->config;
	struct pz_errinfo info = {"cannot begin the exchange"};
	struct pz_enrol_device_config exchange = {
		.zone = e->where.zone,
		.device = e->device,
		.display_name = pz_user_prefs_name_as(config->items, e->device),
		.device_type = config->names->device_type,
		.code = e->where.code,
		.ca_key = e->ca_key,
		.env = config->env,
	};

	/* The answer has the zone's CRL, which may be longer than what a stranger may send. */
	link->frame_max = link->host->frame_max;
	enum pz_err err =
		pz_tls_export(link->tls, "EXPORTER-pz-enrol", exchange.sid, sizeof(exchange.sid));
	if (err == PZ_OK)
		err = pz_enrol_device_new(&exchange, &exchange_ops, e, &e->exchange, &info);
	if (err == PZ_OK)
		pz_enrol_device_start(e->exchange);
	else
		fail(e, info.text);
}

/* As in the pairing window: only props of the exchange are accepted. */
static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	const struct attempt *e = of_link(link);
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	if (e == NULL)
		return PZ_OK;
	PZ_TRY(pz_message_prop_read(frame, &payload, &status, &message));
	pz_enrol_device_message(e->exchange, status, message);
	json_decref(payload);
	return PZ_OK;
}

/* A refusal in the handshake nearly always means that no code is live (page 3). NULL: it was not
 * refused. */
static const char *
hint(const struct attempt *e, enum pz_err why)
{
	if (e->exchange == NULL &&
	    (why == PZ_ERR_DENIED || why == PZ_ERR_NOTFOUND || why == PZ_ERR_DENIED_REMOTE ||
	     why == PZ_ERR_DENIED_REMOTE_DATE || why == PZ_ERR_IO_CLOSED))
		return "the code is not valid any more (used, expired, replaced by a newer one, or "
		       "the hub was restarted), or the zone is not hosted there; get a new code "
		       "with `pzh token` on the hub";
	return NULL;
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct attempt *e = of_link(link);
	struct pz_errinfo reason, text;

	(void)undelivered;
	if (e == NULL)
		return;
	e->link = NULL;
	if (e->is_storing)
		return; /* everything was received; the connection is not needed any more */
	const char *refused = hint(e, why);
	if (refused)
		(void)pz_fail(&reason, why, "the hub at %s port %u refused the enrolment: %s",
			      e->where.host, (unsigned)e->where.port, refused);
	else
		(void)pz_fail(&reason, why, "the enrolment with %s port %u failed: %s",
			      e->where.host, (unsigned)e->where.port,
			      pz_uplink_reason(why, detail, &text));
	fail(e, reason.text);
}

static const struct pz_link_events link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.closed = on_closed,
};

/* ---- life ---- */

struct pz_enrolment *
pz_enrolment_new(const struct pz_enrolment_config *config)
{
	struct pz_enrolment *enrolment = calloc(1, sizeof(*enrolment));

	if (enrolment == NULL)
		return NULL;
	enrolment->config = *config;
	enrolment->link_host = config->link_host;
	enrolment->link_host.events = &link_events;
	pz_timer_init(&enrolment->reaper, on_reaper, enrolment);
	return enrolment;
}

void
pz_enrolment_free(struct pz_enrolment *enrolment)
{
	if (enrolment == NULL)
		return;
	while (enrolment->storing) {
		struct attempt *e = enrolment->storing;
		take_from_storing(e);
		if (e == enrolment->now)
			enrolment->now = NULL;
		free_attempt(e);
	}
	pz_enrolment_drop(enrolment);
	reap(enrolment);
	pz_env_stop(enrolment->config.env, &enrolment->reaper);
	free(enrolment);
}
