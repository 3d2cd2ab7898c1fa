/* Differences, one object after the other, in the form that was asked for. */
#include "diffing.h"

#include "core/mem.h"
#include "excluded.h"

/* Once, before the first difference of an application. */
static void head(struct diffing *d)
{
	_cleanup_buf_ struct buf clean = BUF_INIT;

	if (!d->app || d->headed)
		return;
	d->headed = true;
	view_clean(&clean, d->app);
	buf_addf(&d->out, "%s# ", d->n > 1 ? "\n" : "");
	view_coloured(&d->out, &d->env, VIEW_BOLD, buf_str(&clean));
	buf_addc(&d->out, '\n');
}

static void add_row(struct diffing *d, const struct view_change *c)
{
	json_t *row = view_change_json(c);

	if (d->app)
		json_object_set_new(row, "application", json_string(d->app));
	json_array_append_new(d->list, row);
}

void diffing_tell(struct diffing *d, const struct view_change *c)
{
	if (!view_change_any(c))
		return;
	d->n++;
	if (output_is_data(d->o)) {
		add_row(d, c);
		return;
	}
	if (d->o->output == OUT_NAME) {
		buf_addf(&d->out, "%s/", c->kind);
		view_clean(&d->out, c->name);
		buf_addc(&d->out, '\n');
		return;
	}
	head(d);
	if (d->o->output == OUT_UNIFIED)
		view_change_unified(c, &d->env, &d->out);
	else
		view_change_paths(c, &d->env, &d->out);
}

int diffing_finish(struct diffing *d)
{
	int rc;

	if (output_is_data(d->o)) {
		rc = output_value(d->list, d->o->output);
	} else {
		if (!d->n && d->o->output != OUT_NAME)
			buf_adds(&d->out, "no difference\n");
		rc = output_text(&d->out);
		json_decref(d->list);
	}
	buf_deinit(&d->out);
	return rc ? rc : d->n ? EXIT_DIFFERENCE : EXIT_DONE;
}

json_t *diffing_body(const struct render_answer *a, size_t i, struct err *err)
{
	_cleanup_free_ char *body = NULL;
	size_t len;

	if (render_answer_body(a, i, &body, &len, err))
		return NULL;
	return doc_parse(body, len, err);
}

static int compare_keys(const struct rendered *a, const struct rendered *b)
{
	int c = strcmp(a->group, b->group);

	c = c ? c : strcmp(a->kind, b->kind);
	c = c ? c : strcmp(a->ns, b->ns);
	return c ? c : strcmp(a->name, b->name);
}

/* The object i of a and j of b; NULL: there is none. */
static int compare_pair(struct diffing *d, const struct rendered *o,
			const struct render_answer *a, size_t i,
			const struct render_answer *b, size_t j, struct err *err)
{
	_cleanup_json_ json_t *before = a ? diffing_body(a, i, err) : NULL;
	_cleanup_json_ json_t *after = b ? diffing_body(b, j, err) : NULL;

	if ((a && !before) || (b && !after))
		return -1;
	diffing_tell(d, &(struct view_change){ o->group, o->kind, o->ns, o->name, before, after });
	return 0;
}

/* Both are sorted alike: a merge. */
int diffing_compare(struct diffing *d, const struct render_answer *a,
		    const struct render_answer *b, struct excluded *out, struct err *err)
{
	for (size_t i = 0, j = 0; i < a->n_objects || j < b->n_objects;) {
		int c = i == a->n_objects ? 1 : j == b->n_objects ? -1 :
			compare_keys(&a->objects[i], &b->objects[j]);
		const struct rendered *o = c <= 0 ? &a->objects[i] : &b->objects[j];

		if (!excluded_is(out, o->group, o->kind) &&
		    compare_pair(d, o, c <= 0 ? a : NULL, i, c >= 0 ? b : NULL, j, err))
			return -1;
		i += c <= 0;
		j += c >= 0;
	}
	return 0;
}
