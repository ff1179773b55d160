/*
 * The device's half of page 3. The order protects it: the device sends nothing that could help a
 * wrong hub (the request with its key, the tag that proves the code) before it has verified tag B,
 * and accepts nothing from the hub before every check of step 4 has passed.
 *
 * send() may answer at once (a simulation, a test), so the state is set before each call-back and
 * nothing is touched after it.
 */
#include "enrol/device.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/limits.h"
#include "enrol/code.h"
#include "enrol/hub.h"
#include "enrol/message.h"
#include "wire/address.h"
#include "wire/json.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/csr.h"
#include "x509/device_ca.h"
#include "x509/key.h"

enum state {
	STATE_NEW,     /* start has not been called */
	STATE_HELLO,   /* step 1 sent, waiting for enrolShare */
	STATE_REQUEST, /* step 3 sent, waiting for signedCert */
	STATE_ENDED,   /* done or failed was called */
};

struct pz_enrol_device {
	const struct pz_enrol_device_ops *ops;
	void *arg;
	const struct pz_env *env;
	enum state state;
	struct pz_key *ca_key;
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1];
	char display_name[PZ_DISPLAY_NAME_BYTES_MAX + 1];
	char device_type[PZ_ENROL_DEVICE_TYPE_BYTES_MAX + 1];
	struct pz_cpace cpace;
	uint8_t share[PZ_CPACE_SHARE_BYTES]; /* ours, Ya */
};

/** Ends a failed attempt: wipes its secrets and reports the reason, which has only our own text and
 * checked names. */
static void PZ_PRINTF(3, 4) fail(struct pz_enrol_device *d, enum pz_err err, const char *fmt, ...)
{
	char text[512];
	struct pz_errinfo reason;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	(void)pz_fail(&reason, err, "%s", text); /* replaces control characters */

	d->state = STATE_ENDED;
	pz_cpace_wipe(&d->cpace);
	d->ops->failed(d->arg, err, reason.text);
}

static void
fail_memory(struct pz_enrol_device *d)
{
	fail(d, PZ_ERR_LIMIT_MEMORY, "out of memory: free some and try again with a new code");
}

/* For what a hub of this version would never send. @param what for people */
static void
fail_protocol(struct pz_enrol_device *d, const char *what)
{
	fail(d, PZ_ERR_PROTO,
	     "the hub does not follow the enrolment protocol (%s): check that it is a hub of a "
	     "matching version",
	     what);
}

static bool
is_code(const char *code)
{
	return strlen(code) == PZ_CODE_DIGITS && strspn(code, "0123456789") == PZ_CODE_DIGITS;
}

/* Before anything is sent: mistakes of the person, with advice. */
static enum pz_err
check_config(const struct pz_enrol_device_config *c, struct pz_errinfo *info)
{
	if (!pz_zone_is_valid(pz_slice_str(c->zone)))
		return pz_fail(info, PZ_ERR_CONFIG, "the zone must have the form user@domain");
	if (!pz_device_is_valid(pz_slice_str(c->device)))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the device name must be 1 to %d letters, digits, '.', '_' or '-' "
			       "and start with a letter or digit",
			       PZ_DEVICE_BYTES_MAX);
	if (!pz_display_name_is_valid(pz_slice_str(c->display_name)))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the display name must be 1 to %d bytes without control characters",
			       PZ_DISPLAY_NAME_BYTES_MAX);
	if (!pz_enrol_device_type_is_valid(c->device_type))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the device type must be 1 to %d bytes without control characters",
			       PZ_ENROL_DEVICE_TYPE_BYTES_MAX);
	if (!is_code(c->code))
		return pz_fail(info, PZ_ERR_CONFIG, "the code must be %d digits", PZ_CODE_DIGITS);
	return PZ_OK;
}

/* The channel identifier binds the exchange to zone and device, the session identifier to this TLS
 * connection. */
static enum pz_err
start_cpace(struct pz_enrol_device *d, const struct pz_enrol_device_config *c)
{
	struct pz_buf ci;
	pz_buf_init(&ci, 1024, NULL);
	enum pz_err err = pz_enrol_channel_id(d->zone, d->device, &ci);
	if (err == PZ_OK)
		err = pz_cpace_start(&d->cpace, pz_slice_str(c->code), pz_buf_slice(&ci),
				     pz_slice_of(c->sid, sizeof(c->sid)), d->env, d->share);
	pz_buf_fini(&ci);
	return err;
}

enum pz_err
pz_enrol_device_new(const struct pz_enrol_device_config *config,
		    const struct pz_enrol_device_ops *ops, void *arg, struct pz_enrol_device **out,
		    struct pz_errinfo *info)
{
	PZ_TRY(check_config(config, info));
	struct pz_enrol_device *d = calloc(1, sizeof(*d));
	if (!d)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	d->ops = ops;
	d->arg = arg;
	d->env = config->env;
	d->ca_key = config->ca_key;
	snprintf(d->zone, sizeof(d->zone), "%s", config->zone);
	snprintf(d->device, sizeof(d->device), "%s", config->device);
	snprintf(d->display_name, sizeof(d->display_name), "%s", config->display_name);
	snprintf(d->device_type, sizeof(d->device_type), "%s", config->device_type);

	enum pz_err err = start_cpace(d, config);
	if (err != PZ_OK) {
		pz_enrol_device_free(d);
		return pz_fail(info, err, "the key exchange cannot start: %s", pz_err_text(err));
	}
	*out = d;
	return PZ_OK;
}

/* Step 1. The share reveals nothing about the code. */
void
pz_enrol_device_start(struct pz_enrol_device *d)
{
	if (d->state != STATE_NEW)
		return;
	json_t *hello = json_pack("{s:s, s:s, s:s, s:s}", "zone", d->zone, "device", d->device,
				  "displayName", d->display_name, "deviceType", d->device_type);
	if (!hello || pz_enrol_set_bytes(hello, "share", pz_slice_of(d->share, sizeof(d->share)))) {
		json_decref(hello);
		fail_memory(d);
		return;
	}
	d->state = STATE_HELLO;
	d->ops->send(d->arg, PZ_ENROL_HELLO, hello);
	json_decref(hello);
}

/** Step 3: the request, bound to this exchange by tag A. */
static void
send_request(struct pz_enrol_device *d, const struct pz_enrol_confirm *confirm)
{
	const struct pz_cert_subject subject = {.zone = d->zone, .device = d->device};
	uint8_t tag[PZ_ENROL_TAG_BYTES];
	struct pz_errinfo info = {""};
	struct pz_buf csr;
	pz_buf_init(&csr, PZ_CSR_PEM_BYTES_MAX, NULL);

	enum pz_err err = pz_csr_make(&subject, d->ca_key, &csr, &info);
	if (err != PZ_OK) {
		pz_buf_fini(&csr);
		fail(d, err, "cannot make the certificate request: %s",
		     info.text[0] ? info.text : pz_err_text(err));
		return;
	}
	struct pz_slice pem = pz_buf_slice(&csr);
	pz_enrol_confirm_tag_a(confirm, pem, tag);
	json_t *request = json_pack("{s:s%}", "csr", (const char *)pem.ptr, pem.len);
	pz_buf_fini(&csr);
	if (!request || pz_enrol_set_bytes(request, "confirm", pz_slice_of(tag, sizeof(tag)))) {
		json_decref(request);
		fail_memory(d);
		return;
	}
	d->state = STATE_REQUEST;
	d->ops->send(d->arg, PZ_ENROL_REQUEST, request);
	json_decref(request);
}

/** Step 2: checks that the hub knows the code. */
static void
on_share(struct pz_enrol_device *d, const json_t *message)
{
	uint8_t yb[PZ_CPACE_SHARE_BYTES], got[PZ_ENROL_TAG_BYTES], want[PZ_ENROL_TAG_BYTES];
	uint8_t isk[PZ_CPACE_ISK_BYTES];
	struct pz_enrol_confirm confirm;

	if (!pz_enrol_bytes(message, "share", yb, sizeof(yb)) ||
	    !pz_enrol_bytes(message, "confirm", got, sizeof(got))) {
		fail_protocol(d, "malformed enrolShare");
		return;
	}
	enum pz_err err = pz_cpace_finish(&d->cpace, true, pz_slice_of(NULL, 0),
					  pz_slice_of(NULL, 0), yb, isk);
	if (err == PZ_ERR_LIMIT_MEMORY) {
		fail_memory(d);
		return;
	}
	if (err != PZ_OK) {
		fail_protocol(d, "its share is no group element");
		return;
	}
	pz_enrol_confirm_init(&confirm, isk, d->share, yb);
	sodium_memzero(isk, sizeof(isk));
	pz_enrol_confirm_tag_b(&confirm, want);
	if (pz_enrol_confirm_is_equal(got, want)) {
		if (d->ops->proven)
			d->ops->proven(d->arg);
		send_request(d, &confirm);
	} else {
		fail(d, PZ_ERR_DENIED_CODE,
		     "the code is wrong, or this is not the hub that issued it: check the code and "
		     "the hub's address, or ask the hub for a new code ('pzh token')");
	}
	pz_enrol_confirm_wipe(&confirm);
	sodium_memzero(want, sizeof(want));
}

/** What the hub sent in step 4, owned. */
struct gift {
	struct pz_cert *device_ca, *master_ca;
	struct pz_crl *crl;
	const char *pzh_id, *host; /* borrowed from the message */
	int64_t port;
};

static void
drop_gift(struct gift *g)
{
	pz_cert_free(g->device_ca);
	pz_cert_free(g->master_ca);
	pz_crl_free(g->crl);
}

/* The members must be present and well-formed; check_gift decides whether they are right. */
static enum pz_err
read_gift(struct gift *g, const json_t *message, struct pz_errinfo *info)
{
	const char *device_ca = pz_enrol_text(message, "clientCert", PZ_CERT_PEM_BYTES_MAX);
	const char *master_ca = pz_enrol_text(message, "masterCert", PZ_CERT_PEM_BYTES_MAX);
	const char *crl = pz_enrol_text(message, "crl", PZ_CRL_PEM_BYTES_MAX);
	g->pzh_id = pz_enrol_text(message, "pzhId", PZ_ZONE_BYTES_MAX);
	g->host = pz_enrol_text(message, "host", PZ_HOST_BYTES_MAX);
	if (!device_ca || !master_ca || !crl || !g->pzh_id || !g->host ||
	    !pz_host_is_valid(g->host) || !pz_json_int(message, "port", 1, UINT16_MAX, &g->port))
		return pz_fail(info, PZ_ERR_PROTO, "signedCert lacks a member");

	PZ_TRY(pz_cert_from_pem(pz_slice_str(device_ca), &g->device_ca, info));
	PZ_TRY(pz_cert_from_pem(pz_slice_str(master_ca), &g->master_ca, info));
	return pz_crl_from_pem(pz_slice_str(crl), &g->crl, info);
}

/** @spec page 3 step 4 */
static enum pz_err
check_gift(struct pz_enrol_device *d, const struct gift *g, struct pz_errinfo *info)
{
	if (strcmp(g->pzh_id, d->zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "it answers for another zone");
	if (!pz_cert_key_matches(g->device_ca, d->ca_key))
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "the certificate is not for this device's key");
	/* also verifies the zone: the list is signed by the master, and the master's identity is
	 * the zone */
	PZ_TRY(pz_verify_device_ca(g->device_ca, g->master_ca, g->crl, pz_env_wall_ms(d->env),
				   d->zone, d->device, info));
	return d->ops->verify_connection(d->arg, g->master_ca, g->crl, info);
}

/* The category selects the advice: clocks, the wrong hub, or another version. */
static void
fail_gift(struct pz_enrol_device *d, enum pz_err err, const struct pz_errinfo *info)
{
	const char *why = info->text[0] ? info->text : pz_err_text(err);
	if (err == PZ_ERR_LIMIT_MEMORY)
		fail_memory(d);
	else if (err == PZ_ERR_DENIED_EXPIRED)
		fail(d, err,
		     "the hub's certificates are not valid at this time (%s): check the clocks of "
		     "this device and of the hub",
		     why);
	else if (pz_err_category(err) == PZ_CAT_DENIED)
		fail(d, err,
		     "what the hub signed cannot be trusted (%s): nothing was stored; check the "
		     "hub's address and try again with a new code",
		     why);
	else
		fail_protocol(d, why);
}

/* Step 4. `done` gets certificates that have passed every check. */
static void
on_signed(struct pz_enrol_device *d, const json_t *message)
{
	struct gift g = {.device_ca = NULL};
	struct pz_errinfo info = {""};

	enum pz_err err = read_gift(&g, message, &info);
	if (err == PZ_OK)
		err = check_gift(d, &g, &info);
	if (err != PZ_OK) {
		fail_gift(d, err, &info);
		drop_gift(&g);
		return;
	}
	d->state = STATE_ENDED;
	const struct pz_enrol_result result = {
		.device_ca = g.device_ca,
		.master_ca = g.master_ca,
		.crl = g.crl,
		.pzh_id = g.pzh_id,
		.host = g.host,
		.port = (uint16_t)g.port,
	};
	d->ops->done(d->arg, &result);
	drop_gift(&g);
}

/* The hub sends a short reason; the advice is ours. */
static void
on_error(struct pz_enrol_device *d, const json_t *message)
{
	const char *reason = pz_enrol_text(message, "reason", 64);
	if (!reason)
		reason = "";
	if (strcmp(reason, PZ_ENROL_BAD_CODE) == 0)
		fail(d, PZ_ERR_DENIED_CODE,
		     "the hub does not accept this code for a device called '%s': check both, or "
		     "ask for a new code ('pzh token')",
		     d->device);
	else if (strcmp(reason, PZ_ENROL_EXPIRED) == 0)
		fail(d, PZ_ERR_DENIED_CODE,
		     "the hub has no live code for %s (too old, used, cancelled, or another zone): "
		     "check the zone, or ask for a new code ('pzh token')",
		     d->zone);
	else if (strcmp(reason, PZ_ENROL_ATTEMPTS) == 0)
		fail(d, PZ_ERR_DENIED_CODE,
		     "the code was tried too often, from this address or from others: wait 30 s "
		     "and "
		     "try again, or make a new code with `pzh token` on the hub");
	else if (strcmp(reason, PZ_ENROL_NAME_TAKEN) == 0)
		fail(d, PZ_ERR_EXISTS,
		     "%s already has a device called '%s': choose another name, or revoke that "
		     "device first ('pzh revoke %s')",
		     d->zone, d->device, d->device);
	else if (strcmp(reason, PZ_ENROL_BUSY) == 0)
		fail(d, PZ_ERR_LIMIT,
		     "the hub has enrolled as many devices of %s as it does within a minute: wait "
		     "a "
		     "minute and try again with the same code",
		     d->zone);
	else
		fail(d, PZ_ERR_PROTO,
		     "the hub refused the request: see its log, and try again with a new code");
}

/* A message out of order ends the attempt: no state is skipped. */
void
pz_enrol_device_message(struct pz_enrol_device *d, const char *status, json_t *message)
{
	if (d->state == STATE_ENDED)
		return;
	if (strcmp(status, PZ_ENROL_ERROR) == 0 && d->state != STATE_NEW)
		on_error(d, message);
	else if (strcmp(status, PZ_ENROL_SHARE) == 0 && d->state == STATE_HELLO)
		on_share(d, message);
	else if (strcmp(status, PZ_ENROL_SIGNED) == 0 && d->state == STATE_REQUEST)
		on_signed(d, message);
	else
		fail_protocol(d, "unexpected message");
}

void
pz_enrol_device_free(struct pz_enrol_device *d)
{
	if (!d)
		return;
	sodium_memzero(d, sizeof(*d));
	free(d);
}
