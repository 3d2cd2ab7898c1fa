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
/*
 * desired_build.c: all sources rendered here, with their options: of each the picked
 * folder, or the picked revision, else the commit that Git was last seen at, fetched
 * with the user's own Git and credentials.
 */
int desired_built(const json_t *app, const struct view_picks *picks,
		  struct render_answer *ret, struct err *err)
	__attribute__((warn_unused_result));

#endif
