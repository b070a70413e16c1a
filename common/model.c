#include "common/model.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool model_is_resnet(const char *name, struct model_resnet *resnet)
{
    static const char stem[] = "resnet";
    resnet->is_pre = strncmp(name, "pre", 3) == 0;
    name += resnet->is_pre ? 3 : 0;
    if (strncmp(name, stem, sizeof stem - 1) != 0)
        return false;
    const char *digits = name + sizeof stem - 1;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || length > 3 || digits[length] != '\0' || digits[0] == '0')
        return false;
    resnet->depth = atoi(digits);
    return resnet->depth >= 8 && resnet->depth <= MODEL_DEPTH_MAX && resnet->depth % 6 == 2;
}

bool model_has_norms(const char *name)
{
    struct model_resnet resnet;
    return model_is_resnet(name, &resnet);
}

bool model_is_known(const char *name, const char **names)
{
    if (names)
        *names = "mnist-cnn, resnet20, preresnet20, preresnet32";
    return strcmp(name, "mnist-cnn") == 0 || model_has_norms(name);
}
