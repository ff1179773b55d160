/*
 * Two passes over the queue: the first counts the bytes of props, the second copies those that fit.
 * A queue may be long, but this happens only once, when a link ends.
 */
#include "wire/last_props.h"

#include "wire/envelope.h"
#include "wire/frame.h"

/* The next prop in `*frames`, which moves forward; an empty slice at the end. */
static struct pz_slice
next_prop(struct pz_slice *frames)
{
	struct pz_envelope envelope;
	struct pz_slice frame;
	size_t need;

	while (pz_frame_cut(*frames, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len) {
		*frames = pz_slice_of(frames->ptr + frame.len, frames->len - frame.len);
		if (pz_envelope_scan(pz_frame_body(frame), &envelope) == PZ_OK &&
		    envelope.type == PZ_MESSAGE_PROP)
			return frame;
	}
	return (struct pz_slice){0};
}

enum pz_err
pz_last_props(struct pz_slice frames, struct pz_buf *out)
{
	struct pz_slice rest = frames, prop;
	size_t left = 0;

	while ((prop = next_prop(&rest)).len > 0)
		left += prop.len;
	while ((prop = next_prop(&frames)).len > 0) {
		if (left <= out->max - out->len)
			PZ_TRY(pz_buf_append(out, prop));
		left -= prop.len;
	}
	return PZ_OK;
}
