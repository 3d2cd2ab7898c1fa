/*
 * Which of an application's sources a command line means. Argo CD's spelling: the first
 * --revisions goes with the first of --source-positions, which count from 1, or of
 * --source-names (spec.sources[].name), and so on. A --local is paired in the same way:
 * one rule says which source is meant, and a folder's name may hold any character.
 *
 * What can be judged without the application is judged first: no request is made for a
 * command line that cannot be meant.
 */
#include "views.h"

#include "core/fetch.h"

#define POSITIONS_MAX VIEW_WORDS_MAX
#define COMMIT_MIN 7

struct positions {
	size_t data[POSITIONS_MAX];	/* from 1 */
	size_t n;
};

static const char *text(const json_t *o, const char *key)
{
	const char *s = doc_get_str(o, key, NULL);

	return s ? s : "";
}

/* ---- the sources there are ---- */

static const json_t *list_of(const json_t *app)
{
	return doc_get(app, "spec", "sources", NULL);
}

static size_t count(const json_t *app)
{
	size_t n = json_array_size(list_of(app));

	return n ? n : 1;
}

static const json_t *source_of(const json_t *app, size_t i)
{
	return json_array_size(list_of(app)) ? json_array_get(list_of(app), i) :
					       doc_get(app, "spec", "source", NULL);
}

static void add_source(struct buf *out, const json_t *app, size_t i)
{
	const json_t *source = source_of(app, i);
	_cleanup_free_ char *url = repo_url_shown(text(source, "repoURL"));

	buf_addf(out, "%zu (", i + 1);
	if (*text(source, "name"))
		buf_addf(out, "%s, ", text(source, "name"));
	buf_addf(out, "%s)", *url ? url : "no repoURL");
}

char *view_source_words(const json_t *app, size_t i)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "source ");
	add_source(&out, app, i);
	return buf_steal(&out, NULL);
}

/* The message, and which sources there are: the last, where a long one is cut. */
static int refuse(struct err *err, const json_t *app, const char *why)
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < count(app); i++) {
		buf_adds(&all, i ? ", " : "");
		add_source(&all, app, i);
	}
	return err_set(err, ERR_INVALID, "%s has %zu source%s, and %s: %s",
		       text(doc_get(app, "metadata", NULL), "name"), count(app),
		       count(app) == 1 ? "" : "s", why, buf_str(&all));
}

/* ---- what was named ---- */

/* "1", "1,3": one flag may name several. */
static int read_positions(const struct view_words *words, struct positions *ret,
			  struct err *err)
{
	ret->n = 0;
	for (size_t i = 0; i < words->n; i++) {
		const char *s = words->data[i];

		for (bool more = true; more; s++) {
			size_t digits = strspn(s, "0123456789");
			unsigned long n = strtoul(s, NULL, 10);

			if (!digits || digits > 3 || !n || (s[digits] && s[digits] != ','))
				return err_set(err, ERR_INVALID, "--source-positions %s: want "
					       "a source's number; they count from 1",
					       words->data[i]);
			if (ret->n == POSITIONS_MAX)
				return err_set(err, ERR_LIMIT, "--source-positions names more "
					       "than %d", POSITIONS_MAX);
			ret->data[ret->n++] = n;
			s += digits;
			more = *s == ',';
		}
	}
	return 0;
}

static int check_words(const struct view_words *words, const char *flag, struct err *err)
{
	for (size_t i = 0; i < words->n; i++)
		if (!*words->data[i])
			return err_set(err, ERR_INVALID, "--%s: it is empty", flag);
	return 0;
}

/* Of what excludes each other, the message; NULL. */
static const char *clash(const struct view_named *n)
{
	if (n->revision && n->revisions.n)
		return "--revision and --revisions exclude each other";
	if (n->locals.n && (n->revision || n->revisions.n))
		return "--local and --revision exclude each other";
	if (n->positions.n && n->names.n)
		return "--source-positions and --source-names exclude each other";
	return NULL;
}

static int check_pairs(const struct view_named *n, size_t positions, struct err *err)
{
	const char *which = n->names.n ? "--source-names" : "--source-positions";
	const char *flag = n->locals.n ? "--local" : "--revisions";
	size_t values = n->revisions.n + n->locals.n;
	size_t said = n->names.n ? n->names.n : positions;

	if (said == values || (!said && n->locals.n == 1))
		return 0;
	if (!values && n->revision)
		return err_set(err, ERR_INVALID, "--revision is of an application with one "
			       "source: give --revisions %s with %s", n->revision, which);
	if (!values)
		return err_set(err, ERR_INVALID, "%s says which source --revisions (of diff also "
			       "--local) is of: give that, too", which);
	if (!said)
		return err_set(err, ERR_INVALID, "%s: say of which source, with --source-positions "
			       "N or --source-names NAME; syncctl get numbers them", flag);
	return err_set(err, ERR_INVALID, "%zu of %s and %zu of %s: each needs its own", values,
		       flag, said, which);
}

int view_named_check(const struct view_named *n, struct err *err)
{
	const char *wrong = clash(n);
	struct positions p;

	if (wrong)
		return err_set(err, ERR_INVALID, "%s", wrong);
	if (check_words(&n->revisions, "revisions", err) ||
	    check_words(&n->locals, "local", err) ||
	    check_words(&n->names, "source-names", err) ||
	    read_positions(&n->positions, &p, err))
		return -1;
	return check_pairs(n, p.n, err);
}

/* ---- which they are ---- */

static int find_position(const json_t *app, size_t position, size_t *ret, struct err *err)
{
	_cleanup_free_ char *why = xasprintf("--source-positions %zu is none of them",
					     position);

	if (position > count(app))
		return refuse(err, app, why);
	*ret = position - 1;
	return 0;
}

static int find_name(const json_t *app, const char *name, size_t *ret, struct err *err)
{
	_cleanup_free_ char *none = xasprintf("none is called \"%.80s\"", name);
	_cleanup_free_ char *many = xasprintf("several are called \"%.80s\" (name them by "
					      "--source-positions)", name);
	size_t found = 0;

	for (size_t i = 0; i < count(app); i++) {
		if (strcmp(text(source_of(app, i), "name"), name))
			continue;
		*ret = i;
		found++;
	}
	return found == 1 ? 0 : refuse(err, app, found ? many : none);
}

static int pick_pair(const json_t *app, const struct view_named *n,
		     const struct positions *p, size_t pair, struct view_picks *ret,
		     struct err *err)
{
	struct view_pick *pick;
	size_t i = 0;

	if (n->names.n ? find_name(app, n->names.data[pair], &i, err) :
			 find_position(app, p->data[pair], &i, err))
		return -1;
	pick = &ret->of[i];
	if (pick->revision || pick->local) {
		_cleanup_free_ char *words = view_source_words(app, i);

		return err_set(err, ERR_INVALID, "%s is named twice", words);
	}
	if (n->locals.n)
		pick->local = n->locals.data[pair];
	else
		pick->revision = n->revisions.data[pair];
	return 0;
}

/* One that does not say of which source it is. */
static int pick_only(const json_t *app, const struct view_named *n,
		     struct view_picks *ret, struct err *err)
{
	if (ret->n > 1 && n->revision)
		return refuse(err, app, "--revision is of one (give --revisions REV with "
			      "--source-positions N, as often as needed)");
	if (ret->n > 1 && n->locals.n)
		return refuse(err, app, "--local is the folder of one (say which with "
			      "--source-positions N)");
	ret->of[0].revision = n->revision;
	ret->of[0].local = n->locals.n ? n->locals.data[0] : NULL;
	return 0;
}

/* Of more sources than syncd takes; what is asked for without them may go on. */
static int pick_none(const struct view_named *n, struct view_picks *ret, struct err *err)
{
	size_t had = ret->n;

	ret->n = 0;
	return !n->revision && !n->revisions.n && !n->locals.n ? 0 :
	       err_set(err, ERR_LIMIT, "spec.sources has %zu entries: at most %zu are taken",
		       had, ARRAY_LEN(ret->of));
}

int view_pick(const json_t *app, const struct view_named *n, struct view_picks *ret,
	      struct err *err)
{
	struct positions p;

	*ret = (struct view_picks){ .n = count(app),
				    .many = json_array_size(list_of(app)) > 0 };
	if (view_named_check(n, err) || read_positions(&n->positions, &p, err))
		return -1;
	if (ret->n > ARRAY_LEN(ret->of))
		return pick_none(n, ret, err);
	if (!p.n && !n->names.n)
		return pick_only(app, n, ret, err);
	for (size_t i = 0; i < n->revisions.n + n->locals.n; i++)
		if (pick_pair(app, n, &p, i, ret, err))
			return -1;
	return 0;
}

/* ---- where they are ---- */

static bool same(const json_t *a, const json_t *b, const char *key)
{
	return !strcmp(text(a, key), text(b, key));
}

/* The commit that Git was last seen at; NULL: not known, or of another repository. */
static const char *seen_commit(const json_t *app, size_t i)
{
	const json_t *sync = doc_get(app, "status", "sync", NULL);
	const json_t *then = doc_get(sync, "comparedTo", NULL), *now = source_of(app, i);
	const char *commit;

	if (json_array_size(list_of(app))) {
		then = json_array_get(doc_get(then, "sources", NULL), i);
		commit = json_string_value(json_array_get(doc_get(sync, "revisions", NULL), i));
	} else {
		then = doc_get(then, "source", NULL);
		commit = doc_get_str(sync, "revision", NULL);
	}
	if (then && (!same(then, now, "repoURL") || !same(then, now, "targetRevision")))
		return NULL;
	return commit && *commit ? commit : NULL;
}

const char *view_wanted_revision(const json_t *app, const struct view_picks *p, size_t i)
{
	return p->of[i].revision ? p->of[i].revision : seen_commit(app, i);
}

/* As Git shortens one at least; "bad" is a branch. */
static bool begins(const char *commit, const char *wanted)
{
	size_t n = wanted ? strlen(wanted) : 0;

	return commit && n >= COMMIT_MIN && strspn(wanted, "0123456789abcdef") == n &&
	       !strncmp(commit, wanted, n);
}

bool view_is_of_spec(const json_t *app, const json_t *then)
{
	const json_t *many = list_of(app), *spec = doc_get(app, "spec", NULL);
	const char *key = json_array_size(many) ? "sources" : "source";
	const json_t *a = json_object_get(spec, key), *b = json_object_get(then, key);

	return a && b && doc_equal(a, b);
}

/* Was it rendered from the sources that the spec names now, all of what they say? */
static bool is_of_spec(const json_t *app, int64_t release)
{
	const json_t *list = doc_get(app, "status", "history", NULL), *row;
	size_t i;

	json_array_foreach((json_t *)list, i, row)
		if (doc_get_int(row, 0, "id", NULL) == release)
			return view_is_of_spec(app, row);
	return false;
}

static bool is_release(const json_t *r, const json_t *app, const struct view_picks *p)
{
	const json_t *list = doc_get(r, "revisions", NULL);

	if (json_array_size(list) != (p->many ? p->n : 0) ||
	    !is_of_spec(app, doc_get_int(r, 0, "id", NULL)))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const char *commit = p->many ? json_string_value(json_array_get(list, i)) :
					       doc_get_str(r, "revision", NULL);

		if (p->of[i].local || !begins(commit, view_wanted_revision(app, p, i)))
			return false;
	}
	return true;
}

uint32_t view_release_of(const json_t *app, const struct view_picks *p)
{
	const json_t *list = doc_get(app, "status", "syncd", "releases", NULL), *r;
	size_t i;

	json_array_foreach((json_t *)list, i, r)
		if (is_release(r, app, p))
			return (uint32_t)doc_get_int(r, 0, "id", NULL);
	return 0;
}

/* ---- what would not last ---- */

bool view_goes_by_itself(const json_t *app)
{
	const json_t *automated = doc_get(app, "spec", "syncPolicy", "automated", NULL);

	return json_is_object(automated) && doc_get_bool(automated, true, "enabled", NULL);
}

/* What the source says anyway, or the very commit that Git is at. */
static bool is_head(const json_t *app, const struct view_pick *pick, size_t i)
{
	const char *said = text(source_of(app, i), "targetRevision");

	return !strcmp(pick->revision, *said ? said : "HEAD") ||
	       begins(seen_commit(app, i), pick->revision);
}

int view_lasts(const json_t *app, const struct view_picks *p, struct err *err)
{
	const char *name = doc_get_str(app, "metadata", "name", NULL);

	if (!view_goes_by_itself(app) || view_is_pinned_by_itself(app))
		return 0;
	for (size_t i = 0; i < p->n; i++)
		if (p->of[i].revision && !is_head(app, &p->of[i], i))
			return err_set(err, ERR_INVALID, "%.60s syncs by itself, which would "
				"undo this at once: syncctl rollback %.60s goes back to a "
				"release and stays there; for another revision change "
				"targetRevision, or take syncPolicy.automated off", name, name);
	return 0;
}
