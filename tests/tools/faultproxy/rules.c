#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faultproxy.h"

#define RULES_MAX 256

static const char *const fault_names[FAULT_N] = {
	[FAULT_NONE] = "none", [FAULT_RESET_BEFORE] = "reset-before",
	[FAULT_RESET_AFTER] = "reset-after", [FAULT_CUT] = "cut",
	[FAULT_CHUNK] = "chunk", [FAULT_SLOW] = "slow", [FAULT_GARBAGE] = "garbage",
	[FAULT_HALF_OPEN] = "half-open", [FAULT_TLS] = "tls", [FAULT_429] = "429",
	[FAULT_500] = "500", [FAULT_503] = "503", [FAULT_LENGTH] = "length",
	[FAULT_TWICE] = "twice", [FAULT_STALL] = "stall",
};

const char *const phase_names[PHASE_N] = {
	[PHASE_OTHER] = "other", [PHASE_LIST] = "list", [PHASE_WATCH] = "watch",
	[PHASE_DISCOVERY] = "discovery", [PHASE_DRY_RUN] = "dry-run",
	[PHASE_APPLY] = "apply", [PHASE_RECORD] = "record",
	[PHASE_STATUS] = "status", [PHASE_DELETE] = "delete",
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static size_t n_rules;

enum fault fault_named(const char *name)
{
	enum fault f = FAULT_NONE;

	while (f < FAULT_N && strcmp(fault_names[f], name))
		f++;
	return f;
}

static enum phase phase_named(const char *name)
{
	enum phase p = PHASE_OTHER;

	while (p < PHASE_N && strcmp(phase_names[p], name))
		p++;
	return p;
}

/* A process that cannot begin begins anew more and more slowly: once is enough. */
static unsigned times_of(enum fault f, enum phase p)
{
	if (p == PHASE_LIST || p == PHASE_DISCOVERY)
		return 1;
	return f == FAULT_429 ? 3 : f == FAULT_500 || f == FAULT_503 ? 2 : 1;
}

static int add_line(const char *line, char *why, size_t size)
{
	char fault[32], phase[32];
	struct rule r = { 0 };

	if (sscanf(line, "%31s %31s %u %159s %u", fault, phase, &r.seed, r.match,
		   &r.skip) != 5) {
		snprintf(why, size, "not FAULT PHASE SEED MATCH SKIP: %.80s", line);
		return -1;
	}
	r.fault = fault_named(fault);
	r.phase = phase_named(phase);
	if (r.fault == FAULT_N || r.phase == PHASE_N || n_rules == RULES_MAX) {
		snprintf(why, size, "unknown, or too many rules: %.80s", line);
		return -1;
	}
	r.times = times_of(r.fault, r.phase);
	rules[n_rules++] = r;
	return 0;
}

int rules_add(char *text, char *why, size_t size)
{
	char *save = NULL;
	int rc = 0;

	pthread_mutex_lock(&lock);
	for (char *l = strtok_r(text, "\n", &save); l && !rc;
	     l = strtok_r(NULL, "\n", &save))
		rc = add_line(l, why, size);
	pthread_mutex_unlock(&lock);
	return rc;
}

void rules_clear(void)
{
	pthread_mutex_lock(&lock);
	n_rules = 0;
	pthread_mutex_unlock(&lock);
}

struct rule rules_strike(enum phase phase, const char *path)
{
	struct rule found = { .fault = FAULT_NONE };

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_rules && !found.fault; i++) {
		struct rule *r = &rules[i];

		if (r->phase != phase ||
		    (strcmp(r->match, "-") && !strstr(path, r->match)))
			continue;
		if (r->met++ < r->skip || !r->times)
			continue;
		r->times--;
		r->fired++;
		found = *r;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

char *rules_report(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n_rules; i++)
		fprintf(f, "%s %s %u %s %u\n", fault_names[rules[i].fault],
			phase_names[rules[i].phase], rules[i].seed, rules[i].match,
			rules[i].fired);
	pthread_mutex_unlock(&lock);
	fclose(f);
	return text;
}
