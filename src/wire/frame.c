#include "wire/frame.h"

enum pz_err
pz_frame_cut(struct pz_slice bytes, size_t frame_max, struct pz_slice *out_frame, size_t *out_need)
{
	size_t whole = PZ_FRAME_HEADER_BYTES;

	if (bytes.len >= PZ_FRAME_HEADER_BYTES) {
		uint32_t len = (uint32_t)bytes.ptr[0] | (uint32_t)bytes.ptr[1] << 8 |
			       (uint32_t)bytes.ptr[2] << 16 | (uint32_t)bytes.ptr[3] << 24;

		/* Page 4 "Frame": the top bit announces bulk frames, which no version sends yet. */
		if (len == 0 || len > frame_max || len >> 31)
			return PZ_ERR_PROTO_FRAME;
		whole += len;
	}
	if (bytes.len < whole) {
		*out_frame = (struct pz_slice){0};
		*out_need = whole - bytes.len;
		return PZ_OK;
	}
	*out_frame = pz_slice_of(bytes.ptr, whole);
	*out_need = 0;
	return PZ_OK;
}

struct pz_slice
pz_frame_body(struct pz_slice frame)
{
	if (frame.len < PZ_FRAME_HEADER_BYTES)
		return (struct pz_slice){0};
	return pz_slice_of(frame.ptr + PZ_FRAME_HEADER_BYTES, frame.len - PZ_FRAME_HEADER_BYTES);
}

bool
pz_frames_fit(struct pz_slice frames, size_t frame_max)
{
	struct pz_slice frame;
	size_t need;

	while (frames.len > 0) {
		if (pz_frame_cut(frames, frame_max, &frame, &need) != PZ_OK || frame.len == 0)
			return false;
		frames = pz_slice_of(frames.ptr + frame.len, frames.len - frame.len);
	}
	return true;
}

void
pz_frame_put_header(uint8_t out[PZ_FRAME_HEADER_BYTES], size_t body_len)
{
	for (unsigned i = 0; i < PZ_FRAME_HEADER_BYTES; i++)
		out[i] = (uint8_t)(body_len >> (8 * i));
}
