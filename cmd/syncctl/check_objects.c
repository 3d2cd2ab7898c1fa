/*
 * Looks at each object that goes out: all rules over it, what its annotation silences,
 * where in which file it stands. A kustomization that others build upon is looked at
 * in what these make of it.
 */
#include "schema.h"

#include <stdio.h>

#define OBJECT_FINDINGS_MAX 50

/* One object of one unit. */
struct looking {
	struct check check;
	struct findings *findings;
	struct places *places;
	const struct unit *unit;
	const char *title;	/* of the unit */
	const struct unit *home;	/* the kustomization that it builds, or itself */
	const struct rendered *o;
	char *file;		/* where the object is */
	unsigned line;
	uint64_t ignored;	/* a bit for each rule */
	size_t told[LEVEL_ERROR + 1];	/* of each level, before --strict */
};

static void found(struct check *c, enum rule rule, const struct field *at,
		  const char *message)
{
	struct looking *l = container_of(c, struct looking, check);
	_cleanup_free_ char *object = NULL;
	_cleanup_buf_ struct buf field = BUF_INIT;
	struct found what = { .rule = rule, .file = l->file, .line = l->line,
			      .message = message, .unit = l->title,
			      .silenced = l->ignored >> rule & 1 };

	if (!what.silenced && (l->told[rules[rule].level]++ >= OBJECT_FINDINGS_MAX ||
			       findings_is_full(l->findings, rule))) {
		findings_leave_out(l->findings, rule, l->title);
		return;
	}
	if (!what.silenced && !places_find(l->places, l->file, l->line, at, &what.line)) {
		what.file = l->home->file;	/* an overlay says otherwise */
		what.line = l->home->line;
	}
	field_text(at, &field);
	what.object = object = xasprintf("%s/%s", l->o->kind, l->o->name);
	what.field = buf_str(&field);
	findings_add(l->findings, &what);
}

/* "rule, rule": a bit for each. One that does not exist is told. */
static void read_ignored(struct looking *l)
{
	const char *s = doc_get_str(l->check.object, "metadata", "annotations", LINT_IGNORE,
				    NULL);
	const struct field top = { .value = l->check.object };
	const struct field meta = { .up = &top, .key = "metadata" };
	const struct field notes = { .up = &meta, .key = "annotations" };
	const struct field at = { .up = &notes, .key = LINT_IGNORE };

	while (s && *s) {
		size_t n = strcspn(s, ", \t\n");
		enum rule rule = rule_find(s, n);

		if (rule < RULE_N)
			l->ignored |= UINT64_C(1) << rule;
		else if (n)
			check_tell(&l->check, RULE_IGNORE, &at, "there is no rule '%.*s'",
				   n > 60 ? 60 : (int)n, s);
		s += n;
		s += strspn(s, ", \t\n");
	}
}

/* Of "path/file.yaml:12" both parts; what a plugin made has its folder only. */
static void split_source(struct looking *l)
{
	const char *source = l->o->source, *colon = strrchr(source, ':');
	char *end = NULL;
	unsigned long line = colon ? strtoul(colon + 1, &end, 10) : 0;

	if (line && !*end) {
		l->file = xstrndup(source, (size_t)(colon - source));
		l->line = (unsigned)line;
	} else {
		l->file = xstrdup(l->unit->file);
		l->line = l->unit->line;
	}
}

static void look_at(struct looking *l, const struct schema *schema,
		    struct render_bodies *bodies)
{
	split_source(l);
	read_ignored(l);
	for (size_t i = 0; i < RULE_N; i++)
		if (rules[i].fn)
			rules[i].fn(&l->check);
	check_webhook_wave(&l->check, bodies, l->o->wave);
	if (schema)
		schema_check(schema, &l->check);
	free(l->file);
}

static const struct unit *home_of(const struct survey *s, const struct unit *u)
{
	for (size_t i = 0; u->kind == UNIT_APP && i < s->n_kustomizations; i++)
		if (!strcmp(s->units.data[i].folder, u->folder))
			return &s->units.data[i];
	return u;
}

static int by_source(const void *a, const void *b)
{
	const struct rendered *x = *(struct rendered *const *)a;
	const struct rendered *y = *(struct rendered *const *)b;
	int c = strcmp(x->source, y->source);

	return c ? c : (x > y) - (x < y);
}

/* File by file: each is read once for its places. */
static const struct rendered **in_files(const struct render_answer *a)
{
	const struct rendered **list = xcalloc(a->n_objects + 1, sizeof(*list));

	for (size_t i = 0; i < a->n_objects; i++)
		list[i] = &a->objects[i];
	qsort(list, a->n_objects, sizeof(*list), by_source);
	return list;
}

static int look_at_unit(struct findings *f, struct places *places, const struct survey *s,
			const struct unit *u, const struct schema *schema,
			struct err *err)
{
	const struct unit *home = home_of(s, u);
	_cleanup_(render_bodies_deinit) struct render_bodies bodies = { .answer = &u->answer };
	_cleanup_free_ char *title = unit_label(u);
	_cleanup_free_ const struct rendered **list = in_files(&u->answer);

	for (size_t i = 0; i < u->answer.n_objects; i++) {
		struct looking l = { .findings = f, .places = places, .unit = u, .home = home,
				     .title = title, .o = list[i], .check.found = found };
		_cleanup_json_ json_t *object = NULL;
		const char *body;
		size_t len;

		if (render_bodies_get(&bodies, (size_t)(l.o - u->answer.objects), &body, &len,
				      err) < 0)
			return -1;
		object = doc_parse(body, len, err);
		if (!object)
			return err_wrap(err, "%s/%s", l.o->kind, l.o->name);
		l.check.object = object;
		look_at(&l, schema, &bodies);
	}
	return 0;
}

int findings_of_objects(struct findings *f, const struct survey *s,
			const struct schema *schema, struct err *err)
{
	struct places places;
	int rc = 0;

	places_init(&places, s->o.files);
	for (size_t i = 0; i < s->units.len && !rc; i++)
		if (survey_counts(s, &s->units.data[i]))
			rc = look_at_unit(f, &places, s, &s->units.data[i], schema,
					  err);
	places_deinit(&places);
	return rc;
}

static int add_crds(struct schema *schema, const struct render_answer *a, struct err *err)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		_cleanup_free_ char *body = NULL;
		_cleanup_json_ json_t *crd = NULL;
		size_t len;

		if (strcmp(a->objects[i].kind, "CustomResourceDefinition") ||
		    strcmp(a->objects[i].group, "apiextensions.k8s.io"))
			continue;
		if (render_answer_body(a, i, &body, &len, err))
			return -1;
		crd = doc_parse(body, len, err);
		if (!crd || schema_add_crd(schema, crd, err))
			return err_wrap(err, "%s", a->objects[i].source);
	}
	return 0;
}

int schema_of_units(struct schema *schema, const struct survey *s, struct err *err)
{
	for (size_t i = 0; i < s->units.len; i++)
		if (add_crds(schema, &s->units.data[i].answer, err))
			return -1;
	return 0;
}
