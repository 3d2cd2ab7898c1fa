/* labelselector.h - Kubernetes' label selectors as texts, parsed once, matched often. */
#ifndef KUST_LABELSELECTOR_H
#define KUST_LABELSELECTOR_H

#include "kust.h"

#define SELECTOR_LEN_MAX ((size_t)64 << 10)

struct kselector_reqs;	/* in the arena */

/* labels.Parse. NULL: ERR_INVALID (labels and values are checked, too), ERR_LIMIT. */
struct kselector_reqs *klabels_parse(struct kust *k, const char *selector,
				     struct err *err);
/* Does a map of strings (NULL: an empty one) meet all requirements? */
bool klabels_fit(const struct kselector_reqs *reqs, const struct node *map);

#endif
