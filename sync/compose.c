/*
 * Both releases are walked side by side in the order of their identities; the cases are
 * numbered in compose.h. Bodies are not looked into: the chunks that hold those chosen are
 * copied as they are.
 */
#include "compose.h"

#include "core/doc.h"
#include "sync/record.h"

/* An object of either release. */
struct part {
	const struct render_answer *of;
	const struct rendered *o;
	const char *ns;
};

struct compose {
	const struct compose_in *in;
	struct compose_report *report;
	VEC(struct part) chosen;
	size_t not_git, not_running;	/* where the outcome is another than theirs */
	size_t hooks_left;		/* that are held: Git's and the running one's */
};

static int compare(const void *pa, const void *pb)
{
	const struct part *a = pa, *b = pb;
	int c = strcmp(a->o->group, b->o->group);

	c = c ? c : strcmp(a->o->kind, b->o->kind);
	c = c ? c : strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->o->name, b->o->name);
}

/* As a release has them: by what they say themselves. */
static int compare_said(const void *pa, const void *pb)
{
	const struct rendered *a = ((const struct part *)pa)->o;
	const struct rendered *b = ((const struct part *)pb)->o;
	struct objkey ka = { a->group, a->kind, a->ns, a->name };
	struct objkey kb = { b->group, b->kind, b->ns, b->name };

	return objkey_cmp(&ka, &kb);
}

/* In the order of identities, with the namespace that they come to. */
static struct part *sorted(const struct render_answer *a, const char *dest_ns)
{
	size_t n = a ? a->n_objects : 0;
	struct part *list = xcalloc(n + 1, sizeof(*list));

	for (size_t i = 0; i < n; i++)
		list[i] = (struct part){ a, &a->objects[i], *a->objects[i].ns ?
					 a->objects[i].ns : dest_ns };
	if (n)
		qsort(list, n, sizeof(*list), compare);
	return list;
}

static void note(struct compose *c, const char *service)
{
	struct compose_report *r = c->report;
	size_t i = 0;

	while (i < r->held.len && strcmp(r->held.data[i].service, service) < 0)
		i++;
	if (i == r->held.len || strcmp(r->held.data[i].service, service)) {
		vec_push(&r->held, ((struct compose_held){ 0 }));
		memmove(&r->held.data[i + 1], &r->held.data[i],
			(r->held.len - 1 - i) * sizeof(*r->held.data));
		r->held.data[i] = (struct compose_held){ .service = xstrdup(service) };
	}
	r->held.data[i].n_objects++;
}

/* The service that holds it, or NULL. */
static const char *holder(const struct compose *c, const struct part *p)
{
	const char *s = p ? p->o->service : NULL;

	return s && *s && c->in->is_held(c->in->arg, s) ? s : NULL;
}

static bool is_hook(const struct part *p)
{
	return p && p->o->flags & (OBJ_HOOK | OBJ_SKIP);
}

static bool same(const struct part *a, const struct part *b)
{
	return a && b ? !strcmp(a->o->digest, b->o->digest) : a == b;
}

/* One identity: Git's object, the running one, or both. */
static void choose(struct compose *c, const struct part *git, const struct part *running)
{
	const char *by = holder(c, git);
	const struct part *pick = git;	/* 1, 3, 5 */

	by = by ? by : holder(c, running);
	if (by)
		pick = is_hook(running) ? NULL : running;	/* 2, 4, 6 */
	if (pick)
		vec_push(&c->chosen, *pick);
	if (by && !pick && (is_hook(git) || is_hook(running))) {
		c->hooks_left++;	/* alone it makes no other release */
		if (same(git, running))
			return;
	} else if (!same(pick, running)) {
		c->not_running++;
	}
	if (!by || same(pick, git))
		return;
	c->not_git++;
	note(c, by);
}

static void walk(struct compose *c, const struct part *git, size_t n_git,
		 const struct part *running, size_t n_running)
{
	size_t i = 0, j = 0;

	while (i < n_git || j < n_running) {
		int order = i == n_git ? 1 : j == n_running ? -1 :
			    compare(&git[i], &running[j]);

		choose(c, order <= 0 ? &git[i] : NULL, order >= 0 ? &running[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
}

/* ---- the outcome ---- */

static struct render_chunk copy_chunk(const struct render_chunk *k)
{
	struct render_chunk to = *k;

	if (!k->deflated)
		return to;
	to.deflated = xmalloc(k->deflated_len);
	memcpy(to.deflated, k->deflated, k->deflated_len);
	return to;
}

/* The chunk of that object in ret, copied there when it is the first of it. */
static uint32_t take_chunk(struct render_answer *ret, const struct part *p)
{
	const struct render_chunk *k = &p->of->chunks[p->o->chunk];

	for (size_t i = ret->n_chunks; i-- > 0;)
		if (!strcmp(ret->chunks[i].digest, k->digest))
			return (uint32_t)i;
	ret->chunks[ret->n_chunks] = copy_chunk(k);
	return (uint32_t)ret->n_chunks++;
}

static struct rendered copy(const struct rendered *o)
{
	struct rendered to = *o;

	to.group = xstrdup(o->group);
	to.version = xstrdup(o->version);
	to.kind = xstrdup(o->kind);
	to.ns = xstrdup(o->ns);
	to.name = xstrdup(o->name);
	to.hook = xstrdup(o->hook);
	to.source = xstrdup(o->source);
	to.refs = xstrdup(o->refs);
	to.images = xstrdup(o->images);
	to.service = xstrdup(o->service);
	to.draws = xstrdup(o->draws);
	return to;
}

static char **copy_list(char *const *list, size_t n)
{
	char **to = xcalloc(n + 1, sizeof(*to));

	for (size_t i = 0; i < n; i++)
		to[i] = xstrdup(list[i]);
	return to;
}

void release_copy(const struct render_answer *a, struct render_answer *ret)
{
	*ret = (struct render_answer){
		.objects = xcalloc(a->n_objects + 1, sizeof(*ret->objects)),
		.n_objects = a->n_objects,
		.chunks = xcalloc(a->n_chunks + 1, sizeof(*ret->chunks)),
		.n_chunks = a->n_chunks,
		.source_type = xstrdup(a->source_type),
		.warnings = copy_list(a->warnings, a->n_warnings),
		.n_warnings = a->n_warnings,
		.repeats = copy_list(a->repeats, a->n_repeats), .n_repeats = a->n_repeats,
	};
	for (size_t i = 0; i < a->n_objects; i++)
		ret->objects[i] = copy(&a->objects[i]);
	for (size_t i = 0; i < a->n_chunks; i++)
		ret->chunks[i] = copy_chunk(&a->chunks[i]);
	memcpy(ret->digest, a->digest, sizeof(ret->digest));
	memcpy(ret->input_key, a->input_key, sizeof(ret->input_key));
}

static void build(struct compose *c, struct render_answer *ret)
{
	const struct render_answer *git = c->in->git;
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t n = c->chosen.len;

	*ret = (struct render_answer){
		.objects = xcalloc(n + 1, sizeof(*ret->objects)), .n_objects = n,
		.chunks = xcalloc(git->n_chunks + (c->in->running ?
				  c->in->running->n_chunks : 0) + 1,
				  sizeof(*ret->chunks)),
		.source_type = xstrdup(git->source_type),
		.warnings = copy_list(git->warnings, git->n_warnings),
		.n_warnings = git->n_warnings,
		.repeats = copy_list(git->repeats, git->n_repeats),
		.n_repeats = git->n_repeats,
	};
	for (size_t i = 0; i < n; i++) {
		const struct part *p = &c->chosen.data[i];

		buf_addf(&text, "%s/%s %s/%s %s\n", p->o->group, p->o->kind, p->ns,
			 p->o->name, p->o->digest);
	}
	if (n)
		qsort(c->chosen.data, n, sizeof(*c->chosen.data), compare_said);
	for (size_t i = 0; i < n; i++) {
		ret->objects[i] = copy(c->chosen.data[i].o);
		ret->objects[i].chunk = take_chunk(ret, &c->chosen.data[i]);
	}
	sha256_hex(buf_str(&text), text.len, ret->digest);
	/* What was rejected of the same files with other services is another. */
	buf_adds(&text, git->input_key);
	sha256_hex(buf_str(&text), text.len, ret->input_key);
}

bool release_compose(const struct compose_in *in, struct render_answer *ret,
		     struct compose_report *report)
{
	struct compose c = { .in = in, .report = report };
	_cleanup_free_ struct part *git = sorted(in->git, in->dest_ns);
	_cleanup_free_ struct part *running = sorted(in->running, in->dest_ns);
	bool another;

	*report = (struct compose_report){ 0 };
	walk(&c, git, in->git->n_objects, running, in->running ?
	     in->running->n_objects : 0);
	another = c.not_git || c.hooks_left;
	report->as_running = another && in->running && !c.not_running;
	another = another && !report->as_running;
	if (another)
		build(&c, ret);
	vec_deinit(&c.chosen);
	return another;
}

void compose_report_deinit(struct compose_report *r)
{
	for (size_t i = 0; i < r->held.len; i++)
		free(r->held.data[i].service);
	vec_deinit(&r->held);
}
