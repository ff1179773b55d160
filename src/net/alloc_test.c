/*
 * Page 13: forwarding a message costs no allocation. A counting test. OpenSSL 3.0 makes four blocks
 * of 48 bytes for a record (its WPACKET: three to write, one to read), whatever we do; they are
 * counted apart, and are per record and not per message.
 */
#include <openssl/crypto.h>

#include "kit/sanitized.h"
#include "net/link_fixture.h"
#include "route/router.h"

#define LAPTOP "alice@example.org/laptop"
#define PHONE "alice@example.org/phone"
#define MESSAGES 10000

static unsigned long allocations, openssl_allocations;

#if !PZ_KIT_IS_SANITIZED
/* Defined here they take the place of libc's for every library of the process. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *
malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

void *
reallocarray(void *old, size_t count, size_t size)
{
	allocations++;
	return size != 0 && count > SIZE_MAX / size ? NULL : __libc_realloc(old, count * size);
}
#endif

#if !PZ_KIT_IS_SANITIZED
static void *
openssl_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	openssl_allocations++;
	return __libc_malloc(size);
}

static void *
openssl_realloc(void *old, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	openssl_allocations++;
	return __libc_realloc(old, size);
}

static void
openssl_free(void *block, const char *file, int line)
{
	(void)file;
	(void)line;
	free(block);
}
#endif

static struct fx_world w;
static struct pz_router *router;

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct fx_end *end = link->owner;

	end->frame_count++;
	return link->session.attached ? pz_router_frame(router, &link->session, frame) : PZ_OK;
}

static void
on_drained(struct pz_link *link)
{
	if (link->session.attached)
		pz_router_drained(router, &link->session);
}

static void
on_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	(void)arg;
	(void)in;
	(void)envelope;
	(void)frame;
	fail();
}

/* A hub with two devices that have just registered. */
struct zone_of_two {
	struct fx_end hub_laptop, laptop, hub_phone, phone;
};

static void
open_zone(struct zone_of_two *z)
{
	static const struct pz_router_ops ops = {.local = on_local};
	static struct pz_link_events events;
	struct pz_router_config config = {.self = "alice@example.org",
					  .env = &w.clock.env,
					  .metrics = &w.metrics,
					  .ops = &ops};

	fx_open(&w);
	events = fx_events;
	events.frame = on_frame;
	events.drained = on_drained;
	w.host.events = &events;
	assert_ok(pz_router_new(&config, &router));
	fx_established(&w, &z->hub_laptop, &z->laptop);
	fx_established(&w, &z->hub_phone, &z->phone);
	assert_ok(pz_link_identify(z->hub_phone.link, PZ_SESSION_DEVICE, PHONE));
	assert_ok(pz_router_attach(router, &z->hub_laptop.link->session));
	assert_ok(pz_router_attach(router, &z->hub_phone.link->session));
}

static void
close_zone(struct zone_of_two *z)
{
	pz_router_detach(router, &z->hub_laptop.link->session);
	pz_router_detach(router, &z->hub_phone.link->session);
	fx_end_fini(&z->hub_laptop, &z->laptop);
	fx_end_fini(&z->hub_phone, &z->phone);
	pz_router_free(router);
	fx_shut(&w);
}

static struct pz_slice
call(uint8_t buf[1024], const char *from, const char *to, size_t len)
{
	int n = snprintf(
		(char *)buf + PZ_FRAME_HEADER_BYTES, 1000,
		"{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"id\":17,\"payload\":{"
		"\"jsonrpc\":\"2.0\",\"id\":\"r\",\"method\":\"%0*d\"}}",
		from, to, (int)len - 140, 0);

	assert_in_range(n, 200, 1000);
	pz_frame_put_header(buf, (size_t)n);
	return pz_slice_of(buf, (size_t)n + PZ_FRAME_HEADER_BYTES);
}

/* `batch` messages each way in every turn. */
static void
exchange(struct zone_of_two *z, unsigned messages, unsigned batch)
{
	uint8_t request[1024], reply[1024];
	struct pz_slice there = call(request, LAPTOP, PHONE "/7f3a:1", 300);
	struct pz_slice back = call(reply, PHONE, LAPTOP, 200);

	for (unsigned done = 0; done < messages; done += 2 * batch) {
		for (unsigned i = 0; i < batch; i++) {
			assert_ok(pz_link_send(z->laptop.link, there));
			assert_ok(pz_link_send(z->phone.link, back));
		}
		fx_run(&z->hub_laptop, &z->laptop);
		fx_run(&z->hub_phone, &z->phone);
		fx_run(&z->hub_laptop, &z->laptop);
	}
}

/* Records of a turn: from each device to the hub and on to the other. */
#define RECORDS_PER_TURN 4
#define OPENSSL_PER_RECORD 4

static void
nothing_is_allocated(void **state)
{
	static const unsigned batches[] = {1, 2, 8, 20};
	struct zone_of_two z;

	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	open_zone(&z);
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		exchange(&z, 4 * batches[i], batches[i]);
		unsigned received = z.phone.frame_count + z.laptop.frame_count;
		unsigned long before = allocations, openssl_before = openssl_allocations;
		exchange(&z, MESSAGES, batches[i]);
		unsigned long made = allocations - before;
		unsigned long openssl = openssl_allocations - openssl_before;
		received = z.phone.frame_count + z.laptop.frame_count - received;
		assert_in_range(received, MESSAGES, MESSAGES + 2 * batches[i]);
		if (made != 0)
			fail_msg("%u messages, %u a turn: %lu allocations", received, batches[i],
				 made);
		assert_true(openssl <=
			    received / (2 * batches[i]) * RECORDS_PER_TURN * OPENSSL_PER_RECORD);
	}
	assert_int_equal(pz_metric_get(&w.metrics, PZ_METRIC_messages_undeliverable), 0);
	close_zone(&z);
}

/* More than a pooled block holds (8 KiB) makes a queue grow: per turn and link, not per message. */
static void
a_burst_allocates_per_turn_only(void **state)
{
	enum { BATCH = 200, QUEUES = 4, DOUBLINGS = 5 };
	struct zone_of_two z;

	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	open_zone(&z);
	exchange(&z, 4 * BATCH, BATCH);
	unsigned long before = allocations;
	exchange(&z, MESSAGES, BATCH);
	unsigned long made = allocations - before;
	print_message("%lu allocations for %d messages, %d a turn each way\n", made, MESSAGES,
		      BATCH);
	assert_true(made <= MESSAGES / (2 * BATCH) * QUEUES * DOUBLINGS);
	close_zone(&z);
}

/* The counters count: else the tests above would show nothing. */
static void
the_counters_count(void **state)
{
	(void)state;
	if (PZ_KIT_IS_SANITIZED)
		skip();
	unsigned long before = allocations, openssl_before = openssl_allocations;
	fx_open(&w);
	assert_true(allocations > before);
	assert_true(openssl_allocations > openssl_before + 100);
	fx_shut(&w);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allocated),
		cmocka_unit_test(a_burst_allocates_per_turn_only),
		cmocka_unit_test(the_counters_count),
	};

#if !PZ_KIT_IS_SANITIZED
	if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
		return 1; /* another caller was earlier */
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
