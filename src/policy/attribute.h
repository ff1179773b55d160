/* Names of request attributes, and the modifiers of URIs. @spec page 9, 4 and 5.3 */
#ifndef PZ_POLICY_ATTRIBUTE_H
#define PZ_POLICY_ATTRIBUTE_H

#include <stdbool.h>

#include "base/slice.h"

enum pz_policy_category {
	PZ_POLICY_SUBJECT,
	PZ_POLICY_RESOURCE,
	PZ_POLICY_ENVIRONMENT,
	PZ_POLICY_CATEGORIES,
};

/*
 * X(enumerator, category, name, object, member): object and member are those of the JSON form of
 * page 9, 9.1. An attribute that is not here is found by its name.
 */
#define PZ_POLICY_ATTRIBUTE_LIST(X)                                                                \
	X(USER_ID, SUBJECT, "user-id", "subjectInfo", "userId")                                    \
	X(USER_KEY_CN, SUBJECT, "user-key-cn", "subjectInfo", "userKeyCn")                         \
	X(USER_KEY_FINGERPRINT, SUBJECT, "user-key-fingerprint", "subjectInfo",                    \
	  "userKeyFingerprint")                                                                    \
	X(USER_KEY_ROOT_CN, SUBJECT, "user-key-root-cn", "subjectInfo", "userKeyRootCn")           \
	X(USER_KEY_ROOT_FINGERPRINT, SUBJECT, "user-key-root-fingerprint", "subjectInfo",          \
	  "userKeyRootFingerprint")                                                                \
	X(ID, SUBJECT, "id", "widgetInfo", "id")                                                   \
	X(CLASS, SUBJECT, "class", "widgetInfo", "class")                                          \
	X(INSTALL_URI, SUBJECT, "install-uri", "widgetInfo", "install-uri")                        \
	X(VERSION, SUBJECT, "version", "widgetInfo", "version")                                    \
	X(DISTRIBUTOR_KEY_CN, SUBJECT, "distributor-key-cn", "widgetInfo", "distributorKeyCn")     \
	X(DISTRIBUTOR_KEY_FINGERPRINT, SUBJECT, "distributor-key-fingerprint", "widgetInfo",       \
	  "distributorKeyFingerprint")                                                             \
	X(DISTRIBUTOR_KEY_ROOT_CN, SUBJECT, "distributor-key-root-cn", "widgetInfo",               \
	  "distributorKeyRootCn")                                                                  \
	X(DISTRIBUTOR_KEY_ROOT_FINGERPRINT, SUBJECT, "distributor-key-root-fingerprint",           \
	  "widgetInfo", "distributorKeyRootFingerprint")                                           \
	X(AUTHOR_KEY_CN, SUBJECT, "author-key-cn", "widgetInfo", "authorKeyCn")                    \
	X(AUTHOR_KEY_FINGERPRINT, SUBJECT, "author-key-fingerprint", "widgetInfo",                 \
	  "authorKeyFingerprint")                                                                  \
	X(AUTHOR_KEY_ROOT_CN, SUBJECT, "author-key-root-cn", "widgetInfo", "authorKeyRootCn")      \
	X(AUTHOR_KEY_ROOT_FINGERPRINT, SUBJECT, "author-key-root-fingerprint", "widgetInfo",       \
	  "authorKeyRootFingerprint")                                                              \
	X(URI, SUBJECT, "uri", "widgetInfo", "uri")                                                \
	X(URI_TOP, SUBJECT, "uri-top", "widgetInfo", "uri-top")                                    \
	X(SIGN_SCHEMA, SUBJECT, "sign-schema", "widgetInfo", "sign-schema")                        \
	X(KEY_ROOT_CN, SUBJECT, "key-root-cn", "widgetInfo", "key-root-cn")                        \
	X(KEY_ROOT_FINGERPRINT, SUBJECT, "key-root-fingerprint", "widgetInfo",                     \
	  "key-root-fingerprint")                                                                  \
	X(REQUESTOR_ID, SUBJECT, "requestor-id", "deviceInfo", "requestorId")                      \
	X(REQUESTOR_DOMAIN, SUBJECT, "requestor-domain", "deviceInfo", "requestorDomain")          \
	X(TARGET_ID, SUBJECT, "target-id", "deviceInfo", "targetId")                               \
	X(TARGET_DOMAIN, SUBJECT, "target-domain", "deviceInfo", "targetDomain")                   \
	X(WEBINOS_ENABLED, SUBJECT, "webinos-enabled", "deviceInfo", "webinosEnabled")             \
	X(API_FEATURE, RESOURCE, "api-feature", "resourceInfo", "apiFeature")                      \
	X(SERVICE_ID, RESOURCE, "service-id", "resourceInfo", "serviceId")                         \
	X(DEVICE_CAP, RESOURCE, "device-cap", "resourceInfo", "deviceCap")                         \
	X(PARAM_FEATURE, RESOURCE, "param:feature", "resourceInfo", "paramFeature")                \
	X(FUNCTION, RESOURCE, "function", "resourceInfo", "function")                              \
	X(FEATURE_INSTALL_URI, RESOURCE, "feature-install-uri", "resourceInfo",                    \
	  "feature-install-uri")                                                                   \
	X(FEATURE_KEY_CN, RESOURCE, "feature-key-cn", "resourceInfo", "feature-key-cn")            \
	X(FEATURE_KEY_ROOT_CN, RESOURCE, "feature-key-root-cn", "resourceInfo",                    \
	  "feature-key-root-cn")                                                                   \
	X(FEATURE_KEY_ROOT_FINGERPRINT, RESOURCE, "feature-key-root-fingerprint", "resourceInfo",  \
	  "feature-key-root-fingerprint")                                                          \
	X(TIME, ENVIRONMENT, "time", "environmentInfo", "time")                                    \
	X(TIMEMIN, ENVIRONMENT, "timemin", "environmentInfo", "timemin")                           \
	X(DAYS_OF_WEEK, ENVIRONMENT, "days-of-week", "environmentInfo", "daysOfWeek")              \
	X(DAYS_OF_MONTH, ENVIRONMENT, "days-of-month", "environmentInfo", "daysOfMonth")           \
	X(PROFILE, ENVIRONMENT, "profile", "environmentInfo", "profile")                           \
	X(ROAMING, ENVIRONMENT, "roaming", "environmentInfo", "roaming")                           \
	X(BEARER_TYPE, ENVIRONMENT, "bearer-type", "environmentInfo", "bearerType")

/* What the name of an environment attribute begins with whose value is a number of calls. */
#define PZ_POLICY_COUNTER "calls:"

enum pz_policy_attribute_id {
#define X(name, category, text, object, member) PZ_POLICY_ATTR_##name,
	PZ_POLICY_ATTRIBUTE_LIST(X)
#undef X
		PZ_POLICY_ATTR_OTHER, /* known by its name alone; also the number of the others */
};

enum pz_policy_modifier {
	PZ_POLICY_MODIFIER_NONE,
	PZ_POLICY_MODIFIER_SCHEME,
	PZ_POLICY_MODIFIER_HOST,
	PZ_POLICY_MODIFIER_AUTHORITY,
	PZ_POLICY_MODIFIER_SCHEME_AUTHORITY,
	PZ_POLICY_MODIFIER_PATH,
};

/** An attribute as a match names it. */
struct pz_policy_attribute {
	enum pz_policy_category category;
	enum pz_policy_attribute_id id;
	enum pz_policy_modifier modifier;
	struct pz_slice name; /* without the modifier; borrowed */
};

/** One row of the list above. */
struct pz_policy_attribute_info {
	enum pz_policy_category category;
	const char *name, *object, *member;
};

extern const struct pz_policy_attribute_info pz_policy_attributes[PZ_POLICY_ATTR_OTHER];

/** Splits `attr` of a match into name and modifier. @param text borrowed by the result */
struct pz_policy_attribute
pz_policy_attribute_parse(enum pz_policy_category category, struct pz_slice text);

/** Number of a name without a modifier, or PZ_POLICY_ATTR_OTHER. An alias has its number too. */
enum pz_policy_attribute_id
pz_policy_attribute_find(enum pz_policy_category category, struct pz_slice name);

/** True when its value is the number of calls that rules which compare it have let through. @spec
 * page 9, 4.4 */
bool pz_policy_attribute_is_counter(const struct pz_policy_attribute *attr);

/** True when its value follows from who calls what: the caller, the device, the API, the service
 * and the function. Others may differ from one request to the next: the time, numbers, parameters.
 */
bool pz_policy_attribute_is_lasting(const struct pz_policy_attribute *attr);

/** Name of a category in documents and requests: "subject", "resource", "environment". */
const char *pz_policy_category_name(enum pz_policy_category category);

/**
 * The part of a value that a modifier names; the value itself for PZ_POLICY_MODIFIER_NONE.
 * @param out borrowed from `value`
 * @return false: no absolute URI, or it has no such part
 * @spec page 9, 5.3
 */
bool
pz_policy_modify(enum pz_policy_modifier modifier, struct pz_slice value, struct pz_slice *out);

#endif
