/* What apps see of peers and pairings. */
#ifndef PZ_PEERAPI_SHAPE_H
#define PZ_PEERAPI_SHAPE_H

#include <jansson.h>

/** @param list result of the command `peers`. New, or NULL. */
json_t *pz_peerapi_peers(const json_t *list);
/** @param window an event of the command `pair`. New, or NULL. */
json_t *pz_peerapi_window(const json_t *window);
/** @param result of the command `pair`. New, or NULL. */
json_t *pz_peerapi_outcome(const json_t *result);
/** The members that are in both. New, or NULL. @param names NULL-terminated */
json_t *pz_peerapi_pick(const json_t *object, const char *const *names);
/** What differs between two lists of peers: [{type: "peer", peer} or {type: "gone", id}]. New, or
 * NULL. @param old NULL: none were known */
json_t *pz_peerapi_changes(const json_t *old, const json_t *now);

#endif
