/*
 * A record as a line of JSON. The members have one order and no blanks, so the text is its own
 * canonical form: the hash covers its bytes, and checking needs no parser.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/internal.h"
#include "base/codec.h"
#include "base/utf8.h"

#define HASH_MEMBER ",\"hash\":\""
#define HEX_LEN (2 * (size_t)PZ_AUDIT_HASH_BYTES)
#define TAIL_LEN (sizeof(HASH_MEMBER) - 1 + HEX_LEN + 2) /* with the `"}` after it */
#define BEGIN "{\"n\":"
#define TIME ",\"time\":"
#define DECISION ",\"allowed\":" /* the first member after the time */

/* ---- writing ---- */

static void
put(struct pz_audit_line *line, const char *bytes, size_t len)
{
	if (line->len + len > sizeof(line->text)) {
		line->len = sizeof(line->text) + 1; /* still too long after this */
		return;
	}
	memcpy(line->text + line->len, bytes, len);
	line->len += len;
}

static void PZ_PRINTF(2, 3) put_format(struct pz_audit_line *line, const char *fmt, ...)
{
	char text[192];
	va_list ap;

	va_start(ap, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(line, text, len < 0 || (size_t)len >= sizeof(text) ? sizeof(line->text) : (size_t)len);
}

static void
put_number(struct pz_audit_line *line, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(line, digits + at, sizeof(digits) - at);
}

/* A JSON string of at most `max` bytes of the text. */
static void
put_string(struct pz_audit_line *line, struct pz_slice s, size_t max)
{
	put(line, "\"", 1);
	for (size_t i = 0; i < s.len;) {
		size_t len = pz_utf8_printable_char(s.ptr + i, s.len - i);

		if (i + (len ? len : 1) > max)
			break;
		if (len == 0)
			put(line, "?", 1);
		else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
			put_format(line, "\\%c", s.ptr[i]);
		else
			put(line, (const char *)s.ptr + i, len);
		i += len ? len : 1;
	}
	put(line, "\"", 1);
}

/* A member of an object, unless the text is empty. */
static void
put_member(struct pz_audit_line *line, bool *is_first, const char *name, struct pz_slice s,
	   size_t max)
{
	if (s.len == 0)
		return;
	put_format(line, "%s\"%s\":", *is_first ? "" : ",", name);
	*is_first = false;
	put_string(line, s, max);
}

static void
put_rule(struct pz_audit_line *line, const struct pz_policy_node *node)
{
	const struct pz_policy_node *at;

	if (node == NULL) {
		put_format(line, ",\"rule\":null");
		return;
	}
	put_format(line, ",\"rule\":");
	for (unsigned depth = 0; (at = pz_policy_node_at(node, depth)) != NULL; depth++) {
		char label[PZ_POLICY_LABEL_BYTES];

		pz_policy_node_label(at, label);
		put(line, depth == 0 ? "[" : ",", 1);
		put_string(line, pz_slice_str(label), sizeof(label));
	}
	put(line, "]", 1);
}

static void
put_decision(struct pz_audit_line *line, const struct pz_policy_decision *d)
{
	if (d == NULL) {
		put_format(line, ",\"effect\":\"deny\",\"slot\":null,\"rule\":null");
		return;
	}
	put_format(line, ",\"effect\":\"%s\"", pz_policy_effect_name(d->effect));
	if (d->slot < 0) {
		put_format(line, ",\"slot\":null,\"rule\":null");
		return;
	}
	put_format(line, ",\"slot\":\"%s\"", pz_policy_slot_name((enum pz_policy_slot)d->slot));
	put_rule(line, d->slots[d->slot].node);
}

static void
put_who(struct pz_audit_line *line, const struct pz_audit_entry *entry)
{
	bool is_first = true;

	put_format(line, ",\"who\":{");
	put_member(line, &is_first, "zone", entry->user_id, PZ_ZONE_BYTES_MAX);
	put_member(line, &is_first, "device", entry->device, PZ_DEVICE_BYTES_MAX);
	put_member(line, &is_first, "app", entry->app, PZ_APP_BYTES_MAX);
	put(line, "}", 1);
}

static void
put_what(struct pz_audit_line *line, const struct pz_audit_entry *entry)
{
	bool is_first = true;

	put_format(line, ",\"what\":{");
	put_member(line, &is_first, "point", pz_slice_str(entry->point), 32);
	put_member(line, &is_first, "feature", pz_slice_str(entry->feature), PZ_METHOD_BYTES_MAX);
	put_member(line, &is_first, "service", pz_slice_str(entry->service_id), 64);
	put_member(line, &is_first, "method", pz_slice_str(entry->method), PZ_METHOD_BYTES_MAX);
	put_member(line, &is_first, "target", pz_slice_str(entry->target), PZ_DEVICE_BYTES_MAX);
	put(line, "}", 1);
}

static void
put_asked(struct pz_audit_line *line, const struct pz_audit_entry *entry)
{
	bool is_first = false;

	if (!entry->was_asked) {
		put_format(line, ",\"asked\":null");
		return;
	}
	put_format(line, ",\"asked\":{\"answer\":\"%s\"", entry->is_allowed ? "yes" : "no");
	put_member(line, &is_first, "by", pz_slice_str(entry->asked_by), PZ_APP_BYTES_MAX);
	put(line, "}", 1);
}

/* ---- the hash ---- */

static void
hash_of(const uint8_t before[PZ_AUDIT_HASH_BYTES], struct pz_slice body,
	uint8_t out[PZ_AUDIT_HASH_BYTES])
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, before, PZ_AUDIT_HASH_BYTES);
	crypto_hash_sha256_update(&state, body.ptr, body.len);
	crypto_hash_sha256_final(&state, out);
}

/* Only this makes a line valid. */
static bool
finish(struct pz_audit_line *line, struct pz_audit_head *head)
{
	uint8_t hash[PZ_AUDIT_HASH_BYTES];
	char hex[HEX_LEN + 1];

	if (line->len + TAIL_LEN + 1 > sizeof(line->text))
		return false;
	hash_of(head->hash, pz_slice_of(line->text, line->len), hash);
	pz_hex_encode(hash, sizeof(hash), hex);
	put(line, HASH_MEMBER, sizeof(HASH_MEMBER) - 1);
	put(line, hex, HEX_LEN);
	put(line, "\"}\n", 3);
	head->n++;
	memcpy(head->hash, hash, sizeof(hash));
	return true;
}

static void
begin(struct pz_audit_line *line, const struct pz_audit_head *head, uint64_t time_ms)
{
	const char ms[] = {'.', (char)('0' + time_ms / 100 % 10), (char)('0' + time_ms / 10 % 10),
			   (char)('0' + time_ms % 10)};

	line->len = 0;
	put(line, BEGIN, sizeof(BEGIN) - 1);
	put_number(line, head->n + 1);
	put(line, TIME, sizeof(TIME) - 1);
	put_number(line, time_ms / 1000);
	put(line, ms, sizeof(ms));
}

bool
pz_audit_line_entry(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
		    const struct pz_audit_entry *entry)
{
	bool is_first = false;

	begin(line, head, time_ms);
	put_format(line, DECISION "%s", entry->is_allowed ? "true" : "false");
	put_decision(line, entry->decision);
	put_who(line, entry);
	put_what(line, entry);
	put_asked(line, entry);
	put_member(line, &is_first, "fault", pz_slice_str(entry->fault), PZ_AUDIT_FAULT_BYTES_MAX);
	return finish(line, head);
}

bool
pz_audit_line_again(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
		    struct pz_slice rest)
{
	begin(line, head, time_ms);
	put(line, (const char *)rest.ptr, rest.len);
	return finish(line, head);
}

/* Neither number nor time contains a comma. */
struct pz_slice
pz_audit_line_rest(const struct pz_audit_line *line)
{
	const char *end = line->text + line->len - (TAIL_LEN + 1);
	const char *time = memchr(line->text, ',', line->len);
	const char *rest = memchr(time + 1, ',', (size_t)(end - time - 1));

	return pz_slice_of(rest, (size_t)(end - rest));
}

bool
pz_audit_line_event(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
		    const char *event, const char *name, uint64_t number, const uint8_t *hash)
{
	char hex[HEX_LEN + 1];

	begin(line, head, time_ms);
	put_format(line, ",\"event\":\"%s\",\"%s\":%" PRIu64, event, name, number);
	if (hash) {
		pz_hex_encode(hash, PZ_AUDIT_HASH_BYTES, hex);
		put_format(line, ",\"digest\":\"%s\"", hex);
	}
	return finish(line, head);
}

/* ---- reading ---- */

bool
pz_audit_line_next(struct pz_slice *rest, struct pz_slice *out)
{
	const uint8_t *end = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;

	if (rest->len == 0)
		return false;
	out->ptr = rest->ptr;
	out->len = end ? (size_t)(end - rest->ptr) : rest->len;
	rest->ptr += out->len + (end ? 1 : 0);
	rest->len -= out->len + (end ? 1 : 0);
	return true;
}

static bool
number_at(struct pz_slice text, uint64_t *out)
{
	uint64_t value = 0;
	size_t i;

	for (i = 0; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9' && i < 19; i++)
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	if (i == 0 || i == text.len || text.ptr[i] != ',')
		return false;
	*out = value;
	return true;
}

/* Number and hash are at fixed places from the two ends of a line, so that finding them needs no
 * parser. */
bool
pz_audit_line_head(struct pz_slice line, struct pz_audit_head *out)
{
	size_t begin_len = sizeof(BEGIN) - 1;
	struct pz_audit_head head;

	if (line.len < begin_len + TAIL_LEN || memcmp(line.ptr, BEGIN, begin_len) != 0)
		return false;
	const uint8_t *tail = line.ptr + line.len - TAIL_LEN;
	if (memcmp(tail, HASH_MEMBER, sizeof(HASH_MEMBER) - 1) != 0 ||
	    memcmp(line.ptr + line.len - 2, "\"}", 2) != 0)
		return false;
	if (!number_at(pz_slice_of(line.ptr + begin_len, line.len - begin_len), &head.n) ||
	    pz_hex_decode(pz_slice_of(tail + sizeof(HASH_MEMBER) - 1, HEX_LEN), head.hash,
			  sizeof(head.hash)) != PZ_OK)
		return false;
	*out = head;
	return true;
}

bool
pz_audit_line_holds(struct pz_slice line, const uint8_t before[PZ_AUDIT_HASH_BYTES])
{
	uint8_t hash[PZ_AUDIT_HASH_BYTES];
	struct pz_audit_head head;

	if (!pz_audit_line_head(line, &head))
		return false;
	hash_of(before, pz_slice_of(line.ptr, line.len - TAIL_LEN), hash);
	return memcmp(hash, head.hash, sizeof(hash)) == 0;
}
