/*
 * The enrolment code: eight digits, 26 bits, that a person types. What protects the code is the
 * small number of attempts, so each attempt is counted before anything is answered.
 *
 * Five attempts from one address are free, each further one doubles the wait of that address;
 * PZ_CODE_TRIES_MAX attempts from all addresses end the code. So an attacker with many addresses
 * has 50 guesses at one of 10^8 codes.
 */
#include "enrol/code.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/timer.h"

/**
 * A digit without bias: the bytes below 250 have each last digit equally often. The loop is bounded
 * only so that a broken random source cannot hang the hub.
 */
static char
draw_digit(const struct pz_env *env)
{
	uint8_t byte = 0;
	for (int tries = 0; tries < 1000; tries++) {
		pz_env_random(env, &byte, 1);
		if (byte < 250)
			break;
	}
	return (char)('0' + byte % 10);
}

void
pz_code_issue(struct pz_code *code, const struct pz_env *env, const char *device, unsigned ttl_s)
{
	pz_code_cancel(code);
	if (ttl_s == 0 || ttl_s > PZ_CODE_TTL_MAX_S)
		ttl_s = PZ_CODE_TTL_MAX_S;
	for (size_t i = 0; i < PZ_CODE_DIGITS; i++)
		code->digits[i] = draw_digit(env);
	if (device)
		snprintf(code->device, sizeof(code->device), "%s", device);
	pz_env_random(env, &code->issue, sizeof(code->issue));
	code->expires_us = pz_env_mono_us(env) + ttl_s * PZ_US_PER_S;
	code->live = true;
}

void
pz_code_cancel(struct pz_code *code)
{
	sodium_memzero(code, sizeof(*code));
}

/** Ends a code but keeps what shows how it ended: its attempts, or else expires_us. */
static void
kill_code(struct pz_code *code)
{
	sodium_memzero(code->digits, sizeof(code->digits));
	code->live = false;
	code->claimed = false;
}

bool
pz_code_is_live(const struct pz_code *code, const struct pz_env *env)
{
	return code->live && pz_env_mono_us(env) < code->expires_us;
}

/* A code that was used up by attempts is reported as such; a cancelled one looks as if it had never
 * existed. */
static enum pz_code_result
why_dead(const struct pz_code *code)
{
	if (code->attempts > PZ_CODE_TRIES_MAX)
		return PZ_CODE_ATTEMPTS;
	return code->expires_us != 0 ? PZ_CODE_EXPIRED : PZ_CODE_NONE;
}

/* There is room: each source except a new one has spent an attempt. */
static struct pz_code_source *
source_of(struct pz_code *code, const char *from)
{
	size_t i = 0;

	while (i < code->source_count &&
	       strncmp(code->sources[i].from, from, sizeof(code->sources[i].from) - 1) != 0)
		i++;
	if (i == code->source_count) {
		code->source_count++;
		snprintf(code->sources[i].from, sizeof(code->sources[i].from), "%s", from);
	}
	return &code->sources[i];
}

/* The shift stays small: the waits double, so one source makes only a few attempts before the code
 * expires (PZ_CODE_TTL_MAX_S). */
static void
count_attempt(struct pz_code_source *source, const struct pz_env *env)
{
	source->attempts++;
	if (source->attempts >= PZ_CODE_ATTEMPTS_MAX)
		source->wait_us = pz_env_mono_us(env) +
				  (PZ_CODE_WAIT_US << (source->attempts - PZ_CODE_ATTEMPTS_MAX));
}

enum pz_code_result
pz_code_spend(struct pz_code *code, const struct pz_env *env, const char *device, const char *from)
{
	if (code->live && !pz_code_is_live(code, env))
		kill_code(code);
	if (!code->live)
		return why_dead(code);
	/* Another attempt must not disturb the device that has already proved the code. */
	if (code->claimed)
		return PZ_CODE_NONE;

	if (code->attempts >= PZ_CODE_TRIES_MAX) {
		code->attempts++;
		kill_code(code);
		return PZ_CODE_ATTEMPTS;
	}
	struct pz_code_source *source = source_of(code, from);
	if (pz_env_mono_us(env) < source->wait_us)
		return PZ_CODE_WAIT;
	code->attempts++;
	count_attempt(source, env);
	if (code->device[0] != '\0' && strcmp(code->device, device) != 0)
		return PZ_CODE_DEVICE;
	return PZ_CODE_OK;
}

void
pz_code_format(const struct pz_code *code, char out[PZ_CODE_DIGITS + 2])
{
	if (code->digits[0] == '\0')
		out[0] = '\0';
	else
		snprintf(out, PZ_CODE_DIGITS + 2, "%.4s-%.4s", code->digits, code->digits + 4);
}

/* As people type it: with or without a dash in the middle, with blanks anywhere. */
enum pz_err
pz_code_parse(const char *text, char out[PZ_CODE_DIGITS + 1])
{
	char digits[PZ_CODE_DIGITS + 1] = {0};
	size_t count = 0;
	bool has_dash = false;
	enum pz_err err = PZ_OK;

	for (const char *at = text; *at != '\0' && err == PZ_OK; at++) {
		if (*at >= '0' && *at <= '9' && count < PZ_CODE_DIGITS)
			digits[count++] = *at;
		else if (*at == '-' && count == PZ_CODE_DIGITS / 2 && !has_dash)
			has_dash = true;
		else if (*at != ' ' && *at != '\t' && *at != '\n' && *at != '\r')
			err = PZ_ERR_CONFIG;
	}
	if (count != PZ_CODE_DIGITS)
		err = PZ_ERR_CONFIG;
	if (err == PZ_OK)
		memcpy(out, digits, sizeof(digits));
	sodium_memzero(digits, sizeof(digits));
	return err;
}
