/* Reads DNS records, which any host on the local network can send. No I/O. */
#ifndef PZ_MDNS_TEXT_H
#define PZ_MDNS_TEXT_H

#include "base/slice.h"
#include "mdns/mdns.h"

/** A name as Avahi writes it: '.' and '\\' inside a label have a '\\' before them. */
#define PZ_MDNS_NAME_TEXT_BYTES 512
/** IPv6 address, '%', interface, NUL. */
#define PZ_MDNS_ADDRESS_TEXT_BYTES 64

enum pz_mdns_type { /* RFC 1035 3.2.2, RFC 3596 2.1, RFC 2782 */
		    PZ_MDNS_A = 1,
		    PZ_MDNS_PTR = 12,
		    PZ_MDNS_TXT = 16,
		    PZ_MDNS_AAAA = 28,
		    PZ_MDNS_SRV = 33,
};

struct pz_mdns_txt {
	const char *strings[PZ_MDNS_TXT_MAX];
	size_t len;
	char text[PZ_MDNS_TXT_BYTES_MAX + PZ_MDNS_TXT_MAX];
};

/**
 * The strings of a TXT record. What is empty, no UTF-8, holds a NUL or is over the limits is
 * skipped, and a string that the record cuts short ends it.
 * @spec RFC 1035 3.3.14, RFC 6763 6
 */
void pz_mdns_txt_read(struct pz_slice rdata, struct pz_mdns_txt *out);

/** The instance of a PTR record: the label before _pzp._tcp.local. Errors: PROTO (another name, or
 * a label that is not printable UTF-8). @spec RFC 6763 4.1 */
enum pz_err
pz_mdns_ptr_read(struct pz_slice rdata, char out_instance[PZ_MDNS_LABEL_BYTES_MAX + 1]) PZ_MUST_USE;

/** Port and host of an SRV record; the host is below "local". Errors: PROTO. @spec RFC 2782 */
enum pz_err pz_mdns_srv_read(struct pz_slice rdata, uint16_t *out_port,
			     char out_host[PZ_MDNS_NAME_TEXT_BYTES]) PZ_MUST_USE;

/**
 * The text of an A or AAAA record.
 * @param interface name of the interface that received it, for link-local addresses
 * Errors: PROTO (wrong size; or not a host's address: unspecified, loopback unless it came by "lo",
 * multicast, broadcast, IPv4 in IPv6).
 */
enum pz_err
pz_mdns_address_read(enum pz_mdns_type type, struct pz_slice rdata, const char *interface,
		     char out[PZ_MDNS_ADDRESS_TEXT_BYTES]) PZ_MUST_USE;

/** "<instance>._pzp._tcp.local", escaped. */
void pz_mdns_full_name(const char *instance, char out[PZ_MDNS_NAME_TEXT_BYTES]);

#endif
