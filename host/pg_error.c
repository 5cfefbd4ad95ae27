/* Failures in our own words. libpq's text of a failed connection may hold the password or parts of
 * it, so it only serves to tell what happened; VERBOSE has put the server's SQLSTATE and the
 * function that raised it there, which no translation changes. */
#include "dixis.h"

#include "pg.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct failure {
  const char *sqlstate; /* a prefix; NULL: no answer of a server */
  const char *pattern;  /* NULL: any */
  const char *kind, *words, *hint;
};

/* The first that fits. */
static const struct failure failures[] = {
    {"28P01", NULL, "auth", "the password is wrong, or there is no such user", NULL},
    {"28", "InitializeSessionUserId", "auth", "there is no such user, or it may not log in", NULL},
    {"28", "ClientAuthentication", "auth", "the server's pg_hba.conf does not admit the connection",
     "pg_hba.conf decides by address, user, database and TLS"},
    {"28", NULL, "auth", "the server does not admit the user", NULL},
    {"42501", NULL, "auth", "the user may not connect to the database",
     "GRANT CONNECT ON DATABASE ... TO ..."},
    {"3D", NULL, "no_database", "the database does not exist", NULL},
    {"57P03", NULL, "unreachable", "the server is starting up, shutting down or in recovery",
     "try again in a moment"},
    {"57P", NULL, "unreachable", "the server is shutting down", NULL},
    {"53300", NULL, "unreachable",
     "the server has no connection left (max_connections, or a limit of the "
     "user or the database)",
     "try again when others have disconnected"},
    {"08P01", "unsupported startup parameter", "usage",
     "a pooler in between does not know one of the parameters (options, ...)",
     "connect to the server itself"},
    {"42704", NULL, "usage",
     "the parameter \"options\" names a setting that the server does not know", NULL},
    {"22023", NULL, "usage",
     "the parameter \"options\" holds a value that the server does not accept", NULL},
    {"55000", NULL, "unreachable", "the database accepts no connections", NULL},
    {"", NULL, "unreachable", "the server refused", NULL},

    {NULL, "no password supplied", "auth", "the server asks for a password and none was given",
     NULL},
    {NULL, "authentication method", "auth",
     "the server wants a way of authentication that is not allowed "
     "here",
     NULL},
    {NULL, "channel binding", "auth", "channel binding was required and is not possible", NULL},
    {NULL, "SCRAM", "auth", "the password exchange (SCRAM) failed", NULL},
    {NULL, "SSL was required", "tls", "TLS was required and the server does not offer it", NULL},
    {NULL, "root certificate file", "tls", "the file of trusted certificates cannot be read",
     "set sslrootcert; sslmode=verify-ca and verify-full need it"},
    {NULL, "certificate verify failed", "tls",
     "the server's certificate is not signed by a trusted one", "check sslrootcert"},
    {NULL, "does not match host name", "tls", "the server's certificate is for another host name",
     NULL},
    {NULL, "certificate", "tls", "a certificate was refused or cannot be read", NULL},
    {NULL, "private key", "tls", "the private key cannot be used", NULL},
    {NULL, "SSL negotiation", "unreachable", "what answers there is not PostgreSQL", NULL},
    {NULL, "expected authentication request", "unreachable", "what answers there is not PostgreSQL",
     NULL},
    {NULL, "unsupported frontend protocol", "unreachable", "what answers there is not PostgreSQL",
     NULL},
    {NULL, "SSL error", "tls", "the TLS handshake failed", NULL},
    {NULL, "SSL SYSCALL", "tls", "the TLS handshake was broken off", NULL},
    {NULL, "could not translate host name", "unreachable", "the host name cannot be resolved",
     NULL},
    {NULL, "Connection refused", "unreachable", "connection refused", "is the server running?"},
    {NULL, "No such file or directory", "unreachable", "there is no such socket",
     "is the server running?"},
    {NULL, "Permission denied", "unreachable", "permission denied for the socket", NULL},
    {NULL, "path \"", "usage", "the path of the socket is too long", NULL},
    {NULL, "timeout expired", "unreachable", "no answer in time", NULL},
    {NULL, "timed out", "unreachable", "no answer in time", NULL},
    {NULL, "No route to host", "unreachable", "no route to the host", NULL},
    {NULL, "unreachable", "unreachable", "the network is unreachable", NULL},
    {NULL, "session is", "unreachable",
     "no server there is of the wanted sort (target_session_attrs)", NULL},
    {NULL, "closed the connection", "unreachable", "the server closed the connection", NULL},
    {NULL, "reset by peer", "unreachable", "the connection was reset", NULL},
    {NULL, "", "unreachable", "the attempt failed", NULL},
};

/* "FATAL:  28P01: text": two spaces and five letters or digits tell it from other colons. The last
 * one counts, since libpq lists all the addresses and ways that it tried. */
static bool find_sqlstate(const char *raw, char sqlstate[6])
{
  bool found = false;
  for (const char *at = raw; (at = strstr(at, ":  ")) != NULL;) {
    at += 3;
    int length = 0;
    while (length < 5 &&
           (isdigit((unsigned char)at[length]) || isupper((unsigned char)at[length]))) {
      length++;
    }
    if (length < 5 || at[5] != ':') continue;
    memcpy(sqlstate, at, 5);
    sqlstate[5] = '\0';
    found = true;
  }
  return found;
}

/* The given parameter that libpq complains about before it tries anything. */
static const char *find_invalid(const char *raw, char *const *names)
{
  for (; *names != NULL; names++) {
    char text[96];
    snprintf(text, sizeof text, "option \"%.60s\"", *names);
    if (strstr(raw, text) != NULL) return *names;
    snprintf(text, sizeof text, "invalid %.60s ", *names);
    if (strncmp(raw, text, strlen(text)) == 0) return *names;
  }
  return NULL;
}

int dx_pg_fail_connect(lua_State *L, const char *raw, const char *target, char *const *names)
{
  char sqlstate[6];
  bool answered = find_sqlstate(raw, sqlstate);
  const char *name = answered ? NULL : find_invalid(raw, names);
  if (name != NULL) {
    return dx_fail(L, "usage", "cannot connect to %s: the parameter \"%s\" has an invalid value",
                   target, name);
  }
  const struct failure *failure = failures;
  for (;; failure++) {
    if (answered != (failure->sqlstate != NULL)) continue;
    if (answered && strncmp(sqlstate, failure->sqlstate, strlen(failure->sqlstate)) != 0) continue;
    if (failure->pattern == NULL || strstr(raw, failure->pattern) != NULL) break;
  }
  dx_fail(L, failure->kind, "cannot connect to %s: %s", target, failure->words);
  dx_field(L, "sqlstate", answered ? sqlstate : NULL);
  dx_field(L, "hint", failure->hint);
  return 2;
}

int dx_pg_fail_lost(lua_State *L, struct pg_conn *conn)
{
  if (conn == NULL) return dx_fail(L, "connection_lost", "the connection is closed");
  bool reason = conn->fatal_message[0] != '\0';
  dx_fail(L, "connection_lost", "the connection to %s was lost%s%s", conn->where,
          reason ? ": " : "", conn->fatal_message);
  dx_field(L, "sqlstate", reason ? conn->fatal_state : NULL);
  return 2;
}

/* For the migration that was meant for psql. */
int dx_pg_fail_copy(lua_State *L)
{
  dx_fail(L, "sql",
          "COPY FROM STDIN or TO STDOUT exchanges data with the client, which has none here");
  dx_field(L, "sqlstate", "0A000");
  dx_field(L, "hint", "write INSERT statements, or COPY from a file on the server");
  return 2;
}

static const char *field(const PGresult *failure, int code)
{
  return dx_pq.PQresultErrorField(failure, code);
}

static void add_fields(lua_State *L, const PGresult *failure)
{
  static const struct {
    int code;
    const char *name;
  } texts[] = {
      {PG_DIAG_SQLSTATE, "sqlstate"},
      {PG_DIAG_SEVERITY_NONLOCALIZED, "severity"},
      {PG_DIAG_MESSAGE_DETAIL, "detail"},
      {PG_DIAG_MESSAGE_HINT, "hint"},
      {PG_DIAG_CONTEXT, "where"},
      {PG_DIAG_SCHEMA_NAME, "schema"},
      {PG_DIAG_TABLE_NAME, "table"},
      {PG_DIAG_COLUMN_NAME, "column"},
      {PG_DIAG_CONSTRAINT_NAME, "constraint"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    dx_field(L, texts[i].name, field(failure, texts[i].code));
  }
  const char *position = field(failure, PG_DIAG_STATEMENT_POSITION);
  if (position != NULL) dx_field_int(L, "position", strtoll(position, NULL, 10));
}

static bool equals(const char *a, const char *b)
{
  return a != NULL && strcmp(a, b) == 0;
}

int dx_pg_fail_result(lua_State *L, struct pg_conn *conn, const PGresult *failure)
{
  if (conn->copied) return dx_pg_fail_copy(L);
  const char *sqlstate = failure == NULL ? NULL : field(failure, PG_DIAG_SQLSTATE);
  const char *severity = failure == NULL ? NULL : field(failure, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (sqlstate == NULL) {
    if (conn->lost) return dx_pg_fail_lost(L, conn);
    return dx_fail(L, "os", "the answer of the server could not be read (no memory, or not valid)");
  }
  const char *message = field(failure, PG_DIAG_MESSAGE_PRIMARY);
  if (message == NULL) message = "failed";
  if (equals(severity, "FATAL") || equals(severity, "PANIC")) {
    dx_fail(L, "connection_lost", "the connection to %s was lost: %s", conn->where, message);
  } else if (equals(sqlstate, "42601") &&
             equals(field(failure, PG_DIAG_SOURCE_FUNCTION), "exec_parse_message")) {
    dx_fail(L, "usage", "more than one statement where one is expected");
  } else {
    dx_fail(L, "sql", "%s", message);
  }
  add_fields(L, failure);
  return 2;
}
