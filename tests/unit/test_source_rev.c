/* sync/source_rev.c: what a fetch brought, and what the remote said meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/fetch.h"
#include "core/lsrefs.h"
#include "sync/source_priv.h"

static struct repo_rev *make(struct repo *r)
{
	*r = (struct repo){ .mirror = xstrdup("") };
	return source_rev_new(r, "main");
}

static void drop(struct repo *r)
{
	source_rev_free(r->revs);
	free(r->mirror);
	free(r->fetching_tag_ref);
}

static void fetched(struct repo_rev *rev, const char *oid, const char *tag)
{
	char mirror[] = "/m", author[] = "Ada", subject[] = "words";
	struct fetch_answer a = { .mirror = mirror, .author = author, .subject = subject };

	snprintf(a.oid, sizeof(a.oid), "%s", oid);
	snprintf(a.tag, sizeof(a.tag), "%s", tag);
	source_rev_fetched(rev, &a);
}

static void a_fetch_brings_what_was_wanted(void **state)
{
	struct repo r;
	struct repo_rev *rev = make(&r);

	(void)state;
	assert_true(source_rev_want(rev, "aaaa", NULL));
	assert_true(source_rev_behind(rev));
	source_rev_fetching(rev);
	fetched(rev, "aaaa", "");
	assert_string_equal(rev->commit, "aaaa");
	assert_false(source_rev_behind(rev));
	assert_false(source_rev_want(rev, "aaaa", NULL));
	drop(&r);
}

/* A push came, and a poll saw it, while the fetch ran: that is fetched next. */
static void what_came_during_a_fetch_is_wanted_still(void **state)
{
	char name[] = "refs/tags/v1", id[] = "dddd";
	struct git_ref tag = { .name = name };
	struct repo r;
	struct repo_rev *rev = make(&r);

	(void)state;
	snprintf(tag.tag, sizeof(tag.tag), "%s", id);
	source_rev_want(rev, "aaaa", NULL);
	source_rev_fetching(rev);
	assert_true(source_rev_want(rev, "bbbb", &tag));
	fetched(rev, "aaaa", "");
	assert_string_equal(rev->commit, "aaaa");
	assert_true(source_rev_behind(rev));
	assert_string_equal(rev->wanted, "bbbb");
	source_rev_fetching(rev);
	fetched(rev, "bbbb", "dddd");
	assert_false(source_rev_behind(rev));
	assert_string_equal(rev->commit, "bbbb");
	assert_string_equal(rev->tag_ref, "refs/tags/v1");
	drop(&r);
}

/* What the remote names may be a tag of a tag: what it led to is what was wanted. */
static void what_it_led_to_is_wanted(void **state)
{
	struct repo r;
	struct repo_rev *rev = make(&r);

	(void)state;
	source_rev_want(rev, "cccc", NULL);
	source_rev_fetching(rev);
	fetched(rev, "aaaa", "");
	assert_string_equal(rev->wanted, "aaaa");
	assert_false(source_rev_behind(rev));
	drop(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fetch_brings_what_was_wanted),
		cmocka_unit_test(what_came_during_a_fetch_is_wanted_still),
		cmocka_unit_test(what_it_led_to_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
