/*
 * Target functions: pz_invitation_parse, pz_invitation_link, pz_names_are_alike.
 * Input: a link, as a person pastes it.
 * Must hold: what is refused has one line of reason and leaves zeros. What is read is written and
 * read again the same. A text is never found to be like itself.
 */
#include "zone.h"

#include "friends/alike.h"
#include "friends/invitation.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pz_invitation none;
	struct pz_invitation read, again;
	struct pz_errinfo info = {""};
	char *link = fuzz_text(pz_slice_of(data, size));
	struct pz_buf text;

	enum pz_err err = pz_invitation_parse(link, &read, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK(!pz_names_are_alike(link, link));
	(void)pz_names_are_alike(link, "alice@example.org");
	free(link);
	if (err != PZ_OK) {
		FUZZ_CHECK(memcmp(&read, &none, sizeof(read)) == 0);
		return 0;
	}
	FUZZ_CHECK(read.zone[0] && read.host[0] && read.port > 0);
	pz_buf_init(&text, PZ_INVITATION_LINK_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_invitation_link(&read, &text) == PZ_OK);
	link = fuzz_text(pz_buf_slice(&text));
	FUZZ_CHECK(pz_invitation_parse(link, &again, NULL) == PZ_OK);
	FUZZ_CHECK(memcmp(&read, &again, sizeof(read)) == 0);
	free(link);
	pz_buf_fini(&text);
	return 0;
}
