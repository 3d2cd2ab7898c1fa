/* replacement.h - what replacement.c and structured.c share. */
#ifndef KUST_REPLACEMENT_H
#define KUST_REPLACEMENT_H

#include "kust.h"

/*
 * A path that leads on into a text which is JSON or YAML itself
 * (setValueInStructuredData). 1: written there; 0: nothing was, go the plain way;
 * -1: the text is YAML that could not be written again with its comments and style.
 * *written grows by the bytes of the new text.
 */
int kstructured_set(struct kust *k, struct node *root, const char *const *steps,
		    int create, const struct node *value, size_t *written,
		    struct err *err)
	__attribute__((warn_unused_result));

#endif
