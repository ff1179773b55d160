/* The private names by which devices of one zone know each other on a local network (page 6). */
#ifndef PZ_ZONE_TAG_H
#define PZ_ZONE_TAG_H

#include <stdbool.h>
#include <stdint.h>

#define PZ_ZONE_SECRET_BYTES 32
#define PZ_ZONE_TAG_CHARS 16 /* hex digits */

/**
 * The zone's tag of the day: nobody who lacks the secret can tell which zone it is, or that
 * yesterday's was the same. First hex digits of HMAC-SHA-256(secret, "YYYY-MM-DD"), UTC.
 * @param out with NUL
 */
void pz_zone_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
		 char out[PZ_ZONE_TAG_CHARS + 1]);

/**
 * The tag of one device under one instance name, so that members know whom to expect before they
 * connect: HMAC-SHA-256(secret, "YYYY-MM-DD/instance/device"). Bound to the instance, so that two
 * instances of one device cannot be told to be the same.
 */
void pz_zone_device_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
			const char *instance, const char *device, char out[PZ_ZONE_TAG_CHARS + 1]);

/** The zone's tag of today, or of the day before or after: clocks differ, midnight passes. */
bool
pz_zone_tag_is_ours(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms, const char *tag);
/** Likewise of a device. */
bool pz_zone_device_tag_matches(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
				const char *instance, const char *device, const char *tag);

/** Milliseconds until the next day begins, UTC. */
uint64_t pz_zone_tag_left_ms(uint64_t wall_ms);

#endif
