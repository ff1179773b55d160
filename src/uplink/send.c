/* What this device sends to its hub. */
#include "uplink/internal.h"
#include "wire/message.h"

void
pz_uplink_send_prop(struct pz_uplink *uplink, const char *status, json_t *message)
{
	const struct pz_uplink_config *c = &uplink->config;
	struct pz_buf out;

	if (!uplink->is_registered || uplink->link == NULL)
		return;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err =
		pz_message_prop(&out, c->self, c->zone->membership->zone, status, message);
	if (err == PZ_OK)
		err = pz_link_send(uplink->link, pz_buf_slice(&out));
	if (err != PZ_OK)
		c->ops->unsent(c->arg, &uplink->link->session, status, err, out.len);
	pz_buf_fini(&out);
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
