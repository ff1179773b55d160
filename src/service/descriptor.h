/* Service descriptors: what a service is called, its instance id, where it lives. */
#ifndef PZ_SERVICE_DESCRIPTOR_H
#define PZ_SERVICE_DESCRIPTOR_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"

#define PZ_SERVICE_ID_CHARS 32 /* MD5 as lower-case hex (page 7, 2) */

/** One descriptor. All strings are owned; release with pz_descriptor_fini. */
struct pz_descriptor {
	char id[PZ_SERVICE_ID_CHARS + 1];
	char *api;          /* type, a URI */
	char *display_name; /* short, for people */
	char *description;  /* longer, makes instances of one type distinct */
	char *address;      /* serviceAddress: hosting node, or NULL while that is not known */
	json_t *methods;    /* what it says of its functions (service/methods.h), or NULL */
};

/**
 * Makes a descriptor: checks the texts, copies them and computes the id.
 * @param address hosting node or NULL (the registry sets it)
 * @param out untouched on failure
 * @param info may be NULL
 * Errors: PROTO_MEMBER (a text is too long or holds bytes it must not), CRYPTO, LIMIT_MEMORY.
 * @spec page 7, 2 and 3: api <= 256 bytes of printable ASCII without "@" and white space,
 * displayName <= 128 bytes, description <= 512 bytes
 */
enum pz_err pz_descriptor_init(struct pz_descriptor *out, const char *api, const char *display_name,
			       const char *description, const char *address,
			       struct pz_errinfo *info) PZ_MUST_USE;

/** Frees the strings and zeroes the struct. A zeroed struct is fine. */
void pz_descriptor_fini(struct pz_descriptor *d);

/**
 * The instance id: MD5 of api, displayName and description, concatenated (an identifier, not a
 * credential).
 * @param out_id 33 bytes, lower-case hex and NUL
 * Errors: CRYPTO.
 * @spec page 7, 2
 */
enum pz_err pz_descriptor_id(const char *api, const char *display_name, const char *description,
			     char out_id[PZ_SERVICE_ID_CHARS + 1]) PZ_MUST_USE;

/** New JSON object {id, api, displayName, description, serviceAddress, icon: null}; NULL: out of
 * memory. A missing address becomes null. @spec page 7, 2 */
json_t *pz_descriptor_json(const struct pz_descriptor *d);

/** The same with the member `methods`, where the descriptor has one: only for callers that ask the
 * hosting node itself, lists of a whole zone would grow too large. */
json_t *pz_descriptor_full_json(const struct pz_descriptor *d);

/**
 * Reads a descriptor that another party sent. Unknown members, icon and state are ignored; a
 * missing id is computed, a present one must be the computed one.
 * @param json borrowed
 * @param expected_address the node whose list it is: serviceAddress must equal it. NULL: any
 * well-formed address is taken (lists that an own hub merged; the caller checks the zone)
 * @param out untouched on failure; release with pz_descriptor_fini
 * @param info may be NULL
 * Errors: PROTO_MEMBER (member missing, wrong type, too long, wrong id), PROTO_ADDRESS (not an
 * address), DENIED_IDENTITY (the address of another node), CRYPTO, LIMIT_MEMORY.
 * @spec page 7, 2 "Consequences" and 4
 */
enum pz_err pz_descriptor_parse(const json_t *json, const char *expected_address,
				struct pz_descriptor *out, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Checks a whole announcement and copies it, reduced to the members that a descriptor has.
 * @param list at most PZ_SERVICES_PER_DEVICE_MAX; @param address of the device that announces
 * @param out new array, the caller decrefs
 * Errors: PROTO (no array, or too many), those of pz_descriptor_parse, LIMIT_MEMORY.
 */
enum pz_err pz_descriptors_copy(const json_t *list, const char *address, json_t **out,
				struct pz_errinfo *info) PZ_MUST_USE;

/**
 * True when the whole api matches the pattern; "*" stands for any run of characters, there are no
 * other operators. Takes time linear in the lengths.
 * @spec page 7, 7.1 "Wildcard semantics"
 */
bool pz_api_matches(const char *pattern, const char *api);

#endif
