/* The arguments of `pzp enrol`: a link, or host, zone and code separately. */
#include "enrolment/params.h"

#include <stdio.h>

#include "base/host.h"
#include "enrol/code.h"
#include "wire/json.h"

#define HUB_PORT_DEFAULT 8041

/* People type these, so each error says what to type instead. The zone is brought to its canonical
 * form; the host stays as typed, since it is resolved later. */
static enum pz_err
read_address(json_t *params, struct pz_enrol_link *out, struct pz_errinfo *info)
{
	const char *host = pz_json_str(params, "host"), *zone = pz_json_str(params, "zone");
	int64_t port = HUB_PORT_DEFAULT;

	if (host == NULL || zone == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "give a link, or a host, a zone and a code");
	if (!pz_host_is_dialable(host))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' is no host: give the hub's DNS name or IP address, a "
			       "link-local one as fe80::1%%eth0",
			       host);
	(void)pz_json_int(params, "port", 1, UINT16_MAX, &port); /* its range was checked */
	if (pz_zone_normalise(pz_slice_str(zone), out->zone) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG, "zone '%s' is not valid: user@domain", zone);
	snprintf(out->host, sizeof(out->host), "%s", host);
	out->port = (uint16_t)port;
	return PZ_OK;
}

/* A code that was given separately wins over the one in a link: a person may have copied an old
 * link. */
enum pz_err
pz_enrolment_read_params(json_t *params, const char *own_name, struct pz_enrol_link *out_where,
			 char out_device[PZ_DEVICE_BYTES_MAX + 1], struct pz_errinfo *info)
{
	const char *link = pz_json_str(params, "link"), *code = pz_json_str(params, "code");
	const char *device = pz_json_str(params, "device");

	if (link)
		PZ_TRY(pz_enrol_link_parse(link, out_where, info));
	else
		PZ_TRY(read_address(params, out_where, info));
	if (code && pz_code_parse(code, out_where->code) != PZ_OK)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the code is not valid: 8 digits, as `pzh token` shows them");
	if (out_where->code[0] == '\0')
		return pz_fail(info, PZ_ERR_CONFIG,
			       "no code: the link has none, give it with --code");
	if (device && !pz_device_is_valid(pz_slice_str(device)))
		return pz_fail(
			info, PZ_ERR_CONFIG,
			"device name '%s' is not valid: use letters, digits, '.', '_' and '-', at "
			"most 63 "
			"of them, a letter or digit first; `pzp name` gives it any name for people",
			device);
	snprintf(out_device, PZ_DEVICE_BYTES_MAX + 1, "%s", device ? device : own_name);
	return PZ_OK;
}
