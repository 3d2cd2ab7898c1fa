/*
 * syncctl diff --local ROOT --base REV: what a branch would change, application by
 * application, without a cluster. Both sides are rendered as the daemon would; kinds that
 * the argocd-cm of both excludes are left out.
 */
#include "syncctl.h"

#include "compare.h"
#include "core/mem.h"
#include "diffing.h"
#include "excluded.h"

#include <stdio.h>

/* The Application itself is an object of the cluster, too. */
static void tell_app(struct diffing *d, const struct unit_pair *p)
{
	const struct unit *u = p->after ? p->after : p->before;
	const struct view_change c = {
		.group = "argoproj.io", .kind = "Application", .ns = u->ns, .name = u->name,
		.before = p->before ? p->before->app : NULL,
		.after = p->after ? p->after->app : NULL };

	diffing_tell(d, &c);
}

static void say(const struct unit *u, const char *side, const char *what)
{
	_cleanup_free_ char *title = unit_title(u);
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_addf(&text, "%s: %s%s", title, side, what);
	for (size_t i = 0; i < u->whys.len; i++)
		buf_addf(&text, "%s%s", i ? "; " : ": ", u->whys.data[i]);
	output_note("%s", buf_str(&text));
}

/* But for numbers: lines move. */
static bool same_words(const char *a, const char *b)
{
	for (;;) {
		a += strspn(a, "0123456789");
		b += strspn(b, "0123456789");
		if (*a != *b || !*a)
			return *a == *b;
		a++;
		b++;
	}
}

/* It was so before the change, which has no part in it. */
static bool fails_alike(const struct unit *a, const struct unit *b)
{
	if (!a || a->state != UNIT_FAILED || a->whys.len != b->whys.len)
		return false;
	for (size_t i = 0; i < a->whys.len; i++)
		if (!same_words(a->whys.data[i], b->whys.data[i]))
			return false;
	return true;
}

/* -1: what would be cannot be told. */
static int compare(struct diffing *d, const struct unit_pair *p, struct excluded *out,
		   struct err *err)
{
	static const struct render_answer nothing = { 0 };
	const struct unit *a = p->before, *b = p->after;

	if (b && b->state == UNIT_FAILED) {
		bool alike = fails_alike(a, b);

		say(b, "", alike ? "it does not render, as at the base" : "it does not render");
		return alike ? 0 : -1;
	}
	if (b && b->state == UNIT_SKIPPED) {
		say(b, "", "it was not compared");
		return 0;
	}
	if (a && a->state == UNIT_FAILED)
		say(a, "at the base ", "it does not render: all of it is shown as new");
	return diffing_compare(d, a ? &a->answer : &nothing, b ? &b->answer : &nothing,
			       out, err);
}

static int compare_all(struct diffing *d, struct comparison *c, struct err *err)
{
	_cleanup_(excluded_deinit) struct excluded out;
	int rc = 0;

	excluded_of_trees(&out, &c->before, &c->after);
	for (size_t i = 0; i < c->pairs.len && !err->code; i++) {
		const struct unit_pair *p = &c->pairs.data[i];
		const struct unit *u = p->after ? p->after : p->before;
		_cleanup_free_ char *label = unit_label(u);

		d->app = label;
		d->headed = false;
		if (u->kind == UNIT_APP)
			tell_app(d, p);
		if (compare(d, p, &out, err))
			rc = -1;
	}
	excluded_tell(&out);
	return rc;
}

int cmd_diff_base(const struct options *o)
{
	struct diffing d = { .o = o, .env = output_env(o), .list = json_array() };
	struct err err = ERR_INIT;
	struct comparison c;
	int rc, status;

	rc = comparison_open(&c, o, o->named.locals.data[0], NULL, &err);
	if (!rc)
		rc = compare_all(&d, &c, &err);
	if (err.code) {
		json_decref(d.list);
		buf_deinit(&d.out);
		status = output_error(&err);
	} else {
		status = diffing_finish(&d);
	}
	comparison_close(&c);
	return rc ? EXIT_OTHER : status;
}
