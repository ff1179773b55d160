/*
 * The operations of struct pz_transfers_ops for the node: routes to a device, names, the judgment
 * of access, the inbox. The files themselves are in src/transfer.
 */
#include "pzp/file_ops.h"

#include <stdio.h>
#include <string.h>

#include "access/access.h"
#include "access/permit.h"
#include "calls/devices.h"
#include "calls/friends.h"
#include "items/prefs.h"
#include "transfer/disk.h"
#include "transfer/transfer.h"

/* A device of a friend zone, by its full address. */
static bool
is_guest(const char *device)
{
	return strchr(device, '/') != NULL;
}

static struct pz_channels *
on_channels(void *arg, const char *device)
{
	/* Only starts the search: the transfer is called again when there is a link. */
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

/* A device that is reached through the hub and accepts no link through it. */
static void
on_why_unreachable(void *arg, const char *device, char *out, size_t size)
{
	const struct pz_node *node = arg;
	struct pz_peer_view peer;

	(void)pz_peers_view(node->peers, device, &peer);
	if (is_guest(device) && !pz_calls_friend_has_route(node->calls, device))
		pz_calls_friend_why_unreachable(node->calls, device, out, size);
	else if (strcmp(pz_peers_route(node->peers, device), "none") == 0)
		pz_devices_why_unreachable(node->calls, device, out, size);
	else
		snprintf(out, size, "no direct or private link with %s, which files need: %s",
			 device, peer.reason[0] ? peer.reason : "it does not answer");
}

static void
on_address(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	const struct pz_node *node = arg;
	const struct pz_membership *m = node->zone.membership;

	if (is_guest(device))
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", device);
	else
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s/%.*s", m ? m->zone : "",
			 PZ_DEVICE_BYTES_MAX, device[0] ? device : node->names.device);
}

static bool
on_is_known(void *arg, const char *device)
{
	const struct pz_node *node = arg;

	return is_guest(device) ? pz_calls_is_of_friend(node->calls, device, NULL)
				: !pz_peers_has_left(node->peers, device);
}

/* Judged as a call that leaves (E1), before the file is offered, so that no file name is sent to a
 * device that it must not reach. @spec page 9, 10 */
static enum pz_err
check_send(const struct pz_node *node, const char *device, struct pz_errinfo *info)
{
	char to[PZ_ADDRESS_BYTES_MAX + 1];

	on_address((void *)(uintptr_t)node, device, to);
	if (pz_access_allows(node->judge.access, PZ_ACCESS_SEND, node->names.self, to, PZ_FILE_API,
			     NULL, PZ_FILE_FUNCTION))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED,
		       "the access policy of this device does not let it send files to %s; `pzp "
		       "policy why` has the rule",
		       device);
}

static enum pz_err
on_find(void *arg, const char *text, char out[PZ_ADDRESS_BYTES_MAX + 1], struct pz_errinfo *info)
{
	const struct pz_node *node = arg;
	char device[PZ_ADDRESS_BYTES_MAX + 1];

	if (node->zone.membership == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "this device is not enrolled in a zone; `pzp enrol` first");
	PZ_TRY(pz_calls_find_other(node->calls, text, device, info));
	PZ_TRY(check_send(node, device, info));
	memcpy(out, device, sizeof(device));
	return PZ_OK;
}

/* ---- may it be received? ---- */

/* Tickets of calls of services count from 1. */
#define TICKET_OF_FILE (UINT64_C(1) << 63)

static void
on_judged(void *arg, uint64_t ticket, enum pz_access_verdict verdict, bool was_asked)
{
	const struct pz_node *node = arg;

	(void)was_asked;
	pz_transfers_judged(node->transfers, ticket & ~TICKET_OF_FILE, verdict == PZ_ACCESS_PERMIT);
}

static enum pz_access_verdict
judge(struct pz_node *node, const char *device, struct pz_access_call *call)
{
	struct pz_access_caller caller;
	char from[PZ_ADDRESS_BYTES_MAX + 1];

	on_address(node, device, from);
	return pz_access_caller_of(node->judge.access, from, &caller) == PZ_OK
		       ? pz_access_judge(node->judge.access, &caller, call)
		       : PZ_ACCESS_DENY;
}

/* Judged as a call of a service (E2). @spec page 15, "Kind file"; page 9, 10 */
static enum pz_transfer_permit
on_judge(void *arg, const char *device, uint64_t ticket)
{
	struct pz_access_call call = {
		.point = PZ_ACCESS_INVOKE,
		.api = PZ_FILE_API,
		.function = PZ_FILE_FUNCTION,
		.ticket = ticket | TICKET_OF_FILE,
		.done = on_judged,
		.arg = arg,
	};
	enum pz_access_verdict verdict = judge(arg, device, &call);

	if (verdict == PZ_ACCESS_ASKED)
		return PZ_TRANSFER_WAITS;
	return verdict == PZ_ACCESS_PERMIT ? PZ_TRANSFER_PERMITTED : PZ_TRANSFER_DENIED;
}

/* The sender has given up: the prompt is withdrawn. */
static void
on_judge_over(void *arg, uint64_t ticket)
{
	const struct pz_node *node = arg;

	pz_access_cancel(node->judge.access, ticket | TICKET_OF_FILE);
}

/* Like a running stream: neither prompted nor counted again. */
static bool
on_may_go_on(void *arg, const char *device)
{
	struct pz_access_call call = {
		.point = PZ_ACCESS_LISTEN,
		.api = PZ_FILE_API,
		.function = PZ_FILE_FUNCTION,
		.was_asked = true,
	};

	return judge(arg, device, &call) == PZ_ACCESS_PERMIT;
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
	.channels = on_channels,
	.look = on_look,
	.is_looking = on_is_looking,
	.want = on_want,
	.why_unreachable = on_why_unreachable,
	.find = on_find,
	.is_known = on_is_known,
	.address = on_address,
	.judge = on_judge,
	.judge_over = on_judge_over,
	.may_go_on = on_may_go_on,
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

	/* A node without threads or an inbox receives no files; it can still send. */
	if (node->config.workers && node->config.inbox)
		config.parts = pz_disk_parts(node->config.workers);
	return pz_transfers_new(&config, &node->transfers, info);
}
