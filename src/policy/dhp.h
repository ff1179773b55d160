/*
 * Data-handling preferences: what the user's document asks of an application that uses data, and
 * what the application declared. Parsed and validated always, evaluated only when that is asked
 * for.
 * @spec page 9, 8
 */
#ifndef PZ_POLICY_DHP_H
#define PZ_POLICY_DHP_H

#include "base/err.h"
#include "policy/node.h"
#include "policy/request.h"

#define PZ_POLICY_ALL_PURPOSES ((UINT64_C(1) << PZ_POLICY_PURPOSES) - 1)

enum pz_policy_action {
	PZ_POLICY_ACTION_NONE, /* an obligation without one is satisfied */
	PZ_POLICY_ACTION_DELETE,
	PZ_POLICY_ACTION_ANONYMIZE,
	PZ_POLICY_ACTION_NOTIFY,
	PZ_POLICY_ACTION_LOG,
	PZ_POLICY_ACTION_SECURE_LOG,
};

enum pz_policy_trigger_kind {
	PZ_POLICY_TRIGGER_AT_TIME,
	PZ_POLICY_TRIGGER_ACCESSED,
	PZ_POLICY_TRIGGER_DELETED,
	PZ_POLICY_TRIGGER_ACCESS,
};

/** PnYnMnDTnHnMnS */
struct pz_policy_duration {
	int64_t months;
	int64_t seconds;
};

struct pz_policy_trigger {
	enum pz_policy_trigger_kind kind;
	bool starts_now;
	int64_t start_ms;
	struct pz_policy_duration delay;
	uint64_t purposes;
	struct pz_slice uri;
};

struct pz_policy_obligation {
	enum pz_policy_action action;
	struct pz_slice media, address; /* of NOTIFY */
	size_t trigger_count;
	struct pz_policy_trigger *triggers;
};

struct pz_policy_preference {
	struct pz_slice policy_id;
	bool has_authorizations;
	uint64_t purposes;
	size_t obligation_count;
	struct pz_policy_obligation *obligations;
};

/** All preferences of a document. */
struct pz_policy_dhp {
	size_t count;
	struct pz_policy_preference *list;
};

/** The binding that an evaluation has selected. @spec page 9, 8.3 */
struct pz_policy_selection {
	const struct pz_policy_preference *preference; /* NULL: none */
	bool is_exact;
};

/** URIs of the purposes, in the order of their bits. */
extern const char *const pz_policy_purposes[PZ_POLICY_PURPOSES];

/** Bit of a purpose's URI; 0: not one of them. */
uint64_t pz_policy_purpose_find(struct pz_slice uri);
/** Reads PnYnMnDTnHnMnS, each part once or left out, not all. False: it is something else. */
bool pz_policy_duration_parse(struct pz_slice text, struct pz_policy_duration *out);
/** Reads ISO 8601 with an offset, to milliseconds since 1970. False: it is something else. */
bool pz_policy_time_parse(struct pz_slice text, int64_t *out_ms);
/** The time a duration later: months by the calendar (UTC), the rest in seconds. */
int64_t pz_policy_time_add(int64_t ms, struct pz_policy_duration delay);
/** Kind of a trigger by its name. False: no such name. */
bool pz_policy_trigger_find(struct pz_slice name, enum pz_policy_trigger_kind *out);
/** The same for an action. */
bool pz_policy_action_find(struct pz_slice name, enum pz_policy_action *out);

/** What the bindings of an element that was evaluated do to the selection. */
void pz_policy_dhp_consider(const struct pz_policy_dhp *dhp, const struct pz_policy_node *node,
			    const struct pz_policy_request *request,
			    struct pz_policy_selection *selection);
/** True when what the application declared satisfies the selected preference. */
bool pz_policy_dhp_is_satisfied(const struct pz_policy_request *request,
				const struct pz_policy_selection *selection);

#endif
