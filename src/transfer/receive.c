/*
 * Offers of files: which are accepted, whether an offer continues a partly received file, and how
 * much one device or a friend zone may send. incoming.c handles an accepted offer; inbox.c has the
 * list of received files.
 */
#include <stdio.h>
#include <string.h>

#include "transfer/incoming.h"
#include "wire/json.h"

#define SWEEP_US (UINT64_C(86400) * PZ_US_PER_S)

/* The same file of the same sender. The id is not compared: it differs when a person sends the file
 * again later. */
static bool
make_key(const struct pz_transfers *transfers, const char *device,
	 const struct pz_transfer_offer *offer, char out[PZ_PART_KEY_BYTES])
{
	char self[PZ_ADDRESS_BYTES_MAX + 1], hex[PZ_TRANSFER_HASH_HEX_BYTES], numbers[64];
	struct pz_hash *hash = pz_hash_new();

	if (hash == NULL)
		return false;
	/* Two devices of one machine may share an inbox, so the receiver's address is part of the
	 * key. */
	transfers->config.ops->address(transfers->config.arg, "", self);
	snprintf(numbers, sizeof(numbers), "%d %llu %lld", (int)offer->has_size,
		 (unsigned long long)offer->size, (long long)offer->mtime_ms);
	const char *const parts[] = {self, device, offer->path, offer->name, numbers};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		pz_hash_add(hash, pz_slice_of(parts[i], strlen(parts[i]) + 1));
	pz_hash_hex(hash, hex);
	pz_hash_free(hash);
	snprintf(out, PZ_PART_KEY_BYTES, "%.*s", PZ_PART_KEY_BYTES - 1, hex);
	if (out[0] == '\0')
		return false;
	/* place.c counts by this letter, without reading a record. */
	if (pz_transfer_is_guest(device))
		out[0] = PZ_PART_KEY_GUEST;
	return true;
}

static struct pz_incoming *
find(const struct pz_transfers *transfers, const char *key)
{
	for (struct pz_list *n = transfers->incoming.next; n != &transfers->incoming; n = n->next) {
		struct pz_incoming *in = PZ_CONTAINER(n, struct pz_incoming, node);
		if (strcmp(in->key, key) == 0)
			return in;
	}
	return NULL;
}

/* True when this device may send one more file now. A waiting file is dropped for the next. */
static bool
has_room(struct pz_transfers *transfers, const char *device)
{
	size_t all = 0, of_device = 0, resting = 0, of_guests = 0;
	struct pz_incoming *oldest = NULL;

	PZ_LIST_EACH (&transfers->incoming, n, tmp) {
		struct pz_incoming *in = PZ_CONTAINER(n, struct pz_incoming, node);
		bool rests = pz_incoming_rests(in);
		resting += rests;
		all += !rests;
		of_device += !rests && pz_transfer_is_same_party(device, in->device);
		of_guests += !rests && pz_transfer_is_guest(in->device);
		if (rests && oldest == NULL)
			oldest = in;
	}
	/* The oldest of the waiting files: its sender has been away the longest. The file stays on
	 * the disk. */
	if (resting >= PZ_TRANSFER_RESTING_MAX)
		pz_incoming_free(oldest);
	if (pz_transfer_is_guest(device) && of_guests >= PZ_TRANSFERS_GUESTS_MAX)
		return false;
	return all < PZ_TRANSFERS_MAX && of_device < PZ_TRANSFERS_PER_PEER_MAX;
}

/* The bytes that a friend zone may send in a day are limited; running files count in full. */
static bool
is_within_day(const struct pz_transfers *transfers, const char *device,
	      const struct pz_transfer_offer *offer)
{
	uint64_t bytes = offer->size;

	if (!pz_transfer_is_guest(device))
		return true;
	for (struct pz_list *n = transfers->incoming.next; n != &transfers->incoming; n = n->next) {
		const struct pz_incoming *in = PZ_CONTAINER(n, struct pz_incoming, node);
		if (pz_transfer_is_same_party(device, in->device))
			/* Otherwise many at once would each find the day's bytes free. */
			bytes += in->offer.size;
	}
	if (bytes <= PZ_TRANSFER_GUEST_DAY_BYTES)
		bytes += pz_inbox_bytes_of_day(transfers, device);
	return bytes <= PZ_TRANSFER_GUEST_DAY_BYTES;
}

static void
refuse_as_full(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
	       const struct pz_transfer_offer *offer)
{
	pz_notice_of(&transfers->log, transfers->env, "file-over-day",
		     "from=%s name=%s its zone has sent as many bytes as a friend may in a day",
		     device, offer->name);
	pz_incoming_answer(channel, NULL, "noSpace", NULL);
}

/* The end of an earlier try did not reach its sender. If no digest was computed the sender starts
 * again, and then learns at once that the file is complete. */
static void
repeat_receipt(struct pz_channel *channel, json_t *record)
{
	json_t *hash = json_object_get(record, "sha256"), *more = NULL;

	if (hash)
		more = json_pack("{s:O?, s:O}", "have", json_object_get(record, "size"), "haveHash",
				 hash);

	pz_incoming_answer(
		channel, more, "ok",
		json_pack("{s:O*, s:O?}", "sha256", hash, "file", json_object_get(record, "file")));
	json_decref(more);
}

static void
take(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
     const struct pz_transfer_offer *offer)
{
	char from[PZ_ADDRESS_BYTES_MAX + 1], key[PZ_PART_KEY_BYTES];

	transfers->config.ops->address(transfers->config.arg, device, from);
	/* Found by id: this sending was received, and only the answer was lost. */
	json_t *record = pz_inbox_find(transfers, from, offer->id);
	if (record) {
		repeat_receipt(channel, record);
		return;
	}
	struct pz_incoming *in =
		make_key(transfers, device, offer, key) ? find(transfers, key) : NULL;
	if (in && pz_incoming_may_adopt(in, offer)) {
		pz_incoming_adopt(in, channel, offer);
		return;
	}
	if (in == NULL && !is_within_day(transfers, device, offer)) {
		refuse_as_full(transfers, device, channel, offer);
		return;
	}
	/* It is being removed, or another sending is receiving it: the sender tries again. */
	if (in || !has_room(transfers, device) ||
	    (in = pz_incoming_new(transfers, device, key, offer)) == NULL) {
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
		return;
	}
	pz_incoming_keep(in, channel);
}

static void
deny(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
     const struct pz_transfer_offer *offer)
{
	pz_notice_of(&transfers->log, transfers->env, "file-denied",
		     "from=%s name=%s access policy, or the person who was asked, does not let the "
		     "device send files here; `pzp policy why` has the rule",
		     device, offer->name);
	pz_channel_refuse(channel, PZ_CHANNEL_REFUSED);
}

static void
on_judged(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
	  const struct pz_transfer_offer *offer, bool is_permitted)
{
	if (is_permitted)
		take(transfers, device, channel, offer);
	else
		deny(transfers, device, channel, offer);
}

void
pz_transfers_offered(struct pz_transfers *transfers, const char *device, struct pz_channel *channel,
		     const struct pz_channel_offer *offer)
{
	struct pz_transfer_offer parsed;
	struct pz_errinfo info = {""};

	if (transfers->config.parts.open == NULL) {
		pz_channel_refuse(channel, PZ_CHANNEL_UNKNOWN_KIND);
		/* This shows a sender that this version, or this device, accepts no files. */
		return;
	}
	enum pz_err err = pz_transfer_offer_parse(offer->message, &parsed, &info);
	/* The bytes that it takes of a friend's day must be known beforehand. */
	if (err == PZ_OK && pz_transfer_is_guest(device) && !parsed.has_size)
		err = pz_fail(&info, PZ_ERR_PROTO_MEMBER, "a friend's file needs its size");
	if (err != PZ_OK) {
		pz_notice_of(&transfers->log, transfers->env, "file-refused", "from=%s %s", device,
			     info.text);
		pz_channel_refuse(channel, PZ_CHANNEL_BAD_REQUEST);
		return;
	}
	switch (pz_transfer_permit(transfers, device, channel, &parsed)) {
	case PZ_TRANSFER_PERMITTED:
		take(transfers, device, channel, &parsed);
		break;
	case PZ_TRANSFER_DENIED:
		deny(transfers, device, channel, &parsed);
		break;
	case PZ_TRANSFER_LATER:
		pz_channel_refuse(channel, PZ_CHANNEL_LIMIT);
		break;
	case PZ_TRANSFER_WAITS:
		break;
	}
}

/* ---- all of them ---- */

static void
on_sweep(struct pz_timer *timer, void *arg)
{
	struct pz_transfers *transfers = arg;
	const struct pz_parts *parts = &transfers->config.parts;

	parts->sweep(parts->self, transfers->config.ops->inbox(transfers->config.arg).directory);
	pz_env_start(transfers->env, timer, SWEEP_US);
}

void
pz_receive_init(struct pz_transfers *transfers)
{
	pz_list_init(&transfers->incoming);
	pz_list_init(&transfers->asked);
	transfers->judged = on_judged;
	pz_timer_init(&transfers->sweep, on_sweep, transfers);
	if (transfers->config.parts.sweep)
		pz_env_start(transfers->env, &transfers->sweep, PZ_US_PER_S);
}

void
pz_receive_fini(struct pz_transfers *transfers)
{
	pz_env_stop(transfers->env, &transfers->sweep);
	pz_transfer_permit_end(transfers);
	PZ_LIST_EACH (&transfers->incoming, n, tmp)
		pz_incoming_free(PZ_CONTAINER(n, struct pz_incoming, node));
}
