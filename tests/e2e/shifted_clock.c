/* A wall clock that a test puts forward and back under running servers: LD_PRELOAD this, and write the seconds, as a
   64-bit integer, into the file that CLOCK_SHIFT names. Monotonic clocks stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static int64_t shift(void) {
    static volatile int64_t *shared;
    if (!shared) {
        int file = open(getenv("CLOCK_SHIFT"), O_RDONLY);
        shared = mmap(0, sizeof *shared, PROT_READ, MAP_SHARED, file, 0);
    }
    return *shared;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*stock)(clockid_t, struct timespec *);
    if (!stock) stock = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = stock(clock, at);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) at->tv_sec += shift();
    return failed;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* Python's locks wait until a time of this clock; the kernel's own was not shifted. */
int sem_timedwait(sem_t *restrict lock, const struct timespec *restrict until) {
    static int (*stock)(sem_t *, const struct timespec *);
    if (!stock) stock = dlsym(RTLD_NEXT, "sem_timedwait");
    struct timespec real = *until;
    real.tv_sec -= shift();
    return stock(lock, &real);
}
