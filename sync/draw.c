/* The cases are numbered in draw.h. Bodies are walked over as bytes, as in stamp.c. */
#include "draw.h"

#include <openssl/hmac.h>
#include <string.h>

#include "compose.h"
#include "core/doc.h"
#include "scan.h"

#define CONSENT "syncd.dev/secret-to"

/* ---- what is drawn ---- */

static const char *ns_of(const struct rendered *o, const char *dest_ns)
{
	return *o->ns ? o->ns : dest_ns;
}

static bool is_secret(const struct rendered *o)
{
	return !*o->group && !strcmp(o->kind, "Secret");
}

static void parse_source(struct draw *d, const char *s, size_t n, const char *own_ns)
{
	const char *slash = memchr(s, '/', n);
	size_t len = slash ? (size_t)(slash - s) : n;

	d->name = xstrndup(s, len);
	d->ns = slash ? xstrndup(slash + 1, n - len - 1) : xstrdup(own_ns);
}

static void parse_keys(struct draw *d, const char *s)
{
	d->keys = xcalloc(strlen(s) / 2 + 1, sizeof(*d->keys));
	while (*s) {
		size_t n = strcspn(s, " ");

		if (n)
			d->keys[d->n_keys++] = xstrndup(s, n);
		s += n + (s[n] == ' ');
	}
}

bool draw_parse(struct draw *d, const struct rendered *o, const char *dest_ns)
{
	const char *s = o->draws ? o->draws : "";

	*d = (struct draw){ .restart = !strcmp(s, "restart") };
	if (strncmp(s, "from ", 5) || !is_secret(o) || o->flags & OBJ_HOOK)
		return d->restart;	/* whatever a worker says: values go to Secrets */
	s += 5;
	parse_source(d, s, strcspn(s, " "), ns_of(o, dest_ns));
	parse_keys(d, s + strcspn(s, " "));
	return true;
}

void draw_deinit(struct draw *d)
{
	for (size_t i = 0; i < d->n_keys; i++)
		free(d->keys[i]);
	free(d->keys);
	free(d->name);
	free(d->ns);
	*d = (struct draw){ 0 };
}

bool draws_any(const struct render_answer *a)
{
	for (size_t i = 0; i < a->n_objects; i++)
		if (a->objects[i].draws && *a->objects[i].draws)
			return true;
	return false;
}

/* ---- may it ---- */

static bool consents(const json_t *secret, const char *ns)
{
	const char *list = doc_get_str(secret, "metadata", "annotations", CONSENT, NULL);
	size_t len = strlen(ns);

	for (; list && *list; list += strcspn(list, ","), list += *list == ',') {
		size_t n;

		list += strspn(list, " ");
		n = strcspn(list, ", ");
		if (n && n == len && !strncmp(list, ns, n))
			return true;
	}
	return false;
}

static const char *value_of(const json_t *secret, const char *key)
{
	return doc_get_str(secret, "data", key, NULL);
}

static const char *missing(const struct draw *d, const json_t *secret)
{
	for (size_t i = 0; i < d->n_keys; i++)
		if (!value_of(secret, d->keys[i]))
			return d->keys[i];
	return NULL;
}

/* Cases 5 and 6. */
static bool is_withheld(const struct draw *d, const char *own_ns,
			const struct donor_view *v, struct buf *why)
{
	bool foreign = strcmp(d->ns, own_ns);

	if (v->state == DONOR_THERE && (!foreign || consents(v->secret, own_ns)))
		return false;
	if (foreign)
		buf_addf(why, "it is not there, or does not name namespace %s: annotate it "
			 "with " CONSENT ": %s", own_ns, own_ns);
	else
		buf_adds(why, "it is not there: make it");
	return true;
}

static bool source_waits(const struct draw *d, const struct rendered *o,
			 const struct draw_in *in, struct buf *why)
{
	const char *own_ns = ns_of(o, in->dest_ns), *key;
	struct donor_view v;

	if (!strcmp(d->ns, own_ns) && !strcmp(d->name, o->name)) {
		buf_adds(why, "that is itself: name another one");	/* 1 */
		return true;
	}
	if (!strcmp(d->ns, in->system_ns)) {
		buf_adds(why, "what lies in syncd's own namespace is not given away");	/* 2 */
		return true;
	}
	v = in->look(in->arg, d->ns, d->name);
	if (v.state == DONOR_ASKED || v.state == DONOR_TROUBLE) {	/* 3, 4 */
		buf_adds(why, v.state == DONOR_ASKED ? "it is being read" : v.why);
		return true;
	}
	if (is_withheld(d, own_ns, &v, why))
		return true;
	key = missing(d, v.secret);
	if (key)
		buf_addf(why, "it has no key %s", key);	/* 7 */
	return key;
}

bool draw_waits(const struct draw *d, const struct rendered *o,
		const struct draw_in *in, struct buf *why)
{
	_cleanup_buf_ struct buf because = BUF_INIT;

	if (!d->name || !source_waits(d, o, in, &because))
		return false;
	buf_addf(why, "%sSecret %s/%s waits for Secret %s/%s: %s", why->len ? "; " : "",
		 ns_of(o, in->dest_ns), o->name, d->ns, d->name, buf_str(&because));
	return true;
}

/* ---- digests ---- */

static void keyed(const char *key, const struct buf *text, char out[65])
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)buf_str(text),
	     text->len, mac, &len);
	for (unsigned i = 0; i < 32; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", mac[i]);
}

static void mix(char digest[65], const char *with)
{
	_cleanup_free_ char *both = xasprintf("%s %s", digest, with);

	sha256_hex(both, strlen(both), digest);
}

static void digest_values(const struct draw *d, const json_t *secret,
			  const struct draw_in *in, char out[65])
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < d->n_keys; i++)
		buf_addf(&all, "%s=%s\n", d->keys[i], value_of(secret, d->keys[i]));
	keyed(in->key, &all, out);
	explicit_bzero(all.data, all.len);
}

static bool uses(const struct rendered *o, const char *secret)
{
	size_t len = strlen(secret);

	for (const char *r = o->refs; r && *r; r += strcspn(r, " "), r += *r == ' ')
		if (!strncmp(r, "Secret/", 7) && strcspn(r, " ") == len + 7 &&
		    !memcmp(r + 7, secret, len))
			return true;
	return false;
}

/* Over the Secrets of that release that its pods use, which bear their values' digest. */
static void digest_used(const struct render_answer *a, const struct rendered *o,
			const struct draw_in *in, char out[65])
{
	_cleanup_buf_ struct buf all = BUF_INIT;

	for (size_t i = 0; i < a->n_objects; i++) {
		const struct rendered *s = &a->objects[i];

		if (is_secret(s) && uses(o, s->name) &&
		    !strcmp(ns_of(s, in->dest_ns), ns_of(o, in->dest_ns)))
			buf_addf(&all, "%s %s\n", s->name, s->digest);
	}
	keyed(in->key, &all, out);
}

/* ---- a release ---- */

struct drawing {
	const struct draw_in *in;
	struct render_answer *a;
	struct buf all;		/* of which the release's own digest is made */
	struct buf *why;
};

static void add(struct drawing *w, struct rendered *o, const char *digest)
{
	mix(o->digest, digest);
	buf_addf(&w->all, "%s\n", digest);
}

static void draw_secret(struct drawing *w, struct rendered *o, const struct draw *d)
{
	char digest[65] = "waits";

	if (!draw_waits(d, o, w->in, w->why))
		digest_values(d, w->in->look(w->in->arg, d->ns, d->name).secret, w->in,
			      digest);
	add(w, o, digest);
}

static void draw_each(struct drawing *w, bool restarts)
{
	for (size_t i = 0; i < w->a->n_objects; i++) {
		struct rendered *o = &w->a->objects[i];
		char digest[65];
		struct draw d;

		if (draw_parse(&d, o, w->in->dest_ns) && d.restart == restarts) {
			if (!restarts) {
				draw_secret(w, o, &d);
			} else {
				digest_used(w->a, o, w->in, digest);
				add(w, o, digest);
			}
		}
		draw_deinit(&d);
	}
}

void release_draw(const struct draw_in *in, struct render_answer *ret, struct buf *why)
{
	struct drawing w = { .in = in, .a = ret, .all = BUF_INIT, .why = why };
	char digest[65];

	release_copy(in->git, ret);
	draw_each(&w, false);	/* the digests of these go into those of the others */
	draw_each(&w, true);
	sha256_hex(buf_str(&w.all), w.all.len, digest);
	mix(ret->digest, digest);
	mix(ret->input_key, digest);
	buf_deinit(&w.all);
}

/* ---- bodies ---- */

struct fill {
	const struct draw *d;
	const json_t *secret;
	const char *digest;	/* of the Secrets; NULL: d's keys are filled */
	struct scan c;
	size_t from, n;		/* copied so far; filled so far */
	struct buf *out;
};

static const char *wanted(const struct fill *f, const char *key, size_t len)
{
	if (f->digest)
		return len == strlen(RENDER_SECRETS_DIGEST) &&
		       !memcmp(key, RENDER_SECRETS_DIGEST, len) ? f->digest : NULL;
	for (size_t i = 0; i < f->d->n_keys; i++)
		if (strlen(f->d->keys[i]) == len && !memcmp(f->d->keys[i], key, len))
			return value_of(f->secret, f->d->keys[i]);
	return NULL;
}

static int fill_value(struct fill *f, const char *value)
{
	buf_add(f->out, f->c.s + f->from, f->c.i - f->from);
	doc_write_str(f->out, value);
	f->n++;
	if (scan_value(&f->c))
		return -1;
	f->from = f->c.i;
	return 0;
}

/* Down the path, ended by NULL, to the object whose members are filled. */
static int fill_at(struct fill *f, const char *const *path)
{
	const char *key;
	size_t len;
	int r;

	if (scan_peek(&f->c) != '{')
		return -1;
	f->c.i++;
	for (bool first = true; (r = scan_member(&f->c, first, &key, &len)) == 1;
	     first = false) {
		const char *value = *path ? NULL : wanted(f, key, len);
		int bad;

		if (*path && strlen(*path) == len && !memcmp(*path, key, len))
			bad = fill_at(f, path + 1);
		else
			bad = value ? fill_value(f, value) : scan_value(&f->c);
		if (bad)
			return -1;
	}
	return r;
}

static int fill_body(struct fill *f, size_t want, struct err *err)
{
	static const char *const data[] = { "data", NULL };
	static const char *const pods[] = { "spec", "template", "metadata", "annotations",
					    NULL };

	if (fill_at(f, f->digest ? pods : data) || f->c.i != f->c.n || f->n != want)
		return err_set(err, ERR_INTERNAL, "a rendered body does not hold what its "
			       "index says: render again");
	buf_add(f->out, f->c.s + f->from, f->c.n - f->from);
	return 0;
}

static int fill_secret(const struct draw_in *in, const struct rendered *o,
		       const struct draw *d, struct fill *f, struct err *err)
{
	_cleanup_buf_ struct buf why = BUF_INIT;

	if (draw_waits(d, o, in, &why)) {
		err_set(err, ERR_NOTFOUND, "%s", buf_str(&why));
		err->retry = true;
		return -1;
	}
	f->secret = in->look(in->arg, d->ns, d->name).secret;
	return fill_body(f, d->n_keys, err);
}

int draw_fill(const struct draw_in *in, size_t i, const char *body, size_t len,
	      struct buf *out, struct err *err)
{
	const struct rendered *o = &in->git->objects[i];
	char digest[65];
	struct draw d;
	struct fill f = { .d = &d, .c = { body, len, 0 }, .out = out };
	int r = 0;

	if (!draw_parse(&d, o, in->dest_ns)) {
		buf_add(out, body, len);
	} else if (d.restart) {
		digest_used(in->git, o, in, digest);
		f.digest = digest;
		r = fill_body(&f, 1, err);
	} else {
		r = fill_secret(in, o, &d, &f, err);
	}
	draw_deinit(&d);
	return r;
}
