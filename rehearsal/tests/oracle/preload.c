/* A clock for one process of one thread: it stands while code runs, and a wait that nothing ends jumps to its own end.
 *
 * LD_PRELOAD it. ORACLE_START and ORACLE_END are seconds since 1970; at ORACLE_END the process gets SIGTERM, once.
 * Without ORACLE_START the clock is the real one. With ORACLE_RUNNING it runs as the real one does between the jumps.
 * ORACLE_STEP_AT seconds after the start the wall clock is set by ORACLE_STEP_BY seconds; ORACLE_END does not notice.
 *
 * A wait for file descriptors first looks whether one is ready. Redis gets real time to deliver a message.
 *
 * Code can also spin until an instant has come, as beat does in the 10 ms before it. After SPIN_READS looks at the
 * clock without a wait, a write or a message the next full millisecond comes; at a full second, at which most schedules are due,
 * four times as many. The clock stands until the first wait of all, so that a
 * program starts at its instant however much it looks at the clock while it is imported.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define MILLI 1000000LL
#define SPIN_READS 40
#define ASKED_MS 200   /* a queue can be empty: nothing comes */
#define PUSHED_MS 5000 /* what was pushed is sure to come */
#define BASE (1000 * SECOND) /* what a monotonic clock begins with: a process never starts at boot */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int64_t start, end, passed; /* nanoseconds; `passed` since `start` */
static int64_t step_at = INT64_MAX, step_by;
static int64_t before, skipped;    /* where the clock runs: the real clock at the start, and what was jumped over */
static int active, running, waited, reads, expecting, ended;

static int64_t real_clock(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

__attribute__((constructor)) static void begin(void) {
    const char *from = getenv("ORACLE_START"), *to = getenv("ORACLE_END");
    if (!from) return;
    start = atoll(from) * SECOND;
    end = to ? atoll(to) * SECOND : INT64_MAX;
    running = getenv("ORACLE_RUNNING") != NULL;
    const char *at = getenv("ORACLE_STEP_AT"), *by = getenv("ORACLE_STEP_BY");
    if (at && by) step_at = atoll(at) * SECOND, step_by = atoll(by) * SECOND;
    before = real_clock();
    active = 1;
}

static void jump(int64_t to) {
    int last = !ended && start + to >= end;
    if (last) to = end - start;
    waited = 1;
    reads = 0;
    if (to > passed) {
        skipped += to - passed;
        passed = to;
    }
    if (last) {
        ended = 1;
        raise(SIGTERM);
    }
}

static int64_t wall_start(void) {
    return start + (passed >= step_at ? step_by : 0);
}

static int64_t look(clockid_t id) {
    if (running) {
        passed = skipped + real_clock() - before;
    } else if (waited && ++reads >= ((start + passed) % SECOND ? SPIN_READS : 4 * SPIN_READS)) {
        reads = 0;
        passed += MILLI - (start + passed) % MILLI;
    }
    return passed + (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_start() : BASE);
}

int clock_gettime(clockid_t id, struct timespec *now) {
    int wall = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
    int even = id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE || id == CLOCK_MONOTONIC_RAW || id == CLOCK_BOOTTIME;
    if (!active || !(wall || even)) return syscall(SYS_clock_gettime, id, now);
    int64_t at = look(id);
    now->tv_sec = at / SECOND;
    now->tv_nsec = at % SECOND;
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    now->tv_sec = at.tv_sec;
    now->tv_usec = at.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (now) *now = at.tv_sec;
    return at.tv_sec;
}

int clock_nanosleep(clockid_t id, int flags, const struct timespec *wanted, struct timespec *left) {
    if (!active) return REAL(clock_nanosleep)(id, flags, wanted, left);
    int64_t ns = wanted->tv_sec * SECOND + wanted->tv_nsec;
    jump(flags & TIMER_ABSTIME ? ns - (id == CLOCK_REALTIME ? wall_start() : BASE) : passed + ns);
    return 0;
}

int nanosleep(const struct timespec *wanted, struct timespec *left) {
    if (!active) return REAL(nanosleep)(wanted, left);
    return clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left);
}

/* How long a look at descriptors lasts, in real milliseconds. */
static int patience(int64_t ns) {
    int ms = ns > 0 ? expecting : 0;
    expecting = 0;
    return ms;
}

static int timed_out(int64_t ns) {
    jump(passed + ns);
    return 0;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int ms) {
    int found = REAL(epoll_wait)(fd, events, most, !active || ms < 0 ? ms : patience(ms * MILLI));
    return found || !active || ms < 0 ? found : timed_out(ms * MILLI);
}

int poll(struct pollfd *fds, nfds_t count, int ms) {
    int found = REAL(poll)(fds, count, !active || ms < 0 ? ms : patience(ms * MILLI));
    return found || !active || ms < 0 ? found : timed_out(ms * MILLI);
}

int select(int count, fd_set *in, fd_set *out, fd_set *other, struct timeval *wanted) {
    if (!active || !wanted) return REAL(select)(count, in, out, other, wanted);
    int64_t ns = wanted->tv_sec * SECOND + wanted->tv_usec * 1000LL;
    struct timeval look_for = {0, patience(ns) * 1000};
    int found = REAL(select)(count, in, out, other, &look_for);
    return found ? found : timed_out(ns);
}

/* What writes has found something to do: it does not spin. */
ssize_t write(int fd, const void *what, size_t length) {
    reads = 0;
    return syscall(SYS_write, fd, what, length);
}

/* A worker waits by epoll for the reply to its BRPOP alone, which comes at once or after a LPUSH. */
ssize_t send(int fd, const void *what, size_t length, int flags) {
    reads = 0;
    if (memmem(what, length, "LPUSH", 5)) expecting = PUSHED_MS;
    if (!expecting && memmem(what, length, "BRPOP", 5)) expecting = ASKED_MS;
    return REAL(send)(fd, what, length, flags);
}
