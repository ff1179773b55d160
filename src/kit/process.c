#include "kit/process.h"

#include <string.h>

#include "kit/check.h"

static char *
join(char *const words[])
{
	char *all = strdup("");

	for (size_t i = 0; words[i]; i++) {
		char *next = NULL;
		PZ_KIT_CHECK(asprintf(&next, "%s%s|", all, words[i]) > 0);
		free(all);
		all = next;
	}
	return all;
}

static void
on_time(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_kit_process_end(arg, -9);
}

static struct pz_process *
on_start(void *ops_arg, char *const argv[], char *const envp[], struct pz_slice stdin_line,
	 const struct pz_process_events *events, void *arg, struct pz_errinfo *info)
{
	struct pz_kit_processes *all = ops_arg;

	if (all->refuses) {
		(void)pz_fail(info, PZ_ERR_IO, "No such file or directory");
		return NULL;
	}
	PZ_KIT_CHECK(all->count < PZ_KIT_PROCESSES_MAX);
	struct pz_process *p = &all->one[all->count++];
	*p = (struct pz_process){.all = all,
				 .argv = join(argv),
				 .envp = join(envp),
				 .line = pz_slice_dup(stdin_line),
				 .events = events,
				 .arg = arg};
	pz_timer_init(&p->ends, on_time, p);
	return p;
}

static void
on_kill(struct pz_process *process)
{
	PZ_KIT_CHECK(!process->has_ended);
	process->is_killed = true;
	process->all->kill_count++;
	if (process->all->env)
		pz_env_start(process->all->env, &process->ends, 0);
}

const struct pz_process_ops pz_kit_process_ops = {.start = on_start, .kill = on_kill};

void
pz_kit_process_out(struct pz_process *process, const char *text)
{
	process->events->out(process->arg, pz_slice_str(text));
}

void
pz_kit_process_err(struct pz_process *process, const char *text)
{
	process->events->err(process->arg, pz_slice_str(text));
}

void
pz_kit_process_end(struct pz_process *process, int status)
{
	process->has_ended = true;
	process->events->exited(process->arg, status);
}

void
pz_kit_processes_fini(struct pz_kit_processes *processes)
{
	for (size_t i = 0; i < processes->count; i++) {
		struct pz_process *p = &processes->one[i];
		PZ_KIT_CHECK(p->has_ended || p->is_killed); /* none is left running */
		if (!p->has_ended)
			pz_kit_process_end(p, -9);
		free(p->argv);
		free(p->envp);
		free(p->line);
	}
	*processes = (struct pz_kit_processes){.env = processes->env};
}
