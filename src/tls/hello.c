/*
 * Extensions of a ClientHello, as strangers send them: server name, ALPN, the identity of a
 * pre-shared key, key shares. Each function reads one and allocates nothing; ctx.c and proof.c
 * decide what follows from them.
 */
#include "tls/hello.h"

#include "tls/ctx.h"

#define NAME_TYPE_HOST 0

/* Takes a length-prefixed vector (1 or 2 bytes of length) off the front of *in. */
static bool
take_vector(struct pz_slice *in, size_t prefix, struct pz_slice *out)
{
	if (in->len < prefix)
		return false;
	size_t len = prefix == 1 ? in->ptr[0] : (size_t)in->ptr[0] << 8 | in->ptr[1];
	if (in->len - prefix < len)
		return false;
	*out = pz_slice_of(in->ptr + prefix, len);
	*in = pz_slice_of(in->ptr + prefix + len, in->len - prefix - len);
	return true;
}

/* 0 if the byte is not allowed in a label. */
static char
label_byte(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return (char)c;
	return 0;
}

enum pz_err
pz_tls_hello_label(struct pz_slice ext, char out[PZ_TLS_LABEL_BYTES])
{
	struct pz_slice list, name;
	char label[PZ_TLS_LABEL_BYTES] = "";
	size_t len = 0;

	/* No byte may remain: two readers could read the remainder differently, so it is
	 * refused. */
	if (!take_vector(&ext, 2, &list) || ext.len > 0)
		return PZ_ERR_PROTO;
	if (list.len > 0) {
		/* RFC 6066: one name of each type, and there is only one type. */
		if (list.ptr[0] != NAME_TYPE_HOST)
			return PZ_ERR_PROTO;
		list = pz_slice_of(list.ptr + 1, list.len - 1);
		if (!take_vector(&list, 2, &name) || list.len > 0 || name.len == 0)
			return PZ_ERR_PROTO;
		for (; len < name.len && name.ptr[len] != '.'; len++) {
			if (len == sizeof(label) - 1)
				return PZ_ERR_PROTO;
			label[len] = label_byte(name.ptr[len]);
			if (label[len] == 0)
				return PZ_ERR_PROTO;
		}
		if (len == 0)
			return PZ_ERR_PROTO;
	}
	memcpy(out, label, len);
	out[len] = '\0';
	return PZ_OK;
}

enum pz_err
pz_tls_hello_alpn(struct pz_slice ext, struct pz_tls_alpn *out)
{
	struct pz_tls_alpn found = {0};
	struct pz_slice list, name;

	if (!take_vector(&ext, 2, &list) || ext.len > 0 || list.len == 0)
		return PZ_ERR_PROTO;
	/* All names are read, also after a match: a malformed list is refused even if its begin is
	 * valid. */
	while (list.len > 0) {
		if (!take_vector(&list, 1, &name) || name.len == 0)
			return PZ_ERR_PROTO;
		found.zone |= pz_slice_eq_str(name, PZ_TLS_ALPN);
		found.enrol |= pz_slice_eq_str(name, PZ_TLS_ALPN_ENROL);
		found.pair |= pz_slice_eq_str(name, PZ_TLS_ALPN_PAIR);
		found.friend |= pz_slice_eq_str(name, PZ_TLS_ALPN_FRIEND);
	}
	*out = found;
	return PZ_OK;
}

#define TICKET_AGE_BYTES 4
#define GROUP_BYTES 2

/* RFC 8446 4.2.11: identities, each with an age, then the binders, which OpenSSL checks. */
enum pz_err
pz_tls_hello_identity(struct pz_slice ext, struct pz_slice *out)
{
	struct pz_slice list, identity, first = {0};
	bool is_first = true;

	if (!take_vector(&ext, 2, &list) || list.len == 0)
		return PZ_ERR_PROTO;
	while (list.len > 0) {
		if (!take_vector(&list, 2, &identity) || identity.len == 0 ||
		    list.len < TICKET_AGE_BYTES)
			return PZ_ERR_PROTO;
		list = pz_slice_of(list.ptr + TICKET_AGE_BYTES, list.len - TICKET_AGE_BYTES);
		if (is_first)
			first = identity;
		is_first = false;
	}
	*out = first;
	return PZ_OK;
}

enum pz_err
pz_tls_hello_key(struct pz_slice ext, struct pz_slice *out)
{
	struct pz_slice list, key;

	/* RFC 8446 4.2.8: exactly one share, as our own clients send; more would cost work before
	 * anything is proved. */
	if (!take_vector(&ext, 2, &list) || ext.len > 0 || list.len < GROUP_BYTES)
		return PZ_ERR_PROTO;
	list = pz_slice_of(list.ptr + GROUP_BYTES, list.len - GROUP_BYTES);
	if (!take_vector(&list, 2, &key) || list.len > 0 || key.len == 0)
		return PZ_ERR_PROTO;
	*out = key;
	return PZ_OK;
}
