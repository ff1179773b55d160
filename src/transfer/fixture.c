#include "transfer/fixture.h"

static void
errand_run(struct pz_timer *timer, void *arg)
{
	struct errand *errand = arg;
	struct pz_work *work = errand->work;

	(void)timer;
	free(errand);
	work->run(work);
	work->done(work);
}

static void
errand_start(void *self, struct pz_work *work)
{
	const struct pz_env *env = self;
	struct errand *errand = calloc(1, sizeof(*errand));

	assert_non_null(errand);
	errand->work = work;
	pz_timer_init(&errand->timer, errand_run, errand);
	pz_env_start(env, &errand->timer, WORK_US);
}

/* ---- the link ---- */

static void
device_send(void *arg, const char *status, json_t *message)
{
	struct device *d = arg;
	struct parcel *parcel = calloc(1, sizeof(*parcel));

	assert_non_null(parcel);
	parcel->status = strdup(status);
	parcel->message = json_deep_copy(message);
	pz_list_append(&d->out, &parcel->node);
}

static void
device_wake(void *arg)
{
	(void)arg;
}

static void
device_offered(void *arg, struct pz_channel *channel, const struct pz_channel_offer *offer)
{
	static const struct pz_channel_ops none;
	struct device *d = arg;

	if (d->ends_all) {
		d->ended++;
		pz_channel_accept(channel, PZ_CHANNEL_WINDOW_BYTES, NULL, &none, NULL);
		pz_channel_close(channel, d->ended % 2 ? "busy" : "lost");
		return;
	}
	pz_transfers_offered(d->transfers, d->other->name, channel, offer);
}

static const struct pz_channels_ops device_channels_ops = {device_send, device_wake,
							   device_offered};

static void
parcel_free(struct parcel *parcel)
{
	pz_list_remove(&parcel->node);
	free(parcel->status);
	json_decref(parcel->message);
	pz_buf_fini(&parcel->frame);
	free(parcel);
}

void
world_cut(struct world *w)
{
	struct device *ends[] = {&w->a, &w->b};

	for (int i = 0; i < 2; i++) {
		PZ_LIST_EACH (&ends[i]->out, n, tmp)
			parcel_free(PZ_CONTAINER(n, struct parcel, node));
		struct pz_channels *channels = PZ_TAKE(ends[i]->channels);
		pz_channels_free(channels);
	}
}

void
world_link(struct world *w)
{
	world_cut(w);
	w->a.channels = pz_channels_new(&w->clock.env, &device_channels_ops, &w->a);
	w->b.channels = pz_channels_new(&w->clock.env, &device_channels_ops, &w->b);
	pz_transfers_route_changed(w->a.transfers, w->b.name, false);
}

/* Frames, then props: as a link flushes. @return true: something was carried */
static bool
carry(struct world *w, struct device *from)
{
	struct device *to = from->other;
	bool is_some = false;

	for (int i = 0; i < 64 && from->channels; i++) {
		struct pz_slice frame = pz_channels_next(from->channels);
		if (frame.len == 0)
			break;
		struct parcel *parcel = calloc(1, sizeof(*parcel));
		assert_non_null(parcel);
		pz_buf_init(&parcel->frame, frame.len, NULL);
		assert_ok(pz_buf_append(&parcel->frame, frame));
		pz_list_append(&from->out, &parcel->node);
		pz_channels_sent(from->channels);
	}
	if (from->channels)
		pz_channels_flushed(from->channels);
	while (from->channels && !pz_list_is_empty(&from->out)) {
		struct parcel *parcel =
			PZ_CONTAINER(pz_list_first(&from->out), struct parcel, node);
		enum pz_err err = PZ_OK;
		pz_list_remove(&parcel->node);
		is_some = true;
		if (parcel->status)
			(void)pz_channels_on_prop(to->channels, parcel->status, parcel->message,
						  &err);
		else
			err = pz_channels_on_frame(to->channels, pz_buf_slice(&parcel->frame));
		w->frames += parcel->status == NULL;
		w->broken = w->broken ? w->broken : err;
		parcel_free(parcel);
		if (w->stop_at && w->frames >= w->stop_at) {
			w->stop_at = 0;
			world_cut(w);
		}
	}
	return is_some;
}

void
world_turn(void *arg)
{
	struct world *w = arg;
	bool is_some;

	do {
		is_some = carry(w, &w->a);
		is_some = carry(w, &w->b) || is_some; /* both, in each round */
	} while (is_some);
}

void
world_run(struct world *w, uint64_t us)
{
	uint64_t until = w->clock.now_us + us, idle_us = 0;

	/* The link carries what there is once a millisecond; until the next timer there is nothing.
	 */
	while (w->clock.now_us < until) {
		pz_kit_clock_run(&w->clock, idle_us + 1000);
		world_turn(w);
		uint64_t due = pz_timers_next_us(&w->clock.timers);
		due = due < until ? due : until;
		idle_us = due > w->clock.now_us ? (due - w->clock.now_us - 1) / 1000 * 1000 : 0;
	}
}

/* ---- the owner ---- */

static struct pz_channels *
device_channels(void *arg, const char *device)
{
	struct device *d = arg;

	assert_string_equal(device, d->other->name);
	return d->channels;
}

static void
device_look(void *arg, const char *device)
{
	struct device *d = arg;

	(void)device;
	d->looks++;
	d->is_looking = d->takes_long;
}

static bool
device_is_looking(void *arg, const char *device)
{
	(void)device;
	return ((struct device *)arg)->is_looking;
}

static void
device_want(void *arg, const char *device, bool on)
{
	(void)device;
	((struct device *)arg)->wanted += on ? 1 : -1;
}

static void
device_why_unreachable(void *arg, const char *device, char *out, size_t size)
{
	(void)arg;
	snprintf(out, size, "%s is away", device);
}

static enum pz_err
device_find(void *arg, const char *text, char out[PZ_ADDRESS_BYTES_MAX + 1],
	    struct pz_errinfo *info)
{
	const struct device *d = arg;

	if (strcmp(text, d->other->name) != 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "there is no device '%s'", text);
	snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", text);
	return PZ_OK;
}

static void
device_address(void *arg, const char *device, char out[PZ_ADDRESS_BYTES_MAX + 1])
{
	const struct device *d = arg;

	if (strchr(device, '/'))
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "%s", device);
	else
		snprintf(out, PZ_ADDRESS_BYTES_MAX + 1, "a@b.c/%s", device[0] ? device : d->name);
}

static bool
device_is_known(void *arg, const char *device)
{
	(void)device;
	return !((struct device *)arg)->has_ended;
}

static enum pz_transfer_permit
device_judge(void *arg, const char *device, uint64_t ticket)
{
	struct device *d = arg;

	assert_string_equal(device, d->other->name);
	d->judged++;
	d->ticket = ticket;
	if (d->asks)
		return PZ_TRANSFER_WAITS;
	return d->refuses ? PZ_TRANSFER_DENIED : PZ_TRANSFER_PERMITTED;
}

static void
device_judge_over(void *arg, uint64_t ticket)
{
	struct device *d = arg;

	assert_int_equal(ticket, d->ticket);
	d->over++;
}

static bool
device_may_go_on(void *arg, const char *device)
{
	const struct device *d = arg;

	assert_string_equal(device, d->other->name);
	return !d->refuses;
}

static struct pz_transfers_inbox
device_inbox(void *arg)
{
	const struct device *d = arg;

	return (struct pz_transfers_inbox){.directory = d->inbox, .by_sender = d->by_sender};
}

static const struct pz_transfers_ops device_ops = {
	.channels = device_channels,
	.look = device_look,
	.is_looking = device_is_looking,
	.want = device_want,
	.why_unreachable = device_why_unreachable,
	.find = device_find,
	.is_known = device_is_known,
	.address = device_address,
	.judge = device_judge,
	.judge_over = device_judge_over,
	.may_go_on = device_may_go_on,
	.inbox = device_inbox,
};

/* ---- commands ---- */

static void
device_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct device *d = arg;

	d->ends++;
	d->err = err;
	snprintf(d->detail, sizeof(d->detail), "%s", detail);
	json_decref(d->result);
	d->result = json_incref(result);
}

static void
device_event(void *arg, json_t *event)
{
	struct device *d = arg;
	const char *waiting = json_string_value(json_object_get(event, "waiting"));
	const char *problem = json_string_value(json_object_get(event, "problem"));

	if (waiting)
		snprintf(d->waiting, sizeof(d->waiting), "%s", waiting);
	if (problem)
		snprintf(d->problem, sizeof(d->problem), "%s", problem);
	if (waiting || problem)
		return;
	if (!d->has_event)
		d->first_sent = (uint64_t)json_integer_value(json_object_get(event, "sent"));
	d->has_event = true;
}

static const struct pz_reply device_reply = {.done = device_done, .event = device_event};

static void
file_close(struct pz_file *file)
{
	close(file->fd);
	free(file);
}

static const struct pz_file_ops file_ops = {.close = file_close};

struct pz_request *
device_sends(struct device *d, const char *path, json_t *takes_params)
{
	struct pz_request *request = pz_request_new(&d->requests, takes_params, &device_reply, d);

	json_decref(takes_params);
	d->has_event = false;
	d->waiting[0] = d->problem[0] = '\0';
	struct pz_file *file = calloc(1, sizeof(*file));
	assert_non_null(file);
	*file = (struct pz_file){&file_ops, true, false, open(path, O_RDONLY | O_CLOEXEC)};
	assert_true(file->fd >= 0);
	pz_request_set_file(request, file);
	pz_transfers_send(d->transfers, request);
	return request;
}

void
device_lists(struct device *d)
{
	struct pz_request *request = pz_request_new(&d->requests, NULL, &device_reply, d);

	pz_transfers_list(d->transfers, request);
	pz_requests_report(&d->requests);
}

json_t *
to_b(const char *name)
{
	return json_pack("{s:s, s:s, s:s}", "device", "b", "name", name, "id", name);
}

/* ---- life ---- */

static void
device_start(struct device *d)
{
	struct pz_errinfo info = {""};

	d->store = pz_store_new_memory(&d->world->clock.env, d->disk, COMMIT_US);
	const struct pz_transfers_config config = {
		.env = &d->world->clock.env,
		.workers = &d->workers,
		.parts = pz_disk_parts(&d->workers),
		.store = d->store,
		.conditions = d->conditions,
		.ops = &device_ops,
		.arg = d,
	};

	assert_ok(pz_transfers_new(&config, &d->transfers, &info));
}

static void
device_init(struct world *w, struct device *d, struct device *other, const char *name)
{
	d->world = w;
	d->other = other;
	d->name = name;
	snprintf(d->inbox, sizeof(d->inbox), "%s/%s/inbox", w->dir.path, name);
	d->workers = (struct pz_workers){errand_start, &w->clock.env};
	d->disk = pz_memory_disk_new();
	d->conditions = pz_conditions_new(&w->clock.env);
	pz_list_init(&d->out);
	pz_requests_init(&d->requests, &w->clock.env, d);
	device_start(d);
}

void
world_init(struct world *w)
{
	*w = (struct world){.stop_at = 0};
	pz_kit_clock_init(&w->clock);
	pz_kit_dir_init(&w->dir, "file");
	w->clock.turn = world_turn;
	w->clock.turn_arg = w;
	device_init(w, &w->a, &w->b, "a");
	device_init(w, &w->b, &w->a, "b");
	world_link(w);
}

static void
device_fini(struct device *d)
{
	pz_requests_fini(&d->requests);
	pz_transfers_free(d->transfers);
	pz_store_free(d->store);
	pz_memory_disk_free(d->disk);
	pz_conditions_free(d->conditions);
	json_decref(d->result);
}

void
world_fini(struct world *w)
{
	world_cut(w);
	device_fini(&w->a);
	device_fini(&w->b);
	assert_int_equal(w->a.wanted, 0);
	assert_int_equal(w->broken, PZ_OK);
	pz_kit_clock_run(&w->clock, PZ_US_PER_S); /* work that is still under way */
	assert_true(pz_kit_clock_is_idle(&w->clock));
	pz_kit_dir_fini(&w->dir);
}

void
device_restart(struct device *d)
{
	world_cut(d->world);
	pz_requests_fini(&d->requests);
	pz_requests_init(&d->requests, &d->world->clock.env, d);
	pz_transfers_free(d->transfers);
	pz_store_free(d->store);
	device_start(d);
	world_link(d->world);
}

/* ---- files ---- */

void
world_file(struct world *w, size_t len, char first)
{
	FILE *file = fopen(w->dir.file, "we");

	assert_non_null(file);
	for (size_t i = 0; i < len; i++)
		fputc(i ? (int)((i * 7 + i / 251) & 0xff) : first, file);
	assert_int_equal(fclose(file), 0);
}

bool
is_received(const struct world *w, const char *name)
{
	char path[256];
	int x, y = 0;

	snprintf(path, sizeof(path), "%s/%s", w->b.inbox, name);
	FILE *one = fopen(w->dir.file, "re"), *two = fopen(path, "re");
	if (one == NULL || two == NULL)
		y = -2;
	while (y >= 0 && (x = fgetc(one)) == (y = fgetc(two)) && x >= 0)
		;
	bool is_same = one && two && feof(one) && feof(two);
	if (one)
		fclose(one);
	if (two)
		fclose(two);
	return is_same;
}

size_t
count_in(const struct world *w, const char *below)
{
	char path[256];
	size_t count = 0;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "%s/%s", w->b.inbox, below);
	DIR *dir = opendir(path);
	while (dir && (entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	return count;
}
