/* This machine as the doctor sees it: the disk, and multicast on a network of the test's own. */
#include "kit/loop.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "diagnose/system.h"
#include "kit/shell.h"

/* ---- disk ---- */

static void
a_disk_with_room(void **state)
{
	char dir[] = "/tmp/pz-doctor-XXXXXX";
	struct pz_disk_report report;

	(void)state;
	assert_non_null(mkdtemp(dir));
	pz_diagnose_this_system.disk(NULL, dir, &report);
	assert_int_equal(report.err, PZ_OK);
	assert_true(report.free_bytes > 0);
	assert_string_equal(report.problem, "");
	assert_int_equal(rmdir(dir), 0); /* nothing was left in it */
	pz_diagnose_this_system.disk(NULL, dir, &report);
	assert_int_equal(report.err, PZ_ERR_IO);
	assert_string_not_equal(report.problem, "");
}

static void
a_disk_that_is_full(void **state)
{
	char dir[] = "/tmp/pz-doctor-XXXXXX";
	struct pz_disk_report report;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (mount("none", dir, "tmpfs", 0, "size=32k") != 0) {
		rmdir(dir);
		skip();
	}
	pz_diagnose_this_system.disk(NULL, dir, &report);
	umount(dir);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(report.err, PZ_ERR_IO_FULL);
	assert_in_range(report.free_bytes, 1, 32 * 1024);
}

/* ---- multicast ---- */

static struct pz_multicast_report seen;
static unsigned dones;

static void
on_done(void *arg, const struct pz_multicast_report *report)
{
	assert_ptr_equal(arg, &seen);
	seen = *report;
	dones++;
}

static void
probe(void)
{
	unsigned before = dones;

	assert_non_null(pz_diagnose_this_system.multicast_start(&pz_kit_loop.loop, on_done, &seen));
	assert_int_equal(dones, before);
	while (dones == before)
		pz_kit_loop_turn();
}

/* Once for this process: what follows is in a network without an interface. */
static bool
is_alone(void)
{
	static int alone;

	if (alone == 0)
		alone = unshare(CLONE_NEWNET) == 0 && pz_kit_shell("ip link set lo up") == 0 ? 1
											     : -1;
	return alone == 1;
}

static void
without_an_interface(void **state)
{
	(void)state;
	if (!is_alone())
		skip();
	probe();
	assert_int_equal(seen.interfaces, 0);
	assert_int_equal(seen.sent, 0);
	assert_false(seen.has_received_self);
}

static void
with_an_interface(void **state)
{
	(void)state;
	if (!is_alone() || pz_kit_shell("ip link add fx0 type veth peer name fx1 && "
					"ip link set fx1 up && ip link set fx0 up && "
					"ip addr add 10.9.0.1/24 dev fx0") != 0)
		skip();
	probe();
	assert_true(seen.interfaces >= 1);
	assert_int_equal(seen.sent, seen.interfaces);
	assert_true(seen.has_received_self);
	/* Given up: nothing is called, nothing is left open. */
	unsigned before = dones;
	struct pz_multicast_probe *given_up =
		pz_diagnose_this_system.multicast_start(&pz_kit_loop.loop, on_done, &seen);
	assert_non_null(given_up);
	pz_diagnose_this_system.multicast_cancel(given_up);
	probe();
	assert_int_equal(dones, before + 1);
	assert_int_equal(pz_kit_shell("ip link del fx0"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_disk_with_room),
		cmocka_unit_test(a_disk_that_is_full),
		cmocka_unit_test_setup_teardown(without_an_interface, pz_kit_loop_open,
						pz_kit_loop_close),
		cmocka_unit_test_setup_teardown(with_an_interface, pz_kit_loop_open,
						pz_kit_loop_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
