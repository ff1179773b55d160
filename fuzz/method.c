/*
 * Target function: pz_method_parse.
 * Input: a method name.
 * Must hold: the parts, put together again, are the text; each kind has its parts and no others.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "rpc/method.h"

static size_t
put(char *out, size_t at, struct pz_slice part, const char *behind)
{
	memcpy(out + at, part.ptr, part.len);
	memcpy(out + at + part.len, behind, strlen(behind));
	return at + part.len + strlen(behind);
}

static void
check(struct pz_slice text, const struct pz_method *m)
{
	char whole[PZ_METHOD_BYTES_MAX + 3];
	size_t len = 0;

	FUZZ_CHECK(text.len <= PZ_METHOD_BYTES_MAX && m->function.len > 0);
	FUZZ_CHECK(m->function.ptr + m->function.len == text.ptr + text.len);
	switch (m->kind) {
	case PZ_METHOD_SERVICE:
		FUZZ_CHECK(m->reference.len == 0 && m->id.len == 32);
		FUZZ_CHECK(m->api.len > 0 && m->api.len <= PZ_API_BYTES_MAX);
		len = put(whole, len, m->api, "@");
		len = put(whole, len, m->id, ".");
		if (m->path.len > 0)
			len = put(whole, len, m->path, ".");
		break;
	case PZ_METHOD_BUILTIN:
		FUZZ_CHECK(m->reference.len == 0 && m->id.len == 0 && m->path.len == 0);
		len = put(whole, len, m->api, ".");
		break;
	case PZ_METHOD_CALLBACK:
		FUZZ_CHECK(m->api.len == 0 && m->id.len == 0 && m->path.len == 0);
		FUZZ_CHECK(m->reference.len > 0);
		len = put(whole, len, m->reference, ".");
		break;
	}
	len = put(whole, len, m->function, "");
	FUZZ_CHECK(pz_slice_eq(text, pz_slice_of(whole, len)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice text = pz_slice_of(data, size);
	struct pz_method m = {.id = {data, 4711}};

	if (pz_method_parse(text, &m) == PZ_OK)
		check(text, &m);
	else
		FUZZ_CHECK(m.id.len == 4711);
	return 0;
}
