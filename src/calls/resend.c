/*
 * What may be lost with a link (page 4: an answer finds its way). Unanswered requests and recent
 * answers are sent once more on the remaining route. A device that has them already drops them: a
 * request by its id (page 14 REPL-1), an answer because it no longer waits for it. Call-backs are
 * never repeated: the second would look like the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls/internal.h"
#include "rpc/error.h"
#include "wire/frame.h"

struct answer {
	struct pz_list hook; /* pz_calls.answers, oldest first */
	const struct pz_session *via;
	json_t *payload;
	uint64_t sent_us;
	size_t bytes; /* a guess is enough for the bound */
	char to[];
};

static void
drop(struct pz_calls *calls, struct answer *answer)
{
	pz_list_remove(&answer->hook);
	calls->answer_count--;
	calls->answer_bytes -= answer->bytes;
	json_decref(answer->payload);
	free(answer);
}

static struct answer *
oldest(const struct pz_calls *calls)
{
	struct pz_list *n = pz_list_first(&calls->answers);

	return n ? PZ_CONTAINER(n, struct answer, hook) : NULL;
}

static void
prune(struct pz_calls *calls)
{
	uint64_t now = pz_env_mono_us(calls->env);
	struct answer *a;

	while ((a = oldest(calls)) != NULL && (now - a->sent_us > PZ_RESEND_KEEP_US ||
					       calls->answer_count > PZ_RESEND_ANSWERS_MAX ||
					       calls->answer_bytes > PZ_RESEND_BYTES_MAX))
		drop(calls, a);
}

void
pz_resend_note(struct pz_calls *calls, const char *to, json_t *payload, size_t bytes)
{
	const struct pz_session *via = pz_router_route(calls->router, pz_slice_str(to));
	struct answer *answer;

	/* A program that has ended waits for nothing, so answers to it are not kept. */
	if (via == NULL || via->kind == PZ_SESSION_APP ||
	    (json_is_object(payload) && json_object_get(payload, "method")))
		return;
	answer = calloc(1, sizeof(*answer) + strlen(to) + 1);
	if (answer == NULL)
		return; /* it is a second chance only */
	answer->via = via;
	answer->payload = json_incref(payload);
	answer->sent_us = pz_env_mono_us(calls->env);
	answer->bytes = bytes;
	memcpy(answer->to, to, strlen(to) + 1);
	pz_list_append(&calls->answers, &answer->hook);
	calls->answer_count++;
	calls->answer_bytes += bytes;
	pz_calls_watch_session(via);
	prune(calls);
}

static void
resend_answers(struct pz_calls *calls, const struct pz_session *lost)
{
	prune(calls);
	PZ_LIST_EACH (&calls->answers, n, tmp) {
		struct answer *answer = PZ_CONTAINER(n, struct answer, hook);
		if (answer->via != lost)
			continue;
		answer->via = pz_router_route(calls->router, pz_slice_str(answer->to));
		if (answer->via)
			(void)!pz_calls_send(calls, answer->to, answer->payload);
	}
}

void
pz_calls_device_gone(struct pz_calls *calls, const char *device)
{
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	json_t *error;

	if (calls->zone->membership == NULL || strcmp(device, calls->zone->membership->device) == 0)
		return;
	snprintf(address, sizeof(address), "%s/%s", calls->zone->membership->zone, device);
	error = pz_rpc_unreachable(address);
	if (error)
		pz_pending_fail_peer(calls->pending, address, error);
	json_decref(error);
	pz_dispatcher_peer_gone(calls->dispatcher, address);
}

void
pz_calls_app_gone(struct pz_calls *calls, const char *address)
{
	json_t *error = pz_rpc_unreachable(address);

	if (error)
		pz_pending_fail_space(calls->pending, address, error);
	json_decref(error);
	pz_dispatcher_peer_gone(calls->dispatcher, address);
}

void
pz_calls_hub_gone(struct pz_calls *calls)
{
	const char *zone = calls->zone->membership->zone;
	json_t *error = pz_rpc_unreachable(zone);

	if (error)
		pz_pending_fail_peer(calls->pending, zone, error);
	json_decref(error);
}

void
pz_calls_lost(struct pz_calls *calls, const struct pz_session *lost, json_t *names)
{
	const char *device;
	json_t *value;

	/* What has no route left ends first, so that it is not sent again below. */
	json_object_foreach (names, device, value) {
		bool is_friend = strchr(device, '/') != NULL;
		if (is_friend && !pz_calls_friend_has_route(calls, device))
			pz_calls_friend_device_gone(calls, device);
		else if (!is_friend && !pz_peers_has_route(calls->peers, device))
			pz_calls_device_gone(calls, device);
	}
	if (lost == NULL)
		return;
	pz_call_resend(calls, lost);
	resend_answers(calls, lost);
}

static bool
is_ours(const struct pz_calls *calls, struct pz_slice frame)
{
	struct pz_envelope envelope;

	return pz_envelope_scan(pz_frame_body(frame), &envelope) == PZ_OK &&
	       envelope.type != PZ_MESSAGE_PROP &&
	       pz_address_is_within(envelope.from, pz_slice_str(calls->config.self));
}

/* Messages of other nodes are not sent again: the other route might use another relay. */
void
pz_calls_undelivered(struct pz_calls *calls, struct pz_slice frames, int rpc_code)
{
	struct pz_slice frame;
	size_t need;

	while (pz_frame_cut(frames, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		frames = pz_slice_of(frames.ptr + frame.len, frames.len - frame.len);
		if (!is_ours(calls, frame) || pz_router_send(calls->router, frame) != PZ_OK)
			pz_router_bounce(calls->router, frame, rpc_code);
	}
}

void
pz_resend_clear(struct pz_calls *calls)
{
	struct answer *a;

	while ((a = oldest(calls)) != NULL)
		drop(calls, a);
}
