/* host.clock: monotonic time, sleeping, wall time, time zones. Waits: sleep. Fails: kind "no_zone"
 * (offset). Raises: misuse only. */
#include "dixis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int luaopen_host_clock(lua_State *L);

static int clock_now(lua_State *L)
{
  lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
  return 1;
}

static int clock_wall(lua_State *L)
{
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
  return 1;
}

struct sleeper {
  uv_timer_t timer; /* first: the close callback frees the whole */
  struct dx_wait wait;
};

static void sleeper_free(uv_handle_t *handle)
{
  free(handle);
}

static void sleeper_end(struct sleeper *sleeper)
{
  uv_close((uv_handle_t *)&sleeper->timer, sleeper_free);
  dx_wake(&sleeper->wait);
}

static void sleeper_rang(uv_timer_t *timer)
{
  sleeper_end((struct sleeper *)timer);
}

static void sleeper_cancel(struct dx_wait *wait)
{
  sleeper_end((struct sleeper *)((char *)wait - offsetof(struct sleeper, wait)));
}

static int slept(lua_State *L, int status, lua_KContext context)
{
  (void)L, (void)status, (void)context;
  return 0;
}

static int clock_sleep(lua_State *L)
{
  lua_Number seconds = luaL_checknumber(L, 1);
  luaL_argcheck(L, seconds >= 0 && seconds < 1e9, 1, "seconds out of range");
  dx_check_wait(L);
  struct sleeper *sleeper = calloc(1, sizeof *sleeper);
  if (sleeper == NULL) return luaL_error(L, "not enough memory");
  uv_timer_init(dx_loop(), &sleeper->timer);
  uv_update_time(dx_loop());
  uv_timer_start(&sleeper->timer, sleeper_rang, (uint64_t)(seconds * 1000), 0);
  return dx_wait(L, &sleeper->wait, sleeper_cancel, slept, 0);
}

/* iso(seconds?, utc?) -> "2026-11-21T02:31:00.123Z", or with the local offset, for display. */
static int clock_iso(lua_State *L)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  lua_Number given = luaL_optnumber(L, 1, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  luaL_argcheck(L, given >= 0 && given < 253402300800.0, 1, "seconds out of range");
  bool local = lua_toboolean(L, 2);
  time_t whole = (time_t)given;
  int ms = (int)((given - (lua_Number)whole) * 1000);
  struct tm tm;
  if (local) {
    localtime_r(&whole, &tm);
  } else {
    gmtime_r(&whole, &tm);
  }
  char date[32], zone[8] = "Z";
  strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
  if (local) {
    long minutes = tm.tm_gmtoff / 60;
    long size = minutes < 0 ? -minutes : minutes;
    lua_pushfstring(L, "%s.%d%d%d%c%d%d:%d%d", date, ms / 100, ms / 10 % 10, ms % 10,
                    minutes < 0 ? '-' : '+', (int)(size / 600), (int)(size / 60 % 10),
                    (int)(size % 60 / 10), (int)(size % 10));
    return 1;
  }
  lua_pushfstring(L, "%s.%d%d%d%s", date, ms / 100, ms / 10 % 10, ms % 10, zone);
  return 1;
}

/* Where the C library keeps its time zones. It takes a name that it does not know for UTC. */
#define ZONES "/usr/share/zoneinfo/"

static bool is_zone(const char *name)
{
  if (name[0] == '/' || strstr(name, "..") != NULL || strlen(name) > 100) return false;
  char path[sizeof ZONES + 100];
  snprintf(path, sizeof path, ZONES "%s", name);
  FILE *file = fopen(path, "rbe");
  if (file == NULL) return false;
  char magic[4];
  bool is = fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "TZif", sizeof magic) == 0;
  fclose(file);
  return is;
}

/* luaopen has put TZ into the environment: a value in it changes, the environment itself does not
 * move while the thread pool may read it. */
static bool zone_set(const char *value)
{
  if (setenv("TZ", value, 1) != 0) return false;
  tzset();
  return true;
}

/* offset(zone, seconds) -> seconds that the zone's clocks are ahead of UTC at that time */
static int clock_offset(lua_State *L)
{
  const char *zone = luaL_checkstring(L, 1);
  lua_Number seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds < 253402300800.0, 2, "seconds out of range");
  if (!is_zone(zone)) return dx_fail(L, "no_zone", "there is no time zone '%s' in " ZONES, zone);
  const char *given = getenv("TZ");
  char *own = strdup(given != NULL ? given : ":/etc/localtime");
  char value[104];
  snprintf(value, sizeof value, ":%s", zone);
  if (own == NULL || !zone_set(value)) {
    free(own);
    return luaL_error(L, "not enough memory");
  }
  time_t whole = (time_t)seconds;
  struct tm tm;
  localtime_r(&whole, &tm);
  zone_set(own);
  free(own);
  lua_pushinteger(L, tm.tm_gmtoff);
  return 1;
}

int luaopen_host_clock(lua_State *L)
{
  setenv("TZ", ":/etc/localtime", 0); /* what the C library does without it */
  static const luaL_Reg functions[] = {
      {"now", clock_now}, {"wall", clock_wall},     {"sleep", clock_sleep},
      {"iso", clock_iso}, {"offset", clock_offset}, {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
