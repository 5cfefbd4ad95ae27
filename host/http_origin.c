/* What messages may show of a URL, and what decides how its server is spoken to. */
#include "dixis.h"

#include "http.h"

#include <stdio.h>
#include <string.h>

bool dx_has_control(const char *text, size_t size)
{
  for (size_t i = 0; i < size; i++) {
    if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) return true;
  }
  return false;
}

const char *dx_origin_read(struct dx_origin *origin, const char *url, size_t size,
                           const char *scheme)
{
  char *found = NULL, *host = NULL, *port = NULL, *user = NULL;
  const char *fault = NULL;
  memset(origin, 0, sizeof *origin);
  if (dx_has_control(url, size) || memchr(url, ' ', size) != NULL)
    return "it holds a space or worse";
  /* libcurl would take the path's first part for the host. */
  const char *authority = strstr(url, "://");
  if (authority == NULL || authority[3] == '/') return "it is not scheme://host/path";
  CURLU *parts = dx_curl.curl_url();
  if (parts == NULL) return "there is no memory to read it";
  if (dx_curl.curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      dx_curl.curl_url_get(parts, CURLUPART_SCHEME, &found, 0) != CURLUE_OK ||
      dx_curl.curl_url_get(parts, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    fault = "it is not scheme://host/path";
  } else {
    size_t length = strlen(scheme);
    bool known = strncmp(found, scheme, length) == 0;
    origin->tls = known && strcmp(found + length, "s") == 0;
    if (!known || (!origin->tls && found[length] != '\0')) fault = "its scheme is another one";
    dx_curl.curl_url_get(parts, CURLUPART_PORT, &port, 0);
    origin->user = dx_curl.curl_url_get(parts, CURLUPART_USER, &user, 0) == CURLUE_OK;
    snprintf(origin->text, sizeof origin->text, "%s://%s%s%s", found, host, port != NULL ? ":" : "",
             port != NULL ? port : "");
  }
  dx_curl.curl_free(found);
  dx_curl.curl_free(host);
  dx_curl.curl_free(port);
  dx_curl.curl_free(user);
  dx_curl.curl_url_cleanup(parts);
  return fault;
}
