#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "kust_fixture.h"

static const struct tree_file no_files[] = { { NULL, NULL } };

static void on_warning(void *arg, const char *text)
{
	struct kfix *f = arg;

	snprintf(f->warning, sizeof(f->warning), "%s", text);
}

void kfix_init(struct kfix *f, const struct tree_file *files)
{
	*f = (struct kfix){ .options = { .warn = on_warning, .warn_arg = f },
			    .folder = { .path = "app", .file = "app/kustomization.yaml" } };
	tree_files_init(&f->tree, files ? files : no_files);
	f->folder.files = &f->tree.files;
	kust_init(&f->k, &f->tree.files, &f->options);
}

void kfix_deinit(struct kfix *f)
{
	buf_deinit(&f->out);
	kust_deinit(&f->k);
}

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->msg);
}

struct kmap *kfix_map(struct kfix *f, const char *yaml)
{
	struct node_reader *r = node_reader_new3(yaml, strlen(yaml));
	struct kmap *m = kmap_new(&f->k);
	struct err err = ERR_INIT;
	struct node *root;
	int rc;

	while ((rc = node_read(r, &f->k.arena, &root, &err)) > 0) {
		if (!node_is_null(root))
			must(kmap_append(m, kres_new(&f->k, root, "t.yaml"), &err), &err);
	}
	node_reader_free(r);
	must(rc, &err);
	return m;
}

struct node *kfix_node(struct kfix *f, const char *yaml)
{
	struct node_reader *r = node_reader_new3(yaml, strlen(yaml));
	struct err err = ERR_INIT;
	struct node *root = NULL;
	int rc = node_read(r, &f->k.arena, &root, &err);

	node_reader_free(r);
	must(rc, &err);
	return rc ? root : NULL;
}

const char *kfix_json(struct kfix *f, const struct node *n)
{
	struct err err = ERR_INIT;

	buf_clear(&f->out);
	must(node_to_json(n, &f->out, &err), &err);
	return buf_str(&f->out);
}

const char *kfix_dump(struct kfix *f, const struct kmap *m)
{
	struct err err = ERR_INIT;

	buf_clear(&f->out);
	for (size_t i = 0; i < kmap_len(m); i++) {
		must(node_to_json(kmap_at(m, i)->root, &f->out, &err), &err);
		buf_addc(&f->out, '\n');
	}
	return buf_str(&f->out);
}

/* --- cases in files ------------------------------------------------------------------ */

static char *read_all(const char *path)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	FILE *in = fopen(path, "re");
	char chunk[4096];
	size_t n;

	assert_non_null(in);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_add(&text, chunk, n);
	fclose(in);
	return buf_steal(&text, NULL);
}

/* What stands before mark, which *at moves behind; to the end where there is none. */
static char *before(char **at, const char *mark)
{
	char *from = *at, *end = strstr(from, mark);

	*at = end ? end + strlen(mark) : from + strlen(from);
	return xstrndup(from, (size_t)((end ? end + 1 : *at) - from));
}

void kfix_cases_read(const char *path, struct kfix_cases *ret)
{
	_cleanup_free_ char *text = read_all(path);
	char *at = strstr(text, "\n=== ");

	assert_non_null(at);
	for (at += 5; *at;) {
		struct kfix_case c;

		c.name = xstrndup(at, strcspn(at, "\n"));
		at += strcspn(at, "\n") + 1;
		c.objects = before(&at, "\n-- do\n");
		c.todo = before(&at, "\n-- want\n");
		c.want = before(&at, "\n\n=== ");
		vec_push(ret, c);
	}
}

void kfix_cases_free(struct kfix_cases *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->data[i].name);
		free(l->data[i].objects);
		free(l->data[i].todo);
		free(l->data[i].want);
	}
	vec_deinit(l);
}

/* Without what all have: apiVersion, kind, labels; and without object s, a source. */
static const char *essence(struct kfix *f, const struct kmap *m)
{
	struct err err = ERR_INIT;

	buf_clear(&f->out);
	for (size_t i = 0; i < kmap_len(m); i++) {
		struct node *root = kmap_at(m, i)->root, *plain;

		if (strcmp(kmap_at(m, i)->id.name, "s") == 0)
			continue;
		must(node_canonical(&f->k.arena, root, &plain, &err), &err);
		kremove(plain, "apiVersion");
		kremove(plain, "kind");
		kremove(kget(plain, "metadata"), "labels");
		must(node_to_json(plain, &f->out, &err), &err);
		buf_addc(&f->out, '\n');
	}
	return buf_str(&f->out);
}

/* What is wrong in a tree may be found only when it is printed. */
static int print_all(struct kfix *f, const struct kmap *m, struct err *err)
{
	struct node *plain;

	for (size_t i = 0; i < kmap_len(m); i++)
		if (node_canonical(&f->k.arena, kmap_at(m, i)->root, &plain, err) < 0)
			return -1;
	return 0;
}

void kfix_judge(struct kfix *f, const struct kfix_case *c, const struct kmap *m, int rc,
		const struct err *err)
{
	struct err printed = ERR_INIT;
	bool refuse = strncmp(c->want, "error: ", 7) == 0;
	size_t len = strlen(c->want) - 1;
	_cleanup_free_ char *why = refuse ? xstrndup(c->want + 7, len - 7) : NULL;

	if (refuse && rc == 0) {
		rc = print_all(f, m, &printed);
		err = &printed;
	}
	if (refuse != (rc < 0))
		fail_msg("%s: %s", c->name, rc < 0 ? err->msg : essence(f, m));
	if (refuse && !strstr(err->msg, why))
		fail_msg("%s: %s", c->name, err->msg);
	if (!refuse && strcmp(essence(f, m), c->want) != 0)
		fail_msg("%s: %s", c->name, essence(f, m));
}
