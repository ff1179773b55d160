/*
 * A change of the owner's policy that a device requests from its hub (page 9, 13). The hub answers
 * each piece before the next one is sent. It sends the new policy to all devices, this one
 * included, before its last answer; the request ends when both have arrived, so that a program that
 * reads the policy next sees what it has set.
 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "policies/commands.h"
#include "policies/internal.h"
#include "wire/json.h"

struct edit {
	struct pz_policies *policies;
	const struct pz_policies_hub *hub;
	struct pz_request *request;
	struct pz_timer timer;
	char *document; /* owned */
	size_t len;
	uint64_t base, sequence; /* the version that the hub has assigned; 0: none yet */
	int64_t id;
	bool is_forced;
};

static void
release(struct pz_request *request)
{
	struct edit *e = request->state;

	pz_env_stop(e->hub->requests->env, &e->timer);
	free(e->document);
}

static const struct pz_request_kind kind = {.size = sizeof(struct edit), .release = release};

static void
finish(const struct edit *e)
{
	pz_request_answer(e->request, json_pack("{s:s, s:I}", "slot", "user", "sequence",
						(json_int_t)e->sequence));
}

/* The hub has stored it, but this device does not receive policies (a preference), or has not yet.
 */
static void
on_timeout(struct pz_timer *timer, void *arg)
{
	const struct edit *e = arg;

	(void)timer;
	if (e->sequence > 0)
		finish(e);
	else
		pz_request_fail(e->request, PZ_ERR_IO_TIMEOUT,
				"the hub does not answer; it may be of an older version");
}

/* As many bytes as fit, without splitting a character. */
static size_t
piece_len(const struct edit *e, size_t at)
{
	size_t len = e->len - at;

	if (len <= PZ_POLICY_PIECE_BYTES)
		return len;
	len = PZ_POLICY_PIECE_BYTES;
	while (len > 1 && ((unsigned char)e->document[at + len] & 0xc0) == 0x80)
		len--;
	return len;
}

static void
send_piece(const struct edit *e, size_t at)
{
	json_t *message =
		json_pack("{s:I, s:I, s:I, s:I, s:s%, s:b}", "id", (json_int_t)e->id, "base",
			  (json_int_t)e->base, "size", (json_int_t)e->len, "at", (json_int_t)at,
			  "text", e->document + at, piece_len(e, at), "force", (int)e->is_forced);

	if (message == NULL)
		pz_request_fail(e->request, PZ_ERR_CONFIG,
				"the document is not UTF-8, or there is no memory for it");
	else
		e->hub->send(e->hub->arg, "policyEdit", message);
	json_decref(message);
}

void
pz_policies_ask_hub(struct pz_policies *policies, const struct pz_policies_hub *hub,
		    struct pz_request *request, struct pz_slice document, uint64_t base,
		    bool is_forced)
{
	struct edit *e = pz_request_begin(request, &kind);
	if (e == NULL)
		return;
	*e = (struct edit){
		.policies = policies,
		.hub = hub,
		.request = request,
		.document = pz_slice_dup(document),
		.len = document.len,
		.base = base,
		.id = ++policies->last_edit, /* a late answer is for no later request */
		.is_forced = is_forced,
	};
	pz_timer_init(&e->timer, on_timeout, e);
	if (e->document == NULL) {
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_env_start(hub->requests->env, &e->timer, PZ_POLICY_EDIT_US);
	send_piece(e, 0);
}

/* ---- answers ---- */

static bool
is_here(const struct edit *e)
{
	return pz_policies_slot(e->policies, PZ_POLICY_SLOT_USER).version.sequence >= e->sequence;
}

static enum pz_err
err_of(const char *code)
{
	if (strcmp(code, "conflict") == 0)
		return PZ_ERR_EXISTS;
	return strcmp(code, "invalid") == 0 ? PZ_ERR_CONFIG : PZ_ERR_DENIED_REMOTE;
}

static void
take_answer(struct edit *e, const json_t *message)
{
	const char *code = pz_json_str(message, "code"), *text = pz_json_str(message, "message");
	int64_t next = 0, sequence = 0;

	if (code) {
		pz_request_fail(e->request, err_of(code), text ? text : code);
	} else if (pz_json_int(message, "next", 1, (int64_t)e->len - 1, &next)) {
		pz_env_start(e->hub->requests->env, &e->timer, PZ_POLICY_EDIT_US);
		send_piece(e, (size_t)next);
	} else if (pz_json_int(message, "sequence", 1, (int64_t)PZ_SYNC_TIME_MS_MAX, &sequence)) {
		e->sequence = (uint64_t)sequence;
		if (is_here(e))
			finish(e);
	} else {
		pz_request_fail(e->request, PZ_ERR_PROTO, "the hub's answer is not understood");
	}
}

void
pz_policies_hub_answered(const struct pz_policies_hub *hub, const json_t *message)
{
	int64_t id = 0;

	if (!pz_json_int(message, "id", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &id))
		return;
	PZ_REQUEST_EACH (hub->requests, &kind, request) {
		struct edit *e = request->state;
		if (e->id == id && e->sequence == 0)
			take_answer(e, message);
	}
}

void
pz_policies_hub_changed(const struct pz_policies_hub *hub)
{
	PZ_REQUEST_EACH (hub->requests, &kind, request) {
		const struct edit *e = request->state;
		if (e->sequence > 0 && is_here(e))
			finish(e);
	}
}

void
pz_policies_hub_lost(const struct pz_policies_hub *hub)
{
	PZ_REQUEST_EACH (hub->requests, &kind, request) {
		const struct edit *e = request->state;
		if (e->sequence > 0)
			finish(e);
		else
			pz_request_fail(request, PZ_ERR_IO_CLOSED,
					"the link to the hub has ended; whether the policy was "
					"changed shows `pzp policy list` when it is back");
	}
}
