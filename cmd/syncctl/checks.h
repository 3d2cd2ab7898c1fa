/*
 * checks.h - what is wrong with what a tree deploys: rules, findings and how they are
 * told to people and machines. Pure.
 *
 * A rule is a row of `rules` and, where it judges one object, a function. Its id is
 * what annotations silence it by and what code scanning knows it by: ids stay.
 */
#ifndef SYNCCTL_CHECKS_H
#define SYNCCTL_CHECKS_H

#include "core/doc.h"
#include "core/files.h"
#include "core/mem.h"
#include "core/node.h"
#include "render/answer.h"
#include "survey.h"
#include "views.h"

#define LINT_IGNORE "syncd.dev/lint-ignore"	/* annotation: "rule,rule" */

enum level { LEVEL_NOTE, LEVEL_WARNING, LEVEL_ERROR };
const char *level_text(enum level level);	/* "note", "warning", "error" */

enum rule {
	RULE_BUILD,		/* does not render */
	RULE_APPLICATION,	/* one that syncd would refuse */
	RULE_APPLICATION_WARNING,	/* something in it does nothing */
	RULE_PROJECT, RULE_PROJECT_WARNING,	/* the same of an AppProject */
	RULE_CONTROL,		/* its deploy-control file cannot be used */
	RULE_RENDER_WARNING,
	RULE_NOT_CHECKED, RULE_NOTHING_CHECKED,
	RULE_IMAGE_TAG, RULE_IMAGE_LATEST, RULE_REQUESTS, RULE_SECRET,
	RULE_NAME,		/* a name that no API server takes */
	RULE_SCHEMA_KIND, RULE_SCHEMA_UNKNOWN, RULE_SCHEMA_TYPE, RULE_SCHEMA_REQUIRED,
	RULE_SCHEMA_ENUM,
	RULE_WEBHOOK,		/* asked before what answers is there */
	RULE_IGNORE,		/* silences a rule that does not exist */
	RULE_N
};

/* --- a place in an object (check_field.c) -------------------------------------- */

/* Frames on the callers' stack, from the leaf up. */
struct field {
	const struct field *up;	/* NULL: this is the object itself */
	const char *key;	/* in a map; NULL: an item of a list */
	size_t index;		/* in the list */
	const char *name;	/* of the item, where it has one; NULL */
	const json_t *value;	/* what is there; NULL: it is missing */
};
/* "spec.containers[web].image"; "" for the object. */
void field_text(const struct field *f, struct buf *out);
/*
 * The way back, as far as the object goes: of "spec.sources[1].path: what" the path that
 * a message begins with. steps[0] is the object; the last one that is filled in is
 * returned. Keys are cut out of copy, which is the text once more.
 */
#define FIELD_STEPS_MAX 32
const struct field *field_parse(const json_t *object, char *copy,
				struct field steps[FIELD_STEPS_MAX]);

/* --- one object under check ----------------------------------------------------- */

struct check {
	const json_t *object;
	/* Told of each finding; message is borrowed. */
	void (*found)(struct check *c, enum rule rule, const struct field *at,
		      const char *message);
	void *arg;
};
void check_tell(struct check *c, enum rule rule, const struct field *at,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));

struct rule_info {
	const char *id;
	enum level level;
	const char *title;	/* what is wrong, in a few words */
	const char *help;	/* why it matters, and what to do */
	void (*fn)(struct check *c);	/* NULL: found elsewhere */
};
extern const struct rule_info rules[RULE_N];
/* check_lint.c: one each. */
void lint_image_tag(struct check *c);
void lint_image_latest(struct check *c);
void lint_requests(struct check *c);
void lint_secret(struct check *c);
/* check_name.c */
void check_name(struct check *c);
/*
 * check_webhook.c: a webhook configuration that is applied in this wave, by what goes out
 * with it.
 */
void check_webhook_wave(struct check *c, struct render_bodies *bodies, int wave);
/* Does a Secret's value only stand for one? */
bool lint_is_placeholder(const char *value);
/* RULE_N: there is none of that id. */
enum rule rule_find(const char *id, size_t len);

/* --- where it stands in its file (check_place.c) --------------------------------- */

struct place_row {
	const struct node *object;
	size_t order;		/* a List before its items */
};

struct places {
	struct files *files;	/* borrowed */
	/* private: the file that was read last */
	char *path;
	struct arena arena;
	VEC(struct place_row) rows;	/* its objects, by line */
};
void places_init(struct places *p, struct files *files);
void places_deinit(struct places *p);
/*
 * The line of the field, or of what is nearest above it, of the object that begins at
 * object_line. false: the file says another value than the object has, or none.
 */
bool places_find(struct places *p, const char *path, unsigned object_line,
		 const struct field *at, unsigned *ret_line);

/* --- findings (check_findings.c) ------------------------------------------------- */

#define FINDINGS_MAX 5000	/* told; as many as code scanning shows */
#define FINDINGS_SEEN_MAX 100000	/* known again; what comes behind counts each time */

/* One that is found; texts are borrowed, NULL is "". */
struct found {
	enum rule rule;
	const char *file;	/* from the repository's root; "" if none */
	unsigned line;		/* from 1 */
	const char *object, *field;	/* "Deployment/web"; "" if none */
	const char *message;
	const char *unit;	/* what deploys it; "" if nothing does */
	bool silenced;		/* by an annotation */
};

struct finding {
	enum rule rule;
	enum level level;
	char *file;
	unsigned line;
	char *object, *field;
	char *message;
	char *units;		/* what deploys it: "a, b and 3 more" */
	size_t n_units;
	/* private */
	char *last_unit;
	struct seen_finding *seen;
};

/*
 * Each is told once, whatever number of units deploys it. Where there are more than
 * FINDINGS_MAX an error takes the place of a warning, and a warning that of a note;
 * all are counted.
 */
struct findings {
	VEC(struct finding) list;
	size_t total[LEVEL_ERROR + 1];	/* of each level, told or not */
	size_t left_out;	/* not told */
	size_t silenced;
	bool strict;		/* warnings are errors */
	/* private */
	size_t kept[LEVEL_ERROR + 1];	/* of each level in the list */
	struct seen_finding *seen;
	VEC(char *) bad;	/* units with errors */
};
void findings_add(struct findings *f, const struct found *what);
/* Nothing of that rule will be told any more, so that its place need not be looked for. */
bool findings_is_full(const struct findings *f, enum rule rule);
/* One more than are told. */
void findings_leave_out(struct findings *f, enum rule rule, const char *unit);
/* Sorts them by place. */
void findings_close(struct findings *f);
/* With those that are not told. */
size_t findings_count(const struct findings *f, enum level level);
/* "only 5000 of 7000 findings are shown..."; NULL where all are. Owned. */
char *findings_left_out_text(const struct findings *f);
void findings_deinit(struct findings *f);
/* --- messages that name files (check_message.c) ----------------------------------- */

/* Where a message of a render says that it is. */
struct message_place {
	char *file;		/* owned */
	unsigned line;		/* from 1 */
	const char *rest;	/* of the message, without the place that it begins with */
};
/*
 * Looks for the first file that the unit's render asked for, or its own; with ":12",
 * ": line 12" or ": byte 12" behind it. What begins like "path:12: " is taken for a file
 * in any case. false: it names none, and nothing is set.
 */
bool message_place(const char *message, const struct unit *u, struct files *files,
		   struct message_place *ret);

/* --- what was looked at (check_survey.c, check_apps.c, check_objects.c) ------------ */

/* What the units themselves say: that they fail, that they were not checked. */
void findings_of_units(struct findings *f, const struct survey *s);
/* What admission would say of each Application and AppProject. */
void findings_of_apps(struct findings *f, const struct survey *s);
/*
 * What the rules find in what goes out, and with a schema what does not fit it.
 * ERR_INTERNAL: an answer is damaged.
 */
struct schema;
int findings_of_objects(struct findings *f, const struct survey *s,
			const struct schema *schema, struct err *err)
	__attribute__((warn_unused_result));
/* Adds the custom kinds that the units bring to the schema. */
int schema_of_units(struct schema *schema, const struct survey *s, struct err *err)
	__attribute__((warn_unused_result));
/* A row for each unit: {kind, path, name, state, objects, messages}. Owned. */
json_t *units_json(const struct survey *s);

/* --- telling (check_print.c, check_sarif.c) --------------------------------------- */

struct report_counts {
	size_t apps, projects, kustomizations, objects, skipped;
};
void report_count(const struct survey *s, struct report_counts *ret);
/* A line each, as compilers have them, and a last one that sums up. */
void findings_text(const struct findings *f, const struct report_counts *n,
		   const struct view_env *env, struct buf *out);
/* The units with errors, by name, a line each. */
void findings_names(const struct findings *f, const struct survey *s, struct buf *out);
/* Workflow commands of GitHub Actions: ::error file=,line=,title=::message */
void findings_github(const struct findings *f, struct buf *out);
json_t *findings_json(const struct findings *f);	/* an array; owned */
/* SARIF 2.1.0 (OASIS), one run; owned. */
json_t *findings_sarif(const struct findings *f, const char *version);

#endif
