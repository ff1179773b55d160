/*
 * Reports for strangers (`pzp report`) without names: each name, address, path and key becomes a
 * token such as device-2, the same one wherever it occurs, so that a reader can still follow what
 * happened. A word is replaced if it is a known name, if its field contains a name, or if it looks
 * like a name; in doubt it is replaced.
 */
#include "diagnose/scrub.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/netaddr.h"
#include "conf/prefs.h"

#define KINDS_MAX 16
#define TOKEN_BYTES 32
#define SEPARATORS " \t\n\"'`()[]{}<>,;|="

struct entry {
	char *text;
	size_t len;
	char token[TOKEN_BYTES];
	bool is_known; /* replaced wherever it occurs, not only where a rule finds it */
};

struct pz_scrub {
	struct entry *entries;
	size_t len, room;
	struct {
		const char *kind;
		unsigned count;
	} kinds[KINDS_MAX];
	struct pz_buf out; /* the output of the current text */
	bool is_short;     /* memory ran out in that text */
};

struct pz_scrub *
pz_scrub_new(void)
{
	return calloc(1, sizeof(struct pz_scrub));
}

void
pz_scrub_free(struct pz_scrub *scrub)
{
	if (scrub == NULL)
		return;
	for (size_t i = 0; i < scrub->len; i++)
		free(scrub->entries[i].text);
	free(scrub->entries);
	free(scrub);
}

/* ---- tokens ---- */

static unsigned
next_number(struct pz_scrub *scrub, const char *kind)
{
	for (size_t i = 0; i < KINDS_MAX; i++) {
		if (scrub->kinds[i].kind == NULL)
			scrub->kinds[i].kind = kind;
		if (strcmp(scrub->kinds[i].kind, kind) == 0)
			return ++scrub->kinds[i].count;
	}
	return 0;
}

/* The entry of a text, made if it is new. NULL: out of memory. */
static struct entry *
entry_of(struct pz_scrub *scrub, const char *kind, const char *text, size_t len)
{
	for (size_t i = 0; i < scrub->len; i++)
		/* Without regard to case: hosts and zones have none, and a log may contain
		 * either. */
		if (scrub->entries[i].len == len &&
		    strncasecmp(scrub->entries[i].text, text, len) == 0)
			return &scrub->entries[i];
	if (scrub->len == scrub->room) {
		size_t room = scrub->room ? 2 * scrub->room : 64;
		struct entry *more = realloc(scrub->entries, room * sizeof(*more));
		if (more == NULL)
			return NULL;
		scrub->entries = more;
		scrub->room = room;
	}
	struct entry *entry = &scrub->entries[scrub->len];
	*entry = (struct entry){.text = strndup(text, len), .len = len};
	if (entry->text == NULL)
		return NULL;
	scrub->len++;
	snprintf(entry->token, sizeof(entry->token), "%.16s-%u", kind, next_number(scrub, kind));
	return entry;
}

static enum pz_err
add_known(struct pz_scrub *scrub, const char *kind, const char *name)
{
	struct entry *entry = entry_of(scrub, kind, name, strlen(name));

	if (entry == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	entry->is_known = true;
	return PZ_OK;
}

enum pz_err
pz_scrub_add(struct pz_scrub *scrub, const char *kind, const char *name)
{
	struct pz_buf escaped;

	if (name == NULL || name[0] == '\0')
		return PZ_OK;
	PZ_TRY(add_known(scrub, kind, name));
	if (strpbrk(name, "\"\\") == NULL)
		return PZ_OK;
	/* Also as the value of a field in a log line: a name with quotes is escaped there, and must
	 * be found in that form as well. */
	pz_buf_init(&escaped, SIZE_MAX / 2, NULL);
	enum pz_err err = PZ_OK;
	for (const char *c = name; *c && err == PZ_OK; c++) {
		if (*c == '"' || *c == '\\')
			err = pz_buf_append_str(&escaped, "\\");
		if (err == PZ_OK)
			err = pz_buf_append(&escaped, pz_slice_of(c, 1));
	}
	PZ_AUTO_FREE char *text = err == PZ_OK ? pz_slice_dup(pz_buf_slice(&escaped)) : NULL;
	pz_buf_fini(&escaped);
	return text ? add_known(scrub, kind, text) : PZ_ERR_LIMIT_MEMORY;
}

/* ---- output ---- */

static void
put(struct pz_scrub *scrub, const char *text, size_t len)
{
	if (pz_buf_append(&scrub->out, pz_slice_of(text, len)) != PZ_OK)
		scrub->is_short = true;
}

static void
put_token(struct pz_scrub *scrub, const char *kind, const char *text, size_t len)
{
	const struct entry *entry = len > 0 ? entry_of(scrub, kind, text, len) : NULL;

	if (entry)
		put(scrub, entry->token, strlen(entry->token));
	else if (len > 0)
		scrub->is_short = true;
}

/* ---- what looks like a name ---- */

static bool
is_word_char(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* The longest known name that begins here and consists of whole words. */
static const struct entry *
known_at(const struct pz_scrub *scrub, const char *text, bool is_after_word)
{
	const struct entry *best = NULL;

	if (is_after_word)
		return NULL;
	for (size_t i = 0; i < scrub->len; i++) {
		const struct entry *entry = &scrub->entries[i];
		if (entry->is_known && (best == NULL || entry->len > best->len) &&
		    strncasecmp(text, entry->text, entry->len) == 0 &&
		    /* Names such as "a" and "tv" are parts of many words, which are not
		     * replaced. */
		    !(is_word_char(text[entry->len]) && is_word_char(text[entry->len - 1])))
			best = entry;
	}
	return best;
}

static size_t
word_len(const char *text)
{
	size_t len = strcspn(text, SEPARATORS);

	while (len > 0 && strchr(".:!?", text[len - 1]))
		len--;
	return len;
}

/* "x:8041" without the port. */
static size_t
without_port(const char *word, size_t len)
{
	size_t at = len;

	while (at > 0 && isdigit((unsigned char)word[at - 1]))
		at--;
	return at > 1 && at < len && word[at - 1] == ':' ? at - 1 : len;
}

static bool
is_address(const char *word, size_t len)
{
	char copy[80];
	struct pz_netaddr address;

	if (len == 0 || len >= sizeof(copy))
		return false;
	memcpy(copy, word, len);
	copy[len] = '\0';
	return pz_netaddr_parse(copy, &address);
}

static bool
is_among(const char *word, size_t len, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == len && strncasecmp(word, *list, len) == 0)
			return true;
	return false;
}

/* "peer.listen": has the form of a host name, but is useful in a report. */
static bool
is_preference(const char *word, size_t len)
{
	for (size_t i = 0; i < PZ_PREF_COUNT; i++)
		if (strlen(pz_pref_table[i].key) == len &&
		    strncmp(pz_pref_table[i].key, word, len) == 0)
			return true;
	return false;
}

/* "a.example.org", but not "peer.listen" and not "avahi-daemon.conf". */
static bool
is_host(const char *word, size_t len)
{
	/* Settings, functions and files are kept too. */
	static const char *const firsts[] = {"limits", "ServiceDiscovery", "ServiceConfiguration",
					     NULL};
	static const char *const lasts[] = {"conf", "db", "sock", "json", "service",
					    "pem",  "c",  "h",    "md",   NULL};
	size_t first = 0, last = len;

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)word[i]) && word[i] != '-' && word[i] != '.')
			return false;
	while (first < len && word[first] != '.')
		first++;
	while (last > 0 && word[last - 1] != '.')
		last--;
	if (first == 0 || first == len || len - last < 2 || !isalpha((unsigned char)word[last]))
		return false;
	return !is_preference(word, len) && !is_among(word, first, firsts) &&
	       !is_among(word + last, len - last, lasts);
}

/* Fingerprints, serials, UUIDs, session ids, and base64. */
static bool
is_key(const char *word, size_t len)
{
	size_t hex = 0, other = 0, letters = 0, uppers = 0, lowers = 0, rest = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)word[i];
		if (isxdigit(c))
			hex++;
		else if (c != ':' && c != '-')
			other++;
		letters += isalpha(c) != 0;
		uppers += isupper(c) != 0;
		lowers += islower(c) != 0;
		rest += isdigit(c) != 0 || strchr("+/=_-", c) != NULL;
		if (!isalnum(c) && strchr("+/=_-:", c) == NULL)
			return false;
	}
	/* Twelve hex digits without a letter are a number or a date; with a letter they are part of
	 * a fingerprint. */
	if (other == 0 && hex >= 12 && letters > 0)
		return true;
	/* Base64 has all three kinds of characters; a long word of a language does not. */
	return len >= 24 && uppers > 0 && lowers > 0 && rest > 0;
}

static bool
is_url(const char *word, size_t len)
{
	return memmem(word, len, "://", 3) != NULL;
}

/* For words that contain no known name. NULL: the word may be shown. */
static const char *
kind_of(const char *word, size_t len)
{
	static const char ours[] = "http://webinos.org/";

	if (len == 0)
		return NULL;
	if (is_url(word, len))
		return strncmp(word, ours, sizeof(ours) - 1) == 0 ? NULL : "url";
	if ((word[0] == '/' && len > 1) || strncmp(word, "~/", 2) == 0)
		return "path";
	if (is_address(word, len))
		return "address";
	if (is_host(word, len))
		return "host";
	return is_key(word, len) ? "key" : NULL;
}

/* "alice@example.org/laptop/app": zone, device, app. */
static void
put_identity(struct pz_scrub *scrub, const char *word, size_t len)
{
	static const char *const kinds[] = {"zone", "device", "app"};

	for (size_t i = 0; i < 3 && len > 0; i++) {
		const char *slash = i < 2 ? memchr(word, '/', len) : NULL;
		size_t part = slash ? (size_t)(slash - word) : len;

		put_token(scrub, kinds[i], word, part);
		word += part;
		len -= part;
		if (len > 0) {
			put(scrub, "/", 1);
			word++;
			len--;
		}
	}
}

/* A complete value in a place where a name is expected. */
static void
put_value(struct pz_scrub *scrub, const char *kind, const char *value, size_t len)
{
	if (memchr(value, '@', len) != NULL)
		put_identity(scrub, value, len);
	else
		put_token(scrub, kind, value, len);
}

/* ---- fields and members ---- */

/* The kind of name that this field or member contains; NULL: ordinary text. */
static const char *
kind_of_member(const char *name, size_t len)
{
	static const struct {
		const char *name, *kind;
	} members[] = {
		{"zone", "zone"},         {"device", "device"},   {"peer", "device"},
		{"relay", "device"},      {"via", "device"},      {"from", "device"},
		{"to", "device"},         {"with", "device"},     {"who", "device"},
		{"host", "host"},         {"remote", "address"},  {"address", "address"},
		{"path", "path"},         {"data-dir", "path"},   {"control-socket", "path"},
		{"function", "function"}, {"service", "service"}, {"api", "service"},
		{"key", "value"},         {"value", "value"},     {"serial", "key"},
		{"session", "key"},       {"name", "name"},       {"displayName", "name"},
		{"id", "device"},         {"subject", "name"},    {"origin", "app"},
		{"pending", "value"},     {"file", "name"},       {"friend", "zone"},
		{"app", "app"},           {"author", "device"},   {"partner", "device"},
		{"user", "zone"},         {"record", "value"},    {"method", "function"},
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (strlen(members[i].name) == len && strncmp(members[i].name, name, len) == 0)
			return members[i].kind;
	return NULL;
}

/* "key=value" of a log line whose value is a name. @return bytes that were read, 0: no such
 * field */
static size_t
put_field(struct pz_scrub *scrub, const char *text)
{
	size_t name = strcspn(text, SEPARATORS), len = 0;
	const char *kind = text[name] == '=' ? kind_of_member(text, name) : NULL;
	const char *value = text + name + 1;

	if (kind == NULL)
		return 0;
	put(scrub, text, name + 1);
	if (value[0] != '"') {
		len = strcspn(value, " \t\n");
		put_value(scrub, kind, value, len);
		return name + 1 + len;
	}
	value++;
	while (value[len] && value[len] != '"')
		len += value[len] == '\\' && value[len + 1] ? 2 : 1;
	put_value(scrub, kind, value, len);
	return name + 1 + 1 + len + (value[len] == '"');
}

/* ---- texts ---- */

/* "nas port 8041": a host name without a dot. */
static bool
is_before_port(const char *text, size_t len)
{
	static const char port[] = " port ";
	static const char *const words[] = {"the",  "a",    "on",   "to",   "TCP",
					    "TLS",  "web",  "IPv4", "IPv6", "UDP",
					    "this", "that", "and",  "or",   NULL};

	return len > 0 && strncmp(text + len, port, sizeof(port) - 1) == 0 &&
	       isdigit((unsigned char)text[len + sizeof(port) - 1]) && !is_among(text, len, words);
}

/* A word that begins here. @return bytes that were read, 0: the word may be shown */
static size_t
put_word(struct pz_scrub *scrub, const char *text)
{
	size_t len = word_len(text), bare = without_port(text, len);
	size_t run = strcspn(text, " \t\n\"'`<>"); /* a URL contains separators */
	const char *kind;

	if (is_url(text, len) && kind_of(text, len) != NULL) {
		put_token(scrub, "url", text, run);
		return run;
	}
	if (memchr(text, '@', len) != NULL) {
		put_identity(scrub, text, len);
		return len;
	}
	if (is_address(text, len)) /* the end of an IPv6 address looks like a port */
		bare = len;
	kind = kind_of(text, bare);
	if (kind == NULL && is_before_port(text, len))
		kind = "host";
	if (kind == NULL)
		return 0;
	put_token(scrub, kind, text, bare);
	return bare;
}

char *
pz_scrub_text(struct pz_scrub *scrub, const char *text)
{
	bool is_begin = true;       /* of a word */
	bool is_after_word = false; /* the previous character would belong to the same name */

	pz_buf_init(&scrub->out, SIZE_MAX / 2, NULL);
	scrub->is_short = false;
	while (*text) {
		/* In this order: the kind of a field is more certain than a known name, and that is
		 * more certain than the form of a word. */
		const struct entry *known = known_at(scrub, text, is_after_word);
		size_t done = 0;

		if (is_begin)
			done = put_field(scrub, text);
		if (done == 0 && known) {
			put(scrub, known->token, strlen(known->token));
			done = known->len;
		}
		if (done == 0 && is_begin)
			done = put_word(scrub, text);
		if (done == 0) {
			put(scrub, text, 1);
			done = 1;
		}
		text += done;
		is_begin = strchr(SEPARATORS, text[-1]) != NULL;
		is_after_word = is_word_char(text[-1]);
	}
	char *out = scrub->is_short ? NULL : pz_slice_dup(pz_buf_slice(&scrub->out));
	pz_buf_fini(&scrub->out);
	return out;
}

/* ---- JSON ---- */

static json_t *
text_value(struct pz_scrub *scrub, const char *kind, const char *text)
{
	PZ_AUTO_FREE char *clean = NULL;

	if (kind == NULL) {
		clean = pz_scrub_text(scrub, text);
		return clean ? json_string(clean) : NULL;
	}
	pz_buf_init(&scrub->out, SIZE_MAX / 2, NULL);
	scrub->is_short = false;
	put_value(scrub, kind, text, strlen(text));
	clean = scrub->is_short ? NULL : pz_slice_dup(pz_buf_slice(&scrub->out));
	pz_buf_fini(&scrub->out);
	return clean ? json_string(clean) : NULL;
}

/* @param kind the kind of name in its texts, by the enclosing member; NULL: ordinary text */
static json_t *
value_of(struct pz_scrub *scrub, const char *kind, const json_t *value)
{
	json_t *out, *one;
	const char *name;
	size_t i;

	if (json_is_string(value))
		return text_value(scrub, kind, json_string_value(value));
	if (json_is_array(value)) {
		out = json_array();
		json_array_foreach (value, i, one)
			(void)json_array_append_new(out, value_of(scrub, kind, one));
		return out;
	}
	if (!json_is_object(value))
		return json_deep_copy(value);
	out = json_object();
	json_object_foreach ((json_t *)(uintptr_t)value, name, one) {
		const char *of_it = kind_of_member(name, strlen(name));
		(void)json_object_set_new(out, name, value_of(scrub, of_it ? of_it : kind, one));
	}
	return out;
}

json_t *
pz_scrub_json(struct pz_scrub *scrub, const json_t *value)
{
	return value_of(scrub, NULL, value);
}
