/*
 * What the owner lets a device of the zone do besides using it (page 14, AC-10). There are three
 * separate rights. The hub stores them with each member, and devices get them as the item `rights`
 * of page 8: the key is a device, the value the names of its rights with spaces between them.
 *
 * A device without an entry has all of them, as in a zone whose owner has never taken one away.
 * @spec page 9, 10.2; page 14 AC-10
 */
#ifndef PZ_RECORD_RIGHTS_H
#define PZ_RECORD_RIGHTS_H

#include <jansson.h>

#include "base/err.h"
#include "base/slice.h"
#include "sync/item.h"

/** Bits of a set. */
enum pz_right {
	PZ_RIGHT_ANSWER = 1, /* answer prompts of the owner's other devices */
	PZ_RIGHT_POLICY = 2, /* change the owner's policy of the zone */
	PZ_RIGHT_ADMIN = 4,  /* administer the zone: which zones are friends */
	PZ_RIGHTS_ALL = 7,
};

#define PZ_RIGHTS_TEXT_CHARS 32 /* all names, and the NUL */

/** The set as text: "answer policy admin", "" for none. @return out */
const char *pz_rights_text(unsigned rights, char out[PZ_RIGHTS_TEXT_CHARS]);
/** Reads such a text. An unknown name, perhaps of a later version, is skipped. */
unsigned pz_rights_parse(struct pz_slice text);
/** The bit of a name. @return 0: there is no such right */
unsigned pz_right_find(const char *name);
/** The set as an array of names, for results; new. NULL: out of memory. */
json_t *pz_rights_json(unsigned rights);
/** Checks a chunk of the item. Errors: PROTO (the key is no name of a device). */
enum pz_err pz_rights_check(const struct pz_sync_chunk *chunk, struct pz_errinfo *info) PZ_MUST_USE;
/** The rights of a device in an item; all if it has no entry. @param item may be NULL */
unsigned pz_rights_of(const struct pz_sync_item *item, const char *device);

#endif
