/*
 * A text as a QR code on the terminal, two rows of modules to a line. If libqrencode fails the
 * result is the reason, and the caller prints the text alone.
 */
#include "cli/qr.h"

#include <errno.h>
#include <langinfo.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

/* The standard requires 4 light modules around; cameras need only 2, and with 2 the code of a usual
 * link fits on a terminal of 24 lines. */
#define MARGIN 2

static bool
is_light(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return true;
	return (code->data[y * code->width + x] & 1) == 0;
}

struct pz_cli_qr_place
pz_cli_qr_place(bool colour, size_t columns)
{
	const char *term = getenv("TERM");

	return (struct pz_cli_qr_place){
		.is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
		.is_dumb = term && strcmp(term, "dumb") == 0,
		.colour = colour,
		.columns = columns,
	};
}

static void
draw(const QRcode *code, bool colour, FILE *out)
{
	/* One line of text shows two rows of modules: upper and lower half. */
	static const char *const blocks[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};

	for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
		if (colour)
			fputs("\033[97;40m", out); /* white on black: light must look light */
		for (int x = -MARGIN; x < code->width + MARGIN; x++) {
			bool lower = y + 1 < code->width + MARGIN && is_light(code, x, y + 1);

			fputs(blocks[is_light(code, x, y)][lower], out);
		}
		fputs(colour ? "\033[0m\n" : "\n", out);
	}
}

enum pz_err
pz_cli_qr_print(const char *text, const struct pz_cli_qr_place *place, FILE *out,
		struct pz_errinfo *info)
{
	if (place->is_dumb)
		return pz_fail(info, PZ_ERR_CONFIG, "TERM is dumb");
	if (!place->is_utf8)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the locale has no UTF-8; LC_ALL=C.UTF-8 would do");
	/* Error correction L: a screen has no dirt, and a higher level makes the code too large for
	 * a small window. */
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
	if (code == NULL)
		return errno == ENOMEM ? pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory")
				       : pz_fail(info, PZ_ERR_LIMIT, "the link is too long");
	size_t columns = (size_t)code->width + 2 * MARGIN;
	enum pz_err err = PZ_OK;
	if (place->columns > 0 && columns > place->columns)
		err = pz_fail(info, PZ_ERR_LIMIT, "it needs %zu columns, the window has %zu",
			      columns, place->columns);
	else
		draw(code, place->colour, out);
	QRcode_free(code);
	return err;
}
