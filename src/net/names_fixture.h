/*
 * For tests that look up names: a getaddrinfo of the test, which takes the place of libc's. It is a
 * header, so that it is in the programs of the tests that include it, and in no library: there it
 * could take that place in other tests, too.
 */
#ifndef PZ_NET_NAMES_FIXTURE_H
#define PZ_NET_NAMES_FIXTURE_H

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* "dead": an address that does not answer (DEAD_ADDRESS), then a good one. "dead5": five of the
 * first. "none": no address. "slow": waits until fx_names_go_on. Others: 127.0.0.1. */
#define DEAD_ADDRESS 0x7f000009 /* 127.0.0.9 */
static atomic_int looked_up;    /* how many names */
static atomic_bool may_go_on;
static pthread_mutex_t slow_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t slow_wake = PTHREAD_COND_INITIALIZER;

static inline void
wait_for_the_test(void)
{
	pthread_mutex_lock(&slow_lock);
	while (!may_go_on)
		pthread_cond_wait(&slow_wake, &slow_lock);
	pthread_mutex_unlock(&slow_lock);
}

/** Names that are slow have an answer from now on, or not. */
static inline void
fx_names_go_on(bool on)
{
	pthread_mutex_lock(&slow_lock);
	may_go_on = on;
	pthread_cond_broadcast(&slow_wake);
	pthread_mutex_unlock(&slow_lock);
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	int dead = name == NULL ? 0 : strcmp(name, "dead") == 0 ? 1 : strcmp(name, "dead5") ? 0 : 5;
	struct addrinfo *list = NULL;

	(void)hints;
	(void)service;
	atomic_fetch_add(&looked_up, 1);
	if (name && strncmp(name, "slow", 4) == 0)
		wait_for_the_test();
	if (name == NULL || strcmp(name, "none") == 0)
		return EAI_NONAME;
	for (int i = dead; i >= 0; i--) {
		struct addrinfo *one = calloc(1, sizeof(*one) + sizeof(struct sockaddr_in));
		struct sockaddr_in *addr = (void *)(one + 1);
		addr->sin_family = AF_INET;
		addr->sin_addr.s_addr = htonl(i < dead ? DEAD_ADDRESS : INADDR_LOOPBACK);
		one->ai_family = AF_INET;
		one->ai_addr = (void *)addr;
		one->ai_addrlen = sizeof(*addr);
		one->ai_next = list;
		list = one;
	}
	*out = list;
	return 0;
}

void
freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;
		free(list);
		list = next;
	}
}

#endif
