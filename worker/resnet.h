/* The tables of residual networks for small images. */
#ifndef LIPSWEEP_WORKER_RESNET_H
#define LIPSWEEP_WORKER_RESNET_H

#include "common/model.h"
#include "worker/network.h"

/* Writes the rows; returns how many. */
size_t resnet_table(const struct model_resnet *resnet, enum shortcut shortcut,
                    struct layer_spec specs[LAYER_MAX]);

#endif
