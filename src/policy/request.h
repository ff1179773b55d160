/*
 * A request to decide: bags of values for the attributes of subject, resource and environment, the
 * identities that the generic ones stand for, and what an application declared about data.
 * @spec page 9, 4 and 9
 */
#ifndef PZ_POLICY_REQUEST_H
#define PZ_POLICY_REQUEST_H

#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "policy/attribute.h"

#define PZ_POLICY_PURPOSES 35

struct pz_policy_bag {
	bool is_undetermined; /* the platform cannot know */
	bool is_given;
	size_t count;
	const struct pz_slice *values;
};

/** What the generic identities of page 9, 4.2 stand for. */
struct pz_policy_identities {
	struct pz_slice owner;  /* the own zone, or the device's name before enrolment; ptr NULL:
				 * not known */
	struct pz_slice device; /* the device that decides; ptr NULL: not known */
	bool (*is_known_zone)(void *arg, struct pz_slice zone);   /* NULL: none is */
	bool (*is_own_device)(void *arg, struct pz_slice device); /* enrolled here; NULL: none */
	void *arg;
};

struct pz_policy_other {
	struct pz_policy_other *next;
	enum pz_policy_category category;
	struct pz_slice name;
	struct pz_policy_bag bag;
};

struct pz_policy_obligation;

struct pz_policy_request {
	struct pz_policy_bag bags[PZ_POLICY_ATTR_OTHER];
	struct pz_policy_other *others;
	unsigned attributes; /* that were given */
	size_t bytes;        /* of all values and of the names of the others */
	struct pz_policy_identities identities;
	int64_t now_ms; /* wall clock: what StartNow and durations count from */
	/* data handling; see dhp.h */
	bool is_purpose_invalid;
	uint64_t purposes; /* bit of each that was asked for */
	size_t obligation_count;
	struct pz_policy_obligation *obligations;
	struct pz_arena arena;
};

/** A request without attributes, for all purposes. NULL: out of memory. */
struct pz_policy_request *pz_policy_request_new(void);
/** NULL is fine. */
void pz_policy_request_free(struct pz_policy_request *request);
PZ_AUTO_DEFINE(struct pz_policy_request, pz_policy_request_free)

/**
 * Sets an attribute, which has not been set before.
 * @param name without a modifier; copied
 * @param values copied; NULL: undetermined (for a subject attribute that is an empty bag)
 * Errors: EXISTS, LIMIT (PZ_POLICY_VALUES_MAX, PZ_POLICY_VALUE_BYTES_MAX,
 * PZ_POLICY_REQUEST_ATTRIBUTES_MAX, PZ_POLICY_REQUEST_BYTES_MAX), LIMIT_MEMORY.
 */
enum pz_err
pz_policy_request_set(struct pz_policy_request *request, enum pz_policy_category category,
		      struct pz_slice name, const struct pz_slice *values, size_t count,
		      struct pz_errinfo *info) PZ_MUST_USE;

/**
 * The same for an attribute of the list in attribute.h, with one value or none.
 * @param id not OTHER
 * @param value copied; ptr NULL: an empty bag
 */
enum pz_err pz_policy_request_put(struct pz_policy_request *request, enum pz_policy_attribute_id id,
				  struct pz_slice value, struct pz_errinfo *info) PZ_MUST_USE;

/** Gives an environment attribute that is not of the list in attribute.h another value, or sets it.
 * @param name, value copied. Errors: as pz_policy_request_set. */
enum pz_err pz_policy_request_renew(struct pz_policy_request *request, struct pz_slice name,
				    struct pz_slice value) PZ_MUST_USE;

/**
 * Sets what an enforcement point always sets, where it is not given: time (now_ms) and date, an
 * empty profile, and the four resource attributes, empty. @param local the time at this place
 * Errors: as pz_policy_request_set. @spec page 9, 4.4 and 4.5
 */
enum pz_err
pz_policy_request_complete(struct pz_policy_request *request, const struct tm *local) PZ_MUST_USE;

/** Values of an attribute: never NULL. */
const struct pz_policy_bag *pz_policy_request_bag(const struct pz_policy_request *request,
						  const struct pz_policy_attribute *attr);

/** True when some resource attribute has a value. */
bool pz_policy_request_has_resource(const struct pz_policy_request *request);

/**
 * Reads the JSON forms of page 9, 9.1.
 * @param now_ms wall clock; `context.now` of the text counts instead where it is given
 * @param out a new request; with a `context` its identities point into it
 * @param info says which member is wrong; may be NULL
 * Errors: PROTO_JSON, PROTO_MEMBER, LIMIT, EXISTS, LIMIT_MEMORY.
 */
enum pz_err
pz_policy_request_parse(struct pz_slice json, int64_t now_ms, struct pz_policy_request **out,
			struct pz_errinfo *info) PZ_MUST_USE;

#endif
