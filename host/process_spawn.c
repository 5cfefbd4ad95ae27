/* fork and exec. Not uv_spawn: that can neither set the parent-death signal after setuid nor say
 * which step in the child failed. Between fork and exec only async-signal-safe calls are made. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECRET_FD = 3, FIRST_FREE_FD = 10 };

/* The parent's and the child's end of everything. */
struct ends {
  int in[2], out[2], err[2], report[2];
  int secret;
};

/* The child tells by the report pipe what failed; exec closes it when all went well. */
struct report {
  int error;
  int step;
};

enum { STEP_USER, STEP_CWD, STEP_DEATH_SIGNAL, STEP_DESCRIPTORS, STEP_EXEC };

static const char *const step_names[] = {"change the user", "enter the working directory",
                                         "set the parent-death signal", "set up descriptors",
                                         "execute the program"};

static void close_fd(int *fd)
{
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

static void close_ends(struct ends *ends)
{
  int *const all[] = {&ends->in[0],  &ends->in[1],     &ends->out[0],
                      &ends->out[1], &ends->err[0],    &ends->err[1],
                      &ends->secret, &ends->report[0], &ends->report[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    close_fd(all[i]);
}

/* Only an unnamed file that its owner alone may read passes libpq's check of PGPASSFILE. */
static int secret_open(const struct spawn *spawn)
{
  int fd = memfd_create("secret", MFD_CLOEXEC);
  if (fd < 0) return -1;
  bool ok =
      fchmod(fd, 0600) == 0 && (!spawn->change_user || fchown(fd, spawn->uid, spawn->gid) == 0);
  for (size_t done = 0; ok && done < spawn->secret_size;) {
    ssize_t n = write(fd, spawn->secret + done, spawn->secret_size - done);
    if (n > 0) done += (size_t)n;
    ok = n > 0 || errno == EINTR;
  }
  if (ok && lseek(fd, 0, SEEK_SET) == 0) return fd;
  int saved = errno;
  close(fd);
  errno = saved;
  return -1;
}

static const char *ends_open(const struct spawn *spawn, struct ends *ends)
{
  *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1};
  if (pipe2(ends->report, O_CLOEXEC) != 0) return "open a pipe";
  if (spawn->stdin_pipe) {
    if (pipe2(ends->in, O_CLOEXEC) != 0) return "open a pipe";
  } else if ((ends->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0) {
    return "open /dev/null";
  }
  if (spawn->stdout_path != NULL) {
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    ends->out[1] = open(spawn->stdout_path, flags, 0600);
    if (ends->out[1] < 0) return "open the file for output";
    ends->err[1] = fcntl(ends->out[1], F_DUPFD_CLOEXEC, 0);
    if (ends->err[1] < 0) return "open the file for output";
  } else if (pipe2(ends->out, O_CLOEXEC) != 0 || pipe2(ends->err, O_CLOEXEC) != 0) {
    return "open a pipe";
  }
  if (spawn->secret != NULL && (ends->secret = secret_open(spawn)) < 0) {
    return "make a memory file";
  }
  return NULL;
}

/* ---- In the child -------------------------------------------------------------------------- */

static void child_fail(int report_fd, int step)
{
  struct report report = {errno, step};
  ssize_t ignored = write(report_fd, &report, sizeof report);
  (void)ignored;
  _exit(127);
}

static void child_reset_signals(void)
{
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int signo = 1; signo < NSIG; signo++) {
    if (signo != SIGKILL && signo != SIGSTOP) sigaction(signo, &standard, NULL);
  }
}

/* The sources may lie where a target goes, so all of them move out of the way first. */
static bool child_descriptors(struct ends *ends)
{
  int *const sources[] = {&ends->in[0], &ends->out[1], &ends->err[1], &ends->secret};
  int *const report = &ends->report[1];
  int moved = fcntl(*report, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
  if (moved < 0) return false;
  *report = moved;
  for (int i = 0; i <= SECRET_FD; i++) {
    if (*sources[i] < 0) continue;
    *sources[i] = fcntl(*sources[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (*sources[i] < 0) return false;
  }
  /* What some library opened without close-on-exec is none of the child's business. */
  close_range(SECRET_FD, ~0U, CLOSE_RANGE_CLOEXEC);
  for (int i = 0; i <= SECRET_FD; i++) {
    if (*sources[i] >= 0 && dup2(*sources[i], i) < 0) return false;
  }
  return true;
}

static bool child_user(const struct spawn *spawn)
{
  return setgroups((size_t)spawn->ngroups, spawn->groups) == 0 && setgid(spawn->gid) == 0 &&
         setuid(spawn->uid) == 0;
}

__attribute__((noreturn)) static void child_main(const struct spawn *spawn, struct ends *ends,
                                                 const char *own, pid_t parent, sigset_t *mask)
{
  child_reset_signals();
  setsid();
  if (!child_descriptors(ends)) child_fail(ends->report[1], STEP_DESCRIPTORS);
  int report = ends->report[1];
  if (spawn->change_user && !child_user(spawn)) child_fail(report, STEP_USER);
  if (spawn->cwd != NULL && chdir(spawn->cwd) != 0) child_fail(report, STEP_CWD);
  if (spawn->death_signal != 0) {
    /* After setuid, which clears it. The parent may have died before this call. */
    if (prctl(PR_SET_PDEATHSIG, spawn->death_signal) != 0) child_fail(report, STEP_DEATH_SIGNAL);
    if (getppid() != parent) _exit(127);
  }
  sigprocmask(SIG_SETMASK, mask, NULL);
  execve(spawn->file, spawn->argv, spawn->envp);
  /* Our own binary may have been replaced, or lie in a folder that the new user cannot enter. */
  if ((errno == EACCES || errno == ENOENT) && strcmp(spawn->file, own) == 0) {
    execve("/proc/self/exe", spawn->argv, spawn->envp);
  }
  child_fail(report, STEP_EXEC);
  _exit(127);
}

/* ---- In the parent ------------------------------------------------------------------------- */

static int report_read(int fd, struct spawned *child)
{
  struct report report;
  ssize_t n;
  do {
    n = read(fd, &report, sizeof report);
  } while (n < 0 && errno == EINTR);
  if (n != sizeof report) return 0;
  child->failed = step_names[report.step];
  while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
    continue;
  return -report.error;
}

int spawn_child(const struct spawn *spawn, struct spawned *child)
{
  struct ends ends;
  *child = (struct spawned){-1, -1, -1, -1, ends_open(spawn, &ends)};
  if (child->failed != NULL) {
    int error = -errno;
    close_ends(&ends);
    return error;
  }
  /* Our handlers must not run in the child: it shares the loop's wake-up descriptor. */
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const char *own = process_executable();
  pid_t parent = getpid();
  child->pid = fork();
  if (child->pid == 0) child_main(spawn, &ends, own, parent, &before);
  int error = child->pid < 0 ? -errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close_fd(&ends.report[1]);
  if (error != 0) {
    child->failed = "start a process";
  } else {
    error = report_read(ends.report[0], child);
  }
  if (error == 0) {
    child->in = ends.in[1];
    child->out = ends.out[0];
    child->err = ends.err[0];
    ends.in[1] = ends.out[0] = ends.err[0] = -1;
  }
  close_ends(&ends);
  return error;
}
