/* The device status API over a fake tree. @spec page 7, 9.2 */
#include "kit/dir.h"
#include "service/fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "devicestatus/devicestatus.h"

static struct pz_kit_dir root;
static char base[128];

static void
put_bytes(const char *path, const void *bytes, size_t len)
{
	char full[512];
	int n = snprintf(full, sizeof(full), "%s%s", root.path, path);
	assert_true(n > 0 && (size_t)n < sizeof(full));
	for (char *slash = full + strlen(root.path); (slash = strchr(slash + 1, '/')) != NULL;) {
		*slash = '\0';
		(void)mkdir(full, 0700);
		*slash = '/';
	}
	FILE *file = fopen(full, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void
put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

#define BAT "/sys/class/power_supply/BAT0"
#define NET "/sys/class/net"
#define DRM "/sys/class/drm"

static void
put_laptop(void)
{
	unsigned char edid[128] = {0};
	put(BAT "/type", "Battery\n");
	put(BAT "/capacity", "104\n");
	put(BAT "/status", "Charging\n");
	put("/sys/class/power_supply/AC/type", "Mains\n");
	put("/sys/class/power_supply/mouse/type", "Battery\n");
	put("/sys/class/power_supply/mouse/scope", "Device\n");
	put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU 3\n");
	put("/proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 2 3\n");
	put("/sys/class/dmi/id/chassis_type", "10\n");
	put("/sys/class/dmi/id/product_name", "Book 5\n");
	put("/sys/class/dmi/id/sys_vendor", "Maker\n");
	put(DRM "/card0-HDMI-A-1/status", "disconnected\n");
	put(DRM "/card0-eDP-1/status", "connected\n");
	put(DRM "/card0-eDP-1/modes", "1920x1080\n1280x720\n");
	edid[20] = 0xa5; /* digital, 8 bits a colour */
	edid[21] = 34;
	edid[22] = 19;
	put_bytes(DRM "/card0-eDP-1/edid", edid, sizeof(edid));
	put("/proc/meminfo", "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:    8000 kB\n");
	put("/etc/os-release", "PRETTY_NAME=\"Debian 12\"\nNAME=\"Debian GNU/Linux\"\n"
			       "VERSION_ID='12'\nID=debian\n");
	put("/etc/default/locale", "LANGUAGE=x\nLANG=\"de_DE.UTF-8\"\n");
	put(NET "/lo/type", "772\n");
	put(NET "/br0/type", "1\n");
	put(NET "/br0/bridge/x", "");
	put(NET "/eth0/type", "1\n");
	put(NET "/eth0/operstate", "down\n");
	put(NET "/eth0/address", "02:00:00:00:00:01\n");
	put(NET "/eth1/type", "1\n");
	put(NET "/eth1/operstate", "up\n");
	put(NET "/eth1/address", "02:00:00:00:00:02\n");
	put(NET "/wlan0/type", "1\n");
	put(NET "/wlan0/wireless/x", "");
	put(NET "/wlan0/operstate", "up\n");
	put(NET "/wlan0/flags", "0x1003\n");
	put(NET "/wlan0/address", "02:00:00:00:00:03\n");
	put("/proc/net/wireless", "Inter-| sta-|   Quality\n face | tus | link\n"
				  " wlan0: 0000   35.  -75.  -256        0\n");
}

static struct fixture *
with_device(void)
{
	struct fixture *f = fx_new();
	pz_kit_dir_init(&root, "");
	struct pz_service *service = NULL;
	assert_int_equal(pz_service_devicestatus_new(&f->clock.env, root.file, &service, NULL),
			 PZ_OK);
	fx_add(f, service);
	(void)snprintf(base, sizeof(base), "%s@%s", service->descriptor.api,
		       service->descriptor.id);
	return f;
}

static void
done(struct fixture *f)
{
	fx_free(f);
	pz_kit_dir_fini(&root);
}

/* The answer to one call: its result, or "! " and the error's name or code. ' for ". */
static const char *
ask_as(struct fixture *f, const char *from, const char *function, const char *params)
{
	static char answer[1024];
	static int number;
	char method[256], id[16];
	(void)snprintf(method, sizeof(method), "%s.%s", base, function);
	(void)snprintf(id, sizeof(id), "q%d", number++);
	fx_call(f, from, id, method, params);
	size_t last = json_array_size(f->sent);
	assert_true(last > 0);
	json_t *payload = json_array_get(json_array_get(f->sent, last - 1), 1);
	json_t *error = json_object_get(payload, "error");
	json_t *data = json_object_get(error, "data");
	json_t *what = error ? json_object_get(data ? data : error, data ? "name" : "code")
			     : json_object_get(payload, "result");
	char *text = json_dumps(what, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS |
					      JSON_REAL_PRECISION(6));
	assert_non_null(text);
	for (char *c = text; *c; c++)
		*c = *c == '"' ? '\'' : *c;
	(void)snprintf(answer, sizeof(answer), "%s%s", error ? "! " : "", text);
	free(text);
	json_array_clear(f->sent);
	return answer;
}

static const char *
ask(struct fixture *f, const char *function, const char *params)
{
	return ask_as(f, ANN, function, params);
}

static const char *
value(struct fixture *f, const char *aspect, const char *property, const char *component)
{
	char params[256];
	(void)snprintf(params, sizeof(params), "[{'aspect':'%s','property':'%s'%s%s%s}]", aspect,
		       property, component ? ",'component':'" : "", component ? component : "",
		       component ? "'" : "");
	return ask(f, "devicestatus.getPropertyValue", params);
}

static void
components_are_listed(void **state)
{
	static const char *const cases[][2] = {
		{"Battery", "['BAT0']"},
		{"CPU", "['cpu']"},
		{"Device", "['device']"},
		{"Display", "['card0-eDP-1']"},
		{"MemoryUnit", "['ram','disk']"},
		{"OperatingSystem", "['os']"},
		{"WebRuntime", "['pzp']"},
		{"WiredNetwork", "['eth0','eth1']"},
		{"WiFiHardware", "['wlan0']"},
		{"WiFiNetwork", "['wlan0']"},
		{"CellularNetwork", "null"},
		{"Camera", "null"},
		{"", "null"},
	};
	struct fixture *f = with_device();
	char params[64];
	(void)state;
	put_laptop();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(params, sizeof(params), "['%s']", cases[i][0]);
		assert_string_equal(ask(f, "devicestatus.getComponents", params), cases[i][1]);
	}
	assert_string_equal(ask(f, "getComponents", "'CPU'"), "['cpu']");
	assert_string_equal(ask(f, "getComponents", "[]"), "! 'TypeMismatchError'");
	done(f);
}

static void
values_come_from_their_sources(void **state)
{
	static const char *const cases[][4] = {
		{"Battery", "batteryLevel", NULL, "100"},
		{"Battery", "batteryBeingCharged", "BAT0", "true"},
		{"CPU", "model", NULL, "'Fast CPU 3'"},
		{"CPU", "currentLoad", "cpu", "20.0"},
		{"Device", "type", NULL, "'laptop'"},
		{"Device", "model", NULL, "'Book 5'"},
		{"Device", "vendor", NULL, "'Maker'"},
		{"Device", "version", NULL, "! 'NotFoundError'"},
		{"Device", "imei", NULL, "! 'NotFoundError'"},
		{"Display", "resolutionWidth", NULL, "1920"},
		{"Display", "resolutionHeight", NULL, "1080"},
		{"Display", "dpiX", NULL, "143"},
		{"Display", "dpiY", NULL, "144"},
		{"Display", "pixelAspectRatio", NULL, "1"},
		{"Display", "colorDepth", NULL, "24"},
		{"MemoryUnit", "size", NULL, "16384000"},
		{"MemoryUnit", "availableSize", "ram", "8192000"},
		{"MemoryUnit", "volatile", "ram", "true"},
		{"MemoryUnit", "volatile", "disk", "false"},
		{"MemoryUnit", "removable", "disk", "false"},
		{"OperatingSystem", "name", NULL, "'Debian GNU/Linux'"},
		{"OperatingSystem", "version", NULL, "'12'"},
		{"OperatingSystem", "vendor", NULL, "'debian'"},
		{"OperatingSystem", "language", NULL, "'de-DE'"},
		{"WebRuntime", "version", NULL, "'" PZ_VERSION "'"},
		{"WebRuntime", "name", NULL, "'Personal Zone'"},
		{"WiredNetwork", "networkStatus", NULL, "'connected'"},
		{"WiredNetwork", "networkStatus", "_active", "'connected'"},
		{"WiredNetwork", "networkStatus", "_default", "'disconnected'"},
		{"WiredNetwork", "networkStatus", "eth0", "'disconnected'"},
		{"WiredNetwork", "macAddress", NULL, "'02:00:00:00:00:02'"},
		{"WiredNetwork", "ipAddress", NULL, "! 'NotFoundError'"},
		{"WiFiHardware", "status", NULL, "'ON'"},
		{"WiFiNetwork", "signalStrength", NULL, "50"},
		{"WiFiNetwork", "macAddress", "wlan0", "'02:00:00:00:00:03'"},
		{"WiFiNetwork", "ssid", NULL, "! 'NotFoundError'"},
		/* a component of another aspect, or of none */
		{"WiredNetwork", "networkStatus", "wlan0", "! 'InvalidAccessError'"},
		{"Battery", "batteryLevel", "../BAT0", "! 'InvalidAccessError'"},
		{"Battery", "batteryLevel", "AC", "! 'InvalidAccessError'"},
		{"Battery", "model", NULL, "! 'NotFoundError'"},
		{"Toaster", "model", NULL, "! 'NotFoundError'"},
	};
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = value(f, cases[i][0], cases[i][1], cases[i][2]);
		if (strcmp(got, cases[i][3]) != 0)
			fail_msg("%s.%s: %s", cases[i][0], cases[i][1], got);
	}
	assert_true(strtoll(value(f, "MemoryUnit", "size", "disk"), NULL, 10) > 0);
	done(f);
}

static void
parameters_take_their_forms(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	assert_string_equal(ask(f, "getPropertyValue", "{'aspect':'CPU','property':'model'}"),
			    "'Fast CPU 3'");
	assert_string_equal(ask(f, "DevicestatusManager.getPropertyValue",
				"{'prop':{'aspect':'CPU','property':'model','component':null}}"),
			    "'Fast CPU 3'");
	assert_string_equal(ask(f, "getPropertyValue", "[{'aspect':'CPU'}]"),
			    "! 'TypeMismatchError'");
	assert_string_equal(ask(f, "getPropertyValue", "[{'property':'model'}]"),
			    "! 'TypeMismatchError'");
	assert_string_equal(
		ask(f, "getPropertyValue", "[{'aspect':'CPU','property':'model','component':1}]"),
		"! 'TypeMismatchError'");
	assert_string_equal(ask(f, "getPropertyValue", "[]"), "! 'TypeMismatchError'");
	done(f);
}

static void
support_is_reported(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	assert_string_equal(ask(f, "isSupported", "['CPU','model']"),
			    "{'aspect':'CPU','isSupported':true,'property':'model'}");
	assert_string_equal(ask(f, "isSupported", "{'property':'version','aspect':'Device'}"),
			    "{'aspect':'Device','isSupported':false,'property':'version'}");
	assert_string_equal(ask(f, "isSupported", "['Toaster','model']"),
			    "{'aspect':'Toaster','isSupported':false,'property':'model'}");
	assert_string_equal(ask(f, "isSupported", "['Toaster']"), "! 'TypeMismatchError'");
	done(f);
}

/* page 14, SRV-5 (page 14 DSC-3) */
static void
identifiers_stay_in_the_zone(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	assert_string_equal(ask_as(f, EVE, "getPropertyValue",
				   "{'aspect':'WiredNetwork','property':'macAddress'}"),
			    "! 'SecurityError'");
	assert_string_equal(ask_as(f, EVE, "getPropertyValue",
				   "{'aspect':'WiFiNetwork','property':'ipAddress'}"),
			    "! 'SecurityError'");
	assert_string_equal(ask_as(f, EVE, "watchPropertyChange",
				   "[{'aspect':'WiFiNetwork','property':'macAddress'},{}]"),
			    "! 'SecurityError'");
	assert_string_equal(ask_as(f, EVE, "getPropertyValue",
				   "{'aspect':'WiredNetwork','property':'networkStatus'}"),
			    "'connected'");
	done(f);
}

static void
an_empty_tree_knows_little(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	assert_string_equal(ask(f, "getComponents", "['Battery']"), "[]");
	assert_string_equal(ask(f, "getComponents", "['CPU']"), "[]");
	assert_string_equal(value(f, "Battery", "batteryLevel", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "Battery", "batteryLevel", "_default"), "! 'NotFoundError'");
	assert_string_equal(value(f, "Device", "type", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "OperatingSystem", "name", NULL), "'Linux'");
	assert_string_equal(value(f, "OperatingSystem", "language", NULL), "! 'NotFoundError'");
	done(f);
}

static void
a_board_is_known_by_its_device_tree(void **state)
{
	struct fixture *f = with_device();
	static const char compatible[] = "acme,board-3\0acme,soc";
	(void)state;
	put("/proc/device-tree/model", "Board 3\xff");
	put_bytes("/proc/device-tree/compatible", compatible, sizeof(compatible));
	put("/proc/cpuinfo", "processor : 0\nModel\t\t: Board 3\n");
	put("/usr/lib/os-release", "NAME=Tiny\nVENDOR_NAME=Acme\n");
	put("/proc/sys/kernel/osrelease", "6.1.0\n");
	put("/etc/locale.conf", "LANG=C.UTF-8\n");
	assert_string_equal(value(f, "Device", "type", NULL), "'embedded'");
	assert_string_equal(value(f, "Device", "model", NULL), "'Board 3?'");
	assert_string_equal(value(f, "Device", "vendor", NULL), "'acme'");
	assert_string_equal(value(f, "CPU", "model", NULL), "'Board 3'");
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "OperatingSystem", "name", NULL), "'Tiny'");
	assert_string_equal(value(f, "OperatingSystem", "version", NULL), "'6.1.0'");
	assert_string_equal(value(f, "OperatingSystem", "vendor", NULL), "'Acme'");
	assert_string_equal(value(f, "OperatingSystem", "language", NULL), "! 'NotFoundError'");
	put("/sys/class/dmi/id/chassis_type", "99\n");
	assert_string_equal(value(f, "Device", "type", NULL), "'other'");
	done(f);
}

static void
broken_sources_are_no_values(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	put(BAT "/capacity", "full\n");
	put(DRM "/card0-eDP-1/modes", "");
	put(DRM "/card0-eDP-1/edid", "short");
	put("/proc/stat", "btime 5\n");
	put("/proc/meminfo", "");
	put("/proc/net/wireless", " wlan0: x\n");
	put(NET "/wlan0/flags", "");
	assert_string_equal(value(f, "Battery", "batteryLevel", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "Display", "resolutionWidth", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "Display", "dpiX", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "Display", "colorDepth", NULL), "! 'NotFoundError'");
	put("/sys/class/graphics/fb0/bits_per_pixel", "32\n");
	assert_string_equal(value(f, "Display", "colorDepth", NULL), "32");
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "MemoryUnit", "size", "ram"), "! 'NotFoundError'");
	assert_string_equal(value(f, "WiFiNetwork", "signalStrength", NULL), "! 'NotFoundError'");
	assert_string_equal(value(f, "WiFiHardware", "status", NULL), "! 'NotFoundError'");
	done(f);
}

static void
load_is_the_mean_since_the_last_look(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "20.0");
	put("/proc/stat", "cpu  150 0 100 750 100 0 0 0 0 0\n");
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "20.0"); /* too soon */
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "50.0");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "50.0"); /* no time has passed */
	put("/proc/stat", "cpu  10 0 0 90 0 0 0 0 0 0\n");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	assert_string_equal(value(f, "CPU", "currentLoad", NULL), "10.0"); /* counters went back */
	done(f);
}

static void
listen(struct fixture *f, const char *id, const char *params)
{
	char method[256];
	(void)snprintf(method, sizeof(method), "%s.watchPropertyChange", base);
	fx_call(f, ANN, id, method, params);
}

#define LEVEL "{'aspect':'Battery','property':'batteryLevel'}"

static void
changes_are_watched(void **state)
{
	struct fixture *f = with_device();
	char method[256];
	(void)state;
	put_laptop();
	put(BAT "/capacity", "50\n");
	listen(f, "W", "[" LEVEL ",{}]");
	fx_expect(f, EVENT(ANN, "W.onEvent", "50"));
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S);
	fx_expect(f, "");
	put(BAT "/capacity", "51\n");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, EVENT(ANN, "W.onEvent", "51"));
	put(BAT "/capacity", "");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, "");
	(void)snprintf(method, sizeof(method), "%s.devicestatus.clearPropertyChange", base);
	fx_call(f, BOB, "C", method, "['W']");
	fx_expect(f, ERROR(BOB, "C", "NotFoundError", "8", "No such call or listener."));
	fx_call(f, ANN, "C", method, "['W']");
	fx_expect(f, RESULT(ANN, "W", "{}") RESULT(ANN, "C", "{}"));
	put(BAT "/capacity", "52\n");
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S);
	fx_expect(f, "");
	done(f);
}

/* page 14 DOS-6 */
static void
watchers_choose_how_often(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	put(BAT "/capacity", "50\n");
	listen(f, "A", "[" LEVEL ",{'minNotificationInterval':10000}]");
	listen(f, "B", "[" LEVEL ",{'minChangePercent':10}]");
	listen(f, "C", "[" LEVEL ",{'maxNotificationInterval':3000}]");
	free(fx_take(f));
	put(BAT "/capacity", "54\n");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, EVENT(ANN, "C.onEvent", "54"));
	pz_kit_clock_run(&f->clock, 3 * PZ_US_PER_S);
	fx_expect(f, EVENT(ANN, "C.onEvent", "54"));
	put(BAT "/capacity", "45\n");
	pz_kit_clock_run(&f->clock, PZ_US_PER_S);
	fx_expect(f, EVENT(ANN, "B.onEvent", "45") EVENT(ANN, "C.onEvent", "45"));
	pz_kit_clock_run(&f->clock, 5 * PZ_US_PER_S);
	char *text = fx_take(f);
	assert_non_null(strstr(text, "'A.onEvent','params':45"));
	free(text);
	done(f);
}

static void
wrong_watches_are_refused(void **state)
{
	struct fixture *f = with_device();
	(void)state;
	put_laptop();
	assert_string_equal(ask(f, "watchPropertyChange", "[" LEVEL ",5]"), "! -32602");
	assert_string_equal(
		ask(f, "watchPropertyChange", "[" LEVEL ",{'minNotificationInterval':-1}]"),
		"! -32602");
	assert_string_equal(
		ask(f, "watchPropertyChange", "[" LEVEL ",{'maxNotificationInterval':'1'}]"),
		"! -32602");
	assert_string_equal(ask(f, "watchPropertyChange", "[" LEVEL ",{'minChangePercent':[]}]"),
			    "! -32602");
	assert_string_equal(ask(f, "watchPropertyChange", "[{'aspect':'Battery'}]"),
			    "! 'TypeMismatchError'");
	for (int i = 0; i < PZ_LISTENERS_PER_PEER_MAX; i++) {
		char id[16];
		(void)snprintf(id, sizeof(id), "%d", i);
		listen(f, id, "[" LEVEL "]");
	}
	assert_string_equal(ask(f, "watchPropertyChange", "[" LEVEL "]"), "! 'QuotaExceededError'");
	done(f);
}

/* On the real tree nothing is certain but that nothing breaks. */
static void
the_real_tree_can_be_read(void **state)
{
	static const char *const aspects[] = {
		"Battery",         "CPU",          "Device",      "Display",      "MemoryUnit",
		"OperatingSystem", "WiFiHardware", "WiFiNetwork", "WiredNetwork", "WebRuntime"};
	struct fixture *f = fx_new();
	struct pz_service *service = NULL;
	char params[64];
	(void)state;
	assert_int_equal(pz_service_devicestatus_new(&f->clock.env, "/", &service, NULL), PZ_OK);
	fx_add(f, service);
	(void)snprintf(base, sizeof(base), "%s@%s", service->descriptor.api,
		       service->descriptor.id);
	for (size_t i = 0; i < sizeof(aspects) / sizeof(aspects[0]); i++) {
		(void)snprintf(params, sizeof(params), "['%s']", aspects[i]);
		assert_int_equal(ask(f, "getComponents", params)[0], '[');
	}
	assert_true(strtoll(value(f, "MemoryUnit", "size", NULL), NULL, 10) > 0);
	(void)value(f, "WiredNetwork", "ipAddress", NULL);
	fx_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(components_are_listed),
		cmocka_unit_test(values_come_from_their_sources),
		cmocka_unit_test(parameters_take_their_forms),
		cmocka_unit_test(support_is_reported),
		cmocka_unit_test(identifiers_stay_in_the_zone),
		cmocka_unit_test(an_empty_tree_knows_little),
		cmocka_unit_test(a_board_is_known_by_its_device_tree),
		cmocka_unit_test(broken_sources_are_no_values),
		cmocka_unit_test(load_is_the_mean_since_the_last_look),
		cmocka_unit_test(changes_are_watched),
		cmocka_unit_test(watchers_choose_how_often),
		cmocka_unit_test(wrong_watches_are_refused),
		cmocka_unit_test(the_real_tree_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
