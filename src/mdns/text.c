/*
 * Reads the content of DNS records in uncompressed form, as Avahi delivers it: strings, labels and
 * addresses that any host on the local network may have invented. What deviates from RFC 6763 is
 * refused; names of instances must be printable, because people see them.
 */
#include "mdns/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/codec.h"

#define SRV_HEAD_BYTES 6   /* priority, weight, port */
#define NAME_BYTES_MAX 255 /* RFC 1035 2.3.4 */

/* Strings over the limits are skipped, and so is everything after a malformed one: an announcement
 * with a fault at its end is still useful. */
void
pz_mdns_txt_read(struct pz_slice rdata, struct pz_mdns_txt *out)
{
	size_t used = 0;

	out->len = 0;
	for (size_t at = 0; at < rdata.len && out->len < PZ_MDNS_TXT_MAX;) {
		struct pz_slice string = {rdata.ptr + at + 1, rdata.ptr[at]};

		if (string.len > rdata.len - at - 1)
			return;
		at += 1 + string.len;
		if (string.len == 0 || memchr(string.ptr, '\0', string.len) ||
		    !pz_utf8_is_valid(string))
			continue;
		if (used + string.len + 1 > sizeof(out->text))
			return;
		memcpy(out->text + used, string.ptr, string.len);
		out->text[used + string.len] = '\0';
		out->strings[out->len++] = out->text + used;
		used += string.len + 1;
	}
}

/** Cuts off the next label of an uncompressed name; false at the end and when it is malformed. */
static bool
next_label(struct pz_slice *name, struct pz_slice *out)
{
	if (name->len == 0 || name->ptr[0] == 0 || name->ptr[0] > PZ_MDNS_LABEL_BYTES_MAX ||
	    (size_t)name->ptr[0] + 1 > name->len)
		return false;
	*out = pz_slice_of(name->ptr + 1, name->ptr[0]);
	*name = pz_slice_of(name->ptr + 1 + out->len, name->len - 1 - out->len);
	return true;
}

/** Exactly the end of a name: the root, and nothing after it. */
static bool
is_end(struct pz_slice name)
{
	return name.len == 1 && name.ptr[0] == 0;
}

static bool
is_label(struct pz_slice label, const char *text)
{
	return label.len == strlen(text) &&
	       strncasecmp((const char *)label.ptr, text, label.len) == 0;
}

/* A NUL is not printable, so a label that passes is a C string. */
static bool
is_text(struct pz_slice label)
{
	return pz_utf8_is_printable(label);
}

enum pz_err
pz_mdns_ptr_read(struct pz_slice rdata, char out_instance[PZ_MDNS_LABEL_BYTES_MAX + 1])
{
	static const char *const rest[] = {"_pzp", "_tcp", "local"};
	struct pz_slice instance, label;

	if (!next_label(&rdata, &instance) || !is_text(instance))
		return PZ_ERR_PROTO;
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		if (!next_label(&rdata, &label) || !is_label(label, rest[i]))
			return PZ_ERR_PROTO;
	if (!is_end(rdata))
		return PZ_ERR_PROTO;
	memcpy(out_instance, instance.ptr, instance.len);
	out_instance[instance.len] = '\0';
	return PZ_OK;
}

static char *
put_label(char *at, struct pz_slice label)
{
	for (size_t i = 0; i < label.len; i++) {
		if (label.ptr[i] == '.' || label.ptr[i] == '\\')
			*at++ = '\\';
		*at++ = (char)label.ptr[i];
	}
	*at = '\0';
	return at;
}

enum pz_err
pz_mdns_srv_read(struct pz_slice rdata, uint16_t *out_port, char out_host[PZ_MDNS_NAME_TEXT_BYTES])
{
	/* Twice the bytes of a name, since each byte may be escaped. */
	_Static_assert(PZ_MDNS_NAME_TEXT_BYTES > 2 * NAME_BYTES_MAX, "an escaped name fits");
	char host[PZ_MDNS_NAME_TEXT_BYTES] = "", *at = host;
	struct pz_slice label, last = {NULL, 0};

	if (rdata.len < SRV_HEAD_BYTES || rdata.len > SRV_HEAD_BYTES + NAME_BYTES_MAX)
		return PZ_ERR_PROTO;
	uint16_t port = (uint16_t)(rdata.ptr[4] << 8 | rdata.ptr[5]);
	rdata = pz_slice_of(rdata.ptr + SRV_HEAD_BYTES, rdata.len - SRV_HEAD_BYTES);
	while (next_label(&rdata, &label)) {
		if (!is_text(label))
			return PZ_ERR_PROTO;
		if (at != host)
			*at++ = '.';
		at = put_label(at, label);
		last = label;
	}
	if (!is_end(rdata) || port == 0 || !is_label(last, "local") || at == host + last.len)
		return PZ_ERR_PROTO;
	memcpy(out_host, host, sizeof(host));
	*out_port = port;
	return PZ_OK;
}

static enum pz_err
read_v4(struct pz_slice rdata, const char *interface, char out[PZ_MDNS_ADDRESS_TEXT_BYTES])
{
	struct in_addr v4;

	if (rdata.len != sizeof(v4))
		return PZ_ERR_PROTO;
	memcpy(&v4, rdata.ptr, sizeof(v4));
	uint32_t bits = ntohl(v4.s_addr), first = bits >> 24;
	if (first == 0 || first >= 224 || (first == 127 && strcmp(interface, "lo") != 0))
		return PZ_ERR_PROTO;
	return inet_ntop(AF_INET, &v4, out, PZ_MDNS_ADDRESS_TEXT_BYTES) ? PZ_OK : PZ_ERR_PROTO;
}

static enum pz_err
read_v6(struct pz_slice rdata, const char *interface, char out[PZ_MDNS_ADDRESS_TEXT_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "";
	struct in6_addr v6;

	if (rdata.len != sizeof(v6))
		return PZ_ERR_PROTO;
	memcpy(&v6, rdata.ptr, sizeof(v6));
	if (IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_MULTICAST(&v6) ||
	    IN6_IS_ADDR_V4MAPPED(&v6) ||
	    (IN6_IS_ADDR_LOOPBACK(&v6) && strcmp(interface, "lo") != 0))
		return PZ_ERR_PROTO;
	if (inet_ntop(AF_INET6, &v6, text, sizeof(text)) == NULL)
		return PZ_ERR_PROTO;
	if (!IN6_IS_ADDR_LINKLOCAL(&v6)) {
		memcpy(out, text, sizeof(text));
		return PZ_OK;
	}
	if (interface[0] == '\0' || strlen(interface) > 15) /* IFNAMSIZ - 1 */
		return PZ_ERR_PROTO;
	snprintf(out, PZ_MDNS_ADDRESS_TEXT_BYTES, "%s%%%s", text, interface);
	return PZ_OK;
}

enum pz_err
pz_mdns_address_read(enum pz_mdns_type type, struct pz_slice rdata, const char *interface,
		     char out[PZ_MDNS_ADDRESS_TEXT_BYTES])
{
	return type == PZ_MDNS_A ? read_v4(rdata, interface, out) : read_v6(rdata, interface, out);
}

void
pz_mdns_full_name(const char *instance, char out[PZ_MDNS_NAME_TEXT_BYTES])
{
	static const char rest[] = "." PZ_MDNS_TYPE ".local";

	memcpy(put_label(out, pz_slice_str(instance)), rest, sizeof(rest));
}
