/* What this device sends to peers and the hub about itself (pzpInfo). */
#include "base/netaddr.h"
#include "peers/internal.h"

static void
add_address(void *arg, const char *address)
{
	struct pz_netaddr a;

	/* The best addresses come first. A link-local address contains an interface of this
	 * machine: devices on that network receive it by multicast DNS. */
	if (json_array_size(arg) < PZ_PEER_ADDRESSES_MAX && pz_netaddr_parse(address, &a) &&
	    !pz_netaddr_is_link_local(&a))
		json_array_append_new(arg, json_string(address));
}

static json_t *
own_addresses(const struct pz_peers *peers)
{
	const struct pz_peers_config *config = &peers->config;
	json_t *list = json_array();
	bool is_any = config->listen == NULL || config->listen[0] == '\0' ||
		      strcmp(config->listen, "::") == 0 || strcmp(config->listen, "0.0.0.0") == 0;

	if (list && !is_any)
		add_address(list, config->listen);
	else if (list && config->addresses)
		config->addresses(add_address, list);
	return list;
}

json_t *
pz_peers_info(const struct pz_peers *peers)
{
	return json_pack("{s:s, s:s, s:i, s:o?, s:b, s:s}", "displayName",
			 peers->config.display_name, "deviceType", peers->config.device_type,
			 "port", (int)peers->port, "addresses", own_addresses(peers), "listening",
			 peers->listener != NULL, "session", peers->session);
}

json_t *
pz_peers_info_for_hub(const struct pz_peers *peers)
{
	return pz_peers_info(peers);
}
