/*
 * pktline.h - Git's pkt-line framing and what a ref advertisement says in it.
 * https://git-scm.com/docs/protocol-common, protocol-v2, gitprotocol-pack
 */
#ifndef CORE_PKTLINE_H
#define CORE_PKTLINE_H

#include "core/lsrefs.h"

#define PKT_MAX 65520		/* bytes of one packet with its 4-byte length */

enum pkt_kind { PKT_DATA, PKT_FLUSH, PKT_DELIM, PKT_END };

struct pkt {
	enum pkt_kind kind;
	const char *data;	/* points into the bytes read */
	size_t len;
};

/* 1: a packet of *used bytes; 0: more bytes are needed; -1 and ERR_INVALID: broken. */
int pkt_read(const char *bytes, size_t n, struct pkt *pkt, size_t *used,
	     struct err *err);
void pkt_write(struct buf *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

enum ref_stage {
	REFS_SERVICE,	/* "# service=git-upload-pack" and a flush, or none */
	REFS_FIRST,	/* "version 2", "version 1" or the first ref */
	REFS_CAPS,	/* version 2: capabilities */
	REFS_V0,	/* version 0: refs */
	REFS_LIST,	/* an answer to ls-refs */
	REFS_DONE,
};

/*
 * Reads an answer piece by piece as it arrives. Refs that match no prefix are
 * dropped (a server may ignore prefixes), the rest is capped: ERR_LIMIT.
 */
struct ref_reader {
	enum ref_stage stage;	/* set REFS_SERVICE or REFS_LIST at first */
	const char *const *prefixes;	/* NULL-terminated, borrowed */
	bool v2;		/* the server speaks version 2: ask ls-refs */
	bool object_format;	/* it wants object-format=sha1 said */
	char *head_target;	/* private: version 0's symref=HEAD: */
	struct ref_list refs;
	struct buf rest;	/* private: the packet that is not whole yet */
};
int ref_reader_feed(struct ref_reader *r, const char *data, size_t len,
		    struct err *err) __attribute__((warn_unused_result));
/* ERR_NET when the answer stopped before its end. */
int ref_reader_end(struct ref_reader *r, struct err *err)
	__attribute__((warn_unused_result));
void ref_reader_deinit(struct ref_reader *r);

/* The ls-refs request for the reader's prefixes. */
void ref_reader_request(const struct ref_reader *r, struct buf *out);

/* Adds a ref as remote and oid (40 hex, not NUL-terminated) name it. */
int ref_list_add(struct ref_list *l, const char *name, size_t name_len,
		 const char *oid, struct err *err);
/* It is an annotated tag: of that commit (40 hex, not NUL-terminated). */
void git_ref_peel(struct git_ref *ref, const char *oid);
/* Lines "oid name", " tag" behind it where there is one, and back: how the fetch worker tells the daemon. */
void ref_list_write(const struct ref_list *l, struct buf *out);
int ref_list_read(struct ref_list *l, const char *lines, struct err *err)
	__attribute__((warn_unused_result));

#endif
