/* kv.h - the pairs that a generator's sources hold (api/kv). */
#ifndef KUST_KV_H
#define KUST_KV_H

#include "spec.h"

#define KV_LINE_MAX 65535u	/* bufio.Scanner's; what follows a longer line is lost */

/* A pair, in the arena; the value is bytes, the key a text without NULs. */
struct kv {
	const char *key, *value;
	size_t len;		/* of the value */
};
struct kvs {
	struct kv *data;
	size_t len, cap;
};
void kvs_deinit(struct kvs *l);
#define _cleanup_kvs_ __attribute__((cleanup(kvs_deinit)))

/*
 * The pairs of g's envs, literals and files, sorted by key. ERR_INVALID names the
 * source: no "=", no key, bytes that are no UTF-8, a key that comes twice; what
 * kload_file() says of a file.
 */
int kv_load(struct kust *k, const struct kfolder *folder, const struct kgenerator *g,
	    struct kvs *ret, struct err *err) __attribute__((warn_unused_result));
/* "key=value" of a literal: split at the first "=", one pair of quotes taken off. */
int kv_literal(struct kust *k, const char *source, struct kv *ret, struct err *err)
	__attribute__((warn_unused_result));
/* "[key=]path" of a file. */
int kv_file_source(struct kust *k, const char *source, const char **key,
		   const char **path, struct err *err)
	__attribute__((warn_unused_result));
/* The lines of an environment file, appended. */
int kv_env(struct kust *k, const char *text, size_t len, struct kvs *ret,
	   struct err *err) __attribute__((warn_unused_result));
/*
 * encodeBase64, of go-yaml and of kyaml's datamap: in one line when it is short,
 * else each line of 70 with its newline. In the arena.
 */
const char *kv_base64(struct kust *k, const char *data, size_t len);

#endif
