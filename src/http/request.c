/*
 * The parser is http-parser 2.9.4 (Debian 12), which is no longer maintained, and which Debian
 * builds without its strict checks: what request smuggling needs is refused before it (lines.c) and
 * after it (repeated fields, any body). llhttp has the same interface, and can replace it where a
 * distribution has it.
 */
#include "http/request.h"

#include <http_parser.h>
#include <strings.h>

enum field {
	FIELD_OTHER,
	FIELD_HOST,
	FIELD_ORIGIN,
	FIELD_AUTHORIZATION,
	FIELD_UPGRADE,
	FIELD_CONNECTION,
	FIELD_KEY,
	FIELD_VERSION,
	FIELD_LENGTH,
	FIELD_ENCODING,
	FIELD_ASKED_METHOD,
	FIELD_PRIVATE,
	FIELD_LOCAL,
	FIELDS,
};

static const char *const names[FIELDS] = {
	[FIELD_HOST] = "host",
	[FIELD_ORIGIN] = "origin",
	[FIELD_AUTHORIZATION] = "authorization",
	[FIELD_UPGRADE] = "upgrade",
	[FIELD_CONNECTION] = "connection",
	[FIELD_KEY] = "sec-websocket-key",
	[FIELD_VERSION] = "sec-websocket-version",
	[FIELD_LENGTH] = "content-length",
	[FIELD_ENCODING] = "transfer-encoding",
	[FIELD_ASKED_METHOD] = "access-control-request-method",
	[FIELD_PRIVATE] = "access-control-request-private-network",
	[FIELD_LOCAL] = "access-control-request-local-network",
};

struct parse {
	struct pz_slice target;
	struct pz_slice values[FIELDS];
	unsigned counts[FIELDS];
	enum field field;
	bool is_whole, keeps_alive;
};

static int
on_url(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	parse->target = pz_slice_of(at, len);
	return 0;
}

static int
on_field(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	parse->field = FIELD_OTHER;
	for (enum field i = FIELD_HOST; i < FIELDS; i++)
		if (strlen(names[i]) == len && strncasecmp(names[i], at, len) == 0)
			parse->field = i;
	parse->counts[parse->field]++;
	return 0;
}

static int
on_value(http_parser *parser, const char *at, size_t len)
{
	struct parse *parse = parser->data;

	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
		len--;
	parse->values[parse->field] = pz_slice_of(at, len);
	return 0;
}

/* The parser stops here: bytes after the head are not its input. */
static int
on_head(http_parser *parser)
{
	struct parse *parse = parser->data;

	parse->is_whole = true;
	parse->keeps_alive = http_should_keep_alive(parser) != 0;
	return 1;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
};

bool
pz_http_has_token(struct pz_slice list, const char *token)
{
	size_t len = strlen(token);

	for (size_t at = 0; at < list.len;) {
		size_t end = at;
		while (end < list.len && list.ptr[end] != ',')
			end++;
		size_t first = at, last = end;
		while (first < last && (list.ptr[first] == ' ' || list.ptr[first] == '\t'))
			first++;
		while (last > first && (list.ptr[last - 1] == ' ' || list.ptr[last - 1] == '\t'))
			last--;
		if (last - first == len &&
		    strncasecmp((const char *)list.ptr + first, token, len) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

static bool
is_visible(struct pz_slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
			return false;
	return true;
}

/* A path of this server: "/…" in visible ASCII. The form for proxies (http://…) is refused. */
static bool
take_path(struct pz_slice target, struct pz_slice *out)
{
	if (target.len == 0 || target.ptr[0] != '/' || !is_visible(target))
		return false;
	const uint8_t *query = memchr(target.ptr, '?', target.len);
	*out = pz_slice_of(target.ptr, query ? (size_t)(query - target.ptr) : target.len);
	return true;
}

static bool
has_twice(const struct parse *parse)
{
	for (enum field i = FIELD_HOST; i < FIELDS; i++)
		if (parse->counts[i] > 1 && i != FIELD_CONNECTION)
			return true;
	return false;
}

static bool
has_body(const struct parse *parse)
{
	return parse->counts[FIELD_ENCODING] > 0 ||
	       (parse->counts[FIELD_LENGTH] > 0 &&
		!pz_slice_eq_str(parse->values[FIELD_LENGTH], "0"));
}

static bool
is_true(const struct parse *parse, enum field field)
{
	return pz_slice_eq_str(parse->values[field], "true");
}

/* OPTIONS is only for browsers that check whether a page from elsewhere may read from this machine.
 */
static bool
is_preflight(const struct parse *parse)
{
	return parse->values[FIELD_ORIGIN].len > 0 && parse->values[FIELD_ASKED_METHOD].len > 0 &&
	       (is_true(parse, FIELD_PRIVATE) || is_true(parse, FIELD_LOCAL));
}

static bool
is_taken(const struct parse *parse, unsigned method)
{
	return method == HTTP_GET || method == HTTP_HEAD ||
	       (method == HTTP_OPTIONS && is_preflight(parse));
}

static enum pz_http_method
method_of(unsigned method)
{
	if (method == HTTP_OPTIONS)
		return PZ_HTTP_OPTIONS;
	return method == HTTP_HEAD ? PZ_HTTP_HEAD : PZ_HTTP_GET;
}

/* @return a status; 0: valid */
static int
judge(const struct parse *parse, const http_parser *parser)
{
	if (has_twice(parse) || (parse->counts[FIELD_ENCODING] && parse->counts[FIELD_LENGTH]))
		return 400;
	if (parser->http_major != 1 || parser->http_minor > 1)
		return 505;
	if (parse->values[FIELD_HOST].len == 0)
		return 400;
	if (!is_taken(parse, parser->method))
		return 405;
	return has_body(parse) ? 413 : 0;
}

int
pz_http_request_parse(struct pz_slice head, struct pz_http_request *out)
{
	struct parse parse = {.field = FIELD_OTHER};
	http_parser parser;
	struct pz_slice path;

	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &parse;
	(void)http_parser_execute(&parser, &settings, (const char *)head.ptr, head.len);
	enum http_errno error = HTTP_PARSER_ERRNO(&parser);
	if (error == HPE_INVALID_METHOD)
		return 405;
	if (error == HPE_INVALID_VERSION)
		return 505;
	if (error != HPE_OK || !parse.is_whole || !take_path(parse.target, &path))
		return 400;
	int status = judge(&parse, &parser);
	if (status)
		return status;
	*out = (struct pz_http_request){
		.method = method_of(parser.method),
		.path = path,
		.host = parse.values[FIELD_HOST],
		.origin = parse.values[FIELD_ORIGIN],
		.has_origin = parse.counts[FIELD_ORIGIN] > 0,
		.authorization = parse.values[FIELD_AUTHORIZATION],
		.has_authorization = parse.counts[FIELD_AUTHORIZATION] > 0,
		.is_upgrade = parser.http_minor == 1 && parser.method == HTTP_GET &&
			      pz_http_has_token(parse.values[FIELD_CONNECTION], "upgrade") &&
			      pz_http_has_token(parse.values[FIELD_UPGRADE], "websocket"),
		.keeps_alive = parse.keeps_alive,
		.websocket_key = parse.values[FIELD_KEY],
		.websocket_version = parse.values[FIELD_VERSION],
		.asked_method = parse.values[FIELD_ASKED_METHOD],
		.asks_private = is_true(&parse, FIELD_PRIVATE),
		.asks_local = is_true(&parse, FIELD_LOCAL),
	};
	return 0;
}
