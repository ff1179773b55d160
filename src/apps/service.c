/*
 * Services that an app provides (page 11): the app registers one by `ServiceRegistry.register`, and
 * it lives as long as the app's session. A call of the service, judged like any other, becomes a
 * request to the app; the app's call-backs become the call's, and its answer ends the call. A call
 * that ends here first is cancelled at the app by `removeEventListener`.
 * @spec page 11 "For apps", "Messages between apps"
 */
#include <stdio.h>
#include <stdlib.h>

#include "apps/internal.h"
#include "base/auto.h"
#include "rpc/error.h"
#include "rpc/payload.h"
#include "rpc/pending.h"
#include "service/methods.h"
#include "service/registry.h"
#include "wire/json.h"

/* One service. */
struct provided {
	struct pz_list hook; /* pz_visitor.services */
	struct pz_visitor *visitor;
	struct pz_service *service; /* the registry's */
	struct pz_method_def *methods;
	json_t *names; /* of the functions: `methods` points into it */
	struct pz_list jobs;
	bool is_unclaimed; /* of a former connection, not registered again yet */
};

/* A call of the service. */
struct job {
	struct pz_list hook; /* provided.jobs */
	struct provided *provided;
	struct pz_call *call;
	char id[37];
	bool is_stream;
	bool has_waited; /* without a connection: sent to the next one */
};

static void
job_free(struct job *job)
{
	pz_list_remove(&job->hook);
	free(job);
}

static const struct pz_apps_config *
config_of(const struct job *job)
{
	return &job->provided->visitor->apps->config;
}

/* ---- calls ---- */

static void
give_up(const struct job *job)
{
	/* The answer is not wanted any more, and the app is informed so that it stops its work. */
	const struct pz_descriptor *d = &job->provided->service->descriptor;
	const struct pz_apps_config *config = config_of(job);
	PZ_AUTO_FREE char *method = NULL;

	config->ops->ask_cancel(config->arg, job->provided->visitor->address, job->id);
	if (asprintf(&method, "%s@%s.removeEventListener", d->api, d->id) < 0) {
		method = NULL;
		return;
	}
	json_t *payload = pz_rpc_request(NULL, method, json_pack("[s]", job->id));
	if (payload)
		config->ops->say(config->arg, job->provided->visitor->address, payload);
	json_decref(payload);
}

static void
fail(struct pz_call *call, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	const char *name = json_is_string(data) ? pz_json_text(data) : pz_json_str(data, "name");
	const char *message = pz_json_str(data, "message");

	if (name)
		pz_call_error(call, name, message ? message : pz_json_str(error, "message"));
	else
		pz_call_fault(call, PZ_RPC_INTERNAL_ERROR, pz_json_str(error, "message"));
}

static void
on_response(void *arg, json_t *result, json_t *error)
{
	struct job *job = arg;
	const struct pz_apps_config *config = config_of(job);

	/* With keep_callbacks the entry waits for further call-backs; after the result there are
	 * none. */
	if (result)
		config->ops->ask_cancel(config->arg, job->provided->visitor->address, job->id);
	if (result)
		pz_call_result(job->call, json_incref(result));
	else
		fail(job->call, error);
	job_free(job);
}

static void
on_callback(void *arg, const char *name, json_t *params)
{
	struct job *job = arg;

	/* The first call-back makes the call a stream, as for each service (page 7, 6.1). */
	if (!job->is_stream && pz_call_listen(job->call) != PZ_OK) {
		/* pz_call_listen has ended the call in this case, without calling call_ended. */
		give_up(job); /* the call has been answered */
		job_free(job);
		return;
	}
	job->is_stream = true;
	pz_call_event(job->call, name, json_incref(params));
}

/* A call-back of the app that expects an answer. */
struct relay {
	struct job *job;
	json_t *id;
};

static void
say(const struct job *job, json_t *takes_payload)
{
	const struct pz_apps_config *config = config_of(job);

	if (takes_payload)
		config->ops->say(config->arg, job->provided->visitor->address, takes_payload);
	json_decref(takes_payload);
}

/* The call may have ended meanwhile; the app always gets an answer to its request. */
static void
on_relayed(void *arg, json_t *result, json_t *error)
{
	struct relay *relay = arg;

	say(relay->job, result ? pz_rpc_result(relay->id, json_incref(result))
			       : pz_rpc_failure(relay->id, json_incref(error)));
	json_decref(relay->id);
	free(relay);
}

static enum pz_err
relay(struct job *job, const char *name, json_t *params, json_t *id)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (relay == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	*relay = (struct relay){.job = job, .id = json_incref(id)};
	enum pz_err err = pz_call_ask(job->call, name, json_incref(params), on_relayed, relay);
	if (err != PZ_OK) {
		json_decref(relay->id);
		free(relay);
	}
	return err;
}

/* The caller's answer becomes the app's. */
static bool
on_asked(void *arg, const char *name, json_t *params, json_t *id)
{
	struct job *job = arg;

	if (!job->is_stream && pz_call_listen(job->call) != PZ_OK) {
		give_up(job);
		say(job, pz_rpc_failure(id, pz_rpc_api_error("InvalidStateError",
							     "The caller takes no call-backs.")));
		job_free(job);
		return true;
	}
	job->is_stream = true;
	/* The dispatcher limits the number of pending answers (PZ_CALL_ASKS_MAX). */
	enum pz_err err = relay(job, name, params, id);
	if (err == PZ_ERR_LIMIT)
		say(job, pz_rpc_failure(id, pz_rpc_api_error("QuotaExceededError",
							     "Too many answers are waited for.")));
	else if (err != PZ_OK)
		say(job, pz_rpc_failure(id, pz_rpc_api_error("NetworkError",
							     "The caller cannot be reached.")));
	return true;
}

static const struct pz_pending_ops pending_ops = {.response = on_response,
						  .callback = on_callback,
						  .asked = on_asked,
						  .keep_callbacks = true};

static json_t *
request_of(const struct job *job, json_t *params)
{
	const struct pz_descriptor *d = &job->provided->service->descriptor;
	PZ_AUTO_FREE char *method = NULL;

	if (asprintf(&method, "%s@%s.%s", d->api, d->id, job->call->method->function) < 0) {
		method = NULL;
		return NULL;
	}
	json_t *payload = pz_rpc_request(job->id, method, json_incref(params));
	/* The app may display the caller: the address is the verified one. */
	(void)json_object_set_new(payload, "caller", json_string(pz_call_from(job->call)));
	return payload;
}

static bool
is_too_long(const struct pz_service *service, const json_t *params)
{
	return strcmp(service->descriptor.api, PZ_APPS_MESSAGES) == 0 &&
	       json_dumpb(params, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY) >
		       PZ_APP_MESSAGE_BYTES_MAX;
}

static void
on_invoke(struct pz_service *service, struct pz_call *call, json_t *params)
{
	struct provided *provided = service->state;

	if (is_too_long(service, params)) {
		pz_call_error(call, "DataError", "A message between apps has at most 64 KiB.");
		return;
	}
	struct job *job = calloc(1, sizeof(*job));
	if (job == NULL) {
		pz_call_fault(call, PZ_RPC_INTERNAL_ERROR, "out of memory");
		return;
	}
	job->provided = provided;
	job->call = call;
	/* Sent into the queue that waits for a connection: the next page has to handle it. */
	job->has_waited = pz_visitor_waits(provided->visitor);
	pz_list_append(&provided->jobs, &job->hook);
	/* Before it is sent: an app that answers at once finds the job. */
	call->user = job;
	const struct pz_apps_config *config = config_of(job);
	pz_env_uuid(config->env, job->id);
	json_t *payload = request_of(job, params);
	if (payload == NULL || !config->ops->ask(config->arg, provided->visitor->address, job->id,
						 payload, &pending_ops, job)) {
		pz_call_error(call, "NetworkError", "The app cannot be reached.");
		job_free(job);
	}
	json_decref(payload);
}

static void
on_call_ended(struct pz_service *service, struct pz_call *call)
{
	struct job *job = call->user;

	(void)service;
	if (job == NULL)
		return;
	give_up(job);
	job_free(job);
}

/* ---- life ---- */

static void
provided_free(struct provided *provided)
{
	pz_list_remove(&provided->hook);
	json_decref(provided->names);
	free(provided->methods);
	free(provided);
}

static void
on_destroy(struct pz_service *service)
{
	provided_free(service->state);
}

static bool
is_identifier(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";

	/* The dispatcher's own function: an app that replaced it could keep calls from ending. */
	return name && name[0] && (name[0] < '0' || name[0] > '9') &&
	       strlen(name) <= PZ_METHOD_NAME_BYTES_MAX && strspn(name, letters) == strlen(name) &&
	       strcmp(name, "removeEventListener") != 0;
}

static enum pz_err
read_methods(struct provided *provided, json_t *names, struct pz_errinfo *info)
{
	size_t count = json_array_size(names);

	if (count == 0 || count > PZ_METHODS_PER_SERVICE_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "methods: must be a list of 1 to %d names",
			       PZ_METHODS_PER_SERVICE_MAX);
	provided->methods = calloc(count, sizeof(*provided->methods));
	if (provided->methods == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	/* Function names of the table point into this array, so it lives as long as the table. */
	provided->names = json_incref(names);
	for (size_t i = 0; i < count; i++) {
		const char *name = pz_json_text(json_array_get(names, i));
		if (!is_identifier(name))
			return pz_fail(info, PZ_ERR_CONFIG,
				       "methods: each must be a name of letters, digits and \"_\"");
		provided->methods[i] = (struct pz_method_def){
			.function = name, .form = PZ_PARAMS_RAW, .invoke = on_invoke};
	}
	return PZ_OK;
}

static void
describe(struct pz_service *service, const json_t *names)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(names); i++)
		(void)json_array_append_new(list,
					    json_pack("{s:O}", "name", json_array_get(names, i)));
	json_decref(service->descriptor.methods);
	service->descriptor.methods = pz_methods_copy(list);
	json_decref(list);
}

static bool
is_for_messages(const char *api)
{
	return strcmp(api, PZ_APPS_MESSAGES) == 0;
}

/* It contains the origin, so that people see which page it is, and two pages do not collide. The
 * name of a service for messages also has the session, so that tabs of one page do not collide, and
 * each can be found by its address. @return new; NULL: out of memory */
static char *
description_of(const struct pz_visitor *visitor, const char *api, const char *text)
{
	const char *session = is_for_messages(api) ? strrchr(visitor->address, '/') + 1 : "";
	char *description = NULL;

	if (asprintf(&description, "%s%s(%s)%s%s", text ? text : "", text && text[0] ? " " : "",
		     visitor->origin, session[0] ? " " : "", session) < 0)
		return NULL;
	return description;
}

static enum pz_err
make(struct provided *provided, json_t *params, struct pz_errinfo *info)
{
	const char *api = pz_json_str(params, "api"), *name = pz_json_str(params, "displayName");
	const char *text = pz_json_str(params, "description");
	struct pz_service *service = NULL;

	if (api == NULL || name == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "api and displayName: must be texts");
	PZ_TRY(read_methods(provided, json_object_get(params, "methods"), info));
	PZ_AUTO_FREE char *description = description_of(provided->visitor, api, text);
	if (description == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	PZ_TRY(pz_service_new(api, name, description, provided->methods,
			      json_array_size(provided->names), &service, info));
	/* Every search gets this list, without parameters or results: pages describe no more. */
	describe(service, provided->names);
	enum pz_err err = pz_registry_add(provided->visitor->apps->config.registry, service, info);
	if (err != PZ_OK) {
		pz_service_free(service);
		return err;
	}
	/* Only after it was added: a refused service is freed here and must not free `provided`. */
	service->state = provided;
	service->call_ended = on_call_ended;
	service->destroy = on_destroy;
	provided->service = service;
	return PZ_OK;
}

static size_t
count_of(const struct pz_visitor *visitor)
{
	size_t count = 0;

	PZ_LIST_EACH (&visitor->services, node, tmp)
		count++;
	return count;
}

static void
remove_one(struct provided *provided)
{
	const struct pz_descriptor *d = &provided->service->descriptor;

	(void)!pz_registry_remove(provided->visitor->apps->config.registry, d->api, d->id);
}

/* A reloaded page registers its services again: a service with the same functions continues.
 * @return NULL: it is not one of those */
static struct provided *
claim(struct pz_visitor *visitor, json_t *params)
{
	const char *api = pz_json_str(params, "api"), *name = pz_json_str(params, "displayName");
	PZ_AUTO_FREE char *description =
		api ? description_of(visitor, api, pz_json_str(params, "description")) : NULL;

	if (api == NULL || name == NULL || description == NULL)
		return NULL;
	PZ_LIST_EACH (&visitor->services, node, tmp) {
		struct provided *provided = PZ_CONTAINER(node, struct provided, hook);
		const struct pz_descriptor *d = &provided->service->descriptor;
		if (!provided->is_unclaimed || strcmp(d->api, api) != 0 ||
		    strcmp(d->display_name, name) != 0 || strcmp(d->description, description) != 0)
			continue;
		provided->is_unclaimed = false;
		if (json_equal(provided->names, json_object_get(params, "methods")))
			return provided;
		/* Its functions have changed, so callers need a new description: it becomes a new
		 * service. */
		remove_one(provided);
		return NULL;
	}
	return NULL;
}

/* @return the answer, new */
static json_t *
register_one(struct pz_visitor *visitor, json_t *id, json_t *params)
{
	struct pz_errinfo info = {"too many services of one page"};
	struct provided *provided = claim(visitor, params);
	enum pz_err err = PZ_ERR_LIMIT;

	if (provided)
		return pz_rpc_result(id, pz_descriptor_json(&provided->service->descriptor));
	/* All services of a device have a limit of their own; this keeps one page from taking it
	 * all. */
	if (count_of(visitor) < PZ_APP_SERVICES_MAX)
		provided = calloc(1, sizeof(*provided));
	if (provided) {
		provided->visitor = visitor;
		pz_list_init(&provided->jobs);
		pz_list_append(&visitor->services, &provided->hook);
		err = make(provided, params, &info);
	}
	if (err == PZ_OK)
		return pz_rpc_result(id, pz_descriptor_json(&provided->service->descriptor));
	if (provided)
		provided_free(provided);
	return pz_rpc_failure(id, err == PZ_ERR_LIMIT
					  ? pz_rpc_api_error("QuotaExceededError", info.text)
					  : pz_rpc_error(PZ_RPC_INVALID_PARAMS, info.text, NULL));
}

static json_t *
unregister_one(struct pz_visitor *visitor, json_t *id, json_t *params)
{
	const char *api = pz_json_str(params, "api"), *service_id = pz_json_str(params, "id");

	PZ_LIST_EACH (&visitor->services, node, tmp) {
		struct provided *provided = PZ_CONTAINER(node, struct provided, hook);
		const struct pz_descriptor *d = &provided->service->descriptor;

		if (api && service_id && strcmp(d->api, api) == 0 &&
		    strcmp(d->id, service_id) == 0) {
			remove_one(provided);
			return pz_rpc_result(id, NULL);
		}
	}
	return pz_rpc_failure(id, pz_rpc_api_error("NotFoundError", "no such service"));
}

json_t *
pz_app_service_request(struct pz_visitor *visitor, const struct pz_rpc *rpc, const char *function)
{
	json_t *params = json_array_get(rpc->params, 0);

	if (strcmp(function, "register") == 0)
		return register_one(visitor, rpc->id, params);
	if (strcmp(function, "unregister") == 0)
		return unregister_one(visitor, rpc->id, params);
	return pz_rpc_failure(rpc->id, pz_rpc_error(PZ_RPC_METHOD_NOT_FOUND, NULL, NULL));
}

static void
on_claim(struct pz_timer *timer, void *arg)
{
	struct pz_visitor *visitor = arg;

	(void)timer;
	PZ_LIST_EACH (&visitor->services, node, tmp) {
		struct provided *provided = PZ_CONTAINER(node, struct provided, hook);
		if (provided->is_unclaimed)
			remove_one(provided);
	}
}

void
pz_app_services_init(struct pz_visitor *visitor)
{
	pz_list_init(&visitor->services);
	pz_timer_init(&visitor->claim, on_claim, visitor);
}

static bool
is_kept(const struct job *job, const json_t *keep)
{
	const json_t *one;
	size_t i;

	/* A waiting request was not sent to the former page, so the new one gets it. */
	if (job->has_waited)
		return true;
	json_array_foreach (keep, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), job->id) == 0)
			return true;
	return false;
}

/* Requests that the former page was handling will not be answered by any page. */
static void
fail_lost(struct provided *provided, const json_t *keep)
{
	PZ_LIST_EACH (&provided->jobs, node, tmp) {
		struct job *job = PZ_CONTAINER(node, struct job, hook);
		if (is_kept(job, keep)) {
			job->has_waited = false;
			continue;
		}
		const struct pz_apps_config *config = config_of(job);
		config->ops->ask_cancel(config->arg, provided->visitor->address, job->id);
		pz_call_error(job->call, "NetworkError", "The page was loaded anew.");
		job_free(job);
	}
}

void
pz_app_services_move(struct pz_visitor *from, struct pz_visitor *to, const json_t *keep)
{
	PZ_LIST_EACH (&from->services, node, tmp) {
		struct provided *provided = PZ_CONTAINER(node, struct provided, hook);
		pz_list_remove(node);
		pz_list_append(&to->services, node);
		provided->visitor = to;
		/* on_claim removes the services that the new page does not register again in time.
		 */
		provided->is_unclaimed = true;
		fail_lost(provided, keep);
	}
	pz_env_stop(from->apps->env, &from->claim);
	pz_env_start(to->apps->env, &to->claim, PZ_APP_RETURN_US);
}

void
pz_app_services_end(struct pz_visitor *visitor)
{
	struct pz_list *first;

	pz_env_stop(visitor->apps->env, &visitor->claim);
	while ((first = pz_list_first(&visitor->services)) != NULL)
		remove_one(PZ_CONTAINER(first, struct provided, hook));
}

bool
pz_apps_provides(const struct pz_apps *apps, struct pz_slice id, const char *service_id)
{
	if (apps == NULL)
		return false;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);
		if (!pz_slice_eq_str(id, visitor->id))
			continue;
		PZ_LIST_EACH (&visitor->services, inner, next) {
			const struct provided *one = PZ_CONTAINER(inner, struct provided, hook);
			if (one->service && strcmp(one->service->descriptor.id, service_id) == 0)
				return true;
		}
	}
	return false;
}
