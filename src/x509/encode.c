/*
 * What certificates, requests and CRLs share: PEM, names, the pz: URI, times, serials.
 *
 * OpenSSL keeps errors in a queue of the thread; every function here and above empties the queue
 * when it handles an error, or a later SSL call would report the old error as its own.
 */
#include "x509/encode.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

#include "base/codec.h"
#include "wire/address.h"

#define TIME_MS_MAX UINT64_C(253402300799999) /* end of year 9999, RFC 5280 4.1.2.5.2 */

/* The last error of the queue is the most specific. Its text is OpenSSL's own and contains nothing
 * from the peer. */
enum pz_err
pz_openssl_fail(struct pz_errinfo *info, enum pz_err err, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);
	bool memory = ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;

	pz_fail(info, err, "%s: %s", what, reason ? reason : "no detail");
	ERR_clear_error();
	return memory ? PZ_ERR_LIMIT_MEMORY : err;
}

static struct pz_slice
trim(struct pz_slice s)
{
	while (s.len > 0 && isspace(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && isspace(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

/* Reads a block; the rest of the BIO must be empty. */
static enum pz_err
read_block(BIO *bio, const char *name, uint8_t **out, size_t *out_len, struct pz_errinfo *info)
{
	char *got_name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	bool fits;

	/* The memory is OPENSSL_malloc's in both cases; the secure heap is used only if the process
	 * has set one up. */
	if (!PEM_read_bio_ex(bio, &got_name, &header, &data, &len, PEM_FLAG_EAY_COMPATIBLE)) {
		ERR_clear_error();
		return pz_fail(info, PZ_ERR_PROTO, "not a PEM %s", name);
	}
	fits = strcmp(got_name, name) == 0 && header[0] == '\0' && len > 0;
	OPENSSL_free(got_name);
	OPENSSL_free(header);
	/* Two blocks, or text after one: each reader could take another part as the valid one. */
	if (!fits || BIO_pending(bio) > 0) {
		OPENSSL_clear_free(data, (size_t)len);
		return pz_fail(info, PZ_ERR_PROTO, "not exactly one PEM %s", name);
	}
	*out = data;
	*out_len = (size_t)len;
	return PZ_OK;
}

enum pz_err
pz_pem_read(struct pz_slice pem, size_t max, const char *name, uint8_t **out, size_t *out_len,
	    struct pz_errinfo *info)
{
	PZ_AUTO(BIO_free_all) BIO *bio = NULL;

	if (pem.len > max)
		return pz_fail(info, PZ_ERR_LIMIT, "PEM %s over %zu bytes", name, max);
	pem = trim(pem);
	/* OpenSSL skips text before a block, but no peer needs to send any. With the limit above,
	 * the parser sees one block of bounded size and nothing else. */
	if (pem.len < 11 || memcmp(pem.ptr, "-----BEGIN ", 11) != 0)
		return pz_fail(info, PZ_ERR_PROTO, "not a PEM %s", name);
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	if (bio == NULL)
		return pz_openssl_fail(info, PZ_ERR_LIMIT_MEMORY, "PEM");
	return read_block(bio, name, out, out_len, info);
}

enum pz_err
pz_bio_to_buf(BIO *bio, struct pz_buf *out)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);

	return pz_buf_append(out, pz_slice_of(data, len > 0 ? (size_t)len : 0));
}

/* A common name has at most PZ_CN_BYTES_MAX bytes (RFC 5280 ub-common-name): the template is filled
 * and cut between characters. Only people read it; the identity is in the alternative name. */
void
pz_cn_format(const char *tmpl, const struct pz_cert_subject *subject, char out[PZ_CN_BYTES_MAX + 1])
{
	char text[16 + PZ_HOST_BYTES_MAX + PZ_ZONE_BYTES_MAX + PZ_DEVICE_BYTES_MAX];
	size_t len = 0;

	for (const char *t = tmpl; *t != '\0' && len < sizeof(text) - 1; t++) {
		const char *value = NULL;
		if (t[0] == '%') {
			t++;
			value = *t == 'z'   ? subject->zone
				: *t == 'd' ? subject->device
					    : subject->host;
		}
		if (value)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", value);
		else
			text[len++] = *t;
		if (len > sizeof(text) - 1)
			len = sizeof(text) - 1; /* snprintf returns the length of the whole text */
	}
	text[len] = '\0';
	if (len > PZ_CN_BYTES_MAX) {
		len = PZ_CN_BYTES_MAX;
		/* The name may be cut; a character may not. */
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--; /* a continuation byte: the character begins before it */
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

enum pz_err
pz_subject_check(const struct pz_cert_subject *subject, bool has_device, struct pz_errinfo *info)
{
	if (!pz_zone_is_valid(pz_slice_str(subject->zone)))
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS, "certificate for an invalid zone name");
	if (has_device && !pz_device_is_valid(pz_slice_str(subject->device)))
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS,
			       "certificate for an invalid device name");
	return PZ_OK;
}

bool
pz_san_add(GENERAL_NAMES *names, int type, ASN1_STRING *value)
{
	GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;

	if (name == NULL) {
		ASN1_STRING_free(value);
		return false;
	}
	/* The name owns the value from here on, and the list owns the name after the push. */
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

/* pz:<zone> or pz:<zone>/<device>. '@', '/' and ':' are not escaped (page 2). */
static enum pz_err
uri_format(const struct pz_cert_subject *subject, bool has_device, struct pz_buf *out)
{
	PZ_TRY(pz_buf_append_str(out, "pz:"));
	/* Everything is escaped except what page 2 excepts, so that one identity has one text. */
	PZ_TRY(pz_percent_encode(pz_slice_str(subject->zone), "@/:", out));
	if (!has_device)
		return PZ_OK;
	PZ_TRY(pz_buf_append_str(out, "/"));
	return pz_percent_encode(pz_slice_str(subject->device), "@/:", out);
}

GENERAL_NAMES *
pz_san_new(const struct pz_cert_subject *subject, bool has_device)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	ASN1_STRING *value = ASN1_IA5STRING_new();
	struct pz_buf uri;
	bool ok;

	pz_buf_init(&uri, PZ_URI_BYTES_MAX, NULL);
	ok = names && value && uri_format(subject, has_device, &uri) == PZ_OK &&
	     ASN1_STRING_set(value, pz_buf_slice(&uri).ptr, (int)uri.len);
	pz_buf_fini(&uri);
	if (!ok) {
		ASN1_STRING_free(value);
		GENERAL_NAMES_free(names);
		return NULL;
	}
	if (!pz_san_add(names, GEN_URI, value)) {
		GENERAL_NAMES_free(names);
		return NULL;
	}
	return names;
}

/* Percent-decodes a part into an array with room for `max` bytes and a NUL. */
static enum pz_err
part_decode(struct pz_slice part, char *out, size_t max)
{
	struct pz_buf buf;
	enum pz_err err;

	pz_buf_init(&buf, max, NULL);
	err = pz_percent_decode(part, &buf);
	if (err == PZ_OK && buf.len > 0)
		memcpy(out, pz_buf_slice(&buf).ptr, buf.len);
	if (err == PZ_OK)
		out[buf.len] = '\0';
	pz_buf_fini(&buf);
	return err == PZ_OK || err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_PROTO;
}

/* The parts are separated before they are decoded, so that %2F never separates zone and device. */
static enum pz_err
uri_parse(struct pz_slice uri, struct pz_identity *out)
{
	struct pz_slice zone, device = {0};
	const uint8_t *slash;

	if (memcmp(uri.ptr, "pz:", 3) != 0)
		return PZ_ERR_PROTO;
	/* The first slash separates; the name of a device has none, and an escaped slash is refused
	 * below. */
	zone = pz_slice_of(uri.ptr + 3, uri.len - 3);
	slash = memchr(uri.ptr, '/', uri.len);
	if (slash) {
		zone.len = (size_t)(slash - zone.ptr);
		device = pz_slice_of(slash + 1, (size_t)(uri.ptr + uri.len - slash - 1));
	}
	PZ_TRY(part_decode(zone, out->zone, PZ_ZONE_BYTES_MAX));
	PZ_TRY(part_decode(device, out->device, PZ_DEVICE_BYTES_MAX));
	if (!pz_zone_is_valid(pz_slice_str(out->zone)) ||
	    (slash && !pz_device_is_valid(pz_slice_str(out->device))))
		return PZ_ERR_PROTO;
	return PZ_OK;
}

/* Exactly one pz: URI. With two, each reader could take another one. */
enum pz_err
pz_san_identity(const GENERAL_NAMES *names, struct pz_identity *out)
{
	struct pz_slice uri = {0};

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		int type;
		const ASN1_STRING *s =
			GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
		/* Schemes are compared without case (RFC 3986 3.1): PZ: would be a second one. */
		if (type != GEN_URI || ASN1_STRING_length(s) < 3 ||
		    strncasecmp((const char *)ASN1_STRING_get0_data(s), "pz:", 3) != 0)
			continue;
		/* A second URI is refused, not ignored: readers could choose different ones. */
		if (uri.ptr)
			return PZ_ERR_PROTO;
		uri = pz_slice_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
	}
	return uri.ptr ? uri_parse(uri, out) : PZ_ERR_PROTO;
}

/* NULL for Ed25519, which has its own digest. */
const EVP_MD *
pz_digest_for(EVP_PKEY *pkey)
{
	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519)
		return NULL;
	/* The digest that fits the curve's strength (page 2). */
	if (EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC && EVP_PKEY_get_bits(pkey) >= 384)
		return EVP_sha384();
	return EVP_sha256();
}

bool
pz_asn1_time_ms(const ASN1_TIME *t, uint64_t *out_ms)
{
	struct tm tm;
	time_t s;

	if (t == NULL || !ASN1_TIME_to_tm(t, &tm))
		return false;
	s = timegm(&tm);
	/* A date before 1970 is read as 1970: all that matters is that it is long ago. */
	*out_ms = s > 0 ? (uint64_t)s * 1000 : 0;
	return true;
}

bool
pz_asn1_time_set(ASN1_TIME *t, uint64_t ms)
{
	return t && ms <= TIME_MS_MAX && ASN1_TIME_set(t, (time_t)(ms / 1000)) != NULL;
}

bool
pz_serial_format(const ASN1_INTEGER *serial, char out[PZ_SERIAL_HEX_BYTES])
{
	const uint8_t *data = ASN1_STRING_get0_data(serial);
	int len = ASN1_STRING_length(serial);

	if (ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return false;
	/* OpenSSL stores the sign separately, so leading zeros mean nothing; they are skipped so
	 * that one serial has one text. */
	while (len > 0 && data[0] == 0) {
		data++;
		len--;
	}
	if (len <= 0 || len > (PZ_SERIAL_HEX_BYTES - 1) / 2)
		return false; /* RFC 5280 4.1.2.2: positive */
	pz_hex_encode(data, (size_t)len, out);
	return true;
}

ASN1_INTEGER *
pz_serial_parse(const char *hex)
{
	uint8_t bytes[(PZ_SERIAL_HEX_BYTES - 1) / 2];
	PZ_AUTO(BN_free) BIGNUM *number = NULL;
	size_t len = strlen(hex) / 2;

	if (len == 0 || len > sizeof(bytes) ||
	    pz_hex_decode(pz_slice_str(hex), bytes, len) != PZ_OK)
		return NULL;
	number = BN_bin2bn(bytes, (int)len, NULL);
	return number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;
}

enum pz_err
pz_x509_verify_err(int x509_error)
{
	/* Distinguishes what page 5 distinguishes; the text of the error has the rest. */
	switch (x509_error) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return PZ_ERR_DENIED_EXPIRED;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return PZ_ERR_DENIED_WEAK;
	case X509_V_ERR_OUT_OF_MEM:
		return PZ_ERR_LIMIT_MEMORY;
	default:
		return PZ_ERR_DENIED_CHAIN;
	}
}
