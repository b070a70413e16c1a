/* What a service manager wants to know (systemd's sd_notify protocol): a datagram to $NOTIFY_SOCKET, when there is one. */
#ifndef LIPSWEEP_COORDINATOR_NOTIFY_H
#define LIPSWEEP_COORDINATOR_NOTIFY_H

/* "READY=1", "WATCHDOG=1" or "STOPPING=1". Nobody there is no failure. */
void notify(const char *state);

#endif
