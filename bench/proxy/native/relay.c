/*
 * The floor: a relay that knows nothing of messages. One upstream connection for each client connection, one read and one write for
 * what epoll says is there. `relay PORT` prints the port it listens on.
 */
#include "frames.h"

struct end {
  int fd, blocked;
  struct end *other;
  struct output out;
};

static int epoll;
static uint8_t chunk[65536];

static void set(struct end *e) {
  /* A peer that cannot take more is not read for. */
  uint32_t events = (e->other->blocked ? 0 : EPOLLIN) | (e->blocked ? EPOLLOUT : 0);
  watch(epoll, EPOLL_CTL_MOD, e->fd, events, e);
}

static struct end *graves[4096];
static int buried;

static void finish(struct end *e) {
  if (e->fd < 0) return;
  close(e->fd);
  close(e->other->fd);
  e->fd = e->other->fd = -1;
  graves[buried++] = e;
}

static void flush(struct end *to) {
  int state = output_write(&to->out, to->fd);
  if (state < 0) finish(to);
  else if (state != to->blocked) {
    to->blocked = state;
    set(to);
    set(to->other);
  }
}

int main(int argc, char **argv) {
  int port, upstream = argc > 1 ? atoi(argv[1]) : 0;
  many_files();
  int server = listen_any(&port);
  epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, server, EPOLLIN, NULL);
  printf("%d\n", port);
  fflush(stdout);
  struct epoll_event events[1024];
  for (;;) {
    int count = epoll_wait(epoll, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      struct end *from = events[i].data.ptr;
      if (!from) {
        int fd;
        while ((fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
          struct end *pair = calloc(2, sizeof *pair);
          pair[0] = (struct end){.fd = no_delay(fd), .other = &pair[1]};
          pair[1] = (struct end){.fd = connect_to(upstream), .other = &pair[0]};
          watch(epoll, EPOLL_CTL_ADD, pair[0].fd, EPOLLIN, &pair[0]);
          watch(epoll, EPOLL_CTL_ADD, pair[1].fd, EPOLLIN, &pair[1]);
        }
        continue;
      }
      if (from->fd < 0) continue;
      if (events[i].events & EPOLLOUT) flush(from);
      if (from->fd < 0 || !(events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) continue;
      struct end *to = from->other;
      ssize_t n = read(from->fd, chunk, sizeof chunk);
      if (n < 0 && errno == EAGAIN) continue;
      if (n <= 0) {
        finish(from);
        continue;
      }
      ssize_t sent = to->out.start == to->out.end ? write(to->fd, chunk, (size_t)n) : 0;
      if (sent < 0 && errno != EAGAIN) {
        finish(from);
        continue;
      }
      if (sent < 0) sent = 0;
      if (sent < n) {
        memcpy(output_room(&to->out, (size_t)(n - sent)), chunk + sent, (size_t)(n - sent));
        to->out.end += (size_t)(n - sent);
        flush(to);
      }
    }
    while (buried > 0) {
      struct end *e = graves[--buried];
      struct end *pair = e < e->other ? e : e->other;
      free(pair[0].out.bytes);
      free(pair[1].out.bytes);
      free(pair);
    }
  }
}
