/* What this device sends to its hub. */
#include "uplink/internal.h"
#include "wire/message.h"

/* @param by_router the route is not our link */
static void
send_prop(struct pz_uplink *uplink, const char *status, json_t *message, bool by_router)
{
	const struct pz_uplink_config *c = &uplink->config;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err =
		pz_message_prop(&out, c->self, c->zone->membership->zone, status, message);
	if (err == PZ_OK)
		err = by_router ? pz_router_send(c->router, pz_buf_slice(&out))
				: pz_link_send(uplink->link, pz_buf_slice(&out));
	if (err != PZ_OK && by_router)
		pz_info_of(&uplink->log, uplink->env, "hub-prop-not-sent", "status=%s %s", status,
			   pz_err_text(err));
	else if (err != PZ_OK)
		c->ops->unsent(c->arg, &uplink->link->session, status, err, out.len);
	pz_buf_fini(&out);
}

void
pz_uplink_send_prop(struct pz_uplink *uplink, const char *status, json_t *message)
{
	/* Before the register the hub takes no prop. */
	if (uplink->is_registered && uplink->link)
		send_prop(uplink, status, message, false);
}

void
pz_uplink_send_by_any(struct pz_uplink *uplink, const char *status, json_t *message)
{
	const struct pz_uplink_config *c = &uplink->config;

	if (uplink->is_registered)
		pz_uplink_send_prop(uplink, status, message);
	else if (c->zone->membership &&
		 c->ops->has_relay(c->arg)) /* it goes the way of any message */
		send_prop(uplink, status, message, true);
}

void
pz_uplink_send_info(struct pz_uplink *uplink)
{
	if (!uplink->is_registered)
		return;
	json_t *info = uplink->config.ops->info(uplink->config.arg);
	pz_uplink_send_prop(uplink, "pzpInfo", info);
	json_decref(info);
}
