/*
 * Records one after the other in one buffer: a head, the id and the text, each with its NUL.
 * Without room a quarter of the buffer is dropped at once, so that a full ring does not move its
 * bytes for each line.
 */
#include "daemon/log_ring.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/log_stderr.h"

struct head {
	uint64_t wall_ms;
	uint32_t bytes; /* size of the whole record */
	uint32_t id_bytes;
	enum pz_log_level level;
};

static struct {
	pthread_mutex_t lock;
	size_t len;
	char bytes[PZ_LOG_RING_BYTES];
} ring = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct head
head_at(size_t at)
{
	struct head head;

	memcpy(&head, ring.bytes + at, sizeof(head));
	return head;
}

/* Drops the oldest records until `bytes` fit. */
static void
make_room(size_t bytes)
{
	size_t at = 0;

	if (ring.len + bytes <= sizeof(ring.bytes))
		return;
	while (at < ring.len &&
	       (ring.len - at + bytes > sizeof(ring.bytes) || at < sizeof(ring.bytes) / 4))
		at += head_at(at).bytes;
	ring.len -= at;
	memmove(ring.bytes, ring.bytes + at, ring.len);
}

static uint64_t
wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void
append(const void *bytes, size_t len)
{
	memcpy(ring.bytes + ring.len, bytes, len);
	ring.len += len;
}

void
pz_log_ring_sink(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	size_t id_bytes = strlen(id) + 1, text_bytes = strlen(text) + 1;
	struct head head = {
		.wall_ms = wall_ms(),
		.bytes = (uint32_t)(sizeof(head) + id_bytes + text_bytes),
		.id_bytes = (uint32_t)id_bytes,
		.level = level,
	};

	/* A longer line is only printed: it would displace most of the others. */
	if (head.bytes <= sizeof(ring.bytes) / 4) {
		pthread_mutex_lock(&ring.lock);
		make_room(head.bytes);
		append(&head, sizeof(head));
		append(id, id_bytes);
		append(text, text_bytes);
		pthread_mutex_unlock(&ring.lock);
	}
	pz_log_stderr(arg, level, id, text);
}

void
pz_log_ring_start(void)
{
	pz_log_set_sink(pz_log_ring_sink, NULL);
}

void
pz_log_ring_each(void (*each)(void *arg, const struct pz_log_ring_line *line), void *arg)
{
	pthread_mutex_lock(&ring.lock);
	for (size_t at = 0; at < ring.len;) {
		struct head head = head_at(at);
		const char *id = ring.bytes + at + sizeof(head);
		struct pz_log_ring_line line = {head.wall_ms, head.level, id, id + head.id_bytes};

		each(arg, &line);
		at += head.bytes;
	}
	pthread_mutex_unlock(&ring.lock);
}
