/* desired.h - what an application should be, from somewhere: for syncctl diff. */
#ifndef SYNCCTL_DESIRED_H
#define SYNCCTL_DESIRED_H

#include "render/answer.h"
#include "syncctl.h"

/* A release that syncd stored, read from its Secrets; works with Git down. */
int desired_stored(struct cluster *c, const struct options *o, const json_t *app,
		   uint32_t release, struct render_answer *ret, struct err *err)
	__attribute__((warn_unused_result));
/*
 * The Secret in which syncd keeps the application's record, small releases and what
 * it kept of rejections (sync/store_codec.h reads them). Owned; NULL.
 */
json_t *desired_record(struct cluster *c, const struct options *o, const json_t *app,
		       struct err *err);
/*
 * The differences between two stored releases: an array of view_change_json(). Owned;
 * NULL and *err when one cannot be read.
 */
json_t *diff_stored(struct cluster *c, const json_t *app, uint32_t from, uint32_t to,
		    const struct options *o, struct err *err);
/* The number of the newest stored release of that commit (or its beginning); 0. */
uint32_t desired_release_of(const json_t *app, const char *revision);
/*
 * Of an application with several sources: the newest stored release of the commits that
 * Git is at; 0.
 */
uint32_t desired_release_of_all(const json_t *app);
/* A folder of this machine, rendered with the application's source options. */
int desired_local(const json_t *app, const char *path, struct render_answer *ret,
		  struct err *err) __attribute__((warn_unused_result));
/* A revision fetched with the user's own Git and credentials. */
int desired_fetched(const json_t *app, const char *revision, struct render_answer *ret,
		    struct err *err) __attribute__((warn_unused_result));

#endif
