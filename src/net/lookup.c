/*
 * A job is one thread that looks up one name, and the list of look-ups that wait for it. Thread and
 * loop each have a reference to the job: the loop drops its reference when it gives the job up or
 * has taken the result, the thread when it has ended. The thread wakes the loop only while `wake`
 * is set, under the lock, so it never uses a loop that has ended.
 */
#include "net/lookup.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

struct shared {
	pthread_mutex_t lock;
	atomic_int refs;
	uv_async_t *wake; /* NULL: given up */
	bool is_done;
	struct addrinfo *result;
	int status, error; /* of getaddrinfo, and its errno */
	char name[];
};

struct job {
	struct pz_list node; /* loop->lookups.jobs */
	struct pz_list waiting;
	struct shared *shared;
	bool is_outdated;
};

struct pz_lookup {
	struct pz_list node; /* job.waiting */
	pz_lookup_fn done;
	void *arg;
};

/* Threads of this process that look up a name, including those that were given up. */
static atomic_uint running;

unsigned
pz_lookups_running(void)
{
	return atomic_load(&running);
}

static void
unref(struct shared *shared)
{
	if (atomic_fetch_sub(&shared->refs, 1) != 1)
		return;
	if (shared->result)
		freeaddrinfo(shared->result);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

static void *
run(void *arg)
{
	struct shared *shared = arg;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *result = NULL;

	/* Without AI_ADDRCONFIG, which hides a name's addresses on a host that has only loopback or
	 * link-local ones of a family. An address that cannot be reached fails at once. */
	int status = getaddrinfo(shared->name, NULL, &hints, &result);
	int error = errno;
	pthread_mutex_lock(&shared->lock);
	shared->status = status;
	shared->error = error;
	shared->result = status == 0 ? result : NULL;
	shared->is_done = true;
	atomic_fetch_sub(&running, 1);
	/* Under the lock: the loop sets `wake` to NULL before it ends, and is not used after that.
	 */
	if (shared->wake)
		uv_async_send(shared->wake);
	pthread_mutex_unlock(&shared->lock);
	unref(shared);
	return NULL;
}

/* Signals are for the loop's thread. */
static int
start_thread(struct shared *shared)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, old;

	if (pthread_attr_init(&attr) != 0)
		return ENOMEM;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int error = pthread_create(&thread, &attr, run, shared);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return error;
}

static enum pz_err
job_new(struct pz_loop *loop, const char *name, struct job **out)
{
	size_t size = strlen(name) + 1;
	struct job *job = calloc(1, sizeof(*job));
	struct shared *shared = calloc(1, sizeof(*shared) + size);

	if (job == NULL || shared == NULL || pthread_mutex_init(&shared->lock, NULL) != 0) {
		free(job);
		free(shared);
		return PZ_ERR_LIMIT_MEMORY;
	}
	memcpy(shared->name, name, size);
	shared->wake = &loop->looked_up;
	/* A reference for the thread and one for us: a name server may keep the thread longer than
	 * the loop lives. */
	atomic_init(&shared->refs, 2);
	atomic_fetch_add(&running, 1);
	if (start_thread(shared) != 0) {
		atomic_fetch_sub(&running, 1);
		atomic_store(&shared->refs, 1);
		unref(shared);
		free(job);
		return PZ_ERR_LIMIT_MEMORY;
	}
	job->shared = shared;
	pz_list_init(&job->waiting);
	pz_list_append(&loop->lookups, &job->node);
	*out = job;
	return PZ_OK;
}

/* The loop is done with the job, the thread may not be. */
static void
job_free(struct job *job)
{
	pthread_mutex_lock(&job->shared->lock);
	job->shared->wake = NULL;
	pthread_mutex_unlock(&job->shared->lock);
	unref(job->shared);
	pz_list_remove(&job->node);
	free(job);
}

/* A look-up that began in the former network is not shared: it uses that network's name servers. */
static struct job *
find(struct pz_loop *loop, const char *name)
{
	PZ_LIST_EACH (&loop->lookups, n, tmp) {
		struct job *job = PZ_CONTAINER(n, struct job, node);
		if (!job->is_outdated && strcmp(job->shared->name, name) == 0)
			return job;
	}
	return NULL;
}

static size_t
take_addresses(const struct addrinfo *result, union pz_sockaddr *out)
{
	size_t count = 0;

	for (const struct addrinfo *a = result; a && count < PZ_DIAL_ADDRESSES_MAX;
	     a = a->ai_next) {
		if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
			continue;
		out[count] = (union pz_sockaddr){.v6 = {0}};
		memcpy(&out[count], a->ai_addr,
		       a->ai_family == AF_INET ? sizeof(out->v4) : sizeof(out->v6));
		count++;
	}
	return count;
}

static const char *
problem_of(const struct shared *shared)
{
	if (shared->status == EAI_SYSTEM)
		return strerror(shared->error);
	if (shared->status == EAI_AGAIN)
		return "the name servers do not answer";
	return shared->status ? gai_strerror(shared->status) : "the name has no address";
}

static void
job_done(struct job *job)
{
	union pz_sockaddr addresses[PZ_DIAL_ADDRESSES_MAX];
	size_t count = take_addresses(job->shared->result, addresses);
	struct pz_list *first;

	/* A call-back may start another look-up, or give up others that wait here. */
	pz_list_remove(&job->node);
	while ((first = pz_list_first(&job->waiting)) != NULL) {
		struct pz_lookup *lookup = PZ_CONTAINER(first, struct pz_lookup, node);
		pz_list_remove(&lookup->node);
		lookup->done(lookup->arg, addresses, count, problem_of(job->shared));
		free(lookup);
	}
	job_free(job);
}

static struct job *
find_done(struct pz_loop *loop)
{
	PZ_LIST_EACH (&loop->lookups, n, tmp) {
		struct job *job = PZ_CONTAINER(n, struct job, node);
		pthread_mutex_lock(&job->shared->lock);
		bool is_done = job->shared->is_done;
		pthread_mutex_unlock(&job->shared->lock);
		if (is_done)
			return job;
	}
	return NULL;
}

static void
on_wake(uv_async_t *wake)
{
	struct job *job;

	while ((job = find_done(wake->data)) != NULL)
		job_done(job);
}

enum pz_err
pz_lookups_init(struct pz_loop *loop)
{
	pz_list_init(&loop->lookups);
	if (uv_async_init(&loop->uv, &loop->looked_up, on_wake) != 0)
		return PZ_ERR_INTERNAL;
	loop->looked_up.data = loop;
	/* A look-up alone must not keep a daemon from ending. */
	uv_unref((uv_handle_t *)&loop->looked_up);
	return PZ_OK;
}

void
pz_lookups_fini(struct pz_loop *loop)
{
	PZ_LIST_EACH (&loop->lookups, n, tmp) {
		struct job *job = PZ_CONTAINER(n, struct job, node);
		PZ_LIST_EACH (&job->waiting, w, next)
			pz_lookup_cancel(PZ_CONTAINER(w, struct pz_lookup, node));
		job_free(job);
	}
	/* Threads that are still in getaddrinfo() end by themselves, with the last reference. */
	uv_close((uv_handle_t *)&loop->looked_up, NULL);
}

void
pz_lookups_outdated(struct pz_loop *loop)
{
	PZ_LIST_EACH (&loop->lookups, n, tmp)
		PZ_CONTAINER(n, struct job, node)->is_outdated = true;
}

enum pz_err
pz_lookup_start(struct pz_loop *loop, const char *name, pz_lookup_fn done, void *arg,
		struct pz_lookup **out)
{
	/* One thread for each name, however many requests: the resolver may block it for long. */
	struct job *job = find(loop, name);

	if (job == NULL && atomic_load(&running) >= PZ_LOOKUPS_MAX)
		return PZ_ERR_LIMIT;
	struct pz_lookup *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = job ? PZ_OK : job_new(loop, name, &job);
	if (err != PZ_OK) {
		free(lookup);
		return err;
	}
	lookup->done = done;
	lookup->arg = arg;
	pz_list_append(&job->waiting, &lookup->node);
	*out = lookup;
	return PZ_OK;
}

void
pz_lookup_cancel(struct pz_lookup *lookup)
{
	if (lookup == NULL)
		return;
	pz_list_remove(&lookup->node);
	free(lookup);
}
