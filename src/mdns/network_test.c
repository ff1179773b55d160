/* What needs a real network: interfaces and avahi-daemon appear and disappear, and packets can be
 * captured. */
#include "mdns/fixture.h"
#include "mdns/sandbox.h"
#include "mdns/system.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <malloc.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/un.h>

#define A (&f->nodes[0])
#define B (&f->nodes[1])
#define SEEN(node, instance) fx_seen(node, instance)
#define MARK "marker-of-this-device"

/* ---- packets ---- */

static int
capture_open(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	return fd;
}

static bool
holds(const uint8_t *packet, size_t len, const char *text)
{
	return text[0] != '\0' && memmem(packet, len, text, strlen(text)) != NULL;
}

/** Reads what was captured. @return packets of multicast DNS that hold `want` */
static unsigned
capture_read(int fd, const char *want, const char *const *never)
{
	static const uint8_t port[2] = {5353 >> 8, 5353 & 0xff};
	static uint8_t packet[65536];
	unsigned count = 0;
	ssize_t n;

	while ((n = recv(fd, packet, sizeof(packet), 0)) > 0) {
		if (memmem(packet, (size_t)n, port, sizeof(port)) == NULL)
			continue;
		for (size_t i = 0; never[i] != NULL; i++)
			if (holds(packet, (size_t)n, never[i]))
				fail_msg("a packet holds %s", never[i]);
		count += holds(packet, (size_t)n, want);
	}
	return count;
}

static void
packets_say_nothing_of_the_machine(void **state)
{
	struct fx *f = *state;
	char host[64];
	const char *never[] = {FX_HOST_NAME,   MARK,     "in-addr", "ip6",
			       "_workstation", "cookie", NULL};

	FX_NEEDS(fx_namespace());
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(host, FX_HOST_NAME);
	setenv("PZ_DEVICE", MARK, 1);
	int fd = capture_open();
	unsigned count = 0;

	fx_browse(A, true);
	fx_browse(B, true);
	assert_ok(fx_publish(A, "shown", "pz-host-1", 8040, "t=tag"));
	fx_wait(f,
		(count += capture_read(fd, "pz-host-1", never)) > 0 && SEEN(B, "shown")->is_there);
	assert_ok(fx_publish(A, "shown", "pz-host-1", 8040, "t=other"));
	fx_wait(f, (capture_read(fd, "shown", never), strstr(SEEN(B, "shown")->txt, "other")));
	fx_unpublish(A);
	fx_wait(f, (capture_read(fd, "shown", never), !SEEN(B, "shown")->is_there));
	close(fd);
}

static void
nothing_is_sent_before_it_is_asked_for(void **state)
{
	struct fx *f = *state;
	const char *never[] = {"\x05local", NULL};

	FX_NEEDS(fx_namespace());
	int fd = capture_open();
	for (int i = 0; i < 50; i++)
		fx_step(f);
	assert_int_equal(capture_read(fd, "local", never), 0);
	assert_string_equal(pz_mdns_kind(A->mdns), "");
	fx_browse(A, true);
	fx_wait(f, pz_mdns_kind(A->mdns)[0] != '\0');
	fx_browse(A, false);
	fx_wait(f, pz_mdns_kind(A->mdns)[0] == '\0'); /* everything is closed again */
	close(fd);
}

/* ---- interfaces ---- */

static void
an_interface_that_comes_later_is_used(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "mobile", "pz-host-1", 8040, NULL));
	fx_wait(f, strstr(SEEN(B, "mobile")->addresses, " 10.9.0.1 "));
	fx_ip("link add fx2 type veth peer name fx3");
	fx_ip("link set fx3 up");
	fx_ip("link set fx2 up");
	fx_ip("addr add 10.9.2.1/24 dev fx2");
	fx_wait(f, strstr(SEEN(B, "mobile")->addresses, " 10.9.2.1 "));
	/* And the first one goes. */
	fx_ip("link del fx0");
	fx_step(f);
	assert_true(SEEN(B, "mobile")->is_there);
	fx_ip("link del fx2");
	fx_wait(f, !SEEN(B, "mobile")->is_there);
}

static void
an_address_that_comes_later_is_used(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "moved", "pz-host-1", 8040, NULL));
	fx_wait(f, strstr(SEEN(B, "moved")->addresses, " 10.9.0.1 "));
	fx_ip("addr add 2001:db8::7/64 dev fx0");
	fx_ip("addr add 10.9.0.77/24 dev fx0");
	fx_wait(f, strstr(SEEN(B, "moved")->addresses, " 2001:db8::7 ") &&
			   strstr(SEEN(B, "moved")->addresses, " 10.9.0.77 "));
	assert_int_equal(SEEN(B, "moved")->gones, 0);
}

static int
v6_setup(void **state)
{
	fx_without_daemon();
	if (fx_namespace())
		fx_cable(NULL, NULL);
	return fx_real_setup(state);
}

static void
ipv6_alone_is_enough(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "six", "pz-host-1", 8040, "t=six"));
	fx_wait(f, strstr(SEEN(B, "six")->addresses, "%fx0 "));
	assert_non_null(strstr(SEEN(B, "six")->addresses, " fe80::"));
	assert_int_equal(SEEN(B, "six")->port, 8040);
	assert_string_equal(SEEN(B, "six")->txt, "v=1|t=six|");
}

static int
no_address_setup(void **state)
{
	fx_without_daemon();
	if (fx_namespace())
		fx_cable(NULL,
			 "ip link set fx0 addrgenmode none && ip link set fx1 addrgenmode none");
	return fx_real_setup(state);
}

/* As at a start: the kernel makes the address a moment after the interface is up. */
static void
a_link_local_address_that_comes_later_is_used(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "late", "pz-host-1", 8040, NULL));
	for (int i = 0; i < 20; i++)
		fx_step(f);
	assert_int_equal(SEEN(B, "late")->founds, 0);
	fx_ip("addr add fe80::7/64 dev fx0");
	fx_wait(f, strstr(SEEN(B, "late")->addresses, " fe80::7%fx0 "));
}

static int
no_interface_setup(void **state)
{
	fx_without_daemon();
	(void)fx_namespace();
	return fx_real_setup(state);
}

static void
it_waits_for_the_first_interface(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "patient", "pz-host-1", 8040, NULL));
	for (int i = 0; i < 20; i++)
		fx_step(f);
	assert_int_equal(SEEN(B, "patient")->founds, 0);
	fx_cable("10.9.0.1/24", NULL);
	fx_wait(f, strstr(SEEN(B, "patient")->addresses, " 10.9.0.1 "));
}

static void
loopback_is_a_network_too(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_namespace());
	fx_ip("link set lo up");
	fx_browse(B, true);
	assert_ok(fx_publish(A, "alone", "pz-host-1", 8040, NULL));
	fx_wait(f, SEEN(B, "alone")->is_there);
	fx_ip("link set lo down");
}

/* ---- avahi-daemon comes and goes ---- */

static bool
are_both(const struct fx *f, const char *kind)
{
	return strcmp(pz_mdns_kind(A->mdns), kind) == 0 && strcmp(pz_mdns_kind(B->mdns), kind) == 0;
}

static int
daemon_later_setup(void **state)
{
	if (fx_bus_start())
		fx_cable("10.9.0.1/24", NULL);
	return fx_real_setup(state);
}

static void
it_moves_to_avahi_daemon_and_back(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_daemon.bus > 0);
	fx_browse(B, true);
	assert_ok(fx_publish(A, "nomad", "pz-host-1", 8040, "t=1"));
	fx_wait(f, are_both(f, "own") && SEEN(B, "nomad")->is_there);

	fx_avahi_start();
	fx_wait(f, are_both(f, "avahi-daemon"));
	/* By the daemon now, since the change is reported. */
	assert_ok(fx_publish(A, "nomad", "pz-host-1", 8041, "t=2"));
	fx_wait(f, SEEN(B, "nomad")->is_there && SEEN(B, "nomad")->port == 8041);

	fx_kill(&fx_daemon.avahi);
	fx_wait(f, are_both(f, "own"));
	assert_ok(fx_publish(A, "nomad", "pz-host-1", 8042, "t=3"));
	fx_wait(f, SEEN(B, "nomad")->is_there && SEEN(B, "nomad")->port == 8042);
	fx_unpublish(A);
	fx_wait(f, !SEEN(B, "nomad")->is_there);
}

static void
it_outlives_the_bus(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_daemon.bus > 0);
	pz_kit_shell("rm -f /run/avahi-daemon/pid"); /* of the one that was killed */
	fx_avahi_start();
	fx_browse(B, true);
	assert_ok(fx_publish(A, "survivor", "pz-host-1", 8040, NULL));
	fx_wait(f, are_both(f, "avahi-daemon") && SEEN(B, "survivor")->is_there);
	fx_kill(&fx_daemon.bus);
	fx_wait(f, are_both(f, "own"));
	fx_kill(&fx_daemon.avahi);
	assert_ok(fx_publish(A, "survivor", "pz-host-1", 8041, NULL));
	fx_wait(f, SEEN(B, "survivor")->is_there && SEEN(B, "survivor")->port == 8041);
}

/* libdbus waits for an answer that long, when it is asked to wait, less a second of fx_now_s. */
#define DBUS_WAIT_S 24

/** A bus that ends every connection. @return its listening socket */
static int
rude_bus(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char variable[128];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/pz-mdns-bus-%d", (int)getpid());
	snprintf(variable, sizeof(variable), "unix:path=%s", address.sun_path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 10), 0);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	return fd;
}

/** It was busy with such a bus without end, and our own responder was never started. */
static void
a_bus_that_ends_connections_is_not_waited_for(void **state)
{
	struct fx *f = *state;
	unsigned connections = 0;

	FX_NEEDS(fx_namespace());
	int bus = rude_bus();
	assert_ok(fx_publish(A, "alone", "pz-host-1", 8040, "t=1"));
	while (strcmp(pz_mdns_kind(A->mdns), "own") != 0) {
		int fd = accept4(bus, NULL, NULL, SOCK_CLOEXEC);
		connections += fd >= 0;
		if (fd >= 0)
			close(fd);
		assert_true(connections <= 1);
		fx_step(f);
	}
	assert_int_equal(connections, 1);
	close(bus);
	unlink(getenv("DBUS_SYSTEM_BUS_ADDRESS") + strlen("unix:path="));
}

static void
a_stopped_daemon_stops_no_node(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_bus_start());
	pz_kit_shell("rm -f /run/avahi-daemon/pid");
	fx_avahi_start();
	fx_browse(B, true);
	fx_wait(f, strcmp(pz_mdns_kind(B->mdns), "avahi-daemon") == 0);
	kill(fx_daemon.avahi, SIGSTOP);
	/* A call that waits would wait for DBUS_WAIT_S. Each is measured by itself: the sum of a
	 * hundred says how busy the machine is. */
	uint64_t before_s = fx_now_s();
	fx_browse(A, true);
	assert_true(fx_now_s() - before_s < DBUS_WAIT_S);
	before_s = fx_now_s();
	assert_ok(fx_publish(A, "brisk", "pz-host-1", 1, NULL));
	assert_true(fx_now_s() - before_s < DBUS_WAIT_S);
	for (int i = 0; i < 100; i++) {
		before_s = fx_now_s();
		fx_step(f);
		assert_true(fx_now_s() - before_s < DBUS_WAIT_S);
	}
	kill(fx_daemon.avahi, SIGCONT);
	fx_wait(f, SEEN(B, "brisk")->is_there);
}

/* An administrator who forbids it is no reason to say so again and again. */
static void
a_daemon_that_forbids_is_trouble(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_daemon.bus > 0);
	fx_avahi_options("", "disable-user-service-publishing=yes");
	fx_avahi_start();
	assert_ok(fx_publish(A, "forbidden", "pz-host-1", 8040, NULL));
	fx_wait(f, strstr(A->trouble[PZ_MDNS_TROUBLE_PUBLISH], "NotPermitted"));
	assert_non_null(strstr(A->trouble[PZ_MDNS_TROUBLE_PUBLISH], "avahi-daemon"));
	fx_kill(&fx_daemon.avahi); /* our own responder allows it */
	fx_wait(f, A->trouble[PZ_MDNS_TROUBLE_PUBLISH][0] == '\0');
}

static void
a_daemon_with_few_objects_is_trouble(void **state)
{
	struct fx *f = *state;

	FX_NEEDS(fx_daemon.bus > 0);
	fx_avahi_options("objects-per-client-max=1", "");
	fx_avahi_start();
	fx_browse(B, true);
	fx_wait(f, strcmp(pz_mdns_kind(B->mdns), "avahi-daemon") == 0);
	assert_ok(fx_publish(B, "crowded", "pz-host-2", 8040, NULL));
	assert_ok(fx_publish(A, "one", "pz-host-1", 8040, NULL));
	fx_wait(f, strstr(B->trouble[PZ_MDNS_TROUBLE_PUBLISH], "TooManyObjects"));
	fx_wait(f, strstr(A->trouble[PZ_MDNS_TROUBLE_PUBLISH], "TooManyObjects"));
	fx_unpublish(A);
	fx_wait(f, A->trouble[PZ_MDNS_TROUBLE_PUBLISH][0] == '\0');
}

struct refused {
	bool is_ready;
	unsigned failed;
};

static void
on_backend_state(void *arg, enum pz_mdns_backend_state state)
{
	struct refused *refused = arg;

	refused->is_ready = state == PZ_MDNS_READY;
}

static void
on_backend_failed(void *arg, bool is_watch, const char *reason)
{
	struct refused *refused = arg;

	(void)is_watch, (void)reason;
	refused->failed++;
}

static const struct pz_mdns_backend_events refused_events = {
	.state = on_backend_state,
	.failed = on_backend_failed,
};

/** Each is refused, then given back. */
static void
announce_in_vain(struct fx *f, struct pz_mdns_backend *backend, struct refused *refused,
		 unsigned times)
{
	struct pz_mdns_service service = {.instance = "in-vain", .host = "pz-host-1", .port = 8040};

	for (unsigned i = 0; i < times; i++) {
		unsigned before = refused->failed;
		void *entry = backend->ops->add_service(backend, &service);

		assert_non_null(entry);
		fx_wait(f, refused->failed > before);
		backend->ops->remove(backend, entry);
	}
}

/* It is asked again every half minute, for as long as the daemon runs: what it refused was kept. */
static void
what_a_daemon_refuses_is_freed(void **state)
{
	struct fx *f = *state;
	struct refused refused = {0};
	struct pz_mdns_backend *backend = NULL;

	FX_NEEDS(fx_daemon.bus > 0);
	fx_avahi_options("", "disable-user-service-publishing=yes");
	fx_avahi_start();
	assert_ok(pz_mdns_system_new(&pz_kit_loop.loop, &refused_events, &refused, &backend, NULL));
	fx_wait(f, refused.is_ready);
	announce_in_vain(f, backend, &refused, 200);
	size_t before = mallinfo2().uordblks; /* 0 with a sanitizer, whose memory is not counted */
	announce_in_vain(f, backend, &refused, 800);
	assert_in_range(mallinfo2().uordblks, 0, before + 65536);
	backend->ops->free(backend);
	fx_kill(&fx_daemon.avahi);
}

/* One speaks for itself, the other one by the daemon: on two machines that is the usual case. */
static void
both_kinds_understand_each_other(void **state)
{
	struct fx *f = *state;
	char bus[128];

	FX_NEEDS(fx_daemon.bus > 0 && fx_daemon.avahi > 0);
	snprintf(bus, sizeof(bus), "%s", getenv("DBUS_SYSTEM_BUS_ADDRESS"));
	fx_without_daemon();
	fx_browse(A, true);
	assert_ok(fx_publish(A, "of-own", "pz-host-1", 1, "k=1"));
	fx_wait(f, strcmp(pz_mdns_kind(A->mdns), "own") == 0);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", bus, 1);
	fx_browse(B, true);
	assert_ok(fx_publish(B, "of-daemon", "pz-host-2", 2, "k=2"));
	fx_wait(f, SEEN(A, "of-daemon")->is_there && SEEN(B, "of-own")->is_there);
	assert_string_equal(pz_mdns_kind(A->mdns), "own");
	assert_string_equal(pz_mdns_kind(B->mdns), "avahi-daemon");
	assert_string_equal(SEEN(A, "of-daemon")->txt, "v=1|k=2|");
	assert_string_equal(SEEN(B, "of-own")->txt, "v=1|k=1|");
	fx_unpublish(A);
	fx_wait(f, !SEEN(B, "of-own")->is_there);
}

/* ---- the process of our own responder ---- */

/** The processes that this one has started, and that have not ended. @return how many */
static size_t
responders(pid_t out[8])
{
	char path[64];
	size_t count = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	for (int pid; count < 8 && fscanf(file, "%d", &pid) == 1;)
		out[count++] = pid;
	fclose(file);
	return count;
}

/** A line of /proc/PID/status, without its name. */
static const char *
status_of(pid_t pid, const char *name)
{
	static char line[256];
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			break;
	fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return line + strlen(name) + 1;
}

/** Only /dev/null, sockets and what the loop is made of. */
static void
check_descriptors(pid_t pid)
{
	static const char *const good[] = {"/dev/null", "socket:", "anon_inode:", "pipe:"};
	char path[64], target[256];

	for (int fd = 0; fd < 1024; fd++) {
		bool is_good = false;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
		ssize_t len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
			is_good = is_good || strncmp(target, good[i], strlen(good[i])) == 0;
		if (!is_good && !PZ_HAS_SANITIZER)
			fail_msg("descriptor %d is %s", fd, target);
	}
}

static void
the_responder_has_nothing(void **state)
{
	struct fx *f = *state;
	char path[64], byte;
	pid_t pids[8];

	FX_NEEDS(fx_namespace());
	FILE *secret = fopen("/proc/self/status", "r"); /* as from a library: not close-on-exec */
	assert_non_null(secret);
	fx_browse(A, true);
	fx_wait(f, strcmp(pz_mdns_kind(A->mdns), "own") == 0);
	assert_int_equal(responders(pids), 1);
	fclose(secret);
	assert_string_equal(status_of(pids[0], "NoNewPrivs"), "\t1");
#if defined(__x86_64__) || defined(__aarch64__)
	assert_string_equal(status_of(pids[0], "Seccomp"), "\t2");
#endif
	check_descriptors(pids[0]);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pids[0]);
	FILE *environment = fopen(path, "re");
	assert_non_null(environment);
	if (!PZ_HAS_SANITIZER)
		assert_int_equal(fread(&byte, 1, 1, environment), 0);
	fclose(environment);
}

static void
the_responder_ends_with_its_owner(void **state)
{
	struct fx *f = *state;
	pid_t pids[8];

	FX_NEEDS(fx_namespace());
	fx_browse(A, true);
	fx_wait(f, strcmp(pz_mdns_kind(A->mdns), "own") == 0);
	assert_int_equal(responders(pids), 1);
	fx_browse(A, false); /* nothing is wanted any more */
	fx_wait(f, responders(pids) == 0);
	fx_browse(A, true);
	fx_wait(f, strcmp(pz_mdns_kind(A->mdns), "own") == 0);
	fx_node_free(A);
	fx_wait(f, responders(pids) == 0);
}

static void
a_responder_that_dies_is_replaced(void **state)
{
	struct fx *f = *state;
	pid_t pids[8];

	FX_NEEDS(fx_namespace());
	fx_browse(B, true);
	assert_ok(fx_publish(A, "phoenix", "pz-host-1", 8040, "t=1"));
	fx_wait(f, SEEN(B, "phoenix")->is_there);
	for (unsigned deaths = 1; deaths <= PZ_MDNS_DEATHS_MAX; deaths++) {
		fx_wait(f, responders(pids) == 2);
		assert_string_equal(A->trouble[PZ_MDNS_TROUBLE_RESPONDER], "");
		assert_string_equal(B->trouble[PZ_MDNS_TROUBLE_RESPONDER], "");
		kill(pids[0], SIGKILL);
		kill(pids[1], SIGABRT);
		/* Each node has noticed; the first may have a new one before the second notices. */
		fx_wait(f, kill(pids[0], 0) != 0 && kill(pids[1], 0) != 0);
		assert_ok(fx_publish(A, "phoenix", "pz-host-1", (uint16_t)(8040 + deaths), "t=1"));
		fx_wait(f, SEEN(B, "phoenix")->port == 8040 + deaths);
	}
	assert_non_null(strstr(A->trouble[PZ_MDNS_TROUBLE_RESPONDER], "ended 3 times"));
	assert_non_null(strstr(B->trouble[PZ_MDNS_TROUBLE_RESPONDER], "ended 3 times"));
	assert_int_equal(SEEN(B, "phoenix")->gones, 0); /* it was back in time */
	fx_browse(B, false);                            /* what is not wanted cannot be wrong */
	fx_wait(f, B->trouble[PZ_MDNS_TROUBLE_RESPONDER][0] == '\0');
}

#define TEST(test, setup)                                                                          \
	{                                                                                          \
#test, test, setup, fx_real_teardown, NULL                                         \
	}

int
main(int argc, char **argv)
{
	pz_mdns_responder_main(argc, argv);

	const struct CMUnitTest tests[] = {
		TEST(packets_say_nothing_of_the_machine, fx_own_setup),
		TEST(nothing_is_sent_before_it_is_asked_for, fx_own_setup),
		TEST(an_interface_that_comes_later_is_used, fx_own_setup),
		TEST(an_address_that_comes_later_is_used, fx_own_setup),
		TEST(ipv6_alone_is_enough, v6_setup),
		TEST(a_link_local_address_that_comes_later_is_used, no_address_setup),
		TEST(it_waits_for_the_first_interface, no_interface_setup),
		TEST(loopback_is_a_network_too, no_interface_setup),
		TEST(the_responder_has_nothing, fx_own_setup),
		TEST(the_responder_ends_with_its_owner, fx_own_setup),
		TEST(a_responder_that_dies_is_replaced, fx_own_setup),
		TEST(it_moves_to_avahi_daemon_and_back, daemon_later_setup),
		TEST(it_outlives_the_bus, daemon_later_setup),
		TEST(a_bus_that_ends_connections_is_not_waited_for, fx_own_setup),
		TEST(a_stopped_daemon_stops_no_node, daemon_later_setup),
		TEST(a_daemon_that_forbids_is_trouble, daemon_later_setup),
		TEST(a_daemon_with_few_objects_is_trouble, daemon_later_setup),
		TEST(what_a_daemon_refuses_is_freed, daemon_later_setup),
		TEST(packets_say_nothing_of_the_machine, fx_system_setup),
		TEST(an_interface_that_comes_later_is_used, fx_system_setup),
		TEST(both_kinds_understand_each_other, fx_system_setup),
	};

	return fx_run_tests(tests, sizeof(tests) / sizeof(tests[0]),
			    sizeof(tests) / sizeof(tests[0]));
}
