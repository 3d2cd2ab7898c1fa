/* Which of several sources a command line means, and which release that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/doc.h"
#include "views.h"

#define META "'metadata':{'name':'shop'}"
#define SHOP "{'repoURL':'https://u:pw@h/shop.git','path':'app','targetRevision':'main'}"
#define CONF "{'repoURL':'https://h/conf.git','path':'prod','name':'conf'}"
#define VALUES "{'repoURL':'https://h/values.git','ref':'values','name':'v'}"
#define TWINS "{" META ",'spec':{'sources':[" CONF "," SHOP "," CONF "]}}"
#define THREE "{" META ",'spec':{'sources':[" SHOP "," CONF "," VALUES "]}}"
#define LIST_OF_ONE "{" META ",'spec':{'sources':[" CONF "]}}"
#define ONE "{" META ",'spec':{'source':" SHOP "}}"
#define ALL_THREE "1 (https://h/shop.git), 2 (conf, https://h/conf.git), 3 (v, https://h/values.git)"

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct err err = ERR_INIT;
	json_t *j;

	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = doc_parse(copy, strlen(copy), &err);
	if (!j)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void add(struct view_words *list, const char *word)
{
	assert_true(list->n < VIEW_WORDS_MAX);
	list->data[list->n++] = word;
}

/*
 * "R=x" --revision, "r=x" --revisions, "l=x" --local, "p=1" --source-positions, "n=x"
 * --source-names, spaced. What comes back borrows from *words, which is cut up.
 */
static struct view_named read_words(char *words)
{
	struct view_named n = { 0 };
	char *word;

	while ((word = strsep(&words, " "))) {
		const char *value = *word ? word + 2 : NULL;

		switch (*word) {
		case 'R': n.revision = value; break;
		case 'r': add(&n.revisions, value); break;
		case 'l': add(&n.locals, value); break;
		case 'p': add(&n.positions, value); break;
		case 'n': add(&n.names, value); break;
		default: break;
		}
	}
	return n;
}

/* "- v1 ./dir": of each source nothing, a revision, a folder. */
static void show(const struct view_picks *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++)
		buf_addf(out, "%s%s%s", i ? " " : "", p->of[i].local ? "folder:" : "",
			 p->of[i].local ? p->of[i].local :
			 p->of[i].revision ? p->of[i].revision : "-");
}

/* want: what is picked, or the words of the refusal */
static const struct { const char *app, *words, *want; bool fails; } picked[] = {
	/* 1: nothing named */
	{ THREE, "", "- - -", false },
	{ ONE, "", "-", false },
	/* 2: one source needs no number, but may have it */
	{ ONE, "R=v1", "v1", false },
	{ ONE, "l=./x", "folder:./x", false },
	{ ONE, "r=v1 p=1", "v1", false },
	{ LIST_OF_ONE, "R=v1", "v1", false },
	{ LIST_OF_ONE, "r=v1 n=conf", "v1", false },
	/* 3: pairs, in any order of the command line */
	{ THREE, "r=v1 p=1", "v1 - -", false },
	{ THREE, "p=3 r=v3", "- - v3", false },
	{ THREE, "r=v1 p=1 r=v2 p=2", "v1 v2 -", false },
	{ THREE, "r=v2 r=v1 p=2 p=1", "v1 v2 -", false },
	{ THREE, "r=v3 r=v1 p=3,1", "v1 - v3", false },
	{ THREE, "r=v3 r=v2 n=v n=conf", "- v2 v3", false },
	{ THREE, "l=./a=b p=2", "- folder:./a=b -", false },
	{ THREE, "l=./a n=conf", "- folder:./a -", false },
	{ THREE, "l=./a p=1 l=./b p=2", "folder:./a folder:./b -", false },
	/* 4: of which one is not said */
	{ THREE, "R=v1", "shop has 3 sources, and --revision is of one (give --revisions "
	  "REV with --source-positions N, as often as needed): " ALL_THREE, true },
	{ THREE, "l=./x", "shop has 3 sources, and --local is the folder of one (say "
	  "which with --source-positions N): " ALL_THREE, true },
	{ THREE, "r=v1", "--revisions: say of which source, with --source-positions N", true },
	{ ONE, "r=v1", "--revisions: say of which source", true },
	{ THREE, "l=./x l=./y", "--local: say of which source", true },
	{ THREE, "p=1", "--source-positions says which source --revisions", true },
	{ THREE, "n=conf", "--source-names says which source --revisions", true },
	{ THREE, "R=v1 p=1", "give --revisions v1 with --source-positions", true },
	/* 5: not as many as there are */
	{ THREE, "r=v1 p=1 p=2", "1 of --revisions and 2 of --source-positions", true },
	{ THREE, "r=v1 r=v2 p=1", "2 of --revisions and 1 of --source-positions", true },
	{ THREE, "r=v1 r=v2 n=conf", "2 of --revisions and 1 of --source-names", true },
	{ THREE, "l=./x p=1,2", "1 of --local and 2 of --source-positions", true },
	/* 6: what is none of them */
	{ THREE, "r=v1 p=4", "shop has 3 sources, and --source-positions 4 is none of "
	  "them: " ALL_THREE, true },
	{ ONE, "r=v1 p=2", "shop has 1 source, and --source-positions 2 is none of them: "
	  "1 (https://h/shop.git)", true },
	{ THREE, "r=v1 n=x", "none is called \"x\": " ALL_THREE, true },
	{ TWINS, "r=v1 n=conf", "several are called \"conf\" (name them by "
	  "--source-positions): 1 (conf, https://h/conf.git), 2", true },
	{ THREE, "r=v1 r=v2 p=2,2", "source 2 (conf, https://h/conf.git) is named twice",
	  true },
	{ THREE, "r=v1 r=v2 n=conf n=conf", "is named twice", true },
	/* 7: no numbers */
	{ THREE, "r=v1 p=0", "--source-positions 0: want a source's number", true },
	{ THREE, "r=v1 p=x", "--source-positions x: want", true },
	{ THREE, "r=v1 p=-1", "--source-positions -1: want", true },
	{ THREE, "r=v1 p=1x", "--source-positions 1x: want", true },
	{ THREE, "r=v1 p=1,", "--source-positions 1,: want", true },
	{ THREE, "r=v1 p=,1", "--source-positions ,1: want", true },
	{ THREE, "r=v1 p=", "--source-positions : want", true },
	{ THREE, "r=v1 p=18446744073709551617", "--source-positions 184", true },
	/* 8: empty */
	{ THREE, "r= p=1", "--revisions: it is empty", true },
	{ THREE, "l= p=1", "--local: it is empty", true },
	{ THREE, "r=v1 n=", "--source-names: it is empty", true },
	/* 9: what excludes each other */
	{ THREE, "R=v1 r=v1 p=1", "--revision and --revisions exclude", true },
	{ THREE, "l=./x r=v1 p=1,2", "--local and --revision exclude", true },
	{ ONE, "l=./x R=v1", "--local and --revision exclude", true },
	{ THREE, "r=v1 p=2 n=conf", "--source-positions and --source-names exclude", true },
};

static void sources_are_picked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(picked); i++) {
		_cleanup_free_ char *words = xstrdup(picked[i].words);
		_cleanup_json_ json_t *app = parse(picked[i].app);
		_cleanup_buf_ struct buf got = BUF_INIT;
		struct view_named named = read_words(words);
		struct err err = ERR_INIT;
		struct view_picks picks;
		int rc = view_pick(app, &named, &picks, &err);

		if (!rc)
			show(&picks, &got);
		if (!rc != !picked[i].fails || (rc && err.code != ERR_INVALID) ||
		    (rc ? !strstr(err.msg, picked[i].want) :
			  strcmp(buf_str(&got), picked[i].want) != 0))
			fail_msg("row %zu (%s): %s", i, picked[i].words,
				 rc ? err.msg : buf_str(&got));
		assert_null(strstr(err.msg, "pw"));
	}
}

/* What cannot be meant whatever the application is needs no request to be refused. */
static void what_needs_no_application_is_judged_without(void **state)
{
	static const struct { const char *words; bool fails; } rows[] = {
		{ "", false }, { "R=v1", false }, { "l=./x", false }, { "r=v1 p=9", false },
		{ "r=v1 n=any", false }, { "r=v1", true }, { "p=1", true },
		{ "r=v1 p=0", true }, { "r=v1 p=1,2", true }, { "R=x l=./y", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *words = xstrdup(rows[i].words);
		struct view_named named = read_words(words);
		struct err err = ERR_INIT;

		if (!view_named_check(&named, &err) == rows[i].fails)
			fail_msg("row %zu: %s", i, err.msg);
	}
}

#define AUTO(automated, rest) "{" META ",'spec':{'source':" SHOP ",'syncPolicy':{'automated':" \
	automated "}},'status':{'sync':{'status':'OutOfSync','revision':'abcdef0123'," \
	"'comparedTo':{'source':" SHOP "}}" rest "}}"

/* What is undone at once is refused, as Argo CD does. */
static void what_would_not_last_is_refused(void **state)
{
	static const struct { const char *app, *words; bool fails; } rows[] = {
		{ AUTO("{}", ""), "R=v1", true },
		{ AUTO("{'enabled':true}", ""), "R=v1", true },
		{ AUTO("{}", ""), "R=main", false }, { AUTO("{}", ""), "R=HEAD", true },
		{ AUTO("{}", ""), "R=abcdef0", false },
		{ AUTO("{}", ""), "R=abcdef0999", true },
		{ AUTO("{}", ""), "", false },
		{ AUTO("{'enabled':false}", ""), "R=v1", false },
		{ AUTO("null", ""), "R=v1", false },
		{ AUTO("{}", ",'syncd':{'pin':{'by':'auto-revert','rejected':2}}"), "R=v1", false },
		{ ONE, "R=v1", false }, { THREE, "r=v1 p=2", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *app = parse(rows[i].app);
		_cleanup_free_ char *words = xstrdup(rows[i].words);
		struct view_named named = read_words(words);
		struct view_picks picks;
		struct err err = ERR_INIT;

		assert_int_equal(view_pick(app, &named, &picks, &err), 0);
		if (!view_lasts(app, &picks, &err) == rows[i].fails)
			fail_msg("row %zu: %s", i, err.msg);
		if (rows[i].fails && !strstr(err.msg, "syncctl rollback shop goes back"))
			fail_msg("row %zu: %s", i, err.msg);
		assert_true(!err.code || strstr(err.msg, "automated off"));
	}
}

static void no_more_than_there_can_be(void **state)
{
	_cleanup_json_ json_t *app = parse(THREE), *one = parse(CONF);
	json_t *list = doc_get(app, "spec", "sources", NULL);
	struct view_named named = { 0 };
	struct err err = ERR_INIT;
	struct view_picks picks;

	(void)state;
	while (json_array_size(list) <= RENDER_SOURCES_MAX)
		json_array_append(list, one);
	assert_int_equal(view_pick(app, &named, &picks, &err), 0);	/* a terminate, say */
	assert_int_equal(picks.n, 0);
	add(&named.revisions, "v1");
	add(&named.positions, "1");
	assert_int_equal(view_pick(app, &named, &picks, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	for (named.positions.n = 0; named.positions.n < VIEW_WORDS_MAX;)
		add(&named.positions, "1,2");
	assert_int_equal(view_named_check(&named, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
}

/* The operation field: of spec.sources one entry for each, "" as the spec says. */
static void requests_name_revisions(void **state)
{
	static const struct { const char *app, *words, *want; } rows[] = {
		{ THREE, "", "{}" },
		{ ONE, "", "{}" },
		{ ONE, "R=v1", "{'revision':'v1'}" },
		{ ONE, "r=v1 p=1", "{'revision':'v1'}" },
		{ LIST_OF_ONE, "R=v1", "{'revisions':['v1']}" },
		{ THREE, "r=v2 p=2", "{'revisions':['','v2','']}" },
		{ THREE, "r=v3 r=v1 p=3,1", "{'revisions':['v1','','v3']}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *words = xstrdup(rows[i].words);
		_cleanup_json_ json_t *app = parse(rows[i].app), *want = parse(rows[i].want);
		_cleanup_json_ json_t *got = NULL;
		struct view_named named = read_words(words);
		struct err err = ERR_INIT;
		struct view_picks picks;
		struct view_request r = { .id = "i", .user = "u", .picks = &picks };

		assert_int_equal(view_pick(app, &named, &picks, &err), 0);
		got = view_request_json(&r, &err);
		if (!doc_equal(doc_get(got, "sync", NULL), want))
			fail_msg("row %zu", i);
	}
}

static void a_revision_that_is_no_text_is_refused(void **state)
{
	_cleanup_json_ json_t *app = parse(THREE);
	struct view_named named = { 0 };
	struct err err = ERR_INIT;
	struct view_picks picks;
	struct view_request r = { .id = "i", .user = "u", .picks = &picks };

	(void)state;
	add(&named.revisions, "v\xff");
	add(&named.positions, "1");
	assert_int_equal(view_pick(app, &named, &picks, &err), 0);
	assert_null(view_request_json(&r, &err));
	assert_int_equal(err.code, ERR_INVALID);
}

#define NOW "'sources':[" SHOP "," CONF "," VALUES "]"
#define HISTORY "{'id':3,'source':" SHOP "},{'id':4," NOW "},{'id':5," NOW "},{'id':6," NOW \
	"},{'id':7," NOW "},{'id':8,'sources':[" SHOP "," CONF "," CONF "]}"
#define STATUS(sync, releases) "'status':{'sync':" sync \
	",'history':[" HISTORY "],'syncd':{'releases':[" releases "]}}"
#define FIRST "'aaaaaa1','bbbbbb1','cccccc1'"
#define SEEN "{'revisions':[" FIRST "],'comparedTo':{" NOW "}}"
#define EDITED "{'revisions':[" FIRST "],'comparedTo':{'sources':[" SHOP ",{" \
	"'repoURL':'https://h/other.git'}," VALUES "]}}"
#define RELEASE(id, commits) "{'id':" id ",'revisions':[" commits "]}"
/* No history says of what 9 is; 8 is of other sources. */
#define STORED RELEASE("9", FIRST) "," RELEASE("8", FIRST) "," \
	RELEASE("7", "'aaaaaa21','bbbbbb12','cccccc1'") "," RELEASE("6", FIRST) "," \
	RELEASE("5", FIRST) "," RELEASE("4", "'aaaaaa1','bbbbbb1'") \
	",{'id':3,'revision':'aaaaaa1'}"
#define MANY(sync) "{" META ",'spec':{'sources':[" SHOP "," CONF "," VALUES "]}," \
	STATUS(sync, STORED) "}"
#define SINGLE(sync) "{" META ",'spec':{'source':" SHOP "}," STATUS(sync, STORED) "}"

static void releases_of_what_is_wanted(void **state)
{
	/* of: each source's wanted revision; the number of the release, 0: none */
	static const struct { const char *app, *words, *of; uint32_t want; } rows[] = {
		{ MANY(SEEN), "", "aaaaaa1 bbbbbb1 cccccc1", 6 },	/* 1: the newest */
		{ MANY(SEEN), "r=aaaaaa2 p=1", "aaaaaa2 bbbbbb1 cccccc1", 7 },
		/* 2: a beginning */
		{ MANY(SEEN), "r=aaaaaa2 r=bbbbbb1 p=1,2", "aaaaaa2 bbbbbb1 cccccc1", 7 },
		{ MANY(SEEN), "r=main p=1", "main bbbbbb1 cccccc1", 0 },
		/* 3: no commit has it */
		{ MANY(SEEN), "l=./x p=2", "aaaaaa1 bbbbbb1 cccccc1", 0 },
		{ MANY(EDITED), "", "aaaaaa1 - cccccc1", 0 },		/* 4: another repository's */
		{ MANY(EDITED), "r=bbbbbb1 p=2", "aaaaaa1 bbbbbb1 cccccc1", 6 },
		{ MANY("{'revisions':['aaaaaa1']}"), "", "aaaaaa1 - -", 0 },
		{ MANY("{}"), "", "- - -", 0 },
		{ SINGLE("{'revision':'aaaaaa1'}"), "", "aaaaaa1", 3 },	/* 5: of one source */
		{ SINGLE("{'revision':'aaaaaa1'}"), "R=a", "a", 0 },	/* a branch */
		{ SINGLE("{'revision':'aaaaaa1'}"), "R=aaaaaa", "aaaaaa", 0 },
		{ SINGLE("{'revision':'aaaaaa9'}"), "", "aaaaaa9", 0 },
		{ SINGLE("{'revision':'aaaaaa1','comparedTo':{'source':" SHOP "}}"), "",
		  "aaaaaa1", 3 },
		{ SINGLE("{'revision':'aaaaaa1','comparedTo':{'source':" CONF "}}"), "", "-", 0 },
		{ SINGLE("{'revision':''}"), "", "-", 0 },
		{ SINGLE("{}"), "R=aaaaaa1", "aaaaaa1", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_free_ char *words = xstrdup(rows[i].words);
		_cleanup_json_ json_t *app = parse(rows[i].app);
		_cleanup_buf_ struct buf of = BUF_INIT;
		struct view_named named = read_words(words);
		struct err err = ERR_INIT;
		struct view_picks picks;

		assert_int_equal(view_pick(app, &named, &picks, &err), 0);
		for (size_t k = 0; k < picks.n; k++) {
			const char *r = view_wanted_revision(app, &picks, k);

			buf_addf(&of, "%s%s", k ? " " : "", r ? r : "-");
		}
		if (strcmp(buf_str(&of), rows[i].of) ||
		    view_release_of(app, &picks) != rows[i].want)
			fail_msg("row %zu: %s, #%u", i, buf_str(&of),
				 view_release_of(app, &picks));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources_are_picked),
		cmocka_unit_test(what_needs_no_application_is_judged_without),
		cmocka_unit_test(what_would_not_last_is_refused),
		cmocka_unit_test(no_more_than_there_can_be),
		cmocka_unit_test(requests_name_revisions),
		cmocka_unit_test(a_revision_that_is_no_text_is_refused),
		cmocka_unit_test(releases_of_what_is_wanted),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
