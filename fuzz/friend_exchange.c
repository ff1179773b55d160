/*
 * Target functions: pz_friend_exchange_*: both ends of an invitation that is accepted.
 * Input: lines. A line "h STATUS JSON" gives the inviting hub a message, "g STATUS JSON" the
 * accepting one; any other letter lets the next
 * message arrive that is on its way, "= MEMBER JSON" with one member replaced.
 * Must hold: the end of an exchange comes once; a failure has one line of reason. A friend is
 * stored at an end only when what arrived there was what the other end had sent: nothing that the
 * input makes up proves the secret.
 */
#include "zone.h"

#include "friends/exchange.h"
#include "wire/json.h"

#define MESSAGES_MAX 8

struct end {
	struct pz_friend_self self;
	struct pz_friend_exchange *x;
	struct end *other;
	char *status[MESSAGES_MAX];
	json_t *message[MESSAGES_MAX];
	size_t count;
	bool has_ended, is_stored;
};

static struct pz_key *keys[2];
static struct pz_cert *cas[2];
static struct pz_crl *crls[2];
static struct pz_invitation invitation;
static bool is_open;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct pz_kit_clock clock;

	(void)argc;
	(void)argv;
	fuzz_start();
	fuzz_clock_init(&clock);
	const struct pz_cert_subject subjects[2] = {
		{.zone = FUZZ_ZONE, .host = "hub.example.org"},
		{.zone = FUZZ_FRIEND, .host = "hub.example.net"},
	};
	for (size_t i = 0; i < 2; i++) {
		FUZZ_CHECK(pz_key_generate(NULL, &keys[i], NULL) == PZ_OK);
		FUZZ_CHECK(pz_cert_issue(PZ_CERT_PZH_CA, &subjects[i], keys[i], NULL, keys[i],
					 &clock.env, &cas[i], NULL) == PZ_OK);
		FUZZ_CHECK(pz_crl_issue(cas[i], keys[i], NULL, 0, 1, &clock.env, &crls[i], NULL) ==
			   PZ_OK);
	}
	FUZZ_CHECK(pz_invitation_make(FUZZ_ZONE, cas[0], "hub.example.org", 8040, &clock.env,
				      &invitation) == PZ_OK);
	return 0;
}

static void
on_send(void *arg, const char *status, json_t *message)
{
	struct end *end = arg;

	FUZZ_CHECK(end->count < MESSAGES_MAX);
	end->status[end->count] = strdup(status);
	end->message[end->count++] = json_deep_copy(message);
}

static const struct pz_invitation *
on_invitation(void *arg, const char *id)
{
	(void)arg;
	return is_open && strcmp(id, invitation.id) == 0 ? &invitation : NULL;
}

static enum pz_err
on_verify(void *arg, const struct pz_cert *ca, const char *zone, struct pz_errinfo *info)
{
	(void)arg;
	if (strcmp(zone, FUZZ_ZONE) == 0 && pz_cert_key_matches(ca, keys[0]))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_DENIED_CHAIN, "another hub");
}

static void
on_store(void *arg, struct pz_friend *takes, const char *id)
{
	struct end *end = arg;

	FUZZ_CHECK(!end->is_stored && strcmp(id, invitation.id) == 0);
	/* A message without content that counts, friendAdded, proves nothing and is made up
	 * easily; what was stored was proved before. */
	FUZZ_CHECK(strcmp(takes->zone, end->other->self.zone) == 0);
	FUZZ_CHECK(pz_cert_key_matches(takes->ca, end->other->self.ca_key));
	FUZZ_CHECK(!pz_friend_is_confirmed(takes));
	FUZZ_CHECK(strcmp(takes->display_name, end->other->self.display_name) == 0);
	pz_friend_free(takes);
	end->is_stored = true;
	is_open = false;
	pz_friend_exchange_stored(end->x);
}

static void
on_done(void *arg)
{
	struct end *end = arg;

	FUZZ_CHECK(!end->has_ended && end->is_stored);
	end->has_ended = true;
}

static void
on_failed(void *arg, const char *reason, const char *detail)
{
	struct end *end = arg;

	FUZZ_CHECK(!end->has_ended && reason[0] && detail[0] && strchr(detail, '\n') == NULL);
	end->has_ended = true;
}

static const struct pz_friend_exchange_ops ops = {
	.send = on_send,
	.invitation = on_invitation,
	.verify = on_verify,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

/* The oldest message of the other end. */
static void
deliver(struct end *to, struct pz_slice change)
{
	struct end *from = to->other;
	struct pz_slice member = change;
	const uint8_t *space = memchr(change.ptr, ' ', change.len);

	if (from->count == 0)
		return;
	char *status = from->status[0];
	json_t *message = from->message[0];
	from->count--;
	memmove(from->status, from->status + 1, from->count * sizeof(from->status[0]));
	memmove(from->message, from->message + 1, from->count * sizeof(from->message[0]));
	if (space) {
		member.len = (size_t)(space - change.ptr);
		char *name = fuzz_text(member);
		json_t *value =
			pz_json_parse(pz_slice_of(space + 1, change.len - member.len - 1), NULL);
		if (value)
			json_object_set_new(message, name, value);
		free(name);
	}
	pz_friend_exchange_message(to->x, status, message);
	free(status);
	json_decref(message);
}

static void
make_up(struct end *to, struct pz_slice line)
{
	const uint8_t *space = memchr(line.ptr, ' ', line.len);
	char *status = fuzz_text(space ? pz_slice_of(line.ptr, (size_t)(space - line.ptr)) : line);
	json_t *message =
		space ? pz_json_parse(
				pz_slice_of(space + 1, (size_t)(line.ptr + line.len - space) - 1),
				NULL)
		      : NULL;

	pz_friend_exchange_message(to->x, status, message);
	json_decref(message);
	free(status);
}

static void
end_init(struct end *end, size_t i, struct end *other)
{
	static const char *const names[] = {"Alice", "Bob"};
	static const uint8_t exported[PZ_FRIEND_EXPORTER_BYTES] = {7};

	*end = (struct end){
		.self = {.zone = i ? FUZZ_FRIEND : FUZZ_ZONE,
			 .display_name = names[i],
			 .host = i ? "hub.example.net" : "hub.example.org",
			 .port = 8040,
			 .ca = cas[i],
			 .ca_key = keys[i],
			 .crl = &crls[i]},
		.other = other,
	};
	end->x = i ? pz_friend_exchange_accept(&end->self, &invitation, exported, &ops, end)
		   : pz_friend_exchange_invite(&end->self, exported, &ops, end);
	FUZZ_CHECK(end->x != NULL);
}

static void
end_fini(struct end *end)
{
	for (size_t i = 0; i < end->count; i++) {
		free(end->status[i]);
		json_decref(end->message[i]);
	}
	pz_friend_exchange_free(end->x);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	struct end hub, guest;

	is_open = true;
	end_init(&hub, 0, &guest);
	end_init(&guest, 1, &hub);
	pz_friend_exchange_start(guest.x);
	while (rest.len > 0) {
		struct pz_slice line = fuzz_line(&rest);
		uint8_t letter = fuzz_byte(&line);
		struct end *to = guest.count > 0 ? &hub : &guest;
		if (line.len > 0 && line.ptr[0] == ' ')
			(void)fuzz_byte(&line);
		if (letter == 'h' || letter == 'g')
			make_up(letter == 'h' ? &hub : &guest, line);
		else
			deliver(to, letter == '=' ? line : pz_slice_of("", 0));
	}
	end_fini(&hub);
	end_fini(&guest);
	return 0;
}
