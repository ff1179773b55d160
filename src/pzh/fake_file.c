#include "pzh/fake_file.h"

unsigned fake_files_open;

static void
fake_file_end(struct pz_timer *timer, void *arg)
{
	struct fake_file *f = arg;
	struct pz_slice all = pz_buf_slice(f->bytes), none = {0};

	(void)timer;
	if (f->fails) {
		f->done(f->arg, PZ_ERR_IO_FULL, "no space left on device", none);
	} else if (f->is_write) {
		enum pz_err err = pz_buf_append(f->bytes, f->write);
		f->done(f->arg, err, "", none);
	} else {
		size_t len = all.len - f->at < f->part ? all.len - f->at : f->part;
		f->at += len;
		f->done(f->arg, PZ_OK, "", pz_slice_of(all.ptr + f->at - len, len));
	}
}

static void
fake_file_begin(struct pz_file *file, pz_file_done done, void *arg)
{
	struct fake_file *f = PZ_CONTAINER(file, struct fake_file, base);

	f->done = done;
	f->arg = arg;
	pz_env_start(f->env, &f->timer, FAKE_FILE_US);
}

static void
fake_file_read(struct pz_file *file, pz_file_done done, void *arg)
{
	fake_file_begin(file, done, arg);
}

static void
fake_file_write(struct pz_file *file, struct pz_slice bytes, pz_file_done done, void *arg)
{
	struct fake_file *f = PZ_CONTAINER(file, struct fake_file, base);

	f->write = bytes;
	f->is_write = true;
	fake_file_begin(file, done, arg);
}

static void
fake_file_close(struct pz_file *file)
{
	struct fake_file *f = PZ_CONTAINER(file, struct fake_file, base);

	fake_files_open--;
	pz_env_stop(f->env, &f->timer);
	free(f);
}

static const struct pz_file_ops fake_file_ops = {fake_file_read, fake_file_write, fake_file_close};

struct fake_file *
fake_file_new(const struct pz_env *env, struct pz_buf *bytes, size_t part)
{
	struct fake_file *f = calloc(1, sizeof(*f));

	f->base = (struct pz_file){&fake_file_ops, true, true, -1};
	f->env = env;
	f->bytes = bytes;
	f->part = part;
	pz_timer_init(&f->timer, fake_file_end, f);
	fake_files_open++;
	return f;
}
