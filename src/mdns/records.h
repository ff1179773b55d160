/* The records of one instance, as they came: one for each interface and protocol. */
#ifndef PZ_MDNS_RECORDS_H
#define PZ_MDNS_RECORDS_H

#include "base/list.h"
#include "mdns/text.h"

struct pz_mdns_record {
	struct pz_list node;
	enum pz_mdns_type type;
	int interface;
	uint8_t protocol;
	bool is_reported;                      /* of addresses */
	char text[PZ_MDNS_ADDRESS_TEXT_BYTES]; /* likewise */
	size_t len;
	uint8_t rdata[];
};

struct pz_mdns_records {
	struct pz_list list; /* oldest first */
	size_t len, bytes;
};

/** Empty list. */
void pz_mdns_records_init(struct pz_mdns_records *records);
/** Adds a record that is not there. It is left out when it is over the limits, when there is no
 * memory, or when it is not a host's address. An address that was reported for another interface or
 * protocol counts as reported. */
void pz_mdns_records_add(struct pz_mdns_records *records, enum pz_mdns_type type, int interface,
			 uint8_t protocol, struct pz_slice rdata);
/** Removes it, if it is there. */
void pz_mdns_records_remove(struct pz_mdns_records *records, enum pz_mdns_type type, int interface,
			    uint8_t protocol, struct pz_slice rdata);
/** Removes all records for whose type `which` returns true. */
void pz_mdns_records_drop(struct pz_mdns_records *records, bool (*which)(enum pz_mdns_type type));
/** For pz_mdns_records_drop: true for every type. */
bool pz_mdns_is_any(enum pz_mdns_type type);
/** For pz_mdns_records_drop: true for PTR. */
bool pz_mdns_is_ptr(enum pz_mdns_type type);
/** For pz_mdns_records_drop: true for A and AAAA. */
bool pz_mdns_is_address(enum pz_mdns_type type);

/** The newest record of a type, or NULL. */
const struct pz_mdns_record *
pz_mdns_records_newest(const struct pz_mdns_records *records, enum pz_mdns_type type);
static inline struct pz_slice
pz_mdns_record_rdata(const struct pz_mdns_record *record)
{
	return pz_slice_of(record->rdata, record->len);
}

/** An address that was not reported yet, or NULL. @param out_any whether there is any at all */
const struct pz_mdns_record *
pz_mdns_records_unreported(const struct pz_mdns_records *records, bool *out_any);
/** Marks an address as reported, for every interface and protocol that it came by. */
void pz_mdns_records_reported(struct pz_mdns_records *records, const char *address);
/** Marks all addresses as not reported. */
void pz_mdns_records_report_again(struct pz_mdns_records *records);

#endif
