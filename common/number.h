/* Numbers as text: one reading and one writing, independent of the locale. */
#ifndef LIPSWEEP_COMMON_NUMBER_H
#define LIPSWEEP_COMMON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_TEXT = 32 };

/* Shortest decimal that reads back as the same double; -0 is written as 0. */
void number_format(double value, char text[NUMBER_TEXT]);

/* A number of the YAML 1.2 core schema (decimal, exponent, sign; not inf or nan). False when `text`
 * is not one. */
bool number_parse(const char *text, double *value);
bool number_parse_integer(const char *text, int64_t *value);

/* `value` rounded to 12 significant decimal digits: the values of a range equal those a person
 * would write. */
double number_round12(double value);

#endif
