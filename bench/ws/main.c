/*
 * WebSocket for the measurement APPS: an echo server on bare wslay, and a client that sends one
 * message, waits for its answer, and sends the next. The client gets a connection whose handshake
 * is done, so that scripts/bench chooses the server.
 *
 *     bench_ws echo PORT
 *     bench_ws calls FD COUNT HEAD TAIL     the message is HEAD, a number of 12 digits, TAIL
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define ROOM (1U << 20)
#define ID_DIGITS 12

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- echo ---- */

static ssize_t
on_recv(wslay_event_context_ptr context, uint8_t *buf, size_t len, int flags, void *arg)
{
	ssize_t n = recv(*(int *)arg, buf, len, 0);

	(void)flags;
	if (n > 0)
		return n;
	wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static ssize_t
on_send(wslay_event_context_ptr context, const uint8_t *data, size_t len, int flags, void *arg)
{
	ssize_t n = send(*(int *)arg, data, len, MSG_NOSIGNAL);

	(void)flags;
	if (n >= 0)
		return n;
	wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
	return -1;
}

static void
on_message(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message,
	   void *arg)
{
	const struct wslay_event_msg echo = {message->opcode, message->msg, message->msg_length};

	if (wslay_is_ctrl_frame(message->opcode))
		return;
	if (wslay_event_queue_msg(context, &echo) != 0 || wslay_event_send(context) != 0)
		shutdown(*(int *)arg, SHUT_RDWR);
}

/* Reads a head, and answers it. @return false: it is malformed */
static int
shake_hands(int fd)
{
	static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char head[4096] = "", text[128], accept[64], answer[256];
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned digest_len = 0;
	size_t len = 0;

	while (strstr(head, "\r\n\r\n") == NULL) {
		ssize_t n = recv(fd, head + len, sizeof(head) - 1 - len, 0);
		if (n <= 0)
			return 0;
		len += (size_t)n;
		head[len] = '\0';
	}
	const char *key = strstr(head, "Sec-WebSocket-Key: ");
	if (key == NULL)
		return 0;
	snprintf(text, sizeof(text), "%.24s%s", key + strlen("Sec-WebSocket-Key: "), magic);
	if (EVP_Digest(text, strlen(text), digest, &digest_len, EVP_sha1(), NULL) != 1)
		return 0;
	EVP_EncodeBlock((unsigned char *)accept, digest, (int)digest_len);
	int n = snprintf(answer, sizeof(answer),
			 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			 "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			 accept);
	return send(fd, answer, (size_t)n, MSG_NOSIGNAL) == n;
}

static void
serve(int fd)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = on_recv,
		.send_callback = on_send,
		.on_msg_recv_callback = on_message,
	};
	wslay_event_context_ptr context;

	if (shake_hands(fd) && wslay_event_context_server_init(&context, &callbacks, &fd) == 0) {
		while (wslay_event_want_read(context) && wslay_event_recv(context) == 0)
			;
		wslay_event_context_free(context);
	}
	close(fd);
}

_Noreturn static void
echo(const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 8) != 0)
		die("bench_ws: listen");
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			die("bench_ws: accept");
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
			   sizeof(on)); /* head and payload are two writes */
		serve(fd);
	}
}

/* ---- calls ---- */

/* One masked text frame; the mask is zero, so the octets stay as they are. */
static size_t
write_frame(unsigned char *out, const char *text, size_t len)
{
	size_t at = 2;

	out[0] = 0x81;
	out[1] = (unsigned char)(0x80 | (len < 126 ? len : len <= 0xffff ? 126 : 127));
	for (int bytes = len < 126 ? 0 : len <= 0xffff ? 2 : 8; bytes > 0; bytes--)
		out[at++] = (unsigned char)((unsigned long long)len >> 8 * (bytes - 1));
	memset(out + at, 0, 4);
	memcpy(out + at + 4, text, len);
	return at + 4 + len;
}

/* Reads until a message with this text has come; others (updates) are passed over. */
static void
wait_for(int fd, const char *id)
{
	static char buf[ROOM];
	static size_t len;

	for (;;) {
		char *found = len ? memmem(buf, len, id, strlen(id)) : NULL;
		if (found) {
			len = 0; /* one answer at a time: what follows it is of no interest */
			return;
		}
		if (len == sizeof(buf))
			len = 0;
		ssize_t n = recv(fd, buf + len, sizeof(buf) - len, 0);
		if (n <= 0)
			die("bench_ws: the other end has closed");
		len += (size_t)n;
	}
}

static unsigned long long
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (unsigned long long)t.tv_sec * 1000000000ULL + (unsigned long long)t.tv_nsec;
}

static int
calls(int fd, long count, const char *head, const char *tail)
{
	size_t room = strlen(head) + strlen(tail) + ID_DIGITS + 1;
	unsigned char *frame = malloc(room + 14);
	char *text = malloc(room), id[ID_DIGITS + 1];
	unsigned long long first = now_ns() % 1000000000ULL * 1000;

	if (frame == NULL || text == NULL)
		return 1;
	printf("[");
	for (long i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%0*llu", ID_DIGITS,
			 (first + (unsigned long long)i) % 1000000000000ULL);
		int len = snprintf(text, room, "%s%s%s", head, id, tail);
		size_t bytes = write_frame(frame, text, (size_t)len);
		unsigned long long began = now_ns();
		if (send(fd, frame, bytes, MSG_NOSIGNAL) != (ssize_t)bytes)
			die("bench_ws: send");
		wait_for(fd, id);
		printf("%s%.1f", i ? "," : "", (double)(now_ns() - began) / 1000);
	}
	printf("]\n");
	free(frame);
	free(text);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "echo") == 0)
		echo(argv[2]);
	if (argc == 6 && strcmp(argv[1], "calls") == 0)
		return calls(atoi(argv[2]), atol(argv[3]), argv[4], argv[5]);
	fputs("usage: bench_ws echo PORT | calls FD COUNT HEAD TAIL\n", stderr);
	return 2;
}
