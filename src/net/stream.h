/* A byte stream below a link: TCP in the daemons, virtual in simulations. */
#ifndef PZ_NET_STREAM_H
#define PZ_NET_STREAM_H

#include "base/err.h"
#include "base/slice.h"

struct pz_stream;
struct pz_link;

struct pz_stream_ops {
	/** Takes as many bytes as go out now. Fewer than given: pz_link_on_writable() follows when
	 * there is room. */
	size_t (*send)(struct pz_stream *stream, struct pz_slice bytes);
	/** Starts or stops delivering bytes to the link; they come later, never from inside the
	 * call. */
	void (*set_reading)(struct pz_stream *stream, bool on);
	/** Closes; what send took is still delivered if the network can. No call-back comes after
	 * it; the stream frees itself. */
	void (*close)(struct pz_stream *stream);
};

/** Base of every stream. `link` is set by the link that uses it; until then the stream does not
 * read. */
struct pz_stream {
	const struct pz_stream_ops *ops;
	struct pz_link *link;
};

#endif
