/* Inside pzp/ only: the node's struct and what its files call of each other. */
#ifndef PZ_PZP_INTERNAL_H
#define PZ_PZP_INTERNAL_H

#include "access/access.h"
#include "apps/owner.h"
#include "base/log.h"
#include "calls/calls.h"
#include "command/table.h"
#include "command/watch.h"
#include "condition/condition.h"
#include "manage/manage.h"
#include "manifests/manifests.h"
#include "net/link.h"
#include "peerapi/peerapi.h"
#include "peers/peers.h"
#include "policies/commands.h"
#include "pzp/node.h"
#include "service/registry.h"
#include "upkeep/upkeep.h"
#include "uplink/uplink.h"
#include "wire/address.h"
#include "zone/device.h"
#include "zone/names.h"
#include "zonedata/zonedata.h"

struct pz_enrolment;
struct pz_pairing;
struct pz_audit;
struct pz_wipe;
struct pz_items;
struct pz_asking;
struct pz_transfers;

/** Who may do what here: the parts that a judgment needs, made and connected in policy_ops.c. */
struct pz_node_judge {
	struct pz_policies *policies; /* the documents */
	struct pz_policies_hub policies_hub;
	struct pz_manifests *manifests; /* what apps may ask for at all */
	struct pz_manage manage;        /* changes them for programs of the owner */
	struct pz_access *access;       /* judges calls by them */
	struct pz_asking *asking;       /* questions for the owner */
	struct pz_audit *audit;         /* the log of decisions */
};

struct pz_node {
	struct pz_node_config config;
	struct pz_metrics metrics;
	struct pz_device_zone zone; /* which it is in, and what it knows of it */
	struct pz_registry *registry;
	struct pz_node_judge judge;
	struct pz_calls *calls;
	struct pz_uplink *uplink;
	struct pz_enrolment *enrolment;
	struct pz_pairing *pairing;
	struct pz_wipe *wipe;
	struct pz_items *items;
	struct pz_apps_owner apps;
	struct pz_peerapi peerapi; /* commands for apps */
	struct pz_transfers *transfers;
	struct pz_requests requests;
	struct pz_peers *peers;
	struct pz_zonedata *zonedata;
	struct pz_servicefiles *service_files;
	struct pz_peers_prefs peer_prefs;
	struct pz_conditions *conditions; /* what is wrong now, for `status` */
	struct pz_upkeep *upkeep;
	struct pz_names names;
	uint64_t started_us;
	bool is_stopping;
};

/** What the links of this node share; the module that opens them adds its events. */
static inline struct pz_link_host
pz_node_link_host(struct pz_node *node)
{
	return (struct pz_link_host){
		.env = node->config.env,
		.turn = node->config.turn,
		.metrics = &node->metrics,
		.frame_max = node->config.frame_max,
		.keepalive_us = node->config.keepalive_us,
	};
}

/* doctor.c */
/** The command `doctor`: the findings (diagnose/finding.h). */
void pz_node_doctor_command(struct pz_request *request);
/** The command `log`: [{time, level, id, text}], the oldest first. */
void pz_node_log_command(struct pz_request *request);

/* commands.c */
/** Ends the commands that wait for this state, or for another that cannot follow any more. */
void pz_commands_state_changed(struct pz_node *node, enum pz_state now);
/** The result of the command `status` (docs/control-protocol.md). New reference; NULL: out of
 * memory. */
json_t *pz_commands_status(struct pz_node *node);

#endif
