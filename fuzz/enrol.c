#include "enrol.h"

#include <sodium.h>

#define QUEUE_MAX 8

struct fuzz_enrol fuzz_enrol;
struct pz_key *fuzz_device_key;
struct pz_cert *fuzz_ca, *fuzz_device_ca;
static struct pz_crl *crl;

/* Messages of the honest side that wait for a ">". */
static struct {
	struct {
		char status[32];
		json_t *message;
	} items[QUEUE_MAX];
	size_t head, tail;
} queue;

void
fuzz_queue_put(const char *status, json_t *message)
{
	if (queue.tail == QUEUE_MAX)
		return;
	snprintf(queue.items[queue.tail].status, sizeof(queue.items[0].status), "%s", status);
	queue.items[queue.tail++].message = json_deep_copy(message);
}

void
fuzz_admit(void)
{
	pz_code_cancel(&fuzz_enrol.code);
	pz_enrol_hub_admitted(fuzz_enrol.hub, fuzz_device_ca, fuzz_ca, crl, FUZZ_ZONE,
			      "hub.example.org", 8040);
}

/* Opens a connection: both sides from the beginning. */
static void
open_connection(void)
{
	struct fuzz_enrol *w = &fuzz_enrol;
	char digits[PZ_CODE_DIGITS + 1];
	struct pz_enrol_device_config config = {
		.zone = FUZZ_ZONE,
		.device = FUZZ_DEVICE,
		.display_name = "Alice's laptop",
		.device_type = "laptop",
		.code = digits,
		.ca_key = fuzz_device_key,
		.sid = {1},
		.env = &w->clock.env,
	};

	memcpy(digits, w->code.digits[0] ? w->code.digits : "00000000", sizeof(digits));
	if (!w->is_good)
		digits[7] = digits[7] == '0' ? '1' : '0';
	PZ_KIT_OK(pz_enrol_hub_new(config.sid, &w->clock.env, fuzz_enrol_target.hub_ops, NULL,
				   &w->hub));
	PZ_KIT_OK(
		pz_enrol_device_new(&config, fuzz_enrol_target.device_ops, NULL, &w->device, NULL));
	w->has_ended = false;
	w->shares = w->admissions = w->proofs = w->requests_sent = 0;
}

static void
hang_up(void)
{
	pz_enrol_hub_free(fuzz_enrol.hub);
	pz_enrol_device_free(fuzz_enrol.device);
	for (; queue.head < queue.tail; queue.head++)
		json_decref(queue.items[queue.head].message);
	queue.head = queue.tail = 0;
}

/* Members of `changes` replace those of the message; null takes one away. */
static void
change(json_t *message, json_t *changes)
{
	const char *key;
	json_t *value;

	json_object_foreach (changes, key, value) {
		if (json_is_null(value))
			json_object_del(message, key);
		else
			json_object_set(message, key, value);
	}
}

/* Hands the next honest message, changed, to the target. */
static void
deliver_next(struct pz_slice text)
{
	json_t *changes = pz_json_parse(text, NULL);

	if (queue.head < queue.tail) {
		size_t i = queue.head++;
		json_t *message = queue.items[i].message;
		change(message, changes);
		fuzz_enrol_target.deliver(queue.items[i].status, message);
		json_decref(message);
	}
	if (queue.head == queue.tail)
		queue.head = queue.tail = 0;
	json_decref(changes);
}

/* A message of which nothing is honest: a status, and behind a space its JSON. */
static void
deliver_made_up(struct pz_slice line)
{
	char *text = fuzz_text(line);
	char *space = strchr(text, ' ');
	json_t *message = NULL;

	if (space) {
		*space = '\0';
		message = pz_json_parse(pz_slice_str(space + 1), NULL);
	}
	fuzz_enrol_target.deliver(text, message);
	json_decref(message);
	free(text);
}

static void
act(struct pz_slice line)
{
	char event = line.len > 0 ? (char)line.ptr[0] : '\0';

	switch (event) {
	case '>':
		deliver_next(pz_slice_of(line.ptr + 1, line.len - 1));
		break;
	case '~':
		pz_kit_clock_run(&fuzz_enrol.clock, 10 * PZ_US_PER_S);
		break;
	case 'N':
		hang_up();
		fuzz_enrol_target.again();
		open_connection();
		pz_enrol_device_start(fuzz_enrol.device);
		break;
	default:
		if (!fuzz_enrol_target.act(event))
			deliver_made_up(line);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	FUZZ_CHECK(sodium_init() >= 0);
	fuzz_device_key = fuzz_key("device-key.pem");
	fuzz_ca = fuzz_cert("ca.pem");
	fuzz_device_ca = fuzz_cert("device-ca.pem");
	crl = fuzz_crl("crl.pem");
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);

	memset(&fuzz_enrol, 0, sizeof(fuzz_enrol));
	fuzz_clock_init(&fuzz_enrol.clock);
	fuzz_enrol.is_good = !pz_slice_eq_str(fuzz_line(&rest), "wrong");
	fuzz_enrol.admits = true;
	pz_code_issue(&fuzz_enrol.code, &fuzz_enrol.clock.env, NULL, 600);
	bool is_started = fuzz_enrol_target.begin(size);
	open_connection();
	if (is_started)
		pz_enrol_device_start(fuzz_enrol.device);
	while (rest.len > 0)
		act(fuzz_line(&rest));
	hang_up();
	FUZZ_CHECK(pz_kit_clock_is_idle(&fuzz_enrol.clock));
	return 0;
}
