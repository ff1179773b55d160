/*
 * Tags on the local network must not let a stranger follow a device or recognise a zone, so they
 * change every day (UTC) and with every instance name. Members compute the tags that they expect,
 * and compare them in constant time.
 */
#include "zone/tag.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS UINT64_C(86400000)

/* UTC, so that all devices change at the same moment. */
static void
date_text(uint64_t wall_ms, char out[16])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	(void)gmtime_r(&seconds, &tm);
	if (strftime(out, 16, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0'; /* a year of five digits: the clock is useless anyway */
}

static void
add_text(crypto_auth_hmacsha256_state *hmac, const char *text)
{
	crypto_auth_hmacsha256_update(hmac, (const unsigned char *)text, strlen(text));
}

void
pz_zone_device_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
		   const char *instance, const char *device, char out[PZ_ZONE_TAG_CHARS + 1])
{
	crypto_auth_hmacsha256_state hmac;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char date[16];

	date_text(wall_ms, date);
	crypto_auth_hmacsha256_init(&hmac, secret, PZ_ZONE_SECRET_BYTES);
	add_text(&hmac, date);
	if (instance && device) {
		add_text(&hmac, "/");
		add_text(&hmac, instance); /* may have a slash: the device's name has none */
		add_text(&hmac, "/");
		add_text(&hmac, device);
	}
	crypto_auth_hmacsha256_final(&hmac, mac);
	for (size_t i = 0; i < PZ_ZONE_TAG_CHARS / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", mac[i]);
}

void
pz_zone_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
	    char out[PZ_ZONE_TAG_CHARS + 1])
{
	pz_zone_device_tag(secret, wall_ms, NULL, NULL, out);
}

/* The same over a zone's name: a device's name has no "@", so no tag of one kind equals one of the
 * other. */
void
pz_zone_friend_tag(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
		   const char *instance, const char *zone, char out[PZ_ZONE_FRIEND_TAG_CHARS + 1])
{
	char tag[PZ_ZONE_TAG_CHARS + 1];

	pz_zone_device_tag(secret, wall_ms, instance, zone, tag);
	memcpy(out, tag, PZ_ZONE_FRIEND_TAG_CHARS);
	out[PZ_ZONE_FRIEND_TAG_CHARS] = '\0';
}

bool
pz_zone_device_tag_matches(const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms,
			   const char *instance, const char *device, const char *tag)
{
	char ours[PZ_ZONE_TAG_CHARS + 1];

	if (strlen(tag) != PZ_ZONE_TAG_CHARS)
		return false;
	for (int day = -1; day <= 1; day++) {
		pz_zone_device_tag(secret, pz_zone_tag_day(wall_ms, day), instance, device, ours);
		if (sodium_memcmp(ours, tag, PZ_ZONE_TAG_CHARS) == 0)
			return true;
	}
	return false;
}

/** Computed again unless it has this day and secret. */
static void
make_tags(struct pz_zone_tags *tags, const uint8_t secret[PZ_ZONE_SECRET_BYTES], uint64_t wall_ms)
{
	char *middle = tags->tags[PZ_ZONE_TAG_DAYS_MAX], today[PZ_ZONE_TAG_CHARS + 1];

	pz_zone_tag(secret, wall_ms, today);
	if (tags->day == wall_ms / DAY_MS && strcmp(middle, today) == 0)
		return;
	tags->day = wall_ms / DAY_MS;
	for (int day = -PZ_ZONE_TAG_DAYS_MAX; day <= PZ_ZONE_TAG_DAYS_MAX; day++)
		pz_zone_tag(secret, pz_zone_tag_day(wall_ms, day),
			    tags->tags[PZ_ZONE_TAG_DAYS_MAX + day]);
}

bool
pz_zone_tags_find(struct pz_zone_tags *tags, const uint8_t secret[PZ_ZONE_SECRET_BYTES],
		  uint64_t wall_ms, const char *tag, int *out_days)
{
	if (strlen(tag) != PZ_ZONE_TAG_CHARS)
		return false;
	make_tags(tags, secret, wall_ms);
	/* The nearest day first: at the beginning of 1970 several days are the same. */
	for (int i = 0; i <= 2 * PZ_ZONE_TAG_DAYS_MAX; i++) {
		int day = i % 2 ? (i + 1) / 2 : -i / 2;

		if (sodium_memcmp(tags->tags[PZ_ZONE_TAG_DAYS_MAX + day], tag, PZ_ZONE_TAG_CHARS) !=
		    0)
			continue;
		*out_days = day;
		return true;
	}
	return false;
}

/* There is no day before 1970: the first one is used. */
uint64_t
pz_zone_tag_day(uint64_t wall_ms, int days)
{
	uint64_t by = DAY_MS * (uint64_t)(days < 0 ? -days : days);

	if (days >= 0)
		return wall_ms + by;
	return wall_ms > by ? wall_ms - by : wall_ms % DAY_MS;
}

uint64_t
pz_zone_tag_left_ms(uint64_t wall_ms)
{
	return DAY_MS - wall_ms % DAY_MS;
}
