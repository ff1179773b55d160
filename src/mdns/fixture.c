#include "mdns/fixture.h"

/* ---- what a node has received ---- */

struct fx_seen *
fx_seen(struct fx_node *node, const char *instance)
{
	for (size_t i = 0; i < node->len; i++)
		if (strcmp(node->seen[i].instance, instance) == 0)
			return &node->seen[i];
	assert_true(node->len < FX_SEEN_MAX);
	struct fx_seen *seen = &node->seen[node->len++];
	memset(seen, 0, sizeof(*seen));
	snprintf(seen->instance, sizeof(seen->instance), "%s", instance);
	return seen;
}

static enum pz_mdns_worth
fx_on_found(void *arg, const struct pz_mdns_found *found)
{
	struct fx_node *node = arg;
	struct fx_seen *seen = fx_seen(node, found->instance);
	size_t used = strlen(seen->addresses);
	char word[80];

	assert_false(node->is_inside);
	snprintf(word, sizeof(word), " %s ", found->address);
	if (!seen->is_there)
		seen->addresses[used = 0] = '\0';
	if (strstr(seen->addresses, word) == NULL)
		snprintf(seen->addresses + used, sizeof(seen->addresses) - used, "%s", word);
	seen->txt[0] = '\0';
	for (size_t i = 0, at = 0; i < found->txt_len; i++)
		at += (size_t)snprintf(seen->txt + at, sizeof(seen->txt) - at, "%s|",
				       found->txt[i]);
	seen->port = found->port;
	seen->is_there = true;
	seen->founds++;
	return PZ_MDNS_MEMBER;
}

void
fx_on_gone(void *arg, const char *instance)
{
	struct fx_node *node = arg;
	struct fx_seen *seen = fx_seen(node, instance);

	assert_false(node->is_inside);
	assert_true(seen->is_there);
	seen->is_there = false;
	seen->gones++;
}

static void
fx_on_trouble(void *arg, enum pz_mdns_trouble trouble, const char *text)
{
	struct fx_node *node = arg;

	snprintf(node->trouble[trouble], sizeof(node->trouble[trouble]), "%s", text ? text : "");
}

static const struct pz_mdns_events fx_events = {
	.found = fx_on_found,
	.gone = fx_on_gone,
	.trouble = fx_on_trouble,
};

enum pz_err
fx_publish(struct fx_node *node, const char *instance, const char *host, uint16_t port,
	   const char *txt)
{
	const char *strings[] = {"v=1", txt};
	struct pz_mdns_service service = {
		.instance = instance,
		.host = host,
		.port = port,
		.txt = strings,
		.txt_len = txt ? 2 : 1,
	};

	node->is_inside = true;
	enum pz_err err = node->mdns->ops->publish(node->mdns, &service);
	node->is_inside = false;
	return err;
}

void
fx_unpublish(struct fx_node *node)
{
	node->is_inside = true;
	node->mdns->ops->unpublish(node->mdns);
	node->is_inside = false;
}

void
fx_browse(struct fx_node *node, bool on)
{
	node->is_inside = true;
	assert_ok(node->mdns->ops->browse(node->mdns, on));
	node->is_inside = false;
}

void
fx_node_free(struct fx_node *node)
{
	node->is_inside = true;
	pz_mdns_free(node->mdns);
	node->mdns = NULL;
}

/* ---- a network namespace ---- */

void
fx_ip(const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "ip %s", command);
	if (pz_kit_shell(line) != 0)
		fail_msg("%s", line);
}

static bool
fx_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return false;
	bool is_good = fputs(text, file) >= 0;
	return fclose(file) == 0 && is_good;
}

bool
fx_namespace(void)
{
	static int is_in; /* 1: yes, -1: it cannot be done */

	if (is_in == 0) {
		is_in = -1;
		/* Mounts too: avahi-daemon has its pid file at a fixed place. */
		if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS) == 0 &&
		    sethostname(FX_HOST_NAME, strlen(FX_HOST_NAME)) == 0 &&
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
		    /* An address is used at once; duplicates cannot be. */
		    fx_write("/proc/sys/net/ipv6/conf/default/accept_dad", "0") &&
		    pz_kit_shell("ip link add fx0 type veth peer name fx1 && ip link del fx0") == 0)
			is_in = 1;
	}
	return is_in == 1;
}

void
fx_cable(const char *address, const char *options)
{
	fx_ip("link add fx0 type veth peer name fx1");
	if (options != NULL)
		assert_int_equal(pz_kit_shell(options), 0);
	fx_ip("link set fx1 up");
	fx_ip("link set fx0 up");
	if (address != NULL) {
		char line[128];

		snprintf(line, sizeof(line), "addr add %s dev fx0", address);
		fx_ip(line);
	}
}

uint64_t
fx_now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

/* ---- the kinds ---- */

static void
fx_nodes_set_up(struct fx *f, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		f->nodes[i].mdns->events = &fx_events;
		f->nodes[i].mdns->arg = &f->nodes[i];
	}
}

int
fx_fake_setup(void **state)
{
	struct fx *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->is_fake = true;
	pz_kit_clock_init(&f->clock);
	f->net = pz_mdns_fake_net_new();
	assert_non_null(f->net);
	assert_ok(pz_mdns_fake_new(f->net, &f->clock.env, "10.9.0.1", &f->nodes[0].mdns));
	assert_ok(pz_mdns_fake_new(f->net, &f->clock.env, "10.9.0.2", &f->nodes[1].mdns));
	fx_nodes_set_up(f, 2);
	*state = f;
	return 0;
}

int
fx_fake_teardown(void **state)
{
	struct fx *f = *state;

	fx_node_free(&f->nodes[0]);
	fx_node_free(&f->nodes[1]);
	assert_true(pz_kit_clock_is_idle(&f->clock));
	pz_mdns_fake_net_free(f->net);
	free(f);
	return 0;
}

void
fx_without_daemon(void)
{
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
}

int
fx_real_setup(void **state)
{
	struct fx *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_int_equal(pz_kit_loop_open(state), 0);
	assert_ok(pz_mdns_new(&pz_kit_loop.loop, &f->nodes[0].mdns, NULL));
	assert_ok(pz_mdns_new(&pz_kit_loop.loop, &f->nodes[1].mdns, NULL));
	fx_nodes_set_up(f, 2);
	*state = f;
	return 0;
}

int
fx_own_setup(void **state)
{
	fx_without_daemon();
	if (fx_namespace())
		fx_cable("10.9.0.1/24", NULL);
	return fx_real_setup(state);
}

int
fx_real_teardown(void **state)
{
	struct fx *f = *state;

	fx_node_free(&f->nodes[0]);
	fx_node_free(&f->nodes[1]);
	free(f);
	*state = NULL;
	if (fx_namespace())
		pz_kit_shell("ip link del fx0 2>/dev/null");
	return pz_kit_loop_close(state);
}

void
fx_step(struct fx *f)
{
	if (!f->is_fake) {
		pz_kit_loop_turn();
		return;
	}
	assert_true(pz_kit_clock_step(&f->clock)); /* or nothing will ever happen */
}

/* ---- avahi-daemon ---- */

struct fx_daemon fx_daemon;

/** Runs a program that ends with this one, and says nothing. */
static pid_t
fx_spawn(char *const argv[])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	execvp(argv[0], argv);
	_exit(127);
}

void
fx_kill(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void
fx_file(const char *name, const char *text)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", fx_daemon.dir, name);
	assert_true(fx_write(path, text));
}

void
fx_avahi_options(const char *server, const char *publish)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "[server]\nhost-name=fx-machine\nuse-ipv4=yes\nuse-ipv6=yes\n"
		 "ratelimit-interval-usec=0\nenable-dbus=yes\n%s\n[wide-area]\n"
		 "enable-wide-area=no\n[publish]\npublish-addresses=no\n"
		 "publish-hinfo=no\npublish-workstation=no\npublish-domain=no\n"
		 "add-service-cookie=yes\n%s\n",
		 server, publish);
	fx_file("avahi.conf", text);
}

bool
fx_bus_start(void)
{
	char address[128], config[1024], option[128];
	char program[] = "dbus-daemon", nofork[] = "--nofork", nosyslog[] = "--nosyslog";
	char print[32], ready;
	char *argv[] = {program, nofork, nosyslog, option, print, NULL};
	int ends[2];

	if (!fx_namespace() || pz_kit_shell("command -v avahi-daemon dbus-daemon >/dev/null") != 0)
		return false;
	if (fx_daemon.dir[0] == '\0') {
		snprintf(fx_daemon.dir, sizeof(fx_daemon.dir), "/tmp/pz-mdns-XXXXXX");
		assert_non_null(mkdtemp(fx_daemon.dir));
		assert_int_equal(mount("none", "/run", "tmpfs", 0, NULL), 0);
		assert_int_equal(mkdir("/run/avahi-daemon", 0755), 0);
	}
	snprintf(address, sizeof(address), "unix:path=%s/bus", fx_daemon.dir);
	snprintf(
		config, sizeof(config),
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
		" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">"
		"<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth>"
		"<policy context=\"default\"><allow send_destination=\"*\"/>"
		"<allow receive_sender=\"*\"/><allow own=\"*\"/><allow user=\"*\"/></policy>"
		"</busconfig>",
		address);
	fx_file("bus.conf", config);
	fx_avahi_options("", "");
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	snprintf(option, sizeof(option), "--config-file=%s/bus.conf", fx_daemon.dir);
	if (fx_daemon.bus > 0)
		return true;
	/* It prints its address when it listens; avahi-daemon gives up when there is no bus yet. */
	assert_int_equal(pipe(ends), 0);
	snprintf(print, sizeof(print), "--print-address=%d", ends[1]);
	fx_daemon.bus = fx_spawn(argv);
	close(ends[1]);
	ssize_t got = read(ends[0], &ready, 1);
	close(ends[0]);
	return fx_daemon.bus > 0 && got == 1;
}

void
fx_avahi_start(void)
{
	char program[] = "avahi-daemon", file[] = "-f", path[128];
	char root[] = "--no-drop-root", chroot_[] = "--no-chroot", rlimits[] = "--no-rlimits";
	char *argv[] = {program, file, path, root, chroot_, rlimits, NULL};

	snprintf(path, sizeof(path), "%s/avahi.conf", fx_daemon.dir);
	fx_daemon.avahi = fx_spawn(argv);
	assert_true(fx_daemon.avahi > 0);
}

int
fx_system_setup(void **state)
{
	if (fx_bus_start()) {
		fx_cable("10.9.0.1/24", NULL);
		if (fx_daemon.avahi == 0)
			fx_avahi_start();
	}
	return fx_real_setup(state);
}

static int
fx_system_end(void **state)
{
	char line[64];

	(void)state;
	fx_kill(&fx_daemon.avahi);
	fx_kill(&fx_daemon.bus);
	if (fx_daemon.dir[0] != '\0') {
		snprintf(line, sizeof(line), "rm -r %s", fx_daemon.dir);
		pz_kit_shell(line);
	}
	return 0;
}

/* ---- side by side ---- */

/** What one process of fx_run_tests does: every `step`-th test from `first` on. */
static int
fx_run_some(const struct CMUnitTest *tests, size_t count, size_t first, size_t step)
{
	struct CMUnitTest *mine = calloc(count, sizeof(*mine));
	size_t len = 0;

	assert_non_null(mine);
	for (size_t i = first; i < count; i += step)
		mine[len++] = tests[i];
	int failed = _cmocka_run_group_tests("tests", mine, len, NULL, fx_system_end);
	free(mine);
	return failed;
}

int
fx_run_tests(const struct CMUnitTest *tests, size_t count, size_t processes)
{
	FILE *shown[32];
	pid_t pids[32];
	char line[512];
	int failed = 0;

	for (size_t i = 0; i < processes; i++) {
		shown[i] = tmpfile();
		fflush(NULL);
		pids[i] = shown[i] != NULL ? fork() : -1;
		if (pids[i] == 0) {
			dup2(fileno(shown[i]), STDOUT_FILENO);
			dup2(fileno(shown[i]), STDERR_FILENO);
			exit(fx_run_some(tests, count, i, processes) != 0);
		}
	}
	for (size_t i = 0; i < processes; i++) {
		int status = -1;

		bool is_bad = pids[i] < 0 || waitpid(pids[i], &status, 0) != pids[i] || status != 0;
		for (rewind(shown[i]); fgets(line, sizeof(line), shown[i]) != NULL;)
			fputs(line, stdout);
		fclose(shown[i]);
		if (!is_bad)
			continue;
		failed++; /* one that a signal ended has printed nothing about it */
		printf("process %zu: status %#x\n", i, (unsigned)status);
	}
	printf("%d of %zu processes failed\n", failed, processes);
	return failed != 0;
}
