/*
 * The private names by which devices of one zone know each other on a local network.
 * @spec page 6; page 14 DSC-1
 */
#ifndef PZ_ZONE_TAG_H
#define PZ_ZONE_TAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"

#define PZ_ZONE_SECRET_BYTES 32
#define PZ_ZONE_TAG_CHARS 16 /* hex digits */
#define PZ_ZONE_FRIEND_TAG_CHARS 8

/**
 * The zone's tag of the day. Without the secret it shows neither the zone nor that yesterday's tag
 * was of the same zone. First hex digits of HMAC-SHA-256(secret, "YYYY-MM-DD"), UTC.
 * @param out with NUL
 */
void pz_zone_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
		 char out[PZ_ZONE_TAG_CHARS + 1]);

/**
 * The tag of one device under one instance name, so that members know which device to expect before
 * they connect: HMAC-SHA-256(secret, "YYYY-MM-DD/instance/device"). Bound to the instance, so that
 * a stranger cannot see that two instances are of one device.
 */
void pz_zone_device_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
			const char *instance, const char *device, char out[PZ_ZONE_TAG_CHARS + 1]);

/**
 * The short tag by which the devices of a friend zone know an instance: first hex digits of
 * HMAC-SHA-256(secret of the friendship, "YYYY-MM-DD/instance/zone"), UTC. With the zone, so that
 * devices of one zone do not take each other for the friend's.
 * @param zone of the device that announces itself
 * @param out with NUL
 */
void
pz_zone_friend_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
		   const char *instance, const char *zone, char out[PZ_ZONE_FRIEND_TAG_CHARS + 1]);

/**
 * The zone's tags of the days around one, so that an instance that is found costs one HMAC and not
 * one for each day that a clock may be wrong by. All zero is valid: no tag is known yet.
 */
struct pz_zone_tags {
	uint64_t day; /* since 1970: of the middle */
	char tags[2 * PZ_ZONE_TAG_DAYS_MAX + 1][PZ_ZONE_TAG_CHARS + 1];
};

/**
 * True when a tag is one of the zone's, of up to PZ_ZONE_TAG_DAYS_MAX days before or after today: a
 * device whose clock is wrong must be found, so that its owner can be warned.
 * @param tags kept by the caller; rebuilt when the day or the secret changes
 * @param out_days how many days after today, < 0: before. Set when it is ours
 */
bool pz_zone_tags_find(struct pz_zone_tags *tags, const uint8_t secret[PZ_ZONE_SECRET_BYTES],
		       uint64_t wall_ms, const char *tag, int *out_days);
/** The tag of a device, of that day, or of the day before or after: midnight passes. */
bool pz_zone_device_tag_matches(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
				const char *instance, const char *device, const char *tag);

/** The same time of another day; the beginning of 1970 is the first one. */
uint64_t pz_zone_tag_day(uint64_t wall_ms, int days);

/** Milliseconds until the next day begins, UTC. */
uint64_t pz_zone_tag_left_ms(uint64_t wall_ms);

#endif
