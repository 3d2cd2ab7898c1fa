#include "crd.h"

#include "core/doc.h"

enum crd_way crd_way_back(const json_t *live, const json_t *back, int *ret_case)
{
	const json_t *was = doc_get(live, "spec", "versions", NULL);
	const json_t *is = doc_get(back, "spec", "versions", NULL);
	const json_t *from = doc_get(live, "spec", "conversion", NULL);
	const json_t *to = doc_get(back, "spec", "conversion", NULL);
	int nr = 1;

	if (!json_is_array(was) || !json_is_array(is))
		nr = 4;
	else if (!doc_equal(was, is))
		nr = 3;
	else if (from && to ? !doc_equal(from, to) : from != to)
		nr = 2;
	if (ret_case)
		*ret_case = nr;
	return nr == 2 ? CRD_RESTORE : CRD_LEAVE;
}
