/*
 * Target functions: pz_enrol_link_parse, _format; pz_code_parse; pz_host_is_dialable.
 * Input: a link, or what a user types as a code.
 * Must hold: what is read is written and read again as the same; nothing of a secret stays behind
 * when reading fails.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/host.h"
#include "enrol/code.h"
#include "enrol/link.h"
#include "wire/address.h"

static bool
is_all_zero(const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((const uint8_t *)bytes)[i] != 0)
			return false;
	}
	return true;
}

static void
check_link(const struct pz_enrol_link *link)
{
	struct pz_enrol_link again;
	struct pz_buf out;
	uint8_t nul = 0;

	FUZZ_CHECK(pz_host_is_dialable(link->host) && link->port > 0);
	FUZZ_CHECK(pz_zone_is_valid(pz_slice_str(link->zone)));
	FUZZ_CHECK(link->code[0] == '\0' || strlen(link->code) == PZ_CODE_DIGITS);
	pz_buf_init(&out, 4096, NULL);
	FUZZ_CHECK(pz_enrol_link_format(link->host, link->port, link->zone,
					link->code[0] ? link->code : NULL, &out) == PZ_OK);
	FUZZ_CHECK(pz_buf_append(&out, pz_slice_of(&nul, 1)) == PZ_OK);
	FUZZ_CHECK(pz_enrol_link_parse((const char *)pz_buf_slice(&out).ptr, &again, NULL) ==
		   PZ_OK);
	FUZZ_CHECK(strcmp(link->host, again.host) == 0 && link->port == again.port);
	FUZZ_CHECK(strcmp(link->zone, again.zone) == 0 && strcmp(link->code, again.code) == 0);
	pz_buf_wipe(&out);
}

static void
check_code(const char *text)
{
	char digits[PZ_CODE_DIGITS + 1] = "????????", again[PZ_CODE_DIGITS + 1];

	if (pz_code_parse(text, digits) != PZ_OK) {
		FUZZ_CHECK(strcmp(digits, "????????") == 0);
		return;
	}
	FUZZ_CHECK(strspn(digits, "0123456789") == PZ_CODE_DIGITS);
	FUZZ_CHECK(pz_code_parse(digits, again) == PZ_OK && strcmp(digits, again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(pz_slice_of(data, size));
	struct pz_errinfo info = {""};
	struct pz_enrol_link link;

	memset(&link, 0x5a, sizeof(link));
	enum pz_err err = pz_enrol_link_parse(text, &link, &info);
	fuzz_check_info(err, &info);
	if (err == PZ_OK)
		check_link(&link);
	else
		FUZZ_CHECK(is_all_zero(&link, sizeof(link)) && info.text[0] != '\0');
	check_code(text);
	free(text);
	return 0;
}
