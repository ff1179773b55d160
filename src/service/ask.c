/* Call-backs with an answer: a service sends a request to the caller of one of its calls, and uses
 * the answer. The table of outstanding requests decides who may answer: only the address that was
 * asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "service/internal.h"

struct ask {
	struct pz_list hook; /* call.asks */
	struct call *call;
	pz_call_answer answer;
	void *arg;
	char id[37];
};

static void
on_response(void *arg, json_t *result, json_t *error)
{
	struct ask *ask = arg;
	pz_call_answer answer = ask->answer;
	void *answer_arg = ask->arg;
	/* A peer may send an answer with neither; the service always gets one of the two. */
	json_t *none = result || error ? NULL : pz_rpc_error(PZ_RPC_INTERNAL_ERROR, NULL, NULL);

	pz_list_remove(&ask->hook);
	free(ask);
	answer(answer_arg, result, error ? error : none);
	json_decref(none);
}

char *
pz_service_call_reference(const json_t *id)
{
	return json_is_string(id) ? strdup(json_string_value(id)) : json_dumps(id, JSON_ENCODE_ANY);
}

static const struct pz_pending_ops pending_ops = {.response = on_response};

static size_t
count(const struct call *c)
{
	size_t n = 0;

	PZ_LIST_EACH (&c->asks, node, tmp)
		n++;
	return n;
}

static json_t *
request_of(const struct call *c, const char *id, const char *name, json_t *takes_params)
{
	PZ_AUTO_FREE char *reference = pz_service_call_reference(c->id);
	PZ_AUTO_FREE char *method = NULL;

	/* The caller knows the call by the id that it chose, so the request is named after that id.
	 */
	if (reference == NULL || asprintf(&method, "%s.%s", reference, name) < 0) {
		method = NULL;
		json_decref(takes_params);
		return NULL;
	}
	return pz_rpc_request(id, method, takes_params ? takes_params : json_array());
}

static enum pz_err
check(const struct call *c)
{
	if (c->id == NULL)
		return PZ_ERR_PROTO_MEMBER;
	if (c->d->ops->ask == NULL || c->d->closing)
		return PZ_ERR_IO_CLOSED;
	return count(c) < PZ_CALL_ASKS_MAX ? PZ_OK : PZ_ERR_LIMIT;
}

/* @param payload borrowed */
static enum pz_err
send(const struct pz_dispatcher *d, const struct call *c, struct ask *ask, json_t *payload)
{
	if (payload == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	return d->ops->ask(d->arg, c->from, ask->id, payload, &pending_ops, ask) ? PZ_OK
										 : PZ_ERR_IO_CLOSED;
}

enum pz_err
pz_call_ask(struct pz_call *call, const char *name, json_t *params, pz_call_answer answer,
	    void *arg)
{
	struct call *c = pz_service_call_of(call);
	enum pz_err err = check(c);
	struct ask *ask = err == PZ_OK ? calloc(1, sizeof(*ask)) : NULL;

	if (ask == NULL) {
		json_decref(params);
		return err == PZ_OK ? PZ_ERR_LIMIT_MEMORY : err;
	}
	*ask = (struct ask){.call = c, .answer = answer, .arg = arg};
	pz_env_uuid(c->d->env, ask->id);
	json_t *payload = request_of(c, ask->id, name, params);
	/* Before it is sent: a program of this device answers during the call, and then neither the
	 * request nor the call may exist afterwards. */
	pz_list_append(&c->asks, &ask->hook);
	err = send(c->d, c, ask, payload);
	json_decref(payload);
	if (err != PZ_OK) {
		pz_list_remove(&ask->hook);
		free(ask);
	}
	return err;
}

void
pz_service_asks_end(struct call *c)
{
	struct pz_list *first;

	while ((first = pz_list_first(&c->asks)) != NULL) {
		struct ask *ask = PZ_CONTAINER(first, struct ask, hook);
		json_t *error = pz_rpc_api_error("AbortError", "The call has ended.");
		/* First removed from the table of requests, so that a late answer finds nothing. */
		c->d->ops->ask_cancel(c->d->arg, c->from, ask->id);
		on_response(ask, NULL, error);
		json_decref(error);
	}
}
