/* The connection as the loop sees it: reading, writing, cancelling, giving up. No Lua in here. */
#include "dixis.h"

#include "pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  NOTICES_KEPT = 1000,
  CANCEL_AGAIN_MS = 1000,
  /* One TLS record is larger than what libpq takes at a time, and the socket does not show the rest
   * of it as readable. */
  READS_PER_EVENT_TLS = 3
};

struct cancel_request {
  uv_work_t work;
  PGcancel *cancel;
  struct pg_conn *conn;
  bool ok;
};

static struct pg_conn *conn_of_wait(struct dx_wait *wait)
{
  return (struct pg_conn *)((char *)wait - offsetof(struct pg_conn, wait));
}

void dx_pg_notices_clear(struct pg_conn *conn)
{
  for (struct pg_notice *notice = conn->notices, *next; notice != NULL; notice = next) {
    next = notice->next;
    free(notice);
  }
  conn->notices = NULL;
  conn->notices_end = &conn->notices;
  conn->notice_count = 0;
}

static void conn_unref(struct pg_conn *conn)
{
  if (--conn->refs > 0) return;
  dx_pg_notices_clear(conn);
  free(conn);
}

static void handle_closed(uv_handle_t *handle)
{
  conn_unref(handle->data);
}

/* ---- Throwing an answer away ---------------------------------------------------------------- */

bool dx_pg_settled(const struct pg_conn *conn)
{
  return conn->lost || (!conn->draining && conn->cancels == 0);
}

static void wake_if_settled(struct pg_conn *conn)
{
  if (!dx_pg_settled(conn)) return;
  uv_timer_stop(&conn->timer);
  dx_wake(&conn->wait);
}

void dx_pg_lost(struct pg_conn *conn)
{
  if (conn->lost) return;
  conn->lost = true;
  conn->draining = false;
  conn->sent = false;
  /* Not only stopped: libpq has closed the socket, and a handle that is closed later would take the
   * next connection, which may get the same number, out of the loop. */
  uv_close((uv_handle_t *)&conn->poll, handle_closed);
  uv_timer_stop(&conn->timer);
  dx_wake(&conn->wait);
}

void dx_pg_check(struct pg_conn *conn)
{
  if (dx_pq.PQstatus(conn->pg) == CONNECTION_BAD) dx_pg_lost(conn);
}

bool dx_pg_end_copy(struct pg_conn *conn, ExecStatusType status)
{
  conn->copied = true;
  if (conn->pipeline || status == PGRES_COPY_BOTH) {
    /* The server has swallowed the Sync: there is no telling any more whose answer is whose. */
    dx_pg_lost(conn);
    return true;
  }
  if (status == PGRES_COPY_IN) {
    dx_pq.PQputCopyEnd(conn->pg, "no data");
    dx_pg_flush(conn);
    return true;
  }
  char *data = NULL;
  int size;
  while ((size = dx_pq.PQgetCopyData(conn->pg, &data, 1)) > 0)
    dx_pq.PQfreemem(data);
  return size < 0;
}

void dx_pg_pipeline_end(struct pg_conn *conn)
{
  conn->pipeline = conn->sent = false;
  if (!dx_pq.PQexitPipelineMode(conn->pg)) dx_pg_lost(conn);
}

/* Throws away what has come; true when the answer was complete. */
static bool drain(struct pg_conn *conn)
{
  PGconn *pg = conn->pg;
  int empty = 0;
  while (!conn->lost && !dx_pq.PQisBusy(pg)) {
    PGresult *result = dx_pq.PQgetResult(pg);
    if (result == NULL) {
      if (!conn->pipeline) {
        conn->sent = false;
        break;
      }
      if (++empty > 1) dx_pg_lost(conn);
      continue;
    }
    empty = 0;
    ExecStatusType status = dx_pq.PQresultStatus(result);
    dx_pq.PQclear(result);
    if (status == PGRES_PIPELINE_SYNC && conn->synced) {
      dx_pg_pipeline_end(conn);
      break;
    }
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      if (!dx_pg_end_copy(conn, status)) break;
    }
  }
  dx_pg_check(conn);
  if (conn->sent) return false;
  conn->draining = false;
  wake_if_settled(conn);
  return true;
}

static void cancel_again(uv_timer_t *timer)
{
  struct pg_conn *conn = timer->data;
  if (conn->draining && conn->cancels == 0) dx_pg_request_cancel(conn);
}

static void discard(struct pg_conn *conn, bool cancel)
{
  if (conn->lost) return;
  if (!conn->draining) {
    conn->draining = true;
    if (conn->pipeline && !conn->synced) {
      /* A Sync commits what was sent of an implicit transaction: spoil it first. */
      dx_pq.PQsendQueryParams(conn->pg, "given up", 0, NULL, NULL, NULL, NULL, 0);
      dx_pq.PQpipelineSync(conn->pg);
      conn->synced = true;
    }
    dx_pg_flush(conn);
    dx_pq.PQconsumeInput(conn->pg);
    if (drain(conn)) return;
  }
  if (!cancel || uv_is_active((uv_handle_t *)&conn->timer)) return;
  dx_pg_request_cancel(conn);
  /* A request that overtakes its statement finds nothing to stop. */
  uv_timer_start(&conn->timer, cancel_again, CANCEL_AGAIN_MS, CANCEL_AGAIN_MS);
}

static void results_clear(struct pg_conn *conn)
{
  dx_pq.PQclear(conn->result);
  dx_pq.PQclear(conn->failure);
  conn->result = conn->failure = NULL;
}

void dx_pg_release(struct pg_conn *conn, bool cancel)
{
  conn->busy = false;
  results_clear(conn);
  if (conn->sent) discard(conn, cancel);
}

void dx_pg_cancel_wait(struct dx_wait *wait)
{
  struct pg_conn *conn = conn_of_wait(wait);
  conn->cancelled = true;
  if (conn->sent) {
    discard(conn, true);
    if (dx_pg_settled(conn)) dx_wake(wait);
  } else {
    dx_wake(wait);
  }
}

/* ---- Cancel requests ------------------------------------------------------------------------ */

static void cancel_work(uv_work_t *work)
{
  struct cancel_request *request = (struct cancel_request *)work;
  char text[256];
  request->ok = dx_pq.PQcancel(request->cancel, text, sizeof text) == 1;
}

static void cancel_done(uv_work_t *work, int status)
{
  struct cancel_request *request = (struct cancel_request *)work;
  struct pg_conn *conn = request->conn;
  conn->cancels--;
  conn->cancel_failed = status != 0 || !request->ok;
  dx_pq.PQfreeCancel(request->cancel);
  free(request);
  if (conn->pg != NULL) {
    dx_wake(&conn->cancel_wait);
    wake_if_settled(conn);
  }
  conn_unref(conn);
}

void dx_pg_request_cancel(struct pg_conn *conn)
{
  struct cancel_request *request = calloc(1, sizeof *request);
  if (request == NULL) return; /* the timer tries again */
  request->cancel = dx_pq.PQgetCancel(conn->pg);
  request->conn = conn;
  if (request->cancel == NULL ||
      uv_queue_work(dx_loop(), &request->work, cancel_work, cancel_done) != 0) {
    dx_pq.PQfreeCancel(request->cancel);
    free(request);
    return;
  }
  conn->refs++;
  conn->cancels++;
}

/* ---- Reading and writing -------------------------------------------------------------------- */

static void read_all(struct pg_conn *conn, int times)
{
  while (times-- > 0 && dx_pq.PQconsumeInput(conn->pg))
    continue;
}

static void socket_event(uv_poll_t *poll, int status, int events)
{
  struct pg_conn *conn = poll->data;
  if (conn->lost) return;
  if (status < 0) {
    /* The socket is broken, but why may still be in it. */
    read_all(conn, 64);
    dx_pq.PQisBusy(conn->pg);
    dx_pg_lost(conn);
    return;
  }
  if (events & UV_READABLE) {
    read_all(conn, dx_pq.PQsslInUse(conn->pg) ? READS_PER_EVENT_TLS : 1);
  }
  if (conn->flushing) dx_pg_flush(conn);
  /* Also takes in notices and parameters when nothing runs. */
  bool busy = dx_pq.PQisBusy(conn->pg);
  dx_pg_check(conn);
  /* The server has said that it ends the connection; the end itself may be read one turn later, and
   * who asks in between (is the run lock still ours?) must not hear that all is well. */
  if (conn->fatal_state[0] != '\0' && !conn->sent) dx_pg_lost(conn);
  if (conn->lost) return;
  if (conn->draining) {
    drain(conn);
  } else if (!busy || (conn->pipeline && !conn->synced && !conn->flushing)) {
    dx_wake(&conn->wait);
  }
}

static void watch(struct pg_conn *conn, int events)
{
  if (uv_poll_start(&conn->poll, events, socket_event) != 0) dx_pg_lost(conn);
}

void dx_pg_flush(struct pg_conn *conn)
{
  if (conn->lost) return;
  bool left = dx_pq.PQflush(conn->pg) == 1;
  if (left == conn->flushing) return;
  conn->flushing = left;
  watch(conn, left ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* ---- Beginning and end ---------------------------------------------------------------------- */

static void copy_field(char *to, size_t size, const PGresult *result, int field)
{
  const char *text = dx_pq.PQresultErrorField(result, field);
  snprintf(to, size, "%s", text != NULL ? text : "");
}

static void notice_received(void *data, const PGresult *result)
{
  struct pg_conn *conn = data;
  char severity[sizeof(conn->notices->severity)];
  copy_field(severity, sizeof severity, result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0) {
    /* It came while nothing ran; it explains the end that follows. */
    copy_field(conn->fatal_state, sizeof conn->fatal_state, result, PG_DIAG_SQLSTATE);
    copy_field(conn->fatal_message, sizeof conn->fatal_message, result, PG_DIAG_MESSAGE_PRIMARY);
    return;
  }
  const char *text = dx_pq.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (text == NULL || conn->notice_count >= NOTICES_KEPT) return;
  size_t size = strlen(text) + 1;
  struct pg_notice *notice = malloc(sizeof *notice + size);
  if (notice == NULL) return;
  notice->next = NULL;
  memcpy(notice->severity, severity, sizeof severity);
  copy_field(notice->sqlstate, sizeof notice->sqlstate, result, PG_DIAG_SQLSTATE);
  memcpy(notice->message, text, size);
  *conn->notices_end = notice;
  conn->notices_end = &notice->next;
  conn->notice_count++;
}

static void describe(struct pg_conn *conn)
{
  const char *host = dx_pq.PQhost(conn->pg), *port = dx_pq.PQport(conn->pg);
  bool socket = host != NULL && host[0] == '/';
  snprintf(conn->where, sizeof conn->where, "database \"%.128s\" at %.200s%s%.16s",
           dx_pq.PQdb(conn->pg), host, socket ? "/.s.PGSQL." : ":", port);
}

struct pg_conn *dx_pg_conn_new(PGconn *pg)
{
  struct pg_conn *conn = calloc(1, sizeof *conn);
  if (conn == NULL) return NULL;
  if (dx_pq.PQsetnonblocking(pg, 1) != 0 ||
      uv_poll_init(dx_loop(), &conn->poll, dx_pq.PQsocket(pg)) != 0) {
    free(conn);
    return NULL;
  }
  uv_timer_init(dx_loop(), &conn->timer);
  conn->poll.data = conn->timer.data = conn;
  conn->refs = 3;
  conn->pg = pg;
  conn->notices_end = &conn->notices;
  describe(conn);
  dx_pq.PQsetNoticeReceiver(pg, notice_received, conn);
  watch(conn, UV_READABLE);
  return conn;
}

void dx_pg_conn_close(struct pg_conn *conn)
{
  /* A server that is busy would not notice that we have left, and keep its locks. */
  if (conn->sent && !conn->lost) dx_pg_request_cancel(conn);
  results_clear(conn);
  if (!conn->lost) uv_close((uv_handle_t *)&conn->poll, handle_closed);
  uv_close((uv_handle_t *)&conn->timer, handle_closed);
  dx_pq.PQfinish(conn->pg);
  conn->pg = NULL;
  conn->lost = true;
  dx_wake(&conn->wait);
  dx_wake(&conn->cancel_wait);
  conn_unref(conn);
}
