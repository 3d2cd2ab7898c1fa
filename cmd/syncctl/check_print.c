/* Findings for people, for GitHub's log, and as data. */
#include "checks.h"

/* "web/deployment.yaml:12: error: build: Deployment/web spec.x: what (in a, b)" */
static void line(const struct finding *f, struct buf *out)
{
	if (*f->file)
		buf_addf(out, "%s:%u: ", f->file, f->line);
	buf_addf(out, "%s: %s: ", level_text(f->level), rules[f->rule].id);
	if (*f->object)
		buf_addf(out, "%s%s%s: ", f->object, *f->field ? " " : "", f->field);
	buf_adds(out, f->message);
	if (*f->units)
		buf_addf(out, " (%s)", f->units);
}

static void count(struct buf *out, const char *before, size_t n, const char *what)
{
	buf_addf(out, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

static void sum_up(const struct findings *f, const struct report_counts *n, struct buf *out)
{
	_cleanup_free_ char *more = findings_left_out_text(f);

	if (more)
		buf_addf(out, "%s\n", more);
	count(out, "", n->apps, "application");
	if (n->projects)
		count(out, ", ", n->projects, "project");
	count(out, ", ", n->kustomizations, "kustomization");
	count(out, ", ", n->objects, "object");
	count(out, ": ", findings_count(f, LEVEL_ERROR), "error");
	count(out, ", ", findings_count(f, LEVEL_WARNING), "warning");
	if (n->skipped)
		buf_addf(out, ", %zu not checked", n->skipped);
	if (f->silenced)
		buf_addf(out, ", %zu silenced", f->silenced);
	buf_addc(out, '\n');
}

void findings_text(const struct findings *f, const struct report_counts *n,
		   const struct view_env *env, struct buf *out)
{
	static const enum view_colour colours[] = { [LEVEL_NOTE] = VIEW_FAINT,
		[LEVEL_WARNING] = VIEW_YELLOW, [LEVEL_ERROR] = VIEW_RED };

	for (size_t i = 0; i < f->list.len; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT, clean = BUF_INIT;

		line(&f->list.data[i], &text);
		view_clean(&clean, buf_str(&text));
		view_coloured(out, env, colours[f->list.data[i].level], buf_str(&clean));
		buf_addc(out, '\n');
	}
	sum_up(f, n, out);
}

/*
 * The commands' own escapes: docs.github.com, "Workflow commands for GitHub Actions";
 * actions/toolkit's core package has the table. A property ends at ',' and ':'.
 */
static void escaped(const char *s, bool property, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' ||
		    (property && (*s == ':' || *s == ',')))
			buf_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
		else
			buf_addc(out, *s);
	}
}

void findings_github(const struct findings *f, struct buf *out)
{
	static const char *const commands[] = { [LEVEL_NOTE] = "notice",
		[LEVEL_WARNING] = "warning", [LEVEL_ERROR] = "error" };
	_cleanup_free_ char *more = findings_left_out_text(f);

	for (size_t i = 0; i < f->list.len; i++) {
		const struct finding *one = &f->list.data[i];
		_cleanup_buf_ struct buf text = BUF_INIT;

		if (*one->object)
			buf_addf(&text, "%s%s%s: ", one->object, *one->field ? " " : "",
				 one->field);
		buf_adds(&text, one->message);
		if (*one->units)
			buf_addf(&text, " (%s)", one->units);
		buf_addf(out, "::%s ", commands[one->level]);
		if (*one->file) {
			buf_adds(out, "file=");
			escaped(one->file, true, out);
			buf_addf(out, ",line=%u,", one->line);
		}
		buf_adds(out, "title=");
		escaped(rules[one->rule].id, true, out);
		buf_adds(out, "::");
		escaped(buf_str(&text), false, out);
		buf_addc(out, '\n');
	}
	if (more)
		buf_addf(out, "::warning title=syncctl::%s\n", more);
}

json_t *findings_json(const struct findings *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->list.len; i++) {
		const struct finding *one = &f->list.data[i];

		json_array_append_new(list, json_pack("{ss ss ss si ss ss ss ss}",
			"rule", rules[one->rule].id, "level", level_text(one->level),
			"file", one->file, "line", (int)one->line, "object", one->object,
			"field", one->field, "message", one->message, "units", one->units));
	}
	return list;
}
