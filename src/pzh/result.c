/* Scripts read these members, which docs/control-protocol.md describes: they may be added to, never
 * changed. Times are seconds, while the hub keeps milliseconds. */
#include "pzh/result.h"

#include "base/codec.h"
#include "wire/json.h"
#include "zone/authority.h"

json_t *
pz_pzh_init_result(const struct pz_authority *authority)
{
	uint8_t digest[32];
	char hex[2 * sizeof(digest) + 1];

	pz_cert_fingerprint(authority->ca, digest);
	pz_hex_encode(digest, sizeof(digest), hex);
	return json_pack("{s:s, s:s, s:s}", "zone", authority->zone, "host", authority->host,
			 "fingerprint", hex);
}

json_t *
pz_pzh_device_result(const struct pz_member *m)
{
	json_t *addresses = json_object_get(m->info, "addresses");
	json_t *port = json_object_get(m->info, "port");

	return json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:I, s:o, s:s, s:o}", "name", m->device,
			 "displayName", m->display_name, "deviceType", m->device_type, "connected",
			 pz_member_is_connected(m), "addresses",
			 addresses ? json_deep_copy(addresses) : json_array(), "port",
			 port ? json_deep_copy(port) : json_integer(0), "enrolled",
			 (json_int_t)(m->enrolled_ms / 1000), "lastSeen",
			 m->last_seen_ms ? json_integer((json_int_t)(m->last_seen_ms / 1000))
					 : json_null(),
			 "serial", m->serial, "rights", pz_rights_json(pz_member_rights(m)));
}

/* 0 is "never". */
static json_t *
seconds(uint64_t ms)
{
	return ms ? json_integer((json_int_t)(ms / 1000)) : json_null();
}

/* The same members as for a connected device: a reader needs no second form. */
static json_t *
former_result(const struct pz_member *m, const json_t *former)
{
	int64_t enrolled = 0, revoked = 0;
	const char *serial = pz_json_str(former, "serial");

	(void)pz_json_int(former, "enrolled", 0, INT64_MAX, &enrolled);
	(void)pz_json_int(former, "revokedAt", 0, INT64_MAX, &revoked);
	return json_pack("{s:s, s:s, s:s, s:b, s:[], s:i, s:I, s:n, s:s, s:o, s:s}", "name",
			 m->device, "displayName", m->display_name, "deviceType", m->device_type,
			 "connected", 0, "addresses", "port", 0, "enrolled",
			 (json_int_t)(enrolled / 1000), "lastSeen", "serial", serial ? serial : "",
			 "revoked", seconds((uint64_t)revoked), "reason",
			 pz_revoked_text(pz_revoked_of(former, "why")));
}

void
pz_pzh_add_all_results(json_t *list, const struct pz_member *m)
{
	json_t *result = pz_pzh_device_result(m), *former;
	size_t i;

	json_array_foreach (m->former, i, former)
		json_array_append_new(list, former_result(m, former));
	/* A revocation by an older version has no time. */
	(void)json_object_set_new(result, "revoked",
				  !m->revoked     ? json_null()
				  : m->revoked_ms ? seconds(m->revoked_ms)
						  : json_integer(0));
	(void)json_object_set_new(result, "reason",
				  json_string(m->revoked ? pz_revoked_text(m->revoked_why) : ""));
	json_array_append_new(list, result);
}

json_t *
pz_pzh_move_result(const struct pz_authority *a)
{
	return json_pack("{s:s, s:i}", "host", a->move.notice.at.host, "port",
			 (int)a->move.notice.at.port);
}

json_t *
pz_pzh_export_result(const struct pz_authority *a, size_t bytes)
{
	json_t *result = pz_pzh_init_result(a);

	(void)json_object_set_new(result, "devices",
				  json_integer((json_int_t)pz_authority_devices(a)));
	(void)json_object_set_new(result, "bytes", json_integer((json_int_t)bytes));
	if (a->move.is_moving)
		(void)json_object_set_new(result, "moving", pz_pzh_move_result(a));
	return result;
}

json_t *
pz_pzh_import_result(const struct pz_authority *a, uint16_t port)
{
	json_t *result = pz_pzh_init_result(a);

	(void)json_object_set_new(result, "port", json_integer(port));
	(void)json_object_set_new(result, "devices",
				  json_integer((json_int_t)pz_authority_devices(a)));
	(void)json_object_set_new(result, "crlNumber",
				  json_integer((json_int_t)pz_crl_number(a->crl)));
	return result;
}

json_t *
pz_pzh_stay_result(const struct pz_authority *a)
{
	const struct pz_hub_notice *notice = &a->move.notice;

	return json_pack("{s:s, s:b, s:s, s:i, s:I}", "zone", a->zone, "moving", a->move.is_moving,
			 "host", notice->at.host, "port", (int)notice->at.port, "number",
			 (json_int_t)notice->number);
}
