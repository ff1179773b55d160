/* "Did you mean …?": the name that was probably meant by a misspelt one. */
#ifndef PZ_BASE_SUGGEST_H
#define PZ_BASE_SUGGEST_H

#include <stddef.h>

/** Longest name that is compared, bytes; a longer one is no misspelling of any. */
#define PZ_SUGGEST_BYTES_MAX 63

/** A search under way: init, add each candidate, then look at best. */
struct pz_suggest {
	const char *given; /* borrowed */
	const char *best;  /* the closest candidate so far, borrowed; NULL: none is close */
	size_t distance;   /* of best; private */
};

/** Begins a search. @param given what was typed, borrowed until the end of the search */
void pz_suggest_init(struct pz_suggest *s, const char *given);

/**
 * Compares one candidate: the number of letters to add, drop or change, ASCII letters in any case.
 * One letter in up to three may be wrong, two in up to six, three in longer names. The first of
 * equally close ones is kept.
 * @param candidate borrowed as long as best is looked at; NULL is ignored
 */
void pz_suggest_add(struct pz_suggest *s, const char *candidate);

#endif
