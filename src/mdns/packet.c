/*
 * libavahi-core 0.8 aborts with an assertion, or recurses without end, when it follows an alias
 * (CVE-2025-68468, CVE-2025-68471, CVE-2026-24401), and Debian 12 has no later version. No service
 * of ours has an alias, so the whole datagram with one is dropped: cutting a record out would move
 * the names that later records point to.
 *
 * A compression pointer must point to a place before the name that contains it, and so must the
 * pointers of the name there: so every name ends, without a counter of jumps.
 *
 * Echoes: the library delays answers, and sends the records that were valid when the query came.
 * Multicast returns our own answer to us. After a change of the records the library takes this
 * answer for that of another host with our name, and withdraws what it announces. So such echoes
 * are dropped, as whole datagrams, since all of their records are ours.
 */
#include "mdns/packet.h"

#include <sodium.h>
#include <string.h>

#define HEADER_BYTES 12
#define NAME_BYTES_MAX 255 /* RFC 1035 2.3.4, on the wire */
#define LABEL_BYTES_MAX 63

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_PTR = 12,
	TYPE_HINFO = 13,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_DNAME = 39,
};

static size_t
number_at(struct pz_slice packet, size_t at)
{
	return (size_t)packet.ptr[at] << 8 | packet.ptr[at + 1];
}

/** A name on the wire, uncompressed. */
struct name {
	uint8_t bytes[NAME_BYTES_MAX];
	size_t len;
};

/**
 * @param end the name must end before this; its pointers may point anywhere before it @param at
 * begin of the name; afterwards what follows it @param out the name, when it is well-formed
 */
static bool
read_name(struct pz_slice packet, size_t end, size_t *at, struct name *out)
{
	size_t pos = *at, after = 0, bound = end, begin = *at, total = 0;

	for (;;) {
		if (pos >= bound)
			return false;
		size_t len = packet.ptr[pos];
		if (len >= 0xc0) {
			if (bound - pos < 2)
				return false;
			size_t target = number_at(packet, pos) & 0x3fff;
			if (target < HEADER_BYTES || target >= begin)
				return false;
			if (after == 0)
				after = pos + 2;
			bound = begin; /* it must not reach the place that pointed here */
			pos = begin = target;
			continue;
		}
		total += len + 1;
		if (len > LABEL_BYTES_MAX || total > NAME_BYTES_MAX || bound - pos < len + 1)
			return false;
		memcpy(out->bytes + total - len - 1, packet.ptr + pos, len + 1);
		pos += len + 1;
		if (len == 0)
			break;
	}
	out->len = total;
	*at = after != 0 ? after : pos;
	return true;
}

static bool
skip_name(struct pz_slice packet, size_t end, size_t *at)
{
	struct name name;

	return read_name(packet, end, at, &name);
}

/** Strings, each preceded by its length, that fill the space exactly. */
static bool
are_strings(struct pz_slice packet, size_t at, size_t end)
{
	while (at < end)
		at += 1U + packet.ptr[at];
	return at == end;
}

static bool
is_name(struct pz_slice packet, size_t at, size_t end)
{
	return at <= end && skip_name(packet, end, &at) && at == end;
}

/** Checks the data of a record, for the types that the library parses. */
static bool
is_data(struct pz_slice packet, size_t type, size_t at, size_t end)
{
	switch (type) {
	case TYPE_A:
		return end - at == 4;
	case TYPE_AAAA:
		return end - at == 16;
	case TYPE_TXT:
	case TYPE_HINFO:
		return are_strings(packet, at, end);
	case TYPE_NS:
	case TYPE_PTR:
		return is_name(packet, at, end);
	case TYPE_SRV:
		return is_name(packet, at + 6, end);
	default:
		return true;
	}
}

static enum pz_mdns_packet
skip_record(struct pz_slice packet, size_t *at)
{
	if (!skip_name(packet, packet.len, at) || packet.len - *at < 10)
		return PZ_MDNS_PACKET_MALFORMED;
	size_t type = number_at(packet, *at), len = number_at(packet, *at + 8);
	*at += 10;
	if (packet.len - *at < len)
		return PZ_MDNS_PACKET_MALFORMED;
	*at += len;
	if (type == TYPE_CNAME || type == TYPE_DNAME)
		return PZ_MDNS_PACKET_ALIAS;
	return is_data(packet, type, *at - len, *at) ? PZ_MDNS_PACKET_GOOD
						     : PZ_MDNS_PACKET_MALFORMED;
}

enum pz_mdns_packet
pz_mdns_packet_check(struct pz_slice datagram)
{
	bool has_alias = false;
	size_t at = HEADER_BYTES;

	if (datagram.len < HEADER_BYTES || datagram.len > PZ_MDNS_PACKET_BYTES_MAX)
		return PZ_MDNS_PACKET_MALFORMED;
	for (size_t left = number_at(datagram, 4); left > 0; left--) {
		if (!skip_name(datagram, datagram.len, &at) || datagram.len - at < 4)
			return PZ_MDNS_PACKET_MALFORMED;
		at += 4;
	}
	size_t records = number_at(datagram, 6) + number_at(datagram, 8) + number_at(datagram, 10);
	for (; records > 0; records--) {
		enum pz_mdns_packet is = skip_record(datagram, &at);

		if (is == PZ_MDNS_PACKET_MALFORMED)
			return is;
		has_alias = has_alias || is == PZ_MDNS_PACKET_ALIAS;
	}
	return has_alias ? PZ_MDNS_PACKET_ALIAS : PZ_MDNS_PACKET_GOOD;
}

/* ---- echoes ---- */

void
pz_mdns_mark_make(struct pz_slice name, uint16_t type, struct pz_slice rdata,
		  struct pz_mdns_mark *out)
{
	uint8_t number[2] = {(uint8_t)(type >> 8), (uint8_t)type};
	crypto_generichash_state state;

	/* A name has its own end, so the hashed parts cannot run into each other. */
	crypto_generichash_init(&state, NULL, 0, sizeof(out->bytes));
	crypto_generichash_update(&state, name.ptr, name.len);
	crypto_generichash_update(&state, number, sizeof(number));
	crypto_generichash_update(&state, rdata.ptr, rdata.len);
	crypto_generichash_final(&state, out->bytes, sizeof(out->bytes));
}

/** @return echoes->len if there is no such mark */
static size_t
place_of(const struct pz_mdns_echoes *echoes, const struct pz_mdns_mark *mark)
{
	size_t i = 0;

	while (i < echoes->len && memcmp(&echoes->marks[i], mark, sizeof(*mark)) != 0)
		i++;
	return i;
}

void
pz_mdns_echoes_add(struct pz_mdns_echoes *echoes, const struct pz_mdns_mark *mark)
{
	if (place_of(echoes, mark) < echoes->len)
		return;
	echoes->marks[echoes->next] = *mark;
	echoes->next = (echoes->next + 1) % PZ_MDNS_ECHOES_MAX;
	if (echoes->len < PZ_MDNS_ECHOES_MAX)
		echoes->len++;
}

void
pz_mdns_echoes_remove(struct pz_mdns_echoes *echoes, const struct pz_mdns_mark *mark)
{
	size_t place = place_of(echoes, mark);

	/* The array keeps its order, so the place becomes the mark of no record. */
	if (place < echoes->len)
		memset(&echoes->marks[place], 0, sizeof(*mark));
}

/**
 * @param at begin of a record of a valid datagram; afterwards what follows it @return whether it is
 * a former record of ours; false for types that cannot conflict
 */
static bool
is_former(struct pz_slice packet, size_t *at, const struct pz_mdns_echoes *echoes)
{
	uint8_t data[6 + NAME_BYTES_MAX];
	struct name name = {.len = 0}, host = {.len = 0};
	struct pz_mdns_mark mark;

	(void)read_name(packet, packet.len, at, &name);
	size_t type = number_at(packet, *at), len = number_at(packet, *at + 8), begin = *at + 10;
	struct pz_slice rdata = pz_slice_of(packet.ptr + begin, len);

	*at = begin + len;
	if (type == TYPE_SRV) {
		size_t target = begin + 6;

		(void)read_name(packet, *at, &target, &host);
		memcpy(data, rdata.ptr, 6);
		memcpy(data + 6, host.bytes, host.len);
		rdata = pz_slice_of(data, 6 + host.len);
	} else if (type != TYPE_A && type != TYPE_AAAA && type != TYPE_TXT) {
		return false;
	}
	pz_mdns_mark_make(pz_slice_of(name.bytes, name.len), (uint16_t)type, rdata, &mark);
	return place_of(echoes, &mark) < echoes->len;
}

bool
pz_mdns_packet_is_echo(struct pz_slice datagram, const struct pz_mdns_echoes *echoes)
{
	bool is_answer = (datagram.ptr[2] & 0x80) != 0, is_echo = false;
	size_t at = HEADER_BYTES, known = is_answer ? 0 : number_at(datagram, 6);
	size_t records = number_at(datagram, 6) + number_at(datagram, 8) + number_at(datagram, 10);

	if (echoes->len == 0)
		return false;
	for (size_t left = number_at(datagram, 4); left > 0; left--) {
		(void)skip_name(datagram, datagram.len, &at);
		at += 4;
	}
	/* The answer section of a query lists what its sender knows of other hosts, including us:
	 * that is not an echo. */
	for (size_t i = 0; i < records && !is_echo; i++)
		is_echo = is_former(datagram, &at, echoes) && i >= known;
	return is_echo;
}
