/*
 * Frames (page 4 "Frame", page 15): a length of four bytes, little-endian, then the body. The
 * highest bit of the length marks frames of channels. Bodies are not read; nothing is copied.
 */
#include "wire/frame.h"

#define DATA_BIT UINT32_C(0x80000000)

static uint32_t
read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void
put_u32(uint8_t *p, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> (8 * i));
}

enum pz_err
pz_frame_cut(struct pz_slice bytes, size_t frame_max, struct pz_slice *out_frame, size_t *out_need)
{
	size_t whole = PZ_FRAME_HEADER_BYTES;

	if (bytes.len >= PZ_FRAME_HEADER_BYTES) {
		uint32_t len = read_u32(bytes.ptr);

		/* An empty frame has no meaning; without this check a peer could keep the loop busy
		 * with headers alone. */
		if (len == 0 || len > frame_max || len & DATA_BIT)
			return PZ_ERR_PROTO_FRAME;
		whole += len;
	}
	/* out_need lets a caller read more than the header, and allocate only as much as the
	 * checked length. */
	if (bytes.len < whole) {
		*out_frame = (struct pz_slice){0};
		*out_need = whole - bytes.len;
		return PZ_OK;
	}
	*out_frame = pz_slice_of(bytes.ptr, whole);
	*out_need = 0;
	return PZ_OK;
}

enum pz_err
pz_frame_cut_data(struct pz_slice bytes, struct pz_slice *out_frame, size_t *out_need)
{
	size_t whole = PZ_FRAME_HEADER_BYTES;

	if (bytes.len >= PZ_FRAME_HEADER_BYTES) {
		uint32_t len = read_u32(bytes.ptr);

		whole += len & ~DATA_BIT;
		/* `whole` cannot overflow: it is 31 bits and a header. */
		if (!(len & DATA_BIT) || whole <= PZ_DATA_HEADER_BYTES ||
		    whole > PZ_DATA_FRAME_BYTES_MAX)
			return PZ_ERR_PROTO_FRAME;
	}
	bool is_whole = bytes.len >= whole;
	*out_frame = is_whole ? pz_slice_of(bytes.ptr, whole) : (struct pz_slice){0};
	*out_need = is_whole ? 0 : whole - bytes.len;
	return PZ_OK;
}

uint32_t
pz_frame_data(struct pz_slice frame, struct pz_slice *out_data)
{
	*out_data = pz_slice_of(frame.ptr + PZ_DATA_HEADER_BYTES, frame.len - PZ_DATA_HEADER_BYTES);
	return read_u32(frame.ptr + PZ_FRAME_HEADER_BYTES);
}

void
pz_frame_put_data_header(uint8_t out[PZ_DATA_HEADER_BYTES], uint32_t number, size_t data_len)
{
	put_u32(out,
		DATA_BIT | (uint32_t)(data_len + PZ_DATA_HEADER_BYTES - PZ_FRAME_HEADER_BYTES));
	put_u32(out + PZ_FRAME_HEADER_BYTES, number);
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
	put_u32(out, (uint32_t)body_len);
}
