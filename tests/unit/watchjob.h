/* watchjob.h - a watch in a fake world, and a log of what it tells. */
#ifndef UNIT_WATCHJOB_H
#define UNIT_WATCHJOB_H

#include "core/watch.h"
#include "kubejob.h"

struct seen {
	struct lab lab;
	struct watch *w;
	struct buf log;		/* "reset +a -b synced" */
	struct err trouble;
	unsigned troubles, wells;
	const char *free_on;	/* the log word at which the watch is freed */
};

struct seen *seen_new(void);
void seen_free(struct seen *s);
void note(struct seen *s, const char *word, const char *name);
/* What happened since the last call. */
void check_log(struct seen *s, const char *want);
struct fake_call *seen_take(struct seen *s, const char *path);
/* A watch that has listed a and b at version 10 and watches on. */
struct fake_call *listed(struct seen *s);
/* A watch whose server has no streaming lists, at its first page. */
struct fake_call *first_page(struct seen *s);

extern const struct watch_handler handler;
extern const struct kube_ref CMS;

#define EVENT(type, name, version)                                            \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"ConfigMap\",\"metadata\":" \
	"{\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}}\n"
#define LIST_END(version)                                                     \
	"{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"ConfigMap\",\"metadata\":"  \
	"{\"resourceVersion\":\"" version "\",\"annotations\":"               \
	"{\"k8s.io/initial-events-end\":\"true\"}}}}\n"
#define BOOKMARK(version)                                                     \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{"                   \
	"\"resourceVersion\":\"" version "\"}}}\n"
#define ERROR_410                                                             \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"    \
	"\"reason\":\"Expired\",\"message\":\"too old resource version\"}}\n"
#define PAGE(version, next, items)                                            \
	"{\"kind\":\"ConfigMapList\",\"apiVersion\":\"v1\",\"metadata\":{"     \
	"\"resourceVersion\":\"" version "\",\"continue\":\"" next "\"},"      \
	"\"items\":[" items "]}"
#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\"}}"

#endif
