/* simhttp.h - one simulated request, shared by simhttp.c and simstream.c. */
#ifndef SIM_SIMHTTP_H
#define SIM_SIMHTTP_H

#include "simint.h"

struct sim_http {
	struct sim_host *host;	/* NULL once the process is dead */
	const char *host_name;
	struct sim *sim;
	struct http_call *call;
	struct http_endpoint *endpoint;	/* borrowed; not used after arrival */
	uint64_t sent;
	char *url, *method, *path, *query, *user, *agent;
	char *accept, *content_type, *protocol, *etag;
	char *headers;		/* those of the call, a line each */
	char *login, *ca;	/* of the endpoint: "user:password", trusted roots */
	struct buf body;
	struct sim_event *travel;	/* on its way to the server */
	struct sim_event *deliver;	/* the next piece to the caller */
	struct sim_event *timeout, *idle;
	int status;
	unsigned retry_after_ms;
	const char *answer_type;
	char answer_etag[72];
	struct buf answer;	/* not yet delivered */
	size_t given;		/* bytes delivered so far */
	struct api_watch *watch;
	uint64_t last_line_at;	/* keeps a stream's lines in order */
	VEC(struct sim_line *) lines;	/* of a stream, in flight */
	struct err err;
	bool head_given, ended, ending, cancelled;
	bool busy;	/* inside one of the caller's callbacks */
	bool dropped;	/* forgotten there: free it when back */
};

struct sim_line {
	struct sim_http *http;
	struct sim_event *event;
	char *data;
	size_t len;
};

/* Ends the call in ms; the first end counts. msg NULL: without error. */
void sim_http_end_in(struct sim_http *q, uint64_t ms, enum err_code code,
		     const char *msg);
void sim_http_give_head(struct sim_http *q);
/* false: the cap is passed, the call is ending. */
bool sim_http_give_data(struct sim_http *q, const char *data, size_t len);
/* After callbacks, in which the call may have been abandoned (q->busy). */
void sim_http_back(struct sim_http *q);

void sim_stream_open(struct sim_http *q);
void sim_stream_drop(struct sim_http *q);

#endif
