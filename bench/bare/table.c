#include "bare/table.h"

#include <string.h>

#define BUCKETS 65536

static struct table_entry *buckets[BUCKETS];

/* FNV-1a: short names, and nobody hostile here. */
static uint32_t
hash(const char *name, size_t len)
{
	uint32_t h = 2166136261U;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619U;
	return h;
}

struct table_entry *
table_find(const char *name, size_t len)
{
	uint32_t h = hash(name, len);
	struct table_entry *e = buckets[h % BUCKETS];

	while (e && (e->hash != h || e->name_len != len || memcmp(e->name, name, len) != 0))
		e = e->next;
	return e;
}

void
table_add(struct table_entry *entry)
{
	entry->hash = hash(entry->name, entry->name_len);
	entry->next = buckets[entry->hash % BUCKETS];
	buckets[entry->hash % BUCKETS] = entry;
}

void
table_remove(struct table_entry *entry)
{
	struct table_entry **at = &buckets[entry->hash % BUCKETS];

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
}
