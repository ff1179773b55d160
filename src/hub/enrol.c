/* A connection that enrols a device (page 3): enrol/hub.h runs the exchange, this file signs. */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "enrol/hub.h"
#include "enrol/message.h"
#include "hosted/publish.h"
#include "hub/internal.h"
#include "wire/frame.h"
#include "wire/message.h"

/* A device that has proved the code and waits to be signed, then for the disk. Its link may end
 * before. */
struct pz_hub_admission {
	struct pz_hosted_transact t;
	const struct pz_enrol_request *request; /* the session's; NULL without a link */
	uint64_t issue;                         /* of the code that was proved */
	struct pz_hosted_conn *conn;            /* NULL when the link has ended */
	struct pz_timer timer;                  /* until its turn comes */
	struct pz_cert *cert;
	struct pz_crl *crl;
	bool is_waiting; /* for the timer; no transaction has begun */
	bool has_new_crl;
};

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct pz_hosted_conn *conn = arg;

	pz_hosted_send_prop(conn->zone, conn->link, status, message);
}

/* Only the zone whose certificate this connection presents: a code for another zone proves nothing
 * here. */
static struct pz_code *
on_code(void *arg, const char *zone, const char *device)
{
	struct pz_hosted_conn *conn = arg;

	if (strcmp(zone, conn->zone->authority->zone) != 0)
		return NULL;
	if (!conn->enrol.is_counted)
		pz_metric_add(&conn->hosting->metrics, PZ_METRIC_enrol_attempts, 1);
	conn->enrol.is_counted = true;
	return pz_codes_find(&conn->zone->enrolment.codes, conn->hosting->env, device);
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	struct pz_hosted_conn *conn = arg;

	(void)zone;
	return pz_authority_is_name_free(conn->zone->authority, device);
}

static void
refuse(struct pz_hub_admission *admission, const char *reason)
{
	struct pz_code *code =
		pz_codes_of_issue(&admission->t.zone->enrolment.codes, admission->issue);

	/* Also when the link has ended: the code can be used again. */
	if (code)
		code->claimed = false;
	if (admission->conn)
		pz_enrol_hub_refused(admission->conn->enrol.exchange, reason);
}

static void
admit(struct pz_hub_admission *admission, struct pz_member *member)
{
	struct pz_hosted *zone = admission->t.zone;
	struct pz_hosted_conn *conn = admission->conn;
	struct pz_errinfo info = {""};
	struct pz_code *code = pz_codes_of_issue(&zone->enrolment.codes, admission->issue);
	if (code) /* gone when another one was issued in its place meanwhile */
		pz_code_cancel(code);
	pz_metric_add(&zone->hosting->metrics, PZ_METRIC_enrol_ok, 1);
	if (admission->has_new_crl && pz_hosted_refresh_trust(zone, &info) != PZ_OK)
		pz_error("trust", "zone=%s links keep using the previous trust: %s",
			 zone->authority->zone, info.text);
	if (member) {
		pz_notice("enrolled", "zone=%s device=%s serial=%s", zone->authority->zone,
			  member->device, member->serial);
		pz_hosted_member_changed(zone, member);
		pz_hosted_publish_membership(zone, member->device);
	}
	if (conn == NULL)
		return;
	/* Later messages of the device do not keep the link open. */
	pz_link_set_patience(conn->link, PZ_ENROL_IDLE_US);
	conn->link->until.patience_us = 0;
	pz_enrol_hub_admitted(conn->enrol.exchange, admission->cert, zone->authority->ca,
			      admission->crl, zone->authority->zone, zone->authority->host,
			      zone->hosting->port);
}

static enum pz_err
prepare_admission(struct pz_hosted_transact *t, struct pz_txn *txn, struct pz_errinfo *info)
{
	struct pz_hub_admission *admission = PZ_CONTAINER(t, struct pz_hub_admission, t);
	struct pz_hosted *zone = t->zone;
	const struct pz_enrol_request *request = admission->request;

	if (admission->conn == NULL) /* the device is gone: nothing is signed */
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
	pz_hosted_transact_device(zone, request->device);
	return PZ_OK;
}

/* The link may have ended, or still have the answer to send. */
static void
admission_done(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	       const char *detail)
{
	struct pz_hub_admission *admission = PZ_CONTAINER(t, struct pz_hub_admission, t);
	const char *zone = t->zone->authority->zone;

	if (err == PZ_OK) {
		admit(admission, member);
	} else if (t->is_committed) {
		pz_error("enrolment-not-stored", "zone=%s a new device was not stored: %s", zone,
			 detail);
		refuse(admission, "badRequest");
	} else {
		if (admission->conn)
			pz_warning("enrol-refused", "zone=%s device=%s %s", zone,
				   admission->request->device, detail);
		refuse(admission, err == PZ_ERR_EXISTS ? "nameTaken" : "badRequest");
	}
	if (admission->conn) {
		admission->conn->enrol.admission = NULL;
		admission->conn->enrol.is_decided = true;
	}
}

static void
release_admission(struct pz_hosted_transact *t)
{
	struct pz_hub_admission *admission = PZ_CONTAINER(t, struct pz_hub_admission, t);

	pz_cert_free(admission->cert);
	pz_crl_free(admission->crl);
}

static const struct pz_hosted_transact_ops admission_ops = {prepare_admission, admission_done,
							    release_admission};

/* ---- how often the authority acts for devices ---- */

static void
note_slowed(struct pz_hosted *zone, const char *device, const char *what, uint64_t wait_us)
{
	struct pz_hub *hub = pz_hub_of(zone->hosting);

	zone->enrolment.slowed_us = pz_env_mono_us(hub->config.env);
	pz_notice_of(&hub->enrol_log, hub->config.env, "request-slowed",
		     "zone=%s device=%s has to wait %u s: %s", zone->authority->zone, device,
		     (unsigned)(wait_us / PZ_US_PER_S) + 1, what);
	pz_condition_raise(zone->hosting->conditions, PZ_CONDITION_AUTHORITY_BUSY,
			   zone->authority->zone, "devices asked the authority of %s too often",
			   zone->authority->zone);
}

enum pz_err
pz_hub_may_change(struct pz_hosted *zone, const char *device, const char *what,
		  struct pz_errinfo *info)
{
	const struct pz_hub *hub = pz_hub_of(zone->hosting);
	uint32_t max = hub->config.signatures_per_minute ? PZ_AUTHORITY_CHANGES_PER_MINUTE : 0;
	uint64_t wait_us;

	if (pz_signing_take(&zone->enrolment.changed_for, max, pz_env_mono_us(hub->config.env), 0,
			    &wait_us))
		return PZ_OK;
	note_slowed(zone, device, what, wait_us);
	return pz_fail(info, PZ_ERR_LIMIT,
		       "the hub does no more of this for devices of %s just now; try again in %u s",
		       zone->authority->zone, (unsigned)(wait_us / PZ_US_PER_S) + 1);
}

static bool
may_sign(struct pz_hosted *zone, const char *device, uint64_t *out_wait_us)
{
	const struct pz_hub *hub = pz_hub_of(zone->hosting);
	bool may = pz_signing_take(&zone->enrolment.signed_for, hub->config.signatures_per_minute,
				   pz_env_mono_us(hub->config.env), PZ_SIGNING_PATIENCE_US,
				   out_wait_us);

	if (*out_wait_us > 0)
		note_slowed(zone, device, "enrolment", *out_wait_us);
	return may;
}

static void
on_turn(struct pz_timer *timer, void *arg)
{
	struct pz_hub_admission *admission = arg;

	(void)timer;
	admission->is_waiting = false;
	pz_hosted_transact(admission->t.zone, &admission->t, &admission_ops);
}

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	struct pz_hosted_conn *conn = arg;
	uint64_t wait_us;

	if (!may_sign(conn->zone, request->device, &wait_us)) {
		pz_enrol_hub_refused(conn->enrol.exchange, PZ_ENROL_BUSY);
		return;
	}
	struct pz_hub_admission *admission = calloc(1, sizeof(*admission));

	if (admission == NULL) {
		pz_enrol_hub_refused(conn->enrol.exchange, "badRequest");
		return;
	}
	admission->t.zone = conn->zone;
	admission->request = request;
	admission->issue = request->issue;
	admission->conn = conn;
	conn->enrol.admission = admission;
	pz_timer_init(&admission->timer, on_turn, admission);
	admission->is_waiting = wait_us > 0;
	if (admission->is_waiting)
		pz_env_start(conn->hosting->env, &admission->timer, wait_us);
	else
		pz_hosted_transact(conn->zone, &admission->t, &admission_ops);
}

/* The device disconnected before its turn: the code can be used again, and nothing is signed. */
static void
give_up(struct pz_hosted_conn *conn)
{
	struct pz_hub_admission *admission = PZ_TAKE(conn->enrol.admission);

	pz_env_stop(conn->hosting->env, &admission->timer);
	admission->conn = NULL;
	refuse(admission, "");
	free(admission);
}

/* Page 3: `status` shows failed attempts to the owner (page 14, ENR-7). */
static void
attempt_failed(struct pz_hosted_conn *conn)
{
	struct pz_hosted *zone = conn->zone;

	zone->enrolment.failed++;
	zone->enrolment.failed_us = pz_env_mono_us(conn->hosting->env);
	pz_condition_raise(
		conn->hosting->conditions, PZ_CONDITION_ENROL_FAILED, zone->authority->zone,
		"failed attempts to enrol a device in %s: %u, the last one from %s "
		"as %s",
		zone->authority->zone, zone->enrolment.failed, pz_guest_remote(&conn->guest),
		pz_enrol_hub_device(conn->enrol.exchange));
}

void
pz_hub_enrol_clean(struct pz_hosted *zone)
{
	uint64_t now = pz_env_mono_us(zone->hosting->env);

	if (zone->enrolment.slowed_us &&
	    now >= zone->enrolment.slowed_us + PZ_ENROL_FAILED_SHOWN_US) {
		zone->enrolment.slowed_us = 0;
		pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_AUTHORITY_BUSY,
				   zone->authority->zone);
	}
	if (zone->enrolment.failed == 0 ||
	    now < zone->enrolment.failed_us + PZ_ENROL_FAILED_SHOWN_US)
		return;
	zone->enrolment.failed = 0;
	pz_condition_clear(zone->hosting->conditions, PZ_CONDITION_ENROL_FAILED,
			   zone->authority->zone);
}

/* Any stranger that finds the port can fail: the log lines about it are limited. */
static void
report_failed(struct pz_hosted_conn *conn, const char *what, const char *detail)
{
	struct pz_hub *hub = pz_hub_of(conn->hosting);

	conn->enrol.is_decided = true;
	pz_metric_add(&hub->hosting.metrics, PZ_METRIC_enrol_failed, 1);
	if (conn->enrol.is_counted)
		attempt_failed(conn);
	pz_notice_of(&hub->enrol_log, hub->config.env, "enrol-attempt-failed",
		     "zone=%s device=%s remote=%s %s%s", conn->zone->authority->zone,
		     pz_enrol_hub_device(conn->enrol.exchange), pz_guest_remote(&conn->guest), what,
		     detail);
}

static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct pz_hosted_conn *conn = arg;

	char what[64];

	snprintf(what, sizeof(what), "reason=%s ", reason);
	report_failed(conn, what, detail);
	pz_link_close(conn->link, PZ_ERR_DENIED, reason);
}

static const struct pz_enrol_hub_ops enrol_ops = {
	.send = on_send,
	.code = on_code,
	.is_name_free = on_is_name_free,
	.admit = on_admit,
	.failed = on_failed,
};

void
pz_hub_enrol_begin(struct pz_hosted_conn *conn)
{
	uint8_t sid[PZ_ENROL_SID_BYTES];

	conn->state = PZ_HOSTED_ENROLLING;
	/* The exchange is bound to this TLS session: a relayed one has another sid. */
	enum pz_err err = pz_tls_export(conn->link->tls, "EXPORTER-pz-enrol", sid, sizeof(sid));
	if (err == PZ_OK)
		err = pz_enrol_hub_new(sid, conn->hosting->env, &enrol_ops, conn,
				       &conn->enrol.exchange);
	if (err == PZ_OK)
		err = pz_link_identify(conn->link, PZ_SESSION_APP, "enrolling");
	if (err != PZ_OK) {
		pz_link_close(conn->link, err, "cannot begin an enrolment");
		return;
	}
	pz_enrol_hub_set_from(conn->enrol.exchange, pz_guest_net(&conn->guest));
	pz_link_set_patience(conn->link, PZ_ENROL_IDLE_US);
}

enum pz_err
pz_hub_enrol_frame(struct pz_hosted_conn *conn, struct pz_slice frame)
{
	json_t *payload = NULL, *message = NULL;
	const char *status = NULL;

	/* A device without a certificate may only send the props of page 3. */
	PZ_TRY(pz_message_prop_read(frame, &payload, &status, &message));
	pz_enrol_hub_message(conn->enrol.exchange, status, message);
	json_decref(payload);
	return PZ_OK;
}

void
pz_hub_enrol_end(struct pz_hosted_conn *conn)
{
	if (conn->enrol.admission && conn->enrol.admission->is_waiting)
		give_up(conn);
	if (conn->enrol.admission)
		conn->enrol.admission->conn = NULL;
	else if (conn->enrol.exchange &&
		 !conn->enrol.is_decided) /* every attempt (page 14, ENR-7) */
		report_failed(
			conn, "",
			conn->enrol.is_counted
				? "the device stopped: a wrong code, or the connection was lost"
				: "the connection ended before a device was named");
	pz_enrol_hub_free(conn->enrol.exchange);
	conn->enrol.exchange = NULL;
}

bool
pz_hub_has_live_code(const struct pz_hub *hub)
{
	size_t pos = 0;
	struct pz_slice key;
	void *zone;

	while (pz_map_next(hub->zones, &pos, &key, &zone))
		if (pz_codes_is_live(&((struct pz_hosted *)zone)->enrolment.codes, hub->config.env))
			return true;
	return false;
}
