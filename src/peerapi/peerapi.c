/*
 * A job is one call under way: the request of a command, and for a watch the list of peers that the
 * app knows, with a second request that reads the present one. It ends with its call.
 */
#include "peerapi/peerapi.h"

#include <stdlib.h>
#include <string.h>

#include "peerapi/shape.h"
#include "rpc/error.h"
#include "wire/json.h"

/* A function. */
struct function {
	struct pz_method_def def;
	bool is_free;
	void (*begin)(struct pz_peerapi *api, struct pz_call *call, const json_t *params);
};

struct job {
	struct pz_list hook; /* pz_peerapi.jobs */
	struct pz_peerapi *api;
	struct pz_call *call;
	struct pz_request *request; /* of the command; NULL: it has ended */
	struct pz_request *reading; /* of a watch: the list is being read */
	json_t *known;              /* of a watch: the list that the app has */
	json_t *(*shape)(const json_t *result);
	bool is_pairing, is_stale; /* stale: of a watch, something changed while it was read */
};

/* ---- jobs ---- */

static struct job *
job_new(struct pz_peerapi *api, struct pz_call *call, json_t *(*shape)(const json_t *result))
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL) {
		pz_call_fault(call, PZ_RPC_INTERNAL_ERROR, "out of memory");
		return NULL;
	}
	job->api = api;
	job->call = call;
	job->shape = shape;
	pz_list_append(&api->jobs, &job->hook);
	return job;
}

static void
job_free(struct job *job)
{
	pz_list_remove(&job->hook);
	pz_request_cancel(job->request);
	pz_request_cancel(job->reading);
	json_decref(job->known);
	free(job);
}

/* ---- the end of a command ---- */

static void
fail(struct pz_call *call, enum pz_err err, const char *detail)
{
	enum pz_err_category category = pz_err_category(err);

	if (category == PZ_CAT_CONFIG)
		pz_call_fault(call, PZ_RPC_INVALID_PARAMS, detail);
	else if (category == PZ_CAT_LIMIT)
		pz_call_error(call, "QuotaExceededError", detail);
	else if (category == PZ_CAT_IO)
		pz_call_error(call, "NetworkError", detail);
	else
		pz_call_error(call,
			      category == PZ_CAT_NOTFOUND ? "NotFoundError" : "InvalidStateError",
			      detail);
}

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct job *job = arg;
	struct pz_call *call = job->call;

	job->request = NULL;
	json_t *shaped = err == PZ_OK ? job->shape(result) : NULL;
	job_free(job);
	if (err == PZ_OK)
		pz_call_result(call, shaped);
	else
		fail(call, err, detail);
}

static const struct pz_reply once = {.done = on_done};

static void
run(struct job *job, const char *command, json_t *takes_params, const struct pz_reply *reply)
{
	struct pz_peerapi *api = job->api;
	struct pz_call *call = job->call;

	if (takes_params)
		job->request = api->command(api->arg, command, takes_params, reply, job);
	json_decref(takes_params);
	if (job->request)
		return;
	job_free(job);
	pz_call_fault(call, PZ_RPC_INTERNAL_ERROR, "out of memory");
}

/* ---- functions ---- */

static void
discover(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	struct job *job = job_new(api, call, pz_peerapi_peers);

	(void)params;
	if (job)
		run(job, "peers", json_object(), &once);
}

static json_t *
shape_connected(const json_t *result)
{
	static const char *const names[] = {"id", "state", "route", NULL};

	return pz_peerapi_pick(result, names);
}

static void
connect_to(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	const char *peer = pz_json_text(json_array_get(params, 0));
	struct job *job;

	if (peer == NULL) {
		pz_call_fault(call, PZ_RPC_INVALID_PARAMS,
			      "the first parameter must be the id of a peer, a text");
		return;
	}
	job = job_new(api, call, shape_connected);
	if (job)
		run(job, "connect", json_pack("{s:s}", "peer", peer), &once);
}

/* ---- watching ---- */

static void read_peers(struct job *job);

static void
on_read(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct job *job = arg;
	json_t *now = err == PZ_OK ? pz_peerapi_peers(result) : NULL;
	json_t *changes = now ? pz_peerapi_changes(job->known, now) : NULL, *one;
	size_t i;

	(void)detail;
	job->reading = NULL;
	if (now) {
		json_decref(job->known);
		job->known = now;
	}
	json_array_foreach (changes, i, one)
		pz_call_event(job->call, "onEvent", json_incref(one));
	json_decref(changes);
	if (job->is_stale)
		read_peers(job);
}

static const struct pz_reply reading = {.done = on_read};

/* However much happens in one turn, the list is read once. */
static void
read_peers(struct job *job)
{
	json_t *none = json_object();

	job->is_stale = job->reading != NULL;
	if (none && job->reading == NULL)
		job->reading = job->api->command(job->api->arg, "peers", none, &reading, job);
	json_decref(none);
}

static void
on_watched(void *arg, json_t *event)
{
	static const char *const names[] = {"watching", "state", "device", "friend", "hub", "peer"};
	const char *name = pz_json_str(event, "event");

	for (size_t i = 0; name && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			read_peers(arg);
}

static json_t *
shape_nothing(const json_t *result)
{
	(void)result;
	return NULL;
}

static const struct pz_reply watching = {.done = on_done, .event = on_watched};

static void
watch(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	struct job *job;

	(void)params;
	if (pz_call_listen(call) != PZ_OK)
		return;
	job = job_new(api, call, shape_nothing);
	if (job)
		run(job, "watch", json_object(), &watching);
}

/* ---- pairing ---- */

static void
on_window(void *arg, json_t *event)
{
	const struct job *job = arg;

	pz_call_event(job->call, "onEvent", pz_peerapi_window(event));
}

static const struct pz_reply pairing = {.done = on_done, .event = on_window};

/* The window closes when the call ends, as with `pzp pair`. */
static void
pair(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	static const char *const names[] = {"host", "port", "remember", NULL};
	struct job *job;

	if (pz_call_listen(call) != PZ_OK)
		return;
	job = job_new(api, call, pz_peerapi_outcome);
	if (job == NULL)
		return;
	job->is_pairing = true;
	run(job, "pair", pz_peerapi_pick(json_array_get(params, 0), names), &pairing);
}

/* The pairing of the same session. */
static bool
has_window(const struct pz_peerapi *api, const struct pz_call *call)
{
	PZ_LIST_EACH (&api->jobs, node, tmp) {
		const struct job *job = PZ_CONTAINER(node, struct job, hook);
		if (job->is_pairing && strcmp(pz_call_from(job->call), pz_call_from(call)) == 0)
			return true;
	}
	return false;
}

static void
answer(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	static const char *const names[] = {"digits", "remember", NULL};
	struct job *job;

	if (!has_window(api, call)) {
		pz_call_error(call, "InvalidStateError",
			      "this page has no pairing window open: Peers.pair opens one");
		return;
	}
	job = job_new(api, call, pz_peerapi_outcome);
	if (job)
		run(job, "pair-answer", pz_peerapi_pick(json_array_get(params, 0), names), &once);
}

/* ---- giving up ---- */

static void
cancel(struct pz_peerapi *api, struct pz_call *call, const json_t *params)
{
	const json_t *id = json_array_get(params, 0);

	PZ_LIST_EACH (&api->jobs, node, tmp) {
		struct job *job = PZ_CONTAINER(node, struct job, hook);
		struct pz_call *other = job->call;
		if (id == NULL || !json_equal(pz_call_id(other), id) ||
		    strcmp(pz_call_from(other), pz_call_from(call)) != 0)
			continue;
		job_free(job);
		pz_call_end(other);
		pz_call_result(call, NULL);
		return;
	}
	pz_call_error(call, "NotFoundError", "nothing with that id is under way");
}

/* ---- the table ---- */

#define FUNCTION(name, ...) .def = {.interface = PZ_PEERAPI_OBJECT, .function = name, __VA_ARGS__}

static const struct function functions[] = {
	{FUNCTION("discover", .form = PZ_PARAMS_OBJECT), .begin = discover},
	{FUNCTION("connect", .form = PZ_PARAMS_BARE), .begin = connect_to},
	{FUNCTION("watch", .form = PZ_PARAMS_OBJECT, .is_stream = true), .begin = watch},
	{FUNCTION("pair", .form = PZ_PARAMS_OBJECT, .part = "/pair", .is_stream = true),
	 .begin = pair},
	{FUNCTION("answer", .form = PZ_PARAMS_OBJECT, .part = "/pair"), .is_free = true,
	 .begin = answer},
	{FUNCTION("cancel", .form = PZ_PARAMS_BARE), .is_free = true, .begin = cancel},
};

static const struct function *
find(const char *name)
{
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].def.function, name) == 0)
			return &functions[i];
	return NULL;
}

const struct pz_method_def *
pz_peerapi_method(const char *function, bool *out_is_free)
{
	const struct function *f = find(function);

	if (f == NULL)
		return NULL;
	*out_is_free = f->is_free;
	return &f->def;
}

void
pz_peerapi_call(struct pz_peerapi *api, struct pz_call *call, const char *function,
		const json_t *params)
{
	const struct function *f = find(function);

	if (f)
		f->begin(api, call, params);
	else
		pz_call_fault(call, PZ_RPC_METHOD_NOT_FOUND, NULL);
}

/* ---- life ---- */

void
pz_peerapi_init(struct pz_peerapi *api, pz_peerapi_command command, void *arg)
{
	api->command = command;
	api->arg = arg;
	pz_list_init(&api->jobs);
}

void
pz_peerapi_fini(struct pz_peerapi *api)
{
	if (api->command == NULL)
		return;
	PZ_LIST_EACH (&api->jobs, node, tmp)
		job_free(PZ_CONTAINER(node, struct job, hook));
}

bool
pz_peerapi_call_ended(struct pz_peerapi *api, const struct pz_call *call)
{
	PZ_LIST_EACH (&api->jobs, node, tmp) {
		struct job *job = PZ_CONTAINER(node, struct job, hook);
		if (job->call != call)
			continue;
		job_free(job);
		return true;
	}
	return false;
}
