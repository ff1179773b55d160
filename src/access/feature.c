/* Names of features. @spec page 9, 9.2 (3) and (4) */
#include <stdio.h>

#include "access/internal.h"

static const struct {
	const char *object, *feature;
} builtins[] = {
	{"ServiceDiscovery", "http://webinos.org/api/discovery"},
	{"DiscoveryInterface", "http://webinos.org/api/discovery"},
	{"ServiceConfiguration", "http://webinos.org/api/dashboard"},
	{"Dashboard", "http://webinos.org/api/dashboard"},
	{"PolicyManagement", "http://webinos.org/core/policy-management"},
};

/* Policies use the second name; what follows after '/' or '.' is appended to it. */
static const struct {
	const char *name, *canonical;
} aliases[] = {
	{"http://webinos.org/api/file", "http://webinos.org/api/w3c/file"},
	{"http://webinos.org/core/policymanagement", "http://webinos.org/core/policy-management"},
};

static const char *
builtin_of(const char *api)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strcmp(api, builtins[i].object) == 0)
			return builtins[i].feature;
	}
	return NULL;
}

/* @param out_rest the text after the name that was replaced */
static const char *
canonical_of(const char *api, const char **out_rest)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		/* "/" or "." or the end: "http://webinos.org/api/filesystem" is no part of
		 * "…/api/file". */
		size_t len = strlen(aliases[i].name);

		if (strncmp(api, aliases[i].name, len) == 0 && strchr("/.", api[len])) {
			*out_rest = api + len;
			return aliases[i].canonical;
		}
	}
	return NULL;
}

bool
pz_access_feature(const char *api, const char *part, char out[PZ_ACCESS_FEATURE_BYTES])
{
	const char *rest = "", *name = builtin_of(api);

	if (name == NULL)
		name = canonical_of(api, &rest);
	int n = snprintf(out, PZ_ACCESS_FEATURE_BYTES, "%s%s%s", name ? name : api, rest,
			 part ? part : "");
	return n > 0 && n < PZ_ACCESS_FEATURE_BYTES;
}
