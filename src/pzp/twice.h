/* Another machine with this device's identity, for example from a copied disk: the hub says so each
 * time that it replaces our link with the other one's. */
#ifndef PZ_PZP_TWICE_H
#define PZ_PZP_TWICE_H

#include "pzp/internal.h"

struct twice;

/** NULL: out of memory. */
struct twice *twice_new(struct pz_node *node);
/** NULL is fine. */
void twice_free(struct twice *twice);
/** The hub says good-bye on the link in use. @param message of the prop `bye` */
void twice_on_bye(struct pz_node *node, const json_t *message);

#endif
