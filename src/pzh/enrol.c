/* A connection that enrols a device (page 3): the exchange is enrol/hub.h's, the signing is here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "pzh/transact.h"
#include "wire/frame.h"
#include "wire/message.h"

/* A device that has proved the code and waits to be signed, then for the disk. Its link may end
 * before that. */
struct admission {
	struct pz_hub_transact t;
	const struct pz_enrol_request *request; /* the session's; gone with the link */
	uint64_t issue;                         /* of the code that was proved */
	struct hub_peer *peer;                  /* NULL when the link is gone */
	struct pz_cert *cert;
	struct pz_crl *crl;
	bool has_new_crl;
};

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct hub_peer *peer = arg;

	zone_send_prop(peer->zone, peer->link, status, message);
}

/* Only the zone whose certificate this connection shows: a code for another zone proves nothing
 * here. */
static struct pz_code *
on_code(void *arg, const char *zone, const char *device)
{
	struct hub_peer *peer = arg;

	if (strcmp(zone, peer->zone->authority->zone) != 0)
		return NULL;
	if (!peer->is_enrol_counted)
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_enrol_attempts, 1);
	peer->is_enrol_counted = true;
	return pz_codes_find(&peer->zone->codes, peer->hub->config.env, device);
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	struct hub_peer *peer = arg;

	(void)zone;
	return pz_authority_is_name_free(peer->zone->authority, device);
}

static void
refuse(struct admission *admission, const char *reason)
{
	struct pz_code *code = pz_codes_of_issue(&admission->t.zone->codes, admission->issue);

	/* Also when the link is gone: the code can be used again. */
	if (code)
		code->claimed = false;
	if (admission->peer)
		pz_enrol_hub_refused(admission->peer->enrol, reason);
}

static void
admit(struct admission *admission, struct pz_member *member)
{
	struct hub_zone *zone = admission->t.zone;
	struct hub_peer *peer = admission->peer;
	struct pz_errinfo info = {""};
	struct pz_code *code = pz_codes_of_issue(&zone->codes, admission->issue);
	if (code) /* none when another one was issued in its place meanwhile */
		pz_code_cancel(code);
	pz_metric_add(&zone->hub->metrics, PZ_METRIC_enrol_ok, 1);
	if (admission->has_new_crl && zone_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links go on with the trust of before: %s",
			 zone->authority->zone, info.text);
	if (member) {
		pz_notice("enrolled", "zone=%s device=%s serial=%s", zone->authority->zone,
			  member->device, member->serial);
		zone_member_changed(zone, member);
		pz_hub_sync_membership_changed(zone, member->device);
	}
	if (peer == NULL)
		return;
	/* What it says from now on does not keep the link open. */
	pz_link_set_patience(peer->link, PZ_ENROL_IDLE_US);
	peer->link->patience_us = 0;
	pz_enrol_hub_admitted(peer->enrol, admission->cert, zone->authority->ca, admission->crl,
			      zone->authority->zone, zone->authority->host, zone->hub->port);
}

static enum pz_err
prepare_admission(struct pz_hub_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct admission *admission = PZ_CONTAINER(t, struct admission, t);
	struct hub_zone *zone = t->zone;
	const struct pz_enrol_request *request = admission->request;

	if (admission->peer == NULL) /* it went while it waited: nothing is signed */
		return PZ_ERR_IO_CLOSED;
	struct pz_admission wish = {
		.device = request->device,
		.display_name = request->display_name,
		.device_type = request->device_type,
		.key = request->csr_key,
	};
	PZ_TRY(pz_authority_admit(zone->authority, &wish, txn, &t->change, &admission->cert,
				  &admission->crl, info));
	admission->has_new_crl = admission->crl != zone->authority->crl;
	snprintf(zone->changing, sizeof(zone->changing), "%s", request->device);
	return PZ_OK;
}

/* The link may be gone, or still have the answer to send. */
static void
admission_done(struct pz_hub_transact *t, struct pz_member *member, enum pz_err err,
	       const char *detail)
{
	struct admission *admission = PZ_CONTAINER(t, struct admission, t);
	const char *zone = t->zone->authority->zone;

	if (err == PZ_OK) {
		admit(admission, member);
	} else if (t->is_committed) {
		pz_error("enrolment-not-stored", "zone=%s a new device was not stored: %s", zone,
			 detail);
		refuse(admission, "badRequest");
	} else {
		if (admission->peer)
			pz_warning("enrol-refused", "zone=%s device=%s %s", zone,
				   admission->request->device, detail);
		refuse(admission, err == PZ_ERR_EXISTS ? "nameTaken" : "badRequest");
	}
	if (admission->peer) {
		admission->peer->admission = NULL;
		admission->peer->is_enrol_decided = true;
	}
}

static void
release_admission(struct pz_hub_transact *t)
{
	struct admission *admission = PZ_CONTAINER(t, struct admission, t);

	pz_cert_free(admission->cert);
	pz_crl_free(admission->crl);
}

static const struct pz_hub_transact_ops admission_ops = {prepare_admission, admission_done,
							 release_admission};

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	struct hub_peer *peer = arg;
	struct admission *admission = calloc(1, sizeof(*admission));

	if (admission == NULL) {
		pz_enrol_hub_refused(peer->enrol, "badRequest");
		return;
	}
	admission->request = request;
	admission->issue = request->issue;
	admission->peer = peer;
	peer->admission = admission;
	pz_hub_transact(peer->zone, &admission->t, &admission_ops);
}

/* Page 3: the owner is told when attempts failed (page 14, ENR-7). */
static void
attempt_failed(struct hub_peer *peer)
{
	struct hub_zone *zone = peer->zone;

	zone->failed_attempts++;
	zone->failed_us = pz_env_mono_us(peer->hub->config.env);
	pz_condition_raise(peer->hub->conditions, PZ_CONDITION_ENROL_FAILED, zone->authority->zone,
			   "failed attempts to enrol a device in %s: %u, the last one from %s "
			   "as %s",
			   zone->authority->zone, zone->failed_attempts,
			   pz_guest_remote(&peer->guest), pz_enrol_hub_device(peer->enrol));
}

void
hub_enrol_clean(struct hub_zone *zone)
{
	uint64_t now = pz_env_mono_us(zone->hub->config.env);

	if (zone->failed_attempts == 0 || now < zone->failed_us + PZ_ENROL_FAILED_SHOWN_US)
		return;
	zone->failed_attempts = 0;
	pz_condition_clear(zone->hub->conditions, PZ_CONDITION_ENROL_FAILED, zone->authority->zone);
}

/* Whoever finds the port can fail: what is logged about it is bounded. */
static void
tell_failed(struct hub_peer *peer, const char *what, const char *detail)
{
	struct pz_hub *hub = peer->hub;

	peer->is_enrol_decided = true;
	pz_metric_add(&hub->metrics, PZ_METRIC_enrol_failed, 1);
	if (peer->is_enrol_counted)
		attempt_failed(peer);
	pz_notice_of(&hub->enrol_log, hub->config.env, "enrol-attempt-failed",
		     "zone=%s device=%s remote=%s %s%s", peer->zone->authority->zone,
		     pz_enrol_hub_device(peer->enrol), pz_guest_remote(&peer->guest), what, detail);
}

static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct hub_peer *peer = arg;

	char what[64];

	snprintf(what, sizeof(what), "reason=%s ", reason);
	tell_failed(peer, what, detail);
	pz_link_close(peer->link, PZ_ERR_DENIED, reason);
}

static const struct pz_enrol_hub_ops enrol_ops = {
	.send = on_send,
	.code = on_code,
	.is_name_free = on_is_name_free,
	.admit = on_admit,
	.failed = on_failed,
};

void
hub_enrol_begin(struct hub_peer *peer)
{
	uint8_t sid[PZ_ENROL_SID_BYTES];

	peer->state = HUB_LINK_ENROLLING;
	enum pz_err err = pz_tls_export(peer->link->tls, "EXPORTER-pz-enrol", sid, sizeof(sid));
	if (err == PZ_OK)
		err = pz_enrol_hub_new(sid, peer->hub->config.env, &enrol_ops, peer, &peer->enrol);
	if (err == PZ_OK)
		err = pz_link_identify(peer->link, PZ_SESSION_APP, "enrolling");
	if (err != PZ_OK) {
		pz_link_close(peer->link, err, "cannot begin an enrolment");
		return;
	}
	pz_enrol_hub_set_from(peer->enrol, pz_guest_net(&peer->guest));
	pz_link_set_patience(peer->link, PZ_ENROL_IDLE_US);
}

enum pz_err
hub_enrol_frame(struct hub_peer *peer, struct pz_slice frame)
{
	struct pz_envelope envelope;
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	PZ_TRY(pz_envelope_scan(pz_frame_body(frame), &envelope));
	if (envelope.type != PZ_MESSAGE_PROP)
		return PZ_ERR_PROTO;
	PZ_TRY(pz_message_prop_parse(&envelope, &payload, &status, &message));
	pz_enrol_hub_message(peer->enrol, status, message);
	json_decref(payload);
	return PZ_OK;
}

void
hub_enrol_end(struct hub_peer *peer)
{
	if (peer->admission)
		peer->admission->peer = NULL;
	else if (peer->enrol && !peer->is_enrol_decided) /* every attempt (page 14, ENR-7) */
		tell_failed(peer, "",
			    peer->is_enrol_counted
				    ? "the device stopped: a wrong code, or the connection was lost"
				    : "the connection ended before a device was named");
	pz_enrol_hub_free(peer->enrol);
	peer->enrol = NULL;
}
