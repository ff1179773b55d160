/*
 * The hub's half of page 3. The other end has proved nothing until tag A is right. Until then the
 * answers show only whether a code is live: not whether a zone is hosted, not which names are
 * taken. An attempt is spent before the first answer with which a guess could be tested.
 *
 * The owner of this object owns the code, which can end at any time (cancelled, replaced, expired,
 * used up by other attempts), so it is looked up again at step 3 and compared by its issue number.
 * From then until it is cancelled it is claimed: one code cannot admit two devices.
 *
 * send() may answer at once (a simulation, a test), so the state is set before each call-back and
 * nothing is touched after it.
 */
#include "enrol/hub.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "enrol/message.h"
#include "wire/address.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/csr.h"
#include "x509/key.h"

enum state {
	STATE_HELLO,   /* waiting for enrolHello */
	STATE_REQUEST, /* step 2 sent, waiting for enrollPzp */
	STATE_ADMIT,   /* the owner signs and stores */
	STATE_ENDED,   /* signedCert sent, or failed was called */
};

struct pz_enrol_hub {
	const struct pz_enrol_hub_ops *ops;
	void *arg;
	const struct pz_env *env;
	struct pz_timer idle;
	enum state state;
	uint8_t sid[PZ_ENROL_SID_BYTES];
	char from[64]; /* the source that its attempts are counted for */
	struct pz_enrol_confirm confirm;
	struct pz_enrol_request request;
};

static void
stop_idle(struct pz_enrol_hub *h)
{
	if (h->env->timers)
		pz_env_stop(h->env, &h->idle);
}

static void
restart_idle(struct pz_enrol_hub *h)
{
	if (h->env->timers)
		pz_env_start(h->env, &h->idle, PZ_ENROL_IDLE_US);
}

/** Ends a failed attempt: answers enrolError and reports it to the owner. */
static void
fail(struct pz_enrol_hub *h, const char *reason, const char *detail)
{
	h->state = STATE_ENDED;
	stop_idle(h);
	pz_enrol_confirm_wipe(&h->confirm);
	/* if memory is out, closing the link has to suffice */
	json_t *message = json_pack("{s:s}", "reason", reason);
	if (message)
		h->ops->send(h->arg, PZ_ENROL_ERROR, message);
	json_decref(message);
	h->ops->failed(h->arg, reason, detail);
}

static void
on_idle(struct pz_timer *timer, void *arg)
{
	(void)timer;
	fail(arg, PZ_ENROL_BAD_REQUEST, "no progress for 30 s");
}

enum pz_err
pz_enrol_hub_new(const uint8_t sid[PZ_ENROL_SID_BYTES], const struct pz_env *env,
		 const struct pz_enrol_hub_ops *ops, void *arg, struct pz_enrol_hub **out)
{
	struct pz_enrol_hub *h = calloc(1, sizeof(*h));
	if (!h)
		return PZ_ERR_LIMIT_MEMORY;
	h->ops = ops;
	h->arg = arg;
	h->env = env;
	memcpy(h->sid, sid, sizeof(h->sid));
	pz_timer_init(&h->idle, on_idle, h);
	restart_idle(h);
	*out = h;
	return PZ_OK;
}

void
pz_enrol_hub_set_from(struct pz_enrol_hub *h, const char *from)
{
	snprintf(h->from, sizeof(h->from), "%s", from);
}

/** Copies the claims of step 1. False: one is missing or not valid by page 1. */
static bool
read_hello(struct pz_enrol_request *r, const json_t *message, uint8_t ya[PZ_CPACE_SHARE_BYTES])
{
	const char *zone = pz_enrol_text(message, "zone", PZ_ZONE_BYTES_MAX);
	const char *device = pz_enrol_text(message, "device", PZ_DEVICE_BYTES_MAX);
	const char *name = pz_enrol_text(message, "displayName", PZ_DISPLAY_NAME_BYTES_MAX);
	const char *type = pz_enrol_text(message, "deviceType", PZ_ENROL_DEVICE_TYPE_BYTES_MAX);
	if (!zone || !device || !name || !type || !pz_zone_is_valid(pz_slice_str(zone)) ||
	    !pz_device_is_valid(pz_slice_str(device)) ||
	    !pz_display_name_is_valid(pz_slice_str(name)) || !pz_enrol_device_type_is_valid(type) ||
	    !pz_enrol_bytes(message, "share", ya, PZ_CPACE_SHARE_BYTES))
		return false;
	snprintf(r->zone, sizeof(r->zone), "%s", zone);
	snprintf(r->device, sizeof(r->device), "%s", device);
	snprintf(r->display_name, sizeof(r->display_name), "%s", name);
	snprintf(r->device_type, sizeof(r->device_type), "%s", type);
	return true;
}

/** Runs the responder: fills h->confirm and our share. */
static enum pz_err
answer_share(struct pz_enrol_hub *h, const struct pz_code *code,
	     const uint8_t ya[PZ_CPACE_SHARE_BYTES], uint8_t out_yb[PZ_CPACE_SHARE_BYTES])
{
	uint8_t isk[PZ_CPACE_ISK_BYTES];
	struct pz_cpace cpace;
	struct pz_buf ci;
	struct pz_slice none = pz_slice_of(NULL, 0);

	pz_buf_init(&ci, 1024, NULL);
	enum pz_err err = pz_enrol_channel_id(h->request.zone, h->request.device, &ci);
	if (err == PZ_OK)
		err = pz_cpace_start(&cpace, pz_slice_str(code->digits), pz_buf_slice(&ci),
				     pz_slice_of(h->sid, sizeof(h->sid)), h->env, out_yb);
	if (err == PZ_OK) {
		err = pz_cpace_finish(&cpace, false, none, none, ya, isk);
		pz_cpace_wipe(&cpace);
	}
	if (err == PZ_OK)
		pz_enrol_confirm_init(&h->confirm, isk, ya, out_yb);
	sodium_memzero(isk, sizeof(isk));
	pz_buf_fini(&ci);
	return err;
}

static void
send_share(struct pz_enrol_hub *h, const uint8_t yb[PZ_CPACE_SHARE_BYTES])
{
	uint8_t tag[PZ_ENROL_TAG_BYTES];
	pz_enrol_confirm_tag_b(&h->confirm, tag);
	json_t *message = json_object();
	if (!message ||
	    pz_enrol_set_bytes(message, "share", pz_slice_of(yb, PZ_CPACE_SHARE_BYTES)) ||
	    pz_enrol_set_bytes(message, "confirm", pz_slice_of(tag, sizeof(tag)))) {
		json_decref(message);
		fail(h, PZ_ENROL_BAD_REQUEST, "out of memory");
		return;
	}
	h->state = STATE_REQUEST;
	restart_idle(h);
	h->ops->send(h->arg, PZ_ENROL_SHARE, message);
	json_decref(message);
}

static void
on_hello(struct pz_enrol_hub *h, const json_t *message)
{
	/* A zone that is not hosted is answered like one without a code. */
	static const struct {
		const char *reason, *detail;
	} refusals[] = {
		[PZ_CODE_EXPIRED] = {PZ_ENROL_EXPIRED, "the code has expired"},
		[PZ_CODE_ATTEMPTS] = {PZ_ENROL_ATTEMPTS, "the code was tried too often"},
		[PZ_CODE_WAIT] = {PZ_ENROL_ATTEMPTS,
				  "its address has tried too often and has to wait"},
		[PZ_CODE_NONE] = {PZ_ENROL_EXPIRED, "no code is live for this zone"},
		[PZ_CODE_DEVICE] = {PZ_ENROL_BAD_CODE, "the code is for another device name"},
	};
	uint8_t ya[PZ_CPACE_SHARE_BYTES], yb[PZ_CPACE_SHARE_BYTES];

	if (!read_hello(&h->request, message, ya)) {
		fail(h, PZ_ENROL_BAD_REQUEST, "malformed enrolHello");
		return;
	}
	struct pz_code *code = h->ops->code(h->arg, h->request.zone, h->request.device);
	enum pz_code_result result =
		code ? pz_code_spend(code, h->env, h->request.device, h->from) : PZ_CODE_NONE;
	if (result != PZ_CODE_OK) {
		fail(h, refusals[result].reason, refusals[result].detail);
		return;
	}
	h->request.issue = code->issue;
	enum pz_err err = answer_share(h, code, ya, yb);
	if (err == PZ_OK)
		send_share(h, yb);
	else
		fail(h, PZ_ENROL_BAD_REQUEST,
		     err == PZ_ERR_CRYPTO ? "its share is no group element" : pz_err_text(err));
}

/** The code that step 2 used, if it is still there. */
static struct pz_code *
same_code(struct pz_enrol_hub *h)
{
	struct pz_code *code = h->ops->code(h->arg, h->request.zone, h->request.device);
	return code && code->issue == h->request.issue ? code : NULL;
}

static void
on_request(struct pz_enrol_hub *h, const json_t *message)
{
	uint8_t got[PZ_ENROL_TAG_BYTES], want[PZ_ENROL_TAG_BYTES];
	const struct pz_cert_subject expected = {
		.zone = h->request.zone,
		.device = h->request.device,
	};
	const char *csr = pz_enrol_text(message, "csr", PZ_CSR_PEM_BYTES_MAX);
	if (!csr || !pz_enrol_bytes(message, "confirm", got, sizeof(got))) {
		fail(h, PZ_ENROL_BAD_REQUEST, "malformed enrollPzp");
		return;
	}
	pz_enrol_confirm_tag_a(&h->confirm, pz_slice_str(csr), want);
	pz_enrol_confirm_wipe(&h->confirm); /* an attempt */
	bool is_proven = pz_enrol_confirm_is_equal(got, want);
	sodium_memzero(want, sizeof(want));
	if (!is_proven) {
		fail(h, PZ_ENROL_BAD_CODE, "the device does not know the code");
		return;
	}
	struct pz_code *code = same_code(h);
	if (!code || !pz_code_is_live(code, h->env) || code->claimed) {
		fail(h, PZ_ENROL_EXPIRED, "the code ended before the device had proved it");
		return;
	}
	struct pz_errinfo info = {""};
	/* The request is parsed only now: a stranger's input must not reach the parser before. */
	enum pz_err err = pz_csr_check(pz_slice_str(csr), &expected, &h->request.csr_key, &info);
	if (err != PZ_OK) {
		fail(h, PZ_ENROL_BAD_REQUEST, info.text[0] ? info.text : pz_err_text(err));
		return;
	}
	if (!h->ops->is_name_free(h->arg, h->request.zone, h->request.device)) {
		fail(h, PZ_ENROL_NAME_TAKEN, "the zone has a device of this name");
		return;
	}
	code->claimed = true;
	h->state = STATE_ADMIT;
	stop_idle(h); /* now the device waits for us */
	h->ops->admit(h->arg, &h->request);
}

void
pz_enrol_hub_message(struct pz_enrol_hub *h, const char *status, json_t *message)
{
	if (h->state == STATE_ENDED)
		return;
	if (strcmp(status, PZ_ENROL_HELLO) == 0 && h->state == STATE_HELLO)
		on_hello(h, message);
	else if (strcmp(status, PZ_ENROL_REQUEST) == 0 && h->state == STATE_REQUEST)
		on_request(h, message);
	else
		fail(h, PZ_ENROL_BAD_REQUEST, "unexpected message");
}

enum pem_kind { PEM_CERT, PEM_CRL };

/** Sets a member to the PEM of a certificate or a list. Errors: LIMIT_MEMORY, LIMIT_QUEUE. */
static enum pz_err
set_pem(json_t *message, const char *key, enum pem_kind kind, const void *object)
{
	struct pz_buf pem;
	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	enum pz_err err =
		kind == PEM_CRL ? pz_crl_to_pem(object, &pem) : pz_cert_to_pem(object, &pem);
	if (err == PZ_OK) {
		struct pz_slice text = pz_buf_slice(&pem);
		json_t *value = json_stringn((const char *)text.ptr, text.len);
		if (json_object_set_new(message, key, value) != 0)
			err = PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_fini(&pem);
	return err;
}

void
pz_enrol_hub_admitted(struct pz_enrol_hub *h, const struct pz_cert *device_ca,
		      const struct pz_cert *master_ca, const struct pz_crl *crl, const char *pzh_id,
		      const char *host, uint16_t port)
{
	if (h->state != STATE_ADMIT)
		return;
	json_t *message =
		json_pack("{s:s, s:s, s:i}", "pzhId", pzh_id, "host", host, "port", (int)port);
	if (!message || set_pem(message, "clientCert", PEM_CERT, device_ca) ||
	    set_pem(message, "masterCert", PEM_CERT, master_ca) ||
	    set_pem(message, "crl", PEM_CRL, crl)) {
		json_decref(message);
		fail(h, PZ_ENROL_BAD_REQUEST, "cannot build signedCert");
		return;
	}
	h->state = STATE_ENDED;
	h->ops->send(h->arg, PZ_ENROL_SIGNED, message);
	json_decref(message);
}

void
pz_enrol_hub_refused(struct pz_enrol_hub *h, const char *reason)
{
	if (h->state != STATE_ADMIT)
		return;
	struct pz_code *code = same_code(h);
	if (code)
		code->claimed = false;
	fail(h, reason, "the hub could not admit the device");
}

const char *
pz_enrol_hub_zone(const struct pz_enrol_hub *h)
{
	return h->request.zone;
}

const char *
pz_enrol_hub_device(const struct pz_enrol_hub *h)
{
	return h->request.device;
}

void
pz_enrol_hub_free(struct pz_enrol_hub *h)
{
	if (!h)
		return;
	stop_idle(h);
	pz_key_free(h->request.csr_key);
	sodium_memzero(h, sizeof(*h));
	free(h);
}
