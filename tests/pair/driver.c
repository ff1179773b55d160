/*
 * The arithmetic of src/pair for agree.py: a line of JSON in, a line of JSON out.
 *   in   {"one": {"identity", "info", "k"}, "other": {…}, "exporter"}, numbers in hex
 *   out  {"commit" of one, "digits", "secret", "words" that one signs}
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "pair/digits.h"

static void
read_number(const json_t *object, const char *key, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	const char *hex = json_string_value(json_object_get(object, key));

	if (hex == NULL || pz_hex_decode(pz_slice_str(hex), out, PZ_PAIR_NUMBER_BYTES) != PZ_OK)
		abort();
}

static struct pz_pair_side
read_side(const json_t *object, uint8_t k[PZ_PAIR_NUMBER_BYTES])
{
	const json_t *info = json_object_get(object, "info");

	read_number(object, "k", k);
	return (struct pz_pair_side){
		.identity = json_string_value(json_object_get(object, "identity")),
		.info = pz_slice_of(json_string_value(info), json_string_length(info)),
		.k = k,
	};
}

static json_t *
hex_of(const void *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (hex == NULL)
		abort();
	pz_hex_encode(bytes, len, hex);
	json_t *text = json_string(hex);
	free(hex);
	return text;
}

static json_t *
answer(const json_t *line)
{
	uint8_t k[2][PZ_PAIR_NUMBER_BYTES], exporter[PZ_PAIR_NUMBER_BYTES];
	uint8_t commit[PZ_PAIR_NUMBER_BYTES], secret[PZ_PAIR_NUMBER_BYTES];
	char digits[PZ_PAIR_DIGITS + 1];
	struct pz_buf words;
	const struct pz_pair_both both = {
		.one = read_side(json_object_get(line, "one"), k[0]),
		.other = read_side(json_object_get(line, "other"), k[1]),
		.exporter = exporter,
	};

	read_number(line, "exporter", exporter);
	pz_buf_init(&words, 4 * PZ_PAIR_INFO_BYTES_MAX, NULL);
	if (pz_pair_commit(&both.one, commit) != PZ_OK || pz_pair_digits(&both, digits) != PZ_OK ||
	    pz_pair_secret(&both, secret) != PZ_OK ||
	    pz_pair_proof_words(&both, &both.one, &words) != PZ_OK)
		abort();
	json_t *result =
		json_pack("{s:o, s:s, s:o, s:o}", "commit", hex_of(commit, sizeof(commit)),
			  "digits", digits, "secret", hex_of(secret, sizeof(secret)), "words",
			  hex_of(pz_buf_slice(&words).ptr, pz_buf_slice(&words).len));
	pz_buf_fini(&words);
	return result;
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		json_t *object = json_loads(line, JSON_ALLOW_NUL, NULL);
		json_t *result = answer(object);
		char *text = json_dumps(result, JSON_COMPACT);

		puts(text);
		fflush(stdout);
		free(text);
		json_decref(result);
		json_decref(object);
	}
	free(line);
	return 0;
}
