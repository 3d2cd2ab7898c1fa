/* The dice, what a test asks a simulation about, its faults, and its workers. */
#include <stdio.h>

#include "simint.h"

struct apisim *sim_api(struct sim *s)
{
	return s->api;
}

struct gitsim *sim_git(struct sim *s)
{
	return s->git;
}

uint64_t sim_seed(const struct sim *s)
{
	return s->seed;
}

uint64_t sim_now(const struct sim *s)
{
	return s->now;
}

uint64_t sim_trace_hash(const struct sim *s)
{
	return s->trace;
}

uint64_t sim_events(const struct sim *s)
{
	return s->events;
}

/* ---- the dice: splitmix64 to seed, xoshiro256** to roll ---- */

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = (*x += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void sim_seed_dice(struct sim *s, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		s->rng[i] = splitmix(&seed);
}

uint64_t sim_random(struct sim *s)
{
	uint64_t *r = s->rng;
	uint64_t result = rotl(r[1] * 5, 7) * 9;
	uint64_t t = r[1] << 17;

	r[2] ^= r[0];
	r[3] ^= r[1];
	r[1] ^= r[2];
	r[0] ^= r[3];
	r[2] ^= t;
	r[3] = rotl(r[3], 45);
	return result;
}

uint64_t sim_between(struct sim *s, uint64_t min, uint64_t max)
{
	return min + sim_random(s) % (max - min + 1);
}

/* ---- faults ---- */

void sim_set_faults(struct sim *s, const struct sim_faults *f, uint64_t until)
{
	s->faults = *f;
	s->faults_until = until;
}

void sim_aim_faults(struct sim *s, const char *method, const char *path)
{
	snprintf(s->fault_method, sizeof(s->fault_method), "%s", method);
	snprintf(s->fault_path, sizeof(s->fault_path), "%s", path);
}

struct sim_faults sim_faults_happened(const struct sim *s)
{
	return s->happened;
}

void sim_set_spy(struct sim *s, const struct sim_spy *spy)
{
	s->spy = *spy;
}

const struct sim_spy *sim_spy_of(const struct sim *s)
{
	return &s->spy;
}

bool sim_roll(struct sim *s, const unsigned *chance)
{
	size_t i = (size_t)(chance - (const unsigned *)&s->faults);

	if (!*chance || (s->faults_until && s->now >= s->faults_until))
		return false;
	if (sim_random(s) % 1000 >= *chance)
		return false;
	((unsigned *)&s->happened)[i]++;
	return true;
}

struct sim_faults sim_faults_mixed(unsigned level)
{
	unsigned k = level * level;

	return (struct sim_faults){
		.refuse = 3 * k, .reset = 3 * k, .lost = 3 * k, .hang = k,
		.slow = 3 * k, .http_429 = 3 * k, .http_500 = 2 * k,
		.http_503 = 2 * k, .stray_404 = 2 * k, .watch_cut = 5 * k, .watch_410 = 3 * k,
		.watch_dup = 5 * k, .watch_delay = 5 * k, .worker_fail = 4 * k,
		.worker_hang = 2 * k, .cache_loss = 20 * k,
	};
}

/* ---- requests ---- */

size_t sim_request_count(const struct sim *s)
{
	return s->requests.len;
}

const struct sim_request *sim_request(const struct sim *s, size_t i)
{
	return i < s->requests.len ? s->requests.data[i] : NULL;
}

size_t sim_count(const struct sim *s, size_t from, const char *method,
		 const char *path_contains)
{
	size_t n = 0;

	for (size_t i = from; i < s->requests.len; i++) {
		const struct sim_request *r = s->requests.data[i];

		n += (!method || !strcmp(r->method, method)) &&
		     (!path_contains || strstr(r->path, path_contains));
	}
	return n;
}

size_t sim_writes(const struct sim *s, size_t from)
{
	size_t n = 0;

	for (size_t i = from; i < s->requests.len; i++) {
		const struct sim_request *r = s->requests.data[i];

		n += r->write && !r->dry_run && r->status < 300;
	}
	return n;
}

bool sim_delete_sent(const struct sim *s, const char *path)
{
	for (size_t i = 0; i < s->requests.len; i++) {
		const struct sim_request *r = s->requests.data[i];
		size_t n = strlen(r->path);

		if (strcmp(r->method, "DELETE") || r->dry_run)
			continue;
		if (!strcmp(r->path, path) || (!strncmp(r->path, path, n) &&
		    path[n] == '/' && !strchr(path + n + 1, '/')))
			return true;
	}
	return false;
}

void sim_dump(const struct sim *s)
{
	size_t n = s->requests.len, from = n > 60 ? n - 60 : 0;

	fprintf(stderr, "seed %llu, %.3f s, %llu events, %llu steps\n",
		(unsigned long long)s->seed, (double)s->now / 1000,
		(unsigned long long)s->events, (unsigned long long)s->steps);
	for (size_t i = from; i < n; i++) {
		const struct sim_request *r = s->requests.data[i];

		fprintf(stderr, "%9.3f %s %s %s%s%s -> %d\n",
			(double)r->at / 1000, r->host, r->method, r->path,
			*r->query ? "?" : "", r->query, r->status);
	}
	for (size_t i = s->log.len > 100 ? s->log.len - 100 : 0; i < s->log.len; i++)
		fprintf(stderr, "%s\n", s->log.data[i]);
}

/* ---- workers ---- */

struct work {
	struct sim_host *host;
	struct worker_call *call;
	struct sim_event *event;
	struct buf answer;
	struct err err;
};

static void work_free(struct work *k)
{
	buf_deinit(&k->answer);
	free(k);
}

void sim_worker_dropped(void *arg)
{
	work_free(arg);
}

static void work_done(void *arg)
{
	struct work *k = arg;
	struct worker_call *c = k->call;

	if (sim_dead_at_step(k->host)) {
		c->priv[0] = NULL;
		work_free(k);
		return;
	}
	c->priv[0] = NULL;
	if (k->err.code)
		c->on_done(c, &k->err, NULL, 0);
	else
		c->on_done(c, &k->err, buf_str(&k->answer), k->answer.len);
	work_free(k);
}

static void work_answer(struct work *k, struct worker_call *c)
{
	struct sim *s = k->host->sim;
	struct worker_handler *h = &s->workers[c->kind];

	h->calls++;
	if (!h->fn)
		err_set(&k->err, ERR_IO, "no handler for worker kind %d", c->kind);
	else if (h->fn(s, h->arg, c->request, c->request_len, &k->answer,
		       &k->err) == 0)
		k->err = ERR_INIT;
	if (!k->err.code && c->max_answer && k->answer.len > c->max_answer)
		err_set(&k->err, ERR_LIMIT, "the answer exceeds %zu bytes",
			c->max_answer);
}

static void work_schedule(struct work *k, uint64_t ms)
{
	k->event = sim_at(k->host->sim, k->host, ms, "worker", work_done, k);
	k->event->drop = sim_worker_dropped;
}

void sim_worker_start(struct world *w, struct worker_call *c)
{
	struct sim_host *h = container_of(w, struct sim_host, world);
	struct sim *s = h->sim;
	uint64_t delay = sim_between(s, 1, 50);
	struct work *k;

	if (sim_dead_at_step(h))
		return;
	k = xcalloc(1, sizeof(*k));
	k->host = h;
	k->call = c;
	c->priv[0] = k;
	if (sim_roll(s, &s->faults.worker_hang) && c->deadline_ms) {
		err_set(&k->err, ERR_TIMEOUT, "killed after %u ms", c->deadline_ms);
		delay = c->deadline_ms;
	} else if (sim_roll(s, &s->faults.worker_fail)) {
		err_set(&k->err, ERR_IO, "worker died of signal 9");
	} else {
		work_answer(k, c);
	}
	work_schedule(k, delay);
}

void sim_worker_cancel(struct world *w, struct worker_call *c)
{
	struct work *k = c->priv[0];

	(void)w;
	if (!k)
		return;
	err_set(&k->err, ERR_CANCELLED, "cancelled");
	sim_unschedule(k->host->sim, k->event);
	work_schedule(k, 0);
}

void sim_worker_abandon(struct world *w, struct worker_call *c)
{
	struct work *k = c->priv[0];

	(void)w;
	if (!k)
		return;
	c->priv[0] = NULL;
	sim_unschedule(k->host->sim, k->event);
	work_free(k);
}

void sim_set_worker(struct sim *s, enum worker_kind kind, sim_worker_fn *fn,
		    void *arg)
{
	s->workers[kind] = (struct worker_handler){ .fn = fn, .arg = arg };
}

uint64_t sim_worker_calls(const struct sim *s, enum worker_kind kind)
{
	return s->workers[kind].calls;
}
