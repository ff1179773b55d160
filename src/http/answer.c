/*
 * Heads of answers (RFC 9110, RFC 6455 4.2.2), written into a buffer. The caller chooses the
 * answer; the fields that limit what a browser may do with a page are added here, the same for each
 * answer.
 */
#include "http/answer.h"

#include <openssl/evp.h>
#include <time.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/limits.h"

#define DATE_BYTES 64
#define KEY_CHARS 24 /* base64 of 16 bytes */

static const char *
words_of(int status)
{
	static const struct {
		int status;
		const char *words;
	} table[] = {
		{200, "OK"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{413, "Content Too Large"},
		{421, "Misdirected Request"},
		{426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].status == status)
			return table[i].words;
	return "Error";
}

static const char *
extra_fields(int status)
{
	if (status == 401)
		return "WWW-Authenticate: Bearer realm=\"pzpd\"\r\n";
	if (status == 405)
		return "Allow: GET, HEAD\r\n";
	if (status == 426)
		return "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	return "";
}

static void
write_date(uint64_t now_ms, char out[DATE_BYTES])
{
	time_t now = (time_t)(now_ms / 1000);
	struct tm utc;

	out[0] = '\0';
	if (gmtime_r(&now, &utc))
		(void)strftime(out, DATE_BYTES, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

enum pz_err
pz_http_answer_write(struct pz_buf *out, const struct pz_http_answer *answer, bool has_body,
		     bool closes, uint64_t now_ms)
{
	const char *words = words_of(answer->status);
	struct pz_slice body = answer->body.len ? answer->body : pz_slice_str(words);
	char date[DATE_BYTES];

	write_date(now_ms, date);
	PZ_TRY(pz_buf_printf(out,
			     "HTTP/1.1 %d %s\r\n"
			     "Date: %s\r\n"
			     "Content-Type: %s\r\n"
			     "Content-Length: %zu\r\n"
			     "Cache-Control: no-cache\r\n"
			     "Content-Security-Policy: default-src 'self'; object-src 'none'; "
			     "frame-ancestors 'none'; base-uri 'none'; form-action 'self'\r\n"
			     "Cross-Origin-Resource-Policy: %s\r\n"
			     "Permissions-Policy: camera=(), microphone=(), geolocation=()\r\n"
			     "Referrer-Policy: no-referrer\r\n"
			     "X-Content-Type-Options: nosniff\r\n"
			     "%s%s\r\n",
			     answer->status, words, date,
			     answer->type ? answer->type : "text/plain; charset=utf-8", body.len,
			     answer->is_for_other_origins ? "cross-origin" : "same-origin",
			     extra_fields(answer->status), closes ? "Connection: close\r\n" : ""));
	return has_body ? pz_buf_append(out, body) : PZ_OK;
}

/* No length and no type: 204 has no body. */
enum pz_err
pz_http_answer_preflight(struct pz_buf *out, const struct pz_http_request *request, bool closes,
			 uint64_t now_ms)
{
	char date[DATE_BYTES];

	write_date(now_ms, date);
	return pz_buf_printf(
		out,
		"HTTP/1.1 204 No Content\r\n"
		"Date: %s\r\n"
		"Access-Control-Allow-Origin: %.*s\r\n"
		"Access-Control-Allow-Methods: GET\r\n"
		"%s%s"
		"Access-Control-Max-Age: %d\r\n"
		"Vary: Origin\r\n"
		"Cache-Control: no-store\r\n"
		"%s\r\n",
		date, PZ_SLICE_FMT(request->origin),
		request->asks_private ? "Access-Control-Allow-Private-Network: true\r\n" : "",
		request->asks_local ? "Access-Control-Allow-Local-Network: true\r\n" : "",
		PZ_HTTP_PREFLIGHT_S, closes ? "Connection: close\r\n" : "");
}

/* RFC 6455 4.1: 16 bytes, base64. The key proves nothing but that the other end speaks
 * WebSocket. */
bool
pz_http_key_is_valid(struct pz_slice key)
{
	struct pz_buf bytes;

	if (key.len != KEY_CHARS)
		return false;
	pz_buf_init(&bytes, KEY_CHARS, NULL);
	bool is_valid = pz_base64_decode(key, &bytes) == PZ_OK && bytes.len == 16;
	pz_buf_fini(&bytes);
	return is_valid;
}

enum pz_err
pz_http_answer_upgrade(struct pz_buf *out, struct pz_slice key)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t text[KEY_CHARS + sizeof(magic) - 1], digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (key.len != KEY_CHARS)
		return PZ_ERR_PROTO;
	memcpy(text, key.ptr, KEY_CHARS);
	memcpy(text + KEY_CHARS, magic, sizeof(magic) - 1);
	if (EVP_Digest(text, sizeof(text), digest, &len, EVP_sha1(), NULL) != 1)
		return PZ_ERR_CRYPTO;
	PZ_AUTO_FREE char *accept = pz_base64_encode(pz_slice_of(digest, len));
	if (accept == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	return pz_buf_printf(out,
			     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			     accept);
}
