/*
 * Values of settings (table.h): whether a text is allowed, how it is stored, how it is described.
 * The type of a row decides all of this, so that the parser, `--help`, the man page and the example
 * file cannot differ.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/netaddr.h"
#include "conf/table.h"

/* ---- checks: true when the text is allowed ---- */

/** Decimal digits only, then a unit if the type has units. */
static bool
parse_number(const struct pz_setting *setting, const char *text, uint32_t *out)
{
	uint64_t number = 0;
	const char *c = text;

	for (; *c >= '0' && *c <= '9'; c++) {
		number = number * 10 + (uint64_t)(*c - '0');
		if (number > UINT32_MAX)
			return false;
	}
	if (c == text)
		return false;
	if (setting->type == PZ_SETTING_BYTES && strcmp(c, "KiB") == 0)
		number <<= 10;
	else if (setting->type == PZ_SETTING_BYTES && strcmp(c, "MiB") == 0)
		number <<= 20;
	else if (*c != '\0')
		return false;
	if (number < setting->min || number > setting->max)
		return false;
	*out = (uint32_t)number;
	return true;
}

/** A link-local address must include its interface: the system cannot listen on it otherwise. */
static bool
is_address(const char *text)
{
	struct pz_netaddr address;

	return pz_netaddr_parse(text, &address) && !pz_netaddr_lacks_interface(&address);
}

/** @spec page 1 "Identities" */
static bool
is_device_name(const char *text)
{
	static const char alnum[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t first = strspn(text, alnum), len = strlen(text);

	if (first == 0 || len > PZ_DEVICE_BYTES_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (strchr(alnum, text[i]) == NULL && strchr("._-", text[i]) == NULL)
			return false;
	}
	return true;
}

/* Exactly one of the words. */
static bool
is_choice(const struct pz_setting *setting, const char *text)
{
	for (const char *const *choice = setting->choices; *choice != NULL; choice++) {
		if (strcmp(*choice, text) == 0)
			return true;
	}
	return false;
}

/* A path in a file must be absolute: a relative one would depend on the directory in which the
 * daemon was started. */
static bool
is_allowed(const struct pz_setting *setting, const char *value, bool is_file, uint32_t *out_number)
{
	switch (setting->type) {
	case PZ_SETTING_PATH:
	case PZ_SETTING_PATHS:
		return is_file ? value[0] == '/' : value[0] != '\0';
	case PZ_SETTING_ADDRESS:
		return is_address(value);
	case PZ_SETTING_DEVICE:
		return is_device_name(value);
	case PZ_SETTING_CHOICE:
		return is_choice(setting, value);
	case PZ_SETTING_PORT:
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
	case PZ_SETTING_BYTES:
		return parse_number(setting, value, out_number);
	case PZ_SETTING_FLAG:
		return true;
	}
	return false;
}

/* ---- storing ---- */

/* Each occurrence of the option adds one. */
static enum pz_err
add_path(struct pz_settings *settings, const char *value)
{
	char **list = reallocarray(settings->services, settings->service_count + 1, sizeof(*list));

	if (list == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	settings->services = list;
	list[settings->service_count] = strdup(value);
	if (list[settings->service_count] == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	settings->service_count++;
	return PZ_OK;
}

/* The text was checked before. The type of the row determines the field's C type. */
static enum pz_err
store(const struct pz_setting *setting, struct pz_settings *settings, const char *value,
      uint32_t number)
{
	void *field = (char *)settings + setting->offset;
	char *copy;

	switch (setting->type) {
	case PZ_SETTING_PATHS:
		return add_path(settings, value);
	case PZ_SETTING_PORT:
		*(uint16_t *)field = (uint16_t)number;
		return PZ_OK;
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
	case PZ_SETTING_BYTES:
		*(uint32_t *)field = number;
		return PZ_OK;
	case PZ_SETTING_FLAG:
		*(bool *)field = true;
		return PZ_OK;
	case PZ_SETTING_PATH:
	case PZ_SETTING_ADDRESS:
	case PZ_SETTING_DEVICE:
	case PZ_SETTING_CHOICE:
		copy = strdup(value);
		if (copy == NULL)
			return PZ_ERR_LIMIT_MEMORY;
		free(*(char **)field);
		*(char **)field = copy;
		return PZ_OK;
	}
	return PZ_ERR_INTERNAL;
}

/* @param settings NULL: only checked */
enum pz_err
pz_setting_assign(const struct pz_setting *setting, struct pz_settings *settings, const char *value,
		  const char *where, bool is_file, struct pz_errinfo *info)
{
	uint32_t number = 0;

	if (!is_allowed(setting, value, is_file, &number)) {
		bool is_path =
			setting->type == PZ_SETTING_PATH || setting->type == PZ_SETTING_PATHS;
		char allowed[128];

		pz_setting_allowed(setting, allowed);
		return pz_fail(info, PZ_ERR_CONFIG, "%s: %s = \"%.40s\": must be %s", where,
			       setting->name, value,
			       is_path && is_file ? "an absolute path" : allowed);
	}
	return settings != NULL ? store(setting, settings, value, number) : PZ_OK;
}

/* Lists and flags begin as the zeroed struct has them: empty and off. */
enum pz_err
pz_setting_assign_default(const struct pz_setting *setting, struct pz_settings *settings)
{
	switch (setting->type) {
	case PZ_SETTING_PATHS:
	case PZ_SETTING_FLAG:
		return PZ_OK;
	case PZ_SETTING_PORT:
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
	case PZ_SETTING_BYTES:
		return store(setting, settings, "", setting->number);
	case PZ_SETTING_PATH:
	case PZ_SETTING_ADDRESS:
	case PZ_SETTING_DEVICE:
	case PZ_SETTING_CHOICE:
		break;
	}
	return setting->fallback != NULL ? store(setting, settings, setting->fallback, 0) : PZ_OK;
}

/* ---- describing ---- */

/** Formats a size in the largest unit that divides it. */
static void
format_size(uint32_t bytes, char out[24])
{
	if (bytes != 0 && bytes % (1U << 20) == 0)
		snprintf(out, 24, "%uMiB", bytes >> 20);
	else if (bytes != 0 && bytes % (1U << 10) == 0)
		snprintf(out, 24, "%uKiB", bytes >> 10);
	else
		snprintf(out, 24, "%u", bytes);
}

static void
describe_choices(const struct pz_setting *setting, char out[128])
{
	size_t used = (size_t)snprintf(out, 128, "one of");

	for (const char *const *choice = setting->choices; *choice != NULL && used < 128; choice++)
		used += (size_t)snprintf(out + used, 128 - used, "%s %s",
					 choice == setting->choices ? "" : ",", *choice);
}

void
pz_setting_allowed(const struct pz_setting *setting, char out[128])
{
	char min[24], max[24];

	switch (setting->type) {
	case PZ_SETTING_PATH:
	case PZ_SETTING_PATHS:
		snprintf(out, 128, "a path");
		break;
	case PZ_SETTING_ADDRESS:
		snprintf(out, 128,
			 "a numeric IPv4 or IPv6 address (link-local: with its interface, "
			 "fe80::1%%eth0)");
		break;
	case PZ_SETTING_DEVICE:
		snprintf(out, 128,
			 "1 to %d letters, digits, '.', '_' or '-', the first a letter or digit",
			 PZ_DEVICE_BYTES_MAX);
		break;
	case PZ_SETTING_CHOICE:
		describe_choices(setting, out);
		break;
	case PZ_SETTING_PORT:
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
		snprintf(out, 128, "a number from %u to %u", setting->min, setting->max);
		break;
	case PZ_SETTING_BYTES:
		format_size(setting->min, min);
		format_size(setting->max, max);
		snprintf(out, 128, "a size from %s to %s (plain bytes, KiB or MiB)", min, max);
		break;
	case PZ_SETTING_FLAG:
		snprintf(out, 128, "given without a value");
		break;
	}
}

void
pz_setting_default(const struct pz_setting *setting, char out[128])
{
	switch (setting->type) {
	case PZ_SETTING_PORT:
	case PZ_SETTING_COUNT:
	case PZ_SETTING_SECONDS:
		snprintf(out, 128, "%u", setting->number);
		break;
	case PZ_SETTING_BYTES:
		format_size(setting->number, out);
		break;
	case PZ_SETTING_PATH:
	case PZ_SETTING_PATHS:
	case PZ_SETTING_ADDRESS:
	case PZ_SETTING_DEVICE:
	case PZ_SETTING_CHOICE:
	case PZ_SETTING_FLAG:
		snprintf(out, 128, "%s", setting->fallback != NULL ? setting->fallback : "");
		break;
	}
}
