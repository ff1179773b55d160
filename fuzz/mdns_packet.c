/*
 * Target functions: pz_mdns_packet_check, pz_mdns_packet_is_echo.
 * Input: a datagram of multicast DNS.
 * Must hold: in a datagram that passes, a reader that checks nothing but jumps finds every name of
 * a record short and ended, every length inside, and no alias; and bytes behind it change nothing.
 */
#include "fuzz.h"

#include "mdns/packet.h"

static unsigned
number(const uint8_t *data, size_t at)
{
	return (unsigned)data[at] << 8 | data[at + 1];
}

/** Follows a name as a resolver does that checks nothing. @return what follows it */
static size_t
read_name(const uint8_t *data, size_t size, size_t at)
{
	size_t after = 0, bytes = 0, len;

	for (;;) {
		FUZZ_CHECK(at < size);
		len = data[at];
		if (len < 0xc0) {
			bytes += len + 1;
			FUZZ_CHECK(len <= 63 && bytes <= 255 && len < size - at);
			at += len + 1;
			if (len == 0)
				return after ? after : at;
			continue;
		}
		FUZZ_CHECK(at + 1 < size);
		after = after ? after : at + 2;
		FUZZ_CHECK((number(data, at) & 0x3fff) < at); /* so it has an end */
		at = number(data, at) & 0x3fff;
	}
}

static void
read_record(const uint8_t *data, size_t size, size_t *at)
{
	*at = read_name(data, size, *at);
	FUZZ_CHECK(*at + 10 <= size);
	unsigned type = number(data, *at), len = number(data, *at + 8);
	*at += 10;
	FUZZ_CHECK(len <= size - *at);
	FUZZ_CHECK(type != 5 && type != 39);
	if (type == 12)
		FUZZ_CHECK(read_name(data, size, *at) == *at + len);
	if (type == 33)
		FUZZ_CHECK(read_name(data, size, *at + 6) == *at + len);
	*at += len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum pz_mdns_packet is = pz_mdns_packet_check(pz_slice_of(data, size));
	size_t at = 12;

	if (is != PZ_MDNS_PACKET_GOOD)
		return 0;
	for (unsigned left = number(data, 4); left > 0; left--)
		at = read_name(data, size, at) + 4;
	for (unsigned left = number(data, 6) + number(data, 8) + number(data, 10); left > 0; left--)
		read_record(data, size, &at);
	FUZZ_CHECK(at <= size);
	FUZZ_CHECK(pz_mdns_packet_check(pz_slice_of(data, at)) == PZ_MDNS_PACKET_GOOD);
	struct pz_mdns_echoes echoes = {.len = 1}; /* the mark of no record */
	FUZZ_CHECK(!pz_mdns_packet_is_echo(pz_slice_of(data, size), &echoes));
	return 0;
}
