/* approval.h: exactly the list that was shown, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "core/doc.h"
#include "sync/approval.h"

#define N 12

struct fixture {
	struct record rec;
	struct live_index live;
	struct live there[N];
	struct buf keys[N];
	struct render_answer release;
	struct rendered objects[N];
	struct scope scopes[N];
	char names[N][8];
	struct prune_policy policy;
	struct plan plan;
};

static struct objkey key_of(struct fixture *f, size_t i)
{
	return (struct objkey){ "", "ConfigMap", "prod", f->names[i] };
}

/* cm-00 is in Git; the others were and are not. */
static void setup(struct fixture *f)
{
	*f = (struct fixture){ .release.n_objects = 1 };
	f->release.objects = f->objects;
	for (size_t i = 0; i < N; i++) {
		struct objkey k;

		snprintf(f->names[i], sizeof(f->names[i]), "cm-%02zu", i);
		k = key_of(f, i);
		strcpy(record_inv_add(&f->rec, &k, "r1-00000001")->uid, f->names[i]);
		objkey_format(&k, &f->keys[i]);
		f->there[i].app_id = (char *)"shop";
		strcpy(f->there[i].uid, f->names[i]);
		HASH_ADD_KEYPTR(hh, f->live.by_key, buf_str(&f->keys[i]),
				f->keys[i].len, &f->there[i]);
		f->objects[i] = (struct rendered){ .group = (char *)"",
			.version = (char *)"v1", .kind = (char *)"ConfigMap",
			.ns = (char *)"prod", .name = f->names[i] };
		f->scopes[i] = (struct scope){ true, true, true };
	}
}

static void plan(struct fixture *f)
{
	struct plan_input in = {
		.release = &f->release, .scopes = f->scopes, .destination_ns = "prod",
		.app_id = "shop", .record = &f->rec, .live = &f->live,
		.prune_allowed = true, .policy = &f->policy,
	};

	plan_deinit(&f->plan);
	plan_build(&in, &f->plan);
}

static void teardown(struct fixture *f)
{
	HASH_CLEAR(hh, f->live.by_key);
	for (size_t i = 0; i < N; i++)
		buf_deinit(&f->keys[i]);
	plan_deinit(&f->plan);
	record_deinit(&f->rec);
}

static void digest_names_the_list(void **state)
{
	char all[65], fewer[65], other[65], same[65];
	struct fixture f;
	struct objkey k;

	(void)state;
	setup(&f);
	plan(&f);
	assert_int_equal(f.plan.n_ask, N - 1);
	assert_int_equal(approval_digest(&f.plan, all), N - 1);
	/* The waves they go in are no part of the question. */
	k = key_of(&f, 3);
	record_inv(&f.rec, &k)->wave = 7;
	plan(&f);
	approval_digest(&f.plan, same);
	assert_string_equal(same, all);
	strcpy(record_inv(&f.rec, &k)->uid, "another");
	strcpy(f.there[3].uid, "another");
	plan(&f);
	approval_digest(&f.plan, other);
	assert_string_not_equal(other, all);
	record_inv_drop(&f.rec, &k);
	f.policy.confirm = true;
	plan(&f);
	assert_int_equal(approval_digest(&f.plan, fewer), N - 2);
	assert_string_not_equal(fewer, all);
	f.policy = (struct prune_policy){ .unlimited = true };
	plan(&f);
	assert_int_equal(approval_digest(&f.plan, fewer), 0);
	assert_string_equal(fewer, "");
	teardown(&f);
}

static void exactly_this_list_is_approved(void **state)
{
	char digest[65];
	struct fixture f;
	struct objkey k;

	(void)state;
	setup(&f);
	plan(&f);
	assert_false(approval_take(&f.rec, &f.plan, ""));
	assert_false(approval_take(&f.rec, &f.plan, "yes"));
	approval_digest(&f.plan, digest);
	f.release.n_objects = 2;	/* one of them is in Git again: another list */
	f.policy.confirm = true;
	plan(&f);
	assert_false(approval_take(&f.rec, &f.plan, digest));
	assert_int_equal(f.plan.n_prune, 0);
	f.release.n_objects = 1;
	plan(&f);
	assert_true(approval_take(&f.rec, &f.plan, digest));
	plan(&f);
	assert_int_equal(f.plan.n_prune, N - 1);
	assert_int_equal(f.plan.n_ask, 0);
	/* While they go one by one the rest stays approved. */
	k = key_of(&f, 5);
	record_inv_drop(&f.rec, &k);
	plan(&f);
	assert_int_equal(f.plan.n_prune, N - 2);
	teardown(&f);
}

static void what_comes_back_asks_anew(void **state)
{
	char digest[65];
	struct fixture f;

	(void)state;
	setup(&f);
	f.policy.confirm = true;
	plan(&f);
	approval_digest(&f.plan, digest);
	assert_true(approval_take(&f.rec, &f.plan, digest));
	f.release.n_objects = 2;	/* cm-01 is in Git again... */
	plan(&f);
	assert_true(approval_take(&f.rec, &f.plan, ""));
	assert_false(approval_take(&f.rec, &f.plan, ""));
	f.release.n_objects = 1;	/* ...and leaves it again */
	plan(&f);
	assert_int_equal(f.plan.n_ask, 1);
	assert_int_equal(f.plan.n_prune, N - 2);
	assert_false(approval_take(&f.rec, &f.plan, digest));
	teardown(&f);
}

static void words_name_what_waits(void **state)
{
	struct buf out = BUF_INIT;
	struct fixture f;

	(void)state;
	setup(&f);
	plan(&f);
	approval_words(&f.plan, "shop", false, &out);
	assert_non_null(strstr(buf_str(&out), "11 objects that left Git wait for "));
	assert_non_null(strstr(buf_str(&out), "(too many at once): ConfigMap/prod/cm-"));
	assert_non_null(strstr(buf_str(&out), " and 6 more; "));
	assert_non_null(strstr(buf_str(&out), "syncctl confirm shop"));
	buf_clear(&out);
	f.release.n_objects = N - 1;
	f.policy.confirm = true;
	plan(&f);
	approval_words(&f.plan, "shop", true, &out);
	assert_string_equal(buf_str(&out), "1 object waits for approval before deletion "
		"(needs confirmation): ConfigMap/prod/cm-11; see and approve them: "
		"syncctl confirm shop");
	buf_clear(&out);
	f.release.n_objects = N;
	plan(&f);
	approval_words(&f.plan, "shop", false, &out);
	assert_int_equal(out.len, 0);
	buf_deinit(&out);
	teardown(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_names_the_list),
		cmocka_unit_test(exactly_this_list_is_approved),
		cmocka_unit_test(what_comes_back_asks_anew),
		cmocka_unit_test(words_name_what_waits),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
