/*
 * At most eight DNS look-ups outstanding, and at most two of one identity.
 *
 * curl looks names up in threads; one that hangs in getaddrinfo() cannot be
 * stopped, only abandoned, and goes on for as long as the resolver likes. Without
 * a limit each retry would leave one more thread behind. curl asks for each
 * look-up that its cache cannot answer (CURLOPT_RESOLVER_START_FUNCTION); where
 * no slot is free the request waits and is tried again. Requests on open
 * connections never need a slot. An abandoned look-up keeps its slot for 30 s:
 * glibc's usual limit of two tries of 5 s with up to three servers.
 */
#include "http_priv.h"

#define POOL_SLOTS 2
#define ABANDONED_MS 30000

static bool slot_taken(const struct dns_slot *d, uint64_t now)
{
	return d->req || d->taken_until > now;
}

static struct dns_slot *slot_find(struct world_uv *w, const struct http_pool *p)
{
	uint64_t now = world_now(&w->base);
	struct dns_slot *found = NULL;
	unsigned mine = 0;

	for (unsigned i = 0; i < DNS_SLOTS; i++) {
		struct dns_slot *d = &w->http->dns[i];

		if (!slot_taken(d, now))
			found = d;
		else if (d->pool == p)
			mine++;
	}
	return mine < POOL_SLOTS ? found : NULL;
}

bool http_dns_free(struct world_uv *w, const struct http_pool *p)
{
	return slot_find(w, p);
}

bool http_dns_take(struct http_req *r)
{
	struct dns_slot *d;

	if (r->literal)
		return true;
	d = slot_find(r->w, r->pool);
	if (!d)
		return false;
	*d = (struct dns_slot){ .req = r, .pool = r->pool };
	return true;
}

void http_dns_done(struct http_req *r, bool abandoned)
{
	for (unsigned i = 0; i < DNS_SLOTS; i++) {
		struct dns_slot *d = &r->w->http->dns[i];

		if (d->req != r)
			continue;
		d->req = NULL;
		if (abandoned)
			d->taken_until = world_now(&r->w->base) + ABANDONED_MS;
	}
	if (!link_empty(&r->w->http->dns_wait))
		http_pump_soon(r->w);
}
