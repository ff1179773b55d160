/*
 * A request: the attributes of one call (page 9, 4), each a bag of texts. Those with a number have
 * a fixed place, others are a list. All texts are copied into an arena, since a request outlives
 * its call: `pzp policy why` shows it. The arena's first chunk is small, because a hundred requests
 * are kept.
 *
 * Three states must not be confused: a value, an empty bag (the call has no value), and
 * undetermined (not known now). An attribute that is not given is undetermined, except for
 * subjects: the caller is always known, so an attribute that is not given for it has no value (page
 * 9, 4).
 *
 * A request that exceeds a limit is an error here, and the caller denies: evaluating only a part
 * could miss the value that a rule forbids.
 */
#include "policy/request.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "policy/dhp.h"

#define ARENA_BYTES 2048 /* enough for the request of a call; a hundred are kept */

struct pz_policy_request *
pz_policy_request_new(void)
{
	struct pz_policy_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->purposes = PZ_POLICY_ALL_PURPOSES;
	request->arena.chunk_bytes = ARENA_BYTES;
	return request;
}

void
pz_policy_request_free(struct pz_policy_request *request)
{
	if (request)
		pz_arena_fini(&request->arena);
	free(request);
}

static struct pz_policy_bag *
find_other(const struct pz_policy_request *request, enum pz_policy_category category,
	   struct pz_slice name)
{
	for (struct pz_policy_other *o = request->others; o; o = o->next) {
		if (o->category == category && pz_slice_eq(o->name, name))
			return &o->bag;
	}
	return NULL;
}

static struct pz_policy_bag *
add_other(struct pz_policy_request *request, enum pz_policy_category category, struct pz_slice name)
{
	struct pz_policy_other *o = pz_arena_alloc(&request->arena, 1, sizeof(*o));

	if (o == NULL || !pz_arena_copy(&request->arena, name, &o->name))
		return NULL;
	o->category = category;
	o->next = request->others;
	request->others = o;
	request->bytes += name.len;
	return &o->bag;
}

/* Checked before anything is copied: a request that is too large costs no memory. */
static enum pz_err
check_size(const struct pz_policy_request *request, struct pz_slice name,
	   const struct pz_slice *values, size_t count, struct pz_errinfo *info)
{
	size_t bytes = request->bytes + name.len;

	if (request->attributes >= PZ_POLICY_REQUEST_ATTRIBUTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "more than %d attributes",
			       PZ_POLICY_REQUEST_ATTRIBUTES_MAX);
	if (name.len > PZ_POLICY_VALUE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "an attribute's name is longer than %d bytes",
			       PZ_POLICY_VALUE_BYTES_MAX);
	if (count > PZ_POLICY_VALUES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "%.*s: more than %d values", PZ_SLICE_FMT(name),
			       PZ_POLICY_VALUES_MAX);
	for (size_t i = 0; i < count; i++) {
		if (values[i].len > PZ_POLICY_VALUE_BYTES_MAX)
			return pz_fail(info, PZ_ERR_LIMIT, "%.*s: a value is longer than %d bytes",
				       PZ_SLICE_FMT(name), PZ_POLICY_VALUE_BYTES_MAX);
		bytes += values[i].len;
	}
	if (bytes > PZ_POLICY_REQUEST_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "all values together: more than %d bytes",
			       PZ_POLICY_REQUEST_BYTES_MAX);
	return PZ_OK;
}

/* An attribute that is given twice is refused: otherwise two parts of a message could each set a
 * value, and their order would decide which one counts. @param bag NULL: an attribute that is
 * identified by its name only */
static enum pz_err
store(struct pz_policy_request *request, struct pz_policy_bag *bag,
      enum pz_policy_category category, struct pz_slice name, const struct pz_slice *values,
      size_t count, struct pz_errinfo *info)
{
	struct pz_slice *copies;

	PZ_TRY(check_size(request, name, values, count, info));
	if (bag && bag->is_given)
		return pz_fail(info, PZ_ERR_EXISTS, "%.*s is there twice", PZ_SLICE_FMT(name));
	copies = pz_arena_alloc(&request->arena, count, sizeof(*copies));
	if (bag == NULL)
		bag = add_other(request, category, name);
	if (bag == NULL || copies == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		if (!pz_arena_copy(&request->arena, values[i], &copies[i]))
			return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
		request->bytes += values[i].len;
	}
	request->attributes++;
	*bag = (struct pz_policy_bag){
		.is_undetermined = values == NULL && category != PZ_POLICY_SUBJECT,
		.is_given = true,
		.count = values ? count : 0,
		.values = copies,
	};
	return PZ_OK;
}

enum pz_err
pz_policy_request_set(struct pz_policy_request *request, enum pz_policy_category category,
		      struct pz_slice name, const struct pz_slice *values, size_t count,
		      struct pz_errinfo *info)
{
	enum pz_policy_attribute_id id = pz_policy_attribute_find(category, name);
	struct pz_policy_bag *bag = id == PZ_POLICY_ATTR_OTHER ? find_other(request, category, name)
							       : &request->bags[id];

	return store(request, bag, category, name, values, count, info);
}

enum pz_err
pz_policy_request_put(struct pz_policy_request *request, enum pz_policy_attribute_id id,
		      struct pz_slice value, struct pz_errinfo *info)
{
	const struct pz_policy_attribute_info *attr = &pz_policy_attributes[id];

	return store(request, &request->bags[id], attr->category, pz_slice_str(attr->name), &value,
		     value.ptr ? 1 : 0, info);
}

/* For counters, whose value has changed when a stored request is judged again. The former value
 * stays in the arena: a request is renewed a few times at most. */
enum pz_err
pz_policy_request_renew(struct pz_policy_request *request, struct pz_slice name,
			struct pz_slice value)
{
	struct pz_policy_bag *bag = find_other(request, PZ_POLICY_ENVIRONMENT, name);
	struct pz_slice *copy;

	if (bag == NULL)
		return pz_policy_request_set(request, PZ_POLICY_ENVIRONMENT, name, &value, 1, NULL);
	if (bag->count == 1 && pz_slice_eq(bag->values[0], value))
		return PZ_OK;
	copy = pz_arena_alloc(&request->arena, 1, sizeof(*copy));
	if (copy == NULL || !pz_arena_copy(&request->arena, value, copy))
		return PZ_ERR_LIMIT_MEMORY;
	*bag = (struct pz_policy_bag){.is_given = true, .count = 1, .values = copy};
	return PZ_OK;
}

/* A number below 0 means an empty bag. Given values are kept: a test gives its own time, a call
 * gives none. */
static enum pz_err
complete_one(struct pz_policy_request *request, enum pz_policy_attribute_id id, int number)
{
	char text[16];

	if (request->bags[id].is_given)
		return PZ_OK;
	snprintf(text, sizeof(text), "%d", number);
	return pz_policy_request_put(request, id, pz_slice_str(number >= 0 ? text : NULL), NULL);
}

static enum pz_err
complete_time(struct pz_policy_request *request)
{
	char text[24];

	if (request->bags[PZ_POLICY_ATTR_TIME].is_given || request->now_ms < 0)
		return PZ_OK;
	snprintf(text, sizeof(text), "%lld", (long long)(request->now_ms / 1000));
	return pz_policy_request_put(request, PZ_POLICY_ATTR_TIME, pz_slice_str(text), NULL);
}

/* For a call these resources are determined, possibly empty (page 9, 4.5): a rule about a service
 * id is not undetermined for a call without one. */
enum pz_err
pz_policy_request_complete(struct pz_policy_request *request, const struct tm *local)
{
	static const enum pz_policy_attribute_id empty[] = {
		PZ_POLICY_ATTR_PROFILE,    PZ_POLICY_ATTR_API_FEATURE,   PZ_POLICY_ATTR_SERVICE_ID,
		PZ_POLICY_ATTR_DEVICE_CAP, PZ_POLICY_ATTR_PARAM_FEATURE, PZ_POLICY_ATTR_FUNCTION};

	PZ_TRY(complete_time(request));
	PZ_TRY(complete_one(request, PZ_POLICY_ATTR_TIMEMIN, local->tm_hour * 60 + local->tm_min));
	PZ_TRY(complete_one(request, PZ_POLICY_ATTR_DAYS_OF_WEEK, 1 << local->tm_wday));
	PZ_TRY(complete_one(request, PZ_POLICY_ATTR_DAYS_OF_MONTH, 1 << (local->tm_mday - 1)));
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
		PZ_TRY(complete_one(request, empty[i], -1));
	return PZ_OK;
}

/* A missing bag is one of two constants, so no decision allocates memory. */
const struct pz_policy_bag *
pz_policy_request_bag(const struct pz_policy_request *request,
		      const struct pz_policy_attribute *attr)
{
	static const struct pz_policy_bag empty, undetermined = {.is_undetermined = true};
	const struct pz_policy_bag *bag;

	bag = attr->id == PZ_POLICY_ATTR_OTHER ? find_other(request, attr->category, attr->name)
					       : &request->bags[attr->id];
	if (bag && bag->is_given)
		return bag;
	return attr->category == PZ_POLICY_SUBJECT ? &empty : &undetermined;
}

/* A request without any resource is about nothing, and is denied (page 9, 6.5, step 2; PV-113). */
bool
pz_policy_request_has_resource(const struct pz_policy_request *request)
{
	for (size_t i = 0; i < PZ_POLICY_ATTR_OTHER; i++) {
		if (pz_policy_attributes[i].category == PZ_POLICY_RESOURCE &&
		    request->bags[i].count > 0)
			return true;
	}
	for (const struct pz_policy_other *o = request->others; o; o = o->next) {
		if (o->category == PZ_POLICY_RESOURCE && o->bag.count > 0)
			return true;
	}
	return false;
}
