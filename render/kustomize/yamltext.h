/* yamltext.h - a YAML text in which a field is changed, written as go-yaml does. */
#ifndef KUST_YAMLTEXT_H
#define KUST_YAMLTEXT_H

#include "kust.h"

/*
 * The lines of a text, once it is known that its tree is written as go-yaml would
 * write it (two blanks per level, lists not indented, no empty lines), so that only
 * changed lines will differ.
 */
struct yamltext;
/* NULL: it is written in another way. Everything lies in the arena. */
struct yamltext *yamltext_read(struct arena *a, const char *text,
			       const struct node *tree);
/*
 * The text of the tree after a change of scalars or new fields, with the comments
 * that it had; without a newline at its end. False: a new text would need quoting.
 */
bool yamltext_write(struct yamltext *t, const struct node *tree, struct buf *out);

#endif
