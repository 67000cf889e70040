/*
 * Frames of the load and of the echo upstream, and what both need of epoll.
 *
 * game:   u32 total length, u16 0x4d47, u8 kind, u8 flags, u32 msgid, u32 id, u64 uid, body
 * thrift: u32 length of the rest, u32 0x80010001, u32 9, "method_NN", i32 id, 0b 0001 u32 n, body of n bytes, 00
 * h2:     HEADERS and DATA of a unary gRPC call, the body behind the five bytes of a gRPC message
 *
 * body:   u32 service (the echo writes which of its ports answered), u32 connection, u32 number, u32 route, then a pattern
 */
#ifndef FRAMES_H
#define FRAMES_H
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum protocol { GAME, THRIFT, H2 };

static inline uint32_t get32(const uint8_t *p) {
  uint32_t v;
  memcpy(&v, p, 4);
  return ntohl(v);
}
static inline void put32(uint8_t *p, uint32_t v) {
  v = htonl(v);
  memcpy(p, &v, 4);
}

static inline enum protocol protocol_of(const char *name) {
  if (!strcmp(name, "game")) return GAME;
  if (!strcmp(name, "thrift")) return THRIFT;
  if (!strcmp(name, "h2")) return H2;
  fprintf(stderr, "no protocol %s\n", name);
  exit(2);
}

/* Where things stand in a frame of the load. */
static inline int id_at(enum protocol p) { return p == GAME ? 12 : 21; }
static inline int body_at(enum protocol p) { return p == GAME ? 24 : 32; }
static inline int body_end(enum protocol p, int length) { return p == GAME ? length : length - 1; }

/* Length of the frame at p, 0 when not even that can be read. */
static inline uint32_t frame_length(enum protocol protocol, const uint8_t *p, uint32_t have) {
  if (have < 4) return 0;
  return protocol == GAME ? get32(p) : 4 + get32(p);
}

/* h2 */
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

static inline uint8_t *h2_head(uint8_t *p, uint32_t length, int type, int flags, uint32_t stream) {
  p[0] = (uint8_t)(length >> 16);
  p[1] = (uint8_t)(length >> 8);
  p[2] = (uint8_t)length;
  p[3] = (uint8_t)type;
  p[4] = (uint8_t)flags;
  put32(p + 5, stream);
  return p + 9;
}

/* SETTINGS with the widest windows, and the connection's window as wide. */
static inline uint8_t *h2_hello(uint8_t *p) {
  p = h2_head(p, 6, SETTINGS, 0, 0);
  p[0] = 0;
  p[1] = 4;
  put32(p + 2, 0x7fffffff);
  p = h2_head(p + 6, 4, WINDOW_UPDATE, 0, 0);
  put32(p, 0x7fffffff - 65535);
  return p + 4;
}

static const char h2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
static const uint8_t h2_request[] = "\x83\x86\x04\x10/bench.Echo/Call\x01\x05"
                                    "bench\x0f\x10\x10"
                                    "application/grpc\x00\x02te\x08trailers";
static const uint8_t h2_reply[] = "\x88\x0f\x10\x10"
                                  "application/grpc";
static const uint8_t h2_trailers[] = "\x00\x0bgrpc-status\x01"
                                     "0";

/* A buffer that is written as far as the kernel takes it. */
struct output {
  uint8_t *bytes;
  size_t start, end, room;
};

static inline uint8_t *output_room(struct output *o, size_t more) {
  if (o->start == o->end) o->start = o->end = 0;
  if (o->end + more > o->room) {
    o->room = (o->end + more) * 2;
    o->bytes = realloc(o->bytes, o->room);
  }
  return o->bytes + o->end;
}

/* 0 when all is written, 1 when the kernel is full, -1 when the connection is gone. */
static inline int output_write(struct output *o, int fd) {
  while (o->start < o->end) {
    ssize_t n = write(fd, o->bytes + o->start, o->end - o->start);
    if (n < 0) return errno == EAGAIN ? 1 : -1;
    o->start += (size_t)n;
  }
  return 0;
}

static inline void watch(int epoll, int op, int fd, uint32_t events, void *what) {
  struct epoll_event event = {.events = events, .data.ptr = what};
  if (epoll_ctl(epoll, op, fd, &event) < 0) {
    perror("epoll_ctl");
    exit(1);
  }
}

static inline void many_files(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  signal(SIGPIPE, SIG_IGN);
}

static inline int no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

/* Listens on 127.0.0.1, any port; *port is the one found. */
static inline int listen_any(int *port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 16384) < 0) {
    perror("listen");
    exit(1);
  }
  getsockname(fd, (struct sockaddr *)&address, &length);
  *port = ntohs(address.sin_port);
  return fd;
}

/* Blocks until connected; the socket does not block after that. */
static inline int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
    perror("connect");
    exit(1);
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return no_delay(fd);
}
#endif
