/* Datagrams of multicast DNS, before the library that answers them reads them. No I/O. */
#ifndef PZ_MDNS_PACKET_H
#define PZ_MDNS_PACKET_H

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

#endif
