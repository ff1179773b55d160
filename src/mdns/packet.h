/* Datagrams of multicast DNS, before the library that answers them reads them. No I/O. */
#ifndef PZ_MDNS_PACKET_H
#define PZ_MDNS_PACKET_H

#include <stdbool.h>

#include "base/limits.h"
#include "base/slice.h"

enum pz_mdns_packet {
	PZ_MDNS_PACKET_GOOD,
	PZ_MDNS_PACKET_MALFORMED, /* not a message of RFC 1035 4, or larger than RFC 6762 17 allows
				   */
	PZ_MDNS_PACKET_ALIAS,     /* well-formed, but one of its records is a CNAME or a DNAME */
};

/**
 * Walks all questions and all records of a datagram: the counts, every name with its compression
 * pointers, every length, and the data of the record types whose data the library reads. Bytes
 * behind the last record are allowed: no reader looks at them.
 * @param datagram as it was received; a stranger sent it
 * @spec RFC 1035 4.1, RFC 6762 18
 */
enum pz_mdns_packet pz_mdns_packet_check(struct pz_slice datagram);

/** A record, whatever its lifetime: a hash of its name, type and data. */
struct pz_mdns_mark {
	uint8_t bytes[16];
};

/** Marks of records that are no longer announced; the oldest make room. */
struct pz_mdns_echoes {
	struct pz_mdns_mark marks[PZ_MDNS_ECHOES_MAX];
	size_t len, next;
};

/** @param name uncompressed, as on the wire @param type RFC 1035 3.2.2 @param rdata uncompressed */
void pz_mdns_mark_make(struct pz_slice name, uint16_t type, struct pz_slice rdata,
		       struct pz_mdns_mark *out);
/** From now on a datagram with this record is an echo. */
void pz_mdns_echoes_add(struct pz_mdns_echoes *echoes, const struct pz_mdns_mark *mark);
/** It is announced again: no datagram is an echo because of it. */
void pz_mdns_echoes_remove(struct pz_mdns_echoes *echoes, const struct pz_mdns_mark *mark);

/**
 * Finds our own datagrams from before a change, which multicast brings back to us, however late:
 * answers and probes with a record (A, AAAA, SRV or TXT) that we announced then.
 * @param datagram PZ_MDNS_PACKET_GOOD
 */
bool pz_mdns_packet_is_echo(struct pz_slice datagram, const struct pz_mdns_echoes *echoes);

#endif
