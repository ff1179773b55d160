/* Whether this is built with a sanitizer, which has a malloc of its own. */
#ifndef PZ_KIT_SANITIZED_H
#define PZ_KIT_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PZ_KIT_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define PZ_KIT_IS_SANITIZED 1
#endif
#endif
#ifndef PZ_KIT_IS_SANITIZED
#define PZ_KIT_IS_SANITIZED 0
#endif

#endif
