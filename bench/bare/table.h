/* Names to connections: a chained hash table of fixed size, nothing allocated for a look-up. */
#ifndef PZ_BENCH_TABLE_H
#define PZ_BENCH_TABLE_H

#include <stddef.h>
#include <stdint.h>

/** An entry; stands inside the connection it names. */
struct table_entry {
	struct table_entry *next;
	char *name; /* owned by whoever put it in */
	size_t name_len;
	uint32_t hash;
};

/** The entry of that name, or NULL. */
struct table_entry *table_find(const char *name, size_t len);
/** Adds an entry whose name and name_len are set; an entry of the same name hides behind it. */
void table_add(struct table_entry *entry);
/** Removes an entry that was added. */
void table_remove(struct table_entry *entry);

#endif
