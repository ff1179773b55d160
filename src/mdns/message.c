/*
 * A message is its length (not counting these two bytes), its kind, its id (4 bytes), and the
 * fields of its kind. Numbers are in network byte order; a string is preceded by its length, in two
 * bytes.
 */
#include "mdns/message.h"

#include "mdns/service.h"

#define LENGTH_BYTES 2
#define HEAD_BYTES 5 /* kind and id */

/* ---- writing ---- */

struct writer {
	uint8_t bytes[LENGTH_BYTES + PZ_MDNS_MESSAGE_BYTES_MAX];
	size_t len;
	bool is_too_long;
};

/* After the first overflow the whole message is refused. */
static void
put(struct writer *w, const void *bytes, size_t len)
{
	if (len > sizeof(w->bytes) - w->len) {
		w->is_too_long = true;
		return;
	}
	if (len > 0)
		memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

static void
put_number(struct writer *w, uint64_t number, size_t bytes)
{
	uint8_t out[4];

	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(number >> 8 * (bytes - 1 - i));
	put(w, out, bytes);
}

static void
put_text(struct writer *w, const char *text)
{
	size_t len = strlen(text);

	put_number(w, len, 2);
	put(w, text, len);
	w->is_too_long = w->is_too_long || len > UINT16_MAX;
}

static void
put_service(struct writer *w, const struct pz_mdns_service *service)
{
	put_text(w, service->instance);
	put_text(w, service->host);
	put_number(w, service->port, 2);
	put_number(w, service->txt_len, 2);
	for (size_t i = 0; i < service->txt_len; i++)
		put_text(w, service->txt[i]);
}

static void
put_address(struct writer *w, const struct pz_mdns_message *message)
{
	put_text(w, message->host);
	put_number(w, (uint32_t)message->address.interface, 4);
	put_number(w, message->address.len, 1);
	put(w, message->address.bytes, message->address.len);
}

static void
put_record(struct writer *w, const struct pz_mdns_message *message)
{
	put_number(w, message->is_there, 1);
	put_number(w, message->protocol, 1);
	put_number(w, (uint32_t)message->interface, 4);
	put(w, message->rdata.ptr, message->rdata.len);
}

static void
put_members(struct writer *w, const struct pz_mdns_message *message)
{
	switch ((int)message->kind) {
	case PZ_MDNS_ADD_SERVICE:
	case PZ_MDNS_UPDATE_SERVICE:
		put_service(w, &message->service);
		break;
	case PZ_MDNS_ADD_ADDRESS:
		put_address(w, message);
		break;
	case PZ_MDNS_WATCH:
		put_number(w, message->type, 2);
		put_text(w, message->name);
		break;
	case PZ_MDNS_FAILED:
		put_number(w, message->is_watch, 1);
		break;
	case PZ_MDNS_RECORD:
		put_record(w, message);
		break;
	default:
		break;
	}
}

enum pz_err
pz_mdns_message_write(const struct pz_mdns_message *message, struct pz_buf *out)
{
	struct writer w;

	w.len = LENGTH_BYTES;
	w.is_too_long = false;
	put_number(&w, message->kind, 1);
	put_number(&w, message->id, 4);
	put_members(&w, message);
	if (w.is_too_long)
		return PZ_ERR_LIMIT;
	size_t len = w.len - LENGTH_BYTES;
	w.bytes[0] = (uint8_t)(len >> 8);
	w.bytes[1] = (uint8_t)len;
	return pz_buf_append(out, pz_slice_of(w.bytes, w.len));
}

/* ---- reading ---- */

struct reader {
	struct pz_slice rest;
	struct pz_mdns_message_text *text;
	bool is_bad;
};

/* After the first fault every read returns an empty slice, so one check at the end suffices. */
static struct pz_slice
take(struct reader *r, size_t len)
{
	struct pz_slice taken = {r->rest.ptr, len};

	if (r->is_bad || len > r->rest.len) {
		r->is_bad = true;
		return pz_slice_of(NULL, 0);
	}
	r->rest = pz_slice_of(r->rest.ptr + len, r->rest.len - len);
	return taken;
}

static uint32_t
take_number(struct reader *r, size_t bytes)
{
	struct pz_slice taken = take(r, bytes);
	uint32_t number = 0;

	for (size_t i = 0; i < taken.len; i++)
		number = number << 8 | taken.ptr[i];
	return number;
}

static bool
take_flag(struct reader *r)
{
	uint32_t number = take_number(r, 1);

	r->is_bad = r->is_bad || number > 1;
	return number == 1;
}

/* Copies into r->text with a NUL: both sides use names as C strings. */
static const char *
take_text(struct reader *r)
{
	struct pz_slice taken = take(r, take_number(r, 2));
	char *text = r->text->text + r->text->len;

	if (r->is_bad || taken.len >= sizeof(r->text->text) - r->text->len ||
	    (taken.len > 0 && memchr(taken.ptr, '\0', taken.len) != NULL)) {
		r->is_bad = true;
		return "";
	}
	if (taken.len > 0)
		memcpy(text, taken.ptr, taken.len);
	text[taken.len] = '\0';
	r->text->len += taken.len + 1;
	return text;
}

/* The node checks what it announces, and the responder checks it again: the node might have a
 * fault. */
static void
take_service(struct reader *r, struct pz_mdns_service *service)
{
	service->instance = take_text(r);
	service->host = take_text(r);
	service->port = (uint16_t)take_number(r, 2);
	size_t count = take_number(r, 2);
	service->txt = r->text->txt;
	r->is_bad = r->is_bad || count > PZ_MDNS_TXT_MAX;
	for (; !r->is_bad && service->txt_len < count; service->txt_len++)
		r->text->txt[service->txt_len] = take_text(r);
	r->is_bad = r->is_bad || pz_mdns_service_check(service, NULL) != PZ_OK;
}

static void
take_address(struct reader *r, struct pz_mdns_message *out)
{
	out->host = take_text(r);
	out->address.interface = (int)take_number(r, 4);
	size_t len = take_number(r, 1);
	r->is_bad = r->is_bad || (len != 4 && len != 16);
	struct pz_slice bytes = take(r, r->is_bad ? 0 : len);
	if (!r->is_bad)
		memcpy(out->address.bytes, bytes.ptr, bytes.len);
	out->address.len = (uint8_t)bytes.len;
}

static void
take_record(struct reader *r, struct pz_mdns_message *out)
{
	out->is_there = take_flag(r);
	out->protocol = (uint8_t)take_number(r, 1);
	out->interface = (int)take_number(r, 4);
	out->rdata = take(r, r->rest.len);
}

static void
take_members(struct reader *r, struct pz_mdns_message *out)
{
	switch ((int)out->kind) {
	case PZ_MDNS_ADD_SERVICE:
	case PZ_MDNS_UPDATE_SERVICE:
		take_service(r, &out->service);
		break;
	case PZ_MDNS_ADD_ADDRESS:
		take_address(r, out);
		break;
	case PZ_MDNS_WATCH:
		out->type = (enum pz_mdns_type)take_number(r, 2);
		out->name = take_text(r);
		break;
	case PZ_MDNS_FAILED:
		out->is_watch = take_flag(r);
		break;
	case PZ_MDNS_RECORD:
		take_record(r, out);
		break;
	default:
		break;
	}
}

enum pz_err
pz_mdns_message_read(struct pz_slice bytes, bool from_responder, struct pz_mdns_message_text *text,
		     struct pz_mdns_message *out, size_t *out_used)
{
	struct reader r = {.rest = bytes, .text = text};
	struct pz_mdns_message message = {.id = 0};

	*out_used = 0;
	if (bytes.len < LENGTH_BYTES)
		return PZ_OK;
	size_t len = take_number(&r, LENGTH_BYTES);
	if (len < HEAD_BYTES || len > PZ_MDNS_MESSAGE_BYTES_MAX)
		return PZ_ERR_PROTO;
	if (r.rest.len < len)
		return PZ_OK;
	r.rest.len = len;
	text->len = 0;
	uint32_t kind = take_number(&r, 1);
	/* each end accepts only the kinds that the other end may send */
	if (kind == 0 || kind >= PZ_MDNS_MESSAGE_END || (kind >= PZ_MDNS_STARTED) != from_responder)
		return PZ_ERR_PROTO;
	message.kind = (enum pz_mdns_message_kind)kind;
	message.id = take_number(&r, 4);
	take_members(&r, &message);
	/* remaining bytes mean that the two ends use different formats */
	if (r.is_bad || r.rest.len > 0)
		return PZ_ERR_PROTO;
	*out = message;
	*out_used = LENGTH_BYTES + len;
	return PZ_OK;
}
