/* A byte stream below a link: TCP in the daemons, virtual in simulations. */
#ifndef PZ_NET_STREAM_H
#define PZ_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct pz_stream;
struct pz_link;

/** How far a stream's bytes have come. */
struct pz_stream_measure {
	size_t unacked;   /* bytes that send took and the other end has not acknowledged */
	size_t in_flight; /* of them those that are on their way: 0 while the other end has no room
			   */
	uint64_t round_trip_us; /* as the stream measures it; 0: unknown */
};

struct pz_stream_ops {
	/** Takes as many bytes as go out now. Fewer than given: pz_link_on_writable() follows when
	 * there is room. */
	size_t (*send)(struct pz_stream *stream, struct pz_slice bytes);
	/** Starts or stops delivering bytes to the link; they come later, never from inside the
	 * call. */
	void (*set_reading)(struct pz_stream *stream, bool on);
	/** Measures; costs a system call. NULL: all that send took counts as acknowledged. */
	void (*measure)(struct pz_stream *stream, struct pz_stream_measure *out);
	/** Closes; what send took is still delivered if the network can. No call-back comes after
	 * it; the stream frees itself. */
	void (*close)(struct pz_stream *stream);
	/** The same, but sends more bytes first, for PZ_FAREWELL_US at most.
	 * @param rest behind what send took; copied */
	void (*finish)(struct pz_stream *stream, struct pz_slice rest);
};

/** What takes the bytes of a stream without a link: visitors of the local web server. It may stop
 * the reading from inside, and must not close the stream from inside: a timer without delay does.
 */
struct pz_stream_user {
	/** Bytes came in; borrowed. */
	void (*bytes)(void *arg, struct pz_slice bytes);
	/** The stream takes bytes again. */
	void (*writable)(void *arg);
	/** End of the stream, or an error. @param detail one line */
	void (*end)(void *arg, enum pz_err why, const char *detail);
};

/** Base of every stream. `link` is set by the link that uses it, or `user` and `user_arg` by
 * another user; until then the stream does not read. */
struct pz_stream {
	const struct pz_stream_ops *ops;
	struct pz_link *link;
	const struct pz_stream_user *user; /* TCP only */
	void *user_arg;
	bool is_carried; /* by a node that may add bytes of its own, or keep back an end */
};

#endif
