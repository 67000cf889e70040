/*
 * The load. Closed loop: every connection keeps `window` requests in flight. Open loop (`rate`): requests at fixed times, whatever comes
 * back. Each reply is checked: its id is one in flight, its bytes are those sent, and it comes from the service of its route.
 *
 * load PROTOCOL PORT[,PORT...] CONNECTIONS WINDOW SIZE SECONDS WARM RATE ROUTES SERVICES PID...
 * deals its connections out to the ports in turn, and prints one JSON line with the CPU time of the processes PID (all threads) within SECONDS.
 * With SECONDS 0 each connection sends one request, "ready" is printed when all are answered, and they stay until the input ends.
 */
#include <dirent.h>
#include <math.h>
#include <poll.h>
#include <time.h>
#include "frames.h"

/* So many slots for one request in flight. */
enum { ROOM = 65536, SAMPLES = 1 << 20, SPARE = 16 };

struct slot {
  uint32_t number, got;
  int busy, route;
  double sent;
};

struct connection {
  int fd, blocked, in_flight;
  uint32_t next, have, consumed, last;
  struct output out;
  struct slot *slots;
  uint8_t *in;
};

static enum protocol protocol;
static int ports[16], port_count, connections, window, size, routes, services, epoll;
static double rate;
static uint8_t *templates[4096];
static struct connection *all;
static double *samples;
static uint64_t sampled, replies, wrong, misrouted, overtaken, in_flight, unsent;
static int measuring, stopping;

static inline struct slot *slot_of(struct connection *c, uint32_t number) {
  return &c->slots[number % ((uint32_t)window * SPARE)];
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static _Noreturn void die(const char *why) {
  fprintf(stderr, "load: %s\n", why);
  exit(1);
}

/* ns of CPU of all threads. */
static double cpu_of(int pid) {
  char path[300];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *folder = opendir(path);
  if (!folder) return NAN;
  double sum = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
    FILE *file = fopen(path, "r");
    double ns;
    if (file && fscanf(file, "%lf", &ns) == 1) sum += ns;
    if (file) fclose(file);
  }
  closedir(folder);
  return sum;
}

static void make_templates(void) {
  int body = protocol == H2 ? 5 : body_at(protocol), end = protocol == H2 ? size : body_end(protocol, size);
  if (end - body < 16) die("the frame is too short");
  for (int route = 0; route < routes; route++) {
    uint8_t *f = calloc(1, (size_t)size);
    for (int i = body + 16; i < end; i++) f[i] = (uint8_t)(i * 7 + route);
    put32(f + body + 12, (uint32_t)route);
    if (protocol == GAME) {
      put32(f, (uint32_t)size);
      memcpy(f + 4, "\x4d\x47\x01\x00", 4);
      put32(f + 8, 100000 + (uint32_t)route);
    } else if (protocol == THRIFT) {
      char name[16];
      snprintf(name, sizeof name, "method_%02d", route);
      put32(f, (uint32_t)size - 4);
      put32(f + 4, 0x80010001);
      put32(f + 8, 9);
      memcpy(f + 12, name, 9);
      memcpy(f + 25, "\x0b\x00\x01", 3);
      put32(f + 28, (uint32_t)(end - body));
    } else put32(f + 1, (uint32_t)size - 5);
    templates[route] = f;
  }
}

static void request(struct connection *c, double at) {
  /* Numbers whose slot still waits for an overtaken reply are left out. */
  while (slot_of(c, c->next)->busy) c->next++;
  uint32_t number = c->next++;
  struct slot *s = slot_of(c, number);
  int route = (int)((number + (uint32_t)(c - all)) % (uint32_t)routes);
  *s = (struct slot){.number = number, .busy = 1, .route = route, .sent = at};
  uint8_t *start = output_room(&c->out, (size_t)size + 128), *p = start;
  int body = 5;
  if (protocol == H2) {
    uint32_t stream = number * 2 + 1;
    p = h2_head(p, sizeof h2_request - 1, HEADERS, END_HEADERS, stream);
    memcpy(p, h2_request, sizeof h2_request - 1);
    p = h2_head(p + sizeof h2_request - 1, (uint32_t)size, DATA, END_STREAM, stream);
  } else body = body_at(protocol);
  memcpy(p, templates[route], (size_t)size);
  if (protocol != H2) put32(p + id_at(protocol), number);
  if (protocol == GAME) put32(p + 20, (uint32_t)((c - all) * 31 + number % 7));
  put32(p + body + 4, (uint32_t)(c - all));
  put32(p + body + 8, number);
  c->out.end += (size_t)(p + size - start);
  c->in_flight++;
  in_flight++;
}

static void settled(struct connection *c, struct slot *s, double at) {
  if (s->number < c->last) overtaken++;
  else c->last = s->number;
  if (measuring) {
    replies++;
    samples[sampled++ % SAMPLES] = at - s->sent;
  }
  s->busy = 0;
  c->in_flight--;
  in_flight--;
  if (!stopping && rate == 0) request(c, at);
}

/* `body` bytes at `offset` of the reply to s. */
static int same(struct connection *c, struct slot *s, const uint8_t *bytes, int offset, int length, int body) {
  uint8_t head[16];
  const uint8_t *wanted = templates[s->route];
  memcpy(head, wanted + body, 16);
  put32(head, (uint32_t)(s->route % services));
  put32(head + 4, (uint32_t)(c - all));
  put32(head + 8, s->number);
  for (int i = 0; i < length; i++) {
    int at = offset + i - body;
    if (at >= 16) return !memcmp(bytes + i, wanted + offset + i, (size_t)(length - i));
    if (at < 0 || bytes[i] == head[at]) continue;
    if (at < 4) {
      misrouted++;
      return 1;
    }
    return 0;
  }
  return 1;
}

static void reply(struct connection *c, uint8_t *frame, uint32_t length, double at) {
  uint32_t number = get32(frame + id_at(protocol));
  struct slot *s = slot_of(c, number);
  int body = body_at(protocol);
  int is_reply = protocol == GAME ? frame[6] == 2 && frame[7] == 0 : frame[7] == 2;
  if (!is_reply || !s->busy || s->number != number || length != (uint32_t)size ||
      !same(c, s, frame + body, body, body_end(protocol, size) - body, body)) {
    if (wrong++ == 0) fprintf(stderr, "load: wrong reply, id %u, %u bytes, kind %d\n", number, length, frame[6]);
    return;
  }
  settled(c, s, at);
}

static void h2_frame(struct connection *c, uint8_t *frame, uint32_t length, double at) {
  uint32_t id = get32(frame + 5), number = id >> 1;
  int type = frame[3], flags = frame[4];
  if ((type == SETTINGS || type == PING) && !(flags & ACK)) {
    uint32_t back = type == PING ? length : 0;
    uint8_t *p = h2_head(output_room(&c->out, 32), back, type, ACK, 0);
    memcpy(p, frame + 9, back);
    c->out.end += 9 + back;
    return;
  }
  if (type == GOAWAY || type == RST_STREAM) die("the peer ended a stream or the connection");
  if (type != DATA && type != HEADERS) return;
  struct slot *s = slot_of(c, number);
  if (!s->busy || s->number != number) {
    wrong++;
    return;
  }
  if (type == DATA) {
    if (s->got + length > (uint32_t)size || !same(c, s, frame + 9, (int)s->got, (int)length, 5)) wrong++;
    s->got += length;
    c->consumed += length;
  }
  if (flags & END_STREAM) {
    if (s->got != (uint32_t)size) wrong++;
    settled(c, s, at);
  }
  if (c->consumed > 1 << 24) {
    put32(h2_head(output_room(&c->out, 13), 4, WINDOW_UPDATE, 0, 0), c->consumed);
    c->out.end += 13;
    c->consumed = 0;
  }
}

static void send_out(struct connection *c) {
  int state = output_write(&c->out, c->fd);
  if (state < 0) die("a connection was closed while it was written to");
  if (state == c->blocked) return;
  c->blocked = state;
  watch(epoll, EPOLL_CTL_MOD, c->fd, EPOLLIN | (state ? EPOLLOUT : 0), c);
}

static void receive(struct connection *c) {
  ssize_t n = read(c->fd, c->in + c->have, ROOM - c->have);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("a connection was closed");
  double at = now();
  c->have += (uint32_t)n;
  uint32_t done = 0;
  for (;;) {
    uint8_t *frame = c->in + done;
    uint32_t left = c->have - done, length;
    if (left < 9) break;
    if (protocol == H2) length = ((uint32_t)frame[0] << 16 | (uint32_t)frame[1] << 8 | frame[2]) + 9;
    else length = frame_length(protocol, frame, left);
    if (length > ROOM || length < 9) die("a frame of a wild length");
    if (length > left) break;
    if (protocol == H2) h2_frame(c, frame, length - 9, at);
    else reply(c, frame, length, at);
    done += length;
  }
  c->have -= done;
  if (c->have > 0) memmove(c->in, c->in + done, c->have);
  send_out(c);
}

static void turn(int timeout_ms) {
  struct epoll_event events[1024];
  int count = epoll_wait(epoll, events, 1024, timeout_ms);
  for (int i = 0; i < count; i++) {
    struct connection *c = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) send_out(c);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
  }
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void open_all(void) {
  all = calloc((size_t)connections, sizeof *all);
  epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    struct connection *c = &all[i];
    c->fd = connect_to(ports[i % port_count]);
    c->slots = calloc((size_t)window * SPARE, sizeof *c->slots);
    c->in = malloc(ROOM);
    if (protocol == H2) {
      uint8_t *p = output_room(&c->out, 128);
      memcpy(p, h2_preface, 24);
      c->out.end += (size_t)(h2_hello(p + 24) - p);
    }
    watch(epoll, EPOLL_CTL_ADD, c->fd, EPOLLIN, c);
    /* Let the other side accept: its backlog is not ours to fill. */
    if (i % 512 == 511) usleep(20000);
  }
}

static void idle(void) {
  struct pollfd input = {.fd = 0, .events = POLLIN};
  char byte;
  printf("open\n");
  fflush(stdout);
  if (read(0, &byte, 1) <= 0) return;
  stopping = 1;
  for (int i = 0; i < connections; i++) {
    request(&all[i], now());
    send_out(&all[i]);
    turn(0);
  }
  for (double until = now() + 60; in_flight > 0 && wrong == 0 && now() < until;) turn(1000);
  printf("ready %llu\n", (unsigned long long)(wrong + misrouted + in_flight));
  fflush(stdout);
  while (poll(&input, 1, 100) == 0) turn(0);
}

int main(int argc, char **argv) {
  if (argc < 11) return 2;
  protocol = protocol_of(argv[1]);
  for (char *p = strtok(argv[2], ","); p && port_count < 16; p = strtok(NULL, ",")) ports[port_count++] = atoi(p);
  connections = atoi(argv[3]);
  window = atoi(argv[4]);
  size = atoi(argv[5]);
  double seconds = atof(argv[6]), warm = atof(argv[7]);
  rate = atof(argv[8]);
  routes = atoi(argv[9]);
  services = atoi(argv[10]);
  if (port_count < 1 || routes < 1 || routes > 4096 || services < 1 || window < 1 || connections < 1) return 2;
  many_files();
  samples = malloc(sizeof *samples * SAMPLES);
  make_templates();
  open_all();
  if (seconds == 0) {
    idle();
    return 0;
  }
  double start = now(), begin = start + warm, end = begin + seconds, next = start, cpu = 0, began = 0;
  if (rate == 0)
    for (int i = 0; i < connections; i++) {
      for (int k = 0; k < window; k++) request(&all[i], start);
      send_out(&all[i]);
    }
  int turns = 0;
  for (;;) {
    double time = now();
    if (!measuring && time >= begin) {
      measuring = 1;
      began = time;
      for (int i = 11; i < argc; i++) cpu -= cpu_of(atoi(argv[i]));
    }
    if (time >= end) break;
    if (rate == 0) {
      turn(10);
      continue;
    }
    for (; next <= time; next += 1 / rate) {
      struct connection *c = &all[turns++ % connections];
      if (c->in_flight >= window) unsent++;
      else {
        request(c, next);
        send_out(c);
      }
    }
    /* epoll's ms are too coarse: it is asked without waiting, and the rest is slept. */
    turn(0);
    double left = next - now();
    if (left > 20e-6 && left < 1) {
      struct epoll_event event;
      struct timespec wait = {.tv_nsec = (long)(left * 1e9)};
      if (epoll_pwait2(epoll, &event, 1, &wait, NULL) > 0) turn(0);
    }
  }
  for (int i = 11; i < argc; i++) cpu += cpu_of(atoi(argv[i]));
  double lasted = now() - began;
  measuring = 0;
  stopping = 1;
  for (double until = now() + 10; in_flight > 0 && now() < until;) turn(50);
  uint64_t kept = sampled < SAMPLES ? sampled : SAMPLES;
  qsort(samples, kept, sizeof *samples, by_value);
  double p50 = kept ? samples[kept / 2] * 1e6 : 0, p99 = kept ? samples[kept * 99 / 100] * 1e6 : 0;
  printf("{\"replies\":%llu,\"seconds\":%.4f,\"cpuUs\":%.1f,\"p50\":%.1f,\"p99\":%.1f,\"wrong\":%llu,\"misrouted\":%llu,"
         "\"overtaken\":%llu,\"lost\":%llu,\"unsent\":%llu}\n",
         (unsigned long long)replies, lasted, cpu / 1000, p50, p99, (unsigned long long)wrong,
         (unsigned long long)misrouted, (unsigned long long)overtaken, (unsigned long long)in_flight,
         (unsigned long long)unsent);
  return 0;
}
