/* What the units of a survey say of themselves. */
#include "checks.h"

static void tell(struct findings *f, const struct survey *s, enum rule rule,
		 const struct unit *u, const char *message)
{
	_cleanup_free_ char *label = unit_label(u);
	struct message_place at = { 0 };

	if (!message_place(message, u, s->o.files, &at))
		at = (struct message_place){ xstrdup(u->file), u->line, message };
	findings_add(f, &(struct found){ .rule = rule, .file = at.file, .line = at.line,
					 .message = at.rest, .unit = label });
	free(at.file);
}

static enum rule rule_of(const struct unit *u, const char *why)
{
	if (u->state == UNIT_SKIPPED)
		return RULE_NOT_CHECKED;
	return u->kind == UNIT_APP && !strncmp(why, "source.", 7) ? RULE_APPLICATION :
								    RULE_BUILD;
}

/* By findings_of_apps(): the spec's errors, and what no render would take of it. */
static bool is_told(const struct unit *u, const char *why)
{
	struct err err = ERR_INIT;

	return u->refused || (u->kind == UNIT_APP && u->app &&
			      render_check_source(doc_get(u->app, "spec", "source", NULL), &err) &&
			      !strcmp(why, err.msg));
}

/* A clone without the right remote would pass whatever is in it. */
static void tell_if_none(struct findings *f, const struct survey *s)
{
	const struct unit *first = NULL;
	_cleanup_free_ char *message = NULL;
	size_t n = 0;

	for (size_t i = 0; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];

		if (u->kind != UNIT_APP)
			continue;
		if (u->state != UNIT_SKIPPED)
			return;
		first = first ? first : u;
		n++;
	}
	if (!n)
		return;
	message = xasprintf("none of the Applications (%zu) was checked, see the notes: where "
			    "they are of this repository, name it with --repo URL", n);
	findings_add(f, &(struct found){ .rule = RULE_NOTHING_CHECKED, .file = first->file,
					 .line = first->line, .message = message });
}

void findings_of_units(struct findings *f, const struct survey *s)
{
	tell_if_none(f, s);
	for (size_t i = 0; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];

		for (size_t k = 0; k < u->whys.len; k++)
			if (!is_told(u, u->whys.data[k]))
				tell(f, s, rule_of(u, u->whys.data[k]), u, u->whys.data[k]);
		for (size_t k = 0; k < u->answer.n_warnings; k++)
			tell(f, s, RULE_RENDER_WARNING, u, u->answer.warnings[k]);
		for (size_t k = 0; k < u->answer.n_repeats; k++)
			tell(f, s, RULE_RENDER_WARNING, u, u->answer.repeats[k]);
		if (u->answer.control_why)
			tell(f, s, RULE_CONTROL, u, u->answer.control_why);
	}
}

void report_count(const struct survey *s, struct report_counts *ret)
{
	*ret = (struct report_counts){ 0 };
	for (size_t i = 0; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];

		ret->apps += u->kind == UNIT_APP;
		ret->projects += u->kind == UNIT_PROJECT;
		ret->kustomizations += u->kind == UNIT_KUSTOMIZATION;
		ret->skipped += u->state == UNIT_SKIPPED;
		if (survey_counts(s, u))
			ret->objects += u->answer.n_objects;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void findings_names(const struct findings *f, const struct survey *s, struct buf *out)
{
	size_t n = f->bad.len;
	_cleanup_free_ char **bad = xcalloc(n + 1, sizeof(char *));

	if (n)
		memcpy(bad, f->bad.data, n * sizeof(char *));
	qsort(bad, n, sizeof(char *), by_text);
	for (size_t i = 0; i < s->units.len; i++) {
		_cleanup_free_ char *title = unit_title(&s->units.data[i]);
		_cleanup_free_ char *label = unit_label(&s->units.data[i]);

		if (bsearch(&label, bad, n, sizeof(char *), by_text))
			buf_addf(out, "%s\n", title);
	}
}

json_t *units_json(const struct survey *s)
{
	static const char *const kinds[] = { [UNIT_KUSTOMIZATION] = "kustomization",
		[UNIT_COMPONENT] = "component", [UNIT_APP] = "application",
		[UNIT_PROJECT] = "project" };
	static const char *const states[] = { [UNIT_OK] = "ok", [UNIT_FAILED] = "failed",
					      [UNIT_SKIPPED] = "not checked" };
	json_t *list = json_array();

	for (size_t i = 0; i < s->units.len; i++) {
		const struct unit *u = &s->units.data[i];
		_cleanup_free_ char *title = unit_title(u);
		json_t *why = json_array();

		for (size_t k = 0; k < u->whys.len; k++)
			json_array_append_new(why, json_string(u->whys.data[k]));
		json_array_append_new(list, json_pack("{ss ss ss si ss sI sb so}",
			"kind", kinds[u->kind], "name", title, "file", u->file,
			"line", (int)u->line, "state", states[u->state],
			"objects", (json_int_t)u->answer.n_objects,
			"included", (int)u->included, "messages", why));
	}
	return list;
}
