#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdbool.h>

/* The standard wants 4 light modules around; cameras are content with 2, and then the code of a
 * usual link fits a terminal of 24 lines. */
#define MARGIN 2

static bool
is_light(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return true;
	return (code->data[y * code->width + x] & 1) == 0;
}

enum pz_err
pz_cli_qr_print(const char *text, FILE *out)
{
	/* One line of text shows two rows of modules: upper and lower half. */
	static const char *const blocks[2][2] = {{" ", "\u2584"}, {"\u2580", "\u2588"}};
	QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);

	if (code == NULL)
		return errno == ENOMEM ? PZ_ERR_LIMIT_MEMORY : PZ_ERR_LIMIT;
	for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
		fputs("\033[97;40m", out); /* white on black: what is light must look light */
		for (int x = -MARGIN; x < code->width + MARGIN; x++) {
			bool lower = y + 1 < code->width + MARGIN && is_light(code, x, y + 1);

			fputs(blocks[is_light(code, x, y)][lower], out);
		}
		fputs("\033[0m\n", out);
	}
	QRcode_free(code);
	return PZ_OK;
}
