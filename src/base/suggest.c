/*
 * "Did you mean ...?": of many candidates the one that is closest to a mistyped word. For people at
 * a terminal, so case is ignored and long words are not compared.
 */
#include "base/suggest.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* Levenshtein distance: how many letters to add, drop or change. */
static size_t
distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b), row[PZ_SUGGEST_BYTES_MAX + 1];

	if (a_len > PZ_SUGGEST_BYTES_MAX || b_len > PZ_SUGGEST_BYTES_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	/* One row of the table is enough; `diagonal` is the value above and to the left, which the
	 * row has just lost. */
	for (size_t i = 1; i <= a_len; i++) {
		int letter = tolower((unsigned char)a[i - 1]);
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (letter != tolower((unsigned char)b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len];
}

static size_t
typos_max(const char *given)
{
	/* A short word with two typos could be any other short word. */
	size_t len = strlen(given);

	return len <= 3 ? 1 : len <= 6 ? 2 : 3;
}

void
pz_suggest_init(struct pz_suggest *s, const char *given)
{
	*s = (struct pz_suggest){.given = given, .distance = typos_max(given) + 1};
}

void
pz_suggest_add(struct pz_suggest *s, const char *candidate)
{
	/* As many changes as the word has letters is a different word. */
	size_t d = candidate ? distance(s->given, candidate) : SIZE_MAX;

	if (d >= s->distance || d >= strlen(s->given))
		return;
	s->distance = d;
	s->best = candidate;
}
