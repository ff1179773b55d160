/* Limits how often a caller may ask after denials. A full table forgets the caller whose denial is
 * oldest. */
#include "prompt/patience.h"

static struct pz_patience_entry *
find(struct pz_patience *patience, const struct pz_prompt_key *key)
{
	for (size_t i = 0; i < PZ_PROMPT_PATIENCE_MAX; i++) {
		struct pz_patience_entry *entry = &patience->entries[i];

		if (entry->denials > 0 && pz_prompt_key_same_subject(&entry->key, key))
			return entry;
	}
	return NULL;
}

/* A free entry, or the oldest. */
static struct pz_patience_entry *
take(struct pz_patience *patience)
{
	struct pz_patience_entry *oldest = &patience->entries[0];

	for (size_t i = 0; i < PZ_PROMPT_PATIENCE_MAX; i++) {
		struct pz_patience_entry *entry = &patience->entries[i];

		if (entry->denials == 0)
			return entry;
		if (entry->last_us < oldest->last_us)
			oldest = entry;
	}
	oldest->denials = 0;
	oldest->until_us = 0;
	return oldest;
}

bool
pz_patience_is_over(struct pz_patience *patience, const struct pz_prompt_key *key, uint64_t now_us)
{
	const struct pz_patience_entry *entry = find(patience, key);

	return entry && now_us < entry->until_us;
}

void
pz_patience_denied(struct pz_patience *patience, const struct pz_prompt_key *key, uint64_t now_us)
{
	struct pz_patience_entry *entry = find(patience, key);
	uint64_t wait_us = PZ_PROMPT_BACKOFF_FIRST_US;

	if (entry && now_us - entry->last_us > PZ_PROMPT_BACKOFF_MAX_US)
		entry->denials = 0; /* long ago: like a new caller */
	if (entry == NULL)
		entry = take(patience);
	entry->key = *key;
	entry->last_us = now_us;
	entry->denials++;
	if (entry->denials < PZ_PROMPT_BACKOFF_AFTER)
		return;
	for (unsigned i = PZ_PROMPT_BACKOFF_AFTER;
	     i < entry->denials && wait_us < PZ_PROMPT_BACKOFF_MAX_US; i++)
		wait_us *= 2;
	if (wait_us > PZ_PROMPT_BACKOFF_MAX_US)
		wait_us = PZ_PROMPT_BACKOFF_MAX_US;
	entry->until_us = now_us + wait_us;
}

void
pz_patience_allowed(struct pz_patience *patience, const struct pz_prompt_key *key)
{
	struct pz_patience_entry *entry = find(patience, key);

	if (entry)
		entry->denials = 0;
}
