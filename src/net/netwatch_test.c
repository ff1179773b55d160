/* Watching the machine's addresses; changes are made in a network namespace of our own. */
#include "kit/loop.h"

#include <stdio.h>

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/netwatch.h"

static int changes;

static void
on_changed(void *arg)
{
	(void)arg;
	changes++;
}

/* A bridge without ports: the simplest interface that is no loopback. */
static bool
add_interface(const char *name)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool ok = fd >= 0 && ioctl(fd, SIOCBRADDBR, name) == 0;

	close(fd);
	return ok;
}

static void
set_up_flag(const char *interface, bool up)
{
	struct ifreq request = {.ifr_flags = 0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

/* Gives the interface an address. */
static void
set_address_of(const char *interface, const char *text)
{
	struct ifreq request = {.ifr_flags = 0};
	struct sockaddr_in *addr = (void *)&request.ifr_addr;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	addr->sin_family = AF_INET;
	assert_int_equal(inet_pton(AF_INET, text, &addr->sin_addr), 1);
	assert_int_equal(ioctl(fd, SIOCSIFADDR, &request), 0);
	close(fd);
}

static void
set_address(const char *text)
{
	set_address_of("pz-test", text);
}

static void
turn_some(void)
{
	for (int i = 0; i < 20; i++)
		pz_kit_loop_turn();
}

static void
a_burst_of_changes_is_reported_once(void **state)
{
	struct pz_netwatch *watch;

	(void)state;
	/* The children of a test runner may not be allowed to. */
	if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		skip();
	if (!add_interface("pz-test") || !add_interface("pz-test2"))
		skip();
	pz_kit_loop_hold();
	changes = 0;
	assert_ok(pz_netwatch_new(&pz_kit_loop.loop, PZ_NETWATCH_REACHABLE, on_changed, NULL,
				  &watch));
	turn_some();
	pz_kit_loop_push(PZ_US_PER_S);
	turn_some();
	assert_int_equal(changes, 0);

	set_address("10.1.2.3");
	set_address("10.1.2.4");
	pz_kit_loop_turn();
	set_address("10.1.2.5");
	turn_some();
	assert_int_equal(changes, 0);
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	pz_kit_until(changes > 0);
	turn_some();
	assert_int_equal(changes, 1);
	set_address("10.1.2.6");
	turn_some();
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	pz_kit_until(changes == 2);

	/* More than the socket's buffer holds: that something was lost is a change too, and not the
	 * last. */
	for (int i = 0; i < 2000; i++)
		set_address(i % 2 ? "10.1.2.7" : "10.1.2.8");
	turn_some();
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	turn_some();
	assert_true(changes >= 3);
	pz_kit_loop_push(PZ_US_PER_S);
	turn_some();
	changes = 0;
	set_address("10.1.2.9");
	turn_some();
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	pz_kit_until(changes == 1);

	/* Events that change nothing that counts: the same address, link-local ones, loopback. */
	for (int i = 0; i < 3; i++) {
		set_address("10.1.2.9");
		set_up_flag("lo", i % 2 == 0);
		turn_some();
		pz_kit_loop_push(PZ_US_PER_S);
		turn_some();
	}
	set_address("169.254.1.1"); /* takes the other one away */
	turn_some();
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	pz_kit_until(changes == 2);
	set_address("169.254.1.2");
	turn_some();
	pz_kit_loop_push(PZ_US_PER_S);
	turn_some();
	assert_int_equal(changes, 2);

	/* Two addresses whose last digits change alike: a new lease of both families. */
	for (int i = 0; i < 9; i++) {
		char text[16];
		snprintf(text, sizeof(text), "10.1.2.%d", 11 + i);
		set_address(text);
		snprintf(text, sizeof(text), "10.1.3.%d", 11 + i);
		set_address_of("pz-test2", text);
		turn_some();
		pz_kit_loop_push(200 * PZ_US_PER_MS);
		pz_kit_until(changes == 3 + i);
	}

	set_address("10.1.2.10"); /* freed while an event is pending */
	turn_some();
	pz_netwatch_free(watch);
	pz_kit_loop_push(PZ_US_PER_S);
	turn_some();
	assert_int_equal(changes, 11);
}

/* Runs after the test of bursts, in its network. */
static void
on_the_local_network_every_address_counts(void **state)
{
	struct pz_netwatch *watch;

	(void)state;
	if (if_nametoindex("pz-test") == 0)
		skip();
	pz_kit_loop_hold();
	changes = 0;
	assert_ok(pz_netwatch_new(&pz_kit_loop.loop, PZ_NETWATCH_LOCAL, on_changed, NULL, &watch));
	set_address("169.254.1.3");
	turn_some();
	pz_kit_loop_push(200 * PZ_US_PER_MS);
	pz_kit_until(changes == 1);
	set_address("169.254.1.3"); /* the same again */
	turn_some();
	pz_kit_loop_push(PZ_US_PER_S);
	turn_some();
	assert_int_equal(changes, 1);
	pz_netwatch_free(watch);
}

static void
each_address(void *arg, const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;
	int *count = arg;

	(*count)++;
	if (inet_pton(AF_INET, text, &v4) == 1) {
		assert_true(ntohl(v4.s_addr) >> 24 != 127);
		assert_true(ntohl(v4.s_addr) >> 16 != 0xa9fe);
		return;
	}
	assert_int_equal(inet_pton(AF_INET6, text, &v6), 1);
	assert_false(IN6_IS_ADDR_LOOPBACK(&v6));
	assert_false(IN6_IS_ADDR_LINKLOCAL(&v6));
}

static void
addresses_are_those_that_others_can_use(void **state)
{
	int count = 0;

	(void)state;
	pz_netwatch_addresses(each_address, &count); /* there may be none */
}

static void
freeing_nothing_is_fine(void **state)
{
	struct pz_netwatch *watch;

	(void)state;
	pz_netwatch_free(NULL);
	assert_ok(pz_netwatch_new(&pz_kit_loop.loop, PZ_NETWATCH_REACHABLE, on_changed, NULL,
				  &watch));
	pz_netwatch_free(watch);
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, pz_kit_loop_open, pz_kit_loop_close)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		LOOP_TEST(addresses_are_those_that_others_can_use),
		LOOP_TEST(freeing_nothing_is_fine),
		LOOP_TEST(a_burst_of_changes_is_reported_once), /* leaves this namespace, so late */
		LOOP_TEST(on_the_local_network_every_address_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
