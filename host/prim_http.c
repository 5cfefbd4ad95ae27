/* host.http: one request and its answer. Waits: request. Fails: kinds "http", "deadline",
 * "too_large", "usage". Raises: misuse only.
 *
 * Nothing comes from outside the request: no proxy of the environment, no .netrc, no cookies.
 * Messages name scheme, host and port only; whatever else a URL holds can be a secret.
 */
#include "dixis.h"

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REQUEST_TYPE "dixis.http.request"
#define SESSION_TYPE "dixis.http.session"

enum { headers_max = 256 << 10 };

int luaopen_host_http(lua_State *L);

struct bytes {
  char *data;
  size_t size, max;
  bool overflow;
};

struct request {
  struct dx_transfer transfer; /* first */
  struct dx_wait wait;
  struct curl_slist *headers;
  struct bytes received_headers, body;
  struct dx_origin origin;
};

/* ---- What libcurl calls -------------------------------------------------------------------- */

static size_t bytes_add(struct bytes *bytes, const char *data, size_t size)
{
  char *grown = NULL;
  if (size <= bytes->max - bytes->size) grown = realloc(bytes->data, bytes->size + size + 1);
  if (grown == NULL) {
    bytes->overflow = true;
    return 0;
  }
  bytes->data = grown;
  memcpy(grown + bytes->size, data, size);
  bytes->size += size;
  return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
  (void)one;
  struct request *request = context;
  return size == 0 ? 0 : bytes_add(&request->body, data, size);
}

/* Of several answers (100 Continue, redirects) only the last one's headers count. */
static size_t on_header(char *data, size_t one, size_t size, void *context)
{
  (void)one;
  struct request *request = context;
  if (size > 5 && memcmp(data, "HTTP/", 5) == 0) request->received_headers.size = 0;
  return bytes_add(&request->received_headers, data, size);
}

static void on_finished(struct dx_transfer *transfer)
{
  dx_wake(&((struct request *)transfer)->wait);
}

static void request_cancel(struct dx_wait *wait)
{
  struct request *request = (struct request *)((char *)wait - offsetof(struct request, wait));
  request->transfer.code = CURLE_ABORTED_BY_CALLBACK;
  dx_transfer_stop(&request->transfer);
  dx_wake(wait);
}

static int request_close(lua_State *L)
{
  struct request *request = luaL_checkudata(L, 1, REQUEST_TYPE);
  dx_transfer_stop(&request->transfer);
  if (request->transfer.easy != NULL) dx_curl.curl_easy_cleanup(request->transfer.easy);
  if (request->headers != NULL) dx_curl.curl_slist_free_all(request->headers);
  free(request->received_headers.data);
  free(request->body.data);
  memset(request, 0, sizeof *request);
  return 0;
}

/* ---- The answer ---------------------------------------------------------------------------- */

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One "Name: value"; one that comes again is joined by a comma, as HTTP has it. The table is on
 * top of the stack. */
static void push_header(lua_State *L, const char *line, size_t size)
{
  const char *colon = memchr(line, ':', size), *end = line + size;
  if (colon == NULL) return;
  const char *value = colon + 1;
  while (value < end && is_blank(*value))
    value++;
  while (end > value && is_blank(end[-1]))
    end--;
  luaL_Buffer name;
  luaL_buffinit(L, &name);
  for (const char *c = line; c < colon; c++) {
    luaL_addchar(&name, (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c));
  }
  luaL_pushresult(&name);
  lua_pushvalue(L, -1);
  if (lua_gettable(L, -3) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushlstring(L, value, (size_t)(end - value));
  } else {
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, (size_t)(end - value));
    lua_concat(L, 3);
  }
  lua_settable(L, -3);
}

static void push_headers(lua_State *L, const struct bytes *headers)
{
  lua_newtable(L);
  const char *line = headers->data, *end = line + headers->size;
  while (line < end) {
    const char *newline = memchr(line, '\n', (size_t)(end - line));
    const char *stop = newline != NULL ? newline : end;
    push_header(L, line, (size_t)(stop - line));
    line = stop + 1;
  }
}

static int push_response(lua_State *L, struct request *request)
{
  CURL *easy = request->transfer.easy;
  long status = 0;
  curl_off_t micros = 0;
  dx_curl.curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  dx_curl.curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &micros);
  lua_createtable(L, 0, 4);
  dx_field_int(L, "status", status);
  lua_pushnumber(L, (lua_Number)micros / 1e6);
  lua_setfield(L, -2, "seconds");
  lua_pushlstring(L, request->body.data != NULL ? request->body.data : "", request->body.size);
  lua_setfield(L, -2, "body");
  if (request->received_headers.data != NULL) {
    push_headers(L, &request->received_headers);
  } else {
    lua_newtable(L);
  }
  lua_setfield(L, -2, "headers");
  return 1;
}

/* libcurl's own detailed text is not used: it can quote the URL. */
static int push_failure(lua_State *L, const struct request *request)
{
  CURLcode code = request->transfer.code;
  const char *what = dx_curl.curl_easy_strerror(code), *origin = request->origin.text;
  if (request->body.overflow || code == CURLE_FILESIZE_EXCEEDED) {
    return dx_fail(L, "too_large", "%s: the answer is larger than it may be", origin);
  }
  if (request->received_headers.overflow) {
    return dx_fail(L, "too_large", "%s: the answer's headers are larger than they may be", origin);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    return dx_fail(L, "deadline", "%s: no complete answer in time", origin);
  }
  dx_fail(L, "http", "%s: %s", origin, what);
  long number = 0;
  dx_curl.curl_easy_getinfo(request->transfer.easy, CURLINFO_OS_ERRNO, &number);
  if (number > 0) dx_field(L, "code", uv_err_name((int)-number));
  return 2;
}

static int request_results(lua_State *L, int status, lua_KContext context)
{
  (void)status;
  struct request *request = (struct request *)context;
  int count =
      request->transfer.code == CURLE_OK ? push_response(L, request) : push_failure(L, request);
  lua_pushcfunction(L, request_close);
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return count;
}

/* ---- The request --------------------------------------------------------------------------- */

static void set_option(lua_State *L, CURLcode code)
{
  if (code == CURLE_OUT_OF_MEMORY) luaL_error(L, "not enough memory");
  if (code != CURLE_OK) luaL_error(L, "libcurl refuses an option: it is too old");
}

#define SET(option, value)                                                                         \
  set_option(L, dx_curl.curl_easy_setopt(request->transfer.easy, option, value))

static void header_add(lua_State *L, struct request *request, const char *line)
{
  struct curl_slist *grown = dx_curl.curl_slist_append(request->headers, line);
  if (grown == NULL) luaL_error(L, "not enough memory");
  request->headers = grown;
}

static bool is_token(const char *text, size_t size)
{
  static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-.^_`|~";
  return size > 0 && strspn(text, letters) == size;
}

/* The table of headers is on top of the stack. */
static void headers_set(lua_State *L, struct request *request)
{
  bool typed = false;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    size_t name_size, size;
    luaL_argcheck(L, lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING, 1,
                  "headers must be strings");
    const char *name = lua_tolstring(L, -2, &name_size), *value = lua_tolstring(L, -1, &size);
    luaL_argcheck(L, is_token(name, name_size), 1, "malformed name of a header");
    luaL_argcheck(L, !dx_has_control(value, size), 1, "control character in a header");
    if (strcasecmp(name, "content-type") == 0) typed = true;
    /* libcurl's notation: "Name;" sends it empty, "Name:" would leave it out. */
    lua_pushfstring(L, size > 0 ? "%s: %s" : "%s;", name, value);
    header_add(L, request, lua_tostring(L, -1));
    lua_pop(L, 2);
  }
  if (!typed) header_add(L, request, "Content-Type:");
  header_add(L, request, "Expect:");
  SET(CURLOPT_HTTPHEADER, request->headers);
}

static void method_set(lua_State *L, struct request *request, const char *method)
{
  lua_getfield(L, 1, "body");
  bool has_body = !lua_isnil(L, -1);
  if (has_body) {
    size_t size;
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "field 'body' must be a string");
    const char *body = lua_tolstring(L, -1, &size);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    SET(CURLOPT_COPYPOSTFIELDS, body);
  }
  lua_pop(L, 1);
  if (method == NULL) return;
  luaL_argcheck(L, is_token(method, strlen(method)), 1, "malformed method");
  if (strcmp(method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
  } else if (strcmp(method, has_body ? "POST" : "GET") != 0) {
    SET(CURLOPT_CUSTOMREQUEST, method);
  }
}

static void limits_set(lua_State *L, struct request *request)
{
  lua_Number timeout = dx_opt_number(L, 1, "timeout", 30);
  lua_Number max = dx_opt_number(L, 1, "max_body", 1 << 20);
  lua_Number follow = dx_opt_number(L, 1, "follow", 0);
  luaL_argcheck(L, timeout > 0 && timeout < 1e6, 1, "field 'timeout' out of range");
  luaL_argcheck(L, max >= 0 && max <= 256 << 20, 1, "field 'max_body' out of range");
  luaL_argcheck(L, follow >= 0 && follow <= 50, 1, "field 'follow' out of range");
  long ms = (long)(timeout * 1000);
  request->body.max = (size_t)max;
  request->received_headers.max = headers_max;
  SET(CURLOPT_TIMEOUT_MS, ms > 0 ? ms : 1L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, ms > 0 ? ms : 1L);
  if (max > 0) SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)max);
  SET(CURLOPT_FOLLOWLOCATION, follow > 0 ? 1L : 0L);
  SET(CURLOPT_MAXREDIRS, (long)follow);
}

static void request_set(lua_State *L, struct request *request, const char *url)
{
  SET(CURLOPT_URL, url);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_REDIR_PROTOCOLS_STR,
      request->origin.tls ? "https" : "http,https"); /* never back to plain text */
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_PROXY, "");
  SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
  SET(CURLOPT_USERAGENT, "dixis/" DIXIS_VERSION);
  SET(CURLOPT_WRITEFUNCTION, on_body);
  SET(CURLOPT_WRITEDATA, request);
  SET(CURLOPT_HEADERFUNCTION, on_header);
  SET(CURLOPT_HEADERDATA, request);
  limits_set(L, request);
  method_set(L, request, dx_opt_string(L, 1, "method", NULL));
  if (lua_getfield(L, 1, "headers") == LUA_TNIL) {
    lua_pop(L, 1);
    lua_newtable(L);
  }
  luaL_argcheck(L, lua_istable(L, -1), 1, "field 'headers' must be a table");
  headers_set(L, request);
  lua_pop(L, 1);
}

static int http_request(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  const char *url = dx_opt_string(L, 1, "url", NULL);
  luaL_argcheck(L, url != NULL, 1, "field 'url' is missing");
  dx_check_wait(L);
  const char *fault = dx_libcurl_load();
  if (fault != NULL) return dx_fail(L, "http", "%s", fault);
  struct request *request = lua_newuserdatauv(L, sizeof *request, 0);
  memset(request, 0, sizeof *request);
  luaL_setmetatable(L, REQUEST_TYPE);
  lua_getfield(L, 1, "url");
  fault = dx_origin_read(&request->origin, url, lua_rawlen(L, -1), "http");
  lua_pop(L, 1);
  if (fault != NULL) return dx_fail(L, "usage", "the URL cannot be used: %s", fault);
  request->transfer.easy = dx_curl.curl_easy_init();
  if (request->transfer.easy == NULL) return luaL_error(L, "not enough memory");
  request_set(L, request, url);
  request->transfer.finished = on_finished;
  if (!dx_transfer_start(&request->transfer)) return luaL_error(L, "libcurl cannot start");
  return dx_wait(L, &request->wait, request_cancel, request_results, (lua_KContext)request);
}

static int session_close(lua_State *L)
{
  (void)L;
  dx_transfers_close();
  return 0;
}

int luaopen_host_http(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  static const char session_key = 0;
  dx_handle_type(L, REQUEST_TYPE, none, request_close);
  dx_handle_type(L, SESSION_TYPE, none, session_close);
  /* Made before any request, so it is collected after the last one. */
  lua_newuserdatauv(L, 1, 0);
  luaL_setmetatable(L, SESSION_TYPE);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &session_key);
  static const luaL_Reg functions[] = {{"request", http_request}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
