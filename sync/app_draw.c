/*
 * What an application's objects take from Secrets of the cluster: which are followed,
 * and what Git says with the digests of their values in it. While one lacks nothing new
 * goes out; what runs keeps what it has. A heal and a revert write the values of now.
 *
 * A source is somebody else's, and may change as often as he likes: what Git says is made
 * anew for it once a second at most.
 */
#include "app_priv.h"
#include "donors.h"

#include <assert.h>
#include <stdio.h>

#define AGAIN_MS 1000

struct app_draws {
	struct rel *raw, *target;	/* whose sources are followed... */
	char *dest_ns;			/* ... of objects that go there */
	struct names { char **data; size_t len, cap; } followed;	/* "ns/name" */
	bool over;		/* a release names more than are followed */
	uint64_t at;		/* version() that a->git was made at; 0 */
	uint64_t again_at;	/* mono: not made anew for a source before that */
	char *why;		/* what waits; "" */
};

static bool rel_draws(struct rel *r)
{
	if (r && r->draws == REL_MAY_DRAW)
		r->draws = draws_any(&r->a) ? REL_DRAWS : REL_DRAWS_NOT;
	return r && r->draws == REL_DRAWS;
}

/* ---- who is followed ---- */

static void each(struct engine *e, const struct names *names,
		 void (*what)(struct engine *e, const char *ns, const char *name))
{
	for (size_t i = 0; i < names->len; i++) {
		const char *s = names->data[i];
		size_t n = strcspn(s, "/");
		_cleanup_free_ char *ns = xstrndup(s, n);

		what(e, ns, s + n + 1);
	}
}

static bool holds(const struct names *names, const char *key)
{
	for (size_t i = 0; i < names->len; i++)
		if (!strcmp(names->data[i], key))
			return true;
	return false;
}

/* Of one release; beyond the cap the others stay what they are. */
static void add_names(struct app *a, struct rel *rel)
{
	struct app_draws *x = a->draws;
	struct names own = { 0 };	/* borrowed of x->followed */

	for (size_t i = 0; rel_draws(rel) && i < rel->a.n_objects; i++) {
		_cleanup_free_ char *key = NULL;
		struct draw d;

		if (draw_parse(&d, &rel->a.objects[i], a->spec.dest_ns) && d.name)
			key = xasprintf("%s/%s", d.ns, d.name);
		draw_deinit(&d);
		if (!key || holds(&own, key))
			continue;
		x->over |= own.len == DONORS_OF_ONE;
		if (own.len == DONORS_OF_ONE)
			continue;
		vec_push(&own, key);
		vec_push(&x->followed, steal(&key));
	}
	vec_deinit(&own);
}

static void forget_names(struct names *names)
{
	for (size_t i = 0; i < names->len; i++)
		free(names->data[i]);
	vec_deinit(names);
}

/* The new ones first: what is in both stays watched. */
static void follow(struct app *a)
{
	struct app_draws *x = a->draws, old = *x;

	if (x->raw == a->raw && x->target == a->target && x->dest_ns &&
	    !strcmp(x->dest_ns, a->spec.dest_ns))
		return;
	x->dest_ns = xstrdup(a->spec.dest_ns);
	x->followed = (struct names){ 0 };
	x->raw = a->raw ? rel_ref(a->raw) : NULL;
	x->target = a->target ? rel_ref(a->target) : NULL;
	x->at = 0;
	x->over = false;
	add_names(a, x->raw);
	add_names(a, x->target);
	each(a->engine, &x->followed, donors_follow);
	each(a->engine, &old.followed, donors_drop);
	forget_names(&old.followed);
	rel_unref(old.raw);
	rel_unref(old.target);
	free(old.dest_ns);
}

/* Of all that are followed; false: one of them is not read yet. */
static bool version(const struct app *a, uint64_t *ret)
{
	const struct app_draws *x = a->draws;

	*ret = 1;
	for (size_t i = 0; i < x->followed.len; i++) {
		const char *s = x->followed.data[i];
		size_t n = strcspn(s, "/");
		_cleanup_free_ char *ns = xstrndup(s, n);
		uint64_t v = donors_version(a->engine, ns, s + n + 1);

		if (donors_look(a->engine, ns, s + n + 1).state == DONOR_ASKED)
			return false;
		*ret = v > *ret ? v : *ret;
	}
	return true;
}

void app_draw_heard(struct app *a, const char *key)
{
	const struct app_draws *x = a->draws;

	if (!x || !holds(&x->followed, key))
		return;
	if (x->at && x->again_at > world_now(a->engine->w))
		app_poke_at(a, x->again_at);
	else
		app_poke(a);
}

/* ---- what Git says, with it ---- */

static_assert(DONORS_OF_ONE == 20, "the words");
static const char too_many[] = "a release takes from at most 20 Secrets: let several take "
			       "from one";

static struct donor_view look(void *arg, const char *ns, const char *name)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", ns, name);
	const struct app *a = arg;

	if (a->draws && a->draws->over && !holds(&a->draws->followed, key))
		return (struct donor_view){ .state = DONOR_TROUBLE, .why = too_many };
	return donors_look(a->engine, ns, name);
}

/* Of the application alone, and kept with its record: nobody else can make digests. */
static const char *key_of(struct app *a)
{
	struct world *w = a->engine->w;

	for (size_t i = 0; !a->rec.draw_key[63] && i < 4; i++)
		snprintf(a->rec.draw_key + 16 * i, 17, "%016llx",
			 (unsigned long long)w->ops->random(w));
	return a->rec.draw_key;
}

static struct draw_in drawing(const struct app *a, const struct render_answer *of,
			      const char *dest_ns)
{
	return (struct draw_in){
		.git = of, .dest_ns = dest_ns, .system_ns = a->engine->ns,
		.key = a->rec.draw_key, .look = look, .arg = (void *)(uintptr_t)a,
	};
}

static void be_git(struct app *a, struct rel *rel)
{
	rel_unref(a->git);
	a->git = rel;
}

static void redraw(struct app *a, uint64_t at)
{
	struct app_draws *x = a->draws;
	struct rel *rel = rel_new();
	struct buf why = BUF_INIT;
	struct draw_in in;

	a->rec_dirty = a->rec_dirty || !*a->rec.draw_key;
	key_of(a);
	in = drawing(a, &a->raw->a, a->spec.dest_ns);
	release_draw(&in, &rel->a, &why);
	free(x->why);
	x->why = buf_steal(&why, NULL);
	x->at = at;
	x->again_at = world_now(a->engine->w) + AGAIN_MS;
	if (a->git && !strcmp(a->git->a.digest, rel->a.digest))
		rel_unref(rel);
	else
		be_git(a, rel);
}

static void look_again(struct app *a, uint64_t now_at)
{
	const struct app_draws *x = a->draws;

	if (x->at == now_at)
		return;
	if (x->at && x->again_at > world_now(a->engine->w))
		app_poke_at(a, x->again_at);
	else
		redraw(a, now_at);
}

bool app_draw(struct app *a)
{
	uint64_t at;

	if (!rel_draws(a->raw) && !rel_draws(a->target)) {
		app_draw_free(a);
		if (a->git != a->raw)
			be_git(a, a->raw ? rel_ref(a->raw) : NULL);
		return true;
	}
	if (app_is_refused(a)) {	/* nobody watches a Secret for it */
		app_draw_free(a);
		return true;
	}
	if (!a->draws)
		a->draws = xcalloc(1, sizeof(*a->draws));
	follow(a);
	if (!version(a, &at))
		return false;
	if (!rel_draws(a->raw)) {
		free(a->draws->why);
		a->draws->why = NULL;
		if (a->git != a->raw)
			be_git(a, a->raw ? rel_ref(a->raw) : NULL);
	} else {
		look_again(a, at);
	}
	return true;
}

void app_draw_free(struct app *a)
{
	struct app_draws *x = a->draws;

	if (!x)
		return;
	each(a->engine, &x->followed, donors_drop);
	forget_names(&x->followed);
	rel_unref(x->raw);
	rel_unref(x->target);
	free(x->dest_ns);
	free(x->why);
	free(x);
	a->draws = NULL;
}

const char *app_draw_waits(const struct app *a)
{
	return a->draws && a->draws->why && *a->draws->why ? a->draws->why : NULL;
}

void app_draw_conditions(struct app *a)
{
	const char *why = app_draw_waits(a);

	if (why)
		app_set_condition(a, "SecretSourceWarning", "%s; nothing new goes out until "
				  "then", why);
	else
		app_clear_condition(a, "SecretSourceWarning");
}

int app_draw_body(const struct app *a, const struct render_answer *of,
		  const char *dest_ns, size_t i, char **body, size_t *len, struct err *err)
{
	const char *draws = of->objects[i].draws;
	struct buf out = BUF_INIT;
	struct draw_in in;

	if (!draws || !*draws)
		return 0;
	in = drawing(a, of, dest_ns);
	if (draw_fill(&in, i, *body, *len, &out, err)) {
		buf_deinit(&out);
		free(steal(body));
		return -1;
	}
	free(*body);
	*body = buf_steal(&out, len);
	return 0;
}
