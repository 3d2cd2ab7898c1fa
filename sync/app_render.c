/*
 * Rendering what the sources of an application say at their commits: one request for
 * all of them, asked again when a commit, a source or a remote base has moved. The
 * answer is the head. What does not render leaves no head, and so changes nothing; a
 * worker that died is asked again a while later.
 */
#include "app_priv.h"
#include "draw.h"

#include <assert.h>
#include <stdio.h>

#define RENDER_DEADLINE_MS 60000
#define MAX_ANSWER ((size_t)128 << 20)
#define TROUBLE_AGAIN_MS 30000
#define ENDED_AGAIN_MS 1000	/* a worker whose clock is another's does not make us busy */

static void on_rendered(struct worker_call *c, const struct err *err,
			const char *data, size_t len);

static void ask_worker(struct app *a, enum worker_kind kind)
{
	struct world *w = a->engine->w;

	a->render = (struct worker_call){
		.kind = kind, .affinity = a->render_affinity,
		.request = a->render_request, .request_len = a->render_len,
		.deadline_ms = RENDER_DEADLINE_MS, .max_answer = MAX_ANSWER,
		.on_done = on_rendered,
	};
	w->ops->worker_start(w, &a->render);
}

/* What every request is about, beside its source. */
struct asked {
	struct render_remote *remotes;
	json_t *signatures;		/* NULL: nobody asks */
	char names[RENDER_SOURCES_MAX][32];
	struct render_remote vouched[RENDER_SOURCES_MAX];
	size_t n_vouched;
};

/* Of a source that is only a ref its commit is all that there is to ask about. */
static void add_vouched(struct asked *q, size_t i, struct repo_rev *rev)
{
	if (!q->signatures)
		return;
	q->vouched[q->n_vouched++] = (struct render_remote){
		.url = q->names[i], .ref = (char *)(uintptr_t)"", .commit = rev->commit,
		.mirror = (char *)(uintptr_t)source_mirror(rev),
		.tag = *rev->tag ? rev->tag : NULL,
		.tag_ref = *rev->tag ? rev->tag_ref : NULL,
	};
}

/* One request for each source that objects come from; all strings are borrowed. */
static void fill_requests(struct app *a, struct asked *q, struct render_requests *all)
{
	const struct app_sources *sources = sources_wanted(a);

	all->len = 0;
	assert(sources->list.len == a->revs.len);
	for (size_t i = 0; i < a->revs.len; i++) {
		const struct app_source *s = &sources->list.data[i];
		struct repo_rev *rev = a->revs.data[i].rev;

		snprintf(q->names[i], sizeof(q->names[i]), "sources[%zu]", i);
		if (s->ref_only) {
			add_vouched(q, i, rev);
			continue;
		}
		all->data[all->len++] = (struct render_request){
			.mirror = (char *)(uintptr_t)source_mirror(rev),
			.commit = rev->commit, .path = s->path,
			.tag = *rev->tag ? rev->tag : NULL,
			.tag_ref = *rev->tag ? rev->tag_ref : NULL,
			.where = sources->many ? q->names[i] : NULL, .source = s->raw,
			.install_id = a->engine->install_id, .app_id = a->app_id,
			.destination_ns = a->spec.dest_ns,
			.remotes = q->remotes, .n_remotes = a->remotes.len,
		};
	}
	if (!all->len)
		return;
	all->data[0].control = (char *)(uintptr_t)app_control_file(a);
	all->data[0].environment = (char *)(uintptr_t)app_control_environment(a);
	all->data[0].signatures = q->signatures;
	all->data[0].vouched = q->vouched;
	all->data[0].n_vouched = q->n_vouched;
}

/* What names other repositories may name others now. */
static void forget_remotes(struct app *a)
{
	const char *digest = sources_wanted(a)->digest;

	if (sources_at(a, a->remotes_for) && !strcmp(a->remotes_source, digest))
		return;
	remotes_reset(a);
	free(a->remotes_for);
	a->remotes_for = sources_commits(a);
	memcpy(a->remotes_source, digest, sizeof(a->remotes_source));
}

static void start(struct app *a)
{
	_cleanup_free_ struct render_remote *remotes = NULL;
	_cleanup_json_ json_t *signatures = app_signed_ask(a);
	struct buf request = BUF_INIT;
	struct asked q = { .signatures = signatures };
	struct render_requests all;

	forget_remotes(a);
	q.remotes = remotes = remotes_list(a);
	remotes_key(a, a->rendering_remotes);
	fill_requests(a, &q, &all);
	render_requests_encode(&all, &request);
	free(a->render_request);
	a->render_request = buf_steal(&request, &a->render_len);
	free(a->render_affinity);
	a->render_affinity = sources_keys(a);
	free(a->rendering);
	a->rendering = sources_commits(a);
	free(a->rendering_named);
	a->rendering_named = remotes_commits(a);
	a->rendering_asked = sources_wanted(a) != &a->spec.sources;
	app_control_key(a, a->rendering_control);
	app_signed_key(a, a->rendering_signed);
	a->render_began = world_now(a->engine->w);
	memcpy(a->rendering_source, sources_wanted(a)->digest,
	       sizeof(a->rendering_source));
	ask_worker(a, WORKER_RENDER);
}

/* The plan borrows from the head: without it, until the next look, there is none. */
static void set_head(struct app *a, struct rel *rel)
{
	rel_unref(a->raw);
	rel_unref(a->git);
	rel_unref(a->head);
	a->raw = rel;
	a->git = rel && !draws_any(&rel->a) ? rel_ref(rel) : NULL;
	a->head = a->git ? rel_ref(a->git) : NULL;
	a->plan_valid = false;
	app_compose_again(a);
}

static void render_again_in(struct app *a, uint64_t ms)
{
	a->render_again_at = world_now(a->engine->w) + ms;
	app_poke_at(a, a->render_again_at);
}

static void render_failed(struct app *a, const struct err *err)
{
	engine_log(a->engine, LOG_WARN, a, "rendering %.7s: %s", a->rendered,
		   err->msg);
	a->head_err = *err;
	set_head(a, NULL);
	if (err->retry && (err->code == ERR_NOTFOUND || err->code == ERR_IO))
		sources_refetch(a);
	if (err->retry) {	/* the worker died, not the input's fault */
		*a->rendered = '\0';
		render_again_in(a, TROUBLE_AGAIN_MS);
	}
}

static char *what_is_empty(const struct app *a)
{
	const struct app_sources *all = sources_wanted(a);

	if (all->many || !all->list.len)
		return xstrdup("what spec.sources name");
	return xasprintf("source.path '%s'", *all->list.data[0].path ?
			 all->list.data[0].path : ".");
}

static void render_succeeded(struct app *a, struct rel *rel)
{
	struct err empty = ERR_INIT;

	if (!rel->a.n_objects && !a->spec.allow_empty) {
		_cleanup_free_ char *what = what_is_empty(a);

		err_set(&empty, ERR_INVALID, "%s at %.7s renders no "
			"objects, nothing is changed (allow it with syncPolicy."
			"automated.allowEmpty: true)%s%s", what, a->rendered,
			rel->a.n_warnings ? "; " : "",
			rel->a.n_warnings ? rel->a.warnings[0] : "");
		rel_unref(rel);
		render_failed(a, &empty);
		return;
	}
	set_head(a, rel);
	sources_readable(a);
	a->head_err = ERR_INIT;
}

/* What was being rendered is what is rendered now, whatever came of it. */
static void be_rendered(struct app *a)
{
	free(a->rendered);
	a->rendered = a->rendering;
	a->rendering = xstrdup("");
	free(a->rendered_named);
	a->rendered_named = a->rendering_named;
	a->rendering_named = xstrdup("");
	a->rendered_asked = a->rendering_asked;
	memcpy(a->rendered_source, a->rendering_source,
	       sizeof(a->rendered_source));
	memcpy(a->rendered_remotes, a->rendering_remotes,
	       sizeof(a->rendered_remotes));
	memcpy(a->rendered_control, a->rendering_control,
	       sizeof(a->rendered_control));
	memcpy(a->rendered_signed, a->rendering_signed, sizeof(a->rendered_signed));
}

static void on_rendered(struct worker_call *c, const struct err *err,
			const char *data, size_t len)
{
	struct app *a = container_of(c, struct app, render);
	struct rel *rel = rel_new();
	struct err bad = *err;

	if (!bad.code && render_answer_decode(&rel->a, data, len, &bad))
		bad.retry = true;
	if (!bad.code && rel->a.exec_why && c->kind == WORKER_RENDER) {
		free(a->exec_why);
		a->exec_why = xstrdup(rel->a.exec_why);
		rel_unref(rel);
		ask_worker(a, WORKER_EXEC);	/* the sources may be gone by now */
		return;
	}
	free(steal(&a->render_request));	/* a keyring may be in it */
	hist_add(&a->engine->counts.renders,
		 world_now(a->engine->w) - a->render_began);
	/* What the program lacks or says helps only who knows why it was asked. */
	if (bad.code && c->kind == WORKER_EXEC)
		err_wrap(&bad, "%s", a->exec_why);
	be_rendered(a);
	a->signed_until = bad.code ? 0 : rel->a.signed_until;
	memcpy(a->signed_by, rel->a.signed_by, sizeof(a->signed_by));
	rel->a.signed_until = 0;	/* it is of this look, not of the release */
	if (app_signed_ended(a))
		render_again_in(a, ENDED_AGAIN_MS);
	if (!bad.code && rel->a.want_url &&
	    !remotes_want(a, rel->a.want_url, rel->a.want_ref, rel->a.want_by, &bad)) {
		rel_unref(rel);		/* asked again when it is fetched */
		if (!remotes_ready(a, NULL))
			set_head(a, NULL);
		app_poke(a);
		return;
	}
	if (bad.code) {
		rel_unref(rel);
		render_failed(a, &bad);
	} else {
		app_control_rendered(a, &rel->a, a->rendered);
		render_succeeded(a, rel);
	}
	app_poke(a);
}

/* By the keys of now, and the clock. */
static bool signed_as_asked(const struct app *a)
{
	char key[65];

	app_signed_key(a, key);
	return !strcmp(a->rendered_signed, key) && !app_signed_ended(a);
}

static bool wants_render(const struct app *a)
{
	char remotes[65], control[65];

	if (!a->present || !sources_known(a) || *a->rendering || app_is_refused(a) ||
	    !app_signed_known(a))
		return false;
	if (a->render_again_at > world_now(a->engine->w))
		return false;
	if (!sources_at(a, a->rendered) ||
	    strcmp(a->rendered_source, sources_wanted(a)->digest))
		return true;
	app_control_key(a, control);
	if (!remotes_ready(a, NULL))
		return false;
	if (strcmp(a->rendered_control, control) || !signed_as_asked(a))
		return true;
	if (!a->remotes.len)
		return false;
	remotes_key(a, remotes);
	return strcmp(a->rendered_remotes, remotes) != 0;
}

/* A base that cannot be fetched is told like a render that failed. */
static void look_remotes(struct app *a)
{
	struct err err = ERR_INIT;

	if (!a->remotes.len || *a->rendering || remotes_ready(a, &err) || !err.code)
		return;
	if (a->head_err.code == err.code && !strcmp(a->head_err.msg, err.msg))
		return;
	engine_log(a->engine, LOG_WARN, a, "%s", err.msg);
	a->head_err = err;
	set_head(a, NULL);
}

bool app_head_is_current(const struct app *a)
{
	return a->head && !strcmp(a->rendered_source, sources_wanted(a)->digest);
}

bool app_head_is_broken(const struct app *a)
{
	return a->head_err.code &&
	       !strcmp(a->rendered_source, sources_wanted(a)->digest);
}

/*
 * What a request names is its own affair, also while it cannot go yet, and after it until
 * the spec's sources are rendered again. What other sources said, or those of before an
 * edit, is nobody's wish: the project was asked of these.
 */
bool app_head_is_wish(const struct app *a)
{
	if (!app_head_is_current(a))
		return false;
	if (sources_wanted(a) != &a->spec.sources)
		return app_request_is_served(a) || app_request_ready(a);
	return !a->rendered_asked ||
	       (sources_at(a, a->rendered) &&
		!strcmp(a->rendered_source, a->spec.sources.digest));
}

bool app_is_rendered(const struct app *a)
{
	return !*a->rendering && app_signed_known(a) && !wants_render(a);
}

/* What other keys let pass is not what may go out, until these did. */
static void look_signed(struct app *a)
{
	if (!a->raw || app_is_refused(a))
		return;
	if (app_signed_known(a) && signed_as_asked(a)) {
		app_signed_await(a);
		return;
	}
	if (app_signed_asked(a))
		set_head(a, NULL);
}

void app_look_render(struct app *a)
{
	look_signed(a);
	if (wants_render(a))
		start(a);
	look_remotes(a);
}
