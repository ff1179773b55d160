#include "pzp/file_ops.h"

#include <stdio.h>
#include <string.h>

#include "access/access.h"
#include "calls/devices.h"
#include "items/prefs.h"
#include "transfer/disk.h"
#include "transfer/transfer.h"

#define FILE_API "http://webinos.org/api/w3c/file" /* what policies call files of a device */

static struct pz_channels *
on_way(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	return pz_peers_channels(node->peers, device);
}

static void
on_look(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	(void)pz_peers_dial(node->peers, device, PZ_PEER_SEEK_US);
}

static bool
on_is_looking(void *arg, const char *device)
{
	const struct pz_node *node = arg;
	struct pz_peer_view peer;

	return pz_peers_view(node->peers, device, &peer) && peer.is_dialled;
}

static void
on_want(void *arg, const char *device, bool on)
{
	const struct pz_node *node = arg;

	pz_peers_want_private(node->peers, device, on);
}

/* A device that the hub reaches, and that takes no link through it. */
static void
on_why_away(void *arg, const char *device, char *out, size_t size)
{
	const struct pz_node *node = arg;
	struct pz_peer_view peer;

	(void)pz_peers_view(node->peers, device, &peer);
	if (strcmp(pz_peers_route(node->peers, device), "none") == 0)
		pz_devices_why_away(node->calls, device, out, size);
	else
		snprintf(out, size, "no link with %s that its hub cannot read: %s", device,
			 peer.reason[0] ? peer.reason : "it does not answer");
}

static enum pz_err
on_find(void *arg, const char *text, char out[PZ_DEVICE_BYTES_MAX + 1], struct pz_errinfo *info)
{
	const struct pz_node *node = arg;
	char device[PZ_DEVICE_BYTES_MAX + 1];

	if (node->zone.membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "this device is not enrolled in a zone; `pzp enrol` first");
	PZ_TRY(pz_devices_find(node->calls, text, device, info));
	if (strcmp(device, node->names.device) == 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "'%.80s' is this device itself", text);
	memcpy(out, device, sizeof(device));
	return PZ_OK;
}

static void
on_address(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	const struct pz_node *node = arg;
	const struct pz_membership *m = node->zone.membership;

	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s/%s", m ? m->zone : "",
		 device[0] ? device : node->names.device);
}

/* As a call that reaches a service (E2). @spec page 15, "Kind file"; page 9, 10 */
static bool
on_may_send(void *arg, const char *device)
{
	const struct pz_node *node = arg;
	struct pz_access_caller caller;
	struct pz_access_call call = {
		.point = PZ_ACCESS_INVOKE,
		.api = FILE_API,
		.function = "receive",
	};
	char from[PZ_ADDRESS_BYTES_MAX + 1];

	on_address(arg, device, from);
	return pz_access_caller_of(node->access, from, &caller) == PZ_OK &&
	       pz_access_judge(node->access, &caller, &call) == PZ_ACCESS_PERMIT;
}

static struct pz_transfers_inbox
on_inbox(void *arg)
{
	const struct pz_node *node = arg;
	const struct pz_prefs *prefs = pz_user_prefs(node->items);

	return (struct pz_transfers_inbox){
		.directory = pz_prefs_text(prefs, PZ_PREF_FILES_INBOX),
		.by_sender = pz_prefs_bool(prefs, PZ_PREF_FILES_BY_SENDER),
	};
}

static const struct pz_transfers_ops ops = {
	.way = on_way,
	.look = on_look,
	.is_looking = on_is_looking,
	.want = on_want,
	.why_away = on_why_away,
	.find = on_find,
	.address = on_address,
	.may_send = on_may_send,
	.inbox = on_inbox,
};

enum pz_err
pz_node_transfers_new(struct pz_node *node, struct pz_errinfo *info)
{
	struct pz_transfers_config config = {
		.env = node->config.env,
		.workers = node->config.workers,
		.store = node->config.store,
		.conditions = node->conditions,
		.ops = &ops,
		.arg = node,
	};

	if (node->config.workers && node->config.inbox)
		config.parts = pz_disk_parts(node->config.workers);
	return pz_transfers_new(&config, &node->transfers, info);
}
