/* planted - what scripts/sanitize must see, or its "nothing found" means nothing: planted race|leak|overflow|undefined */
#include "common/base.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static volatile int shared;

static void *count(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100000; i++)
        shared++; /* nobody holds anything */
    return NULL;
}

static void race(void)
{
    pthread_t one, other;
    pthread_create(&one, NULL, count, NULL);
    pthread_create(&other, NULL, count, NULL);
    pthread_join(one, NULL);
    pthread_join(other, NULL);
    printf("%d\n", shared);
}

static void leak(void)
{
    volatile char *lost = mem_new(4096, 1);
    lost[0] = 1;
    lost = NULL;
}

static void overflow(int beyond)
{
    volatile char *few = mem_new(16, 1);
    printf("%d\n", few[beyond]);
    free((void *)(uintptr_t)few);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "race") == 0)
        race();
    else if (strcmp(what, "leak") == 0)
        leak();
    else if (strcmp(what, "overflow") == 0)
        overflow(15 + argc);
    else if (strcmp(what, "undefined") == 0)
        printf("%d\n", INT32_MAX + argc);
    else
        return 64;
    return 0;
}
