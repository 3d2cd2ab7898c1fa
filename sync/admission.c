/*
 * Reads an AdmissionReview, lets the judges of its kind say what they find, and
 * answers. The numbers are the rules of sync/admission.h. Nothing here fails but
 * reading what is no review at all.
 */
#include "sync/admission.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admission_priv.h"
#include "core/doc.h"
#include "core/utf8.h"

#define API_VERSION "admission.k8s.io/v1"
#define MESSAGE_MAX 1000	/* bytes */
#define WARNING_MAX 250		/* bytes; the API server cuts what is much longer */

/* ---- reading ---- */

static const char *text_at(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

static enum admission_kind kind_of(const json_t *request)
{
	const json_t *kind = doc_get(request, "kind", NULL);

	if (strcmp(text_at(kind, "group"), "argoproj.io"))
		return ADMISSION_OTHER;
	if (!strcmp(text_at(kind, "kind"), "Application"))
		return ADMISSION_APP;
	return !strcmp(text_at(kind, "kind"), "AppProject") ? ADMISSION_PROJECT :
							     ADMISSION_OTHER;
}

static const json_t *object_at(const json_t *request, const char *key)
{
	const json_t *o = json_object_get(request, key);

	return json_is_object(o) ? o : NULL;
}

int admission_read(struct admission *a, const char *text, size_t len, struct err *err)
{
	const json_t *request;
	const char *operation;

	*a = (struct admission){ 0 };
	if (len > ADMISSION_BODY_MAX)
		return err_set(err, ERR_LIMIT, "the AdmissionReview is larger than %zu MiB",
			       ADMISSION_BODY_MAX >> 20);
	a->review = doc_parse(text, len, err);
	if (!a->review)
		return err_wrap(err, "AdmissionReview");
	request = object_at(a->review, "request");
	a->uid = text_at(request, "uid");
	if (strcmp(text_at(a->review, "apiVersion"), API_VERSION) || !*a->uid) {
		admission_deinit(a);
		return err_set(err, ERR_INVALID, "this is no AdmissionReview of "
			       API_VERSION " with a request.uid");
	}
	operation = text_at(request, "operation");
	a->kind = kind_of(request);
	a->creates = !strcmp(operation, "CREATE");
	a->updates = !strcmp(operation, "UPDATE");
	a->dry_run = doc_get_bool(request, false, "dryRun", NULL);
	a->object = object_at(request, "object");
	a->old = object_at(request, "oldObject");
	a->ns = text_at(request, "namespace");
	a->name = text_at(request, "name");
	return 0;
}

void admission_deinit(struct admission *a)
{
	json_decref(a->review);
	*a = (struct admission){ 0 };
}

/* ---- which rule ---- */

static bool same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && doc_equal(a, b));
}

static bool is_deleting(const json_t *o)
{
	return doc_get_str(o, "metadata", "deletionTimestamp", NULL) != NULL;
}

static bool keeps_spec(const struct admission *a)
{
	return a->updates && a->old && same(json_object_get(a->object, "spec"),
					    json_object_get(a->old, "spec"));
}

/* 1, 2, 3: nothing is even looked at. */
static bool is_exempt(const struct admission *a)
{
	return a->kind == ADMISSION_OTHER || (!a->creates && !a->updates) ||
	       !a->object || is_deleting(a->object);
}

char *admission_wants(const struct admission *a)
{
	const char *name = doc_get_str(a->object, "spec", "project", NULL);

	if (a->kind != ADMISSION_APP || is_exempt(a) || keeps_spec(a))
		return NULL;
	return xstrdup(name && *name ? name : "default");
}

/* ---- what is found ---- */

void admission_say(struct admission_list *l, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT_MAX((size_t)16 << 10);
	va_list ap;

	if (l->list.len >= ADMISSION_MESSAGES) {
		l->left_out++;
		return;
	}
	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	vec_push(&l->list, utf8_clean(buf_str(&text), MESSAGE_MAX));
}

static void list_deinit(struct admission_list *l)
{
	for (size_t i = 0; i < l->list.len; i++)
		free(l->list.data[i]);
	vec_deinit(&l->list);
}

void admission_findings_deinit(struct admission_findings *f)
{
	list_deinit(&f->errors);
	list_deinit(&f->warnings);
}

static void judge(const struct admission *a, const json_t *object,
		  const struct admission_context *c, struct admission_findings *f)
{
	if (a->kind == ADMISSION_APP)
		admission_app(object, c->defaults, f);
	else
		admission_project(object, f);
}

/* Moves error i to the warnings. */
static void soften(struct admission_findings *f, size_t i)
{
	struct admission_list *e = &f->errors;

	admission_say(&f->warnings, "%s", e->list.data[i]);
	free(e->list.data[i]);
	memmove(&e->list.data[i], &e->list.data[i + 1],
		(e->list.len - i - 1) * sizeof(*e->list.data));
	e->list.len--;
}

/* The same words, whatever numbers lists have: items move when one is removed. */
static bool says_the_same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
		if (a[-1] == '[') {
			a += strspn(a, "0123456789");
			b += strspn(b, "0123456789");
		}
	}
	return *a == *b;
}

/* 5: each error of the old object excuses one of the new. */
static void excuse_old(const struct admission *a, const struct admission_context *c,
		       struct admission_findings *f)
{
	struct admission_findings before = { 0 };

	judge(a, a->old, c, &before);
	for (size_t i = 0; i < before.errors.list.len; i++)
		for (size_t k = 0; k < f->errors.list.len; k++)
			if (says_the_same(before.errors.list.data[i],
					  f->errors.list.data[k])) {
				soften(f, k);
				break;
			}
	admission_findings_deinit(&before);
}

/* 4: nothing to be said twice of what was there before. */
static void judge_metadata(const struct admission *a, const struct admission_context *c,
			   struct admission_findings *f)
{
	if (same(doc_get(a->object, "metadata", "annotations", NULL),
		 doc_get(a->old, "metadata", "annotations", NULL)))
		return;
	judge(a, a->object, c, f);
	for (size_t i = f->errors.list.len; i-- > 0;)
		if (!strncmp(f->errors.list.data[i], "annotation ", 11))
			soften(f, i);
	list_deinit(&f->errors);
	f->errors = (struct admission_list){ 0 };
}

static void find_all(const struct admission *a, const struct admission_context *c,
		     struct admission_findings *f)
{
	if (keeps_spec(a)) {
		judge_metadata(a, c, f);
		return;
	}
	judge(a, a->object, c, f);
	if (a->updates && a->old)
		excuse_old(a, c, f);
	if (a->kind == ADMISSION_APP && !f->errors.list.len)
		admission_app_fence(a, c, f);	/* 6 */
}

void admission_judge(const struct admission *a, const struct admission_context *c,
		     void (*tell)(void *arg, bool refuses, const char *message),
		     void *arg)
{
	struct admission_findings f = { 0 };

	judge(a, a->object, c, &f);
	if (a->kind == ADMISSION_APP && !f.errors.list.len && c->lookup == ADMISSION_FOUND)
		admission_app_fence(a, c, &f);
	for (size_t i = 0; i < f.errors.list.len; i++)
		tell(arg, true, f.errors.list.data[i]);
	for (size_t i = 0; i < f.warnings.list.len; i++)
		tell(arg, false, f.warnings.list.data[i]);
	admission_findings_deinit(&f);
}

/* ---- the answer ---- */

/* How long the path is that a message begins with. */
static size_t path_len(const char *message)
{
	size_t n = strcspn(message, " :");

	return !strncmp(message, "spec", 4) || !strncmp(message, "metadata", 8) ? n : 0;
}

/* Like a field error of the API server's own: what kubectl shows of a refusal. */
static json_t *cause(const char *message)
{
	_cleanup_free_ char *field = NULL;
	const char *rest = message;
	size_t n = path_len(message);

	if (!strncmp(message, "annotation ", 11)) {
		rest += 11;
		n = strcspn(rest, ": ");
		field = xasprintf("metadata.annotations[%.*s]", (int)n, rest);
	} else {
		field = xstrndup(message, n);
	}
	rest += n;
	rest += strspn(rest, ": ");
	return json_pack("{s:s,s:s,s:s}", "reason", "FieldValueInvalid", "message", rest,
			 "field", field);
}

static json_t *refusal(const struct admission *a, const struct admission_list *errors)
{
	_cleanup_buf_ struct buf all = BUF_INIT_MAX((size_t)64 << 10);
	const char *kind = a->kind == ADMISSION_APP ? "Application" : "AppProject";
	json_t *causes = json_array();

	for (size_t i = 0; i < errors->list.len; i++) {
		buf_addf(&all, "%s%s", i ? "; " : "", errors->list.data[i]);
		json_array_append_new(causes, cause(errors->list.data[i]));
	}
	if (errors->left_out)
		buf_addf(&all, "; and %zu more", errors->left_out);
	return json_pack("{s:s,s:s,s:i,s:s,s:{s:s,s:s,s:s,s:o}}", "status", "Failure",
			 "reason", "Invalid", "code", 422, "message", buf_str(&all),
			 "details", "group", "argoproj.io", "kind", kind, "name", a->name,
			 "causes", causes);
}

/* Not within a character. */
static size_t cut(const char *s)
{
	size_t n = strlen(s);

	if (n <= WARNING_MAX)
		return n;
	for (n = WARNING_MAX; n && ((unsigned char)s[n] & 0xc0) == 0x80;)
		n--;
	return n;
}

static json_t *warnings_of(const struct admission_list *l)
{
	json_t *out = json_array();

	for (size_t i = 0; i < l->list.len; i++)
		json_array_append_new(out, json_stringn(l->list.data[i],
							cut(l->list.data[i])));
	return out;
}

bool admission_answer(const struct admission *a, const struct admission_context *c,
		      struct buf *out)
{
	struct admission_findings f = { 0 };
	json_t *response = json_pack("{s:s}", "uid", a->uid);
	_cleanup_json_ json_t *answer = NULL;
	bool allowed;

	if (!is_exempt(a))
		find_all(a, c, &f);
	allowed = !f.errors.list.len;	/* 7, 8 */
	json_object_set_new(response, "allowed", json_boolean(allowed));
	if (!allowed)
		json_object_set_new(response, "status", refusal(a, &f.errors));
	if (f.warnings.list.len)
		json_object_set_new(response, "warnings", warnings_of(&f.warnings));
	answer = json_pack("{s:s,s:s,s:o}", "apiVersion", API_VERSION, "kind",
			   "AdmissionReview", "response", response);
	doc_write(answer, out);
	admission_findings_deinit(&f);
	return allowed;
}
