/* A PZP: one device's node in its zone, without a descriptor of its own. */
#ifndef PZ_PZP_NODE_H
#define PZ_PZP_NODE_H

#include <jansson.h>

#include "base/env.h"
#include "base/work.h"
#include "command/request.h"
#include "mdns/mdns.h"
#include "metrics/metrics.h"
#include "net/transport.h"
#include "net/turn.h"
#include "service/command.h"
#include "store/store.h"
#include "uplink/machine.h"
#include "x509/keystore.h"

struct pz_diagnose_machine;
struct pz_prompts;
struct pz_node;

/** Everything the node is given. Borrowed for its life. Zero limits mean the defaults of
 * base/limits.h. */
struct pz_node_config {
	const struct pz_env *env;
	struct pz_transport transport;
	struct pz_transport web; /* by which local programs come; no ops: none do */
	struct pz_turn *turn;
	struct pz_store *store;
	struct pz_keystore *keys;
	const char *key_type; /* for new keys */
	const char *device; /* name while virgin; NULL: the stored one, else made from the host's */
	/* Where the operator set them; the user's preferences win (page 10). NULL: not set. */
	const char *display_name, *device_type;
	const uint16_t *tls_port, *web_port;
	uint32_t frame_max;
	size_t queue_high_bytes, queue_low_bytes;
	uint64_t keepalive_us, call_timeout_us;
	size_t app_data_bytes_max; /* what one app may store */
	const char *listen;        /* address of the server for peers; NULL or "": any */
	/* Connections of peers that have not proved an identity, in all and from one address; 0, or
	 * more: PZ_PEER_UNAUTH_MAX, PZ_PEER_UNAUTH_PER_ADDRESS_MAX. */
	unsigned unauthenticated_max, unauthenticated_per_address_max;
	struct pz_mdns *mdns; /* the local network; NULL: none. Its events become the node's */
	/** Own addresses for pzpInfo; NULL: none. */
	void (*addresses)(void (*each)(void *arg, const char *address), void *arg);
	/* For `pzp doctor`; NULL: disk and multicast are not looked at. */
	const struct pz_diagnose_machine *machine;
	const struct pz_process_ops
		*processes; /* for services made of commands; NULL: none possible */
	void *processes_arg;
	const struct pz_workers *workers; /* for files of other devices; NULL: none are sent ... */
	const char *inbox;                /* ... or received; by default in this directory */
};

/** Loads what is stored; registers the built-in services. Errors: LIMIT_MEMORY, those of
 * pz_membership_load. */
enum pz_err pz_node_new(const struct pz_node_config *config, struct pz_node **out,
			struct pz_errinfo *info) PZ_MUST_USE;
/** An enrolled node starts to connect. */
void pz_node_start(struct pz_node *node);
/** Says `bye` and closes every link; they are gone after the turn's end. */
void pz_node_stop(struct pz_node *node);
/** After pz_node_stop and a turn's end, commits polled or dropped with the store. Running commands
 * end unanswered. */
void pz_node_free(struct pz_node *node);

/** The machine's addresses or routes changed: tries the hub at once, sends it the addresses. */
void pz_node_network_changed(struct pz_node *node);
/** The system reports that its clock was set; without a report it is noticed after
 * PZ_CLOCK_LOOK_US. */
void pz_node_clock_set(struct pz_node *node);

/** Takes over what can change while running: time-out of calls, keep-alive, ports, what an app may
 * store. Reads no other field. */
void pz_node_reconfigure(struct pz_node *node, const struct pz_node_config *config);

/** State towards the hub (page 5). */
enum pz_state pz_node_state(const struct pz_node *node);
/** Own address: zone/device, or device while virgin. Borrowed until it changes. */
const char *pz_node_address(const struct pz_node *node);
/** The questions that wait for a person, for agents. As long as the node. */
struct pz_prompts *pz_node_prompts(struct pz_node *node);
/** The node's counters and gauges, as long as the node. */
struct pz_metrics *pz_node_metrics(struct pz_node *node);

/**
 * Provides a service made of commands (page 12) until the node ends. @param description borrowed.
 * Errors: CONFIG (the detail names the member), EXISTS.
 */
enum pz_err
pz_node_serve(struct pz_node *node, const json_t *description, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Provides the services that files describe, and on a later call what they describe then. A file
 * that is wrong is skipped, with the condition service-file.
 * @param paths files that must be there; borrowed for the call
 * @param directory its files "*.json" too; it may be missing
 */
void
pz_node_serve_files(struct pz_node *node, char *const *paths, size_t count, const char *directory);

/** The manufacturer's policy: see pz_policies_set_manufacturer. @param text borrowed for the call
 */
void
pz_node_set_manufacturer_policy(struct pz_node *node, struct pz_slice text, const char *unreadable);

/**
 * The commands of page 12 by name: status, enrol, leave, connect, disconnect, services, call,
 * watch, serve, prefs, data-….
 * @param params object, borrowed; @param reply static or outlives the request
 * @return the request: reply->done comes after this call, or never when pz_request_cancel comes
 *     first, which ends what the command provided or called. NULL: out of memory
 */
struct pz_request *pz_node_command(struct pz_node *node, const char *name, json_t *params,
				   const struct pz_reply *reply, void *arg);
/** The same with the file that came with the command. @param takes_file NULL: none */
struct pz_request *
pz_node_command_with(struct pz_node *node, const char *name, json_t *params,
		     struct pz_file *takes_file, const struct pz_reply *reply, void *arg);
/** True for a command that a file comes with. */
bool pz_node_takes_file(const char *name);

#endif
