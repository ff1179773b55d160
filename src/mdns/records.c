/*
 * Records are stored as received: the same address may be received on two interfaces and by two
 * protocols, and the end of one record must not remove the address. So each record is an entry of
 * its own; when its end is reported it is found by type, interface, protocol and content.
 *
 * Whether the owner knows an address is stored in the records (is_reported), in all with the same
 * text at once. A list and linear searches suffice: PZ_MDNS_RECORDS_MAX is 64.
 */
#include "mdns/records.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
pz_mdns_records_init(struct pz_mdns_records *records)
{
	*records = (struct pz_mdns_records){.len = 0};
	pz_list_init(&records->list);
}

static struct pz_mdns_record *
record_of(struct pz_list *node)
{
	return PZ_CONTAINER(node, struct pz_mdns_record, node);
}

static void
drop(struct pz_mdns_records *records, struct pz_mdns_record *record)
{
	pz_list_remove(&record->node);
	records->len--;
	records->bytes -= record->len;
	free(record);
}

bool
pz_mdns_is_any(enum pz_mdns_type type)
{
	(void)type;
	return true;
}

bool
pz_mdns_is_ptr(enum pz_mdns_type type)
{
	return type == PZ_MDNS_PTR;
}

bool
pz_mdns_is_address(enum pz_mdns_type type)
{
	return type == PZ_MDNS_A || type == PZ_MDNS_AAAA;
}

void
pz_mdns_records_drop(struct pz_mdns_records *records, bool (*which)(enum pz_mdns_type type))
{
	PZ_LIST_EACH (&records->list, node, tmp)
		if (which(record_of(node)->type))
			drop(records, record_of(node));
}

const struct pz_mdns_record *
pz_mdns_records_newest(const struct pz_mdns_records *records, enum pz_mdns_type type)
{
	for (struct pz_list *node = records->list.prev; node != &records->list; node = node->prev)
		if (record_of(node)->type == type)
			return record_of(node);
	return NULL;
}

static struct pz_mdns_record *
find(const struct pz_mdns_records *records, enum pz_mdns_type type, int interface, uint8_t protocol,
     struct pz_slice rdata)
{
	PZ_LIST_EACH (&records->list, node, tmp) {
		struct pz_mdns_record *record = record_of(node);

		if (record->type == type && record->interface == interface &&
		    record->protocol == protocol &&
		    pz_slice_eq(pz_mdns_record_rdata(record), rdata))
			return record;
	}
	return NULL;
}

/* True when an address with this text was reported, from any record. */
static bool
is_reported(const struct pz_mdns_records *records, const char *address)
{
	PZ_LIST_EACH (&records->list, node, tmp)
		if (record_of(node)->is_reported && strcmp(record_of(node)->text, address) == 0)
			return true;
	return false;
}

/* A link-local address has the name of its interface; the name is empty when the interface no
 * longer exists. */
static bool
address_text(enum pz_mdns_type type, int interface, struct pz_slice rdata,
	     char out[PZ_MDNS_ADDRESS_TEXT_BYTES])
{
	char name[IF_NAMESIZE];

	if (if_indextoname((unsigned)interface, name) == NULL)
		name[0] = '\0';
	return pz_mdns_address_read(type, rdata, name, out) == PZ_OK;
}

void
pz_mdns_records_add(struct pz_mdns_records *records, enum pz_mdns_type type, int interface,
		    uint8_t protocol, struct pz_slice rdata)
{
	char text[PZ_MDNS_ADDRESS_TEXT_BYTES] = "";

	if (find(records, type, interface, protocol, rdata) != NULL ||
	    records->len == PZ_MDNS_RECORDS_MAX ||
	    rdata.len > PZ_MDNS_RECORD_BYTES_MAX - records->bytes)
		return;
	if (pz_mdns_is_address(type) && !address_text(type, interface, rdata, text))
		return;
	struct pz_mdns_record *record = calloc(1, sizeof(*record) + rdata.len);
	if (record == NULL)
		return;
	record->type = type;
	record->interface = interface;
	record->protocol = protocol;
	memcpy(record->text, text, sizeof(text));
	/* a second record of a reported address is not reported */
	record->is_reported = is_reported(records, text);
	record->len = rdata.len;
	if (rdata.len > 0)
		memcpy(record->rdata, rdata.ptr, rdata.len);
	pz_list_append(&records->list, &record->node);
	records->len++;
	records->bytes += rdata.len;
}

void
pz_mdns_records_remove(struct pz_mdns_records *records, enum pz_mdns_type type, int interface,
		       uint8_t protocol, struct pz_slice rdata)
{
	struct pz_mdns_record *record = find(records, type, interface, protocol, rdata);

	if (record != NULL)
		drop(records, record);
}

const struct pz_mdns_record *
pz_mdns_records_unreported(const struct pz_mdns_records *records, bool *out_any)
{
	*out_any = false;
	PZ_LIST_EACH (&records->list, node, tmp) {
		const struct pz_mdns_record *record = record_of(node);

		if (!pz_mdns_is_address(record->type))
			continue;
		*out_any = true;
		if (!record->is_reported)
			return record;
	}
	return NULL;
}

void
pz_mdns_records_reported(struct pz_mdns_records *records, const char *address)
{
	PZ_LIST_EACH (&records->list, node, tmp)
		if (strcmp(record_of(node)->text, address) == 0)
			record_of(node)->is_reported = true;
}

void
pz_mdns_records_report_again(struct pz_mdns_records *records)
{
	PZ_LIST_EACH (&records->list, node, tmp)
		record_of(node)->is_reported = false;
}
