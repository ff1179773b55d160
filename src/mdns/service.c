/*
 * A service to announce, as data: checks, copies, and the marks that identify its own records.
 * Nothing is resolved or sent here.
 */
#include "mdns/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/codec.h"

/* A DNS label of letters, digits and inner hyphens. */
static bool
is_host_label(const char *host)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(host), taken = 0;

	while (host[taken] != '\0' &&
	       (strchr(letters, host[taken]) || strchr("0123456789-", host[taken])))
		taken++;
	return len >= 1 && len <= PZ_MDNS_LABEL_BYTES_MAX && taken == len && host[0] != '-' &&
	       host[len - 1] != '-';
}

enum pz_err
pz_mdns_service_check(const struct pz_mdns_service *service, struct pz_errinfo *info)
{
	struct pz_slice instance = pz_slice_str(service->instance);
	size_t bytes = 0;

	if (instance.len < 1 || instance.len > PZ_MDNS_LABEL_BYTES_MAX ||
	    !pz_utf8_is_printable(instance))
		return pz_fail(info, PZ_ERR_CONFIG, "instance name: not 1 to 63 printable bytes");
	if (!is_host_label(service->host))
		return pz_fail(info, PZ_ERR_CONFIG, "host name: not a host label");
	if (service->port == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "port 0");
	if (service->txt_len > PZ_MDNS_TXT_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "over %d TXT strings", PZ_MDNS_TXT_MAX);
	for (size_t i = 0; i < service->txt_len; i++) {
		size_t len = strlen(service->txt[i]);

		/* RFC 6763 6.1: a length byte before each string, so 255 is the longest. */
		bytes += 1 + len;
		if (len < 1 || len > 255 || !pz_utf8_is_valid(pz_slice_str(service->txt[i])))
			return pz_fail(info, PZ_ERR_CONFIG, "TXT string %zu: malformed", i);
	}
	if (bytes > PZ_MDNS_TXT_BYTES_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "TXT over %d bytes", PZ_MDNS_TXT_BYTES_MAX);
	return PZ_OK;
}

static const char *
put(char **at, const char *text)
{
	char *copy = *at;

	*at = stpcpy(copy, text) + 1;
	return copy;
}

/* Struct, pointers and texts are one allocation, so free() suffices. */
struct pz_mdns_service *
pz_mdns_service_copy(const struct pz_mdns_service *service)
{
	size_t bytes = strlen(service->instance) + 1 + strlen(service->host) + 1;

	for (size_t i = 0; i < service->txt_len; i++)
		bytes += sizeof(char *) + strlen(service->txt[i]) + 1;
	struct pz_mdns_service *copy = malloc(sizeof(*copy) + bytes);
	if (copy == NULL)
		return NULL;
	const char **txt = (const char **)(void *)(copy + 1);
	char *at = (char *)(txt + service->txt_len);
	*copy = *service;
	copy->txt = txt;
	copy->instance = put(&at, service->instance);
	copy->host = put(&at, service->host);
	for (size_t i = 0; i < service->txt_len; i++)
		txt[i] = put(&at, service->txt[i]);
	return copy;
}

bool
pz_mdns_service_txt_eq(const struct pz_mdns_service *a, const struct pz_mdns_service *b)
{
	if (a->txt_len != b->txt_len)
		return false;
	for (size_t i = 0; i < a->txt_len; i++)
		if (strcmp(a->txt[i], b->txt[i]) != 0)
			return false;
	return true;
}

/* ---- marks ---- */

#define WIRE_BYTES_MAX 512 /* four labels, and six bytes before them */

static size_t
put_label(uint8_t *out, const char *text)
{
	/* The caller has checked the lengths; the mask makes sure that a fault there cannot write
	 * beyond the buffer. */
	size_t len = strlen(text) & PZ_MDNS_LABEL_BYTES_MAX;

	out[0] = (uint8_t)len;
	memcpy(out + 1, text, len);
	return len + 1;
}

/** Writes labels in wire format, up to a NULL, and the root. */
static size_t
put_wire_name(uint8_t *out, const char *const labels[])
{
	size_t len = 0;

	for (size_t i = 0; labels[i] != NULL; i++)
		len += put_label(out + len, labels[i]);
	out[len] = 0;
	return len + 1;
}

static size_t
put_txt(const struct pz_mdns_service *service, uint8_t out[PZ_MDNS_TXT_BYTES_MAX])
{
	size_t at = 0;

	for (size_t i = 0; i < service->txt_len; i++) {
		size_t len = strlen(service->txt[i]);

		if (len > 255 || len + 1 > PZ_MDNS_TXT_BYTES_MAX - at)
			break;
		out[at] = (uint8_t)len;
		memcpy(out + at + 1, service->txt[i], len);
		at += len + 1;
	}
	if (at == 0) /* RFC 6763 6.1: one empty string */
		out[at++] = 0;
	return at;
}

size_t
pz_mdns_service_marks(const struct pz_mdns_service *service,
		      struct pz_mdns_mark out[PZ_MDNS_MARKS_MAX])
{
	const char *labels[] = {service->instance, "_pzp", "_tcp", "local", NULL};
	const char *host[] = {service->host, "local", NULL};
	uint8_t name[WIRE_BYTES_MAX], srv[WIRE_BYTES_MAX] = {0}, txt[PZ_MDNS_TXT_BYTES_MAX];
	struct pz_slice wire = pz_slice_of(name, put_wire_name(name, labels));

	srv[4] = (uint8_t)(service->port >> 8); /* after priority and weight, both 0 */
	srv[5] = (uint8_t)service->port;
	size_t len = 6 + put_wire_name(srv + 6, host);
	pz_mdns_mark_make(wire, PZ_MDNS_SRV, pz_slice_of(srv, len), &out[0]);
	pz_mdns_mark_make(wire, PZ_MDNS_TXT, pz_slice_of(txt, put_txt(service, txt)), &out[1]);
	return PZ_MDNS_MARKS_MAX;
}

void
pz_mdns_address_mark(const char *host, const struct pz_mdns_local *address,
		     struct pz_mdns_mark *out)
{
	const char *labels[] = {host, "local", NULL};
	uint8_t name[WIRE_BYTES_MAX];

	pz_mdns_mark_make(pz_slice_of(name, put_wire_name(name, labels)),
			  address->len == 4 ? PZ_MDNS_A : PZ_MDNS_AAAA,
			  pz_slice_of(address->bytes, address->len), out);
}

void
pz_mdns_random_name(const struct pz_env *env, char out[PZ_MDNS_RANDOM_NAME_BYTES])
{
	uint8_t bytes[(PZ_MDNS_RANDOM_NAME_BYTES - 1) / 2];

	pz_env_random(env, bytes, sizeof(bytes));
	pz_hex_encode(bytes, sizeof(bytes), out);
}
