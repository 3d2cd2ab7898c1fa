/*
 * pkt-lines: four hex digits of length, then that many bytes with the length's
 * own four; "0000", "0001" and "0002" are flush, delimiter and response end. An
 * answer is read packet by packet through the stages of enum ref_stage. It comes
 * from outside: lengths are checked, refs are counted, names are judged. Pure.
 */
#include "core/pktline.h"

#include "core/mem.h"
#include "core/utf8.h"

#include <stdio.h>

#define MAX_REFS 65536
#define MAX_NAME 1024
#define OID_HEX 40

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int broken_length(const char *bytes, struct err *err)
{
	char shown[5] = { 0 };

	for (int i = 0; i < 4; i++)
		shown[i] = bytes[i] > 0x20 && bytes[i] < 0x7f ? bytes[i] : '?';
	return err_set(err, ERR_INVALID,
		       "not a Git answer: \"%s\" is no packet length", shown);
}

int pkt_read(const char *bytes, size_t n, struct pkt *pkt, size_t *used,
	     struct err *err)
{
	size_t len = 0;

	for (size_t i = 0; i < 4; i++) {
		int d = i < n ? hex_digit(bytes[i]) : 0;

		if (d < 0)
			return n < 4 ? err_set(err, ERR_INVALID, "not a Git answer") :
				broken_length(bytes, err);
		len = len << 4 | (size_t)d;
	}
	if (n < 4)
		return 0;
	if (len == 3 || len > PKT_MAX)
		return broken_length(bytes, err);
	if (len < 3) {
		*pkt = (struct pkt){ .kind = len == 0 ? PKT_FLUSH :
				     len == 1 ? PKT_DELIM : PKT_END };
		*used = 4;
		return 1;
	}
	if (n < len)
		return 0;
	*pkt = (struct pkt){ PKT_DATA, bytes + 4, len - 4 };
	*used = len;
	return 1;
}

void pkt_write(struct buf *out, const char *fmt, ...)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&line, fmt, ap);
	va_end(ap);
	buf_addf(out, "%04zx", line.len + 4);
	buf_add(out, line.data, line.len);
}

void ref_list_deinit(struct ref_list *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->data[i].name);
		free(l->data[i].symref);
	}
	free(l->data);
	*l = (struct ref_list){ 0 };
}

static bool name_is_fine(const char *name, size_t len)
{
	if (!len || len > MAX_NAME || !utf8_valid(name, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)name[i] <= 0x20 || name[i] == 0x7f)
			return false;
	return true;
}

int ref_list_add(struct ref_list *l, const char *name, size_t name_len,
		 const char *oid, struct err *err)
{
	struct git_ref ref = { 0 };

	if (l->len >= MAX_REFS)
		return err_set(err, ERR_LIMIT,
			       "the repository has more than %d matching refs",
			       MAX_REFS);
	for (int i = 0; i < OID_HEX; i++) {
		if (hex_digit(oid[i]) < 0)
			return err_set(err, ERR_INVALID,
				       "not a Git answer: a ref without object id");
		ref.oid[i] = oid[i] >= 'A' && oid[i] <= 'F' ?
			(char)(oid[i] + 'a' - 'A') : oid[i];
	}
	ref.name = xstrndup(name, name_len);
	vec_push(l, ref);
	return 0;
}

void git_ref_peel(struct git_ref *ref, const char *oid)
{
	if (!*ref->tag)
		memcpy(ref->tag, ref->oid, sizeof(ref->tag));
	memcpy(ref->oid, oid, OID_HEX);
}

void ref_list_write(const struct ref_list *l, struct buf *out)
{
	for (size_t i = 0; i < l->len; i++)
		buf_addf(out, "%s %s%s%s\n", l->data[i].oid, l->data[i].name,
			 *l->data[i].tag ? " " : "", l->data[i].tag);
}

static bool is_oid(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (hex_digit(s[i]) < 0)
			return false;
	return len == OID_HEX;
}

int ref_list_read(struct ref_list *l, const char *lines, struct err *err)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n"), n;
		const char *name = lines + OID_HEX + 1, *tag;

		if (len < OID_HEX + 2 || lines[OID_HEX] != ' ')
			return err_set(err, ERR_INTERNAL, "a ref's line is broken");
		n = strcspn(name, " \n");
		tag = name[n] == ' ' ? name + n + 1 : NULL;
		if (!name_is_fine(name, n) ||
		    (tag && !is_oid(tag, (size_t)(lines + len - tag))))
			return err_set(err, ERR_INTERNAL, "a ref's line is broken");
		if (ref_list_add(l, name, n, lines, err))
			return -1;
		if (tag)
			memcpy(l->data[l->len - 1].tag, tag, OID_HEX);
		lines += len + (lines[len] == '\n');
	}
	return 0;
}

static bool wanted(const struct ref_reader *r, const char *name, size_t len)
{
	for (size_t i = 0; r->prefixes[i]; i++) {
		size_t n = strlen(r->prefixes[i]);

		if (n <= len && !memcmp(name, r->prefixes[i], n))
			return true;
	}
	return false;
}

static struct git_ref *last_ref(struct ref_reader *r)
{
	return r->refs.len ? &r->refs.data[r->refs.len - 1] : NULL;
}

/* The part of a line that a space or its end closes. */
static size_t word(const char *s, const char *end)
{
	const char *p = memchr(s, ' ', (size_t)(end - s));

	return (size_t)((p ? p : end) - s);
}

static bool starts(const char *s, size_t len, const char *with)
{
	return len >= strlen(with) && !memcmp(s, with, strlen(with));
}

static int refuse_format(const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s", what);
}

/* One capability of version 0, or one line of version 2. */
static int take_capability(struct ref_reader *r, const char *s, size_t len,
			   struct err *err)
{
	static const char head[] = "symref=HEAD:";

	if (starts(s, len, "object-format=")) {
		if (!(len == 18 && starts(s, len, "object-format=sha1")))
			return refuse_format("the repository uses SHA-256 object ids, which are not supported", err);
		r->object_format = true;
	}
	if (starts(s, len, head) && name_is_fine(s + 12, len - 12)) {
		free(r->head_target);
		r->head_target = xstrndup(s + 12, len - 12);
	}
	return 0;
}

static int take_capabilities(struct ref_reader *r, const char *s, const char *end,
			     struct err *err)
{
	while (s < end) {
		size_t n = word(s, end);

		if (take_capability(r, s, n, err))
			return -1;
		s += n + 1;
	}
	return 0;
}

/* "oid name", or "oid name^{}" with what the annotated tag before it names. */
static int take_v0_ref(struct ref_reader *r, const char *s, size_t len,
		       struct err *err)
{
	const char *name = s + OID_HEX + 1;
	struct git_ref *last = last_ref(r);
	size_t n;

	if (len < OID_HEX + 2 || s[OID_HEX] != ' ')
		return refuse_format("not a Git answer: a line without ref", err);
	n = len - OID_HEX - 1;
	if (n > 3 && !memcmp(name + n - 3, "^{}", 3)) {
		if (last && strlen(last->name) == n - 3 &&
		    !memcmp(last->name, name, n - 3))
			git_ref_peel(last, s);
		return 0;
	}
	if (!name_is_fine(name, n) || !wanted(r, name, n))
		return 0;
	if (ref_list_add(&r->refs, name, n, s, err))
		return -1;
	if (n == 4 && !memcmp(name, "HEAD", 4))
		last_ref(r)->symref = steal(&r->head_target);
	return 0;
}

static int take_first(struct ref_reader *r, const char *s, size_t len,
		      struct err *err)
{
	const char *nul = memchr(s, '\0', len);

	if (len == 9 && starts(s, len, "version 2")) {
		r->v2 = true;
		r->stage = REFS_CAPS;
		return 0;
	}
	if (len == 9 && starts(s, len, "version 1"))
		return 0;
	if (!nul)
		return refuse_format("not a Git answer: no capabilities in its first line", err);
	r->stage = REFS_V0;
	if (take_capabilities(r, nul + 1, s + len, err))
		return -1;
	len = (size_t)(nul - s);
	/* An empty repository names its capabilities after no ref at all. */
	if (len > 15 && !memcmp(s + len - 15, "capabilities^{}", 15))
		return 0;
	return take_v0_ref(r, s, len, err);
}

static void take_attribute(struct git_ref *ref, const char *s, size_t len)
{
	if (starts(s, len, "peeled:") && len == 7 + OID_HEX) {
		for (int i = 0; i < OID_HEX; i++)
			if (hex_digit(s[7 + i]) < 0)
				return;
		git_ref_peel(ref, s + 7);
	} else if (starts(s, len, "symref-target:") &&
		   name_is_fine(s + 14, len - 14)) {
		free(ref->symref);
		ref->symref = xstrndup(s + 14, len - 14);
	}
}

/* "oid name attribute...": the answer to ls-refs. */
static int take_listed(struct ref_reader *r, const char *s, size_t len,
		       struct err *err)
{
	const char *end = s + len, *name;
	size_t n;

	if (starts(s, len, "unborn "))
		return 0;
	if (len < OID_HEX + 2 || s[OID_HEX] != ' ')
		return refuse_format("not a Git answer: a line without ref", err);
	name = s + OID_HEX + 1;
	n = word(name, end);
	if (!name_is_fine(name, n) || !wanted(r, name, n))
		return 0;
	if (ref_list_add(&r->refs, name, n, s, err))
		return -1;
	for (s = name + n; s < end; s += n) {
		s++;
		n = word(s, end);
		take_attribute(last_ref(r), s, n);
	}
	return 0;
}

static int refused_by_server(const char *s, size_t len, struct err *err)
{
	_cleanup_free_ char *text = xstrndup(s, len);
	_cleanup_free_ char *shown = utf8_clean(text, 200);

	return err_set(err, ERR_NOTFOUND, "the Git server says: %s", shown);
}

static int take_data(struct ref_reader *r, const char *s, size_t len,
		     struct err *err)
{
	if (len && s[len - 1] == '\n')
		len--;
	if (starts(s, len, "ERR "))
		return refused_by_server(s + 4, len - 4, err);
	switch (r->stage) {
	case REFS_SERVICE:
		if (starts(s, len, "# service="))
			return 0;
		r->stage = REFS_FIRST;
		return take_first(r, s, len, err);
	case REFS_FIRST:
		return take_first(r, s, len, err);
	case REFS_CAPS:
		return take_capability(r, s, len, err);
	case REFS_V0:
		/* "shallow <oid>" lines may follow the refs. */
		return starts(s, len, "shallow ") ? 0 : take_v0_ref(r, s, len, err);
	case REFS_LIST:
		return take_listed(r, s, len, err);
	case REFS_DONE:
		break;
	}
	return refuse_format("not a Git answer: it goes on after its end", err);
}

static int take_packet(struct ref_reader *r, const struct pkt *pkt,
		       struct err *err)
{
	if (pkt->kind == PKT_DATA)
		return take_data(r, pkt->data, pkt->len, err);
	if (r->stage == REFS_DONE)
		return refuse_format("not a Git answer: it goes on after its end", err);
	if (pkt->kind == PKT_END)
		return 0;
	if (pkt->kind == PKT_DELIM)
		return refuse_format("not a Git answer: a delimiter out of place", err);
	/* The flush after "# service=" opens the list, any other closes it. */
	r->stage = r->stage == REFS_SERVICE ? REFS_FIRST : REFS_DONE;
	return 0;
}

int ref_reader_feed(struct ref_reader *r, const char *data, size_t len,
		    struct err *err)
{
	size_t used = 0, at = 0;
	struct pkt pkt = { 0 };
	int got;

	buf_add(&r->rest, data, len);
	if (buf_overflowed(&r->rest))
		return err_set(err, ERR_LIMIT, "the list of refs is too long");
	while ((got = pkt_read(buf_str(&r->rest) + at, r->rest.len - at, &pkt,
			       &used, err)) > 0) {
		if (take_packet(r, &pkt, err))
			return -1;
		at += used;
	}
	buf_consume(&r->rest, at);
	return got;
}

int ref_reader_end(struct ref_reader *r, struct err *err)
{
	if (r->stage != REFS_DONE || r->rest.len)
		return err_set(err, ERR_NET,
			       "the list of refs broke off before its end");
	return 0;
}

void ref_reader_deinit(struct ref_reader *r)
{
	free(r->head_target);
	ref_list_deinit(&r->refs);
	buf_deinit(&r->rest);
	r->head_target = NULL;
}

void ref_reader_request(const struct ref_reader *r, struct buf *out)
{
	pkt_write(out, "command=ls-refs\n");
	pkt_write(out, "agent=git/syncd-%s\n", SYNCD_VERSION);
	if (r->object_format)
		pkt_write(out, "object-format=sha1\n");
	buf_adds(out, "0001");
	pkt_write(out, "peel\n");
	pkt_write(out, "symrefs\n");
	for (size_t i = 0; r->prefixes[i]; i++)
		pkt_write(out, "ref-prefix %s\n", r->prefixes[i]);
	buf_adds(out, "0000");
}
