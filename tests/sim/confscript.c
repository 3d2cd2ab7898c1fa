/*
 * Runs a conformance script through a world. A failed expectation ends its case
 * and is reported with its line; the next case goes on.
 */
#include "confscript.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/doc.h"
#include "core/mem.h"
#include "simclient.h"

#define EVENT_MS 10000
#define QUIET_MS 400
#define UNTIL_MS 30000

struct var {
	char *name, *value;
};

struct stream {
	char *name;
	struct client_call call;
	char *path;
};

struct conf {
	const struct conf_driver *d;
	struct conf_result *r;
	const char *name;
	VEC(char *) lines;
	size_t at;
	VEC(struct var) vars;
	VEC(struct stream *) streams;
	struct client_call last;
	json_t *json;
	bool failed, in_case;
	const char *title;
};

static bool broken(struct conf *c, size_t line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static bool broken(struct conf *c, size_t line, const char *fmt, ...)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s:%zu: %s: %s\n", c->name, line + 1,
		c->title ? c->title : "", buf_str(&b));
	c->failed = true;
	return false;
}

/* ---- variables ---- */

static void set_var(struct conf *c, const char *name, const char *value)
{
	for (size_t i = 0; i < c->vars.len; i++) {
		if (strcmp(c->vars.data[i].name, name))
			continue;
		free(c->vars.data[i].value);
		c->vars.data[i].value = xstrdup(value);
		return;
	}
	vec_push(&c->vars, ((struct var){ xstrdup(name), xstrdup(value) }));
}

static const char *get_var(const struct conf *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->vars.len; i++)
		if (strlen(c->vars.data[i].name) == len &&
		    !strncmp(c->vars.data[i].name, name, len))
			return c->vars.data[i].value;
	return NULL;
}

static char *expand(const struct conf *c, const char *s)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	struct buf b = BUF_INIT;

	for (; *s; s++) {
		size_t n = *s == '$' ? strspn(s + 1, word) : 0;
		const char *v = n ? get_var(c, s + 1, n) : NULL;

		if (v) {
			buf_adds(&b, v);
			s += n;
		} else {
			buf_addc(&b, *s);
		}
	}
	return buf_steal(&b, NULL);
}

/* ---- lines ---- */

static bool is_directive(const char *line)
{
	static const char *const words[] = {
		"case ", "> ", "< ", "until ", "save ", "newer ", "same ", "owns ",
		"lacks ", "gone ", "text ", "type ", "watch ", "event ", "quiet ",
		"ends ", "close ", "#",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strncmp(line, words[i], strlen(words[i])))
			return true;
	return false;
}

/* The indented or bare lines up to the next directive, expanded; "" if none. */
static char *body(struct conf *c)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	while (c->at < c->lines.len && !is_directive(c->lines.data[c->at])) {
		const char *l = c->lines.data[c->at++];

		buf_adds(&b, l + strspn(l, " \t"));
		buf_addc(&b, ' ');
	}
	while (b.len && b.data[b.len - 1] == ' ')
		b.data[--b.len] = '\0';
	return expand(c, buf_str(&b));
}

static char *word(char **rest)
{
	char *s = *rest + strspn(*rest, " ");
	size_t n = strcspn(s, " ");

	*rest = s[n] ? s + n + 1 : s + n;
	s[n] = '\0';
	return s;
}

/* ---- requests ---- */

static bool call_done(void *arg)
{
	return ((struct client_call *)arg)->done;
}

static const char *media(const char *type, const char *text)
{
	if (!strcmp(type, "apply"))
		return "application/apply-patch+yaml";
	if (!strcmp(type, "merge"))
		return "application/merge-patch+json";
	if (strchr(type, '/'))
		return type;
	return *text ? "application/json" : NULL;
}

static bool perform(struct conf *c, const char *method, const char *path,
		    const char *type, const char *text)
{
	static const char accept[] = "application/json";

	client_deinit(&c->last);
	json_decref(c->json);
	c->json = NULL;
	client_start(c->d->w, &c->last, c->d->endpoint, method, path, media(type, text),
		     *text ? text : NULL);
	c->last.http.accept = accept;
	c->r->exchanges++;
	if (!c->d->run(c->d->arg, call_done, &c->last, CLIENT_TIMEOUT_MS + 1000) ||
	    c->last.err.code)
		return broken(c, c->at, "%s %s: no answer: %s", method, path,
			      c->last.err.msg);
	c->json = doc_parse(buf_str(&c->last.body), c->last.body.len, NULL);
	if (c->d->verbose)
		fprintf(stderr, "%s %s %s\n-> %d %s\n", method, path, text,
			c->last.status, buf_str(&c->last.body));
	return true;
}

static bool expect(struct conf *c, size_t line, const char *pattern,
		   const json_t *value)
{
	_cleanup_buf_ struct buf why = BUF_INIT;
	_cleanup_json_ json_t *p = NULL;
	struct err err = ERR_INIT;

	if (!*pattern)
		return true;
	p = doc_parse(pattern, strlen(pattern), &err);
	if (!p)
		return broken(c, line, "the pattern is no JSON: %s", err.msg);
	if (conf_match(p, value, &why))
		return true;
	return broken(c, line, "%s", buf_str(&why));
}

static bool do_request(struct conf *c, char *rest)
{
	size_t line = c->at - 1;
	_cleanup_free_ char *method = xstrdup(word(&rest));
	_cleanup_free_ char *path = expand(c, word(&rest));
	_cleanup_free_ char *type = xstrdup(word(&rest));
	_cleanup_free_ char *text = body(c), *pattern = NULL;
	char *next = c->at < c->lines.len ? c->lines.data[c->at] : "";
	int status;

	if (!perform(c, method, path, type, text))
		return false;
	if (strncmp(next, "< ", 2))
		return broken(c, line, "a request without an expected answer");
	status = atoi(next + 2);
	c->at++;
	pattern = body(c);
	if (status != c->last.status)
		return broken(c, line, "%s %s: want %d, got %d %.600s", method, path,
			      status, c->last.status, buf_str(&c->last.body));
	return expect(c, line, pattern, c->json);
}

struct patience {
	unsigned rounds;
};

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool do_until(struct conf *c, char *rest)
{
	size_t line = c->at - 1;
	_cleanup_free_ char *path = expand(c, rest);
	_cleanup_free_ char *pattern = body(c);
	_cleanup_json_ json_t *p = doc_parse(pattern, strlen(pattern), NULL);
	_cleanup_buf_ struct buf why = BUF_INIT;

	for (unsigned waited = 0; waited < UNTIL_MS; waited += 200) {
		if (!perform(c, "GET", path, "", ""))
			return false;
		if (waited)
			c->r->exchanges--;	/* one exchange, however often asked */
		buf_clear(&why);
		if (p && conf_match(p, c->json, &why))
			return true;
		c->d->run(c->d->arg, never, NULL, 200);
	}
	return broken(c, line, "GET %s never fits: %s", path, buf_str(&why));
}

/* ---- about the last answer ---- */

static const json_t *dig(const json_t *j, const char *dotted)
{
	_cleanup_free_ char *copy = xstrdup(dotted);
	char *save = NULL;

	for (char *k = strtok_r(copy, ".", &save); k && j;
	     k = strtok_r(NULL, ".", &save))
		j = json_is_array(j) ? json_array_get(j, strtoul(k, NULL, 10)) :
				       json_object_get(j, k);
	return j;
}

static bool do_save(struct conf *c, char *rest)
{
	_cleanup_free_ char *name = xstrdup(word(&rest));
	const char *v = json_string_value(dig(c->json, rest));

	if (!v)
		return broken(c, c->at - 1, "%s is no string of the answer", rest);
	set_var(c, name, v);
	return true;
}

static bool do_version(struct conf *c, char *rest, bool newer)
{
	const char *rv = doc_get_str(c->json, "metadata", "resourceVersion", NULL);
	const char *was = get_var(c, rest, strlen(rest));

	if (!rv || !was)
		return broken(c, c->at - 1, "no resourceVersion to compare");
	if (newer ? strtoull(rv, NULL, 10) > strtoull(was, NULL, 10) :
		    !strcmp(rv, was))
		return true;
	return broken(c, c->at - 1, "resourceVersion %s against %s of $%s", rv, was,
		      rest);
}

static const json_t *entry_of(const json_t *o, const char *who)
{
	const json_t *list = doc_get(o, "metadata", "managedFields", NULL);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *e = json_array_get(list, i);
		const char *m = doc_get_str(e, "manager", NULL);
		const char *op = doc_get_str(e, "operation", NULL);
		const char *sub = doc_get_str(e, "subresource", NULL);
		_cleanup_free_ char *full = xasprintf("%s/%s%s%s", m, op,
				sub ? "/" : "", sub ? sub : "");

		if (!strcmp(m, who) || !strcmp(full, who))
			return e;
	}
	return NULL;
}

static bool do_owns(struct conf *c, char *rest, bool want)
{
	size_t line = c->at - 1;
	_cleanup_free_ char *all = expand(c, rest);
	char *p = all;
	const char *who = word(&p);
	const json_t *e = entry_of(c->json, who), *n = doc_get(e, "fieldsV1", NULL);
	_cleanup_free_ char *shown = xstrdup(p);
	bool has;

	while (n && *p)
		n = json_object_get(n, word(&p));
	has = n && (!json_object_size(n) || json_object_get(n, "."));
	if (has == want)
		return true;
	return broken(c, line, "%s %s %s: %.900s", who, want ? "does not own" : "owns",
		      shown, buf_str(&c->last.body));
}

static bool do_gone(struct conf *c, char *rest)
{
	return !entry_of(c->json, rest) ||
	       broken(c, c->at - 1, "%s still has an entry", rest);
}

static bool do_text(struct conf *c, char *rest, const char *in)
{
	_cleanup_free_ char *want = expand(c, rest);

	return strstr(in, want) ||
	       broken(c, c->at - 1, "'%s' is not in '%.600s'", want, in);
}

/* ---- streams ---- */

static struct stream *stream_of(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->streams.len; i++)
		if (!strcmp(c->streams.data[i]->name, name))
			return c->streams.data[i];
	return NULL;
}

static void stream_close(struct conf *c, struct stream *s)
{
	if (!s->call.done)
		c->d->w->ops->http_cancel(c->d->w, &s->call.http);
	c->d->run(c->d->arg, call_done, &s->call, EVENT_MS);
	client_deinit(&s->call);
	free(s->name);
	free(s->path);
	free(s);
	for (size_t i = 0; i < c->streams.len; i++)
		if (c->streams.data[i] == s)
			c->streams.data[i] = c->streams.data[--c->streams.len];
}

static bool head_or_done(void *arg)
{
	struct client_call *call = arg;

	return call->head || call->done;
}

static bool do_watch(struct conf *c, char *rest)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	s->name = xstrdup(word(&rest));
	s->path = expand(c, rest);
	client_start(c->d->w, &s->call, c->d->endpoint, "GET", s->path, NULL, NULL);
	vec_push(&c->streams, s);
	c->r->exchanges++;
	if (!c->d->run(c->d->arg, head_or_done, &s->call, EVENT_MS) ||
	    s->call.status != 200)
		return broken(c, c->at - 1, "the watch is not open: %d %s %s",
			      s->call.status, s->call.err.msg,
			      buf_str(&s->call.body));
	return true;
}

static bool has_line(void *arg)
{
	struct client_call *call = arg;

	return strchr(buf_str(&call->body), '\n') || call->done;
}

static json_t *next_event(struct conf *c, struct stream *s)
{
	char *nl;
	json_t *j;

	if (!c->d->run(c->d->arg, has_line, &s->call, EVENT_MS))
		return NULL;
	nl = strchr(buf_str(&s->call.body), '\n');
	if (!nl)
		return NULL;
	j = doc_parse(s->call.body.data, (size_t)(nl - s->call.body.data), NULL);
	if (c->d->verbose)
		fprintf(stderr, "event %.*s\n", (int)(nl - s->call.body.data),
			s->call.body.data);
	buf_consume(&s->call.body, (size_t)(nl - s->call.body.data) + 1);
	return j;
}

static bool do_event(struct conf *c, char *rest)
{
	size_t line = c->at - 1;
	struct stream *s = stream_of(c, word(&rest));
	_cleanup_free_ char *pattern = NULL;
	_cleanup_json_ json_t *e = NULL;
	const char *type;

	pattern = body(c);
	if (!s)
		return broken(c, line, "no such stream");
	e = next_event(c, s);
	c->r->exchanges++;
	type = doc_get_str(e, "type", NULL);
	if (!type || strcmp(type, rest)) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		if (e)
			doc_write(e, &b);
		return broken(c, line, "want %s, got %.600s", rest, buf_str(&b));
	}
	json_decref(c->json);
	c->json = json_incref(doc_get(e, "object", NULL));
	buf_clear(&c->last.body);
	doc_write(c->json, &c->last.body);
	return expect(c, line, pattern, c->json);
}

static bool do_quiet(struct conf *c, char *rest)
{
	struct stream *s = stream_of(c, rest);

	if (!s)
		return broken(c, c->at - 1, "no such stream");
	if (!c->d->run(c->d->arg, has_line, &s->call, QUIET_MS))
		return true;
	return broken(c, c->at - 1, "unexpected: %.600s", buf_str(&s->call.body));
}

static bool do_ends(struct conf *c, char *rest)
{
	struct stream *s = stream_of(c, rest);

	if (s && c->d->run(c->d->arg, call_done, &s->call, EVENT_MS) &&
	    !s->call.err.code)
		return true;
	return broken(c, c->at - 1, "the stream does not end cleanly: %s",
		      s ? s->call.err.msg : "no such stream");
}

static bool do_close(struct conf *c, char *rest)
{
	struct stream *s = stream_of(c, rest);

	if (s)
		stream_close(c, s);
	return s != NULL;
}

/* ---- cases ---- */

static void end_case(struct conf *c)
{
	while (c->streams.len)
		stream_close(c, c->streams.data[0]);
	if (!c->in_case)
		return;
	c->r->failed += c->failed;
	printf("%s - %s: %s\n", c->failed ? "not ok" : "ok", c->name, c->title);
	c->in_case = false;
}

static bool begin_case(struct conf *c, const char *title)
{
	_cleanup_free_ char *u = NULL, *ns = NULL, *text = NULL;

	end_case(c);
	c->title = title;
	c->in_case = true;
	c->failed = false;
	c->r->cases++;
	u = xasprintf("%x-%u", c->d->unique, c->r->cases);
	ns = xasprintf("conf-%s", u);
	set_var(c, "u", u);
	set_var(c, "ns", ns);
	text = xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":"
			 "{\"name\":\"%s\",\"labels\":{\"conformance\":\"true\"}}}", ns);
	return perform(c, "POST", "/api/v1/namespaces", "", text) &&
	       (c->last.status == 201 || broken(c, c->at, "no namespace: %s",
						buf_str(&c->last.body)));
}

static bool run_line(struct conf *c, char *line)
{
	char *rest = line + strcspn(line, " ");

	if (*line == '#' || !*line)
		return true;
	if (*rest)
		rest++;
	switch (*line) {
	case '>': return do_request(c, rest);
	case 'u': return do_until(c, rest);
	case 'n': return do_version(c, rest, true);
	case 'o': return do_owns(c, rest, true);
	case 'l': return do_owns(c, rest, false);
	case 'g': return do_gone(c, rest);
	case 'w': return do_watch(c, rest);
	case 'q': return do_quiet(c, rest);
	case 'c': return line[1] == 'l' ? do_close(c, rest) : begin_case(c, rest);
	case 'e': return line[1] == 'v' ? do_event(c, rest) : do_ends(c, rest);
	case 's': return line[2] == 'm' ? do_version(c, rest, false) :
			 do_save(c, rest);
	case 't': return do_text(c, rest, line[1] == 'y' ? c->last.content_type :
				 buf_str(&c->last.body));
	default: return broken(c, c->at - 1, "not understood: %s", line);
	}
}

void conf_run(const struct conf_driver *d, const char *name, char *text,
	      struct conf_result *r)
{
	struct conf c = { .d = d, .r = r, .name = name };
	char *save = text;

	while (save) {
		char *line = strsep(&save, "\n");

		vec_push(&c.lines, line);
	}
	while (c.at < c.lines.len) {
		char *line = c.lines.data[c.at++];

		if (c.failed && strncmp(line, "case ", 5))
			continue;
		run_line(&c, line);
	}
	end_case(&c);
	client_deinit(&c.last);
	json_decref(c.json);
	for (size_t i = 0; i < c.vars.len; i++) {
		free(c.vars.data[i].name);
		free(c.vars.data[i].value);
	}
	vec_deinit(&c.vars);
	vec_deinit(&c.lines);
	vec_deinit(&c.streams);
}
