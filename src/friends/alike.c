/*
 * Both texts are reduced to a skeleton, and skeletons are compared. The table is short on purpose:
 * Latin, Greek and Cyrillic letters that look the same in common fonts, and marks. The result is
 * only a warning: an unknown pair means that one is missing, a wrong pair that a person looks
 * twice.
 *
 * For a list of friends a map of skeletons finds the pairs: comparing each friend with each other
 * one would block the hub for seconds whenever a device asks for the list.
 */
#include "friends/alike.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/utf8.h"

/* the skeleton of a text is never longer than the text */
#define SKELETON_BYTES_MAX (PZ_ZONE_BYTES_MAX + 1)

/* Latin letters with marks from U+00C0 on, in order; '.' is left unchanged. */
static const char latin1[] = "aaaaaa.ceeeeiiiidnooooo.ouuuuy.saaaaaa.ceeeeiiiidnooooo.ouuuuy.y";

static const struct {
	uint32_t from;
	const char *to;
} letters[] = {
	/* Cyrillic */
	{0x0410, "a"},
	{0x0430, "a"},
	{0x0412, "b"},
	{0x0432, "b"},
	{0x0421, "c"},
	{0x0441, "c"},
	{0x0415, "e"},
	{0x0435, "e"},
	{0x041d, "h"},
	{0x043d, "h"},
	{0x0406, "i"},
	{0x0456, "i"},
	{0x0408, "j"},
	{0x0458, "j"},
	{0x041a, "k"},
	{0x043a, "k"},
	{0x041c, "m"},
	{0x043c, "m"},
	{0x041e, "o"},
	{0x043e, "o"},
	{0x0420, "p"},
	{0x0440, "p"},
	{0x0405, "s"},
	{0x0455, "s"},
	{0x0422, "t"},
	{0x0442, "t"},
	{0x0425, "x"},
	{0x0445, "x"},
	{0x0423, "y"},
	{0x0443, "y"},
	{0x04c0, "l"},
	{0x04cf, "l"},
	{0x0501, "d"},
	{0x051b, "q"},
	{0x051d, "w"},
	/* Greek */
	{0x0391, "a"},
	{0x03b1, "a"},
	{0x0392, "b"},
	{0x03b2, "b"},
	{0x0395, "e"},
	{0x03b5, "e"},
	{0x0397, "h"},
	{0x0399, "i"},
	{0x03b9, "i"},
	{0x039a, "k"},
	{0x03ba, "k"},
	{0x039c, "m"},
	{0x039d, "n"},
	{0x03bd, "v"},
	{0x039f, "o"},
	{0x03bf, "o"},
	{0x03a1, "p"},
	{0x03c1, "p"},
	{0x03a4, "t"},
	{0x03c4, "t"},
	{0x03a5, "y"},
	{0x03c5, "u"},
	{0x03a7, "x"},
	{0x03c7, "x"},
	{0x0396, "z"},
	/* Latin */
	{0x0131, "i"},
	{0x0237, "j"},
	{0x0251, "a"},
	{0x0261, "g"},
	{0x026a, "i"},
	{0x0142, "l"},
	{0x0141, "l"},
};

/* The character that two characters in a row look like. */
static const struct {
	char pair[3], to;
} pairs[] = {{"rn", 'm'}, {"vv", 'w'}};

/* Marks above and below a letter, and invisible characters. */
static bool
is_unseen(uint32_t c)
{
	return (c >= 0x0300 && c <= 0x036f) || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x2064) || c == 0xfeff ||
	       c == 0x00ad;
}

static char
fold_ascii(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	switch (c) {
	case '0':
		return 'o';
	case '1':
	case 'i':
	case '|':
	case '!':
		return 'l';
	case '5':
	case '$':
		return 's';
	default:
		return c;
	}
}

static bool
is_separator(uint32_t c)
{
	return c == ' ' || c == 0xa0 || c == '.' || c == '_' || c == '-' || c == '+';
}

/* @return 0: the character is skipped; 1 to 127: what it looks like; else itself */
static uint32_t
fold(uint32_t c)
{
	if (is_unseen(c) || is_separator(c))
		return 0;
	if (c >= 0xff01 && c <= 0xff5e) /* wide forms of ASCII */
		c = c - 0xff01 + '!';
	if (c >= 0xc0 && c <= 0xff && latin1[c - 0xc0] != '.')
		return (uint32_t)fold_ascii(latin1[c - 0xc0]);
	if (c < 0x80)
		return (uint32_t)fold_ascii((char)c);
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].from == c)
			return (uint32_t)fold_ascii(letters[i].to[0]);
	return c;
}

struct skeleton {
	uint32_t signs[SKELETON_BYTES_MAX];
	size_t len;
};

static void
append(struct skeleton *s, uint32_t sign)
{
	if (sign == 0 || s->len == SKELETON_BYTES_MAX)
		return;
	for (size_t i = 0; s->len > 0 && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (s->signs[s->len - 1] == (uint32_t)pairs[i].pair[0] &&
		    sign == (uint32_t)pairs[i].pair[1]) {
			s->signs[s->len - 1] = (uint32_t)pairs[i].to;
			return;
		}
	}
	s->signs[s->len++] = sign;
}

/* The next character of well-formed text; a malformed byte is returned as itself. */
static uint32_t
take(struct pz_slice *rest)
{
	static const uint8_t masks[] = {0xff, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = pz_utf8_char(rest->ptr, rest->len);
	uint32_t c = rest->ptr[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | (rest->ptr[i] & 0x3f);
	*rest = pz_slice_of(rest->ptr + (len ? len : 1), rest->len - (len ? len : 1));
	return c;
}

static void
skeleton_of(const char *text, struct skeleton *out)
{
	struct pz_slice rest = pz_slice_str(text);

	out->len = 0;
	while (rest.len > 0)
		append(out, fold(take(&rest)));
}

static bool
is_same(const struct skeleton *a, const struct skeleton *b)
{
	return a->len == b->len && memcmp(a->signs, b->signs, a->len * sizeof(a->signs[0])) == 0;
}

bool
pz_names_are_alike(const char *a, const char *b)
{
	struct skeleton x, y;

	if (strcmp(a, b) == 0)
		return false;
	skeleton_of(a, &x);
	skeleton_of(b, &y);
	return is_same(&x, &y);
}

/* ---- many friends at once ---- */

/* The first two friends with one skeleton: one of them always differs from the friend in
 * question. */
struct alike {
	struct skeleton skeleton; /* the key */
	const char *zones[2];
};

struct pz_alikes {
	const char *zone;
	struct skeleton own_zone, own_name;
	struct pz_map *zones, *names; /* skeleton -> struct alike */
};

static struct pz_slice
key_of(const struct skeleton *s)
{
	return pz_slice_of(s->signs, s->len * sizeof(s->signs[0]));
}

static enum pz_err
add(struct pz_map *map, const char *text, const char *zone)
{
	struct alike *made = calloc(1, sizeof(*made)), *known;

	if (made == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	skeleton_of(text, &made->skeleton);
	known = pz_map_get(map, key_of(&made->skeleton));
	made->zones[0] = zone;
	if (known && known->zones[1] == NULL)
		known->zones[1] = zone;
	if (known == NULL && pz_map_put(map, key_of(&made->skeleton), made, NULL) == PZ_OK)
		return PZ_OK;
	free(made);
	return known ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

static void
free_map(struct pz_map *map)
{
	size_t pos = 0;
	struct pz_slice key;
	void *one;

	while (map && pz_map_next(map, &pos, &key, &one)) {
		pz_map_remove(map, key);
		free(one);
	}
	pz_map_free(map);
}

void
pz_alikes_free(struct pz_alikes *alikes)
{
	if (alikes == NULL)
		return;
	free_map(alikes->zones);
	free_map(alikes->names);
	free(alikes);
}

static enum pz_err
add_all(struct pz_alikes *alikes, const struct pz_friends *friends)
{
	const struct pz_friend *f;
	size_t pos = 0;

	if (alikes->zones == NULL || alikes->names == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	while ((f = pz_friends_next(friends, &pos)) != NULL) {
		PZ_TRY(add(alikes->zones, f->zone, f->zone));
		PZ_TRY(add(alikes->names, f->display_name, f->zone));
	}
	return PZ_OK;
}

struct pz_alikes *
pz_alikes_new(const struct pz_friends *friends, const char *zone, const char *display_name)
{
	struct pz_alikes *alikes = calloc(1, sizeof(*alikes));

	if (alikes == NULL)
		return NULL;
	alikes->zone = zone;
	skeleton_of(zone, &alikes->own_zone);
	skeleton_of(display_name, &alikes->own_name);
	alikes->zones = pz_map_new();
	alikes->names = pz_map_new();
	if (add_all(alikes, friends) == PZ_OK)
		return alikes;
	pz_alikes_free(alikes);
	return NULL;
}

static const char *
other_of(const struct pz_map *map, const struct skeleton *s, const char *zone)
{
	const struct alike *alike = pz_map_get(map, key_of(s));

	if (alike == NULL)
		return NULL;
	return strcmp(alike->zones[0], zone) != 0 ? alike->zones[0] : alike->zones[1];
}

/* Display names may be equal; two zones never are. */
const char *
pz_alikes_find(const struct pz_alikes *alikes, const struct pz_friend *f)
{
	struct skeleton zone, name;
	const char *other;

	if (alikes == NULL)
		return NULL;
	skeleton_of(f->zone, &zone);
	skeleton_of(f->display_name, &name);
	if (is_same(&zone, &alikes->own_zone) || is_same(&name, &alikes->own_name))
		return alikes->zone;
	other = other_of(alikes->zones, &zone, f->zone);
	return other ? other : other_of(alikes->names, &name, f->zone);
}
