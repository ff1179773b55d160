/* Frames: four bytes of little-endian length, then that many bytes of JSON. With the top bit of the
 * length set they carry a channel's bytes instead (page 15). @spec page 4 "Frame", page 14 PRS-2 */
#ifndef PZ_WIRE_FRAME_H
#define PZ_WIRE_FRAME_H

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

/**
 * Looks for one whole frame at the front of the bytes. Copies nothing.
 * @param bytes received and not consumed yet
 * @param frame_max largest body, in bytes
 * @param out_frame header and body, borrowed from bytes; len 0 while the frame is incomplete
 * @param out_need 0 when there is a frame, else how many bytes are missing at least
 * Errors: PROTO_FRAME (length 0, over frame_max, or the top bit set: pz_frame_cut_data), as soon as
 * four bytes are there. Nothing is written on failure.
 * @spec page 4 "Frame"
 */
enum pz_err pz_frame_cut(struct pz_slice bytes, size_t frame_max, struct pz_slice *out_frame,
			 size_t *out_need) PZ_MUST_USE;

/** Header of a channel's frame: the length with the top bit set, and the channel's number. */
#define PZ_DATA_HEADER_BYTES 8
/** A full frame, header included, fills a TLS record. */
#define PZ_DATA_FRAME_BYTES_MAX 16384
#define PZ_DATA_BYTES_MAX (PZ_DATA_FRAME_BYTES_MAX - PZ_DATA_HEADER_BYTES)

/**
 * The same as pz_frame_cut for a channel's frame, whose length has the top bit set.
 * Errors: PROTO_FRAME (no top bit, or less than a byte or more than PZ_DATA_BYTES_MAX of data), as
 * soon as four bytes are there. Nothing is written on failure.
 * @spec page 15 "On the wire"
 */
enum pz_err
pz_frame_cut_data(struct pz_slice bytes, struct pz_slice *out_frame, size_t *out_need) PZ_MUST_USE;

/** The number of the channel and its bytes, borrowed. @param frame of pz_frame_cut_data */
uint32_t pz_frame_data(struct pz_slice frame, struct pz_slice *out_data);

/** Writes the header of a channel's frame. @param data_len 1 to PZ_DATA_BYTES_MAX */
void pz_frame_put_data_header(uint8_t out[PZ_DATA_HEADER_BYTES], uint32_t number, size_t data_len);

/** The body of a frame that pz_frame_cut gave; borrowed; empty for an empty slice. */
struct pz_slice pz_frame_body(struct pz_slice frame);

/**
 * True when each of these whole frames, each with its header, is within a limit.
 * @param frame_max largest body, in bytes
 */
bool pz_frames_fit(struct pz_slice frames, size_t frame_max);

/** Writes a header. @param body_len 1 to PZ_FRAME_BYTES_MAX, the caller has checked it. */
void pz_frame_put_header(uint8_t out[PZ_FRAME_HEADER_BYTES], size_t body_len);

#endif
