/*
 * From virgin to enrolled (page 3). The exchange is enrol/device.h's; here are the connection, the
 * key, and the one transaction that makes the device a member. A failure at any point removes the
 * key again and leaves the device virgin.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/host.h"
#include "enrol/code.h"
#include "enrol/device.h"
#include "enrol/link.h"
#include "items/prefs.h"
#include "items/service_cache.h"
#include "pzp/internal.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/message.h"

#define HUB_PORT_DEFAULT 8041
#define STEP_BYTES 320 /* of a text with a host name */

struct enrolment {
	struct node_conn conn;
	struct pz_enrol_link where; /* host, port, zone, code */
	char device[PZ_DEVICE_BYTES_MAX + 1];
	struct pz_tls_ctx *ctx;
	struct pz_enrol_device *exchange;
	struct pz_key *ca_key;
	char ca_key_uri[PZ_KEY_URI_MAX];
	struct pz_membership *fresh; /* waits for the disk */
	struct enrolment *next_dropped, *next_storing;
	bool is_storing, is_dropped;
};

bool
enrolment_is_conn(const struct pz_node *node, const struct node_conn *conn)
{
	return conn != &node->hub;
}

static void
free_enrolment(struct enrolment *e)
{
	pz_enrol_device_free(e->exchange);
	pz_tls_ctx_free(e->ctx);
	pz_key_free(e->ca_key);
	pz_membership_free(e->fresh);
	explicit_bzero(&e->where, sizeof(e->where));
	free(e);
}

/* Keys that were made for nothing. */
static void
remove_keys(struct enrolment *e)
{
	struct pz_keystore *keys = e->conn.node->config.keys;

	(void)!pz_keystore_remove(keys, e->ca_key_uri);
	if (e->fresh)
		(void)!pz_keystore_remove(keys, e->fresh->tls_key_uri);
}

/* Reports a failure to the machine, which gives up the enrolment (PZ_ACT_GIVE_UP ->
 * enrolment_drop). */
static void
fail(struct pz_node *node, const char *reason)
{
	(void)pz_machine_event(&node->machine, PZ_EVENT_ENROL_FAILED, reason);
}

/* ---- parameters ---- */

static enum pz_err
read_address(json_t *params, struct pz_enrol_link *out, struct pz_errinfo *info)
{
	const char *host = pz_json_str(params, "host"), *zone = pz_json_str(params, "zone");
	int64_t port = HUB_PORT_DEFAULT;

	if (host == NULL || zone == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "give a link, or a host, a zone and a code");
	if (!pz_host_is_dialable(host))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' is no host: give the hub's DNS name or IP address, a "
			       "link-local one as fe80::1%%eth0",
			       host);
	(void)pz_json_int(params, "port", 1, UINT16_MAX, &port); /* its range was checked */
	if (pz_zone_normalise(pz_slice_str(zone), out->zone) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG, "zone '%s' is not valid: user@domain", zone);
	snprintf(out->host, sizeof(out->host), "%s", host);
	out->port = (uint16_t)port;
	return PZ_OK;
}

static enum pz_err
read_params(struct enrolment *e, json_t *params, struct pz_errinfo *info)
{
	const char *link = pz_json_str(params, "link"), *code = pz_json_str(params, "code");
	const char *device = pz_json_str(params, "device");

	if (link)
		PZ_TRY(pz_enrol_link_parse(link, &e->where, info));
	else
		PZ_TRY(read_address(params, &e->where, info));
	if (code && pz_code_parse(code, e->where.code) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the code is not valid: 8 digits, as `pzh token` shows them");
	if (e->where.code[0] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG,
			       "no code: the link has none, give it with --code");
	if (device && !pz_device_is_valid(pz_slice_str(device)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			device);
	snprintf(e->device, sizeof(e->device), "%s", device ? device : e->conn.node->device);
	return PZ_OK;
}

/* ---- connecting ---- */

static void
on_resolved(void *arg)
{
	struct enrolment *e = arg;
	char step[STEP_BYTES];

	snprintf(step, sizeof(step), "connecting to %s port %u", e->where.host,
		 (unsigned)e->where.port);
	(void)pz_machine_event(&e->conn.node->machine, PZ_EVENT_RESOLVED, step);
}

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct enrolment *e = arg;

	e->conn.dial = NULL;
	enum pz_err err =
		hub_open_link(&e->conn, stream, e->ctx, e->where.zone, e->where.host, NULL);
	if (err != PZ_OK)
		fail(e->conn.node, pz_err_text(err));
}

static void
on_dial_failed(void *arg, enum pz_err err, const char *detail)
{
	struct enrolment *e = arg;
	struct pz_errinfo reason;

	e->conn.dial = NULL;
	fail(e->conn.node, reason_of_dial(err, detail, &reason));
}

static const struct pz_dial_events dial_events = {
	.resolved = on_resolved,
	.connected = on_connected,
	.failed = on_dial_failed,
};

static enum pz_err
begin(struct enrolment *e, json_t *params, struct pz_errinfo *info)
{
	struct pz_node *node = e->conn.node;
	const struct pz_transport *t = &node->config.transport;
	struct pz_tls_config config = {.kind = PZ_TLS_ENROL_CLIENT, .env = node->config.env};

	PZ_TRY(read_params(e, params, info));
	PZ_TRY(pz_tls_ctx_new(&config, &e->ctx, info));
	PZ_TRY(pz_keystore_create(node->config.keys, node->config.key_type, e->ca_key_uri,
				  &e->ca_key, info));
	return t->ops->dial(t->self, e->where.host, e->where.port, &dial_events, e, &e->conn.dial);
}

enum pz_err
enrolment_start(struct pz_node *node, json_t *params, struct pz_errinfo *info)
{
	if (node->zone.membership)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "this device is enrolled in zone %s; `pzp leave` first",
			       node->zone.membership->zone);
	if (node->enrolment)
		return pz_fail(info, PZ_ERR_EXISTS, "an enrolment is under way");
	struct enrolment *e = calloc(1, sizeof(*e));
	if (e == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	e->conn.node = node;
	enum pz_err err = begin(e, params, info);
	if (err != PZ_OK) {
		if (e->ca_key)
			(void)!pz_keystore_remove(node->config.keys, e->ca_key_uri);
		free_enrolment(e);
		return err;
	}
	snprintf(node->machine.reason, sizeof(node->machine.reason), "looking up %.200s",
		 e->where.host);
	node->enrolment = e;
	return PZ_OK;
}

bool
enrolment_call_off(struct pz_node *node, const char *reason)
{
	if (node->enrolment == NULL || node->enrolment->is_storing)
		return false;
	return pz_machine_event(&node->machine, PZ_EVENT_DISCONNECT, reason) == PZ_OK;
}

const char *
enrolment_step(const struct pz_node *node, char *out, size_t size)
{
	const struct enrolment *e = node->enrolment;
	const char *step = "the exchange of certificates with";

	if (e == NULL)
		return "";
	if (e->conn.link == NULL)
		step = "the connection to";
	else if (e->exchange == NULL)
		step = "the TLS handshake with";
	snprintf(out, size, "%s %s port %u", step, e->where.host, (unsigned)e->where.port);
	return out;
}

void
enrolment_drop(struct pz_node *node)
{
	struct enrolment *e = node->enrolment;

	if (e == NULL)
		return;
	node->enrolment = NULL;
	if (e->conn.dial)
		node->config.transport.ops->dial_cancel(e->conn.dial);
	if (e->conn.link) {
		e->conn.link->owner = &node->hub; /* anything whose link is another one */
		pz_link_close(e->conn.link, PZ_OK, "");
	}
	e->conn.link = NULL;
	e->is_dropped = true;
	if (e->is_storing)
		return; /* its call-back frees */
	remove_keys(e);
	/* We may stand inside the exchange's own call-back: it is freed at the end of the turn. */
	pz_env_start(node->config.env, &node->enrol_reaper, 0);
	e->next_dropped = node->dropped;
	node->dropped = e;
}

void
enrolment_reap(struct pz_node *node)
{
	while (node->dropped) {
		struct enrolment *e = node->dropped;
		node->dropped = e->next_dropped;
		free_enrolment(e);
	}
}

static void
take_from_storing(struct enrolment *e)
{
	struct enrolment **at = &e->conn.node->storing;

	while (*at && *at != e)
		at = &(*at)->next_storing;
	if (*at)
		*at = e->next_storing;
	e->is_storing = false;
}

void
enrolment_free_all(struct pz_node *node)
{
	while (node->storing) {
		struct enrolment *e = node->storing;
		take_from_storing(e);
		if (e == node->enrolment)
			node->enrolment = NULL;
		free_enrolment(e);
	}
	enrolment_drop(node);
	enrolment_reap(node);
	pz_env_stop(node->config.env, &node->enrol_reaper);
}

/* ---- the exchange ---- */

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct enrolment *e = arg;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err = pz_message_prop(&out, e->device, e->where.zone, status, message);
	if (err == PZ_OK && e->conn.link)
		err = pz_link_send(e->conn.link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	if (err != PZ_OK && e->conn.link)
		pz_link_close(e->conn.link, err, "cannot send");
}

static void
on_proven(void *arg)
{
	struct enrolment *e = arg;
	char step[STEP_BYTES];

	snprintf(step, sizeof(step), "exchanging certificates with %s port %u", e->where.host,
		 (unsigned)e->where.port);
	(void)pz_machine_event(&e->conn.node->machine, PZ_EVENT_PROVEN, step);
}

static enum pz_err
on_verify_connection(void *arg, const struct pz_cert *master_ca, const struct pz_crl *crl,
		     struct pz_errinfo *info)
{
	struct enrolment *e = arg;
	struct pz_expect expect = {.zone = e->where.zone, .role = PZ_EXPECT_HUB};
	struct pz_trust *trust = pz_trust_new();

	if (trust == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = pz_trust_add(trust, master_ca, crl, info);
	if (err == PZ_OK)
		err = pz_tls_verify_peer(e->conn.link->tls, trust, &expect,
					 pz_env_wall_ms(e->conn.node->config.env), info);
	pz_trust_free(trust);
	return err;
}

static void
on_failed(void *arg, enum pz_err err, const char *reason)
{
	struct enrolment *e = arg;

	(void)err;
	fail(e->conn.node, reason);
}

/* ---- storing ---- */

/* What is stored cannot be used: it must not be found at the next start, without its keys. */
static void
unstore(struct pz_node *node)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn && pz_membership_wipe(txn) == PZ_OK)
		pz_store_commit(node->config.store, txn, NULL, NULL);
	else
		pz_txn_free(txn);
}

static void
store_failed(struct enrolment *e, enum pz_err err, const char *detail)
{
	struct pz_errinfo reason;

	remove_keys(e);
	if (e->is_dropped) {
		free_enrolment(e);
		return;
	}
	(void)pz_fail(&reason, err, "the certificates could not be stored: %s", detail);
	fail(e->conn.node, reason.text);
}

/* Durable: we are a member, whatever became of the connection or of who asked. */
static void
become_member(struct enrolment *e)
{
	struct pz_node *node = e->conn.node;

	if (node->enrolment == e)
		node->enrolment = NULL;
	else
		enrolment_drop(node); /* another one was begun meanwhile: it comes too late */
	if (node->storing == NULL)
		node_sweep_keys(node); /* an earlier one may have been stored, too */
	pz_service_cache_announce(node->items);
	if (e->conn.link) {
		e->conn.link->owner = &node->hub;
		pz_link_close(e->conn.link, PZ_OK, "");
	}
	free_enrolment(e);
	(void)pz_machine_event(&node->machine, PZ_EVENT_STORED, NULL);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct enrolment *e = arg;
	struct pz_errinfo info = {""};
	char tls_key_uri[PZ_KEY_URI_MAX];

	take_from_storing(e);
	if (err != PZ_OK) {
		store_failed(e, err, detail);
		return;
	}
	struct pz_node *node = e->conn.node;
	snprintf(tls_key_uri, sizeof(tls_key_uri), "%s", e->fresh->tls_key_uri);
	err = node_set_membership(node, PZ_TAKE(e->fresh), &info);
	if (err == PZ_OK) {
		become_member(e);
		return;
	}
	if (node->zone.membership && node_set_membership(node, NULL, NULL) != PZ_OK)
		pz_error("enrol", "cannot take the membership back: %s", pz_err_text(err));
	unstore(node);
	(void)!pz_keystore_remove(node->config.keys, tls_key_uri);
	store_failed(e, err, info.text[0] ? info.text : pz_err_text(err));
}

static void
on_done(void *arg, const struct pz_enrol_result *result)
{
	struct enrolment *e = arg;
	struct pz_node *node = e->conn.node;
	struct pz_errinfo info = {""};
	struct pz_txn *txn = pz_txn_new();
	struct pz_membership_grant grant = {
		.zone = e->where.zone,
		.device = e->device,
		.hub_host = result->host,
		.hub_port = result->port,
		.key_type = node->config.key_type,
		.ca_key_uri = e->ca_key_uri,
		.ca_key = e->ca_key,
		.device_ca = result->device_ca,
		.master = result->master_ca,
		.crl = result->crl,
	};
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (txn)
		err = pz_membership_create(&grant, node->config.keys, node->config.env, txn,
					   &e->fresh, &info);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		fail(node, pz_errinfo_text(&info, err));
		return;
	}
	e->is_storing = true;
	e->next_storing = node->storing;
	node->storing = e;
	pz_store_commit(node->config.store, txn, on_stored, e);
}

static const struct pz_enrol_device_ops exchange_ops = {
	.send = on_send,
	.proven = on_proven,
	.verify_connection = on_verify_connection,
	.done = on_done,
	.failed = on_failed,
};

void
enrolment_secured(struct pz_node *node, struct pz_link *link)
{
	struct enrolment *e = node->enrolment;
	struct pz_errinfo info = {"cannot begin the exchange"};
	struct pz_enrol_device_config config = {
		.zone = e->where.zone,
		.device = e->device,
		.display_name = pz_user_prefs_name_as(node->items, e->device),
		.device_type = node->device_type,
		.code = e->where.code,
		.ca_key = e->ca_key,
		.env = node->config.env,
	};

	/* The answer holds the zone's CRL, which may be longer than what a stranger may send. */
	link->frame_max = node->link_host.frame_max;
	enum pz_err err =
		pz_tls_export(link->tls, "EXPORTER-pz-enrol", config.sid, sizeof(config.sid));
	if (err == PZ_OK)
		err = pz_enrol_device_new(&config, &exchange_ops, e, &e->exchange, &info);
	if (err == PZ_OK)
		pz_enrol_device_start(e->exchange);
	else
		fail(node, info.text);
}

enum pz_err
enrolment_frame(struct pz_node *node, struct pz_slice frame)
{
	struct pz_envelope envelope;
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type != PZ_MESSAGE_PROP)
		return PZ_ERR_PROTO;
	PZ_TRY(pz_message_prop_parse(&envelope, &payload, &status, &message));
	pz_enrol_device_message(node->enrolment->exchange, status, message);
	json_decref(payload);
	return PZ_OK;
}

/* Refused in the handshake means almost always that no code is live (page 3). NULL: it was not. */
static const char *
hint(const struct enrolment *e, enum pz_err why)
{
	if (e->exchange == NULL &&
	    (why == PZ_ERR_DENIED || why == PZ_ERR_NOTFOUND || why == PZ_ERR_DENIED_REMOTE ||
	     why == PZ_ERR_DENIED_REMOTE_DATE || why == PZ_ERR_IO_CLOSED))
		return "the code is not valid any more (used, expired, replaced by a newer one, or "
		       "the hub was restarted), or the zone is not hosted there; get a new code "
		       "with `pzh token` on the hub";
	return NULL;
}

void
enrolment_closed(struct pz_node *node, enum pz_err why, const char *detail)
{
	struct enrolment *e = node->enrolment;
	struct pz_errinfo reason, text;

	if (e->is_storing)
		return; /* everything is here; the connection is not needed any more */
	const char *refused = hint(e, why);
	if (refused)
		(void)pz_fail(&reason, why, "the hub at %s port %u refused the enrolment: %s",
			      e->where.host, (unsigned)e->where.port, refused);
	else
		(void)pz_fail(&reason, why, "the enrolment with %s port %u failed: %s",
			      e->where.host, (unsigned)e->where.port,
			      reason_of(why, detail, &text));
	fail(node, reason.text);
}
