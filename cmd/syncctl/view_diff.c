/*
 * Differences of objects, for people: by field path, or as a unified difference of
 * their YAML. What servers fill in by themselves does not count, nor what syncd
 * stamps; of a Secret's values only that they differ is told.
 */
#include "views.h"

#include "core/mem.h"

#define CONTEXT 3
#define MAX_CELLS (INT64_C(1) << 24)	/* of the table of common lines */
#define MAX_VALUE 120

/* ---- what counts ---- */

static void strip(json_t *o)
{
	static const char *const meta[] = { "managedFields", "resourceVersion", "generation",
		"uid", "creationTimestamp", "selfLink" };
	static const char *const notes[] = { "syncd.dev/operation",
		"argocd.argoproj.io/tracking-id", "deployment.kubernetes.io/revision",
		"kubectl.kubernetes.io/last-applied-configuration" };
	json_t *m = doc_get(o, "metadata", NULL);
	json_t *a = doc_get(m, "annotations", NULL), *l = doc_get(m, "labels", NULL);

	json_object_del(o, "status");
	for (size_t i = 0; i < ARRAY_LEN(meta); i++)
		json_object_del(m, meta[i]);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++)
		json_object_del(a, notes[i]);
	json_object_del(l, "syncd.dev/install");
	if (a && !json_object_size(a))
		json_object_del(m, "annotations");
	if (l && !json_object_size(l))
		json_object_del(m, "labels");
}

/* Each value as a word that says whether the other side has the same. */
static void mask(json_t *o, const json_t *other, const char *field, const char *mine)
{
	json_t *data = json_object_get(o, field), *v;
	const char *key;
	void *next;

	json_object_foreach_safe(data, next, key, v) {
		const json_t *its = doc_get(other, field, key, NULL);

		json_object_set_new(data, key, json_string(its && json_equal(its, v) ?
							   "(hidden)" : mine));
	}
}

struct sides {
	json_t *before, *after;	/* copies: stripped, masked; NULL: not there */
};

static void sides_init(struct sides *s, const struct view_change *c)
{
	static const char *const fields[] = { "data", "stringData" };

	*s = (struct sides){ json_deep_copy(c->before), json_deep_copy(c->after) };
	if (s->before)
		strip(s->before);
	if (s->after)
		strip(s->after);
	if (strcmp(c->kind, "Secret") || *c->group)
		return;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		mask(s->before, c->after, fields[i], "(hidden: the old value)");
		mask(s->after, c->before, fields[i], "(hidden: the new value)");
	}
}

static void sides_deinit(struct sides *s)
{
	json_decref(s->before);
	json_decref(s->after);
}

/* ---- by field path ---- */

struct walk {
	void (*fn)(struct walk *w, const char *path, const json_t *before,
		   const json_t *after);
	const struct view_env *env;
	struct buf *out;
	json_t *list;
	size_t n;
};

static const json_t *named(const json_t *list, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)list, i, o) {
		const char *its = doc_get_str(o, "name", NULL);

		if (its && !strcmp(its, name))
			return o;
	}
	return NULL;
}

/* A list of objects that each have a name of their own. */
static bool all_named(const json_t *list)
{
	const json_t *o;
	size_t i;

	json_array_foreach((json_t *)list, i, o) {
		const char *name = doc_get_str(o, "name", NULL);

		if (!name || named(list, name) != o)
			return false;
	}
	return json_array_size(list);
}

static void compare(struct walk *w, const char *path, const json_t *a, const json_t *b);

static void compare_maps(struct walk *w, const char *path, const json_t *a,
			 const json_t *b)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)a, key, v) {
		bool odd = strpbrk(key, "./[");
		_cleanup_free_ char *below = odd ? xasprintf("%s[%s]", path, key) :
			xasprintf("%s%s%s", path, *path ? "." : "", key);

		compare(w, below, v, json_object_get(b, key));
	}
	json_object_foreach((json_t *)b, key, v) {
		bool odd = strpbrk(key, "./[");
		_cleanup_free_ char *below = odd ? xasprintf("%s[%s]", path, key) :
			xasprintf("%s%s%s", path, *path ? "." : "", key);

		if (!json_object_get(a, key))
			compare(w, below, NULL, v);
	}
}

static void compare_lists(struct walk *w, const char *path, const json_t *a,
			  const json_t *b)
{
	size_t n = json_array_size(a), m = json_array_size(b);

	if (all_named(a) && all_named(b)) {
		for (size_t i = 0; i < n + m; i++) {
			const json_t *o = i < n ? json_array_get(a, i) :
						  json_array_get(b, i - n);
			const char *name = doc_get_str(o, "name", NULL);
			_cleanup_free_ char *below = xasprintf("%s[%s]", path, name);

			if (i < n)
				compare(w, below, o, named(b, name));
			else if (!named(a, name))
				compare(w, below, NULL, o);
		}
		return;
	}
	for (size_t i = 0; i < n || i < m; i++) {
		_cleanup_free_ char *below = xasprintf("%s[%zu]", path, i);

		compare(w, below, json_array_get(a, i), json_array_get(b, i));
	}
}

static void compare(struct walk *w, const char *path, const json_t *a, const json_t *b)
{
	if (a && b && doc_equal(a, b))
		return;
	if (json_is_object(a) && json_is_object(b)) {
		compare_maps(w, path, a, b);
	} else if (json_is_array(a) && json_is_array(b)) {
		compare_lists(w, path, a, b);
	} else {
		w->n++;
		w->fn(w, path, a, b);
	}
}

static void value_text(const json_t *v, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT, clean = BUF_INIT;

	if (json_is_string(v))
		buf_adds(&text, json_string_value(v));
	else
		doc_write(v, &text);
	view_clean(&clean, buf_str(&text));
	view_cut(out, clean.len ? buf_str(&clean) : "\"\"", MAX_VALUE);
}

static void tell(struct walk *w, const char *path, const json_t *before,
		 const json_t *after)
{
	_cleanup_buf_ struct buf line = BUF_INIT, name = BUF_INIT;

	view_clean(&name, path);
	buf_addf(&line, "  %c %s  ", !before ? '+' : !after ? '-' : '~', buf_str(&name));
	if (before)
		value_text(before, &line);
	if (before && after)
		buf_adds(&line, " -> ");
	if (after)
		value_text(after, &line);
	view_coloured(w->out, w->env, !before ? VIEW_GREEN : !after ? VIEW_RED :
		      VIEW_YELLOW, buf_str(&line));
	buf_addc(w->out, '\n');
}

static void nothing(struct walk *w, const char *path, const json_t *before,
		    const json_t *after)
{
	(void)w;
	(void)path;
	(void)before;
	(void)after;
}

bool view_change_any(const struct view_change *c)
{
	struct walk w = { .fn = nothing };
	struct sides s;

	if (!c->before || !c->after)
		return c->before || c->after;
	sides_init(&s, c);
	compare(&w, "", s.before, s.after);
	sides_deinit(&s);
	return w.n;
}

static const char *word(const struct view_change *c)
{
	return !c->before ? "would be created" : !c->after ? "would be deleted" :
	       "would change";
}

static void heading(const struct view_change *c, const struct view_env *env,
		    struct buf *out)
{
	_cleanup_free_ char *line = xasprintf("%s%s%s/%s%s%s  %s", c->group,
		*c->group ? "/" : "", c->kind, c->ns, *c->ns ? "/" : "", c->name, word(c));
	_cleanup_buf_ struct buf clean = BUF_INIT;

	view_clean(&clean, line);
	view_coloured(out, env, !c->before ? VIEW_GREEN : !c->after ? VIEW_RED : VIEW_BOLD,
		      buf_str(&clean));
	buf_addc(out, '\n');
}

void view_change_paths(const struct view_change *c, const struct view_env *env,
		       struct buf *out)
{
	struct walk w = { .fn = tell, .env = env, .out = out };
	struct sides s;

	heading(c, env, out);
	if (!c->before || !c->after)
		return;
	sides_init(&s, c);
	compare(&w, "", s.before, s.after);
	sides_deinit(&s);
}

static void note(struct walk *w, const char *path, const json_t *before,
		 const json_t *after)
{
	json_t *row = json_object();

	json_object_set_new(row, "path", json_string(path));
	if (before)
		json_object_set(row, "before", (json_t *)before);
	if (after)
		json_object_set(row, "after", (json_t *)after);
	json_array_append_new(w->list, row);
}

json_t *view_change_json(const struct view_change *c)
{
	struct walk w = { .fn = note, .list = json_array() };
	json_t *o = json_pack("{ssssssssss}", "group", c->group, "kind", c->kind,
			      "namespace", c->ns, "name", c->name, "change",
			      !c->before ? "create" : !c->after ? "delete" : "update");
	struct sides s;

	sides_init(&s, c);
	if (s.before && s.after)
		compare(&w, "", s.before, s.after);
	sides_deinit(&s);
	json_object_set_new(o, "fields", w.list);
	return o;
}

/* ---- unified ---- */

struct lines {
	char *text;
	VEC(const char *) at;
};

static void lines_init(struct lines *l, const json_t *o)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct buf yaml = BUF_INIT;
	char *s;

	*l = (struct lines){ 0 };
	if (!o)
		return;
	doc_write(o, &json);
	view_yaml(buf_str(&json), json.len, &yaml);
	l->text = buf_steal(&yaml, NULL);
	for (s = l->text; s && *s;) {
		char *end = strchr(s, '\n');

		vec_push(&l->at, s);
		if (!end)
			break;
		*end = '\0';
		s = end + 1;
	}
}

static void lines_deinit(struct lines *l)
{
	free(l->text);
	vec_deinit(&l->at);
}

/* One mark per line of the result: ' ', '-' or '+'. */
struct script {
	VEC(char) mark;
	VEC(const char *) line;
};

static void step(struct script *s, char mark, const char *line)
{
	vec_push(&s->mark, mark);
	vec_push(&s->line, line);
}

/* Longest common subsequence of a[0..n) and b[0..m), from the end. */
static void align(struct script *s, const char *const *a, size_t n,
		  const char *const *b, size_t m)
{
	_cleanup_free_ uint32_t *best = xcalloc((n + 1) * (m + 1), sizeof(*best));
	size_t i = 0, j = 0, w = m + 1;

	for (size_t x = n; x-- > 0;)
		for (size_t y = m; y-- > 0;)
			best[x * w + y] = !strcmp(a[x], b[y]) ?
				best[(x + 1) * w + y + 1] + 1 :
				best[(x + 1) * w + y] > best[x * w + y + 1] ?
				best[(x + 1) * w + y] : best[x * w + y + 1];
	while (i < n || j < m) {
		if (i < n && j < m && !strcmp(a[i], b[j])) {
			step(s, ' ', a[i++]);
			j++;
		} else if (i < n && (j == m || best[(i + 1) * w + j] >=
					       best[i * w + j + 1])) {
			step(s, '-', a[i++]);
		} else {
			step(s, '+', b[j++]);
		}
	}
}

static void diff_lines(struct script *s, const struct lines *a, const struct lines *b)
{
	size_t n = a->at.len, m = b->at.len, head = 0, tail = 0;

	while (head < n && head < m && !strcmp(a->at.data[head], b->at.data[head]))
		step(s, ' ', a->at.data[head++]);
	while (tail < n - head && tail < m - head &&
	       !strcmp(a->at.data[n - 1 - tail], b->at.data[m - 1 - tail]))
		tail++;
	n -= head + tail;
	m -= head + tail;
	if ((int64_t)(n + 1) * (int64_t)(m + 1) <= MAX_CELLS) {
		align(s, (const char *const *)a->at.data + head, n,
		      (const char *const *)b->at.data + head, m);
	} else {	/* too large to be compared line by line */
		for (size_t i = 0; i < n; i++)
			step(s, '-', a->at.data[head + i]);
		for (size_t i = 0; i < m; i++)
			step(s, '+', b->at.data[head + i]);
	}
	for (size_t i = 0; i < tail; i++)
		step(s, ' ', a->at.data[head + n + i]);
}

/* Is there a change within the lines of context around it? */
static bool is_near(const struct script *s, size_t i)
{
	size_t from = i > CONTEXT ? i - CONTEXT : 0;

	for (size_t k = from; k <= i + CONTEXT && k < s->mark.len; k++)
		if (s->mark.data[k] != ' ')
			return true;
	return false;
}

static void print_script(const struct script *s, const struct view_env *env,
			 struct buf *out)
{
	size_t from = 1, to = 1;
	bool open = false;

	for (size_t i = 0; i < s->mark.len; i++) {
		char m = s->mark.data[i];
		_cleanup_buf_ struct buf line = BUF_INIT;
		bool near = is_near(s, i);

		if (near && !open)
			buf_addf(out, "@@ -%zu +%zu @@\n", from, to);
		open = near;
		from += m != '+';
		to += m != '-';
		if (!near)
			continue;
		buf_addc(&line, m);
		view_clean(&line, s->line.data[i]);
		view_coloured(out, env, m == '+' ? VIEW_GREEN : m == '-' ? VIEW_RED :
			      VIEW_PLAIN, buf_str(&line));
		buf_addc(out, '\n');
	}
}

void view_change_unified(const struct view_change *c, const struct view_env *env,
			 struct buf *out)
{
	_cleanup_free_ char *name = xasprintf("%s%s%s/%s%s%s", c->group,
		*c->group ? "/" : "", c->kind, c->ns, *c->ns ? "/" : "", c->name);
	_cleanup_buf_ struct buf clean = BUF_INIT;
	struct script script = { 0 };
	struct lines a, b;
	struct sides s;

	sides_init(&s, c);
	lines_init(&a, s.before);
	lines_init(&b, s.after);
	diff_lines(&script, &a, &b);
	view_clean(&clean, name);
	buf_addf(out, "--- %s\n+++ %s\n", c->before ? buf_str(&clean) : "/dev/null",
		 c->after ? buf_str(&clean) : "/dev/null");
	print_script(&script, env, out);
	vec_deinit(&script.mark);
	vec_deinit(&script.line);
	lines_deinit(&a);
	lines_deinit(&b);
	sides_deinit(&s);
}
