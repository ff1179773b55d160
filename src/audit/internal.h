/* Inside audit/ only. */
#ifndef PZ_AUDIT_INTERNAL_H
#define PZ_AUDIT_INTERNAL_H

#include "audit/audit.h"
#include "base/buf.h"

#define PZ_AUDIT_SPACE "audit" /* "head", and one record for each segment */
#define PZ_AUDIT_HEAD_KEY "head"
#define PZ_AUDIT_NAME_BYTES 32 /* of a space or key with a number */

/* A segment: records that are removed together. */
struct pz_audit_segment {
	uint64_t number;
	uint64_t first;                      /* number of its first record */
	uint8_t before[PZ_AUDIT_HASH_BYTES]; /* hash of the record before that */
	uint64_t bytes;                      /* of its lines */
	uint64_t began_ms, last_ms;          /* wall clock of its first and latest commit */
};

struct pz_audit_head {
	uint64_t n; /* number of the last record; 0: no record yet */
	uint8_t hash[PZ_AUDIT_HASH_BYTES];
};

/* A running commit. */
struct pz_audit_flight {
	struct pz_audit *audit; /* NULL: it has gone */
	size_t bytes, records;  /* of the queue */
	size_t removed;         /* segments */
	struct pz_audit_head head;
	struct pz_audit_segment segment; /* that the records go to, with them */
};

/* What comes behind the time in records that are equal but for number and time. */
struct pz_audit_same {
	uint64_t same; /* see pz_audit_entry; 0: free */
	size_t len;
	char *text; /* owned */
};

struct pz_audit {
	struct pz_audit_config config;
	struct pz_audit_same sames[PZ_AUDIT_SAMES]; /* by number */
	unsigned days;
	uint64_t bytes_max;
	struct pz_buf queue;               /* lines that are not on disk, in order */
	size_t queued;                     /* records in it */
	struct pz_audit_head last;         /* last record in the queue */
	struct pz_audit_head stored;       /* the same on disk */
	uint64_t lost;                     /* records since the last one that found room */
	struct pz_audit_segment *segments; /* on disk, in order */
	size_t segment_count, segment_cap;
	size_t removing;   /* segments that the next commit removes: a record notes it */
	uint64_t removals; /* so far */
	struct pz_audit_flight *flight; /* the latest one */
	/* Where the queue goes: it stays until a commit has succeeded, so that a later commit
	 * writes the same block, with more in it. */
	struct pz_audit_segment target;
	bool has_target, is_target_new;
	struct pz_timer save, look, calm; /* look: for age; calm: after a loss */
	bool is_behind;                   /* the last commit has failed */
	bool is_paused;                   /* the log is being removed */
	bool is_fresh_next;               /* the next commit begins a segment */
};

/* ---- line.c ---- */
/** Which record it is, and how a decision is written. A line: body, `,"hash":"`, 64 digits, `"}`
 * and a newline. */
struct pz_audit_line {
	size_t len; /* with the newline */
	char text[PZ_AUDIT_RECORD_BYTES_MAX];
};
/** The line of a decision. @param head of the record before; of this one afterwards
 * @return false: it is too long, and the head is as before */
bool pz_audit_line_entry(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
			 const struct pz_audit_entry *entry);
/** The same with what the line of an equal decision has behind its time. */
bool pz_audit_line_again(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
			 struct pz_slice rest);
/** What a line of a decision has behind its time, borrowed. */
struct pz_slice pz_audit_line_rest(const struct pz_audit_line *line);
/** The line of what happened to the log itself. @param event a word; @param name,number one member
 * beside it; @param hash another one, "digest"; NULL: none */
bool pz_audit_line_event(struct pz_audit_line *line, struct pz_audit_head *head, uint64_t time_ms,
			 const char *event, const char *name, uint64_t number, const uint8_t *hash);
/** Cuts the first line off. @param rest the remaining text; @param out without the newline
 * @return false: nothing is left */
bool pz_audit_line_next(struct pz_slice *rest, struct pz_slice *out);
/** Number and hash that a line says it has. @return false: it is no record */
bool pz_audit_line_head(struct pz_slice line, struct pz_audit_head *out);
/** Whether the hash of a line is that of its body behind `before`. */
bool pz_audit_line_holds(struct pz_slice line, const uint8_t before[PZ_AUDIT_HASH_BYTES]);

/* ---- queue.c ---- */
/** True when there is room for a record of `len` bytes. */
bool pz_audit_has_room(const struct pz_audit *audit, size_t len);
/** Appends a record. @param head of it @return false: there is no room, or no memory */
bool pz_audit_enqueue(struct pz_audit *audit, const struct pz_audit_line *line,
		      const struct pz_audit_head *head);
/** Puts the record of an event of the log itself into the queue, also into a full one. */
void pz_audit_note(struct pz_audit *audit, const char *event, const char *name, uint64_t number,
		   const uint8_t *hash);
/** Puts the record of a gap into the queue, if there is one. @param is_sure also when it is full */
void pz_audit_note_gap(struct pz_audit *audit, bool is_sure);

/* ---- save.c ---- */
/** Writes waiting records, unless a commit is running. */
void pz_audit_save(struct pz_audit *audit);
/** Writes waiting records, for the last time: also while a commit is running. */
void pz_audit_save_last(struct pz_audit *audit);
/** Removes expired records. */
void pz_audit_look(struct pz_audit *audit);
/** Room for one more segment. Errors: LIMIT_MEMORY. */
enum pz_err pz_audit_reserve(struct pz_audit *audit) PZ_MUST_USE;
/** Name of a segment's space. */
void pz_audit_segment_space(uint64_t number, char out[PZ_AUDIT_NAME_BYTES]);
/** Key of a segment's record in PZ_AUDIT_SPACE. */
void pz_audit_segment_key(uint64_t number, char out[PZ_AUDIT_NAME_BYTES]);

/* ---- check.c ---- */
/** Notes the first problem. */
void PZ_PRINTF(2, 3) pz_audit_check_found(struct pz_audit_check *check, const char *fmt, ...);
/** Checks the next record by its number and its hash. */
void pz_audit_check_line(struct pz_audit_check *check, struct pz_slice line);
/** Notes what a record reports about the log itself. */
void pz_audit_check_event(struct pz_audit_check *check, struct pz_slice line);

/* ---- load.c ---- */
/** Reads head and segments. Errors: IO, LIMIT_MEMORY. */
enum pz_err pz_audit_load(struct pz_audit *audit, struct pz_errinfo *info) PZ_MUST_USE;
/** Calls `each` for each line of a segment, in order. Errors: IO; that of `each`. */
enum pz_err pz_audit_load_lines(struct pz_audit *audit, uint64_t segment,
				enum pz_err (*each)(void *arg, struct pz_slice line), void *arg,
				struct pz_errinfo *info) PZ_MUST_USE;

#endif
