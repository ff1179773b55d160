/* Builds the request of page 9 from what is known about a call: the information point (PIP). @spec
 * page 9, 4; page 9, 9.2 */
#include <stdio.h>

#include "access/internal.h"
#include "wire/address.h"
#include "wire/json.h"

/* ---- the caller ---- */

static bool
is_known_zone(const struct pz_access *access, struct pz_slice zone)
{
	return access->ops->is_known_zone && access->ops->is_known_zone(access->arg, zone);
}

static enum pz_access_kind
kind_of(const struct pz_access *access, const struct pz_access_names *names,
	const struct pz_access_caller *caller)
{
	/* Without a zone a device is its own owner: its programs are the owner's. */
	bool is_own = names->zone
			      ? pz_slice_eq_str(caller->user_id, names->zone)
			      : names->device && pz_slice_eq_str(caller->user_id, names->device);

	if (!is_own)
		return is_known_zone(access, caller->user_id) ? PZ_ACCESS_FRIEND
							      : PZ_ACCESS_STRANGER;
	/* An app is no program of the owner, even on the same device: it is judged by its origin.
	 */
	if (caller->app.len > 0)
		return PZ_ACCESS_APP;
	return names->device && pz_slice_eq_str(caller->device, names->device) ? PZ_ACCESS_PROGRAM
									       : PZ_ACCESS_DEVICE;
}

/* Before enrolment an address begins with the device, which then stands for its zone. In a zone, an
 * address without a zone is a stranger's. */
enum pz_err
pz_access_caller_of(const struct pz_access *access, const char *address,
		    struct pz_access_caller *out)
{
	struct pz_access_caller caller = {.address = address};
	struct pz_access_names names = {NULL, NULL};
	struct pz_address parts;

	PZ_TRY(pz_address_parse(pz_slice_str(address), &parts));
	access->ops->names(access->arg, &names);
	caller.user_id = parts.zone;
	if (parts.zone.len == 0 && names.zone == NULL)
		caller.user_id = parts.device;
	caller.device = parts.device;
	caller.app = caller.instance = parts.app;
	/* "id:instance": rules name the id, which represents the origin; the instance is one tab.
	 */
	const uint8_t *colon = parts.app.len ? memchr(parts.app.ptr, ':', parts.app.len) : NULL;
	if (colon) {
		caller.app.len = (size_t)(colon - parts.app.ptr);
		caller.instance = pz_slice_of(colon + 1, parts.app.len - caller.app.len - 1);
	}
	caller.kind = kind_of(access, &names, &caller);
	*out = caller;
	return PZ_OK;
}

/* ---- attributes ---- */

/* An empty text means that there is no value. */
static enum pz_err
put(struct pz_policy_request *request, enum pz_policy_attribute_id id, struct pz_slice value)
{
	if (value.len == 0)
		value.ptr = NULL;
	return pz_policy_request_put(request, id, value, NULL);
}

/* True for an app of this device. */
static bool
is_local_app(const struct pz_access *access, const struct pz_access_caller *caller)
{
	struct pz_access_names names = {NULL, NULL};

	access->ops->names(access->arg, &names);
	return caller->kind == PZ_ACCESS_APP && names.device &&
	       pz_slice_eq_str(caller->device, names.device);
}

/* The origin of an app on this device, from its browser; NULL: the app is of another device, or
 * unknown. */
static const char *
origin_of(const struct pz_access *access, const struct pz_access_caller *caller)
{
	if (access->ops->origin == NULL || !is_local_app(access, caller))
		return NULL;
	return access->ops->origin(access->arg, caller->app);
}

/* An app with the origin of a web server is a page of a browser. A program with a token has its
 * name as origin (page 11), and no distributor. About other apps nothing is proved: they count as
 * unknown. */
static enum pz_err
put_subject(const struct pz_access *access, struct pz_policy_request *request,
	    const struct pz_access_caller *caller)
{
	const char *origin = origin_of(access, caller);
	/* The prefix suffices: only pages have an origin that begins so (tokens/tokens.h). */
	bool is_page = origin && strncmp(origin, "http", 4) == 0;

	PZ_TRY(put(request, PZ_POLICY_ATTR_USER_ID, caller->user_id));
	PZ_TRY(put(request, PZ_POLICY_ATTR_REQUESTOR_ID, caller->device));
	PZ_TRY(put(request, PZ_POLICY_ATTR_ID, caller->app));
	PZ_TRY(put(request, PZ_POLICY_ATTR_CLASS,
		   pz_slice_str(is_page               ? "b-a"
				: caller->app.len > 0 ? "w-u"
						      : NULL)));
	PZ_TRY(put(request, PZ_POLICY_ATTR_URI, pz_slice_str(origin)));
	return put(request, PZ_POLICY_ATTR_WEBINOS_ENABLED, pz_slice_str("true"));
}

/* One parameter as param:NAME. A value that is no text, number or boolean cannot be compared.
 * @param value NULL: it is not there */
static enum pz_err
put_param(struct pz_policy_request *request, const char *name, const json_t *value)
{
	char attribute[64], number[32];
	struct pz_slice text = {NULL, 0};

	if (json_is_string(value))
		text = pz_slice_of(json_string_value(value), json_string_length(value));
	else if (json_is_boolean(value))
		text = pz_slice_str(json_is_true(value) ? "true" : "false");
	else if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = pz_slice_str(number);
		/* A list or an object cannot be compared with a pattern. If it counted as absent, a
		 * caller could evade a rule by wrapping the value. */
	} else if (value && !json_is_null(value))
		return PZ_ERR_PROTO_MEMBER;
	snprintf(attribute, sizeof(attribute), "param:%s", name);
	static const struct pz_slice none;
	return pz_policy_request_set(request, PZ_POLICY_RESOURCE, pz_slice_str(attribute),
				     text.ptr ? &text : &none, text.ptr ? 1 : 0, NULL);
}

static enum pz_err
put_resource(struct pz_policy_request *request, const struct pz_access_call *call,
	     struct pz_slice feature)
{
	const json_t *first = json_array_get(call->params, 0);

	PZ_TRY(put(request, PZ_POLICY_ATTR_API_FEATURE, feature));
	PZ_TRY(put(request, PZ_POLICY_ATTR_SERVICE_ID, pz_slice_str(call->service_id)));
	PZ_TRY(put(request, PZ_POLICY_ATTR_PARAM_FEATURE, pz_slice_str(call->searched)));
	PZ_TRY(put(request, PZ_POLICY_ATTR_FUNCTION, pz_slice_str(call->function)));
	/* Only parameters that the service declares are read, from its first argument. */
	for (size_t i = 0; call->exports && call->exports[i]; i++)
		PZ_TRY(put_param(request, call->exports[i],
				 json_object_get(first, call->exports[i])));
	return PZ_OK;
}

/* ---- time ---- */

/* Computed once a minute: at the end of a minute the offset of the time zone may change, or the
 * zone itself (tzset). */
static const struct tm *
local_time(struct pz_access *access, uint64_t now_ms)
{
	int64_t minute = (int64_t)(now_ms / 60000);
	time_t now = (time_t)(now_ms / 1000);

	if (minute == access->minute)
		return &access->local;
	if (access->ops->local) {
		access->ops->local(access->arg, now, &access->local);
	} else {
		tzset();
		localtime_r(&now, &access->local);
	}
	access->minute = minute;
	return &access->local;
}

/* Looking for a friend or a device depends on lists that change: it is recorded (remember.c). */
static bool
on_is_known_zone(void *arg, struct pz_slice zone)
{
	struct pz_access *access = arg;

	access->is_identity_asked = true;
	return access->ops->is_known_zone(access->arg, zone);
}

static bool
on_is_own_device(void *arg, struct pz_slice device)
{
	struct pz_access *access = arg;

	access->is_identity_asked = true;
	return access->ops->is_own_device(access->arg, device);
}

void
pz_access_identities(struct pz_access *access, struct pz_policy_request *request)
{
	struct pz_access_names names = {NULL, NULL};

	access->ops->names(access->arg, &names);
	request->identities = (struct pz_policy_identities){
		.owner = pz_slice_str(names.zone ? names.zone : names.device),
		.device = pz_slice_str(names.device),
		.is_known_zone = access->ops->is_known_zone ? on_is_known_zone : NULL,
		.is_own_device = access->ops->is_own_device ? on_is_own_device : NULL,
		.arg = access,
	};
}

void
pz_access_target(const struct pz_access_call *call, char out[PZ_DEVICE_BYTES_MAX + 1])
{
	struct pz_address parts;

	out[0] = '\0';
	if (call->address && pz_address_parse(pz_slice_str(call->address), &parts) == PZ_OK)
		snprintf(out, PZ_DEVICE_BYTES_MAX + 1, "%.*s", PZ_SLICE_FMT(parts.device));
}

static enum pz_err
fill(struct pz_access *access, const struct pz_access_caller *caller,
     const struct pz_access_call *call, struct pz_slice feature, struct pz_policy_request *request)
{
	struct pz_access_names names = {NULL, NULL};
	uint64_t now_ms = pz_env_wall_ms(access->env);
	char target[PZ_DEVICE_BYTES_MAX + 1];

	pz_access_target(call, target);
	access->ops->names(access->arg, &names);
	PZ_TRY(put_subject(access, request, caller));
	PZ_TRY(put(request, PZ_POLICY_ATTR_TARGET_ID,
		   pz_slice_str(call->address ? target : names.device)));
	PZ_TRY(put_resource(request, call, feature));
	request->now_ms = (int64_t)now_ms;
	pz_access_identities(access, request);
	return pz_policy_request_complete(request, local_time(access, now_ms));
}

enum pz_err
pz_access_request(struct pz_access *access, const struct pz_access_caller *caller,
		  const struct pz_access_call *call, struct pz_slice feature,
		  struct pz_policy_request **out)
{
	struct pz_policy_request *request = pz_policy_request_new();

	*out = NULL;
	if (request == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = fill(access, caller, call, feature, request);
	if (err != PZ_OK) {
		pz_policy_request_free(request);
		return err;
	}
	*out = request;
	return PZ_OK;
}

/* ---- points ---- */

bool
pz_access_is_edge(enum pz_access_point point)
{
	return point == PZ_ACCESS_SEND || point == PZ_ACCESS_ENTER || point == PZ_ACCESS_LEAVE;
}

/* Grants of this device apply where it is the provider, to zones that are friends now: not to its
 * own zone, and at no other node on the way. */
static bool
has_grants(const struct pz_access *access, const struct pz_access_kept *kept)
{
	return kept->caller.kind == PZ_ACCESS_FRIEND &&
	       is_known_zone(access, kept->caller.user_id) && !pz_access_is_edge(kept->point) &&
	       kept->point != PZ_ACCESS_MANAGE;
}

struct pz_policy_slots
pz_access_slots_at(const struct pz_access *access, const struct pz_access_kept *kept,
		   const struct pz_policy_slots *slots)
{
	struct pz_policy_slots at = *slots;

	if (!has_grants(access, kept))
		at.document[PZ_POLICY_SLOT_GRANTS] = NULL;
	/* The manifests of this device apply to its own apps: an app of the same origin elsewhere
	 * is judged by its own device, and a program without an id is the owner's. */
	if (!is_local_app(access, &kept->caller)) {
		at.document[PZ_POLICY_SLOT_APP] = NULL;
		at.is_corrupt[PZ_POLICY_SLOT_APP] = false;
	}
	if (kept->point == PZ_ACCESS_SEND || kept->point == PZ_ACCESS_LEAVE) {
		/* At the sender only the manufacturer's rules and the exceptions apply; the zone's
		 * own rules apply at the provider. */
		at.document[PZ_POLICY_SLOT_USER] = NULL;
		at.is_corrupt[PZ_POLICY_SLOT_USER] = false;
	}
	return at;
}
