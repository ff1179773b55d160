/* What a changed configuration means for a running daemon. */
#include <stdlib.h>
#include <string.h>

#include "conf/table.h"

/* Size of the field, for types whose value is stored in place. */
static size_t
field_size(const struct pz_setting *setting)
{
	switch (setting->type) {
	case PZ_SETTING_PORT:
		return sizeof(uint16_t);
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
	case PZ_SETTING_BYTES:
		return sizeof(uint32_t);
	case PZ_SETTING_FLAG:
		return sizeof(bool);
	case PZ_SETTING_PATH:
	case PZ_SETTING_PATHS:
	case PZ_SETTING_ADDRESS:
	case PZ_SETTING_DEVICE:
	case PZ_SETTING_CHOICE:
		break;
	}
	return sizeof(char *);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
are_same_paths(const struct pz_settings *a, const struct pz_settings *b)
{
	if (a->service_count != b->service_count)
		return false;
	for (size_t i = 0; i < a->service_count; i++)
		if (strcmp(a->services[i], b->services[i]) != 0)
			return false;
	return true;
}

/* Compares a row in two sets of settings, by its type. */
static bool
is_same(const struct pz_setting *setting, const struct pz_settings *a, const struct pz_settings *b)
{
	const char *field_a = (const char *)a + setting->offset;
	const char *field_b = (const char *)b + setting->offset;

	if (setting->type == PZ_SETTING_PATHS)
		return are_same_paths(a, b);
	if (pz_setting_is_text(setting))
		return is_same_text(*(char *const *)(const void *)field_a,
				    *(char *const *)(const void *)field_b);
	return memcmp(field_a, field_b, field_size(setting)) == 0;
}

/* Text is owned: after the swap each struct owns one of the two. */
static void
swap(const struct pz_setting *setting, struct pz_settings *a, struct pz_settings *b)
{
	char *field_a = (char *)a + setting->offset, *field_b = (char *)b + setting->offset;
	size_t size = field_size(setting);
	/* A pointer is the largest of the fields that are stored in place. */
	char held[sizeof(char *)];

	memcpy(held, field_a, size);
	memcpy(field_a, field_b, size);
	memcpy(field_b, held, size);
	if (setting->type ==
	    PZ_SETTING_PATHS) { /* the only list: its length is in the field beside it */
		size_t count = a->service_count;
		a->service_count = b->service_count;
		b->service_count = count;
	}
}

static uint64_t
bit_of(const struct pz_setting *setting)
{
	return UINT64_C(1) << (setting - pz_setting_table);
}

bool
pz_settings_is_given(enum pz_program program, const struct pz_settings *settings, const char *name)
{
	const struct pz_setting *setting = pz_setting_find(program, name, strlen(name), false);

	return setting != NULL && (settings->given & bit_of(setting)) != 0;
}

static enum pz_err
add_name(struct pz_buf *list, const char *name)
{
	return pz_buf_printf(list, "%s%s", list->len > 0 ? ", " : "", name);
}

/* Settings that may change at run time are swapped; others are only named, and keep their value. */
enum pz_err
pz_settings_reload(enum pz_program program, struct pz_settings *running, struct pz_settings *fresh,
		   struct pz_buf *out_changed, struct pz_buf *out_waiting)
{
	const struct pz_setting *setting;

	for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;) {
		uint64_t bit = bit_of(setting);
		/* A given value counts as given even if it equals the default: it takes precedence
		 * over a preference. */
		bool is_given_alike = ((running->given ^ fresh->given) & bit) == 0;

		if (setting->is_command_line_only ||
		    (is_same(setting, running, fresh) && (is_given_alike || !setting->is_live)))
			continue;
		PZ_TRY(add_name(setting->is_live ? out_changed : out_waiting, setting->name));
		if (!setting->is_live)
			/* It applies from the next start; it is named each time, so that the
			 * operator is not misled. */
			continue;
		swap(setting, running, fresh);
		running->given = (running->given & ~bit) | (fresh->given & bit);
	}
	return PZ_OK;
}
