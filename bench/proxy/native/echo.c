/*
 * The upstream: answers each request with its own bytes, made a reply, and with the number of the port it came in by.
 * All that was read is answered by one write. `echo PROTOCOL SERVICES` prints one port for each service.
 */
#include "frames.h"

enum { ROOM = 262144, STREAMS = 16384 };

struct stream {
  uint32_t id, length, room;
  uint8_t *bytes;
};

struct connection {
  int fd, service, listening, greeted;
  uint32_t have, consumed;
  struct output out;
  struct stream *streams;
  uint8_t *in;
};

static enum protocol protocol;

static void answer(struct connection *c, uint8_t *frame, uint32_t length) {
  if (protocol == GAME) {
    if (frame[6] != 1) return;
    frame[6] = 2;
  } else frame[7] = 2;
  if (length >= (uint32_t)body_at(protocol) + 4) put32(frame + body_at(protocol), (uint32_t)c->service);
  memcpy(output_room(&c->out, length), frame, length);
  c->out.end += length;
}

static uint8_t *block(uint8_t *p, const uint8_t *bytes, uint32_t length, int flags, uint32_t stream) {
  p = h2_head(p, length, HEADERS, flags, stream);
  memcpy(p, bytes, length);
  return p + length;
}

static void h2_answer(struct connection *c, struct stream *s) {
  if (s->length >= 9) put32(s->bytes + 5, (uint32_t)c->service);
  uint8_t *start = output_room(&c->out, s->length + 128), *p = start;
  p = block(p, h2_reply, sizeof h2_reply - 1, END_HEADERS, s->id);
  p = h2_head(p, s->length, DATA, 0, s->id);
  memcpy(p, s->bytes, s->length);
  p = block(p + s->length, h2_trailers, sizeof h2_trailers - 1, END_HEADERS | END_STREAM, s->id);
  c->out.end += (size_t)(p - start);
  s->length = 0;
}

static void h2_frame(struct connection *c, uint8_t *frame, uint32_t length) {
  uint32_t id = get32(frame + 5);
  int type = frame[3], flags = frame[4];
  uint8_t *p;
  if ((type == SETTINGS || type == PING) && !(flags & ACK)) {
    uint32_t back = type == PING ? length : 0;
    p = h2_head(output_room(&c->out, 32), back, type, ACK, 0);
    memcpy(p, frame + 9, back);
    c->out.end += 9 + back;
    return;
  }
  if (type != DATA && type != HEADERS) return;
  struct stream *s = &c->streams[(id >> 1) % STREAMS];
  if (s->id != id) {
    s->id = id;
    s->length = 0;
  }
  if (type == DATA) {
    if (s->length + length > s->room) {
      s->room = s->length + length;
      s->bytes = realloc(s->bytes, s->room);
    }
    memcpy(s->bytes + s->length, frame + 9, length);
    s->length += length;
    c->consumed += length;
  }
  if (flags & END_STREAM) h2_answer(c, s);
  if (c->consumed > 1 << 24) {
    put32(h2_head(output_room(&c->out, 13), 4, WINDOW_UPDATE, 0, 0), c->consumed);
    c->out.end += 13;
    c->consumed = 0;
  }
}

/* Takes what is whole. */
static void take(struct connection *c) {
  uint32_t at = 0;
  if (protocol == H2 && !c->greeted) {
    if (c->have < 24) return;
    c->greeted = 1;
    at = 24;
    uint8_t *p = output_room(&c->out, 64);
    c->out.end += (size_t)(h2_hello(p) - p);
  }
  for (;;) {
    uint8_t *frame = c->in + at;
    uint32_t left = c->have - at, length;
    if (protocol == H2) {
      if (left < 9) break;
      length = ((uint32_t)frame[0] << 16 | (uint32_t)frame[1] << 8 | frame[2]) + 9;
    } else {
      length = frame_length(protocol, frame, left);
      if (length == 0) break;
    }
    if (length > ROOM) exit(3);
    if (length > left) break;
    if (protocol == H2) h2_frame(c, frame, length - 9);
    else answer(c, frame, length);
    at += length;
  }
  c->have -= at;
  if (at > 0) memmove(c->in, c->in + at, c->have);
}

static void finish(struct connection *c) {
  close(c->fd);
  if (c->streams) for (int i = 0; i < STREAMS; i++) free(c->streams[i].bytes);
  free(c->streams);
  free(c->out.bytes);
  free(c->in);
  free(c);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  protocol = protocol_of(argv[1]);
  int services = atoi(argv[2]), epoll = epoll_create1(0);
  many_files();
  for (int i = 0; i < services; i++) {
    int port;
    struct connection *c = calloc(1, sizeof *c);
    c->fd = listen_any(&port);
    c->service = i;
    c->listening = 1;
    watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLIN, c);
    printf("%d\n", port);
  }
  fflush(stdout);
  struct epoll_event events[1024];
  for (;;) {
    int count = epoll_wait(epoll, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      struct connection *c = events[i].data.ptr;
      if (c->listening) {
        int fd;
        while ((fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          struct connection *fresh = calloc(1, sizeof *fresh);
          fresh->fd = no_delay(fd);
          fresh->service = c->service;
          fresh->in = malloc(ROOM);
          if (protocol == H2) fresh->streams = calloc(STREAMS, sizeof *fresh->streams);
          watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, fresh);
        }
        continue;
      }
      int state = 0;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = read(c->fd, c->in + c->have, ROOM - c->have);
        if (n == 0 || (n < 0 && errno != EAGAIN)) {
          finish(c);
          continue;
        }
        if (n > 0) c->have += (uint32_t)n;
        take(c);
      }
      state = output_write(&c->out, c->fd);
      if (state < 0) {
        finish(c);
        continue;
      }
      /* Who does not take replies is not read. */
      if (state == 1 || events[i].events & EPOLLOUT)
        watch(epoll, EPOLL_CTL_MOD, c->fd, state == 1 ? EPOLLOUT : EPOLLIN, c);
    }
  }
}
