/* WiredNetwork, WiFiHardware, WiFiNetwork. The network's name is known to nl80211 only, so there is
 * no ssid.
 * @spec page 7, 9.2 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "devicestatus/internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NET "/sys/class/net"
#define LINK_QUALITY_MAX 70 /* the scale of cfg80211's /proc/net/wireless */

static bool
is_wireless(struct pz_ds *ds, const char *name)
{
	/* Older drivers have the one, newer ones the other. */
	return pz_ds_exists(ds, NET "/%s/wireless", name) ||
	       pz_ds_exists(ds, NET "/%s/phy80211", name);
}

static bool
is_wired(struct pz_ds *ds, const char *name)
{
	int64_t type;
	/* Bridges of containers are Ethernet by type, and no network of the owner's. */
	return pz_ds_read_int(ds, &type, NET "/%s/type", name) && type == ARPHRD_ETHER &&
	       !is_wireless(ds, name) && !pz_ds_exists(ds, NET "/%s/bridge", name);
}

static void
wired_components(struct pz_ds *ds, json_t *names)
{
	pz_ds_list(ds, NET, is_wired, names);
}

static void
wifi_components(struct pz_ds *ds, json_t *names)
{
	pz_ds_list(ds, NET, is_wireless, names);
}

static bool
is_up(struct pz_ds *ds, const char *component)
{
	PZ_AUTO_FREE char *state = pz_ds_read(ds, NET "/%s/operstate", component);
	return state && strcmp(state, "up") == 0;
}

static json_t *
network_status(struct pz_ds *ds, const char *component)
{
	return json_string(is_up(ds, component) ? "connected" : "disconnected");
}

static json_t *
mac_address(struct pz_ds *ds, const char *component)
{
	return pz_ds_string(pz_ds_read(ds, NET "/%s/address", component));
}

/* How much an address says about reaching the device: IPv4, then IPv6 of more than this link; 0: no
 * use. */
static int
rank(const struct sockaddr *sa)
{
	if (sa && sa->sa_family == AF_INET)
		return 2;
	if (sa && sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		return IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) ? 0 : 1;
	}
	return 0;
}

static json_t *
address_text(const struct sockaddr *sa)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	const void *address = &in.sin_addr;
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
	} else {
		memcpy(&in6, sa, sizeof(in6));
		address = &in6.sin6_addr;
	}
	return inet_ntop(sa->sa_family, address, text, sizeof(text)) ? json_string(text) : NULL;
}

static json_t *
ip_address(struct pz_ds *ds, const char *component)
{
	struct ifaddrs *all = NULL;
	const struct sockaddr *best = NULL;
	/* A test's machine has no interfaces that the kernel knows. */
	if (ds->root[0] != '\0' ||
	    getifaddrs(&all) != 0) /* the kernel knows nothing of a fake tree */
		return NULL;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		/* The first of the best kind, as the system lists them. */
		if (strcmp(a->ifa_name, component) == 0 && rank(a->ifa_addr) > rank(best))
			best = a->ifa_addr;
	}
	json_t *value = best ? address_text(best) : NULL;
	freeifaddrs(all);
	return value;
}

static const struct pz_ds_property wired_properties[] = {
	{"networkStatus", false, network_status},
	{"ipAddress", true, ip_address},
	{"macAddress", true, mac_address},
};

const struct pz_ds_aspect pz_ds_wired = {"WiredNetwork", wired_components, is_up, wired_properties,
					 COUNT(wired_properties)};

static json_t *
wifi_status(struct pz_ds *ds, const char *component)
{
	int64_t flags;
	if (!pz_ds_read_int(ds, &flags, NET "/%s/flags", component))
		return NULL;
	return json_string(flags & IFF_UP ? "ON" : "OFF");
}

static const struct pz_ds_property wifi_hardware_properties[] = {
	{"status", false, wifi_status},
};

const struct pz_ds_aspect pz_ds_wifi_hardware = {"WiFiHardware", wifi_components, is_up,
						 wifi_hardware_properties,
						 COUNT(wifi_hardware_properties)};

/* Percent. A line reads "wlan0: 0000   55.  -55.  -256 ..."; the second number is the link quality.
 */
static json_t *
signal_strength(struct pz_ds *ds, const char *component)
{
	PZ_AUTO_FREE char *text = pz_ds_read(ds, "/proc/net/wireless");
	size_t len = strlen(component);
	/* Two lines of titles come first; no interface has their names. */
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (strncmp(line, component, len) != 0 || line[len] != ':')
			continue;
		char *end;
		(void)strtoul(line + len + 1, &end, 16); /* status */
		const char *number = end;
		double quality = strtod(number, &end);
		if (end == number)
			return NULL;
		double percent = quality * 100 / LINK_QUALITY_MAX;
		return json_integer(percent > 100 ? 100 : percent < 0 ? 0 : (json_int_t)percent);
	}
	return NULL;
}

static const struct pz_ds_property wifi_properties[] = {
	{"signalStrength", false, signal_strength},
	{"networkStatus", false, network_status},
	{"ipAddress", true, ip_address},
	{"macAddress", true, mac_address},
};

const struct pz_ds_aspect pz_ds_wifi_network = {"WiFiNetwork", wifi_components, is_up,
						wifi_properties, COUNT(wifi_properties)};

/* ---- all aspects ---- */

static const struct pz_ds_aspect *const aspects[] = {
	&pz_ds_battery, &pz_ds_cpu,     &pz_ds_device,        &pz_ds_display,      &pz_ds_memory,
	&pz_ds_os,      &pz_ds_runtime, &pz_ds_wifi_hardware, &pz_ds_wifi_network, &pz_ds_wired,
};

const struct pz_ds_aspect *
pz_ds_aspect(const char *name)
{
	for (size_t i = 0; i < COUNT(aspects); i++) {
		if (strcmp(aspects[i]->name, name) == 0)
			return aspects[i];
	}
	return NULL;
}

const struct pz_ds_property *
pz_ds_property(const struct pz_ds_aspect *aspect, const char *name)
{
	for (size_t i = 0; i < aspect->property_count; i++) {
		if (strcmp(aspect->properties[i].name, name) == 0)
			return &aspect->properties[i];
	}
	return NULL;
}

json_t *
pz_ds_components(struct pz_ds *ds, const struct pz_ds_aspect *aspect)
{
	json_t *names = json_array();
	if (names)
		aspect->components(ds, names);
	return names;
}
