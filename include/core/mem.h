/*
 * mem.h - memory: allocation that aborts, scoped cleanup, arenas, vectors.
 *
 * Running out of memory aborts: Kubernetes restarts us, and half of all error
 * paths are not written. Caps, not NULL checks, defend against hostile input.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
/* NULL in, NULL out: optional strings are common. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Scoped ownership, for synchronous functions only. Never goto past one. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))
static inline void freep(void *p)
{
	free(*(void **)p);
}
#define _cleanup_free_ _cleanup_(freep)
#define steal(pp) \
	({ __typeof__(*(pp)) steal_ = *(pp); *(pp) = NULL; steal_; })

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#endif

/*
 * An arena: many small allocations with one lifetime (one reconcile pass, one
 * render). Zero-initialised struct is a valid empty arena. Memory comes back
 * zeroed and aligned for any type.
 */
struct arena {
	struct arena_block *blocks;	/* private */
	size_t used;			/* bytes handed out, for caps */
};
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void arena_deinit(struct arena *a);	/* leaves a valid empty arena */

/*
 * A typed vector: `VEC(struct task) tasks = {0};`. v.data[i] for i < v.len.
 * vec_push returns nothing and aborts on OOM; vec_deinit frees the storage and
 * leaves an empty vector (elements are the caller's).
 */
#define VEC(type) struct { type *data; size_t len, cap; }
#define vec_push(v, x)                                                        \
	do {                                                                  \
		if ((v)->len == (v)->cap) {                                   \
			(v)->cap = (v)->cap ? (v)->cap * 2 :                  \
				   sizeof(*(v)->data) > 128 ? 2 : 8;          \
			(v)->data = xrealloc((v)->data,                       \
					(v)->cap * sizeof(*(v)->data));       \
		}                                                             \
		(v)->data[(v)->len++] = (x);                                  \
	} while (0)
#define vec_deinit(v)                                                         \
	do {                                                                  \
		free((v)->data);                                              \
		(v)->data = NULL;                                             \
		(v)->len = (v)->cap = 0;                                      \
	} while (0)

#endif
