/*
 * The two JSON forms of a request: objects by kind of thing (subjectInfo, …) with a member for each
 * attribute, and the plain form (subject, resource, environment) with the attributes' own names.
 */
#include <stdio.h>

#include "base/limits.h"
#include "policy/dhp.h"
#include "policy/request.h"
#include "wire/json.h"

struct reading {
	struct pz_policy_request *request;
	struct pz_errinfo *info;
};

/* ---- bags ---- */

/* A text, a number or a boolean as text. @param scratch buffer for the latter two */
static bool
read_text(const json_t *value, char scratch[24], struct pz_slice *out)
{
	if (json_is_string(value))
		*out = pz_slice_of(json_string_value(value), json_string_length(value));
	else if (json_is_boolean(value))
		*out = pz_slice_str(json_is_true(value) ? "true" : "false");
	else if (json_is_integer(value)) {
		snprintf(scratch, 24, "%lld", (long long)json_integer_value(value));
		*out = pz_slice_str(scratch);
	} else
		return false;
	return true;
}

static enum pz_err
read_bag(struct reading *r, enum pz_policy_category category, const char *name, const json_t *value)
{
	struct pz_slice values[PZ_POLICY_VALUES_MAX], attr = pz_slice_str(name);
	char scratch[PZ_POLICY_VALUES_MAX][24];
	size_t count = json_is_array(value) ? json_array_size(value) : 1;

	if (json_is_null(value))
		return pz_policy_request_set(r->request, category, attr, NULL, 0, r->info);
	if (count > PZ_POLICY_VALUES_MAX)
		return pz_fail(r->info, PZ_ERR_LIMIT, "%.60s: more than %d values", name,
			       PZ_POLICY_VALUES_MAX);
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;

		if (!read_text(one, scratch[i], &values[i]))
			return pz_fail(r->info, PZ_ERR_PROTO_MEMBER,
				       "%.60s: must be a text, a list of texts, or null", name);
	}
	return pz_policy_request_set(r->request, category, attr, values, count, r->info);
}

/* ---- the form by objects ---- */

/* The objects that may hold attributes of a category, which the first letter of a name gives. */
static const struct {
	const char *object;
	enum pz_policy_category category;
} objects[] = {
	{"subjectInfo", PZ_POLICY_SUBJECT},         {"deviceInfo", PZ_POLICY_SUBJECT},
	{"widgetInfo", PZ_POLICY_SUBJECT},          {"resourceInfo", PZ_POLICY_RESOURCE},
	{"environmentInfo", PZ_POLICY_ENVIRONMENT},
};

/* The attribute for a member of an object; NULL: there is no such member. */
static const char *
attribute_of(const char *object, enum pz_policy_category category, const char *member)
{
	if (pz_policy_attribute_find(category, pz_slice_str(member)) != PZ_POLICY_ATTR_OTHER ||
	    strncmp(member, "param:", 6) == 0 || strncmp(member, "widget-attr:", 12) == 0)
		return member;
	for (size_t i = 0; i < PZ_POLICY_ATTR_OTHER; i++) {
		const struct pz_policy_attribute_info *row = &pz_policy_attributes[i];

		if (strcmp(row->object, object) == 0 && strcmp(row->member, member) == 0)
			return row->name;
	}
	return NULL;
}

static enum pz_err
read_object(struct reading *r, const char *object, enum pz_policy_category category, json_t *value)
{
	const char *member;
	json_t *bag;

	if (!json_is_object(value))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "%s: must be an object", object);
	json_object_foreach (value, member, bag) {
		const char *name = attribute_of(object, category, member);

		if (name == NULL)
			return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "%s.%.60s: no such member",
				       object, member);
		PZ_TRY(read_bag(r, category, name, bag));
	}
	return PZ_OK;
}

static enum pz_err
read_plain(struct reading *r, enum pz_policy_category category, json_t *value)
{
	const char *name;
	json_t *bag;

	if (!json_is_object(value))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "%s: must be an object",
			       pz_policy_category_name(category));
	json_object_foreach (value, name, bag)
		PZ_TRY(read_bag(r, category, name, bag));
	return PZ_OK;
}

/* ---- context ---- */

/* The identities in a JSON context; part of the request's memory. */
struct known {
	size_t zone_count, device_count;
	struct pz_slice *zones, *devices;
};

static bool
is_in(const struct pz_slice *list, size_t count, struct pz_slice value)
{
	for (size_t i = 0; i < count; i++) {
		if (pz_slice_eq(list[i], value))
			return true;
	}
	return false;
}

static bool
is_known_zone(void *arg, struct pz_slice zone)
{
	const struct known *known = arg;

	return is_in(known->zones, known->zone_count, zone);
}

static bool
is_own_device(void *arg, struct pz_slice device)
{
	const struct known *known = arg;

	return is_in(known->devices, known->device_count, device);
}

static enum pz_err
copy_text(struct reading *r, const char *name, const json_t *value, struct pz_slice *out)
{
	if (!json_is_string(value))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "context.%s: must be text", name);
	if (!pz_arena_copy(&r->request->arena,
			   pz_slice_of(json_string_value(value), json_string_length(value)), out))
		return pz_fail(r->info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return PZ_OK;
}

static enum pz_err
copy_list(struct reading *r, const char *name, const json_t *value, struct pz_slice **out,
	  size_t *out_count)
{
	size_t count = json_array_size(value);

	if (!json_is_array(value))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "context.%s: must be a list", name);
	*out = pz_arena_alloc(&r->request->arena, count, sizeof(**out));
	if (*out == NULL)
		return pz_fail(r->info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	for (; *out_count < count; ++*out_count)
		PZ_TRY(copy_text(r, name, json_array_get(value, *out_count), &(*out)[*out_count]));
	return PZ_OK;
}

/* What a daemon knows itself. Without a context no identity is known, and the generic ones match
 * nothing. */
static enum pz_err
read_context(struct reading *r, json_t *context)
{
	struct pz_policy_identities *identities = &r->request->identities;
	struct known *known = pz_arena_alloc(&r->request->arena, 1, sizeof(*known));
	struct pz_slice now;
	const char *name;
	json_t *value;

	if (known == NULL)
		return pz_fail(r->info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (!json_is_object(context))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "context: must be an object");
	json_object_foreach (context, name, value) {
		if (strcmp(name, "owner") == 0)
			PZ_TRY(copy_text(r, name, value, &identities->owner));
		else if (strcmp(name, "device") == 0)
			PZ_TRY(copy_text(r, name, value, &identities->device));
		else if (strcmp(name, "known") == 0)
			PZ_TRY(copy_list(r, name, value, &known->zones, &known->zone_count));
		else if (strcmp(name, "devices") == 0)
			PZ_TRY(copy_list(r, name, value, &known->devices, &known->device_count));
		else if (strcmp(name, "now") == 0) {
			PZ_TRY(copy_text(r, name, value, &now));
			if (!pz_policy_time_parse(now, &r->request->now_ms))
				return pz_fail(r->info, PZ_ERR_PROTO_MEMBER,
					       "context.now: write it as "
					       "2012-12-10T14:00:00+01:00");
		} else
			return pz_fail(r->info, PZ_ERR_PROTO_MEMBER,
				       "context.%.60s: no such member", name);
	}
	identities->is_known_zone = is_known_zone;
	identities->is_own_device = is_own_device;
	identities->arg = known;
	return PZ_OK;
}

/* ---- data handling ---- */

/* 35 booleans, or 35 characters 0 and 1. False: neither. */
static bool
read_purposes(const json_t *value, uint64_t *out)
{
	const char *text = json_string_value(value);
	uint64_t purposes = 0;

	if ((text ? strlen(text) : json_array_size(value)) != PZ_POLICY_PURPOSES)
		return false;
	for (unsigned i = 0; i < PZ_POLICY_PURPOSES; i++) {
		const json_t *one = json_array_get(value, i);

		if (text ? text[i] != '0' && text[i] != '1' : !json_is_boolean(one))
			return false;
		if (text ? text[i] == '1' : json_is_true(one))
			purposes |= UINT64_C(1) << i;
	}
	*out = purposes;
	return true;
}

static bool
member(struct pz_arena *arena, const json_t *object, const char *name, struct pz_slice *out)
{
	const char *text = pz_json_str(object, name);

	return text && pz_arena_copy(arena, pz_slice_str(text), out);
}

/* False: unknown or incomplete. */
static bool
read_trigger(struct pz_arena *arena, const json_t *json, struct pz_policy_trigger *t)
{
	struct pz_slice text;

	if (!member(arena, json, "triggerID", &text) || !pz_policy_trigger_find(text, &t->kind))
		return false;
	if (t->kind == PZ_POLICY_TRIGGER_ACCESS)
		return member(arena, json, "AccessURI", &t->uri);
	if (!member(arena, json, "MaxDelay", &text) || !pz_policy_duration_parse(text, &t->delay))
		return false;
	if (t->kind == PZ_POLICY_TRIGGER_ACCESSED)
		return read_purposes(json_object_get(json, "Purpose"), &t->purposes);
	if (t->kind == PZ_POLICY_TRIGGER_DELETED)
		return true;
	if (!member(arena, json, "StartTime", &text))
		return false;
	t->starts_now = pz_slice_eq_str(text, "StartNow");
	return t->starts_now || pz_policy_time_parse(text, &t->start_ms);
}

static bool
read_obligation(struct pz_arena *arena, const json_t *json, struct pz_policy_obligation *o)
{
	const json_t *action = json_object_get(json, "action"), *one;
	const json_t *triggers = json_object_get(json, "triggers");
	struct pz_slice name;
	size_t i;

	if (!member(arena, action, "actionID", &name) || !pz_policy_action_find(name, &o->action) ||
	    !json_is_array(triggers) || json_array_size(triggers) > PZ_POLICY_TRIGGERS_MAX)
		return false;
	if (o->action == PZ_POLICY_ACTION_NOTIFY &&
	    (!member(arena, action, "Media", &o->media) ||
	     !member(arena, action, "Address", &o->address)))
		return false;
	o->triggers = pz_arena_alloc(arena, json_array_size(triggers), sizeof(*o->triggers));
	if (o->triggers == NULL)
		return false;
	json_array_foreach (triggers, i, one) {
		if (!read_trigger(arena, one, &o->triggers[o->trigger_count++]))
			return false;
	}
	return true;
}

/* An obligation that cannot be understood is no promise: it is skipped. */
static enum pz_err
read_obligations(struct reading *r, const json_t *list)
{
	struct pz_policy_request *request = r->request;
	const json_t *one;
	size_t i;

	if (!json_is_array(list))
		return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "obligations: must be a list");
	if (json_array_size(list) > PZ_POLICY_OBLIGATIONS_MAX)
		return pz_fail(r->info, PZ_ERR_LIMIT, "obligations: more than %d",
			       PZ_POLICY_OBLIGATIONS_MAX);
	request->obligations = pz_arena_alloc(&request->arena, json_array_size(list),
					      sizeof(*request->obligations));
	if (request->obligations == NULL)
		return pz_fail(r->info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	json_array_foreach (list, i, one) {
		struct pz_policy_obligation o = {.action = PZ_POLICY_ACTION_NONE};

		if (read_obligation(&request->arena, one, &o))
			request->obligations[request->obligation_count++] = o;
	}
	return PZ_OK;
}

/* ---- the whole ---- */

static enum pz_err
read_member(struct reading *r, const char *name, json_t *value)
{
	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		if (strcmp(name, objects[i].object) == 0)
			return read_object(r, name, objects[i].category, value);
	}
	for (unsigned c = 0; c < PZ_POLICY_CATEGORIES; c++) {
		if (strcmp(name, pz_policy_category_name((enum pz_policy_category)c)) == 0)
			return read_plain(r, (enum pz_policy_category)c, value);
	}
	if (strcmp(name, "context") == 0)
		return read_context(r, value);
	if (strcmp(name, "obligations") == 0)
		return read_obligations(r, value);
	if (strcmp(name, "purpose") == 0) {
		r->request->is_purpose_invalid = !read_purposes(value, &r->request->purposes);
		return PZ_OK;
	}
	return pz_fail(r->info, PZ_ERR_PROTO_MEMBER, "%.60s: no such member of a request", name);
}

enum pz_err
pz_policy_request_parse(struct pz_slice json, int64_t now_ms, struct pz_policy_request **out,
			struct pz_errinfo *info)
{
	struct pz_policy_request *request;
	enum pz_err err = PZ_OK;
	const char *name;
	json_t *value;

	PZ_TRY(pz_json_check(json, true));
	json_t *root = pz_json_parse(json, info);
	if (root == NULL)
		return PZ_ERR_PROTO_JSON;
	request = pz_policy_request_new();
	struct reading r = {request, info};
	if (request == NULL)
		err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	else
		request->now_ms = now_ms;
	json_object_foreach (root, name, value) {
		if (err == PZ_OK)
			err = read_member(&r, name, value);
	}
	json_decref(root);
	if (err == PZ_OK)
		*out = request;
	else
		pz_policy_request_free(request);
	return err;
}
