/*
 * Findings as SARIF 2.1.0 (OASIS Standard, 27 March 2020), which code scanning reads:
 * one run, the rules that exist, a result for each finding. Paths are relative to the
 * root of the repository, as in GitHub's "SARIF support for code scanning".
 */
#include "checks.h"

#define SCHEMA "https://json.schemastore.org/sarif-2.1.0.json"

static json_t *text(const char *s)
{
	return json_pack("{ss}", "text", s);
}

static json_t *rule_json(const struct rule_info *r)
{
	return json_pack("{ss so so so s{ss}}", "id", r->id, "shortDescription",
			 text(r->title), "fullDescription", text(r->title), "help",
			 text(r->help), "defaultConfiguration", "level",
			 level_text(r->level));
}

/* A path as a relative URI reference: RFC 3986. */
static char *uri(const char *path)
{
	struct buf out = BUF_INIT;
	_cleanup_free_ char *copy = xstrdup(path);
	char *rest = copy, *step;

	while ((step = strsep(&rest, "/"))) {
		if (out.len)
			buf_addc(&out, '/');
		buf_add_escaped(&out, step);
	}
	return out.len ? buf_steal(&out, NULL) : xstrdup("");
}

static json_t *location(const struct finding *f)
{
	_cleanup_free_ char *at = uri(f->file);
	json_t *o = json_pack("{s{s{ssss} s{si}}}", "physicalLocation",
			      "artifactLocation", "uri", at, "uriBaseId", "%SRCROOT%",
			      "region", "startLine", (int)f->line);

	if (*f->object) {
		_cleanup_free_ char *name = xasprintf("%s%s%s", f->object,
						      *f->field ? " " : "", f->field);

		json_object_set_new(o, "logicalLocations",
				    json_pack("[{ss}]", "fullyQualifiedName", name));
	}
	return o;
}

/* What stays the same where lines above it move. */
static void fingerprint(const struct finding *f, char out[65])
{
	_cleanup_free_ char *all = xasprintf("%s\n%s\n%s\n%s\n%s", rules[f->rule].id, f->file,
					     f->object, f->field, f->message);

	sha256_hex(all, strlen(all), out);
}

static json_t *result(const struct finding *f)
{
	_cleanup_buf_ struct buf message = BUF_INIT;
	char print[65];

	if (*f->object)
		buf_addf(&message, "%s%s%s: ", f->object, *f->field ? " " : "", f->field);
	buf_adds(&message, f->message);
	if (*f->units)
		buf_addf(&message, " (%s)", f->units);
	fingerprint(f, print);
	return json_pack("{ss si ss so s[o] s{ss}}", "ruleId", rules[f->rule].id,
			 "ruleIndex", (int)f->rule, "level", level_text(f->level),
			 "message", text(buf_str(&message)), "locations", location(f),
			 "partialFingerprints", "syncd/v1", print);
}

/* How the run went: what is not in the results is said here. */
static json_t *invocation(const struct findings *f)
{
	_cleanup_free_ char *more = findings_left_out_text(f);
	json_t *o = json_pack("{sb}", "executionSuccessful", 1);

	if (more)
		json_object_set_new(o, "toolExecutionNotifications",
				    json_pack("[{ss so}]", "level", "warning", "message",
					      text(more)));
	return o;
}

json_t *findings_sarif(const struct findings *f, const char *version)
{
	json_t *list = json_array(), *all = json_array();

	for (size_t i = 0; i < RULE_N; i++)
		json_array_append_new(all, rule_json(&rules[i]));
	for (size_t i = 0; i < f->list.len; i++)
		json_array_append_new(list, result(&f->list.data[i]));
	return json_pack("{ss ss s[{s{s{ss ss so}} s[o] ss so}]}", "$schema", SCHEMA, "version",
			 "2.1.0", "runs", "tool", "driver", "name", "syncctl", "version",
			 version, "rules", all, "invocations", invocation(f), "columnKind",
			 "utf16CodeUnits", "results", list);
}
