#include "pzh/result.h"

#include "base/codec.h"
#include "zone/authority.h"

json_t *
pzh_init_result(const struct pz_authority *authority)
{
	uint8_t digest[32];
	char hex[2 * sizeof(digest) + 1];

	pz_cert_fingerprint(authority->ca, digest);
	pz_hex_encode(digest, sizeof(digest), hex);
	return json_pack("{s:s, s:s, s:s}", "zone", authority->zone, "host", authority->host,
			 "fingerprint", hex);
}

json_t *
pzh_device_result(const struct pz_member *m)
{
	json_t *addresses = json_object_get(m->info, "addresses");
	json_t *port = json_object_get(m->info, "port");

	return json_pack("{s:s, s:s, s:s, s:b, s:s*, s:o, s:o, s:I, s:o, s:s}", "name", m->device,
			 "displayName", m->display_name, "deviceType", m->device_type, "connected",
			 pz_member_is_connected(m), "via", m->via, "addresses",
			 addresses ? json_deep_copy(addresses) : json_array(), "port",
			 port ? json_deep_copy(port) : json_integer(0), "enrolled",
			 (json_int_t)(m->enrolled_ms / 1000), "lastSeen",
			 m->last_seen_ms ? json_integer((json_int_t)(m->last_seen_ms / 1000))
					 : json_null(),
			 "serial", m->serial);
}
