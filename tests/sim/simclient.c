#include "simclient.h"

#include <stdio.h>
#include <string.h>

#include "core/mem.h"

static struct client_call *of(struct http_call *h)
{
	return container_of(h, struct client_call, http);
}

static void on_head(struct http_call *h, int status, unsigned retry_after_ms,
		    const char *content_type, const char *etag)
{
	struct client_call *c = of(h);

	c->status = status;
	c->head = true;
	c->retry_after_ms = retry_after_ms;
	snprintf(c->content_type, sizeof(c->content_type), "%s", content_type);
	snprintf(c->etag, sizeof(c->etag), "%s", etag);
}

static void on_data(struct http_call *h, const char *data, size_t len)
{
	buf_add(&of(h)->body, data, len);
}

static void on_done(struct http_call *h, const struct err *err)
{
	of(h)->done = true;
	of(h)->err = *err;
}

void client_start(struct world *w, struct client_call *c,
		  const struct http_endpoint *e, const char *method,
		  const char *path, const char *content_type, const char *body)
{
	*c = (struct client_call){ .http = {
		.endpoint = e, .method = method, .path = path,
		.content_type = content_type, .body = body,
		.body_len = body ? strlen(body) : 0, .on_head = on_head,
		.on_data = on_data, .on_done = on_done,
	} };
	if (strstr(path, "watch="))
		c->http.lane = HTTP_WATCH;
	else
		c->http.timeout_ms = CLIENT_TIMEOUT_MS;
	w->ops->http_start(w, &c->http);
}

void client_deinit(struct client_call *c)
{
	buf_deinit(&c->body);
}
