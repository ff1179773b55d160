/* One measurement of calls: when each was sent, how long it took, what the broker spent on them. */
#ifndef PZ_BENCH_SAMPLE_H
#define PZ_BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** The first `warm` calls are not measured. */
struct sample {
	uint64_t warm, count;
	pid_t broker;  /* whose CPU time counts; 0: nobody's */
	uint64_t next; /* calls sent */
	uint64_t done; /* calls answered */
	uint64_t began_ns, ended_ns;
	double began_cpu_s, ended_cpu_s;
	uint64_t *sent_ns;    /* by call; 0: answered */
	uint32_t *latency_ns; /* of measured calls */
};

void sample_init(struct sample *sample, uint64_t warm, uint64_t count, pid_t broker);
void sample_fini(struct sample *sample);

/** True while there is a call left to send. */
static inline bool
sample_has_more(const struct sample *sample)
{
	return sample->next < sample->warm + sample->count;
}

/** Notes that a call goes out now; returns its number for message_set_id. */
uint64_t sample_send(struct sample *sample);
/** Notes an answer; unknown and repeated numbers are ignored. True: it was the last one. */
bool sample_receive(struct sample *sample, uint64_t id);

/** Prints the figures as one line of JSON. @param request_len body bytes of a request */
void sample_print(struct sample *sample, size_t request_len);

#endif
