#include "fuzz.h"

#include "wire/message.h"

__attribute__((weak)) int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	return 0;
}

/* A log line must not be able to forge another one, whatever a peer sent. */
static void
check_line(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	FUZZ_CHECK(id[0] != '\0');
	for (; *text; text++)
		FUZZ_CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}

void
fuzz_start(void)
{
	json_object_seed(1);
	pz_log_set_sink(check_line, NULL);
	pz_log_threshold = PZ_LOG_DEBUG;
}

void
fuzz_clock_init(struct pz_kit_clock *clock)
{
	pz_kit_clock_init(clock);
	pz_message_seed_ids(1);
}

struct pz_slice
fuzz_line(struct pz_slice *rest)
{
	const uint8_t *feed = rest->len ? memchr(rest->ptr, '\n', rest->len) : NULL;
	size_t len = feed ? (size_t)(feed - rest->ptr) : rest->len;
	struct pz_slice line = pz_slice_of(rest->ptr, len);

	*rest = pz_slice_of(rest->ptr + len + (feed ? 1 : 0), rest->len - len - (feed ? 1 : 0));
	return line;
}

uint8_t
fuzz_byte(struct pz_slice *rest)
{
	if (rest->len == 0)
		return 0;
	rest->len--;
	return *rest->ptr++;
}

char *
fuzz_text(struct pz_slice s)
{
	char *text = pz_slice_dup(s);

	FUZZ_CHECK(text != NULL);
	return text;
}

void
fuzz_check_info(enum pz_err err, const struct pz_errinfo *info)
{
	size_t len = strnlen(info->text, sizeof(info->text));

	FUZZ_CHECK(len < sizeof(info->text));
	FUZZ_CHECK(strchr(info->text, '\n') == NULL);
	FUZZ_CHECK(err != PZ_OK || len == 0);
}
