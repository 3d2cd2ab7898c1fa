/* admission_priv.h - what the files that judge a review share. */
#ifndef SYNC_ADMISSION_PRIV_H
#define SYNC_ADMISSION_PRIV_H

#include "core/mem.h"
#include "sync/admission.h"

#define ADMISSION_MESSAGES 64	/* of each list; more are only counted */

struct admission_list {
	VEC(char *) list;
	size_t left_out;
};

/* What is to be said of an object. Each message begins with its field's path. */
struct admission_findings {
	struct admission_list errors, warnings;
};

void admission_say(struct admission_list *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void admission_findings_deinit(struct admission_findings *f);

/* admission_fields.c: what is not known is an error, what is unused a warning. */
void admission_app_fields(const json_t *spec, struct admission_findings *f);
void admission_project_fields(const json_t *spec, struct admission_findings *f);

/* admission_app.c */
void admission_app(const json_t *app, const struct app_defaults *defaults,
		   struct admission_findings *f);
/* What the project says of it; nothing while the Application has errors of its own. */
void admission_app_fence(const struct admission *a, const struct admission_context *c,
			 struct admission_findings *f);

/* admission_project.c */
void admission_project(const json_t *object, struct admission_findings *f);

#endif
