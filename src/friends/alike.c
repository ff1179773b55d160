/*
 * Both texts are folded to a skeleton, and skeletons are compared. The table is short on purpose:
 * Latin, Greek and Cyrillic letters that look the same in common fonts, and marks. It warns and
 * forbids nothing, so a pair that it does not know costs a warning, and one too many costs a look.
 */
#include "friends/alike.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

/* a text is folded to no more than its length */
#define SKELETON_BYTES_MAX (PZ_ZONE_BYTES_MAX + 1)

/* Latin letters with marks from U+00C0 on, in order; '.' is left as it is. */
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

/* What two signs in a row look like. */
static const struct {
	char pair[3], to;
} pairs[] = {{"rn", 'm'}, {"vv", 'w'}};

/* Marks above and below a letter, and what is not seen at all. */
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

/* @return 0: the sign is left out; 1 to 127: what it looks like; else itself */
static uint32_t
fold(uint32_t c)
{
	if (is_unseen(c) || is_separator(c))
		return 0;
	if (c >= 0xff01 && c <= 0xff5e) /* wide forms of ASCII */
		c = c - 0xff01 + '!';
	if (c >= 0xc0 && c <= 0xff && latin1[c - 0xc0] != '.')
		return (uint32_t)fold_ascii(latin1[c - 0xc0]);
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].from == c)
			return (uint32_t)fold_ascii(letters[i].to[0]);
	return c < 0x80 ? (uint32_t)fold_ascii((char)c) : c;
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

/* The next character of well-formed text; a malformed byte counts as itself. */
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

bool
pz_names_are_alike(const char *a, const char *b)
{
	struct skeleton x, y;

	if (strcmp(a, b) == 0)
		return false;
	skeleton_of(a, &x);
	skeleton_of(b, &y);
	return x.len == y.len && memcmp(x.signs, y.signs, x.len * sizeof(x.signs[0])) == 0;
}

/* A display name may well be the same as that of another. */
static bool
is_taken_for(const struct pz_friend *f, const char *zone, const char *display_name)
{
	return pz_names_are_alike(f->zone, zone) || strcmp(f->display_name, display_name) == 0 ||
	       pz_names_are_alike(f->display_name, display_name);
}

const char *
pz_friend_looks_like(const struct pz_friend *f, const struct pz_friends *friends, const char *zone,
		     const char *display_name)
{
	size_t pos = 0;
	const struct pz_friend *other;

	if (is_taken_for(f, zone, display_name))
		return zone;
	while ((other = pz_friends_next(friends, &pos)) != NULL)
		if (strcmp(other->zone, f->zone) != 0 &&
		    is_taken_for(f, other->zone, other->display_name))
			return other->zone;
	return NULL;
}
