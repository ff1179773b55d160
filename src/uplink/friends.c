/*
 * Commands about friends that a person gives on this device (page 6): the hub runs them and
 * answers. A command that gets no answer because the link ended may have been run.
 */
#include <string.h>

#include "uplink/internal.h"
#include "wire/json.h"

struct asked {
	struct pz_uplink *uplink;
	struct pz_request *request;
	struct pz_timer timer;
	int64_t id;
};

static void
release(struct pz_request *request)
{
	struct asked *asked = request->state;

	pz_env_stop(asked->uplink->env, &asked->timer);
}

static const struct pz_request_kind kind = {.size = sizeof(struct asked), .release = release};

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	const struct asked *asked = arg;

	(void)timer;
	pz_request_fail(asked->request, PZ_ERR_IO_TIMEOUT,
			"the hub does not answer; it may be of an older version");
}

/* The arguments of the command, without those that are only for this device. */
static json_t *
message_of(const struct asked *asked, const char *command)
{
	static const char *const members[] = {"link", "friend", "for"};
	json_t *message = json_pack("{s:I, s:s}", "id", (json_int_t)asked->id, "command", command);

	for (size_t i = 0; message && i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(asked->request->params, members[i]);
		if (value)
			(void)json_object_set(message, members[i], value);
	}
	return message;
}

void
pz_uplink_friend_command(struct pz_uplink *uplink, struct pz_request *request, const char *command)
{
	if (!pz_uplink_is_up(uplink)) {
		pz_request_fail(
			request, PZ_ERR_IO,
			uplink->config.zone->membership
				? "the hub is not connected; friends are made, confirmed and "
				  "removed through it (`pzp connect`)"
				: "this device has no zone yet; `pzp enrol` joins one");
		return;
	}
	struct asked *asked = pz_request_begin(request, &kind);
	if (asked == NULL)
		return;
	*asked = (struct asked){.uplink = uplink, .request = request, .id = ++uplink->last_friend};
	uplink->friend_requests = request->requests;
	pz_timer_init(&asked->timer, on_timeout, asked);
	pz_env_start(uplink->env, &asked->timer, PZ_FRIEND_COMMAND_US);
	json_t *message = message_of(asked, command);
	if (message)
		pz_uplink_send_prop(uplink, "friendCommand", message);
	else
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
	json_decref(message);
}

/* An unknown id belongs to a command that has ended meanwhile, and is ignored. */
void
pz_uplink_friend_answered(struct pz_uplink *uplink, const json_t *message)
{
	json_t *result = json_object_get(message, "result");
	const char *text = pz_json_str(message, "message");
	int64_t id = 0;

	if (uplink->friend_requests == NULL ||
	    !pz_json_int(message, "id", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &id))
		return;
	PZ_REQUEST_EACH (uplink->friend_requests, &kind, request) {
		const struct asked *asked = request->state;
		if (asked->id != id)
			continue;
		if (result)
			pz_request_answer(request, json_incref(result));
		else
			pz_request_fail(request, PZ_ERR_IO, text ? text : "the hub has refused it");
	}
}

void
pz_uplink_friend_lost(struct pz_uplink *uplink)
{
	if (uplink->friend_requests == NULL)
		return;
	PZ_REQUEST_EACH (uplink->friend_requests, &kind, request)
		pz_request_fail(request, PZ_ERR_IO_CLOSED,
				"the link to the hub has ended; `pzp friend list` shows whether it "
				"was done, when it is back");
}
