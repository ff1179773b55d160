/* For the tests of migration.c: a zone with devices, its archive, and another hub to bring it to.
 */
#ifndef PZ_ARCHIVE_MIGRATION_FIXTURE_H
#define PZ_ARCHIVE_MIGRATION_FIXTURE_H

#include "kit/test.h"

#include <sodium.h>

#include "archive/migration.h"
#include "kit/authority.h"
#include "record/record.h"
#include "shared/shared.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST

#define LINES 9 /* zone, list, four members, two things that devices share, end */
#define WATCH 5
#define SHARED 6

extern struct pz_kit_world w, target; /* former and new hub */
extern struct pz_authority *zone;
extern uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];

struct pz_authority *new_zone(const char *name);

struct pz_shared *shared_of(struct pz_kit_world *at);

void share(void);

int set_up(void **state);

int tear_down(void **state);

/* ---- archives, and what is in them ---- */

struct pz_buf exported(const struct pz_authority *a, uint16_t port);

/* The content as text, which the caller frees. */
char *content_of(const struct pz_buf *archive);

/* The lines of a good archive of our zone, to be changed and sealed again. */
void good_lines(json_t *out[LINES]);

struct pz_buf sealed(const char *content);

extern struct pz_migration *migration;

/* Reads it all. What was read stays in `migration` on success. */
enum pz_err try_read(const struct pz_buf *archive);

void free_lines(json_t *lines[LINES]);

/* Frees the lines. */
void refuse_lines(json_t *lines[LINES], enum pz_err expected, const char *word);

/* One member of one line is changed, or removed (NULL). */
void
refuse(size_t line, const char *name, json_t *takes_value, enum pz_err expected, const char *word);

/* Imports into the new hub, which is then started again. */
struct pz_authority *imported(const struct pz_buf *archive, const char *host, uint16_t port);

#endif
