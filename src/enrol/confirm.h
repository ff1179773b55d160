/*
 * Key confirmation of an enrolment: the two tags that prove the code, and what they cover.
 * @spec page 14 ENR-4, ENR-9, KEY-7
 */
#ifndef PZ_ENROL_CONFIRM_H
#define PZ_ENROL_CONFIRM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "pake/cpace.h"

#define PZ_ENROL_TAG_BYTES 64
#define PZ_ENROL_SID_BYTES 32 /* TLS exporter "EXPORTER-pz-enrol", no context */
/* lv_cat(Ya, "") || lv_cat(Yb, ""): each length takes one byte */
#define PZ_ENROL_TRANSCRIPT_BYTES (2 * (1 + PZ_CPACE_SHARE_BYTES + 1))

/** Kc and T of one exchange. Secret: end with pz_enrol_confirm_wipe. */
struct pz_enrol_confirm {
	uint8_t kc[PZ_ENROL_TAG_BYTES];
	uint8_t transcript[PZ_ENROL_TRANSCRIPT_BYTES];
};

/**
 * Appends CI = lv_cat("pz-enrol/1", zone, device).
 * Errors: LIMIT_QUEUE, LIMIT_MEMORY.
 * @spec page 3 "The exchange"
 */
enum pz_err
pz_enrol_channel_id(const char *zone, const char *device, struct pz_buf *out) PZ_MUST_USE;

/**
 * Kc = HMAC-SHA-512(ISK, "pz-enrol/1 confirm") and T = lv_cat(Ya, "") || lv_cat(Yb, "").
 * @param ya share of the device (initiator); @param yb share of the hub
 * @spec page 3 "The exchange"
 */
void pz_enrol_confirm_init(struct pz_enrol_confirm *confirm, const uint8_t isk[PZ_CPACE_ISK_BYTES],
			   const uint8_t ya[PZ_CPACE_SHARE_BYTES],
			   const uint8_t yb[PZ_CPACE_SHARE_BYTES]);

/** tag A, the device's = HMAC-SHA-512(Kc, "A" || T || SHA-256(csr)). @param csr its bytes as sent
 */
void pz_enrol_confirm_tag_a(const struct pz_enrol_confirm *confirm, struct pz_slice csr,
			    uint8_t out_tag[PZ_ENROL_TAG_BYTES]);

/** tag B, the hub's = HMAC-SHA-512(Kc, "B" || T). */
void
pz_enrol_confirm_tag_b(const struct pz_enrol_confirm *confirm, uint8_t out_tag[PZ_ENROL_TAG_BYTES]);

/** Compares two tags in constant time. */
bool
pz_enrol_confirm_is_equal(const uint8_t a[PZ_ENROL_TAG_BYTES], const uint8_t b[PZ_ENROL_TAG_BYTES]);

/** Clears the key. */
void pz_enrol_confirm_wipe(struct pz_enrol_confirm *confirm);

#endif
