/* host.smtp: one mail to a server that takes it. Waits: send. Fails: kinds "smtp", "deadline",
 * "usage". Raises: misuse only.
 *
 * On the thread pool: libcurl blocks while it waits for what the server says to the end of a mail.
 * A password is never sent without TLS. Messages name scheme, host and port only; whatever else the
 * URL holds can be a secret.
 */
#include "dixis.h"

#include "http.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAIL_TYPE "dixis.smtp.mail"

int luaopen_host_smtp(lua_State *L);

/* Shared by the holder that Lua sees and the job on the thread pool; the last one frees it. */
struct mail {
  uv_work_t work;
  struct dx_wait wait;
  int refs;
  atomic_bool given_up;
  CURL *easy;
  CURLcode code;
  struct curl_slist *recipients;
  char *text;
  size_t size, sent;
  struct dx_origin origin;
};

static void mail_unref(struct mail *mail)
{
  if (--mail->refs > 0) return;
  if (mail->easy != NULL) dx_curl.curl_easy_cleanup(mail->easy);
  if (mail->recipients != NULL) dx_curl.curl_slist_free_all(mail->recipients);
  free(mail->text);
  free(mail);
}

static int holder_close(lua_State *L)
{
  struct mail **holder = luaL_checkudata(L, 1, MAIL_TYPE);
  if (*holder == NULL) return 0;
  atomic_store(&(*holder)->given_up, true);
  mail_unref(*holder);
  *holder = NULL;
  return 0;
}

/* ---- On the thread pool -------------------------------------------------------------------- */

static size_t on_read(char *out, size_t one, size_t room, void *context)
{
  struct mail *mail = context;
  size_t left = mail->size - mail->sent, size = one * room < left ? one * room : left;
  memcpy(out, mail->text + mail->sent, size);
  mail->sent += size;
  return size;
}

/* The server's words after the transfer; nobody reads them. */
static size_t on_answer(char *data, size_t one, size_t size, void *context)
{
  (void)data, (void)context;
  return one * size;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
  (void)a, (void)b, (void)c, (void)d;
  return atomic_load(&((struct mail *)context)->given_up) ? 1 : 0;
}

static void mail_work(uv_work_t *work)
{
  struct mail *mail = work->data;
  mail->code = CURLE_ABORTED_BY_CALLBACK;
  if (atomic_load(&mail->given_up)) return;
  mail->code = dx_curl.curl_easy_perform(mail->easy);
  dx_libcurl_thread_end();
}

static void mail_done(uv_work_t *work, int status)
{
  (void)status;
  struct mail *mail = work->data;
  dx_wake(&mail->wait);
  mail_unref(mail);
}

static void mail_cancel(struct dx_wait *wait)
{
  struct mail *mail = (struct mail *)((char *)wait - offsetof(struct mail, wait));
  atomic_store(&mail->given_up, true);
  dx_wake(wait);
}

/* ---- What became of it --------------------------------------------------------------------- */

/* libcurl's own detailed text and the server's words are not used: they can quote anything. */
static int push_failure(lua_State *L, const struct mail *mail)
{
  const char *origin = mail->origin.text;
  if (mail->code == CURLE_OPERATION_TIMEDOUT) {
    return dx_fail(L, "deadline", "%s: the mail was not taken in time", origin);
  }
  long status = 0, number = 0;
  dx_curl.curl_easy_getinfo(mail->easy, CURLINFO_RESPONSE_CODE, &status);
  dx_curl.curl_easy_getinfo(mail->easy, CURLINFO_OS_ERRNO, &number);
  const char *what = mail->code == CURLE_USE_SSL_FAILED
                         ? "it offers no TLS, so it is given no password"
                         : dx_curl.curl_easy_strerror(mail->code);
  if (status >= 400) {
    dx_fail(L, "smtp", "%s: %s (it answered %d)", origin, what, (int)status);
    dx_field_int(L, "status", status);
  } else {
    dx_fail(L, "smtp", "%s: %s", origin, what);
  }
  if (number > 0) dx_field(L, "code", uv_err_name((int)-number));
  return 2;
}

static int mail_results(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct mail *mail = (struct mail *)context;
  if (atomic_load(&mail->given_up)) return 0;
  if (mail->code != CURLE_OK) return push_failure(L, mail);
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- The mail ------------------------------------------------------------------------------ */

static void set_option(lua_State *L, CURLcode code)
{
  if (code == CURLE_OUT_OF_MEMORY) luaL_error(L, "not enough memory");
  if (code != CURLE_OK)
    luaL_error(L, "libcurl refuses an option: it is too old, or speaks no SMTP");
}

#define SET(option, value) set_option(L, dx_curl.curl_easy_setopt(mail->easy, option, value))

static const char *check_address(lua_State *L, int index)
{
  luaL_argcheck(L, lua_type(L, index) == LUA_TSTRING, 1, "an address must be a string");
  size_t size;
  const char *address = lua_tolstring(L, index, &size);
  luaL_argcheck(L, size > 2 && !dx_has_control(address, size) && strpbrk(address, "<> ") == NULL, 1,
                "malformed address");
  return address;
}

static void recipients_set(lua_State *L, struct mail *mail)
{
  luaL_argcheck(L, lua_getfield(L, 1, "to") == LUA_TTABLE && lua_rawlen(L, -1) > 0, 1,
                "field 'to' must be a list of addresses");
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= count; i++) {
    lua_rawgeti(L, -1, i);
    struct curl_slist *grown = dx_curl.curl_slist_append(mail->recipients, check_address(L, -1));
    if (grown == NULL) luaL_error(L, "not enough memory");
    mail->recipients = grown;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  SET(CURLOPT_MAIL_RCPT, mail->recipients);
}

static void text_set(lua_State *L, struct mail *mail)
{
  luaL_argcheck(L, lua_getfield(L, 1, "message") == LUA_TSTRING, 1,
                "field 'message' must be a string");
  const char *text = lua_tolstring(L, -1, &mail->size);
  mail->text = malloc(mail->size + 1);
  if (mail->text == NULL) luaL_error(L, "not enough memory");
  memcpy(mail->text, text, mail->size);
  lua_pop(L, 1);
  SET(CURLOPT_UPLOAD, 1L);
  SET(CURLOPT_READFUNCTION, on_read);
  SET(CURLOPT_READDATA, mail);
  SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)mail->size);
}

static void mail_set(lua_State *L, struct mail *mail, const char *url)
{
  lua_Number timeout = dx_opt_number(L, 1, "timeout", 30);
  luaL_argcheck(L, timeout > 0 && timeout < 1e6, 1, "field 'timeout' out of range");
  long ms = (long)(timeout * 1000);
  SET(CURLOPT_URL, url);
  SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  SET(CURLOPT_TIMEOUT_MS, ms > 0 ? ms : 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, ms > 0 ? ms : 1L);
  SET(CURLOPT_NOPROGRESS, 0L);
  SET(CURLOPT_XFERINFOFUNCTION, on_progress);
  SET(CURLOPT_XFERINFODATA, mail);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_USE_SSL, (long)(mail->origin.user ? CURLUSESSL_ALL : CURLUSESSL_TRY));
  SET(CURLOPT_WRITEFUNCTION, on_answer);
  const char *ca = dx_opt_string(L, 1, "ca", NULL);
  if (ca != NULL) SET(CURLOPT_CAINFO, ca);
  lua_getfield(L, 1, "from");
  SET(CURLOPT_MAIL_FROM, check_address(L, -1));
  lua_pop(L, 1);
  recipients_set(L, mail);
  text_set(L, mail);
}

static int smtp_send(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  const char *url = dx_opt_string(L, 1, "url", NULL);
  luaL_argcheck(L, url != NULL, 1, "field 'url' is missing");
  dx_check_wait(L);
  const char *fault = dx_libcurl_load();
  if (fault != NULL) return dx_fail(L, "smtp", "%s", fault);
  struct mail **holder = lua_newuserdatauv(L, sizeof *holder, 0);
  *holder = NULL;
  luaL_setmetatable(L, MAIL_TYPE);
  struct mail *mail = *holder = calloc(1, sizeof *mail);
  if (mail == NULL) return luaL_error(L, "not enough memory");
  mail->refs = 1;
  lua_getfield(L, 1, "url");
  fault = dx_origin_read(&mail->origin, url, lua_rawlen(L, -1), "smtp");
  lua_pop(L, 1);
  if (fault != NULL) return dx_fail(L, "usage", "the mail server's URL cannot be used: %s", fault);
  mail->easy = dx_curl.curl_easy_init();
  if (mail->easy == NULL) return luaL_error(L, "not enough memory");
  mail_set(L, mail, url);
  mail->work.data = mail;
  int code = uv_queue_work(dx_loop(), &mail->work, mail_work, mail_done);
  if (code != 0) return dx_fail_os(L, code, "send a mail");
  mail->refs++;
  return dx_wait(L, &mail->wait, mail_cancel, mail_results, (lua_KContext)mail);
}

int luaopen_host_smtp(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, MAIL_TYPE, none, holder_close);
  static const luaL_Reg functions[] = {{"send", smtp_send}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
