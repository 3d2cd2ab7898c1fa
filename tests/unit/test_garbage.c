/* sync/garbage.h: which Secrets are ours, which are needed, when a record may go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/doc.h"
#include "sync/garbage.h"
#include "sync/store_codec.h"

#define ID "argocd/shop"
#define DIGEST "abcdef0123456789"
#define CHUNK "0123456789abcdef01234567"

static json_t *secret(const char *name, const char *kind, const char *id,
		      const char *created)
{
	return json_pack("{s:{s:s,s:s,s:s,s:{s:s},s:{s:s}}}", "metadata", "name", name,
			 "uid", "u-1", "creationTimestamp", created, "labels",
			 "syncd.dev/record", kind, "annotations",
			 "syncd.dev/application", id);
}

static const char *name_of(const char *kind, const char *id, uint32_t release,
			   const char *digest)
{
	static char name[STORE_NAME];

	if (!strcmp(kind, "state"))
		store_record_name(id, name);
	else if (!strcmp(kind, "release"))
		store_release_name(id, release, digest, name);
	else
		store_chunk_name(id, digest, name);
	return name;
}

static void names_must_be_our_own(void **state)
{
	static const struct {
		const char *what, *kind, *id, *named_kind, *named_id, *created;
		bool want;
	} rows[] = {
#define NOW "2026-01-01T00:00:00Z"
		{ "a record", "state", ID, "state", ID, NOW, true },
		{ "a release", "release", ID, "release", ID, NOW, true },
		{ "a chunk", "chunk", ID, "chunk", ID, NOW, true },
		{ "another's name", "release", ID, "release", "argocd/other", NOW,
		  false },
		{ "a copy of a record", "state", ID, "state", "argocd/other", NOW,
		  false },
		{ "another kind's name", "chunk", ID, "release", ID, NOW, false },
		{ "a record called a release", "release", ID, "state", ID, NOW,
		  false },
		{ "no kind of ours", "diary", ID, "chunk", ID, NOW, false },
		{ "no application", "chunk", "shop", "chunk", "shop", NOW, false },
		{ "no time", "chunk", ID, "chunk", ID, "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *s = secret(
			name_of(rows[i].named_kind, rows[i].named_id, 12, DIGEST),
			rows[i].kind, rows[i].id, rows[i].created);
		struct kept k;

		if (kept_read(s, &k) != rows[i].want)
			fail_msg("%s", rows[i].what);
	}
}

static void what_the_record_names_is_needed(void **state)
{
	static const struct {
		const char *what, *kind;
		uint32_t release;
		const char *digest;
		bool want;
	} rows[] = {
		{ "the record", "state", 0, "", true },
		{ "a release of it", "release", 2, DIGEST, true },
		{ "its number with other bytes", "release", 2, "fff", false },
		{ "another number", "release", 1, DIGEST, false },
		{ "the first chunk", "chunk", 0, CHUNK, true },
		{ "the last chunk", "chunk", 0, "ffff", true },
		{ "another chunk", "chunk", 0, "fffe", false },
	};
	_cleanup_(record_deinit) struct record rec = { 0 };
	struct release *rel;

	(void)state;
	record_add_release(&rec)->id = 9;	/* number 1 has been forgotten */
	rel = record_add_release(&rec);
	assert_true(rec.chunks_noted);
	strcpy(rel->digest, DIGEST);
	rel->chunks = xstrdup(CHUNK " ffff");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_json_ json_t *s = secret(name_of(rows[i].kind, ID,
			rows[i].release, rows[i].digest), rows[i].kind, ID, NOW);
		struct record none = { 0 };
		struct kept k;

		assert_true(kept_read(s, &k));
		if (kept_needed(&k, &rec) != rows[i].want)
			fail_msg("%s", rows[i].what);
		/* A record that was begun before chunks were noted needs all. */
		rec.chunks_noted = false;
		assert_int_equal(kept_needed(&k, &rec), rows[i].want || k.chunk);
		rec.chunks_noted = true;
		assert_int_equal(kept_needed(&k, &none), k.state);
	}
}

static void records_go_late(void **state)
{
	static const struct {
		const char *what;
		int64_t vanished_ms, mono;
		uint64_t now, keep;
		bool empty, want;
	} rows[] = {
#define DAY ((int64_t)24 * 3600 * 1000)
		{ "it is there", 0, 0, 100 * DAY, 7 * DAY, false, false },
		{ "just gone", 5, 100, 100, 7 * DAY, false, false },
		{ "not long enough", 5, 0, 7 * DAY - 1, 7 * DAY, false, false },
		{ "long enough", 5, 0, 7 * DAY, 7 * DAY, false, true },
		{ "since before this life", 5, -6 * DAY, DAY, 7 * DAY, false, true },
		{ "the clock was not there yet", 5, 500, 100, 0, false, false },
		{ "nothing is left of it", 5, 0, DAY / 24, 7 * DAY, true, true },
		{ "... for a moment", 5, 0, DAY / 24 - 1, 7 * DAY, true, false },
	};
	struct objkey k = { "", "ConfigMap", "shop", "settings" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		_cleanup_(record_deinit) struct record rec = {
			.vanished_ms = rows[i].vanished_ms,
			.vanished_mono = rows[i].mono,
		};

		if (!rows[i].empty)
			record_inv_add(&rec, &k, "r1-0badcafe");
		if (record_is_garbage(&rec, rows[i].now, rows[i].keep) !=
		    rows[i].want)
			fail_msg("%s", rows[i].what);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_must_be_our_own),
		cmocka_unit_test(what_the_record_names_is_needed),
		cmocka_unit_test(records_go_late),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
