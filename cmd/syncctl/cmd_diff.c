/*
 * syncctl diff APP: what a sync would change. Each wanted object is applied as a dry
 * run by the server, with the user's rights, and compared with what is there; what is
 * there and not wanted would be deleted. With --release two stored releases are compared
 * with each other, which needs no cluster but their Secrets. What argocd-cm excludes is left
 * out of both.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "desired.h"
#include "diffing.h"
#include "excluded.h"
#include "sync/draw.h"

static void answer_deinit(struct render_answer *a)
{
	render_answer_deinit(a);
}

/* ---- against the cluster ---- */

/* What it would be; where it cannot be asked (its namespace or kind is new): itself. */
static json_t *would_be(struct cluster *c, const struct kube_ref *ref,
			const json_t *body, struct err *err)
{
	json_t *after = cluster_apply(c, ref, body, true, err);

	if (after || err->code != ERR_NOTFOUND)
		return after;
	*err = ERR_INIT;
	return json_deep_copy(body);
}

/*
 * What it takes from another Secret when it is sent is what it has there already: syncd
 * compares that, and here it would be the placeholder that differs.
 */
static void keep_drawn(const struct rendered *o, json_t *body, const json_t *before)
{
	json_t *data = doc_get(body, "data", NULL);
	json_t *notes = doc_get(body, "spec", "template", "metadata", "annotations", NULL);
	const char *now = doc_get_str(before, "spec", "template", "metadata", "annotations",
				      RENDER_SECRETS_DIGEST, NULL);
	struct draw d;

	draw_parse(&d, o, "");
	for (size_t i = 0; i < d.n_keys; i++) {
		const char *value = doc_get_str(before, "data", d.keys[i], NULL);

		if (value)
			json_object_set_new(data, d.keys[i], json_string(value));
	}
	if (d.restart && now)
		json_object_set_new(notes, RENDER_SECRETS_DIGEST, json_string(now));
	draw_deinit(&d);
}

/* 0, or -1 with *err set. *ret_ns: where it lives, borrowed. */
static int compare_one(struct cluster *c, struct diffing *r, const struct rendered *o,
		       json_t *body, const char *ns, struct err *err)
{
	struct view_change change = { o->group, o->kind, ns, o->name, NULL, NULL };
	_cleanup_json_ json_t *before = NULL, *after = NULL;
	struct kube_ref ref;
	bool namespaced;

	if (cluster_resolve(c, o->group, o->version, o->kind, &ref, &namespaced, err)) {
		if (err->code != ERR_NOTFOUND)
			return -1;
		*err = ERR_INIT;	/* of a kind that comes with it */
		change.after = body;
		diffing_tell(r, &change);
		return 0;
	}
	ref.ns = namespaced ? ns : NULL;
	ref.name = o->name;
	change.ns = namespaced ? ns : "";
	before = cluster_object(c, &ref, err);
	if (!before && err->code != ERR_NOTFOUND)
		return -1;
	*err = ERR_INIT;
	keep_drawn(o, body, before);
	after = would_be(c, &ref, body, err);
	if (!after)
		return -1;
	change.before = before;
	change.after = after;
	diffing_tell(r, &change);
	return 0;
}

static bool is_wanted(const struct render_answer *a, const json_t *row,
		      const char *dest)
{
	const char *group = doc_get_str(row, "group", NULL);
	const char *kind = doc_get_str(row, "kind", NULL);
	const char *name = doc_get_str(row, "name", NULL);
	const char *ns = doc_get_str(row, "namespace", NULL);

	for (size_t i = 0; kind && name && i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];

		if (!strcmp(o->kind, kind) && !strcmp(o->name, name) &&
		    !strcmp(o->group, group ? group : "") &&
		    (!ns || !strcmp(*o->ns ? o->ns : dest, ns)))
			return true;
	}
	return false;
}

/* As it is now, owned; NULL: it is not there, or cannot be read. */
static json_t *live_of(struct cluster *c, const struct view_change *change,
		       const char *version)
{
	struct err err = ERR_INIT;
	struct kube_ref ref;
	bool namespaced;

	if (cluster_resolve(c, change->group, version, change->kind, &ref, &namespaced,
			    &err))
		return NULL;
	ref.ns = namespaced ? change->ns : NULL;
	ref.name = change->name;
	return cluster_object(c, &ref, &err);
}

static void tell_deletions(struct cluster *c, struct diffing *r, const json_t *app,
			   const struct render_answer *a, const char *dest,
			   struct excluded *out)
{
	json_t *row;
	size_t i;

	json_array_foreach(doc_get(app, "status", "resources", NULL), i, row) {
		const char *group = doc_get_str(row, "group", NULL);
		const char *ns = doc_get_str(row, "namespace", NULL);
		struct view_change change = {
			.group = group ? group : "", .ns = ns ? ns : "",
			.kind = doc_get_str(row, "kind", NULL),
			.name = doc_get_str(row, "name", NULL) };
		_cleanup_json_ json_t *live = NULL;

		if (doc_get_bool(row, false, "hook", NULL) || is_wanted(a, row, dest) ||
		    !change.kind || !change.name || excluded_is(out, change.group, change.kind))
			continue;
		live = live_of(c, &change, doc_get_str(row, "version", NULL));
		change.before = live;
		diffing_tell(r, &change);
	}
}

static int compare_all(struct cluster *c, struct diffing *r, const json_t *app,
		       const struct render_answer *a, struct excluded *out, struct err *err)
{
	const char *dest = doc_get_str(app, "spec", "destination", "namespace", NULL);

	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *o = &a->objects[i];
		_cleanup_json_ json_t *body = NULL;

		if (o->flags & (OBJ_HOOK | OBJ_SKIP) || excluded_is(out, o->group, o->kind))
			continue;
		body = diffing_body(a, i, err);
		if (!body || compare_one(c, r, o, body, *o->ns ? o->ns : dest ? dest : "",
					 err))
			return err_wrap(err, "%s/%s", o->kind, o->name);
	}
	tell_deletions(c, r, app, a, dest ? dest : "", out);
	return 0;
}

static int against_cluster(struct cluster *c, struct diffing *r, const json_t *app,
			   const struct render_answer *a, struct err *err)
{
	_cleanup_(excluded_deinit) struct excluded out;
	int rc;

	excluded_init(&out, c, app);
	rc = compare_all(c, r, app, a, &out, err);
	if (!rc)
		excluded_tell(&out);
	return rc;
}

/* ---- two releases ---- */

static uint32_t number(const char *s)
{
	s += *s == '#';
	return strspn(s, "0123456789") == strlen(s) ? (uint32_t)strtoul(s, NULL, 10) : 0;
}

static int diff_releases(struct cluster *c, struct diffing *r, const json_t *app,
			 struct err *err)
{
	const struct options *o = r->o;
	_cleanup_(answer_deinit) struct render_answer a = { 0 }, b = { 0 };
	_cleanup_(excluded_deinit) struct excluded out = { 0 };
	uint32_t from = number(o->release);
	uint32_t to = o->n_args > 1 ? number(o->args[1]) :
		      (uint32_t)doc_get_int(app, 0, "status", "syncd", "target", "id", NULL);

	if (desired_stored(c, o, app, from, &a, err) ||
	    desired_stored(c, o, app, to, &b, err))
		return -1;
	excluded_init(&out, c, app);
	if (diffing_compare(r, &a, &b, &out, err))
		return -1;
	excluded_tell(&out);
	return 0;
}

json_t *diff_stored(struct cluster *c, const json_t *app, uint32_t from, uint32_t to,
		    const struct options *o, struct err *err)
{
	struct options as_data = { .output = OUT_JSON };
	struct diffing r = { .o = &as_data, .list = json_array() };
	_cleanup_(answer_deinit) struct render_answer a = { 0 }, b = { 0 };
	struct excluded none = { 0 };

	if (!desired_stored(c, o, app, from, &a, err) &&
	    !desired_stored(c, o, app, to, &b, err) &&
	    !diffing_compare(&r, &a, &b, &none, err))
		return r.list;
	json_decref(r.list);
	return NULL;
}

/* ---- which ---- */

/* A stored release of exactly that is read first: it needs neither Git nor a render. */
static int find_wanted(struct cluster *c, const struct options *o, const json_t *app,
		       const struct view_picks *picks, struct render_answer *ret,
		       struct err *err)
{
	uint32_t stored = view_release_of(app, picks);

	if (stored && !desired_stored(c, o, app, stored, ret, err))
		return 0;
	*err = ERR_INIT;
	return desired_built(app, picks, ret, err);
}

static int diff_wanted(struct cluster *c, struct diffing *r, const json_t *app,
		       const struct view_picks *picks, struct err *err)
{
	_cleanup_(answer_deinit) struct render_answer wanted = { 0 };

	if (find_wanted(c, r->o, app, picks, &wanted, err))
		return -1;
	return against_cluster(c, r, app, &wanted, err);
}

static int diff(struct cluster *c, const struct options *o)
{
	struct diffing r = { .o = o, .env = output_env(o), .out = BUF_INIT,
			    .list = json_array() };
	_cleanup_json_ json_t *app = NULL;
	struct view_picks picks;
	struct err err = ERR_INIT;
	bool misused = false;
	int rc = -1;

	app = cluster_get(c, o->args[0], &err);
	if (app && o->release)
		rc = diff_releases(c, &r, app, &err);
	else if (app && !(misused = view_pick(app, &o->named, &picks, &err)))
		rc = diff_wanted(c, &r, app, &picks, &err);
	if (!rc)
		return diffing_finish(&r);
	json_decref(r.list);
	buf_deinit(&r.out);
	output_error(&err);
	return misused ? EXIT_USAGE : EXIT_OTHER;
}

static int check_base(const struct options *o)
{
	const struct view_named *n = &o->named;

	if (o->n_args)
		return output_usage("--base compares all applications below --local ROOT: leave "
				    "out '%s'", o->args[0]);
	if (n->revision || n->revisions.n || n->positions.n || n->names.n || o->release)
		return output_usage("--base and --%s exclude each other", n->revision ?
				    "revision" : o->release ? "release" : "revisions");
	if (n->locals.n != 1)
		return output_usage("--base needs --local ROOT, once: the folder that holds the "
				    "Applications");
	return 0;
}

int cmd_diff(const struct options *o)
{
	const struct view_named *n = &o->named;
	struct err err = ERR_INIT;

	if (o->base)
		return check_base(o) ? EXIT_USAGE : cmd_diff_base(o);
	if (!o->n_args)
		return output_usage("'diff' needs APP [RELEASE], or --local ROOT --base REV");
	if (view_named_check(n, &err))
		return output_usage("%s", err.msg);
	if (o->release && (n->locals.n || n->revision || n->revisions.n))
		return output_usage("--local, --revision and --release exclude each other");
	if (o->n_args > 1 && !o->release)
		return output_usage("a second release needs the first: --release A B");
	return cluster_run(o, diff);
}
