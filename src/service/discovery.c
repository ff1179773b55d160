/*
 * ServiceDiscovery.findServices and cancel. A search lives until its owner says pz_find_done, which
 * may be after its call has ended (time-out, cancelled, caller gone): call is NULL then, and
 * nothing is added.
 * @spec page 7, 7.3 and 7.4
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "rpc/error.h"
#include "service/internal.h"
#include "wire/address.h"
#include "wire/json.h"

struct find {
	struct pz_find pub; /* first: the part that the owner sees */
	struct pz_dispatcher *d;
	struct call *call;   /* NULL: ended */
	struct pz_list node; /* d->finds */
	struct pz_timer timer;
	json_t *texts;       /* strings of pub: no other parameters are kept */
	const char **zones;  /* pub.zone_ids */
	char *caller;        /* outlives the call */
	json_t *results;     /* array of descriptors */
	struct pz_map *seen; /* "<address> <id>" */
	bool spec_style, unreachable, timed_out;
	bool has_methods; /* results list the functions of a service */
};

static struct find *
find_of(struct pz_find *pub)
{
	return (struct find *)(void *)pub;
}

static void
find_free(struct find *f)
{
	pz_env_stop(f->d->env, &f->timer);
	pz_list_remove(&f->node);
	f->d->find_count--;
	json_decref(f->texts);
	json_decref(f->results);
	pz_map_free(f->seen);
	free(f->zones);
	free(f->caller);
	free(f);
}

/* ---- parameters ---- */

static json_t *
part(const json_t *params, size_t index, const char *name)
{
	return json_is_array(params) ? json_array_get(params, index)
				     : json_object_get(params, name);
}

const char *
pz_service_find_feature(const json_t *params)
{
	return pz_json_text(json_object_get(part(params, 0, "serviceType"), "api"));
}

/* A text of the parameters, at most max_bytes long; NULL: no text, or too long. */
static const char *
keep_text(struct find *f, json_t *value, size_t max_bytes)
{
	const char *text = pz_json_text(value);
	if (text == NULL || strlen(text) > max_bytes || json_array_append(f->texts, value) != 0)
		return NULL;
	return text;
}

/* Values under 1000 are seconds (WIDL), others milliseconds (old clients). */
static bool
read_timeout(const json_t *options, uint64_t *out_us)
{
	const json_t *timeout = json_object_get(options, "timeout");
	double seconds = PZ_FIND_TIMEOUT_S_DEFAULT;
	if (timeout && !json_is_null(timeout)) {
		if (!json_is_number(timeout))
			return false;
		seconds = json_number_value(timeout);
		if (seconds >= 1000)
			seconds /= 1000;
	}
	if (seconds < 1)
		seconds = 1;
	if (seconds > PZ_FIND_TIMEOUT_S_MAX)
		seconds = PZ_FIND_TIMEOUT_S_MAX;
	*out_us = (uint64_t)(seconds * (double)PZ_US_PER_S);
	return true;
}

static bool
read_zones(struct find *f, const json_t *zones)
{
	if (zones == NULL || json_is_null(zones))
		return true;
	if (!json_is_array(zones))
		return false;
	size_t count = json_array_size(zones);
	if (count > PZ_FIND_RESULTS_MAX)
		return false;
	f->zones = calloc(count + 1, sizeof(*f->zones));
	if (f->zones == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		f->zones[i] = keep_text(f, json_array_get(zones, i), PZ_ADDRESS_BYTES_MAX);
		if (f->zones[i] == NULL)
			return false;
	}
	f->pub.zone_ids = f->zones;
	f->pub.zone_count = count;
	return true;
}

/* A boolean member; absent or null leaves *out. */
static bool
read_bool(const json_t *object, const char *key, bool *out)
{
	const json_t *value = json_object_get(object, key);
	if (value == NULL || json_is_null(value))
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static bool
read_filter(struct find *f, const json_t *filter)
{
	json_t *id = json_object_get(filter, "serviceID");
	bool remote = true;
	f->pub.cache = true;
	f->pub.service_id = keep_text(f, id, PZ_API_BYTES_MAX);
	if (!read_bool(filter, "cache", &f->pub.cache) ||
	    !read_bool(filter, "remoteServices", &remote) ||
	    !read_zones(f, json_object_get(filter, "zoneId")) ||
	    (id && !json_is_null(id) && f->pub.service_id == NULL))
		return false;
	if (f->pub.zone_count == 0) /* 7.3 step 3: no live search at other nodes */
		f->pub.cache = true;
	f->pub.remote_services = remote || !f->spec_style; /* old clients do not know it */
	return true;
}

static bool
is_object_or_none(const json_t *value)
{
	return value == NULL || json_is_null(value) || json_is_object(value);
}

static bool
read_params(struct find *f, const json_t *params)
{
	const json_t *options = json_array_get(params, 1), *filter = json_array_get(params, 2);
	f->pub.api = keep_text(f, json_object_get(part(params, 0, "serviceType"), "api"),
			       PZ_API_BYTES_MAX);
	return f->pub.api && is_object_or_none(options) &&
	       read_bool(options, "methods", &f->has_methods) && is_object_or_none(filter) &&
	       read_timeout(options, &f->pub.timeout_us) && read_filter(f, filter);
}

/* ---- results ---- */

/* A wanted zone is a whole zone or one device. */
static bool
is_in_zones(const struct find *f, const char *address)
{
	struct pz_slice whole = pz_slice_str(address);
	const char *slash = strchr(address, '/');
	struct pz_slice zone = slash ? pz_slice_of(address, (size_t)(slash - address)) : whole;
	if (f->pub.zone_count == 0)
		return true;
	for (size_t i = 0; i < f->pub.zone_count; i++) {
		struct pz_slice wanted = pz_slice_str(f->zones[i]);
		if (pz_slice_eq(wanted, whole) || pz_slice_eq(wanted, zone))
			return true;
	}
	return false;
}

/* The node's own services, the cache and other nodes return more than was requested. */
static bool
is_wanted(const struct find *f, const struct pz_descriptor *s)
{
	return pz_api_matches(f->pub.api, s->api) && is_in_zones(f, s->address ? s->address : "") &&
	       (!f->pub.service_id || strcmp(f->pub.service_id, s->id) == 0);
}

/* Stores (address, id), the identity of a service; false when it is known already. */
static bool
is_new(struct find *f, const struct pz_descriptor *s)
{
	PZ_AUTO_FREE char *key = NULL;
	void *old = NULL;
	if (asprintf(&key, "%s %s", s->address ? s->address : "", s->id) < 0) {
		key = NULL;
		return false;
	}
	return pz_map_put(f->seen, pz_slice_str(key), f, &old) == PZ_OK && old == NULL;
}

void
pz_find_add(struct pz_find *find, const struct pz_descriptor *s)
{
	struct find *f = find_of(find);
	/* Permission is checked last, since it costs most. */
	if (!f->call || json_array_size(f->results) >= PZ_FIND_RESULTS_MAX || !is_wanted(f, s) ||
	    !is_new(f, s))
		return;
	struct pz_permit_query query = {.kind = PZ_PERMIT_SHOW,
					.from = f->caller,
					.api = s->api,
					.service_id = s->id,
					.address = s->address};
	enum pz_permit permit = pz_service_permit(f->d, &query);
	if (permit == PZ_PERMIT_DENY || permit == PZ_PERMIT_REFUSED)
		return;
	(void)json_array_append_new(f->results, f->has_methods ? pz_descriptor_full_json(s)
							       : pz_descriptor_json(s));
}

void
pz_find_add_json(struct pz_find *find, const json_t *descriptor)
{
	struct pz_descriptor s;
	if (pz_descriptor_parse(descriptor, NULL, &s, NULL) != PZ_OK)
		return;
	pz_find_add(find, &s);
	pz_descriptor_fini(&s);
}

void
pz_find_unreachable(struct pz_find *find)
{
	find_of(find)->unreachable = true;
}

/* onError: old clients get no params when nothing was found (page 7, 7.2). */
static void
send_error(struct find *f)
{
	const char *name = f->unreachable ? "NetworkError"
			   : f->timed_out ? "TimeoutError"
					  : "NotFoundError";
	bool bare = !f->spec_style && !f->unreachable && !f->timed_out;
	pz_call_event(&f->call->pub, "onError", bare ? NULL : pz_dom_error(name, NULL));
}

/* Each result is a separate event; the answer comes after them. */
static void
deliver(struct find *f)
{
	struct call *c = f->call;
	const char *name = f->spec_style ? "onFound" : "onservicefound";
	size_t i;
	json_t *result;
	json_array_foreach (f->results, i, result)
		pz_call_event(&c->pub, name, json_incref(result));
	if (i == 0)
		send_error(f);
	/* Before the answer, which frees the call: the search lives until its owner ends it. */
	f->call = NULL;
	pz_call_result(&c->pub, NULL);
}

/* After the time-out the call is gone, and the search is only freed. */
void
pz_find_done(struct pz_find *find)
{
	struct find *f = find_of(find);
	if (f->call)
		deliver(f);
	find_free(f);
}

/* Delivers what was found. The search lives until its owner ends it. */
static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct find *f = arg;
	(void)timer;
	f->timed_out = true;
	if (f->call)
		deliver(f);
}

/* ---- life ---- */

static void
add_own(void *arg, const struct pz_descriptor *s)
{
	pz_find_add(arg, s);
}

static struct find *
find_new(struct call *c, bool spec_style)
{
	struct pz_dispatcher *d = c->d;
	struct find *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return NULL;
	f->d = d;
	f->spec_style = spec_style;
	pz_timer_init(&f->timer, on_timeout, f);
	pz_list_append(&d->finds, &f->node);
	d->find_count++;
	f->texts = json_array();
	f->caller = strdup(c->from);
	f->results = json_array();
	f->seen = pz_map_new();
	if (!f->caller || !f->results || !f->seen || !f->texts) {
		find_free(f);
		return NULL;
	}
	f->pub.caller = f->caller;
	return f;
}

/* Searches count until their owner ends them, also those whose call has ended. */
static size_t
count_finds(const struct pz_dispatcher *d, const char *caller)
{
	size_t count = 0;
	PZ_LIST_EACH (&d->finds, node, tmp)
		count += strcmp(PZ_CONTAINER(node, struct find, node)->caller, caller) == 0;
	return count;
}

static void
abandon(struct find *f)
{
	f->call = NULL;
	pz_env_stop(f->d->env, &f->timer);
}

void
pz_service_find_start(struct call *c, json_t *params, bool spec_style)
{
	struct pz_dispatcher *d = c->d;
	if (count_finds(d, c->from) >= PZ_FINDS_PER_PEER_MAX) {
		pz_call_error(&c->pub, "QuotaExceededError", "Too many searches at once.");
		return;
	}
	struct find *f = find_new(c, spec_style);
	if (f == NULL) {
		pz_service_call_fail(c, NULL);
		return;
	}
	if (!read_params(f, params)) {
		find_free(f);
		pz_call_fault(&c->pub, PZ_RPC_INVALID_PARAMS, NULL);
		return;
	}
	f->call = c;
	c->kind = CALL_FIND;
	c->find = f;
	c->abandon = abandon;
	c->invoked = true;
	pz_env_start(d->env, &f->timer, f->pub.timeout_us);
	pz_registry_each(d->registry, add_own, &f->pub);
	if (d->ops->find)
		d->ops->find(d->arg, f->caller, &f->pub);
	else
		pz_find_done(&f->pub);
}

void
pz_service_find_cancel(struct call *c, json_t *params)
{
	const json_t *id = json_array_get(params, 0);
	struct call *search = NULL;
	if (json_is_string(id) || json_is_number(id)) {
		PZ_AUTO_FREE char *key = pz_service_call_key(c->from, id);
		search = key ? pz_map_get(c->d->open, pz_slice_str(key)) : NULL;
	}
	if (!search || search->kind != CALL_FIND) {
		pz_call_error(&c->pub, "NotFoundError", "No such search.");
		return;
	}
	pz_service_call_abort(search, pz_rpc_api_error("AbortError", NULL), false);
	pz_call_result(&c->pub, NULL);
}

void
pz_service_finds_free(struct pz_dispatcher *d)
{
	PZ_LIST_EACH (&d->finds, node, tmp)
		find_free(PZ_CONTAINER(node, struct find, node));
}

static const char *const find_names[] = {"serviceType", "options", "filter", NULL};
static const char *const cancel_names[] = {"searchId", NULL};

const struct pz_method_def pz_service_find_method = {
	.function = "findServices", .form = PZ_PARAMS_POSITIONAL, .names = find_names};
const struct pz_method_def pz_service_cancel_method = {
	.function = "cancel", .form = PZ_PARAMS_POSITIONAL, .names = cancel_names};
