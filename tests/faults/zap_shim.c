/* Takes the ZAP handler away from a collector, for 12_zap_gone.py: loaded with LD_PRELOAD, it watches for the file that
 * JEJAK_ZAP_FAULT names. Its first letter says what happens then, in the thread that serves the handler:
 *
 *     c   its socket is closed
 *     s   its answers fail
 *     i   its socket is closed, and the program is kept from seeing it; and option 93 was never set: the control
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum {
    OPTION_ZAP_ENFORCE_DOMAIN = 93
};

static void *handler; /* the socket; NULL: not bound yet, or gone */
static int gone;      /* the letter, once it has come to that */

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

static int letter(void)
{
    const char *path = getenv("JEJAK_ZAP_FAULT");
    FILE *file = path ? fopen(path, "re") : NULL;
    int read = file ? fgetc(file) : 0;
    if (file)
        fclose(file);
    return read == EOF ? 0 : read;
}

int zmq_bind(void *socket, const char *endpoint)
{
    int (*bind)(void *, const char *) = (int (*)(void *, const char *))real("zmq_bind");
    if (strcmp(endpoint, "inproc://zeromq.zap.01") == 0)
        handler = socket;
    return bind(socket, endpoint);
}

int zmq_setsockopt(void *socket, int option, const void *value, size_t size)
{
    int (*set)(void *, int, const void *, size_t) = (int (*)(void *, int, const void *, size_t))real("zmq_setsockopt");
    const char *control = getenv("JEJAK_ZAP_CONTROL");
    return control && option == OPTION_ZAP_ENFORCE_DOMAIN ? 0 : set(socket, option, value, size);
}

int zmq_send(void *socket, const void *bytes, size_t size, int flags)
{
    int (*send)(void *, const void *, size_t, int) = (int (*)(void *, const void *, size_t, int))real("zmq_send");
    if (handler && socket == handler && gone == 's') {
        errno = EFSM;
        return -1;
    }
    return send(socket, bytes, size, flags);
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms)
{
    int (*poll)(zmq_pollitem_t *, int, long) = (int (*)(zmq_pollitem_t *, int, long))real("zmq_poll");
    int (*close_socket)(void *) = (int (*)(void *))real("zmq_close");
    for (int i = 0; i < count; i++) {
        if (!handler || items[i].socket != handler)
            continue;
        if (gone == 0)
            gone = letter();
        if (gone == 'c' || gone == 'i') {
            close_socket(handler);
            if (gone == 'c')
                handler = NULL;
        }
        if (gone == 'i')
            items[i] = (zmq_pollitem_t){.fd = -1};
    }
    return poll(items, count, timeout_ms);
}
