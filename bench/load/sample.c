#include "load/sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/bench.h"
#include "load/message.h"

void
sample_init(struct sample *s, uint64_t warm, uint64_t count, pid_t broker)
{
	*s = (struct sample){.warm = warm ? warm : 1, .count = count, .broker = broker};
	s->sent_ns = bench_alloc(s->warm + count, sizeof(*s->sent_ns));
	s->latency_ns = bench_alloc(count, sizeof(*s->latency_ns));
}

void
sample_fini(struct sample *s)
{
	free(s->sent_ns);
	free(s->latency_ns);
}

uint64_t
sample_send(struct sample *s)
{
	uint64_t i = s->next++;

	s->sent_ns[i] = bench_now_ns();
	return MESSAGE_ID_BASE + i;
}

bool
sample_receive(struct sample *s, uint64_t id)
{
	uint64_t i = id - MESSAGE_ID_BASE, now = bench_now_ns();

	if (i >= s->next || s->sent_ns[i] == 0)
		return false;
	uint64_t took = now - s->sent_ns[i];
	s->sent_ns[i] = 0;
	if (s->done >= s->warm)
		s->latency_ns[s->done - s->warm] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
	s->done++;
	if (s->done == s->warm) {
		s->began_cpu_s = bench_cpu_s(s->broker);
		s->began_ns = bench_now_ns();
	}
	if (s->done < s->warm + s->count)
		return false;
	s->ended_ns = now;
	s->ended_cpu_s = bench_cpu_s(s->broker);
	return true;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

void
sample_print(struct sample *s, size_t request_len)
{
	double calls = (double)s->count;
	double seconds = (double)(s->ended_ns - s->began_ns) * 1e-9;
	double cpu = s->ended_cpu_s - s->began_cpu_s;

	qsort(s->latency_ns, s->count, sizeof(*s->latency_ns), compare);
	printf("{\"calls\":%llu,\"seconds\":%.4f,\"calls_per_s\":%.0f,\"p50_us\":%.2f,"
	       "\"p99_us\":%.2f,\"cpu_s\":%.5f,\"cpu_s_per_100k\":%.4f,\"mb_per_s\":%.1f,"
	       "\"mb_per_cpu_s\":%.1f,\"rss_kib\":%ld}\n",
	       (unsigned long long)s->count, seconds, calls / seconds,
	       s->latency_ns[s->count / 2] / 1e3, s->latency_ns[s->count * 99 / 100] / 1e3, cpu,
	       cpu / calls * 1e5, calls * (double)request_len / 1e6 / seconds,
	       cpu > 0 ? calls * (double)request_len / 1e6 / cpu : 0,
	       bench_status_kib(s->broker, "VmRSS"));
	fflush(stdout);
}
