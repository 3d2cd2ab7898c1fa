/*
 * control.c - a deploy-control file -> what it says of one environment.
 *
 * The happy path: the file is one YAML document; global, then every environment is
 * read by tables of its keys; the one that was asked for is kept. An unknown key, a
 * wrong type or an impossible time refuses the whole file, with its line: a gate that
 * is misspelt must not stand open.
 */
#include "render/control.h"

#include <stdio.h>

#include "core/mem.h"
#include "core/node.h"
#include "control_priv.h"

#define MINUTES 60
#define DAY 1440

/* What is being read, for messages. */
struct place {
	const char *file;
	char field[200];	/* "environments.prod.enabled" */
};

static int refuse(const struct place *p, const struct node *n, struct err *err,
		  const char *what)
{
	return err_set(err, ERR_INVALID, "%s:%u: %s %s", p->file, n ? n->line : 1,
		       *p->field ? p->field : "the file", what);
}

/* The place of a field in it. */
static struct place within(const struct place *p, const char *key)
{
	struct place in = { .file = p->file };

	snprintf(in.field, sizeof(in.field), "%.120s%s%.70s", p->field,
		 *p->field ? "." : "", key);
	return in;
}

static bool is_known(const char *key, const char *const *keys)
{
	for (; *keys; keys++)
		if (!strcmp(*keys, key))
			return true;
	return false;
}

static int unknown_key(const struct place *p, const struct node *key,
		       const char *const *keys, struct err *err)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = 0; keys[i]; i++)
		buf_addf(&list, "%s%s", i ? ", " : "", keys[i]);
	return err_set(err, ERR_INVALID, "%s:%u: %s%s%.60s is not known; write one of %s",
		       p->file, key->line, p->field, *p->field ? "." : "",
		       key->kind == NODE_SCALAR ? key->text : "a key", buf_str(&list));
}

/* A map, or nothing at all; keys NULL: any. */
static int check_map(const struct place *p, const struct node *map,
		     const char *const *keys, struct err *err)
{
	if (node_is_null(map))
		return 0;
	if (map->kind != NODE_MAP)
		return refuse(p, map, err, "must be a map");
	for (uint32_t i = 0; keys && i < map->len; i += 2) {
		const struct node *key = map->kids[i];

		if (key->kind != NODE_SCALAR || !is_known(key->text, keys))
			return unknown_key(p, key, keys, err);
	}
	return 0;
}

static int read_bool(const struct place *p, const struct node *map, const char *key,
		     bool *ret, struct err *err)
{
	struct place at = within(p, key);
	const struct node *n = node_get(map, key);
	struct scalar s;

	if (!n)
		return 0;
	if (n->kind != NODE_SCALAR || node_scalar(n, &s, NULL) || s.type != SCALAR_BOOL)
		return refuse(&at, n, err, "must be true or false");
	*ret = s.truth;
	return 0;
}

/* ---- windows ---- */

static int day_number(const char *text)
{
	static const char *const days[] = { "sunday", "monday", "tuesday", "wednesday",
					    "thursday", "friday", "saturday" };
	size_t n = strlen(text);

	for (int i = 0; i < 7; i++)
		if (!strcasecmp(text, days[i]) ||
		    (n == 3 && !strncasecmp(text, days[i], 3)))
			return i;
	return -1;
}

static int read_days(const struct place *p, const struct node *map,
		     struct control_window *w, struct err *err)
{
	struct place at = within(p, "allowed_days");
	const struct node *list = node_get(map, "allowed_days");

	if (!list)
		return 0;
	w->days = 0;
	for (uint32_t i = 0; list->kind == NODE_LIST && i < list->len; i++) {
		const struct node *n = list->kids[i];
		int day = n->kind == NODE_SCALAR ? day_number(n->text) : -1;

		if (day < 0)
			return refuse(&at, n, err, "must name days such as Mon or "
				      "Saturday");
		w->days |= (uint8_t)(1 << day);
	}
	return w->days ? 0 : refuse(&at, list, err, "must be a list with at least one "
				    "day; to close the environment write enabled: false");
}

/* "09:00"; -1: it is none. 24:00 is an end only. */
static int read_time(const char *s, bool end)
{
	int minute;

	for (int i = 0; i < 5; i++)
		if (i == 2 ? s[i] != ':' : s[i] < '0' || s[i] > '9')
			return -1;
	minute = ((s[0] - '0') * 10 + s[1] - '0') * MINUTES +
		 (s[3] - '0') * 10 + s[4] - '0';
	if (s[3] > '5' || minute > DAY || (minute == DAY && !end))
		return -1;
	return minute;
}

static int add_hours(const struct place *p, const struct node *n,
		     struct control_window *w, struct err *err)
{
	const char *s = n->kind == NODE_SCALAR ? n->text : "";
	bool whole = strlen(s) == 11 && s[5] == '-';
	int from = whole ? read_time(s, false) : -1;
	int to = whole ? read_time(s + 6, true) : -1;

	if (from < 0 || to < 0)
		return refuse(p, n, err, "must be hours such as \"09:00-16:00\"");
	if (from == to)
		return refuse(p, n, err, "begins when it ends; for a whole day write "
			      "\"00:00-24:00\"");
	if (w->n_hours == CONTROL_HOURS_MAX)
		return refuse(p, n, err, "holds more than 8 spans");
	w->hours[w->n_hours++] = (struct control_hours){ (uint16_t)from, (uint16_t)to };
	return 0;
}

static int read_hours(const struct place *p, const struct node *map,
		      struct control_window *w, struct err *err)
{
	struct place at = within(p, "allowed_hours");
	const struct node *n = node_get(map, "allowed_hours");

	if (!n)
		return 0;
	w->n_hours = 0;
	if (n->kind != NODE_LIST)
		return add_hours(&at, n, w, err);
	if (!n->len)
		return refuse(&at, n, err, "must hold at least one span");
	for (uint32_t i = 0; i < n->len; i++)
		if (add_hours(&at, n->kids[i], w, err))
			return -1;
	return 0;
}

static int read_zone(const struct place *p, const struct node *map,
		     struct control_window *w, struct err *err)
{
	struct place at = within(p, "timezone");
	const struct node *n = node_get(map, "timezone");

	if (!n)
		return 0;
	if (!node_is_string(n) || !control_is_zone(n->text))
		return refuse(&at, n, err, "must be a time zone such as Europe/Berlin");
	snprintf(w->zone, sizeof(w->zone), "%s", n->text);
	return 0;
}

static int read_window(const struct place *p, const struct node *env,
		       struct control_window *w, struct err *err)
{
	static const char *const keys[] = { "enabled", "timezone", "allowed_days",
					    "allowed_hours", NULL };
	struct place at = within(p, "deployment_windows");
	const struct node *n = node_get(env, "deployment_windows");

	*w = (struct control_window){ .zone = "UTC", .days = 127, .n_hours = 1,
				      .hours = { { 0, DAY } } };
	if (check_map(&at, n, keys, err))
		return -1;
	if (node_is_null(n))
		return 0;
	w->enabled = true;
	if (read_bool(&at, n, "enabled", &w->enabled, err) ||
	    read_zone(&at, n, w, err) || read_days(&at, n, w, err) ||
	    read_hours(&at, n, w, err))
		return -1;
	if (w->enabled && !node_get(n, "allowed_days") && !node_get(n, "allowed_hours"))
		return refuse(&at, n, err, "is enabled but names neither allowed_days nor "
			      "allowed_hours");
	return 0;
}

/* ---- services ---- */

static int read_service(const struct place *p, const struct node *n,
			struct control_service *s, struct err *err)
{
	static const char *const keys[] = { "enabled", "auto_deploy", "require_approval",
					    "rollback_on_failure", NULL };
	bool rollback = false;

	s->enabled = s->auto_deploy = true;
	if (check_map(p, n, keys, err) ||
	    read_bool(p, n, "enabled", &s->enabled, err) ||
	    read_bool(p, n, "auto_deploy", &s->auto_deploy, err) ||
	    read_bool(p, n, "require_approval", &s->approval, err) ||
	    read_bool(p, n, "rollback_on_failure", &rollback, err))
		return -1;
	if (node_get(n, "rollback_on_failure"))
		s->rollback = rollback ? ROLLBACK_YES : ROLLBACK_NO;
	return 0;
}

static int read_services(const struct place *p, const struct node *env,
			 struct control *c, struct err *err)
{
	struct place at = within(p, "services");
	const struct node *map = node_get(env, "services");

	if (check_map(&at, map, NULL, err))
		return -1;
	for (uint32_t i = 0; !node_is_null(map) && i < map->len; i += 2) {
		const struct node *key = map->kids[i];
		struct control_service *s = &c->services[c->n_services];
		struct place in;

		if (c->n_services == CONTROL_SERVICES_MAX)
			return refuse(&at, key, err, "holds more than 64 services");
		if (key->kind != NODE_SCALAR || !control_is_name(key->text))
			return refuse(&at, key, err, "holds a name that no label can "
				      "have");
		in = within(&at, key->text);
		snprintf(s->name, sizeof(s->name), "%s", key->text);
		c->n_services++;
		if (read_service(&in, map->kids[i + 1], s, err))
			return -1;
	}
	control_sort(c);
	return 0;
}

/* ---- the file ---- */

static int read_environment(const struct place *p, const struct node *n,
			    struct control *c, struct err *err)
{
	static const char *const keys[] = { "enabled", "auto_deploy",
		"require_manual_approval", "deployment_windows", "services", NULL };

	c->enabled = c->auto_deploy = true;
	if (check_map(p, n, keys, err) ||
	    read_bool(p, n, "enabled", &c->enabled, err) ||
	    read_bool(p, n, "auto_deploy", &c->auto_deploy, err) ||
	    read_bool(p, n, "require_manual_approval", &c->approval, err) ||
	    read_window(p, n, &c->window, err))
		return -1;
	return read_services(p, n, c, err);
}

static int lacks(const struct place *p, const struct node *map, const char *name,
		 struct err *err)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (uint32_t i = 0; !node_is_null(map) && i < map->len && i < 40; i += 2)
		buf_addf(&list, "%s%.60s", i ? ", " : "", map->kids[i]->text);
	return err_set(err, ERR_INVALID, "%s: environments.%s is not there; there %s: %s",
		       p->file, name, list.len ? "are" : "is", list.len ?
		       buf_str(&list) : "none");
}

static int read_environments(const struct place *p, const struct node *root,
			     const char *wanted, bool global, struct control *c,
			     struct err *err)
{
	_cleanup_free_ struct control *other = xcalloc(1, sizeof(*other));
	const struct node *map = node_get(root, "environments");
	struct place at = within(p, "environments");
	bool found = false;

	if (check_map(&at, map, NULL, err))
		return -1;
	for (uint32_t i = 0; !node_is_null(map) && i < map->len; i += 2) {
		const struct node *key = map->kids[i];
		struct place in = within(&at, key->kind == NODE_SCALAR ? key->text : "");

		if (key->kind != NODE_SCALAR || !control_is_name(key->text))
			return refuse(&at, key, err, "holds a name with other characters "
				      "than letters, digits, '-', '_' and '.'");
		*other = (struct control){ .global_auto = global };
		snprintf(other->environment, sizeof(other->environment), "%s", key->text);
		if (read_environment(&in, map->kids[i + 1], other, err))
			return -1;
		if (strcmp(key->text, wanted))
			continue;
		*c = *other;
		found = true;
	}
	return found ? 0 : lacks(p, map, wanted, err);
}

static int read_root(const struct place *p, const struct node *root,
		     const char *environment, struct control *c, struct err *err)
{
	static const char *const keys[] = { "global", "environments", NULL };
	static const char *const global_keys[] = { "auto_deploy", NULL };
	struct place global = within(p, "global");
	const struct node *g = node_get(root, "global");
	bool automatic = true;

	if (check_map(p, root, keys, err) ||
	    check_map(&global, g, global_keys, err) ||
	    read_bool(&global, g, "auto_deploy", &automatic, err))
		return -1;
	return read_environments(p, root, environment, automatic, c, err);
}

int control_read(struct control *c, const char *path, const char *text, size_t len,
		 const char *environment, struct err *err)
{
	struct place p = { .file = path };
	struct node_reader *r = node_reader_new(text, len);
	struct arena arena = { 0 };
	struct node *root = NULL, *more = NULL;
	int n = node_read(r, &arena, &root, err), rc;

	*c = (struct control){ 0 };
	if (n < 0)
		rc = err_wrap(err, "%s", path);
	else if (!n)
		rc = lacks(&p, NULL, environment, err);
	else
		rc = read_root(&p, root, environment, c, err);
	if (!rc && node_read(r, &arena, &more, err))
		rc = err_set(err, ERR_INVALID, "%s: holds more than one document; the "
			     "first is all there may be", path);
	node_reader_free(r);
	arena_deinit(&arena);
	return rc;
}

int control_open(struct control *c, struct files *files, const char *path,
		 const char *environment, struct err *err)
{
	_cleanup_free_ char *clean = NULL, *real = NULL, *text = NULL;
	enum file_kind kind;
	size_t len;

	if (files_join("", path, &clean, err))
		return err_wrap(err, "annotation syncd.dev/deploy-control");
	if (files_resolve(files, clean, &real, &kind, err))
		return err->code == ERR_NOTFOUND && !err->retry ?
		       err_set(err, ERR_NOTFOUND, "%s: there is no such file in this "
			       "revision", clean) : err_wrap(err, "%s", clean);
	if (kind != FILE_REGULAR)
		return err_set(err, ERR_INVALID, "%s: is not a file", clean);
	if (files->ops->read(files, real, CONTROL_FILE_MAX, &text, &len, err))
		return err_wrap(err, "%s", clean);
	return control_read(c, clean, text, len, environment, err);
}
