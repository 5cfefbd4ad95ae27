/* Whole folders: fs.remove and fs.copy_tree. Both walk by descriptors (openat), so that nobody can
 * lead them elsewhere by putting a symlink in the way. */
#include "dixis.h"

#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Each level holds one or two descriptors. */
static const int depth_max = 200;

/* A server that is being stopped may still write into its folder while it is removed. */
static const int refill_max = 10;

struct walk {
  char failed[PATH_MAX]; /* the path that could not be handled */
  int code;
  dev_t device; /* where the copy goes: never copied into itself */
  ino_t inode;
  bool keep_owner;
};

/* Names the innermost one: the callers on the way out only pass its code on. */
static int culprit(struct walk *walk, int code, const char *path)
{
  walk->code = code;
  snprintf(walk->failed, sizeof walk->failed, "%s", path);
  return code;
}

static bool is_dots(const char *name)
{
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The path of an entry, for messages; what does not fit is cut. */
static void path_join(char out[PATH_MAX], const char *folder, const char *name)
{
  if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) strcpy(out + PATH_MAX - 4, "...");
}

static DIR *folder_open(int at, const char *name)
{
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return NULL;
  DIR *folder = fdopendir(fd);
  if (folder == NULL) {
    int code = errno;
    close(fd);
    errno = code;
  }
  return folder;
}

/* ---- Removing ------------------------------------------------------------------------------ */

static int remove_entry(struct walk *walk, int at, const char *name, const char *path, int depth);

static int remove_entries(struct walk *walk, DIR *folder, const char *path, int depth)
{
  const struct dirent *entry;
  rewinddir(folder);
  while ((entry = readdir(folder)) != NULL) {
    if (is_dots(entry->d_name)) continue;
    char inner[PATH_MAX];
    path_join(inner, path, entry->d_name);
    int code = remove_entry(walk, dirfd(folder), entry->d_name, inner, depth + 1);
    if (code != 0) return code;
  }
  return 0;
}

static int remove_folder(struct walk *walk, int at, const char *name, const char *path, int depth)
{
  if (depth > depth_max) return culprit(walk, ELOOP, path);
  for (int round = 0;; round++) {
    DIR *folder = folder_open(at, name);
    if (folder == NULL) return errno == ENOENT ? 0 : culprit(walk, errno, path);
    int code = remove_entries(walk, folder, path, depth);
    closedir(folder);
    if (code != 0) return code;
    if (unlinkat(at, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return 0;
    bool refilled = errno == ENOTEMPTY || errno == EEXIST;
    if (!refilled || round == refill_max) return culprit(walk, errno, path);
  }
}

static int remove_entry(struct walk *walk, int at, const char *name, const char *path, int depth)
{
  if (unlinkat(at, name, 0) == 0 || errno == ENOENT) return 0;
  int code = errno;
  struct stat info;
  if (fstatat(at, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? 0 : culprit(walk, errno, path);
  }
  if (!S_ISDIR(info.st_mode)) return culprit(walk, code, path);
  return remove_folder(walk, at, name, path, depth);
}

int dx_fs_remove(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  luaL_argcheck(L, strspn(path, "/.") != strlen(path), 1, "refusing to remove such a path");
  struct walk walk = {0};
  if (remove_entry(&walk, AT_FDCWD, path, path, 0) != 0) {
    return dx_fail_path(L, walk.code, "remove", walk.failed);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* ---- Copying ------------------------------------------------------------------------------- */

static int copy_bytes(int from, int to)
{
  if (ioctl(to, FICLONE, from) == 0) return 0;
  static char block[256 * 1024];
  for (;;) {
    ssize_t got = read(from, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : 0;
    for (ssize_t done = 0; done < got;) {
      ssize_t written = write(to, block + done, (size_t)(got - done));
      if (written < 0 && errno != EINTR) return errno;
      if (written > 0) done += written;
    }
  }
}

/* The owner first: chown takes set-user-ID bits away. */
static int copy_attributes(const struct walk *walk, int to, const struct stat *info)
{
  if (walk->keep_owner && fchown(to, info->st_uid, info->st_gid) != 0) return errno;
  return fchmod(to, info->st_mode & 07777) != 0 ? errno : 0;
}

static int copy_file(const struct walk *walk, int from_at, int to_at, const char *name)
{
  int from = openat(from_at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return errno;
  int code = 0, to = -1;
  struct stat info;
  if (fstat(from, &info) != 0) code = errno;
  if (code == 0) {
    to = openat(to_at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0) code = errno;
  }
  if (code == 0) code = copy_bytes(from, to);
  if (code == 0) code = copy_attributes(walk, to, &info);
  if (to >= 0 && close(to) != 0 && code == 0) code = errno;
  close(from);
  return code;
}

static int copy_link(const struct walk *walk, int from_at, int to_at, const char *name,
                     const struct stat *info)
{
  char goal[PATH_MAX];
  ssize_t size = readlinkat(from_at, name, goal, sizeof goal - 1);
  if (size < 0) return errno;
  goal[size] = '\0';
  if (symlinkat(goal, to_at, name) != 0) return errno;
  if (!walk->keep_owner) return 0;
  return fchownat(to_at, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) != 0 ? errno : 0;
}

static int copy_folder(struct walk *walk, int from_at, const char *from_name, int to_at,
                       const char *to_name, const char *path, int depth);

static int copy_entry(struct walk *walk, int from, int to, const char *name, const char *path,
                      int depth)
{
  char inner[PATH_MAX];
  path_join(inner, path, name);
  struct stat info;
  if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return culprit(walk, errno, inner);
  if (info.st_dev == walk->device && info.st_ino == walk->inode) return 0;
  if (S_ISDIR(info.st_mode)) return copy_folder(walk, from, name, to, name, inner, depth + 1);
  int code = S_ISREG(info.st_mode)   ? copy_file(walk, from, to, name)
             : S_ISLNK(info.st_mode) ? copy_link(walk, from, to, name, &info)
                                     : EOPNOTSUPP;
  return code != 0 ? culprit(walk, code, inner) : 0;
}

static int copy_entries(struct walk *walk, DIR *from, int to, const char *path, int depth)
{
  const struct dirent *entry;
  while ((entry = readdir(from)) != NULL) {
    if (is_dots(entry->d_name)) continue;
    int code = copy_entry(walk, dirfd(from), to, entry->d_name, path, depth);
    if (code != 0) return code;
  }
  return 0;
}

/* The new folder is private until it is whole; its real mode comes last. */
static int copy_folder(struct walk *walk, int from_at, const char *from_name, int to_at,
                       const char *to_name, const char *path, int depth)
{
  if (depth > depth_max) return culprit(walk, ELOOP, path);
  DIR *from = folder_open(from_at, from_name);
  if (from == NULL) return culprit(walk, errno, path);
  struct stat info, made = {0};
  int code = fstat(dirfd(from), &info) != 0 ? errno : 0, to = -1;
  if (code == 0 && depth > 0 && mkdirat(to_at, to_name, 0700) != 0) code = errno;
  if (code == 0) {
    to = openat(to_at, to_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0 || fstat(to, &made) != 0) code = errno;
  }
  if (code != 0) culprit(walk, code, path);
  if (code == 0 && depth == 0) {
    walk->device = made.st_dev;
    walk->inode = made.st_ino;
  }
  if (code == 0) code = copy_entries(walk, from, to, path, depth);
  if (code == 0 && (code = copy_attributes(walk, to, &info)) != 0) culprit(walk, code, path);
  if (to >= 0) close(to);
  closedir(from);
  return code;
}

int dx_fs_copy_tree(lua_State *L)
{
  const char *from = dx_check_path(L, 1), *to = dx_check_path(L, 2);
  struct stat info;
  if (stat(from, &info) != 0) return dx_fail_path(L, errno, "copy", from);
  if (!S_ISDIR(info.st_mode)) return dx_fail_path(L, ENOTDIR, "copy", from);
  if (mkdir(to, 0700) != 0) return dx_fail_path(L, errno, "create folder", to);
  struct walk walk = {.keep_owner = geteuid() == 0};
  if (copy_folder(&walk, AT_FDCWD, from, AT_FDCWD, to, from, 0) != 0) {
    struct walk undo = {0};
    remove_entry(&undo, AT_FDCWD, to, to, 0);
    return dx_fail_path(L, walk.code, "copy", walk.failed);
  }
  lua_pushboolean(L, 1);
  return 1;
}
