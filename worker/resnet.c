#include "worker/resnet.h"

#include <assert.h>
#include <stdio.h>

enum { STAGES = 3, FIRST_WIDTH = 16 };

struct table {
    struct layer_spec *rows;
    size_t count;
};

/* Returns what other rows name it by. */
static size_t add_row(struct table *table, struct layer_spec row)
{
    assert(table->count < LAYER_MAX);
    table->rows[table->count++] = row;
    return table->count;
}

static size_t add_relu(struct table *table)
{
    return add_row(table, (struct layer_spec){.kind = LAYER_RELU});
}

static size_t add_norm(struct table *table, const char *block, const char *part, size_t input)
{
    struct layer_spec row = {.kind = LAYER_NORM, .input = input};
    snprintf(row.name, sizeof row.name, "%.16s%s", block, part);
    return add_row(table, row);
}

static size_t add_conv(struct table *table, const char *block, const char *part,
                       struct layer_spec row)
{
    row.kind = LAYER_CONV;
    row.has_no_bias = true;
    snprintf(row.name, sizeof row.name, "%.16s%s", block, part);
    return add_row(table, row);
}

/* One residual block on the output `in` of another row. */
struct block {
    char name[LAYER_NAME_MAX + 1]; /* "layer2.0." */
    size_t in, width, stride;
    bool is_pre, projects; /* batch norm and ReLU first; shortcut by a convolution */
};

/* He et al., Identity mappings in deep residual networks, 2016. The shortcut starts from the
 * block's input, before its first batch norm, in both forms. */
static size_t add_pre_block(struct table *table, const struct block *b)
{
    size_t other = b->in;
    add_norm(table, b->name, "bn1", b->in);
    size_t active = add_relu(table);
    if (b->projects) {
        other = add_conv(table, b->name, "shortcut",
                         (struct layer_spec){
                             .width = b->width, .kernel = 1, .stride = b->stride, .input = b->in});
    }
    add_conv(
        table, b->name, "conv1",
        (struct layer_spec){
            .width = b->width, .kernel = 3, .padding = 1, .stride = b->stride, .input = active});
    add_norm(table, b->name, "bn2", 0);
    add_relu(table);
    add_conv(table, b->name, "conv2",
             (struct layer_spec){.width = b->width, .kernel = 3, .padding = 1});
    return add_row(table, (struct layer_spec){.kind = LAYER_ADD,
                                              .other = other,
                                              .stride = b->projects ? 1 : b->stride});
}

/* He et al., Deep residual learning for image recognition, 2016. */
static size_t add_block(struct table *table, const struct block *b)
{
    size_t other = b->in;
    if (b->projects) {
        add_conv(table, b->name, "shortcut",
                 (struct layer_spec){
                     .width = b->width, .kernel = 1, .stride = b->stride, .input = b->in});
        other = add_norm(table, b->name, "shortcut_bn", 0);
    }
    add_conv(
        table, b->name, "conv1",
        (struct layer_spec){
            .width = b->width, .kernel = 3, .padding = 1, .stride = b->stride, .input = b->in});
    add_norm(table, b->name, "bn1", 0);
    add_relu(table);
    add_conv(table, b->name, "conv2",
             (struct layer_spec){.width = b->width, .kernel = 3, .padding = 1});
    add_norm(table, b->name, "bn2", 0);
    add_row(table, (struct layer_spec){
                       .kind = LAYER_ADD, .other = other, .stride = b->projects ? 1 : b->stride});
    return add_relu(table);
}

size_t resnet_table(const struct model_resnet *resnet, enum shortcut shortcut,
                    struct layer_spec specs[LAYER_MAX])
{
    struct table table = {.rows = specs};
    int blocks = (resnet->depth - 2) / (2 * STAGES);
    add_row(&table, (struct layer_spec){.kind = LAYER_STANDARDIZE, .name = "input"});
    size_t x = add_conv(&table, "", "conv1",
                        (struct layer_spec){.width = FIRST_WIDTH, .kernel = 3, .padding = 1});
    if (!resnet->is_pre) {
        add_norm(&table, "", "bn1", 0);
        x = add_relu(&table);
    }
    for (int i = 0; i < STAGES * blocks; i++) {
        int stage = i / blocks;
        bool halves = stage > 0 && i % blocks == 0;
        struct block block = {.in = x,
                              .width = (size_t)FIRST_WIDTH << stage,
                              .stride = halves ? 2 : 1,
                              .is_pre = resnet->is_pre,
                              .projects = halves && shortcut == SHORTCUT_B};
        snprintf(block.name, sizeof block.name, "layer%d.%d.", stage + 1, i % blocks);
        x = block.is_pre ? add_pre_block(&table, &block) : add_block(&table, &block);
    }
    if (resnet->is_pre) {
        add_norm(&table, "", "bn", 0);
        add_relu(&table);
    }
    add_row(&table, (struct layer_spec){.kind = LAYER_AVERAGE});
    add_row(&table, (struct layer_spec){.kind = LAYER_DENSE, .name = "fc"});
    return table.count;
}
