/*
 * Where the hub is: which address is dialled when, and what notices and the user change in that.
 *
 * There is the address that counts and the one before it (zone/place.h). The first is tried first
 * after each lost link; while neither works they are tried in turn, so that a move which failed
 * strands nobody. A link that is up is left alone, whatever is heard, unless it was the user who
 * said where the hub is. What is heard counts when it is on disk, and is passed on then.
 */
#ifndef PZ_PZP_MOVED_H
#define PZ_PZP_MOVED_H

#include "pzp/internal.h"
#include "zone/place.h"

/** NULL: out of memory. */
struct moved *moved_new(struct pz_node *node);
/** NULL is fine. */
void moved_free(struct moved *moved);
/** Another membership (NULL: virgin), or a renewed one. Errors: those of pz_hub_place_load. */
enum pz_err moved_set_membership(struct pz_node *node, const struct pz_membership *membership,
				 struct pz_errinfo *info) PZ_MUST_USE;

/** An attempt begins: chooses its address, which is in use from now on. Borrowed. */
const struct pz_hub_address *moved_dial(struct pz_node *node);
/** The address of the link, or of the last attempt. Borrowed. */
const struct pz_hub_address *moved_in_use(const struct pz_node *node);
/** The attempt failed: the other address is next, where there is one. */
void moved_failed(struct pz_node *node);
/** The state towards the hub has changed: the command `hub` waits for it. */
void moved_state_changed(struct pz_node *node, enum pz_state now);
/** The link is registered. */
void moved_online(struct pz_node *node);
/** Another hub answers at the address in use. @return true: and there is no other to try */
bool moved_is_wrong_everywhere(struct pz_node *node);

/**
 * Prop `hubMoved`.
 * @param from the device that passed it on; "hub": the hub (or by a relay)
 * @param log for what it causes
 * @return false: it was refused, after a signature was verified perhaps
 */
bool
moved_on_prop(struct pz_node *node, const char *from, struct pz_log_rate *log, json_t *message);
/** What a peer is told of what the zone has said: `hubMoved`. New; NULL: it has said nothing. */
json_t *moved_notice(const struct pz_node *node);

/** {host, port} and more, for `hub` of a status. New. */
json_t *moved_result(const struct pz_node *node);
/** The command `hub`: params host?, port?. */
void moved_command(struct pz_request *request);

#endif
