#include "core/mem.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>

static void *checked(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return checked(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return s ? checked(strdup(s)) : NULL;
}

char *xstrndup(const char *s, size_t n)
{
	return s ? checked(strndup(s, n)) : NULL;
}

char *xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return checked(s);
}

/* A block is twice as large as the one before: most arenas hold a few hundred bytes. */
#define BLOCK_FIRST ((size_t)512)
#define BLOCK_SIZE ((size_t)16 * 1024)

/*
 * A large arena grows by whole huge pages, where the kernel gives them to those that
 * ask: a walk over a large render then misses the TLB less.
 */
#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM ((size_t)4 << 20)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	bool mapped;
	alignas(max_align_t) char bytes[];
};

/* One huge page, at its boundary; NULL where there is none. */
static struct arena_block *page_new(void)
{
	char *p = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;
	struct arena_block *b;

	if (p == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)p & (HUGE_PAGE - 1);
	if (before)
		munmap(p, before);
	munmap(p + before + HUGE_PAGE, HUGE_PAGE - before);
	madvise(p + before, HUGE_PAGE, MADV_HUGEPAGE);
	b = (void *)(p + before);
	b->size = HUGE_PAGE - sizeof(*b);
	b->mapped = true;
	return b;
}

static struct arena_block *block_new(struct arena *a, size_t size)
{
	struct arena_block *b = size <= BLOCK_SIZE && a->used >= HUGE_FROM ?
				page_new() : NULL;

	if (!b) {
		b = xcalloc(1, sizeof(*b) + size);
		b->size = size;
	}
	if (size > BLOCK_SIZE && a->blocks) {
		/* A big one goes second, so that the current stays in use. */
		b->next = a->blocks->next;
		a->blocks->next = b;
	} else {
		b->next = a->blocks;
		a->blocks = b;
	}
	return b;
}

/* Of the next block, for what does not fit any more. */
static size_t block_size(const struct arena_block *b, size_t need)
{
	size_t size = b ? 2 * b->size : BLOCK_FIRST;

	size = size < BLOCK_SIZE ? size : BLOCK_SIZE;
	return need > size ? need : size;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t need = (size + alignof(max_align_t) - 1) &
		      ~(alignof(max_align_t) - 1);
	struct arena_block *b = a->blocks;
	void *p;

	if (need < size)
		abort();
	if (!b || b->size - b->used < need)
		b = block_new(a, block_size(b, need));
	p = b->bytes + b->used;
	b->used += need;
	a->used += need;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *copy;

	if (!s)
		return NULL;
	n = strnlen(s, n);
	copy = arena_alloc(a, n + 1);
	memcpy(copy, s, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

void arena_deinit(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->blocks; b; b = next) {
		next = b->next;
		if (b->mapped)
			munmap(b, HUGE_PAGE);
		else
			free(b);
	}
	*a = (struct arena){ 0 };
}
