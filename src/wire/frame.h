/* Frames: four bytes of little-endian length, then that many bytes of JSON. */
#ifndef PZ_WIRE_FRAME_H
#define PZ_WIRE_FRAME_H

#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

/**
 * Looks for one whole frame at the front of the bytes. Copies nothing.
 * @param bytes what has arrived and is not consumed yet
 * @param frame_max largest body, in bytes
 * @param out_frame header and body, borrowed from bytes; len 0 while the frame is incomplete
 * @param out_need 0 when there is a frame, else how many bytes are missing at least
 * Errors: PROTO_FRAME (length 0, over frame_max, or the top bit set: bulk frames are reserved), as
 * soon as four bytes are there. Nothing is written on failure.
 * @spec page 4 "Frame"
 */
enum pz_err pz_frame_cut(struct pz_slice bytes, size_t frame_max, struct pz_slice *out_frame,
			 size_t *out_need) PZ_MUST_USE;

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
