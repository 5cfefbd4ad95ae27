/* libcurl on the host's loop: it says which sockets and which time it waits for, we tell it when.
 */
#include "dixis.h"

#include "http.h"

#include <stdlib.h>

struct watch {
  uv_poll_t poll; /* first: the close callback frees the whole */
  curl_socket_t socket;
};

static CURLM *multi;
static uv_timer_t *timer;

static void handle_free(uv_handle_t *handle)
{
  free(handle);
}

/* Finished transfers; their handles leave libcurl before anybody hears of it. */
static void transfers_collect(void)
{
  CURLMsg *message;
  int left;
  while (multi != NULL && (message = dx_curl.curl_multi_info_read(multi, &left)) != NULL) {
    if (message->msg != CURLMSG_DONE) continue;
    struct dx_transfer *transfer = NULL;
    dx_curl.curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
    transfer->code = message->data.result;
    dx_transfer_stop(transfer);
    transfer->finished(transfer);
    uv_stop(dx_loop()); /* a timer that rings before libuv polls must not leave it polling */
  }
}

static void socket_action(curl_socket_t socket, int events)
{
  int running;
  dx_curl.curl_multi_socket_action(multi, socket, events, &running);
  transfers_collect();
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
  const struct watch *watch = (const struct watch *)poll;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  socket_action(watch->socket, flags);
}

static void timer_rang(uv_timer_t *unused)
{
  (void)unused;
  socket_action(CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *unused, long ms, void *context)
{
  (void)unused, (void)context;
  if (ms < 0) {
    uv_timer_stop(timer);
  } else {
    uv_update_time(dx_loop());
    uv_timer_start(timer, timer_rang, (uint64_t)ms, 0);
  }
  return 0;
}

static struct watch *watch_new(curl_socket_t socket)
{
  struct watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return NULL;
  if (uv_poll_init(dx_loop(), &watch->poll, socket) != 0) {
    free(watch);
    return NULL;
  }
  watch->socket = socket;
  dx_curl.curl_multi_assign(multi, socket, watch);
  return watch;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *known)
{
  (void)easy, (void)context;
  struct watch *watch = known;
  if (what == CURL_POLL_REMOVE) {
    if (watch == NULL) return 0;
    dx_curl.curl_multi_assign(multi, socket, NULL);
    uv_close((uv_handle_t *)&watch->poll, handle_free);
    return 0;
  }
  if (watch == NULL) watch = watch_new(socket);
  if (watch == NULL) return -1;
  int events = what == CURL_POLL_IN    ? UV_READABLE
               : what == CURL_POLL_OUT ? UV_WRITABLE
                                       : UV_READABLE | UV_WRITABLE;
  return uv_poll_start(&watch->poll, events, socket_ready) == 0 ? 0 : -1;
}

static bool multi_ready(void)
{
  if (multi != NULL) return true;
  timer = malloc(sizeof *timer);
  multi = timer != NULL ? dx_curl.curl_multi_init() : NULL;
  if (multi == NULL) {
    free(timer);
    return false;
  }
  uv_timer_init(dx_loop(), timer);
  dx_curl.curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  dx_curl.curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  dx_curl.curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 8L);
  return true;
}

bool dx_transfer_start(struct dx_transfer *transfer)
{
  if (!multi_ready()) return false;
  dx_curl.curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
  transfer->running = dx_curl.curl_multi_add_handle(multi, transfer->easy) == CURLM_OK;
  return transfer->running;
}

void dx_transfer_stop(struct dx_transfer *transfer)
{
  if (!transfer->running) return;
  transfer->running = false;
  dx_curl.curl_multi_remove_handle(multi, transfer->easy);
}

void dx_transfers_close(void)
{
  if (multi == NULL) return;
  dx_curl.curl_multi_cleanup(multi);
  uv_close((uv_handle_t *)timer, handle_free);
  multi = NULL;
  timer = NULL;
}
