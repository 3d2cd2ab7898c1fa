/* apiint.h - what the files of the simulated API server share. */
#ifndef SIM_APIINT_H
#define SIM_APIINT_H

#include <jansson.h>

#include "apisim.h"
#include "core/doc.h"
#include "core/mem.h"
#include "simint.h"

/* One served version of a kind. Never freed while the server lives. */
struct api_type {
	char *group, *version, *kind, *plural;
	bool namespaced, has_status, has_generation, preferred;
	bool served;
	bool custom;
	json_t *schema;		/* of a custom kind: openAPIV3Schema, or NULL */
	struct api_type *storage;	/* under which objects of all versions lie */
};

struct api_object {
	char *key;		/* group/plural/ns/name */
	struct api_type *type;	/* the storage's */
	json_t *json;		/* frozen */
};

struct api_change {
	uint64_t rv;
	struct api_type *type;
	json_t *cur, *prev;	/* NULL: deleted, created */
};

struct api_snapshot {
	uint64_t id, rv;
	json_t *items;		/* what is left of a paged list */
	size_t at;
};

struct api_watch {
	struct apisim *api;
	struct api_type *type;
	char *ns, *name, *selector;
	uint64_t next;		/* changes up to this version were given */
	bool bookmarks, initial, initial_sent, attached, over;
	json_t *initial_items;
	uint64_t initial_rv;
	void (*line)(void *arg, const char *data, size_t len);
	void (*end)(void *arg);
	void *arg;
	struct sim_event *timeout, *bookmark;
};

struct api_job {	/* a controller's next look at an object */
	struct apisim *api;
	struct sim_event *event;
	char *key;
};

struct apisim {
	struct sim *sim;
	apisim_log_fn *logs;
	void *logs_arg;
	struct apisim_options options;
	VEC(struct api_type *) types;
	VEC(struct api_object *) objects;	/* sorted by key */
	uint64_t rv, compacted, ips, snapshot_id;
	json_t *groups_told;	/* what discovery tells until lag_until; NULL */
	uint64_t lag_until;
	VEC(struct api_change) history;
	VEC(struct api_watch *) watches;
	VEC(struct api_snapshot) snapshots;
	VEC(struct api_job *) jobs;
	apisim_admit_fn *admit;
	void *admit_arg;
	apisim_deny_fn *deny;
	void *deny_arg;
};

/* ---- apierr.c: refusals ---- */

struct api_status {
	int code;
	const char *reason;
	struct buf msg;
	json_t *details;
	json_t *causes;		/* of an Invalid being collected */
};
#define _cleanup_status_ __attribute__((cleanup(api_status_deinit)))
void api_status_deinit(struct api_status *st);
int api_fail(struct api_status *st, int code, const char *reason,
	     const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* NULL values are left out. */
void api_details(struct api_status *st, const char *name, const char *group,
		 const char *kind);
void api_cause(struct api_status *st, const char *reason, const char *field,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Turns collected causes into a 422; 0 when there are none. */
int api_invalid(struct api_status *st, const struct api_type *t, const char *name);
int api_not_found(struct api_status *st, const struct api_type *t, const char *name);
int api_conflict(struct api_status *st, const struct api_type *t, const char *name,
		 const char *why);
json_t *api_status_json(const struct api_status *st);
void api_answer_status(struct api_answer *r, const struct api_status *st);
void api_answer_json(struct api_answer *r, int status, const json_t *j);

/* ---- apitypes.c, apidisco.c ---- */

void api_types_init(struct apisim *a);
void api_types_deinit(struct apisim *a);
/* Ingresses as extensions/v1beta1 has them: the same objects; once. */
void api_types_add_old(struct apisim *a);
struct api_type *api_type_find(const struct apisim *a, const char *group,
			       const char *version, const char *plural);
struct api_type *api_type_of_kind(const struct apisim *a, const char *api_version,
				  const char *kind);
/* "deployments.apps": the storage type; NULL if unknown. */
struct api_type *api_type_named(const struct apisim *a, const char *resource);
bool api_group_served(const struct apisim *a, const char *group,
		      const char *version);
/* (Un)registers what an Established CRD serves. */
void api_types_from_crd(struct apisim *a, const json_t *crd);
void api_types_drop_crd(struct apisim *a, const json_t *crd);
char *api_version_of(const struct api_type *t);	/* "apps/v1" */
void api_discovery(struct apisim *a, const struct api_request *q,
		   struct api_answer *r);

/* ---- apistore.c ---- */

struct api_object *api_find(const struct apisim *a, const struct api_type *t,
			    const char *ns, const char *name);
char *api_key(const struct api_type *t, const char *ns, const char *name);
struct api_object *api_find_key(const struct apisim *a, const char *key);
/* The first object at or after key: for ranges. */
size_t api_lower_bound(const struct apisim *a, const char *key);
/*
 * Stores a new state (json is taken; resourceVersion is set here), or deletes
 * (json NULL), tells the watches and the controllers.
 */
void api_commit(struct apisim *a, struct api_type *t, const char *ns,
		const char *name, json_t *json);
json_t *api_list_items(const struct apisim *a, const struct api_type *t,
		       const char *ns, const char *name, const char *selector);
/* Does the object match a label selector ("a=b,c!=d,e,!f")? NULL matches all. */
bool api_selected(const json_t *object, const char *selector);
void api_uid(struct apisim *a, char out[40]);
void api_now(const struct apisim *a, char out[32]);
/* The object as version t shows it: a new reference or copy. */
json_t *api_in_version(const struct api_type *t, json_t *object);

/* ---- apiwatch.c ---- */

void api_watch_open(struct apisim *a, const struct api_type *t, const char *ns,
		    const char *query, struct api_answer *r);
void api_watch_change(struct apisim *a, const struct api_change *c);
/* Its version is served no more: so do the watches of it. */
void api_watches_end(struct apisim *a, const struct api_type *t);
void api_watch_free(struct api_watch *w);

/* ---- apischema.c: what a list or map is for ownership ---- */

struct api_pos {
	const struct api_type *type;
	const json_t *crd;	/* schema node, when in a custom kind's schema */
	bool custom, deduced;
	const char *field, *parent;	/* names on the way, of built-in kinds */
};
enum api_shape { SHAPE_LEAF, SHAPE_MAP, SHAPE_LIST_MAP, SHAPE_SET };
struct api_pos api_pos_root(const struct api_type *t);
struct api_pos api_pos_child(const struct api_pos *p, const char *key);
struct api_pos api_pos_item(const struct api_pos *p);
enum api_shape api_pos_shape(const struct api_pos *p, const json_t *value);
/* Is key a field that the schema names (not an entry of a free map)? */
bool api_pos_declared(const struct api_pos *p, const char *key);
/* "k:{...}" or "v:..." of an element; owned by the caller. */
char *api_item_key(const struct api_pos *p, const json_t *item);
/* What server-side apply refuses: undeclared fields, duplicate elements. */
int api_schema_check(const struct api_type *t, const json_t *object, struct buf *why);

/* ---- apifields.c: sets of fields and the three-way walk ---- */

json_t *fields_of(const struct api_pos *p, const json_t *value);
json_t *fields_union(const json_t *a, const json_t *b);
json_t *fields_minus(const json_t *a, const json_t *b);
json_t *fields_and(const json_t *a, const json_t *b);
json_t *fields_named(const struct api_pos *p, const json_t *set);
bool fields_empty(const json_t *set);
void fields_compare(const struct api_pos *p, const json_t *l, const json_t *r,
		    json_t **added, json_t **modified, json_t **removed);
json_t *fields_merge(const struct api_pos *p, const json_t *live,
		     const json_t *config);
json_t *fields_remove(const struct api_pos *p, const json_t *value,
		      const json_t *set);
/* ".spec.containers[name="x"].image" per member. */
void fields_each(const json_t *set, void (*fn)(void *arg, const char *path),
		 void *arg);

/* ---- apissa.c: managedFields ---- */

struct api_owner {
	const char *manager, *sub;
	bool apply;
	const struct api_type *type;	/* the version written through */
	const char *now;
};
/* Merges config into live (NULL: create) and updates ownership. */
int api_ssa(const struct api_owner *o, const json_t *live, const json_t *config,
	    bool force, json_t **out, struct api_status *st);
/* Sets updated's managedFields after a plain write. live NULL: create. */
void api_own_update(const struct api_owner *o, const json_t *live, json_t *updated);

/* ---- apiwrite.c ---- */

enum api_write { WRITE_CREATE, WRITE_REPLACE, WRITE_MERGE, WRITE_APPLY };
struct api_op {
	enum api_write how;
	struct api_type *type;
	const char *ns, *name, *sub;
	const char *manager;
	bool force, dry_run, by_controller;
	const json_t *body;
	/* filled */
	int status;		/* 200 or 201 */
	json_t *out;		/* the object as it is now; owned */
};
int api_write(struct apisim *a, struct api_op *op, struct api_status *st);
/* GET pods/name/log?container=&tailLines=&limitBytes=&previous=. */
int api_pod_log(struct apisim *a, const char *ns, const char *name, const char *query,
		struct api_answer *out, struct api_status *st);
/* The value of a query parameter, unescaped; owned by the caller, or NULL. */
char *api_query_get(const char *query, const char *key);
/* Deletes as DELETE with options would; *out (owned) is the answer's body. */
int api_delete(struct apisim *a, struct api_type *t, const char *ns,
	       const char *name, const json_t *options, bool dry_run,
	       json_t **out, struct api_status *st);
/* A controller's write: merge patch of an object or its status; ignores refusals. */
void api_patch_as(struct apisim *a, const char *manager, struct api_type *t,
		  const char *ns, const char *name, const char *sub, json_t *patch);
void api_remove_finalizer(struct apisim *a, const struct api_object *o,
			  const char *finalizer);

/* ---- apidefault.c, apivalid.c ---- */

void api_default(struct apisim *a, const struct api_type *t, json_t *o,
		 const json_t *old);
int api_validate(const struct apisim *a, const struct api_type *t, const json_t *o,
		 const json_t *old, struct api_status *st);

/* ---- apigc.c, apictl.c: what goes on by itself ---- */

/* Looks at an object again in ms (joins a look that is due earlier). */
void api_look(struct apisim *a, const char *key, uint64_t ms);
void api_looks_deinit(struct apisim *a);
void api_collect(struct apisim *a, struct api_object *o);
void api_orphaned(struct apisim *a, const json_t *gone);
void api_control(struct apisim *a, struct api_object *o);

#endif
