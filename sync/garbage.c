#include "garbage.h"

#include "core/doc.h"
#include "store_codec.h"

#define EMPTY_KEEP_MS ((uint64_t)3600 * 1000)

static const char *text(const json_t *secret, const char *a, const char *b)
{
	const char *s = doc_get_str(secret, "metadata", a, b, NULL);

	return s ? s : "";
}

/* Names of releases and chunks begin with the application's hash. */
static bool is_of(const char *name, const char *id, const char *kind)
{
	char own[STORE_NAME];
	size_t n;

	if (!strcmp(kind, "state")) {
		store_record_name(id, own);
		return !strcmp(name, own);
	}
	if (!strcmp(kind, "chunk"))
		store_chunk_name(id, "", own);
	else if (!strcmp(kind, "release"))
		store_release_name(id, 1, "", own);
	else
		return false;
	/* "syncd-release-<hash>-1-": the number is each release's own. */
	n = strlen(own) - (strcmp(kind, "release") ? 0 : strlen("1-"));
	return !strncmp(name, own, n);
}

bool kept_read(const json_t *secret, struct kept *ret)
{
	const char *kind = text(secret, "labels", "syncd.dev/record");
	const char *since = text(secret, "creationTimestamp", NULL);

	*ret = (struct kept){
		.name = text(secret, "name", NULL), .uid = text(secret, "uid", NULL),
		.id = text(secret, "annotations", "syncd.dev/application"),
		.state = !strcmp(kind, "state"), .chunk = !strcmp(kind, "chunk"),
		.created_ms = time_parse_rfc3339(since),
	};
	return *ret->uid && strchr(ret->id, '/') && ret->created_ms > 0 &&
	       is_of(ret->name, ret->id, kind);
}

static bool has_chunk(const struct release *rel, const struct kept *k)
{
	_cleanup_free_ char *copy = xstrdup(rel->chunks ? rel->chunks : "");
	char *rest = copy, *digest;
	char name[STORE_NAME];

	while ((digest = strsep(&rest, " "))) {
		store_chunk_name(k->id, digest, name);
		if (*digest && !strcmp(name, k->name))
			return true;
	}
	return false;
}

bool kept_needed(const struct kept *k, const struct record *rec)
{
	char name[STORE_NAME];

	if (k->state || (k->chunk && rec->releases.len && !rec->chunks_noted))
		return true;
	for (size_t i = 0; i < rec->releases.len; i++) {
		const struct release *rel = &rec->releases.data[i];

		store_release_name(k->id, rel->id, rel->digest, name);
		if (!strcmp(name, k->name) || has_chunk(rel, k))
			return true;
	}
	return false;
}

bool record_is_garbage(const struct record *rec, uint64_t now_mono, uint64_t keep_ms)
{
	uint64_t keep = rec->inventory.len || keep_ms < EMPTY_KEEP_MS ? keep_ms :
			EMPTY_KEEP_MS;
	int64_t gone = (int64_t)now_mono - rec->vanished_mono;

	return rec->vanished_ms && gone >= 0 && (uint64_t)gone >= keep;
}
