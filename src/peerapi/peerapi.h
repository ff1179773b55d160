/*
 * The object `Peers`: an app of this device lists peers, connects to them, follows their changes
 * and opens a pairing window. Each function is a command of page 12, of which the app gets less
 * than a person does: no addresses of the network, no reasons that name them.
 * @spec page 11 "Peers"
 */
#ifndef PZ_PEERAPI_PEERAPI_H
#define PZ_PEERAPI_PEERAPI_H

#include "base/list.h"
#include "command/request.h"
#include "service/service.h"

#define PZ_PEERAPI_OBJECT "Peers"
/** What policies call it; pairing has PZ_PEERAPI_API "/pair". */
#define PZ_PEERAPI_API "http://webinos.org/api/peers"

/** Runs a command of page 12, as pz_node_command. */
typedef struct pz_request *(*pz_peerapi_command)(void *arg, const char *name, json_t *params,
						 const struct pz_reply *reply, void *reply_arg);

/** What is under way for apps. */
struct pz_peerapi {
	pz_peerapi_command command;
	void *arg;
	struct pz_list jobs;
};

/** @param command, arg borrowed */
void pz_peerapi_init(struct pz_peerapi *api, pz_peerapi_command command, void *arg);
/** Gives up what is under way. Before the requests end. A zeroed object is fine. */
void pz_peerapi_fini(struct pz_peerapi *api);

/** The function of that name; NULL: unknown. Static. @param out_is_free it concerns what the caller
 * began itself, so that no policy is asked */
const struct pz_method_def *pz_peerapi_method(const char *function, bool *out_is_free);
/** Serves a permitted call, at once or later. @param params array, borrowed */
void pz_peerapi_call(struct pz_peerapi *api, struct pz_call *call, const char *function,
		     const json_t *params);
/** The call has ended without an answer: its caller has gone. @return false: it is not of here */
bool pz_peerapi_call_ended(struct pz_peerapi *api, const struct pz_call *call);

#endif
