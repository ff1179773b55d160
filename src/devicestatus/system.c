/* Battery, CPU, Device, Display, MemoryUnit, OperatingSystem, WebRuntime. @spec page 7, 9.2 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/auto.h"
#include "devicestatus/internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CPU_SAMPLE_MIN_US (1 * PZ_US_PER_S) /* shorter intervals say nothing */

static void
add_name(json_t *names, const char *name)
{
	(void)json_array_append_new(names, json_string(name));
}

/* ---- Battery ---- */

#define POWER "/sys/class/power_supply"

static bool
is_battery(struct pz_ds *ds, const char *name)
{
	PZ_AUTO_FREE char *type = pz_ds_read(ds, POWER "/%s/type", name);
	PZ_AUTO_FREE char *scope = pz_ds_read(ds, POWER "/%s/scope", name);
	/* scope "Device" is a mouse's or keyboard's battery */
	return type && strcmp(type, "Battery") == 0 && !(scope && strcmp(scope, "Device") == 0);
}

static void
battery_components(struct pz_ds *ds, json_t *names)
{
	pz_ds_list(ds, POWER, is_battery, names);
}

static json_t *
battery_level(struct pz_ds *ds, const char *component)
{
	int64_t percent;
	if (!pz_ds_read_int(ds, &percent, POWER "/%s/capacity", component))
		return NULL;
	return json_integer(percent < 0 ? 0 : percent > 100 ? 100 : percent);
}

static json_t *
battery_charging(struct pz_ds *ds, const char *component)
{
	PZ_AUTO_FREE char *status = pz_ds_read(ds, POWER "/%s/status", component);
	return status ? json_boolean(strcmp(status, "Charging") == 0) : NULL;
}

static const struct pz_ds_property battery_properties[] = {
	{"batteryLevel", false, battery_level},
	{"batteryBeingCharged", false, battery_charging},
};

const struct pz_ds_aspect pz_ds_battery = {"Battery", battery_components, NULL, battery_properties,
					   COUNT(battery_properties)};

/* ---- CPU ---- */

static void
cpu_components(struct pz_ds *ds, json_t *names)
{
	if (pz_ds_exists(ds, "/proc/stat") || pz_ds_exists(ds, "/proc/cpuinfo"))
		add_name(names, "cpu");
}

static json_t *
cpu_model(struct pz_ds *ds, const char *component)
{
	/* x86, then ARM boards, MIPS, POWER */
	static const char *const keys[] = {"model name", "Model", "Hardware", "cpu model", "cpu"};
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/proc/cpuinfo");
	json_t *model = NULL;
	(void)component;
	/* The order matters: "cpu" is also a field of other kinds of machines. */
	for (size_t i = 0; text && i < COUNT(keys) && !model; i++)
		model = pz_ds_string(pz_ds_field(text, keys[i], ':'));
	return model;
}

/* Sums of the first line of /proc/stat: user nice system idle iowait irq softirq steal (guest is in
 * user). */
static bool
cpu_times(struct pz_ds *ds, uint64_t *out_busy, uint64_t *out_total)
{
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/proc/stat");
	uint64_t t[8] = {0};
	if (text == NULL || strncmp(text, "cpu ", 4) != 0)
		return false;
	char *at = text + 4;
	for (size_t i = 0; i < COUNT(t); i++)
		t[i] = strtoull(at, &at, 10);
	uint64_t total = 0;
	for (size_t i = 0; i < COUNT(t); i++)
		total += t[i];
	*out_total = total;
	/* Neither idle nor waiting for a disk. */
	*out_busy = total - t[3] - t[4];
	return true;
}

/* Mean since the last look; the first one is the mean since the start of the system. */
static json_t *
cpu_load(struct pz_ds *ds, const char *component)
{
	uint64_t busy, total, now = pz_env_mono_us(ds->env);
	(void)component;
	/* Two callers in one second get the same value, and neither shortens the other's
	 * interval. */
	if (ds->has_cpu_load && now - ds->cpu_read_us < CPU_SAMPLE_MIN_US)
		return json_real(ds->cpu_load);
	if (!cpu_times(ds, &busy, &total))
		return NULL;
	if (busy < ds->cpu_busy || total < ds->cpu_total) /* the kernel's counters may step back */
		ds->cpu_busy = ds->cpu_total = 0;
	if (total > ds->cpu_total) {
		double percent =
			100.0 * (double)(busy - ds->cpu_busy) / (double)(total - ds->cpu_total);
		ds->cpu_load = percent > 100.0 ? 100.0 : percent;
	}
	ds->cpu_busy = busy;
	ds->cpu_total = total;
	ds->cpu_read_us = now;
	ds->has_cpu_load = true;
	return json_real(ds->cpu_load);
}

static const struct pz_ds_property cpu_properties[] = {
	{"model", false, cpu_model},
	{"currentLoad", false, cpu_load},
};

const struct pz_ds_aspect pz_ds_cpu = {"CPU", cpu_components, NULL, cpu_properties,
				       COUNT(cpu_properties)};

/* ---- Device ---- */

#define DMI "/sys/class/dmi/id"

/* One device, always. */
static void
device_components(struct pz_ds *ds, json_t *names)
{
	(void)ds;
	add_name(names, "device");
}

/* SMBIOS 3.6, 7.4.1 "System Enclosure or Chassis Types", as far as it says what a thing is. */
static const struct chassis {
	uint8_t first, last;
	const char *type;
} chassis_types[] = {
	{3, 7, "desktop"},   {8, 10, "laptop"},   {11, 11, "handheld"}, {13, 13, "desktop"},
	{14, 14, "laptop"},  {15, 16, "desktop"}, {17, 17, "server"},   {23, 23, "server"},
	{28, 29, "server"},  {30, 30, "tablet"},  {31, 32, "laptop"},   {33, 34, "embedded"},
	{35, 36, "desktop"},
};

static json_t *
device_type(struct pz_ds *ds, const char *component)
{
	int64_t chassis;
	(void)component;
	if (!pz_ds_read_int(ds, &chassis, DMI "/chassis_type"))
		return pz_ds_exists(ds, "/proc/device-tree/model") ? json_string("embedded") : NULL;
	for (size_t i = 0; i < COUNT(chassis_types); i++) {
		if (chassis >= chassis_types[i].first && chassis <= chassis_types[i].last)
			return json_string(chassis_types[i].type);
	}
	return json_string("other");
}

static json_t *
device_model(struct pz_ds *ds, const char *component)
{
	(void)component;
	json_t *model = pz_ds_string(pz_ds_read(ds, DMI "/product_name"));
	return model ? model : pz_ds_string(pz_ds_read(ds, "/proc/device-tree/model"));
}

static json_t *
device_vendor(struct pz_ds *ds, const char *component)
{
	(void)component;
	json_t *vendor = pz_ds_string(pz_ds_read(ds, DMI "/sys_vendor"));
	if (vendor)
		return vendor;
	/* "vendor,board": the first string of the list is the board itself */
	char *compatible = pz_ds_read(ds, "/proc/device-tree/compatible");
	if (compatible)
		/* The file is a list of texts with NULs between them. */
		compatible[strcspn(compatible, ",")] = '\0';
	return pz_ds_string(compatible);
}

static json_t *
device_version(struct pz_ds *ds, const char *component)
{
	(void)component;
	return pz_ds_string(pz_ds_read(ds, DMI "/product_version"));
}

static const struct pz_ds_property device_properties[] = {
	/* imei is left out for good (page 7, 9.2) */
	{"type", false, device_type},
	{"model", false, device_model},
	{"vendor", false, device_vendor},
	{"version", false, device_version},
};

const struct pz_ds_aspect pz_ds_device = {"Device", device_components, NULL, device_properties,
					  COUNT(device_properties)};

/* ---- Display ---- */

#define DRM "/sys/class/drm"
#define EDID_BYTES_MIN 128
#define EDID_INPUT 20
#define EDID_WIDTH_CM 21
#define EDID_HEIGHT_CM 22

/* Connectors without a display are no components. */
static bool
is_connected(struct pz_ds *ds, const char *name)
{
	PZ_AUTO_FREE char *status = pz_ds_read(ds, DRM "/%s/status", name);
	return status && strcmp(status, "connected") == 0;
}

static void
display_components(struct pz_ds *ds, json_t *names)
{
	pz_ds_list(ds, DRM, is_connected, names);
}

/* The preferred mode, which the kernel lists first: "1920x1080" or "1920x1080i". */
static bool
display_mode(struct pz_ds *ds, const char *component, int out[2])
{
	PZ_AUTO_FREE char *modes = pz_ds_read(ds, DRM "/%s/modes", component);
	char *end = modes;
	if (modes == NULL)
		return false;
	/* Checked below: the text is the driver's. */
	out[0] = (int)strtol(modes, &end, 10);
	out[1] = *end == 'x' ? (int)strtol(end + 1, NULL, 10) : 0;
	return out[0] > 0 && out[1] > 0 && out[0] < 100000 && out[1] < 100000;
}

static json_t *
display_width(struct pz_ds *ds, const char *component)
{
	int mode[2];
	return display_mode(ds, component, mode) ? json_integer(mode[0]) : NULL;
}

static json_t *
display_height(struct pz_ds *ds, const char *component)
{
	int mode[2];
	return display_mode(ds, component, mode) ? json_integer(mode[1]) : NULL;
}

/* One byte of the display's self-description; 0: not known. @spec VESA E-EDID 1.4, 3.6 */
static uint8_t
edid_byte(struct pz_ds *ds, const char *component, size_t offset)
{
	size_t len = 0;
	PZ_AUTO_FREE char *edid = pz_ds_read_raw(ds, &len, DRM "/%s/edid", component);
	/* Binary: it is read as it is, and a short one says nothing. */
	return edid && len >= EDID_BYTES_MIN ? (uint8_t)edid[offset] : 0;
}

/* Dots over the size in the EDID, which counts whole centimetres. */
static json_t *
dpi(struct pz_ds *ds, const char *component, size_t axis, size_t offset)
{
	int mode[2];
	uint8_t cm = edid_byte(ds, component, offset);
	if (cm == 0 || !display_mode(ds, component, mode))
		return NULL;
	return json_integer((json_int_t)((double)mode[axis] * 2.54 / cm + 0.5));
}

static json_t *
display_dpi_x(struct pz_ds *ds, const char *component)
{
	return dpi(ds, component, 0, EDID_WIDTH_CM);
}

static json_t *
display_dpi_y(struct pz_ds *ds, const char *component)
{
	return dpi(ds, component, 1, EDID_HEIGHT_CM);
}

static json_t *
display_aspect_ratio(struct pz_ds *ds, const char *component)
{
	int mode[2];
	/* every mode that the kernel drives on its own has square pixels */
	return display_mode(ds, component, mode) ? json_integer(1) : NULL;
}

static json_t *
display_depth(struct pz_ds *ds, const char *component)
{
	uint8_t input = edid_byte(ds, component, EDID_INPUT);
	int64_t bits;
	unsigned depth = (input >> 4) & 7U; /* digital input: 1 to 6 mean 6 to 16 bits a colour */
	if ((input & 0x80U) && depth >= 1 && depth <= 6)
		return json_integer((json_int_t)(depth * 2 + 4) * 3);
	if (pz_ds_read_int(ds, &bits, "/sys/class/graphics/fb0/bits_per_pixel"))
		return json_integer(bits);
	return NULL;
}

static const struct pz_ds_property display_properties[] = {
	{"resolutionWidth", false, display_width},
	{"resolutionHeight", false, display_height},
	{"dpiX", false, display_dpi_x},
	{"dpiY", false, display_dpi_y},
	{"pixelAspectRatio", false, display_aspect_ratio},
	{"colorDepth", false, display_depth},
};

const struct pz_ds_aspect pz_ds_display = {"Display", display_components, NULL, display_properties,
					   COUNT(display_properties)};

/* ---- MemoryUnit ---- */

static bool
is_ram(const char *component)
{
	return strcmp(component, "ram") == 0;
}

static void
memory_components(struct pz_ds *ds, json_t *names)
{
	if (pz_ds_exists(ds, "/proc/meminfo"))
		add_name(names, "ram");
	add_name(names, "disk");
}

/* Bytes of a line of /proc/meminfo, which counts in kB. */
static json_t *
meminfo(struct pz_ds *ds, const char *key)
{
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/proc/meminfo");
	PZ_AUTO_FREE char *field = text ? pz_ds_field(text, key, ':') : NULL;
	return field ? json_integer(strtoll(field, NULL, 10) * 1024) : NULL;
}

/* The file system of the root directory. */
static json_t *
disk(struct pz_ds *ds, bool available)
{
	struct statvfs fs;
	if (statvfs(ds->root[0] ? ds->root : "/", &fs) != 0)
		return NULL;
	/* f_bavail: what users can have, without root's reserve. */
	uint64_t bytes = (available ? fs.f_bavail : fs.f_blocks) * (uint64_t)fs.f_frsize;
	return json_integer((json_int_t)bytes);
}

static json_t *
memory_size(struct pz_ds *ds, const char *component)
{
	return is_ram(component) ? meminfo(ds, "MemTotal") : disk(ds, false);
}

static json_t *
memory_available(struct pz_ds *ds, const char *component)
{
	return is_ram(component) ? meminfo(ds, "MemAvailable") : disk(ds, true);
}

static json_t *
memory_removable(struct pz_ds *ds, const char *component)
{
	(void)ds;
	(void)component;
	return json_false();
}

static json_t *
memory_volatile(struct pz_ds *ds, const char *component)
{
	(void)ds;
	return json_boolean(is_ram(component));
}

static const struct pz_ds_property memory_properties[] = {
	{"size", false, memory_size},
	{"availableSize", false, memory_available},
	{"removable", false, memory_removable},
	{"volatile", false, memory_volatile},
};

const struct pz_ds_aspect pz_ds_memory = {"MemoryUnit", memory_components, NULL, memory_properties,
					  COUNT(memory_properties)};

/* ---- OperatingSystem ---- */

static void
os_components(struct pz_ds *ds, json_t *names)
{
	(void)ds;
	add_name(names, "os");
}

/* By os-release(5): /etc first. */
static json_t *
os_release(struct pz_ds *ds, const char *key)
{
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/etc/os-release");
	if (text == NULL)
		text = pz_ds_read(ds, "/usr/lib/os-release");
	return text ? pz_ds_string(pz_ds_field(text, key, '=')) : NULL;
}

static json_t *
os_name(struct pz_ds *ds, const char *component)
{
	(void)component;
	json_t *name = os_release(ds, "NAME");
	return name ? name : json_string("Linux");
}

static json_t *
os_version(struct pz_ds *ds, const char *component)
{
	(void)component;
	json_t *version = os_release(ds, "VERSION_ID");
	return version ? version : pz_ds_string(pz_ds_read(ds, "/proc/sys/kernel/osrelease"));
}

static json_t *
os_vendor(struct pz_ds *ds, const char *component)
{
	(void)component;
	json_t *vendor = os_release(ds, "VENDOR_NAME");
	return vendor ? vendor : os_release(ds, "ID");
}

/* "de_DE.UTF-8" -> "de-DE" (BCP 47); "C" and "POSIX" are no language. */
static json_t *
os_language(struct pz_ds *ds, const char *component)
{
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/etc/default/locale");
	(void)component;
	if (text == NULL)
		text = pz_ds_read(ds, "/etc/locale.conf");
	char *lang = text ? pz_ds_field(text, "LANG", '=') : NULL;
	if (lang)
		/* Without encoding and modifier. */
		lang[strcspn(lang, ".@")] = '\0';
	if (lang && (strcmp(lang, "C") == 0 || strcmp(lang, "POSIX") == 0))
		lang[0] = '\0';
	for (char *c = lang ? strchr(lang, '_') : NULL; c; c = NULL)
		*c = '-';
	return pz_ds_string(lang);
}

static const struct pz_ds_property os_properties[] = {
	{"name", false, os_name},
	{"version", false, os_version},
	{"vendor", false, os_vendor},
	{"language", false, os_language},
};

const struct pz_ds_aspect pz_ds_os = {"OperatingSystem", os_components, NULL, os_properties,
				      COUNT(os_properties)};

/* ---- WebRuntime ---- */

static void
runtime_components(struct pz_ds *ds, json_t *names)
{
	(void)ds;
	add_name(names, "pzp");
}

static json_t *
runtime_name(struct pz_ds *ds, const char *component)
{
	(void)ds;
	(void)component;
	return json_string("Personal Zone");
}

static json_t *
runtime_version(struct pz_ds *ds, const char *component)
{
	(void)ds;
	(void)component;
	return json_string(PZ_VERSION);
}

static const struct pz_ds_property runtime_properties[] = {
	{"name", false, runtime_name},
	{"version", false, runtime_version},
	{"vendor", false, runtime_name},
	{"webinosVersion", false, runtime_version},
};

const struct pz_ds_aspect pz_ds_runtime = {"WebRuntime", runtime_components, NULL,
					   runtime_properties, COUNT(runtime_properties)};
