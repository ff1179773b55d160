/* What is there to read: a table of paths, compared as a whole. No path leads to a file, so there
 * is nothing to traverse. @spec page 11; page 14 APP-11 */
#include <stdio.h>

#include "apps/internal.h"

#define SCRIPT "text/javascript; charset=utf-8"

static const uint8_t index_html[] =
	"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<title>Personal Zone</title></head>\n<body><h1>Personal Zone</h1>\n"
	"<p>This is the pzpd of this device. Web pages connect to it by WebSocket.</p>"
	"</body></html>\n";

static const uint8_t library[] = {
#include <webinos_js.inc>
};

static const uint8_t module[] = {
#include <webinos_mjs.inc>
};

static const struct {
	const char *path, *type;
	const uint8_t *bytes;
	size_t len;
	bool is_for_other_origins;
} files[] = {
	{"/", "text/html; charset=utf-8", index_html, sizeof(index_html) - 1, false},
	{"/webinos.js", SCRIPT, library, sizeof(library), true},
	{"/webinos.mjs", SCRIPT, module, sizeof(module), true},
};

void
pz_site_answer(const struct pz_apps *apps, const struct pz_http_request *request,
	       struct pz_http_answer *out)
{
	static char config[64];

	if (pz_slice_eq_str(request->path, "/webinosConfig.json")) {
		int len = snprintf(config, sizeof(config), "{\"websocketPort\":%u}\n", apps->port);
		*out = (struct pz_http_answer){.status = 200,
					       .type = "application/json",
					       .body = pz_slice_of(config, (size_t)len)};
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (pz_slice_eq_str(request->path, files[i].path))
			*out = (struct pz_http_answer){
				.status = 200,
				.type = files[i].type,
				.body = pz_slice_of(files[i].bytes, files[i].len),
				.is_for_other_origins = files[i].is_for_other_origins};
}
