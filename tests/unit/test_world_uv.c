/* Clocks, timers, tasks, log lines, the cache and the loop's lag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after the four above */
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"
#include "loopworld.h"

struct ring {
	struct world_timer t;
	struct loopworld *l;
	uint64_t at;
	int rung, again;
};

static void on_ring(struct world_timer *t)
{
	struct ring *r = container_of(t, struct ring, t);

	assert_false(t->active);
	r->at = world_now(r->l->w);
	r->rung++;
	if (r->rung <= r->again)
		world_timer_start(r->l->w, t, 0);
}

static void timers_ring_once_and_never_early(void **state)
{
	struct loopworld l;
	struct ring r = { .t.fn = on_ring, .l = &l };
	uint64_t start;

	(void)state;
	loopworld_init(&l, NULL);
	usleep(50000);	/* the loop's own clock is old now */
	start = world_now(l.w);
	world_timer_start(l.w, &r.t, 40);
	assert_true(r.t.active);
	loopworld_run(&l, &r.rung);
	assert_true(r.at >= start + 40);
	loopworld_sleep(&l, 60);
	assert_int_equal(r.rung, 1);
	loopworld_deinit(&l);
}

static void timers_stop_and_restart(void **state)
{
	struct ring *gone = xcalloc(1, sizeof(*gone));
	struct loopworld l;
	struct ring r = { .t.fn = on_ring, .l = &l, .again = 20 };

	(void)state;
	loopworld_init(&l, NULL);
	gone->t.fn = on_ring;
	gone->l = &l;
	world_timer_start(l.w, &gone->t, 5);
	world_timer_start(l.w, &gone->t, 10);
	world_timer_stop(l.w, &gone->t);
	world_timer_stop(l.w, &gone->t);
	assert_false(gone->t.active);
	free(gone);	/* at once: the world must not touch it any more */
	world_timer_start(l.w, &r.t, 0);
	loopworld_sleep(&l, 200);
	assert_int_equal(r.rung, 21);
	world_timer_start(l.w, &r.t, 10000);	/* the end of the world stops it */
	loopworld_deinit(&l);
	assert_false(r.t.active);
}

struct job {
	struct world_task task;
	struct loopworld *l;
	struct job *other;
	int ran, order;
};
static int order;

static void on_job(struct world_task *t)
{
	struct job *j = container_of(t, struct job, task);

	j->ran++;
	j->order = ++order;
	if (j->other)
		world_undefer(j->l->w, &j->other->task);
}

static void tasks_run_soon_in_order_once(void **state)
{
	struct loopworld l;
	struct job a = { .task.fn = on_job, .l = &l };
	struct job b = { .task.fn = on_job, .l = &l };
	struct job c = { .task.fn = on_job, .l = &l };
	struct job d = { .task.fn = on_job, .l = &l };

	(void)state;
	loopworld_init(&l, NULL);
	b.other = &c;
	world_defer(l.w, &a.task);
	world_defer(l.w, &b.task);
	world_defer(l.w, &c.task);	/* taken back by b, in the same round */
	world_defer(l.w, &d.task);
	world_defer(l.w, &a.task);
	assert_int_equal(a.ran, 0);
	loopworld_sleep(&l, 20);
	assert_int_equal(a.ran, 1);
	assert_int_equal(c.ran, 0);
	assert_false(c.task.active);
	assert_true(a.order < b.order && b.order < d.order);
	world_defer(l.w, &a.task);
	world_undefer(l.w, &a.task);
	loopworld_sleep(&l, 20);
	assert_int_equal(a.ran, 1);
	world_defer(l.w, &a.task);
	loopworld_deinit(&l);
	assert_int_equal(a.ran, 1);
}

static void clocks_and_randomness(void **state)
{
	struct loopworld l;
	uint64_t seen[100];

	(void)state;
	loopworld_init(&l, NULL);
	assert_true(l.w->ops->now_boot(l.w) >= world_now(l.w));
	assert_true(world_wall(l.w) > INT64_C(1700000000000));
	for (int i = 0; i < 100; i++) {
		seen[i] = l.w->ops->random(l.w);
		for (int j = 0; j < i; j++)
			assert_true(seen[j] != seen[i]);
	}
	loopworld_deinit(&l);
}

static void lag_is_the_longest_round(void **state)
{
	struct loopworld l;

	(void)state;
	loopworld_init(&l, NULL);
	loopworld_sleep(&l, 10);
	world_uv_take_lag(l.w);
	loopworld_sleep(&l, 200);	/* sleeping is no lag */
	assert_in_range(world_uv_take_lag(l.w), 0, 90);
	loopworld_sleep(&l, 1);
	usleep(120000);			/* as a slow callback would */
	loopworld_sleep(&l, 10);
	assert_in_range(world_uv_take_lag(l.w), 120, 2000);
	assert_in_range(world_uv_take_lag(l.w), 0, 90);
	loopworld_deinit(&l);
}

/* What one log_at wrote, in a static buffer. */
static const char *logged(bool json, enum log_level level, const char *msg,
			  const char *key, const char *value)
{
	static char text[70000];
	struct world_uv_config c = { .log_json = json, .log_level = LOG_INFO };
	struct loopworld l;
	FILE *f = tmpfile();
	ssize_t n;

	assert_non_null(f);
	c.log_fd = fileno(f);
	loopworld_init(&l, &c);
	log_at(l.w, level, msg, key, value, NULL);
	n = pread(c.log_fd, text, sizeof(text) - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	loopworld_deinit(&l);
	fclose(f);
	return text;
}

static void log_lines_are_text_or_json(void **state)
{
	json_t *j;
	const char *s = logged(false, LOG_WARN, "gave up", "error", "a \"b\"\n");

	(void)state;
	assert_int_equal(s[4], '-');
	assert_int_equal(s[10], 'T');
	assert_string_equal(s + 23, "Z WARN  gave up error=\"a \\\"b\\\"\\n\"\n");
	s = logged(false, LOG_INFO, "applied", "app", "shop");
	assert_string_equal(s + 23, "Z INFO  applied app=shop\n");
	assert_string_equal(logged(false, LOG_DEBUG, "x", "y", "z"), "");
	s = logged(true, LOG_ERROR, "bad\xff", "k\"ey", "\x1b[1m\xc3\xa9 \\");
	assert_ptr_equal(strchr(s, '\n'), s + strlen(s) - 1);
	j = json_loads(s, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "level")),
			    "error");
	assert_string_equal(json_string_value(json_object_get(j, "msg")),
			    "bad\xef\xbf\xbd");
	assert_string_equal(json_string_value(json_object_get(j, "k\"ey")),
			    "\x1b[1m\xc3\xa9 \\");
	json_decref(j);
}

static void long_values_are_cut_not_broken(void **state)
{
	_cleanup_free_ char *big = xcalloc(1, 100001);
	json_t *j;

	(void)state;
	memset(big, 'x', 100000);
	j = json_loads(logged(true, LOG_INFO, "m", "k", big), 0, NULL);
	assert_non_null(j);
	assert_in_range(json_string_length(json_object_get(j, "k")), 1000,
			10000);
	json_decref(j);
}

static char *temp_folder(void)
{
	char *dir = xstrdup("/tmp/syncd-test-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static void remove_folder(const char *dir)
{
	_cleanup_free_ char *cmd = xasprintf("rm -r '%s'", dir);

	assert_int_equal(system(cmd), 0);
}

static void expect_cached(struct world *w, const char *key, const char *want)
{
	struct buf b = BUF_INIT;

	if (!want) {
		assert_int_equal(w->ops->cache_get(w, key, &b), -1);
		return;
	}
	assert_int_equal(w->ops->cache_get(w, key, &b), 0);
	assert_string_equal(buf_str(&b), want);
	buf_deinit(&b);
}

/* Flips the last byte of the only file in the cache. */
static void tear_entry(const char *dir)
{
	_cleanup_free_ char *cache = xasprintf("%s/cache", dir);
	DIR *d = opendir(cache);
	struct dirent *e;
	int torn = 0;

	assert_non_null(d);
	while ((e = readdir(d))) {
		int fd;

		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_WRONLY);
		assert_true(fd >= 0);
		assert_true(lseek(fd, -1, SEEK_END) > 0);
		assert_int_equal(write(fd, "!", 1), 1);
		close(fd);
		torn++;
	}
	closedir(d);
	assert_int_equal(torn, 1);
}

static void cache_keeps_and_forgets_what_is_torn(void **state)
{
	_cleanup_free_ char *dir = temp_folder();
	struct world_uv_config c = { .log_fd = 2, .data_dir = dir };
	struct loopworld l;

	(void)state;
	loopworld_init(&l, &c);
	expect_cached(l.w, "a/../b", NULL);
	l.w->ops->cache_put(l.w, "a/../b", "one", 3);
	l.w->ops->cache_put(l.w, "a/../b", "two", 3);
	expect_cached(l.w, "a/../b", "two");
	loopworld_deinit(&l);
	loopworld_init(&l, &c);
	expect_cached(l.w, "a/../b", "two");
	tear_entry(dir);
	expect_cached(l.w, "a/../b", NULL);
	l.w->ops->cache_put(l.w, "empty", "", 0);
	expect_cached(l.w, "empty", "");
	loopworld_deinit(&l);
	remove_folder(dir);
}

static void no_cache_folder_is_no_cache(void **state)
{
	struct world_uv_config c = {
		.log_fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
		.data_dir = "/proc/nowhere",
	};
	struct loopworld l;

	(void)state;
	loopworld_init(&l, &c);
	l.w->ops->cache_put(l.w, "k", "v", 1);
	expect_cached(l.w, "k", NULL);
	loopworld_deinit(&l);
	close(c.log_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_ring_once_and_never_early),
		cmocka_unit_test(timers_stop_and_restart),
		cmocka_unit_test(tasks_run_soon_in_order_once),
		cmocka_unit_test(clocks_and_randomness),
		cmocka_unit_test(lag_is_the_longest_round),
		cmocka_unit_test(log_lines_are_text_or_json),
		cmocka_unit_test(long_values_are_cut_not_broken),
		cmocka_unit_test(cache_keeps_and_forgets_what_is_torn),
		cmocka_unit_test(no_cache_folder_is_no_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
