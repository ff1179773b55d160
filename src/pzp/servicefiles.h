/* Services made of commands that files describe: those that the settings name, and those of the
 * directory services.d. */
#ifndef PZ_PZP_SERVICEFILES_H
#define PZ_PZP_SERVICEFILES_H

#include <stddef.h>

struct pz_node;
struct pz_servicefiles;

/** Removes nothing from the registry: the node ends with it. NULL is fine. */
void pz_servicefiles_free(struct pz_servicefiles *files);

/**
 * Offers what the files describe, and no longer what files described that are gone. A file that is
 * as it was changes nothing: its calls go on. A file that is wrong raises the condition
 * service-file; the service that it described before stays.
 * @param paths files that must be there
 * @param directory its files "*.json" in the order of their names; it may be missing. NULL: none
 */
void
pz_servicefiles_load(struct pz_node *node, char *const *paths, size_t count, const char *directory);

#endif
