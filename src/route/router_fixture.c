#include "route/router_fixture.h"

int log_lines;

void
count_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	(void)text;
	log_lines += strcmp(id, "spoofed-from") == 0;
}

void
hub_open(struct hub *h)
{
	fx_open(&h->w, ZONE, 0, 0);
	fake_attach(&h->w, &h->laptop, PZ_SESSION_DEVICE, LAPTOP);
	fake_attach(&h->w, &h->phone, PZ_SESSION_DEVICE, PHONE);
}

void
hub_close(struct hub *h)
{
	fake_detach(&h->w, &h->laptop);
	fake_detach(&h->w, &h->phone);
	fx_close(&h->w);
}

void
node_open(struct node *n)
{
	fx_open(&n->w, LAPTOP, 0, 0);
	fake_attach(&n->w, &n->hub, PZ_SESSION_HUB, ZONE);
	fake_attach(&n->w, &n->phone, PZ_SESSION_DEVICE, PHONE);
	fake_attach(&n->w, &n->app, PZ_SESSION_APP, APP);
}

void
node_close(struct node *n)
{
	fake_detach(&n->w, &n->hub);
	fake_detach(&n->w, &n->phone);
	fake_detach(&n->w, &n->app);
	fx_close(&n->w);
}

void
expect_error(struct pz_buf *frames, int code, const char *from, const char *to, const char *id)
{
	json_t *message = fx_take(frames);
	assert_non_null(message);
	json_t *payload = json_object_get(message, "payload");
	json_t *error = json_object_get(payload, "error");

	assert_string_equal(fx_str(message, "type"), "JSONRPC");
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_string_equal(fx_str(payload, "id"), id);
	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	if (code == PZ_RPC_UNREACHABLE) {
		json_t *data = json_object_get(error, "data");
		assert_string_equal(fx_str(data, "name"), "NetworkError");
		assert_int_equal(json_integer_value(json_object_get(data, "code")), 19);
		assert_string_equal(fx_str(data, "address"), from);
	}
	json_decref(message);
	assert_int_equal(frames->len, 0);
}

void
expect_receipt(struct pz_buf *frames, const char *from, const char *to, const char *verdict)
{
	json_t *message = fx_take(frames);
	assert_non_null(message);

	assert_string_equal(fx_str(message, "type"), "deliveryNotification");
	assert_string_equal(fx_str(message, "from"), from);
	assert_string_equal(fx_str(message, "to"), to);
	assert_string_equal(fx_str(message, "id"), "m1");
	assert_string_equal(fx_str(json_object_get(message, "payload"), "result"), verdict);
	json_decref(message);
	assert_int_equal(frames->len, 0);
}
