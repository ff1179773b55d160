/* The uplink as a whole: its life, and what a change of the machine's state causes. */
#include "uplink/uplink.h"

#include <stdlib.h>

#include "uplink/internal.h"

#define LEAVE_TIMEOUT_US (5 * PZ_US_PER_S)

/* ---- the machine ---- */

/* The certificates of both ends are valid now, and the link leads to our hub. */
static void
on_online(struct pz_uplink *uplink)
{
	const struct pz_uplink_config *c = &uplink->config;

	pz_uplink_place_online(uplink);
	pz_condition_clear(c->conditions, PZ_CONDITION_ANOTHER_HUB, NULL);
	c->ops->saw_link(c->arg);
	c->ops->online(c->arg);
}

static void
on_act(void *arg, enum pz_action action)
{
	struct pz_uplink *uplink = arg;
	const struct pz_uplink_config *c = &uplink->config;

	switch (action) {
	case PZ_ACT_NONE:
		break;
	case PZ_ACT_GIVE_UP:
		c->ops->give_up(c->arg);
		break;
	case PZ_ACT_DIAL: /* preferences that were waiting apply to this attempt already */
		c->ops->dialling(c->arg);
		pz_uplink_dial(uplink);
		break;
	case PZ_ACT_HANG_UP:
		pz_uplink_hang_up(uplink);
		pz_uplink_place_failed(uplink);
		break;
	case PZ_ACT_ONLINE:
		on_online(uplink);
		break;
	case PZ_ACT_CLEAN:
		pz_uplink_hang_up(uplink);
		(void)pz_machine_event(&uplink->machine, PZ_EVENT_CLEANED, NULL);
		break;
	case PZ_ACT_CLEAN_AND_WIPE: /* the hub could send more data during the wipe */
		pz_uplink_hang_up(uplink);
		pz_env_stop(uplink->env, &uplink->leave_end);
		c->ops->wipe(c->arg);
		break;
	case PZ_ACT_VIRGIN:
		pz_notice("virgin", "everything bound to the zone is removed");
		break;
	}
}

static void
on_changed(void *arg, enum pz_state old, enum pz_state now, enum pz_event event)
{
	struct pz_uplink *uplink = arg;

	pz_metric_add(uplink->metrics, PZ_METRIC_state_changes, 1);
	if (now == PZ_STATE_CONNECTED)
		uplink->since_ms = pz_env_wall_ms(uplink->env);
	uplink->config.ops->changed(uplink->config.arg, old, now, event);
	/* Last: the command `hub` ends with the state that the others have received. */
	pz_uplink_place_state_changed(uplink, now);
}

#define SECONDS(us) ((unsigned)((us) / PZ_US_PER_S))

static void
on_explain_timeout(void *arg, enum pz_state state, char *out, size_t size)
{
	const struct pz_uplink *uplink = arg;
	const struct pz_uplink_config *c = &uplink->config;
	char step[320];

	if (state == PZ_STATE_VIRGIN_CONNECTING || state == PZ_STATE_VIRGIN_CONNECTED)
		snprintf(out, size, "timed out: %s was not completed within %u s",
			 c->ops->enrolment_step(c->arg, step, sizeof(step)),
			 SECONDS(2 * PZ_CONNECT_TIMEOUT_US));
	else if (state == PZ_STATE_CONNECTING)
		pz_uplink_explain_timeout(uplink, out, size);
}

static const struct pz_machine_ops machine_ops = {
	.act = on_act,
	.changed = on_changed,
	.explain_timeout = on_explain_timeout,
};

/* ---- leaving ---- */

/* The hub has not answered: it does not know that this device has left. */
static void
on_leave_end(struct pz_timer *timer, void *arg)
{
	struct pz_uplink *uplink = arg;

	(void)timer;
	(void)pz_machine_event(&uplink->machine, PZ_EVENT_LEAVE,
			       "left the zone; the hub was not reached: revoke this device there, "
			       "with `pzh revoke`");
}

void
pz_uplink_leave(struct pz_uplink *uplink)
{
	bool is_connected = uplink->machine.state == PZ_STATE_CONNECTED;

	/* The hub revokes this device and answers; without an answer in time the device leaves
	 * anyway. */
	if (is_connected)
		pz_uplink_send_prop(uplink, "leave", NULL);
	/* Never from inside the command, even if there is no answer to wait for. */
	pz_env_start(uplink->env, &uplink->leave_end, is_connected ? LEAVE_TIMEOUT_US : 0);
}

/* ---- life ---- */

/* The machine begins virgin. The membership is loaded later (pz_uplink_loaded), because the parts
 * that load it need the uplink. */
struct pz_uplink *
pz_uplink_new(const struct pz_uplink_config *config)
{
	struct pz_uplink *uplink = calloc(1, sizeof(*uplink));

	if (uplink == NULL)
		return NULL;
	uplink->config = *config;
	uplink->config.link_host.events = &pz_uplink_link_events;
	uplink->env = config->link_host.env;
	uplink->metrics = config->link_host.metrics;
	pz_machine_init(&uplink->machine, uplink->env, &machine_ops, uplink, false);
	pz_timer_init(&uplink->leave_end, on_leave_end, uplink);
	pz_uplink_relaying_init(uplink);
	uplink->directory = json_object();
	uplink->told = json_object();
	uplink->place = pz_uplink_place_new();
	uplink->clone = pz_uplink_clone_new(uplink);
	if (!uplink->directory || !uplink->told || !uplink->place || !uplink->clone) {
		pz_uplink_free(uplink);
		return NULL;
	}
	return uplink;
}

void
pz_uplink_free(struct pz_uplink *uplink)
{
	if (uplink == NULL)
		return;
	pz_machine_fini(&uplink->machine);
	pz_env_stop(uplink->env, &uplink->leave_end);
	pz_env_stop(uplink->env, &uplink->relaying.head_start);
	pz_env_stop(uplink->env, &uplink->relaying.again);
	pz_env_stop(uplink->env, &uplink->relaying.former_end);
	pz_sync_link_free(uplink->sync); /* a link that was never reported closed */
	pz_uplink_clone_free(uplink->clone);
	pz_uplink_place_free(uplink->place);
	pz_tls_ctx_free(uplink->tls);
	json_decref(uplink->directory);
	json_decref(uplink->told);
	free(uplink);
}

void
pz_uplink_set_tls(struct pz_uplink *uplink, struct pz_tls_ctx *takes_tls)
{
	pz_tls_ctx_free(uplink->tls);
	uplink->tls = takes_tls;
}

struct pz_tls_ctx *
pz_uplink_tls(const struct pz_uplink *uplink)
{
	return uplink->tls;
}

void
pz_uplink_loaded(struct pz_uplink *uplink)
{
	/* Not an event: nothing has happened, and programs get none. */
	pz_machine_init(&uplink->machine, uplink->env, &machine_ops, uplink, true);
}

void
pz_uplink_start(struct pz_uplink *uplink)
{
	if (uplink->config.zone->membership)
		pz_machine_start(&uplink->machine);
}

/* The state machine does the work: bye on the link, and no retry. A device without a zone has
 * nothing to end. */
void
pz_uplink_end(struct pz_uplink *uplink)
{
	uplink->is_ending = true;
	if (uplink->machine.state != PZ_STATE_VIRGIN)
		(void)pz_machine_event(&uplink->machine, PZ_EVENT_DISCONNECT, "stopping");
}

void
pz_uplink_drop_devices(struct pz_uplink *uplink, bool (*is_out)(void *arg, const char *device),
		       void *arg)
{
	const char *device;
	json_t *entry;
	void *next;

	json_object_foreach_safe (uplink->directory, next, device, entry) {
		if (is_out(arg, device))
			json_object_del(uplink->directory, device);
	}
}

void
pz_uplink_forget(struct pz_uplink *uplink)
{
	json_object_clear(uplink->directory);
	json_object_clear(uplink->told);
}

void
pz_uplink_set_keepalive(struct pz_uplink *uplink, uint64_t keepalive_us)
{
	uplink->config.link_host.keepalive_us = keepalive_us;
}

void
pz_uplink_network_changed(struct pz_uplink *uplink)
{
	pz_machine_network_changed(&uplink->machine);
	if (uplink->machine.state != PZ_STATE_CONNECTED)
		return;
	pz_uplink_send_info(uplink);
	if (uplink->relaying.via[0]) /* its address may lead to the hub now */
		pz_env_start(uplink->env, &uplink->relaying.again, 0);
	if (uplink->link)
		pz_link_probe(uplink->link, PZ_PEER_CONTEST_US); /* the route may have changed */
}

/* ---- state ---- */

struct pz_machine *
pz_uplink_machine(struct pz_uplink *uplink)
{
	return &uplink->machine;
}

enum pz_state
pz_uplink_state(const struct pz_uplink *uplink)
{
	return uplink->machine.state;
}

/* Registered, not only connected: before that no message may be sent on the link. */
bool
pz_uplink_is_up(const struct pz_uplink *uplink)
{
	return uplink->is_registered;
}

struct pz_session *
pz_uplink_session(const struct pz_uplink *uplink)
{
	return uplink->is_registered && uplink->link ? &uplink->link->session : NULL;
}

struct pz_sync_link *
pz_uplink_sync(const struct pz_uplink *uplink)
{
	return uplink->sync;
}

struct pz_log_rate *
pz_uplink_log(struct pz_uplink *uplink)
{
	return &uplink->log;
}

json_t *
pz_uplink_directory(const struct pz_uplink *uplink)
{
	return uplink->directory;
}

const char *
pz_uplink_hub_version(const struct pz_uplink *uplink)
{
	return uplink->hub_version;
}

const struct pz_hub_address *
pz_uplink_hub_address(const struct pz_uplink *uplink)
{
	return pz_uplink_place_used(uplink);
}

json_t *
pz_uplink_json(const struct pz_uplink *uplink)
{
	bool is_connected = uplink->machine.state == PZ_STATE_CONNECTED;
	uint64_t round_trip_us =
		is_connected && uplink->link ? pz_link_round_trip_us(uplink->link) : 0;
	json_t *result = pz_uplink_place_json(uplink);

	(void)json_object_set_new(result, "since",
				  is_connected ? json_integer((json_int_t)(uplink->since_ms / 1000))
					       : json_null());
	(void)json_object_set_new(result, "relay",
				  is_connected && uplink->relaying.via[0]
					  ? json_string(uplink->relaying.via)
					  : json_null());
	(void)json_object_set_new(result, "latencyMs",
				  round_trip_us ? json_real((double)round_trip_us / 1000)
						: json_null());
	return result;
}
