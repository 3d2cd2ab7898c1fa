/* A short list, walked: an object is in it only when it was healed a moment ago. */
#include "fight.h"

#include <string.h>

#include "retry.h"

#define BASE_MS 5000
#define MAX_MS 300000

static struct fight *find(const struct fights *f, const struct objkey *k)
{
	_cleanup_buf_ struct buf key = BUF_INIT;

	if (!f->len)
		return NULL;
	objkey_format(k, &key);
	for (size_t i = 0; i < f->len; i++)
		if (!strcmp(f->data[i].key, buf_str(&key)))
			return &f->data[i];
	return NULL;
}

static void drop(struct fights *f, size_t i)
{
	free(f->data[i].key);
	memmove(&f->data[i], &f->data[i + 1], (f->len - i - 1) * sizeof(*f->data));
	f->len--;
}

static struct fight *add(struct fights *f, const struct objkey *k)
{
	struct buf key = BUF_INIT;
	struct fight one = { 0 };

	if (f->len == FIGHTS_MAX)
		drop(f, 0);
	objkey_format(k, &key);
	one.key = buf_steal(&key, NULL);
	vec_push(f, one);
	return &f->data[f->len - 1];
}

/* Heals so far that count: within the time, before now. */
static unsigned recent(const struct fight *one, uint64_t now)
{
	unsigned n = 0;

	while (n < FIGHT_HEALS && one->at[n] && now - one->at[n] < FIGHT_MS)
		n++;
	return n;
}

bool fights_note(struct fights *f, const struct objkey *k, uint64_t now)
{
	struct fight *one = find(f, k);

	if (!one)
		one = add(f, k);
	memmove(&one->at[1], &one->at[0], sizeof(one->at) - sizeof(one->at[0]));
	one->at[0] = now ? now : 1;	/* 0 = never */
	if (one->lost || recent(one, now) < FIGHT_HEALS)
		return false;
	one->lost = true;
	return true;
}

bool fights_lost(const struct fights *f, const struct objkey *k)
{
	const struct fight *one = find(f, k);

	return one && one->lost;
}

void fights_peace(struct fights *f, const struct objkey *k, uint64_t now)
{
	const struct fight *one = find(f, k);

	if (one && !recent(one, now))
		drop(f, (size_t)(one - f->data));
}

uint64_t fights_wait(const struct fights *f, const struct objkey *k, uint64_t now)
{
	const struct fight *one = find(f, k);
	unsigned n = one ? recent(one, now) : 0;

	return n < 2 ? 0 : retry_wait(BASE_MS, 2, n - 1, MAX_MS);
}

void fights_describe(const struct fights *f, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < f->len; i++)
		if (f->data[i].lost && n++ < 3)
			buf_addf(out, "%s%s", n > 1 ? ", " : "", f->data[i].key);
	if (n > 3)
		buf_addf(out, " and %zu more", n - 3);
}

void fights_clear(struct fights *f)
{
	while (f->len)
		drop(f, f->len - 1);
	vec_deinit(f);
}
