/* sync/ghapp.h and core/jwt.h: what is signed holds, tokens come in time, oddities do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "core/doc.h"
#include "core/jwt.h"
#include "core/mem.h"
#include "fakeworld.h"
#include "sync/ghapp.h"

#define API "https://ghe.example.com/api/v3"
#define MINUTE 60000

static char *new_key(EVP_PKEY *k)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *data, *pem;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(b, k, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(b, &data);
	pem = xstrndup(data, (size_t)n);
	BIO_free(b);
	return pem;
}

static EVP_PKEY *rsa(void)
{
	static EVP_PKEY *k;

	if (!k)
		k = EVP_RSA_gen(2048);
	assert_non_null(k);
	return k;
}

static void from_url(const char *s, size_t len, struct buf *out)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < len; i++)
		buf_addc(&text, s[i] == '-' ? '+' : s[i] == '_' ? '/' : s[i]);
	while (text.len % 4)
		buf_addc(&text, '=');
	assert_int_equal(b64_decode(buf_str(&text), text.len, out), 0);
}

/* Its claims, where its signature is ours. */
static json_t *verified(const char *jwt)
{
	const char *dot = strchr(jwt, '.'), *last = strrchr(jwt, '.');
	_cleanup_buf_ struct buf claims = BUF_INIT, signature = BUF_INIT;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_true(dot && last > dot);
	from_url(dot + 1, (size_t)(last - dot - 1), &claims);
	from_url(last + 1, strlen(last + 1), &signature);
	assert_int_equal(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, rsa()), 1);
	assert_int_equal(EVP_DigestVerify(ctx, (unsigned char *)signature.data, signature.len,
					  (const unsigned char *)jwt, (size_t)(last - jwt)), 1);
	EVP_MD_CTX_free(ctx);
	return doc_parse(buf_str(&claims), claims.len, NULL);
}

static void what_is_signed_holds(void **state)
{
	_cleanup_free_ char *pem = new_key(rsa());
	_cleanup_json_ json_t *claims = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(jwt_sign("{\"iss\":\"12\",\"odd\":\"\\u00ff?>\"}", pem, &out, &err), 0);
	assert_true(!strncmp(buf_str(&out), "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.", 37));
	assert_null(strpbrk(buf_str(&out), "+/="));
	claims = verified(buf_str(&out));
	assert_string_equal(doc_get_str(claims, "iss", NULL), "12");
}

static void what_is_no_rsa_key_is_refused(void **state)
{
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	_cleanup_free_ char *ec_pem = new_key(ec);
	const char *const keys[] = { "", "x", ec_pem, "-----BEGIN PRIVATE KEY-----\nAA==\n"
				     "-----END PRIVATE KEY-----\n" };

	(void)state;
	EVP_PKEY_free(ec);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		_cleanup_buf_ struct buf out = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(jwt_sign("{}", keys[i], &out, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(out.len, 0);
	}
}

/* ---- tokens ---- */

struct scene {
	struct fake *f;
	struct world *w;
	struct ghapp *g;
	unsigned changes;
	char *api;
};

static void on_change(void *arg)
{
	((struct scene *)arg)->changes++;
}

static void begin(struct scene *s)
{
	struct ghapp_config c = {
		.id = xstrdup("12"), .installation = xstrdup("34"), .key = new_key(rsa()),
		.api = xstrdup(API), .on_change = on_change, .arg = s,
	};
	struct err err = ERR_INIT;

	*s = (struct scene){ .f = fake_new() };
	s->w = fake_world(s->f);
	s->g = ghapp_new(s->w, &c, &err);
	assert_non_null(s->g);
}

static void end(struct scene *s)
{
	ghapp_free(s->g);
	fake_free(s->f);
}

static int ask(struct scene *s, const char **token, struct err *err)
{
	*token = NULL;
	*err = ERR_INIT;
	return ghapp_token(s->g, "CA", token, err);
}

static struct fake_call *asked(struct scene *s)
{
	return fake_take(s->f, "POST", "/app/installations/34/access_tokens");
}

static void give(struct scene *s, struct fake_call *c, const char *token, int64_t lives_ms)
{
	char until[32];
	_cleanup_free_ char *body = NULL;

	time_rfc3339(world_wall(s->w) + lives_ms, until);
	body = xasprintf("{\"token\":\"%s\",\"expires_at\":\"%s\"}", token, until);
	fake_answer(c, 201, body);
}

static void a_token_is_asked_for_and_renewed(void **state)
{
	_cleanup_json_ json_t *claims = NULL;
	struct fake_call *c;
	struct scene s;
	struct err err;
	const char *token;
	int64_t now;

	(void)state;
	begin(&s);
	now = world_wall(s.w) / 1000;
	assert_int_equal(ask(&s, &token, &err), 1);
	assert_int_equal(ask(&s, &token, &err), 1);
	c = asked(&s);
	assert_int_equal(fake_untaken(s.f), 0);
	assert_string_equal(c->call->endpoint->url, API);
	assert_string_equal(c->call->endpoint->ca_pem, "CA");
	assert_true(!strncmp(c->headers, "Authorization: Bearer ", 22));
	c->headers[strcspn(c->headers, "\n")] = '\0';
	claims = verified(c->headers + 22);
	assert_string_equal(doc_get_str(claims, "iss", NULL), "12");
	assert_int_equal(doc_get_int(claims, 0, "iat", NULL), now - 60);
	assert_in_range(doc_get_int(claims, 0, "exp", NULL) - now, 300, 600);
	give(&s, c, "ghs_1", 60 * MINUTE);
	assert_int_equal(s.changes, 1);
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_1");
	fake_run(s.f, 49 * MINUTE);
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_int_equal(fake_untaken(s.f), 0);
	fake_run(s.f, 2 * MINUTE);	/* nine minutes left: the old one serves meanwhile */
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_1");
	give(&s, asked(&s), "ghs_2", 60 * MINUTE);
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_2");
	end(&s);
}

/* It is told, and tried again after a growing pause; what is left of a token serves. */
static void a_refusal_is_told(void **state)
{
	struct scene s;
	struct err err;
	const char *token;

	(void)state;
	begin(&s);
	assert_int_equal(ask(&s, &token, &err), 1);
	fake_answer(asked(&s), 401, "{\"message\":\"Bad\\u0007 credentials\"}");
	assert_int_equal(s.changes, 1);
	assert_int_equal(ask(&s, &token, &err), -1);
	assert_int_equal(err.code, ERR_AUTH);
	assert_true(err.retry);
	assert_non_null(strstr(err.msg, "GitHub App 12: " API " answers 401: Bad"));
	assert_null(strchr(err.msg, '\a'));
	fake_run(s.f, 29000);
	assert_int_equal(ask(&s, &token, &err), -1);
	assert_int_equal(fake_untaken(s.f), 0);
	fake_run(s.f, 1000);
	assert_int_equal(ask(&s, &token, &err), -1);
	fake_break(asked(&s), ERR_NET, "connection refused");
	fake_run(s.f, 59000);
	assert_int_equal(ask(&s, &token, &err), -1);
	assert_non_null(strstr(err.msg, "connection refused"));
	assert_int_equal(fake_untaken(s.f), 0);
	fake_run(s.f, 1000);
	assert_int_equal(ask(&s, &token, &err), -1);
	give(&s, asked(&s), "ghs_1", 60 * MINUTE);
	assert_int_equal(ask(&s, &token, &err), 0);
	fake_run(s.f, 55 * MINUTE);
	assert_int_equal(ask(&s, &token, &err), 0);
	fake_answer(asked(&s), 500, "oops");
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_1");
	fake_run(s.f, 4 * MINUTE + 1000);
	assert_int_equal(ask(&s, &token, &err), -1);
	assert_non_null(strstr(err.msg, "answers 500"));
	end(&s);
}

static void an_odd_answer_is_none(void **state)
{
	static const char *const answers[] = {
		"", "[]", "{}", "{\"token\":\"x\"}", "{\"token\":\"\",\"expires_at\":"
		"\"2099-01-01T00:00:00Z\"}", "{\"token\":\"a\\nb\",\"expires_at\":"
		"\"2099-01-01T00:00:00Z\"}", "{\"token\":\"x\",\"expires_at\":\"soon\"}",
		"{\"token\":7,\"expires_at\":\"2099-01-01T00:00:00Z\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct scene s;
		struct err err;
		const char *token;

		begin(&s);
		assert_int_equal(ask(&s, &token, &err), 1);
		fake_answer(asked(&s), 201, answers[i]);
		if (ask(&s, &token, &err) != -1 || !strstr(err.msg, "gives no token"))
			fail_msg("%s: %s", answers[i], err.msg);
		end(&s);
	}
}

/* A clock that is wrong, here or there: said, and the host is not asked at each poll. */
static void a_token_that_is_over_is_none(void **state)
{
	static const int64_t lives[] = { -60 * MINUTE, 0, MINUTE - 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		struct scene s;
		struct err err;
		const char *token;

		begin(&s);
		assert_int_equal(ask(&s, &token, &err), 1);
		give(&s, asked(&s), "ghs_1", lives[i]);
		assert_int_equal(ask(&s, &token, &err), -1);
		assert_int_equal(fake_untaken(s.f), 0);
		assert_non_null(strstr(err.msg, "clock"));
		assert_true(err.retry);
		fake_run(s.f, 29000);
		assert_int_equal(ask(&s, &token, &err), -1);
		assert_int_equal(fake_untaken(s.f), 0);
		fake_run(s.f, 1000);
		assert_int_equal(ask(&s, &token, &err), -1);
		give(&s, asked(&s), "ghs_2", 60 * MINUTE);
		assert_int_equal(ask(&s, &token, &err), 0);
		end(&s);
	}
}

/* One that lives for minutes only serves, and is not renewed at each poll either. */
static void a_short_token_is_renewed_in_peace(void **state)
{
	struct scene s;
	struct err err;
	const char *token;

	(void)state;
	begin(&s);
	assert_int_equal(ask(&s, &token, &err), 1);
	give(&s, asked(&s), "ghs_1", 5 * MINUTE);
	for (int i = 0; i < 29; i++) {
		assert_int_equal(ask(&s, &token, &err), 0);
		assert_int_equal(fake_untaken(s.f), 0);
		fake_run(s.f, 1000);
	}
	fake_run(s.f, 1000);
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_1");
	give(&s, asked(&s), "ghs_2", 5 * MINUTE);
	assert_int_equal(ask(&s, &token, &err), 0);
	assert_string_equal(token, "ghs_2");
	end(&s);
}

/* One that is under way goes with it. */
static void it_ends_with_its_request(void **state)
{
	struct scene s;
	struct err err;
	const char *token;

	(void)state;
	begin(&s);
	assert_int_equal(ask(&s, &token, &err), 1);
	(void)asked(&s);
	end(&s);
	assert_int_equal(s.changes, 0);
}

static void mistakes_name_their_key(void **state)
{
	static const struct { const char *id, *installation, *key, *api, *says; } rows[] = {
		{ NULL, "34", "k", API, "githubAppID" }, { "x", "34", "k", API, "githubAppID" },
		{ "12", NULL, "k", API, "githubAppInstallationID" },
		{ "12", "3/4", "k", API, "githubAppInstallationID" },
		{ "12", "34", NULL, API, "githubAppPrivateKey" },
		{ "12", "34", "k", "http://ghe.example.com", "githubAppEnterpriseBaseUrl" },
		{ "12", "34", "k", "https://u@ghe.example.com", "githubAppEnterpriseBaseUrl" },
		{ "12", "34", "k", "https://", "githubAppEnterpriseBaseUrl" },
	};
	struct fake *f = fake_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ghapp_config c = {
			.id = xstrdup(rows[i].id), .key = xstrdup(rows[i].key),
			.installation = xstrdup(rows[i].installation),
			.api = xstrdup(rows[i].api), .on_change = on_change,
		};
		struct err err = ERR_INIT;

		assert_null(ghapp_new(fake_world(f), &c, &err));
		assert_non_null(strstr(err.msg, rows[i].says));
	}
	fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_holds),
		cmocka_unit_test(what_is_no_rsa_key_is_refused),
		cmocka_unit_test(a_token_is_asked_for_and_renewed),
		cmocka_unit_test(a_refusal_is_told),
		cmocka_unit_test(an_odd_answer_is_none),
		cmocka_unit_test(a_token_that_is_over_is_none),
		cmocka_unit_test(a_short_token_is_renewed_in_peace),
		cmocka_unit_test(it_ends_with_its_request),
		cmocka_unit_test(mistakes_name_their_key),
	};

	doc_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
