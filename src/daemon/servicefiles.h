/* Services whose methods are commands, described by files: those that the settings name, and those
 * of the directory services.d. */
#ifndef PZ_DAEMON_SERVICEFILES_H
#define PZ_DAEMON_SERVICEFILES_H

#include <stddef.h>

#include "condition/condition.h"
#include "service/command.h"
#include "service/registry.h"

struct pz_servicefiles;

/** What the services are made of. Borrowed for the life of the object. */
struct pz_servicefiles_config {
	const struct pz_env *env;
	struct pz_registry *registry;           /* they are offered here */
	struct pz_conditions *conditions;       /* a file that is wrong is one */
	const struct pz_process_ops *processes; /* NULL: commands cannot be run */
	void *processes_arg;
};

/** Nothing is loaded yet. NULL: out of memory. */
struct pz_servicefiles *pz_servicefiles_new(const struct pz_servicefiles_config *config);
/** Removes nothing from the registry: the node ends with it. NULL is fine. */
void pz_servicefiles_free(struct pz_servicefiles *files);

/**
 * Offers what the files describe, and no longer what files described that are gone. A file that is
 * as it was changes nothing: its calls continue. A file that is wrong raises the condition
 * service-file; the service that it described before stays.
 * @param paths files that must be there
 * @param directory its files "*.json" in the order of their names; it may be missing. NULL: none
 */
void pz_servicefiles_load(struct pz_servicefiles *files, char *const *paths, size_t count,
			  const char *directory);

#endif
