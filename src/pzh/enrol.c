/* A connection that enrols a device (page 3): the exchange is enrol/hub.h's, the signing is here.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "pzh/internal.h"
#include "wire/frame.h"
#include "wire/message.h"

/* A device that was signed and waits for the disk. Its link may end before that. */
struct admission {
	struct hub_zone *zone;
	struct hub_peer *peer; /* NULL when the link is gone */
	struct pz_zone_change *change;
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
on_code(void *arg, const char *zone)
{
	struct hub_peer *peer = arg;

	if (strcmp(zone, peer->zone->authority->zone) != 0)
		return NULL;
	pz_metric_add(&peer->hub->metrics, PZ_METRIC_enrol_attempts, 1);
	return &peer->zone->code;
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	struct hub_peer *peer = arg;

	(void)zone;
	return pz_authority_is_name_free(peer->zone->authority, device);
}

static void
free_admission(struct admission *admission)
{
	pz_cert_free(admission->cert);
	pz_crl_free(admission->crl);
	free(admission);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct admission *admission = arg;
	struct hub_zone *zone = admission->zone;
	struct hub_peer *peer = admission->peer;
	struct pz_errinfo info = {""};

	zone->is_changing = false;
	if (err != PZ_OK) {
		pz_error("store", "zone=%s a new device was not stored: %s", zone->authority->zone,
			 detail);
		pz_authority_drop(admission->change);
		if (peer)
			pz_enrol_hub_refused(peer->enrol, "badRequest");
	} else {
		struct pz_member *member = pz_authority_apply(zone->authority, admission->change);
		pz_code_cancel(&zone->code);
		pz_metric_add(&zone->hub->metrics, PZ_METRIC_enrol_ok, 1);
		if (admission->has_new_crl && zone_refresh_trust(zone, &info) != PZ_OK)
			pz_error("trust", "zone=%s %s", zone->authority->zone, info.text);
		if (member) {
			pz_notice("enrolled", "zone=%s device=%s serial=%s", zone->authority->zone,
				  member->device, member->serial);
			zone_member_changed(zone, member);
		}
		if (peer)
			pz_enrol_hub_admitted(peer->enrol, admission->cert, zone->authority->ca,
					      admission->crl, zone->authority->zone,
					      zone->authority->host, zone->hub->port);
	}
	if (peer) {
		peer->admission = NULL;
		peer->is_enrol_decided = true;
	}
	free_admission(admission);
}

static enum pz_err
prepare(struct hub_peer *peer, const struct pz_enrol_request *request, struct admission *admission,
	struct pz_txn *txn, struct pz_errinfo *info)
{
	struct pz_authority *authority = peer->zone->authority;
	struct pz_admission wish = {
		.device = request->device,
		.display_name = request->display_name,
		.device_type = request->device_type,
		.key = request->csr_key,
	};

	if (peer->zone->is_changing)
		return pz_fail(info, PZ_ERR_LIMIT, "another change is being stored");
	PZ_TRY(pz_authority_admit(authority, &wish, txn, &admission->change, &admission->cert,
				  &admission->crl, info));
	admission->has_new_crl = admission->crl != authority->crl;
	return PZ_OK;
}

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	struct hub_peer *peer = arg;
	struct pz_errinfo info = {"out of memory"};
	struct admission *admission = calloc(1, sizeof(*admission));
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (admission && txn)
		err = prepare(peer, request, admission, txn, &info);
	if (err != PZ_OK) {
		pz_warning("enrol-refused", "zone=%s device=%s %s", peer->zone->authority->zone,
			   request->device, info.text);
		free(admission);
		pz_txn_free(txn);
		pz_enrol_hub_refused(peer->enrol,
				     err == PZ_ERR_EXISTS ? "nameTaken" : "badRequest");
		return;
	}
	admission->zone = peer->zone;
	admission->peer = peer;
	peer->admission = admission;
	peer->zone->is_changing = true;
	pz_store_commit(peer->hub->config.store, txn, on_stored, admission);
}

static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct hub_peer *peer = arg;

	peer->is_enrol_decided = true;
	pz_metric_add(&peer->hub->metrics, PZ_METRIC_enrol_failed, 1);
	pz_notice("enrol-failed", "zone=%s device=%s remote=%s reason=%s %s",
		  peer->zone->authority->zone, pz_enrol_hub_device(peer->enrol),
		  peer->address->text, reason, detail);
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
	else if (peer->enrol && !peer->is_enrol_decided) {
		/* The owner hears of every attempt (page 14, ENR-7). */
		pz_metric_add(&peer->hub->metrics, PZ_METRIC_enrol_failed, 1);
		pz_notice("enrol-failed",
			  "zone=%s device=%s remote=%s the device stopped: a wrong code, or the "
			  "connection was lost",
			  peer->zone->authority->zone, pz_enrol_hub_device(peer->enrol),
			  peer->address->text);
	}
	pz_enrol_hub_free(peer->enrol);
	peer->enrol = NULL;
}
