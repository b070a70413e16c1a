/* Ctrl-C, SIGTERM and SIGHUP as a count that a loop looks at. */
#ifndef LIPSWEEP_CLIENT_INTERRUPT_H
#define LIPSWEEP_CLIENT_INTERRUPT_H

/* From now on these signals are counted instead of ending the program; waiting calls return early.
 */
void interrupt_catch(void);

/* How many came. */
int interrupt_count(void);

/* Waits so long, or until a signal comes. */
void interrupt_wait_ms(int duration_ms);

#endif
